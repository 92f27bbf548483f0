//! How good a bundle is on held-out rows: whole-catalogue ranking for people, whom to invite, teams and groups.
//!
//! What is evaluated is what is served: [`Via`] chooses between exact search, the index, and the whole recommender.
//! Definitions are in `docs/evaluation.md`.

pub mod metrics;
pub mod report;

use std::path::Path;

use juntos_datasets::progress::Progress;
use juntos_datasets::words;
use serde::{Deserialize, Serialize};

pub use report::{EvaluateReport, Verdict};

use crate::error::TrainError;

words! {
    /// What is ranked.
    Task {
        /// The catalogue, for a user.
        Products = "products",
        /// The initiator's friends, for her and a product.
        Friends = "friends",
        /// Teams opened by friends, for a user who joined one.
        Teams = "teams",
        /// The product among its negatives, for a group.
        Groups = "groups",
    }
}

words! {
    /// What ranks.
    Via {
        /// Inner products of the bundle's vectors with the whole catalogue.
        Exact = "exact",
        /// The bundle's approximate index.
        Index = "index",
        /// The whole recommender, with filters, privacy and blending.
        Served = "served",
    }
}

/// Settings of one evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// What is ranked.
    pub task: Task,
    /// What ranks.
    pub via: Via,
    /// Cuts of the list, each 1 to [`MAX_K`]; empty means 10 and 20.
    pub k: Vec<usize>,
    /// Keep the user's training products in the ranking.
    pub include_seen: bool,
    /// Breaks ties.
    pub seed: u64,
}

/// Deepest cut that can be evaluated.
pub const MAX_K: usize = 100;

impl EvaluateConfig {
    /// The defaults for `task`: exact search, cuts at 10 and 20, training products left out.
    pub fn new(task: Task) -> Self {
        Self { task, via: Via::Exact, k: vec![10, 20], include_seen: false, seed: 0 }
    }
}

/// Ranks the held-out rows of `data` with `bundle` and measures how well.
///
/// # Errors
/// When a file cannot be read, the bundle was made from other data, a cut is out of range, or the dataset holds no
/// test rows for the task.
pub fn evaluate(
    data: &Path,
    bundle: &Path,
    config: &EvaluateConfig,
    progress: &dyn Progress,
) -> Result<EvaluateReport, TrainError> {
    let _ = (data, bundle, config, progress);
    todo!()
}
