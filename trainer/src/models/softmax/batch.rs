//! One batch: what it touches, and how its loss slopes.

use candle_core::Tensor;
use rayon::prelude::*;

use super::epoch::{Events, Turn};
use super::table::units_of;
use crate::error::TrainError;
use crate::models::compute::Compute;
use crate::models::losses::{Positive, SampledSoftmax};

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

/// A batch with all that does not depend on vectors looked up.
pub(in crate::models) struct Batch {
    /// Row of each turn.
    turns: Vec<u32>,
    /// The rows of the turns, ascending, each once.
    rows: Vec<u32>,
    /// The products of the events, ascending, each once: the candidates.
    products: Vec<u32>,
    /// Each candidate stands for as many draws as the batch has events of it, corrected.
    mass: Vec<f32>,
    /// Weighed so that their loss is a mean over events.
    positives: Vec<Positive>,
}

impl Batch {
    /// The batch of these turns.
    pub(in crate::models) fn of(events: &Events<'_>, turns: &[Turn]) -> Self {
        let share = (turns.iter().map(Turn::len).sum::<usize>() as f32).recip();
        let mut positives = Vec::new();
        for (user, turn) in turns.iter().enumerate() {
            let positive = |(candidate, weight)| Positive { user: user as u32, candidate, weight: weight * share };
            positives.extend(events.of(turn).map(positive));
        }
        let products = unique(positives.iter().map(|event| event.candidate));
        let mut mass = vec![0f32; products.len()];
        for event in &mut positives {
            let candidate = place(&products, event.candidate);
            mass[candidate] += events.correction(event.candidate);
            event.candidate = candidate as u32;
        }
        let turns: Vec<u32> = turns.iter().map(|turn| turn.row).collect();
        Self { rows: unique(turns.iter().copied()), turns, products, mass, positives }
    }

    /// Number of events.
    pub(super) fn events(&self) -> usize {
        self.positives.len()
    }

    /// The loss at `vectors` and its slopes there.
    pub(in crate::models) fn slopes(
        self,
        vectors: &Vectors<'_>,
        temperature: f32,
        compute: &Compute,
    ) -> Result<Slopes, TrainError> {
        let Self { turns, rows, products, mass, positives } = self;
        let dim = vectors.dim;
        let units = |of: &[f32], rows: &[u32]| {
            Tensor::from_vec(units_of(of, dim, rows.par_iter().copied()), (rows.len(), dim), compute.device())
        };
        let (users, candidates) = (units(vectors.rows, &turns)?, units(vectors.products, &products)?);
        let count = positives.len() as f64;
        let op = SampledSoftmax::new(positives, mass, temperature);
        let (mean, slopes) = match compute {
            Compute::Processors => {
                let mean = users.apply_op2_no_bwd(&candidates, &op)?.to_scalar::<f32>()?;
                (f64::from(mean), op.into_slopes())
            }
            Compute::Tensors(_) => op.by_tensors(&users, &candidates)?,
        };
        let mut along_rows = vec![0f32; rows.len() * dim];
        for (&row, slope) in turns.iter().zip(slopes.users.chunks_exact(dim)) {
            let cells = &mut along_rows[place(&rows, row) * dim..][..dim];
            cells.iter_mut().zip(slope).for_each(|(cell, &value)| *cell += value);
        }
        Ok(Slopes { loss: mean * count, rows, along_rows, products, along_products: slopes.candidates })
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
