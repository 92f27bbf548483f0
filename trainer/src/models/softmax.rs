//! Matrix factorisation by sampled softmax over cosines, in candle, and one step over the graph afterwards.
//!
//! Users (and standing groups) and products are directions; each event's product is to be told from the other products
//! of its batch (in-batch negatives; Wu et al. 2022, "On the Effectiveness of Sampled Softmax Loss for Item
//! Recommendation"). Directions start from leading singular vectors. Only the rows that a batch touches become
//! variables of candle, and only those move; the tables themselves stay plain slices. Negatives drawn by popularity
//! take popularity out of the vectors, and one step over the graph after training, see [`neighbours::hop`], gives it
//! back in the length of the vectors.

pub(super) mod batch;
pub(super) mod epoch;
mod neighbours;
pub(super) mod refusals;
pub(super) mod table;

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use juntos_datasets::Csr;
use juntos_datasets::progress::Progress;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::epoch::{Events, State};
use self::refusals::Refusals;
use self::table::Table;
use super::als::solve::weight;
use super::als::start;
use super::complete::{Others, complete};
use super::compute::Compute;
use super::{Embeddings, FitData, Fitted, Model, input};
use crate::checkpoint::{StateReader, StateWriter};
use crate::config::SoftmaxConfig;
use crate::error::TrainError;
use crate::tracking::{Pass, Tracking};

/// The model `softmax`.
#[derive(Debug, Clone)]
pub struct Softmax {
    settings: SoftmaxConfig,
    compute: Compute,
    name: &'static str,
}

impl Softmax {
    /// The model with these settings.
    pub fn new(settings: SoftmaxConfig) -> Self {
        Self { settings, compute: Compute::default(), name: "softmax" }
    }

    /// The same, computed there.
    pub fn on(self, compute: Compute) -> Self {
        Self { compute, ..self }
    }

    /// The same, as part of the model of that name.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

impl Model for Softmax {
    fn name(&self) -> &'static str {
        self.name
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        let directions = self.train(data, tracking, &mut |_, _| Ok(ControlFlow::Continue(())))?;
        Ok(Fitted::Embeddings(self.finish(data, directions, tracking.progress)))
    }
}

/// Is told the epoch, counted from 1, and a way to the directions; says whether to go on. Where a run was resumed it may
/// be told the same epoch again.
pub(crate) type AfterEpoch<'a> = dyn FnMut(usize, &dyn Fn() -> Directions) -> Result<ControlFlow<()>, TrainError> + 'a;

/// Unit vectors as training left them, before the step over the graph.
#[derive(Debug, Clone)]
pub(crate) struct Directions {
    rows: Vec<f32>,
    products: Vec<f32>,
}

impl Directions {
    pub(crate) fn write(&self, state: &mut StateWriter<File>) -> io::Result<()> {
        state.f32s(&self.rows)?;
        state.f32s(&self.products)
    }

    /// Directions learnt from data of the shape of `data`.
    pub(crate) fn read(state: &mut StateReader, data: &FitData<'_>) -> io::Result<Self> {
        let (rows, products) = (data.interactions.rows(), data.interactions.columns());
        Ok(Self { rows: state.f32s(rows * data.dim)?, products: state.f32s(products * data.dim)? })
    }
}

impl Softmax {
    /// Trains until `after_epoch` has seen enough, or all epochs are done; goes on from the state kept last.
    pub(crate) fn train(
        &self,
        data: &FitData<'_>,
        tracking: &Tracking<'_>,
        after_epoch: &mut AfterEpoch<'_>,
    ) -> Result<Directions, TrainError> {
        self.train_with(data, &Refusals::NONE, tracking, after_epoch)
    }

    /// As [`Softmax::train`], with what was refused.
    pub(super) fn train_with(
        &self,
        data: &FitData<'_>,
        refusals: &Refusals<'_>,
        tracking: &Tracking<'_>,
        after_epoch: &mut AfterEpoch<'_>,
    ) -> Result<Directions, TrainError> {
        input::check(data)?;
        let by_column = data.interactions.transpose();
        let popularity: Vec<f64> = (0..by_column.rows()).map(|product| weight(&by_column, product)).collect();
        let mut events = Events::new(data.interactions, &popularity, self.settings.popularity_correction);
        let kept = tracking.kept(|state| Ok((state.count(self.settings.epochs)?, State::read(state, data)?)))?;
        let (done, mut state) = kept.unwrap_or_else(|| (0, start_state(data, &by_column)));
        let mut rng = ChaCha8Rng::seed_from_u64(data.seed);
        // The order of events follows from the seed and the number of shuffles.
        (0..done).for_each(|_| events.shuffle(&mut rng));
        tracking.progress.stage(self.name, self.settings.epochs as u64);
        tracking.went_on(self.name, "epoch", done);
        let mut passes = tracking.passes();
        for epoch in done + 1..=self.settings.epochs {
            let begun = Instant::now();
            events.shuffle(&mut rng);
            let loss = epoch::run(&mut state, &events, refusals, (self.name, &self.settings, &self.compute), epoch)?;
            tracking.passed(&Pass {
                model: self.name,
                unit: "epoch",
                number: epoch,
                loss,
                loss_text: format!("{loss:.5}"),
                events: data.interactions.len(),
                begun,
            })?;
            if after_epoch(epoch, &|| state.directions())?.is_break() {
                break;
            }
            passes.keep(|kept| {
                kept.u64(epoch as u64)?;
                state.write(kept)
            })?;
        }
        Ok(state.directions())
    }

    /// What comes after training: the step over the graph, the scale, how to fold in, friends and members.
    pub(crate) fn finish(&self, data: &FitData<'_>, directions: Directions, progress: &dyn Progress) -> Embeddings {
        let vectors = self.after_the_step(data.interactions, directions, data.dim);
        let SoftmaxConfig { friend_weight, group_members_weight, .. } = self.settings;
        let others = Others { friend_weight, group_members_weight };
        complete(data, vectors, others, (self.name(), progress))
    }

    /// Vectors of rows and of products after the step over the graph.
    pub(super) fn after_the_step(
        &self,
        interactions: &Csr,
        directions: Directions,
        dim: usize,
    ) -> (Vec<f32>, Vec<f32>) {
        let Directions { mut rows, mut products } = directions;
        let weights = (self.settings.user_hop_weight, self.settings.product_hop_weight);
        neighbours::hop(interactions, &mut rows, &mut products, dim, weights);
        (rows, products)
    }
}

/// Products on the leading singular vectors of the normalised matrix, rows where their products are.
fn start_state(data: &FitData<'_>, by_column: &Csr) -> State {
    let (by_row, dim) = (data.interactions, data.dim);
    let products = Table::new(start::columns(by_row, by_column, dim, data.seed), dim).units();
    let rows = start::spread(by_row, &products, dim, &start::scales(by_row), &start::scales(by_column));
    let rows = Table::new(rows, dim).units();
    State { rows: Table::new(rows, dim), products: Table::new(products, dim), dim, steps: 0 }
}

#[cfg(test)]
mod tests;
