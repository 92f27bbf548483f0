//! Sellers' audiences over HTTP: 1. the answer has the shape below, and its numbers are near the true ones; 2. it is the
//! same all month, byte for byte; 3. a spent budget is an error that says when it renews; 4. an unknown seller and too few
//! buyers are answers; 5. a killed process forgets nothing that it told; 6. a server with a damaged ledger does not start.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};

use axum::Router;
use insta::assert_json_snapshot;
use juntos::{AppState, ServerConfig, app};
use juntos_datasets::DatasetWriter;
use juntos_datasets::tables::{Event, EventKind, Events, Product, Products, User, Users};
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::bundle::{Bundle, BundleSource, write};
use juntos_engine::index::BuildOptions;
use juntos_engine::serving_model::ServingModel;
use serde_json::{Value, json};

use crate::world::{NOW, Reply, send};

const BUYERS: usize = 600;
const TINY: usize = 40;

/// 600 people bought the kite of `shop`: 400 in Spain, 180 in Italy, 20 in France, 200 each of 35 and 55 years and of
/// unknown age; 150 bought it twice, 300 rated it, with 4 or 5 stars, 60 sent it back, 400 bought a pan of `other` too. Ten bought the
/// cup of `small`, and one each the thing of `tiny0` and so on.
fn write_bundle(folder: &Path) {
    let mut writer = DatasetWriter::create(folder.join("data")).unwrap();
    for at in 0..BUYERS {
        let country = Some(if at < 400 {
            "ES"
        } else if at < 580 {
            "IT"
        } else {
            "FR"
        });
        let birth_year = [Some(1990), Some(1970), None][at % 3];
        writer.push::<Users>(&User { country, birth_year, ..User::new(&format!("u{at}")) }).unwrap();
    }
    let mut product = |product_id: &str, seller: &str, category: &str| {
        let row = Product { seller_id: Some(seller), category: Some(category), ..Product::new(product_id) };
        writer.push::<Products>(&row).unwrap();
    };
    product("kite", "shop", "toys/outdoor");
    product("pan", "other", "kitchen/cooking");
    product("cup", "small", "kitchen/table");
    (0..TINY).for_each(|at| product(&format!("thing{at}"), &format!("tiny{at}"), "toys"));
    let mut event = |user: usize, product: &str, kind, value| {
        let user = format!("u{user}");
        let ts = Some(NOW.plus_days(-10.0));
        writer.push::<Events>(&Event { ts, value, ..Event::new(&user, product, kind) }).unwrap();
    };
    for at in 0..BUYERS {
        event(at, "kite", EventKind::Purchase, None);
        if at % 4 == 0 {
            event(at, "kite", EventKind::Purchase, None);
        }
        if at % 2 == 0 {
            event(at, "kite", EventKind::Rate, Some(4.0 + (at / 2 % 2) as f64));
        }
        if at % 10 == 0 {
            event(at, "kite", EventKind::Return, None);
        }
        if at < 400 {
            event(at, "pan", EventKind::Purchase, None);
        }
        if at < 10 {
            event(at, "cup", EventKind::Purchase, None);
        }
    }
    (0..TINY).for_each(|at| event(at, &format!("thing{at}"), EventKind::Purchase, None));
    let dataset = writer.finish().unwrap();
    let data = TrainingData::load(&dataset, &EventWeights::default()).unwrap();
    let source = BundleSource {
        dataset: &dataset,
        data: &data,
        serving: &ServingModel::default(),
        dim: 2,
        user_vectors: &vec![0.5; 2 * BUYERS],
        product_vectors: &vec![0.5; 2 * (3 + TINY)],
        index: BuildOptions::default(),
        groups: &[],
        config: Value::Null,
        metrics: Value::Null,
        seed: 0,
    };
    write(&folder.join("bundle"), &source).unwrap();
}

/// A server whose clock stands at `now`, and whose first draw has the seed 0, the next 1 and so on.
fn server(folder: &Path, now: Timestamp) -> Router {
    let engine = Engine::new(Arc::new(Bundle::open(&folder.join("bundle")).unwrap()));
    let config = ServerConfig { cpu_threads: 1, audience_folder: folder.join("audience"), ..ServerConfig::default() };
    let draws = AtomicU8::new(0);
    let seeds = Arc::new(move || Ok([draws.fetch_add(1, Ordering::Relaxed); 32]));
    app(AppState::with_seeds(Arc::new(engine), config, Arc::new(move || now), seeds).unwrap())
}

fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path());
    folder
}

async fn ask(server: &Router, path: &str) -> Reply {
    send(server, "GET", &format!("/v1/sellers/{path}"), "").await
}

