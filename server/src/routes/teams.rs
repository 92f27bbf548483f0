//! Teams by id.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::live::Change;
use serde_json::Value;

use super::Faults;
use crate::change::{apply, changing, merged, remove, unknown, with_engine};
use crate::door::Visit;
use crate::error::{ApiError, ApiResult, Code};
use crate::read::{JsonBody, PathId, id_at};
use crate::state::AppState;
use crate::wire::team::{Member, Team};

/// The team as it is now.
#[utoipa::path(
    get, path = "/v1/teams/{id}", tag = "data", params(("id" = String, Path, description = "The team's id")),
    responses((status = 200, description = "The team", body = Team), Faults)
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
) -> ApiResult<axum::Json<Team>> {
    with_engine(&state, &visit, move |engine, now| find(engine, &id, now)).await.map(axum::Json)
}

/// Makes or replaces the team: what the body leaves out is unknown from now on.
#[utoipa::path(
    put, path = "/v1/teams/{id}", tag = "data", params(("id" = String, Path, description = "The team's id")),
    request_body = Team,
    responses((status = 200, description = "The team as it is now", body = Team), Faults)
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<Team>,
) -> ApiResult<axum::Json<Team>> {
    let put = move |engine: &Engine, now| {
        apply(engine, Change::PutTeam(body.into_record(&id, now)?), now)?;
        find(engine, &id, now)
    };
    changing(&state, &visit, put).await.map(axum::Json)
}

/// Changes the fields that the body names and no others; `null` makes a field unknown.
#[utoipa::path(
    patch, path = "/v1/teams/{id}", tag = "data", params(("id" = String, Path, description = "The team's id")),
    request_body(content = Team, description = "Any of the fields"),
    responses((status = 200, description = "The team as it is now", body = Team), Faults)
)]
pub(crate) async fn patch(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<Value>,
) -> ApiResult<axum::Json<Team>> {
    let patch = move |engine: &Engine, now| {
        let team = find(engine, &id, now)?;
        let changed: Team = merged(&team, body)?;
        if team.initiator_id.is_none() && changed.initiator_id.is_none() {
            return Err(ownerless(&id));
        }
        apply(engine, Change::PutTeam(changed.into_record(&id, now)?), now)?;
        find(engine, &id, now)
    };
    changing(&state, &visit, patch).await.map(axum::Json)
}

/// Removes the team; done as well when there is none.
#[utoipa::path(
    delete, path = "/v1/teams/{id}", tag = "data", params(("id" = String, Path, description = "The team's id")),
    responses((status = 204, description = "There is no such team any more"), Faults)
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
) -> ApiResult<StatusCode> {
    changing(&state, &visit, move |engine, now| remove(engine, Change::DeleteTeam(id), now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A user joins an open team.
#[utoipa::path(
    post, path = "/v1/teams/{id}/join", tag = "data", params(("id" = String, Path, description = "The team's id")),
    request_body = Member,
    responses((status = 200, description = "The team as it is now", body = Team), Faults)
)]
pub(crate) async fn join(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(member): JsonBody<Member>,
) -> ApiResult<axum::Json<Team>> {
    let user_id = id_at("user_id", member.user_id)?;
    let join = move |engine: &Engine, now| {
        find(engine, &id, now)?;
        apply(engine, Change::JoinTeam { team_id: id.clone(), user_id }, now)?;
        find(engine, &id, now)
    };
    changing(&state, &visit, join).await.map(axum::Json)
}

/// A participant leaves an open team; when the initiator leaves, the team is cancelled.
#[utoipa::path(
    post, path = "/v1/teams/{id}/leave", tag = "data", params(("id" = String, Path, description = "The team's id")),
    request_body = Member,
    responses((status = 200, description = "The team as it is now", body = Team), Faults)
)]
pub(crate) async fn leave(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(member): JsonBody<Member>,
) -> ApiResult<axum::Json<Team>> {
    let user_id = id_at("user_id", member.user_id)?;
    let leave = move |engine: &Engine, now| {
        find(engine, &id, now)?;
        apply(engine, Change::LeaveTeam { team_id: id.clone(), user_id }, now)?;
        find(engine, &id, now)
    };
    changing(&state, &visit, leave).await.map(axum::Json)
}

/// The error for a change to a team that nobody has opened any more.
fn ownerless(id: &str) -> ApiError {
    let message = format!(
        "the initiator of team `{id}` has been deleted, and the team has ended with her; name another person in \
         `initiator_id`, or open a new team"
    );
    ApiError::new(Code::MissingField, message)
}

fn find(engine: &Engine, id: &str, now: Timestamp) -> ApiResult<Team> {
    engine.snapshot().team_at(id, now).map(Team::from).ok_or_else(|| unknown(Code::UnknownTeam, id))
}
