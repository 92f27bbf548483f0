//! The range of every setting.

use std::fmt::Display;

use super::{
    AUTO, AlsConfig, EnsembleConfig, ItemKnnConfig, MAX_DIM, PropagationConfig, SoftmaxConfig, SpectralConfig,
    TrainConfig, TwoRolesConfig,
};
use crate::error::TrainError;
use crate::models::MODEL_NAMES;
use crate::models::compute::DeviceName;
use juntos_datasets::training::EventWeights;
use juntos_engine::index::BuildOptions;

pub(super) fn check(config: &TrainConfig) -> Result<(), TrainError> {
    if config.model != AUTO && !MODEL_NAMES.contains(&config.model.as_str()) {
        return Err(unknown_model(&config.model));
    }
    share(config.repeat_exponent, "repeat_exponent")?;
    hold(config.auto.trials >= 1, "auto.trials", "at least 1", config.auto.trials)?;
    copies(config.auto.copies, "auto.copies")?;
    hold(config.auto.cells >= 1, "auto.cells", "at least 1", config.auto.cells)?;
    hold((0..=MAX_DIM).contains(&config.dim), "dim", &format!("1 to {MAX_DIM}, or 0 to choose"), config.dim)?;
    hold(i64::try_from(config.seed).is_ok(), "seed", "at most 9223372036854775807", config.seed)?;
    events(&config.events)?;
    als(&config.als)?;
    ensemble(&config.ensemble)?;
    item_knn(&config.item_knn)?;
    propagation(&config.propagation)?;
    softmax(&config.softmax)?;
    spectral(&config.spectral)?;
    two_roles(&config.two_roles)?;
    index(&config.index)
}

/// Models that compute on a card.
const ON_CARDS: [&str; 5] = [AUTO, "softmax", "propagation", "two_roles", "ensemble"];

pub(super) fn device(config: &TrainConfig) -> Result<(), TrainError> {
    let used = config.device == DeviceName::Cpu || ON_CARDS.contains(&config.model.as_str());
    hold(used, "device", &format!("`cpu` for a model that is none of `{}`", ON_CARDS.join("`, `")), "`cuda`")
}

pub(super) fn unknown_model(name: &str) -> TrainError {
    fault("model", &format!("`{AUTO}` or one of `{}`", MODEL_NAMES.join("`, `")), format!("`{name}`"))
}

fn events(weights: &EventWeights) -> Result<(), TrainError> {
    at_least_zero(weights.view, "events.view")?;
    at_least_zero(weights.cart, "events.cart")?;
    at_least_zero(weights.purchase, "events.purchase")?;
    at_least_zero(weights.like, "events.like")?;
    at_least_zero(weights.share, "events.share")?;
    at_least_zero(weights.gift, "events.gift")?;
    at_least_zero(weights.rate, "events.rate")?;
    at_least_zero(weights.click, "events.click")?;
    match weights.half_life_days {
        Some(days) => {
            hold(days.is_finite() && days > 0.0, "events.half_life_days", "finite and above 0, or left out", days)
        }
        None => Ok(()),
    }
}

fn als(als: &AlsConfig) -> Result<(), TrainError> {
    hold(als.sweeps >= 1, "als.sweeps", "at least 1", als.sweeps)?;
    above_zero(als.unobserved_ratio, "als.unobserved_ratio")?;
    above_zero(als.regularization, "als.regularization")?;
    share(als.regularization_exponent, "als.regularization_exponent")?;
    at_least_zero(als.friend_weight, "als.friend_weight")?;
    share(als.group_members_weight, "als.group_members_weight")
}

fn ensemble(ensemble: &EnsembleConfig) -> Result<(), TrainError> {
    copies(ensemble.copies, "ensemble.copies")?;
    at_least_zero(ensemble.als, "ensemble.als")?;
    at_least_zero(ensemble.spectral, "ensemble.spectral")?;
    at_least_zero(ensemble.softmax, "ensemble.softmax")?;
    at_least_zero(ensemble.propagation, "ensemble.propagation")?;
    at_least_zero(ensemble.popularity, "ensemble.popularity")?;
    at_least_zero(ensemble.neighbours, "ensemble.neighbours")?;
    at_least_zero(ensemble.friends, "ensemble.friends")?;
    hold(ensemble.had.is_finite(), "ensemble.had", "a number", ensemble.had)?;
    hold(ensemble.nearest >= 1, "ensemble.nearest", "at least 1", ensemble.nearest)?;
    hold(ensemble.parts().next().is_some(), "ensemble", "at least one weight above 0", "0 for every model")
}

fn copies(copies: usize, key: &'static str) -> Result<(), TrainError> {
    let most = EnsembleConfig::MOST_COPIES;
    hold((1..=most).contains(&copies), key, &format!("1 to {most}"), copies)
}

