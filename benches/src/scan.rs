//! The right answers, by scoring every row: for data on which NumPy would take too long.

use std::collections::BinaryHeap;

use juntos_engine::bitmap::Bitmap;
use juntos_engine::index::Scored;
use juntos_engine::vectors::dot;
use rayon::prelude::*;

use crate::npy::Matrix;

/// Queries that go through the rows together, so that a block of rows is read from memory once for all of them.
const QUERIES: usize = 64;
/// Values of a block of rows: 128 KiB, which stays in the nearer caches.
const BLOCK: usize = 32_768;

/// The `k` allowed rows with the largest inner product, best first, equal ones by row, for each query in turn.
///
/// The dimensions of both matrices, and the rows and the filter, must agree; `rayon`'s threads share the queries.
pub fn exact(vectors: &Matrix<f32>, queries: &Matrix<f32>, k: usize, allowed: Option<&Bitmap>) -> Vec<Vec<u32>> {
    let group = |queries: &[f32]| scan(vectors, queries, k, allowed);
    queries.values.par_chunks(QUERIES * queries.dim).flat_map_iter(group).collect()
}

fn scan(vectors: &Matrix<f32>, queries: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Vec<u32>> {
    let dim = vectors.dim;
    let block_rows = (BLOCK / dim).max(1);
    let mut best: Vec<Best> = queries.chunks_exact(dim).map(|_| Best::new(k)).collect();
    for (block, values) in vectors.values.chunks(block_rows * dim).enumerate() {
        let first = (block * block_rows) as u32;
        for (query, best) in queries.chunks_exact(dim).zip(&mut best) {
            for (row, vector) in (first..).zip(values.chunks_exact(dim)) {
                if allowed.is_none_or(|allowed| allowed.contains(row)) {
                    best.offer(Scored { row, score: dot(query, vector) });
                }
            }
        }
    }
    best.into_iter().map(Best::into_rows).collect()
}

/// The best few of what was offered.
struct Best {
    k: usize,
    /// The worst on top: less is better for [`Scored`].
    kept: BinaryHeap<Scored>,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { k, kept: BinaryHeap::new() }
    }

    fn offer(&mut self, candidate: Scored) {
        if self.kept.len() < self.k {
            self.kept.push(candidate);
        } else if let Some(mut worst) = self.kept.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    fn into_rows(self) -> Vec<u32> {
        self.kept.into_sorted_vec().into_iter().map(|scored| scored.row).collect()
    }
}

#[cfg(test)]
mod tests {
    use juntos_engine::index::{Exact, VectorIndex};
    use proptest::prelude::*;

    use super::*;

    fn matrix(values: &[i8], dim: usize) -> Matrix<f32> {
        let rows = values.len() / dim;
        Matrix { rows, dim, values: values.iter().take(rows * dim).map(|&value| f32::from(value)).collect() }
    }

    proptest! {
        /// The blocks and groups change nothing against one query at a time.
        #[test]
        fn agrees_with_one_query_at_a_time(
            vectors in prop::collection::vec(-3i8..3, 3..400),
            queries in prop::collection::vec(-3i8..3, 3..600),
            k in 0usize..12,
            keep in prop::collection::vec(any::<bool>(), 134),
        ) {
            let (vectors, queries) = (matrix(&vectors, 3), matrix(&queries, 3));
            let filter = Bitmap::from_fn(vectors.rows, |row| keep[row]);
            for allowed in [None, Some(&filter)] {
                let one = |query: &[f32]| Exact::new(&vectors.values, 3).search(query, k, allowed).into_iter().map(|found| found.row).collect::<Vec<_>>();
                prop_assert_eq!(exact(&vectors, &queries, k, allowed), queries.iter().map(one).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn blocks_are_joined() {
        let dim = 16_384;
        let vectors = matrix(&(0..5 * dim).map(|at| (at / dim) as i8).collect::<Vec<_>>(), dim);
        let queries = matrix(&vec![1; dim], dim);
        assert_eq!(exact(&vectors, &queries, 3, None), [[4, 3, 2]]);
    }
}
