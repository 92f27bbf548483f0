//! What became of invitations.

use juntos_datasets::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{known_id, two_people};
use crate::live::ChangeFault;

/// A stage of an invitation, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteKind {
    /// The initiator was told that she could invite the friend.
    Suggested,
    /// She did.
    Sent,
    /// The friend read it.
    Opened,
    /// The friend joined.
    Joined,
    /// The friend does not want to.
    Declined,
    /// The friend wants no more invitations from this initiator.
    Muted,
    /// The friend takes invitations from this initiator again.
    Unmuted,
}

impl InviteKind {
    /// Every stage, in order.
    pub const ALL: [Self; 7] =
        [Self::Suggested, Self::Sent, Self::Opened, Self::Joined, Self::Declined, Self::Muted, Self::Unmuted];
}

/// What became of an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRecord {
    /// Who is invited.
    pub user_id: String,
    /// Who invites.
    pub initiator_id: String,
    /// To buy what.
    pub product_id: String,
    /// The stage that was reached.
    pub kind: InviteKind,
    /// When; the moment of arrival when absent.
    pub ts: Option<Timestamp>,
    /// Id given by the sender: the same id is the same event.
    pub event_id: Option<String>,
}

impl InviteRecord {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        two_people("initiator_id", &self.user_id, &self.initiator_id)?;
        known_id("product_id", &self.product_id)?;
        self.event_id.as_deref().map_or(Ok(()), |id| known_id("event_id", id))
    }
}
