//! Our own graph builder: who is linked to whom.
//!
//! 1. *Near*: the best rows of the lists around a row, scored by codes in one stream.
//! 2. *Far*: the best rows of ever sparser samples, so that a walk can cross what has no near links; a graph built by
//!    insertion gets such links from the time when few rows were in it (Malkov & Yashunin 2016).
//! 3. *Choice*: of these candidates, best first, one is linked unless a linked one is closer to it than the row is
//!    (the occlusion rule of Arya & Mount 1993, as in algorithm 4 of Malkov & Yashunin and in Subramanya et al. 2019).
//!    Candidates come by inner product, closeness is measured by distance: on vectors of one length the two agree; on
//!    vectors whose lengths differ this keeps links to long rows, which are what an inner product asks for, and still
//!    spreads them.
//! 4. *Back*: every link also leads back, and where these are too many, the choice is made again.
//! 5. *Again*: walks over this graph find candidates that the lists missed.
//!
//! Rows are worked on in fixed chunks and nothing depends on the order in which threads finish: the same vectors and
//! seed give the same bytes for any number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::beam::{ordered, unordered};
use super::flat::View;
use super::kernels::{Centroids, kernels};
use super::lists::{self, RowLists};
use super::rows::{Query, Rows};
use super::scratch::with;
use super::walk::Walk;
use crate::vectors::dot;

/// Rows that one thread works on at a time.
const CHUNK: usize = 512;
/// Rows of the near lists that are looked at.
const NEAR_ROWS: usize = 2_000;
/// Candidates kept from the near lists.
const NEAR: usize = 64;
/// Candidates kept from each sample.
const FAR: usize = 32;
/// Rows of a sample that are looked at.
const FAR_ROWS: usize = 1_000;
/// Each sample holds one row in so many of the one before.
const THINNING: u64 = 16;
/// Samples.
const SAMPLES: u32 = 3;
/// Breadth of the walks that look for more candidates.
const BREADTH: usize = 200;
/// Lists that these begin with: a row lies in the nearest.
const LISTS: usize = 2;

/// A candidate: its score as ordered bits above its place, so that larger is better; 0 stands for none.
type Candidate = u64;

fn candidate(score: f32, place: u32) -> Candidate {
    u64::from(ordered(score)) << 32 | u64::from(place)
}

fn place_of(candidate: Candidate) -> u32 {
    candidate as u32
}

fn score_of(candidate: Candidate) -> f32 {
    unordered((candidate >> 32) as u32)
}

/// Where the builder looks.
pub(super) struct Surroundings<'a> {
    pub(super) lists: &'a RowLists,
    pub(super) centroids: Centroids<'a>,
    /// Links of a node.
    pub(super) degree: usize,
    /// Seed of the samples.
    pub(super) seed: u64,
}

/// Links of every place among near and far rows, `degree` each; places not used name the node itself.
pub(super) fn first(rows: &Rows<'_>, around: &Surroundings<'_>) -> Vec<u32> {
    let squares = squares(rows);
    let choice = Choice { rows, squares: &squares, degree: around.degree };
    choice.link_back(&near_and_far(&choice, around))
}

/// Chooses the links again, with what walks over the graph find.
pub(super) fn again(view: &View<'_>) -> Vec<u32> {
    let squares = squares(&view.rows);
    let choice = Choice { rows: &view.rows, squares: &squares, degree: view.degree };
    let mut forward = vec![0; view.links.len()];
    forward.par_chunks_mut(CHUNK * view.degree).enumerate().for_each_init(Work::default, |work, (chunk, forward)| {
        for (at, chosen) in forward.chunks_exact_mut(view.degree).enumerate() {
            let place = chunk * CHUNK + at;
            walk_candidates(view, place, work);
            choice.choose(place, work, chosen);
        }
    });
    choice.link_back(&forward)
}

/// The chosen candidates of every place, from the lists around and from the samples, best first, `degree` each.
fn near_and_far(choice: &Choice<'_>, around: &Surroundings<'_>) -> Vec<Candidate> {
    let (rows, offsets) = (choice.rows, &around.lists.offsets);
    let samples = samples(rows.len(), around);
    let mut all = vec![0; rows.len() * choice.degree];
    let mut rest = all.as_mut_slice();
    let mut parts = Vec::with_capacity(offsets.len());
    for (list, bounds) in offsets.windows(2).enumerate() {
        let (part, after) = rest.split_at_mut((bounds[1] - bounds[0]) as usize * choice.degree);
        parts.push((list, part));
        rest = after;
    }
    parts.into_par_iter().for_each_init(Work::default, |work, (list, part)| {
        let order = lists::nearest(around.lists, around.centroids, list);
        let near = gather(&order, NEAR_ROWS, |list| offsets[list as usize]..offsets[list as usize + 1]);
        let far: Vec<Vec<u32>> = samples.iter().map(|sample| sample.around(&order)).collect();
        for (at, chosen) in part.chunks_exact_mut(choice.degree).enumerate() {
            let place = offsets[list] as usize + at;
            near_candidates(rows, place, &near, work);
            far.iter().for_each(|far| far_candidates(rows, place, far, work));
            choice.choose(place, work, chosen);
        }
    });
    all
}

