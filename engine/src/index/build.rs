//! Building the graph with `hnsw_rs` and flattening it.

use super::graph::GraphView;

/// How the graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildOptions {
    /// Links of a node on the upper levels, 2 to 128; twice as many on the ground level.
    pub links: usize,
    /// Breadth of the search that chooses the links.
    pub ef_construction: usize,
    /// No graph is built for fewer rows than this: a scan is as fast.
    pub scan_below: usize,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { links: 16, ef_construction: 200, scan_below: 4_096 }
    }
}

/// A flat graph in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuiltGraph {}

impl BuiltGraph {
    /// The graph as it is searched.
    pub fn view(&self) -> GraphView<'_> {
        todo!()
    }
}

/// Builds the graph of `vectors`, `(n, dim)` row-major and finite.
pub fn build(vectors: &[f32], dim: usize, options: &BuildOptions) -> BuiltGraph {
    let _ = (vectors, dim, options);
    todo!()
}
