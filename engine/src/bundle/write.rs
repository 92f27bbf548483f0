//! Writing a bundle: to a temporary folder beside its place, then renamed as a whole.

use std::path::Path;

use juntos_datasets::UserRow;
use juntos_datasets::training::TrainingData;

use super::manifest::Manifest;
use crate::error::EngineError;
use crate::serving_model::ServingModel;

/// Everything that a bundle is made of.
pub struct BundleSource<'a> {
    /// Rows, ties, teams and possessions.
    pub data: &'a TrainingData,
    /// The small models of serving.
    pub serving: &'a ServingModel,
    /// Dimensions of every vector, at least 1.
    pub dim: usize,
    /// `(users, dim)` row-major, finite.
    pub user_vectors: &'a [f32],
    /// `(products, dim)` row-major, finite.
    pub product_vectors: &'a [f32],
    /// Vectors of standing groups.
    pub groups: &'a [GroupVector],
    /// Whole configuration of training.
    pub config: serde_json::Value,
    /// Quality measured in training.
    pub metrics: serde_json::Value,
    /// Seed of training.
    pub seed: u64,
}

/// The vector of one standing group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupVector {
    /// Members, ascending: what identifies the group.
    pub members: Vec<UserRow>,
    /// `dim` numbers, finite.
    pub vector: Vec<f32>,
}

/// Writes a bundle to the new folder `out`, index included.
///
/// Everything is written to a temporary folder beside `out`, synced, and renamed at the end: `out` is whole or absent.
/// The same source gives the same bytes, but for the index and the figures on it: `hnsw_rs` inserts in parallel.
///
/// # Errors
/// When `out` exists, the source does not fit together or is not finite, a table cannot be read, or the disk refuses.
pub fn write(out: &Path, source: &BundleSource<'_>) -> Result<Manifest, EngineError> {
    write_with(out, source, |_| Ok(()))
}

/// As [`write()`], with files of the caller's own: `more` gets the temporary folder and adds files to it (no folders),
/// which the manifest lists with their checksums like the others.
///
/// # Errors
/// As [`write()`], and what `more` returns.
pub fn write_with(
    out: &Path,
    source: &BundleSource<'_>,
    more: impl FnOnce(&Path) -> Result<(), EngineError>,
) -> Result<Manifest, EngineError> {
    let _ = (out, source, more);
    todo!()
}
