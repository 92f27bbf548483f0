//! A longer search than [`crate::auto`]'s, over more settings, that can be interrupted and gone on with at any time.
//!
//! Trials are judged as there: by ranking what was held out of the past, never by test rows. The first trial of each
//! model is the configuration given; the rest follow [`sampler`]. A folder keeps them:
//!
//! ```text
//! header.json      which data and configuration the search is about
//! trials.ndjson    one trial a line, in order: appended, synced, never rewritten
//! best.toml        the best configuration so far, for `juntos train --config`
//! ```
//! What is tried depends on the seed and the trials before, so a search that was interrupted tries the same as one that
//! was not.

mod ledger;
mod sampler;
mod space;

use std::collections::BTreeMap;
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
use self::space::{SEARCHED, Setting};
use crate::auto::Fitter;
use crate::checkpoint::{Identity, lock, replace};
use crate::config::{AUTO, TrainConfig};
use crate::error::TrainError;
use crate::log::Log;
use crate::prepare::hold_out;
use crate::tracking::Session;

/// Name of the file with the best configuration.
pub const BEST_CONFIG: &str = "best.toml";
/// Name of the file with all trials.
pub const TRIALS: &str = "trials.ndjson";
const HEADER: &str = "header.json";

/// Passes over the data after which softmax is stopped at the latest: low learning rates need more than usual.
const MOST_EPOCHS: usize = 20;

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
    /// Number of the best trial; absent where all failed.
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
        writeln!(f, "trial  ndcg@100  seconds  model        settings")?;
        ranked.iter().take(LISTED).try_for_each(|trial| writeln!(f, "{trial}"))?;
        match &self.config {
            Some(config) => write!(f, "best: {}; train with `--config {0}`", config.display()),
            None => write!(f, "every trial failed; lower `softmax.learning_rate` or the weights in `[events]`"),
        }
    }
}

impl fmt::Display for TuneTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:5}  {:8.4}  {:7.1}  {:11}", self.trial, self.ndcg, self.seconds, self.model)?;
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
    let log = options.log.as_deref().map(Log::open).transpose()?;
    let session = Session { progress, log: log.as_ref(), checkpoint: None };
    let fitter = Fitter::new(&held, config, session).ok_or(TrainError::NothingHeldOut)?;
    let mut search = Search::new(config, models, data.users.len(), fitter);
    let earlier = folder.trials.len();
    folder.write_best(&search)?;
    search.fitter.skip(earlier);
    progress.stage("tune", options.trials as u64);
    progress.advance(earlier as u64);
    while folder.trials.len() < options.trials {
        let over = options.budget.is_some_and(|budget| start.elapsed() >= budget);
        if over && !folder.trials.is_empty() {
            break;
        }
        let trial = search.run(&folder.trials)?;
        progress.note(&trial.to_string());
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

/// The models to search among.
fn models(config: &TrainConfig) -> Result<Vec<&'static str>, TrainError> {
    let named: Vec<&str> =
        SEARCHED.iter().copied().filter(|&name| [name, AUTO].contains(&config.model.as_str())).collect();
    if named.is_empty() {
        let expected = format!("`{AUTO}` or one of `{}`, which have settings to search", SEARCHED.join("`, `"));
        return Err(TrainError::Setting { key: "model", expected, got: format!("`{}`", config.model) });
    }
    Ok(named)
}

/// The best trial that did not fail, the earliest of equals.
fn best(trials: &[TuneTrial]) -> Option<&TuneTrial> {
    trials.iter().rev().filter(|trial| trial.fault.is_none()).max_by(|a, b| a.ndcg.total_cmp(&b.ndcg))
}

/// What is tried, and how.
struct Search<'a> {
    config: &'a TrainConfig,
    models: Vec<&'static str>,
    /// Of each model.
    spaces: Vec<Vec<Setting>>,
    n_users: usize,
    fitter: Fitter<'a>,
}

impl<'a> Search<'a> {
    fn new(config: &'a TrainConfig, models: Vec<&'static str>, n_users: usize, fitter: Fitter<'a>) -> Self {
        let space = |model: &&str| {
            let mut settings = space::of(model, fitter.has());
            settings.retain(|setting| setting.name != "dim" || config.dim == 0);
            settings
        };
        let spaces = models.iter().map(space).collect();
        Self { config, models, spaces, n_users, fitter }
    }

    /// Makes the trial after `trials`.
    fn run(&mut self, trials: &[TuneTrial]) -> Result<TuneTrial, TrainError> {
        let begun = Instant::now();
        let number = trials.len();
        let (model, settings) = self.proposed(trials);
        let mut config = space::with(self.config, &self.spaces[model], &settings);
        config.model = self.models[model].to_owned();
        config.softmax.epochs = MOST_EPOCHS;
        let tried = self.fitter.fit(config)?;
        let epochs = (tried.config.model == "softmax").then_some(tried.config.softmax.epochs);
        Ok(TuneTrial {
            trial: number,
            model: tried.config.model,
            settings,
            epochs: epochs.filter(|_| tried.fault.is_none()),
            // So few digits are read back as they were from the file, whatever reads it.
            ndcg: (tried.score.ndcg() * 1e9).round() / 1e9,
            seconds: (begun.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            fault: tried.fault,
        })
    }

    /// The model to try after `trials`, and its settings.
    fn proposed(&self, trials: &[TuneTrial]) -> (usize, BTreeMap<String, f64>) {
        let number = trials.len();
        if number < self.models.len() {
            return (number, BTreeMap::new());
        }
        let observed: Vec<Observed> = trials.iter().filter_map(|trial| self.observed(trial)).collect();
        let mut draws = Draws::of(self.config.seed, number);
        let model = sampler::model(&observed, self.models.len(), &mut draws);
        let space = &self.spaces[model];
        let places = sampler::places(&observed, model, space.len(), &mut draws);
        let value = |(setting, place): (&Setting, f64)| (setting.name.to_owned(), setting.value(place));
        (model, space.iter().zip(places).map(value).collect())
    }

    fn observed(&self, trial: &TuneTrial) -> Option<Observed> {
        let model = self.models.iter().position(|&name| name == trial.model)?;
        let places = space::places(self.config, self.n_users, &self.spaces[model], &trial.settings);
        Some(Observed { model, places, ndcg: trial.ndcg })
    }

    /// The configuration of a trial.
    fn config_of(&self, trial: &TuneTrial) -> TrainConfig {
        let settings = self.models.iter().position(|&name| name == trial.model).map(|model| &self.spaces[model]);
        let mut config = space::with(self.config, settings.map_or(&[], Vec::as_slice), &trial.settings);
        config.model.clone_from(&trial.model);
        config.softmax.epochs = trial.epochs.unwrap_or(config.softmax.epochs);
        config
    }
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
