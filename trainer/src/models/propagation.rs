//! LightGCN (He et al. 2020, arXiv 2002.02126) with a sampled softmax, on the graph of interactions and friendships.
//!
//! Users (and standing groups) and products are nodes with a vector each; with `Ã` the graph, each edge over the roots of
//! its ends' weights, what scores is the mean of `e, Ãe, Ã²e, …` (equations 3 and 4). The vectors are trained so that each
//! event's product is told from those of its batch by cosine (Wu et al. 2022, "On the Effectiveness of Sampled Softmax
//! Loss for Item Recommendation", who find this loss to suit LightGCN); the lengths that propagation leaves say how popular
//! a product is. Friendships are edges too (social diffusion: Wu et al. 2019, arXiv 1904.10322).
//!
//! Propagation is the dear part: it and its gradient go over all edges, whatever a batch holds. So several batches are
//! scored at the same propagated vectors and their slopes are sent back together. After two layers hardly a node is
//! left out of a gradient: it and the optimiser are dense here, other than in `softmax`.

mod adam;
mod gathers;
mod graph;
mod strips;

use std::time::Instant;

use candle_core::{Storage, Tensor};
use juntos_datasets::Csr;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use self::adam::Table;
use self::graph::{Spreading, Way, graph};
use super::als::solve::weight;
use super::als::start;
use super::complete::{Others, complete, stand_in_friends};
use super::compute::Compute;
use super::losses::flat;
use super::softmax::batch::{Batch, Slopes, Vectors};
use super::softmax::epoch::{Events, Turn};
use super::softmax::table::{all_units, chain};
use super::usable::are_finite;
use super::{FitData, Fitted, Model, input};
use crate::config::PropagationConfig;
use crate::error::TrainError;
use crate::tracking::{Pass, Tracking};

/// Batches that are scored side by side.
const BATCHES_AT_ONCE: usize = 8;

/// The model `propagation`.
#[derive(Debug, Clone)]
pub struct Propagation {
    settings: PropagationConfig,
    compute: Compute,
}

impl Propagation {
    /// The model with these settings.
    pub fn new(settings: PropagationConfig) -> Self {
        Self { settings, compute: Compute::default() }
    }

    /// The same, computed there.
    pub fn on(self, compute: Compute) -> Self {
        Self { compute, ..self }
    }
}

impl Model for Propagation {
    fn name(&self) -> &'static str {
        "propagation"
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        let nodes = self.train(data, tracking)?;
        let (rows, products) = nodes.split_at(data.interactions.rows() * data.dim);
        let mut rows = rows.to_vec();
        if self.settings.friend_weight > 0.0 {
            stand_in_friends(&mut rows[..data.friends.rows() * data.dim], data);
        }
        // Friends are in the vectors already.
        let others = Others { friend_weight: 0.0, group_members_weight: self.settings.group_members_weight };
        let mut embeddings = complete(data, (rows, products.to_vec()), others, (self.name(), tracking.progress));
        embeddings.fold.friend_weight = if self.settings.friend_weight > 0.0 { 1.0 } else { 0.0 };
        Ok(Fitted::Embeddings(embeddings))
    }
}

impl Propagation {
    /// The vectors of all nodes as propagated; goes on from the state kept last.
    fn train(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Vec<f32>, TrainError> {
        input::check(data)?;
        let by_column = data.interactions.transpose();
        let popularity: Vec<f64> = (0..by_column.rows()).map(|product| weight(&by_column, product)).collect();
        let nodes = data.interactions.rows() + data.interactions.columns();
        let mut events = Events::new(data.interactions, &popularity, self.settings.popularity_correction);
        let kept =
            tracking.kept(|state| Ok((state.count(self.settings.epochs)?, Table::read(state, nodes * data.dim)?)))?;
        let (done, table) = kept.unwrap_or_else(|| (0, Table::new(start_vectors(data, &by_column))));
        let graph = graph(data, self.settings.friend_weight);
        let spread = Spreading::over(&graph, self.settings.layers, &self.compute)?;
        let (settings, compute) = (&self.settings, &self.compute);
        let mut training = Training { settings, compute, spread, nodes, data, table };
        let mut rng = ChaCha8Rng::seed_from_u64(data.seed);
        // The order of events follows from the seed and the number of shuffles.
        (0..done).for_each(|_| events.shuffle(&mut rng));
        tracking.progress.stage("propagation", self.settings.epochs as u64);
        tracking.went_on("propagation", "epoch", done);
        let mut passes = tracking.passes();
        for epoch in done + 1..=self.settings.epochs {
            let begun = Instant::now();
            events.shuffle(&mut rng);
            let loss = training.epoch(&events, epoch)?;
            tracking.passed(&Pass {
                model: "propagation",
                unit: "epoch",
                number: epoch,
                loss,
                loss_text: format!("{loss:.5}"),
                events: data.interactions.len(),
                begun,
            })?;
            passes.keep(|kept| {
                kept.u64(epoch as u64)?;
                training.table.write(kept)
            })?;
        }
        training.propagated(<[f32]>::to_vec)
    }
}

/// `(nodes, dim)`: products on the leading singular vectors of the normalised matrix, rows where their products are.
fn start_vectors(data: &FitData<'_>, by_column: &Csr) -> Vec<f32> {
    let (by_row, dim) = (data.interactions, data.dim);
    let products = all_units(&start::columns(by_row, by_column, dim, data.seed), dim);
    let rows = start::spread(by_row, &products, dim, &start::scales(by_row), &start::scales(by_column));
    let mut nodes = all_units(&rows, dim);
    nodes.extend(products);
    nodes
}

struct Training<'a> {
    settings: &'a PropagationConfig,
    compute: &'a Compute,
    spread: Spreading,
    nodes: usize,
    data: &'a FitData<'a>,
    table: Table,
}

