//! Losses over a batch, as operations of candle with gradients of their own.

mod tensors;

use std::cell::Cell;
use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Most users whose scores are held at a time.
const USERS_A_TILE: usize = 1024;
/// About so many users one task scores: with the candidates of a batch some 1 MiB.
const USERS_A_TASK: usize = 128;
/// About so many candidates' slopes one task computes.
const CANDIDATES_A_TASK: usize = 256;

/// One event of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Positive {
    /// Row of the users' tensor.
    pub(super) user: u32,
    /// Row of the candidates' tensor that the event is about.
    pub(super) candidate: u32,
    /// What the event counts.
    pub(super) weight: f32,
}

/// Sampled softmax: for each event `-weight · ln(exp(s(u, p) / T) / (exp(s(u, p) / T) + Σ_j mass_j exp(s(u, j) / T)))`,
/// summed, where `j` runs over the candidates that are no event of `u` in this batch.
///
/// `s` is the inner product of rows; with unit rows, the cosine. `mass` says how often each candidate is drawn,
/// corrected as the caller sees fit (Yi et al. 2019, "Sampling-Bias-Corrected Neural Modeling", §3). Rows must be no
/// longer than 1 and the temperature no less than .02: then no exponential leaves the range of `f32`, and no maximum
/// need be taken off.
///
/// An operation of candle on users `(users, dim)` and candidates `(candidates, dim)`, whose value has no dimension.
/// Value and gradients come from one pass: the scores of a user are computed once for all her events, and a tile of
/// them is written twice where a graph of single operations would write it eight times. Tasks run in parallel, cut so that
/// neither value nor gradients depend on the number of threads.
pub(super) struct SampledSoftmax {
    /// Events in ascending order of their users.
    positives: Vec<Positive>,
    mass: Vec<f32>,
    temperature: f32,
    slopes: OnceLock<Slopes>,
}

/// Gradients as flat rows.
#[derive(Default)]
pub(super) struct Slopes {
    pub(super) users: Vec<f32>,
    pub(super) candidates: Vec<f32>,
}

impl SampledSoftmax {
    /// The loss of `positives`, in ascending order of their users; `mass` has one cell for each candidate.
    pub(super) fn new(positives: Vec<Positive>, mass: Vec<f32>, temperature: f32) -> Self {
        Self { positives, mass, temperature, slopes: OnceLock::new() }
    }

    /// The gradients, once the value has been computed: what `backward` gives, without its copies.
    pub(super) fn into_slopes(self) -> Slopes {
        self.slopes.into_inner().unwrap_or_default()
    }

    /// Refuses users and candidates of shapes that the events are not about.
    fn check(&self, (n_users, dim): (usize, usize), candidates: (usize, usize)) -> Result<()> {
        if candidates != (self.mass.len(), dim) {
            candle_core::bail!("candidates are {candidates:?}, not {:?}", (self.mass.len(), dim))
        }
        let out_of_range =
            |event: &&Positive| event.user as usize >= n_users || event.candidate as usize >= self.mass.len();
        if let Some(event) = self.positives.iter().find(out_of_range) {
            candle_core::bail!("no such row: {event:?}")
        }
        if !self.positives.is_sorted_by_key(|event| event.user) {
            candle_core::bail!("events must be in the order of their users")
        }
        Ok(())
    }

    fn run(&self, users: &[f32], candidates: &[f32], dim: usize) -> (f64, Slopes) {
        let users: Vec<f32> = users.iter().map(|&value| value / self.temperature).collect();
        let mut slopes = Slopes { users: vec![0.0; users.len()], candidates: vec![0.0; candidates.len()] };
        let (mut loss, mut rest) = (0.0, self.positives.as_slice());
        let mut buffer = TILE.take();
        let blocks = users.chunks(USERS_A_TILE * dim).zip(slopes.users.chunks_mut(USERS_A_TILE * dim));
        for (block, (users, along_users)) in blocks.enumerate() {
            let end = (block + 1) * USERS_A_TILE;
            let (events, after) = rest.split_at(rest.partition_point(|event| (event.user as usize) < end));
            rest = after;
            let size = users.len() / dim * self.mass.len();
            buffer.resize(buffer.len().max(size), 0.0);
            let block = Block { first: block * USERS_A_TILE, users, events, dim };
            loss += self.score(&block, candidates, &mut buffer[..size], along_users);
            along_candidates(&block, &buffer[..size], &mut slopes.candidates);
        }
        TILE.set(buffer);
        (loss, slopes)
    }

