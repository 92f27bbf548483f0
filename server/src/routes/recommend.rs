//! What should this person see?

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::Faults;
use crate::ask::ask;
use crate::door::Visit;
use crate::error::ApiResult;
use crate::read::{JsonBody, QueryString, id_at};
use crate::state::AppState;
use crate::wire::answer::Envelope;
use crate::wire::items::Product;
use crate::wire::query::FeedQuery;
use crate::wire::question::{Common, FeedRequest, RepurchaseRequest, SimilarRequest, TrendingRequest};

/// What should this person see now?
#[utoipa::path(
    post, path = "/v1/recommend/feed", tag = "recommend", request_body = FeedRequest,
    responses((status = 200, description = "Products, best first", body = Envelope<Product>), Faults)
)]
pub(crate) async fn feed(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(request): JsonBody<FeedRequest>,
) -> ApiResult<Response> {
    ask_feed(state, visit, request).await
}

/// The same question in a query string.
#[utoipa::path(
    get, path = "/v1/recommend/feed", tag = "recommend", params(FeedQuery),
    responses((status = 200, description = "Products, best first", body = Envelope<Product>), Faults)
)]
pub(crate) async fn feed_by_query(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    QueryString(query): QueryString<FeedQuery>,
) -> ApiResult<Response> {
    ask_feed(state, visit, query.into()).await
}

async fn ask_feed(state: AppState, visit: Visit, mut request: FeedRequest) -> ApiResult<Response> {
    let common = Common { mmr_lambda: request.mmr_lambda, explore: request.explore, ..request.common() };
    let user_id = id_at("user_id", request.user_id)?;
    ask::<Product>(state, visit, "feed", common.asked_by(&user_id), move |snapshot, context| {
        snapshot.feed(&user_id, context)
    })
    .await
}

/// What is like these products?
#[utoipa::path(
    post, path = "/v1/recommend/similar", tag = "recommend", request_body = SimilarRequest,
    responses((status = 200, description = "Products, best first", body = Envelope<Product>), Faults)
)]
pub(crate) async fn similar(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(mut request): JsonBody<SimilarRequest>,
) -> ApiResult<Response> {
    let common = request.common();
    let product_ids = request.products()?;
    let user_id = request.user_id.map(|id| id_at("user_id", id)).transpose()?;
    let common = Common { asker: user_id.clone(), ..common.about(&product_ids) };
    ask::<Product>(state, visit, "similar", common, move |snapshot, context| {
        snapshot.similar(&product_ids, user_id.as_deref(), context)
    })
    .await
}

/// What is popular in this market now?
#[utoipa::path(
    post, path = "/v1/recommend/trending", tag = "recommend", request_body = TrendingRequest,
    responses((status = 200, description = "Products, best first", body = Envelope<Product>), Faults)
)]
pub(crate) async fn trending(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(mut request): JsonBody<TrendingRequest>,
) -> ApiResult<Response> {
    let common = request.common();
    let user_id = request.user_id.map(|id| id_at("user_id", id)).transpose()?;
    let common = Common { asker: user_id.clone(), ..common };
    ask::<Product>(state, visit, "trending", common, move |snapshot, context| {
        snapshot.trending(user_id.as_deref(), context)
    })
    .await
}

/// What will this person soon need again?
#[utoipa::path(
    post, path = "/v1/recommend/repurchase", tag = "recommend", request_body = RepurchaseRequest,
    responses((status = 200, description = "Products, best first", body = Envelope<Product>), Faults)
)]
pub(crate) async fn repurchase(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    JsonBody(mut request): JsonBody<RepurchaseRequest>,
) -> ApiResult<Response> {
    let common = request.common();
    let user_id = id_at("user_id", request.user_id)?;
    ask::<Product>(state, visit, "repurchase", common.asked_by(&user_id), move |snapshot, context| {
        snapshot.repurchase(&user_id, context)
    })
    .await
}
