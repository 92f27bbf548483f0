//! Ties between users.

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
use crate::wire::people::{Friendship, FriendshipKey, Friendships, UserKey};

/// Everybody tied to a user.
#[utoipa::path(
    get, path = "/v1/friendships", tag = "data", params(UserKey),
    responses((status = 200, description = "Her ties, by the other's id", body = Friendships), Faults)
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    QueryString(key): QueryString<UserKey>,
) -> ApiResult<axum::Json<Friendships>> {
    let user_id = id_at("user_id", key.user_id)?;
    let list = move |engine: &Engine, _| {
        let snapshot = engine.snapshot();
        let friendships = snapshot.friendships(&user_id).into_iter().map(Friendship::from).collect();
        let missing = if snapshot.user(&user_id).is_none() { vec![user_id] } else { Vec::new() };
        Ok(Friendships { friendships, missing })
    };
    with_engine(&state, &visit, list).await.map(axum::Json)
}

/// Ties two users, or changes their tie.
#[utoipa::path(
    put, path = "/v1/friendships", tag = "data", request_body = Friendship,
    responses((status = 200, description = "The tie as it is now", body = Friendship), Faults)
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(body): JsonBody<Friendship>,
) -> ApiResult<axum::Json<Friendship>> {
    let answer = body.clone();
    let record = body.into_record();
    changing(&state, &visit, move |engine, now| apply(engine, Change::PutFriendship(record), now)).await?;
    Ok(axum::Json(answer))
}

/// Unties two users; done as well when they are not tied.
#[utoipa::path(
    delete, path = "/v1/friendships", tag = "data", params(FriendshipKey),
    responses((status = 204, description = "They are not tied any more"), Faults)
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    QueryString(key): QueryString<FriendshipKey>,
) -> ApiResult<StatusCode> {
    let FriendshipKey { user_id, friend_id } = key;
    let change = Change::DeleteFriendship { user_id, friend_id };
    changing(&state, &visit, move |engine, now| remove(engine, change, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}
