//! One training run: dataset in, bundle out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use juntos_datasets::dataset::Dataset;
use juntos_datasets::error::DatasetError;
use juntos_datasets::progress::Progress;
use juntos_datasets::tables::Split;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::{Csr, UserRow};
use juntos_engine::EngineError;
use juntos_engine::bundle::{self, BundleSource, GroupVector};
use juntos_engine::cohorts::COHORTS_FILE;
use juntos_engine::content::CONTENT_FILE;
use juntos_engine::index::BuildOptions;
use juntos_engine::serving_model::{Blend, FoldIn, Hold, ServingModel};
use juntos_engine::together::model::{JoinModel, SuccessModel};
use serde::Serialize;

use crate::auto::{self, Choice, Trial};
use crate::blend;
use crate::checkpoint::{Checkpoint, Identity};
use crate::config::{AUTO, TrainConfig};
use crate::error::TrainError;
use crate::evaluate::{EvaluateReport, Task, Via, products};
use crate::export::write_embeddings;
use crate::log::Log;
use crate::models::cohorts::{self, People};
use crate::models::content::{self, Content};
use crate::models::turn::turn;
use crate::models::{Embeddings, FitData, Fitted, Model, usable};
use crate::newcomers::{self, Newcomers, Rankings, Verdict, Withheld};
use crate::prepare::{HeldOut, hold_out, with_repeats, with_standing_groups};
use crate::together::{Consent, Past, decided, fit_join, fit_success};
use crate::tracking::Session;

/// What a training run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainReport {
    /// The bundle written.
    pub bundle: PathBuf,
    /// Name of the model.
    pub model: String,
    /// Users in the bundle.
    pub users: u64,
    /// Products in the bundle.
    pub products: u64,
    /// Cells of the interaction matrix.
    pub interactions: u64,
    /// Friendships: pairs of users.
    pub friendships: u64,
    /// Standing groups that have a vector of their own.
    pub groups: u64,
    /// Training teams.
    pub teams: u64,
    /// Those of them that tell who joins whom and which team fills.
    pub teams_learnt_from: u64,
    /// Number of dimensions of vectors.
    pub dim: usize,
    /// Wall-clock seconds of the whole run.
    pub seconds: f64,
    /// Wall-clock seconds of each stage, in order.
    pub stages: Vec<(String, f64)>,
    /// What was tried to choose the model and its settings; empty where they were given.
    pub trials: Vec<Trial>,
    /// Quality on rows held out of training, beside popularity; absent when the data is too small to spare any. Where
    /// the model was chosen on the same rows, it is a little better than on rows never seen.
    pub quality: Option<EvaluateReport>,
    /// How newcomers are served, and what that is worth; absent where too few people could be withheld to learn it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newcomers: Option<Newcomers>,
}

impl fmt::Display for TrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} with {} dimensions: {} users, {} products, {} interactions, {} friendships, {} teams ({} of them learnt chances from), {} standing groups, {:.1} s",
            self.model,
            self.dim,
            self.users,
            self.products,
            self.interactions,
            self.friendships,
            self.teams,
            self.teams_learnt_from,
            self.groups,
            self.seconds
        )?;
        if !self.trials.is_empty() {
            writeln!(f, "chosen by ranking what was held out:")?;
        }
        self.trials.iter().try_for_each(|trial| writeln!(f, "  {trial}"))?;
        if let Some(quality) = &self.quality {
            writeln!(f, "{quality}")?;
        }
        if let Some(newcomers) = &self.newcomers {
            writeln!(f, "{newcomers}")?;
        }
        write!(f, "bundle: {}", self.bundle.display())
    }
}

/// What goes beside a training run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainOptions {
    /// Go on from the checkpoint beside the bundle, where there is one.
    pub resume: bool,
    /// Folder to write a log for plots to, see [`crate::log`].
    pub log: Option<PathBuf>,
    /// Time between two states of one fit that are kept, at least: so much work is done again after a kill.
    pub keep_every: Duration,
}

