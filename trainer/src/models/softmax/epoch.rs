//! One pass over all events in batches; gradients by candle.

use std::fs::File;
use std::io;
use std::ops::Range;

use juntos_datasets::Csr;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Directions;
use super::batch::{Batch, Vectors};
use super::refusals::{self, Refusal, Refusals};
use super::table::Table;
use crate::checkpoint::{StateReader, StateWriter};
use crate::config::SoftmaxConfig;
use crate::error::TrainError;
use crate::models::FitData;
use crate::models::compute::Compute;
use crate::models::usable;

/// Events of a user that stand in one batch: they share her scores of all candidates, which is most of the work.
const EVENTS_A_TURN: usize = 4;
/// Fewest batches that an epoch is cut into, as long as they hold [`FEWEST_EVENTS`]: small data needs steps too.
const BATCHES_AN_EPOCH: usize = 64;
const FEWEST_EVENTS: usize = 64;
/// Batches of which everything that does not depend on vectors is looked up side by side.
const PREPARED_AT_ONCE: usize = 32;

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
    pub(super) row: u32,
    events: Range<u32>,
}

impl Turn {
    /// Number of events.
    pub(in crate::models) fn len(&self) -> usize {
        self.events.len()
    }
}

impl<'a> Events<'a> {
    pub(in crate::models) fn new(matrix: &'a Csr, popularity: &[f64], correction: f32) -> Self {
        let (offsets, products, _) = matrix.parts();
        let total: f64 = popularity.iter().sum();
        let share = |weight: f64| weight * popularity.len() as f64 / total;
        let power = -f64::from(correction);
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

    /// One over the product's popularity to the power of the correction's strength.
    pub(super) fn correction(&self, product: u32) -> f32 {
        self.correction[product as usize]
    }

    /// Product and weight of each event of a turn.
    pub(super) fn of(&self, turn: &Turn) -> impl Iterator<Item = (u32, f32)> {
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
    refusals: &Refusals<'_>,
    (name, settings, compute): (&'static str, &SoftmaxConfig, &Compute),
    epoch: usize,
) -> Result<f64, TrainError> {
    let diverged =
        |cause: String| TrainError::Diverged { model: name, pass: epoch, cause, mend: usable::to_smaller(name) };
    let batches: Vec<&[Turn]> = events.batches(settings.batch_size).collect();
    let refused = if refusals.weight > 0.0 { (refusals.draw)(epoch) } else { Vec::new() };
    let (mut loss, mut steps) = (0.0, 0);
    for some in batches.chunks(PREPARED_AT_ONCE) {
        let prepared: Vec<Batch> = some.par_iter().map(|turns| Batch::of(events, turns)).collect();
        for batch in prepared {
            let share = |batch: usize| refused.len() * batch / batches.len();
            let refused = &refused[share(steps)..share(steps + 1)];
            loss += step(state, batch, (refused, refusals.weight), (settings, compute))?;
            steps += 1;
            if !loss.is_finite() {
                return Err(diverged(format!("the loss became {loss} in batch {steps}")));
            }
        }
    }
    if !state.rows.is_finite() || !state.products.is_finite() {
        return Err(diverged("vectors left the finite range in its last batch".to_owned()));
    }
    Ok(loss / events.order.len() as f64)
}

fn step(
    state: &mut State,
    batch: Batch,
    (refused, weight): (&[Refusal], f32),
    (settings, compute): (&SoftmaxConfig, &Compute),
) -> Result<f64, TrainError> {
    let events = batch.events() as f32;
    let mut slopes = batch.slopes(&state.vectors(), settings.temperature, compute)?;
    refusals::add(&mut slopes, refused, &state.vectors(), weight / events, settings.temperature);
    state.steps += 1;
    state.rows.descend(&slopes.rows, &slopes.along_rows, settings.learning_rate, state.steps);
    state.products.descend(&slopes.products, &slopes.along_products, settings.learning_rate, state.steps);
    Ok(slopes.loss)
}
