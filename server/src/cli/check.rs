//! `juntos check`: validates a dataset and describes it.

use std::path::PathBuf;

use clap::Args;
use juntos_datasets::check::check;
use juntos_datasets::dataset::Dataset;
use juntos_datasets::quarantine::{OnError, Quarantine};

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Folder of the dataset
    data: PathBuf,
    /// File that lists bad rows with how to mend each [default: DATA.quarantine.ndjson]
    #[arg(long, value_name = "FILE")]
    quarantine: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let mut quarantine = match self.quarantine {
            Some(path) => Quarantine::new(path),
            None => Quarantine::beside(&self.data),
        };
        let report = check(&Dataset::open(&self.data)?, &mut quarantine)?;
        quarantine.settle(OnError::Quarantine)?;
        output.result(&report, self.json)?;
        if report.is_good() { Ok(()) } else { Err("the dataset has faults; see the report above".into()) }
    }
}
