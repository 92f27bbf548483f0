//! The whole API on one page. A route is registered once, here; the OpenAPI document grows from the same lines, so
//! that the two cannot drift apart.

mod blocks;
mod docs;
mod errors;
mod events;
mod friendships;
mod group_buy;
mod operations;
mod products;
mod recommend;
mod sellers;
mod teams;
mod users;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

/// What the document says about itself.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Juntos",
        description = "Social-commerce recommendations: what this person's circle would love to buy, and buy together. \
                       Conventions, limits and error codes: `/docs`."
    ),
    components(schemas(crate::error::ErrorBody)),
    tags(
        (name = "recommend", description = "What should this person see?"),
        (name = "group-buy", description = "What could these people buy together, whom to invite, which team to join?"),
        (name = "sellers", description = "Who buys from this seller, in aggregate and with differential privacy?"),
        (name = "events", description = "What users did"),
        (name = "data", description = "Products, people, ties and teams; every change shows in the next answer"),
        (name = "operations", description = "For those who run the server"),
    )
)]
struct Document;

/// Every route with its page in the document.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(recommend::feed, recommend::feed_by_query))
        .routes(routes!(recommend::similar))
        .routes(routes!(recommend::trending))
        .routes(routes!(recommend::repurchase))
        .routes(routes!(group_buy::products))
        .routes(routes!(group_buy::friends))
        .routes(routes!(group_buy::teams))
        .routes(routes!(events::report))
        .routes(routes!(sellers::audience))
        .routes(routes!(products::get, products::put, products::patch, products::delete))
        .routes(routes!(users::get, users::put, users::patch, users::delete))
        .routes(routes!(teams::get, teams::put, teams::patch, teams::delete))
        .routes(routes!(teams::join))
        .routes(routes!(teams::leave))
        .routes(routes!(friendships::list, friendships::put, friendships::delete))
        .routes(routes!(blocks::list, blocks::put, blocks::delete))
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .routes(routes!(operations::openapi))
        .routes(routes!(docs::first))
        .routes(routes!(docs::page))
        .fallback(errors::unknown_route)
}

pub(crate) use errors::{Faults, method_not_allowed};
