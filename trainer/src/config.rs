//! What a data scientist may set about training: one struct, one file, checked before any data is read.

mod check;

use std::path::Path;

use juntos_datasets::training::EventWeights;
use juntos_engine::index::BuildOptions;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
#[cfg(test)]
use crate::models::MODEL_NAMES;
use crate::models::Model;
use crate::models::als::Als;
use crate::models::compute::{Compute, DeviceName};
use crate::models::ensemble::{self, Ensemble, Part};
use crate::models::knn::ItemKnn;
use crate::models::popularity::Popularity;
use crate::models::propagation::Propagation;
use crate::models::softmax::Softmax;
use crate::models::spectral::Spectral;
use crate::models::two_roles::TwoRoles;

/// How to train. `config/train.toml` lists every key with its default, unit and meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Name of the model, one of [`crate::models::MODEL_NAMES`], or [`AUTO`].
    pub model: String,
    /// Number of dimensions of vectors, 1 to [`MAX_DIM`]; 0 chooses by [`TrainConfig::dim_for`].
    pub dim: usize,
    /// Decides every random choice; 0 to 2^63 - 1, the range of a TOML integer.
    pub seed: u64,
    /// How far repeated events of one user and product add up: their weight is raised to this power where it is above
    /// 1. 0 (the first purchase says all) to 1 (every purchase counts).
    pub repeat_exponent: f32,
    /// Where `softmax` and `propagation` compute; the other models are exact solves on the processors.
    pub device: DeviceName,
    /// How events become weights.
    pub events: EventWeights,
    /// How model and settings are chosen where `model` is [`AUTO`].
    pub auto: AutoConfig,
    /// Settings of the model `als`.
    pub als: AlsConfig,
    /// Settings of the model `ensemble`.
    pub ensemble: EnsembleConfig,
    /// Settings of the model `item_knn`.
    pub item_knn: ItemKnnConfig,
    /// Settings of the model `propagation`.
    pub propagation: PropagationConfig,
    /// Settings of the model `softmax`.
    pub softmax: SoftmaxConfig,
    /// Settings of the model `spectral`.
    pub spectral: SpectralConfig,
    /// Settings of the model `two_roles`.
    pub two_roles: TwoRolesConfig,
    /// How the index over the products is built.
    pub index: BuildOptions,
}

/// What `model` says where model and settings are to be chosen on a part of the past; see [`crate::auto`].
pub const AUTO: &str = "auto";

/// Most dimensions that a vector may have.
pub const MAX_DIM: usize = 512;

/// Dimensions where nobody chose and there are users enough.
pub const AUTO_DIM: usize = 128;

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            model: AUTO.to_owned(),
            dim: 0,
            seed: 0,
            repeat_exponent: 1.0,
            device: DeviceName::Cpu,
            events: EventWeights::default(),
            auto: AutoConfig::default(),
            als: AlsConfig::default(),
            ensemble: EnsembleConfig::default(),
            item_knn: ItemKnnConfig::default(),
            propagation: PropagationConfig::default(),
            softmax: SoftmaxConfig::default(),
            spectral: SpectralConfig::default(),
            two_roles: TwoRolesConfig::default(),
            index: BuildOptions::default(),
        }
    }
}

/// Settings of [`crate::auto`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoConfig {
    /// Most models that are fitted to choose among, at least 1; copies are not counted.
    pub trials: usize,
    /// Times that each model of the choice is fitted, with seeds of its own, where all of the data is tried on and two of each do
    /// no harm; 1 to [`EnsembleConfig::MOST_COPIES`].
    pub copies: usize,
    /// Cells of the interactions that trials see, about, at least 1; all where there are no more, or
    /// three times as many of which ensembles are made quickly.
    pub cells: usize,
}

impl Default for AutoConfig {
    fn default() -> Self {
        Self { trials: 16, copies: 6, cells: 1_000_000 }
    }
}

/// Settings of [`crate::models::als`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlsConfig {
    /// Times that users and then products are solved for, at least 1.
    pub sweeps: usize,
    /// Weight of all cells without an event together, for each unit of weight of cells with one; above 0. The weight
    /// of a single such cell follows from how full the matrix is, and is at most 1.
    pub unobserved_ratio: f32,
    /// Strength of regularisation for each unit of a row's weight, above 0.
    pub regularization: f32,
    /// How far regularisation grows with a row's weight: 0 is the same for all rows, 1 is in proportion.
    pub regularization_exponent: f32,
    /// Weight of a tie of strength 1 beside an event of weight 1; 0 leaves friends out.
    pub friend_weight: f32,
    /// Weight of the members' mean vector in a standing group's, beside the group's own; 0 to 1.
    pub group_members_weight: f32,
}

