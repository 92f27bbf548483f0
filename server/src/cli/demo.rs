//! `juntos demo`: a small world, generated, learnt and served, with calls to try.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use juntos::config::{ServerConfig, ServerFlags};
use juntos::state::AppState;
use juntos_datasets::generate::{World, generate};
use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_trainer::config::TrainConfig;

use super::{Failure, Output, samples, serve};

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Number of users
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// Number of products
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    products: u32,
    /// The same seed gives the same world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep the dataset and the bundle in this new folder; otherwise they go when the demo ends
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    flags: ServerFlags,
}

impl Demo {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let begun = Instant::now();
        let config = ServerConfig::load(None, std::env::vars(), &self.flags)?;
        juntos::telemetry::log_to_stderr(&config)?;
        let folder = Folder::new(self.keep.as_deref())?;
        let config = ServerConfig { audience_folder: folder.audience(), ..config };
        let engine = self.build(&folder, output)?;
        let (state, opened_at) = state_in_world_time(Arc::clone(&engine), config)?;
        let sample = samples::find(&engine.snapshot(), opened_at);
        output.say(format_args!("ready after {:.1} s", begun.elapsed().as_secs_f64()))?;
        juntos::serve::run(state, |address| {
            // The calls can be printed or not; the server runs either way.
            let _ = print_calls(output, address, &sample, &folder);
        })?;
        Ok(())
    }

    /// Generates the world, trains on it and opens the bundle.
    fn build(&self, folder: &Folder, output: &Output) -> Result<Arc<Engine>, Failure> {
        let world = World { users: self.users, products: self.products, events: None, test_days: 0, seed: self.seed };
        output.say(format_args!("generating {} users and {} products", self.users, self.products))?;
        let bars = output.progress();
        let made = generate(&world, &folder.data(), &bars);
        bars.finish();
        made?;
        output.say("training")?;
        let bars = output.progress();
        let trained = juntos_trainer::run::train(&folder.data(), &folder.bundle(), &demo_config(self.seed), &bars);
        bars.finish();
        output.say(trained?)?;
        serve::open(&folder.bundle())
    }
}

/// One model as it is configured by default: choosing among several would make the demo wait.
fn demo_config(seed: u64) -> TrainConfig {
    TrainConfig { model: "als".to_owned(), seed, ..TrainConfig::default() }
}

/// A server whose clock goes on from the end of the generated world, so that its open teams are still open.
fn state_in_world_time(engine: Arc<Engine>, config: ServerConfig) -> Result<(AppState, Timestamp), Failure> {
    let opened_at = engine.snapshot().bundle().manifest().cut.unwrap_or_default();
    let begun = Instant::now();
    let clock = move || {
        let elapsed = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(opened_at.millis().saturating_add(elapsed))
    };
    Ok((AppState::with_clock(engine, config, Arc::new(clock))?, opened_at))
}

/// Where the demo's files live.
enum Folder {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Folder {
    fn new(keep: Option<&std::path::Path>) -> Result<Self, Failure> {
        let Some(path) = keep else {
            return Ok(Self::Passing(tempfile::Builder::new().prefix("juntos-demo-").tempdir()?));
        };
        std::fs::create_dir(path)
            .map_err(|fault| format!("cannot make {}: {fault}; give --keep a new folder", path.display()))?;
        Ok(Self::Kept(path.to_owned()))
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(path) => path,
            Self::Passing(folder) => folder.path(),
        }
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn bundle(&self) -> PathBuf {
        self.path().join("bundle")
    }

    fn audience(&self) -> PathBuf {
        self.path().join("audience")
    }
}

fn print_calls(
    output: &Output,
    address: SocketAddr,
    sample: &samples::Samples,
    folder: &Folder,
) -> Result<(), Failure> {
    let base = format!("http://{address}");
    output.line(format_args!("\nserving on {base}; its clock goes on from the end of the generated world"))?;
    for call in sample.calls() {
        let body = &call.body;
        output.line(format_args!(
            "\n# {}\ncurl -s {base}{} -H 'content-type: application/json' -d '{body}'",
            call.what, call.path
        ))?;
    }
    if let Some(seller) = sample.seller() {
        output.line(format_args!("\n# who buys from this seller\ncurl -s {base}/v1/sellers/{seller}/audience"))?;
    }
    output.line(format_args!("\n# the API, described\ncurl -s {base}/openapi.json"))?;
    if let Folder::Kept(path) = folder {
        output.line(format_args!("\nkept in {}", path.display()))?;
    }
    output.line("\nctrl-c ends the demo")
}
