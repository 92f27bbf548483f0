//! Made-up vectors in the likeness of learned tastes, written as they are drawn, the same for any number of threads.
//!
//! A world has topics, and clusters in topics, whose sizes follow a power law; a row is its cluster's centre and a
//! spread around it, all in a space of few dimensions whose axes weaken like the spectrum of learned embeddings, plus a
//! little noise in all dimensions. Users blend one to three tastes, so queries do not lie where rows lie.

mod world;

use std::path::Path;

use clap::ValueEnum;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::npy::{NpyError, Writer};
use world::World;

/// Rows that share a stream of random numbers.
const STREAM_ROWS: usize = 1_024;
/// Rows drawn in parallel before they are written.
const BLOCK_ROWS: usize = 64 * STREAM_ROWS;

/// How rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// In clusters, all of length 1
    Clustered,
    /// Without clusters in few dimensions, all of length 1: the hard case for inverted lists
    Uniform,
    /// In clusters, with lengths spread like popularity; queries have length 1
    Norms,
}

/// What to draw.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Number of rows; decides the number of clusters.
    pub rows: usize,
    /// Dimensions of rows and queries, at least 1.
    pub dim: usize,
    /// Number of queries.
    pub queries: usize,
    /// Decides every random choice.
    pub seed: u64,
    /// How rows lie.
    pub shape: Shape,
}

/// Writes `(rows, dim)` and `(queries, dim)` arrays of f32.
///
/// # Errors
/// If a file cannot be written.
pub fn generate(plan: &Plan, vectors: &Path, queries: &Path) -> Result<(), NpyError> {
    let world = World::new(plan, &mut ChaCha8Rng::seed_from_u64(plan.seed));
    let stream = |number: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
        random.set_stream(number);
        random
    };
    write(vectors, plan.rows, plan.dim, |chunk, row| {
        let mut random = stream(2 * chunk + 1);
        row.chunks_exact_mut(plan.dim).for_each(|row| world.row(&mut random, row));
    })?;
    write(queries, plan.queries, plan.dim, |chunk, row| {
        let mut random = stream(2 * chunk + 2);
        row.chunks_exact_mut(plan.dim).for_each(|row| world.query(&mut random, row));
    })
}

/// Writes `rows` rows; `draw` fills up to [`STREAM_ROWS`] of them, by the number of the stream.
fn write(path: &Path, rows: usize, dim: usize, draw: impl Fn(u64, &mut [f32]) + Sync) -> Result<(), NpyError> {
    let mut writer = Writer::create(path, &[rows, dim])?;
    let mut block = vec![0.0f32; BLOCK_ROWS.min(rows) * dim];
    for first in (0..rows).step_by(BLOCK_ROWS) {
        let values = &mut block[..BLOCK_ROWS.min(rows - first) * dim];
        let chunks = values.par_chunks_mut(STREAM_ROWS * dim).enumerate();
        chunks.for_each(|(chunk, values)| draw((first / STREAM_ROWS + chunk) as u64, values));
        writer.push(values)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::{Matrix, read_matrix};

    fn drawn(plan: &Plan, threads: usize) -> (Matrix<f32>, Matrix<f32>) {
        let folder = tempfile::tempdir().unwrap();
        let (vectors, queries) = (folder.path().join("v.npy"), folder.path().join("q.npy"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| generate(plan, &vectors, &queries)).unwrap();
        (read_matrix(&vectors).unwrap(), read_matrix(&queries).unwrap())
    }

    fn length(row: &[f32]) -> f64 {
        row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn threads_change_nothing_and_seeds_do() {
        let plan = Plan { rows: 3_000, dim: 5, queries: 40, seed: 1, shape: Shape::Clustered };
        let one = drawn(&plan, 1);
        assert_eq!(one, drawn(&plan, 3));
        assert_ne!(one, drawn(&Plan { seed: 2, ..plan }, 1));
        assert_eq!((one.0.rows, one.0.dim, one.1.rows, one.1.dim), (3_000, 5, 40, 5));
    }

    #[test]
    fn lengths_are_as_the_shape_says() {
        for shape in [Shape::Clustered, Shape::Uniform, Shape::Norms] {
            let (vectors, queries) = drawn(&Plan { rows: 2_000, dim: 32, queries: 50, seed: 3, shape }, 1);
            assert!(queries.iter().all(|query| (length(query) - 1.0).abs() < 1e-5));
            let lengths: Vec<f64> = vectors.iter().map(length).collect();
            let (least, most) =
                (lengths.iter().copied().fold(9.0, f64::min), lengths.iter().copied().fold(0.0, f64::max));
            match shape {
                Shape::Norms => assert!(most / least > 5.0, "{least} to {most}"),
                Shape::Clustered | Shape::Uniform => assert!(most - least < 1e-5, "{least} to {most}"),
            }
        }
    }

    /// The nearest row is much nearer where there are clusters than where there are none.
    #[test]
    fn clusters_are_found_again() {
        let nearest = |shape: Shape| {
            let (vectors, _) = drawn(&Plan { rows: 2_000, dim: 32, queries: 1, seed: 4, shape }, 1);
            let best = |one: usize| {
                let others = vectors.iter().enumerate().filter(|(other, _)| *other != one);
                let row = &vectors.values[one * 32..one * 32 + 32];
                others.map(|(_, other)| juntos_engine::vectors::dot(row, other)).fold(-1.0, f32::max)
            };
            (0..100).map(best).sum::<f32>() / 100.0
        };
        let (clustered, uniform) = (nearest(Shape::Clustered), nearest(Shape::Uniform));
        assert!(clustered > uniform + 0.05, "{clustered} and {uniform}");
    }
}
