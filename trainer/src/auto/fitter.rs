//! Fits a configuration on the history and judges it by what was held out: one trial of a search.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;

use juntos_datasets::progress::Silent;
use juntos_engine::serving_model::FoldIn;

use super::journal::{Done, Journal, read_curve, write_curve};
use super::knobs::{ENSEMBLE, Has, SOFTMAX};
use super::parts::Parts;
use super::score::Score;
use super::validation::Validation;
use crate::checkpoint::{StateReader, StateWriter, config_text};
use crate::config::{MAX_DIM, SoftmaxConfig, TrainConfig};
use crate::error::TrainError;
use crate::models::ensemble::{fit_each, unite, united_dim};
use crate::models::softmax::{Directions, Softmax};
use crate::models::usable::check_finite;
use crate::models::{Embeddings, FitData, Fitted};
use crate::prepare::HeldOut;
use crate::tracking::Session;

/// Epochs without a better one after which softmax is stopped.
const PATIENCE: usize = 2;
/// What an epoch must rank better than the best before it, as a share, to be worth its time.
const LEAST_GAIN: f64 = 0.005;
/// Epoch after which a training that ranks far worse than the best one did then is given up.
const WATCHED_FROM: usize = 2;
/// How much worse that is, as a share.
const FAR_BEHIND: f64 = 0.01;
/// Epoch after which a training that ranks worse at all is given up.
const RACED_FROM: usize = 3;
/// Most cells of a history on which models that pass over the whole graph many times are tried.
const MOST_CELLS_OF_GRAPHS: usize = 250_000;
/// Name of the state with the last softmax trained.
const DIRECTIONS: &str = "directions";
/// Name of the state with what the best trial has learnt.
const BEST: &str = "best";

/// Fits and judges, one configuration after the other.
pub(crate) struct Fitter<'a> {
    validation: Validation<'a>,
    session: Session<'a>,
    /// Number of the next fit.
    next: usize,
    /// The last softmax trained: what comes after training can be changed without training again.
    trained: Option<Trained>,
    /// The last fits that the search went on from, or began a model with: what ensembles are made of.
    parts: Parts,
    race: Option<Race>,
    journal: Journal,
}

/// What further trainings of softmax run against.
struct Race {
    /// Settings of what comes after training, by which all are compared: those of the first.
    judged_with: SoftmaxConfig,
    /// NDCG@100 of the best so far after each epoch.
    curve: Vec<f64>,
}

impl Race {
    /// Whether a training with this curve has fallen behind.
    fn is_lost(&self, curve: &[f64]) -> bool {
        let here = curve[curve.len() - 1];
        let least = match curve.len() {
            ..WATCHED_FROM => return false,
            WATCHED_FROM..RACED_FROM => 1.0 - FAR_BEHIND,
            RACED_FROM.. => 1.0,
        };
        self.curve.get(curve.len() - 1).is_some_and(|&rival| here < rival * least)
    }
}

struct Trained {
    config: TrainConfig,
    /// Absent where they were learnt before the run was interrupted, and are not yet needed again.
    directions: Option<Directions>,
}

/// A configuration with what it led to.
pub(crate) struct Tried {
    /// Number of the fit, from 0.
    pub(crate) number: usize,
    /// As asked for, with the best number of epochs for softmax.
    pub(crate) config: TrainConfig,
    /// What was learnt, without a way to fold in; absent where that was before the run was interrupted, and where it
    /// failed.
    pub(crate) embeddings: Option<Embeddings>,
    /// How it ranks; nothing where training diverged.
    pub(crate) score: Score,
    /// NDCG@100 after each epoch, for softmax that was trained for this; empty otherwise.
    curve: Vec<f64>,
    /// Why training diverged.
    pub(crate) fault: Option<String>,
}

impl Tried {
    /// Whether it ranks no worse than `best` beyond chance.
    pub(crate) fn is_as_good_as(&self, best: &Self) -> bool {
        self.fault.is_none() && !best.score.is_better_than(&self.score, 0.0)
    }
}

impl<'a> Fitter<'a> {
    /// `None` where there is nothing to fit on, or nobody to judge by.
    pub(crate) fn new(held: &'a HeldOut, config: &TrainConfig, session: Session<'a>) -> Option<Self> {
        let validation = Validation::new(held, config)?;
        let (parts, journal) = (Parts::default(), Journal::default());
        Some(Self { validation, session, next: 0, trained: None, parts, race: None, journal })
    }

    /// Goes on with the fits that the checkpoint holds.
    pub(crate) fn open_journal(&mut self) -> Result<(), TrainError> {
        self.journal = Journal::open(&self.session)?;
        Ok(())
    }

