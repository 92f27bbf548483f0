//! Events as clients report them, and the verdict on each.

use juntos_datasets::tables::{EventKind, Surface};
use juntos_datasets::units::Timestamp;
use juntos_engine::live::Change;
use juntos_engine::live::records::{EventRecord, InviteKind, InviteRecord, Opening, TeamStep, TeamStepRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult, Code};
use crate::wire::schema;

/// How far a client's clock may be ahead of ours, days.
pub const CLOCK_TOLERANCE_DAYS: f64 = 1.0;

macro_rules! kinds {
    ($($variant:ident = $word:literal => $what:expr,)+) => {
        /// What an event reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $(#[doc = $word] $variant),+ }

        impl Kind {
            /// Every word, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            fn what(self) -> What {
                match self { $(Self::$variant => $what),+ }
            }
        }
    };
}

/// What a kind of event is about.
enum What {
    Product(EventKind),
    Opened,
    Team(TeamStep),
    Invite(InviteKind),
}

kinds! {
    View = "view" => What::Product(EventKind::View),
    Cart = "cart" => What::Product(EventKind::Cart),
    Purchase = "purchase" => What::Product(EventKind::Purchase),
    Like = "like" => What::Product(EventKind::Like),
    Share = "share" => What::Product(EventKind::Share),
    Gift = "gift" => What::Product(EventKind::Gift),
    Rate = "rate" => What::Product(EventKind::Rate),
    Dislike = "dislike" => What::Product(EventKind::Dislike),
    Return = "return" => What::Product(EventKind::Return),
    Shown = "shown" => What::Product(EventKind::Shown),
    Click = "click" => What::Product(EventKind::Click),
    TeamOpened = "team_opened" => What::Opened,
    TeamJoined = "team_joined" => What::Team(TeamStep::Joined),
    TeamLeft = "team_left" => What::Team(TeamStep::Left),
    TeamCancelled = "team_cancelled" => What::Team(TeamStep::Cancelled),
    InviteSuggested = "invite_suggested" => What::Invite(InviteKind::Suggested),
    InviteSent = "invite_sent" => What::Invite(InviteKind::Sent),
    InviteOpened = "invite_opened" => What::Invite(InviteKind::Opened),
    InviteJoined = "invite_joined" => What::Invite(InviteKind::Joined),
    InviteDeclined = "invite_declined" => What::Invite(InviteKind::Declined),
    InviteMuted = "invite_muted" => What::Invite(InviteKind::Muted),
    InviteUnmuted = "invite_unmuted" => What::Invite(InviteKind::Unmuted),
}

/// Something a user did to a product, to a recommendation, to a team or about an invitation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Event, example = json!({
    "event_id": "e1", "user_id": "u1", "product_id": "p1", "kind": "purchase", "ts": "2026-03-01T12:00:00Z"
}))]
pub struct Event {
    /// Who did it; of invitations, who is invited.
    pub user_id: String,
    /// To which product; needed but for `team_joined`, `team_left` and `team_cancelled`.
    pub product_id: Option<String>,
    /// What.
    #[schema(schema_with = schema::event_kind)]
    pub kind: Kind,
    /// When; now when absent.
    #[schema(schema_with = schema::time)]
    pub ts: Option<Timestamp>,
    /// Given by the sender: the same id is the same event, however often it is sent.
    pub event_id: Option<String>,
    /// Rating for `rate`, which needs one; quantity or amount for others.
    pub value: Option<f64>,
    /// Where it happened.
    #[schema(schema_with = schema::surface)]
    pub surface: Option<Surface>,
    /// Team it belongs to; needed where `kind` begins with `team_`.
    pub team_id: Option<String>,
    /// `recommendation_id` of the answer that led to it.
    pub recommendation_id: Option<String>,
    /// Most days until delivery that the chosen offer promised (`max_days`); of `purchase` and `gift` only.
    pub delivery_days: Option<u32>,
    /// Who invites; of invitations only.
    pub initiator_id: Option<String>,
    /// Buyers needed, initiator included; of `team_opened` only: what the product says when absent, else two.
    #[schema(minimum = 2)]
    pub min_size: Option<u32>,
    /// When the team expires; of `team_opened` only: never when absent.
    #[schema(schema_with = schema::time)]
    pub deadline: Option<Timestamp>,
    /// Whether strangers may be shown the team; of `team_opened` only: where the initiator's `purchase_visibility` is
    /// `everyone` when absent.
    pub public: Option<bool>,
}

