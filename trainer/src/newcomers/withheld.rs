//! People of the past as if they had not come yet.

use std::collections::BTreeSet;

use juntos_datasets::training::TrainingData;
use juntos_datasets::{Csr, UserRow};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::compare::FEWEST_CASES;
use crate::evaluate::products::Case;
use crate::models::cohorts::People;
use crate::prepare::HeldOut;

/// Most people withheld.
const MOST: usize = 1_000;
/// Of how many people with a history one may be withheld.
const ONE_OF: usize = 5;
/// Fewest events of somebody withheld, beside which she has at least one more.
const FEWEST_EVENTS: usize = 3;
/// Most of her events that are folded in; none of them is to be found.
const MOST_EVENTS: usize = 8;

/// People who are withheld, and the history without them.
pub struct Withheld {
    /// All that others did: friendships stay.
    pub history: TrainingData,
    pub(super) people: Vec<Stranger>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stranger {
    pub(super) user: UserRow,
    /// Her first events: products with their weights, in an arbitrary order; [`FEWEST_EVENTS`] to [`MOST_EVENTS`].
    first: Vec<(u32, f32)>,
    /// What she had next, ascending, none of it among the first; at least one product.
    next: Vec<u32>,
}

impl Withheld {
    /// Some people of `held` who had something next: what is held out of hers; where chance chose that, the rest of what she did
    /// as well, since no time lies between. None where there are too few.
    pub fn of(held: &HeldOut, people: &People, seed: u64) -> Option<Self> {
        let users = held.history.interactions.rows();
        let known = (0..users).filter(|&user| !held.history.interactions.row(user).0.is_empty()).count();
        let mut strangers: Vec<Stranger> =
            (0..users).filter(|&user| people.personalise[user]).filter_map(|user| stranger(held, user)).collect();
        strangers.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        strangers.truncate(MOST.min(known / ONE_OF));
        strangers.sort_unstable_by_key(|stranger| stranger.user);
        (strangers.len() >= FEWEST_CASES)
            .then(|| Self { history: without(&held.history, &strangers), people: strangers })
    }
}

impl Stranger {
    /// So many of her first events, or all of them: products with their weights.
    pub(super) fn events(&self, count: usize) -> &[(u32, f32)] {
        &self.first[..count.min(self.first.len())]
    }

    /// What is to be ranked for her after so many events.
    pub(super) fn case(&self, events: usize) -> Case {
        let mut seen: Vec<u32> = self.events(events).iter().map(|&(product, _)| product).collect();
        seen.sort_unstable();
        Case { user: self.user, seen, relevant: self.next.clone() }
    }
}

fn stranger(held: &HeldOut, user: usize) -> Option<Stranger> {
    let mut did: Vec<(u32, f32)> = held.history.interactions.entries(user).collect();
    // A fixed but arbitrary order: rows of products follow their table, which may be by popularity.
    did.sort_unstable_by_key(|&(product, _)| xxhash_rust::xxh3::xxh3_64(&product.to_le_bytes()));
    if did.len() <= FEWEST_EVENTS {
        return None;
    }
    let rest = did.split_off(MOST_EVENTS.min(did.len() - 1));
    let held_out = [&held.test, &held.repeats].into_iter().flat_map(|part| part.row(user).0).copied();
    let mut next: BTreeSet<u32> = held_out.collect();
    if held.by_chance && !next.is_empty() {
        next.extend(rest.iter().map(|&(product, _)| product));
    }
    did.iter().for_each(|(product, _)| _ = next.remove(product));
    (!next.is_empty()).then(|| Stranger { user: UserRow(user as u32), first: did, next: next.into_iter().collect() })
}

/// The history as if these people had only come and made friends.
fn without(history: &TrainingData, people: &[Stranger]) -> TrainingData {
    let is_withheld = |user: UserRow| people.binary_search_by_key(&user, |stranger| stranger.user).is_ok();
    let mut left = history.clone();
    let all = &history.interactions;
    left.interactions = Csr::by_rows(all.rows(), all.columns(), |user, cells| {
        if !is_withheld(UserRow(user as u32)) {
            cells.extend(all.entries(user));
        }
    });
    people.iter().for_each(|stranger| left.possessions[stranger.user.0 as usize].clear());
    left.teams.retain(|team| !team.members().into_iter().any(is_withheld));
    left
}
