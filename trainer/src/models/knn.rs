//! Products similar to what the user had.

use juntos_datasets::progress::Progress;

use super::{FitData, Fitted, Model};
use crate::config::ItemKnnConfig;
use crate::error::TrainError;

/// The model `item_knn`.
#[derive(Debug, Clone, Copy)]
pub struct ItemKnn {
    settings: ItemKnnConfig,
}

impl ItemKnn {
    /// The model with these settings.
    pub fn new(settings: ItemKnnConfig) -> Self {
        Self { settings }
    }
}

impl Model for ItemKnn {
    fn name(&self) -> &'static str {
        "item_knn"
    }

    fn fit(&self, _data: &FitData<'_>, _progress: &dyn Progress) -> Result<Fitted, TrainError> {
        let _ = self.settings;
        todo!()
    }
}
