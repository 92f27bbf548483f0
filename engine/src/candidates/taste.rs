//! Products close to a taste: the index for those of the bundle, an exact scan for those that are new since.

use crate::allowed::Allowed;
use crate::index::{Scored, VectorIndex};
use crate::live::view::dot;
use crate::recommend::Snapshot;

/// The `k` allowed products with the largest inner product with `query`, best first, equal scores by row.
pub(crate) fn closest(world: &Snapshot, query: &[f32], k: usize, allowed: &Allowed) -> Vec<Scored> {
    let mut found = world.bundle().index().search(query, k, Some(&allowed.stored));
    if !allowed.new.is_empty() {
        found.extend(allowed.new.iter().map(|&row| Scored { row, score: dot(query, world.product_vector(row)) }));
        found.sort_by(Scored::best_first);
        found.truncate(k);
    }
    found
}
