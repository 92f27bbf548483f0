//! Spreading over a graph in plain operations of candle: for devices that the operation of our own is not written for.

use candle_core::{Device, Result, Tensor};
use juntos_datasets::Csr;

/// Edges that one operation gathers the vectors of: with 128 dimensions 128 MiB.
const EDGES_A_BLOCK: usize = 1 << 18;

/// A graph as rows of equal width, so that a layer is gathering and multiplying alone: nodes whose numbers of edges are
/// at most the same power of two lie together, padded with edges of weight 0.
///
/// Adding along edges would be one operation and no padding, but those of candle for cards go through all edges one
/// after another.
pub(super) struct Gathers {
    blocks: Vec<Block>,
    /// `(nodes)` where each node lies in the blocks.
    places: Tensor,
}

/// Some nodes with at most `width` edges each.
struct Block {
    nodes: usize,
    width: usize,
    /// `(nodes · width)` other ends of their edges.
    others: Tensor,
    /// `(nodes, 1, width)` weights of these.
    weights: Tensor,
}

impl Gathers {
    pub(super) fn new(graph: &Csr, device: &Device) -> Result<Self> {
        let width = |node: u32| graph.row(node as usize).0.len().next_power_of_two();
        let mut nodes: Vec<u32> = (0..graph.rows() as u32).collect();
        nodes.sort_by_key(|&node| width(node));
        let mut places = vec![0u32; nodes.len()];
        (0..).zip(&nodes).for_each(|(place, &node)| places[node as usize] = place);
        let alike = nodes.chunk_by(|&one, &other| width(one) == width(other));
        let parts = alike.flat_map(|nodes| {
            let width = width(nodes[0]);
            nodes.chunks((EDGES_A_BLOCK / width).max(1)).map(move |nodes| (nodes, width))
        });
        let blocks = parts.map(|(nodes, width)| Block::new(graph, nodes, width, device)).collect::<Result<_>>()?;
        Ok(Self { blocks, places: Tensor::from_vec(places, graph.rows(), device)? })
    }

    /// The sum over the edges of each node of weight times the other end's vector.
    pub(super) fn sums(&self, vectors: &Tensor) -> Result<Tensor> {
        let sums = self.blocks.iter().map(|block| block.sums(vectors)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&sums, 0)?.index_select(&self.places, 0)
    }
}

impl Block {
    fn new(graph: &Csr, nodes: &[u32], width: usize, device: &Device) -> Result<Self> {
        let (mut others, mut weights) = (vec![0u32; nodes.len() * width], vec![0f32; nodes.len() * width]);
        for (at, &node) in nodes.iter().enumerate() {
            let (columns, values) = graph.row(node as usize);
            others[at * width..at * width + columns.len()].copy_from_slice(columns);
            weights[at * width..at * width + values.len()].copy_from_slice(values);
        }
        Ok(Self {
            nodes: nodes.len(),
            width,
            others: Tensor::from_vec(others, nodes.len() * width, device)?,
            weights: Tensor::from_vec(weights, (nodes.len(), 1, width), device)?,
        })
    }

    fn sums(&self, vectors: &Tensor) -> Result<Tensor> {
        let gathered = vectors.index_select(&self.others, 0)?.reshape((self.nodes, self.width, ()))?;
        self.weights.matmul(&gathered)?.squeeze(1)
    }
}
