//! Questions to the index: the walk or another way, then the best again by their full vectors.

use super::beam::Beam;
use super::exact::{Exact, check_query};
use super::filter::{Allowed, Packed};
use super::filtered::{self, Way};
use super::flat::{FlatIndex, View};
use super::kernels::{available, prefetch};
use super::scratch::{Scratch, with};
use super::walk::{Walk, set_query};
use super::{Scored, VectorIndex};
use crate::bitmap::Bitmap;

/// Searches that take turns on one thread in a batch.
const TOGETHER: usize = 4;

/// Rows of an index, for each query of a batch, of which it pays to copy the allowed ones first.
const PACKED_FOR_ONE: usize = 16_384;

/// Most bytes of rows that are copied for a batch.
const MOST_PACKED: usize = 1 << 28;

/// An index with the vectors that it was built from.
#[derive(Clone, Copy)]
pub struct Searcher<'a> {
    index: &'a FlatIndex,
    vectors: Exact<'a>,
    effort: usize,
}

impl FlatIndex {
    /// The index with the vectors that it was built from, `(len, dim)` row-major, for searches of `effort`: how many
    /// places a walk keeps, at least 1. More is slower and finds more.
    ///
    /// # Panics
    /// If there are not as many vectors of as many dimensions as in the index.
    pub fn searcher<'a>(&'a self, vectors: &'a [f32], effort: usize) -> Searcher<'a> {
        assert_eq!(vectors.len(), self.len() * self.dim(), "vectors of the index");
        Searcher { index: self, vectors: Exact::new(vectors, self.dim()), effort: effort.max(1) }
    }
}

impl FlatIndex {
    /// Scores of all rows by what is stored for the walk, in the order of the lists, by the kernel of that name (see
    /// [`super::kernel_names`]): what searches are made of, for measuring. No scores where this machine has no such
    /// kernel.
    ///
    /// # Panics
    /// If the query has other dimensions than the index.
    pub fn scores_by_codes(&self, kernel: &str, query: &[f32], scores: &mut Vec<f32>) {
        check_query(query, self.dim(), None, self.len());
        scores.clear();
        let view = self.view();
        if let Some(kernels) = available().into_iter().find(|kernels| kernels.name == kernel) {
            with(1, |scratch| {
                set_query(&mut scratch[0].query, query, &view);
                (kernels.range)(&view.rows, &scratch[0].query, 0..self.len(), scores);
                scores.truncate(self.len());
            });
        }
    }
}

impl<'a> Searcher<'a> {
    /// The same with another effort.
    pub fn with_effort(self, effort: usize) -> Self {
        Self { effort: effort.max(1), ..self }
    }

