//! Fits one model on files in LightGCN's form and prints what it cost and how good it is, as one line of JSON.
//!
//! ```sh
//! fit-bench --data datasets/gowalla --model als --dim 64 --threads 1
//! ```
//! `benches/als_vs_implicit.py` runs it beside the Python package `implicit`.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use juntos_benches::process::cpu_seconds;
use juntos_datasets::Dataset;
use juntos_datasets::import::{LightGcn, lightgcn};
use juntos_datasets::progress::{Progress, Silent};
use juntos_datasets::training::TrainingData;
use juntos_trainer::config::TrainConfig;
use juntos_trainer::evaluate::products::{cases, measure, popularity, rank_exactly};
use juntos_trainer::models::{FitData, Fitted};
use serde_json::json;

/// Fits one model and prints CPU seconds of the fit, recall and NDCG.
#[derive(Debug, Parser)]
struct Args {
    /// Folder with train.txt and test.txt in LightGCN's form
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Ties between users, as of `juntos import lightgcn --friends`
    #[arg(long, value_name = "FILE")]
    friends: Option<PathBuf>,
    /// Settings as of `juntos train --config`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Name of the model; that of the settings if left out
    #[arg(long)]
    model: Option<String>,
    /// Number of dimensions
    #[arg(long, default_value_t = 64)]
    dim: usize,
    /// Cut of the ranked list
    #[arg(long, default_value_t = 20)]
    k: usize,
    /// Threads to fit with
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Decides every random choice
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => match writeln!(io::stdout(), "{line}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(fault) => {
            // Standard error is the last place to tell; when it is closed there is nobody to tell.
            let _untold = writeln!(io::stderr(), "fit-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    rayon::ThreadPoolBuilder::new().num_threads(args.threads).build_global()?;
    let mut config = match &args.config {
        Some(path) => TrainConfig::read(path)?,
        None => TrainConfig::default(),
    };
    if let Some(model) = &args.model {
        config.model.clone_from(model);
    }
    let model = config.model()?;
    let data = load(args, &config)?;
    let shown = data.shown();
    let fit_data = FitData {
        interactions: &data.interactions,
        friends: &data.friends,
        groups: &[],
        shown: Some(&shown),
        teams: &data.teams,
        dim: args.dim,
        seed: args.seed,
        folds: true,
    };
    let (cpu_before, start) = (cpu_seconds()?, Instant::now());
    let fitted = model.fit(&fit_data, &Notes)?;
    let (cpu, wall) = (cpu_seconds()? - cpu_before, start.elapsed().as_secs_f64());
    let Fitted::Embeddings(vectors) = fitted else {
        return Err("this model has no vectors to rank with; choose another `--model`".into());
    };
    let cases = cases(&data, &data.test, false);
    let lists = rank_exactly(&cases, &vectors, &popularity(&data.interactions), args.k);
    let metrics = measure(&cases, lists, &[args.k], data.products.len());
    Ok(json!({
        "model": model.name(), "dim": args.dim, "threads": args.threads, "k": args.k, "cases": cases.len(),
        "cpu_s": cpu, "wall_s": wall,
        "recall": metrics[&format!("recall@{}", args.k)], "ndcg": metrics[&format!("ndcg@{}", args.k)],
    }))
}

/// Imports the files as `juntos import` does, and reads them as `juntos train` does.
fn load(args: &Args, config: &TrainConfig) -> Result<TrainingData, Box<dyn std::error::Error>> {
    let files = LightGcn {
        train: args.data.join("train.txt"),
        test: Some(args.data.join("test.txt")),
        friends: args.friends.clone(),
        ..LightGcn::default()
    };
    let folder = tempfile::tempdir()?;
    let imported = folder.path().join("dataset");
    lightgcn(&files, &imported, &Silent)?;
    Ok(TrainingData::load(&Dataset::open(&imported)?, &config.events)?)
}

/// Prints the notes of a fit, such as the loss of an epoch, to standard error.
struct Notes;

impl Progress for Notes {
    fn stage(&self, _name: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, line: &str) {
        // Notes are for whoever watches; nobody may.
        let _untold = writeln!(io::stderr(), "{line}");
    }
}
