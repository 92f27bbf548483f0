//! How good a bundle is on held-out rows: whole-catalogue ranking for people, whom to invite, teams and groups.
//!
//! What is evaluated is what is served: [`Via`] chooses between exact search, the index, and the whole recommender.
//! Definitions are in `docs/evaluation.md`.

pub mod bootstrap;
pub mod calibration;
pub mod comparison;
pub mod course;
pub mod curve;
mod evaluation;
pub mod exposure;
pub mod facts;
pub mod forecasts;
pub mod friends;
pub mod groups;
pub mod held_out;
pub mod intervals;
pub mod metrics;
mod neighbours;
pub mod page;
pub mod people;
pub mod products;
pub mod rank;
pub mod report;
pub mod slices;
pub mod source;
mod tasks;
pub mod teams;
mod text;

use juntos_datasets::words;
use serde::{Deserialize, Serialize};

pub use comparison::{Agreement, Comparison};
pub use evaluation::evaluate;
pub use report::{EvaluateReport, Metrics, Verdict};

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
    /// What ranks, one after another; the first is what the others are compared with. Empty means exact search.
    pub via: Vec<Via>,
    /// Cuts of the list, each 1 to [`MAX_K`]; empty means 10 and 20.
    pub k: Vec<usize>,
    /// Keep the user's training products in the ranking.
    pub include_seen: bool,
    /// Breaks ties, and decides the draws of the bootstrap.
    pub seed: u64,
    /// Draws of the bootstrap that intervals are made of, in [`RESAMPLES`].
    pub resamples: usize,
}

/// Deepest cut that can be evaluated.
pub const MAX_K: usize = 100;

/// Draws that intervals may be made of: of fewer than a hundred, the ends of 95 % are the luck of a draw or two.
pub const RESAMPLES: std::ops::RangeInclusive<usize> = 100..=100_000;

impl EvaluateConfig {
    /// The defaults for `task`: exact search, cuts at 10 and 20, training products left out, a thousand draws.
    pub fn new(task: Task) -> Self {
        Self { task, via: vec![Via::Exact], k: vec![10, 20], include_seen: false, seed: 0, resamples: 1000 }
    }

    /// Checks the settings against their ranges.
    ///
    /// # Errors
    /// [`TrainError::Cut`] and [`TrainError::Resamples`] for a number out of range, [`TrainError::NoIndex`] for a task
    /// that the index does not serve.
    pub fn check(&self) -> Result<(), TrainError> {
        if let Some(&got) = self.k.iter().find(|k| !(1..=MAX_K).contains(*k)) {
            return Err(TrainError::Cut { got });
        }
        if !RESAMPLES.contains(&self.resamples) {
            return Err(TrainError::Resamples { got: self.resamples });
        }
        if self.via.contains(&Via::Index) && self.task != Task::Products {
            return Err(TrainError::NoIndex { task: self.task.word() });
        }
        Ok(())
    }

    /// The cuts, ascending, without repeats.
    fn cuts(&self) -> Vec<usize> {
        let mut cuts = if self.k.is_empty() { vec![10, 20] } else { self.k.clone() };
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// The deepest cut.
    fn deepest(&self) -> usize {
        self.cuts().last().copied().unwrap_or(MAX_K)
    }

    /// The first way to rank, and the others in the order asked for, without repeats.
    fn ways(&self) -> (Via, Vec<Via>) {
        let first = self.via.first().copied().unwrap_or(Via::Exact);
        let mut others: Vec<Via> = Vec::new();
        for &via in &self.via {
            if via != first && !others.contains(&via) {
                others.push(via);
            }
        }
        (first, others)
    }
}
