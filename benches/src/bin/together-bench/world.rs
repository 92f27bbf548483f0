//! The people who ask, their friends, and the teams that are open.

use std::collections::HashSet;

use juntos_datasets::tables::{FriendshipKind, Invites, TeamOutcome};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, Row, UserRow};
use juntos_engine::bundle::{Bundle, UserProfile};
use juntos_engine::live::records::{FriendshipRecord, TeamRecord};
use juntos_engine::live::{Change, ChangeFault};
use juntos_engine::recommend::Engine;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// People with that many friends, and groups of them, among whom the questions take turns.
const HUBS: usize = 20;
const GROUPS: usize = 20;
/// Hours before the last teams expire.
const LONGEST_HOURS: u32 = 72;
/// Draws after which somebody goes without further friends: nobody else is there.
const MOST_DRAWS: usize = 10_000_000;
/// Who was born in this year or before may get anything.
const GROWN_UP: i32 = 1990;

/// How many friends there are.
pub(crate) struct Sizes {
    /// Of those who ask whom to invite.
    pub(crate) friends: usize,
    /// Members of a group.
    pub(crate) group: usize,
    /// Of each member of a group.
    pub(crate) member_friends: usize,
}

/// Ids of those who ask.
pub(crate) struct Circles {
    /// Each with many friends.
    pub(crate) hubs: Vec<String>,
    pub(crate) groups: Vec<Vec<String>>,
}

/// Whether `friend` may be suggested for whatever may be shown where `own` lives: she takes invitations, lives there too,
/// and is old enough for anything.
fn may_be_suggested(own: &UserProfile, friend: &UserProfile) -> bool {
    let grown_up = friend.birth_year.is_some_and(|born| born <= GROWN_UP);
    friend.invites == Invites::Friends && friend.country == own.country && grown_up
}

/// A bundle's people and products, and live changes to them.
pub(crate) struct World<'a> {
    engine: &'a Engine,
    now: Timestamp,
    rng: ChaCha8Rng,
    users: Vec<String>,
    /// By popularity.
    products: Vec<String>,
}

impl<'a> World<'a> {
    /// The world of a bundle at `now`.
    pub(crate) fn new(engine: &'a Engine, now: Timestamp, seed: u64) -> Self {
        let snapshot = engine.snapshot();
        let bundle: &Bundle = snapshot.bundle();
        let users = bundle.users().ids().map(str::to_owned).collect();
        let products = bundle.popular().iter().map(|&row| bundle.products().id(ProductRow(row)).to_owned()).collect();
        Self { engine, now, rng: ChaCha8Rng::seed_from_u64(seed), users, products }
    }

    /// The user who asks question `at`: all of them in turn, far from one another.
    pub(crate) fn user(&self, at: usize) -> String {
        self.users[at * 7_919 % self.users.len()].clone()
    }

    fn below(&mut self, end: usize) -> usize {
        ((u64::from(self.rng.next_u32()) * end as u64) >> 32) as usize
    }

    /// Ties hubs and members of groups to as many friends as wanted: those of hubs are drawn from all who may be suggested
    /// for whatever the hub may be shown, so that none of them is spared, those of members from everybody.
    pub(crate) fn add_friends(&mut self, sizes: &Sizes) -> Result<Circles, ChangeFault> {
        let hubs = (0..HUBS).map(|_| self.with_friends(sizes.friends, may_be_suggested)).collect::<Result<_, _>>()?;
        let group = |world: &mut Self| {
            (0..sizes.group).map(|_| world.with_friends(sizes.member_friends, |_, _| true)).collect::<Result<_, _>>()
        };
        let groups = (0..GROUPS).map(|_| group(self)).collect::<Result<_, _>>()?;
        Ok(Circles { hubs, groups })
    }

    /// Anybody of whom `fits` holds, or whoever was drawn last.
    fn somebody(&mut self, fits: impl Fn(UserRow) -> bool) -> UserRow {
        let mut row = UserRow::from_index(self.below(self.users.len()));
        for _ in 0..MOST_DRAWS {
            if fits(row) {
                break;
            }
            row = UserRow::from_index(self.below(self.users.len()));
        }
        row
    }

    /// Id of somebody who may be served by what is known of her, with at least so many friends, those who are added such as `fits` says of her profile and theirs.
    fn with_friends(
        &mut self,
        wanted: usize,
        fits: impl Fn(&UserProfile, &UserProfile) -> bool,
    ) -> Result<String, ChangeFault> {
        let snapshot = self.engine.snapshot();
        let bundle = snapshot.bundle();
        let person = self.somebody(|row| bundle.profile(row).personalise);
        let user_id = self.users[person.index()].clone();
        let own = bundle.profile(person);
        let mut friends: HashSet<u32> = bundle.friends(person).0.iter().copied().collect();
        for _ in 0..MOST_DRAWS {
            if friends.len() >= wanted {
                break;
            }
            let friend = UserRow::from_index(self.below(self.users.len()));
            if friend == person || !fits(&own, &bundle.profile(friend)) || !friends.insert(friend.0) {
                continue;
            }
            let record = FriendshipRecord {
                user_id: user_id.clone(),
                friend_id: self.users[friend.index()].clone(),
                kind: FriendshipKind::Friend,
                strength: (1 + self.below(100)) as f32 / 100.0,
                since: None,
            };
            self.engine.apply(Change::PutFriendship(record), self.now)?;
        }
        Ok(user_id)
    }

    /// Opens so many teams, more on popular products: the rank falls with the square of a uniform draw.
    pub(crate) fn open_teams(&mut self, count: usize) -> Result<(), ChangeFault> {
        let mut opened = 0;
        while opened < count {
            let draw = f64::from(self.rng.next_u32()) / f64::from(u32::MAX);
            let product = ((draw * draw * self.products.len() as f64) as usize).min(self.products.len() - 1);
            let initiator = self.below(self.users.len());
            let min_size = 2 + self.below(4) as u32;
            let hours = 1 + self.below(LONGEST_HOURS as usize);
            let record = TeamRecord {
                team_id: format!("open-{opened:07}"),
                product_id: self.products[product].clone(),
                initiator_id: self.users[initiator].clone(),
                participant_ids: Vec::new(),
                min_size,
                opened_at: Some(self.now),
                deadline: Some(self.now.plus_days(hours as f64 / 24.0)),
                outcome: TeamOutcome::Open,
                public: None,
            };
            match self.engine.apply(Change::PutTeam(record), self.now) {
                Ok(_) => opened += 1,
                // Too young for the product: somebody else opens one.
                Err(ChangeFault::NotAllowedInTeam { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}