    /// Fills `tile` with the slopes of the loss along scores, `(users, candidates)`, and `along_users` with those along
    /// users; gives the loss.
    fn score(&self, block: &Block<'_>, candidates: &[f32], tile: &mut [f32], along_users: &mut [f32]) -> f64 {
        let (dim, count) = (block.dim, self.mass.len());
        let candidates = MatRef::from_row_major_slice(candidates, count, dim);
        let a_task = equal_share(block.users.len() / dim, USERS_A_TASK);
        let users = block.users.par_chunks(a_task * dim).zip(along_users.par_chunks_mut(a_task * dim));
        let tasks = users.zip(tile.par_chunks_mut(a_task * count)).enumerate();
        let losses = tasks.map(|(task, ((users, along_users), tile))| {
            let n_users = users.len() / dim;
            let users = MatRef::from_row_major_slice(users, n_users, dim);
            let scores = MatMut::from_column_major_slice_mut(tile, count, n_users);
            matmul(scores, Accum::Replace, candidates, users.transpose(), 1.0, Par::Seq);
            let loss: f64 = tile
                .chunks_exact_mut(count)
                .zip(block.first + task * a_task..)
                .map(|(scores, user)| {
                    let events = block.events_of(user);
                    pulp::Arch::new().dispatch(OneUser { scores, events, mass: &self.mass })
                })
                .sum();
            let tile = MatRef::from_row_major_slice(tile, n_users, count);
            let along_users = MatMut::from_row_major_slice_mut(along_users, n_users, dim);
            matmul(along_users, Accum::Replace, tile, candidates, self.temperature.recip(), Par::Seq);
            loss
        });
        losses.collect::<Vec<f64>>().iter().sum()
    }
}

/// Users whose scores are held at once, with their events.
struct Block<'a> {
    /// Row of the first.
    first: usize,
    /// `(users, dim)`, over the temperature.
    users: &'a [f32],
    events: &'a [Positive],
    dim: usize,
}

impl<'a> Block<'a> {
    fn events_of(&self, user: usize) -> &'a [Positive] {
        let before = |user| self.events.partition_point(|event| (event.user as usize) < user);
        &self.events[before(user)..before(user + 1)]
    }
}

/// Adds `tileᵀ · users`, each task for some candidates, so that nothing is added up between tasks.
fn along_candidates(block: &Block<'_>, tile: &[f32], slopes: &mut [f32]) {
    let (dim, n_users, count) = (block.dim, block.users.len() / block.dim, slopes.len() / block.dim);
    let users = MatRef::from_row_major_slice(block.users, n_users, dim);
    let tile = MatRef::from_column_major_slice(tile, count, n_users);
    let a_task = equal_share(count, CANDIDATES_A_TASK);
    slopes.par_chunks_mut(a_task * dim).enumerate().for_each(|(task, slopes)| {
        let n = slopes.len() / dim;
        let some = tile.subrows(task * a_task, n);
        matmul(MatMut::from_row_major_slice_mut(slopes, n, dim), Accum::Add, some, users, 1.0, Par::Seq);
    });
}

/// How many of `count` one task takes, about `wanted`, so that an even number of tasks have the same to do: a small last one
/// would leave threads waiting.
fn equal_share(count: usize, wanted: usize) -> usize {
    let pairs = (count + wanted) / (2 * wanted);
    count.div_ceil(2 * pairs.max(1)).max(1)
}

thread_local! {
    /// The tile of the batch before: fresh memory would be cleared for each batch.
    static TILE: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Replaces a user's scores by the slopes of the loss along them; gives her part of the loss.
///
/// A type of its own, since a closure would not always be compiled for the features that are dispatched to.
struct OneUser<'a> {
    scores: &'a mut [f32],
    events: &'a [Positive],
    mass: &'a [f32],
}

