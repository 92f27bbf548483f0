//! A longer search than [`crate::auto`]'s, over more settings, that can be interrupted and gone on with at any time.
//!
//! Trials are judged as there: by ranking what was held out of the past, never by test rows. The first trial is what
//! [`crate::auto`] chooses, the next ones are each model as it is configured; the rest follow [`sampler`]: single models are
//! searched far and wide, ensembles near the best one. A folder keeps them:
//!
//! ```text
//! header.json      which data and configuration the search is about
//! trials.ndjson    one trial a line, in order: appended, synced, never rewritten
//! best.toml        the best configuration so far, for `juntos train --config`
//! ```
//!
//! What is tried depends on the seed and the trials before, so a search that was interrupted tries the same as one that
//! was not.

mod ledger;
mod sampler;
mod space;

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use juntos_datasets::dataset::Dataset;
use juntos_datasets::progress::Progress;
use juntos_datasets::training::TrainingData;
use serde::Serialize;

use self::ledger::Ledger;
pub use self::ledger::TuneTrial;
use self::sampler::{Draws, Observed};
use self::space::{ENSEMBLE, SEARCHED, Setting, Values};
use crate::auto::{Fitter, Score, choose};
use crate::checkpoint::{Identity, lock, replace};
use crate::config::{AUTO, AutoConfig, TrainConfig};
use crate::error::TrainError;
use crate::log::Log;
use crate::prepare::{HeldOut, hold_out};
use crate::tracking::Session;

/// Name of the file with the best configuration.
pub const BEST_CONFIG: &str = "best.toml";
/// Name of the file with all trials.
pub const TRIALS: &str = "trials.ndjson";
const HEADER: &str = "header.json";

/// Passes over the data after which softmax is stopped at the latest: low learning rates need more than usual.
const MOST_EPOCHS: usize = 20;
/// Standard errors that a trial must rank better than the first by, to be taken in its place: the best of many ranks better than it
/// by one or two when all are as good.
const BEYOND_CHANCE: f64 = 2.0;
/// Draws of a trial that was not made before, at most.
const MOST_DRAWS: usize = 50;

/// How far to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TuneOptions {
    /// Trials in all, those of earlier runs included; at least 1.
    pub trials: usize,
    /// Time after which no further trial begins; one that has begun is finished, and there is always a first.
    pub budget: Option<Duration>,
    /// Folder to write a log for plots to, see [`crate::log`].
    pub log: Option<PathBuf>,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TuneReport {
    /// The folder that keeps the search.
    pub folder: PathBuf,
    /// All trials, in order.
    pub trials: Vec<TuneTrial>,
    /// Trials of this run.
    pub new: usize,
    /// Number of the best trial: the first, unless others are better beyond chance; absent where it failed as they did.
    pub best: Option<usize>,
    /// The best configuration, for `juntos train --config`; absent where all failed.
    pub config: Option<PathBuf>,
    /// Wall-clock seconds of this run.
    pub seconds: f64,
}

/// Trials that the table lists.
const LISTED: usize = 10;

impl fmt::Display for TuneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranked: Vec<&TuneTrial> = self.trials.iter().collect();
        ranked.sort_by(|a, b| b.ndcg.total_cmp(&a.ndcg));
        writeln!(f, "{} trials, {} of them new, {:.1} s", self.trials.len(), self.new, self.seconds)?;
        writeln!(f, "trial  ndcg@100  better than the first  seconds  model        settings")?;
        let first = self.trials.first().map_or(0.0, |first| first.ndcg);
        for trial in ranked.iter().take(LISTED) {
            let better = format!("{:+.2} ± {:.2} %", 100.0 * (trial.ndcg / first - 1.0), 100.0 * trial.error);
            writeln!(f, "{:5}  {:8.4}  {better:>21}  {:7.1}  {trial}", trial.trial, trial.ndcg, trial.seconds)?;
        }
        match self.best.zip(self.config.as_ref()) {
            Some((best, config)) => write!(f, "best: trial {best}, {}; train with `--config {0}`", config.display()),
            None => write!(f, "every trial failed; lower `softmax.learning_rate` or the weights in `[events]`"),
        }
    }
}

impl fmt::Display for TuneTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:11}", self.model)?;
        if let Some(fault) = &self.fault {
            return write!(f, "  failed: {fault}");
        }
        if self.settings.is_empty() {
            write!(f, "  as configured")?;
        }
        for (name, value) in &self.settings {
            let section = format!("{}.", self.model);
            write!(f, "  {} {value}", name.strip_prefix(&section).unwrap_or(name))?;
        }
        self.epochs.map_or(Ok(()), |epochs| write!(f, "  epochs {epochs}"))
    }
}

