//! Popular products for everyone: the baseline that every model must beat.

use juntos_engine::serving_model::{FoldIn, Hold};

use super::{Embeddings, FitData, Fitted, Model, input};
use crate::error::TrainError;
use crate::tracking::Tracking;

/// The model `popularity`: users, newcomers included, share one direction, on which products stand by their weight.
#[derive(Debug, Clone, Copy)]
pub struct Popularity;

/// Keeps every vector at its prior whatever the events: all users are alike.
const UNMOVED: FoldIn = FoldIn {
    unobserved_weight: 0.0,
    observed_weight: 1.0,
    regularization: 1e6,
    friend_weight: 1.0,
    hold: Hold { own: 0.0, friends: 0.0, cohort: 0.0 },
};

impl Model for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        input::check(data)?;
        let progress = tracking.progress;
        progress.stage("popularity", 1);
        let mut products = vec![0f32; data.interactions.columns() * data.dim];
        for row in 0..data.interactions.rows() {
            let (columns, values) = data.interactions.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                products[column as usize * data.dim] += value;
            }
        }
        let most = products.iter().copied().fold(0.0, f32::max);
        products.iter_mut().for_each(|weight| *weight /= most);
        progress.advance(1);
        Ok(Fitted::Embeddings(Embeddings {
            dim: data.dim,
            users: alike(data.friends.rows(), data.dim),
            products,
            groups: alike(data.groups.len(), data.dim),
            fold: UNMOVED,
        }))
    }
}

fn alike(rows: usize, dim: usize) -> Vec<f32> {
    (0..rows * dim).map(|at| if at % dim == 0 { 1.0 } else { 0.0 }).collect()
}
