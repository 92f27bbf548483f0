//! 1. The document lists the routes below, and no others.
//! 2. Each of its operations is routed, and a method it does not list is refused.
//! 3. Each example of a request body is taken by its route.
//! 4. The bounds in it are those of the code, and every error code is in it.

use axum::http::StatusCode;
use insta::assert_snapshot;
use juntos::error::Code;
use juntos_engine::request::{MAX_EXCLUDED, MAX_LIMIT};
use serde_json::Value;

use crate::world::{send, server};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document() -> Value {
    send(&server(), "GET", "/openapi.json", "").await.ok()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                operations.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    operations
}

#[tokio::test]
async fn the_routes() {
    let lines: Vec<String> =
        operations(&document().await).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    GET /docs
    GET /healthz
    GET /metrics
    GET /openapi.json
    GET /readyz
    GET /v1/blocks
    PUT /v1/blocks
    DELETE /v1/blocks
    POST /v1/events
    GET /v1/friendships
    PUT /v1/friendships
    DELETE /v1/friendships
    POST /v1/group-buy/friends
    POST /v1/group-buy/products
    POST /v1/group-buy/teams
    GET /v1/products/{id}
    PUT /v1/products/{id}
    PATCH /v1/products/{id}
    DELETE /v1/products/{id}
    GET /v1/recommend/feed
    POST /v1/recommend/feed
    POST /v1/recommend/repurchase
    POST /v1/recommend/similar
    POST /v1/recommend/trending
    GET /v1/sellers/{id}/audience
    GET /v1/teams/{id}
    PUT /v1/teams/{id}
    PATCH /v1/teams/{id}
    DELETE /v1/teams/{id}
    POST /v1/teams/{id}/join
    POST /v1/teams/{id}/leave
    GET /v1/users/{id}
    PUT /v1/users/{id}
    PATCH /v1/users/{id}
    DELETE /v1/users/{id}
    "#);
}

#[tokio::test]
async fn every_operation_is_routed_and_no_other_method() {
    let (server, document) = (server(), document().await);
    let operations = operations(&document);
    for path in document["paths"].as_object().unwrap().keys() {
        let concrete = path.replace("{id}", "nothing");
        for method in METHODS.map(str::to_uppercase) {
            let listed = operations.iter().any(|(known, at, _)| (known, at) == (&method, path));
            let refused = send(&server, &method, &concrete, "").await.status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(listed, !refused, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_example_is_taken() {
    let document = document().await;
    let mut taken = 0;
    for (method, path, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = if schema["type"] == "array" { &schema["items"] } else { schema };
        let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) else {
            assert!(schema.is_null(), "{method} {path} has a body without a named schema");
            continue;
        };
        let schema = &document["components"]["schemas"][name];
        let example = if schema["example"].is_null() { &schema["examples"][0] } else { &schema["example"] };
        assert!(example.is_object(), "{name} has no example");
        let reply = send(&server(), &method, &path.replace("{id}", "kites"), &example.to_string()).await;
        let about_the_body = reply.status.as_u16() == 400;
        assert!(!about_the_body, "{method} {path} refuses its example {example}: {}", reply.body);
        taken += 1;
    }
    assert!(taken >= 15, "only {taken} examples were tried");
}

#[tokio::test]
async fn bounds_and_codes_are_those_of_the_code() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    for question in ["FeedRequest", "TrendingRequest", "FriendsRequest"] {
        let properties = &schemas[question]["properties"];
        assert_eq!(properties["limit"]["maximum"], MAX_LIMIT as u64, "{question}");
        assert_eq!(properties["exclude"]["maxItems"], MAX_EXCLUDED as u64, "{question}");
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    let text = schemas["Code"].to_string();
    assert!(codes.iter().all(|code| text.contains(&format!("\"{code}\""))), "{text}");
}
