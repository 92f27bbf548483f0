//! Products by id.

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
use crate::wire::product::Product;

/// The product as it is now.
#[utoipa::path(
    get, path = "/v1/products/{id}", tag = "data", params(("id" = String, Path, description = "The product's id")),
    responses((status = 200, description = "The product", body = Product), Faults)
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
) -> ApiResult<axum::Json<Product>> {
    with_engine(&state, &visit, move |engine, _| find(engine, &id)).await.map(axum::Json)
}

/// Makes or replaces the product: what the body leaves out is unknown from now on.
#[utoipa::path(
    put, path = "/v1/products/{id}", tag = "data", params(("id" = String, Path, description = "The product's id")),
    request_body = Product,
    responses((status = 200, description = "The product as it is now", body = Product), Faults)
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<Product>,
) -> ApiResult<axum::Json<Product>> {
    let put = move |engine: &Engine, now| {
        apply(engine, Change::PutProduct(body.into_record(&id)?), now)?;
        find(engine, &id)
    };
    changing(&state, &visit, put).await.map(axum::Json)
}

/// Changes the fields that the body names and no others; `null` makes a field unknown.
#[utoipa::path(
    patch, path = "/v1/products/{id}", tag = "data", params(("id" = String, Path, description = "The product's id")),
    request_body(content = Product, description = "Any of the fields"),
    responses((status = 200, description = "The product as it is now", body = Product), Faults)
)]
pub(crate) async fn patch(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    JsonBody(body): JsonBody<Value>,
) -> ApiResult<axum::Json<Product>> {
    let patch = move |engine: &Engine, now| {
        let changed = merged(&find(engine, &id)?, body)?;
        apply(engine, Change::PutProduct(changed.into_record(&id)?), now)?;
        find(engine, &id)
    };
    changing(&state, &visit, patch).await.map(axum::Json)
}

/// Removes the product; done as well when there is none.
#[utoipa::path(
    delete, path = "/v1/products/{id}", tag = "data", params(("id" = String, Path, description = "The product's id")),
    responses((status = 204, description = "There is no such product any more"), Faults)
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
) -> ApiResult<StatusCode> {
    changing(&state, &visit, move |engine, now| remove(engine, Change::DeleteProduct(id), now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(engine: &Engine, id: &str) -> ApiResult<Product> {
    engine.snapshot().product(id).map(Product::from).ok_or_else(|| unknown(Code::UnknownProduct, id))
}
