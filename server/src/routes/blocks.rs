//! Who wants nothing to do with whom.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use juntos_engine::Engine;
use juntos_engine::live::Change;

use super::Faults;
use crate::change::{apply, changing, remove, with_engine};
use crate::door::Visit;
use crate::error::ApiResult;
use crate::read::{JsonBody, QueryString, id_at};
use crate::state::AppState;
use crate::wire::people::{Block, Blocks, UserKey};

/// Everybody whom a user blocked. Whom others blocked is theirs to know.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "data", params(UserKey),
    responses((status = 200, description = "Her blocks, by the other's id", body = Blocks), Faults)
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    QueryString(key): QueryString<UserKey>,
) -> ApiResult<axum::Json<Blocks>> {
    let user_id = id_at("user_id", key.user_id)?;
    let list = move |engine: &Engine, _| {
        let snapshot = engine.snapshot();
        let block = |blocked_id| Block { user_id: user_id.clone(), blocked_id };
        let blocks = snapshot.blocks(&user_id).into_iter().map(block).collect();
        let missing = if snapshot.user(&user_id).is_none() { vec![user_id] } else { Vec::new() };
        Ok(Blocks { blocks, missing })
    };
    with_engine(&state, &visit, list).await.map(axum::Json)
}

/// Blocks a user, from the next answer on, in both directions.
#[utoipa::path(
    put, path = "/v1/blocks", tag = "data", request_body = Block,
    responses((status = 200, description = "The block", body = Block), Faults)
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(body): JsonBody<Block>,
) -> ApiResult<axum::Json<Block>> {
    let answer = body.clone();
    let Block { user_id, blocked_id } = body;
    let change = Change::PutBlock { user_id, blocked_id };
    changing(&state, &visit, move |engine, now| apply(engine, change, now)).await?;
    Ok(axum::Json(answer))
}

/// Takes a block back; done as well when there is none.
#[utoipa::path(
    delete, path = "/v1/blocks", tag = "data", params(Block),
    responses((status = 204, description = "There is no such block any more"), Faults)
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    QueryString(body): QueryString<Block>,
) -> ApiResult<StatusCode> {
    let Block { user_id, blocked_id } = body;
    let change = Change::DeleteBlock { user_id, blocked_id };
    changing(&state, &visit, move |engine, now| remove(engine, change, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}