impl TrainOptions {
    /// Seconds of `keep_every` by default.
    pub const KEEP_EVERY: u64 = 10;
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self { resume: false, log: None, keep_every: Duration::from_secs(Self::KEEP_EVERY) }
    }
}

/// Trains on the dataset in folder `data` and writes the bundle `out`, which must not exist. As [`train_with`] without
/// options.
///
/// # Errors
/// As [`train_with`].
pub fn train(
    data: &Path,
    out: &Path,
    config: &TrainConfig,
    progress: &dyn Progress,
) -> Result<TrainReport, TrainError> {
    train_with(data, out, config, &TrainOptions::default(), progress)
}

/// Trains on the dataset in folder `data` and writes the bundle `out`, which must not exist.
///
/// The same data, configuration and seed give the same bundle for any number of threads, resumed or not; see
/// `ARCHITECTURE.md` for the one exception. What the run has learnt so far is kept in the folder
/// [`Checkpoint::folder_of`] `out`, which goes when the bundle is whole. It stays when the process is killed or the system
/// refuses to read or write a file, so that the run can go on; after any other error nothing is left behind.
///
/// # Errors
/// When the data cannot be read or learnt from, the configuration does not hold, `out` or the log cannot be written, or
/// there is a checkpoint that is not to be resumed or belongs to another run.
pub fn train_with(
    data: &Path,
    out: &Path,
    config: &TrainConfig,
    options: &TrainOptions,
    progress: &dyn Progress,
) -> Result<TrainReport, TrainError> {
    let start = Instant::now();
    config.validate()?;
    config.check_device()?;
    refuse_existing(out)?;
    let mut clock = Clock { progress, stages: Vec::new() };
    let dataset = Dataset::open(data)?;
    let data = clock.stage("read the dataset", || Ok(TrainingData::load(&dataset, &config.events)?))?;
    enough(&data)?;
    let log = Log::of_run(options.log.as_deref(), options.resume)?;
    let identity = Identity::new(CHECKPOINT, &dataset, config)?;
    let (checkpoint, resumed) = Checkpoint::begin(out, &identity, options.resume, options.keep_every)?;
    if resumed {
        progress.note(&format!("resuming what {} holds", Checkpoint::folder_of(out).display()));
    }
    let session = Session { progress, log: log.as_ref(), checkpoint: Some(&checkpoint) };
    let trained = learn_and_write(&session, (&dataset, &data), out, config, &mut clock);
    if !trained.as_ref().is_err_and(may_pass) {
        let removed = checkpoint.remove();
        // What went wrong first is what there is to tell.
        if trained.is_ok() {
            removed?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(TrainReport { seconds, stages: clock.stages, ..trained? })
}

/// Kind of a folder with an unfinished run.
const CHECKPOINT: &str = "juntos checkpoint";

/// Whether going on may do better: the system refused something, or the place of the bundle was taken meanwhile. Anything else
/// would come again.
fn may_pass(fault: &TrainError) -> bool {
    let of_system = |fault: &DatasetError| matches!(fault, DatasetError::Io { .. });
    match fault {
        TrainError::Io { .. } | TrainError::Engine(EngineError::Io { .. } | EngineError::Exists { .. }) => true,
        TrainError::Dataset(fault) | TrainError::Engine(EngineError::Dataset(fault)) => of_system(fault),
        _ => false,
    }
}

/// Whether the bundle `out` is there already, made by a training of the same program on the same data with the same
/// configuration, so that there is nothing to do.
///
/// # Errors
/// When the data or what the bundle says of its training cannot be read, or it is of another training: what differs.
pub fn is_finished(data: &Path, out: &Path, config: &TrainConfig) -> Result<bool, TrainError> {
    let made = out.join(TRAINING);
    if !made.exists() {
        return Ok(false);
    }
    Identity::new(FINISHED, &Dataset::open(data)?, config)?.check(&made)?;
    Ok(true)
}

/// File of a bundle that says which training made it.
pub const TRAINING: &str = "training.json";
/// Kind of that file.
const FINISHED: &str = "juntos training";

/// All that comes after reading; the report is still without times.
fn learn_and_write(
    session: &Session<'_>,
    (dataset, data): (&Dataset, &TrainingData),
    out: &Path,
    config: &TrainConfig,
    clock: &mut Clock<'_>,
) -> Result<TrainReport, TrainError> {
    let held = clock.stage("hold out", || Ok(held_out(config, data)))?;
    let choice = clock.stage("choose", || chosen(config, held.as_ref(), session))?;
    let model = choice.config.model()?;
    let run = Run { config: &choice.config, model: model.as_ref(), session };
    let dim = config.dim_for(data.users.len());
    let (groups, mut embeddings) = clock.stage("fit", || run.fit(data, dim, "fit"))?;
    usable::check_some(model.name(), &embeddings)?;
    turn(&mut embeddings, config.seed, session.progress);
    let content = clock.stage("read records", || run.read_records(dataset, data, &mut embeddings))?;
    let quality = data.test.is_empty();
    let past = held.map(|whole| PastHeld { whole, sample: choice.sample });
    let learnt = clock.stage("measure", || match past {
        Some(past) => run.measure(dataset, past, (choice.learnt, &embeddings.fold), quality),
        None => Ok(Learnt::default()),
    })?;
    let learnt = if data.friends.is_empty() { without_friends(dataset, data, learnt)? } else { learnt };
    let believed = learnt.newcomers.map(|verdict| verdict.believed).filter(|believed| !believed.is_nothing());
    let cohorts = believed.map(|believed| cohorts::learn(dataset, data, &embeddings, believed)).transpose()?.flatten();
    let newcomers = learnt.newcomers.map(|verdict| verdict.told);
    let serving = ServingModel {
        name: model.name().to_owned(),
        fold: FoldIn { hold: learnt.hold.unwrap_or(embeddings.fold.hold), ..embeddings.fold },
        join: learnt.join,
        success: learnt.success,
        blend: learnt.blend,
    };
    let made = Identity::new(FINISHED, dataset, config)?;
    let source = BundleSource {
        data,
        dataset,
        serving: &serving,
        dim: embeddings.dim,
        user_vectors: &embeddings.users,
        product_vectors: &embeddings.products,
        index: BuildOptions { seed: config.seed, ..config.index },
        groups: &group_vectors(groups, &embeddings),
        config: config_value(&choice.config)?,
        metrics: kept_metrics(learnt.quality.as_ref(), &choice.trials, newcomers.as_ref()),
        seed: config.seed,
    };
    clock.stage("write the bundle", || {
        let more = |folder: &Path| {
            write_embeddings(folder, &data.users, &data.products, &embeddings)?;
            made.write_to(&folder.join(TRAINING))?;
            cohorts.as_ref().map_or(Ok(()), |cohorts| cohorts.write(&folder.join(COHORTS_FILE)))?;
            content.as_ref().map_or(Ok(()), |content| content.model.write(&folder.join(CONTENT_FILE)))
        };
        Ok(bundle::write_with(out, &source, more)?)
    })?;
    Ok(TrainReport {
        bundle: out.to_owned(),
        model: serving.name.clone(),
        users: data.users.len() as u64,
        products: data.products.len() as u64,
        interactions: data.interactions.len() as u64,
        friendships: pairs(&data.friends),
        groups: source.groups.len() as u64,
        teams: training_teams(data).count() as u64,
        teams_learnt_from: learnt.teams as u64,
        dim: embeddings.dim,
        seconds: 0.0,
        stages: Vec::new(),
        trials: choice.trials,
        quality: learnt.quality,
        newcomers,
    })
}

/// Pairs of people with a tie in either direction.
fn pairs(ties: &Csr) -> u64 {
    let has = |one: u32, other: u32| ties.row(one as usize).0.binary_search(&other).is_ok();
    ties.cells().filter(|&(one, other, _)| one < other || !has(other, one)).count() as u64
}

fn training_teams(data: &TrainingData) -> impl Iterator<Item = &TeamRecord> {
    data.teams.iter().filter(|team| team.split == Split::Train)
}

fn refuse_existing(out: &Path) -> Result<(), TrainError> {
    if out.exists() {
        return Err(EngineError::Exists { path: out.to_owned() }.into());
    }
    Ok(())
}

fn enough(data: &TrainingData) -> Result<(), TrainError> {
    let nothing = [
        (data.users.is_empty(), "the dataset names no user"),
        (data.products.is_empty(), "the dataset names no product"),
        (data.interactions.is_empty(), "the dataset has no training event that tells of liking, such as a purchase"),
    ];
    match nothing.into_iter().find(|(missing, _)| *missing) {
        Some((_, what)) => Err(TrainError::NoData { what }),
        None => Ok(()),
    }
}

fn config_value(config: &TrainConfig) -> Result<serde_json::Value, TrainError> {
    serde_json::to_value(config)
        .map_err(|fault| TrainError::Io { path: "manifest.json".into(), source: std::io::Error::other(fault) })
}

/// What the manifest keeps of trials and quality: no seconds, because they differ from run to run.
fn kept_metrics(
    quality: Option<&EvaluateReport>,
    trials: &[Trial],
    newcomers: Option<&Newcomers>,
) -> serde_json::Value {
    let mut kept = quality.map_or_else(|| serde_json::json!({}), kept_quality);
    if !trials.is_empty() {
        kept["trials"] = serde_json::json!(trials);
    }
    if let Some(newcomers) = newcomers {
        kept["newcomers"] = serde_json::json!(newcomers);
    }
    if kept == serde_json::json!({}) { serde_json::Value::Null } else { kept }
}

fn kept_quality(quality: &EvaluateReport) -> serde_json::Value {
    serde_json::json!({
        "users": quality.users,
        "metrics": quality.metrics,
        "baselines": quality.baselines,
        "verdict": quality.verdict,
    })
}

fn group_vectors(groups: Vec<Vec<UserRow>>, embeddings: &Embeddings) -> Vec<GroupVector> {
    let vectors = embeddings.groups.chunks(embeddings.dim);
    groups.into_iter().zip(vectors).map(|(members, vector)| GroupVector { members, vector: vector.to_vec() }).collect()
}

/// Times stages and tells of them.
struct Clock<'a> {
    progress: &'a dyn Progress,
    stages: Vec<(String, f64)>,
}

impl Clock<'_> {
    fn stage<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T, TrainError>) -> Result<T, TrainError> {
        self.progress.stage(name, 0);
        let start = Instant::now();
        let done = work()?;
        self.stages.push((name.to_owned(), start.elapsed().as_secs_f64()));
        Ok(done)
    }
}

