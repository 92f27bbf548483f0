//! Two teams' lives over HTTP, written to `docs/transcripts`: one from opening to success, one whose deadline passes.
//!
//! The files are what this server answers: the tests fail where they differ. After a change that is wanted,
//!
//! ```sh
//! JUNTOS_WRITE_TRANSCRIPTS=1 cargo test -p juntos --test main transcripts
//! ```
//!
//! writes them anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use juntos_datasets::units::Timestamp;
use serde_json::Value;

use crate::world::{NOW, send, server_at};

/// A server, its clock, and what was said so far.
struct Transcript {
    server: Router,
    clock: Arc<AtomicI64>,
    text: String,
}

impl Transcript {
    fn new(title: &str, introduction: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(NOW.millis()));
        let read = Arc::clone(&clock);
        let server = server_at(Arc::new(move || Timestamp::from_millis(read.load(Ordering::Relaxed))));
        let note = "Written by the tests of the server ([`transcripts.rs`](../../server/tests/main/transcripts.rs)), which fail\n\
                    where it answers anything else. `…` stands for what differs from run to run.";
        Self { server, clock, text: format!("# {title}\n\n{introduction}\n\n{note}\n") }
    }

    /// Lets it be `time` of the day.
    fn at(&mut self, time: &str) {
        let now: Timestamp = format!("2026-03-01T{time}:00Z").parse().unwrap();
        self.clock.store(now.millis(), Ordering::Relaxed);
        write!(self.text, "\n## {time}\n").unwrap();
    }

    /// Asks, and writes down what was asked and answered.
    async fn ask(&mut self, why: &str, method: &str, path: &str, body: &str) -> Value {
        let reply = send(&self.server, method, path, body).await;
        let answer = redacted(reply.json());
        let asked = if body.is_empty() { String::new() } else { format!("\n{body}") };
        let told = compact(&answer, 0);
        write!(
            self.text,
            "\n{why}\n\n```http\n{method} {path}{asked}\n```\n\n`{}`\n\n```json\n{told}\n```\n",
            reply.status.as_u16()
        )
        .unwrap();
        answer
    }

    /// Compares the whole with the file called `name`, or writes that.
    fn is(&self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/transcripts").join(name);
        if std::env::var_os("JUNTOS_WRITE_TRANSCRIPTS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &self.text).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == self.text,
            "docs/transcripts/{name} does not tell what the server answers; where that is wanted, write it anew:\n\
             JUNTOS_WRITE_TRANSCRIPTS=1 cargo test -p juntos --test main transcripts\n{}",
            self.text
        );
    }
}

/// The answer without what differs from run to run.
fn redacted(mut answer: Value) -> Value {
    for field in ["recommendation_id", "bundle", "request_id", "next_cursor"] {
        if let Some(value) = answer.get_mut(field).filter(|value| value.is_string()) {
            *value = "…".into();
        }
    }
    answer
}

/// Longest line of a value that is not broken into several.
const LINE: usize = 110;