impl Default for AlsConfig {
    fn default() -> Self {
        Self {
            sweeps: 5,
            unobserved_ratio: 100.0,
            regularization: 0.003,
            regularization_exponent: 1.0,
            friend_weight: 0.3,
            group_members_weight: 0.3,
        }
    }
}

/// Settings of [`crate::models::ensemble`]: how often each model is fitted, and the weight of its scores, over their spread; at
/// least 0, and 0 leaves the model out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnsembleConfig {
    /// Times that each model is fitted, each time with another seed; 1 to [`EnsembleConfig::MOST_COPIES`].
    pub copies: usize,
    /// Of the model `als`.
    pub als: f32,
    /// Of the model `spectral`.
    pub spectral: f32,
    /// Of the model `softmax`.
    pub softmax: f32,
    /// Of the model `propagation`.
    pub propagation: f32,
    /// Of the model `popularity`: what everybody buys, for people of whom little is known.
    pub popularity: f32,
    /// Of what the products that somebody had say of those nearest to them: spread over that of all models together.
    pub neighbours: f32,
    /// Neighbours that each product listens to, at least 1.
    pub nearest: usize,
    /// Of what friends had, as far as they show it: spread over that of all models together.
    pub friends: f32,
    /// Of what each user and group had before, by the weights of events: spread over that of all models together. Below 0 it is
    /// taken off, since models think more of what they were fitted to than what is bought next bears out.
    pub had: f32,
}

impl Default for EnsembleConfig {
    fn default() -> Self {
        Self { copies: 1, als: 1.0, softmax: 0.5, propagation: 1.0, neighbours: 0.1, ..Self::NOTHING }
    }
}

impl EnsembleConfig {
    /// More hardly change what they say together.
    pub const MOST_COPIES: usize = 16;

    /// No model at all, which is not to be fitted.
    pub(crate) const NOTHING: Self = Self {
        copies: 1,
        als: 0.0,
        spectral: 0.0,
        softmax: 0.0,
        propagation: 0.0,
        popularity: 0.0,
        neighbours: 0.0,
        nearest: 100,
        friends: 0.0,
        had: 0.0,
    };

    /// Whether anything counts beside models.
    pub(crate) fn tells(&self) -> bool {
        self.neighbours > 0.0 || self.friends > 0.0 || self.had != 0.0
    }

    /// Every model with its weight.
    pub(crate) fn weights(&self) -> [(&'static str, f32); 5] {
        let Self { als, spectral, softmax, propagation, popularity, .. } = *self;
        [
            ("als", als),
            ("spectral", spectral),
            ("softmax", softmax),
            ("propagation", propagation),
            ("popularity", popularity),
        ]
    }

    /// The models that are in it, with their weights.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, f32)> {
        self.weights().into_iter().filter(|&(_, weight)| weight > 0.0)
    }
}

/// Settings of [`crate::models::knn`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ItemKnnConfig {
    /// Most similar products kept for each product, at least 1.
    pub neighbours: usize,
    /// Added to the product of norms in the cosine, so that rare products do not look alike by chance; at least 0.
    pub shrinkage: f32,
}

impl Default for ItemKnnConfig {
    fn default() -> Self {
        Self { neighbours: 100, shrinkage: 10.0 }
    }
}

/// Settings of [`crate::models::softmax`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftmaxConfig {
    /// Passes over all events; 0 leaves the start as it is.
    pub epochs: usize,
    /// Most events in a batch, at least 1; their products are the candidates that each event is told apart from.
    /// Small data has smaller batches, so that there are enough steps.
    pub batch_size: usize,
    /// How far one step moves a cell of a vector of length 1, above 0.
    pub learning_rate: f32,
    /// What cosines are divided by, [`SoftmaxConfig::LEAST_TEMPERATURE`] to 10: the smaller, the more the hardest
    /// candidates count.
    pub temperature: f32,
    /// How far candidates are corrected for being drawn by popularity: 0 not at all, 1 in full.
    pub popularity_correction: f32,
    /// Weight of what a user's products give her in the step over the graph after training, at least 0.
    pub user_hop_weight: f32,
    /// Weight of what a product's users give it in that step, at least 0; with both at 0 it is left out.
    pub product_hop_weight: f32,
    /// Weight of own events that all of a user's friends together count for, at least 0; 0 leaves friends out.
    pub friend_weight: f32,
    /// Weight of the members' mean vector in a standing group's, beside the group's own; 0 to 1.
    pub group_members_weight: f32,
}

