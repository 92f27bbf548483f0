//! How well products are ranked for newcomers: people are withheld with all that they did, and what they did is then
//! ranked by what is popular, by their friends and by what people of their country and language like, before their
//! first event and after one and three of them.
//!
//! Cohorts and how far they are believed are learnt from the people who are left, as training does it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use juntos_datasets::dataset::Dataset;
use juntos_datasets::progress::Silent;
use juntos_datasets::tables::Users;
use juntos_datasets::training::TrainingData;
use juntos_datasets::{Csr, Row, UserRow};
use juntos_engine::cohorts::{Believed, Cohorts, FriendsMean, Home, Newcomer};
use juntos_engine::fold::{FoldEvent, Products, fold};
use juntos_engine::serving_model::FoldIn;
use juntos_trainer::config::TrainConfig;
use juntos_trainer::evaluate::products::{Case, measure, popularity, rank_exactly};
use juntos_trainer::evaluate::rank::{first_allowed, order_by_score};
use juntos_trainer::models::cohorts::{People, judge, learn};
use juntos_trainer::models::{Embeddings, FitData, Fitted};
use juntos_trainer::prepare::hold_out;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Ranks for people who are withheld from a model, and prints one JSON object.
#[derive(Debug, Parser)]
#[command(name = "newcomer-bench")]
struct Args {
    /// Folder of the dataset
    #[arg(long)]
    data: PathBuf,
    /// Settings of training in TOML, as `juntos train` takes them
    #[arg(long)]
    config: Option<PathBuf>,
    /// Model that makes the vectors
    #[arg(long, default_value = "als")]
    model: String,
    /// Share of the people with a history that is withheld
    #[arg(long, default_value_t = 0.1)]
    share: f64,
    /// Fewest products that a withheld person has
    #[arg(long, default_value_t = 5)]
    products: usize,
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
            let _untold = writeln!(io::stderr(), "newcomer-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Value, Box<dyn std::error::Error>> {
    if !(args.share > 0.0 && args.share < 1.0) {
        return Err(format!("`--share` is {}; it must be above 0 and below 1", args.share).into());
    }
    let mut config = args.config.as_deref().map_or_else(|| Ok(TrainConfig::default()), TrainConfig::read)?;
    config.model.clone_from(&args.model);
    let dataset = Dataset::open(&args.data)?;
    let all = TrainingData::load(&dataset, &config.events)?;
    let withheld = withhold(&all, args);
    let history = without(&all, &withheld);
    let embeddings = fit(&config, &history)?;
    let held = hold_out(&history, args.seed);
    let past = fit(&config, &held.history)?;
    let people = People::read(&dataset, &held.history)?;
    let Some((believed, told)) = judge(&held, &people, &past, &embeddings.fold) else {
        return Err("too few people say where they live or what they read; use data with countries".into());
    };
    let Some(cohorts) = learn(&dataset, &history, &embeddings, believed)? else {
        return Err("no cohort is large enough; use more data".into());
    };
    let bench = Bench {
        all: &all,
        history: &history,
        homes: homes(&dataset, &all)?,
        embeddings: &embeddings,
        gram: gram(&embeddings),
        cohorts: &cohorts,
        k: args.k,
    };
    let figures = |of: &[u32]| {
        let events = [0, 1, 3].map(|count| (format!("after {count} events"), bench.figures(of, count)));
        json!({ "people": of.len(), "figures": BTreeMap::from(events) })
    };
    let rows: Vec<u32> = withheld.into_iter().collect();
    let (with, alone): (Vec<u32>, Vec<u32>) = rows.iter().partition(|&&user| bench.friends(user).is_some());
    Ok(json!({
        "model": config.model, "dim": embeddings.dim, "k": args.k, "withheld": rows.len(), "cohorts": cohorts.len(),
        "believed": {
            "beside_friends": believed.beside_friends, "alone": believed.alone, "in_fold": believed.in_fold,
        },
        "learnt_from": told,
        "with_friends": figures(&with), "without_friends": figures(&alone), "everybody": figures(&rows),
    }))
}

/// Some of the people with a history.
fn withhold(data: &TrainingData, args: &Args) -> BTreeSet<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let known = (0..data.interactions.rows()).filter(|&user| data.interactions.row(user).0.len() >= args.products);
    known.filter(|_| rng.random_bool(args.share)).map(|user| user as u32).collect()
}

