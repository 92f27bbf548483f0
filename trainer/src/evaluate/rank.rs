//! Ranks the whole catalogue for many people at once: inner products in blocks, the best `k` of each kept.

use std::collections::BinaryHeap;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use juntos_engine::index::Scored;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// People ranked together: their vectors stay in the cache while the catalogue streams by.
const PEOPLE_A_BLOCK: usize = 64;
/// Products scored together: with the people of a block a tile of 2 MiB.
const PRODUCTS_A_TILE: usize = 8192;

/// Scores that are passed over together where none can be among the best.
const LOOKED_AT_ONCE: usize = 32;

/// One list to rank: whose, and what must not stand in it.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Vector of whoever asks.
    pub vector: &'a [f32],
    /// Products to leave out, ascending.
    pub without: &'a [u32],
}

/// The best `k` products of each query by inner product, ties by row; `products` is `(n_products, dim)`, row-major.
///
/// Cost: `queries · n_products · dim` multiplications over all threads. The order of additions does not depend on the
/// number of threads.
pub fn top_products(queries: &[Query<'_>], products: &[f32], dim: usize, k: usize) -> Vec<Vec<u32>> {
    top_products_with(queries, |_| Vec::new(), products, dim, k)
}

/// As [`top_products`], with what `more` has for each query added to the scores: products, ascending, and values.
pub(crate) fn top_products_with(
    queries: &[Query<'_>],
    more: impl Fn(usize) -> Vec<(u32, f32)> + Sync,
    products: &[f32],
    dim: usize,
    k: usize,
) -> Vec<Vec<u32>> {
    let block = |(at, block): (usize, &[Query<'_>])| {
        let more: Vec<_> = (at * PEOPLE_A_BLOCK..).take(block.len()).map(&more).collect();
        rank_block(block, &more, products, dim, k)
    };
    queries.par_chunks(PEOPLE_A_BLOCK).enumerate().flat_map_iter(block).collect()
}

fn rank_block(block: &[Query<'_>], more: &[Vec<(u32, f32)>], products: &[f32], dim: usize, k: usize) -> Vec<Vec<u32>> {
    let vectors: Vec<f32> = block.iter().flat_map(|query| query.vector.iter().copied()).collect();
    let vectors = MatRef::from_row_major_slice(&vectors, block.len(), dim);
    let mut best: Vec<Best> = block.iter().map(|_| Best::new(k)).collect();
    let mut scores = vec![0.0f32; PRODUCTS_A_TILE * block.len()];
    for (tile, vectors_of_tile) in products.chunks(PRODUCTS_A_TILE * dim).enumerate() {
        let size = vectors_of_tile.len() / dim;
        let scores = &mut scores[..size * block.len()];
        let target = MatMut::from_column_major_slice_mut(&mut *scores, size, block.len());
        let tile_of_products = MatRef::from_row_major_slice(vectors_of_tile, size, dim);
        matmul(target, Accum::Replace, tile_of_products, vectors.transpose(), 1.0, Par::Seq);
        let first = (tile * PRODUCTS_A_TILE) as u32;
        for (((query, more), best), scores) in block.iter().zip(more).zip(&mut best).zip(scores.chunks_mut(size)) {
            let of_tile = more.partition_point(|&(row, _)| row < first)..;
            let of_tile = more[of_tile].iter().take_while(|&&(row, _)| row - first < size as u32);
            of_tile.for_each(|&(row, value)| scores[(row - first) as usize] += value);
            best.offer(first, scores, query.without);
        }
    }
    best.into_iter().map(Best::into_rows).collect()
}

/// The best products so far; a worse one is greater, so the worst is on top.
pub(super) struct Best {
    k: usize,
    heap: BinaryHeap<Scored>,
}

impl Best {
    pub(super) fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k + 1) }
    }

    fn offer(&mut self, first_row: u32, scores: &[f32], without: &[u32]) {
        let floor = if self.is_full() { f32::NEG_INFINITY } else { floor(scores, self.k + without.len()) };
        for (scores, first_row) in scores.chunks(LOOKED_AT_ONCE).zip((first_row..).step_by(LOOKED_AT_ONCE)) {
            let least = self.least().max(floor);
            // NaN is below nothing, and goes the long way.
            if scores.iter().fold(true, |all, &score| all & (score < least)) {
                continue;
            }
            for (row, &score) in (first_row..).zip(scores) {
                // Minus zero plus zero is zero: the two must tie.
                self.offer_one(Scored { row, score: score + 0.0 }, without);
            }
        }
    }

    /// Takes `candidate` in if it is among the best and not in `without`, which is ascending.
    pub(super) fn offer_one(&mut self, candidate: Scored, without: &[u32]) {
        let full = self.is_full();
        let no_better = full && self.heap.peek().is_none_or(|worst| candidate >= *worst);
        if no_better || without.binary_search(&candidate.row).is_ok() {
            return;
        }
        if full {
            self.heap.pop();
        }
        self.heap.push(candidate);
    }

    fn is_full(&self) -> bool {
        self.heap.len() >= self.k
    }

    /// What a score must reach to be among the best.
    fn least(&self) -> f32 {
        let worst = self.heap.peek().filter(|_| self.is_full());
        worst.map_or(f32::NEG_INFINITY, |worst| worst.score)
    }

    /// Rows of the best, best first.
    pub(super) fn into_rows(self) -> Vec<u32> {
        self.heap.into_sorted_vec().into_iter().map(|candidate| candidate.row).collect()
    }
}

/// A number that at least `many` of `scores` reach, near to the least of the best `many`: so many groups of them have a score above it.
fn floor(scores: &[f32], many: usize) -> f32 {
    let greatest =
        |scores: &[f32]| scores.iter().fold(f32::NEG_INFINITY, |most, &score| if score > most { score } else { most });
    let mut of_groups: Vec<f32> = scores.chunks(LOOKED_AT_ONCE).map(greatest).collect();
    if many == 0 || many > of_groups.len() {
        return f32::NEG_INFINITY;
    }
    *of_groups.select_nth_unstable_by(many - 1, |one, other| other.total_cmp(one)).1
}

/// Products by falling score, ties by row: what a rule that knows no person ranks for everybody.
pub fn order_by_score(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_by(|&left, &right| scores[right as usize].total_cmp(&scores[left as usize]).then(left.cmp(&right)));
    order
}

/// The first `k` of `order` that are not in `without`, which is ascending.
pub fn first_allowed(order: &[u32], without: &[u32], k: usize) -> Vec<u32> {
    order.iter().copied().filter(|row| without.binary_search(row).is_err()).take(k).collect()
}

/// Few candidates by falling score, ties in an order that `seed` decides.
pub fn order_candidates(mut candidates: Vec<(u32, f32)>, seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for place in (1..candidates.len()).rev() {
        let other = (u64::from(rng.next_u32()) * (place as u64 + 1)) >> 32;
        candidates.swap(place, other as usize);
    }
    candidates.sort_by(|left, right| right.1.total_cmp(&left.1));
    candidates.into_iter().map(|(row, _)| row).collect()
}

#[cfg(test)]
mod tests {
    //! 1. Block ranking equals sorting every score, for any sizes, with products left out, with ties, and with more added.
    //! 2. Candidates come by score; among equals every one comes first for some seed, and the same seed repeats itself.

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn block_ranking_equals_sorting(
            people in 1usize..140,
            n_products in 1usize..400,
            dim in 1usize..6,
            k in 1usize..30,
            values in prop::collection::vec(-3i8..4, 1200),
            without in prop::collection::btree_set(0u32..60, 0..20),
            more in prop::collection::btree_map(0u32..60, -3i8..4, 0..20),
        ) {
            // Small whole numbers: sums are exact in any order, and ties are many.
            let number = |at: usize| f32::from(values[at % values.len()]);
            let users: Vec<f32> = (0..people * dim).map(number).collect();
            let products: Vec<f32> = (0..n_products * dim).map(|at| number(at * 7 + 3)).collect();
            let without: Vec<u32> = without.into_iter().collect();
            let queries: Vec<Query> = users.chunks(dim).map(|vector| Query { vector, without: &without }).collect();
            // More for every other query.
            let more: Vec<(u32, f32)> = more.into_iter().map(|(product, value)| (product, f32::from(value))).collect();
            let more: Vec<_> = more.into_iter().filter(|&(product, _)| (product as usize) < n_products).collect();
            let more = |query: usize| if query.is_multiple_of(2) { more.clone() } else { Vec::new() };
            let ranked = top_products(&queries, &products, dim, k);
            let ranked_with = top_products_with(&queries, more, &products, dim, k);
            prop_assert_eq!((ranked.len(), ranked_with.len()), (people, people));
            for (query, user) in users.chunks(dim).enumerate() {
                let score = |product: &[f32]| user.iter().zip(product).fold(0.0, |sum, (a, b)| sum + a * b);
                let mut scores: Vec<f32> = products.chunks(dim).map(score).collect();
                prop_assert_eq!(&ranked[query], &first_allowed(&order_by_score(&scores), &without, k));
                more(query).iter().for_each(|&(product, value)| scores[product as usize] += value);
                prop_assert_eq!(&ranked_with[query], &first_allowed(&order_by_score(&scores), &without, k));
            }
        }
    }

    #[test]
    fn ties_are_broken_by_the_seed() {
        let candidates = vec![(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.9), (5, 0.1)];
        let mut second = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let order = order_candidates(candidates.clone(), seed);
            assert_eq!((order[0], order[4]), (4, 5));
            assert_eq!(order, order_candidates(candidates.clone(), seed));
            second.insert(order[1]);
        }
        assert_eq!(second, [1, 2, 3].into());
    }
}
