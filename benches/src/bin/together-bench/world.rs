//! The people who ask, their friends, and the teams that are open.

use juntos_datasets::tables::{FriendshipKind, TeamOutcome};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, Row, UserRow};
use juntos_engine::bundle::Bundle;
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

    /// Ties hubs and members of groups to as many friends as wanted, drawn from everybody.
    pub(crate) fn add_friends(&mut self, sizes: &Sizes) -> Result<Circles, ChangeFault> {
        let hubs = (0..HUBS).map(|_| self.with_friends(sizes.friends)).collect::<Result<_, _>>()?;
        let group = |world: &mut Self| {
            (0..sizes.group).map(|_| world.with_friends(sizes.member_friends)).collect::<Result<_, _>>()
        };
        let groups = (0..GROUPS).map(|_| group(self)).collect::<Result<_, _>>()?;
        Ok(Circles { hubs, groups })
    }

    /// Id of somebody with at least so many friends.
    fn with_friends(&mut self, wanted: usize) -> Result<String, ChangeFault> {
        let person = self.below(self.users.len());
        let user_id = self.users[person].clone();
        let has = self.engine.snapshot().bundle().friends(UserRow::from_index(person)).0.len();
        for _ in has..wanted {
            let friend = (person + 1 + self.below(self.users.len() - 1)) % self.users.len();
            let record = FriendshipRecord {
                user_id: user_id.clone(),
                friend_id: self.users[friend].clone(),
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
