//! What clients say of teams, and what happened to them.

use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{bad, known_id, two_people};
use crate::live::ChangeFault;

/// One group purchase, as table `teams` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeamRecord {
    /// Outside id.
    pub team_id: String,
    /// What is bought.
    pub product_id: String,
    /// Who opened it; empty when she has been deleted.
    pub initiator_id: String,
    /// Who joined, initiator not included, people who have been deleted left out.
    #[serde(default)]
    pub participant_ids: Vec<String>,
    /// Buyers needed, initiator included.
    pub min_size: u32,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it expires; absent means never.
    pub deadline: Option<Timestamp>,
    /// How it ended, or that it is open.
    #[serde(default = "open")]
    pub outcome: TeamOutcome,
    /// Whether its initiator shows it to strangers; as she shows her purchases when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
}

fn open() -> TeamOutcome {
    TeamOutcome::Open
}

impl TeamRecord {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("team_id", &self.team_id)?;
        known_id("product_id", &self.product_id)?;
        known_id("initiator_id", &self.initiator_id)?;
        for (at, participant) in self.participant_ids.iter().enumerate() {
            two_people("participant_ids", &self.initiator_id, participant)?;
            if self.participant_ids[..at].contains(participant) {
                return Err(bad("participant_ids", "names one person twice"));
            }
        }
        if self.min_size < 2 {
            return Err(bad("min_size", "is below 2"));
        }
        if let (Some(opened), Some(deadline)) = (self.opened_at, self.deadline)
            && deadline < opened
        {
            return Err(bad("deadline", "is before opened_at"));
        }
        Ok(())
    }
}

/// What happened to a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamStep {
    /// The user opened it.
    Opened(Opening),
    /// The user joined it.
    Joined,
    /// The user left it; when the initiator does, it is cancelled.
    Left,
    /// The user, its initiator, called it off.
    Cancelled,
}

/// A team as it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// What is bought.
    pub product_id: String,
    /// Buyers needed, initiator included; what the product says when absent, else two.
    pub min_size: Option<u32>,
    /// When it expires; absent means never.
    pub deadline: Option<Timestamp>,
    /// Whether its initiator shows it to strangers; as she shows her purchases when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
}

impl Opening {
    /// A team on a product of which nothing else is said.
    pub fn of(product_id: impl Into<String>) -> Self {
        Self { product_id: product_id.into(), min_size: None, deadline: None, public: None }
    }
}

/// One step in the life of a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamStepRecord {
    /// The team.
    pub team_id: String,
    /// Who did it.
    pub user_id: String,
    /// What.
    pub step: TeamStep,
    /// When; the moment of arrival when absent, but not before the team was opened.
    pub ts: Option<Timestamp>,
    /// Id given by the sender: the same id is the same event.
    pub event_id: Option<String>,
}

impl TeamStepRecord {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("team_id", &self.team_id)?;
        known_id("user_id", &self.user_id)?;
        self.event_id.as_deref().map_or(Ok(()), |id| known_id("event_id", id))?;
        if let TeamStep::Opened(opening) = &self.step {
            known_id("product_id", &opening.product_id)?;
            if opening.min_size.is_some_and(|size| size < 2) {
                return Err(bad("min_size", "is below 2"));
            }
        }
        Ok(())
    }
}

/// A team as it stands, and so what is left of it when somebody who had a part in it is deleted: her seat stays taken, by
/// nobody, and how it came to be so is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTeam {
    /// Outside id.
    pub team_id: String,
    /// What it buys.
    pub product_id: String,
    /// Who opened it; none if she is deleted.
    pub initiator_id: Option<String>,
    /// Who has joined, without the initiator.
    pub participant_ids: Vec<String>,
    /// Seats of deleted users.
    pub anonymous_seats: u32,
    /// Day (since the epoch) from which on it corrects what is foretold of others; none if it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_from: Option<i64>,
    /// Buyers it needs, initiator included.
    pub min_size: u32,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// Until when it may fill.
    pub deadline: Option<Timestamp>,
    /// What has become of it.
    pub outcome: TeamOutcome,
    /// Whether its initiator shows it to strangers; as she shows her purchases when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
}
