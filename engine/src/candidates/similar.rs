//! Products like given ones: near in direction, whatever their popularity.

use crate::bitmap::Bitmap;
use crate::candidates::{ProductDraft, best_first, taste};
use crate::live::view::{dot, weighted_mean};
use crate::recommend::Snapshot;
use crate::request::Source;
use crate::together::model::cosine;

/// How many more candidates than needed the index is asked for: it ranks by inner product, the list by cosine.
const OVERFETCH: usize = 4;

/// The `k` allowed products most like `products`: by the highest cosine with any of them, among those closest to their
/// mean direction.
pub(crate) fn like(world: &Snapshot, products: &[u32], k: usize, allowed: &Bitmap) -> Vec<ProductDraft> {
    let given: Vec<(u32, &[f32])> = products.iter().map(|&row| (row, world.product_vector(row))).collect();
    let directions = given.iter().filter_map(|(_, vector)| {
        let length = dot(vector, vector).sqrt();
        (length > 0.0).then(|| (*vector, 1.0 / length))
    });
    let Some(query) = weighted_mean(world.bundle().dim(), directions) else { return Vec::new() };
    let found = taste::closest(world, &query, k.saturating_mul(OVERFETCH), allowed);
    let mut drafts: Vec<ProductDraft> = found.iter().filter_map(|scored| draft(world, scored.row, &given)).collect();
    drafts.sort_by(best_first);
    drafts.truncate(k);
    drafts
}

fn draft(world: &Snapshot, row: u32, given: &[(u32, &[f32])]) -> Option<ProductDraft> {
    let (score, like) = nearest(world.product_vector(row), given)?;
    (score > 0.0).then(|| ProductDraft { because_of: Some(like), ..ProductDraft::new(row, Source::Similar, score) })
}

/// The one of `given` with the highest cosine with `vector`, and that cosine.
pub(crate) fn nearest(vector: &[f32], given: &[(u32, &[f32])]) -> Option<(f32, u32)> {
    let scored = given.iter().map(|&(row, other)| (cosine(vector, other), row));
    scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
}
