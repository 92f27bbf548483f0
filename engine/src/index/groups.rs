//! Groups of lists that lie together, so that a search in a large index need not look at every list to find the nearest.
//!
//! Lists are put in such an order that each run of [`GROUP`] of them is near together; a search scores the groups, and
//! then the lists of the nearest groups only.

use super::flat::View;
use super::kernels::{Ids, kernels, prefetch};
use super::lists::normalise;
use super::scratch::Scratch;
use crate::vectors::{add_scaled, dot};

/// Lists of a group: whole blocks of what kernels score together.
pub(super) const GROUP: usize = 32;
/// Fewer lists than this are all scored: with half as many, what groups save and what they miss weighed the same.
const LEAST_LISTS: usize = 8_192;
/// Groups looked into, beside one for each list wanted.
const MORE_GROUPS: usize = 16;
/// Times that a split is moved to where it parts best.
const ROUNDS: usize = 4;

/// Number of groups of so many lists; 0 where they are so few that all are scored.
pub(super) fn groups_of(lists: usize) -> usize {
    if lists < LEAST_LISTS { 0 } else { lists.div_ceil(GROUP) }
}

/// Puts `centroids`, `(count, dim)` row-major, in an order in which each run of [`GROUP`] is near together, by halving
/// them again and again.
pub(super) fn arrange(centroids: &mut Vec<f32>, dim: usize) {
    let count = centroids.len() / dim;
    if groups_of(count) == 0 {
        return;
    }
    let mut order: Vec<u32> = (0..count as u32).collect();
    halve(centroids, dim, &mut order);
    *centroids = order.iter().flat_map(|&at| vector(centroids, dim, at)).copied().collect();
}

/// The mean direction of each group of arranged centroids, `(groups, dim)` row-major.
pub(super) fn means(centroids: &[f32], dim: usize) -> Vec<f32> {
    if groups_of(centroids.len() / dim) == 0 {
        return Vec::new();
    }
    let order: Vec<u32> = (0..(centroids.len() / dim) as u32).collect();
    let mean = |group: &[u32]| {
        let mut mean = sum(centroids, dim, group);
        normalise(&mut mean);
        mean
    };
    order.chunks(GROUP).flat_map(mean).collect()
}

fn vector(centroids: &[f32], dim: usize, at: u32) -> &[f32] {
    &centroids[at as usize * dim..(at as usize + 1) * dim]
}

fn sum(centroids: &[f32], dim: usize, which: &[u32]) -> Vec<f32> {
    let mut sum = vec![0.0; dim];
    which.iter().for_each(|&at| add_scaled(&mut sum, 1.0, vector(centroids, dim, at)));
    sum
}

/// Orders `which` so that each half, of whole groups, is nearer to its own mean than to the other's, and so on within.
fn halve(centroids: &[f32], dim: usize, which: &mut [u32]) {
    if which.len() <= GROUP {
        return;
    }
    let middle = (which.len().div_ceil(GROUP) / 2) * GROUP;
    let far_from = |from: &[f32]| {
        let least = which.iter().min_by(|&&a, &&b| {
            let score = |at: u32| dot(from, vector(centroids, dim, at));
            score(a).total_cmp(&score(b)).then(a.cmp(&b))
        });
        least.map_or_else(|| vec![0.0; dim], |&at| vector(centroids, dim, at).to_vec())
    };
    let mut one = far_from(&sum(centroids, dim, which));
    let mut other = far_from(&one);
    for _ in 0..ROUNDS {
        add_scaled(&mut one, -1.0, &other);
        let mut scored: Vec<(f32, u32)> =
            which.iter().map(|&at| (-dot(&one, vector(centroids, dim, at)), at)).collect();
        scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        which.iter_mut().zip(scored).for_each(|(place, (_, at))| *place = at);
        (one, other) = (sum(centroids, dim, &which[..middle]), sum(centroids, dim, &which[middle..]));
        normalise(&mut one);
        normalise(&mut other);
    }
    let (left, right) = which.split_at_mut(middle);
    rayon::join(|| halve(centroids, dim, left), || halve(centroids, dim, right));
}

