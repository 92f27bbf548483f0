//! One evaluation from folders to report.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::progress::Progress;
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_engine::Bundle;

use super::bootstrap::Bootstrap;
use super::intervals::{Baselines, Intervals};
use super::metrics::{Ranked, means};
use super::people::People;
use super::report::{EvaluateReport, Metrics};
use super::slices::Slice;
use super::source::Rows;
use super::tasks::World;
use super::{EvaluateConfig, Via};
use crate::error::TrainError;

/// Ranks the held-out rows of `data` with the bundle in folder `bundle` and measures how well.
///
/// Rows that the bundle does not know count as missed, so a bundle may be measured on later data than its own. The
/// report is the same for any number of threads, but for its seconds.
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
    let dataset = Dataset::open(data)?;
    let data = TrainingData::load(&dataset, &event_weights(&bundle))?;
    let people = People::read(&dataset, &data)?;
    let world = World { config, rows: Rows::of(&data, &bundle), people, data: &data, bundle };
    progress.stage("rank", 0);
    let measured = Measured::new(&world)?;
    progress.stage("measure", 0);
    Ok(measured.report(config))
}

/// The event weights that the bundle was trained with, so that "seen in training" means the same; the defaults where
/// the bundle does not say.
fn event_weights(bundle: &Bundle) -> EventWeights {
    let weights = bundle.manifest().config.get("events").cloned();
    weights.and_then(|weights| serde_json::from_value(weights).ok()).unwrap_or_default()
}

/// What a task ranked.
struct Measured {
    cuts: Vec<usize>,
    bootstrap: Bootstrap,
    via: Via,
    seconds: f64,
    lists: Vec<Ranked>,
    baselines: Baselines,
    owners: Vec<u32>,
    slices: Vec<Slice>,
    catalogue: Option<usize>,
}

impl Measured {
    fn new(world: &World<'_>) -> Result<Self, TrainError> {
        let EvaluateConfig { via, resamples, seed, .. } = *world.config;
        let ranking = world.ranking()?;
        let start = Instant::now();
        let lists = ranking.lists(via)?;
        Ok(Self {
            cuts: world.config.cuts(),
            bootstrap: Bootstrap { resamples, ..Bootstrap::new(seed) },
            via,
            seconds: start.elapsed().as_secs_f64(),
            lists,
            baselines: ranking.baselines(),
            owners: ranking.owners(),
            slices: ranking.slices(),
            catalogue: ranking.catalogue(),
        })
    }

    fn report(&self, config: &EvaluateConfig) -> EvaluateReport {
        let means = |lists: &[Ranked]| means(lists, &self.cuts, self.catalogue);
        let baselines: BTreeMap<String, Metrics> =
            self.baselines.iter().map(|(name, lists)| (name.clone(), means(lists))).collect();
        let what = (config.task, self.via);
        let mut report = EvaluateReport::new(what, self.lists.len(), self.seconds, means(&self.lists), baselines);
        let Self { bootstrap, owners, cuts, lists, baselines, .. } = self;
        report.intervals = Some(Intervals::of(*bootstrap, owners, cuts, lists, baselines));
        if let Some(&deepest) = cuts.last() {
            let measure = |slice: &Slice| slice.measure(*bootstrap, owners, deepest, lists, baselines);
            report.slices = self.slices.iter().map(measure).collect();
        }
        report
    }
}