#[tokio::test]
async fn the_audience_of_a_seller() {
    let place = place();
    let answer = ask(&server(place.path(), NOW), "shop/audience").await.ok();
    let near = |estimate: &Value, truth: f64, reach: f64| {
        let [value, low, high] = ["value", "low", "high"].map(|end| estimate[end].as_f64().unwrap());
        assert!((value - truth).abs() <= reach && low <= value && value <= high, "{estimate} is not near {truth}");
    };
    let audience = &answer["audience"];
    near(&audience["buyers"], 600.0, 60.0);
    let bands = audience["age_bands"].as_array().unwrap();
    assert_eq!(bands.iter().map(|band| &band["band"]).collect::<Vec<_>>(), ["minor_or_unknown", "35-44", "55-64"]);
    bands.iter().for_each(|band| near(&band["buyers"], 200.0, 60.0));
    let markets = audience["markets"].as_array().unwrap();
    assert_eq!(markets.iter().map(|market| &market["country"]).collect::<Vec<_>>(), ["ES", "IT"]);
    near(&markets[0]["buyers"], 400.0, 60.0);
    assert_eq!(audience["also_buy"][0]["category"], "kitchen");
    near(&audience["also_buy"][0]["buyers"], 400.0, 90.0);
    near(&audience["repeat_rate"], 0.25, 0.1);
    near(&audience["satisfaction"]["return_rate"], 0.1, 0.1);
    near(&audience["satisfaction"]["rated_by"], 300.0, 80.0);
    near(&audience["satisfaction"]["stars"], 4.5, 0.4);
    assert_json_snapshot!(answer, @r#"
    {
      "as_of": "2026-03-01T12:00:00.000Z",
      "audience": {
        "age_bands": [
          {
            "band": "minor_or_unknown",
            "buyers": {
              "high": 213,
              "low": 183,
              "value": 198
            }
          },
          {
            "band": "35-44",
            "buyers": {
              "high": 215,
              "low": 185,
              "value": 200
            }
          },
          {
            "band": "55-64",
            "buyers": {
              "high": 214,
              "low": 184,
              "value": 199
            }
          }
        ],
        "also_buy": [
          {
            "buyers": {
              "high": 418,
              "low": 374,
              "value": 396
            },
            "category": "kitchen"
          }
        ],
        "buyers": {
          "high": 621,
          "low": 591,
          "value": 606
        },
        "markets": [
          {
            "buyers": {
              "high": 413,
              "low": 383,
              "value": 398
            },
            "country": "ES"
          },
          {
            "buyers": {
              "high": 198,
              "low": 168,
              "value": 183
            },
            "country": "IT"
          }
        ],
        "repeat_rate": {
          "high": 0.2955,
          "low": 0.2086,
          "value": 0.2508
        },
        "satisfaction": {
          "rated_by": {
            "high": 327,
            "low": 283,
            "value": 305
          },
          "return_rate": {
            "high": 0.1444,
            "low": 0.0658,
            "value": 0.104
          },
          "stars": {
            "high": 4.6775,
            "low": 4.2386,
            "value": 4.4393
          }
        }
      },
      "degraded": null,
      "missing": [],
      "privacy": {
        "budget": {
          "epsilon": 6.0,
          "epsilon_left": 4.0,
          "month": "2026-03",
          "renews_at": "2026-04-01T00:00:00.000Z"
        },
        "confidence": 0.95,
        "delta": 0.000001,
        "epsilon": 2.0,
        "fewest_people": 50
      },
      "seller_id": "shop"
    }
    "#);
}

#[tokio::test]
async fn the_same_question_gets_the_same_bytes_also_from_the_next_process() {
    let place = place();
    let first = ask(&server(place.path(), NOW), "shop/audience").await;
    assert_eq!(first.ok()["degraded"], Value::Null);
    let later = server(place.path(), NOW.plus_days(20.0));
    send(&later, "DELETE", "/v1/users/u0", "").await;
    assert_eq!(ask(&later, "shop/audience").await.body, first.body);
    assert_eq!(ask(&later, "shop/audience?fresh=false").await.body, first.body);
    let fresh = ask(&later, "shop/audience?fresh=true").await;
    assert_ne!(fresh.ok()["audience"], first.ok()["audience"]);
    assert_eq!(ask(&later, "shop/audience").await.body, fresh.body);
    assert_eq!(fresh.ok()["privacy"]["budget"]["epsilon_left"], 2.0);
}

#[tokio::test]
async fn a_spent_budget_says_when_it_renews() {
    let place = place();
    let march = server(place.path(), NOW);
    for _ in 0..3 {
        ask(&march, "shop/audience?fresh=true").await.ok();
    }
    let spent = ask(&march, "shop/audience?fresh=true").await;
    assert_eq!(spent.error(), (429, "privacy_budget_spent".to_owned()));
    assert_eq!(
        spent.json()["message"],
        "the privacy budget of seller `shop` for 2026-03 is spent: 6 of 6 epsilon; it renews at \
         2026-04-01T00:00:00.000Z, and until then the last answer stands"
    );
    assert_eq!(ask(&march, "shop/audience").await.ok()["privacy"]["budget"]["epsilon_left"], 0.0);
    ask(&march, "other/audience?fresh=true").await.ok();
    drop(march);
    let april = server(place.path(), "2026-04-01T00:00:00Z".parse().unwrap());
    let renewed = ask(&april, "shop/audience?fresh=true").await.ok();
    assert_eq!(
        renewed["privacy"]["budget"],
        json!({
            "month": "2026-04", "epsilon": 6.0, "epsilon_left": 4.0, "renews_at": "2026-05-01T00:00:00.000Z"
        })
    );
}

#[tokio::test]
async fn nobody_and_too_few_are_answers() {
    let place = place();
    let server = server(place.path(), NOW);
    assert_json_snapshot!(ask(&server, "nobody/audience").await.ok(), @r#"
    {
      "as_of": null,
      "audience": null,
      "degraded": "unknown_seller",
      "missing": [
        "nobody"
      ],
      "privacy": null,
      "seller_id": "nobody"
    }
    "#);
    assert!(!place.path().join("audience").exists(), "nothing was told, so there is nothing to keep");
    let small = ask(&server, "small/audience").await.ok();
    assert_eq!((&small["degraded"], &small["audience"]), (&"too_few_buyers".into(), &Value::Null));
    assert_eq!(small["privacy"]["budget"]["epsilon_left"], 4.0);
    for (path, code) in [
        ("shop/audience?fresh=perhaps", "invalid_field"),
        ("shop/audience?frsh=true", "unknown_field"),
        ("%00/audience", "invalid_id"),
    ] {
        assert_eq!(ask(&server, path).await.error(), (400, code.to_owned()), "{path}");
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

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
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
    // The journal lies where the process is started: two processes in one place would want the same.
    command
        .current_dir(folder)
        .arg("serve")
        .arg("--bundle")
        .arg(folder.join("bundle"))
        .args(["--listen", "127.0.0.1:0"]);
    command.env("JUNTOS_AUDIENCE_FOLDER", folder.join("audience")).env("JUNTOS_CPU_THREADS", "2");
    command
}

/// The body of a whole answer with status 200; none where the connection broke, or the answer is another one.
fn get(address: &str, path: &str) -> Option<String> {
    let mut connection = TcpStream::connect(address).ok()?;
    let head = format!("GET /v1/sellers/{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let whole = head.to_ascii_lowercase().contains(&format!("content-length: {}\r\n", body.len()))
        || head.to_ascii_lowercase().ends_with(&format!("content-length: {}", body.len()));
    (head.starts_with("HTTP/1.1 200 ") && whole).then(|| body.to_owned())
}

/// In each round the process is killed while it draws one answer after the other; whatever was told must be told again,
/// to the byte, and be spent.
#[test]
fn a_killed_process_forgets_nothing_that_it_told() {
    let place = place();
    let mut told: Vec<(String, String)> = Vec::new();
    for round in 0..3 {
        let process = Process::start(place.path());
        let (tell, hear) = mpsc::channel();
        let address = process.address.clone();
        let sellers = (round * 13..(round + 1) * 13).map(|at| format!("tiny{at}"));
        let asking = std::thread::spawn(move || {
            for seller in sellers {
                let Some(body) = get(&address, &format!("{seller}/audience?fresh=true")) else { return };
                if tell.send((seller, body)).is_err() {
                    return;
                }
            }
        });
        let heard: Vec<_> = hear.iter().take(6).collect();
        process.kill();
        asking.join().unwrap();
        assert_eq!(heard.len(), 6);
        told.extend(heard);
        // Those that were told while the process was being killed count as well.
        told.extend(hear.try_iter());
    }
    let process = Process::start(place.path());
    for (seller, body) in &told {
        assert_eq!(get(&process.address, &format!("{seller}/audience")).as_ref(), Some(body), "{seller}");
    }
    for _ in 0..3 {
        get(&process.address, "tiny0/audience?fresh=true");
    }
    assert_eq!(get(&process.address, "tiny0/audience?fresh=true"), None, "more was told than the month allows");
}

#[test]
fn a_damaged_ledger_is_told_at_the_start() {
    let place = place();
    fs::create_dir(place.path().join("audience")).unwrap();
    fs::write(place.path().join("audience/ledger"), "juntos-audience 1\n0123456789abcdef {}\n").unwrap();
    let done = command(place.path()).output().unwrap();
    let message = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("ledger: line 2") && message.contains("restore the file"), "{message}");
}
