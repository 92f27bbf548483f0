//! Search among allowed rows only: which way is cheapest, and the two ways that are no walk.

use super::beam::ordered;
use super::filter::Allowed;
use super::flat::View;
use super::kernels::{Ids, kernels, prefetch};
use super::scratch::Scratch;
use super::walk::Walk;

/// How allowed rows are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// All allowed rows are scored.
    Scan,
    /// The allowed rows of the nearest lists are scored, until `rows` rows have been passed.
    Lists {
        /// Rows to pass, allowed or not.
        rows: usize,
    },
    /// A walk of that breadth, of which the allowed rows are kept.
    Walk {
        /// Places to keep, allowed or not.
        breadth: usize,
    },
}

/// Rows anywhere that are scored together, at least.
const BATCH: usize = 64;

/// A filter that leaves out less than one row in twenty hardly changes a search.
const HARDLY_A_FILTER: f32 = 0.95;

/// What the steps of a search cost, in nanoseconds on one core of a server with AVX-512 (`cargo bench --bench index`);
/// only their ratios matter.
mod cost {
    /// A centroid scored.
    pub(super) const CENTROID: f32 = 0.8;
    /// A row looked up in the filter.
    pub(super) const TEST: f32 = 1.2;
    /// An allowed row of a list scored.
    pub(super) const NEAR: f32 = 5.0;
    /// A word of the filter looked at.
    pub(super) const WORD: f32 = 0.7;
    /// A row anywhere scored.
    pub(super) const FAR: f32 = 15.0;
    /// A node opened in a walk, with the rows met there.
    pub(super) const NODE: f32 = 280.0;
}

/// The share of the best rows that a search of this effort is to find.
pub(super) fn aim(effort: usize) -> f32 {
    (1.0 - 2.4 / effort.max(12) as f32).min(0.995)
}

/// The cheapest way to `k` of `allowed` rows.
pub(super) fn choose(view: &View<'_>, k: usize, effort: usize, allowed: &Allowed<'_>) -> Way {
    let rows = view.rows.len() as f32;
    let share = share(view, allowed);
    let breadth = (effort.max(k) as f32 / share).ceil();
    let can_walk = view.degree > 0 && share > 0.0 && breadth < rows / 4.0;
    if can_walk && (allowed.left || share >= HARDLY_A_FILTER) {
        return Way::Walk { breadth: breadth as usize };
    }
    let mut best = (rows / 64.0 * cost::WORD + allowed.count as f32 * cost::FAR, Way::Scan);
    let mut offer = |cost: f32, way: Way| {
        if cost < best.0 {
            best = (cost, way);
        }
    };
    let centroids = view.centroids.count as f32 * cost::CENTROID;
    if let Some(passed) = to_pass(view, k, effort, allowed) {
        let each = cost::TEST + share * cost::NEAR;
        offer(centroids + passed as f32 * each, Way::Lists { rows: passed });
    }
    if can_walk {
        offer(centroids + breadth * cost::NODE, Way::Walk { breadth: breadth as usize });
    }
    best.1
}

/// The share of the rows that is allowed.
pub(super) fn share(view: &View<'_>, allowed: &Allowed<'_>) -> f32 {
    allowed.count as f32 / view.rows.len().max(1) as f32
}

/// Rows to pass for the best `k` of the allowed rows; none where only looking at all would do.
pub(super) fn to_pass(view: &View<'_>, k: usize, effort: usize, allowed: &Allowed<'_>) -> Option<usize> {
    view.coverage.rows_to_pass(k as f32 / share(view, allowed).max(f32::MIN_POSITIVE), aim(effort))
}

/// Walks, and tells how many of the places met are allowed.
pub(super) fn walk(view: &View<'_>, breadth: usize, allowed: &Allowed<'_>, scratch: &mut Scratch) -> usize {
    Walk::new(*view, breadth).run(scratch);
    scratch.beam.iter().filter(|&(place, _)| allowed.rows.contains(view.row(place))).count()
}

/// Scores every allowed row: exact up to the coding of rows.
pub(super) fn scan(view: &View<'_>, keep: usize, allowed: &Allowed<'_>, scratch: &mut Scratch) {
    scratch.beam.reset(keep);
    scratch.places.clear();
    allowed.for_each_place(view, |place| {
        if (place as usize) < view.rows.len() {
            prefetch(view.rows.bytes, place as usize * view.rows.stride, view.rows.stride);
            scratch.places.push(place);
            if scratch.places.len() >= BATCH {
                score_places(view, scratch);
            }
        }
    });
    score_places(view, scratch);
}