impl Event {
    /// The engine's change, at `now` unless it says when.
    ///
    /// # Errors
    /// The event is yet to come, or lacks a field that its kind needs.
    pub fn into_change(self, now: Timestamp) -> ApiResult<Change> {
        let ts = self.ts.unwrap_or(now);
        not_to_come("ts", ts, now)?;
        let (told, ts) = (self.ts, Some(ts));
        let what = self.kind.what();
        if matches!(what, What::Team(_)) {
            self.takes_no("product_id", self.product_id.is_some())?;
        }
        if !matches!(what, What::Opened) {
            self.takes_no("min_size", self.min_size.is_some())?;
            self.takes_no("deadline", self.deadline.is_some())?;
            self.takes_no("public", self.public.is_some())?;
        }
        if !matches!(what, What::Product(EventKind::Purchase | EventKind::Gift)) {
            self.takes_no("delivery_days", self.delivery_days.is_some())?;
        }
        if !matches!(what, What::Invite(_)) {
            self.takes_no("initiator_id", self.initiator_id.is_some())?;
        }
        if matches!(what, What::Product(EventKind::Rate)) {
            needed("value", self.value)?;
        }
        let Self { user_id, product_id, team_id, initiator_id, event_id, .. } = self;
        match what {
            What::Product(kind) => Ok(Change::Event(EventRecord {
                user_id,
                product_id: needed("product_id", product_id)?,
                kind,
                ts,
                event_id,
                value: self.value,
                surface: self.surface,
                team_id,
                recommendation_id: self.recommendation_id,
                delivery_days: self.delivery_days,
            })),
            What::Opened => {
                let product_id = needed("product_id", product_id)?;
                let (min_size, deadline, public) = (self.min_size, self.deadline, self.public);
                let step = TeamStep::Opened(Opening { product_id, min_size, deadline, public });
                let team_id = needed("team_id", team_id)?;
                Ok(Change::TeamStep(TeamStepRecord { team_id, user_id, step, ts: told, event_id }))
            }
            What::Team(step) => {
                let team_id = needed("team_id", team_id)?;
                Ok(Change::TeamStep(TeamStepRecord { team_id, user_id, step, ts: told, event_id }))
            }
            What::Invite(kind) => {
                let (product_id, initiator_id) =
                    (needed("product_id", product_id)?, needed("initiator_id", initiator_id)?);
                Ok(Change::Invite(InviteRecord { user_id, initiator_id, product_id, kind, ts, event_id }))
            }
        }
    }

    /// Refuses a field that this kind of event has no use for.
    fn takes_no(&self, field: &str, there: bool) -> ApiResult<()> {
        if !there {
            return Ok(());
        }
        let message = format!("`{field}` is not a field of events of this kind; leave it out");
        Err(ApiError::new(Code::InvalidRequest, message))
    }
}

/// Refuses a time of something that has happened, if it is ahead of ours by more than clocks are.
pub(super) fn not_to_come(field: &str, at: Timestamp, now: Timestamp) -> ApiResult<()> {
    if at <= now.plus_days(CLOCK_TOLERANCE_DAYS) {
        return Ok(());
    }
    let message = format!("`{field}` is {at}, which is yet to come; send the time at which it happened, in UTC");
    Err(ApiError::new(Code::InvalidField, message))
}

pub(super) fn needed<T>(field: &str, value: Option<T>) -> ApiResult<T> {
    let missing =
        || ApiError::new(Code::MissingField, format!("the field `{field}` of this request is missing; add it"));
    value.ok_or_else(missing)
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It counts from now on.
    Accepted,
    /// Its `event_id` was accepted before, or it says nothing new; nothing changed.
    Duplicate,
    /// A step of a team that does not fit what is known so far: it counts if what is missing before it comes.
    Waiting,
    /// It is wrong; nothing changed.
    Rejected,
}

impl Verdict {
    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Waiting => "waiting",
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
    /// How many steps of teams do not fit yet.
    pub waiting: usize,
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
            Verdict::Waiting => self.waiting += 1,
            Verdict::Rejected => self.rejected += 1,
        }
        self.results.push(result);
    }
}
