//! Answers to requests that no route takes, and the errors that every route may give, for the document.

use axum::http::{Method, Uri};
use utoipa::IntoResponses;

use crate::error::{ApiError, Code, ErrorBody};

/// The errors that every route may give.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the document is made from it")]
pub(crate) enum Faults {
    /// The request is wrong; the message says what and where, the code is for programs.
    #[response(status = "4XX")]
    Request(ErrorBody),
    /// The server cannot answer now; with 503 try again after the seconds in `Retry-After`.
    #[response(status = "5XX")]
    Server(ErrorBody),
}

pub(crate) async fn unknown_route(uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(100).collect();
    ApiError::new(Code::UnknownRoute, format!("there is nothing at `{path}`; /openapi.json lists what there is"))
}

pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(100).collect();
    let message = format!("`{path}` does not take {method}; the header `allow` lists what it takes");
    ApiError::new(Code::MethodNotAllowed, message)
}
