//! `juntos generate`: a seeded synthetic dataset.

use std::path::PathBuf;

use clap::Args;
use juntos_datasets::generate::{World, generate};

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Generate {
    /// Number of users
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Number of products
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    products: u32,
    /// Number of events, about; 20 a user when absent
    #[arg(long)]
    events: Option<u64>,
    /// Days at the end whose events and teams are marked as the test (column `split`), for `juntos evaluate`
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=i64::from(World::MOST_TEST_DAYS)))]
    test_days: u16,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder to write the dataset to
    #[arg(long, value_name = "DATA")]
    out: PathBuf,
}

impl Generate {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let Self { users, products, events, test_days, seed, .. } = self;
        let world = World { users, products, events, test_days, seed };
        let bars = output.progress();
        let made = generate(&world, &self.out, &bars);
        bars.finish();
        made?;
        output.say(format_args!("wrote {}; describe it with `juntos check {0}`", self.out.display()))
    }
}
