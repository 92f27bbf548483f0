//! What every index has to do, over all that we have: exact, graphs of both builders, lists and scans, rows of every
//! format, in memory, in a map and warmed.

mod contract;
mod coverage;
mod damage;
mod recall;
mod rows;
mod structure;

use std::sync::LazyLock;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::vectors::dot;

const DIM: usize = 16;
const ROWS: usize = 2_500;
const QUERIES: usize = 50;
const EFFORT: usize = 96;
const FORMATS: [RowFormat; 3] = [RowFormat::Int8, RowFormat::F16, RowFormat::F32];
/// Builds a graph whatever the number of rows.
const GRAPH: BuildOptions = BuildOptions {
    builder: Builder::Own,
    links: 16,
    ef_construction: 60,
    rounds: 1,
    lists: 0,
    rows: RowFormat::Int8,
    scan_below: 0,
    seed: 1,
};

/// How vectors lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// In clusters, with lengths from 0.2 to 5: popularity as item norms carry it.
    Spread,
    /// In clusters, all of length 1.
    Normal,
    /// Anywhere.
    Loose,
}

/// Vectors of one shape and of one distribution, whatever their number.
fn vectors(shape: Shape, rows: usize, seed: u64) -> Vec<f32> {
    let mut centres = ChaCha8Rng::seed_from_u64(1);
    let centres: Vec<f32> = (0..40 * DIM).map(|_| centres.random_range(-1.0..1.0)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let one = |_| {
        let centre = rng.random_range(0..40) * DIM;
        let away = if shape == Shape::Loose { 0.0 } else { 1.0 };
        let mut vector: Vec<f32> =
            (0..DIM).map(|at| away * centres[centre + at] + rng.random_range(-0.4..0.4)).collect();
        let length = match shape {
            Shape::Spread => 5.0f32.powf(rng.random_range(-1.0..1.0)),
            Shape::Normal => dot(&vector, &vector).sqrt().recip(),
            Shape::Loose => 1.0,
        };
        vector.iter_mut().for_each(|value| *value *= length);
        vector
    };
    (0..rows).flat_map(one).collect()
}

/// Vectors and every index of them.
struct World {
    vectors: Vec<f32>,
    queries: Vec<f32>,
    indexes: Vec<(String, FlatIndex)>,
    stores: Vec<(&'static str, VectorStore)>,
    /// Keeps the files of the stores.
    _folder: tempfile::TempDir,
}

impl World {
    fn new(vectors: Vec<f32>, queries: Vec<f32>, graphs: &[RowFormat]) -> Self {
        let mut indexes = Vec::new();
        for &rows in graphs {
            let own = FlatIndex::build(&vectors, DIM, &[], &BuildOptions { rows, ..GRAPH });
            indexes.push((format!("own graph, {rows:?}"), own));
        }
        indexes.push(("lists".to_owned(), FlatIndex::build(&vectors, DIM, &[], &GRAPH).without_graph()));
        for rows in FORMATS {
            let scanned = BuildOptions { rows, scan_below: usize::MAX, ..GRAPH };
            indexes.push((format!("scan, {rows:?}"), FlatIndex::build(&vectors, DIM, &[], &scanned)));
        }
        let hnsw = BuildOptions { builder: Builder::HnswRs, ..GRAPH };
        indexes.push(("graph of hnsw_rs".to_owned(), FlatIndex::build(&vectors, DIM, &[], &hnsw)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        VectorStore::create(&path, &vectors, DIM, &[], &GRAPH).unwrap();
        let mut warmed = VectorStore::open(&path).unwrap();
        warmed.warm();
        let stores = vec![("mapped", VectorStore::open(&path).unwrap()), ("warmed", warmed)];
        Self { vectors, queries, indexes, stores, _folder: folder }
    }

    /// Vectors of one shape, built once for all tests.
    fn of(shape: Shape) -> &'static Self {
        static ALL: LazyLock<[World; 3]> = LazyLock::new(|| {
            let one =
                |shape, graphs: &[RowFormat]| World::new(vectors(shape, ROWS, 2), vectors(shape, QUERIES, 3), graphs);
            let [int8, ..] = FORMATS;
            [one(Shape::Spread, &FORMATS), one(Shape::Normal, &[int8]), one(Shape::Loose, &[int8])]
        });
        &ALL[shape as usize]
    }

    fn rows(&self) -> usize {
        self.vectors.len() / DIM
    }

    fn queries(&self) -> impl Iterator<Item = &[f32]> {
        self.queries.chunks_exact(DIM)
    }

    /// All that search with codes or links.
    fn searchers(&self) -> Vec<(&str, Searcher<'_>)> {
        let indexes = self.indexes.iter().map(|(name, index)| (&**name, index.searcher(&self.vectors, EFFORT)));
        indexes.chain(self.stores.iter().map(|(name, store)| (*name, store.searcher(EFFORT)))).collect()
    }

    /// Every implementation, the exact one first.
    fn all(&self) -> Vec<(&str, Box<dyn VectorIndex + '_>)> {
        let mut all: Vec<(&str, Box<dyn VectorIndex>)> = vec![("exact", Box::new(Exact::new(&self.vectors, DIM)))];
        all.extend(self.searchers().into_iter().map(|(name, searcher)| (name, Box::new(searcher) as _)));
        all
    }
}

fn rows_of(found: &[Scored]) -> Vec<u32> {
    found.iter().map(|scored| scored.row).collect()
}

/// Every allowed row, sorted by score and row.
fn sorted(vectors: &[f32], query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
    let rows = (0..vectors.len() / query.len()).filter(|&row| allowed.is_none_or(|set| set.contains(row as u32)));
    let score = |row: usize| dot(query, &vectors[row * query.len()..(row + 1) * query.len()]);
    let mut all: Vec<Scored> = rows.map(|row| Scored { row: row as u32, score: score(row) }).collect();
    all.sort_by(Scored::best_first);
    all.truncate(k);
    all
}

/// A random set that keeps about `share` of the rows, whatever the query.
fn some_of(rows: usize, share: f64, seed: u64) -> Bitmap {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Bitmap::from_fn(rows, |_| rng.random_bool(share))
}
