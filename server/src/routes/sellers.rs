//! What sellers may know: aggregates only.

use axum::Extension;
use axum::extract::State;

use super::Faults;
use crate::door::Visit;
use crate::error::ApiResult;
use crate::read::{PathId, QueryString};
use crate::state::AppState;
use crate::telemetry;
use crate::wire::audience::{AudienceQuery, SellerAudience};

/// Who buys from this seller? Noised numbers of at least 50 people, the same all month unless fresh ones are asked for.
#[utoipa::path(
    get, path = "/v1/sellers/{id}/audience", tag = "sellers",
    params(("id" = String, Path, description = "The seller's id"), AudienceQuery),
    responses((status = 200, description = "Her audience, or why there is none", body = SellerAudience), Faults)
)]
pub(crate) async fn audience(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    PathId(id): PathId,
    QueryString(query): QueryString<AudienceQuery>,
) -> ApiResult<axum::Json<SellerAudience>> {
    let (engine, desk) = (state.engine(), state.clone());
    let fresh = query.fresh.unwrap_or(false);
    let job = move || desk.audience().ask(&engine.snapshot(), id, fresh, visit.now);
    let answer = state.cpu().run(job).await?;
    let found = answer.degraded.unwrap_or("full");
    metrics::counter!(telemetry::ANSWERS, "question" => "audience", "degraded" => found).increment(1);
    Ok(axum::Json(answer))
}
