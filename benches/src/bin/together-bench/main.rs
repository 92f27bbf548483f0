//! What buying together costs in a large world, on one thread: products for a group of ten with 200 friends each, friends
//! for a product for somebody with 5,000, and open teams to join among a million.
//!
//! ```sh
//! together-bench --bundle bundle
//! ```
//! The people are the bundle's. Friends whom they lack, and the teams, come in as live changes before anything is asked, so
//! the overlay of live state is measured too. Every question is asked by somebody else than the one before, and the first
//! round, which prepares sets of allowed products and reads pages from the disk, does not count. Each question is
//! asked several times in a row, and beside all times stands the fastest of each, which other programs on the machine lengthen
//! least. Beside the clock stands the CPU time of the thread, in which waiting for other programs does not count.

#![forbid(unsafe_code)]

mod world;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cpu_time::ThreadTime;
use juntos_benches::process::Memory;
use juntos_benches::statistics::{quantile, timed};
use juntos_engine::Bundle;
use juntos_engine::recommend::{Engine, Snapshot};
use juntos_engine::request::Context;
use serde_json::json;

use crate::world::{Sizes, World};

/// Asks the three questions of buying together and prints how long answers took, as one line of JSON.
#[derive(Debug, Parser)]
struct Args {
    /// The bundle
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Questions of each kind that are timed
    #[arg(long, default_value_t = 500)]
    questions: usize,
    /// Times that each question is asked in a row
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Friends of those who ask whom to invite
    #[arg(long, default_value_t = 5_000)]
    friends: usize,
    /// Members of a group
    #[arg(long, default_value_t = 10)]
    group: usize,
    /// Friends of each member of a group
    #[arg(long, default_value_t = 200)]
    member_friends: usize,
    /// Open teams
    #[arg(long, default_value_t = 1_000_000)]
    teams: usize,
    /// Items asked for
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Decides every random choice
    #[arg(long, default_value_t = 1)]
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
            let _untold = writeln!(io::stderr(), "together-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let mut bundle = Bundle::open(&args.bundle)?;
    bundle.warm();
    let now = bundle.manifest().cut.ok_or("the bundle knows no moment; train it on events with times")?;
    let engine = Engine::new(Arc::new(bundle));
    let sizes = Sizes { friends: args.friends, group: args.group, member_friends: args.member_friends };
    let mut world = World::new(&engine, now, args.seed);
    let (circles, friends_seconds) = timed(|| world.add_friends(&sizes));
    let circles = circles?;
    let (teams, teams_seconds) = timed(|| world.open_teams(args.teams));
    teams?;
    let snapshot = engine.snapshot();
    let context = Context::new(now, args.limit);
    let asked = Asked { snapshot: &snapshot, context: &context, questions: args.questions, repeats: args.repeats };
    let hub = |at: usize| &circles.hubs[at % circles.hubs.len()];
    let group = |at: usize| &circles.groups[at % circles.groups.len()];
    // Whom to invite is asked for what the person sees in her feed, so that she may buy it.
    let seen = |hub: &String| -> Result<Vec<String>, Box<dyn std::error::Error>> {
        Ok(snapshot.feed(hub, &context)?.items.into_iter().map(|item| item.product_id).collect())
    };
    let seen: Vec<Vec<String>> = circles.hubs.iter().map(seen).collect::<Result<_, _>>()?;
    let wanted = |at: usize| {
        let products = &seen[at % seen.len()];
        products.get(at / seen.len() % products.len().max(1)).ok_or("a person's feed is empty; train a larger bundle")
    };
    let products = asked.timed(|snapshot, at| Ok(snapshot.group_products(group(at), false, &context)?.items.len()))?;
    let friends =
        asked.timed(|snapshot, at| Ok(snapshot.group_friends(hub(at), wanted(at)?, &context)?.items.len()))?;
    let teams = asked.timed(|snapshot, at| Ok(snapshot.group_teams(&world.user(at), &context)?.items.len()))?;
    Ok(json!({
        "users": snapshot.bundle().n_users(),
        "products": snapshot.bundle().n_products(),
        "dim": snapshot.bundle().dim(),
        "open_teams": args.teams,
        "questions": args.questions,
        "resident_mib": Memory::now()?.resident_mib,
        "seconds_to_add_friends": friends_seconds,
        "seconds_to_open_teams": teams_seconds,
        "group_products": products,
        "group_friends": friends,
        "group_teams": teams,
    }))
}

struct Asked<'a> {
    snapshot: &'a Snapshot,
    context: &'a Context,
    questions: usize,
    repeats: usize,
}

impl Asked<'_> {
    /// Asks each question once before they are timed, and then some times more; `ask` answers with the number of items.
    fn timed(
        &self,
        ask: impl Fn(&Snapshot, usize) -> Result<usize, Box<dyn std::error::Error>>,
    ) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
        let mut items = 0;
        for at in 0..self.questions {
            items += ask(self.snapshot, at)?;
        }
        let (mut clock, mut cpu) = (Times::default(), Times::default());
        for at in 0..self.questions {
            let mut round = (Vec::new(), Vec::new());
            for _ in 0..self.repeats.max(1) {
                let before = ThreadTime::try_now()?;
                let (answered, seconds) = timed(|| ask(self.snapshot, at));
                round.1.push(before.try_elapsed()?.as_secs_f64());
                round.0.push(seconds);
                answered?;
            }
            clock.add(&round.0);
            cpu.add(&round.1);
        }
        Ok(json!({
            "cpu_ms": cpu.quantiles(),
            "clock_ms": clock.quantiles(),
            "mean_items": items as f64 / self.questions as f64,
            "limit": self.context.limit,
        }))
    }
}

/// Seconds that questions took.
#[derive(Default)]
struct Times {
    all: Vec<f64>,
    /// Of each question when it took the least.
    fastest: Vec<f64>,
}

impl Times {
    /// Adds the times of one question.
    fn add(&mut self, seconds: &[f64]) {
        self.all.extend(seconds);
        self.fastest.extend(seconds.iter().copied().reduce(f64::min));
    }

    fn quantiles(&mut self) -> serde_json::Value {
        json!({ "all": quantiles(&mut self.all), "fastest": quantiles(&mut self.fastest) })
    }
}

/// The usual quantiles of times in seconds, in milliseconds.
fn quantiles(seconds: &mut [f64]) -> serde_json::Value {
    let mut at = |share: f64| (quantile(seconds, share) * 1e6).round() / 1e3;
    json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "worst": at(1.0) })
}
