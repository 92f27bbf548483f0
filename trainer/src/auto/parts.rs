//! What the models of a search have learnt, for ensembles of them.

use std::collections::BTreeMap;

use crate::config::TrainConfig;
use crate::models::Embeddings;

/// One fit for each model and seed.
#[derive(Default)]
pub(super) struct Parts(BTreeMap<(String, u64), Part>);

struct Part {
    config: TrainConfig,
    /// Absent where it was learnt before the run was interrupted, and is not yet needed again.
    learnt: Option<Embeddings>,
}

impl Parts {
    /// Puts what a model learnt with `config` in place of what it learnt before.
    pub(super) fn put(&mut self, config: &TrainConfig, learnt: Option<Embeddings>) {
        self.0.insert(key(config), Part { config: config.alone(), learnt });
    }

    /// Notes that this fit was made before the run was interrupted.
    pub(super) fn note(&mut self, config: &TrainConfig) {
        if !self.have(config) {
            self.put(config, None);
        }
    }

    /// Whether this fit was made.
    pub(super) fn have(&self, config: &TrainConfig) -> bool {
        self.0.get(&key(config)).is_some_and(|part| part.config == config.alone())
    }

    /// What this fit has learnt, if that is at hand.
    pub(super) fn learnt(&self, config: &TrainConfig) -> Option<&Embeddings> {
        self.0.get(&key(config)).filter(|_| self.have(config)).and_then(|part| part.learnt.as_ref())
    }
}

fn key(config: &TrainConfig) -> (String, u64) {
    (config.model.clone(), config.seed)
}
