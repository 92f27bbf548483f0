//! `juntos check`: validates a dataset and describes it.

use std::path::PathBuf;

use clap::Args;
use juntos_datasets::check::check;
use juntos_datasets::dataset::Dataset;

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Folder of the dataset
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let report = check(&Dataset::open(&self.data)?)?;
        output.result(&report, self.json)?;
        if report.is_good() { Ok(()) } else { Err("the dataset has faults; see the report above".into()) }
    }
}
