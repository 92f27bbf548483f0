//! Reads what clients send: bounded bodies, JSON with faults that name the field, ids, query strings.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use juntos_datasets::ids::check_id;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ApiResult, Code};
use crate::state::AppState;
use crate::tree::Tree;
use crate::wire::expected::in_words;

/// How many times the limit of a body is read and thrown away, so that the sender sees the answer, not a broken pipe.
const DRAINED_LIMITS: usize = 16;

/// A request body of JSON, read within `max_body_bytes`.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> ApiResult<Self> {
        let media_type = media_type(request.headers());
        if !is_json(&media_type) {
            return Err(unsupported(&media_type, "application/json"));
        }
        let bytes = body_bytes(request.into_body(), state.config().max_body_bytes).await?;
        json(&bytes).map(Self)
    }
}

/// Parameters of the query string.
#[derive(Debug)]
pub struct QueryString<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for QueryString<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> ApiResult<Self> {
        check_utf8(parts.uri.query().unwrap_or_default())?;
        let Query(value) = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            let text = rejection.body_text();
            let fault = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            let (path, fault) = match fault.split_once(": ") {
                Some((path, fault)) if !path.contains(' ') => (path, fault),
                _ => ("", fault),
            };
            field_fault(path, fault, Whole::Query)
        })?;
        Ok(Self(value))
    }
}

/// Refuses a query string whose escapes are not UTF-8: what reads it would put other letters in their place.
fn check_utf8(query: &str) -> ApiResult<()> {
    for pair in query.split('&') {
        if std::str::from_utf8(&unescaped(pair)).is_err() {
            let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
            let message = format!("the query: `{name}` is not UTF-8; percent-encode its UTF-8 bytes");
            return Err(ApiError::new(Code::InvalidField, message));
        }
    }
    Ok(())
}

/// The bytes that `text` stands for; a `%` without two digits stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = if first == b'%' { after.split_at_checked(2).and_then(|(digits, _)| hex(digits)) } else { None };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |byte, &digit| Some(byte << 4 | char::from(digit).to_digit(16)? as u8))
}

/// The id at the end of a path such as `/v1/users/{id}`.
#[derive(Debug)]
pub struct PathId(pub String);

impl FromRequestParts<AppState> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| {
            ApiError::new(Code::InvalidId, "the id in the path is not UTF-8; percent-encode its UTF-8 bytes")
        })?;
        id_at("the id in the path", id).map(Self)
    }
}

/// `id`, if it may be one.
///
/// # Errors
/// `invalid_id`, naming `path`.
pub fn id_at(path: &str, id: String) -> ApiResult<String> {
    match check_id(&id) {
        Ok(_) => Ok(id),
        Err(fault) => Err(ApiError::new(Code::InvalidId, format!("`{path}`: {fault}"))),
    }
}

/// Each of `ids`, if it may be one, and no more than `most` of them.
///
/// # Errors
/// `invalid_id` or `invalid_count`, naming `path` and the place.
pub fn ids_at(path: &str, ids: Vec<String>, most: usize) -> ApiResult<Vec<String>> {
    count_at(path, ids.len(), most)?;
    for (place, id) in ids.iter().enumerate() {
        check_id(id).map_err(|fault| ApiError::new(Code::InvalidId, format!("`{path}[{place}]`: {fault}")))?;
    }
    Ok(ids)
}

/// Checks that a list at `path` has at most `most` entries.
///
/// # Errors
/// `invalid_count`, naming `path`.
pub fn count_at(path: &str, count: usize, most: usize) -> ApiResult<()> {
    if count <= most {
        return Ok(());
    }
    Err(ApiError::new(Code::InvalidCount, format!("`{path}` has {count} entries; send at most {most}")))
}

/// The content type without its parameters, lower case; empty when there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type is JSON: `application/json` or one with the suffix `+json`.
pub fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// The error for a content type that is not accepted.
pub fn unsupported(media_type: &str, accepted: &str) -> ApiError {
    let got = if media_type.is_empty() { "none".to_owned() } else { format!("`{media_type}`") };
    ApiError::new(Code::UnsupportedMediaType, format!("expected the content type {accepted}, got {got}"))
}

/// All bytes of a body of at most `limit` bytes.
///
/// # Errors
/// `payload_too_large`; `invalid_request` when the connection breaks.
pub async fn body_bytes(mut body: Body, limit: usize) -> ApiResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| ApiError::new(Code::InvalidRequest, "the body ended before its announced length"))?;
        let Some(data) = frame.data_ref() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            bytes.extend_from_slice(data);
        } else if seen > limit.saturating_mul(DRAINED_LIMITS) {
            break;
        }
    }
    if seen > limit {
        let message = format!("the body has more than {limit} bytes; send less, or several requests");
        return Err(ApiError::new(Code::PayloadTooLarge, message));
    }
    Ok(bytes)
}

/// `bytes` as JSON of the shape `T`.
///
/// # Errors
/// `invalid_json` with line and column, or those of [`shape`].
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    shape(tree(bytes)?)
}

/// `bytes` as JSON of any shape.
///
/// # Errors
/// `invalid_json` with line and column.
pub fn tree(bytes: &[u8]) -> ApiResult<Tree> {
    serde_json::from_slice(bytes).map_err(|fault| {
        let text = fault.to_string();
        let hint = if text.starts_with("number out of range") {
            "numbers must fit a 64-bit float"
        } else {
            "send one JSON value; NaN, Infinity, comments and trailing commas are not JSON"
        };
        ApiError::new(Code::InvalidJson, format!("the body is not JSON: {text}; {hint}"))
    })
}

