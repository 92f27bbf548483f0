//! Matrix factorisation against the other products of a batch.

use juntos_datasets::progress::Progress;

use super::{FitData, Fitted, Model};
use crate::config::{AlsConfig, SoftmaxConfig};
use crate::error::TrainError;

/// The model `softmax`.
#[derive(Debug, Clone, Copy)]
pub struct Softmax {
    settings: SoftmaxConfig,
    start: AlsConfig,
}

impl Softmax {
    /// The model with these settings; `start` sets the factorisation that it starts from.
    pub fn new(settings: SoftmaxConfig, start: AlsConfig) -> Self {
        Self { settings, start }
    }
}

impl Model for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn fit(&self, _data: &FitData<'_>, _progress: &dyn Progress) -> Result<Fitted, TrainError> {
        let _ = (self.settings, self.start);
        todo!()
    }
}
