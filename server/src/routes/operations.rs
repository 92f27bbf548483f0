//! For those who run the server: is it alive, is it ready, what does it count, what does it offer.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Faults;
use crate::error::{ApiError, ApiResult, Code, json_content_type};
use crate::state::AppState;

/// The document as bytes, made once.
static OPENAPI: LazyLock<String> =
    LazyLock::new(|| crate::openapi().to_pretty_json().expect("the document is plain values with text keys"));

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
    /// Version of the bundle that answers.
    bundle: String,
}

impl Health {
    fn of(state: &AppState) -> Self {
        let bundle = state.engine().snapshot().bundle().version().to_owned();
        Self { status: "ok", version: env!("CARGO_PKG_VERSION"), bundle }
    }
}

/// Is the process alive?
#[utoipa::path(
    get, path = "/healthz", tag = "operations",
    responses((status = 200, description = "It is", body = Health), Faults)
)]
pub(crate) async fn healthz(State(state): State<AppState>) -> axum::Json<Health> {
    axum::Json(Health::of(&state))
}

/// Should requests be sent here? 503 while the server is stopping.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "They should", body = Health), Faults)
)]
pub(crate) async fn readyz(State(state): State<AppState>) -> ApiResult<axum::Json<Health>> {
    if state.is_stopping() {
        return Err(ApiError::new(Code::NotReady, "the server is stopping; send requests elsewhere"));
    }
    Ok(axum::Json(Health::of(&state)))
}

/// Counters and histograms for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain"), Faults)
)]
pub(crate) async fn metrics() -> ApiResult<Response> {
    let recorder = crate::telemetry::recorder().map_err(|fault| {
        tracing::error!(%fault, "metrics cannot be shown");
        ApiError::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response())
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value), Faults)
)]
pub(crate) async fn openapi() -> Response {
    ([json_content_type()], OPENAPI.as_str()).into_response()
}
