//! What an evaluation found: metrics, baselines beside them, and the plain verdict.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

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
    /// Wall-clock seconds of the ranking.
    pub seconds: f64,
    /// What the bundle reaches.
    pub metrics: Metrics,
    /// What simple rules reach on the same rows, by name; `popularity` is always there.
    pub baselines: BTreeMap<String, Metrics>,
    /// Whether the model is worth having.
    pub verdict: Verdict,
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

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.beats_popularity { "yes" } else { "no" };
        let Self { metric, model, popularity, .. } = self;
        write!(f, "beats popularity: {answer} ({metric} {model:.4} against {popularity:.4}")?;
        if *popularity > 0.0 {
            write!(f, ", {:.2} times", model / popularity)?;
        }
        write!(f, ")")
    }
}

impl fmt::Display for EvaluateReport {
    /// A table with a row for each metric and a column for each ranking.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "task {}, via {}, {} ranked, {:.1} s",
            self.task.word(),
            self.via.word(),
            self.users,
            self.seconds
        )?;
        write!(f, "{:<16}{:>10}", "", "model")?;
        for name in self.baselines.keys() {
            write!(f, "  {name:>16}")?;
        }
        writeln!(f)?;
        for (metric, value) in &self.metrics {
            write!(f, "{metric:<16}{value:>10.4}")?;
            for baseline in self.baselines.values() {
                match baseline.get(metric) {
                    Some(value) => write!(f, "  {value:>16.4}")?,
                    None => write!(f, "  {:>16}", "")?,
                }
            }
            writeln!(f)?;
        }
        write!(f, "{}", self.verdict)
    }
}
