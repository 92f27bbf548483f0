//! How well products that nobody has bought find their buyers: some are withheld from training with all their events,
//! get vectors from their records, and are ranked for the users who had them.
//!
//! ```sh
//! juntos generate --out world && cold-bench --data world
//! ```
//! Prints one JSON object: recall and NDCG of the withheld products among the whole catalogue and among themselves, for
//! vectors from records and for simpler rules, and of other products with and without vectors for the withheld ones.
//! `docs/trainer.md` says what each name means and has results.

#![forbid(unsafe_code)]

mod rules;
mod withhold;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use juntos_datasets::Dataset;
use juntos_datasets::progress::Progress;
use juntos_datasets::tables::Products;
use juntos_datasets::training::TrainingData;
use juntos_trainer::config::TrainConfig;
use juntos_trainer::models::content::{Content, learn};
use juntos_trainer::models::{Embeddings, FitData, Fitted};
use serde_json::{Value, json};

use crate::rules::Bench;
use crate::withhold::withhold;

/// Withholds products from training and ranks them by vectors made from their records.
#[derive(Debug, Parser)]
struct Args {
    /// Dataset folder, as `juntos generate` and `juntos import` write
    #[arg(long, value_name = "DATA")]
    data: PathBuf,
    /// Settings as of `juntos train --config`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Name of the model, whatever the settings say; it must make vectors
    #[arg(long, default_value = "als")]
    model: String,
    /// Share of the products that is withheld, above 0 and below 1
    #[arg(long, default_value_t = 0.1)]
    share: f64,
    /// Fewest users that a withheld product has
    #[arg(long, default_value_t = 5)]
    users: u32,
    /// Cut of the ranked lists
    #[arg(long, default_value_t = 20)]
    k: usize,
    /// Decides every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => match writeln!(io::stdout(), "{line:#}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(fault) => {
            // Standard error is the last place to tell; when it is closed there is nobody to tell.
            let _untold = writeln!(io::stderr(), "cold-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Value, Box<dyn std::error::Error>> {
    if !(args.share > 0.0 && args.share < 1.0) {
        return Err(format!("`--share` is {}; it must be above 0 and below 1", args.share).into());
    }
    let mut config = match &args.config {
        Some(path) => TrainConfig::read(path)?,
        None => TrainConfig::default(),
    };
    config.model.clone_from(&args.model);
    let dataset = Dataset::open(&args.data)?;
    let all = TrainingData::load(&dataset, &config.events)?;
    let withheld = withhold(&all, args.share, args.users, args.seed);
    let zeros = fit(&config, &withheld.history)?;
    let start = Instant::now();
    let content = learn(&dataset, &withheld.history, &zeros, args.seed, &Notes)?;
    let learnt_s = start.elapsed().as_secs_f64();
    let Some(content) = content else {
        return Err("the records of the products say nothing about who likes them; use data with titles".into());
    };
    let mut records = zeros.clone();
    content.fill(&dataset, &withheld.history, &mut records)?;
    let means = rules::means(&dataset, &withheld.history, &zeros)?;
    let trained = fit(&config, &all)?;
    let bench = Bench { withheld: &withheld, k: args.k };
    Ok(json!({
        "model": config.model, "dim": zeros.dim, "k": args.k,
        "withheld": withheld.products.len(), "products": all.products.len(),
        "content": {
            "products": content.products, "strength": content.strength, "agreement": content.agreement,
            "features": content.model.buckets(), "seconds": learnt_s, "vector_us": vector_us(&dataset, &content)?,
        },
        "among_withheld": {
            "records": bench.among_withheld(&records),
            "category_mean": bench.among_withheld(&means.category),
            "neighbours_mean": bench.among_withheld(&means.neighbours),
            "random": bench.random(args.seed),
            "trained_with_their_events": bench.among_withheld(&trained),
        },
        "whole_catalogue": {
            "records": bench.whole(&records),
            "records_half_as_long": bench.whole(&bench.scaled(&records, 0.5)),
            "records_twice_as_long": bench.whole(&bench.scaled(&records, 2.0)),
            "category_mean": bench.whole(&means.category),
            "neighbours_mean": bench.whole(&means.neighbours),
            "popularity": bench.popular(),
            "trained_with_their_events": bench.whole(&trained),
        },
        "other_products": {
            "records": bench.others(&records),
            "records_half_as_long": bench.others(&bench.scaled(&records, 0.5)),
            "records_twice_as_long": bench.others(&bench.scaled(&records, 2.0)),
            "neighbours_mean": bench.others(&means.neighbours),
            "without_the_withheld": bench.others(&zeros),
        },
    }))
}

fn fit(config: &TrainConfig, data: &TrainingData) -> Result<Embeddings, Box<dyn std::error::Error>> {
    let shown = data.shown();
    let fit_data = FitData {
        interactions: &data.interactions,
        friends: &data.friends,
        groups: &[],
        shown: Some(&shown),
        teams: &data.teams,
        dim: config.dim_for(data.users.len()),
        seed: config.seed,
        folds: true,
    };
    match config.model()?.fit(&fit_data, &Notes)? {
        Fitted::Embeddings(embeddings) => Ok(embeddings),
        Fitted::Scores(_) => Err("this model has no vectors to rank with; choose another `--model`".into()),
    }
}

/// Mean microseconds from a record to a vector, on one thread.
fn vector_us(dataset: &Dataset, content: &Content) -> Result<f64, Box<dyn std::error::Error>> {
    let (mut count, mut seconds) = (0u32, 0.0);
    dataset.for_each::<Products>(|product| {
        let start = Instant::now();
        let vector = content.model.vector(product);
        seconds += start.elapsed().as_secs_f64();
        count += u32::from(vector.is_some());
        Ok(())
    })?;
    Ok(seconds * 1e6 / f64::from(count.max(1)))
}

/// Prints the notes of a fit to standard error.
struct Notes;

impl Progress for Notes {
    fn stage(&self, _name: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, line: &str) {
        // Notes are for whoever watches; nobody may.
        let _untold = writeln!(io::stderr(), "{line}");
    }
}