/// The stretches of the lists in `order` that together hold at least `rows` places.
fn gather(order: &[u32], rows: usize, range: impl Fn(u32) -> Range<u32>) -> Vec<Range<u32>> {
    let mut gathered = 0;
    let wanted = |range: &Range<u32>| {
        let before = gathered;
        gathered += range.len();
        before < rows
    };
    order.iter().map(|&list| range(list)).take_while(wanted).collect()
}

/// Working memory of one thread.
#[derive(Default)]
struct Work {
    query: Query,
    scores: Vec<f32>,
    candidates: Vec<Candidate>,
    places: Vec<u32>,
}

/// Makes the best rows of the near lists the candidates.
fn near_candidates(rows: &Rows<'_>, place: usize, near: &[Range<u32>], work: &mut Work) {
    work.candidates.clear();
    work.query.set_row(rows, place as u32);
    let mut bar = f32::NEG_INFINITY;
    for range in near {
        (kernels().range)(rows, &work.query, range.start as usize..range.end as usize, &mut work.scores);
        for (other, &score) in range.clone().zip(&work.scores) {
            if score > bar && other as usize != place {
                work.candidates.push(candidate(score, other));
            }
        }
        if work.candidates.len() >= 4 * NEAR {
            bar = keep_best(&mut work.candidates, 0, NEAR);
        }
    }
    keep_best(&mut work.candidates, 0, NEAR);
}

/// Adds the best rows of a sample.
fn far_candidates(rows: &Rows<'_>, place: usize, far: &[u32], work: &mut Work) {
    let start = work.candidates.len();
    (kernels().gather)(rows, &work.query, far, &mut work.scores);
    let others = far.iter().zip(&work.scores).filter(|&(&other, _)| other as usize != place);
    work.candidates.extend(others.map(|(&other, &score)| candidate(score, other)));
    keep_best(&mut work.candidates, start, FAR);
}

/// Makes what a walk towards the row meets, and its links, the candidates.
fn walk_candidates(view: &View<'_>, place: usize, work: &mut Work) {
    with(1, |scratch| {
        let scratch = &mut scratch[0];
        scratch.query.set_row(&view.rows, place as u32);
        Walk::from_lists(*view, BREADTH, LISTS).run(scratch);
        let met = scratch.beam.iter().filter(|&(other, _)| other as usize != place);
        work.candidates.clear();
        work.candidates.extend(met.map(|(other, score)| candidate(score, other)));
        let links = view.links(place as u32).iter().filter(|&&link| link as usize != place);
        work.places.clear();
        work.places.extend(links);
        (kernels().gather)(&view.rows, &scratch.query, &work.places, &mut work.scores);
        work.candidates.extend(work.places.iter().zip(&work.scores).map(|(&link, &score)| candidate(score, link)));
    });
}

/// Keeps the best `most` of the candidates from `start` on, and tells the score of the worst.
fn keep_best(candidates: &mut Vec<Candidate>, start: usize, most: usize) -> f32 {
    let tail = &mut candidates[start..];
    if tail.len() <= most {
        return f32::NEG_INFINITY;
    }
    let worst = *tail.select_nth_unstable_by(most - 1, |a, b| b.cmp(a)).1;
    candidates.truncate(start + most);
    score_of(worst)
}

/// One row in so many, list by list.
struct Sample {
    places: Vec<u32>,
    /// Where the places of each list begin among `places`, and their number.
    offsets: Vec<u32>,
}

impl Sample {
    /// Places of the sample in the first of the lists in `order`, about [`FAR_ROWS`].
    fn around(&self, order: &[u32]) -> Vec<u32> {
        let range = |list: u32| self.offsets[list as usize]..self.offsets[list as usize + 1];
        let ranges = gather(order, FAR_ROWS, range).into_iter();
        ranges.flat_map(|range| &self.places[range.start as usize..range.end as usize]).copied().collect()
    }
}

fn samples(rows: usize, around: &Surroundings<'_>) -> Vec<Sample> {
    let sample = |level: u32| {
        let one_in = THINNING.pow(level);
        let taken = |&place: &u32| mix(u64::from(place) ^ around.seed.rotate_left(32)).is_multiple_of(one_in);
        let places: Vec<u32> = (0..rows as u32).filter(taken).collect();
        let before = |&start: &u32| places.partition_point(|&place| place < start) as u32;
        let offsets = around.lists.offsets.iter().map(before).collect();
        Sample { places, offsets }
    };
    (1..=SAMPLES).map(sample).filter(|sample| sample.places.len() > FAR).collect()
}