/// Scores the allowed rows of the nearest lists until `rows` rows have been passed, and more where that was too few for
/// this query: see [`rows_for`].
pub(super) fn scan_lists(
    view: &View<'_>,
    k: usize,
    keep: usize,
    (mut rows, aim): (usize, f32),
    allowed: &Allowed<'_>,
    scratch: &mut Scratch,
) {
    let mean = (view.rows.len() / view.centroids.count.max(1)).max(1);
    scratch.beam.reset(keep);
    scratch.places.clear();
    (kernels().centroids)(&view.centroids, &scratch.query, &mut scratch.scores);
    let mut lists = std::mem::take(&mut scratch.lists);
    lists.clear();
    lists.extend((0..).zip(&scratch.scores[..view.centroids.count]).map(|(list, &score)| ranked(score, list)));
    let mut rest = lists.as_mut_slice();
    let mut passed = 0;
    while passed < rows && !rest.is_empty() {
        let (nearest, farther) = split_best(rest, (rows - passed) / mean + 1);
        for &list in &*nearest {
            passed += score_list(view, list as u32, allowed, scratch);
        }
        score_places(view, scratch);
        rest = farther;
        if passed >= rows {
            rows = rows_for(view, k, aim, allowed, scratch);
        }
    }
    scratch.lists = lists;
}

/// Rows to pass for the best `k` allowed ones, judged by the `k`-th found so far: how many rows of all, allowed or not,
/// score as high is told by the index's sample. A filter that keeps rows near the query out lets many.
fn rows_for(view: &View<'_>, k: usize, aim: f32, allowed: &Allowed<'_>, scratch: &mut Scratch) -> usize {
    let Some((_, worst)) = scratch.beam.iter().nth(k - 1) else { return usize::MAX };
    (kernels().range)(&view.sample, &scratch.query, 0..view.sample.len(), &mut scratch.scores);
    let higher = scratch.scores[..view.sample.len()].iter().filter(|&&score| score > worst).count();
    let each = view.rows.len() as f32 / view.sample.len().max(1) as f32;
    let expected = k as f32 * view.rows.len() as f32 / allowed.count as f32;
    if higher as f32 * each <= (2.0 * expected).max(CHANCE * each) {
        return 0;
    }
    view.coverage.rows_to_pass(higher as f32 * each, aim).unwrap_or(usize::MAX)
}

/// Rows of the sample that may score as high as the last result by chance.
const CHANCE: f32 = 3.0;

/// Collects the allowed rows of a list, and scores what has been collected when that is enough. Tells how many rows the
/// list has.
fn score_list(view: &View<'_>, list: u32, allowed: &Allowed<'_>, scratch: &mut Scratch) -> usize {
    let (places, before) = (view.list(list), scratch.places.len());
    allowed.of_list(view, list, places.clone(), &mut scratch.places);
    for &place in &scratch.places[before..] {
        prefetch(view.rows.bytes, place as usize * view.rows.stride, view.rows.stride);
    }
    if scratch.places.len() >= BATCH {
        score_places(view, scratch);
    }
    places.len()
}

/// A list and its score as a number that orders as the score does.
fn ranked(score: f32, list: u32) -> u64 {
    u64::from(ordered(score)) << 32 | u64::from(list)
}

/// The `count` largest, in no order, and the others.
fn split_best(lists: &mut [u64], count: usize) -> (&mut [u64], &mut [u64]) {
    if count < lists.len() {
        lists.select_nth_unstable_by(count, |a, b| b.cmp(a));
    }
    lists.split_at_mut(count.min(lists.len()))
}

/// Of the allowed rows that the passed lists should hold on average, the part that has to be met.
const ENOUGH: f64 = 0.7;

/// Rows that must be met where `expected` are on average; fewer, and the filter keeps rows away from the query.
pub(super) fn enough(expected: f64) -> usize {
    (expected * ENOUGH) as usize
}

/// Scores `scratch.places`, and empties them.
fn score_places(view: &View<'_>, scratch: &mut Scratch) {
    let kernels = kernels();
    (kernels.gather)(&view.rows, &scratch.query, &scratch.places, &mut scratch.scores);
    let scores = &scratch.scores[..scratch.places.len()];
    scratch.beam.push(kernels, scores, Ids::Listed(&scratch.places));
    scratch.places.clear();
}
