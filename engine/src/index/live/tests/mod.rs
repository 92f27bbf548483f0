//! Live indexes against ordered maps that are scanned.

mod sequences;
mod shared;
mod threads;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Base, LiveIndex, LiveOptions, LiveSnapshot};
use crate::bitmap::Bitmap;
use crate::index::{BuildOptions, FlatIndex, Scored};
use crate::vectors::dot;

/// What an index should hold.
type Model = BTreeMap<u32, Vec<f32>>;

/// A vector of a seed; half of its values are of its group's, so that rows lie in groups.
fn vector(seed: u64, dim: usize) -> Vec<f32> {
    let mut group = ChaCha8Rng::seed_from_u64(seed % 40);
    let mut own = ChaCha8Rng::seed_from_u64(seed + 1_000);
    (0..dim).map(|_| group.random_range(-1.0f32..1.0) + own.random_range(-0.5f32..0.5)).collect()
}

fn base(model: &Model, dim: usize, build: &BuildOptions) -> Arc<Base> {
    let vectors: Vec<f32> = model.values().flatten().copied().collect();
    let index = FlatIndex::build(&vectors, dim, &[], build);
    let same = model.keys().copied().eq(0..model.len() as u32);
    Arc::new(Base::new(index, vectors, (!same).then(|| model.keys().copied().collect())).unwrap())
}

fn live(model: &Model, dim: usize, options: LiveOptions) -> LiveIndex {
    LiveIndex::new(base(model, dim, &options.build), options)
}

/// The best of a model, found by looking at all.
fn best(model: &Model, query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
    let kept = model.iter().filter(|&(&id, _)| allowed.is_none_or(|allowed| allowed.contains(id)));
    let mut found: Vec<Scored> = kept.map(|(&id, vector)| Scored { row: id, score: dot(query, vector) }).collect();
    found.sort_by(Scored::best_first);
    found.truncate(k);
    found
}

/// What a snapshot holds of the ids below `most`.
fn content(snapshot: &LiveSnapshot, most: u32) -> Model {
    (0..most).filter_map(|id| Some((id, snapshot.vector(id)?.to_vec()))).collect()
}