/// The data as if these people had only come and made friends.
fn without(data: &TrainingData, withheld: &BTreeSet<u32>) -> TrainingData {
    let mut history = data.clone();
    let all = &data.interactions;
    history.interactions = Csr::by_rows(all.rows(), all.columns(), |user, cells| {
        if !withheld.contains(&(user as u32)) {
            cells.extend(all.entries(user));
        }
    });
    history.teams.retain(|team| team.members().iter().all(|member| !withheld.contains(&member.0)));
    withheld.iter().for_each(|&user| history.possessions[user as usize].clear());
    history.valid = Csr::empty(all.rows(), all.columns());
    history
}

fn fit(config: &TrainConfig, data: &TrainingData) -> Result<Embeddings, Box<dyn std::error::Error>> {
    let fit_data = FitData {
        interactions: &data.interactions,
        friends: &data.friends,
        groups: &[],
        dim: config.dim_for(data.users.len()),
        seed: config.seed,
    };
    match config.model()?.fit(&fit_data, &Silent)? {
        Fitted::Embeddings(embeddings) => Ok(embeddings),
        Fitted::Scores(_) => Err("this model has no vectors to rank with; choose another `--model`".into()),
    }
}

fn homes(dataset: &Dataset, data: &TrainingData) -> Result<Vec<Home>, Box<dyn std::error::Error>> {
    let mut homes = vec![Home::default(); data.users.len()];
    dataset.for_each::<Users>(|user| {
        if let Some(row) = data.users.row(user.user_id) {
            let country = user.country.and_then(|code| code.parse().ok());
            homes[row.index()] = Home::new(country, user.language.and_then(|code| code.parse().ok()));
        }
        Ok(())
    })?;
    Ok(homes)
}

fn gram(embeddings: &Embeddings) -> Vec<f32> {
    let dim = embeddings.dim;
    let mut gram = vec![0f32; dim * dim];
    for product in embeddings.products.chunks_exact(dim) {
        for (row, &value) in product.iter().enumerate() {
            let cells = &mut gram[row * dim..(row + 1) * dim];
            cells.iter_mut().zip(product).for_each(|(cell, &other)| *cell += value * other);
        }
    }
    gram
}

/// A cohort that is believed where there is nothing else, whether or not training found that it helps.
fn alone(newcomer: Newcomer<'_>) -> Newcomer<'_> {
    let in_fold = newcomer.believed.in_fold.max(0.5);
    Newcomer { believed: Believed { alone: true, in_fold, ..newcomer.believed }, ..newcomer }
}

/// The vector of the newcomer at a place among those looked at, who may have a cohort.
type Way<'a> = dyn Fn(usize, Option<Newcomer<'_>>) -> Option<Vec<f32>> + 'a;

struct Bench<'a> {
    all: &'a TrainingData,
    history: &'a TrainingData,
    homes: Vec<Home>,
    embeddings: &'a Embeddings,
    gram: Vec<f32>,
    cohorts: &'a Cohorts,
    k: usize,
}