/// Puts the `count` lists nearest to the query into `scratch.nearest`: all lists are looked at, or those of the nearest
/// groups.
pub(super) fn nearest_lists(view: &View<'_>, count: usize, scratch: &mut Scratch) {
    let kernels = kernels();
    scratch.nearest.reset(count);
    if view.groups.count == 0 {
        (kernels.centroids)(&view.centroids, &scratch.query, &mut scratch.scores);
        scratch.nearest.push(kernels, &scratch.scores[..view.centroids.count], Ids::From(0));
        return;
    }
    (kernels.centroids)(&view.groups, &scratch.query, &mut scratch.scores);
    scratch.groups.reset(count + MORE_GROUPS);
    scratch.groups.push(kernels, &scratch.scores[..view.groups.count], Ids::From(0));
    for (group, _) in scratch.groups.iter() {
        let first = group as usize * GROUP;
        prefetch(view.centroids.bytes, first * view.centroids.stride, GROUP * view.centroids.stride);
    }
    for (group, _) in scratch.groups.iter() {
        let first = group as usize * GROUP;
        let lists = view.centroids.part(first, GROUP);
        (kernels.centroids)(&lists, &scratch.query, &mut scratch.scores);
        scratch.nearest.push(kernels, &scratch.scores[..lists.count], Ids::From(first as u32));
    }
}

#[cfg(test)]
mod tests {
    //! 1. Arranged centroids are the same ones, and lie together in their groups.
    //! 2. Lists found through groups are nearly always those found by looking at all, and never twice.

    use std::collections::BTreeSet;

    use super::super::flat::FlatIndex;
    use super::super::kernels::Centroids;
    use super::super::lists::{self, CodedCentroids};
    use super::super::rows::{CodedRows, RowFormat};
    use super::super::shuffle::blends;
    use super::super::walk::set_query;
    use super::*;

    const DIM: usize = 8;

    /// Directions around a few centres.
    fn clustered(count: usize) -> Vec<f32> {
        let mut state = 7u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let centres: Vec<f32> = (0..40 * DIM).map(|_| next()).collect();
        let row = |at: usize| at % 40 * DIM;
        let mut rows: Vec<f32> = (0..count * DIM).map(|at| centres[row(at / DIM) + at % DIM] + 0.3 * next()).collect();
        rows.chunks_exact_mut(DIM).for_each(normalise);
        rows
    }

    fn bits(vectors: &[f32]) -> BTreeSet<Vec<u32>> {
        vectors.chunks_exact(DIM).map(|vector| vector.iter().map(|value| value.to_bits()).collect()).collect()
    }

    /// How near centroids are to the mean of their group, 1 at most.
    fn closeness(centroids: &[f32]) -> f32 {
        let means = means(centroids, DIM);
        let groups = centroids.chunks(GROUP * DIM).zip(means.chunks_exact(DIM));
        let total: f32 = groups.flat_map(|(group, mean)| group.chunks_exact(DIM).map(move |one| dot(one, mean))).sum();
        total / (centroids.len() / DIM) as f32
    }

    #[test]
    fn arranged_centroids_are_the_same_and_lie_together() {
        let before = clustered(8_500);
        let mut after = before.clone();
        arrange(&mut after, DIM);
        assert_eq!(bits(&after), bits(&before));
        assert_eq!(means(&after, DIM).len(), 8_500usize.div_ceil(GROUP) * DIM);
        assert!(closeness(&after) > 0.85 && closeness(&before) < 0.5, "{} {}", closeness(&after), closeness(&before));
    }

    #[test]
    fn few_centroids_have_no_groups() {
        let before = clustered(8_191);
        let mut after = before.clone();
        arrange(&mut after, DIM);
        assert_eq!(after, before);
        assert!(means(&after, DIM).is_empty());
    }

    #[test]
    fn lists_found_through_groups_are_the_nearest() {
        let vectors = clustered(12_000);
        let lists = lists::build(&vectors, DIM, 8_500, 1);
        let rows = CodedRows::encode(&vectors, DIM, &lists.order, RowFormat::Int8);
        let index = FlatIndex::assemble(rows, &lists, CodedCentroids::encode(&lists.centroids, DIM));
        let view = index.view();
        assert_eq!(view.groups.count, 8_500usize.div_ceil(GROUP));
        let without = View { groups: Centroids { count: 0, ..view.groups }, ..view };
        let mut scratch = Scratch::new();
        let mut found = |view: &View<'_>, query: &[f32]| -> Vec<u32> {
            set_query(&mut scratch.query, query, view);
            nearest_lists(view, 12, &mut scratch);
            scratch.nearest.iter().map(|(list, _)| list).collect()
        };
        let (mut same, mut all) = (0, 0);
        for query in blends(&vectors, DIM, 200, 3) {
            let right: BTreeSet<u32> = found(&without, &query).into_iter().collect();
            let got = found(&view, &query);
            assert_eq!(got.len(), 12);
            let different: BTreeSet<u32> = got.into_iter().collect();
            assert_eq!(different.len(), 12, "a list was found twice");
            same += different.intersection(&right).count();
            all += right.len();
        }
        assert!(same as f64 > 0.9 * all as f64, "{same} of {all}");
    }
}
