//! What operators see: counters and histograms for Prometheus, log lines for people and machines.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use juntos_engine::index::MergeStatus;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, ServerConfig};
use crate::serve::ServeError;
use crate::state::AppState;

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
/// Times that waiting changes were merged into the vector index.
pub const INDEX_MERGES: &str = "juntos_index_merges_total";
/// Merges of the vector index that failed.
pub const INDEX_MERGE_FAILURES: &str = "juntos_index_merge_failures_total";
/// Changes written to the journal.
pub const JOURNAL_CHANGES: &str = "juntos_journal_changes_total";
/// Seconds that the disk took for what was written to the journal at once.
pub const JOURNAL_SECONDS: &str = "juntos_journal_write_seconds";
/// 1 when the journal can be written no more, so that no change is taken.
pub const JOURNAL_FAILED: &str = "juntos_journal_failed";

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
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full(JOURNAL_SECONDS.to_owned()), &SECONDS_BUCKETS))
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
    metrics::describe_counter!(JOURNAL_CHANGES, "Changes written to the journal");
    metrics::describe_histogram!(JOURNAL_SECONDS, metrics::Unit::Seconds, "Seconds for what was written at once");
    metrics::describe_gauge!(JOURNAL_FAILED, "1 when the journal can be written no more");
    metrics::describe_counter!(INDEX_MERGES, "Times that waiting changes were merged into the vector index");
    metrics::describe_counter!(INDEX_MERGE_FAILURES, "Merges of the vector index that failed");
}

/// Folds histograms again and again, so that they stay small when nobody scrapes, and tells of the index's merges.
pub(crate) async fn upkeep(state: AppState) {
    let mut tick = tokio::time::interval(UPKEEP);
    let mut told = MergeStatus::default();
    loop {
        tick.tick().await;
        if let Ok(handle) = recorder() {
            handle.run_upkeep();
        }
        let engine = state.engine();
        // It may wait a moment for the merger, which is not for this thread to do.
        if let Ok(status) = tokio::task::spawn_blocking(move || engine.merge_status()).await {
            tell(&told, &status);
            told = status;
        }
    }
}

/// Tells of the merges that happened between two looks.
fn tell(before: &MergeStatus, now: &MergeStatus) {
    // Another engine in the place of the first counts from nothing again.
    metrics::counter!(INDEX_MERGES).increment(now.merged.saturating_sub(before.merged));
    let failed = now.failed.saturating_sub(before.failed);
    metrics::counter!(INDEX_MERGE_FAILURES).increment(failed);
    if let Some(fault) = now.failure.as_ref().filter(|_| failed > 0) {
        tracing::error!(%fault, failed, "new products wait outside the index and are scanned");
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

#[cfg(test)]
mod tests {
    use juntos_engine::index::LiveError;

    use super::*;

    #[test]
    fn merges_are_counted_once_each() {
        let recorder = recorder().unwrap();
        let failure = Some(LiveError::Merge { problem: "no memory".to_owned() });
        let first = MergeStatus { merged: 2, ..MergeStatus::default() };
        let second = MergeStatus { merged: 3, failed: 1, failure, ..MergeStatus::default() };
        tell(&MergeStatus::default(), &first);
        tell(&first, &second);
        tell(&second, &second);
        // A new engine begins at nothing.
        tell(&second, &first);
        let shown = recorder.render();
        assert!(shown.contains("juntos_index_merges_total 3\n"), "{shown}");
        assert!(shown.contains("juntos_index_merge_failures_total 1\n"), "{shown}");
    }
}
