//! `juntos split`: what happened last becomes the test.

use std::path::PathBuf;

use clap::Args;
use juntos_datasets::Dataset;
use juntos_datasets::split::{TestFrom, split_by_time};
use juntos_datasets::units::Timestamp;

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Split {
    /// The dataset, which stays as it is
    #[arg(value_name = "DATA")]
    data: PathBuf,
    #[command(flatten)]
    from: From,
    /// Folder to write the split dataset to
    #[arg(long, value_name = "DATA")]
    out: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct From {
    /// Days before the latest event at which the test begins
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    test_days: Option<u16>,
    /// Moment at which the test begins, as `2026-03-01T00:00:00Z`
    #[arg(long, value_name = "TIME")]
    test_from: Option<Timestamp>,
}

impl Split {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let days = self.from.test_days.map(|days| TestFrom::LastDays(f64::from(days)));
        let Some(from) = days.or(self.from.test_from.map(TestFrom::Moment)) else {
            unreachable!("clap asks for one of the two")
        };
        let bars = output.progress();
        let report = split_by_time(&Dataset::open(&self.data)?, from, &self.out, &bars);
        bars.finish();
        output.result(&report?, self.json)
    }
}
