//! One record of a CSV or NDJSON file: named fields, read as the types that columns need.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::RowFault;
use crate::units::Timestamp;

/// Between the entries of a list in one CSV cell.
const LIST_SEPARATOR: char = '|';

/// Milliseconds since 1970 that tables accept as a moment, 1900-01-01 to 2200-01-01.
const MOMENTS: Range<i64> = -2_208_988_800_000..7_258_118_400_000;

/// The field that fills a column, where it is not of the column's name.
pub(super) type FieldNames = HashMap<String, String>;

/// One record; an absent, null or empty field reads as nothing.
pub(super) struct Record<'n> {
    fields: Map<String, Value>,
    names: &'n FieldNames,
}

/// One offer of a product, owned.
pub(super) struct OwnedOffer {
    pub(super) seller_id: Option<String>,
    pub(super) price_minor: Option<i64>,
    pub(super) country: String,
    pub(super) min_days: u32,
    pub(super) max_days: u32,
    pub(super) cost_minor: i64,
    pub(super) payment_methods: Vec<String>,
}

impl<'n> Record<'n> {
    pub(super) fn new(fields: Map<String, Value>, names: &'n FieldNames) -> Self {
        Self { fields, names }
    }

    /// Reads one line of NDJSON.
    pub(super) fn parse(line: &str, names: &'n FieldNames) -> Result<Self, RowFault> {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => Ok(Self::new(fields, names)),
            Ok(other) => {
                Err(RowFault::new("line", format!("is {}", kind(&other)), "write one JSON object on each line"))
            }
            Err(fault) => {
                Err(RowFault::new("line", format!("is no JSON: `{fault}`"), "write one JSON object on each line"))
            }
        }
    }

    fn value(&self, column: &str) -> Option<&Value> {
        let field = self.names.get(column).map_or(column, String::as_str);
        self.fields.get(field).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub(super) fn text(&self, column: &str) -> Result<Option<String>, RowFault> {
        self.value(column).map(|value| scalar(column, value)).transpose()
    }

    pub(super) fn required(&self, column: &str) -> Result<String, RowFault> {
        self.text(column)?.ok_or_else(|| RowFault::new(column, "is empty", "give every record a value"))
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, RowFault> {
        let parse = |text: String| {
            let fault = |fault: T::Err| RowFault::new(column, format!("is `{text}`"), fault.to_string());
            text.parse().map_err(fault)
        };
        self.text(column)?.map(parse).transpose()
    }

    pub(super) fn integer(&self, column: &str) -> Result<Option<i64>, RowFault> {
        self.value(column).map(|value| integer(column, value)).transpose()
    }

    pub(super) fn small<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>, RowFault> {
        self.integer(column)?.map(|value| fitting(column, value)).transpose()
    }

    pub(super) fn number(&self, column: &str) -> Result<Option<f64>, RowFault> {
        let Some(text) = self.text(column)? else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(RowFault::new(column, format!("is `{text}`"), "give a finite number")),
        }
    }

    pub(super) fn truth(&self, column: &str) -> Result<Option<bool>, RowFault> {
        let Some(text) = self.text(column)? else { return Ok(None) };
        match text.as_str() {
            "true" | "True" | "TRUE" | "1" => Ok(Some(true)),
            "false" | "False" | "FALSE" | "0" => Ok(Some(false)),
            _ => Err(RowFault::new(column, format!("is `{text}`"), "give true or false")),
        }
    }

    pub(super) fn moment(&self, column: &str) -> Result<Option<Timestamp>, RowFault> {
        let Some(moment) = self.parsed::<Timestamp>(column)? else { return Ok(None) };
        if MOMENTS.contains(&moment.millis()) {
            return Ok(Some(moment));
        }
        let text = self.text(column)?.unwrap_or_default();
        Err(RowFault::new(column, format!("is `{text}`"), "give a time between the years 1900 and 2200"))
    }

    pub(super) fn list(&self, column: &str) -> Result<Vec<String>, RowFault> {
        self.value(column).map_or(Ok(Vec::new()), |value| list(column, value))
    }

    pub(super) fn offers(&self, column: &str) -> Result<Vec<OwnedOffer>, RowFault> {
        const MEND: &str =
            "give a JSON list of {country, min_days, max_days, cost_minor, payment_methods, seller_id, price_minor}";
        let Some(value) = self.value(column) else { return Ok(Vec::new()) };
        let parsed: Value;
        let value = match value {
            Value::String(text) => {
                parsed = serde_json::from_str(text)
                    .map_err(|fault| RowFault::new(column, format!("is no JSON: `{fault}`"), MEND))?;
                &parsed
            }
            other => other,
        };
        let Value::Array(offers) = value else {
            return Err(RowFault::new(column, format!("is {}", kind(value)), MEND));
        };
        offers.iter().map(|offer| self.offer(column, offer)).collect()
    }

    /// One offer. Of `min_days` and `max_days` either may be left out, and is as the other then; without both they are 0.
    fn offer(&self, column: &str, offer: &Value) -> Result<OwnedOffer, RowFault> {
        let part = |name: &str| offer.get(name).filter(|value| !value.is_null());
        let whole = |name: &str| part(name).map(|value| integer(column, value)).transpose();
        let country = part("country").ok_or_else(|| {
            RowFault::new(column, "holds an offer without country", "name the country it delivers to")
        })?;
        let (min, max) = (whole("min_days")?, whole("max_days")?);
        Ok(OwnedOffer {
            seller_id: part("seller_id").map(|value| scalar(column, value)).transpose()?,
            price_minor: whole("price_minor")?,
            country: scalar(column, country)?,
            min_days: fitting(column, min.or(max).unwrap_or(0))?,
            max_days: fitting(column, max.or(min).unwrap_or(0))?,
            cost_minor: whole("cost_minor")?.unwrap_or(0),
            payment_methods: part("payment_methods").map_or(Ok(Vec::new()), |value| list(column, value))?,
        })
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Text, number or truth value as text.
fn scalar(column: &str, value: &Value) -> Result<String, RowFault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(RowFault::new(column, format!("is {}", kind(value)), "give one text or number"))
        }
    }
}