impl pulp::NullaryFnOnce for OneUser<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let Self { scores, events, mass } = self;
        for score in scores.iter_mut() {
            *score = exp(*score);
        }
        let mut own: Vec<f32> =
            events.iter().map(|event| std::mem::take(&mut scores[event.candidate as usize])).collect();
        let others = dot(scores, mass);
        let (mut loss, mut shared) = (0f64, 0f32);
        for (own, event) in own.iter_mut().zip(events) {
            let chance = *own / (others + *own);
            loss -= f64::from(event.weight) * f64::from(chance).ln();
            shared += event.weight / (others + *own);
            *own = event.weight * (chance - 1.0);
        }
        for (score, &mass) in scores.iter_mut().zip(mass) {
            *score *= shared * mass;
        }
        own.iter().zip(events).for_each(|(&own, event)| scores[event.candidate as usize] = own);
        loss
    }
}

const LANES: usize = 16;

/// Inner product, in lanes that compilers make vectors of.
#[inline(always)]
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for (left, right) in left.iter().zip(right) {
        (0..LANES).for_each(|lane| sums[lane] += left[lane] * right[lane]);
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// `e^x` for -80 to 80, to some 2e-7 of its size, in a form that compilers vectorise: two to the nearest whole power,
/// times a polynomial over the rest.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest whole number in the low bits.
    const ROUNDER: f32 = 12_582_912.0;
    let power = x * std::f32::consts::LOG2_E + ROUNDER;
    let whole = power - ROUNDER;
    // ln 2 in two parts, so that the rest keeps its last bits.
    let rest = (x - whole * 0.693_359_4) + whole * 2.121_944_4e-4;
    let terms = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let polynomial = terms.iter().fold(0.0, |sum, &term| sum * rest + term);
    f32::from_bits(polynomial.to_bits().wrapping_add(power.to_bits() << 23))
}

