//! Offers of several sellers over HTTP.
//!
//! 1. Of two people in one country, who paid for having things soon is shown the offer that comes tomorrow, the other one
//!    the cheaper; without personalisation both get the same.
//! 2. An offer that does not reach the market, or takes too long, is not shown.
//! 3. A purchase with `delivery_days` counts for the next answer, and no other event may have them.
//! 4. What is put comes back, with the offers' own sellers and prices.

use std::sync::Arc;

use axum::Router;
use insta::assert_json_snapshot;
use juntos::{AppState, ServerConfig, app};
use juntos_datasets::DatasetWriter;
use juntos_datasets::tables::{Event, EventKind, Events, Offer, Product, Products, User, Users};
use juntos_engine::Engine;
use serde_json::{Value, json};

use crate::world::{NOW, bundle, post, send};

/// Ana and Bea live in Spain. The lamp comes from its own shop in a week or two, from another one tomorrow, for more; both
/// have bought it several times: Ana for tomorrow, Bea for less.
fn server() -> Router {
    let folder = tempfile::tempdir().unwrap();
    let mut tables = DatasetWriter::create(folder.path().join("data")).unwrap();
    for user_id in ["ana", "bea", "carla"] {
        tables.push::<Users>(&User { country: Some("ES"), birth_year: Some(1990), ..User::new(user_id) }).unwrap();
    }
    let tomorrow = Offer {
        seller_id: Some("corner"),
        price_minor: Some(2_150),
        cost_minor: 50,
        payment_methods: vec!["visa"],
        ..Offer::new("ES", 0, 1)
    };
    let offers = vec![Offer::new("ES", 7, 14), tomorrow, Offer { price_minor: Some(100), ..Offer::new("RU", 1, 1) }];
    for product_id in ["lamp", "desk"] {
        let product = Product {
            seller_id: Some("far"),
            price_minor: Some(2_000),
            currency: Some("EUR"),
            offers: offers.clone(),
            ..Product::new(product_id)
        };
        tables.push::<Products>(&product).unwrap();
    }
    for (user_id, days) in [("ana", 1), ("bea", 14)] {
        for weeks in 1..7 {
            let ts = Some(NOW.plus_days(-7.0 * f64::from(weeks)));
            let event = Event::new(user_id, "lamp", EventKind::Purchase);
            tables.push::<Events>(&Event { ts, delivery_days: Some(days), ..event }).unwrap();
        }
    }
    let bundle = bundle(&tables.finish().unwrap(), &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0], &[1.0, 0.0, 0.9, 0.1]);
    let config = ServerConfig { cpu_threads: 1, ..ServerConfig::default() };
    app(AppState::with_clock(Arc::new(Engine::new(bundle)), config, Arc::new(|| NOW)).unwrap())
}

/// The offer of the desk in the feed that `question` asks for.
async fn desk(server: &Router, question: Value) -> Value {
    let answer = post(server, "/v1/recommend/feed", &question.to_string()).await.ok();
    let desk = answer["items"].as_array().unwrap().iter().find(|item| item["product_id"] == "desk").cloned();
    desk.unwrap_or_else(|| panic!("no desk in {answer}"))["offer"].clone()
}

#[tokio::test]
async fn some_are_shown_the_cheaper_offer_and_others_tomorrows() {
    let server = server();
    assert_json_snapshot!(desk(&server, json!({"user_id": "ana"})).await, @r#"
    {
      "delivery_cost": {
        "currency": "EUR",
        "minor_units": 50
      },
      "max_days": 1,
      "min_days": 0,
      "price": {
        "currency": "EUR",
        "minor_units": 2150
      },
      "seller_id": "corner"
    }
    "#);
    assert_json_snapshot!(desk(&server, json!({"user_id": "bea"})).await, @r#"
    {
      "delivery_cost": {
        "currency": "EUR",
        "minor_units": 0
      },
      "max_days": 14,
      "min_days": 7,
      "price": {
        "currency": "EUR",
        "minor_units": 2000
      },
      "seller_id": "far"
    }
    "#);
    let plain = |user: &str| json!({"user_id": user, "personalise": false});
    assert_eq!(desk(&server, plain("ana")).await, desk(&server, plain("bea")).await);
}

#[tokio::test]
async fn only_offers_that_reach_the_market_in_time_are_shown() {
    let server = server();
    let days = |offer: Value| offer["max_days"].clone();
    let soon = json!({"user_id": "bea", "filter": {"max_delivery_days": 3}});
    assert_eq!(days(desk(&server, soon).await), 1);
    let cash = json!({"user_id": "ana", "market": {"payment_methods": ["cash"]}});
    assert_eq!(days(desk(&server, cash).await), 14, "the other shop takes cards only");
    let abroad = json!({"user_id": "bea", "market": {"country": "RU"}});
    assert_eq!(desk(&server, abroad).await["price"]["minor_units"], 100);
}

#[tokio::test]
async fn a_purchase_tells_which_offer_it_was() {
    let server = server();
    assert_eq!(desk(&server, json!({"user_id": "bea"})).await["max_days"], 14);
    let bought = json!({"user_id": "bea", "product_id": "lamp", "kind": "purchase", "delivery_days": 1});
    let events = vec![bought; 12];
    assert_eq!(post(&server, "/v1/events", &json!(events).to_string()).await.ok()["accepted"], 12);
    assert_eq!(desk(&server, json!({"user_id": "bea"})).await["max_days"], 1);
    let viewed = json!([{"user_id": "bea", "product_id": "lamp", "kind": "view", "delivery_days": 1}]);
    let verdict = post(&server, "/v1/events", &viewed.to_string()).await.ok();
    assert_eq!((&verdict["rejected"], &verdict["results"][0]["code"]), (&json!(1), &json!("invalid_request")));
}

#[tokio::test]
async fn offers_come_back_as_they_were_put() {
    let server = server();
    let read = send(&server, "GET", "/v1/products/lamp", "").await.ok();
    assert_eq!((&read["offers"][1]["seller_id"], &read["offers"][1]["price_minor"]), (&json!("corner"), &json!(2150)));
    assert_eq!(read["offers"][0].get("seller_id"), None);
    assert!(send(&server, "PUT", "/v1/products/lamp", &read.to_string()).await.status.is_success());
    assert_eq!(send(&server, "GET", "/v1/products/lamp", "").await.ok(), read);
    let mut without_currency = json!({"offers": [{"country": "ES", "min_days": 1, "max_days": 2, "price_minor": 5}]});
    let refused = send(&server, "PUT", "/v1/products/new", &without_currency.to_string()).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    without_currency["currency"] = json!("EUR");
    assert!(send(&server, "PUT", "/v1/products/new", &without_currency.to_string()).await.status.is_success());
}