    /// Counts `fits` as made already.
    pub(crate) fn skip(&mut self, fits: usize) {
        self.next += fits;
    }

    /// The sample that trials are fitted on and judged by; `None` where that is the whole.
    pub(crate) fn into_sample(self) -> Option<HeldOut> {
        self.validation.into_sample()
    }

    /// Whether the data is small enough for models that pass over the whole graph many times.
    pub(crate) fn is_small(&self) -> bool {
        !self.is_sampled() && self.validation.cells() <= MOST_CELLS_OF_GRAPHS
    }

    /// Whether trials see but a sample of the data.
    pub(crate) fn is_sampled(&self) -> bool {
        self.validation.is_sampled()
    }

    /// Whether the lists of an ensemble are made in reasonable time, on the whole history too.
    pub(crate) fn may_list(&self) -> bool {
        self.validation.may_list()
    }

    /// Whether neighbours are found in reasonable time, on the whole history too.
    pub(crate) fn may_have_neighbours(&self) -> bool {
        self.validation.may_have_neighbours()
    }

    /// Whether there is what friends bought, and that is heard in reasonable time, on the whole history too.
    pub(crate) fn may_hear_friends(&self) -> bool {
        self.validation.may_hear_friends()
    }

    /// What there is enough of to judge by.
    pub(crate) fn has(&self) -> Has {
        self.validation.has()
    }

    /// Whether `config` needs no training of its own.
    pub(crate) fn is_trained(&self, config: &TrainConfig) -> bool {
        match config.model.as_str() {
            SOFTMAX => self.trained.as_ref().is_some_and(|trained| trained.config == before_the_step(config)),
            ENSEMBLE => config.parts().all(|(part, _)| self.parts.have(&part)),
            _ => false,
        }
    }

    /// Lets ensembles be made of what `tried` has learnt, in place of what its model had learnt before.
    pub(crate) fn offer_as_part(&mut self, tried: &Tried) {
        if tried.config.model != ENSEMBLE && tried.fault.is_none() {
            self.parts.put(&tried.config, tried.embeddings.clone());
        }
    }

    /// Fits and judges, or recalls what that gave before the run was interrupted.
    pub(crate) fn fit(&mut self, config: TrainConfig) -> Result<Tried, TrainError> {
        let (number, asked) = (self.next, config_text(&config));
        self.next += 1;
        if let Some(done) = self.journal.recall(number, &asked) {
            return Ok(self.recalled(number, config, done));
        }
        let tried = match self.fit_anew(number, config.clone()) {
            Err(fault @ (TrainError::Diverged { .. } | TrainError::Unusable { .. })) => Tried {
                number,
                config,
                embeddings: None,
                score: Score::default(),
                curve: Vec::new(),
                fault: Some(fault.to_string()),
            },
            tried => tried?,
        };
        let epochs = tried.config.softmax.epochs;
        let (score, curve, fault) = (tried.score.clone(), tried.curve.clone(), tried.fault.clone());
        let done = Done { asked, epochs, score, curve, fault };
        self.journal.add(done, &self.session)?;
        Ok(tried)
    }

    fn recalled(&mut self, number: usize, mut config: TrainConfig, done: Done) -> Tried {
        if config.model == SOFTMAX && done.fault.is_none() && !self.is_trained(&config) {
            config.softmax.epochs = done.epochs;
            self.trained = Some(Trained { config: before_the_step(&config), directions: None });
        }
        if config.model == ENSEMBLE && done.fault.is_none() {
            config.parts().for_each(|(part, _)| self.parts.note(&part));
        }
        let Done { score, curve, fault, .. } = done;
        Tried { number, config, embeddings: None, score, curve, fault }
    }

    fn fit_anew(&mut self, number: usize, mut config: TrainConfig) -> Result<Tried, TrainError> {
        let name = format!("trial-{number:03}");
        let interactions = self.validation.interactions(&config);
        let data = self.validation.fit_data(&config, &interactions);
        let mut curve = Vec::new();
        let embeddings = if config.model == SOFTMAX {
            let directions = match self.known_directions(&config, &data, &name)? {
                Some(directions) => directions,
                None => {
                    let best = self.train(&config, &data, &name)?;
                    (config.softmax.epochs, curve) = (best.epoch, best.curve);
                    best.directions
                }
            };
            self.trained = Some(Trained { config: before_the_step(&config), directions: Some(directions.clone()) });
            Softmax::new(config.softmax).finish(&data, directions, &Silent)
        } else if config.model == ENSEMBLE {
            self.united(&config, &name)?
        } else {
            let tracking = self.session.tracking(&name).silent();
            let fitted = config.model()?.fit_tracked(&data, &tracking)?;
            tracking.forget()?;
            vectors(fitted)?
        };
        check_finite(config.model()?.name(), &embeddings)?;
        let score = self.validation.score(&embeddings);
        self.session.tracking("trials").log(number, &[("ndcg@100", score.ndcg())])?;
        Ok(Tried { number, config, embeddings: Some(embeddings), score, curve, fault: None })
    }

