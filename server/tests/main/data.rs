//! 1. What is PUT is what GET gives; PATCH changes what it names; DELETE is final and may be repeated.
//! 2. A change shows in the next answer: sold out, hidden, deleted, blocked, tied, new.
//! 3. Teams fill, refuse and cancel as documented, each refusal with its code.

use axum::Router;
use axum::http::StatusCode;
use insta::assert_json_snapshot;

use crate::world::{post, send, server};

async fn feed(server: &Router, user: &str) -> Vec<String> {
    let body = format!(r#"{{"user_id": "{user}", "limit": 50, "market": {{"country": "ES"}}}}"#);
    post(server, "/v1/recommend/feed", &body).await.ids("product_id")
}

#[tokio::test]
async fn a_product_is_given_back_as_it_was_put() {
    let server = server();
    let body = r#"{
        "title": "Cometa", "category": "toys/outdoor", "price_minor": 500, "currency": "eur", "stock": 3,
        "offers": [{"country": "ES", "min_days": 1, "max_days": 2}], "created_at": "2026-02-01T10:00:00+01:00"
    }"#;
    let put = send(&server, "PUT", "/v1/products/new%2Fkite", body).await.ok();
    assert_eq!(put, send(&server, "GET", "/v1/products/new%2Fkite", "").await.ok());
    assert_json_snapshot!(put, @r#"
    {
      "brand": null,
      "category": "toys/outdoor",
      "created_at": "2026-02-01T09:00:00.000Z",
      "currency": "EUR",
      "description": null,
      "group_min_size": null,
      "group_price_minor": null,
      "hidden": false,
      "image_url": null,
      "language": null,
      "min_age": null,
      "offers": [
        {
          "cost_minor": 0,
          "country": "ES",
          "max_days": 2,
          "min_days": 1,
          "payment_methods": []
        }
      ],
      "price_minor": 500,
      "product_id": "new/kite",
      "seller_id": null,
      "sensitive": false,
      "ships_from": null,
      "stock": 3,
      "title": "Cometa"
    }
    "#);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_put_forgets_what_it_does_not() {
    let server = server();
    let patched = send(&server, "PATCH", "/v1/users/ana", r#"{"language": "es", "birth_year": null}"#).await.ok();
    assert_eq!((&patched["language"], &patched["country"]), (&"es".into(), &"ES".into()));
    assert!(patched["birth_year"].is_null());
    let put = send(&server, "PUT", "/v1/users/ana", r#"{"country": "IT"}"#).await.ok();
    assert_eq!((&put["country"], &put["purchase_visibility"]), (&"IT".into(), &"nobody".into()));
    assert!(put["language"].is_null());
}

#[tokio::test]
async fn wrong_records_are_refused_by_field() {
    let server = server();
    let cases = [
        ("/v1/products/p", r#"{"price_minor": -1, "currency": "EUR"}"#, "invalid_field", "`price_minor`"),
        ("/v1/products/p", r#"{"price_minor": 1}"#, "invalid_field", "`currency`"),
        ("/v1/products/p", r#"{"product_id": "q"}"#, "invalid_field", "`product_id`"),
        ("/v1/products/p", r#"{"titel": "q"}"#, "unknown_field", "`title`"),
        ("/v1/users/u", r#"{"birth_year": 3000}"#, "invalid_field", "`birth_year`"),
        ("/v1/users/u", r#"{"invites": "everyone"}"#, "invalid_field", "`friends`, `nobody`"),
        (
            "/v1/teams/t",
            r#"{"product_id": "kite", "initiator_id": "ana", "min_size": 1}"#,
            "invalid_field",
            "`min_size`",
        ),
        ("/v1/friendships", r#"{"user_id": "ana", "friend_id": "ana"}"#, "invalid_field", "same person"),
        ("/v1/friendships", r#"{"user_id": "ana", "friend_id": "kim", "strength": 2}"#, "invalid_field", "`strength`"),
        ("/v1/blocks", r#"{"user_id": "ana"}"#, "missing_field", "`blocked_id`"),
    ];
    for (path, body, code, told) in cases {
        let reply = send(&server, "PUT", path, body).await;
        assert_eq!(reply.error(), (400, code.to_owned()), "{path} {body}: {}", reply.body);
        assert!(reply.body.contains(told), "{path} {body}: {}", reply.body);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_by_its_kind() {
    let server = server();
    for (path, code) in
        [("/v1/products/x", "unknown_product"), ("/v1/users/x", "unknown_user"), ("/v1/teams/x", "unknown_team")]
    {
        assert_eq!(send(&server, "GET", path, "").await.error(), (404, code.to_owned()));
        assert_eq!(send(&server, "PATCH", path, "{}").await.error(), (404, code.to_owned()));
        assert_eq!(send(&server, "DELETE", path, "").await.status, StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn sold_out_hidden_and_deleted_products_are_gone_from_the_next_answer() {
    let server = server();
    assert!(feed(&server, "ana").await.contains(&"ball".to_owned()));
    send(&server, "PATCH", "/v1/products/ball", r#"{"stock": 0}"#).await.ok();
    assert!(!feed(&server, "ana").await.contains(&"ball".to_owned()));
    send(&server, "PATCH", "/v1/products/ball", r#"{"stock": 5}"#).await.ok();
    assert!(feed(&server, "ana").await.contains(&"ball".to_owned()));
    send(&server, "PATCH", "/v1/products/ball", r#"{"hidden": true}"#).await.ok();
    assert!(!feed(&server, "ana").await.contains(&"ball".to_owned()));
    assert_eq!(send(&server, "DELETE", "/v1/products/pan", "").await.status, StatusCode::NO_CONTENT);
    assert!(!feed(&server, "ana").await.contains(&"pan".to_owned()));
    assert_eq!(send(&server, "GET", "/v1/products/pan", "").await.error().1, "unknown_product");
}

#[tokio::test]
async fn a_block_hides_both_people_and_can_be_taken_back() {
    let server = server();
    let invited = async || {
        let body = r#"{"user_id": "ana", "product_id": "ball"}"#;
        post(&server, "/v1/group-buy/friends", body).await.ids("user_id")
    };
    assert!(invited().await.contains(&"bea".to_owned()));
    send(&server, "PUT", "/v1/blocks", r#"{"user_id": "bea", "blocked_id": "ana"}"#).await.ok();
    assert!(!invited().await.contains(&"bea".to_owned()));
    let blocks = send(&server, "GET", "/v1/blocks?user_id=bea", "").await.ok();
    assert_eq!(blocks["blocks"], serde_json::json!([{"user_id": "bea", "blocked_id": "ana"}]));
    let gone = send(&server, "DELETE", "/v1/blocks?user_id=bea&blocked_id=ana", "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(invited().await.contains(&"bea".to_owned()));
}

#[tokio::test]
async fn a_new_friend_can_be_invited_at_once_and_not_after_she_is_untied() {
    let server = server();
    let invited = async || {
        let body = r#"{"user_id": "ana", "product_id": "ball"}"#;
        post(&server, "/v1/group-buy/friends", body).await.ids("user_id")
    };
    assert!(!invited().await.contains(&"loner".to_owned()));
    send(&server, "PUT", "/v1/friendships", r#"{"user_id": "loner", "friend_id": "ana"}"#).await.ok();
    assert!(invited().await.contains(&"loner".to_owned()));
    let listed = send(&server, "GET", "/v1/friendships?user_id=loner", "").await.ok();
    assert_eq!(listed["friendships"].as_array().unwrap().len(), 1);
    let gone = send(&server, "DELETE", "/v1/friendships?user_id=ana&friend_id=loner", "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(!invited().await.contains(&"loner".to_owned()));
    let unknown = send(&server, "GET", "/v1/friendships?user_id=nobody", "").await.ok();
    assert_eq!(unknown, serde_json::json!({"friendships": [], "missing": ["nobody"]}));
}

#[tokio::test]
async fn a_deleted_user_is_as_if_she_had_never_been_there() {
    let server = server();
    assert_eq!(send(&server, "DELETE", "/v1/users/bea", "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(send(&server, "GET", "/v1/users/bea", "").await.error(), (404, "unknown_user".to_owned()));
    let invited = post(&server, "/v1/group-buy/friends", r#"{"user_id": "ana", "product_id": "ball"}"#).await;
    assert!(!invited.ids("user_id").contains(&"bea".to_owned()));
    let feed = post(&server, "/v1/recommend/feed", r#"{"user_id": "bea", "market": {"country": "ES"}}"#).await.ok();
    assert_eq!((&feed["degraded"], &feed["missing"]), (&"unknown_user".into(), &serde_json::json!(["bea"])));
}

#[tokio::test]
async fn a_team_fills_and_then_refuses() {
    let server = server();
    let act = async |what: &str, user: &str| {
        post(&server, &format!("/v1/teams/kites/{what}"), &format!(r#"{{"user_id": "{user}"}}"#)).await
    };
    assert_eq!(act("join", "ana").await.ok()["participant_ids"], serde_json::json!(["ana"]));
    assert_eq!(act("join", "ana").await.error(), (409, "already_in_team".to_owned()));
    assert_eq!(act("leave", "eva").await.error(), (409, "not_in_team".to_owned()));
    assert_eq!(act("leave", "ana").await.ok()["participant_ids"], serde_json::json!([]));
    act("join", "ana").await.ok();
    assert_eq!(act("join", "cruz").await.ok()["outcome"], "succeeded");
    assert_eq!(act("join", "dani").await.error(), (409, "team_full".to_owned()));
    let unknown = post(&server, "/v1/teams/none/join", r#"{"user_id": "ana"}"#).await;
    assert_eq!(unknown.error(), (404, "unknown_team".to_owned()));
}

#[tokio::test]
async fn a_team_is_not_opened_in_the_future() {
    let server = server();
    let body =
        |at: &str| format!(r#"{{"product_id": "ball", "initiator_id": "ana", "min_size": 3, "opened_at": "{at}"}}"#);
    let put = send(&server, "PUT", "/v1/teams/balls", &body("2030-01-01T00:00:00Z")).await;
    assert!(put.body.contains("`opened_at` is 2030-01-01T00:00:00.000Z, which is yet to come"), "{}", put.body);
    assert_eq!(put.error(), (400, "invalid_field".to_owned()));
    // A clock that is ahead is no reason to turn anybody away.
    send(&server, "PUT", "/v1/teams/balls", &body("2026-03-01T18:00:00Z")).await.ok();
    let joined = post(&server, "/v1/teams/balls/join", r#"{"user_id": "eva"}"#).await.ok();
    assert_eq!((&joined["participant_ids"], &joined["outcome"]), (&serde_json::json!(["eva"]), &"open".into()));
}

/// Seats of deleted people stay taken, and are told as such; a team without an initiator is not patched by half.
#[tokio::test]
async fn a_team_outlives_its_people() {
    let server = server();
    let path = "/v1/teams/pans";
    let body = r#"{"product_id": "pan", "initiator_id": "ana", "participant_ids": ["bea"], "min_size": 2}"#;
    assert!(send(&server, "PUT", path, body).await.ok().get("anonymous_seats").is_none());
    for user in ["ana", "bea"] {
        send(&server, "DELETE", &format!("/v1/users/{user}"), "").await;
    }
    let team = send(&server, "GET", path, "").await.ok();
    assert_eq!((&team["initiator_id"], &team["anonymous_seats"]), (&serde_json::Value::Null, &2.into()));
    assert_eq!((&team["participant_ids"], &team["outcome"]), (&serde_json::json!([]), &"succeeded".into()));
    let patched = send(&server, "PATCH", path, r#"{"deadline": "2026-03-05T12:00:00Z"}"#).await;
    assert!(patched.body.contains("the initiator of team `pans` has been deleted"), "{}", patched.body);
    assert_eq!(patched.error(), (400, "missing_field".to_owned()));
    assert_eq!(send(&server, "PUT", path, &team.to_string()).await.error(), (400, "missing_field".to_owned()));
    let owned = send(&server, "PATCH", path, r#"{"initiator_id": "eva"}"#).await.ok();
    assert_eq!((&owned["initiator_id"], &owned["anonymous_seats"]), (&"eva".into(), &2.into()));
    let nobodys = send(&server, "PATCH", path, r#"{"initiator_id": null}"#).await;
    assert_eq!(nobodys.error(), (400, "missing_field".to_owned()));
}

/// Strangers are shown a team while its initiator says so, and not who she is.
#[tokio::test]
async fn an_initiator_makes_one_team_public() {
    let server = server();
    let strangers = async || post(&server, "/v1/group-buy/teams", r#"{"user_id": "loner"}"#).await;
    let opened = r#"{"kind": "team_opened", "team_id": "balls", "user_id": "eva", "product_id": "ball", "min_size": 3,
                     "public": true}"#;
    assert_eq!(post(&server, "/v1/events", opened).await.ok()["accepted"], 1);
    let path = "/v1/teams/balls";
    assert_eq!(send(&server, "GET", path, "").await.ok()["public"], true);
    let shown = strangers().await;
    assert_eq!(shown.ids("team_id"), ["balls"]);
    assert!(!shown.body.contains("eva"), "{}", shown.body);
    for (says, is_shown) in [("false", false), ("true", true), ("null", false)] {
        send(&server, "PATCH", path, &format!(r#"{{"public": {says}}}"#)).await.ok();
        assert_eq!(strangers().await.ids("team_id").contains(&"balls".to_owned()), is_shown, "{says}");
    }
}

#[tokio::test]
async fn a_team_that_is_put_is_open_from_now_and_shown_to_friends() {
    let server = server();
    let body = r#"{"product_id": "ball", "initiator_id": "eva", "min_size": 2, "deadline": "2026-03-02T12:00:00Z"}"#;
    let put = send(&server, "PUT", "/v1/teams/balls", body).await.ok();
    assert_eq!((&put["opened_at"], &put["outcome"]), (&"2026-03-01T12:00:00.000Z".into(), &"open".into()));
    let teams = post(&server, "/v1/group-buy/teams", r#"{"user_id": "ana"}"#).await;
    assert!(teams.ids("team_id").contains(&"balls".to_owned()));
    assert_eq!(send(&server, "DELETE", "/v1/teams/balls", "").await.status, StatusCode::NO_CONTENT);
    let teams = post(&server, "/v1/group-buy/teams", r#"{"user_id": "ana"}"#).await;
    assert!(!teams.ids("team_id").contains(&"balls".to_owned()));
}