/// The past with its last part apart.
struct PastHeld {
    whole: HeldOut,
    /// What trials saw, where the whole was too much.
    sample: Option<HeldOut>,
}

/// Who joins, and which teams fill, as the teams held out tell with the vectors that the history before gave.
fn learn_teams(
    dataset: &Dataset,
    held: &HeldOut,
    embeddings: &Embeddings,
) -> Result<(JoinModel, SuccessModel), TrainError> {
    let consent = Consent::read(dataset, &held.history, &held.teams)?;
    let past = Past::new(&held.history, &consent, embeddings.dim, &embeddings.users, &embeddings.products);
    let join = fit_join(&past, &held.teams);
    let success = fit_success(&past, &join, &held.teams);
    Ok((join, success))
}

/// What was `learnt`, and how often teams fill where nobody has friends: no vector counts there, so all training teams tell it
/// and none has to be held out.
fn without_friends(dataset: &Dataset, data: &TrainingData, learnt: Learnt) -> Result<Learnt, TrainError> {
    let teams: Vec<TeamRecord> = training_teams(data).cloned().collect();
    let consent = Consent::read(dataset, data, &teams)?;
    let past = Past::new(data, &consent, 0, &[], &[]);
    let success = fit_success(&past, &JoinModel::default(), &teams);
    Ok(Learnt { success, teams: decided(&past, &teams).len(), ..learnt })
}