/// A trial in a line.
fn told(trial: &TuneTrial) -> String {
    format!("{:5}  {:8.4}  {:7.1}  {trial}", trial.trial, trial.ndcg, trial.seconds)
}

/// Searches for the configuration that ranks best what is held out of the dataset in folder `data`, from `config` on, and
/// keeps the search in folder `out`; goes on with the one that is there. `config.model` other than [`AUTO`] and
/// `config.dim` other than 0 stay as they are.
///
/// # Errors
/// When no trial is asked for, the data cannot be read or nothing of it can be held out, the configuration does not hold or
/// names a model without settings to search, `out` keeps another search or is in use, or a file cannot be written.
pub fn tune(
    data: &Path,
    out: &Path,
    config: &TrainConfig,
    options: &TuneOptions,
    progress: &dyn Progress,
) -> Result<TuneReport, TrainError> {
    let start = Instant::now();
    if options.trials == 0 {
        return Err(TrainError::NoTrials);
    }
    config.validate()?;
    config.check_device()?;
    let models = models(config)?;
    progress.stage("read the dataset", 0);
    let dataset = Dataset::open(data)?;
    let data = TrainingData::load(&dataset, &config.events)?;
    let mut folder = Folder::open(out, &Identity::new("juntos tune", &dataset, config)?)?;
    let held = hold_out(&data, config.seed);
    let log = Log::of_run(options.log.as_deref(), !folder.trials.is_empty())?;
    let session = Session { progress, log: log.as_ref(), checkpoint: None };
    let fitter = Fitter::new(&held, config, session).ok_or(TrainError::NothingHeldOut)?;
    let mut search = Search::new(config, models, data.users.len(), fitter);
    let earlier = folder.trials.len();
    folder.write_best(&search)?;
    if let Some(first) = folder.trials.first() {
        search.recall(first, earlier)?;
    } else if config.model == AUTO {
        let trial = search.chosen(&held, progress)?;
        progress.note(&told(&trial));
        folder.add(trial, &search)?;
    }
    progress.stage("tune", options.trials as u64);
    progress.advance(folder.trials.len() as u64);
    while folder.trials.len() < options.trials {
        let over = options.budget.is_some_and(|budget| start.elapsed() >= budget);
        if over && !folder.trials.is_empty() {
            break;
        }
        let trial = search.run(&folder.trials)?;
        progress.note(&told(&trial));
        progress.advance(1);
        folder.add(trial, &search)?;
    }
    let best = best(&folder.trials).map(|trial| trial.trial);
    Ok(TuneReport {
        folder: out.to_owned(),
        new: folder.trials.len() - earlier,
        trials: folder.trials,
        best,
        config: best.map(|_| out.join(BEST_CONFIG)),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The models to search among. With [`AUTO`] the ensemble comes last, and is searched only near one that was chosen.
fn models(config: &TrainConfig) -> Result<Vec<&'static str>, TrainError> {
    let all = SEARCHED.into_iter().chain([ENSEMBLE]);
    let named: Vec<&str> = all.clone().filter(|&name| [name, AUTO].contains(&config.model.as_str())).collect();
    if named.is_empty() {
        let names = all.collect::<Vec<_>>().join("`, `");
        let expected = format!("`{AUTO}` or one of `{names}`, which have settings to search");
        return Err(TrainError::Setting { key: "model", expected, got: format!("`{}`", config.model) });
    }
    Ok(named)
}

/// The trial that ranks best, the earliest of equals, among those that are better than the first beyond chance; else the first,
/// unless it failed.
fn best(trials: &[TuneTrial]) -> Option<&TuneTrial> {
    let first = trials.first()?;
    let better = |trial: &&TuneTrial| trial.ndcg > first.ndcg * (1.0 + BEYOND_CHANCE * trial.error);
    highest(trials.iter().filter(better)).or(Some(first)).filter(|trial| trial.fault.is_none())
}

/// The trial that ranks best and did not fail, the earliest of equals.
fn highest<'a>(trials: impl DoubleEndedIterator<Item = &'a TuneTrial>) -> Option<&'a TuneTrial> {
    trials.rev().filter(|trial| trial.fault.is_none()).max_by(|a, b| a.ndcg.total_cmp(&b.ndcg))
}

/// What is tried, and how.
struct Search<'a> {
    config: &'a TrainConfig,
    models: Vec<&'static str>,
    /// Of each model.
    spaces: Vec<Vec<Setting>>,
    n_users: usize,
    fitter: Fitter<'a>,
    /// How the first trial ranks.
    first: Option<Score>,
}

