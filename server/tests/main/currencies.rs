//! Price bounds over several currencies.
//!
//! 1. Without rates a bound takes in prices in its own currency only.
//! 2. With rates it takes in other prices by their worth, to the last minor unit, and every answer keeps the product's own
//!    price.
//! 3. A currency without a rate stays out.
//!
//! And one list of teams on products of several currencies, which tells each price and saving in its own.

use axum::Router;
use insta::assert_json_snapshot;
use juntos::{ServerConfig, app};
use serde_json::{Value, json};

use crate::world::{post, send, state};

/// Everything in the world costs ten euros; these do not.
const PRICED: [(&str, &str, i64); 5] = [
    ("samovar", "RUB", 92_592),
    ("vodka", "RUB", 92_593),
    ("lamp", "TRY", 1),
    ("fan", "JPY", 1_639),
    ("tea", "JPY", 1_640),
];

async fn server(currencies: &str) -> Router {
    let currencies = toml::from_str(currencies).unwrap();
    let server = app(state(ServerConfig { cpu_threads: 1, currencies, ..ServerConfig::default() }));
    for (id, currency, price_minor) in PRICED {
        let body = json!({"category": "toys", "price_minor": price_minor, "currency": currency}).to_string();
        send(&server, "PUT", &format!("/v1/products/{id}"), &body).await.ok();
    }
    server
}

const RATES: &str = "reference = 'EUR'\nrates = { RUB = '0.0108', JPY = '0.0061' }";

/// The products that cost up to ten euros and are not priced in euros.
async fn up_to_ten_euros(server: &Router) -> Vec<Value> {
    let filter = json!({"currency": "EUR", "price_max_minor": 1000});
    let body = json!({"user_id": "ana", "limit": 50, "filter": filter, "include_bought": true}).to_string();
    let answer = post(server, "/v1/recommend/feed", &body).await.ok();
    let item = |item: &Value| json!({"product_id": item["product_id"], "price": item["price"]});
    let mut found: Vec<Value> = answer["items"].as_array().unwrap().iter().map(item).collect();
    assert!(found.iter().any(|item| item["product_id"] == "puzzle"), "{found:?}");
    found.retain(|item| item["price"]["currency"] != "EUR");
    found.sort_by_key(|item| item["product_id"].to_string());
    found
}

#[tokio::test]
async fn nothing_is_guessed_without_rates() {
    assert_eq!(up_to_ten_euros(&server("").await).await, Vec::<Value>::new());
}

#[tokio::test]
async fn rates_let_prices_compare_to_the_last_kopeck() {
    assert_json_snapshot!(up_to_ten_euros(&server(RATES).await).await, @r#"
    [
      {
        "price": {
          "currency": "JPY",
          "minor_units": 1639
        },
        "product_id": "fan"
      },
      {
        "price": {
          "currency": "RUB",
          "minor_units": 92592
        },
        "product_id": "samovar"
      }
    ]
    "#);
}

#[tokio::test]
async fn bounds_may_be_in_any_currency_that_has_a_rate() {
    let server = server(RATES).await;
    let ids = async |filter: Value| {
        let body = json!({"user_id": "ana", "limit": 50, "filter": filter, "include_bought": true}).to_string();
        let mut ids = post(&server, "/v1/recommend/feed", &body).await.ids("product_id");
        ids.sort();
        ids
    };
    let roubles = ids(json!({"currency": "RUB", "price_min_minor": 92_592})).await;
    assert!(["samovar", "vodka", "tea", "kite"].iter().all(|id| roubles.contains(&(*id).to_owned())), "{roubles:?}");
    assert!(["fan", "lamp"].iter().all(|id| !roubles.contains(&(*id).to_owned())), "{roubles:?}");
    assert_eq!(ids(json!({"currency": "TRY", "price_max_minor": 1_000_000})).await, ["lamp"], "the lira has no rate");
}

#[tokio::test]
async fn every_team_tells_prices_and_saving_in_its_own_currency() {
    let server = server("").await;
    for (product, group_price) in [("samovar", 80_000), ("fan", 1_600)] {
        let body = json!({"group_price_minor": group_price, "group_min_size": 2}).to_string();
        send(&server, "PATCH", &format!("/v1/products/{product}"), &body).await.ok();
        let body = json!({"product_id": product, "initiator_id": "bea", "min_size": 3}).to_string();
        send(&server, "PUT", &format!("/v1/teams/{product}s"), &body).await.ok();
    }
    let answer = post(&server, "/v1/group-buy/teams", r#"{"user_id": "ana", "exclude": ["kites"]}"#).await.ok();
    let told = |item: &Value| {
        let why = item["reasons"].as_array().unwrap().iter().find(|reason| reason["code"] == "team_price").cloned();
        json!({"team": item["team_id"], "price": item["price"], "group_price": item["group_price"], "why": why})
    };
    let mut teams: Vec<Value> = answer["items"].as_array().unwrap().iter().map(told).collect();
    teams.sort_by_key(|team| team["team"].to_string());
    let money = |minor_units: i64, currency: &str| json!({"minor_units": minor_units, "currency": currency});
    let why = |saving: i64, currency: &str| json!({"code": "team_price", "saving_minor": saving, "currency": currency});
    let yen = json!({"team": "fans", "price": money(1_639, "JPY"), "group_price": money(1_600, "JPY"), "why": why(39, "JPY")});
    let roubles = json!({
        "team": "samovars", "price": money(92_592, "RUB"), "group_price": money(80_000, "RUB"), "why": why(12_592, "RUB")
    });
    assert_eq!(teams, [yen, roubles]);
    let body = r#"{"user_id": "ana", "exclude": ["kites"], "fields": ["group_price"], "limit": 1}"#;
    let answer = post(&server, "/v1/group-buy/teams", body).await.ok();
    let fields: Vec<&String> = answer["items"][0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["group_price", "team_id"]);
}
