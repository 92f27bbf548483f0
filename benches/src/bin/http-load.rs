//! Open-loop load on one route: requests leave on a fixed schedule, and each is timed from its scheduled moment, so
//! that a slow answer cannot hide the ones it delays ("coordinated omission", G. Tene, 2013).
//!
//! ```sh
//! http-load --target 127.0.0.1:8080 --users ids.txt --rate 1000 --seconds 20
//! ```

#![forbid(unsafe_code)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;

/// Longest wait for one answer; beyond it the request counts as an error and its connection is opened anew.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends requests on a fixed schedule and prints how long answers took, counted from the schedule.
#[derive(Debug, Parser)]
struct Load {
    /// The server; loopback only
    #[arg(long, default_value = "127.0.0.1:8080")]
    target: SocketAddr,
    /// Route that takes POST
    #[arg(long, default_value = "/v1/recommend/feed")]
    path: String,
    /// File with one JSON body a line, sent in turn
    #[arg(long, value_name = "FILE", required_unless_present = "users", conflicts_with = "users")]
    bodies: Option<PathBuf>,
    /// File with one user id a line, sent in turn as {"user_id": …, "limit": …}
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Items asked for with --users
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Requests a second
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// Seconds to measure
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Seconds of the same load before measuring
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// Connections kept open
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let load = Load::parse();
    match load.check().and_then(|bodies| load.run(&bodies)) {
        Ok(report) => match report.print(load.json) {
            Ok(()) if report.errors == 0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        },
        Err(message) => {
            // Standard error is the last place to tell; when it is closed there is nobody to tell.
            let _untold = writeln!(io::stderr(), "http-load: {message}");
            ExitCode::from(2)
        }
    }
}

impl Load {
    fn check(&self) -> Result<Vec<String>, String> {
        if !self.target.ip().is_loopback() {
            return Err(format!("--target {} is not loopback; load is for servers on this machine", self.target));
        }
        let sane = |number: f64, least: f64| number.is_finite() && number >= least;
        if !sane(self.rate, 0.1) || !sane(self.seconds, 0.1) || !sane(self.warmup, 0.0) || self.connections == 0 {
            return Err("--rate and --seconds must be 0.1 or more, --warmup 0 or more, --connections 1 or more".into());
        }
        let bodies = match (&self.bodies, &self.users) {
            (Some(file), _) => lines(file)?,
            (None, Some(file)) => {
                lines(file)?.iter().map(|id| json!({"user_id": id, "limit": self.limit}).to_string()).collect()
            }
            (None, None) => return Err("give --bodies or --users".into()),
        };
        if bodies.is_empty() {
            return Err("the file has no lines; put one body or user id on each".into());
        }
        Ok(bodies)
    }

    fn run(&self, bodies: &[String]) -> Result<Report, String> {
        let requests: Vec<Vec<u8>> = bodies.iter().map(|body| self.request(body)).collect();
        let slots = ((self.warmup + self.seconds) * self.rate) as u64;
        let first_measured = (self.warmup * self.rate) as u64;
        let schedule =
            Schedule { next: AtomicU64::new(0), slots, first_measured, rate: self.rate, start: start_soon() };
        let connections: Vec<Connection> =
            (0..self.connections).map(|_| Connection::open(self.target)).collect::<Result<_, _>>()?;
        let parts: Result<Vec<Part>, String> = thread::scope(|scope| {
            let workers: Vec<_> = connections
                .into_iter()
                .map(|connection| scope.spawn(|| schedule.work(connection, &requests)))
                .collect();
            workers.into_iter().map(|worker| worker.join().map_err(|_| "a thread panicked".to_owned())).collect()
        });
        Ok(Report::of(parts?, self))
    }

    fn request(&self, body: &str) -> Vec<u8> {
        format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.path,
            self.target,
            body.len()
        )
        .into_bytes()
    }
}

