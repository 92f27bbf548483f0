//! `juntos evaluate`: measures a bundle on held-out rows.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use juntos_trainer::evaluate::{self, EvaluateConfig};

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// Folder of the dataset that holds the test rows
    #[arg(long)]
    data: PathBuf,
    /// Folder of the bundle
    #[arg(long)]
    bundle: PathBuf,
    /// What is ranked
    #[arg(long, value_enum)]
    task: Task,
    /// Through what: an exact scan, the index, or the whole recommender; several, comma-separated, are compared with the
    /// first
    #[arg(long, value_enum, value_delimiter = ',', default_value = "exact")]
    via: Vec<Via>,
    /// Cut-offs, comma-separated
    #[arg(long, value_delimiter = ',', default_value = "10,20")]
    k: Vec<usize>,
    /// Keep the user's training products in the ranking
    #[arg(long)]
    include_seen: bool,
    /// Decides ties, and the draws that intervals are made of
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bootstrap draws of users that the 95 % intervals are made of, 100 to 100000
    #[arg(long, value_name = "N", default_value_t = 1000)]
    resamples: usize,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Task {
    /// Products for a user
    Products,
    /// Friends of the initiator for her product
    Friends,
    /// Open teams for a user
    Teams,
    /// Products for a standing group
    Groups,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Via {
    /// Exact scan
    Exact,
    /// The bundle's index
    Index,
    /// The whole recommender, as the server answers
    Served,
}

impl From<Via> for evaluate::Via {
    fn from(via: Via) -> Self {
        match via {
            Via::Exact => Self::Exact,
            Via::Index => Self::Index,
            Via::Served => Self::Served,
        }
    }
}

impl Evaluate {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let config = EvaluateConfig {
            task: match self.task {
                Task::Products => evaluate::Task::Products,
                Task::Friends => evaluate::Task::Friends,
                Task::Teams => evaluate::Task::Teams,
                Task::Groups => evaluate::Task::Groups,
            },
            via: self.via.into_iter().map(evaluate::Via::from).collect(),
            k: self.k,
            include_seen: self.include_seen,
            seed: self.seed,
            resamples: self.resamples,
        };
        let bars = output.progress();
        let measured = evaluate::evaluate(&self.data, &self.bundle, &config, &bars);
        bars.finish();
        let report = measured?;
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report)?;
            std::fs::write(path, text + "\n").map_err(|fault| format!("cannot write {}: {fault}", path.display()))?;
        }
        output.result(&report, false)
    }
}
