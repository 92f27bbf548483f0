//! What people of one country and language like on average, for those of whom little else is known.
//!
//! The vector of a cohort is the mean of its people's vectors, leaning on the mean of the cohort around it (country and
//! language on the country, these on everybody) as far as chance explains the difference: empirical Bayes with the
//! moments of a one-way layout (B. Efron and C. Morris 1975, "Data Analysis Using Stein's Estimator and its
//! Generalizations", §2). How far cohorts are believed beside friends and events is what ranks best for people of the
//! past whose history is hidden ([`judge`]); where that is not better than without cohorts, there are none. The same people
//! tell how firmly events leave priors where they are, and how much what is popular counts beside them.

mod hold;
mod judge;
mod means;
mod people;
mod popular;
#[cfg(test)]
mod tests;

use std::fmt;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::training::TrainingData;
use juntos_engine::cohorts::{Believed, Cohorts};
use juntos_engine::serving_model::{FoldIn, Hold, Popular};
use serde::Serialize;

use self::judge::Judge;
use self::means::Means;
pub use self::people::People;
use crate::error::TrainError;
use crate::models::Embeddings;
use crate::prepare::HeldOut;

/// How products were ranked for people whose history was hidden: mean NDCG@20 of what they bought next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Newcomers {
    /// People without a friend of whom anything is known, history hidden: all who were looked at, friends hidden as well.
    pub alone: Compared,
    /// The same people with the friends that they have, where one at least has a vector.
    pub with_friends: Compared,
    /// The same people after one and three of their events, friends hidden.
    pub with_events: Compared,
    /// All who were looked at, after one and three of their events, friends hidden: without and with what is popular beside
    /// what they and their cohorts like.
    pub beside_popular: Compared,
}

/// What the past tells of newcomers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// How far cohorts are to be believed.
    pub believed: Believed,
    /// How firmly events leave priors where they are.
    pub hold: Hold,
    /// How much what is popular counts in a newcomer's list.
    pub popular: Popular,
    /// What all this is worth.
    pub told: Newcomers,
}

/// Rankings of the same people with and without cohorts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Compared {
    /// How many people.
    pub people: usize,
    /// Mean NDCG@20 without cohorts: of what is popular in the country, by friends, by events.
    pub without: f64,
    /// The same with cohorts, believed as far as ranks best, whether or not that is kept.
    pub with: f64,
    /// Whether it is kept: better by more than chance makes of it.
    pub kept: bool,
}

impl fmt::Display for Newcomers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("alone", self.alone), ("with friends", self.with_friends), ("with events", self.with_events)];
        write!(f, "newcomers, ndcg@20 without and with what people of their country and language like:")?;
        parts.iter().try_for_each(|(name, Compared { people, without, with, kept })| {
            let verdict = if *kept { "kept" } else { "not kept" };
            write!(f, " {name} {without:.4} {with:.4} of {people} ({verdict});")
        })?;
        let Compared { people, without, with, .. } = self.beside_popular;
        write!(f, " then with what is popular {without:.4} {with:.4} of {people}")
    }
}

/// How newcomers are to be served, judged by people of `held` who bought something in the part held out. `embeddings` are
/// learnt from `held.history`, and `fold` is how events will be folded in. None where there are too few such people;
/// where too few say where they live or what they read, cohorts are not believed.
pub fn judge(held: &HeldOut, people: &People, embeddings: &Embeddings, fold: &FoldIn) -> Option<Verdict> {
    let means = Means::of(&held.history, people, embeddings);
    Some(Judge::new(held, people, embeddings, fold, means.as_ref())?.verdict())
}

/// The cohorts of everybody with a history in `data`, whose vectors are in `embeddings`; none where no cohort is large
/// enough.
///
/// # Errors
/// When the table of users cannot be read.
pub fn learn(
    dataset: &Dataset,
    data: &TrainingData,
    embeddings: &Embeddings,
    believed: Believed,
) -> Result<Option<Cohorts>, TrainError> {
    let people = People::read(dataset, data)?;
    let means = Means::of(data, &people, embeddings);
    Ok(means.map(|means| Cohorts::new(embeddings.dim, believed, means.cohorts())))
}
