//! 1. Every event has its own verdict, in order; a wrong one spoils no other; sending again changes nothing.
//! 2. One event, a list and lines mean the same.
//! 3. An event shows in the next answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use insta::assert_json_snapshot;
use juntos::{ServerConfig, app};
use juntos_datasets::units::Timestamp;
use serde_json::json;

use crate::world::{NOW, Reply, post, send_request, server, server_at, state};

async fn lines(server: &Router, body: &str) -> Reply {
    let request =
        Request::post("/v1/events").header("content-type", "application/x-ndjson").header("x-request-id", "r");
    send_request(server, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn every_event_has_its_own_verdict() {
    let events = json!([
        {"event_id": "e1", "user_id": "ana", "product_id": "ball", "kind": "view"},
        {"event_id": "e1", "user_id": "ana", "product_id": "ball", "kind": "view"},
        {"event_id": "e2", "user_id": "ana", "product_id": "ball", "kind": "vew"},
        {"event_id": "e3", "user_id": "", "product_id": "ball", "kind": "view"},
        {"event_id": "e4", "user_id": "ana", "product_id": "ball", "kind": "view", "ts": "2026-04-01T00:00:00Z"},
        {"event_id": "e5", "user_id": "ana", "product_id": "ball", "kind": "view", "colour": "red"},
        7,
        {"event_id": "e6", "user_id": "ana", "product_id": "ball", "kind": "like", "ts": "2026-03-01T11:59:00Z"},
    ]);
    let answer = post(&server(), "/v1/events", &events.to_string()).await.ok();
    assert_json_snapshot!(answer, @r#"
    {
      "accepted": 2,
      "duplicates": 1,
      "rejected": 5,
      "results": [
        {
          "index": 0,
          "status": "accepted"
        },
        {
          "index": 1,
          "status": "duplicate"
        },
        {
          "code": "invalid_field",
          "index": 2,
          "message": "`kind` cannot be `vew`; did you mean `view`?",
          "status": "rejected"
        },
        {
          "code": "invalid_field",
          "index": 3,
          "message": "`user_id` the id is empty; give every record an id of 1 to 128 bytes",
          "status": "rejected"
        },
        {
          "code": "invalid_field",
          "index": 4,
          "message": "`ts` is 2026-04-01T00:00:00.000Z, which is yet to come; send the time at which it happened, in UTC",
          "status": "rejected"
        },
        {
          "code": "unknown_field",
          "index": 5,
          "message": "`colour` is not a field of this request; known are `user_id`, `product_id`, `kind`, `ts`, `event_id`, `value`, `surface`, `team_id`, `recommendation_id`, `delivery_days`, `initiator_id`, `min_size`, `deadline`, `public`",
          "status": "rejected"
        },
        {
          "code": "invalid_field",
          "index": 6,
          "message": "the body: expected an object, got a number",
          "status": "rejected"
        },
        {
          "index": 7,
          "status": "accepted"
        }
      ],
      "waiting": 0
    }
    "#);
}

#[tokio::test]
async fn sending_again_changes_nothing() {
    let server = server();
    let events = r#"[{"event_id": "e1", "user_id": "ana", "product_id": "ball", "kind": "purchase"}]"#;
    let first = post(&server, "/v1/events", events).await.ok();
    let again = post(&server, "/v1/events", events).await.ok();
    assert_eq!((&first["accepted"], &first["duplicates"]), (&1.into(), &0.into()));
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &1.into()));
}

#[tokio::test]
async fn one_event_a_list_and_lines_mean_the_same() {
    let event = r#"{"event_id": "e1", "user_id": "ana", "product_id": "ball", "kind": "view"}"#;
    let one = post(&server(), "/v1/events", event).await.ok();
    assert_eq!(one, post(&server(), "/v1/events", &format!("[{event}]")).await.ok());
    assert_eq!(one, lines(&server(), &format!("\n{event}\r\n\n")).await.ok());
    let none = json!({"accepted": 0, "duplicates": 0, "waiting": 0, "rejected": 0, "results": []});
    assert_eq!(post(&server(), "/v1/events", "[]").await.ok(), none);
    assert_eq!(lines(&server(), "\n").await.ok(), none);
}

#[tokio::test]
async fn a_broken_line_is_refused_by_itself_and_a_broken_list_as_a_whole() {
    let server = server();
    let event = r#"{"user_id": "ana", "product_id": "ball", "kind": "view"}"#;
    let answer = lines(&server, &format!("{event}\n{{\"user_id\": \n{event}\n")).await.ok();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&2.into(), &1.into()));
    assert_eq!(answer["results"][1]["code"], "invalid_json");
    assert_eq!(post(&server, "/v1/events", &format!("[{event}")).await.error(), (400, "invalid_json".to_owned()));
    assert_eq!(post(&server, "/v1/events", "7").await.error(), (400, "invalid_field".to_owned()));
}

