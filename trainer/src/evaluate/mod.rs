//! How good a bundle is on held-out rows: whole-catalogue ranking for people, whom to invite, teams and groups.
//!
//! What is evaluated is what is served: [`Via`] chooses between exact search, the index, and the whole recommender.
//! Definitions are in `docs/evaluation.md`.

pub mod friends;
pub mod groups;
pub mod metrics;
pub mod products;
pub mod rank;
pub mod report;
pub mod source;
pub mod teams;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::progress::Progress;
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::words;
use juntos_engine::request::Context;
use juntos_engine::{Bundle, Engine};
use serde::{Deserialize, Serialize};

use metrics::{Ranked, means};
pub use report::{EvaluateReport, Metrics, Verdict};
use source::Rows;

use crate::error::TrainError;

words! {
    /// What is ranked.
    Task {
        /// The catalogue, for a user.
        Products = "products",
        /// The initiator's friends, for her and a product.
        Friends = "friends",
        /// Teams opened by friends, for a user who joined one.
        Teams = "teams",
        /// The product among its negatives, for a group.
        Groups = "groups",
    }
}

words! {
    /// What ranks.
    Via {
        /// Inner products of the bundle's vectors with the whole catalogue.
        Exact = "exact",
        /// The bundle's approximate index.
        Index = "index",
        /// The whole recommender, with filters, privacy and blending.
        Served = "served",
    }
}

/// Settings of one evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// What is ranked.
    pub task: Task,
    /// What ranks.
    pub via: Via,
    /// Cuts of the list, each 1 to [`MAX_K`]; empty means 10 and 20.
    pub k: Vec<usize>,
    /// Keep the user's training products in the ranking.
    pub include_seen: bool,
    /// Breaks ties.
    pub seed: u64,
}

/// Deepest cut that can be evaluated.
pub const MAX_K: usize = 100;

impl EvaluateConfig {
    /// The defaults for `task`: exact search, cuts at 10 and 20, training products left out.
    pub fn new(task: Task) -> Self {
        Self { task, via: Via::Exact, k: vec![10, 20], include_seen: false, seed: 0 }
    }

    /// Checks the settings against their ranges.
    ///
    /// # Errors
    /// [`TrainError::Cut`] for a cut out of range, [`TrainError::NoIndex`] for a task that the index does not serve.
    pub fn check(&self) -> Result<(), TrainError> {
        if let Some(&got) = self.k.iter().find(|k| !(1..=MAX_K).contains(*k)) {
            return Err(TrainError::Cut { got });
        }
        if self.via == Via::Index && self.task != Task::Products {
            return Err(TrainError::NoIndex { task: self.task.word() });
        }
        Ok(())
    }

    /// The cuts, ascending, without repeats.
    fn cuts(&self) -> Vec<usize> {
        let mut cuts = if self.k.is_empty() { vec![10, 20] } else { self.k.clone() };
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}

/// Ranks the held-out rows of `data` with the bundle in folder `bundle` and measures how well.
///
/// Rows that the bundle does not know count as missed, so a bundle may be measured on later data than its own.
///
/// # Errors
/// When a file cannot be read, a setting is out of range, or the dataset holds no test rows for the task.
pub fn evaluate(
    data: &Path,
    bundle: &Path,
    config: &EvaluateConfig,
    progress: &dyn Progress,
) -> Result<EvaluateReport, TrainError> {
    config.check()?;
    progress.stage("open the bundle", 0);
    let bundle = Arc::new(Bundle::open(bundle)?);
    progress.stage("read the dataset", 0);
    let data = TrainingData::load(&Dataset::open(data)?, &event_weights(&bundle))?;
    progress.stage("rank", 0);
    Evaluation { config, cuts: config.cuts(), rows: Rows::of(&data, &bundle), data: &data, bundle }.run()
}

/// The event weights that the bundle was trained with, so that "seen in training" means the same; the defaults where
/// the bundle does not say.
fn event_weights(bundle: &Bundle) -> EventWeights {
    let weights = bundle.manifest().config.get("events").cloned();
    weights.and_then(|weights| serde_json::from_value(weights).ok()).unwrap_or_default()
}

/// One evaluation with everything open.
struct Evaluation<'a> {
    config: &'a EvaluateConfig,
    cuts: Vec<usize>,
    data: &'a TrainingData,
    rows: Rows,
    bundle: Arc<Bundle>,
}

/// What a task found.
struct Found {
    users: usize,
    seconds: f64,
    metrics: Metrics,
    baselines: BTreeMap<String, Metrics>,
}

