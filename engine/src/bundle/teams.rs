//! Teams that were open when the bundle was cut.

use bytemuck::{Pod, Zeroable};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, Row, UserRow};

use super::shapes::{IdMapView, Lists};
use crate::bundle::Column;
use crate::catalogue::moment;

/// Row of an open team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamRow(pub u32);

impl Row for TeamRow {
    fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).expect("a bundle holds fewer than 2^32 rows of a kind"))
    }
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// The numbers of one team as stored.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct StoredTeam {
    pub(super) opened: i64,
    pub(super) deadline: i64,
    pub(super) product: u32,
    pub(super) initiator: u32,
    pub(super) min_size: u32,
    /// Whether strangers may see it: 0 as its initiator shows her purchases, 1 no, 2 yes.
    pub(super) public: u32,
}

/// One team that was open at the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenTeam<'a> {
    /// Outside id.
    pub team_id: &'a str,
    /// What is bought.
    pub product: ProductRow,
    /// Who opened it.
    pub initiator: UserRow,
    /// Rows of those who joined, ascending, initiator not included.
    pub participants: &'a [u32],
    /// Buyers needed, initiator included.
    pub min_size: u32,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it expires; absent means never.
    pub deadline: Option<Timestamp>,
    /// Whether its initiator shows it to strangers; as she shows her purchases when absent.
    pub public: Option<bool>,
}

/// The open teams by row.
pub(super) struct OpenTeams {
    pub(super) ids: IdMapView<TeamRow>,
    pub(super) teams: Column<StoredTeam>,
    pub(super) participants: Lists<u32>,
}

impl OpenTeams {
    pub(super) fn get(&self, row: TeamRow) -> OpenTeam<'_> {
        let team = &self.teams[row.index()];
        OpenTeam {
            team_id: self.ids.id(row),
            product: ProductRow(team.product),
            initiator: UserRow(team.initiator),
            participants: self.participants.row(row.index()),
            min_size: team.min_size,
            opened_at: moment(team.opened),
            deadline: moment(team.deadline),
            public: [None, Some(false), Some(true)].get(team.public as usize).copied().flatten(),
        }
    }
}