/// Scatters the bits of a number (the finaliser of SplitMix64, Steele et al. 2014).
fn mix(number: u64) -> u64 {
    let number = (number.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Squared length of every row.
fn squares(rows: &Rows<'_>) -> Vec<f32> {
    let square = |decoded: &mut Vec<f32>, place: usize| {
        decoded.resize(rows.dim, 0.0);
        rows.decode(place as u32, decoded);
        dot(decoded, decoded)
    };
    (0..rows.len()).into_par_iter().map_init(Vec::new, square).collect()
}

/// The rule by which candidates become links.
struct Choice<'a> {
    rows: &'a Rows<'a>,
    squares: &'a [f32],
    degree: usize,
}

impl Choice<'_> {
    /// Chooses among `work.candidates`, of which some may occur twice, at most as many as `chosen` has room for.
    fn choose(&self, place: usize, work: &mut Work, chosen: &mut [Candidate]) {
        work.candidates.sort_unstable_by(|a, b| b.cmp(a));
        work.candidates.dedup();
        work.places.clear();
        for &candidate in &work.candidates {
            if work.places.len() == chosen.len() {
                break;
            }
            if !self.is_hidden(place, candidate, work.places.as_slice(), &mut work.query, &mut work.scores) {
                chosen[work.places.len()] = candidate;
                work.places.push(place_of(candidate));
            }
        }
    }

    /// Whether one of `linked` is closer to the candidate than the row at `place` is.
    fn is_hidden(
        &self,
        place: usize,
        candidate: Candidate,
        linked: &[u32],
        query: &mut Query,
        scores: &mut Vec<f32>,
    ) -> bool {
        if linked.is_empty() {
            return false;
        }
        let other = place_of(candidate);
        query.set_row(self.rows, other);
        (kernels().gather)(self.rows, query, linked, scores);
        // Of the three squared distances' parts the candidate's own square is in both: it cancels.
        let away = self.squares[place] - 2.0 * score_of(candidate);
        linked.iter().zip(scores).any(|(&linked, score)| self.squares[linked as usize] - 2.0 * *score < away)
    }

    /// Adds the way back to every link, and chooses again where there are too many.
    fn link_back(&self, forward: &[Candidate]) -> Vec<u32> {
        let back = Backward::of(forward, self.degree);
        let mut links = vec![0u32; forward.len()];
        links.par_chunks_mut(CHUNK * self.degree).enumerate().for_each_init(Work::default, |work, (chunk, links)| {
            let mut chosen = vec![0; self.degree];
            for (at, links) in links.chunks_exact_mut(self.degree).enumerate() {
                let place = chunk * CHUNK + at;
                let own = &forward[place * self.degree..(place + 1) * self.degree];
                work.candidates.clear();
                work.candidates.extend(own.iter().filter(|&&candidate| candidate != 0));
                work.candidates.extend_from_slice(back.to(place));
                keep_once(&mut work.candidates);
                chosen.fill(0);
                if work.candidates.len() > self.degree {
                    self.choose(place, work, &mut chosen);
                } else {
                    work.candidates.sort_unstable_by(|a, b| b.cmp(a));
                    chosen[..work.candidates.len()].copy_from_slice(&work.candidates);
                }
                for (link, &chosen) in links.iter_mut().zip(&chosen) {
                    *link = if chosen == 0 { place as u32 } else { place_of(chosen) };
                }
            }
        });
        links
    }
}

/// Keeps every row once: seen from its two ends a pair of coded rows may differ in the last bit of its score.
fn keep_once(candidates: &mut Vec<Candidate>) {
    candidates.sort_unstable_by_key(|&candidate| (place_of(candidate), std::cmp::Reverse(candidate)));
    candidates.dedup_by_key(|candidate| place_of(*candidate));
}

/// For every place, who links to it.
struct Backward {
    starts: Vec<u64>,
    from: Vec<Candidate>,
}

impl Backward {
    fn of(forward: &[Candidate], degree: usize) -> Self {
        let rows = forward.len() / degree;
        let linked = || forward.iter().enumerate().filter(|(_, candidate)| **candidate != 0);
        let mut starts = vec![0u64; rows + 1];
        linked().for_each(|(_, &candidate)| starts[place_of(candidate) as usize + 1] += 1);
        (0..rows).for_each(|place| starts[place + 1] += starts[place]);
        let mut next = starts.clone();
        let mut from = vec![0; starts[rows] as usize];
        for (at, &candidate) in linked() {
            let next = &mut next[place_of(candidate) as usize];
            from[*next as usize] = candidate >> 32 << 32 | (at / degree) as u64;
            *next += 1;
        }
        Self { starts, from }
    }

    fn to(&self, place: usize) -> &[Candidate] {
        &self.from[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}
