//! Live state: all that happened since the bundle was cut, as an overlay of immutable maps over the bundle.

mod answers;
mod apply;
mod apply_teams;
pub(crate) mod exposures;
mod fits;
mod goods;
mod invites;
mod journal;
mod life;
mod neighbours;
pub(crate) mod offered;
pub(crate) mod outcomes;
pub(crate) mod people;
pub(crate) mod popularity;
mod read;
mod reckon;
pub mod records;
mod row_map;
pub(crate) mod teams;
mod ties;
pub(crate) mod view;

use imbl::{HashSet, OrdMap, OrdSet};
use juntos_datasets::tables::{PurchaseVisibility, TeamOutcome};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use serde::{Deserialize, Serialize};

use crate::bundle::{Bundle, OpenTeam};
use crate::privacy::certain_age;
use exposures::Exposures;
use goods::Goods;
use invites::Invites;
use life::Start;
use outcomes::Outcomes;
use people::People;
use popularity::Popularity;
use records::{
    EventRecord, FriendshipRecord, InviteRecord, KeptTeam, ProductRecord, TeamRecord, TeamStepRecord, UserRecord,
};
use row_map::RowMap;
use teams::{Team, Teams};
use ties::Ties;

/// Everything that happened since the cut, in persistent maps: a copy costs next to nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    pub(crate) people: People,
    pub(crate) goods: Goods,
    pub(crate) ties: Ties,
    pub(crate) teams: Teams,
    pub(crate) invites: Invites,
    pub(crate) exposures: Exposures,
    /// Fingerprints of the event ids that were applied.
    events: HashSet<u128>,
    /// What has been added to, or taken from, the popularity of products.
    pub(crate) popularity: Popularity,
    /// Per initiator, who joined teams of hers that succeeded since the cut, and how many times.
    co_joined: RowMap<OrdMap<u32, f32>>,
    /// What became of teams, against what was foretold.
    pub(crate) outcomes: Outcomes,
}

impl Live {
    /// Nothing has happened yet, but some teams are open. Who is too young for what a team buys is not in it.
    pub(crate) fn at_the_cut(bundle: &Bundle) -> Self {
        let mut live = Self::default();
        let shows_all = |user| bundle.consent(user).purchase_visibility == PurchaseVisibility::Everyone;
        let public = |team: &OpenTeam<'_>| team.public.unwrap_or_else(|| shows_all(team.initiator));
        for team in bundle.open_teams() {
            let is_old_enough = |user: UserRow| is_old_enough(bundle, user, team.product);
            if is_old_enough(team.initiator) {
                live.teams.put(stored_team(&team, public(&team), is_old_enough).lived());
            }
        }
        live
    }
}

/// Whether a user was old enough for a product when the bundle was cut.
fn is_old_enough(bundle: &Bundle, user: UserRow, product: ProductRow) -> bool {
    let cut = bundle.manifest().cut.unwrap_or(Timestamp::from_millis(0));
    let min_age = bundle.catalogue().min_age(product).unwrap_or(0);
    certain_age(bundle.profile(user).birth_year, cut) >= min_age
}

fn stored_team(team: &OpenTeam<'_>, public: bool, is_old_enough: impl Fn(UserRow) -> bool) -> Team {
    let joined = team.participants.iter().filter(|&&user| is_old_enough(UserRow(user)));
    let participants: Vec<u32> = joined.copied().collect();
    Team {
        id: team.team_id.into(),
        product: team.product.0,
        initiator: Some(team.initiator.0),
        participants: participants.clone(),
        anonymous_seats: 0,
        made_public: team.public,
        public,
        min_size: team.min_size,
        opened_at: team.opened_at,
        deadline: team.deadline,
        outcome: TeamOutcome::Open,
        start: Start { participants, outcome: None },
        steps: OrdSet::new(),
    }
}

pub use journal::{Journal, Kept, NotKept, Noted};

