//! What it costs that changes outlive a crash: clients send events and wait until they are kept, with a journal and without;
//! then the journal is read back as at a start.
//!
//! ```sh
//! journal-bench --bundle bundle --clients 16 --batch 1
//! ```
//! Every client is a thread that sends its next request when the last one is acknowledged. The journal lies in `--folder`,
//! whose disk decides.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use juntos::journal;
use juntos_benches::statistics::{quantile, timed};
use juntos_datasets::tables::EventKind;
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::Bundle;
use juntos_engine::live::Change;
use juntos_engine::live::records::EventRecord;
use juntos_engine::recommend::Engine;
use serde_json::{Value, json};

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Days that the journal keeps what the bundle has; the run is shorter.
const KEEP_DAYS: u32 = 30;

/// Times changes with and without a journal and prints one line of JSON.
#[derive(Debug, Parser)]
struct Args {
    /// The bundle
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Where the journal is made; it goes with the run
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Clients at the same time
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Requests, all clients together
    #[arg(long, default_value_t = 20_000)]
    requests: usize,
    /// Events in a request
    #[arg(long, default_value_t = 1)]
    batch: usize,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => match writeln!(io::stdout(), "{line}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(fault) => {
            // Standard error is the last place to tell; when it is closed there is nobody to tell.
            let _untold = writeln!(io::stderr(), "journal-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Value, Fault> {
    let bundle = Arc::new(Bundle::open(&args.bundle)?);
    let now = bundle.manifest().cut.ok_or("the bundle knows no moment; train it on events with times")?;
    let engine = || Engine::new(bundle.clone());
    let without = send(args, &engine(), &bundle, now)?;
    let folder = tempfile::tempdir_in(&args.folder)?;
    let path = folder.path().join("journal");
    let with = send(args, &journal::keep(engine(), &path, KEEP_DAYS, now)?.0, &bundle, now)?;
    let bytes = std::fs::metadata(&path)?.len();
    let (opened, seconds) = timed(|| journal::keep(engine(), &path, KEEP_DAYS, now));
    let replayed = opened?.1;
    Ok(json!({
        "clients": args.clients,
        "requests": args.requests,
        "batch": args.batch,
        "without": without,
        "with": with,
        "bytes_a_change": bytes / replayed.applied.max(1),
        "applied_again": replayed.applied,
        "applied_again_a_second": (replayed.applied as f64 / seconds).round(),
    }))
}

/// Sends all requests; how long they took.
fn send(args: &Args, engine: &Engine, bundle: &Bundle, now: Timestamp) -> Result<Value, Fault> {
    let client = |client: usize| {
        move || -> Result<Vec<f64>, Fault> {
            let waiting = tokio::runtime::Builder::new_current_thread().build()?;
            let requests = (client..args.requests).step_by(args.clients);
            requests.map(|request| one(args, (engine, bundle), request, now, &waiting)).collect()
        }
    };
    let begun = Instant::now();
    let times: Result<Vec<Vec<f64>>, Fault> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..args.clients).map(|at| scope.spawn(client(at))).collect();
        clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked")?).collect()
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut times = times?.concat();
    Ok(json!({
        "requests_a_second": (args.requests as f64 / seconds).round(),
        "events_a_second": ((args.requests * args.batch) as f64 / seconds).round(),
        "p50_ms": quantile(&mut times, 0.5) * 1e3,
        "p99_ms": quantile(&mut times, 0.99) * 1e3,
    }))
}

/// Sends one request and waits until it is kept; the seconds that took.
fn one(
    args: &Args,
    (engine, bundle): (&Engine, &Bundle),
    request: usize,
    now: Timestamp,
    waiting: &tokio::runtime::Runtime,
) -> Result<f64, Fault> {
    let begun = Instant::now();
    for at in request * args.batch..(request + 1) * args.batch {
        // Two primes spread events over people and products.
        let (user, product) = (at * 7_919 % bundle.n_users(), at * 104_729 % bundle.n_products());
        let user = bundle.users().id(UserRow(u32::try_from(user)?));
        let product = bundle.products().id(ProductRow(u32::try_from(product)?));
        engine.apply(Change::Event(EventRecord::new(user, product, EventKind::View)), now)?;
    }
    waiting.block_on(engine.kept())?;
    Ok(begun.elapsed().as_secs_f64())
}
