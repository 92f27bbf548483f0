//! One pass over all events in batches; gradients by candle, in chunks whose number does not depend on the threads.

use candle_core::{Device, Tensor, Var};
use juntos_datasets::Csr;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::table::Table;
use crate::config::SoftmaxConfig;
use crate::error::TrainError;
use crate::models::losses::sampled_softmax;

/// Events whose scores one task holds at a time: with the candidates of a batch a tile of some 2 MiB.
const EVENTS_A_CHUNK: usize = 256;
/// Fewest batches that an epoch is cut into, as long as they hold [`FEWEST_EVENTS`]: small data needs steps too.
const BATCHES_AN_EPOCH: usize = 64;
const FEWEST_EVENTS: usize = 64;

/// What happened, as pairs, and what each product weighs as a candidate.
pub(super) struct Events<'a> {
    rows: Vec<u32>,
    products: &'a [u32],
    values: &'a [f32],
    mean_value: f32,
    /// One over the product's popularity to the power of the correction's strength.
    correction: Vec<f32>,
    order: Vec<u32>,
}

impl<'a> Events<'a> {
    pub(super) fn new(matrix: &'a Csr, popularity: &[f64], settings: &SoftmaxConfig) -> Self {
        let (offsets, products, values) = matrix.parts();
        let count = |row: usize| (offsets[row + 1] - offsets[row]) as usize;
        let rows = (0..matrix.rows()).flat_map(|row| std::iter::repeat_n(row as u32, count(row))).collect();
        let total: f64 = popularity.iter().sum();
        let share = |weight: f64| weight * popularity.len() as f64 / total;
        let power = -f64::from(settings.popularity_correction);
        let correction = |&weight: &f64| if weight > 0.0 { share(weight).powf(power) as f32 } else { 0.0 };
        Self {
            rows,
            products,
            values,
            mean_value: (total / products.len() as f64) as f32,
            correction: popularity.iter().map(correction).collect(),
            order: (0..products.len() as u32).collect(),
        }
    }

    /// Fisher and Yates.
    pub(super) fn shuffle(&mut self, rng: &mut ChaCha8Rng) {
        for at in (1..self.order.len()).rev() {
            let other = ((u64::from(rng.next_u32()) * (at as u64 + 1)) >> 32) as usize;
            self.order.swap(at, other);
        }
    }

    fn batch_size(&self, most: usize) -> usize {
        self.order.len().div_ceil(BATCHES_AN_EPOCH).max(FEWEST_EVENTS).min(most)
    }
}

/// The two tables and the number of steps taken so far.
pub(super) struct State {
    pub(super) rows: Table,
    pub(super) products: Table,
    pub(super) dim: usize,
    pub(super) steps: u64,
}

/// Runs one pass in the present order of `events`; returns the mean loss of an event, not finite if training diverged.
pub(super) fn run(state: &mut State, events: &Events<'_>, settings: &SoftmaxConfig) -> Result<f64, TrainError> {
    let mut loss = 0.0;
    for batch in events.order.chunks(events.batch_size(settings.batch_size)) {
        loss += step(state, events, batch, settings)?;
        if !loss.is_finite() {
            return Ok(loss);
        }
    }
    Ok(loss / events.order.len() as f64)
}

fn step(state: &mut State, events: &Events<'_>, batch: &[u32], settings: &SoftmaxConfig) -> Result<f64, TrainError> {
    let rows = unique(batch.iter().map(|&event| events.rows[event as usize]));
    let products = unique(batch.iter().map(|&event| events.products[event as usize]));
    let candidates = Candidates::gather(state, events, batch, &products)?;
    let parts: Vec<Part> = batch
        .par_chunks(EVENTS_A_CHUNK)
        .map(|chunk| candidates.part(state, events, chunk, settings))
        .collect::<Result<_, _>>()?;

    let dim = state.dim;
    let scale = (batch.len() as f32).recip();
    let mut row_slopes = vec![0f32; rows.len() * dim];
    let mut product_slopes = vec![0f32; products.len() * dim];
    for (chunk, part) in batch.chunks(EVENTS_A_CHUNK).zip(&parts) {
        for (&event, slope) in chunk.iter().zip(part.users.chunks_exact(dim)) {
            let at = place(&rows, events.rows[event as usize]) * dim;
            add_scaled(&mut row_slopes[at..at + dim], slope, scale);
        }
        add_scaled(&mut product_slopes, &part.products, scale);
    }
    state.steps += 1;
    descend(&mut state.rows, &rows, &row_slopes, dim, settings.learning_rate, state.steps);
    descend(&mut state.products, &products, &product_slopes, dim, settings.learning_rate, state.steps);
    Ok(parts.iter().map(|part| part.loss).sum())
}

fn descend(table: &mut Table, rows: &[u32], slopes: &[f32], dim: usize, rate: f32, step: u64) {
    rows.iter().zip(slopes.chunks_exact(dim)).for_each(|(&row, slope)| table.descend(row, slope, rate, step));
}

/// The products of a batch: each stands for as many draws as the batch has events of it.
struct Candidates<'a> {
    rows: &'a [u32],
    units: Var,
    mass: Tensor,
}

/// Loss and gradients of one chunk, `(events, dim)` and `(products of the batch, dim)`.
struct Part {
    loss: f64,
    users: Vec<f32>,
    products: Vec<f32>,
}

impl<'a> Candidates<'a> {
    fn gather(state: &State, events: &Events<'_>, batch: &[u32], rows: &'a [u32]) -> Result<Self, TrainError> {
        let mut mass = vec![0f32; rows.len()];
        for &event in batch {
            let product = events.products[event as usize];
            mass[place(rows, product)] += events.correction[product as usize];
        }
        let units = state.products.gather_units(rows.iter().copied());
        Ok(Self {
            rows,
            units: Var::from_vec(units, (rows.len(), state.dim), &Device::Cpu)?,
            mass: Tensor::from_vec(mass, (1, rows.len()), &Device::Cpu)?,
        })
    }

    fn part(
        &self,
        state: &State,
        events: &Events<'_>,
        chunk: &[u32],
        settings: &SoftmaxConfig,
    ) -> Result<Part, TrainError> {
        let users = state.rows.gather_units(chunk.iter().map(|&event| events.rows[event as usize]));
        let positive = |&event: &u32| place(self.rows, events.products[event as usize]) as u32;
        let weight = |&event: &u32| events.values[event as usize] / events.mean_value;
        let users = Var::from_vec(users, (chunk.len(), state.dim), &Device::Cpu)?;
        let positives = Tensor::from_vec(chunk.iter().map(positive).collect(), chunk.len(), &Device::Cpu)?;
        let weights = Tensor::from_vec(chunk.iter().map(weight).collect(), (1, chunk.len()), &Device::Cpu)?;
        let temperature = f64::from(settings.temperature);
        let loss = sampled_softmax(&users, &self.units, &positives, &weights, &self.mass, temperature)?;
        let gradients = loss.backward()?;
        let flat = |var: &Var| match gradients.get(var) {
            Some(gradient) => gradient.flatten_all()?.to_vec1::<f32>(),
            None => Ok(vec![0.0; var.elem_count()]),
        };
        Ok(Part { loss: f64::from(loss.to_scalar::<f32>()?), users: flat(&users)?, products: flat(&self.units)? })
    }
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

fn add_scaled(target: &mut [f32], source: &[f32], scale: f32) {
    target.iter_mut().zip(source).for_each(|(cell, &value)| *cell += scale * value);
}
