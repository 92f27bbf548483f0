//! Chooses model and settings on a part of the past that is held out.
//!
//! The models are fitted on the rest of the past as they are configured; from the best one a search sets out that
//! moves one setting at a time and keeps what ranks the held-out products better. Nothing depends on a clock, so the
//! same data and seed choose the same.

mod knobs;
mod validation;

use std::fmt;
use std::ops::ControlFlow;

use juntos_datasets::progress::{Progress, Silent};
use juntos_engine::serving_model::FoldIn;
use serde::Serialize;

use self::knobs::{ALS, DIRECTIONS, Knob, SOFTMAX, SPECTRAL};
use self::validation::Validation;
pub(crate) use self::validation::next_purchases;
use crate::config::{AUTO, SoftmaxConfig, TrainConfig};
use crate::error::TrainError;
use crate::models::softmax::{Directions, Softmax};
use crate::models::{Embeddings, FitData, Fitted};
use crate::prepare::HeldOut;

/// One model fitted with one choice of settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Name of the model.
    pub model: String,
    /// Settings in which it differs from the trial that the search stood at; empty for the first of a model.
    pub settings: String,
    /// Mean NDCG@20 over the users validated on; with standing groups, the weighted geometric mean of it and theirs.
    #[serde(rename = "ndcg@20")]
    pub ndcg: f64,
    /// The same over standing groups alone, where they count.
    #[serde(rename = "groups_ndcg@20", skip_serializing_if = "Option::is_none")]
    pub groups: Option<f64>,
    /// Whether the search went on from here.
    pub kept: bool,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.kept { "kept" } else { "" };
        let groups = self.groups.map_or_else(String::new, |groups| format!(" (groups {groups:.4})"));
        write!(f, "{:8} {:44} ndcg@20 {:.4}{groups}  {mark}", self.model, self.settings, self.ndcg)
    }
}

/// What was chosen, and why.
pub struct Choice {
    /// The configuration with the model and settings chosen.
    pub config: TrainConfig,
    /// All that was tried, in order.
    pub trials: Vec<Trial>,
    /// What the chosen model has learnt from the history, without a way to fold in; absent where trials saw a part of it
    /// only, or none was made.
    pub learnt: Option<Embeddings>,
}

impl Choice {
    /// The model that `config` names, or `als` where it names none: nothing was tried.
    pub fn given(config: &TrainConfig) -> Self {
        let mut config = config.clone();
        if config.model == AUTO {
            config.model = ALS.to_owned();
        }
        Self { config, trials: Vec::new(), learnt: None }
    }
}

/// Passes over the data after which softmax is stopped at the latest.
const MOST_EPOCHS: usize = 10;
/// Epochs without a better one after which softmax is stopped.
const PATIENCE: usize = 2;
/// What a trial must have more, as a share, so that the search goes on from it.
const LEAST_GAIN: f64 = 0.002;

/// Chooses model and settings by how well models of `held.history` rank `held.test`, in at most `config.auto.trials`
/// fits. Where nothing can be validated on, `als` is chosen as it is configured.
///
/// # Errors
/// When a model cannot be fitted.
pub fn choose(held: &HeldOut, config: &TrainConfig, progress: &dyn Progress) -> Result<Choice, TrainError> {
    let Some(validation) = Validation::new(held, config) else {
        return Ok(Choice::given(config));
    };
    progress.stage("choose a model", config.auto.trials as u64);
    let mut search =
        Search { validation: &validation, progress, left: config.auto.trials, trials: Vec::new(), trained: None };
    let best = search.run(config)?;
    let learnt = validation.is_whole().then_some(best.embeddings);
    Ok(Choice { config: best.config, trials: search.trials, learnt })
}

struct Search<'a> {
    validation: &'a Validation<'a>,
    progress: &'a dyn Progress,
    /// Fits that may still be made.
    left: usize,
    trials: Vec<Trial>,
    /// The last softmax trained: what comes after training can be changed without training again.
    trained: Option<(TrainConfig, Directions)>,
}

/// A configuration with what it led to.
struct Tried {
    config: TrainConfig,
    embeddings: Embeddings,
    ndcg: f64,
    groups: Option<f64>,
}

