//! Lists of rows that lie together: spherical k-means, and which lists a query is nearest to.
//!
//! The lists give rows their order (so that neighbours share pages and cache lines), a search its first candidates
//! (one streaming scan instead of many random reads), and a filtered search the places to look.

use rayon::prelude::*;

use super::groups;
use super::kernels::{Centroids, kernels};
use super::rows::Query;
use super::shuffle::sample;
use crate::vectors::{add_scaled, dot};

/// Rows of the sample that the centroids are learnt from, for each list.
const SAMPLE_PER_LIST: usize = 40;
/// Rounds of k-means.
const ROUNDS: usize = 6;
/// Rows that one thread assigns at a time; fixed, so that the result does not depend on the number of threads.
const CHUNK: usize = 1024;
/// Centroids that kernels score together.
const BLOCK: usize = 16;

/// Bytes of a centroid of `dim` dimensions: whole cache lines.
pub(super) fn centroid_stride(dim: usize) -> usize {
    dim.next_multiple_of(64)
}

/// Centroids as kernels read them.
pub(super) struct CodedCentroids {
    pub(super) count: usize,
    pub(super) stride: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) scales: Vec<f32>,
}

impl CodedCentroids {
    /// Codes `centroids`, `(count, dim)` row-major: one byte a value, 16 centroids interleaved by four bytes.
    pub(super) fn encode(centroids: &[f32], dim: usize) -> Self {
        let (count, stride) = (centroids.len() / dim, centroid_stride(dim));
        let blocks = count.div_ceil(BLOCK);
        let mut bytes = vec![128u8; blocks * BLOCK * stride];
        let mut scales = vec![0.0f32; blocks * BLOCK];
        for (at, centroid) in centroids.chunks_exact(dim).enumerate() {
            let largest = centroid.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            scales[at] = scale;
            let block = at / BLOCK * BLOCK * stride;
            for (j, value) in centroid.iter().enumerate() {
                let code = (value / scale).round().clamp(-127.0, 127.0) as i32 + 128;
                bytes[block + j / 4 * 64 + at % BLOCK * 4 + j % 4] = code as u8;
            }
        }
        Self { count, stride, bytes, scales }
    }

    pub(super) fn view(&self) -> Centroids<'_> {
        Centroids { count: self.count, stride: self.stride, bytes: &self.bytes, scales: &self.scales }
    }
}

/// Rows in lists: the rows of list `l` are `order[offsets[l]..offsets[l + 1]]`, ascending.
pub(super) struct RowLists {
    pub(super) centroids: Vec<f32>,
    pub(super) order: Vec<u32>,
    pub(super) offsets: Vec<u32>,
}

/// Puts the rows of `vectors`, `(n, dim)` row-major with `n > 0`, into `count` lists by direction. Lists may be empty.
pub(super) fn build(vectors: &[f32], dim: usize, count: usize, seed: u64) -> RowLists {
    let rows = vectors.len() / dim;
    let count = count.clamp(1, rows);
    let mut centroids = learn(vectors, dim, count, seed);
    groups::arrange(&mut centroids, dim);
    let coded = CodedCentroids::encode(&centroids, dim);
    let lists = assign(vectors, dim, None, coded.view());
    let mut offsets = vec![0u32; count + 1];
    lists.iter().for_each(|&list| offsets[list as usize + 1] += 1);
    (0..count).for_each(|list| offsets[list + 1] += offsets[list]);
    let mut next = offsets.clone();
    let mut order = vec![0u32; rows];
    for (row, &list) in lists.iter().enumerate() {
        order[next[list as usize] as usize] = row as u32;
        next[list as usize] += 1;
    }
    RowLists { centroids, order, offsets }
}

/// Spherical k-means on a sample: `count` directions of length 1.
fn learn(vectors: &[f32], dim: usize, count: usize, seed: u64) -> Vec<f32> {
    let rows = vectors.len() / dim;
    let chosen = sample(rows, count * SAMPLE_PER_LIST, seed);
    let vector = |row: u32| &vectors[row as usize * dim..(row as usize + 1) * dim];
    let mut centroids: Vec<f32> = (0..count).flat_map(|at| vector(chosen[at]).iter().copied()).collect();
    centroids.par_chunks_mut(dim).for_each(normalise);
    for _ in 0..ROUNDS {
        let coded = CodedCentroids::encode(&centroids, dim);
        let lists = assign(vectors, dim, Some(&chosen), coded.view());
        let mut sums = vec![0.0f32; count * dim];
        let mut sizes = vec![0u32; count];
        for (&row, &list) in chosen.iter().zip(&lists) {
            add_scaled(&mut sums[list as usize * dim..(list as usize + 1) * dim], 1.0, vector(row));
            sizes[list as usize] += 1;
        }
        for (list, size) in sizes.iter().enumerate() {
            if *size == 0 {
                // A list that lost all rows starts again at another row of the sample.
                let other = chosen[(list * 7_919 + 13) % chosen.len()];
                sums[list * dim..(list + 1) * dim].copy_from_slice(vector(other));
            }
        }
        sums.par_chunks_mut(dim).for_each(normalise);
        centroids = sums;
    }
    centroids
}

/// Brings a vector to length 1; one of zeros stays.
pub(super) fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

/// The list of each of `chosen` rows, or of all: the one with the largest inner product, the lowest of equal ones.
fn assign(vectors: &[f32], dim: usize, chosen: Option<&[u32]>, centroids: Centroids<'_>) -> Vec<u32> {
    let rows = chosen.map_or(vectors.len() / dim, <[u32]>::len);
    let mut lists = vec![0u32; rows];
    lists.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, lists)| {
        let (mut query, mut scores) = (Query::empty(), Vec::new());
        for (at, list) in lists.iter_mut().enumerate() {
            let place = chunk * CHUNK + at;
            let row = chosen.map_or(place, |chosen| chosen[place] as usize);
            query.set_codes(&vectors[row * dim..(row + 1) * dim], centroids.stride);
            (kernels().centroids)(&centroids, &query, &mut scores);
            *list = first_best(&scores[..centroids.count]);
        }
    });
    lists
}

/// Place of the largest score, the first of equal ones.
fn first_best(scores: &[f32]) -> u32 {
    let best = scores.iter().fold(f32::NEG_INFINITY, |best, &score| best.max(score));
    scores.iter().position(|&score| score == best).unwrap_or(0) as u32
}

/// All lists from the nearest to the farthest from list `list`, itself first, equal ones by number.
pub(super) fn nearest(lists: &RowLists, centroids: Centroids<'_>, list: usize) -> Vec<u32> {
    let dim = lists.centroids.len() / centroids.count;
    let (mut query, mut scores) = (Query::empty(), Vec::new());
    query.set_codes(&lists.centroids[list * dim..(list + 1) * dim], centroids.stride);
    (kernels().centroids)(&centroids, &query, &mut scores);
    scores[list] = f32::INFINITY;
    let mut order: Vec<u32> = (0..centroids.count as u32).collect();
    order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
    order
}
