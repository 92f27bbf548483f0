//! What people of one country and language like on average, for those of whom little else is known.
//!
//! The vector of a cohort is the mean of its people's vectors, leaning on the mean of the cohort around it (country and
//! language on the country, these on everybody) as far as chance explains the difference: empirical Bayes with the
//! moments of a one-way layout (B. Efron and C. Morris 1975, "Data Analysis Using Stein's Estimator and its
//! Generalizations", §2). How far cohorts are believed beside friends and events is what ranks best for people of the
//! past whose history is hidden ([`judge`]); where that is not better than without cohorts, there are none.

mod judge;
mod means;
mod people;
#[cfg(test)]
mod tests;

use std::fmt;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::training::TrainingData;
use juntos_engine::cohorts::{Believed, Cohorts};
use juntos_engine::serving_model::FoldIn;
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
        })
    }
}

/// How far cohorts are to be believed, and what that is worth, judged by people of `held` who bought something in the
/// part held out. `embeddings` are learnt from `held.history`, and `fold` is how events will be folded in. None where
/// too few people say where they live or what they read.
pub fn judge(held: &HeldOut, people: &People, embeddings: &Embeddings, fold: &FoldIn) -> Option<(Believed, Newcomers)> {
    let means = Means::of(&held.history, people, embeddings)?;
    Some(Judge::new(held, people, embeddings, fold, &means)?.verdict())
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
