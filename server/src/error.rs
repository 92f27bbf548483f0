//! Every error of the API: one table from code to status to type; the link leads to the code's chapter in `docs/api.md`.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Where the chapters about codes are served.
const LINK_BASE: &str = "/docs#";

/// Longest message in bytes; a message may quote the request, which may be long.
const MAX_MESSAGE_BYTES: usize = 600;

/// Whose fault an error is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// The request cannot be answered as it is: mend it.
    InvalidRequest,
    /// The server cannot answer now: try again later.
    System,
    /// The server failed: tell its operator the request id.
    Internal,
}

macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $word:literal, $status:ident, $kind:ident;)+) => {
        /// What went wrong, for programs. The words are part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])+ $variant),+ }

        impl Code {
            /// Every code, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in answers.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The HTTP status it is sent with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// Whose fault it is.
            pub const fn kind(self) -> ErrorType {
                match self { $(Self::$variant => ErrorType::$kind),+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    InvalidJson = "invalid_json", BAD_REQUEST, InvalidRequest;
    /// A field has a wrong type or a value that it cannot have.
    InvalidField = "invalid_field", BAD_REQUEST, InvalidRequest;
    /// A field that must be there is not.
    MissingField = "missing_field", BAD_REQUEST, InvalidRequest;
    /// A field that nobody knows.
    UnknownField = "unknown_field", BAD_REQUEST, InvalidRequest;
    /// An id is empty, too long or holds control characters.
    InvalidId = "invalid_id", BAD_REQUEST, InvalidRequest;
    /// `limit` is out of its range.
    InvalidLimit = "invalid_limit", BAD_REQUEST, InvalidRequest;
    /// `cursor` is not one that an answer gave.
    InvalidCursor = "invalid_cursor", BAD_REQUEST, InvalidRequest;
    /// A list in the request has too many entries, or none where one is needed.
    InvalidCount = "invalid_count", BAD_REQUEST, InvalidRequest;
    /// The filter's conditions do not go together.
    InvalidFilter = "invalid_filter", BAD_REQUEST, InvalidRequest;
    /// Some other condition of the endpoint is not met.
    InvalidRequest = "invalid_request", BAD_REQUEST, InvalidRequest;
    /// Only the operator may ask for this, and her key was not shown.
    OperatorKeyNeeded = "operator_key_needed", UNAUTHORIZED, InvalidRequest;
    /// Only the operator may ask for this, and this server has no key of hers.
    NoOperatorKey = "no_operator_key", FORBIDDEN, InvalidRequest;
    /// There is no such path.
    UnknownRoute = "unknown_route", NOT_FOUND, InvalidRequest;
    /// There is no such user.
    UnknownUser = "unknown_user", NOT_FOUND, InvalidRequest;
    /// There is no such product.
    UnknownProduct = "unknown_product", NOT_FOUND, InvalidRequest;
    /// There is no such team.
    UnknownTeam = "unknown_team", NOT_FOUND, InvalidRequest;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, InvalidRequest;
    /// The team has ended.
    TeamNotOpen = "team_not_open", CONFLICT, InvalidRequest;
    /// Every seat of the team is taken.
    TeamFull = "team_full", CONFLICT, InvalidRequest;
    /// The user is in the team already.
    AlreadyInTeam = "already_in_team", CONFLICT, InvalidRequest;
    /// The user is not in the team.
    NotInTeam = "not_in_team", CONFLICT, InvalidRequest;
    /// The user may not be in the team.
    NotAllowedInTeam = "not_allowed_in_team", FORBIDDEN, InvalidRequest;
    /// The initiator may not invite this person.
    NotInvitable = "not_invitable", FORBIDDEN, InvalidRequest;
    /// The seller has drawn as many audiences as the month allows.
    PrivacyBudgetSpent = "privacy_budget_spent", TOO_MANY_REQUESTS, InvalidRequest;
    /// The body is too large.
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, InvalidRequest;
    /// The body's content type is not accepted here.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, InvalidRequest;
    /// Too many questions wait already.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, System;
    /// The answer took too long.
    TimedOut = "timed_out", SERVICE_UNAVAILABLE, System;
    /// The server is stopping or not ready yet.
    NotReady = "not_ready", SERVICE_UNAVAILABLE, System;
    /// The change cannot be kept, and was not taken.
    NotKept = "not_kept", SERVICE_UNAVAILABLE, System;
    /// The server failed; its log tells more under the request id.
    Internal = "internal", INTERNAL_SERVER_ERROR, Internal;
}

/// An error on its way to the client; the request id is added at the door.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.word())]
pub struct ApiError {
    /// What went wrong.
    pub code: Code,
    /// What, where and how to mend; never private.
    pub message: String,
}

/// Result of whatever may end in an [`ApiError`].
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error with its message, cut to a readable length.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            let end = (0..=MAX_MESSAGE_BYTES).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
            message.truncate(end);
            message.push('…');
        }
        Self { code, message }
    }

    /// The one error that tells nothing: whatever failed stands in the log.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "the server failed to answer; tell its operator the request id")
    }

    /// The body for the client.
    pub fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody {
            message: self.message.clone(),
            code: self.code,
            kind: self.code.kind(),
            link: format!("{LINK_BASE}{}", self.code.word()),
            request_id: request_id.to_owned(),
        }
    }

    /// The whole response for the client.
    pub fn respond(&self, request_id: &str) -> Response {
        let body = serde_json::to_vec(&self.body(request_id)).expect("an error body is plain text");
        let mut response = (self.code.status(), [json_content_type()], body).into_response();
        if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The header of every JSON body.
pub(crate) fn json_content_type() -> (HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

/// Hands the error to the door, which knows the request id and writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of every error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// What, where and how to mend, for people.
    #[schema(example = "`limt` is not a field of this request; did you mean `limit`?")]
    pub message: String,
    /// What, for programs.
    pub code: Code,
    /// Whose fault it is.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// The code's chapter in the documentation.
    #[schema(example = "/docs#unknown_field")]
    pub link: String,
    /// The request, as the log knows it.
    pub request_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_its_word() {
        for &code in Code::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.word()));
        }
    }

    #[test]
    fn every_code_has_its_chapter_and_status_in_the_docs() {
        let docs = include_str!("../../docs/api.md");
        for &code in Code::ALL {
            let chapter = format!("### {}\n\n{} ·", code.word(), code.status().as_u16());
            assert!(docs.contains(&chapter), "docs/api.md lacks the chapter {chapter:?}");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let error = ApiError::new(Code::InvalidField, "é".repeat(10_000));
        assert!(error.message.len() <= MAX_MESSAGE_BYTES + '…'.len_utf8());
    }
}
