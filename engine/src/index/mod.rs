//! Nearest products by inner product: exact, and by a graph.

mod beam;
mod build;
mod coverage;
mod exact;
mod file;
mod filter;
mod filtered;
mod flat;
mod groups;
mod hnsw;
pub(crate) mod kernels;
mod links;
mod lists;
mod live;
mod nearness;
mod rows;
mod scratch;
mod search;
mod shuffle;
mod store;
#[cfg(test)]
mod tests;
mod walk;

pub use build::{BuildOptions, Builder};
pub use exact::Exact;
pub(crate) use flat::Array;
pub use flat::FlatIndex;
pub use kernels::kernel_names;
pub use live::{Base, LiveError, LiveIndex, LiveOptions, LiveSnapshot, MergeStatus, Merger};
pub use rows::RowFormat;
pub use search::Searcher;
pub use store::VectorStore;

use crate::bitmap::Bitmap;

/// A row and how well it fits; bigger is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Row.
    pub row: u32,
    /// Inner product with the query.
    pub score: f32,
}

impl Scored {
    /// The total order of results: best first, equal scores by row.
    #[inline]
    pub fn best_first(&self, other: &Self) -> std::cmp::Ordering {
        other.score.total_cmp(&self.score).then(self.row.cmp(&other.row))
    }
}

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Less is better, so that a max-heap has the worst on top; agrees with [`Scored::best_first`].
impl Ord for Scored {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.best_first(other)
    }
}

/// Finds the rows whose vectors have the largest inner product with a query.
pub trait VectorIndex {
    /// At most `k` rows, best first (see [`Scored::best_first`]), only rows of `allowed` where it is given; fewer only
    /// when fewer are allowed. A query that is not finite finds nothing.
    ///
    /// # Panics
    /// If the query does not have the dimensions of the index, or `allowed` ranges over another number of rows.
    fn search(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored>;
}

/// Keeps the best `k` of the scores it is shown.
pub(crate) struct TopK {
    k: usize,
    worst_first: std::collections::BinaryHeap<Scored>,
}

impl TopK {
    pub(crate) fn new(k: usize) -> Self {
        Self { k, worst_first: std::collections::BinaryHeap::with_capacity(k.min(4096) + 1) }
    }

    #[inline]
    pub(crate) fn push(&mut self, candidate: Scored) {
        if self.worst_first.len() < self.k {
            self.worst_first.push(candidate);
        } else if let Some(mut worst) = self.worst_first.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// Best first.
    pub(crate) fn into_sorted(self) -> Vec<Scored> {
        self.worst_first.into_sorted_vec()
    }
}