#[tokio::test]
async fn an_event_is_an_object_with_every_name_once_however_it_is_sent() {
    let server = server();
    let wrong =
        [r#"["ana", "ball", "view"]"#, r#"{"user_id": "ana", "product_id": "ball", "kind": "view", "user_id": "bea"}"#];
    for event in wrong {
        for reply in [post(&server, "/v1/events", &format!("[{event}]")).await, lines(&server, event).await] {
            let answer = reply.ok();
            assert_eq!(
                (&answer["rejected"], &answer["results"][0]["code"]),
                (&1.into(), &"invalid_field".into()),
                "{event}"
            );
        }
    }
    let nulls =
        json!({"user_id": "ana", "product_id": "ball", "kind": "view", "ts": null, "value": null, "deadline": null});
    assert_eq!(post(&server, "/v1/events", &nulls.to_string()).await.ok()["accepted"], 1);
}

#[tokio::test]
async fn a_rating_needs_its_stars() {
    let server = server();
    let events = json!([
        {"user_id": "ana", "product_id": "kite", "kind": "rate"},
        {"user_id": "ana", "product_id": "kite", "kind": "rate", "value": null},
        {"user_id": "ana", "product_id": "kite", "kind": "rate", "value": 4},
    ]);
    let answer = post(&server, "/v1/events", &events.to_string()).await.ok();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&1.into(), &2.into()));
    for result in &answer["results"].as_array().unwrap()[..2] {
        assert_eq!(result["code"], "missing_field");
        assert!(result["message"].as_str().unwrap().contains("`value`"), "{result}");
    }
}

#[tokio::test]
async fn too_many_events_are_refused_before_any_is_applied() {
    let server = app(state(ServerConfig { max_events: 2, ..ServerConfig::default() }));
    let event = |id: &str| json!({"event_id": id, "user_id": "ana", "product_id": "ball", "kind": "view"});
    let three = json!([event("a"), event("b"), event("c")]).to_string();
    assert_eq!(post(&server, "/v1/events", &three).await.error(), (400, "invalid_count".to_owned()));
    let one = post(&server, "/v1/events", &event("a").to_string()).await.ok();
    assert_eq!(one["accepted"], 1);
}

#[tokio::test]
async fn a_purchase_leaves_the_next_feed() {
    let server = server();
    let feed =
        async || post(&server, "/v1/recommend/feed", r#"{"user_id": "ana", "limit": 50}"#).await.ids("product_id");
    assert!(feed().await.contains(&"ball".to_owned()));
    post(&server, "/v1/events", r#"{"user_id": "ana", "product_id": "ball", "kind": "purchase"}"#).await.ok();
    assert!(!feed().await.contains(&"ball".to_owned()));
}

/// Where no event says when it happened, a join that comes before the opening counts all the same.
#[tokio::test]
async fn a_join_without_a_time_waits_for_the_opening() {
    let clock = Arc::new(AtomicI64::new(NOW.millis()));
    let read = Arc::clone(&clock);
    let server = server_at(Arc::new(move || Timestamp::from_millis(read.fetch_add(1000, Ordering::Relaxed))));
    let joined = r#"{"kind": "team_joined", "team_id": "balls", "user_id": "eva"}"#;
    assert_eq!(post(&server, "/v1/events", joined).await.ok()["waiting"], 1);
    let opened =
        r#"{"kind": "team_opened", "team_id": "balls", "user_id": "ana", "product_id": "ball", "min_size": 3}"#;
    assert_eq!(post(&server, "/v1/events", opened).await.ok()["accepted"], 1);
    let team = crate::world::send(&server, "GET", "/v1/teams/balls", "").await.ok();
    assert_eq!(team["participant_ids"], json!(["eva"]));
}

/// From opening to success, reported in the wrong order; and a step that comes too late.
#[tokio::test]
async fn a_team_lives_by_its_events() {
    let server = server();
    let events = json!([
        {"kind": "team_joined", "team_id": "balls", "user_id": "eva", "ts": "2026-03-01T11:30:00Z"},
        {"kind": "team_opened", "team_id": "balls", "user_id": "ana", "product_id": "ball", "min_size": 3,
         "ts": "2026-03-01T11:00:00Z", "deadline": "2026-03-01T11:59:00Z"},
        {"kind": "invite_sent", "user_id": "bea", "initiator_id": "ana", "product_id": "ball"},
        {"kind": "invite_sent", "user_id": "loner", "initiator_id": "ana", "product_id": "ball"},
        {"kind": "team_joined", "team_id": "balls", "user_id": "kim", "ts": "2026-03-01T12:00:00Z"},
        {"kind": "team_joined", "team_id": "balls", "user_id": "bea", "ts": "2026-03-01T11:40:00Z"},
        {"kind": "team_joined", "user_id": "bea"},
        {"kind": "view", "user_id": "bea", "product_id": "ball", "min_size": 2},
        {"kind": "team_joined", "user_id": "bea", "team_id": "balls", "public": true},
    ]);
    let answer = post(&server, "/v1/events", &events.to_string()).await.ok();
    let verdicts: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|one| (&one["status"], &one["code"])).collect();
    assert_json_snapshot!(verdicts.iter().map(|(status, code)| format!("{status} {code}")).collect::<Vec<_>>(), @r#"
    [
      "\"waiting\" null",
      "\"accepted\" null",
      "\"accepted\" null",
      "\"rejected\" \"not_invitable\"",
      "\"rejected\" \"team_not_open\"",
      "\"accepted\" null",
      "\"rejected\" \"missing_field\"",
      "\"rejected\" \"invalid_request\"",
      "\"rejected\" \"invalid_request\""
    ]
    "#);
    let team = crate::world::send(&server, "GET", "/v1/teams/balls", "").await.ok();
    assert_eq!((&team["outcome"], &team["participant_ids"]), (&"succeeded".into(), &json!(["eva", "bea"])));
}
