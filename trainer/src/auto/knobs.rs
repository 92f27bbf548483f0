//! The settings that the search moves, and by how much.

use super::score::Score;
use crate::config::TrainConfig;

pub(super) const ALS: &str = "als";
pub(super) const SOFTMAX: &str = "softmax";
pub(super) const SPECTRAL: &str = "spectral";
pub(super) const PROPAGATION: &str = "propagation";
pub(super) const POPULAR: &str = "popularity";
pub(super) const ENSEMBLE: &str = "ensemble";

/// One setting.
pub(super) struct Knob {
    pub(super) name: &'static str,
    step: Step,
    /// Lowest and highest value that makes sense.
    range: (f32, f32),
    /// What a trial must have more, as a share, so that the search goes on from it.
    pub(super) least_gain: f64,
    /// Whether it must have more than chance may make of it, too.
    beyond_chance: bool,
    of: fn(&mut TrainConfig) -> &mut f32,
    /// Another setting that goes with it, where one without the other is worse.
    along: Option<Along>,
}

/// A setting that is moved along with another one.
struct Along {
    name: &'static str,
    /// What a step up of the other multiplies it by.
    factor: f32,
    of: fn(&mut TrainConfig) -> &mut f32,
}

/// Which way to move a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// What a step up does; one down does the opposite.
enum Step {
    Times(f32),
    Plus(f32),
}

/// In the order tried.
pub(super) const DIRECTIONS: [Direction; 2] = [Direction::Up, Direction::Down];

impl Knob {
    /// Sets the setting in `config`, and tells that in words.
    pub(super) fn set(&self, config: &mut TrainConfig, value: f32) -> String {
        *(self.of)(config) = value;
        format!("{} {}", self.name, short(value))
    }

    /// Whether a trial with this setting moved is enough better than the one before, so that the search goes on from it.
    pub(super) fn is_gain(&self, tried: &Score, before: &Score) -> bool {
        match self.beyond_chance {
            true => tried.is_better_than(before, self.least_gain),
            false => tried.ndcg() > before.ndcg() * (1.0 + self.least_gain),
        }
    }

    /// `config` with the setting one step further, and that in words; `None` at the end of the range.
    pub(super) fn moved(&self, config: &TrainConfig, direction: Direction) -> Option<(TrainConfig, String)> {
        let mut config = config.clone();
        let value = (self.of)(&mut config);
        let moved = match (&self.step, direction) {
            (Step::Times(factor), Direction::Up) => *value * factor,
            (Step::Times(factor), Direction::Down) => *value / factor,
            (Step::Plus(term), Direction::Up) => *value + term,
            (Step::Plus(term), Direction::Down) => *value - term,
        };
        if moved == *value || moved < self.range.0 || moved > self.range.1 {
            return None;
        }
        let mut words = self.set(&mut config, moved);
        if let Some(along) = &self.along {
            let value = (along.of)(&mut config);
            *value *= if direction == Direction::Up { along.factor } else { along.factor.recip() };
            words = format!("{words} {} {}", along.name, short(*value));
        }
        Some((config, words))
    }
}

