//! What a field takes, in words for whoever writes the client: serde speaks of Rust's types.

/// Days, years of age and seats are read as 32 bits.
const MOST_COUNT: i64 = u32::MAX as i64;

/// The bounds of numbers, by the name that they have wherever they are sent; no upper one for amounts of money.
const BOUNDS: [(&str, i64, Option<i64>); 17] = [
    ("anonymous_seats", 0, Some(MOST_COUNT)),
    ("cost_minor", 0, None),
    ("delivery_days", 0, Some(MOST_COUNT)),
    ("group_min_size", 2, Some(MOST_COUNT)),
    ("group_price_minor", 0, None),
    ("limit", 1, Some(100)),
    ("max_days", 0, Some(MOST_COUNT)),
    ("max_delivery_days", 0, Some(MOST_COUNT)),
    ("min_age", 0, Some(MOST_COUNT)),
    ("min_days", 0, Some(MOST_COUNT)),
    ("min_size", 2, Some(MOST_COUNT)),
    ("mmr_lambda", 0, Some(1)),
    ("price_max_minor", 0, None),
    ("price_min_minor", 0, None),
    ("price_minor", 0, None),
    ("stock", 0, None),
    ("strength", 0, Some(1)),
];

/// Longest value that is repeated to who sent it, characters.
const MOST_TOLD: usize = 40;

/// What serde finds wrong with the value at `path`, in words.
pub fn in_words(path: &str, fault: &str) -> String {
    if let Some(expected) = of_text(path, fault) {
        return format!("expected {expected}");
    }
    let mismatch = fault.strip_prefix("invalid type: ").or_else(|| fault.strip_prefix("invalid value: "));
    match mismatch.and_then(|mismatch| mismatch.rsplit_once(", expected ")) {
        Some((found, wanted)) => format!("expected {}, got {}", of_type(path, wanted), value(found)),
        None => fault.to_owned(),
    }
}

/// What a parameter of a query string takes, told from what its text failed to be.
fn of_text(path: &str, fault: &str) -> Option<String> {
    match fault {
        "cannot parse integer from empty string"
        | "invalid digit found in string"
        | "number too large to fit in target type"
        | "number too small to fit in target type" => Some(number("a whole number", path)),
        "cannot parse float from empty string" | "invalid float literal" => Some(number("a number", path)),
        "provided string was not `true` or `false`" => Some("`true` or `false`".to_owned()),
        _ => None,
    }
}

/// What a field of a body takes, told from the type that it is read as.
fn of_type(path: &str, wanted: &str) -> String {
    match wanted {
        "i32" | "i64" | "u32" => number("a whole number", path),
        "f32" | "f64" => number("a number", path),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        other => other.to_owned(),
    }
}

fn number(what: &str, path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or_default();
    match BOUNDS.iter().find(|(bounded, ..)| *bounded == name) {
        Some((_, least, Some(most))) => format!("{what}, {least} to {most}"),
        Some((_, least, None)) => format!("{what}, {least} or more"),
        None => what.to_owned(),
    }
}

/// A value as it was sent, cut where it is long.
fn value(found: &str) -> String {
    let sent = match found {
        "sequence" => "a list",
        "map" => "an object",
        _ => ["integer ", "floating point ", "boolean ", "string "]
            .iter()
            .find_map(|kind| found.strip_prefix(kind))
            .unwrap_or(found)
            .trim_matches('`'),
    };
    match sent.char_indices().nth(MOST_TOLD) {
        Some((end, _)) => format!("{}…", &sent[..end]),
        None => sent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn types_are_told_in_words() {
        let told = |path: &str, fault: &str| in_words(path, fault);
        assert_eq!(
            told("limit", "invalid type: floating point `1.5`, expected i64"),
            "expected a whole number, 1 to 100, got 1.5"
        );
        assert_eq!(
            told("[3].min_size", "invalid value: integer `-1`, expected u32"),
            "expected a whole number, 2 to 4294967295, got -1"
        );
        assert_eq!(
            told("offers[0].cost_minor", "invalid type: string \"free, expected soon\", expected i64"),
            "expected a whole number, 0 or more, got \"free, expected soon\""
        );
        assert_eq!(told("value", "invalid type: boolean `true`, expected f64"), "expected a number, got true");
        assert_eq!(told("exclude", "invalid type: map, expected a sequence"), "expected a list, got an object");
        assert_eq!(told("x", "invalid type: null, expected a boolean"), "expected `true` or `false`, got null");
        let long = told("x", &format!("invalid type: string \"{}\", expected i64", "é".repeat(1000)));
        assert_eq!(long, format!("expected a whole number, got \"{}…", "é".repeat(39)));
        assert_eq!(told("country", "expected a two-letter country"), "expected a two-letter country");
    }

    /// Names and bounds of all numbers in a document: its parameters and the properties of its schemas.
    fn numbers(document: &Value, found: &mut Vec<(String, Option<i64>, Option<i64>)>) {
        let mut note = |name: &str, schema: &Value| {
            if schema["type"].to_string().contains("\"integer\"") || schema["type"].to_string().contains("\"number\"") {
                let bound = |key: &str| schema[key].as_f64().map(|bound| bound as i64);
                found.push((name.to_owned(), bound("minimum"), bound("maximum")));
            }
        };
        for (name, schema) in document["properties"].as_object().into_iter().flatten() {
            note(name, schema);
        }
        if let Some(name) = document["name"].as_str() {
            note(name, &document["schema"]);
        }
        let parts = document.as_array().into_iter().flatten();
        parts.chain(document.as_object().into_iter().flat_map(|fields| fields.values())).for_each(|part| {
            numbers(part, found);
        });
    }

    #[test]
    fn bounds_are_those_of_the_document() {
        let mut found = Vec::new();
        numbers(&serde_json::to_value(crate::openapi()).unwrap(), &mut found);
        for (name, least, most) in BOUNDS {
            // The document leaves out what 32 bits bound. Answers have some of the names, too, without bounds.
            let most = most.filter(|&most| most != MOST_COUNT);
            assert!(found.contains(&(name.to_owned(), Some(least), most)), "{name}");
        }
        for (name, minimum, maximum) in found {
            let bounded = maximum.is_some() || minimum.is_some_and(|minimum| minimum > 0);
            assert!(!bounded || BOUNDS.iter().any(|(known, ..)| *known == name), "`{name}` has bounds");
        }
    }
}