fn item_knn(knn: &ItemKnnConfig) -> Result<(), TrainError> {
    hold(knn.neighbours >= 1, "item_knn.neighbours", "at least 1", knn.neighbours)?;
    at_least_zero(knn.shrinkage, "item_knn.shrinkage")
}

fn propagation(propagation: &PropagationConfig) -> Result<(), TrainError> {
    let layers = 1..=PropagationConfig::MOST_LAYERS;
    let expected = format!("1 to {}", PropagationConfig::MOST_LAYERS);
    hold(layers.contains(&propagation.layers), "propagation.layers", &expected, propagation.layers)?;
    hold(propagation.steps >= 1, "propagation.steps", "at least 1", propagation.steps)?;
    hold(propagation.batch_size >= 1, "propagation.batch_size", "at least 1", propagation.batch_size)?;
    rate(propagation.learning_rate, "propagation.learning_rate")?;
    temperature(propagation.temperature, "propagation.temperature")?;
    share(propagation.popularity_correction, "propagation.popularity_correction")?;
    at_least_zero(propagation.friend_weight, "propagation.friend_weight")?;
    share(propagation.group_members_weight, "propagation.group_members_weight")
}

fn softmax(softmax: &SoftmaxConfig) -> Result<(), TrainError> {
    hold(softmax.batch_size >= 1, "softmax.batch_size", "at least 1", softmax.batch_size)?;
    rate(softmax.learning_rate, "softmax.learning_rate")?;
    temperature(softmax.temperature, "softmax.temperature")?;
    share(softmax.popularity_correction, "softmax.popularity_correction")?;
    at_least_zero(softmax.user_hop_weight, "softmax.user_hop_weight")?;
    at_least_zero(softmax.product_hop_weight, "softmax.product_hop_weight")?;
    at_least_zero(softmax.friend_weight, "softmax.friend_weight")?;
    share(softmax.group_members_weight, "softmax.group_members_weight")
}

fn spectral(spectral: &SpectralConfig) -> Result<(), TrainError> {
    share(spectral.normalization, "spectral.normalization")?;
    let exponent = spectral.popularity_exponent;
    hold((0.0..=2.0).contains(&exponent), "spectral.popularity_exponent", "0 to 2", exponent)?;
    at_least_zero(spectral.friend_weight, "spectral.friend_weight")?;
    share(spectral.group_members_weight, "spectral.group_members_weight")
}

fn two_roles(roles: &TwoRolesConfig) -> Result<(), TrainError> {
    at_least_zero(roles.joined_weight, "two_roles.joined_weight")?;
    at_least_zero(roles.friend_weight, "two_roles.friend_weight")?;
    at_least_zero(roles.failed_weight, "two_roles.failed_weight")?;
    at_least_zero(roles.refusal_weight, "two_roles.refusal_weight")
}

fn index(index: &BuildOptions) -> Result<(), TrainError> {
    hold((16..=128).contains(&index.links), "index.links", "16 to 128", index.links)?;
    let (least, most) = (index.links / 2, 10_000);
    let expected = format!("{least} (half of `index.links`) to {most}");
    hold((least..=most).contains(&index.ef_construction), "index.ef_construction", &expected, index.ef_construction)?;
    hold(index.rounds <= 16, "index.rounds", "0 to 16", index.rounds)
}

fn temperature(value: f32, key: &'static str) -> Result<(), TrainError> {
    let least = SoftmaxConfig::LEAST_TEMPERATURE;
    hold((least..=10.0).contains(&value), key, &format!("{least} to 10"), value)
}

/// A step that moves a cell further than the whole vector is long forgets everything before it.
fn rate(value: f32, key: &'static str) -> Result<(), TrainError> {
    hold(value > 0.0 && value <= 1.0, key, "above 0 and at most 1", value)
}

fn above_zero(value: f32, key: &'static str) -> Result<(), TrainError> {
    hold(value.is_finite() && value > 0.0, key, "finite and above 0", value)
}

fn at_least_zero(value: f32, key: &'static str) -> Result<(), TrainError> {
    hold(value.is_finite() && value >= 0.0, key, "finite and at least 0", value)
}

fn share(value: f32, key: &'static str) -> Result<(), TrainError> {
    hold((0.0..=1.0).contains(&value), key, "0 to 1", value)
}

fn hold(holds: bool, key: &'static str, expected: &str, got: impl Display) -> Result<(), TrainError> {
    if holds { Ok(()) } else { Err(fault(key, expected, got)) }
}

fn fault(key: &'static str, expected: &str, got: impl Display) -> TrainError {
    TrainError::Setting { key, expected: expected.to_owned(), got: got.to_string() }
}
