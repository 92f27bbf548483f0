//! `juntos train`: from a dataset to a bundle.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use juntos_trainer::config::TrainConfig;
use juntos_trainer::models::compute::DeviceName;
use juntos_trainer::run::{TrainOptions, is_finished, train_with};
use serde::Serialize;

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Train {
    /// Folder of the dataset
    #[arg(long)]
    data: PathBuf,
    /// Folder to write the bundle to
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
    /// Settings in TOML; see config/train.toml for every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Model to train, instead of the configured one
    #[arg(long)]
    model: Option<String>,
    /// Number of dimensions, instead of the configured one
    #[arg(long)]
    dim: Option<usize>,
    /// Seed of every random choice, instead of the configured one
    #[arg(long)]
    seed: Option<u64>,
    /// Where to compute, instead of where it is configured
    #[arg(long, value_enum)]
    device: Option<Device>,
    /// Go on from the checkpoint `BUNDLE.checkpoint` that a killed run left; begin where there is none, and do nothing
    /// where the bundle is there already, made of the same data with the same settings
    #[arg(long)]
    resume: bool,
    /// Seconds between two states of one fit that are kept for `--resume`, at least
    #[arg(long, value_name = "SECONDS", default_value_t = TrainOptions::KEEP_EVERY)]
    keep_every: u64,
    /// Write loss, ranking quality and speed of every pass to this folder, for TensorBoard (`tensorboard --logdir DIR`)
    /// and for notebooks (`log.ndjson`)
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Device {
    /// This machine's processors
    Cpu,
    /// The first NVIDIA card; needs a program built with `--features cuda`
    Cuda,
}

impl From<Device> for DeviceName {
    fn from(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Cpu,
            Device::Cuda => Self::Cuda,
        }
    }
}

impl Train {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let mut config = match &self.config {
            Some(path) => TrainConfig::read(path)?,
            None => TrainConfig::default(),
        };
        if let Some(model) = self.model {
            config.model = model;
        }
        config.dim = self.dim.unwrap_or(config.dim);
        config.seed = self.seed.unwrap_or(config.seed);
        config.device = self.device.map_or(config.device, DeviceName::from);
        if self.resume && is_finished(&self.data, &self.out, &config)? {
            return output.result(&Finished { bundle: self.out, finished: true }, self.json);
        }
        let options =
            TrainOptions { resume: self.resume, log: self.log, keep_every: Duration::from_secs(self.keep_every) };
        let bars = output.progress();
        let trained = train_with(&self.data, &self.out, &config, &options, &bars);
        bars.finish();
        output.result(&trained?, self.json)
    }
}

/// That there was nothing to do.
#[derive(Serialize)]
struct Finished {
    bundle: PathBuf,
    finished: bool,
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing to do: {} is whole, and of this data and these settings", self.bundle.display())
    }
}
