//! The pages about the API, for people.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};

use super::Faults;
use super::errors::unknown_route;
use crate::docs;
use crate::error::ApiResult;

/// What a page may do in a browser: nothing but look as it does.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Conventions, limits and error codes, for people; as Markdown where `Accept` names `text/markdown`.
#[utoipa::path(
    get, path = "/docs", tag = "operations",
    responses(
        (status = 200, description = "The page", content((String = "text/html"), (String = "text/markdown"))),
        Faults
    )
)]
pub(crate) async fn first(headers: HeaderMap, uri: Uri) -> ApiResult<Response> {
    answer(docs::FIRST, &headers, uri).await
}

/// The page of this name, which others link to; as Markdown where `Accept` names `text/markdown`.
#[utoipa::path(
    get, path = "/docs/{name}", tag = "operations",
    params(("name" = String, Path, description = "`api`, `feed`, `group-buying` or `privacy`")),
    responses(
        (status = 200, description = "The page", content((String = "text/html"), (String = "text/markdown"))),
        Faults
    )
)]
pub(crate) async fn page(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    uri: Uri,
) -> ApiResult<Response> {
    let name = name.map(|Path(name)| name).unwrap_or_default();
    answer(&name, &headers, uri).await
}

async fn answer(name: &str, headers: &HeaderMap, uri: Uri) -> ApiResult<Response> {
    let Some(page) = docs::page(name) else { return Err(unknown_route(uri).await) };
    let varies = (header::VARY, "accept");
    if wants_markdown(headers) {
        return Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8"), varies], page.markdown).into_response());
    }
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY), varies];
    Ok((headers, page.html.as_str()).into_response())
}

fn wants_markdown(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|media| media.split(';').next().is_some_and(is_markdown))
}

fn is_markdown(media: &str) -> bool {
    media.trim().eq_ignore_ascii_case("text/markdown")
}
