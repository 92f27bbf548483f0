//! The manifest: what is in a bundle, where it came from, and the checksum of every file.

use std::collections::BTreeMap;

use juntos_datasets::units::Timestamp;
use serde::{Deserialize, Serialize};

use crate::index::{BuildOptions, Builder, RowFormat};
use crate::serving_model::ServingModel;

/// Name of the manifest's file.
pub(super) const MANIFEST: &str = "manifest.json";
/// Name of the file that holds the manifest's own checksum.
pub(super) const MANIFEST_CHECKSUM: &str = "manifest.xxh3";
/// What every manifest calls itself.
pub(super) const FORMAT: &str = "juntos-bundle";

/// What is in a bundle; file `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `juntos-bundle`.
    pub format: String,
    /// Version of the format, see [`FORMAT_VERSION`](super::FORMAT_VERSION).
    pub format_version: u32,
    /// How many of everything.
    pub shapes: Shapes,
    /// Seed of training.
    pub seed: u64,
    /// Whole configuration of training.
    pub config: serde_json::Value,
    /// Checksum of the dataset, 16 hexadecimal digits.
    pub data_checksum: String,
    /// Latest moment seen in the training data.
    pub cut: Option<Timestamp>,
    /// Quality measured in training.
    pub metrics: serde_json::Value,
    /// The models that serving needs.
    pub serving: ServingModel,
    /// The index and what it reaches.
    pub index: IndexReport,
    /// Size and checksum of every file but the manifest, by name.
    pub files: BTreeMap<String, FileEntry>,
}

/// How many of everything a bundle holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shapes {
    /// Users.
    pub users: usize,
    /// Products.
    pub products: usize,
    /// Sellers.
    pub sellers: usize,
    /// Categories, each prefix of a path counted.
    pub categories: usize,
    /// Brands.
    pub brands: usize,
    /// Payment methods.
    pub payment_methods: usize,
    /// Countries that something was bought from.
    pub countries: usize,
    /// Standing groups.
    pub groups: usize,
    /// Teams open at the cut.
    pub open_teams: usize,
    /// Dimensions of a vector.
    pub dim: usize,
}

/// How the index was built and what it reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexReport {
    /// Who chose the links.
    pub builder: Builder,
    /// How rows are stored for the walk.
    pub rows: RowFormat,
    /// Links that a node can have; 0 where the catalogue is so small that it is scanned.
    pub links: usize,
    /// Lists that rows lie in.
    pub lists: usize,
    /// Effort of search that serving uses unless told otherwise.
    pub effort: usize,
    /// Share of the exact ten best products that a search of that effort finds; 1 where products are scanned.
    pub recall_at_10: f64,
    /// Share of the exact hundred best that it finds.
    pub recall_at_100: f64,
    /// The recall at ten of a graph that was left out because it found too little: products are scanned instead, which
    /// is slower and exact.
    pub refused_at: Option<f64>,
    /// Number of users whose vectors were used to measure the recall.
    pub recall_queries: usize,
}

impl IndexReport {
    /// How an index that takes this one's place is built: as this one was, so that its effort holds for the other too.
    /// Where this one has no graph, the other has none: nobody has measured what such a graph would find.
    pub(crate) fn build_options(&self) -> BuildOptions {
        let plain = BuildOptions { builder: self.builder, rows: self.rows, ..BuildOptions::default() };
        match self.links {
            0 => BuildOptions { scan_below: usize::MAX, ..plain },
            links => BuildOptions { links, scan_below: 0, ..plain },
        }
    }
}

/// Size and checksum of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Size in bytes.
    pub bytes: u64,
    /// XXH3, 64 bits, 16 hexadecimal digits.
    pub xxh3: String,
}

/// A checksum as the manifest writes it: 16 hexadecimal digits.
pub(super) fn hex(checksum: u64) -> String {
    format!("{checksum:016x}")
}
