//! Products close to a taste, through the live index: those of the bundle and those that are new since alike.

use crate::bitmap::Bitmap;
use crate::index::{Scored, VectorIndex};
use crate::recommend::Snapshot;

/// The `k` allowed products with the largest inner product with `query`, best first, equal scores by row.
///
/// The index is that of the moment of the search, which may know of changes that `world` does not: products put since
/// are not allowed in `world`, and products deleted since are not found any more.
pub(crate) fn closest(world: &Snapshot, query: &[f32], k: usize, allowed: &Bitmap) -> Vec<Scored> {
    world.base.index.snapshot().search(query, k, Some(allowed))
}

#[cfg(test)]
mod tests;
