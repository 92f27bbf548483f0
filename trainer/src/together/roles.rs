//! Two roles for everybody: one who opens teams and one who joins them (Zhang et al., "Group-buying recommendation for
//! social e-commerce", ICDE 2021, arXiv 2010.06848, learn a vector for each of the two; failed teams tell who did not).
//!
//! Theirs are propagated through a graph of each role; these are plain factors, fitted by what the teams themselves say:
//!
//! ```text
//! log-odds(u, f, p) = b + willing_f + asking_u + participant_f · (initiator_u + product_p)
//! ```
//!
//! for every team of *u* on *p* and every friend *f* who could have joined: those who did against those who did not, of teams
//! that filled and of teams that nobody joined alike.

use juntos_datasets::training::TeamRecord;
use juntos_datasets::{ProductRow, UserRow};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Past, decided};

/// How the roles are learnt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoleSettings {
    /// Numbers in each vector.
    pub dim: usize,
    /// Passes over the teams.
    pub passes: usize,
    /// Step of Adagrad (Duchi, Hazan and Singer, JMLR 2011).
    pub rate: f32,
    /// Pull of every number towards zero, at each of its steps.
    pub pull: f32,
    /// Decides where the vectors start and the order of examples.
    pub seed: u64,
}

impl Default for RoleSettings {
    fn default() -> Self {
        Self { dim: 8, passes: 15, rate: 0.1, pull: 0.05, seed: 0 }
    }
}

/// Learnt roles, by the dataset's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Roles {
    dim: usize,
    always: Table,
    willing: Table,
    asking: Table,
    participants: Table,
    initiators: Table,
    products: Table,
}

/// Rows of numbers with the squares of their past gradients.
#[derive(Debug, Clone, PartialEq)]
struct Table {
    dim: usize,
    values: Vec<f32>,
    squares: Vec<f32>,
}

impl Table {
    fn new(rows: usize, dim: usize, mut value: impl FnMut() -> f32) -> Self {
        Self { dim, values: (0..rows * dim).map(|_| value()).collect(), squares: vec![0.0; rows * dim] }
    }

    fn row(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.dim..(row as usize + 1) * self.dim]
    }

    /// One step down the gradient `slope · direction` and the pull.
    fn step(&mut self, row: u32, slope: f32, direction: &[f32], settings: &RoleSettings) {
        let start = row as usize * self.dim;
        for (at, direction) in direction.iter().enumerate() {
            let value = &mut self.values[start + at];
            let gradient = slope * direction + settings.pull * *value;
            let square = &mut self.squares[start + at];
            *square += gradient * gradient;
            *value -= settings.rate * gradient / (*square + 1e-6).sqrt();
        }
    }
}

/// One friend who could have joined one team.
#[derive(Clone, Copy)]
struct Asked {
    initiator: u32,
    friend: u32,
    product: u32,
    joined: bool,
}

impl Roles {
    /// Learns from those of `teams` that are over, with the friends of `past`. Equal seeds give equal roles.
    ///
    /// Cost: linear in passes and pairs of team and friend.
    pub fn fit(
        past: &Past<'_>,
        teams: &[TeamRecord],
        (users, products): (usize, usize),
        settings: &RoleSettings,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let dim = settings.dim;
        let mut roles = {
            let mut small = |rows: usize| Table::new(rows, dim, || rng.random_range(-0.1..0.1));
            let (participants, initiators, products) = (small(users), small(users), small(products));
            let single = |rows: usize| Table::new(rows, 1, || 0.0);
            let (always, willing, asking) = (single(1), single(users), single(users));
            Self { dim, always, willing, asking, participants, initiators, products }
        };
        let mut examples: Vec<Asked> = decided(past, teams).into_iter().flat_map(|team| asked(past, team)).collect();
        for _ in 0..settings.passes {
            examples.shuffle(&mut rng);
            examples.iter().for_each(|example| roles.learn(example, settings));
        }
        roles
    }

    /// Log-odds that `friend` joins a team of `initiator` on `product`.
    pub fn score(&self, initiator: UserRow, friend: UserRow, product: ProductRow) -> f32 {
        let towards = self.wants(initiator.0, product.0);
        let fit: f32 = self.participants.row(friend.0).iter().zip(&towards).map(|(a, b)| a * b).sum();
        self.always.values[0] + self.willing.row(friend.0)[0] + self.asking.row(initiator.0)[0] + fit
    }

    /// What the participant's vector is multiplied by.
    fn wants(&self, initiator: u32, product: u32) -> Vec<f32> {
        self.initiators.row(initiator).iter().zip(self.products.row(product)).map(|(a, b)| a + b).collect()
    }

    fn learn(&mut self, example: &Asked, settings: &RoleSettings) {
        let Asked { initiator, friend, product, joined } = *example;
        let score = self.score(UserRow(initiator), UserRow(friend), ProductRow(product));
        let slope = 1.0 / (1.0 + (-score).exp()) - f32::from(u8::from(joined));
        let (towards, participant) = (self.wants(initiator, product), self.participants.row(friend).to_vec());
        self.always.step(0, slope, &[1.0], &RoleSettings { pull: 0.0, ..*settings });
        self.willing.step(friend, slope, &[1.0], settings);
        self.asking.step(initiator, slope, &[1.0], settings);
        self.participants.step(friend, slope, &towards, settings);
        self.initiators.step(initiator, slope, &participant, settings);
        self.products.step(product, slope, &participant, settings);
    }
}

fn asked(past: &Past<'_>, team: &TeamRecord) -> Vec<Asked> {
    let friends = past.reachable(team).into_iter().filter(|&friend| past.uses(friend));
    let asked = |friend: UserRow| Asked {
        initiator: team.initiator.0,
        friend: friend.0,
        product: team.product.0,
        joined: team.participants.binary_search(&friend).is_ok(),
    };
    friends.map(asked).collect()
}
