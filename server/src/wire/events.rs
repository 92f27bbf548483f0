//! Events as clients report them, and the verdict on each.

use juntos_datasets::tables::{EventKind, Surface};
use juntos_datasets::units::Timestamp;
use juntos_engine::live::records::EventRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult, Code};
use crate::wire::schema;

/// How far a client's clock may be ahead of ours, days.
pub const CLOCK_TOLERANCE_DAYS: f64 = 1.0;

/// Something a user did to a product or to a recommendation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Event, example = json!({
    "event_id": "e1", "user_id": "u1", "product_id": "p1", "kind": "purchase", "ts": "2026-03-01T12:00:00Z"
}))]
pub struct Event {
    /// Who did it.
    pub user_id: String,
    /// To which product.
    pub product_id: String,
    /// What.
    #[schema(schema_with = schema::event_kind)]
    pub kind: EventKind,
    /// When; now when absent.
    #[schema(schema_with = schema::time)]
    pub ts: Option<Timestamp>,
    /// Given by the sender: the same id is the same event, however often it is sent.
    pub event_id: Option<String>,
    /// Rating for `rate`, quantity or amount for others.
    pub value: Option<f64>,
    /// Where it happened.
    #[schema(schema_with = schema::surface)]
    pub surface: Option<Surface>,
    /// Team it belongs to.
    pub team_id: Option<String>,
    /// `recommendation_id` of the answer that led to it.
    pub recommendation_id: Option<String>,
}

impl Event {
    /// The engine's record, at `now` unless it says when.
    ///
    /// # Errors
    /// The event is yet to come.
    pub fn into_record(self, now: Timestamp) -> ApiResult<EventRecord> {
        let ts = self.ts.unwrap_or(now);
        if ts > now.plus_days(CLOCK_TOLERANCE_DAYS) {
            let message = format!("`ts` is {ts}, which is yet to come; send the time at which it happened, in UTC");
            return Err(ApiError::new(Code::InvalidField, message));
        }
        Ok(EventRecord {
            user_id: self.user_id,
            product_id: self.product_id,
            kind: self.kind,
            ts: Some(ts),
            event_id: self.event_id,
            value: self.value,
            surface: self.surface,
            team_id: self.team_id,
            recommendation_id: self.recommendation_id,
        })
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It counts from now on.
    Accepted,
    /// Its `event_id` was accepted before; nothing changed.
    Duplicate,
    /// It is wrong; nothing changed.
    Rejected,
}

impl Verdict {
    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
        }
    }
}

/// The verdict on one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventResult {
    /// Place of the event in the request, from 0; of an NDJSON body, counting lines that are not blank.
    pub index: usize,
    /// What became of it.
    #[schema(inline)]
    pub status: Verdict,
    /// What is wrong, for programs; of rejected events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What is wrong, for people; of rejected events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl EventResult {
    /// The verdict of a fault.
    pub fn rejected(index: usize, fault: ApiError) -> Self {
        Self { index, status: Verdict::Rejected, code: Some(fault.code), message: Some(fault.message) }
    }

    /// A verdict without a fault.
    pub fn of(index: usize, status: Verdict) -> Self {
        Self { index, status, code: None, message: None }
    }
}

/// The verdicts on all events of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventsAnswer {
    /// How many count from now on.
    pub accepted: usize,
    /// How many were known before.
    pub duplicates: usize,
    /// How many are wrong.
    pub rejected: usize,
    /// One verdict for each event, in the order of the request.
    pub results: Vec<EventResult>,
}

impl EventsAnswer {
    /// Adds a verdict.
    pub fn push(&mut self, result: EventResult) {
        match result.status {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Duplicate => self.duplicates += 1,
            Verdict::Rejected => self.rejected += 1,
        }
        self.results.push(result);
    }
}