/// What the held-out part of the past taught.
#[derive(Default)]
struct Learnt {
    join: JoinModel,
    success: SuccessModel,
    blend: Blend,
    teams: usize,
    quality: Option<EvaluateReport>,
    hold: Option<Hold>,
    newcomers: Option<Verdict>,
}

/// Cuts of the quality that training reports.
const QUALITY_CUTS: [usize; 2] = [10, 20];
/// Most users that the quality is measured on; of more, evenly spaced ones are taken.
const MOST_QUALITY_USERS: usize = 5_000;

struct Run<'a> {
    config: &'a TrainConfig,
    model: &'a dyn Model,
    session: &'a Session<'a>,
}

impl Run<'_> {
    fn fit(&self, data: &TrainingData, dim: usize, name: &str) -> Result<(Vec<Vec<UserRow>>, Embeddings), TrainError> {
        let prepared = with_standing_groups(data, self.config.events.purchase);
        let interactions = with_repeats(&prepared.interactions, self.config.repeat_exponent);
        let fit_data = FitData {
            interactions: &interactions,
            friends: &data.friends,
            groups: &prepared.groups,
            shown: Some(&prepared.shown),
            teams: &data.teams,
            dim,
            seed: self.config.seed,
            folds: true,
        };
        match self.model.fit_tracked(&fit_data, &self.session.tracking(name))? {
            Fitted::Embeddings(embeddings) => {
                usable::check_finite(self.model.name(), &embeddings)?;
                Ok((prepared.groups, embeddings))
            }
            Fitted::Scores(_) => Err(TrainError::NoVectors { model: self.model.name() }),
        }
    }

    /// What the model learns from the past without its last part.
    fn fit_history(&self, held: &HeldOut, name: &str) -> Result<Embeddings, TrainError> {
        Ok(self.fit(&held.history, self.config.dim_for(held.history.users.len()), name)?.1)
    }

    /// Learns to read the records of products, and gives those without an event the vectors that their records tell.
    fn read_records(
        &self,
        dataset: &Dataset,
        data: &TrainingData,
        embeddings: &mut Embeddings,
    ) -> Result<Option<Content>, TrainError> {
        let content = content::learn(dataset, data, embeddings, self.config.seed, self.session.progress)?;
        if let Some(content) = &content {
            let filled = content.fill(dataset, data, embeddings)?;
            self.session.progress.note(&format!("records of products: {filled} without an event have a vector now"));
        }
        Ok(content)
    }

    /// What the past without its last part, and that part, tell: how good the model is, if `quality` is wanted, who
    /// joins, what counts in a feed beside taste, and how newcomers are to be served. Fits once more unless `learnt` from that
    /// past is at hand, for teams also where that is but a sample, and once without people who are withheld; `fold` is how events will be folded in.
    fn measure(
        &self,
        dataset: &Dataset,
        past: PastHeld,
        (learnt, fold): (Option<Embeddings>, &FoldIn),
        quality: bool,
    ) -> Result<Learnt, TrainError> {
        let PastHeld { whole, sample } = past;
        let held = sample.as_ref().unwrap_or(&whole);
        let embeddings = match learnt {
            Some(embeddings) => embeddings,
            None => self.fit_history(held, "measure")?,
        };
        let (join, success) = match sample.is_some() && !whole.teams.is_empty() {
            // In a sample people lack most of what their friends did with others, so chances there are not those of all.
            true => learn_teams(dataset, &whole, &self.fit_history(&whole, "teams")?)?,
            false => learn_teams(dataset, held, &embeddings)?,
        };
        let blend = blend::learn(held, &embeddings, self.config.hears_friends());
        self.session
            .progress
            .note(&format!("feed: friends' purchases count {}, own ones {}", blend.friends, blend.bought));
        let people = People::read(dataset, &held.history)?;
        let own = newcomers::own_hold(held, &people, &embeddings, fold);
        let newcomers = self.judge_newcomers(dataset, held, embeddings.dim)?;
        let (friends, cohort) = newcomers
            .map_or((fold.hold.friends, fold.hold.cohort), |verdict| (verdict.hold_friends, verdict.hold_cohort));
        let hold = Some(Hold { own, friends, cohort });
        let blend = Blend { popular: newcomers.map_or(blend.popular, |verdict| verdict.popular), ..blend };
        let quality = quality.then(|| measure_quality(held, &embeddings)).flatten();
        Ok(Learnt { join, success, blend, teams: whole.teams.len(), quality, hold, newcomers })
    }

    /// How newcomers are to be served, learnt from some people whom a fit does without: on no more than trials see, and an
    /// ensemble's models once each. None where too few people can be spared, or that fit diverges.
    fn judge_newcomers(&self, dataset: &Dataset, held: &HeldOut, dim: usize) -> Result<Option<Verdict>, TrainError> {
        let held = auto::sampled(held, self.config);
        let people = People::read(dataset, &held.history)?;
        let Some(withheld) = Withheld::of(&held, &people, self.config.seed) else { return Ok(None) };
        let mut config = self.config.clone();
        config.ensemble.copies = 1;
        let model = config.model()?;
        let run = Run { config: &config, model: model.as_ref(), session: self.session };
        let embeddings = match run.fit(&withheld.history, dim, "newcomers") {
            Err(fault @ (TrainError::Diverged { .. } | TrainError::Unusable { .. })) => {
                // What everybody else is served by does not depend on this fit.
                self.session.progress.note(&format!("newcomers are served as the model's defaults say: {fault}"));
                return Ok(None);
            }
            fitted => fitted?.1,
        };
        let rankings = Rankings::read(dataset, &withheld.history, held.since, &people)?;
        Ok(Some(newcomers::judge(&withheld, &people, &rankings, &embeddings)))
    }
}

