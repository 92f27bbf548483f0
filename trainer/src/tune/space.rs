//! The settings that are searched, each on a scale from 0 to 1 along which steps matter alike.

use std::collections::BTreeMap;

use crate::auto::Has;
use crate::config::{SoftmaxConfig, TrainConfig};

/// The single models that are searched among, in the order of their first trials.
pub(super) const SEARCHED: [&str; 4] = ["als", "spectral", "softmax", "propagation"];
/// What unites them.
pub(super) const ENSEMBLE: &str = "ensemble";

/// Values of settings, by their names with sections.
pub(super) type Values = BTreeMap<String, f64>;

/// One setting of one model.
pub(super) struct Setting {
    /// Its name with its section.
    pub(super) name: &'static str,
    scale: Scale,
    get: fn(&TrainConfig) -> f64,
    set: fn(&mut TrainConfig, f64),
}

enum Scale {
    /// Where factors matter: from, to.
    Log(f64, f64),
    /// Where differences matter: from, to.
    Linear(f64, f64),
    /// One of these, ascending.
    Steps(&'static [f64]),
}

impl Setting {
    /// The value in `config`, in as few digits as read back as the same.
    pub(super) fn of(&self, config: &TrainConfig) -> f64 {
        ((self.get)(config) as f32).to_string().parse().unwrap_or_default()
    }

    /// The value at `place`, 0 to 1, to three significant digits.
    pub(super) fn value(&self, place: f64) -> f64 {
        match self.scale {
            Scale::Log(from, to) => significant((from.ln() + place * (to / from).ln()).exp()).clamp(from, to),
            Scale::Linear(from, to) => significant(from + place * (to - from)).clamp(from, to),
            Scale::Steps(steps) => steps[((place * steps.len() as f64) as usize).min(steps.len() - 1)],
        }
    }

    /// Where `value` lies, 0 to 1; the nearest place for one outside.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Log(from, to) => (value.max(f64::MIN_POSITIVE) / from).ln() / (to / from).ln(),
            Scale::Linear(from, to) => (value - from) / (to - from),
            Scale::Steps(steps) => {
                let nearest =
                    (0..steps.len()).min_by(|&a, &b| (steps[a] - value).abs().total_cmp(&(steps[b] - value).abs()));
                (nearest.unwrap_or(0) as f64 + 0.5) / steps.len() as f64
            }
        };
        place.clamp(0.0, 1.0)
    }
}

/// The settings of `model` that make a difference to data that have this.
pub(super) fn of(model: &str, has: Has) -> Vec<Setting> {
    let mut settings = match model {
        "als" => als(),
        "spectral" => spectral(),
        "propagation" => propagation(),
        ENSEMBLE => ensemble(has),
        _ => softmax(),
    };
    if model != ENSEMBLE {
        settings.push(dim());
    }
    if has.repeats {
        settings.push(repeats());
    }
    settings.retain(|setting| match setting.name.rsplit('.').next() {
        Some("friend_weight") => has.friends,
        Some("group_members_weight") => has.groups,
        _ => true,
    });
    settings
}

/// What `config` has other values for than `from`.
pub(super) fn moved(from: &TrainConfig, config: &TrainConfig, settings: &[Setting]) -> Values {
    let moved = settings.iter().filter(|setting| (setting.get)(config) != (setting.get)(from));
    moved.map(|setting| (setting.name.to_owned(), setting.of(config))).collect()
}

/// `config` with these values.
pub(super) fn with(config: &TrainConfig, settings: &[Setting], values: &Values) -> TrainConfig {
    let mut config = config.clone();
    for setting in settings {
        if let Some(&value) = values.get(setting.name) {
            (setting.set)(&mut config, value);
        }
    }
    config
}

/// Where the settings of a trial lie: those it moved, and the rest as `config` has them.
pub(super) fn places(config: &TrainConfig, n_users: usize, settings: &[Setting], values: &Values) -> Vec<f64> {
    let config = TrainConfig { dim: config.dim_for(n_users), ..config.clone() };
    let place = |setting: &Setting| setting.place(values.get(setting.name).copied().unwrap_or((setting.get)(&config)));
    settings.iter().map(place).collect()
}

