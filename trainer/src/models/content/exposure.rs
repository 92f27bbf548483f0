//! How long vectors from records should be: so that new products are shown about as often as others of their sort.
//!
//! The length of an inner product's vector carries popularity, and a prediction is shorter than what it predicts. Withheld
//! products tell how much: with their trained vectors they come among the best of so many users' products, and their
//! predicted vectors are scaled until they do so [`SHARE`] times as often.

use juntos_datasets::Csr;
use juntos_engine::vectors::dot;
use rayon::prelude::*;

use crate::models::Embeddings;

/// Most users that are asked; of more, evenly spaced ones are taken.
const MOST_USERS: usize = 400;
/// How many products a user is shown.
const SHOWN: usize = 20;
/// How often a new product is shown beside one that is known: half, because nobody has vouched for it yet.
const SHARE: f64 = 0.5;

/// A withheld product: its row, its trained vector, and the one from its record.
pub(super) type Pair<'a> = (usize, &'a [f32], &'a [f32]);

/// What predicted vectors are multiplied by; none where trained ones are never shown, or predicted ones cannot be.
pub(super) fn scale(embeddings: &Embeddings, interactions: &Csr, withheld: &[Pair<'_>]) -> Option<f32> {
    let dim = embeddings.dim;
    let known: Vec<(usize, &[f32])> = embeddings
        .users
        .chunks_exact(dim)
        .enumerate()
        .filter(|(_, user)| user.iter().any(|&value| value != 0.0))
        .collect();
    let users: Vec<_> = known.iter().step_by(known.len().div_ceil(MOST_USERS).max(1)).collect();
    let asked: Vec<(usize, Vec<f32>)> =
        users.par_iter().map(|&&(user, vector)| ask(embeddings, interactions.row(user).0, vector, withheld)).collect();
    let shown: usize = asked.iter().map(|(shown, _)| shown).sum();
    let mut scales: Vec<f32> = asked.into_iter().flat_map(|(_, scales)| scales).collect();
    let wanted = (shown as f64 * SHARE).round() as usize;
    if wanted == 0 || scales.len() < wanted {
        return None;
    }
    Some(*scales.select_nth_unstable_by(wanted - 1, f32::total_cmp).1)
}

/// How many withheld products a user is shown by their trained vectors, and from which scale on each is shown by its
/// predicted one. Products that she has are left out.
fn ask(embeddings: &Embeddings, seen: &[u32], user: &[f32], withheld: &[Pair<'_>]) -> (usize, Vec<f32>) {
    let mut is_withheld = vec![false; embeddings.products.len() / embeddings.dim];
    withheld.iter().for_each(|&(row, ..)| is_withheld[row] = true);
    let unseen = |row: usize| seen.binary_search(&(row as u32)).is_err();
    let products = embeddings.products.chunks_exact(embeddings.dim).enumerate();
    let others = products.filter(|&(row, _)| !is_withheld[row] && unseen(row));
    let mut scores: Vec<f32> = others.map(|(_, product)| dot(user, product)).collect();
    if scores.len() < SHOWN {
        return (0, Vec::new());
    }
    let (_, &mut bar, _) = scores.select_nth_unstable_by(SHOWN - 1, |left, right| right.total_cmp(left));
    let mine = || withheld.iter().filter(|&&(row, ..)| unseen(row));
    let shown = mine().filter(|(_, trained, _)| dot(user, trained) > bar).count();
    let needed = mine().map(|(_, _, predicted)| bar / dot(user, predicted));
    (shown, needed.filter(|scale| scale.is_finite() && *scale > 0.0).collect())
}
