//! Building an index: lists, codes, links, and what filters need to know.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::coverage::Coverage;
use super::flat::{FlatIndex, SAMPLE};
use super::groups;
use super::hnsw;
use super::links::{self, Surroundings};
use super::lists::{self, CodedCentroids, RowLists};
use super::rows::{CodedRows, RowFormat};
use super::shuffle::{blends, sample};

/// Links of a node come in whole vectors of this many.
const LINKS_STEP: usize = 16;
/// Most links of a node.
const MOST_LINKS: usize = 128;
/// Most rows: the highest bit of a place is a mark in the walk's queue.
const MOST_ROWS: usize = 1 << 31;
/// Queries that the coverage of lists is measured on.
const ASKED: usize = 256;

/// Who chooses the links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Builder {
    /// Our own: the same bytes for any number of threads, and several times faster.
    #[default]
    Own,
    /// The crate `hnsw_rs`: its ground level, flattened. Its links depend on timing.
    HnswRs,
}

/// How an index is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuildOptions {
    /// Who chooses the links.
    pub builder: Builder,
    /// Links of a node, 16 to 128, taken up to a multiple of 16.
    pub links: usize,
    /// Breadth of the search by which `hnsw_rs` chooses links, at least half of `links`; our own builder has no use for it.
    pub ef_construction: usize,
    /// Rounds in which our own builder looks for better links by walks over the graph so far.
    pub rounds: usize,
    /// Lists that rows are put into; 0 chooses four times the square root of the number of
    /// rows, eight times from 4.2 million rows on.
    pub lists: usize,
    /// How rows are stored for the walk.
    pub rows: RowFormat,
    /// No graph is built for fewer rows than this: a scan is as fast.
    pub scan_below: usize,
    /// Seed of everything chosen at random; not a setting of its own where the whole training has one.
    #[serde(skip)]
    pub seed: u64,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            builder: Builder::Own,
            links: 32,
            ef_construction: 200,
            rounds: 1,
            lists: 0,
            rows: RowFormat::Int8,
            scan_below: 4_096,
            seed: 1,
        }
    }
}

impl FlatIndex {
    /// Builds the index of `vectors`, `(n, dim)` row-major and finite, in parallel.
    ///
    /// `queries` are vectors like those that will be searched for; they teach filtered searches how far to look. Without
    /// any, blends of rows stand in.
    ///
    /// # Panics
    /// If `dim` is zero, does not divide the number of values, a value is not finite, a query has other dimensions, or
    /// there are 2³¹ rows or more.
    pub fn build(vectors: &[f32], dim: usize, queries: &[&[f32]], options: &BuildOptions) -> Self {
        assert!(dim > 0 && vectors.len().is_multiple_of(dim), "{} values in rows of {dim}", vectors.len());
        assert!(vectors.len() / dim < MOST_ROWS, "an index has fewer than 2^31 rows");
        assert!(vectors.par_iter().all(|value| value.is_finite()), "vectors of an index are finite");
        assert!(queries.iter().all(|query| query.len() == dim), "queries of {dim} dimensions");
        let rows = vectors.len() / dim;
        if rows == 0 || rows < options.scan_below {
            return Self::without_links(vectors, dim, options.rows);
        }
        let count = if options.lists > 0 { options.lists } else { lists_for(rows) };
        let lists = lists::build(vectors, dim, count, options.seed);
        let centroids = CodedCentroids::encode(&lists.centroids, dim);
        let coded = CodedRows::encode(vectors, dim, &lists.order, options.rows);
        let degree = options.links.clamp(LINKS_STEP, MOST_LINKS).next_multiple_of(LINKS_STEP);
        let mut index = Self::assemble(coded, &lists, centroids);
        let links = match options.builder {
            Builder::HnswRs => hnsw::links(vectors, dim, &lists.order, degree, options.ef_construction),
            Builder::Own => own_links(&mut index, &lists, degree, options),
        };
        index.degree = degree;
        index.links = links.into();
        index.coverage = Coverage::measure(&index.view(), &asked(vectors, dim, queries, options.seed));
        index
    }

