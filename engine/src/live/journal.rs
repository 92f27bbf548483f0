//! Where changes are noted before they hold, so that live state can be made again after a crash.
//!
//! Live state is what comes out of its changes, one after another, over the bundle: nothing else goes in. So whoever keeps
//! the changes in their order, each with the moment at which it came in, keeps live state. The engine itself writes to no
//! disk; it hands what is to be kept to a [`Journal`].

use std::fmt::Debug;
use std::pin::Pin;

use juntos_datasets::tables::EventKind;
use juntos_datasets::units::Timestamp;

use super::Change;
use super::records::{EventRecord, FriendshipRecord, InviteRecord, KeptTeam, TeamRecord, TeamStepRecord, UserRecord};
use crate::recommend::Snapshot;

/// Ready when everything noted before it was asked for is kept, or cannot be.
pub type Kept = Pin<Box<dyn Future<Output = Result<(), NotKept>> + Send>>;

/// What was noted cannot be kept: a disk is full or broken. The cause is in the log of whoever keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("changes cannot be kept at present, so none is taken")]
pub struct NotKept;

/// Takes changes in the order in which they hold.
pub trait Journal: Debug + Send + Sync {
    /// Takes a change that is about to hold and that came in at `now`. Called by one thread at a time; returns at once,
    /// so that nobody waits for a disk while changes wait for each other.
    ///
    /// # Errors
    /// Nothing can be kept any more; the change is refused then.
    fn note(&self, noted: Noted<'_>, now: Timestamp) -> Result<(), NotKept>;

    /// Waits until everything noted so far outlives a crash.
    fn kept(&self) -> Kept;
}

/// What is to be kept.
#[derive(Debug)]
pub enum Noted<'a> {
    /// One change more.
    Change(&'a Change),
    /// A user is deleted: of what was noted of her or of these teams [`Change::without`] her is to be kept, in its place. What
    /// stays of the teams is to be noted behind the deletion.
    Deletion {
        /// Who is deleted.
        user_id: &'a str,
        /// Teams that she had a part in, as they are now.
        teams: Vec<KeptTeam>,
    },
}

impl Snapshot {
    /// Teams that know of a user: she is in them, or has been.
    pub(crate) fn teams_that_know(&self, user_id: &str) -> Vec<String> {
        let teams = self.user_row(user_id).map(|row| self.live.teams.that_know(row));
        teams.into_iter().flatten().map(|team| team.id.to_string()).collect()
    }

    /// A team with all that is to be kept of it where its steps are forgotten.
    pub(crate) fn kept_team(&self, team_id: &str) -> Option<KeptTeam> {
        let team = self.live.teams.get(team_id)?;
        let id = |row: u32| self.user_id(row).to_owned();
        Some(KeptTeam {
            team_id: team_id.to_owned(),
            product_id: self.product_id(team.product).to_owned(),
            initiator_id: team.initiator.map(id),
            participant_ids: team.participants.iter().copied().map(id).collect(),
            anonymous_seats: team.anonymous_seats,
            counts_from: self.live.outcomes.day_of(team_id),
            min_size: team.min_size,
            opened_at: team.opened_at,
            deadline: team.deadline,
            outcome: team.outcome,
            public: team.made_public,
        })
    }
}

impl Change {
    /// Ids of the people it speaks of.
    pub fn people(&self) -> Vec<&str> {
        match self {
            Self::Event(EventRecord { user_id, .. })
            | Self::PutUser(UserRecord { user_id, .. })
            | Self::DeleteUser(user_id)
            | Self::JoinTeam { user_id, .. }
            | Self::LeaveTeam { user_id, .. }
            | Self::TeamStep(TeamStepRecord { user_id, .. }) => vec![user_id],
            Self::PutFriendship(FriendshipRecord { user_id, friend_id, .. })
            | Self::DeleteFriendship { user_id, friend_id }
            | Self::PutBlock { user_id, blocked_id: friend_id }
            | Self::DeleteBlock { user_id, blocked_id: friend_id }
            | Self::Invite(InviteRecord { user_id, initiator_id: friend_id, .. }) => vec![user_id, friend_id],
            Self::PutTeam(TeamRecord { initiator_id, participant_ids, .. }) => {
                [initiator_id].into_iter().chain(participant_ids).map(String::as_str).collect()
            }
            Self::KeepTeam(KeptTeam { initiator_id, participant_ids, .. }) => {
                initiator_id.iter().chain(participant_ids).map(String::as_str).collect()
            }
            Self::Know(user_ids) => user_ids.iter().map(String::as_str).collect(),
            Self::PutProduct(_) | Self::DeleteProduct(_) | Self::DeleteTeam(_) => Vec::new(),
        }
    }

    /// What is left of it when a user is deleted: that the others whom it speaks of are known, and that she was deleted before.
    pub fn without(&self, user_id: &str) -> Option<Self> {
        if matches!(self, Self::DeleteUser(_)) {
            return Some(self.clone());
        }
        let others: Vec<String> = self.people().into_iter().filter(|&id| id != user_id).map(str::to_owned).collect();
        (!others.is_empty()).then_some(Self::Know(others))
    }

    /// Id of the team it speaks of.
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::PutTeam(TeamRecord { team_id, .. })
            | Self::DeleteTeam(team_id)
            | Self::JoinTeam { team_id, .. }
            | Self::LeaveTeam { team_id, .. }
            | Self::TeamStep(TeamStepRecord { team_id, .. })
            | Self::KeepTeam(KeptTeam { team_id, .. }) => Some(team_id),
            Self::Event(_)
            | Self::PutUser(_)
            | Self::DeleteUser(_)
            | Self::PutProduct(_)
            | Self::DeleteProduct(_)
            | Self::PutFriendship(_)
            | Self::DeleteFriendship { .. }
            | Self::PutBlock { .. }
            | Self::DeleteBlock { .. }
            | Self::Know(_)
            | Self::Invite(_) => None,
        }
    }

    /// Whether it is of what somebody was shown, which fades.
    pub fn is_showing(&self) -> bool {
        matches!(self, Self::Event(EventRecord { kind: EventKind::Shown, .. }))
    }

    /// Whether a later training finds it in tables `events` and `teams`, and makes it part of its bundle.
    pub fn is_history(&self) -> bool {
        self.team().is_some() || matches!(self, Self::Event(_)) && !self.is_showing()
    }
}
