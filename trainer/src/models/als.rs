//! Implicit alternating least squares (Hu, Koren & Volinsky 2008) with exact solves, and friends as further columns.
//!
//! Minimises `Σ_observed w (1 - u·y)² + w0 Σ_all (u·y)² + Σ_rows λ(n) |row|²`, the form of Rendle et al. 2021
//! ("Revisiting the Performance of iALS on Item Recommendation Benchmarks", equations 1 to 4), with `λ(n)` growing with
//! the weight `n` of the row. A tie between users is an entry of the matrix as well: user `v` is a column that her
//! friends have, so people with the same friends come to lie together. In the last solve users with little
//! history also get what their friends had, and then turn towards where those lie, so that newcomers find their place.

pub(super) mod blocks;
pub(super) mod kernels;
mod newcomers;
pub(super) mod solve;
pub(super) mod start;

use std::time::Instant;

use juntos_datasets::{Csr, Row};
use juntos_engine::serving_model::{FoldIn, Hold};

use self::solve::{Penalty, half_sweep};
use super::{Embeddings, FitData, Fitted, Model, input};
use crate::config::AlsConfig;
use crate::error::TrainError;
use crate::tracking::{Pass, Tracking};

/// How firmly priors are held where too little is held out to learn it; what ranked best of generated worlds
/// (`docs/trainer.md`, "New people").
const HOLD: Hold = Hold { own: 8.0, friends: 4.0, cohort: 1.0 };

/// The model `als`.
#[derive(Debug, Clone, Copy)]
pub struct Als {
    settings: AlsConfig,
}

impl Als {
    /// The model with these settings.
    pub fn new(settings: AlsConfig) -> Self {
        Self { settings }
    }
}

impl Model for Als {
    fn name(&self) -> &'static str {
        "als"
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        input::check(data)?;
        let unobserved = unobserved_weight(data.interactions, self.settings.unobserved_ratio);
        let by_row = with_friends(data, self.settings.friend_weight);
        let by_column = by_row.transpose();
        let kept = tracking
            .kept(|state| Ok((state.count(self.settings.sweeps)?, state.f32s(by_column.rows() * data.dim)?)))?;
        let (done, mut columns) = kept.unwrap_or_else(|| (0, start::columns(&by_row, &by_column, data.dim, data.seed)));
        let mut rows = vec![0.0; by_row.rows() * data.dim];
        let row_penalty = self.penalty(&by_row, unobserved);
        let column_penalty = self.penalty(&by_column, unobserved);
        tracking.progress.stage("als", self.settings.sweeps as u64);
        tracking.went_on("als", "sweep", done);
        let mut passes = tracking.passes();
        for sweep in done + 1..=self.settings.sweeps {
            let begun = Instant::now();
            half_sweep(&by_row, &mut columns, &mut rows, &row_penalty);
            let loss = half_sweep(&by_column, &mut rows, &mut columns, &column_penalty);
            check(loss, sweep)?;
            tracking.passed(&Pass {
                model: "als",
                unit: "sweep",
                number: sweep,
                loss,
                loss_text: format!("{loss:.6e}"),
                events: data.interactions.len(),
                begun,
            })?;
            // The next sweep makes all rows anew from the columns.
            passes.keep(|state| {
                state.u64(sweep as u64)?;
                state.f32s(&columns)
            })?;
        }
        let served = newcomers::with_friends_products(by_row, data, self.settings.friend_weight);
        let served_penalty = self.penalty(&served, unobserved);
        let loss = half_sweep(&served, &mut columns, &mut rows, &served_penalty);
        check(loss, self.settings.sweeps + 1)?;
        columns.truncate(data.interactions.columns() * data.dim);
        Ok(Fitted::Embeddings(self.embeddings(data, rows, columns, unobserved)))
    }
}

fn check(loss: f64, sweep: usize) -> Result<(), TrainError> {
    if loss.is_finite() {
        return Ok(());
    }
    Err(TrainError::Diverged {
        model: "als",
        pass: sweep,
        cause: format!("the loss became {loss}"),
        mend: "raise `als.regularization`, or lower the weights in `[events]`",
    })
}

impl Als {
    fn penalty(&self, matrix: &Csr, unobserved: f32) -> Penalty {
        Penalty::of(matrix, unobserved, self.settings.regularization, self.settings.regularization_exponent)
    }

    fn embeddings(&self, data: &FitData<'_>, mut rows: Vec<f32>, products: Vec<f32>, unobserved: f32) -> Embeddings {
        let mut groups = rows.split_off(data.friends.rows() * data.dim);
        if self.settings.friend_weight > 0.0 {
            newcomers::turn_towards_friends(&mut rows, data);
        }
        for (members, group) in data.groups.iter().zip(groups.chunks_exact_mut(data.dim)) {
            let share = self.settings.group_members_weight / members.len().max(1) as f32;
            for member in members {
                let at = member.index() * data.dim;
                group.iter_mut().zip(&rows[at..at + data.dim]).for_each(|(cell, &value)| *cell += share * value);
            }
        }
        let fold = FoldIn {
            unobserved_weight: unobserved,
            observed_weight: 1.0,
            regularization: self.settings.regularization,
            friend_weight: if self.settings.friend_weight > 0.0 { 1.0 } else { 0.0 },
            hold: HOLD,
        };
        Embeddings { dim: data.dim, users: rows, products, groups, fold }
    }
}

/// Weight of one cell, such that all cells together weigh `ratio` times what the observed ones do; at most 1.
fn unobserved_weight(interactions: &Csr, ratio: f32) -> f32 {
    let observed: f64 = (0..interactions.rows()).map(|row| solve::weight(interactions, row)).sum();
    let cells = interactions.rows() as f64 * interactions.columns() as f64;
    (f64::from(ratio) * observed / cells).min(1.0) as f32
}

/// `(users + groups, products + users)`: the interactions, and beside them the ties, scaled by `weight`.
fn with_friends(data: &FitData<'_>, weight: f32) -> Csr {
    if weight == 0.0 || data.friends.is_empty() {
        return data.interactions.clone();
    }
    let products = data.interactions.columns();
    Csr::by_rows(data.interactions.rows(), products + data.friends.rows(), |row, entries| {
        entries.extend(data.interactions.entries(row));
        if row < data.friends.rows() {
            let ties = data.friends.entries(row);
            entries.extend(ties.map(|(friend, strength)| (products as u32 + friend, weight * strength)));
        }
    })
}
