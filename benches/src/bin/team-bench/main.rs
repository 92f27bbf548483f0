//! Who joins a team: the join model beside the two-role model, the two together, and plain counts, on test teams.
//!
//! ```sh
//! juntos generate --test-days 60 --out world && team-bench --data world
//! ```
//! Prints one JSON object: of each rule recall@k over test teams that somebody joined, among the friends who could, and, of
//! those that tell chances, Brier score and log loss over all friends of all test teams that are over. Models are fitted
//! on the last tenth of the training teams, facts and vectors gathered from what came before, as `juntos train` does.
//!
//! `recall_suggested` looks at friends only who take invitations; whoever joined without taking any is missed.
//! `--world-seed` adds the rule `planted` for a generated world: the chance that was drawn from. No model can be better, so
//! it says how much there is to find.

#![forbid(unsafe_code)]

mod planted;
mod rules;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use juntos_datasets::Dataset;
use juntos_datasets::error::DatasetError;
use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{Invites, Split, TeamOutcome, Users};
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_trainer::config::TrainConfig;
use juntos_trainer::models::{Embeddings, FitData, Fitted};
use juntos_trainer::prepare::hold_out;
use juntos_trainer::together::{Consent, Past, RoleSettings, Roles, decided};
use serde_json::{Value, json};

use crate::rules::{Asked, People, asked, measure};

/// Compares rules for who joins a team, on test teams.
#[derive(Debug, Parser)]
struct Args {
    /// Dataset folder with test teams, as `juntos generate --test-days` and `juntos import teams` write
    #[arg(long, value_name = "DATA")]
    data: PathBuf,
    /// Settings as of `juntos train --config`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Name of the model of tastes, whatever the settings say; it must make vectors
    #[arg(long, default_value = "als")]
    model: String,
    /// Numbers in each vector of the two-role model
    #[arg(long, default_value_t = RoleSettings::default().dim)]
    role_dim: usize,
    /// Passes of the two-role model
    #[arg(long, default_value_t = RoleSettings::default().passes)]
    role_passes: usize,
    /// Pull of the two-role model's numbers towards zero
    #[arg(long, default_value_t = RoleSettings::default().pull)]
    role_pull: f32,
    /// Cut of the ranked lists
    #[arg(long, default_value_t = 3)]
    k: usize,
    /// Decides every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seed of `juntos generate` that made the dataset, to rank by the planted chances as well
    #[arg(long)]
    world_seed: Option<u64>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => match writeln!(io::stdout(), "{line:#}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(fault) => {
            // Standard error is the last place to tell; when it is closed there is nobody to tell.
            let _untold = writeln!(io::stderr(), "team-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Value, Box<dyn std::error::Error>> {
    let mut config = match &args.config {
        Some(path) => TrainConfig::read(path)?,
        None => TrainConfig::default(),
    };
    config.model.clone_from(&args.model);
    let dataset = Dataset::open(&args.data)?;
    let data = TrainingData::load(&dataset, &config.events)?;
    let consent = Consent::read(&dataset, &data, &data.teams)?;
    let held = hold_out(&data, args.seed);
    let mut test = of_split(&data.teams, Split::Test);
    test.retain(|team| matches!(team.outcome, TeamOutcome::Succeeded | TeamOutcome::Expired));
    if held.teams.is_empty() || test.is_empty() {
        return Err("the dataset needs training teams and test teams; generate one with `--test-days`".into());
    }
    let settings = RoleSettings {
        dim: args.role_dim,
        passes: args.role_passes,
        pull: args.role_pull,
        seed: args.seed,
        ..RoleSettings::default()
    };
    let people = People {
        consent: &consent,
        invited: invited(&dataset, &data)?,
        chances: args.world_seed.map(|seed| planted::chances(&data, seed)).transpose()?,
    };
    let learn = gathered(&config, &people, &held.history, &held.teams, &settings, decided)?;
    // Test teams are over, though their deadlines come after what is known.
    let test = gathered(&config, &people, &data, &test, &settings, |_, teams| teams.iter().collect())?;
    Ok(json!({
        "model": config.model, "k": args.k,
        "learnt_from": { "teams": held.teams.len(), "friends": learn.iter().map(Vec::len).sum::<usize>() },
        "roles": { "dim": settings.dim, "passes": settings.passes, "pull": settings.pull, "rate": settings.rate },
        "test": measure(&learn, &test, args.k, args.seed),
    }))
}

/// Whether each user takes invitations, by row.
fn invited(dataset: &Dataset, data: &TrainingData) -> Result<Vec<bool>, DatasetError> {
    let mut invited = vec![true; data.users.len()];
    dataset.for_each::<Users>(|user| {
        if let Some(row) = data.users.row(user.user_id) {
            invited[row.0 as usize] = user.invites == Invites::Friends && user.personalise;
        }
        Ok(())
    })?;
    Ok(invited)
}

fn of_split(teams: &[TeamRecord], split: Split) -> Vec<TeamRecord> {
    teams.iter().filter(|team| team.split == split).cloned().collect()
}

/// Of each of `teams` that `over` leaves, the friends who could have joined, with what `past` tells of them.
fn gathered(
    config: &TrainConfig,
    people: &People<'_>,
    past: &TrainingData,
    teams: &[TeamRecord],
    settings: &RoleSettings,
    over: impl for<'t> Fn(&Past<'_>, &'t [TeamRecord]) -> Vec<&'t TeamRecord>,
) -> Result<Vec<Vec<Asked>>, Box<dyn std::error::Error>> {
    let vectors = fit(config, past)?;
    let evidence = Past::new(past, people.consent, vectors.dim, &vectors.users, &vectors.products);
    let sizes = (past.users.len(), past.products.len());
    let roles = Roles::fit(&evidence, &of_split(&past.teams, Split::Train), sizes, settings);
    Ok(asked(&evidence, &roles, past, people, &over(&evidence, teams)))
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
    match config.model()?.fit(&fit_data, &Silent)? {
        Fitted::Embeddings(embeddings) => Ok(embeddings),
        Fitted::Scores(_) => Err("this model has no vectors; choose another `--model`".into()),
    }
}
