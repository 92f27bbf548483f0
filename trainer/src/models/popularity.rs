//! Popular products for everyone: the baseline that every model must beat.

use juntos_datasets::progress::Progress;

use super::{FitData, Fitted, Model};
use crate::error::TrainError;

/// Ranks by popularity.
#[derive(Debug, Clone, Copy)]
pub struct Popularity;

impl Model for Popularity {
    fn name(&self) -> &'static str {
        "popularity"
    }

    fn fit(&self, _data: &FitData<'_>, _progress: &dyn Progress) -> Result<Fitted, TrainError> {
        todo!()
    }
}