impl CustomOp2 for SampledSoftmax {
    fn name(&self) -> &'static str {
        "sampled softmax"
    }

    fn cpu_fwd(
        &self,
        users: &CpuStorage,
        users_layout: &Layout,
        candidates: &CpuStorage,
        candidates_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (n_users, dim) = users_layout.shape().dims2()?;
        self.check((n_users, dim), candidates_layout.shape().dims2()?)?;
        let (loss, slopes) = self.run(flat(users, users_layout)?, flat(candidates, candidates_layout)?, dim);
        self.slopes.get_or_init(|| slopes);
        Ok((CpuStorage::F32(vec![loss as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        users: &Tensor,
        candidates: &Tensor,
        _loss: &Tensor,
        outer: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let Some(slopes) = self.slopes.get() else { candle_core::bail!("the loss was never computed") };
        let outer = outer.to_scalar::<f32>()?;
        let scaled = |slopes: &[f32], like: &Tensor| {
            let slopes = slopes.iter().map(|slope| slope * outer).collect();
            Tensor::from_vec(slopes, like.shape(), like.device()).map(Some)
        };
        Ok((scaled(&slopes.users, users)?, scaled(&slopes.candidates, candidates)?))
    }
}

/// The values of rows that lie one after another.
pub(super) fn flat<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else { candle_core::bail!("rows must be contiguous") };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use proptest::prelude::*;

    use super::*;

    /// By its definition, in `f64`.
    fn slowly(users: &[f32], candidates: &[f32], dim: usize, positives: &[Positive], mass: &[f32], t: f64) -> f64 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        let likely = |user: u32, at: usize| {
            (dot(&users[user as usize * dim..][..dim], &candidates[at * dim..][..dim]) / t).exp()
        };
        let loss = |event: &Positive| {
            let is_own = |at: usize| positives.iter().any(|one| one.user == event.user && one.candidate as usize == at);
            let others = (0..mass.len()).filter(|&at| !is_own(at));
            let others: f64 = others.map(|at| f64::from(mass[at]) * likely(event.user, at)).sum();
            let own = likely(event.user, event.candidate as usize);
            -f64::from(event.weight) * (own / (own + others)).ln()
        };
        positives.iter().map(loss).sum()
    }

    fn unit_rows(values: &[f32], dim: usize) -> Vec<f32> {
        let unit = |row: &[f32]| {
            let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(0.1);
            row.iter().map(|value| value / length).collect::<Vec<_>>()
        };
        values.chunks_exact(dim).flat_map(unit).collect()
    }

    proptest! {
        #[test]
        fn the_loss_and_its_gradient_follow_the_definition(
            dim in 1usize..6,
            n_candidates in 3usize..40,
            cells in prop::collection::vec(-1f32..1.0, 300),
            mass in prop::collection::vec(0f32..3.0, 40),
            events in prop::collection::btree_set((0u32..5, 0u32..3), 1..10),
            temperature in 0.2f32..2.0,
        ) {
            let users = unit_rows(&cells[..5 * dim], dim);
            let candidates = unit_rows(&cells[100..100 + n_candidates * dim], dim);
            let weight = |user: u32| 0.5 + user as f32;
            let positives: Vec<Positive> =
                events.iter().map(|&(user, candidate)| Positive { user, candidate, weight: weight(user) }).collect();
            let mass = &mass[..n_candidates];
            let t = f64::from(temperature);

            let on = &Device::Cpu;
            let user_rows = Var::from_slice(&users, (5, dim), on).unwrap();
            let candidate_rows = Var::from_slice(&candidates, (n_candidates, dim), on).unwrap();
            let op = SampledSoftmax::new(positives.clone(), mass.to_vec(), temperature);
            let loss = user_rows.apply_op2(&candidate_rows, op).unwrap();
            let doubled = (&loss * 2.0).unwrap();
            let gradients = doubled.backward().unwrap();
            let expected = slowly(&users, &candidates, dim, &positives, mass, t);
            let got = f64::from(loss.to_scalar::<f32>().unwrap());
            prop_assert!((got - expected).abs() <= 1e-4 * (1.0 + expected), "{} {}", got, expected);

            let flat = |var: &Var| gradients.get(var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let step = 1e-3f32;
            let slope = |which: usize, at: usize| {
                let moved = |by: f32| {
                    let (mut users, mut candidates) = (users.clone(), candidates.clone());
                    [&mut users, &mut candidates][which][at] += by;
                    slowly(&users, &candidates, dim, &positives, mass, t)
                };
                2.0 * (moved(step) - moved(-step)) / (2.0 * f64::from(step))
            };
            for (which, flat) in [flat(&user_rows), flat(&candidate_rows)].iter().enumerate() {
                for (at, &got) in flat.iter().enumerate() {
                    let expected = slope(which, at);
                    prop_assert!((f64::from(got) - expected).abs() < 0.02 * (1.0 + expected.abs()), "{got} {expected}");
                }
            }
        }

        #[test]
        fn plain_tensors_give_the_same_value_and_slopes(
            dim in 1usize..9,
            n_candidates in 3usize..40,
            cells in prop::collection::vec(-1f32..1.0, 500),
            mass in prop::collection::vec(0f32..3.0, 40),
            events in prop::collection::btree_set((0u32..5, 0u32..3), 1..10),
            temperature in 0.05f32..2.0,
        ) {
            let on = &Device::Cpu;
            let rows = |cells: &[f32], count: usize| Tensor::from_vec(unit_rows(&cells[..count * dim], dim), (count, dim), on);
            let (users, candidates) = (rows(&cells, 5).unwrap(), rows(&cells[100..], n_candidates).unwrap());
            let weight = |user: u32| 0.5 + user as f32;
            let positives: Vec<Positive> =
                events.iter().map(|&(user, candidate)| Positive { user, candidate, weight: weight(user) }).collect();
            let op = SampledSoftmax::new(positives, mass[..n_candidates].to_vec(), temperature);
            let (loss, slopes) = op.by_tensors(&users, &candidates).unwrap();
            let expected = users.apply_op2_no_bwd(&candidates, &op).unwrap().to_scalar::<f32>().unwrap();
            prop_assert!((loss - f64::from(expected)).abs() <= 1e-5 * (1.0 + loss.abs()), "{loss} {expected}");
            let expected = op.into_slopes();
            for (got, expected) in [(&slopes.users, &expected.users), (&slopes.candidates, &expected.candidates)] {
                prop_assert_eq!(got.len(), expected.len());
                let largest = expected.iter().fold(1f32, |most, slope| most.max(slope.abs()));
                for (got, expected) in got.iter().zip(expected) {
                    prop_assert!((got - expected).abs() <= 2e-5 * largest, "{got} {expected} of {largest}");
                }
            }
        }

        #[test]
        fn exponentials_are_those_of_the_library(x in -60f32..60.0) {
            let expected = f64::from(x).exp();
            prop_assert!((f64::from(exp(x)) / expected - 1.0).abs() < 1e-6, "{} {}", exp(x), expected);
        }
    }

    #[test]
    fn users_of_several_tiles_and_candidates_of_several_tasks_follow_the_definition() {
        let (dim, n_users, n_candidates) = (3, USERS_A_TILE + 70, 2 * CANDIDATES_A_TASK + 5);
        let cells: Vec<f32> =
            (0..(n_users + n_candidates) * dim).map(|at| ((at * 7919) % 1000) as f32 - 500.0).collect();
        let (users, candidates) = cells.split_at(n_users * dim);
        let (users, candidates) = (unit_rows(users, dim), unit_rows(candidates, dim));
        let event = |user| Positive { user, candidate: user * 5 % n_candidates as u32, weight: 1.0 };
        let positives: Vec<Positive> = (0..n_users as u32).map(event).collect();
        let mass: Vec<f32> = (0..n_candidates).map(|at| 0.5 + (at % 3) as f32).collect();
        let op = SampledSoftmax::new(positives.clone(), mass.clone(), 0.5);
        let (loss, slopes) = op.run(&users, &candidates, dim);
        let (mut expected, mut along_candidates) = (0.0, vec![0f64; candidates.len()]);
        for event in &positives {
            let user = &users[event.user as usize * dim..][..dim];
            let alone = [Positive { user: 0, ..*event }];
            expected += slowly(user, &candidates, dim, &alone, &mass, 0.5);
            let part = SampledSoftmax::new(alone.to_vec(), mass.clone(), 0.5).run(user, &candidates, dim).1;
            along_candidates.iter_mut().zip(&part.candidates).for_each(|(sum, &slope)| *sum += f64::from(slope));
            let own = &slopes.users[event.user as usize * dim..][..dim];
            own.iter().zip(&part.users).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} {b}"));
        }
        assert!((loss - expected).abs() < 1e-4 * expected, "{loss} {expected}");
        let along = slopes.candidates.iter().zip(&along_candidates);
        along.for_each(|(&a, &b)| assert!((f64::from(a) - b).abs() < 1e-2, "{a} {b}"));
    }

    #[test]
    fn tasks_share_evenly() {
        for (count, share) in [(0, 1), (1, 1), (100, 50), (533, 134), (1900, 238), (700, 117)] {
            let wanted = if count > 1000 { 256 } else { 128 };
            assert_eq!(equal_share(count, wanted), share, "{count}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let on = &Device::Cpu;
        let users = Tensor::zeros((2, 3), candle_core::DType::F32, on).unwrap();
        let event = |candidate| vec![Positive { user: 1, candidate, weight: 1.0 }];
        let apply = |events, mass: &[f32]| users.apply_op2(&users, SampledSoftmax::new(events, mass.to_vec(), 1.0));
        assert!(apply(event(1), &[1.0, 1.0]).is_ok());
        assert!(apply(event(2), &[1.0, 1.0]).is_err());
        assert!(apply(event(1), &[1.0]).is_err());
        let plainly = |events, mass: &[f32]| SampledSoftmax::new(events, mass.to_vec(), 1.0).by_tensors(&users, &users);
        assert!(plainly(event(1), &[1.0, 1.0]).is_ok() && plainly(Vec::new(), &[1.0, 1.0]).is_ok());
        assert!(plainly(event(2), &[1.0, 1.0]).is_err() && plainly(event(1), &[1.0]).is_err());
    }
}