impl Training<'_> {
    /// Runs one pass in the present order of `events`; returns the mean loss of an event.
    fn epoch(&mut self, events: &Events<'_>, epoch: usize) -> Result<f64, TrainError> {
        let batches: Vec<&[Turn]> = events.batches(self.settings.batch_size).collect();
        let mut loss = 0.0;
        for (at, group) in batches.chunks(batches.len().div_ceil(self.settings.steps)).enumerate() {
            loss += self.step(events, group)?;
            if !loss.is_finite() {
                return Err(diverged(epoch, format!("the loss became {loss} in step {}", at + 1)));
            }
        }
        if !are_finite(self.table.values(), self.data.dim) {
            return Err(diverged(epoch, "vectors left the finite range in its last step".to_owned()));
        }
        Ok(loss / self.data.interactions.len() as f64)
    }

    /// One step along the mean slope of some batches; returns their summed loss.
    fn step(&mut self, events: &Events<'_>, batches: &[&[Turn]]) -> Result<f64, TrainError> {
        let (loss, slopes) = self.propagated(|nodes| self.slopes(nodes, events, batches))??;
        // Slopes along the vectors before propagation of what has these along the vectors after it.
        let sent_back = self.spread_over(slopes, Way::Back)?;
        read(&sent_back, |slopes| self.table.descend(slopes, self.settings.learning_rate))?;
        Ok(loss)
    }

    /// What `then` makes of the vectors that score, `(nodes, dim)`.
    fn propagated<T>(&self, then: impl FnOnce(&[f32]) -> T) -> Result<T, TrainError> {
        read(&self.spread_over(self.table.values().to_vec(), Way::Forth)?, then)
    }

    fn spread_over(&self, vectors: Vec<f32>, way: Way) -> Result<Tensor, TrainError> {
        let vectors = Tensor::from_vec(vectors, (self.nodes, self.data.dim), self.compute.device())?;
        Ok(self.spread.of(&vectors, way)?)
    }

    /// The summed loss of `batches`, and the slopes of its mean along the propagated vectors.
    fn slopes(&self, nodes: &[f32], events: &Events<'_>, batches: &[&[Turn]]) -> Result<(f64, Vec<f32>), TrainError> {
        let dim = self.data.dim;
        let first_product = self.data.interactions.rows();
        let (rows, products) = nodes.split_at(first_product * dim);
        let share = (batches.len() as f32).recip();
        let vectors = Vectors { rows, products, dim };
        let of_batch =
            |turns: &&[Turn]| Batch::of(events, turns).slopes(&vectors, self.settings.temperature, self.compute);
        let (mut loss, mut along) = (0.0, vec![0f32; nodes.len()]);
        for batches in batches.chunks(BATCHES_AT_ONCE) {
            let parts: Vec<Slopes> = batches.par_iter().map(of_batch).collect::<Result<_, _>>()?;
            for part in parts {
                loss += part.loss;
                let mut add = |first: usize, touched: &[u32], slopes: &[f32]| {
                    for (&row, slope) in touched.iter().zip(slopes.chunks_exact(dim)) {
                        let cells = (first + row as usize) * dim..(first + row as usize + 1) * dim;
                        add_chained(&mut along[cells.clone()], &nodes[cells], slope, share);
                    }
                };
                add(0, &part.rows, &part.along_rows);
                add(first_product, &part.products, &part.along_products);
            }
        }
        Ok((loss, along))
    }
}

/// What `then` makes of the cells of `tensor`, which are copied only from a card.
fn read<T>(tensor: &Tensor, then: impl FnOnce(&[f32]) -> T) -> Result<T, TrainError> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(cells) => Ok(then(flat(cells, layout)?)),
        _ => Ok(then(&tensor.flatten_all()?.to_vec1()?)),
    }
}

/// Adds `share` of the slope along a vector to `target`, given that along its direction.
fn add_chained(target: &mut [f32], vector: &[f32], slope: &[f32], share: f32) {
    let (along, scale) = chain(vector, slope);
    let chained = vector.iter().zip(slope).map(|(&value, &slope)| scale * (slope - along * value));
    target.iter_mut().zip(chained).for_each(|(cell, slope)| *cell += share * slope);
}

fn diverged(epoch: usize, cause: String) -> TrainError {
    let mend = "lower `propagation.learning_rate`, or raise `propagation.temperature`";
    TrainError::Diverged { model: "propagation", pass: epoch, cause, mend }
}

#[cfg(test)]
mod tests;
