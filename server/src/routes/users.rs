//! Users by id.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use juntos_engine::Engine;
use juntos_engine::live::Change;
use serde_json::Value;

use super::Faults;
use crate::change::{apply, changing, merged, remove, unknown, with_engine};
use crate::door::Visit;
use crate::error::{ApiResult, Code};
use crate::read::{JsonBody, PathId};
use crate::state::AppState;
use crate::wire::people::User;

/// The user as it is now.
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "data", params(("id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The user", body = User), Faults)
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
) -> ApiResult<axum::Json<User>> {
    with_engine(&state, &visit, move |engine, _| find(engine, &id)).await.map(axum::Json)
}

/// Makes or replaces the user: what the body leaves out is unknown from now on.
#[utoipa::path(
    put, path = "/v1/users/{id}", tag = "data", params(("id" = String, Path, description = "The user's id")),
    request_body = User,
    responses((status = 200, description = "The user as it is now", body = User), Faults)
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<User>,
) -> ApiResult<axum::Json<User>> {
    let put = move |engine: &Engine, now| {
        apply(engine, Change::PutUser(body.into_record(&id)?), now)?;
        find(engine, &id)
    };
    changing(&state, &visit, put).await.map(axum::Json)
}

/// Changes the fields that the body names and no others; `null` makes a field unknown.
#[utoipa::path(
    patch, path = "/v1/users/{id}", tag = "data", params(("id" = String, Path, description = "The user's id")),
    request_body(content = User, description = "Any of the fields"),
    responses((status = 200, description = "The user as it is now", body = User), Faults)
)]
pub(crate) async fn patch(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<Value>,
) -> ApiResult<axum::Json<User>> {
    let patch = move |engine: &Engine, now| {
        let changed = merged(&find(engine, &id)?, body)?;
        apply(engine, Change::PutUser(changed.into_record(&id)?), now)?;
        find(engine, &id)
    };
    changing(&state, &visit, patch).await.map(axum::Json)
}

/// Removes the user; done as well when there is none.
#[utoipa::path(
    delete, path = "/v1/users/{id}", tag = "data", params(("id" = String, Path, description = "The user's id")),
    responses((status = 204, description = "There is no such user any more"), Faults)
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
) -> ApiResult<StatusCode> {
    changing(&state, &visit, move |engine, now| remove(engine, Change::DeleteUser(id), now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(engine: &Engine, id: &str) -> ApiResult<User> {
    engine.snapshot().user(id).map(User::from).ok_or_else(|| unknown(Code::UnknownUser, id))
}