fn integer(column: &str, value: &Value) -> Result<i64, RowFault> {
    let text = scalar(column, value)?;
    text.parse().map_err(|_| RowFault::new(column, format!("is `{text}`"), "give a whole number"))
}

fn fitting<T: TryFrom<i64>>(column: &str, value: i64) -> Result<T, RowFault> {
    T::try_from(value)
        .map_err(|_| RowFault::new(column, format!("is `{value}`"), "give a number in its range, zero or more"))
}

fn list(column: &str, value: &Value) -> Result<Vec<String>, RowFault> {
    match value {
        Value::Array(entries) => entries.iter().map(|entry| scalar(column, entry)).collect(),
        other => {
            let text = scalar(column, other)?;
            Ok(text
                .split(LIST_SEPARATOR)
                .map(|entry| entry.trim().to_owned())
                .filter(|entry| !entry.is_empty())
                .collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{User, Users, validate};

    #[test]
    fn a_time_out_of_range_is_quoted_and_the_range_is_that_of_tables() {
        let names = FieldNames::new();
        for (text, is_good) in [
            ("1899-12-31T23:59:59.999Z", false),
            ("1900-01-01T00:00:00Z", true),
            ("2199-12-31T23:59:59.999Z", true),
            ("2200-01-01T00:00:00Z", false),
        ] {
            let line = format!("{{\"ts\":\"{text}\"}}");
            let read = Record::parse(&line, &names).unwrap().moment("ts");
            let user = User { created_at: Some(text.parse().unwrap()), ..User::new("u") };
            assert_eq!((read.is_ok(), validate::<Users>(&user).is_ok()), (is_good, is_good), "{text}");
            let told = format!("`ts` is `{text}`; give a time between the years 1900 and 2200");
            assert!(read.map_or_else(|fault| fault.to_string() == told, |moment| moment == user.created_at), "{text}");
        }
    }
}
