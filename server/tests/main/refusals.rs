//! 1. Every wrong request gets a 4xx with a code of the table, a message that names the place, and a request id.
//! 2. No input gives a 5xx: random JSON and random bytes are thrown at every route.

use axum::body::Body;
use axum::http::Request;
use axum::routing::Router;
use juntos::error::Code;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Reply, post, send, send_request, server};

const QUESTIONS: [&str; 7] = [
    "/v1/recommend/feed",
    "/v1/recommend/similar",
    "/v1/recommend/trending",
    "/v1/recommend/repurchase",
    "/v1/group-buy/products",
    "/v1/group-buy/friends",
    "/v1/group-buy/teams",
];

async fn refusal(path: &str, body: &str) -> (u16, String, String) {
    refused(post(&server(), path, body).await)
}

fn refused(reply: Reply) -> (u16, String, String) {
    let (status, code) = reply.error();
    (status, code, reply.json()["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_wrong_feed_request_is_told_what_is_wrong_and_where() {
    let long = "x".repeat(10_000);
    let many = json!(vec!["p"; 1001]).to_string();
    let cases = [
        (r#"{"user_id": "ana""#.to_owned(), "invalid_json", "line 1 column 17"),
        (r#"{"user_id": "ana", "filter": {"price_min_minor": NaN}}"#.to_owned(), "invalid_json", "NaN"),
        (r#"{"user_id": 7}"#.to_owned(), "invalid_field", "`user_id`: expected a string, got 7"),
        ("[]".to_owned(), "invalid_field", "expected an object, got a list"),
        ("null".to_owned(), "invalid_field", "the body"),
        ("{}".to_owned(), "missing_field", "`user_id`"),
        (r#"{"user_id": "ana", "limt": 3}"#.to_owned(), "unknown_field", "did you mean `limit`?"),
        (r#"{"user_id": "ana", "filter": {"brand": 3}}"#.to_owned(), "unknown_field", "did you mean `brands`?"),
        (r#"{"user_id": "ana", "filter": {"brands": 3}}"#.to_owned(), "invalid_field", "`filter.brands`"),
        (r#"{"user_id": "ana", "filter": {"brands": ["a", 3]}}"#.to_owned(), "invalid_field", "`filter.brands[1]`"),
        (r#"{"user_id": "ana", "surface": "wearble"}"#.to_owned(), "invalid_field", "did you mean `wearable`?"),
        (r#"{"user_id": "ana", "explain": "words"}"#.to_owned(), "invalid_field", "`none`, `codes`, `texts`, `full`"),
        (r#"{"user_id": "ana", "language": "r"}"#.to_owned(), "invalid_field", "BCP 47"),
        (r#"{"user_id": "ana", "explain_product": "p"}"#.to_owned(), "invalid_request", "`full`"),
        (r#"{"user_id": "ana", "market": {"country": "Spain"}}"#.to_owned(), "invalid_field", "two-letter"),
        (r#"{"user_id": "ana", "limit": 0}"#.to_owned(), "invalid_limit", "between 1 and 100"),
        (r#"{"user_id": "ana", "limit": 101}"#.to_owned(), "invalid_limit", "between 1 and 100"),
        (r#"{"user_id": "ana", "limit": -1}"#.to_owned(), "invalid_limit", "between 1 and 100"),
        (
            r#"{"user_id": "ana", "limit": 1.5}"#.to_owned(),
            "invalid_field",
            "`limit`: expected a whole number, 1 to 100, got 1.5",
        ),
        (format!(r#"{{"user_id": "ana", "limit": "{long}"}}"#), "invalid_field", "1 to 100, got \"xxx"),
        (
            r#"{"user_id": "ana", "filter": {"price_max_minor": "9,99"}}"#.to_owned(),
            "invalid_field",
            "`filter.price_max_minor`: expected a whole number, 0 or more, got \"9,99\"",
        ),
        (
            r#"{"user_id": "ana", "include_bought": "yes"}"#.to_owned(),
            "invalid_field",
            "`include_bought`: expected `true` or `false`, got \"yes\"",
        ),
        (
            r#"{"user_id": "ana", "exclude": "p1"}"#.to_owned(),
            "invalid_field",
            "`exclude`: expected a list, got \"p1\"",
        ),
        (r#"{"user_id": "ana", "cursor": "made up"}"#.to_owned(), "invalid_cursor", "`cursor`"),
        (r#"{"user_id": "ana", "cursor": ""}"#.to_owned(), "invalid_cursor", "`cursor`"),
        (r#"{"user_id": "ana", "fields": ["prize"]}"#.to_owned(), "unknown_field", "did you mean `price`?"),
        (r#"{"user_id": "ana", "fields": ["score"]}"#.to_owned(), "unknown_field", "items have no `score`"),
        (r#"{"user_id": "ana", "filter": {"price_max_minor": 5}}"#.to_owned(), "invalid_filter", "currency"),
        (
            r#"{"user_id": "ana", "filter": {"price_max_minor": -5, "currency": "EUR"}}"#.to_owned(),
            "invalid_field",
            "`filter.price_max_minor`",
        ),
        (r#"{"user_id": ""}"#.to_owned(), "invalid_id", "`user_id`: the id is empty"),
        (format!(r#"{{"user_id": "{long}"}}"#), "invalid_id", "10000 bytes"),
        (r#"{"user_id": "a\nb"}"#.to_owned(), "invalid_id", "control character"),
        (r#"{"user_id": "ana", "exclude": [""]}"#.to_owned(), "invalid_id", "`exclude[0]`"),
        (format!(r#"{{"user_id": "ana", "exclude": {many}}}"#), "invalid_count", "1001"),
        (format!(r#"{{"user_id": "ana", "filter": {{"product_ids": {many}}}}}"#), "invalid_count", "1001"),
        (
            r#"{"user_id": "ana", "filter": {"product_ids": ["p", ""]}}"#.to_owned(),
            "invalid_id",
            "`filter.product_ids[1]`: the id is empty",
        ),
        (r#"{"user_id": "ana", "user_id": "bea"}"#.to_owned(), "invalid_field", "duplicate field"),
        (r#"{"user_id": "ana", "filter": []}"#.to_owned(), "invalid_field", "`filter`: expected an object, got a list"),
        (r#"{"user_id": "ana", "filter": [["kite"]]}"#.to_owned(), "invalid_field", "`filter`: expected an object"),
        (
            r#"{"user_id": "ana", "market": ["ES", null, []]}"#.to_owned(),
            "invalid_field",
            "`market`: expected an object",
        ),
        (
            r#"{"user_id": "ana", "filter": {"brands": [], "brands": []}}"#.to_owned(),
            "invalid_field",
            "`filter`: duplicate",
        ),
        (r#"{"user_id": "ana", "explain": 1}"#.to_owned(), "invalid_field", "`explain`: expected one of `none`"),
        (r#"{"user_id": "ana", "limt": null}"#.to_owned(), "unknown_field", "did you mean `limit`?"),
        (r#"{"user_id": null}"#.to_owned(), "missing_field", "`user_id`"),
    ];
    for (body, code, told) in cases {
        let (status, got, message) = refusal("/v1/recommend/feed", &body).await;
        let body: String = body.chars().take(80).collect();
        assert_eq!((status, got.as_str()), (400, code), "{body}: {message}");
        assert!(message.contains(told), "{body}: {message}");
        assert!(message.len() < 700, "{body}");
    }
}

#[tokio::test]
async fn the_other_questions_refuse_what_they_cannot_answer() {
    let crowd = json!({"user_ids": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}).to_string();
    let cases = [
        ("/v1/recommend/similar", "{}", "missing_field", "`product_id`"),
        ("/v1/recommend/similar", r#"{"product_id": "a", "product_ids": ["b"]}"#, "invalid_request", "not both"),
        ("/v1/group-buy/products", r#"{"user_ids": []}"#, "invalid_count", "empty"),
        ("/v1/group-buy/products", r#"{"user_ids": ["ana", "ana"]}"#, "invalid_field", "twice"),
        ("/v1/group-buy/products", &crowd, "invalid_count", "51"),
        ("/v1/group-buy/products", r#"{"user_ids": ["ana"], "strategy": "best"}"#, "invalid_field", "`least_misery`"),
        ("/v1/group-buy/friends", r#"{"user_id": "ana"}"#, "missing_field", "`product_id`"),
        ("/v1/group-buy/friends", r#"{"user_id": "a", "product_id": "p", "filter": {}}"#, "unknown_field", "`filter`"),
        (
            "/v1/group-buy/friends",
            r#"{"user_id": "a", "product_id": "p", "fields": ["title"]}"#,
            "unknown_field",
            "title",
        ),
    ];
    for (path, body, code, told) in cases {
        let (status, got, message) = refusal(path, body).await;
        assert_eq!((status, got.as_str()), (400, code), "{path} {body}: {message}");
        assert!(message.contains(told), "{path} {body}: {message}");
    }
}

#[tokio::test]
async fn an_empty_list_of_candidates_is_refused_by_every_question() {
    let expected = "`filter.product_ids` is empty; name 1 to 1000 products, or leave it out".to_owned();
    let expected = (400, "invalid_count".to_owned(), expected);
    for (path, who) in [
        (QUESTIONS[0], r#""user_id": "ana""#),
        (QUESTIONS[1], r#""product_id": "kite""#),
        (QUESTIONS[2], r#""market": {}"#),
        (QUESTIONS[3], r#""user_id": "ana""#),
        (QUESTIONS[4], r#""user_ids": ["ana"]"#),
        (QUESTIONS[6], r#""user_id": "ana""#),
    ] {
        let body = format!(r#"{{{who}, "filter": {{"product_ids": []}}}}"#);
        assert_eq!(refusal(path, &body).await, expected, "{path}");
    }
    let server = server();
    for empty in ["", ","] {
        let path = format!("/v1/recommend/feed?user_id=ana&product_ids={empty}");
        assert_eq!(refused(send(&server, "GET", &path, "").await), expected, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_query_string_is_told_as_well() {
    let server = server();
    let cases = [
        ("", "missing_field", "`user_id`"),
        ("user_id=ana&limit=abc", "invalid_field", "`limit`: expected a whole number, 1 to 100"),
        ("user_id=ana&limit=", "invalid_field", "`limit`: expected a whole number, 1 to 100"),
        ("user_id=ana&max_delivery_days=-1", "invalid_field", "expected a whole number, 0 to 4294967295"),
        ("user_id=ana&max_delivery_days=5000000000", "invalid_field", "expected a whole number, 0 to 4294967295"),
        ("user_id=ana&mmr_lambda=half", "invalid_field", "`mmr_lambda`: expected a number, 0 to 1"),
        ("user_id=ana&limit=0", "invalid_limit", "between 1 and 100"),
        ("user_id=ana&contry=ES", "unknown_field", "did you mean `country`?"),
        ("user_id=ana&country=Spain", "invalid_field", "two-letter"),
        ("user_id=ana&surface=tv", "invalid_field", "`feed`"),
        ("user_id=ana&personalise=perhaps", "invalid_field", "`personalise`: expected `true` or `false`"),
        ("user_id=%00", "invalid_id", "control character"),
        ("user_id=%ff", "invalid_field", "the query: `user_id` is not UTF-8"),
        ("user_id=ana&limit=5&limit=6", "invalid_field", "the query: duplicate field `limit`"),
    ];
    for (query, code, told) in cases {
        let (status, got, message) = refused(send(&server, "GET", &format!("/v1/recommend/feed?{query}"), "").await);
        assert_eq!((status, got.as_str()), (400, code), "{query}: {message}");
        assert!(message.contains(told), "{query}: {message}");
    }
}

#[tokio::test]
async fn what_is_outside_the_api_is_refused_in_the_same_form() {
    let server = server();
    let unknown = send(&server, "GET", "/v1/recommend/food", "").await;
    assert_eq!(unknown.error(), (404, "unknown_route".to_owned()));
    let method = send(&server, "DELETE", "/v1/recommend/feed", "").await;
    assert_eq!(method.error(), (405, "method_not_allowed".to_owned()));
    assert!(method.headers["allow"].to_str().unwrap().contains("POST"));
    for path in ["/v1/users/%FF", "/v1/users/%00", &format!("/v1/users/{}", "x".repeat(129))] {
        assert_eq!(send(&server, "GET", path, "").await.error(), (400, "invalid_id".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_type_or_size_is_refused() {
    let server = server();
    let with_type = |path: &str, media_type: &str, body: String| {
        let request = Request::post(path).header("content-type", media_type).header("x-request-id", "r");
        send_request(&server, request.body(Body::from(body)).unwrap())
    };
    let feed = r#"{"user_id": "ana"}"#.to_owned();
    assert_eq!(
        with_type(QUESTIONS[0], "text/plain", feed.clone()).await.error(),
        (415, "unsupported_media_type".into())
    );
    assert_eq!(with_type("/v1/events", "text/csv", feed.clone()).await.error(), (415, "unsupported_media_type".into()));
    let typed = with_type(QUESTIONS[0], "application/json; charset=utf-8", feed).await;
    typed.ok();
    let huge = format!(r#"{{"user_id": "{}"}}"#, "x".repeat(10 << 20));
    for path in QUESTIONS.into_iter().chain(["/v1/events"]) {
        let reply = with_type(path, "application/json", huge.clone()).await;
        assert_eq!(reply.error(), (413, "payload_too_large".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn data_is_read_as_strictly_as_questions() {
    let cases = [
        ("PUT", "/v1/products/new", r#"{"offers": [["s", 1, "ES", 1, 2]]}"#, "`offers[0]`: expected an object"),
        ("PUT", "/v1/products/new", r#"["p"]"#, "the body: expected an object, got a list"),
        ("PUT", "/v1/users/ana", r#"{"invites": 7}"#, "`invites`: expected one of"),
        (
            "PUT",
            "/v1/teams/t",
            r#"{"product_id": "kite", "initiator_id": "ana", "min_size": -1}"#,
            "`min_size`: expected a whole number, 2 to 4294967295, got -1",
        ),
        ("PUT", "/v1/users/ana", r#"{"country": "ES", "country": "FR"}"#, "duplicate field `country`"),
        ("PATCH", "/v1/users/ana", r#"{"country": "ES", "country": "FR"}"#, "duplicate field `country`"),
        ("PATCH", "/v1/products/kite", r#"{"offers": [[]]}"#, "`offers[0]`: expected an object"),
        ("PUT", "/v1/friendships", r#"{"user_id": "ana", "friend_id": "kim", "kind": 1}"#, "`kind`: expected one of"),
        (
            "PUT",
            "/v1/products/new",
            r#"{"price_minor": 900, "group_price_minor": 901, "currency": "EUR"}"#,
            "`group_price_minor` is above price_minor",
        ),
        ("PATCH", "/v1/products/kite", r#"{"price_minor": 799}"#, "`group_price_minor` is above price_minor"),
    ];
    for (method, path, body, told) in cases {
        let (status, code, message) = refused(send(&server(), method, path, body).await);
        assert_eq!((status, code.as_str()), (400, "invalid_field"), "{method} {path} {body}: {message}");
        assert!(message.contains(told), "{method} {path} {body}: {message}");
    }
    let offer =
        r#"{"offers": [{"country": "ES", "min_days": 1, "max_days": 2, "cost_minor": null, "payment_methods": null}]}"#;
    send(&server(), "PUT", "/v1/products/new", offer).await.ok();
}

/// Bodies near enough to right ones to get far: known names with values of any kind.
fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["ana", "bea", "kite", "ball", "kites", "ES", "EUR", "feed", "purchase", "open"])
            .prop_map(Value::from),
        prop_oneof![-3..200_i64, Just(i64::MAX)].prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "user_id",
        "user_ids",
        "product_id",
        "product_ids",
        "friend_id",
        "blocked_id",
        "team_id",
        "initiator_id",
        "participant_ids",
        "min_size",
        "deadline",
        "kind",
        "ts",
        "value",
        "strength",
        "limit",
        "filter",
        "market",
        "country",
        "currency",
        "exclude",
        "cursor",
        "fields",
        "surface",
        "price_minor",
        "offers",
        "birth_year",
        "x",
    ]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

const CHANGES: [(&str, &str); 11] = [
    ("POST", "/v1/events"),
    ("PUT", "/v1/products/kite"),
    ("PATCH", "/v1/products/kite"),
    ("PUT", "/v1/users/ana"),
    ("PATCH", "/v1/users/ana"),
    ("PUT", "/v1/teams/kites"),
    ("PATCH", "/v1/teams/kites"),
    ("POST", "/v1/teams/kites/join"),
    ("POST", "/v1/teams/kites/leave"),
    ("PUT", "/v1/friendships"),
    ("PUT", "/v1/blocks"),
];

async fn never_our_fault(server: &Router, method: &str, path: &str, body: &str) {
    let reply = send(server, method, path, body).await;
    assert!(reply.status.as_u16() < 500, "{method} {path} {body}: {}", reply.body);
    if !reply.status.is_success() {
        let (_, code) = reply.error();
        assert!(Code::ALL.iter().any(|known| known.word() == code), "{code} is not in the table");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_json_gives_a_server_error(bodies in prop::collection::vec(body(), 18)) {
        let server = server();
        runtime().block_on(async {
            let routes = QUESTIONS.iter().map(|path| ("POST", *path)).chain(CHANGES);
            for ((method, path), body) in routes.zip(bodies) {
                never_our_fault(&server, method, path, &body.to_string()).await;
            }
        });
    }

    #[test]
    fn no_text_gives_a_server_error(text in "[^\0]{1,60}", cursor in "[A-Za-z0-9_-]{0,80}") {
        let server = server();
        runtime().block_on(async {
            for (method, path) in QUESTIONS.iter().map(|path| ("POST", *path)).chain(CHANGES) {
                never_our_fault(&server, method, path, &text).await;
            }
            let body = json!({"user_id": "ana", "cursor": cursor}).to_string();
            never_our_fault(&server, "POST", "/v1/recommend/feed", &body).await;
        });
    }

    #[test]
    fn no_query_gives_a_server_error(query in "[a-z_]{1,8}=[A-Za-z0-9%&=,_]{0,40}") {
        let server = server();
        runtime().block_on(async {
            for path in ["/v1/recommend/feed", "/v1/friendships", "/v1/blocks"] {
                never_our_fault(&server, "GET", &format!("{path}?user_id=ana&{query}"), "").await;
            }
        });
    }
}
