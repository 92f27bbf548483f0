//! A team as clients open it and as it is given back.

use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::units::Timestamp;
use juntos_engine::live::records::{KeptTeam, TeamRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiResult;
use crate::read::count_at;
use crate::wire::events::{needed, not_to_come};
use crate::wire::product::same_id;
use crate::wire::schema;

/// Most participants of a team.
pub const MAX_PARTICIPANTS: usize = 1000;

/// One group purchase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Team, example = json!({
    "product_id": "p1", "initiator_id": "u1", "min_size": 3, "deadline": "2026-03-02T12:00:00Z"
}))]
pub struct Team {
    /// The id; the path's when absent.
    pub team_id: Option<String>,
    /// What is bought.
    pub product_id: String,
    /// Who opened it; needed of a team that is put, `null` of one whose initiator has been deleted.
    pub initiator_id: Option<String>,
    /// Who joined, initiator not included.
    #[serde(default)]
    pub participant_ids: Vec<String>,
    /// Seats that stay taken by people who have been deleted; absent where there are none. What is sent is not looked at.
    #[serde(default, skip_serializing_if = "is_none_taken")]
    #[schema(read_only)]
    pub anonymous_seats: u32,
    /// Buyers needed, initiator included.
    #[schema(minimum = 2)]
    pub min_size: u32,
    /// When it was opened; now when absent. Ahead of the server's clock by a day at most.
    #[schema(schema_with = schema::time)]
    pub opened_at: Option<Timestamp>,
    /// When it expires.
    #[schema(schema_with = schema::time)]
    pub deadline: Option<Timestamp>,
    /// How it ended; `open` when absent.
    #[serde(default = "open")]
    #[schema(schema_with = schema::team_outcome)]
    pub outcome: TeamOutcome,
    /// Whether strangers may be shown it, without who opened it: `true` to everybody, `false` to her friends alone. When
    /// absent, to everybody where its initiator's `purchase_visibility` is `everyone`.
    pub public: Option<bool>,
}

fn open() -> TeamOutcome {
    TeamOutcome::Open
}

fn is_none_taken(seats: &u32) -> bool {
    *seats == 0
}

impl Team {
    /// The engine's record of the team called `id`, opened `now` unless it says when.
    ///
    /// # Errors
    /// The body names another id, no initiator, too many participants, or an opening that is yet to come.
    pub fn into_record(self, id: &str, now: Timestamp) -> ApiResult<TeamRecord> {
        same_id("team_id", self.team_id.as_deref(), id)?;
        count_at("participant_ids", self.participant_ids.len(), MAX_PARTICIPANTS)?;
        let opened_at = self.opened_at.unwrap_or(now);
        not_to_come("opened_at", opened_at, now)?;
        Ok(TeamRecord {
            team_id: id.to_owned(),
            product_id: self.product_id,
            initiator_id: needed("initiator_id", self.initiator_id)?,
            participant_ids: self.participant_ids,
            min_size: self.min_size,
            opened_at: Some(opened_at),
            deadline: self.deadline,
            outcome: self.outcome,
            public: self.public,
        })
    }
}

impl From<KeptTeam> for Team {
    fn from(team: KeptTeam) -> Self {
        Self {
            team_id: Some(team.team_id),
            product_id: team.product_id,
            initiator_id: team.initiator_id,
            participant_ids: team.participant_ids,
            anonymous_seats: team.anonymous_seats,
            min_size: team.min_size,
            opened_at: team.opened_at,
            deadline: team.deadline,
            outcome: team.outcome,
            public: team.public,
        }
    }
}

/// Who joins or leaves a team.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_id": "u2"}))]
pub struct Member {
    /// The user.
    pub user_id: String,
}