impl<'a> Search<'a> {
    fn new(config: &'a TrainConfig, models: Vec<&'static str>, n_users: usize, fitter: Fitter<'a>) -> Self {
        let space = |model: &&str| {
            let mut settings = space::of(model, fitter.has());
            settings.retain(|setting| setting.name != "dim" || config.dim == 0);
            settings
        };
        let spaces = models.iter().map(space).collect();
        Self { config, models, spaces, n_users, fitter, first: None }
    }

    /// What [`choose`] chooses, as the first trial. Copies are left to training: all trials have one of each model.
    fn chosen(&mut self, held: &HeldOut, progress: &dyn Progress) -> Result<TuneTrial, TrainError> {
        let begun = Instant::now();
        let auto = AutoConfig { copies: 1, ..self.config.auto };
        let chosen = choose(held, &TrainConfig { auto, ..self.config.clone() }, &Session::watched(progress))?.config;
        let model = self.models.iter().position(|&name| name == chosen.model);
        // What is popular has no settings.
        let settings = model.map(|model| space::moved(self.config, &chosen, &self.spaces[model])).unwrap_or_default();
        self.tried(0, &chosen.model, settings, begun)
    }

    /// Makes the first trial of an earlier run again, which the others are held against, and goes on after `earlier` trials.
    fn recall(&mut self, first: &TuneTrial, earlier: usize) -> Result<(), TrainError> {
        self.tried(first.trial, &first.model, first.settings.clone(), Instant::now())?;
        self.fitter.skip(earlier - 1);
        Ok(())
    }

    /// Makes the trial after `trials`.
    fn run(&mut self, trials: &[TuneTrial]) -> Result<TuneTrial, TrainError> {
        let begun = Instant::now();
        let (model, settings) = self.proposed(trials);
        self.tried(trials.len(), self.models[model], settings, begun)
    }

