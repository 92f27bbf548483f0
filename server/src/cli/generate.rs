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
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder to write the dataset to
    #[arg(long, value_name = "DATA")]
    out: PathBuf,
}

impl Generate {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let world = World { users: self.users, products: self.products, events: self.events, seed: self.seed };
        let bars = output.progress();
        let made = generate(&world, &self.out, &bars);
        bars.finish();
        made?;
        output.say(format_args!("wrote {}; describe it with `juntos check {0}`", self.out.display()))
    }
}
