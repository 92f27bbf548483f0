//! One moment of a live index, and searches of it.

use std::sync::Arc;

use super::base::Base;
use super::delta::Delta;
use crate::bitmap::Bitmap;
use crate::index::exact::check_query;
use crate::index::{Scored, TopK, VectorIndex};

/// Everything that a search reads.
pub(super) struct State {
    pub(super) base: Arc<Base>,
    /// Rows of the base that were neither deleted nor replaced.
    pub(super) kept: Arc<Bitmap>,
    /// Rows of the base that are not in `kept`.
    pub(super) removed: usize,
    /// Vectors put since the base was built; none of their ids is that of a kept row.
    pub(super) delta: Delta,
}

impl State {
    pub(super) fn of(base: Arc<Base>) -> Self {
        let (rows, dim) = (base.len(), base.dim());
        Self { base, kept: Arc::new(Bitmap::all(rows)), removed: 0, delta: Delta::new(dim) }
    }

    pub(super) fn len(&self) -> usize {
        self.base.len() - self.removed + self.delta.len()
    }

    /// Changes that a merge would take in.
    pub(super) fn waiting(&self) -> usize {
        self.removed + self.delta.len()
    }

    /// The row of an id whose vector is still that of the base.
    pub(super) fn kept_row(&self, id: u32) -> Option<u32> {
        self.base.row(id).filter(|&row| self.kept.contains(row))
    }

    pub(super) fn vector(&self, id: u32) -> Option<&[f32]> {
        self.delta.get(id).or_else(|| self.kept_row(id).map(|row| self.base.vector(row)))
    }
}

/// A live index as it was at one moment; changes made since do not show, and it is as cheap to keep as to take.
///
/// It keeps the flat index of its moment in memory: let it go after a few searches.
#[derive(Clone)]
pub struct LiveSnapshot {
    state: Arc<State>,
    effort: usize,
}

impl LiveSnapshot {
    pub(super) fn new(state: Arc<State>, effort: usize) -> Self {
        Self { state, effort }
    }

    /// The same with searches of another effort, see [`crate::index::FlatIndex::searcher`].
    pub fn with_effort(self, effort: usize) -> Self {
        Self { effort, ..self }
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.state.len()
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The flat index of the moment.
    pub fn base(&self) -> &Arc<Base> {
        &self.state.base
    }

    /// Vectors that every search scans beside the flat index.
    pub fn delta_len(&self) -> usize {
        self.state.delta.len()
    }

    /// Rows of the flat index that were deleted or replaced.
    pub fn removed(&self) -> usize {
        self.state.removed
    }

    /// The vector of an id.
    pub fn vector(&self, id: u32) -> Option<&[f32]> {
        self.state.vector(id)
    }

    /// As [`VectorIndex::search`], into `found`, which is emptied first.
    ///
    /// # Panics
    /// If the query does not have the dimensions of the index.
    pub fn search_into(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>, found: &mut Vec<Scored>) {
        let state = &*self.state;
        check_query(query, state.base.dim(), None, 0);
        found.clear();
        if k == 0 || !query.iter().all(|value| value.is_finite()) {
            return;
        }
        self.search_base(query, k, allowed, found);
        found.iter_mut().for_each(|one| one.row = state.base.id(one.row));
        if state.delta.len() > 0 {
            let mut best = TopK::new(k);
            found.drain(..).for_each(|one| best.push(one));
            state.delta.scan(query, allowed, &mut best);
            found.extend(best.into_sorted());
        }
    }

    /// The best kept rows of the base.
    fn search_base(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>, found: &mut Vec<Scored>) {
        let State { base, kept, removed, .. } = &*self.state;
        let searcher = base.searcher(self.effort);
        match allowed {
            None if *removed == 0 => searcher.search_into(query, k, None, found),
            None => searcher.search_left(query, k, kept, base.len() - removed, found),
            Some(allowed) if *removed == 0 && base.same_rows(allowed) => {
                searcher.search_into(query, k, Some(allowed), found);
            }
            Some(allowed) => {
                searcher.search_into(query, k, Some(&base.rows_of(allowed, kept)), found);
            }
        }
    }
}

impl VectorIndex for LiveSnapshot {
    /// The rows found are ids, and `allowed` is a set of ids; it may range over fewer or more than there are: ids beyond
    /// it are not allowed.
    ///
    /// # Panics
    /// If the query does not have the dimensions of the index.
    fn search(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
        let mut found = Vec::new();
        self.search_into(query, k, allowed, &mut found);
        found
    }
}
