//! A world small enough to know by heart, and a client for it without a socket.
//!
//! Ana (`ana`) is the friend of `bea`, `cruz`, `dani` and `eva`, who all bought the kite and may be named; `eva` bought the
//! ball besides. Everybody lives in Spain and is grown up but `kim`, whose age nobody knows. `loner` has no friends.
//! Toys are in stock; the wine is from 18 on, the drum is sold out, the doll is hidden, the sled ships to Russia only.
//! Bea has opened team `kites` on the kite, three are needed. Tastes are two numbers: toys and kitchen.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use juntos::{AppState, ServerConfig, app};
use juntos_datasets::tables::{
    Event, EventKind, Events, Friendship, FriendshipKind, Friendships, Offer, Product, Products, PurchaseVisibility,
    Team, TeamOutcome, Teams, User, Users,
};
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{Dataset, DatasetWriter};
use juntos_engine::Engine;
use juntos_engine::bundle::{Bundle, BundleSource, write};
use juntos_engine::index::BuildOptions;
use juntos_engine::serving_model::ServingModel;
use serde_json::Value;
use tower::ServiceExt;

/// The moment of every request: 2026-03-01T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

const PEOPLE: [(&str, [f32; 2]); 7] = [
    ("ana", [1.0, 0.2]),
    ("bea", [1.0, 0.0]),
    ("cruz", [0.8, 0.3]),
    ("dani", [0.2, 1.0]),
    ("eva", [0.9, 0.1]),
    ("kim", [0.5, 0.5]),
    ("loner", [0.0, 1.0]),
];

const GOODS: [(&str, &str, [f32; 2]); 9] = [
    ("kite", "toys/outdoor", [1.0, 0.0]),
    ("ball", "toys/outdoor", [0.9, 0.1]),
    ("puzzle", "toys/indoor", [0.8, 0.0]),
    ("drum", "toys/music", [0.9, 0.0]),
    ("doll", "toys/indoor", [0.9, 0.0]),
    ("sled", "toys/outdoor", [0.9, 0.0]),
    ("pan", "kitchen/cooking", [0.0, 1.0]),
    ("cup", "kitchen/table", [0.1, 0.8]),
    ("wine", "kitchen/table", [0.2, 0.9]),
];

const BOUGHT: [(&str, &str); 9] = [
    ("bea", "kite"),
    ("cruz", "kite"),
    ("dani", "kite"),
    ("eva", "kite"),
    ("eva", "ball"),
    ("dani", "pan"),
    ("loner", "pan"),
    ("loner", "cup"),
    ("ana", "puzzle"),
];

static BUNDLE: LazyLock<Arc<Bundle>> = LazyLock::new(|| bundle_after(BOUGHT.len()));

/// The bundle of this world as it was after so many of its purchases; there is one on each day, from 20 days before [`NOW`] on.
pub(crate) fn bundle_after(purchases: usize) -> Arc<Bundle> {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("data"), &BOUGHT[..purchases]);
    let users: Vec<f32> = PEOPLE.iter().flat_map(|(_, taste)| *taste).collect();
    bundle(&dataset, &users, &GOODS.iter().flat_map(|(_, _, kind)| *kind).collect::<Vec<f32>>())
}

/// The bundle of a dataset, with vectors of two numbers made by hand.
pub(crate) fn bundle(dataset: &Dataset, user_vectors: &[f32], product_vectors: &[f32]) -> Arc<Bundle> {
    let folder = tempfile::tempdir().unwrap();
    let data = TrainingData::load(dataset, &EventWeights::default()).unwrap();
    let source = BundleSource {
        dataset,
        data: &data,
        serving: &ServingModel { name: "by hand".to_owned(), ..ServingModel::default() },
        dim: 2,
        user_vectors,
        product_vectors,
        index: BuildOptions::default(),
        groups: &[],
        config: Value::Null,
        metrics: Value::Null,
        seed: 0,
    };
    let out = folder.path().join("bundle");
    write(&out, &source).unwrap();
    Arc::new(Bundle::open(&out).unwrap())
}

