//! Spreading over a graph, a few columns of all vectors at a time.
//!
//! An edge gathers a vector from anywhere in the table. The whole table is too large for a processor's own cache; a strip of
//! [`WIDTH`] columns is one line of it for each node, and fits where the graph has up to some ten thousand nodes.

use juntos_datasets::Csr;
use rayon::prelude::*;

/// Columns of a strip: 64 bytes, a line of the cache.
const WIDTH: usize = 16;
/// Nodes that one task computes.
const NODES_A_TASK: usize = 256;

/// The cells of one vector in a strip; beyond the last column 0.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Cells([f32; WIDTH]);

/// What vectors are computed in, strip after strip, kept from one spread to the next: fresh memory would be cleared each time.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// As they begin.
    own: Vec<Cells>,
    /// Between two layers.
    between: Vec<Cells>,
    /// As they end.
    sums: Vec<Cells>,
}

impl Tables {
    /// `scale · (x + Ã(x + Ã(x + …)))`, with `layers` (at least 1) times `Ã`, for the vectors `x`, `(nodes, dim)`, of `start`:
    /// Horner's rule. Each node adds in the order of its edges.
    pub(super) fn spread(&mut self, graph: &Csr, (layers, scale): (usize, f32), start: &[f32], dim: usize) -> Vec<f32> {
        let (nodes, strips) = (graph.rows().max(1), dim.div_ceil(WIDTH));
        let Self { own, between, sums } = self;
        [&mut *own, between, sums].into_iter().for_each(|table| table.resize(nodes * strips, Cells::NOTHING));
        cut(start, dim, nodes, own);
        let strips = own.par_chunks(nodes).zip(between.par_chunks_mut(nodes)).zip(sums.par_chunks_mut(nodes));
        strips.for_each(|((own, between), sums)| {
            // The last layer ends in `sums`.
            let (mut from, mut to) = if layers % 2 == 0 { (sums, between) } else { (between, sums) };
            for at in 1..=layers {
                let scale = if at == layers { scale } else { 1.0 };
                Layer { graph, own, from: if at == 1 { own } else { from }, scale }.fill(to);
                (from, to) = (to, from);
            }
        });
        let mut spread = vec![0f32; start.len()];
        join(sums, dim, nodes, &mut spread);
        spread
    }
}

/// Fills `strips` with `vectors`, one strip of all `nodes` after the other.
fn cut(vectors: &[f32], dim: usize, nodes: usize, strips: &mut [Cells]) {
    // For each task its part of every strip, so that it reads vectors once and in their order.
    let mut of_strips: Vec<_> = strips.chunks_mut(nodes).map(|strip| strip.chunks_mut(NODES_A_TASK)).collect();
    let tasks = vectors.chunks(NODES_A_TASK * dim);
    let tasks: Vec<_> = tasks.map(|block| (block, of_strips.iter_mut().filter_map(Iterator::next).collect())).collect();
    tasks.into_par_iter().for_each(|(block, mut strips): (&[f32], Vec<&mut [Cells]>)| {
        for (node, vector) in block.chunks_exact(dim).enumerate() {
            let parts = strips.iter_mut().zip(vector.chunks(WIDTH));
            parts.for_each(|(strip, part)| strip[node] = Cells::of(part));
        }
    });
}

/// Fills `vectors` with what `strips` hold of them.
fn join(strips: &[Cells], dim: usize, nodes: usize, vectors: &mut [f32]) {
    vectors.par_chunks_mut(NODES_A_TASK * dim).enumerate().for_each(|(task, block)| {
        for (node, vector) in (task * NODES_A_TASK..).zip(block.chunks_exact_mut(dim)) {
            let parts = vector.chunks_mut(WIDTH).zip(strips[node..].iter().step_by(nodes));
            parts.for_each(|(part, strip)| strip.fill(part));
        }
    });
}

/// `scale · (own + Ã from)` of a strip.
struct Layer<'a> {
    graph: &'a Csr,
    own: &'a [Cells],
    from: &'a [Cells],
    scale: f32,
}

impl Layer<'_> {
    fn fill(&self, sums: &mut [Cells]) {
        sums.par_chunks_mut(NODES_A_TASK).enumerate().for_each(|(task, sums)| {
            pulp::Arch::new().dispatch(Nodes { layer: self, first: task * NODES_A_TASK, sums });
        });
    }
}

/// Some nodes of a layer, compiled for wide vectors.
struct Nodes<'a> {
    layer: &'a Layer<'a>,
    /// Number of the first node.
    first: usize,
    sums: &'a mut [Cells],
}

impl pulp::NullaryFnOnce for Nodes<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Layer { graph, own, from, scale } = *self.layer;
        for (node, cells) in (self.first..).zip(self.sums) {
            let mut sum = own[node].0;
            let (others, weights) = graph.row(node);
            for (&other, &weight) in others.iter().zip(weights) {
                let other = &from[other as usize].0;
                (0..WIDTH).for_each(|at| sum[at] += weight * other[at]);
            }
            *cells = Cells(sum.map(|cell| scale * cell));
        }
    }
}

impl Cells {
    const NOTHING: Self = Self([0.0; WIDTH]);

    /// The first of `cells`, as many as there are up to [`WIDTH`].
    fn of(cells: &[f32]) -> Self {
        match cells.first_chunk() {
            Some(whole) => Self(*whole),
            None => {
                let mut own = Self::NOTHING;
                own.0[..cells.len()].copy_from_slice(cells);
                own
            }
        }
    }

    /// Fills `cells`, of which there are up to [`WIDTH`], with the first of these.
    fn fill(&self, cells: &mut [f32]) {
        match cells.first_chunk_mut() {
            Some(whole) => *whole = self.0,
            None => cells.copy_from_slice(&self.0[..cells.len()]),
        }
    }
}
