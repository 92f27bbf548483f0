//! Building the graph with `hnsw_rs`, and flattening it through that crate's public interface.
//!
//! The links follow the inner product itself (Morozov & Babenko 2018, "Non-metric similarity graphs for maximum inner
//! product search"), because that is what searches follow. Lengthening all vectors to one length, so that the nearest
//! is the one with the largest inner product, is the older way (Bachrach et al. 2014); on 40,981 places of Gowalla it
//! found 60 to 69 % of the ten best at a breadth of 48, this 98 %: most vectors are short, and lengthened ones
//! of those differ in little but the added coordinate. What links by inner product lack, ways to products that are
//! nobody's best, `bridge` adds.

use hnsw_rs::prelude::{Distance, Hnsw};
use rayon::prelude::*;

use super::Exact;
use super::graph::GraphView;
use crate::bundle::shapes::NONE;
use crate::vectors::dot;

/// Most links that fit the `u8` in which `hnsw_rs` keeps them, doubled on the ground level.
const MOST_LINKS: usize = 127;
/// Upper bound on levels that `hnsw_rs` itself has.
const MOST_LEVELS: usize = 16;

/// How the graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildOptions {
    /// Links of a node on the upper levels, taken within 2 to 127; twice as many on the ground level.
    pub links: usize,
    /// Breadth of the search that chooses the links, at least `links`.
    pub ef_construction: usize,
    /// No graph is built for fewer rows than this: a scan is as fast.
    pub scan_below: usize,
    /// Most queries whose best rows are linked with one another.
    pub sample: usize,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { links: 16, ef_construction: 200, scan_below: 4_096, sample: 10_000 }
    }
}

/// A flat graph in memory; [`GraphView`] tells what the fields hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuiltGraph {
    pub(super) entry: u32,
    pub(super) links: usize,
    pub(super) ground: Vec<u32>,
    level_ends: Vec<u64>,
    level_nodes: Vec<u32>,
    level_links: Vec<u32>,
}

impl BuiltGraph {
    /// No graph at all, with the same number of links: products are scanned.
    pub(crate) fn without_nodes(&self) -> Self {
        Self { links: self.links, ..Self::default() }
    }

    /// The graph as it is searched.
    pub fn view(&self) -> GraphView<'_> {
        GraphView {
            entry: self.entry,
            links: self.links,
            ground: &self.ground,
            level_ends: &self.level_ends,
            level_nodes: &self.level_nodes,
            level_links: &self.level_links,
        }
    }
}

/// What the inner product of two vectors no longer than 1 falls short of 1: never below zero.
#[derive(Clone, Copy)]
struct Short;

impl Distance<f32> for Short {
    fn eval(&self, left: &[f32], right: &[f32]) -> f32 {
        (1.0 - dot(left, right)).max(0.0)
    }
}

/// Builds the graph of `vectors`, `(n, dim)` row-major and finite, in parallel: the links depend on the order in which
/// threads insert. Below [`BuildOptions::scan_below`] rows the graph is empty.
///
/// `queries`, finite vectors like those that will be searched for, show which rows are answers together; without any,
/// rows stand in. At most [`BuildOptions::sample`] of them are used, at the cost of an exact search each.
///
/// # Panics
/// If `dim` is zero, does not divide the number of values, a value is not finite, or a query has other dimensions.
pub fn build(vectors: &[f32], dim: usize, queries: &[&[f32]], options: &BuildOptions) -> BuiltGraph {
    assert!(dim > 0 && vectors.len().is_multiple_of(dim), "{} values in rows of {dim}", vectors.len());
    assert!(vectors.par_iter().all(|value| value.is_finite()), "vectors of an index are finite");
    let rows = vectors.len() / dim;
    let links = options.links.clamp(2, MOST_LINKS);
    if rows < options.scan_below.max(2) {
        return BuiltGraph { links, ..BuiltGraph::default() };
    }
    let scaled = scale(vectors, dim);
    let ef = options.ef_construction.max(links);
    let graph = Hnsw::<f32, Short>::new(links, rows, MOST_LEVELS, ef, Short);
    let points: Vec<(&[f32], usize)> = scaled.chunks_exact(dim).enumerate().map(|(row, x)| (x, row)).collect();
    graph.parallel_insert_slice(&points);
    let mut flat = flatten(&graph, rows, links);
    let exact = Exact::new(vectors, dim);
    let own: Vec<&[f32]> = vectors.chunks_exact(dim).collect();
    let queries = if queries.is_empty() { &own } else { queries };
    let sample: Vec<&[f32]> = queries.iter().copied().step_by(queries.len().div_ceil(options.sample.max(1))).collect();
    flat.bridge(exact, &sample);
    flat.connect(exact);
    flat
}

/// Scales all vectors so that the longest has length 1.
fn scale(vectors: &[f32], dim: usize) -> Vec<f32> {
    let squared = |x: &[f32]| x.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>();
    let longest = vectors.chunks_exact(dim).map(squared).fold(0.0, f64::max).sqrt();
    let scale = if longest > 0.0 { longest.recip() } else { 0.0 };
    vectors.iter().map(|&value| (f64::from(value) * scale) as f32).collect()
}

/// One node's links on every level that it reaches.
struct Node {
    row: u32,
    level: usize,
    links: Vec<Vec<u32>>,
}

fn flatten(graph: &Hnsw<'_, f32, Short>, rows: usize, links: usize) -> BuiltGraph {
    let indexation = graph.get_point_indexation();
    let mut nodes: Vec<Node> = Vec::with_capacity(rows);
    for point in indexation {
        let level = usize::from(point.get_point_id().0);
        let lists = point.get_neighborhood_id();
        let rows_of = |list: &Vec<hnsw_rs::prelude::Neighbour>| list.iter().map(|link| link.d_id as u32).collect();
        let links = lists.iter().take(level + 1).map(rows_of).collect();
        nodes.push(Node { row: point.get_origin_id() as u32, level, links });
    }
    nodes.sort_unstable_by_key(|node| node.row);
    let levels = nodes.iter().map(|node| node.level).max().unwrap_or(0);
    let entry = nodes.iter().find(|node| node.level == levels).map_or(0, |node| node.row);
    let mut flat = BuiltGraph { entry, links, ..BuiltGraph::default() };
    flat.ground = Vec::with_capacity(rows * 2 * links);
    nodes.iter().for_each(|node| push_links(&mut flat.ground, node, 0, 2 * links, &nodes));
    for level in 1..=levels {
        for node in nodes.iter().filter(|node| node.level >= level) {
            flat.level_nodes.push(node.row);
            push_links(&mut flat.level_links, node, level, links, &nodes);
        }
        flat.level_ends.push(flat.level_nodes.len() as u64);
    }
    flat
}

/// Adds one row of `width` places: the node's links on `level` to nodes that reach it, nearest first.
fn push_links(flat: &mut Vec<u32>, node: &Node, level: usize, width: usize, nodes: &[Node]) {
    let end = flat.len() + width;
    let reaches = |link: &&u32| **link != node.row && nodes[**link as usize].level >= level;
    let links = node.links.get(level).into_iter().flatten();
    flat.extend(links.filter(reaches).take(width));
    flat.resize(end, NONE);
}