/// One change of live state.
///
/// Written with serde it is what a [`Journal`] keeps: fields may come, those that are there stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A user did something.
    Event(EventRecord),
    /// Adds a user or replaces her record.
    PutUser(UserRecord),
    /// Deletes a user, as if she had never been there.
    DeleteUser(String),
    /// Adds a product or replaces its record.
    PutProduct(ProductRecord),
    /// Deletes a product.
    DeleteProduct(String),
    /// Adds a tie or replaces it.
    PutFriendship(FriendshipRecord),
    /// Ends every tie between two users.
    DeleteFriendship {
        /// One user.
        user_id: String,
        /// The other user.
        friend_id: String,
    },
    /// `user_id` wants nothing to do with `blocked_id`.
    PutBlock {
        /// Who blocks.
        user_id: String,
        /// Who is blocked.
        blocked_id: String,
    },
    /// Takes a block back.
    DeleteBlock {
        /// Who blocked.
        user_id: String,
        /// Who was blocked.
        blocked_id: String,
    },
    /// Opens a team or replaces its record.
    PutTeam(TeamRecord),
    /// Deletes a team.
    DeleteTeam(String),
    /// A user joins an open team; the team succeeds when that fills it.
    JoinTeam {
        /// The team.
        team_id: String,
        /// Who joins.
        user_id: String,
    },
    /// A participant leaves an open team; when the initiator leaves, the team is cancelled.
    LeaveTeam {
        /// The team.
        team_id: String,
        /// Who leaves.
        user_id: String,
    },
    /// Something happened to a team, perhaps some time ago: reports may come late, twice and in any order.
    TeamStep(TeamStepRecord),
    /// Something became of an invitation; reports may come late, twice and in any order.
    Invite(InviteRecord),
    /// These people are known, with every default; what is left, in a [`Journal`] alone, of a change that spoke of somebody
    /// deleted, too.
    Know(Vec<String>),
    /// What is left of a team that a deleted user had a part in; comes from a [`Journal`] alone.
    KeepTeam(KeptTeam),
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It holds from the next answer on.
    Done,
    /// An event with this `event_id` was applied before, or says nothing new; nothing changed.
    Duplicate,
    /// The step of a team does not fit what is known so far. It is kept, and counts if what is missing before it comes.
    Waiting,
}

/// Why a change was refused; nothing changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ChangeFault {
    /// A field does not hold what it should.
    #[error("`{field}` {problem}")]
    BadRecord {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and how to mend it.
        problem: String,
    },
    /// Nobody knows the user.
    #[error("no user `{0}`; put the user first")]
    UnknownUser(String),
    /// Nobody knows the product.
    #[error("no product `{0}`; put the product first")]
    UnknownProduct(String),
    /// Nobody knows the team.
    #[error("no team `{0}`; put the team first")]
    UnknownTeam(String),
    /// The team has ended.
    #[error("team `{team_id}` is {}; only an open team can be joined or left", outcome.word())]
    TeamNotOpen {
        /// The team.
        team_id: String,
        /// How it ended.
        outcome: TeamOutcome,
    },
    /// Every seat is taken.
    #[error("team `{0}` is full; open another one")]
    TeamFull(String),
    /// The user is in the team already.
    #[error("user `{user_id}` is in team `{team_id}` already")]
    AlreadyInTeam {
        /// The team.
        team_id: String,
        /// The user.
        user_id: String,
    },
    /// The user is not in the team.
    #[error("user `{user_id}` is not in team `{team_id}`")]
    NotInTeam {
        /// The team.
        team_id: String,
        /// The user.
        user_id: String,
    },
    /// The user may not be in the team: too young for the product, or blocked by or blocking a member.
    #[error("user `{user_id}` may not join team `{team_id}`")]
    NotAllowedInTeam {
        /// The team.
        team_id: String,
        /// The user.
        user_id: String,
    },
    /// The change cannot be kept, so that it would not outlive a crash.
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// The initiator may not invite this person: no friends, a block, invitations muted or not wanted, or too young. Or
    /// there cannot have been an invitation to answer: no friends, and none was suggested or sent.
    #[error("user `{initiator_id}` may not invite user `{user_id}` to this product")]
    NotInvitable {
        /// Who is invited.
        user_id: String,
        /// Who invites.
        initiator_id: String,
    },
}

impl ChangeFault {
    /// The code in answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadRecord { .. } => "bad_record",
            Self::UnknownUser(_) => "unknown_user",
            Self::UnknownProduct(_) => "unknown_product",
            Self::UnknownTeam(_) => "unknown_team",
            Self::TeamNotOpen { .. } => "team_not_open",
            Self::TeamFull(_) => "team_full",
            Self::AlreadyInTeam { .. } => "already_in_team",
            Self::NotInTeam { .. } => "not_in_team",
            Self::NotAllowedInTeam { .. } => "not_allowed_in_team",
            Self::NotInvitable { .. } => "not_invitable",
            Self::NotKept(NotKept) => "not_kept",
        }
    }
}