impl SoftmaxConfig {
    /// Exponentials of cosines over less than this would come near the end of the range of `f32`.
    pub const LEAST_TEMPERATURE: f32 = 0.02;
}

impl Default for SoftmaxConfig {
    fn default() -> Self {
        Self {
            epochs: 6,
            batch_size: 2048,
            learning_rate: 0.002,
            temperature: 0.1,
            popularity_correction: 0.3,
            user_hop_weight: 0.4,
            product_hop_weight: 0.7,
            friend_weight: 0.3,
            group_members_weight: 0.3,
        }
    }
}

/// Settings of [`crate::models::propagation`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PropagationConfig {
    /// Passes over all events; 0 leaves the start as it is, propagated.
    pub epochs: usize,
    /// Hops over the graph, the mean of which scores; 1 to [`PropagationConfig::MOST_LAYERS`].
    pub layers: usize,
    /// Times an epoch that vectors are propagated and moved, at least 1: batches between two of them count together. Each
    /// costs twice `layers` passes over all edges.
    pub steps: usize,
    /// Most events in a batch, at least 1; their products are the candidates that each event is told apart from.
    pub batch_size: usize,
    /// How far one step moves a cell of a vector, which begins with length 1; above 0.
    pub learning_rate: f32,
    /// What cosines are divided by, [`SoftmaxConfig::LEAST_TEMPERATURE`] to 10: the smaller, the more the hardest
    /// candidates count.
    pub temperature: f32,
    /// How far candidates are corrected for being drawn by popularity: 0 not at all, 1 in full.
    pub popularity_correction: f32,
    /// Weight of own events that all of a user's friendships together have in the graph, at least 0; 0 leaves friends out.
    pub friend_weight: f32,
    /// Weight of the members' mean vector in a standing group's, beside the group's own; 0 to 1.
    pub group_members_weight: f32,
}

impl PropagationConfig {
    /// After more hops all nodes look alike.
    pub const MOST_LAYERS: usize = 8;
}

impl Default for PropagationConfig {
    fn default() -> Self {
        Self {
            epochs: 6,
            layers: 2,
            steps: 16,
            batch_size: 2048,
            learning_rate: 0.01,
            temperature: 0.1,
            popularity_correction: 0.5,
            friend_weight: 1.0,
            group_members_weight: 0.3,
        }
    }
}

/// Settings of [`crate::models::spectral`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpectralConfig {
    /// How far a product's popularity lessens its cells: they are divided by the root of its weight to this power; 0 to 1.
    pub normalization: f32,
    /// How far a product's popularity counts: the root of its weight to this power; 0 to 2.
    pub popularity_exponent: f32,
    /// Weight of own events that all of a user's friends together count for, at least 0; 0 leaves friends out.
    pub friend_weight: f32,
    /// Weight of the members' mean vector in a standing group's, beside the group's own; 0 to 1.
    pub group_members_weight: f32,
}

impl Default for SpectralConfig {
    fn default() -> Self {
        Self { normalization: 0.7, popularity_exponent: 0.35, friend_weight: 0.3, group_members_weight: 0.3 }
    }
}

/// Settings of [`crate::models::two_roles`], which is trained as [`SoftmaxConfig`] says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TwoRolesConfig {
    /// Weight of a user's events as participant beside those of her own choice, in what she is recommended; at least 0.
    pub joined_weight: f32,
    /// Weight of own events that all of a user's friends together, as participants, count for, at least 0.
    pub friend_weight: f32,
    /// Weight, for its initiator, of a team that nobody joined, beside an event of weight 1; at least 0.
    pub failed_weight: f32,
    /// Weight of a friend's not joining it, beside that of an event of mean weight; at least 0.
    pub refusal_weight: f32,
}

impl Default for TwoRolesConfig {
    fn default() -> Self {
        Self { joined_weight: 1.0, friend_weight: 3.0, failed_weight: 1.0, refusal_weight: 0.1 }
    }
}

impl TrainConfig {
    /// Number of dimensions to learn for `n_users` users: the configured one, or, where that is 0, [`AUTO_DIM`] but no
    /// more than one for every 16 users and no fewer than 16. On a few hundred users with long histories more only
    /// learn single cells by heart.
    pub fn dim_for(&self, n_users: usize) -> usize {
        match self.dim {
            0 => (n_users / 16 / 8 * 8).clamp(16, AUTO_DIM),
            chosen => chosen,
        }
    }

