//! What operators see: counters and histograms for Prometheus, log lines for people and machines.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, ServerConfig};
use crate::serve::ServeError;

/// Requests by route, method and status.
pub const REQUESTS: &str = "juntos_http_requests_total";
/// Seconds from a request's head to its answer, by route, method and status.
pub const SECONDS: &str = "juntos_http_request_seconds";
/// Requests being answered.
pub const IN_FLIGHT: &str = "juntos_http_requests_in_flight";
/// Questions refused because too many waited.
pub const OVERLOADED: &str = "juntos_overloaded_total";
/// Answers by question and by the way they were found (`full`, or the word of `degraded`).
pub const ANSWERS: &str = "juntos_answers_total";
/// Answers without a single item, by question.
pub const EMPTY_ANSWERS: &str = "juntos_empty_answers_total";
/// Answers that a surface's size made shorter, by question and surface.
pub const BOUNDED_ANSWERS: &str = "juntos_bounded_answers_total";
/// Events by verdict.
pub const EVENTS: &str = "juntos_events_total";

/// Upper bounds of the latency buckets, seconds: fine around the aim of 5 ms.
const SECONDS_BUCKETS: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// How often histograms are folded when nobody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// The process's one recorder, installed on first use.
///
/// # Errors
/// Another library installed one before.
pub fn recorder() -> Result<&'static PrometheusHandle, ServeError> {
    RECORDER.get_or_init(install).as_ref().map_err(|message| ServeError::Metrics(message.clone()))
}

fn install() -> Result<PrometheusHandle, String> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(SECONDS.to_owned()), &SECONDS_BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|fault| fault.to_string())?;
    describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!(REQUESTS, "Requests by route, method and status");
    metrics::describe_histogram!(SECONDS, metrics::Unit::Seconds, "Seconds from a request's head to its answer");
    metrics::describe_gauge!(IN_FLIGHT, "Requests being answered");
    metrics::describe_counter!(OVERLOADED, "Questions refused because too many waited");
    metrics::describe_counter!(ANSWERS, "Answers by question and by how they were found");
    metrics::describe_counter!(EMPTY_ANSWERS, "Answers without an item, by question");
    metrics::describe_counter!(BOUNDED_ANSWERS, "Answers made shorter by their surface's size");
    metrics::describe_counter!(EVENTS, "Events by verdict");
}

/// Folds histograms again and again, so that they stay small when nobody scrapes.
pub(crate) async fn upkeep() {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        if let Ok(handle) = recorder() {
            handle.run_upkeep();
        }
    }
}

/// Sends log lines to standard error as the settings say. Does nothing when a subscriber is installed already.
///
/// # Errors
/// `log` is not a filter.
pub fn log_to_stderr(config: &ServerConfig) -> Result<(), ServeError> {
    let filter = EnvFilter::try_new(&config.log).map_err(|_| crate::config::ConfigError::Range {
        key: "log",
        got: config.log.clone(),
        expected: "set it to a level (error, warn, info, debug, trace) or to filters such as `info,juntos=debug`",
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let installed = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    if installed.is_err() {
        tracing::debug!("a log subscriber is installed already; keeping it");
    }
    Ok(())
}