    fn tried(&mut self, trial: usize, model: &str, settings: Values, begun: Instant) -> Result<TuneTrial, TrainError> {
        let mut config = self.with(model, &settings);
        if model == "softmax" {
            config.softmax.epochs = MOST_EPOCHS;
        }
        let tried = self.fitter.fit(config)?;
        let error = tried.score.error_beside(self.first.get_or_insert_with(|| tried.score.clone()));
        let epochs = (model == "softmax" && tried.fault.is_none()).then_some(tried.config.softmax.epochs);
        Ok(TuneTrial {
            trial,
            model: model.to_owned(),
            settings,
            epochs,
            ndcg: short(tried.score.ndcg()),
            error: short(error),
            seconds: (begun.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            fault: tried.fault,
        })
    }

    /// The model to try after `trials`, and its settings.
    fn proposed(&self, trials: &[TuneTrial]) -> (usize, Values) {
        // The first trial of an automatic search is what was chosen.
        let (number, chosen) = (trials.len(), usize::from(self.config.model == AUTO));
        let as_configured = self.models.len() - chosen;
        if number < chosen + as_configured {
            return (number - chosen, Values::new());
        }
        let observed: Vec<Observed> = trials.iter().filter_map(|trial| self.observed(trial)).collect();
        let unites = observed.iter().any(|trial| self.models[trial.model] == ENSEMBLE);
        let models = if unites { self.models.len() } else { as_configured };
        let mut draws = Draws::of(self.config.seed, number);
        let mut proposal = || {
            let model = sampler::model(&observed, models, &mut draws);
            let near = highest(trials.iter().filter(|trial| trial.model == ENSEMBLE));
            let settings = match near.filter(|_| self.models[model] == ENSEMBLE) {
                Some(near) => self.near(near, model, &mut draws),
                None => self.anywhere(&observed, model, &mut draws),
            };
            let config = self.with(self.models[model], &settings);
            (model, space::moved(self.config, &config, &self.spaces[model]))
        };
        let is_new = |(model, settings): &(usize, Values)| {
            let name = self.models[*model];
            let tried = trials.iter().any(|trial| trial.model == name && trial.settings == *settings);
            !tried && self.with(name, settings).validate().is_ok()
        };
        (0..MOST_DRAWS).map(|_| proposal()).find(is_new).unwrap_or((0, Values::new()))
    }

    /// Settings of a single model where good ones lie.
    fn anywhere(&self, observed: &[Observed], model: usize, draws: &mut Draws) -> Values {
        let space = &self.spaces[model];
        let places = sampler::places(observed, model, space.len(), draws);
        let value = |(setting, place): (&Setting, f64)| (setting.name.to_owned(), setting.value(place));
        space.iter().zip(places).map(value).collect()
    }

    /// Settings of an ensemble near those of trial `near`.
    fn near(&self, near: &TuneTrial, model: usize, draws: &mut Draws) -> Values {
        let space = &self.spaces[model];
        let config = self.with(ENSEMBLE, &near.settings);
        let may_move: Vec<bool> = space.iter().map(|setting| self.may_move(setting.name, &config)).collect();
        let places = space::places(self.config, self.n_users, space, &near.settings);
        let moved = sampler::near(&places, &may_move, draws);
        let value = |(setting, place): (&Setting, Option<f64>)| Some((setting.name.to_owned(), setting.value(place?)));
        let mut settings = near.settings.clone();
        settings.extend(space.iter().zip(moved).filter_map(value));
        settings
    }

    /// Whether the setting of that name makes a difference to an ensemble as in `config`, and costs no more than `auto` would pay.
    fn may_move(&self, name: &str, config: &TrainConfig) -> bool {
        let fitter = &self.fitter;
        match name.split_once('.') {
            Some((ENSEMBLE, "neighbours")) => fitter.may_have_neighbours(),
            Some((ENSEMBLE, "friends")) => fitter.may_hear_friends(),
            Some((ENSEMBLE, "had")) | None => true,
            Some((ENSEMBLE, "propagation")) => fitter.is_small(),
            Some((ENSEMBLE, _)) => !fitter.is_sampled(),
            Some((model, _)) => config.ensemble.parts().any(|(part, _)| part == model),
        }
    }

    fn observed(&self, trial: &TuneTrial) -> Option<Observed> {
        let model = self.models.iter().position(|&name| name == trial.model)?;
        let places = space::places(self.config, self.n_users, &self.spaces[model], &trial.settings);
        Some(Observed { model, places, ndcg: trial.ndcg })
    }

    /// The configuration to train with of a trial. Ensembles get the copies that `auto` gives them.
    fn config_of(&self, trial: &TuneTrial) -> TrainConfig {
        let mut config = self.with(&trial.model, &trial.settings);
        config.softmax.epochs = trial.epochs.unwrap_or(config.softmax.epochs);
        if self.config.model == AUTO && config.model == ENSEMBLE && !self.fitter.is_sampled() {
            config.ensemble.copies = config.auto.copies;
        }
        config
    }

    /// The configuration with these settings of `model`.
    fn with(&self, model: &str, settings: &Values) -> TrainConfig {
        let space = self.models.iter().position(|&name| name == model).map(|model| self.spaces[model].as_slice());
        let config = space::with(self.config, space.unwrap_or_default(), settings);
        TrainConfig { model: model.to_owned(), ..config }
    }
}

/// So few digits are read back as they were from the file, whatever reads it.
fn short(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// The folder that keeps a search.
struct Folder {
    path: PathBuf,
    trials: Vec<TuneTrial>,
    ledger: Ledger,
    /// Held as long as the search goes on.
    _lock: File,
}

impl Folder {
    fn open(path: &Path, identity: &Identity) -> Result<Self, TrainError> {
        let (header, trials) = (path.join(HEADER), path.join(TRIALS));
        if !header.exists() && trials.exists() {
            return Err(TrainError::ForeignFolder { path: path.to_owned() });
        }
        fs::create_dir_all(path).map_err(|source| TrainError::Io { path: path.to_owned(), source })?;
        let lock = lock(path)?;
        if header.exists() {
            identity.check(&header)?
        } else {
            identity.write(&header)?
        }
        let (ledger, trials) = Ledger::open(&trials)?;
        Ok(Self { path: path.to_owned(), trials, ledger, _lock: lock })
    }

    fn add(&mut self, trial: TuneTrial, search: &Search<'_>) -> Result<(), TrainError> {
        self.ledger.add(&trial)?;
        let number = trial.trial;
        self.trials.push(trial);
        if best(&self.trials).is_some_and(|best| best.trial == number) { self.write_best(search) } else { Ok(()) }
    }

    /// Writes the best configuration, if there is one.
    fn write_best(&self, search: &Search<'_>) -> Result<(), TrainError> {
        let Some(best) = best(&self.trials) else { return Ok(()) };
        let path = self.path.join(BEST_CONFIG);
        let settings = toml::to_string(&search.config_of(best))
            .map_err(|fault| TrainError::Io { path: path.clone(), source: std::io::Error::other(fault) })?;
        let text = format!(
            "# Found by `juntos tune`: trial {}, ndcg@100 {:.4} on what was held out.\n\n{settings}",
            best.trial, best.ndcg
        );
        replace(&path, |mut file| file.write_all(text.as_bytes()).map(|()| file))
    }
}

#[cfg(test)]
mod tests;