/// Holds out the last part of the past, where it is large enough and somebody will learn from it: a choice is to be
/// made, the dataset has no test rows of its own, or there are friends.
fn held_out(config: &TrainConfig, data: &TrainingData) -> Option<HeldOut> {
    if config.model != AUTO && !data.test.is_empty() && data.friends.is_empty() {
        return None;
    }
    let held = hold_out(data, config.seed);
    let nothing = held.test.is_empty() && held.teams.is_empty();
    (!nothing && !held.history.interactions.is_empty()).then_some(held)
}

fn chosen(config: &TrainConfig, held: Option<&HeldOut>, session: &Session<'_>) -> Result<Choice, TrainError> {
    match held {
        Some(held) if config.model == AUTO => auto::choose(held, config, session),
        _ => Ok(Choice::given(config)),
    }
}

/// How well `embeddings`, learnt from the history, rank what was held out.
fn measure_quality(held: &HeldOut, embeddings: &Embeddings) -> Option<EvaluateReport> {
    let all = products::cases(&held.history, &held.test, false);
    let step = all.len().div_ceil(MOST_QUALITY_USERS).max(1);
    let cases: Vec<products::Case> = all.into_iter().step_by(step).collect();
    if cases.is_empty() {
        return None;
    }
    let start = Instant::now();
    let popular = products::popularity(&held.history.interactions);
    let lists = products::rank_exactly(&cases, embeddings, &popular, QUALITY_CUTS[1]);
    let metrics = products::measure(&cases, lists, &QUALITY_CUTS, popular.len());
    let baselines = products::baselines(&cases, &popular, &QUALITY_CUTS);
    let seconds = start.elapsed().as_secs_f64();
    Some(EvaluateReport::new((Task::Products, Via::Exact), cases.len(), seconds, metrics, baselines))
}