    /// An index whose rows are scanned.
    fn without_links(vectors: &[f32], dim: usize, format: RowFormat) -> Self {
        let order: Vec<u32> = (0..(vectors.len() / dim) as u32).collect();
        let coded = CodedRows::encode(vectors, dim, &order, format);
        let lists = RowLists { centroids: Vec::new(), order, offsets: vec![0] };
        Self::assemble(coded, &lists, CodedCentroids::encode(&[], dim))
    }

    pub(super) fn assemble(rows: CodedRows, lists: &RowLists, centroids: CodedCentroids) -> Self {
        let mut places = vec![0u32; lists.order.len()];
        lists.order.iter().enumerate().for_each(|(place, &row)| places[row as usize] = place as u32);
        let groups = CodedCentroids::encode(&groups::means(&lists.centroids, rows.dim), rows.dim);
        let (sample_bytes, sample_scale_ids) = sample_of(&rows, lists.order.len());
        Self {
            len: lists.order.len(),
            dim: rows.dim,
            format: rows.format,
            stride: rows.stride,
            degree: 0,
            bytes: rows.bytes.into(),
            scale_ids: rows.scale_ids.into(),
            scales: rows.scales,
            links: Vec::new().into(),
            rows_of_places: lists.order.clone().into(),
            places_of_rows: places.into(),
            list_offsets: lists.offsets.clone().into(),
            centroid_bytes: centroids.bytes.into(),
            centroid_scales: centroids.scales.into(),
            group_bytes: groups.bytes.into(),
            group_scales: groups.scales.into(),
            coverage: Coverage::default(),
            sample_bytes: sample_bytes.into(),
            sample_scale_ids: sample_scale_ids.into(),
        }
    }

    /// The same without its graph: rows are scanned.
    pub fn without_graph(mut self) -> Self {
        self.degree = 0;
        self.links = Vec::new().into();
        self
    }
}

/// Bytes and scales of [`SAMPLE`] rows at equal distances, or of all.
fn sample_of(rows: &CodedRows, len: usize) -> (Vec<u8>, Vec<u8>) {
    let count = len.min(SAMPLE);
    let chosen = || (0..count).map(|at| at * len / count);
    let bytes = chosen().flat_map(|row| &rows.bytes[row * rows.stride..(row + 1) * rows.stride]).copied().collect();
    let ids = chosen().filter_map(|row| rows.scale_ids.get(row)).copied().collect();
    (bytes, ids)
}

/// Rows from which on lists are found through groups of them, so that twice as many cost a search next to nothing.
const MANY_ROWS: usize = 1 << 22;

/// Lists for a number of rows.
fn lists_for(rows: usize) -> usize {
    let factor = if rows < MANY_ROWS { 4.0 } else { 8.0 };
    (factor * (rows as f64).sqrt()).round() as usize
}

/// Lets our own builder choose the links; `index` is walked in between.
fn own_links(index: &mut FlatIndex, lists: &RowLists, degree: usize, options: &BuildOptions) -> Vec<u32> {
    let centroids = CodedCentroids::encode(&lists.centroids, index.dim);
    let around = Surroundings { lists, centroids: centroids.view(), degree, seed: options.seed };
    let mut links = links::first(&index.view().rows, &around);
    for _ in 0..options.rounds {
        index.degree = degree;
        index.links = links.into();
        links = links::again(&index.view());
    }
    links
}

/// The queries to measure with: of those given, at most [`ASKED`], else blends of rows.
fn asked(vectors: &[f32], dim: usize, queries: &[&[f32]], seed: u64) -> Vec<Vec<f32>> {
    if queries.is_empty() {
        return blends(vectors, dim, ASKED, seed);
    }
    sample(queries.len(), ASKED, seed).into_iter().map(|at| queries[at as usize].to_vec()).collect()
}
