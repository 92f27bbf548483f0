//! Exact search: every allowed vector is scored.

use super::{Scored, TopK, VectorIndex};
use crate::bitmap::Bitmap;
use crate::vectors::dot;

/// Scores every allowed row; the oracle for the graph, and the faster way where few rows are allowed.
#[derive(Debug, Clone, Copy)]
pub struct Exact<'a> {
    vectors: &'a [f32],
    dim: usize,
}

impl<'a> Exact<'a> {
    /// Searches `vectors`, `(n, dim)` row-major and finite.
    ///
    /// # Panics
    /// If `dim` is zero or does not divide the number of values.
    pub fn new(vectors: &'a [f32], dim: usize) -> Self {
        assert!(dim > 0 && vectors.len().is_multiple_of(dim), "{} values in rows of {dim}", vectors.len());
        Self { vectors, dim }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.vectors.len() / self.dim
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// All values, row-major.
    pub(super) fn values(&self) -> &'a [f32] {
        self.vectors
    }

    /// The vector of one row.
    pub(super) fn vector(&self, row: u32) -> &'a [f32] {
        let start = row as usize * self.dim;
        &self.vectors[start..start + self.dim]
    }

    /// The score of one row.
    #[inline]
    pub(super) fn score(&self, query: &[f32], row: u32) -> Scored {
        Scored { row, score: dot(query, self.vector(row)) }
    }
}

/// Checks what [`VectorIndex::search`] asks of its caller.
pub(super) fn check_query(query: &[f32], dim: usize, allowed: Option<&Bitmap>, rows: usize) {
    assert_eq!(query.len(), dim, "dimensions of the query and of the index");
    assert!(allowed.is_none_or(|allowed| allowed.len() == rows), "the filter ranges over other rows than the index");
}

impl VectorIndex for Exact<'_> {
    fn search(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
        check_query(query, self.dim, allowed, self.len());
        if k == 0 || !query.iter().all(|value| value.is_finite()) {
            return Vec::new();
        }
        let mut best = TopK::new(k);
        match allowed {
            Some(allowed) => allowed.rows().for_each(|row| best.push(self.score(query, row))),
            None => (0..self.len() as u32).for_each(|row| best.push(self.score(query, row))),
        }
        best.into_sorted()
    }
}
