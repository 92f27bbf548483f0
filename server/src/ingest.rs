//! Events from bytes to verdicts: a bad event is refused by itself and spoils no other.

use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::live::Applied;

use crate::change::apply;
use crate::error::{ApiError, ApiResult, Code};
use crate::read::{is_json, json, shape, tree, unsupported};
use crate::telemetry;
use crate::tree::Tree;
use crate::wire::events::{Event, EventResult, EventsAnswer, Verdict};

/// How events are written in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON value: an event or a list of events.
    Json,
    /// One event a line; blank lines are skipped.
    Lines,
}

impl Encoding {
    /// The encoding that a media type stands for.
    ///
    /// # Errors
    /// `unsupported_media_type`.
    pub fn of(media_type: &str) -> ApiResult<Self> {
        match media_type {
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Self::Lines),
            json if is_json(json) => Ok(Self::Json),
            other => Err(unsupported(other, "application/json or application/x-ndjson")),
        }
    }
}

/// Applies every event of `body` that is right, in order, and gives a verdict on each.
///
/// # Errors
/// The body as a whole cannot be taken apart, or holds more than `most` events: nothing was applied.
pub fn ingest(
    engine: &Engine,
    encoding: Encoding,
    body: &[u8],
    most: usize,
    now: Timestamp,
) -> ApiResult<EventsAnswer> {
    let events = split(encoding, body)?;
    if events.len() > most {
        let message = format!("the request has {} events; send at most {most} at a time", events.len());
        return Err(ApiError::new(Code::InvalidCount, message));
    }
    let mut answer = EventsAnswer::default();
    for (index, event) in events.into_iter().enumerate() {
        let result = match event.and_then(|event| accept(engine, event, now)) {
            Ok(Applied::Done) => EventResult::of(index, Verdict::Accepted),
            Ok(Applied::Duplicate) => EventResult::of(index, Verdict::Duplicate),
            Ok(Applied::Waiting) => EventResult::of(index, Verdict::Waiting),
            Err(fault) => EventResult::rejected(index, fault),
        };
        answer.push(result);
    }
    count(&answer);
    Ok(answer)
}

/// The events of a body, each by itself right or wrong.
fn split(encoding: Encoding, body: &[u8]) -> ApiResult<Vec<ApiResult<Event>>> {
    match encoding {
        Encoding::Lines => {
            let blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
            Ok(body.split(|&byte| byte == b'\n').filter(|line| !blank(line)).map(json).collect())
        }
        Encoding::Json => match tree(body)? {
            Tree::List(events) => Ok(events.into_iter().map(shape).collect()),
            event @ Tree::Object(_) => Ok(vec![shape(event)]),
            Tree::Scalar(_) => {
                Err(ApiError::new(Code::InvalidField, "the body: expected an event or a list of events"))
            }
        },
    }
}

fn accept(engine: &Engine, event: Event, now: Timestamp) -> ApiResult<Applied> {
    apply(engine, event.into_change(now)?, now)
}

fn count(answer: &EventsAnswer) {
    let EventsAnswer { accepted, duplicates, waiting, rejected, results: _ } = answer;
    let counts = [
        (Verdict::Accepted, accepted),
        (Verdict::Duplicate, duplicates),
        (Verdict::Waiting, waiting),
        (Verdict::Rejected, rejected),
    ];
    for (verdict, &number) in counts {
        metrics::counter!(telemetry::EVENTS, "verdict" => verdict.word()).increment(number as u64);
    }
}