impl Bench<'_> {
    /// Recall and NDCG of each way to rank, for these people after so many of their events.
    fn figures(&self, people: &[u32], events: usize) -> Value {
        let cases: Vec<(Case, Vec<u32>)> = people.iter().map(|&user| self.case(user, events)).collect();
        let friends: Vec<Option<FriendsMean>> = people.iter().map(|&user| self.friends(user)).collect();
        let vectors = |way: &Way<'_>| {
            let rank = |at: usize| {
                let (case, first) = &cases[at];
                let newcomer = self.cohorts.newcomer(self.homes[case.user.index()]);
                match events {
                    0 => way(at, newcomer),
                    _ => Some(self.folded(case.user, first, way(at, newcomer))),
                }
            };
            self.ranked(&cases, (0..cases.len()).map(rank).collect())
        };
        let believed = |newcomer: Newcomer<'_>, friends: Option<FriendsMean>| match events {
            0 => newcomer.taste(friends),
            _ => Some(newcomer.prior(friends, 1.0)),
        };
        let mut ways = BTreeMap::from([
            ("friends", vectors(&|at, _| friends[at].clone().map(|mean| mean.vector))),
            ("cohort", vectors(&|_, newcomer| believed(alone(newcomer?), None))),
            (
                "served",
                vectors(&|at, newcomer| match newcomer {
                    Some(newcomer) => believed(newcomer, friends[at].clone()),
                    None => friends[at].clone().map(|mean| mean.vector),
                }),
            ),
            ("popularity", self.popular(&cases, |_| Home::default())),
            ("popularity in the country", self.popular(&cases, |home| home.country_only())),
        ]);
        if events == 0 {
            let dim = self.embeddings.dim;
            let own = |at: usize| self.embeddings.users[people[at] as usize * dim..][..dim].to_vec();
            ways.insert("trained with friends", vectors(&|at, _| Some(own(at))));
        } else {
            ways.insert("events alone", vectors(&|_, _| None));
        }
        json!(ways)
    }

    /// What a withheld person did: so many products in an arbitrary fixed order are known, the rest is to be found.
    fn case(&self, user: u32, events: usize) -> (Case, Vec<u32>) {
        let mut products: Vec<u32> = self.all.interactions.row(user as usize).0.to_vec();
        products.sort_unstable_by_key(|&product| product.wrapping_mul(2_654_435_761).rotate_left(user % 31));
        let mut relevant = products.split_off(events.min(products.len()));
        relevant.sort_unstable();
        let mut seen = products.clone();
        seen.sort_unstable();
        (Case { user: UserRow(user), seen, relevant }, products)
    }

    fn friends(&self, user: u32) -> Option<FriendsMean> {
        let dim = self.embeddings.dim;
        let (mut vector, mut strength) = (vec![0f32; dim], 0f32);
        for (friend, near) in self.history.friends.entries(user as usize) {
            let theirs = &self.embeddings.users[friend as usize * dim..][..dim];
            if !self.history.interactions.row(friend as usize).0.is_empty() {
                vector.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += near * value);
                strength += near;
            }
        }
        vector.iter_mut().for_each(|value| *value /= strength);
        (strength > 0.0).then_some(FriendsMean { vector, strength })
    }

    fn folded(&self, user: UserRow, first: &[u32], prior: Option<Vec<f32>>) -> Vec<f32> {
        let (dim, settings): (usize, FoldIn) = (self.embeddings.dim, self.embeddings.fold);
        let event = |&product: &u32| FoldEvent {
            vector: &self.embeddings.products[product as usize * dim..][..dim],
            weight: self.all.interactions.get(user.index(), product),
        };
        let events: Vec<FoldEvent<'_>> = first.iter().map(event).collect();
        let products = Products::new(&self.gram, self.history.products.len());
        fold(products, &settings, &events, &prior.unwrap_or_else(|| vec![0.0; dim]))
    }

    /// People without a vector get what is popular in their country.
    fn ranked(&self, cases: &[(Case, Vec<u32>)], vectors: Vec<Option<Vec<f32>>>) -> Value {
        let dim = self.embeddings.dim;
        let known: Vec<usize> = (0..cases.len()).filter(|&at| vectors[at].is_some()).collect();
        let users = known.iter().flat_map(|&at| vectors[at].clone().unwrap_or_default()).collect();
        let moved: Vec<Case> =
            (0..).zip(&known).map(|(row, &at)| Case { user: UserRow(row), ..cases[at].0.clone() }).collect();
        let of_known = Embeddings { users, dim, ..self.embeddings.clone() };
        let popular = popularity(&self.history.interactions);
        let mut lists = self.popular_lists(cases, |home| home.country_only());
        let ranked = rank_exactly(&moved, &of_known, &popular, self.k);
        known.into_iter().zip(ranked).for_each(|(at, list)| lists[at] = list);
        self.measured(cases, lists)
    }

    fn popular(&self, cases: &[(Case, Vec<u32>)], of: impl Fn(Home) -> Home) -> Value {
        self.measured(cases, self.popular_lists(cases, of))
    }

    /// Products by the number of people of the same `of` home who have them.
    fn popular_lists(&self, cases: &[(Case, Vec<u32>)], of: impl Fn(Home) -> Home) -> Vec<Vec<u32>> {
        let mut counts: HashMap<Home, Vec<f32>> = HashMap::new();
        let interactions = &self.history.interactions;
        for user in 0..interactions.rows() {
            let there = counts.entry(of(self.homes[user])).or_insert_with(|| vec![0.0; interactions.columns()]);
            interactions.row(user).0.iter().for_each(|&product| there[product as usize] += 1.0);
        }
        let orders: HashMap<Home, Vec<u32>> =
            counts.into_iter().map(|(home, counts)| (home, order_by_score(&counts))).collect();
        let list = |(case, _): &(Case, Vec<u32>)| {
            let order = orders.get(&of(self.homes[case.user.index()])).map_or(&[][..], Vec::as_slice);
            first_allowed(order, &case.seen, self.k)
        };
        cases.iter().map(list).collect()
    }

    fn measured(&self, cases: &[(Case, Vec<u32>)], lists: Vec<Vec<u32>>) -> Value {
        let cases: Vec<Case> = cases.iter().map(|(case, _)| case.clone()).collect();
        let metrics = measure(&cases, lists, &[self.k], self.history.products.len());
        let figure = |name: &str| metrics[&format!("{name}@{}", self.k)];
        json!({ "recall": figure("recall"), "ndcg": figure("ndcg") })
    }
}
