//! One pass over all events in batches; gradients by candle.

use std::fs::File;
use std::io;
use std::ops::Range;

use candle_core::{Device, Tensor};
use juntos_datasets::Csr;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Directions;
use super::table::{Table, units_of};
use crate::checkpoint::{StateReader, StateWriter};
use crate::config::SoftmaxConfig;
use crate::error::TrainError;
use crate::models::FitData;
use crate::models::losses::{self, Positive, SampledSoftmax};

/// Events of a user that stand in one batch: they share her scores of all candidates, which is most of the work.
const EVENTS_A_TURN: usize = 4;
/// Fewest batches that an epoch is cut into, as long as they hold [`FEWEST_EVENTS`]: small data needs steps too.
const BATCHES_AN_EPOCH: usize = 64;
const FEWEST_EVENTS: usize = 64;

/// What happened, and what each product weighs as a candidate.
pub(in crate::models) struct Events<'a> {
    matrix: &'a Csr,
    mean_value: f32,
    /// One over the product's popularity to the power of the correction's strength.
    correction: Vec<f32>,
    /// Events, each row's in any order.
    order: Vec<u32>,
    turns: Vec<Turn>,
}

/// One row and a few of its events, as places in [`Events::order`].
#[derive(Clone)]
pub(in crate::models) struct Turn {
    row: u32,
    events: Range<u32>,
}

impl Turn {
    /// Number of events.
    pub(in crate::models) fn len(&self) -> usize {
        self.events.len()
    }
}

impl<'a> Events<'a> {
    pub(in crate::models) fn new(matrix: &'a Csr, popularity: &[f64], settings: &SoftmaxConfig) -> Self {
        let (offsets, products, _) = matrix.parts();
        let total: f64 = popularity.iter().sum();
        let share = |weight: f64| weight * popularity.len() as f64 / total;
        let power = -f64::from(settings.popularity_correction);
        let correction = |&weight: &f64| if weight > 0.0 { share(weight).powf(power) as f32 } else { 0.0 };
        let turns = (0..matrix.rows()).flat_map(|row| {
            let (start, end) = (offsets[row] as u32, offsets[row + 1] as u32);
            let turn = move |from: u32| Turn { row: row as u32, events: from..end.min(from + EVENTS_A_TURN as u32) };
            (start..end).step_by(EVENTS_A_TURN).map(turn)
        });
        Self {
            matrix,
            mean_value: (total / products.len() as f64) as f32,
            correction: popularity.iter().map(correction).collect(),
            order: (0..products.len() as u32).collect(),
            turns: turns.collect(),
        }
    }

    /// Puts each row's events in another order, and the turns.
    pub(in crate::models) fn shuffle(&mut self, rng: &mut ChaCha8Rng) {
        for row in self.matrix.parts().0.windows(2) {
            shuffle(&mut self.order[row[0] as usize..row[1] as usize], rng);
        }
        shuffle(&mut self.turns, rng);
    }

    /// The turns in batches of at most so many events.
    pub(in crate::models) fn batches(&self, most: usize) -> impl Iterator<Item = &[Turn]> {
        let size = self.order.len().div_ceil(BATCHES_AN_EPOCH).max(FEWEST_EVENTS).min(most);
        let mut rest = self.turns.as_slice();
        std::iter::from_fn(move || {
            let mut events = 0;
            let fits = |turn: &&Turn| {
                events += turn.len();
                events <= size
            };
            let (batch, after) = rest.split_at(rest.iter().take_while(fits).count().max(1).min(rest.len()));
            rest = after;
            (!batch.is_empty()).then_some(batch)
        })
    }

    /// Product and weight of each event of a turn.
    fn of(&self, turn: &Turn) -> impl Iterator<Item = (u32, f32)> {
        let (_, products, values) = self.matrix.parts();
        let events = &self.order[turn.events.start as usize..turn.events.end as usize];
        events.iter().map(|&event| (products[event as usize], values[event as usize] / self.mean_value))
    }
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for at in (1..items.len()).rev() {
        let other = ((u64::from(rng.next_u32()) * (at as u64 + 1)) >> 32) as usize;
        items.swap(at, other);
    }
}

/// The two tables and the number of steps taken so far.
pub(super) struct State {
    pub(super) rows: Table,
    pub(super) products: Table,
    pub(super) dim: usize,
    pub(super) steps: u64,
}

impl State {
    pub(super) fn write(&self, state: &mut StateWriter<File>) -> io::Result<()> {
        state.u64(self.steps)?;
        self.rows.write(state)?;
        self.products.write(state)
    }

    /// The state of a training on data of the shape of `data`.
    pub(super) fn read(state: &mut StateReader, data: &FitData<'_>) -> io::Result<Self> {
        let (matrix, dim) = (data.interactions, data.dim);
        let steps = state.u64()?;
        let rows = Table::read(state, matrix.rows(), dim)?;
        Ok(Self { steps, rows, products: Table::read(state, matrix.columns(), dim)?, dim })
    }

    fn vectors(&self) -> Vectors<'_> {
        Vectors { rows: self.rows.values(), products: self.products.values(), dim: self.dim }
    }

    pub(super) fn directions(&self) -> Directions {
        Directions { rows: self.rows.units(), products: self.products.units() }
    }
}