/// Three significant digits.
fn short(value: f32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What the data have, without which some settings make no difference.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Has {
    pub(crate) friends: bool,
    pub(crate) groups: bool,
    /// Users who often buy again what they had.
    pub(crate) repeats: bool,
    /// Such users, or such standing groups.
    pub(crate) again: bool,
    /// What really came next to judge by, rather than a part of the past drawn by chance.
    pub(crate) next: bool,
}

/// What a trial must have more, as a share.
pub(super) const LEAST_GAIN: f64 = 0.002;
/// The same for settings that say how far popularity counts, where chance drew what is held out. There what is popular
/// is what always was; what comes next leans towards what is popular now, which nobody can see without times.
const LEAST_GAIN_BY_CHANCE: f64 = 0.05;
/// The settings that say how far popularity counts.
const POPULARITY: [&str; 2] = ["product_hop_weight", "popularity_exponent"];

/// The settings of a model that make a difference, those that matter most first, but the one before
/// ([`first_of`]).
pub(super) fn of(model: &str, has: Has) -> Vec<Knob> {
    let mut knobs = match model {
        ALS => als(),
        SPECTRAL => spectral(),
        PROPAGATION => propagation(),
        _ => softmax(),
    };
    knobs.retain(|knob| match knob.name {
        FRIENDS => has.friends,
        GROUPS => has.groups,
        REPEATS => has.repeats,
        _ => true,
    });
    if !has.next {
        let of_popularity = knobs.iter_mut().filter(|knob| POPULARITY.contains(&knob.name));
        of_popularity.for_each(|knob| knob.least_gain = LEAST_GAIN_BY_CHANCE);
    }
    knobs
}

const FRIENDS: &str = "friend_weight";
const GROUPS: &str = "group_members_weight";
const REPEATS: &str = "repeat_exponent";

fn knob(name: &'static str, step: Step, range: (f32, f32), of: fn(&mut TrainConfig) -> &mut f32) -> Knob {
    Knob { name, step, range, least_gain: LEAST_GAIN, beyond_chance: true, of, along: None }
}

fn als() -> Vec<Knob> {
    use Step::{Plus, Times};
    // The less other cells count, the less holds a row near 0, and the more regularisation it takes.
    let along = Along { name: "unobserved_ratio", factor: 1.0 / 3.0, of: |config| &mut config.als.unobserved_ratio };
    let regularization = || knob("regularization", Times(2.0), (1e-4, 0.1), |config| &mut config.als.regularization);
    vec![
        Knob { along: Some(along), ..regularization() },
        repeats(),
        regularization(),
        knob(FRIENDS, Times(3.0), (0.03, 3.0), |config| &mut config.als.friend_weight),
        knob("unobserved_ratio", Times(3.0), (0.3, 1e4), |config| &mut config.als.unobserved_ratio),
        knob(GROUPS, Plus(0.2), (0.0, 1.0), |config| &mut config.als.group_members_weight),
    ]
}

fn spectral() -> Vec<Knob> {
    use Step::{Plus, Times};
    vec![
        repeats(),
        knob("popularity_exponent", Plus(0.25), (0.0, 2.0), |config| &mut config.spectral.popularity_exponent),
        knob(FRIENDS, Times(3.0), (0.03, 30.0), |config| &mut config.spectral.friend_weight),
        knob(GROUPS, Plus(0.2), (0.0, 1.0), |config| &mut config.spectral.group_members_weight),
    ]
}

fn softmax() -> Vec<Knob> {
    use Step::{Plus, Times};
    vec![
        knob("user_hop_weight", Times(1.5), (0.05, 5.0), |config| &mut config.softmax.user_hop_weight),
        knob("product_hop_weight", Times(1.5), (0.05, 5.0), |config| &mut config.softmax.product_hop_weight),
        knob(FRIENDS, Times(3.0), (0.03, 30.0), |config| &mut config.softmax.friend_weight),
        knob(GROUPS, Plus(0.2), (0.0, 1.0), |config| &mut config.softmax.group_members_weight),
        repeats(),
        knob("temperature", Times(1.3), (0.03, 1.0), |config| &mut config.softmax.temperature),
    ]
}

fn propagation() -> Vec<Knob> {
    use Step::{Plus, Times};
    vec![
        repeats(),
        knob(FRIENDS, Times(3.0), (0.03, 30.0), |config| &mut config.propagation.friend_weight),
        knob(GROUPS, Plus(0.2), (0.0, 1.0), |config| &mut config.propagation.group_members_weight),
    ]
}

/// The weight of a model in an ensemble: one value costs as little as another, and none is likelier from the outset, so what ranks
/// best is taken.
pub(super) fn weight_of(model: &str) -> Knob {
    let weight = |name, of| any_gain(knob(name, Step::Times(2.0), (0.1, 8.0), of));
    match model {
        ALS => weight(ALS, |config| &mut config.ensemble.als),
        SPECTRAL => weight(SPECTRAL, |config| &mut config.ensemble.spectral),
        PROPAGATION => weight(PROPAGATION, |config| &mut config.ensemble.propagation),
        POPULAR => weight(POPULAR, |config| &mut config.ensemble.popularity),
        _ => weight(SOFTMAX, |config| &mut config.ensemble.softmax),
    }
}

/// The weight of what friends bought in an ensemble, which is taken like that of a model.
pub(super) fn friends() -> Knob {
    any_gain(knob("friends", Step::Times(2.0), (0.03, 2.0), |config| &mut config.ensemble.friends))
}

/// What an ensemble takes off what somebody had before.
pub(super) fn had_less() -> Knob {
    any_gain(knob("had", Step::Times(2.0), (-2.0, -0.05), |config| &mut config.ensemble.had))
}

/// The same, put on it.
pub(super) fn had_more() -> Knob {
    any_gain(knob("had", Step::Times(2.0), (0.05, 2.0), |config| &mut config.ensemble.had))
}

/// A setting that is taken wherever it ranks better at all.
fn any_gain(knob: Knob) -> Knob {
    Knob { least_gain: 0.0, beyond_chance: false, ..knob }
}

/// The weight of neighbours in an ensemble.
pub(super) fn neighbours() -> Knob {
    knob("neighbours", Step::Times(2.0), (0.02, 1.0), |config| &mut config.ensemble.neighbours)
}

/// What a model depends on so much that it is moved before models are held against each other, where there is such a setting:
/// how far popularity lessens what `spectral` sees of products, and the temperature of `propagation`.
pub(super) fn first_of(model: &str) -> Option<Knob> {
    match model {
        SPECTRAL => {
            Some(knob("normalization", Step::Plus(0.2), (0.1, 1.0), |config| &mut config.spectral.normalization))
        }
        PROPAGATION => {
            Some(knob("temperature", Step::Times(1.4), (0.03, 1.0), |config| &mut config.propagation.temperature))
        }
        _ => None,
    }
}

fn repeats() -> Knob {
    knob(REPEATS, Step::Plus(0.5), (0.0, 1.0), |config| &mut config.repeat_exponent)
}