/// JSON with short values on one line.
fn compact(value: &Value, depth: usize) -> String {
    let line = serde_json::to_string(value).unwrap();
    let (open, close, parts) = match value {
        _ if line.chars().count() + 2 * depth <= LINE => return line,
        Value::Array(items) => ('[', ']', items.iter().map(|item| compact(item, depth + 1)).collect::<Vec<_>>()),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("\"{name}\": {}", compact(value, depth + 1));
            ('{', '}', fields.iter().map(field).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return line,
    };
    let indent = "  ".repeat(depth + 1);
    format!("{open}\n{indent}{}\n{}{close}", parts.join(&format!(",\n{indent}")), "  ".repeat(depth))
}

const FRIENDS: &str = "/v1/group-buy/friends";
const TEAMS: &str = "/v1/group-buy/teams";

fn statuses(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

fn ids<'a>(answer: &'a Value, field: &str) -> Vec<&'a str> {
    answer["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn from_opening_to_success() {
    let mut told = Transcript::new(
        "A team that succeeds",
        "Ana wants the puzzle, in a team of three. She invites two of her friends, both join, and the team is full.",
    );
    told.at("12:00");
    let asked = r#"{"user_id": "ana", "product_id": "puzzle", "limit": 3}"#;
    let suggested = told.ask("Whom could Ana invite?", "POST", FRIENDS, asked).await;
    assert!(ids(&suggested, "user_id").contains(&"bea") && ids(&suggested, "user_id").contains(&"cruz"));
    let opened = r#"[
  {"kind": "team_opened", "team_id": "puzzles", "user_id": "ana", "product_id": "puzzle",
   "min_size": 3, "deadline": "2026-03-01T20:00:00Z"},
  {"kind": "invite_suggested", "user_id": "bea", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "invite_suggested", "user_id": "cruz", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "invite_sent", "user_id": "bea", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "invite_sent", "user_id": "cruz", "initiator_id": "ana", "product_id": "puzzle"}
]"#;
    let answer = told.ask("She opens the team and sends two invitations.", "POST", "/v1/events", opened).await;
    assert_eq!(statuses(&answer), ["accepted"; 5]);
    told.at("12:05");
    let seen = told.ask("Bea looks at the teams of her friends.", "POST", TEAMS, r#"{"user_id": "bea"}"#).await;
    assert!(ids(&seen, "team_id").contains(&"puzzles"));
    let joined = r#"[
  {"kind": "invite_opened", "user_id": "bea", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "team_joined", "team_id": "puzzles", "user_id": "bea"},
  {"kind": "invite_joined", "user_id": "bea", "initiator_id": "ana", "product_id": "puzzle"}
]"#;
    let answer = told.ask("She reads the invitation and joins.", "POST", "/v1/events", joined).await;
    assert_eq!(statuses(&answer), ["accepted"; 3]);
    let team = told.ask("One seat is left.", "GET", "/v1/teams/puzzles", "").await;
    assert_eq!(team["outcome"], "open");
    told.at("12:30");
    let joined = r#"[
  {"kind": "team_joined", "team_id": "puzzles", "user_id": "cruz", "event_id": "j1"},
  {"kind": "invite_joined", "user_id": "cruz", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "team_joined", "team_id": "puzzles", "user_id": "cruz", "event_id": "j1"}
]"#;
    let answer = told.ask("Cruz joins, and the client reports it twice.", "POST", "/v1/events", joined).await;
    assert_eq!(statuses(&answer), ["accepted", "accepted", "duplicate"]);
    let team = told.ask("The team has succeeded.", "GET", "/v1/teams/puzzles", "").await;
    assert_eq!(team["outcome"], "succeeded");
    let left = told.ask("Eva is not offered a team that is full.", "POST", TEAMS, r#"{"user_id": "eva"}"#).await;
    assert!(!ids(&left, "team_id").contains(&"puzzles"));
    let late = told.ask("Nor can she join it.", "POST", "/v1/teams/puzzles/join", r#"{"user_id": "eva"}"#).await;
    assert_eq!(late["code"], "team_full");
    told.is("team-succeeds.md");
}

#[tokio::test]
async fn until_the_deadline_passes() {
    let mut told = Transcript::new(
        "A team that expires",
        "Ana needs two more for the puzzle by two o'clock. One friend joins, one declines, and nobody reports the end: the clock\n\
         decides.",
    );
    told.at("12:00");
    let opened = r#"[
  {"kind": "team_opened", "team_id": "puzzles", "user_id": "ana", "product_id": "puzzle",
   "min_size": 3, "deadline": "2026-03-01T14:00:00Z"},
  {"kind": "invite_sent", "user_id": "eva", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "invite_sent", "user_id": "dani", "initiator_id": "ana", "product_id": "puzzle"}
]"#;
    let answer = told.ask("Ana opens the team and sends two invitations.", "POST", "/v1/events", opened).await;
    assert_eq!(statuses(&answer), ["accepted"; 3]);
    told.at("12:20");
    let answered = r#"[
  {"kind": "invite_opened", "user_id": "eva", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "team_joined", "team_id": "puzzles", "user_id": "eva"},
  {"kind": "invite_joined", "user_id": "eva", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "invite_opened", "user_id": "dani", "initiator_id": "ana", "product_id": "puzzle"},
  {"kind": "invite_declined", "user_id": "dani", "initiator_id": "ana", "product_id": "puzzle"}
]"#;
    let answer = told.ask("Eva joins, Dani does not want to.", "POST", "/v1/events", answered).await;
    assert_eq!(statuses(&answer), ["accepted"; 5]);
    told.at("13:59");
    let seen = told.ask("A minute is left, and Bea is offered the seat.", "POST", TEAMS, r#"{"user_id": "bea"}"#).await;
    assert!(ids(&seen, "team_id").contains(&"puzzles"));
    told.at("14:01");
    let gone =
        told.ask("After the deadline she is not. No event has come in.", "POST", TEAMS, r#"{"user_id": "bea"}"#).await;
    assert!(!ids(&gone, "team_id").contains(&"puzzles"));
    let late = told.ask("It is too late to join.", "POST", "/v1/teams/puzzles/join", r#"{"user_id": "bea"}"#).await;
    assert_eq!(late["code"], "team_not_open");
    let team = told.ask("The team has expired.", "GET", "/v1/teams/puzzles", "").await;
    assert_eq!(team["outcome"], "expired");
    let asked = r#"{"user_id": "ana", "product_id": "puzzle", "limit": 3}"#;
    let next = told.ask("Where Ana tries again, Dani is not asked once more.", "POST", FRIENDS, asked).await;
    assert!(!ids(&next, "user_id").contains(&"dani") && !ids(&next, "user_id").is_empty());
    told.is("team-expires.md");
}
