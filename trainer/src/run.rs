//! One training run: dataset in, bundle out.

use std::fmt;
use std::path::{Path, PathBuf};

use juntos_datasets::progress::Progress;
use serde::Serialize;

use crate::config::TrainConfig;
use crate::error::TrainError;
use crate::evaluate::EvaluateReport;

/// What a training run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainReport {
    /// The bundle written.
    pub bundle: PathBuf,
    /// Name of the model.
    pub model: String,
    /// Users in the bundle.
    pub users: u64,
    /// Products in the bundle.
    pub products: u64,
    /// Cells of the interaction matrix.
    pub interactions: u64,
    /// Ties between users, each direction counted.
    pub friendships: u64,
    /// Standing groups that have a vector of their own.
    pub groups: u64,
    /// Teams that the join and success models were fitted on.
    pub teams: u64,
    /// Number of dimensions of vectors.
    pub dim: usize,
    /// Wall-clock seconds of the whole run.
    pub seconds: f64,
    /// Wall-clock seconds of each stage, in order.
    pub stages: Vec<(String, f64)>,
    /// Quality on rows held out of training, beside popularity; absent when the data is too small to spare any.
    pub quality: Option<EvaluateReport>,
}

impl fmt::Display for TrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} with {} dimensions: {} users, {} products, {} interactions, {} friendships, {} teams, {} standing groups, {:.1} s",
            self.model,
            self.dim,
            self.users,
            self.products,
            self.interactions,
            self.friendships,
            self.teams,
            self.groups,
            self.seconds
        )?;
        if let Some(quality) = &self.quality {
            writeln!(f, "{quality}")?;
        }
        write!(f, "bundle: {}", self.bundle.display())
    }
}

/// Trains on the dataset in folder `data` and writes the bundle `out`, which must not exist.
///
/// The same data, configuration and seed give the same bundle for any number of threads; see `ARCHITECTURE.md` for the
/// one exception. Nothing is left behind when the run fails.
///
/// # Errors
/// When the data cannot be read or learnt from, the configuration does not hold, or `out` cannot be written.
pub fn train(
    data: &Path,
    out: &Path,
    config: &TrainConfig,
    progress: &dyn Progress,
) -> Result<TrainReport, TrainError> {
    let _ = (data, out, config, progress);
    todo!()
}
