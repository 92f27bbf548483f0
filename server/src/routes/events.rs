//! What users did.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;

use super::Faults;
use crate::change::changing;
use crate::door::Visit;
use crate::error::ApiResult;
use crate::ingest::{Encoding, ingest};
use crate::read::{body_bytes, media_type};
use crate::state::AppState;
use crate::wire::events::{Event, EventsAnswer};

/// Takes events, each with its own verdict; safe to send again when every event has its `event_id`.
///
/// `application/json` is one event or a list of them, `application/x-ndjson` one event a line.
#[utoipa::path(
    post, path = "/v1/events", tag = "events",
    request_body(content((Vec<Event> = "application/json"), (Event = "application/x-ndjson")), description = "Events"),
    responses((status = 200, description = "One verdict for each event", body = EventsAnswer), Faults)
)]
pub(crate) async fn report(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<axum::Json<EventsAnswer>> {
    let encoding = Encoding::of(&media_type(&headers))?;
    let bytes = body_bytes(body, state.config().max_events_bytes).await?;
    let most = state.config().max_events;
    changing(&state, &visit, move |engine, now| ingest(engine, encoding, &bytes, most, now)).await.map(axum::Json)
}
