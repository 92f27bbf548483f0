//! The likeliest of many friends to join, found without a close look at all of them: most cannot be among them whatever a
//! close look would tell, because the strength of their ties and the teams that they joined say so already.
//!
//! The top of a list by an upper bound of each score, best bound first, as in Fagin, Lotem and Naor, *Optimal aggregation
//! algorithms for middleware*, JCSS 66, 2003: the answer is that of looking at everybody.

use juntos_datasets::{ProductRow, UserRow};

use super::evidence::Evidence;
use super::model::JoinFacts;
use super::opening::{Glimpse, Opening};
use crate::privacy::Privacy;
use crate::recommend::Snapshot;

/// A score (bigger is better), the friend's row, and the facts that it follows from.
pub(super) type Chance = (f32, u32, JoinFacts);

/// Friends whose facts are gathered at a time: few enough to stay close to the processor.
const AT_A_TIME: usize = 128;
/// Log-odds by which a bound may be too small because sums are rounded: a thousand times what twenty products of usual
/// size lose.
const ROUNDING: f32 = 1e-2;

impl Snapshot {
    /// The `k` of `friends`, ascending, with the largest scores, best first, equal ones by row. `score` makes one of the
    /// log-odds that a friend joins `initiator` on `product`, and never falls where these rise.
    pub(super) fn likeliest(
        &self,
        privacy: &Privacy<'_>,
        (initiator, product): (u32, ProductRow),
        friends: &[u32],
        k: usize,
        score: impl Fn(f32, u32) -> f32,
    ) -> Vec<Chance> {
        let mut evidence = Evidence::gather(self, privacy, initiator, &[]);
        let opening = Opening::new(&evidence, UserRow(initiator), product);
        let model = &self.bundle().serving().join;
        let mut promising: Vec<(f32, u32)> = Vec::with_capacity(friends.len());
        if friends.len() <= k.max(AT_A_TIME) {
            promising.extend(friends.iter().map(|&friend| (f32::INFINITY, friend)));
        } else {
            for some in friends.chunks(AT_A_TIME) {
                self.bundle().prefetch_glimpses(some);
                promising.extend(some.iter().map(|&friend| {
                    let (least, most) =
                        opening.range(&evidence, UserRow(friend), &self.glimpse(privacy, initiator, friend));
                    (score(model.at_most(&least, &most) + ROUNDING, friend), friend)
                }));
            }
            promising.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        }
        let mut best: Vec<Chance> = Vec::new();
        for some in promising.chunks(AT_A_TIME) {
            if best.len() == k && best.last().is_some_and(|worst| some[0].0 < worst.0) {
                break;
            }
            let mut rows: Vec<u32> = some.iter().map(|&(_, friend)| friend).collect();
            rows.sort_unstable();
            evidence.turn_to(privacy, &rows);
            best.extend(rows.iter().map(|&friend| {
                let facts = opening.facts(&evidence, UserRow(friend));
                (score(model.log_odds(&facts), friend), friend, facts)
            }));
            keep_best(&mut best, k);
        }
        best
    }

    /// What a look at `friend` tells.
    fn glimpse(&self, privacy: &Privacy<'_>, initiator: u32, friend: u32) -> Glimpse {
        if !self.personalised(friend) {
            return Glimpse::default();
        }
        let longest = if privacy.uses_taste_of(friend) { self.longest_vector(friend) } else { 0.0 };
        Glimpse {
            reverse: self.times_joined(friend, initiator),
            most_friends: self.n_users() as f32,
            most_products: self.n_products() as f32,
            longest,
        }
    }
}

/// Leaves the `k` best, best first, equal ones by row.
fn keep_best(chances: &mut Vec<Chance>, k: usize) {
    let order = |a: &Chance, b: &Chance| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if k < chances.len() {
        chances.select_nth_unstable_by(k, order);
        chances.truncate(k);
    }
    chances.sort_unstable_by(order);
}