fn lines(file: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(file).map_err(|fault| format!("cannot read {}: {fault}", file.display()))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// A moment from now, so that every thread is there when the first request is due.
fn start_soon() -> Instant {
    Instant::now() + Duration::from_millis(200)
}

/// Which request is due when. Whoever is free takes the next one.
struct Schedule {
    next: AtomicU64,
    slots: u64,
    first_measured: u64,
    rate: f64,
    start: Instant,
}

/// What one connection saw.
#[derive(Default)]
struct Part {
    micros: Vec<u64>,
    errors: u64,
    first_error: Option<String>,
}

impl Schedule {
    fn work(&self, mut connection: Connection, requests: &[Vec<u8>]) -> Part {
        let mut part = Part::default();
        loop {
            let slot = self.next.fetch_add(1, Ordering::Relaxed);
            if slot >= self.slots {
                return part;
            }
            let due = self.start + Duration::from_secs_f64(slot as f64 / self.rate);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let result = connection.ask(&requests[(slot % requests.len() as u64) as usize]);
            let micros = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
            if slot >= self.first_measured {
                part.add(result, micros);
            }
        }
    }
}

impl Part {
    fn add(&mut self, result: Result<(), String>, micros: u64) {
        self.micros.push(micros);
        if let Err(message) = result {
            self.errors += 1;
            self.first_error.get_or_insert(message);
        }
    }
}

/// A connection kept open, and opened anew after a fault.
struct Connection {
    target: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(target: SocketAddr) -> Result<Self, String> {
        let open = || -> io::Result<TcpStream> {
            let stream = TcpStream::connect(target)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            Ok(stream)
        };
        let stream = open().map_err(|fault| format!("cannot connect to {target}: {fault}"))?;
        Ok(Self { target, stream: BufReader::new(stream) })
    }

    fn ask(&mut self, request: &[u8]) -> Result<(), String> {
        match self.exchange(request) {
            Ok(200) => Ok(()),
            Ok(status) => Err(format!("status {status}")),
            Err(fault) => {
                *self = Self::open(self.target)?;
                Err(fault.to_string())
            }
        }
    }

    /// Sends one request, reads its whole answer, gives its status.
    fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.get_mut().write_all(request)?;
        let strange = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| strange("the answer has no status line"))?;
        let mut length = None;
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(strange("the connection closed within an answer"));
            }
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<u64>().ok();
            }
        }
        let length = length.ok_or_else(|| strange("the answer has no content-length"))?;
        let read = io::copy(&mut self.stream.by_ref().take(length), &mut io::sink())?;
        if read < length { Err(strange("the connection closed within an answer")) } else { Ok(status) }
    }
}

/// The figures of a run.
struct Report {
    requests: usize,
    errors: u64,
    first_error: Option<String>,
    asked_rate: f64,
    seconds: f64,
    /// Milliseconds at p50, p90, p99, p99.9 and the greatest.
    quantiles_ms: [f64; 5],
}

impl Report {
    fn of(parts: Vec<Part>, load: &Load) -> Self {
        let errors = parts.iter().map(|part| part.errors).sum();
        let first_error = parts.iter().find_map(|part| part.first_error.clone());
        let mut micros: Vec<u64> = parts.into_iter().flat_map(|part| part.micros).collect();
        micros.sort_unstable();
        let quantiles_ms = [0.5, 0.9, 0.99, 0.999, 1.0].map(|part| quantile(&micros, part) as f64 / 1000.0);
        let requests = micros.len();
        Self { requests, errors, first_error, asked_rate: load.rate, seconds: load.seconds, quantiles_ms }
    }

    fn print(&self, as_json: bool) -> io::Result<()> {
        let [p50, p90, p99, p999, max] = self.quantiles_ms;
        let mut out = io::stdout().lock();
        if as_json {
            let report = json!({
                "requests": self.requests, "errors": self.errors, "first_error": self.first_error,
                "rate": self.asked_rate, "seconds": self.seconds,
                "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "p999_ms": p999, "max_ms": max,
            });
            return writeln!(out, "{report}");
        }
        writeln!(
            out,
            "{} requests at {}/s in {} s, {} errors",
            self.requests, self.asked_rate, self.seconds, self.errors
        )?;
        if let Some(message) = &self.first_error {
            writeln!(out, "first error: {message}")?;
        }
        writeln!(out, "ms from schedule: p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {p999:.2}  max {max:.2}")
    }
}

/// The smallest of `sorted` that at least `part` of them do not exceed; 0 of none.
fn quantile(sorted: &[u64], part: f64) -> u64 {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|part| quantile(&sorted, part)), [50, 99, 100]);
        assert_eq!(quantile(&[], 0.5), 0);
        assert_eq!(quantile(&[7], 0.5), 7);
    }

    #[test]
    fn only_loopback_is_loaded() {
        let load = Load::parse_from(["http-load", "--target", "192.0.2.1:80", "--users", "ids"]);
        assert!(load.check().unwrap_err().contains("not loopback"));
    }
}
