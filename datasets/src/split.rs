//! Parts of the training data: a random hold-out for each user, and the groups that buy together again and again.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::csr::Csr;
use crate::ids::{ProductRow, UserRow};
use crate::training::TrainingData;

/// Teams a set of members must have succeeded with to count as a standing group.
pub const STANDING_TEAMS: usize = 2;

/// Members who succeeded together at least [`STANDING_TEAMS`] times.
#[derive(Debug, Clone, PartialEq)]
pub struct StandingGroup {
    /// The members, ascending.
    pub members: Vec<UserRow>,
    /// What they bought together, by product, with the number of teams.
    pub interactions: Vec<(ProductRow, f32)>,
}

impl TrainingData {
    /// Splits the interactions into a part to learn from and one to measure on: of each user's products, `share`
    /// (0 to 1) is held out at random, rounded down, and one always stays. Equal seeds give equal parts.
    pub fn hold_out(&self, share: f64, seed: u64) -> (Csr, Csr) {
        let (mut train, mut held) = (Vec::new(), Vec::new());
        for user in 0..self.interactions.rows() {
            let (products, values) = self.interactions.row(user);
            let most = products.len().saturating_sub(1);
            let wanted = ((products.len() as f64 * share.clamp(0.0, 1.0)) as usize).min(most);
            // A stream for each user: her part does not depend on what the others have.
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(user as u64);
            let mut is_held = vec![false; products.len()];
            // The first steps of a Fisher-Yates shuffle draw `wanted` positions.
            let mut order: Vec<usize> = (0..products.len()).collect();
            for at in 0..wanted {
                let drawn = rng.random_range(at..order.len());
                order.swap(at, drawn);
                is_held[order[at]] = true;
            }
            for (at, (&product, &value)) in products.iter().zip(values).enumerate() {
                let part = if is_held[at] { &mut held } else { &mut train };
                part.push((user as u32, product, value));
            }
        }
        let (rows, columns) = (self.interactions.rows(), self.interactions.columns());
        (Csr::from_entries(rows, columns, train), Csr::from_entries(rows, columns, held))
    }

    /// The standing groups of the succeeded training teams, in ascending order of their members.
    pub fn standing_groups(&self) -> Vec<StandingGroup> {
        let mut teams: BTreeMap<Vec<UserRow>, Vec<ProductRow>> = BTreeMap::new();
        for team in self.teams.iter().filter(|team| team.is_past_success() && !team.participants.is_empty()) {
            teams.entry(team.members()).or_default().push(team.product);
        }
        teams.retain(|_, products| products.len() >= STANDING_TEAMS);
        let group = |(members, mut products): (Vec<UserRow>, Vec<ProductRow>)| {
            products.sort_unstable();
            let interactions = products.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f32)).collect();
            StandingGroup { members, interactions }
        };
        teams.into_iter().map(group).collect()
    }
}