    /// The vectors searched, for an exact search.
    pub fn exact(&self) -> Exact<'a> {
        self.vectors
    }

    /// As [`VectorIndex::search`], into `found`, which is emptied first: a caller that keeps it allocates nothing.
    ///
    /// # Panics
    /// As [`VectorIndex::search`].
    pub fn search_into(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>, found: &mut Vec<Scored>) {
        check_query(query, self.index.dim(), allowed, self.index.len());
        let allowed = allowed.map(Allowed::of);
        self.search_allowed(&self.index.view(), query, k, allowed, found);
    }

    /// [`Searcher::search_into`] among the `count` rows that are left where others were deleted: with the recall of a
    /// search for all.
    pub(super) fn search_left(&self, query: &[f32], k: usize, rows: &Bitmap, count: usize, found: &mut Vec<Scored>) {
        check_query(query, self.index.dim(), Some(rows), self.index.len());
        self.search_allowed(&self.index.view(), query, k, Some(Allowed::left(rows, count)), found);
    }

    /// One search, with the filter at hand.
    fn search_allowed(
        &self,
        view: &View<'_>,
        query: &[f32],
        k: usize,
        allowed: Option<Allowed<'_>>,
        found: &mut Vec<Scored>,
    ) {
        found.clear();
        let eligible = allowed.map_or(self.index.len(), |allowed| allowed.count);
        let wanted = k.min(eligible);
        if wanted == 0 || !query.iter().all(|value| value.is_finite()) {
            return;
        }
        let filter = allowed.filter(|_| eligible < self.index.len());
        let rows = filter.map(|allowed| allowed.rows);
        with(1, |scratch| {
            let scratch = &mut scratch[0];
            set_query(&mut scratch.query, query, view);
            let met = self.meet(view, wanted, filter.as_ref(), scratch);
            self.rank(query, wanted, rows, (&scratch.beam, met), found);
        });
        if found.len() < wanted {
            *found = self.vectors.search(query, k, rows);
        }
    }

    /// [`VectorIndex::search`] for many queries, `(m, dim)` row-major: the same rows, found several at a time so that
    /// one waits for memory while another computes, or with the allowed rows packed together first.
    ///
    /// # Panics
    /// As [`VectorIndex::search`].
    pub fn search_batch(&self, queries: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Vec<Scored>> {
        let dim = self.index.dim();
        assert!(queries.len().is_multiple_of(dim), "{} values in queries of {dim}", queries.len());
        if queries.is_empty() {
            return Vec::new();
        }
        let view = self.index.view();
        let alone = |allowed: Option<Allowed<'_>>| {
            let one = |query: &[f32]| {
                let mut found = Vec::with_capacity(kept_for(k.min(self.index.len())));
                self.search_allowed(&view, query, k, allowed, &mut found);
                found
            };
            queries.chunks_exact(dim).map(one).collect()
        };
        if let Some(rows) = allowed {
            check_query(&queries[..dim], dim, allowed, self.index.len());
            let allowed = Allowed::of(rows);
            let pays = view.degree > 0 && queries.len() / dim * PACKED_FOR_ONE >= self.index.len();
            let packed = (pays && allowed.count * view.rows.stride <= MOST_PACKED).then(|| Packed::new(&view, rows));
            return alone(Some(Allowed { packed: packed.as_ref(), ..allowed }));
        }
        if view.degree == 0 || k == 0 || !queries.iter().all(|value| value.is_finite()) {
            return alone(None);
        }
        let mut answers = Vec::with_capacity(queries.len() / dim);
        for queries in queries.chunks(TOGETHER * dim) {
            self.search_together(&view, queries, k.min(self.index.len()), &mut answers);
        }
        answers
    }

    /// Walks for several queries in turns.
    fn search_together(&self, view: &View<'_>, queries: &[f32], k: usize, answers: &mut Vec<Vec<Scored>>) {
        let queries = || queries.chunks_exact(self.index.dim());
        let walk = Walk::new(*view, self.breadth(k));
        with(queries().len(), |scratches| {
            for (scratch, query) in scratches.iter_mut().zip(queries()) {
                set_query(&mut scratch.query, query, view);
                walk.start(scratch);
            }
            loop {
                let mut under_way = [false; TOGETHER];
                under_way.iter_mut().zip(scratches.iter_mut()).for_each(|(under_way, one)| *under_way = walk.open(one));
                if under_way == [false; TOGETHER] {
                    break;
                }
                for (scratch, _) in scratches.iter_mut().zip(under_way).filter(|(_, under_way)| *under_way) {
                    walk.score(scratch);
                }
            }
            for (scratch, query) in scratches.iter_mut().zip(queries()) {
                scratch.forget_visits();
                let mut found = Vec::with_capacity(kept_for(k));
                self.rank(query, k, None, (&scratch.beam, view.rows_of_places), &mut found);
                answers.push(if found.len() < k { self.vectors.search(query, k, None) } else { found });
            }
        });
    }

    /// Meets the rows that may be among the best: `scratch.beam` holds numbers of them, and which row has which number
    /// is the answer.
    fn meet<'r>(&self, view: &View<'r>, k: usize, filter: Option<&Allowed<'r>>, scratch: &mut Scratch) -> &'r [u32] {
        let (keep, aim) = (kept_for(k), filtered::aim(self.effort));
        let packed = |allowed: &Allowed<'r>| allowed.packed.map_or(view.rows_of_places, |packed| &packed.rows);
        match filter {
            None if view.degree > 0 => Walk::new(*view, self.breadth(k)).run(scratch),
            None => scratch.beam.reset(keep),
            // Few rows: the exact scan that follows an empty beam is the search.
            Some(_) if view.degree == 0 && view.centroids.count == 0 => scratch.beam.reset(keep),
            Some(allowed) => match filtered::choose(view, k, self.effort, allowed) {
                Way::Scan => {
                    filtered::scan(view, keep, allowed, scratch);
                    return packed(allowed);
                }
                Way::Lists { rows } => {
                    filtered::scan_lists(view, k, keep, (rows, aim), allowed, scratch);
                    return packed(allowed);
                }
                Way::Walk { breadth } if allowed.left => self.walk_around(view, keep, breadth, allowed, scratch),
                Way::Walk { breadth } => {
                    let least = (keep as f32 / filtered::share(view, allowed)).ceil() as usize;
                    if filtered::walk(view, breadth.max(least), allowed, scratch) < filtered::enough(keep as f64) {
                        // The filter keeps rows away from this query: look where they are.
                        let rows = filtered::to_pass(view, k, self.effort, allowed).unwrap_or(view.rows.len());
                        filtered::scan_lists(view, k, keep, (rows, aim), allowed, scratch);
                        return packed(allowed);
                    }
                }
            },
        }
        view.rows_of_places
    }

    /// Walks ever wider until as many rows that are left have been met as a walk without a filter would have kept.
    fn walk_around(&self, view: &View<'_>, keep: usize, breadth: usize, allowed: &Allowed<'_>, scratch: &mut Scratch) {
        let mut breadth = breadth.max((keep as f32 / filtered::share(view, allowed)).ceil() as usize);
        while filtered::walk(view, breadth, allowed, scratch) < filtered::enough(self.effort.max(keep) as f64) {
            breadth *= 4;
            if breadth > view.rows.len() / 4 {
                return filtered::scan(view, keep, allowed, scratch);
            }
        }
    }

    /// Places that a walk keeps for `k` rows.
    fn breadth(&self, k: usize) -> usize {
        self.effort.max(k + k / 4)
    }

    /// Scores the best of the beam, numbers of `rows`, by their full vectors, and keeps the best `k` of the allowed ones.
    fn rank(
        &self,
        query: &[f32],
        k: usize,
        allowed: Option<&Bitmap>,
        (beam, rows): (&Beam, &[u32]),
        found: &mut Vec<Scored>,
    ) {
        let keep =
            |&row: &u32| (row as usize) < self.index.len() && allowed.is_none_or(|allowed| allowed.contains(row));
        let rows = beam.iter().map(|(number, _)| rows[number as usize]).filter(keep).take(kept_for(k));
        found.extend(rows.map(|row| Scored { row, score: 0.0 }));
        let dim = self.index.dim();
        for one in found.iter() {
            prefetch(self.vectors.values(), one.row as usize * dim, dim);
        }
        found.iter_mut().for_each(|one| *one = self.vectors.score(query, one.row));
        found.sort_unstable_by(Scored::best_first);
        // A damaged file may name a link twice.
        found.dedup();
        found.truncate(k);
    }
}

/// Rows that are scored by their full vectors for the best `k`: coding errors swap close ones.
fn kept_for(k: usize) -> usize {
    k + k / 2 + 10
}

impl VectorIndex for Searcher<'_> {
    fn search(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
        let mut found = Vec::with_capacity(kept_for(k.min(self.index.len())));
        self.search_into(query, k, allowed, &mut found);
        found
    }
}