/// A JSON value as the shape `T`, read as strictly as [`Tree`] says.
///
/// # Errors
/// `invalid_field`, `missing_field` or `unknown_field` with the field's path.
pub fn shape<T: DeserializeOwned>(value: impl Into<Tree>) -> ApiResult<T> {
    serde_path_to_error::deserialize(value.into()).map_err(|fault| {
        let path = fault.path().to_string();
        field_fault(&path, &fault.into_inner().to_string(), Whole::Body)
    })
}

/// What a value is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Body,
    Query,
}

impl Whole {
    const fn name(self) -> &'static str {
        match self {
            Self::Body => "the body",
            Self::Query => "the query",
        }
    }

    const fn part(self) -> &'static str {
        match self {
            Self::Body => "field",
            Self::Query => "parameter",
        }
    }
}

/// Turns what serde says about a part of `whole` into an error of the API.
fn field_fault(path: &str, fault: &str, whole: Whole) -> ApiError {
    let path = if path == "." { "" } else { path };
    let what = whole.part();
    if let Some((name, known)) = unknown_name(fault, "unknown field ") {
        let hint = nearest(name, &known);
        let place = inside(path, name);
        return ApiError::new(Code::UnknownField, format!("`{name}` is not a {what} {place}; {hint}"));
    }
    if let Some(name) = fault.strip_prefix("missing field ") {
        let place = inside(path, name);
        return ApiError::new(Code::MissingField, format!("the {what} {name} {place} is missing; add it"));
    }
    if let Some((name, known)) = unknown_name(fault, "unknown variant ") {
        let hint = nearest(name, &known);
        return ApiError::new(Code::InvalidField, format!("`{path}` cannot be `{name}`; {hint}"));
    }
    let place = if path.is_empty() { whole.name().to_owned() } else { format!("`{path}`") };
    ApiError::new(Code::InvalidField, format!("{place}: {}", in_words(path, fault)))
}

/// `unknown field `x`, expected one of `a`, `b`` taken apart.
fn unknown_name<'a>(fault: &'a str, prefix: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let rest = fault.strip_prefix(prefix)?.strip_prefix('`')?;
    let (name, rest) = rest.rsplit_once("`, expected ").or_else(|| rest.split_once("`, there are no "))?;
    Some((name, rest.split('`').skip(1).step_by(2).collect()))
}

/// What to write instead of `name`: the nearest of `known`, or all of them.
pub fn nearest(name: &str, known: &[&str]) -> String {
    let best = known.iter().map(|&word| (strsim::damerau_levenshtein(word, name), word)).min();
    match best {
        Some((distance, word)) if distance <= 1 + word.len() / 4 => format!("did you mean `{word}`?"),
        Some(_) => format!("known are {}", known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
        None => "remove it".to_owned(),
    }
}

/// `of this request`, or the path of the object that the field `name` is in.
fn inside(path: &str, name: &str) -> String {
    let name = name.trim_matches('`');
    let object = path.strip_suffix(name).map_or(path, |before| before.trim_end_matches('.'));
    if object.is_empty() { "of this request".to_owned() } else { format!("of `{object}`") }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tested")]
        user_id: String,
        #[expect(dead_code, reason = "only its reading is tested")]
        filter: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tested")]
        max_days: Option<u32>,
    }

    fn fault(text: &str) -> String {
        json::<Outer>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn faults_name_the_field_what_was_wanted_and_the_nearest_word() {
        assert_eq!(fault(r#"{"user_id": 7}"#), "invalid_field: `user_id`: expected a string, got 7");
        assert_eq!(fault("{}"), "missing_field: the field `user_id` of this request is missing; add it");
        assert_eq!(
            fault(r#"{"usr_id": "a"}"#),
            "unknown_field: `usr_id` is not a field of this request; did you mean `user_id`?"
        );
        assert_eq!(
            fault(r#"{"user_id": "a", "filter": {"zzz": 1}}"#),
            "unknown_field: `zzz` is not a field of `filter`; known are `max_days`"
        );
        assert_eq!(
            fault(r#"{"user_id": "a", "filter": {"max_days": -1}}"#),
            "invalid_field: `filter.max_days`: expected a whole number, 0 to 4294967295, got -1"
        );
        assert_eq!(
            fault(r#"{"user_id": "a", "filter": [1]}"#),
            "invalid_field: `filter`: expected an object, got a list"
        );
        assert_eq!(fault(" [1]"), "invalid_field: the body: expected an object, got a list");
    }

    #[test]
    fn what_is_not_json_says_where() {
        assert!(
            fault(r#"{"user_id": NaN}"#).starts_with("invalid_json: the body is not JSON: expected value at line 1")
        );
        assert!(fault("").starts_with("invalid_json: the body is not JSON: EOF"));
        assert!(fault(r#"{"user_id": "a"} x"#).contains("trailing characters"));
        let deep = json::<serde_json::Value>("[".repeat(100_000).as_bytes()).unwrap_err().to_string();
        assert!(deep.contains("recursion limit"), "{deep}");
    }

    #[test]
    fn escapes_stand_for_bytes_and_anything_else_for_itself() {
        assert_eq!(unescaped("a%20b%C3%a9"), "a bé".as_bytes());
        assert_eq!(unescaped("%%4%zz%"), b"%%4%zz%");
        assert_eq!(check_utf8("a=%C3%A9&b=1&&c"), Ok(()));
        assert_eq!(
            check_utf8("a=1&b=%C3&c=%A9").unwrap_err().message,
            "the query: `b` is not UTF-8; percent-encode its UTF-8 bytes"
        );
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused_and_one_at_its_limit_is_read() {
        let exact = body_bytes(Body::from(vec![1; 100]), 100).await.unwrap();
        assert_eq!(exact.len(), 100);
        let over = body_bytes(Body::from(vec![1; 101]), 100).await.unwrap_err();
        assert_eq!(over.code, Code::PayloadTooLarge);
    }
}
