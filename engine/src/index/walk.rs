//! The walk over the graph: from the rows of the nearest lists along links to better ones (Malkov & Yashunin 2016,
//! algorithm 2, with several nodes opened at once so that their memory is fetched together).
//!
//! A walk is a sequence of steps, so that several of them can take turns on one thread: while one waits for memory that
//! it asked for, another computes.

use super::flat::View;
use super::groups::nearest_lists;
use super::kernels::{Ids, Kernels, kernels, prefetch};
use super::rows::Query;
use super::scratch::Scratch;

/// Nodes opened at once.
const WIDTH: usize = 4;
/// Rows of the next list that are asked for ahead.
const AHEAD: usize = 32;

/// Most lists that are scanned before a walk.
const MOST_LISTS: usize = 48;

/// Lists that are scanned before a walk of that breadth: their rows are cheap, one after the other in memory.
fn lists_for(breadth: usize) -> usize {
    (3 + breadth / 8).min(MOST_LISTS)
}

/// Steps of one walk; `scratch.query` holds the query.
pub(super) struct Walk<'a> {
    view: View<'a>,
    kernels: &'static Kernels,
    breadth: usize,
    lists: usize,
}

impl<'a> Walk<'a> {
    /// A walk that keeps the best `breadth` places.
    pub(super) fn new(view: View<'a>, breadth: usize) -> Self {
        Self::from_lists(view, breadth, lists_for(breadth))
    }

    /// A walk that begins with that many lists, at most [`MOST_LISTS`].
    pub(super) fn from_lists(view: View<'a>, breadth: usize, lists: usize) -> Self {
        Self { view, kernels: kernels(), breadth, lists: lists.min(view.centroids.count).min(MOST_LISTS) }
    }

    /// Walks to the end: `scratch.beam` then holds the best `breadth` places that were met.
    pub(super) fn run(&self, scratch: &mut Scratch) {
        self.start(scratch);
        while self.open(scratch) {
            self.score(scratch);
        }
        scratch.forget_visits();
    }

    /// Scans the nearest lists, and chooses the first nodes to open.
    pub(super) fn start(&self, scratch: &mut Scratch) {
        let view = &self.view;
        scratch.make_room(view.rows.len());
        scratch.beam.reset(self.breadth);
        nearest_lists(view, self.lists, scratch);
        let mut lists = [0u32; MOST_LISTS];
        let found = scratch.nearest.iter().zip(&mut lists).map(|((list, _), place)| *place = list).count();
        for (at, &list) in lists[..found].iter().enumerate() {
            if let Some(&next) = lists[..found].get(at + 1) {
                let next = view.list(next);
                let (stride, ahead) = (view.rows.stride, next.len().min(AHEAD));
                prefetch(view.rows.bytes, next.start * stride, ahead * stride);
            }
            let places = view.list(list);
            (self.kernels.range)(&view.rows, &scratch.query, places.clone(), &mut scratch.scores);
            scratch.beam.push(self.kernels, &scratch.scores[..places.len()], Ids::From(places.start as u32));
            scratch.visit_range(places);
        }
        self.choose(scratch);
    }

    /// Finds the links of the chosen nodes that were not met yet, and asks for their rows. Tells whether any node was
    /// chosen: otherwise the walk is over.
    pub(super) fn open(&self, scratch: &mut Scratch) -> bool {
        scratch.met = scratch.touched.len();
        for &node in &scratch.opened[..scratch.open] {
            let before = scratch.touched.len();
            let links = self.view.links(node);
            (self.kernels.fresh)(links, self.view.rows.len(), &mut scratch.visited, &mut scratch.touched);
            scratch.touched[before..].iter().for_each(|&place| self.ask_for_row(place as usize));
        }
        scratch.open > 0
    }

    /// Scores what [`Walk::open`] found, and chooses the next nodes.
    pub(super) fn score(&self, scratch: &mut Scratch) {
        let met = &scratch.touched[scratch.met..];
        (self.kernels.gather)(&self.view.rows, &scratch.query, met, &mut scratch.scores);
        scratch.beam.push(self.kernels, &scratch.scores[..met.len()], Ids::Listed(met));
        self.choose(scratch);
    }

    /// Chooses the best nodes not opened yet, and asks for their links.
    fn choose(&self, scratch: &mut Scratch) {
        scratch.open = scratch.beam.open_next(WIDTH, &mut scratch.opened);
        for &node in &scratch.opened[..scratch.open] {
            let start = node as usize * self.view.degree;
            prefetch(self.view.links, start, self.view.degree);
        }
    }

    #[inline]
    fn ask_for_row(&self, place: usize) {
        prefetch(self.view.rows.bytes, place * self.view.rows.stride, self.view.rows.stride);
    }
}

/// Makes `vector` the query of a search.
pub(super) fn set_query(query: &mut Query, vector: &[f32], view: &View<'_>) {
    query.set(vector, &view.rows);
}
