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
use super::calibration::Calibration;
use super::comparison::{Agreement, Comparison};
use super::course::Course;
use super::curve::Curve;
use super::exposure::{ExposureReport, Popularity};
use super::facts::{BundleFacts, DatasetFacts};
use super::held_out::HeldOut;
use super::intervals::{Baselines, Intervals};
use super::metrics::{Ranked, means};
use super::people::People;
use super::report::{EvaluateReport, Metrics};
use super::slices::Slice;
use super::source::Rows;
use super::tasks::{Catalogue, Ranking, World};
use super::{EvaluateConfig, Task, Via};
use crate::error::TrainError;

/// Ranks the held-out rows of `data` with the bundle in folder `bundle`, each way asked for, and measures how well.
///
/// Rows that the bundle does not know count as missed, so a bundle may be measured on later data than its own. The
/// report is the same for any number of threads, but for its seconds.
///
/// # Errors
/// When a file cannot be read, a setting is out of range, the dataset holds no test rows for the task, or the bundle knows no
/// user or no product of them.
pub fn evaluate(
    data: &Path,
    bundle: &Path,
    config: &EvaluateConfig,
    progress: &dyn Progress,
) -> Result<Comparison, TrainError> {
    config.check()?;
    progress.stage("open the bundle", 0);
    let bundle = Arc::new(Bundle::open(bundle)?);
    progress.stage("read the dataset", 0);
    let dataset = Dataset::open(data)?;
    let data = TrainingData::load(&dataset, &event_weights(&bundle))?;
    let facts = DatasetFacts::of(&dataset, &data)?;
    let of_bundle = BundleFacts::of(&bundle, &facts.checksum);
    let rows = Rows::of(&data, &bundle);
    rows.check_known(&data)?;
    let people = People::read(&dataset, &data)?;
    let about_friends = matches!(config.task, Task::Friends | Task::Teams) && config.via.contains(&Via::Served);
    let course = about_friends.then(|| Course::follow(&dataset, &data, bundle.clone())).transpose()?;
    let world = World { config, rows, people, data: &data, bundle, course };
    progress.stage("rank by simple rules", 0);
    let ranking = world.ranking()?;
    let held_out = HeldOut::of(config, &dataset, world.data, &world.rows, &world.bundle)?;
    let measured = Measured::new(config, ranking.as_ref(), held_out);
    let rank = |via: Via| {
        progress.stage(&format!("rank via {}", via.word()), 0);
        measured.rank(ranking.as_ref(), via)
    };
    let (first_via, other_ways) = config.ways();
    let (first, first_lists) = rank(first_via)?;
    let (mut others, mut agreement) = (Vec::new(), Vec::new());
    for via in other_ways {
        let (report, lists) = rank(via)?;
        if measured.unranked.is_none() {
            agreement.push(measured.agreement((via, &lists), (first_via, &first_lists)));
        }
        others.push(report);
    }
    Ok(Comparison { first, others, agreement, settings: config.clone(), dataset: facts, bundle: of_bundle })
}

/// The event weights that the bundle was trained with, so that "seen in training" means the same; the defaults where
/// the bundle does not say.
fn event_weights(bundle: &Bundle) -> EventWeights {
    let weights = bundle.manifest().config.get("events").cloned();
    weights.and_then(|weights| serde_json::from_value(weights).ok()).unwrap_or_default()
}

/// What a task measures rankings by, whatever ranks.
struct Measured<'a> {
    config: &'a EvaluateConfig,
    held_out: HeldOut,
    cuts: Vec<usize>,
    deepest: usize,
    bootstrap: Bootstrap,
    baselines: Baselines,
    left_out: BTreeMap<String, String>,
    unranked: Option<&'static str>,
    owners: Vec<u32>,
    slices: Vec<Slice>,
    catalogue: Option<(Catalogue<'a>, Popularity)>,
}

impl<'a> Measured<'a> {
    fn new(config: &'a EvaluateConfig, ranking: &'a (dyn Ranking + 'a), held_out: HeldOut) -> Self {
        let with_popularity = |catalogue: Catalogue<'a>| {
            let popularity = Popularity::new(catalogue.users_of, catalogue.users);
            (catalogue, popularity)
        };
        Self {
            config,
            held_out,
            cuts: config.cuts(),
            deepest: config.deepest(),
            bootstrap: Bootstrap { resamples: config.resamples, ..Bootstrap::new(config.seed) },
            baselines: ranking.baselines(),
            left_out: ranking.left_out(),
            unranked: ranking.unranked(),
            owners: ranking.owners(),
            slices: ranking.slices(),
            catalogue: ranking.catalogue().map(with_popularity),
        }
    }

    fn rank(&self, ranking: &dyn Ranking, via: Via) -> Result<(EvaluateReport, Vec<Ranked>), TrainError> {
        let start = Instant::now();
        let lists = ranking.lists(via)?;
        let seconds = start.elapsed().as_secs_f64();
        let calibration = ranking.calibration(via, self.bootstrap)?;
        Ok((self.report(via, seconds, &lists, calibration), lists))
    }

    fn report(&self, via: Via, seconds: f64, lists: &[Ranked], calibration: Vec<Calibration>) -> EvaluateReport {
        if let Some(why) = self.unranked {
            return EvaluateReport::of_chances((self.config.task, via), why, calibration);
        }
        let Self { bootstrap, owners, cuts, baselines, deepest, .. } = self;
        let products = self.catalogue.as_ref().map(|(catalogue, _)| catalogue.users_of.len());
        let means = |lists: &[Ranked]| means(lists, cuts, products);
        let of_baselines: BTreeMap<String, Metrics> =
            baselines.iter().map(|(name, lists)| (name.clone(), means(lists))).collect();
        let what = (self.config.task, via);
        let exposure = self.catalogue.as_ref().map(|(catalogue, popularity)| {
            ExposureReport::of(popularity, cuts, *bootstrap, owners, (lists, baselines), &catalogue.relevant)
        });
        let measure = |slice: &Slice| slice.measure(*bootstrap, owners, *deepest, lists, baselines);
        EvaluateReport {
            intervals: Some(Intervals::of(*bootstrap, owners, cuts, lists, baselines)),
            slices: self.slices.iter().map(measure).collect(),
            curve: Some(Curve::of(*deepest, lists, baselines)),
            exposure,
            calibration,
            held_out: Some(self.held_out.clone()),
            left_out: self.left_out.clone(),
            ..EvaluateReport::new(what, lists.len(), seconds, means(lists), of_baselines)
        }
    }

    /// One way to rank against another.
    fn agreement(&self, one: (Via, &[Ranked]), other: (Via, &[Ranked])) -> Agreement {
        Agreement::of(self.bootstrap, &self.owners, &self.cuts, one, other)
    }
}
