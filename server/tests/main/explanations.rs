//! 1. Texts come in the language of the request, its header, the person's record, or English, and say which; without being
//!    asked for there are none.
//! 2. `explain=full` is the operator's: without her key, with another, or on a server that has none it is refused, and
//!    nobody else ever sees a score.
//! 3. What is explained is what is served: the same items, and for each product of the catalogue why it is not there.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use insta::assert_json_snapshot;
use juntos::{ServerConfig, app};
use serde_json::{Value, json};

use crate::world::{Reply, post, send, send_request, server, state};

const KEY: &str = "abc";
/// SHA-256 of [`KEY`] (FIPS 180-2, appendix B.1).
const KEY_SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn server_with_operator() -> Router {
    let config = ServerConfig { cpu_threads: 1, operator_key_sha256: KEY_SHA256.to_owned(), ..ServerConfig::default() };
    app(state(config))
}

async fn ask(server: &Router, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let mut request = Request::post(path).header("content-type", "application/json").header("x-request-id", "r");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send_request(server, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn as_operator(server: &Router, path: &str, body: &Value) -> Value {
    ask(server, path, &[("authorization", &format!("Bearer {KEY}"))], body).await.ok()
}

fn reasons(answer: &Value) -> Value {
    answer["items"][0]["reasons"].clone()
}

fn texts(answer: &Value) -> Vec<&str> {
    answer["items"][0]["reasons"].as_array().unwrap().iter().map(|reason| reason["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_feed_in_russian() {
    let reply = post(&server(), "/v1/recommend/feed", r#"{"user_id": "ana", "limit": 2, "language": "ru"}"#).await;
    assert_eq!(reply.headers["content-language"], "ru");
    let answer = reply.ok();
    assert_json_snapshot!(reasons(&answer), @r#"
    [
      {
        "code": "open_team",
        "seats_left": 2,
        "team_id": "kites",
        "text": "Можно присоединиться к команде: 2 свободных места"
      },
      {
        "code": "friends_bought",
        "count_bucket": "3+",
        "text": "Это купили не менее 3 ваших друзей"
      },
      {
        "code": "trending_in_market",
        "text": "Популярно в вашем регионе"
      },
      {
        "code": "team_price",
        "currency": "EUR",
        "saving_minor": 200,
        "text": "Вместе каждый из вас сэкономит 2,00 EUR"
      }
    ]
    "#);
    assert_eq!(answer["items"][0]["team"]["reasons"][0], answer["items"][0]["reasons"][0]);
    assert_eq!(answer["items"][1]["reasons"][0]["text"], "Потому что вы купили «puzzle»");
}

#[tokio::test]
async fn friends_and_groups_in_the_other_languages() {
    let server = server();
    let friends = json!({"user_id": "ana", "product_id": "ball", "language": "fr", "limit": 1});
    let answer = post(&server, "/v1/group-buy/friends", &friends.to_string()).await.ok();
    assert_eq!(texts(&answer), ["Parmi vos amis proches"]);
    for (language, told) in [
        ("en", ["A team you can join: 2 seats free", "Together each of you saves 2.00\u{a0}EUR"]),
        ("es", ["Un equipo al que puedes unirte: 2 plazas libres", "En equipo, cada persona ahorra 2,00\u{a0}EUR"]),
        ("fr", ["Une équipe à rejoindre\u{a0}: 2 places libres", "En équipe, chaque personne économise 2,00\u{a0}EUR"]),
        ("it", ["Una squadra a cui puoi unirti: 2 posti liberi", "In squadra ognuno risparmia 2,00\u{a0}EUR"]),
        ("tr", ["Katılabileceğin bir ekip: 2 boş yer", "Birlikte alırsanız kişi başı tasarruf: 2,00\u{a0}EUR"]),
        ("zh", ["可以加入的拼团：还有2个空位", "一起买，每人可省2.00\u{a0}EUR"]),
    ] {
        let teams = json!({"user_id": "ana", "language": language});
        let answer = post(&server, "/v1/group-buy/teams", &teams.to_string()).await.ok();
        assert_eq!(texts(&answer), told);
    }
}

#[tokio::test]
async fn the_language_is_the_requests_then_the_headers_then_the_persons_then_english() {
    let server = server();
    let own = send(&server, "PATCH", "/v1/users/ana", r#"{"language": "it"}"#).await;
    own.ok();
    let french = [("accept-language", "de, fr;q=0.8, en;q=0.7")];
    let german = [("accept-language", "de")];
    for (user, headers, body, language) in [
        ("ana", &french[..], json!({"language": "tr-TR"}), "tr"),
        ("ana", &french[..], json!({"language": "pt"}), "fr"),
        ("ana", &french[..], json!({"explain": "texts"}), "fr"),
        ("ana", &german[..], json!({"explain": "texts"}), "it"),
        ("ana", &[][..], json!({"language": "de"}), "it"),
        ("bea", &[][..], json!({"explain": "texts"}), "en"),
        ("nobody", &[][..], json!({"explain": "texts"}), "en"),
    ] {
        let mut body = body;
        body["user_id"] = user.into();
        let reply = ask(&server, "/v1/recommend/feed", headers, &body).await;
        assert_eq!(reply.headers["content-language"], language, "{user} {headers:?} {body}");
        assert_eq!(reply.headers["vary"], "accept-language");
    }
}

#[tokio::test]
async fn texts_come_only_when_asked_for() {
    let server = server();
    let french = [("accept-language", "fr")];
    for body in [json!({"user_id": "ana"}), json!({"user_id": "ana", "language": "ru", "explain": "codes"})] {
        let reply = ask(&server, "/v1/recommend/feed", &french, &body).await;
        assert!(
            reply.ok()["items"][0]["reasons"][0]["text"].is_null() && !reply.headers.contains_key("content-language")
        );
    }
    let none = json!({"user_id": "ana", "language": "ru", "explain": "none"});
    assert!(!ask(&server, "/v1/recommend/feed", &[], &none).await.body.contains("reasons"));
    let wrong = ask(&server, "/v1/recommend/feed", &[], &json!({"user_id": "ana", "language": "русский"})).await;
    assert_eq!(wrong.error(), (400, "invalid_field".to_owned()));
    let query = send(&server, "GET", "/v1/recommend/feed?user_id=ana&language=es&limit=1", "").await;
    assert_eq!(query.headers["content-language"], "es");
}

#[tokio::test]
async fn whose_age_is_unknown_is_not_hurried_in_words_either() {
    let server = server();
    send(&server, "PUT", "/v1/friendships", r#"{"user_id": "kim", "friend_id": "bea"}"#).await.ok();
    let answer = post(&server, "/v1/group-buy/teams", r#"{"user_id": "kim", "language": "en"}"#).await.ok();
    assert_eq!(texts(&answer)[0], "A team you can join");
}

#[tokio::test]
async fn only_the_operator_gets_explanations_in_full() {
    let body = json!({"user_id": "ana", "explain": "full"});
    let (keyless, keyed) = (server(), server_with_operator());
    for header in [None, Some("Bearer abc"), Some("Bearer ")] {
        let headers: Vec<(&str, &str)> = header.map(|value| ("authorization", value)).into_iter().collect();
        for path in ["/v1/recommend/feed", "/v1/recommend/trending", "/v1/group-buy/teams"] {
            let body = if path.ends_with("trending") { json!({"explain": "full"}) } else { body.clone() };
            let refused = ask(&keyless, path, &headers, &body).await;
            assert_eq!(refused.error(), (403, "no_operator_key".to_owned()), "{path} {header:?}");
        }
    }
    for header in [None, Some("Bearer abd"), Some("Basic abc"), Some(KEY_SHA256)] {
        let headers: Vec<(&str, &str)> = header.map(|value| ("authorization", value)).into_iter().collect();
        let refused = ask(&keyed, "/v1/recommend/feed", &headers, &body).await;
        assert_eq!(refused.error(), (401, "operator_key_needed".to_owned()), "{header:?}");
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
        assert!(!refused.body.contains("abd"));
    }
    let query = send(&keyed, "GET", "/v1/recommend/feed?user_id=ana&explain=full", "").await;
    assert_eq!(query.error(), (401, "operator_key_needed".to_owned()));
    let plain = ask(&keyed, "/v1/recommend/feed", &[("authorization", "Bearer abc")], &json!({"user_id": "ana"})).await;
    assert!(!plain.body.contains("score") && !plain.body.contains("explanation"));
    let alone = ask(&keyed, "/v1/recommend/feed", &[], &json!({"user_id": "ana", "explain_product": "ball"})).await;
    assert_eq!(alone.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn the_feed_explained() {
    let server = server_with_operator();
    let body = json!({"user_id": "ana", "explain": "full", "limit": 2});
    let mut answer = as_operator(&server, "/v1/recommend/feed", &body).await;
    let plain = post(&server, "/v1/recommend/feed", r#"{"user_id": "ana", "limit": 2, "language": "en"}"#).await.ok();
    assert_eq!(answer["items"], plain["items"], "what is explained is what is served");
    assert_json_snapshot!(answer["explanation"].take(), @r#"
    {
      "items": [
        {
          "id": "kite",
          "parts": [
            {
              "points": 1.0,
              "what": "taste"
            },
            {
              "points": 0.2,
              "what": "friends"
            },
            {
              "points": 0.4,
              "what": "open_team"
            }
          ],
          "place": 1,
          "place_by_score": 1,
          "rules": [],
          "score": 1.6,
          "sources": [
            "taste",
            "friends",
            "open_team"
          ]
        },
        {
          "id": "ball",
          "parts": [
            {
              "points": 0.9,
              "what": "taste"
            },
            {
              "points": 0.05,
              "what": "friends"
            }
          ],
          "place": 2,
          "place_by_score": 2,
          "rules": [],
          "score": 0.95,
          "sources": [
            "taste",
            "friends"
          ]
        }
      ],
      "left_out": [
        {
          "id": "wine",
          "parts": [
            {
              "points": 0.2245,
              "what": "taste"
            }
          ],
          "place_by_score": 3,
          "rules": [
            "below_limit"
          ],
          "score": 0.2245,
          "sources": [
            "taste"
          ]
        },
        {
          "id": "cup",
          "parts": [
            {
              "points": 0.0755,
              "what": "taste"
            }
          ],
          "place_by_score": 4,
          "rules": [
            "below_limit"
          ],
          "score": 0.0755,
          "sources": [
            "taste"
          ]
        },
        {
          "id": "pan",
          "parts": [
            {
              "points": 0.0,
              "what": "taste"
            },
            {
              "points": 0.05,
              "what": "friends"
            }
          ],
          "place_by_score": 5,
          "rules": [
            "below_limit"
          ],
          "score": 0.05,
          "sources": [
            "taste",
            "friends"
          ]
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn why_a_product_is_not_there() {
    let server = server_with_operator();
    let event = r#"[{"user_id": "ana", "product_id": "cup", "kind": "dislike"}]"#;
    post(&server, "/v1/events", event).await.ok();
    for (product, more, outcome, rules) in [
        ("kite", json!({}), "shown", json!([])),
        ("doll", json!({}), "ruled_out", json!(["hidden"])),
        ("drum", json!({}), "ruled_out", json!(["out_of_stock"])),
        ("sled", json!({}), "ruled_out", json!(["not_delivered"])),
        ("puzzle", json!({}), "ruled_out", json!(["already_bought"])),
        ("cup", json!({}), "ruled_out", json!(["refused"])),
        ("ball", json!({"exclude": ["ball"]}), "ruled_out", json!(["excluded"])),
        ("pan", json!({"filter": {"categories": ["toys"]}}), "ruled_out", json!(["category"])),
        ("pan", json!({"filter": {"product_ids": ["kite", "cup"]}}), "ruled_out", json!(["product"])),
        (
            "pan",
            json!({"filter": {"brands": ["acme"], "seller_ids": ["s"], "team_price": true}}),
            "ruled_out",
            json!(["brand", "seller", "team_price"]),
        ),
        ("wine", json!({"user_id": "kim"}), "ruled_out", json!(["age"])),
        ("wine", json!({"limit": 1}), "not_on_page", json!(["below_limit"])),
        ("nothing", json!({}), "unknown_product", json!([])),
    ] {
        let mut body = json!({"user_id": "ana", "explain": "full", "explain_product": product});
        more.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        let answer = as_operator(&server, "/v1/recommend/feed", &body).await;
        let verdict = &answer["explanation"]["product"];
        assert_eq!(
            (&verdict["id"], &verdict["outcome"], &verdict["rules"]),
            (&json!(product), &json!(outcome), &rules),
            "{verdict}"
        );
    }
}

#[tokio::test]
async fn a_product_below_the_limit_is_told_its_score_and_places() {
    let server = server_with_operator();
    let body = json!({"user_id": "ana", "explain": "full", "explain_product": "pan", "limit": 1});
    let answer = as_operator(&server, "/v1/recommend/feed", &body).await;
    assert_json_snapshot!(answer["explanation"]["product"], @r#"
    {
      "id": "pan",
      "outcome": "not_on_page",
      "parts": [
        {
          "points": 0.0,
          "what": "taste"
        },
        {
          "points": 0.05,
          "what": "friends"
        }
      ],
      "place_by_score": 5,
      "rules": [
        "below_limit"
      ],
      "score": 0.05,
      "sources": [
        "taste",
        "friends"
      ],
      "taste": {
        "looked_at": 42,
        "place": 5,
        "score": 0.1969
      }
    }
    "#);
    let stranger = json!({"user_id": "nobody", "explain": "full", "explain_product": "ball", "limit": 1});
    let answer = as_operator(&server, "/v1/recommend/feed", &stranger).await;
    let verdict = &answer["explanation"]["product"];
    assert_eq!((&verdict["outcome"], &verdict["taste"]), (&json!("not_proposed"), &Value::Null), "{verdict}");
    assert!(verdict["popular_place"].as_u64().is_some_and(|place| place > 1), "{verdict}");
}

#[tokio::test]
async fn group_buying_explained() {
    let server = server_with_operator();
    let group = json!({"user_ids": ["ana", "kim"], "explain": "full", "explain_product": "wine", "limit": 1});
    let answer = as_operator(&server, "/v1/group-buy/products", &group).await;
    assert_eq!(answer["explanation"]["product"]["rules"], json!(["age"]), "the group is as young as its youngest");
    let item = &answer["explanation"]["items"][0];
    assert_eq!(
        (&item["sources"], &item["parts"][0]["what"], &item["parts"][1]["what"], &item["parts"][2]["what"]),
        (&json!(["group"]), &json!("taste"), &json!("team"), &json!("saving"))
    );

    let friends = json!({"user_id": "ana", "product_id": "ball", "explain": "full", "limit": 1});
    let answer = as_operator(&server, "/v1/group-buy/friends", &friends).await;
    let item = &answer["explanation"]["items"][0];
    assert_eq!(item["id"], answer["items"][0]["user_id"]);
    let sum: f64 = item["parts"].as_array().unwrap().iter().map(|part| part["points"].as_f64().unwrap()).sum();
    assert!((sum - item["score"].as_f64().unwrap()).abs() < 1e-3, "{item}");
    assert_eq!(answer["explanation"]["product"]["outcome"], "eligible");

    let teams = json!({"user_id": "ana", "explain": "full", "explain_product": "wine"});
    let answer = as_operator(&server, "/v1/group-buy/teams", &teams).await;
    assert_eq!(answer["explanation"]["items"][0]["id"], "kites");
    assert_eq!(answer["explanation"]["items"][0]["sources"], json!(["open_team"]));
    assert_eq!(answer["explanation"]["product"]["outcome"], "eligible");
}

#[tokio::test]
async fn the_other_lists_explained() {
    let server = server_with_operator();
    let similar = json!({"product_id": "pan", "explain": "full", "explain_product": "pan", "limit": 1});
    let answer = as_operator(&server, "/v1/recommend/similar", &similar).await;
    assert_eq!(answer["explanation"]["product"]["rules"], json!(["asked_about"]));
    assert_eq!(answer["explanation"]["items"][0]["sources"], json!(["similar"]));
    let trending = json!({"market": {"country": "ES"}, "explain": "full", "explain_product": "wine", "limit": 1});
    let answer = as_operator(&server, "/v1/recommend/trending", &trending).await;
    assert_eq!(answer["explanation"]["product"]["rules"], json!(["age"]));
    assert_eq!(answer["explanation"]["items"][0]["rules"], json!(["fill"]));
}