impl Evaluation<'_> {
    fn run(&self) -> Result<EvaluateReport, TrainError> {
        let found = match self.config.task {
            Task::Products => self.products(),
            Task::Friends => self.friends(),
            Task::Teams => self.teams(),
            Task::Groups => self.groups(),
        }?;
        Ok(EvaluateReport::new(
            (self.config.task, self.config.via),
            found.users,
            found.seconds,
            found.metrics,
            found.baselines,
        ))
    }

    fn deepest(&self) -> usize {
        self.cuts.iter().copied().max().unwrap_or(MAX_K)
    }

    /// The moment at which questions are asked: the cut, after which nothing is known.
    fn now(&self) -> Timestamp {
        self.bundle.manifest().cut.unwrap_or_default()
    }

    fn products(&self) -> Result<Found, TrainError> {
        let cases = products::cases(self.data, &self.data.test, self.config.include_seen);
        let cases = products::in_bundle(cases, &self.rows);
        self.some(&cases, "test events (column `split` = `test`)")?;
        let popular = products::popularity(&self.data.interactions);
        let popular = products::popularity_in_bundle(&popular, &self.rows, self.bundle.n_products());
        let start = Instant::now();
        let lists = match self.config.via {
            Via::Exact => products::rank_exactly(&cases, self.bundle.as_ref(), &popular, self.deepest()),
            Via::Index => products::rank_by_index(&cases, &self.bundle, &popular, self.deepest()),
            Via::Served => {
                let snapshot = Engine::new(self.bundle.clone()).snapshot();
                products::rank_served(&cases, &snapshot, self.context())?
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let n_products = self.bundle.n_products();
        Ok(Found {
            users: cases.len(),
            seconds,
            metrics: products::measure(&cases, lists, &self.cuts, n_products),
            baselines: products::baselines(&cases, &popular, &self.cuts),
        })
    }

    fn context(&self) -> Context {
        Context {
            seed: self.config.seed,
            include_bought: self.config.include_seen,
            ..Context::new(self.now(), self.deepest())
        }
    }

    fn friends(&self) -> Result<Found, TrainError> {
        let cases = friends::cases(self.data, &self.rows);
        self.some(&cases, "test teams with participants (column `split` = `test`)")?;
        let seed = self.config.seed;
        let start = Instant::now();
        let lists = match self.config.via {
            Via::Exact | Via::Index => friends::rank_exactly(&cases, &self.bundle, seed),
            Via::Served => {
                friends::rank_served(&cases, &Engine::new(self.bundle.clone()).snapshot(), self.now(), seed)?
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let baselines = friends::baselines(&cases, &self.bundle, self.data, &self.rows, seed, &self.cuts);
        Ok(self.found(&lists, seconds, baselines))
    }

    fn teams(&self) -> Result<Found, TrainError> {
        let openings = teams::openings(self.data, &self.rows);
        let cases = teams::cases(&openings, &self.rows, &self.bundle);
        self.some(&cases, "test teams (column `split` = `test`) joined by a friend of the initiator")?;
        let seed = self.config.seed;
        let start = Instant::now();
        let lists = match self.config.via {
            Via::Exact | Via::Index => teams::rank_exactly(&cases, &openings, &self.bundle, seed),
            Via::Served => teams::rank_served(&cases, &openings, self.bundle.clone(), self.now(), seed)?,
        };
        let seconds = start.elapsed().as_secs_f64();
        let baselines = teams::baselines(&cases, &openings, &self.bundle, seed, &self.cuts);
        Ok(self.found(&lists, seconds, baselines))
    }

    fn groups(&self) -> Result<Found, TrainError> {
        let cases = groups::cases(self.data, &self.rows);
        self.some(&cases, "test teams (column `split` = `test`) with `negative_ids`")?;
        let seed = self.config.seed;
        let start = Instant::now();
        let lists = match self.config.via {
            Via::Exact | Via::Index => groups::rank_exactly(&cases, &self.bundle, seed),
            Via::Served => groups::rank_served(&cases, &Engine::new(self.bundle.clone()).snapshot(), self.now(), seed)?,
        };
        let seconds = start.elapsed().as_secs_f64();
        let baselines = groups::baselines(&cases, self.data, &self.rows, self.bundle.n_products(), seed, &self.cuts);
        Ok(self.found(&lists, seconds, baselines))
    }

    fn found(&self, lists: &[Ranked], seconds: f64, baselines: BTreeMap<String, Metrics>) -> Found {
        Found { users: lists.len(), seconds, metrics: means(lists, &self.cuts, None), baselines }
    }

    fn some<T>(&self, cases: &[T], missing: &'static str) -> Result<(), TrainError> {
        if cases.is_empty() {
            return Err(TrainError::NoTestRows { task: self.config.task.word(), missing });
        }
        Ok(())
    }
}
