//! What people of one country and language like on average, for those of whom little else is known.
//!
//! The vector of a cohort is the mean of its people's vectors, leaning on the mean of the cohort around it (country and
//! language on the country, these on everybody) as far as chance explains the difference: empirical Bayes with the
//! moments of a one-way layout (B. Efron and C. Morris 1975, "Data Analysis Using Stein's Estimator and its
//! Generalizations", §2). How far cohorts are believed beside friends and events is learnt from people who are withheld
//! ([`newcomers`](crate::newcomers)); where they are of no use, there are none.

mod means;
mod people;
#[cfg(test)]
pub(crate) mod tests;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::training::TrainingData;
use juntos_engine::cohorts::{Believed, Cohorts};

pub(crate) use self::means::Means;
pub use self::people::People;
use crate::error::TrainError;
use crate::models::Embeddings;

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