fn dataset(out: &Path, bought: &[(&str, &str)]) -> Dataset {
    let mut writer = DatasetWriter::create(out).unwrap();
    for (user_id, _) in PEOPLE {
        let user = User {
            country: Some("ES"),
            birth_year: (user_id != "kim").then_some(1990),
            purchase_visibility: PurchaseVisibility::Friends,
            ..User::new(user_id)
        };
        writer.push::<Users>(&user).unwrap();
    }
    GOODS.iter().for_each(|&(id, category, _)| writer.push::<Products>(&product(id, category)).unwrap());
    for friend_id in ["bea", "cruz", "dani", "eva"] {
        let tie = Friendship { user_id: "ana", friend_id, kind: FriendshipKind::Friend, strength: 1.0, since: None };
        writer.push::<Friendships>(&tie).unwrap();
    }
    for (days, (user_id, product_id)) in bought.iter().copied().enumerate() {
        let ts = Some(NOW.plus_days(-20.0 + days as f64));
        writer.push::<Events>(&Event { ts, ..Event::new(user_id, product_id, EventKind::Purchase) }).unwrap();
    }
    writer.push::<Teams>(&kites()).unwrap();
    writer.finish().unwrap()
}

fn product<'a>(product_id: &'a str, category: &'a str) -> Product<'a> {
    let russia = Offer::new("RU", 5, 9);
    Product {
        title: Some(product_id),
        category: Some(category),
        price_minor: Some(1000),
        currency: Some("EUR"),
        group_price_minor: (product_id == "kite").then_some(800),
        group_min_size: (product_id == "kite").then_some(3),
        stock: (product_id == "drum").then_some(0),
        min_age: (product_id == "wine").then_some(18),
        hidden: product_id == "doll",
        offers: if product_id == "sled" { vec![russia] } else { Vec::new() },
        ..Product::new(product_id)
    }
}

fn kites() -> Team<'static> {
    Team {
        team_id: "kites",
        product_id: "kite",
        initiator_id: "bea",
        participant_ids: vec![],
        min_size: 3,
        opened_at: Some(NOW.plus_days(-0.5)),
        deadline: Some(NOW.plus_days(0.5)),
        outcome: TeamOutcome::Open,
        split: juntos_datasets::tables::Split::Train,
        negative_ids: vec![],
        public: None,
    }
}

/// A server with a world of its own.
pub(crate) fn server() -> Router {
    app(state(ServerConfig { cpu_threads: 1, ..ServerConfig::default() }))
}

/// A server with a world of its own and a clock that tests move.
pub(crate) fn server_at(clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Router {
    let config = ServerConfig { cpu_threads: 1, ..ServerConfig::default() };
    app(AppState::with_clock(Arc::new(Engine::new(Arc::clone(&BUNDLE))), config, clock).unwrap())
}

/// The state of a server with a world of its own.
pub(crate) fn state(config: ServerConfig) -> AppState {
    let engine = Engine::new(Arc::clone(&BUNDLE)).with_rules(config.rules.clone()).unwrap();
    let engine = engine.with_rates(config.currencies.rates().unwrap());
    AppState::with_clock(Arc::new(engine), config, Arc::new(|| NOW)).unwrap()
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault} in {}", self.body))
    }

    /// The body of a 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.json()
    }

    /// Status and code of an error, whose body must be whole.
    pub(crate) fn error(&self) -> (u16, String) {
        let json = self.json();
        let code = json["code"].as_str().unwrap_or_else(|| panic!("no code in {json}")).to_owned();
        assert_eq!(json["link"], format!("/docs#{code}"));
        assert_eq!(json["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        (self.status.as_u16(), code)
    }

    /// The ids of the items, under `field`.
    pub(crate) fn ids(&self, field: &str) -> Vec<String> {
        self.ok()["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
    }
}

/// Sends one request with a JSON body, or none when `body` is empty; every request has the id `r`.
pub(crate) async fn send(server: &Router, method: &str, path: &str, body: &str) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("x-request-id", "r");
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    send_request(server, request.body(Body::from(body.to_owned())).unwrap()).await
}

/// Sends any request.
pub(crate) async fn send_request(server: &Router, request: Request<Body>) -> Reply {
    let response = server.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Reply { status, headers, body: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// POSTs a JSON body.
pub(crate) async fn post(server: &Router, path: &str, body: &str) -> Reply {
    send(server, "POST", path, body).await
}
