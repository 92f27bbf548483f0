//! Implicit alternating least squares.

use juntos_datasets::progress::Progress;

use super::{FitData, Fitted, Model};
use crate::config::AlsConfig;
use crate::error::TrainError;

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

    fn fit(&self, _data: &FitData<'_>, _progress: &dyn Progress) -> Result<Fitted, TrainError> {
        let _ = self.settings;
        todo!()
    }
}
