//! Vectors that are in no flat index yet: blocks that a scan reads one after the other and a change copies one or two of.

use std::sync::Arc;

use crate::bitmap::Bitmap;
use crate::index::{Scored, TopK};
use crate::vectors::dot;

/// Vectors of a block.
const BLOCK: usize = 64;

/// A persistent map from ids to vectors.
#[derive(Debug, Clone)]
pub(super) struct Delta {
    dim: usize,
    len: usize,
    /// All but the last are full.
    blocks: imbl::Vector<Arc<Block>>,
    /// Where the vector of an id lies, counted through the blocks.
    slots: imbl::HashMap<u32, u32>,
}

#[derive(Debug, Clone, Default)]
struct Block {
    ids: Vec<u32>,
    vectors: Vec<f32>,
}

impl Delta {
    pub(super) fn new(dim: usize) -> Self {
        Self { dim, len: 0, blocks: imbl::Vector::new(), slots: imbl::HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: u32) -> Option<&[f32]> {
        let slot = *self.slots.get(&id)? as usize;
        let start = slot % BLOCK * self.dim;
        self.blocks.get(slot / BLOCK).map(|block| &block.vectors[start..start + self.dim])
    }

    /// Inserts or replaces; tells whether there was one.
    pub(super) fn put(&mut self, id: u32, vector: &[f32]) -> bool {
        let known = self.slots.get(&id).copied();
        let slot = known.unwrap_or(self.len as u32);
        self.set(slot as usize, id, vector);
        if known.is_none() {
            self.slots.insert(id, slot);
            self.len += 1;
        }
        known.is_some()
    }

    /// Removes; tells whether there was one. The last vector takes its place.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        let Some(slot) = self.slots.remove(&id) else { return false };
        let Some(last) = self.blocks.back_mut().map(Arc::make_mut) else { return false };
        let Some(moved) = last.ids.pop() else { return false };
        let vector = last.vectors.split_off(last.ids.len() * self.dim);
        if last.ids.is_empty() {
            self.blocks.pop_back();
        }
        self.len -= 1;
        if moved != id {
            self.set(slot as usize, moved, &vector);
            self.slots.insert(moved, slot);
        }
        true
    }

    /// Writes to a slot that is taken, or to the first free one.
    fn set(&mut self, slot: usize, id: u32, vector: &[f32]) {
        if slot / BLOCK == self.blocks.len() {
            self.blocks.push_back(Arc::default());
        }
        let Some(block) = self.blocks.get_mut(slot / BLOCK).map(Arc::make_mut) else { return };
        let at = slot % BLOCK;
        if at == block.ids.len() {
            block.ids.push(id);
            block.vectors.extend_from_slice(vector);
        } else {
            block.ids[at] = id;
            block.vectors[at * self.dim..(at + 1) * self.dim].copy_from_slice(vector);
        }
    }

    /// Ids with their vectors, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[f32])> {
        self.blocks.iter().flat_map(|block| block.ids.iter().copied().zip(block.vectors.chunks_exact(self.dim)))
    }

    /// Scores every vector, those of allowed ids where it is given.
    pub(super) fn scan(&self, query: &[f32], allowed: Option<&Bitmap>, best: &mut TopK) {
        let kept = self.iter().filter(|&(id, _)| allowed.is_none_or(|allowed| allowed.contains(id)));
        kept.for_each(|(id, vector)| best.push(Scored { row: id, score: dot(query, vector) }));
    }
}
