//! Search on the flat graph: greedy descent through the upper levels, then a beam on the ground level
//! (Malkov & Yashunin 2018, "Efficient and robust approximate nearest neighbor search using HNSW graphs",
//! algorithms 2 and 5), by inner product on the vectors where they lie.
//!
//! A filter enters the beam: disallowed rows are walked through but never kept. Where few rows are allowed the beam
//! would walk the whole graph, so they are scanned instead; a scan also stands in where the graph gave too few.

use std::cell::RefCell;
use std::collections::BinaryHeap;

use super::exact::check_query;
use super::{Exact, Scored, TopK, VectorIndex};
use crate::bitmap::Bitmap;
use crate::bundle::shapes::NONE;

/// Rows scored for each step of the beam, about: what the choice between graph and scan reckons with.
const SCORES_PER_STEP: usize = 16;

/// A flat graph where it lies.
#[derive(Debug, Clone, Copy)]
pub struct GraphView<'a> {
    /// Node where every search begins.
    pub entry: u32,
    /// Links of a node on the upper levels; twice as many on the ground level.
    pub links: usize,
    /// `(n, 2 · links)` rows of neighbours on the ground level, free places `u32::MAX` at the end; empty without a graph.
    pub ground: &'a [u32],
    /// Ends of the upper levels among `level_nodes`, lowest level first.
    pub level_ends: &'a [u64],
    /// Nodes of the upper levels, ascending within a level.
    pub level_nodes: &'a [u32],
    /// `(level_nodes, links)` rows of neighbours on the node's level, free places `u32::MAX` at the end.
    pub level_links: &'a [u32],
}

impl<'a> GraphView<'a> {
    /// Number of levels, the ground level included; 0 without a graph.
    pub fn levels(&self) -> usize {
        if self.ground.is_empty() { 0 } else { 1 + self.level_ends.len() }
    }

    /// Neighbours on the ground level.
    fn ground_links(&self, node: u32) -> impl Iterator<Item = u32> + 'a {
        let width = 2 * self.links;
        let start = node as usize * width;
        self.ground[start..start + width].iter().copied().take_while(|&link| link != NONE)
    }

    /// Neighbours on upper level `level` (0 is the one above the ground); none where the node does not reach it.
    fn upper_links(&self, level: usize, node: u32) -> impl Iterator<Item = u32> + 'a {
        let begin = level.checked_sub(1).map_or(0, |below| self.level_ends[below] as usize);
        let nodes = &self.level_nodes[begin..self.level_ends[level] as usize];
        let links = match nodes.binary_search(&node) {
            Ok(at) => &self.level_links[(begin + at) * self.links..(begin + at + 1) * self.links],
            Err(_) => &[],
        };
        links.iter().copied().take_while(|&link| link != NONE)
    }
}

/// Approximate search by a graph.
#[derive(Debug, Clone, Copy)]
pub struct Hnsw<'a> {
    graph: GraphView<'a>,
    vectors: Exact<'a>,
    ef: usize,
}

impl<'a> Hnsw<'a> {
    /// Searches `vectors` along `graph` with breadth `ef`, or twice the number asked for where that is more; without a graph the vectors are scanned.
    ///
    /// # Panics
    /// Searches panic if the graph is not one of these vectors.
    pub fn new(graph: GraphView<'a>, vectors: Exact<'a>, ef: usize) -> Self {
        Self { graph, vectors, ef }
    }

    /// The same with another breadth: broader is slower and finds more.
    pub fn with_ef(self, ef: usize) -> Self {
        Self { ef, ..self }
    }

    /// Whether a scan of the allowed rows costs less than the beam, which has to meet `ef / share` rows to keep `ef`.
    fn scan_is_cheaper(&self, allowed: usize, ef: usize) -> bool {
        let rows = self.vectors.len();
        allowed.saturating_mul(allowed) <= ef.saturating_mul(SCORES_PER_STEP).saturating_mul(rows)
    }

    /// Walks down the upper levels, on each to the node that none of its neighbours betters.
    fn descend(&self, query: &[f32]) -> Scored {
        let mut best = self.vectors.score(query, self.graph.entry);
        for level in (0..self.graph.level_ends.len()).rev() {
            loop {
                let neighbours = self.graph.upper_links(level, best.row).map(|row| self.vectors.score(query, row));
                match neighbours.min() {
                    Some(better) if better < best => best = better,
                    _ => break,
                }
            }
        }
        best
    }

    /// The beam on the ground level: always expands the best node not expanded yet, until it is worse than every one
    /// of the `ef` kept.
    fn beam(&self, query: &[f32], ef: usize, allowed: Option<&Bitmap>, visited: &mut Visited) -> TopK {
        let start = self.descend(query);
        let keep = |row| allowed.is_none_or(|allowed| allowed.contains(row));
        let mut kept = TopK::new(ef);
        let mut open = BinaryHeap::with_capacity(ef);
        visited.first_visit(start.row);
        open.push(std::cmp::Reverse(start));
        if keep(start.row) {
            kept.push(start);
        }
        while let Some(std::cmp::Reverse(node)) = open.pop() {
            if kept.is_full() && kept.worst().is_some_and(|worst| node > *worst) {
                break;
            }
            for link in self.graph.ground_links(node.row) {
                if !visited.first_visit(link) {
                    continue;
                }
                let found = self.vectors.score(query, link);
                if kept.is_full() && kept.worst().is_some_and(|worst| found > *worst) {
                    continue;
                }
                open.push(std::cmp::Reverse(found));
                if keep(link) {
                    kept.push(found);
                }
            }
        }
        kept
    }
}

impl VectorIndex for Hnsw<'_> {
    fn search(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
        let rows = self.vectors.len();
        check_query(query, self.vectors.dim(), allowed, rows);
        let eligible = allowed.map_or(rows, Bitmap::count);
        let wanted = k.min(eligible);
        let ef = self.ef.max(wanted.saturating_mul(2));
        if wanted == 0 || !query.iter().all(|value| value.is_finite()) {
            return Vec::new();
        }
        if self.graph.ground.is_empty() || self.scan_is_cheaper(eligible, ef) {
            return self.vectors.search(query, k, allowed);
        }
        let mut found = VISITED.with_borrow_mut(|visited| {
            visited.clear(rows);
            self.beam(query, ef, allowed, visited).into_sorted()
        });
        if found.len() < wanted {
            return self.vectors.search(query, k, allowed);
        }
        found.truncate(wanted);
        found
    }
}

thread_local! {
    /// One set of visited nodes a thread, reused from search to search: `4 n` bytes.
    static VISITED: RefCell<Visited> = RefCell::new(Visited::default());
}

/// Nodes visited in this search: those marked with its number.
#[derive(Default)]
struct Visited {
    marks: Vec<u32>,
    search: u32,
}

impl Visited {
    /// Begins a new search over `rows` nodes.
    fn clear(&mut self, rows: usize) {
        self.search = self.search.wrapping_add(1);
        if self.search == 0 {
            self.marks.fill(0);
            self.search = 1;
        }
        if self.marks.len() < rows {
            self.marks.resize(rows, 0);
        }
    }

    /// Marks a node, and tells whether it was not marked before.
    #[inline]
    fn first_visit(&mut self, node: u32) -> bool {
        let mark = &mut self.marks[node as usize];
        let first = *mark != self.search;
        *mark = self.search;
        first
    }
}
