//! The graph that the crate `hnsw_rs` builds, flattened through its public interface.
//!
//! Only its ground level is used: the lists take the place of the upper levels. Its links follow the inner product
//! itself (Morozov & Babenko 2018, "Non-metric similarity graphs for maximum inner product search"): its own `DistDot`
//! panics on vectors that are not of length 1.

use hnsw_rs::prelude::{Distance, Hnsw};

use crate::vectors::dot;

/// Most links that fit the `u8` in which `hnsw_rs` keeps them, doubled on the ground level.
const MOST_LINKS: usize = 127;
/// Upper bound on levels that `hnsw_rs` itself has.
const MOST_LEVELS: usize = 16;

/// What the inner product of two vectors no longer than 1 falls short of 1: never below zero.
#[derive(Clone, Copy)]
struct Short;

impl Distance<f32> for Short {
    fn eval(&self, left: &[f32], right: &[f32]) -> f32 {
        (1.0 - dot(left, right)).max(0.0)
    }
}

/// Links of every place, `degree` each; places not used name the node itself. The row at a place is `order[place]`.
///
/// Insertion runs in parallel: the links depend on the order in which threads insert.
pub(super) fn links(vectors: &[f32], dim: usize, order: &[u32], degree: usize, ef_construction: usize) -> Vec<u32> {
    let scaled = scale(vectors, dim);
    let links = (degree / 2).min(MOST_LINKS);
    let graph = Hnsw::<f32, Short>::new(links, order.len(), MOST_LEVELS, ef_construction.max(links), Short);
    let row = |&row: &u32| &scaled[row as usize * dim..(row as usize + 1) * dim];
    let points: Vec<(&[f32], usize)> = order.iter().map(row).enumerate().map(|(place, x)| (x, place)).collect();
    graph.parallel_insert_slice(&points);
    let mut flat: Vec<u32> = (0..order.len()).flat_map(|place| std::iter::repeat_n(place as u32, degree)).collect();
    for point in graph.get_point_indexation() {
        let place = point.get_origin_id();
        let lists = point.get_neighborhood_id();
        let near =
            lists.first().into_iter().flatten().map(|link| link.d_id as u32).filter(|&link| link as usize != place);
        let places = flat[place * degree..(place + 1) * degree].iter_mut();
        places.zip(near).for_each(|(to, link)| *to = link);
    }
    flat
}

/// Scales all vectors so that the longest has length 1.
fn scale(vectors: &[f32], dim: usize) -> Vec<f32> {
    let squared = |x: &[f32]| x.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>();
    let longest = vectors.chunks_exact(dim).map(squared).fold(0.0, f64::max).sqrt();
    let scale = if longest > 0.0 { longest.recip() } else { 0.0 };
    vectors.iter().map(|&value| (f64::from(value) * scale) as f32).collect()
}
