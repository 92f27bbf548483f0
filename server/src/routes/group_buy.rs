//! Buying together: products for a group, friends for a product, open teams to join.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::Faults;
use crate::ask::ask;
use crate::door::Visit;
use crate::error::ApiResult;
use crate::read::{JsonBody, id_at};
use crate::state::AppState;
use crate::wire::answer::Envelope;
use crate::wire::items::{Friend, GroupProduct, Team};
use crate::wire::question::{Common, FriendsRequest, GroupProductsRequest, TeamsRequest};

/// What could these people buy together, and would the team succeed?
#[utoipa::path(
    post, path = "/v1/group-buy/products", tag = "group-buy", request_body = GroupProductsRequest,
    responses((status = 200, description = "Products, best first", body = Envelope<GroupProduct>), Faults)
)]
pub(crate) async fn products(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(mut request): JsonBody<GroupProductsRequest>,
) -> ApiResult<Response> {
    let common = Common { strategy: request.strategy, ..request.common() };
    let people = request.people()?;
    let common = common.asked_by(&people[0]).about(&people);
    let with_friends = request.with_friends;
    ask::<GroupProduct>(state, visit, "group_products", common, move |snapshot, context| {
        snapshot.group_products(&people, with_friends, context)
    })
    .await
}

/// Whom should this person invite to buy this product, and would they join?
#[utoipa::path(
    post, path = "/v1/group-buy/friends", tag = "group-buy", request_body = FriendsRequest,
    responses((status = 200, description = "Friends, best first", body = Envelope<Friend>), Faults)
)]
pub(crate) async fn friends(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(mut request): JsonBody<FriendsRequest>,
) -> ApiResult<Response> {
    let common = request.common();
    let user_id = id_at("user_id", request.user_id)?;
    let product_id = id_at("product_id", request.product_id)?;
    let common = common.asked_by(&user_id).about(std::slice::from_ref(&product_id));
    ask::<Friend>(state, visit, "group_friends", common, move |snapshot, context| {
        snapshot.group_friends(&user_id, &product_id, context)
    })
    .await
}

/// Which open teams could this person join?
#[utoipa::path(
    post, path = "/v1/group-buy/teams", tag = "group-buy", request_body = TeamsRequest,
    responses((status = 200, description = "Teams, best first", body = Envelope<Team>), Faults)
)]
pub(crate) async fn teams(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(mut request): JsonBody<TeamsRequest>,
) -> ApiResult<Response> {
    let common = request.common();
    let user_id = id_at("user_id", request.user_id)?;
    ask::<Team>(state, visit, "group_teams", common.asked_by(&user_id), move |snapshot, context| {
        snapshot.group_teams(&user_id, context)
    })
    .await
}