fn significant(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

macro_rules! setting {
    ($name:literal, $scale:expr, $($field:ident).+) => {
        Setting {
            name: $name,
            scale: $scale,
            get: |config| config.$($field).+ as f64,
            set: |config, value| config.$($field).+ = value as _,
        }
    };
}

fn dim() -> Setting {
    setting!("dim", Scale::Steps(&[16.0, 32.0, 48.0, 64.0, 96.0, 128.0]), dim)
}

fn repeats() -> Setting {
    setting!("repeat_exponent", Scale::Linear(0.0, 1.0), repeat_exponent)
}

fn als() -> Vec<Setting> {
    use Scale::{Linear, Log, Steps};
    vec![
        setting!("als.regularization", Log(1e-4, 0.1), als.regularization),
        setting!("als.regularization_exponent", Linear(0.0, 1.0), als.regularization_exponent),
        setting!("als.unobserved_ratio", Log(1.0, 1e4), als.unobserved_ratio),
        setting!("als.friend_weight", Log(0.03, 3.0), als.friend_weight),
        setting!("als.group_members_weight", Linear(0.0, 1.0), als.group_members_weight),
        setting!("als.sweeps", Steps(&[3.0, 4.0, 5.0, 6.0, 8.0, 10.0]), als.sweeps),
    ]
}

fn spectral() -> Vec<Setting> {
    use Scale::{Linear, Log};
    vec![
        setting!("spectral.normalization", Linear(0.0, 1.0), spectral.normalization),
        setting!("spectral.popularity_exponent", Linear(0.0, 2.0), spectral.popularity_exponent),
        setting!("spectral.friend_weight", Log(0.03, 30.0), spectral.friend_weight),
        setting!("spectral.group_members_weight", Linear(0.0, 1.0), spectral.group_members_weight),
    ]
}

// A larger batch tells each event from more candidates.
const BATCHES: &[f64] = &[256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0];

fn temperatures() -> Scale {
    Scale::Log(f64::from(SoftmaxConfig::LEAST_TEMPERATURE).max(0.03), 0.5)
}

fn propagation() -> Vec<Setting> {
    use Scale::{Linear, Log, Steps};
    vec![
        setting!("propagation.learning_rate", Log(5e-4, 0.05), propagation.learning_rate),
        setting!("propagation.temperature", temperatures(), propagation.temperature),
        setting!("propagation.popularity_correction", Linear(0.0, 1.0), propagation.popularity_correction),
        setting!("propagation.layers", Steps(&[1.0, 2.0, 3.0, 4.0]), propagation.layers),
        setting!("propagation.epochs", Steps(&[2.0, 4.0, 6.0, 8.0, 12.0, 16.0]), propagation.epochs),
        setting!("propagation.batch_size", Steps(BATCHES), propagation.batch_size),
        setting!("propagation.friend_weight", Log(0.03, 30.0), propagation.friend_weight),
        setting!("propagation.group_members_weight", Linear(0.0, 1.0), propagation.group_members_weight),
    ]
}

fn softmax() -> Vec<Setting> {
    use Scale::{Linear, Log, Steps};
    vec![
        setting!("softmax.learning_rate", Log(3e-4, 0.02), softmax.learning_rate),
        setting!("softmax.temperature", temperatures(), softmax.temperature),
        setting!("softmax.batch_size", Steps(BATCHES), softmax.batch_size),
        setting!("softmax.popularity_correction", Linear(0.0, 1.0), softmax.popularity_correction),
        setting!("softmax.user_hop_weight", Log(0.05, 5.0), softmax.user_hop_weight),
        setting!("softmax.product_hop_weight", Log(0.05, 5.0), softmax.product_hop_weight),
        setting!("softmax.friend_weight", Log(0.03, 30.0), softmax.friend_weight),
        setting!("softmax.group_members_weight", Linear(0.0, 1.0), softmax.group_members_weight),
    ]
}

/// Weights of what is united and of what is told, and the settings of all single models, of which those of a model without weight
/// make no difference.
fn ensemble(has: Has) -> Vec<Setting> {
    use Scale::Steps;
    const WEIGHTS: &[f64] = &[0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
    const TOLD: &[f64] = &[0.0, 0.03, 0.06, 0.12, 0.24, 0.48, 0.96];
    const HAD: &[f64] = &[-1.6, -0.8, -0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4, 0.8, 1.6];
    const EPOCHS: &[f64] = &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 16.0, 20.0];
    let mut settings = vec![
        setting!("ensemble.als", Steps(WEIGHTS), ensemble.als),
        setting!("ensemble.spectral", Steps(WEIGHTS), ensemble.spectral),
        setting!("ensemble.softmax", Steps(WEIGHTS), ensemble.softmax),
        setting!("ensemble.propagation", Steps(WEIGHTS), ensemble.propagation),
        setting!("ensemble.popularity", Steps(WEIGHTS), ensemble.popularity),
        setting!("ensemble.neighbours", Steps(TOLD), ensemble.neighbours),
        setting!("softmax.epochs", Steps(EPOCHS), softmax.epochs),
    ];
    if has.friends {
        settings.push(setting!("ensemble.friends", Steps(TOLD), ensemble.friends));
    }
    if has.again {
        settings.push(setting!("ensemble.had", Steps(HAD), ensemble.had));
    }
    settings.extend([als(), spectral(), propagation(), softmax()].into_iter().flatten());
    settings
}

#[cfg(test)]
mod tests {
    //! 1. Every value on the scale is accepted by the configuration, and is read back from its place.
    //! 2. Settings that make no difference are left out.

    use super::*;

    const ALL: Has = Has { friends: true, groups: true, repeats: true, again: true, next: true };

    #[test]
    fn every_value_is_accepted() {
        for model in SEARCHED.into_iter().chain([ENSEMBLE]) {
            // Without any weight there is nothing to fit.
            let settings: Vec<Setting> = of(model, ALL).into_iter().filter(|of| of.name != "ensemble.als").collect();
            for step in 0..=20 {
                let place = f64::from(step) / 20.0;
                let values: Values =
                    settings.iter().map(|setting| (setting.name.to_owned(), setting.value(place))).collect();
                let config = with(&TrainConfig::default(), &settings, &values);
                config.validate().unwrap();
                for (setting, at) in settings.iter().zip(places(&config, 1_000, &settings, &Values::new())) {
                    let value = (setting.get)(&config);
                    assert!((value - values[setting.name]).abs() <= 1e-6 * value.abs(), "{}", setting.name);
                    assert!((setting.value(at) - values[setting.name]).abs() <= 1e-9, "{}: {value}", setting.name);
                }
            }
        }
    }

    #[test]
    fn what_makes_no_difference_is_left_out() {
        let names = |has| of("softmax", has).into_iter().map(|setting| setting.name).collect::<Vec<_>>();
        let none = names(Has::default());
        assert_eq!(names(ALL).len(), none.len() + 3);
        assert!(none.contains(&"dim") && !none.contains(&"softmax.friend_weight"));
    }

    #[test]
    fn the_configured_dimensions_are_those_that_are_used() {
        let settings = [dim()];
        let at = places(&TrainConfig::default(), 1_000_000, &settings, &Values::new())[0];
        assert_eq!(settings[0].value(at), 128.0);
    }
}
