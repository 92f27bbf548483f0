//! 1. The document lists the routes below, and no others.
//! 2. Each of its operations is routed, and a method it does not list is refused.
//! 3. Each example of a request body is taken by its route.
//! 4. Each optional field of a request body may be `null`, which means the same as absent.
//! 5. The GET form of the feed takes every field of its market and filter by name.
//! 6. The bounds in it are those of the code, and every error code is in it.

use axum::http::StatusCode;
use insta::assert_snapshot;
use juntos::error::Code;
use juntos_engine::request::{MAX_EXCLUDED, MAX_LIMIT};
use serde_json::{Value, json};

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
    GET /docs/{name}
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
        let concrete = path.replace("{id}", "nothing").replace("{name}", "feed");
        for method in METHODS.map(str::to_uppercase) {
            let listed = operations.iter().any(|(known, at, _)| (known, at) == (&method, path));
            let refused = send(&server, &method, &concrete, "").await.status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(listed, !refused, "{method} {path}");
        }
    }
}

/// A request body in the document: where it is sent, its schema, its example.
struct Body {
    method: String,
    path: String,
    schema: Value,
    example: Value,
}

fn bodies(document: &Value) -> Vec<Body> {
    let mut bodies = Vec::new();
    for (method, path, operation) in operations(document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = if schema["type"] == "array" { &schema["items"] } else { schema };
        let Some(name) = schema["$ref"].as_str() else {
            assert!(schema.is_null(), "{method} {path} has a body without a named schema");
            continue;
        };
        let schema = named(document, name);
        let example = if schema["example"].is_null() { &schema["examples"][0] } else { &schema["example"] };
        assert!(example.is_object(), "{name} has no example");
        let path = path.replace("{id}", "kites");
        bodies.push(Body { method, path, schema: schema.clone(), example: example.clone() });
    }
    assert!(bodies.len() >= 15, "only {} bodies were found", bodies.len());
    bodies
}

fn named<'a>(document: &'a Value, reference: &str) -> &'a Value {
    document.pointer(reference.trim_start_matches('#')).unwrap()
}

/// The names of the fields of `schema` that need not be there.
fn optional(schema: &Value) -> Vec<&String> {
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
    schema["properties"].as_object().unwrap().keys().filter(|name| !is_required(name)).collect()
}

/// The schema of the object that the field `name` of `schema` holds, if it holds one.
fn nested<'a>(document: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    let field = &schema["properties"][name];
    let reference = field["oneOf"].as_array().into_iter().flatten().chain([field]).find_map(|one| one["$ref"].as_str());
    reference.map(|reference| named(document, reference)).filter(|schema| schema["properties"].is_object())
}

#[tokio::test]
async fn every_example_is_taken() {
    for Body { method, path, example, .. } in bodies(&document().await) {
        let reply = send(&server(), &method, &path, &example.to_string()).await;
        let about_the_body = reply.status.as_u16() == 400;
        assert!(!about_the_body, "{method} {path} refuses its example {example}: {}", reply.body);
    }
}

#[tokio::test]
async fn null_means_the_same_as_absent() {
    let document = document().await;
    let (mut fields, mut fields_of_fields) = (0, 0);
    // PATCH leaves alone what is absent and takes away what is null.
    for Body { method, path, schema, example } in bodies(&document).into_iter().filter(|body| body.method != "PATCH") {
        for name in optional(&schema) {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(name);
            let mut with = without.clone();
            with[name] = Value::Null;
            the_same(&method, &path, &without, &with).await;
            fields += 1;
            let Some(inner) = nested(&document, &schema, name) else { continue };
            for inner_name in optional(inner) {
                (without[name], with[name]) = (json!({}), json!({ inner_name: null }));
                the_same(&method, &path, &without, &with).await;
                fields_of_fields += 1;
            }
        }
    }
    assert!(fields > 100 && fields_of_fields > 80, "only {fields} and {fields_of_fields} fields were tried");
}

/// Both bodies get the same answer, each from a server of its own.
async fn the_same(method: &str, path: &str, one: &Value, other: &Value) {
    let first = send(&server(), method, path, &one.to_string()).await;
    let second = send(&server(), method, path, &other.to_string()).await;
    assert_eq!(first.body, second.body, "{method} {path} {one} and {other}");
}

#[tokio::test]
async fn the_get_form_has_every_field_of_market_and_filter() {
    let document = document().await;
    let parameters = document["paths"]["/v1/recommend/feed"]["get"]["parameters"].as_array().unwrap();
    for schema in ["Market", "Filter"] {
        for name in document["components"]["schemas"][schema]["properties"].as_object().unwrap().keys() {
            assert!(parameters.iter().any(|parameter| parameter["name"] == **name), "{name} of {schema} is not there");
        }
    }
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
