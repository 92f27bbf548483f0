//! What outlives a crash: 1. after a restart everything answers as before; 2. a killed process has all that it
//! acknowledged; 3. a bundle that was cut later is not told again what it has in it; 4. what cannot be kept is refused.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use juntos::journal::{Replayed, keep};
use juntos::{AppState, ServerConfig, app};
use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::bundle::Bundle;
use juntos_engine::live::{Journal, Kept, NotKept, Noted};

use crate::world::{NOW, bundle_after, post, send};

/// All purchases of the world.
const ALL: usize = 9;
const KEEP_DAYS: u32 = 30;

fn kept(path: &Path, bundle: Arc<Bundle>, now: Timestamp) -> (Router, Replayed) {
    let (engine, replayed) = keep(Engine::new(bundle), path, KEEP_DAYS, now).unwrap();
    (over(engine, now), replayed)
}

fn over(engine: Engine, now: Timestamp) -> Router {
    let config = ServerConfig { cpu_threads: 1, ..ServerConfig::default() };
    app(AppState::with_clock(Arc::new(engine), config, Arc::new(move || now)).unwrap())
}

/// Something of every kind happens: method, path, body.
const HAPPENED: [(&str, &str, &str); 19] = [
    ("PUT", "/v1/users/zoe", r#"{"birth_year": 1985, "country": "ES", "purchase_visibility": "friends"}"#),
    ("PUT", "/v1/users/gone", r#"{"birth_year": 1985, "country": "ES"}"#),
    ("PATCH", "/v1/users/cruz", r#"{"invites": "nobody"}"#),
    ("PUT", "/v1/products/whistle", r#"{"category": "toys/music", "price_minor": 300, "currency": "EUR"}"#),
    ("DELETE", "/v1/products/cup", ""),
    ("PUT", "/v1/friendships", r#"{"user_id": "ana", "friend_id": "zoe", "strength": 0.4}"#),
    ("PUT", "/v1/friendships", r#"{"user_id": "ana", "friend_id": "gone"}"#),
    ("PUT", "/v1/friendships", r#"{"user_id": "zoe", "friend_id": "bea"}"#),
    ("DELETE", "/v1/friendships?user_id=ana&friend_id=dani", ""),
    ("PUT", "/v1/blocks", r#"{"user_id": "eva", "blocked_id": "bea"}"#),
    ("PUT", "/v1/teams/balls", r#"{"product_id": "ball", "initiator_id": "ana", "min_size": 3}"#),
    ("POST", "/v1/teams/kites/join", r#"{"user_id": "ana"}"#),
    ("POST", "/v1/teams/balls/join", r#"{"user_id": "gone"}"#),
    ("POST", "/v1/teams/balls/join", r#"{"user_id": "zoe"}"#),
    ("PUT", "/v1/teams/puzzles", r#"{"product_id": "puzzle", "initiator_id": "bea", "min_size": 4}"#),
    (
        "POST",
        "/v1/events",
        r#"[{"user_id": "zoe", "product_id": "puzzle", "kind": "purchase", "event_id": "e1"},
            {"user_id": "gone", "product_id": "ball", "kind": "purchase", "event_id": "e2"},
            {"user_id": "ana", "product_id": "pan", "kind": "dislike"},
            {"user_id": "ana", "product_id": "ball", "kind": "shown", "surface": "feed"},
            {"user_id": "bea", "team_id": "puzzles", "kind": "team_left"},
            {"user_id": "bea", "initiator_id": "ana", "product_id": "kite", "kind": "invite_declined"}]"#,
    ),
    ("DELETE", "/v1/blocks?user_id=eva&blocked_id=bea", ""),
    ("DELETE", "/v1/users/gone", ""),
    ("POST", "/v1/events", r#"{"user_id": "loner", "product_id": "kite", "kind": "like", "event_id": "e3"}"#),
];

/// What anybody can ask.
async fn everything(server: &Router) -> Vec<String> {
    let mut answers = Vec::new();
    for path in ["users/zoe", "users/gone", "users/cruz", "products/whistle", "products/cup"] {
        answers.push(send(server, "GET", &format!("/v1/{path}"), "").await.body);
    }
    for path in ["teams/balls", "teams/kites", "teams/puzzles", "friendships?user_id=ana", "blocks?user_id=eva"] {
        answers.push(send(server, "GET", &format!("/v1/{path}"), "").await.body);
    }
    for user in ["ana", "bea", "cruz", "dani", "eva", "kim", "loner", "zoe", "gone"] {
        for (path, rest) in [
            ("recommend/feed", ""),
            ("recommend/repurchase", ""),
            ("recommend/trending", ""),
            ("group-buy/teams", ""),
            ("group-buy/friends", r#", "product_id": "kite""#),
        ] {
            answers.push(post(server, &format!("/v1/{path}"), &format!(r#"{{"user_id": "{user}"{rest}}}"#)).await.body);
        }
        let group = format!(r#"{{"user_ids": ["{user}"], "with_friends": true}}"#);
        answers.push(post(server, "/v1/group-buy/products", &group).await.body);
    }
    answers
}

async fn happen(server: &Router) {
    for (method, path, body) in HAPPENED {
        let reply = send(server, method, path, body).await;
        assert!(reply.status.is_success() && !reply.body.contains("rejected\": 1"), "{method} {path}: {}", reply.body);
    }
}

#[tokio::test]
async fn after_a_restart_everything_answers_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let bundle = bundle_after(ALL);
    let (server, replayed) = kept(&path, bundle.clone(), NOW);
    assert_eq!(replayed, Replayed::default());
    happen(&server).await;
    let before = everything(&server).await;
    drop(server);
    for _ in 0..2 {
        let (server, replayed) = kept(&path, bundle.clone(), NOW);
        assert_eq!((replayed.in_bundle, replayed.refused), (0, 0), "{replayed:?}");
        assert_eq!(everything(&server).await, before);
        let again = post(&server, "/v1/events", HAPPENED[18].2).await.ok();
        assert_eq!(again["duplicates"], 1, "{again}");
    }
}

#[tokio::test]
async fn a_bundle_has_what_came_in_before_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    // The first bundle ends three days earlier; in between, eva's puzzle and bea's block come in over HTTP.
    let (server, _) = kept(&path, bundle_after(ALL - 3), NOW.plus_days(-13.5));
    let events = r#"[{"user_id": "eva", "product_id": "puzzle", "kind": "purchase"},
                     {"user_id": "eva", "product_id": "puzzle", "kind": "shown", "surface": "feed"}]"#;
    post(&server, "/v1/events", events).await.ok();
    send(&server, "PUT", "/v1/blocks", r#"{"user_id": "bea", "blocked_id": "ana"}"#).await.ok();
    drop(server);
    let of = |applied, in_bundle| Replayed { applied, in_bundle, refused: 0 };
    let (server, replayed) = kept(&path, bundle_after(ALL), NOW);
    assert_eq!(replayed, of(2, 1), "the purchase is in the tables of the later bundle");
    post(&server, "/v1/events", r#"{"user_id": "eva", "product_id": "pan", "kind": "purchase"}"#).await.ok();
    drop(server);
    // Back to the earlier one: everything holds again.
    assert_eq!(kept(&path, bundle_after(ALL - 3), NOW).1, of(4, 0));
    // A month later what was shown is forgotten, and so is what the bundle has.
    assert_eq!(kept(&path, bundle_after(ALL), NOW.plus_days(20.0)).1, of(2, 0));
    assert_eq!(kept(&path, bundle_after(ALL - 3), NOW.plus_days(20.0)).1, of(2, 0));
}

/// A journal on a full disk.
#[derive(Debug, Default)]
struct Full {
    /// Whether that shows when a change is noted, or only when it is written.
    at_once: bool,
}

impl Journal for Full {
    fn note(&self, _noted: Noted<'_>, _now: Timestamp) -> Result<(), NotKept> {
        if self.at_once { Err(NotKept) } else { Ok(()) }
    }

    fn kept(&self) -> Kept {
        Box::pin(std::future::ready(Err(NotKept)))
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged() {
    for at_once in [true, false] {
        let server = over(Engine::new(bundle_after(ALL)).keeping(Arc::new(Full { at_once })), NOW);
        for (method, path, body) in HAPPENED {
            let reply = send(&server, method, path, body).await;
            assert_eq!(reply.error(), (503, "not_kept".to_owned()), "{method} {path}");
            assert_eq!(reply.headers["retry-after"], "1");
        }
        let known = send(&server, "GET", "/v1/users/zoe", "").await.status.is_success();
        assert_eq!(known, !at_once, "refused before it holds, or held and not acknowledged");
        post(&server, "/v1/recommend/feed", r#"{"user_id": "ana"}"#).await.ok();
    }
}

/// A server as a process of its own, killed (SIGKILL) when dropped.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let mut child = command(folder).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().split_once(" on http://").map(|(_, at)| at.to_owned()));
        // What else it has to say must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.unwrap() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_juntos"));
    command.arg("serve").arg("--bundle").arg(folder.join("bundle")).args(["--listen", "127.0.0.1:0"]);
    command.env("JUNTOS_JOURNAL_FILE", folder.join("journal")).env("JUNTOS_CPU_THREADS", "2");
    command
}

/// The status of a whole answer; none where the connection broke.
fn status(address: &str, method: &str, path: &str, body: &str) -> Option<u16> {
    let mut connection = TcpStream::connect(address).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(body.as_bytes())).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// In each round four clients write as fast as they can until the process is killed; whatever was acknowledged is there,
/// and who was deleted is not.
#[test]
fn a_killed_process_has_all_that_it_acknowledged() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("data")).unwrap();
    for (name, text) in [("products", "product_id\np\n"), ("events", "user_id,product_id,kind\nu,p,purchase\n")] {
        fs::write(place.path().join(format!("{name}.csv")), text).unwrap();
    }
    fs::remove_dir(place.path().join("data")).unwrap();
    for words in [
        "import csv products=products.csv events=events.csv --out data",
        "train --data data --out bundle --model als --dim 4",
    ] {
        let juntos =
            Command::new(env!("CARGO_BIN_EXE_juntos")).current_dir(&place).arg("-q").args(words.split(' ')).output();
        let done = juntos.unwrap();
        assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let acknowledged: Mutex<Vec<(String, bool)>> = Mutex::default();
    for round in 0..3 {
        let process = Process::start(place.path());
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for client in 0..4 {
                let (address, acknowledged, over) = (process.address.clone(), &acknowledged, &over);
                scope.spawn(move || {
                    for number in 0.. {
                        let path = format!("/v1/users/n{round}-{client}-{number}");
                        let body = r#"{"country": "ES"}"#;
                        let deletes = number % 5 == 4;
                        let kept = status(&address, "PUT", &path, body) == Some(200);
                        let gone = !(kept && deletes) || status(&address, "DELETE", &path, "") == Some(204);
                        if kept && gone {
                            acknowledged.lock().unwrap().push((path, !deletes));
                        }
                        if over.load(Ordering::Relaxed) || !kept {
                            return;
                        }
                    }
                });
            }
            while acknowledged.lock().unwrap().len() < 60 * (round + 1) {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            drop(process);
            over.store(true, Ordering::Relaxed);
        });
    }
    let process = Process::start(place.path());
    for (path, there) in acknowledged.into_inner().unwrap() {
        assert_eq!(status(&process.address, "GET", &path, ""), Some(if there { 200 } else { 404 }), "{path}");
    }
    let second = command(place.path()).output().unwrap();
    let message = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{message}");
    assert!(message.contains("another process holds this journal"), "{message}");
}