/// Runs one pass in the present order of `events`; returns the mean loss of an event.
///
/// # Errors
/// [`TrainError::Diverged`], with `epoch` and the batch, where the loss or a vector left the finite range.
pub(super) fn run(
    state: &mut State,
    events: &Events<'_>,
    settings: &SoftmaxConfig,
    epoch: usize,
) -> Result<f64, TrainError> {
    let mut loss = 0.0;
    for (at, batch) in events.batches(settings.batch_size).enumerate() {
        loss += step(state, events, batch, settings)?;
        if !loss.is_finite() {
            return Err(diverged(epoch, format!("the loss became {loss} in batch {}", at + 1)));
        }
    }
    if !state.rows.is_finite() || !state.products.is_finite() {
        return Err(diverged(epoch, "vectors left the finite range in its last batch".to_owned()));
    }
    Ok(loss / events.order.len() as f64)
}

fn diverged(epoch: usize, cause: String) -> TrainError {
    let mend = "lower `softmax.learning_rate`, or raise `softmax.temperature`";
    TrainError::Diverged { model: "softmax", pass: epoch, cause, mend }
}

fn step(state: &mut State, events: &Events<'_>, batch: &[Turn], settings: &SoftmaxConfig) -> Result<f64, TrainError> {
    let slopes = slopes(&state.vectors(), events, batch, settings)?;
    state.steps += 1;
    state.rows.descend(&slopes.rows, &slopes.along_rows, settings.learning_rate, state.steps);
    state.products.descend(&slopes.products, &slopes.along_products, settings.learning_rate, state.steps);
    Ok(slopes.loss)
}

/// Vectors of all rows and products, `(rows, dim)` and `(products, dim)`, of which only the directions count.
pub(in crate::models) struct Vectors<'a> {
    pub(in crate::models) rows: &'a [f32],
    pub(in crate::models) products: &'a [f32],
    pub(in crate::models) dim: usize,
}

/// The loss of a batch, and how its mean over events slopes along the unit vectors of what it touches.
pub(in crate::models) struct Slopes {
    /// Summed over events.
    pub(in crate::models) loss: f64,
    /// Ascending.
    pub(in crate::models) rows: Vec<u32>,
    pub(in crate::models) along_rows: Vec<f32>,
    /// Ascending.
    pub(in crate::models) products: Vec<u32>,
    pub(in crate::models) along_products: Vec<f32>,
}

/// The loss of `batch` and its slopes at `vectors`.
pub(in crate::models) fn slopes(
    vectors: &Vectors<'_>,
    events: &Events<'_>,
    batch: &[Turn],
    settings: &SoftmaxConfig,
) -> Result<Slopes, TrainError> {
    let rows = unique(batch.iter().map(|turn| turn.row));
    let products = unique(batch.iter().flat_map(|turn| events.of(turn)).map(|(product, _)| product));
    let (loss, slopes) = loss(vectors, events, batch, &products, settings)?;
    let dim = vectors.dim;
    let count: usize = batch.iter().map(|turn| turn.len()).sum();
    let scale = (count as f32).recip();
    let mut along_rows = vec![0f32; rows.len() * dim];
    for (turn, slope) in batch.iter().zip(slopes.users.chunks_exact(dim)) {
        let at = place(&rows, turn.row) * dim;
        along_rows[at..at + dim].iter_mut().zip(slope).for_each(|(cell, &value)| *cell += scale * value);
    }
    let mut along_products = slopes.candidates;
    along_products.iter_mut().for_each(|cell| *cell *= scale);
    Ok(Slopes { loss, rows, along_rows, products, along_products })
}

/// Loss of a batch and its gradients along the unit vectors of turns and of `products`, its candidates: each stands for as
/// many draws as the batch has events of it.
fn loss(
    vectors: &Vectors<'_>,
    events: &Events<'_>,
    batch: &[Turn],
    products: &[u32],
    settings: &SoftmaxConfig,
) -> Result<(f64, losses::Slopes), TrainError> {
    let mut mass = vec![0f32; products.len()];
    let mut positives = Vec::new();
    for (user, turn) in batch.iter().enumerate() {
        for (product, weight) in events.of(turn) {
            let candidate = place(products, product);
            mass[candidate] += events.correction[product as usize];
            positives.push(Positive { user: user as u32, candidate: candidate as u32, weight });
        }
    }
    let units = |vectors_of: &[f32], rows: &[u32]| {
        let units = units_of(vectors_of, vectors.dim, rows.par_iter().copied());
        Tensor::from_vec(units, (rows.len(), vectors.dim), &Device::Cpu)
    };
    let users: Vec<u32> = batch.iter().map(|turn| turn.row).collect();
    let op = SampledSoftmax::new(positives, mass, settings.temperature);
    let loss = units(vectors.rows, &users)?.apply_op2_no_bwd(&units(vectors.products, products)?, &op)?;
    Ok((f64::from(loss.to_scalar::<f32>()?), op.into_slopes()))
}

/// Ascending, each once.
fn unique(rows: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut rows: Vec<u32> = rows.collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn place(unique: &[u32], row: u32) -> usize {
    unique.partition_point(|&other| other < row)
}