impl Search<'_> {
    fn run(&mut self, config: &TrainConfig) -> Result<Tried, TrainError> {
        let of = |model: &str| TrainConfig { model: model.to_owned(), ..config.clone() };
        let mut best = self.fit(of(ALS))?;
        self.note(&best, "", true);
        for model in [SPECTRAL, SOFTMAX] {
            if self.left == 0 {
                break;
            }
            let mut start = of(model);
            start.softmax.epochs = if model == SOFTMAX { MOST_EPOCHS } else { config.softmax.epochs };
            let other = self.fit(start)?;
            let better = other.ndcg > best.ndcg;
            let epochs = format!("epochs {}", other.config.softmax.epochs);
            self.note(&other, if model == SOFTMAX { &epochs } else { "" }, better);
            if better {
                best = other;
            }
        }
        for knob in knobs::of(&best.config.model, self.validation.has()) {
            self.turn(&mut best, &knob)?;
        }
        Ok(best)
    }

    /// Moves one setting up or down for as long as that helps.
    fn turn(&mut self, best: &mut Tried, knob: &Knob) -> Result<(), TrainError> {
        for direction in DIRECTIONS {
            let mut helped = false;
            while let Some((config, change)) = knob.moved(&best.config, direction) {
                if self.left == 0 && !self.is_trained(&config) {
                    return Ok(());
                }
                let tried = self.fit(config)?;
                let better = tried.ndcg > best.ndcg * (1.0 + LEAST_GAIN);
                self.note(&tried, &change, better);
                if !better {
                    break;
                }
                (*best, helped) = (tried, true);
            }
            if helped {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, tried: &Tried, settings: &str, kept: bool) {
        let (model, settings) = (tried.config.model.clone(), settings.to_owned());
        let trial = Trial { model, settings, ndcg: tried.ndcg, groups: tried.groups, kept };
        self.progress.note(&trial.to_string());
        self.trials.push(trial);
    }

    fn is_trained(&self, config: &TrainConfig) -> bool {
        self.trained.as_ref().is_some_and(|(trained, _)| *trained == before_the_step(config))
    }

    fn fit(&mut self, mut config: TrainConfig) -> Result<Tried, TrainError> {
        let interactions = self.validation.interactions(&config);
        let data = self.validation.fit_data(&config, &interactions);
        let embeddings = if config.model == SOFTMAX {
            if !self.is_trained(&config) {
                self.spend();
                config.softmax.epochs = self.train(&data, &config)?;
            }
            let (_, directions) = self.trained.as_ref().expect("trained just now, or before");
            Softmax::new(config.softmax).finish(&data, directions.clone(), |_, _| FoldIn::default())
        } else {
            self.spend();
            match config.model()?.fit(&data, &Silent)? {
                Fitted::Embeddings(embeddings) => embeddings,
                Fitted::Scores(_) => return Err(TrainError::NoVectors { model: "a rule" }),
            }
        };
        let (ndcg, groups) = (self.validation.ndcg(&embeddings), self.validation.groups_ndcg(&embeddings));
        Ok(Tried { config, embeddings, ndcg, groups })
    }

    fn spend(&mut self) {
        self.left -= 1;
        self.progress.advance(1);
    }

    /// Trains softmax, keeps its best epoch and returns which that was.
    fn train(&mut self, data: &FitData<'_>, config: &TrainConfig) -> Result<usize, TrainError> {
        let softmax = Softmax::new(config.softmax);
        let mut best: Option<(f64, usize, Directions)> = None;
        let mut watch = |epoch: usize, directions: &dyn Fn() -> Directions| {
            let directions = directions();
            let embeddings = softmax.finish(data, directions.clone(), |_, _| FoldIn::default());
            let ndcg = self.validation.ndcg(&embeddings);
            if best.as_ref().is_none_or(|(so_far, ..)| ndcg > *so_far) {
                best = Some((ndcg, epoch, directions));
            }
            let since = best.as_ref().map_or(0, |(_, at, _)| epoch - at);
            if since < PATIENCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let last = softmax.train(data, &Silent, &mut watch)?;
        let (epoch, directions) = best.map_or((0, last), |(_, epoch, directions)| (epoch, directions));
        let mut trained = before_the_step(config);
        trained.softmax.epochs = epoch;
        self.trained = Some((trained, directions));
        Ok(epoch)
    }
}

/// `config` with those settings of softmax that training itself does not depend on as they are by default.
fn before_the_step(config: &TrainConfig) -> TrainConfig {
    let SoftmaxConfig { user_hop_weight, product_hop_weight, friend_weight, group_members_weight, .. } =
        SoftmaxConfig::default();
    let softmax =
        SoftmaxConfig { user_hop_weight, product_hop_weight, friend_weight, group_members_weight, ..config.softmax };
    TrainConfig { softmax, ..config.clone() }
}

#[cfg(test)]
mod tests;
