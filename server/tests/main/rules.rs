//! Business rules from the settings to the answer.
//!
//! 1. A pin stands at its position with the source `pinned`, for those who may see the product.
//! 2. What is excluded is in no answer.
//! 3. `shown` events make a product fall behind on their surface, and for their person only.
//! 4. Requests may choose diversity and leave new products out; a wrong value is told.

use axum::Router;
use juntos::{ServerConfig, app};
use serde_json::json;

use crate::world::{post, state};

fn server(rules: &str) -> Router {
    app(state(ServerConfig { cpu_threads: 1, rules: toml::from_str(rules).unwrap(), ..ServerConfig::default() }))
}

async fn feed(server: &Router, user: &str, surface: &str) -> Vec<String> {
    let body = json!({"user_id": user, "surface": surface, "market": {"country": "ES"}}).to_string();
    post(server, "/v1/recommend/feed", &body).await.ids("product_id")
}

#[tokio::test]
async fn a_pin_stands_where_it_may() {
    let server = server("pins = [{ product_id = 'wine', position = 2 }, { product_id = 'doll', position = 1 }]");
    let answer = post(&server, "/v1/recommend/feed", r#"{"user_id": "ana"}"#).await.ok();
    assert_eq!((&answer["items"][1]["product_id"], &answer["items"][1]["source"]), (&json!("wine"), &json!("pinned")));
    for user in ["kim", "nobody"] {
        assert!(!feed(&server, user, "feed").await.contains(&"wine".to_owned()), "{user} counts as a minor");
    }
    assert!(!feed(&server, "ana", "feed").await.contains(&"doll".to_owned()), "a pin does not show what is hidden");
}

#[tokio::test]
async fn what_is_excluded_is_in_no_answer() {
    let server = server(
        "exclusions = [{ filter = { categories = ['toys/outdoor'] } }]\npins = [{ product_id = 'kite', position = 1 }]",
    );
    let questions = [
        ("/v1/recommend/feed", r#"{"user_id": "ana"}"#),
        ("/v1/recommend/trending", "{}"),
        ("/v1/recommend/repurchase", r#"{"user_id": "ana"}"#),
        ("/v1/recommend/similar", r#"{"product_id": "puzzle"}"#),
        ("/v1/group-buy/products", r#"{"user_ids": ["ana", "eva"], "with_friends": true}"#),
        ("/v1/group-buy/teams", r#"{"user_id": "ana"}"#),
    ];
    for (path, body) in questions {
        for id in post(&server, path, body).await.ids("product_id") {
            assert!(!["kite", "ball", "sled"].contains(&id.as_str()), "{id} in {path}");
        }
    }
}

#[tokio::test]
async fn what_was_shown_falls_behind() {
    let server = server("memory = { weight = 5.0 }");
    let (before, others) = (feed(&server, "ana", "feed").await, feed(&server, "eva", "feed").await);
    let event = json!({"user_id": "ana", "product_id": before[0], "kind": "shown", "surface": "feed"}).to_string();
    assert_eq!(post(&server, "/v1/events", &event).await.ok()["accepted"], 1);
    let after = feed(&server, "ana", "feed").await;
    assert_eq!(after.last(), before.first());
    assert_eq!(after.len(), before.len());
    assert_eq!(feed(&server, "ana", "email").await, before, "another surface");
    assert_eq!(feed(&server, "eva", "feed").await, others, "another person");
}

#[tokio::test]
async fn requests_choose_diversity() {
    let server = server("");
    let of = async |lambda: f64| {
        let body = json!({"user_id": "ana", "mmr_lambda": lambda, "explore": false}).to_string();
        post(&server, "/v1/recommend/feed", &body).await.ids("product_id")
    };
    let (plain, varied) = (of(1.0).await, of(0.1).await);
    assert_eq!(plain[0], varied[0], "the first one is like nothing on the page");
    assert_ne!(plain, varied);
    let wrong = post(&server, "/v1/recommend/feed", r#"{"user_id": "ana", "mmr_lambda": 1.5}"#).await;
    assert_eq!(wrong.error(), (400, "invalid_field".to_owned()));
    assert!(wrong.json()["message"].as_str().unwrap().contains("`mmr_lambda`"));
}
