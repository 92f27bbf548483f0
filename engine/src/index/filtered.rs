//! Search among allowed rows only: which way is cheapest, and the two ways that are no walk.

use std::ops::Range;

use super::filter::{Allowed, Packed};
use super::flat::View;
use super::kernels::{Ids, kernels, prefetch};
use super::rows::Rows;
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

/// Rows that follow each other and are scored at once, at most.
const STRETCH: usize = 1_024;

/// From this share of allowed rows on, all rows of a list are scored one after the other, and then the allowed ones
/// kept: that is faster than to jump over the others.
const DENSE: f32 = 0.2;

/// Fewer packed rows of a list than this are scored together with the next list's.
const SHORT: usize = 20;

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
    (1.0 - 2.0 / effort.max(12) as f32).min(0.995)
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

/// Scores every allowed row: exact up to the coding of rows. The beam then holds places, or numbers of packed rows.
pub(super) fn scan(view: &View<'_>, keep: usize, allowed: &Allowed<'_>, scratch: &mut Scratch) {
    scratch.beam.reset(keep);
    scratch.places.clear();
    if let Some(packed) = allowed.packed {
        let (rows, count) = (packed.coded(&view.rows), packed.rows.len());
        return (0..count).step_by(STRETCH).for_each(|start| {
            score_range(&rows, start..count.min(start + STRETCH), scratch);
        });
    }
    for row in allowed.rows.rows() {
        let place = view.places_of_rows[row as usize];
        if (place as usize) < view.rows.len() {
            prefetch(view.rows.bytes, place as usize * view.rows.stride, view.rows.stride);
            scratch.places.push(place);
            if scratch.places.len() >= BATCH {
                score_places(&view.rows, scratch);
            }
        }
    }
    score_places(&view.rows, scratch);
}

/// Scores the allowed rows of the nearest lists until `rows` rows have been passed, and more where that was too few for
/// this query: see [`rows_for`]. The beam then holds places, or numbers of packed rows.
pub(super) fn scan_lists(
    view: &View<'_>,
    k: usize,
    keep: usize,
    (mut rows, aim): (usize, f32),
    allowed: &Allowed<'_>,
    scratch: &mut Scratch,
) {
    let dense = share(view, allowed) >= DENSE;
    scratch.beam.reset(keep);
    scratch.places.clear();
    (kernels().centroids)(&view.centroids, &scratch.query, &mut scratch.scores);
    let mut lists = std::mem::take(&mut scratch.lists);
    lists.arrange(&scratch.scores[..view.centroids.count], view.list_offsets);
    let mut passed = 0;
    while passed < rows {
        let (bands, held) = lists.take(rows - passed);
        if bands.is_empty() {
            break;
        }
        for &list in lists.lists(bands) {
            match allowed.packed {
                Some(packed) => score_packed(view, packed, list, scratch),
                None if dense => score_dense(view, view.list(list), allowed, scratch),
                None => score_sparse(view, view.list(list), allowed, scratch),
            }
        }
        score_places(&allowed.packed.map_or(view.rows, |packed| packed.coded(&view.rows)), scratch);
        passed += held;
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

/// Collects the allowed rows of a list, and scores what has been collected when that is enough.
fn score_sparse(view: &View<'_>, list: Range<usize>, allowed: &Allowed<'_>, scratch: &mut Scratch) {
    let before = scratch.places.len();
    allowed.places(view, list, &mut scratch.places);
    for &place in &scratch.places[before..] {
        prefetch(view.rows.bytes, place as usize * view.rows.stride, view.rows.stride);
    }
    if scratch.places.len() >= BATCH {
        score_places(&view.rows, scratch);
    }
}

/// Scores all rows of a list, and keeps the scores of the allowed ones.
fn score_dense(view: &View<'_>, list: Range<usize>, allowed: &Allowed<'_>, scratch: &mut Scratch) {
    let start = list.start as u32;
    (kernels().range)(&view.rows, &scratch.query, list.clone(), &mut scratch.scores);
    allowed.places(view, list, &mut scratch.places);
    for (at, place) in scratch.places.iter().enumerate() {
        scratch.scores[at] = scratch.scores[(place - start) as usize];
    }
    let scores = &scratch.scores[..scratch.places.len()];
    scratch.beam.push(kernels(), scores, Ids::Listed(&scratch.places));
    scratch.places.clear();
}

/// Scores the packed rows of a list, or collects them where they are few.
fn score_packed(view: &View<'_>, packed: &Packed, list: u32, scratch: &mut Scratch) {
    let (rows, list) = (packed.coded(&view.rows), packed.list(list));
    if list.len() >= SHORT {
        return score_range(&rows, list, scratch);
    }
    scratch.places.extend(list.start as u32..list.end as u32);
    if scratch.places.len() >= BATCH {
        score_places(&rows, scratch);
    }
}

/// Scores rows that follow each other.
fn score_range(rows: &Rows<'_>, range: Range<usize>, scratch: &mut Scratch) {
    (kernels().range)(rows, &scratch.query, range.clone(), &mut scratch.scores);
    scratch.beam.push(kernels(), &scratch.scores[..range.len()], Ids::From(range.start as u32));
}

/// Of the allowed rows that the passed lists should hold on average, the part that has to be met.
const ENOUGH: f64 = 0.7;

/// Rows that must be met where `expected` are on average; fewer, and the filter keeps rows away from the query.
pub(super) fn enough(expected: f64) -> usize {
    (expected * ENOUGH) as usize
}

/// Scores the rows at `scratch.places`, and empties them.
fn score_places(rows: &Rows<'_>, scratch: &mut Scratch) {
    let kernels = kernels();
    (kernels.gather)(rows, &scratch.query, &scratch.places, &mut scratch.scores);
    let scores = &scratch.scores[..scratch.places.len()];
    scratch.beam.push(kernels, scores, Ids::Listed(&scratch.places));
    scratch.places.clear();
}