    /// Reads a TOML file; keys left out keep their defaults.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, holds an unknown key, or a value is out of range.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = std::fs::read_to_string(path).map_err(|source| TrainError::Io { path: path.to_owned(), source })?;
        let config: Self = toml::from_str(&text)
            .map_err(|fault| TrainError::ConfigFile { path: path.to_owned(), reason: fault.to_string() })?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`TrainError::Setting`] names the first setting out of range, and what is expected.
    pub fn validate(&self) -> Result<(), TrainError> {
        check::check(self)
    }

    /// The device that is configured, ready to use.
    ///
    /// # Errors
    /// As [`Compute::on`].
    pub(crate) fn compute(&self) -> Result<Compute, TrainError> {
        Compute::on(self.device)
    }

    /// Refuses a device that is not there, or that the configured model would not use.
    ///
    /// # Errors
    /// As [`Compute::on`], and [`TrainError::Setting`] for a card and a model that is solved on the processors.
    pub fn check_device(&self) -> Result<(), TrainError> {
        check::device(self)?;
        self.compute().map(|_| ())
    }

    /// The fits that an ensemble is made of, with their weights.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Self, f32)> {
        let copies = 0..self.ensemble.copies;
        self.ensemble.parts().flat_map(move |(model, weight)| {
            let copy = move |copy| {
                let seed = ensemble::seed_of(self.seed, copy);
                (Self { model: model.to_owned(), seed, ..self.clone() }, weight)
            };
            copies.clone().map(copy)
        })
    }

    /// Whether what friends bought is told to the vectors of users.
    pub(crate) fn hears_friends(&self) -> bool {
        self.model == "ensemble" && self.ensemble.friends > 0.0
    }

    /// The same, with the settings of all other models as they are by default: two models learn the same where this is
    /// the same.
    pub(crate) fn alone(&self) -> Self {
        let mut alone = Self::default();
        alone.take_section(self);
        let Self { model, dim, seed, repeat_exponent, device, events, .. } = self.clone();
        Self { model, dim, seed, repeat_exponent, device, events, ..alone }
    }

    /// Takes over the settings of the model that `other` names.
    pub(crate) fn take_section(&mut self, other: &Self) {
        match other.model.as_str() {
            "als" => self.als = other.als,
            "ensemble" => self.ensemble = other.ensemble,
            "item_knn" => self.item_knn = other.item_knn,
            "propagation" => self.propagation = other.propagation,
            "softmax" => self.softmax = other.softmax,
            "spectral" => self.spectral = other.spectral,
            "two_roles" => (self.two_roles, self.softmax) = (other.two_roles, other.softmax),
            _ => {}
        }
    }

    fn ensemble(&self) -> Result<Ensemble, TrainError> {
        let part = |(model, weight): (&str, f32)| -> Result<Part, TrainError> {
            let model = Self { model: model.to_owned(), ..self.clone() }.model()?;
            Ok(Part { model, weight })
        };
        let parts: Result<_, TrainError> = self.ensemble.parts().map(part).collect();
        Ok(Ensemble::new(parts?, self.ensemble, self.dim))
    }

    /// The model that is configured; not for [`AUTO`], which [`crate::auto::choose`] has to replace first.
    ///
    /// # Errors
    /// As [`TrainConfig::validate`], and for [`AUTO`].
    pub fn model(&self) -> Result<Box<dyn Model>, TrainError> {
        self.validate()?;
        match self.model.as_str() {
            "popularity" => Ok(Box::new(Popularity)),
            "item_knn" => Ok(Box::new(ItemKnn::new(self.item_knn))),
            "als" => Ok(Box::new(Als::new(self.als))),
            "ensemble" => Ok(Box::new(self.ensemble()?)),
            "propagation" => Ok(Box::new(Propagation::new(self.propagation).on(self.compute()?))),
            "softmax" => Ok(Box::new(Softmax::new(self.softmax).on(self.compute()?))),
            "spectral" => Ok(Box::new(Spectral::new(self.spectral))),
            "two_roles" => Ok(Box::new(TwoRoles::new(self.two_roles, self.softmax).on(self.compute()?))),
            other => Err(check::unknown_model(other)),
        }
    }
}

#[cfg(test)]
mod tests;
