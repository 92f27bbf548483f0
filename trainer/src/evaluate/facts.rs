//! What a dataset and a bundle are, for whoever reads a report without them at hand.

use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::{Split, TeamOutcome};
use juntos_datasets::training::TrainingData;
use juntos_datasets::units::Timestamp;
use juntos_engine::Bundle;
use serde::Serialize;

use super::products::training_products;
use crate::error::TrainError;

/// What a dataset holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetFacts {
    /// Users named anywhere in it.
    pub users: u64,
    /// Products likewise.
    pub products: u64,
    /// Distinct (user, product) pairs of training.
    pub training_pairs: u64,
    /// Users with training products.
    pub training_users: u64,
    /// Median of their numbers of distinct products.
    pub median_history: f64,
    /// Distinct pairs of the test, of users with `personalise`.
    pub test_pairs: u64,
    /// Users with test products.
    pub test_users: u64,
    /// Ties that lead from a user to another; mutual ones count twice.
    pub ties: u64,
    /// Teams of training.
    pub training_teams: TeamCounts,
    /// Teams of the test.
    pub test_teams: TeamCounts,
    /// Latest moment of training.
    pub cut: Option<Timestamp>,
    /// Checksum (xxh3) of its files.
    pub checksum: String,
}

/// Teams by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TeamCounts {
    /// Filled in time.
    pub succeeded: u64,
    /// Did not.
    pub expired: u64,
    /// Open or cancelled.
    pub other: u64,
}

impl DatasetFacts {
    /// Counts what `data`, loaded from `dataset`, holds.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of(dataset: &Dataset, data: &TrainingData) -> Result<Self, TrainError> {
        let lengths = (0..data.users.len()).map(|user| training_products(data, user).len());
        let mut history: Vec<usize> = lengths.filter(|&length| length > 0).collect();
        history.sort_unstable();
        let teams = |split: Split| {
            let mut counts = TeamCounts::default();
            for team in data.teams.iter().filter(|team| team.split == split) {
                match team.outcome {
                    TeamOutcome::Succeeded => counts.succeeded += 1,
                    TeamOutcome::Expired => counts.expired += 1,
                    TeamOutcome::Open | TeamOutcome::Cancelled => counts.other += 1,
                }
            }
            counts
        };
        Ok(Self {
            users: data.users.len() as u64,
            products: data.products.len() as u64,
            training_pairs: history.iter().sum::<usize>() as u64,
            training_users: history.len() as u64,
            median_history: median(&history),
            test_pairs: data.test.len() as u64,
            test_users: (0..data.test.rows()).filter(|&user| !data.test.row(user).0.is_empty()).count() as u64,
            ties: data.friends.len() as u64,
            training_teams: teams(Split::Train),
            test_teams: teams(Split::Test),
            cut: data.cut,
            checksum: format!("{:016x}", dataset.checksum()?),
        })
    }
}

/// The middle of ascending `values`, or the mean of the two in the middle; zero without any.
fn median(values: &[usize]) -> f64 {
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        even if even % 2 == 0 => (values[middle - 1] + values[middle]) as f64 / 2.0,
        _ => values[middle] as f64,
    }
}

/// What a bundle is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BundleFacts {
    /// Its version.
    pub version: String,
    /// Name of the model.
    pub model: String,
    /// Dimensions of its vectors.
    pub dim: u64,
    /// Users in it.
    pub users: u64,
    /// Products in it.
    pub products: u64,
    /// Seed that it was trained with.
    pub seed: u64,
    /// Share of the ten nearest products that its index found, measured when it was written.
    pub index_recall_at_10: f64,
    /// Whether it was trained on exactly the files of the dataset.
    pub of_this_dataset: bool,
}

impl BundleFacts {
    /// Reads what `bundle` says of itself; `checksum` is that of the dataset.
    pub fn of(bundle: &Bundle, checksum: &str) -> Self {
        let manifest = bundle.manifest();
        Self {
            version: bundle.version().to_owned(),
            model: manifest.serving.name.clone(),
            dim: bundle.dim() as u64,
            users: bundle.n_users() as u64,
            products: bundle.n_products() as u64,
            seed: manifest.seed,
            index_recall_at_10: manifest.index.recall_at_10,
            of_this_dataset: manifest.data_checksum == checksum,
        }
    }
}

#[cfg(test)]
mod tests {
    //! 1. The median is the middle.

    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!([median(&[]), median(&[4]), median(&[1, 4]), median(&[1, 2, 9])], [0.0, 4.0, 2.5, 2.0]);
    }
}