    /// The ensemble of `config`, of parts that are at hand or else learnt for it.
    fn united(&mut self, config: &TrainConfig, name: &str) -> Result<Embeddings, TrainError> {
        let parts: Vec<(TrainConfig, f32)> = config.parts().collect();
        let interactions = self.validation.interactions(config);
        let data = self.validation.fit_data(config, &interactions);
        let anew: Vec<&TrainConfig> =
            parts.iter().map(|(part, _)| part).filter(|part| self.parts.learnt(part).is_none()).collect();
        let learnt = fit_each(&anew, &data, &Silent, |part, progress| {
            let name = format!("{name}-{}-{}", part.model, part.seed);
            let tracking = self.session.tracking(&name).watched_by(progress);
            let fitted =
                vectors(part.model()?.fit_tracked(&self.validation.fit_data(part, &interactions), &tracking)?)?;
            tracking.forget()?;
            Ok(fitted)
        })?;
        anew.into_iter().zip(learnt).for_each(|(part, learnt)| self.parts.put(part, Some(learnt)));
        let of_part = |(part, weight): &(TrainConfig, f32)| self.parts.learnt(part).map(|learnt| (*weight, learnt));
        let learnt: Vec<(f32, &Embeddings)> = parts.iter().filter_map(of_part).collect();
        let dim = united_dim(config.dim, data.dim, learnt.len(), config.ensemble.tells());
        unite(&data, &learnt, &config.ensemble, dim, &Silent)
    }

    /// What the last training left, where `config` needs none of its own. Where that is lost, it is learnt once more.
    fn known_directions(
        &self,
        config: &TrainConfig,
        data: &FitData<'_>,
        name: &str,
    ) -> Result<Option<Directions>, TrainError> {
        let Some(trained) = self.trained.as_ref().filter(|_| self.is_trained(config)) else { return Ok(None) };
        if trained.directions.is_some() {
            return Ok(trained.directions.clone());
        }
        let last = config_text(&trained.config);
        let kept =
            self.session.tracking(DIRECTIONS).kept(|state| Ok((state.text()?, Directions::read(state, data)?)))?;
        if let Some((_, directions)) = kept.filter(|(of, _)| *of == last) {
            return Ok(Some(directions));
        }
        let tracking = self.session.tracking(name).silent();
        let model = Softmax::new(config.softmax).on(config.compute()?);
        let directions = model.train(data, &tracking, &mut |_, _| Ok(ControlFlow::Continue(())))?;
        tracking.forget()?;
        Ok(Some(directions))
    }

