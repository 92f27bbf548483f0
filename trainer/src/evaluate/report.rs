//! What an evaluation found: metrics, baselines beside them, and the plain verdict.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calibration::Calibration;
use super::curve::Curve;
use super::exposure::ExposureReport;
use super::held_out::HeldOut;
use super::intervals::Intervals;
use super::slices::SliceReport;
use super::{Task, Via};

/// Metrics by name and cut, such as `recall@20`.
pub type Metrics = BTreeMap<String, f64>;

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluateReport {
    /// What was ranked.
    pub task: Task,
    /// What ranked.
    pub via: Via,
    /// Rows that the means are over: users, teams or groups with test products, by task.
    pub users: u64,
    /// How much of what was held out these rows are; absent from the report of a training run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
    /// Wall-clock seconds of the ranking.
    pub seconds: f64,
    /// What the bundle reaches.
    pub metrics: Metrics,
    /// What simple rules reach on the same rows, by name; `popularity` is always there.
    pub baselines: BTreeMap<String, Metrics>,
    /// Simple rules that would cost too much on these rows, by name, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
    /// Why nothing was ranked, where there was nothing to rank but chances to measure: there are no metrics then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unranked: Option<&'static str>,
    /// Whether the model is worth having; absent where nothing was ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Where these means lie, and their differences to the baselines'; absent from the report of a training run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// The same for parts of the rows, at the deepest cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<SliceReport>,
    /// Recall and NDCG at many cuts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// What the ranking makes visible; of whole-catalogue rankings only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureReport>,
    /// Whether the chances given for test teams mean what they say; of tasks with teams only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<Calibration>,
}

impl EvaluateReport {
    /// A report whose verdict compares NDCG at the deepest cut.
    pub fn new(
        (task, via): (Task, Via),
        users: usize,
        seconds: f64,
        metrics: Metrics,
        baselines: BTreeMap<String, Metrics>,
    ) -> Self {
        let verdict = Verdict::of(&metrics, baselines.get("popularity"));
        let users = users as u64;
        Self {
            task,
            via,
            users,
            held_out: None,
            seconds,
            metrics,
            baselines,
            left_out: BTreeMap::new(),
            unranked: None,
            verdict: Some(verdict),
            intervals: None,
            slices: Vec::new(),
            curve: None,
            exposure: None,
            calibration: Vec::new(),
        }
    }

    /// A report on chances alone.
    pub fn of_chances((task, via): (Task, Via), unranked: &'static str, calibration: Vec<Calibration>) -> Self {
        let nothing = Self::new((task, via), 0, 0.0, Metrics::new(), BTreeMap::new());
        Self { unranked: Some(unranked), verdict: None, calibration, ..nothing }
    }
}

impl Verdict {
    /// Compares NDCG at the deepest cut of `model`; a missing metric counts as zero.
    fn of(model: &Metrics, popularity: Option<&Metrics>) -> Self {
        let cut = |name: &&String| name.strip_prefix("ndcg@").and_then(|cut| cut.parse::<usize>().ok());
        let metric = model.keys().filter(|name| cut(name).is_some()).max_by_key(cut).cloned().unwrap_or_default();
        let value = |metrics: &Metrics| metrics.get(&metric).copied().unwrap_or(0.0);
        let (model, popularity) = (value(model), popularity.map_or(0.0, value));
        Self { beats_popularity: model > popularity, metric, model, popularity }
    }
}

/// The model against popularity, on one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the model ranks better than popularity.
    pub beats_popularity: bool,
    /// Metric compared.
    pub metric: String,
    /// What the model reaches.
    pub model: f64,
    /// What popularity reaches.
    pub popularity: f64,
}

#[cfg(test)]
mod tests {
    //! 1. The verdict compares the deepest NDCG, and the table names every metric and baseline.
    //! 2. A baseline that is left out is told of, with why, and only then.
    //! 3. Where there was nothing to rank, that is told in place of figures.

    use super::*;

    fn metrics(ndcg_at_5: f64, ndcg_at_20: f64) -> Metrics {
        Metrics::from([("ndcg@5".to_owned(), ndcg_at_5), ("ndcg@20".to_owned(), ndcg_at_20)])
    }

    #[test]
    fn the_verdict_takes_the_deepest_cut() {
        let baselines = BTreeMap::from([("popularity".to_owned(), metrics(0.9, 0.2))]);
        let report = EvaluateReport::new((Task::Products, Via::Exact), 3, 0.5, metrics(0.1, 0.4), baselines);
        let verdict = report.verdict.as_ref().unwrap();
        assert!(verdict.beats_popularity);
        assert_eq!(verdict.metric, "ndcg@20");
        let table = report.to_string();
        assert!(table.contains("popularity") && table.contains("ndcg@5"), "{table}");
        assert!(table.ends_with("beats popularity: yes (ndcg@20 0.4000 against 0.2000, 2.00 times)"), "{table}");
    }

    #[test]
    fn what_is_left_out_is_told() {
        let baselines = BTreeMap::from([("popularity".to_owned(), metrics(0.9, 0.2))]);
        let whole = EvaluateReport::new((Task::Products, Via::Exact), 3, 0.5, metrics(0.1, 0.4), baselines);
        let left_out = BTreeMap::from([("item_knn".to_owned(), "takes 9 additions".to_owned())]);
        let report = EvaluateReport { left_out, ..whole.clone() };
        assert!(report.to_string().contains("\nitem_knn is left out: takes 9 additions\n"), "{report}");
        assert_eq!(serde_json::to_value(&report).unwrap()["left_out"]["item_knn"], "takes 9 additions");
        assert!(!whole.to_string().contains("left out"));
        assert_eq!(serde_json::to_value(&whole).unwrap().get("left_out"), None);
    }

    #[test]
    fn where_nothing_is_ranked_no_figure_stands() {
        let report = EvaluateReport::of_chances((Task::Friends, Via::Exact), "nobody has a friend", Vec::new());
        assert_eq!(report.to_string(), "task friends, via exact: nothing ranked, nobody has a friend");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["unranked"], &json["users"]), (&"nobody has a friend".into(), &0.into()));
        assert_eq!(json.get("verdict"), None);
    }

    #[test]
    fn json_has_the_agreed_keys() {
        let report = EvaluateReport::new((Task::Groups, Via::Served), 3, 0.5, metrics(0.1, 0.4), BTreeMap::new());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["task"], &json["via"], &json["users"]), (&"groups".into(), &"served".into(), &3.into()));
        assert_eq!(json["metrics"]["ndcg@20"], 0.4);
        assert_eq!(json["verdict"]["beats_popularity"], true);
    }
}
