//! What happens to every request on its way in and out: its id, its time limit, its count, its errors' bodies.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use juntos_datasets::units::Timestamp;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::error::{ApiError, Code};
use crate::state::AppState;
use crate::telemetry;

/// Header that carries the request's id, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id taken over from a client, bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// What the door knows about a request; handlers take it as an extension.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// The client's `x-request-id` where it is usable, else one of ours.
    pub request_id: String,
    /// The moment of the request.
    pub now: Timestamp,
    /// The languages that the client's reader likes.
    pub accept_language: Option<HeaderValue>,
    /// What the client shows of itself; kept out of logs.
    pub authorization: Option<HeaderValue>,
}

impl Visit {
    /// Decides the random choices of the answer: the same request id gives the same answer.
    pub fn seed(&self) -> u64 {
        xxh3_64(self.request_id.as_bytes())
    }

    fn of(request: &Request, now: Timestamp) -> Self {
        let header = |name: HeaderName| request.headers().get(name).cloned();
        let mut authorization = header(AUTHORIZATION);
        authorization.iter_mut().for_each(|value| value.set_sensitive(true));
        Self { request_id: request_id(request), now, accept_language: header(ACCEPT_LANGUAGE), authorization }
    }

    /// Names the answer to `question` for the events it leads to.
    pub fn recommendation_id(&self, question: &str) -> String {
        let text = format!("{}\n{}\n{question}", self.request_id, self.now.millis());
        format!("rec-{:032x}", xxh3_128(text.as_bytes()))
    }
}

/// The outermost layer.
pub async fn attend(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let visit = Visit::of(&request, state.now());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    request.extensions_mut().insert(visit.clone());

    let in_flight = InFlight::enter();
    let mut response = match tokio::time::timeout(state.config().request_timeout(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(Code::TimedOut, "the answer took too long; try again").into_response(),
    };
    drop(in_flight);
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let headers = std::mem::take(response.headers_mut());
        response = error.respond(&visit.request_id);
        keep_allow(headers, &mut response);
    }
    if let Ok(value) = HeaderValue::from_str(&visit.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    record(route, method, &visit, &response, started);
    response
}

/// Turns a panic in a handler into `internal`.
#[expect(clippy::needless_pass_by_value, reason = "the signature is tower-http's")]
pub fn answer_panic(panic: Box<dyn std::any::Any + Send>) -> Response {
    crate::pool::log_panic(panic.as_ref());
    ApiError::internal().into_response()
}

/// `Allow` belongs to 405 and is written by the router.
fn keep_allow(headers: axum::http::HeaderMap, response: &mut Response) {
    use axum::http::header::ALLOW;
    if let Some(allow) = headers.get(ALLOW) {
        response.headers_mut().insert(ALLOW, allow.clone());
    }
}

fn record(route: String, method: &'static str, visit: &Visit, response: &Response, started: Instant) {
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    tracing::debug!(
        request.id = visit.request_id,
        route,
        method,
        status,
        elapsed_ms = elapsed.as_secs_f64() * 1000.0,
        "answered"
    );
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!(telemetry::REQUESTS, &labels).increment(1);
    metrics::histogram!(telemetry::SECONDS, &labels).record(elapsed.as_secs_f64());
}

/// Counts a request as in flight until dropped, also when the client goes away.
struct InFlight;

impl InFlight {
    fn enter() -> Self {
        metrics::gauge!(telemetry::IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!(telemetry::IN_FLIGHT).decrement(1.0);
    }
}

/// Known methods only: a label must not be the client's to invent.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        _ => "other",
    }
}

fn request_id(request: &Request) -> String {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match sent {
        Some(id)
            if (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            id.to_owned()
        }
        _ => fresh_request_id(),
    }
}

/// Unlike every other of this process, and most likely of any process.
fn fresh_request_id() -> String {
    static PROCESS: LazyLock<(RandomState, RandomState)> = LazyLock::new(|| (RandomState::new(), RandomState::new()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}{:016x}", PROCESS.0.hash_one(count), PROCESS.1.hash_one(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_request_gets_the_same_seed_and_every_question_its_own_id() {
        let visit = Visit { request_id: "r".to_owned(), now: Timestamp::from_millis(7), ..Visit::default() };
        assert_eq!(visit.seed(), visit.clone().seed());
        assert_eq!(visit.recommendation_id("feed"), visit.recommendation_id("feed"));
        assert_ne!(visit.recommendation_id("feed"), visit.recommendation_id("similar"));
        let later = Visit { now: Timestamp::from_millis(8), ..visit.clone() };
        assert_ne!(visit.recommendation_id("feed"), later.recommendation_id("feed"));
    }

    #[test]
    fn request_ids_of_clients_are_taken_over_only_when_plain() {
        let with = |id: &str| Request::builder().header(REQUEST_ID, id).body(axum::body::Body::empty()).unwrap();
        assert_eq!(request_id(&with("abc-1")), "abc-1");
        for bad in ["", "a b", &"x".repeat(MAX_REQUEST_ID_BYTES + 1)] {
            assert_ne!(request_id(&with(bad)), bad);
        }
        assert_ne!(fresh_request_id(), fresh_request_id());
    }

    #[test]
    fn a_panic_tells_the_client_nothing() {
        let mut response = answer_panic(Box::new("secret"));
        assert_eq!(response.extensions_mut().remove::<ApiError>(), Some(ApiError::internal()));
    }
}