    /// Trains softmax until its ranking stops getting better or falls behind that of the best training so far.
    fn train(&self, config: &TrainConfig, data: &FitData<'_>, name: &str) -> Result<Best, TrainError> {
        let judged = self.race.as_ref().map(|race| with_step_of(config.softmax, race.judged_with));
        let softmax = Softmax::new(judged.unwrap_or(config.softmax));
        let tracking = self.session.tracking(name).silent();
        let [best_name, curve_name] = ["best", "curve"].map(|what| format!("{name}-{what}"));
        let (kept, kept_curve) = (self.session.tracking(&best_name), self.session.tracking(&curve_name));
        let mut best = kept.kept(|state| BestEpoch::read(state, config.softmax.epochs, data))?;
        let mut curve = kept_curve.kept(|state| read_curve(state, config.softmax.epochs))?.unwrap_or_default();
        if best.as_ref().is_none_or(|best| best.epoch > curve.len()) {
            // Without the best of them and the curve, epochs that are done are of no use.
            tracking.forget()?;
            (best, curve) = (None, Vec::new());
        }
        let mut watch = |epoch: usize, directions: &dyn Fn() -> Directions| -> Result<_, TrainError> {
            let directions = directions();
            let embeddings = softmax.finish(data, directions.clone(), &Silent);
            let ndcg = self.validation.score(&embeddings).ndcg();
            tracking.log(epoch, &[("ndcg@100", ndcg)])?;
            curve.truncate(epoch - 1);
            curve.push(ndcg);
            kept_curve.keep(|state| write_curve(state, &curve))?;
            if best.as_ref().is_none_or(|best: &BestEpoch| ndcg > best.ndcg * (1.0 + LEAST_GAIN)) {
                let better = BestEpoch { epoch, ndcg, directions };
                kept.keep(|state| better.write(state))?;
                best = Some(better);
            }
            let since = best.as_ref().map_or(0, |best| epoch.saturating_sub(best.epoch));
            let stop = since >= PATIENCE || self.race.as_ref().is_some_and(|race| race.is_lost(&curve));
            Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let last = softmax.train(data, &tracking, &mut watch)?;
        let (epoch, directions) = best.map_or((0, last), |best| (best.epoch, best.directions));
        let mut trained = config.clone();
        trained.softmax.epochs = epoch;
        self.session.tracking(DIRECTIONS).keep(|state| {
            state.text(&config_text(&before_the_step(&trained)))?;
            directions.write(state)
        })?;
        [&kept, &kept_curve, &tracking].into_iter().try_for_each(|state| state.forget())?;
        Ok(Best { epoch, directions, curve })
    }

    /// Lets later trainings run against that of a trial that the search goes on from.
    pub(crate) fn race_against(&mut self, tried: &Tried) {
        if !tried.curve.is_empty() {
            let judged_with = self.race.as_ref().map_or(tried.config.softmax, |race| race.judged_with);
            self.race = Some(Race { judged_with, curve: tried.curve.clone() });
        }
    }

    /// Keeps what a trial has learnt that the search goes on from, to measure with in the end.
    pub(crate) fn keep_embeddings(&self, tried: &Tried) -> Result<(), TrainError> {
        let Some(embeddings) = &tried.embeddings else { return Ok(()) };
        self.session.tracking(BEST).keep(|state| {
            state.u64(tried.number as u64)?;
            state.u64(embeddings.dim as u64)?;
            [&embeddings.users, &embeddings.products, &embeddings.groups]
                .into_iter()
                .try_for_each(|vectors| state.f32s(vectors))
        })
    }

    /// What a trial has learnt: at hand, kept, or else learnt once more; `None` where it failed.
    pub(crate) fn embeddings_of(&self, tried: Tried) -> Result<Option<Embeddings>, TrainError> {
        if tried.fault.is_some() || tried.embeddings.is_some() {
            return Ok(tried.embeddings);
        }
        let interactions = self.validation.interactions(&tried.config);
        let data = self.validation.fit_data(&tried.config, &interactions);
        let kept = self.session.tracking(BEST).kept(|state| {
            let (number, dim) = (state.u64()?, state.count(MAX_DIM)?);
            let users = state.f32s(data.friends.rows() * dim)?;
            let products = state.f32s(data.interactions.columns() * dim)?;
            let groups = state.f32s(data.groups.len() * dim)?;
            Ok((number, Embeddings { dim, users, products, groups, fold: FoldIn::default() }))
        })?;
        match kept.filter(|(number, _)| *number == tried.number as u64) {
            Some((_, embeddings)) => Ok(Some(embeddings)),
            None => vectors(tried.config.model()?.fit(&data, &Silent)?).map(Some),
        }
    }
}

/// Vectors without a way to fold in.
fn vectors(fitted: Fitted) -> Result<Embeddings, TrainError> {
    match fitted {
        Fitted::Embeddings(embeddings) => Ok(Embeddings { fold: FoldIn::default(), ..embeddings }),
        Fitted::Scores(_) => Err(TrainError::NoVectors { model: "a rule" }),
    }
}

/// What a training of softmax led to: the best epoch with its directions, and NDCG@100 after each epoch.
struct Best {
    epoch: usize,
    directions: Directions,
    curve: Vec<f64>,
}

/// What early stopping knows: the best epoch so far.
struct BestEpoch {
    epoch: usize,
    ndcg: f64,
    directions: Directions,
}

impl BestEpoch {
    fn write(&self, state: &mut StateWriter<File>) -> io::Result<()> {
        state.u64(self.epoch as u64)?;
        state.f64(self.ndcg)?;
        self.directions.write(state)
    }

    fn read(state: &mut StateReader, epochs: usize, data: &FitData<'_>) -> io::Result<Self> {
        let (epoch, ndcg) = (state.count(epochs)?, state.f64()?);
        Ok(Self { epoch, ndcg, directions: Directions::read(state, data)? })
    }
}

/// `config` with those settings of softmax that training itself does not depend on as they are by default.
fn before_the_step(config: &TrainConfig) -> TrainConfig {
    TrainConfig { softmax: with_step_of(config.softmax, SoftmaxConfig::default()), ..config.clone() }
}

/// `settings` with what comes after training as in `other`.
fn with_step_of(settings: SoftmaxConfig, other: SoftmaxConfig) -> SoftmaxConfig {
    let SoftmaxConfig { user_hop_weight, product_hop_weight, friend_weight, group_members_weight, .. } = other;
    SoftmaxConfig { user_hop_weight, product_hop_weight, friend_weight, group_members_weight, ..settings }
}
