//! 1. Each of the seven questions gives the answer that is written here, field by field.
//! 2. Unknown ids are answered with 200 and listed in `missing`.
//! 3. `fields`, `explain`, surfaces and the GET form shape the answer as documented.
//! 4. Pages never repeat an item and end; the same request gives the same bytes.

use std::collections::HashSet;

use insta::assert_json_snapshot;
use serde_json::Value;

use crate::world::{post, send, server};

/// Without what changes with every bundle.
fn steady(mut answer: Value) -> Value {
    assert!(answer["recommendation_id"].as_str().unwrap().starts_with("rec-"));
    assert!(!answer["bundle"].as_str().unwrap().is_empty());
    answer["recommendation_id"] = "[id]".into();
    answer["bundle"] = "[bundle]".into();
    if answer["next_cursor"].is_string() {
        answer["next_cursor"] = "[cursor]".into();
    }
    answer
}

async fn answer(path: &str, body: &str) -> Value {
    steady(post(&server(), path, body).await.ok())
}

#[tokio::test]
async fn feed() {
    let answer = answer("/v1/recommend/feed", r#"{"user_id": "ana", "limit": 3}"#).await;
    assert_json_snapshot!(answer, @r#"
    {
      "bundle": "[bundle]",
      "degraded": null,
      "experiment": null,
      "items": [
        {
          "group_min_size": 3,
          "group_price": {
            "currency": "EUR",
            "minor_units": 800
          },
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "kite",
          "reasons": [
            {
              "code": "open_team",
              "seats_left": 2,
              "team_id": "kites"
            },
            {
              "code": "friends_bought",
              "count_bucket": "3+"
            },
            {
              "code": "trending_in_market"
            },
            {
              "code": "team_price",
              "currency": "EUR",
              "saving_minor": 200
            }
          ],
          "source": "open_team",
          "team": {
            "deadline": "2026-03-02T00:00:00.000Z",
            "friends_inside": [
              "bea"
            ],
            "group_price": {
              "currency": "EUR",
              "minor_units": 800
            },
            "price": {
              "currency": "EUR",
              "minor_units": 1000
            },
            "product_id": "kite",
            "reasons": [
              {
                "code": "open_team",
                "seats_left": 2,
                "team_id": "kites"
              },
              {
                "code": "team_price",
                "currency": "EUR",
                "saving_minor": 200
              }
            ],
            "seats_left": 2,
            "team_id": "kites"
          },
          "title": "kite"
        },
        {
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "ball",
          "reasons": [
            {
              "code": "because_you_bought",
              "product_id": "puzzle"
            }
          ],
          "source": "taste",
          "title": "ball"
        },
        {
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "wine",
          "reasons": [
            {
              "code": "your_taste"
            }
          ],
          "source": "taste",
          "title": "wine"
        }
      ],
      "missing": [],
      "next_cursor": "[cursor]",
      "recommendation_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn similar() {
    let answer = answer("/v1/recommend/similar", r#"{"product_id": "pan", "limit": 2}"#).await;
    assert_json_snapshot!(answer, @r#"
    {
      "bundle": "[bundle]",
      "degraded": null,
      "experiment": null,
      "items": [
        {
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "cup",
          "reasons": [
            {
              "code": "similar_to",
              "product_id": "pan"
            }
          ],
          "source": "similar",
          "title": "cup"
        },
        {
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "ball",
          "reasons": [
            {
              "code": "similar_to",
              "product_id": "pan"
            }
          ],
          "source": "similar",
          "title": "ball"
        }
      ],
      "missing": [],
      "next_cursor": "[cursor]",
      "recommendation_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn trending() {
    let answer = answer("/v1/recommend/trending", r#"{"market": {"country": "ES"}, "limit": 2}"#).await;
    assert_json_snapshot!(answer, @r#"
    {
      "bundle": "[bundle]",
      "degraded": null,
      "experiment": null,
      "items": [
        {
          "group_min_size": 3,
          "group_price": {
            "currency": "EUR",
            "minor_units": 800
          },
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "kite",
          "reasons": [
            {
              "code": "trending_in_market"
            },
            {
              "code": "team_price",
              "currency": "EUR",
              "saving_minor": 200
            }
          ],
          "source": "trending",
          "title": "kite"
        },
        {
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "pan",
          "reasons": [],
          "source": "trending",
          "title": "pan"
        }
      ],
      "missing": [],
      "next_cursor": "[cursor]",
      "recommendation_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn repurchase() {
    let answer = answer("/v1/recommend/repurchase", r#"{"user_id": "loner", "limit": 2}"#).await;
    assert_json_snapshot!(answer, @r#"
    {
      "bundle": "[bundle]",
      "degraded": "few_candidates",
      "experiment": null,
      "items": [
        {
          "group_min_size": 3,
          "group_price": {
            "currency": "EUR",
            "minor_units": 800
          },
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "kite",
          "reasons": [
            {
              "code": "trending_in_market"
            },
            {
              "code": "team_price",
              "currency": "EUR",
              "saving_minor": 200
            }
          ],
          "source": "trending",
          "title": "kite"
        },
        {
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "pan",
          "reasons": [],
          "source": "trending",
          "title": "pan"
        }
      ],
      "missing": [],
      "next_cursor": "[cursor]",
      "recommendation_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn products_for_a_group() {
    let answer = answer("/v1/group-buy/products", r#"{"user_ids": ["ana", "eva"], "limit": 2}"#).await;
    assert_json_snapshot!(answer, @r#"
    {
      "bundle": "[bundle]",
      "degraded": null,
      "experiment": null,
      "items": [
        {
          "group_min_size": 3,
          "group_price": {
            "currency": "EUR",
            "minor_units": 800
          },
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "kite",
          "reasons": [
            {
              "code": "group_taste"
            },
            {
              "code": "trending_in_market"
            },
            {
              "code": "team_price",
              "currency": "EUR",
              "saving_minor": 200
            }
          ],
          "saving": {
            "currency": "EUR",
            "minor_units": 200
          },
          "source": "group",
          "success_probability": 0.188,
          "title": "kite",
          "would_join": [
            "eva"
          ]
        },
        {
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "ball",
          "reasons": [
            {
              "code": "group_taste"
            }
          ],
          "source": "group",
          "success_probability": 0.243,
          "title": "ball",
          "would_join": [
            "eva"
          ]
        }
      ],
      "missing": [],
      "next_cursor": "[cursor]",
      "recommendation_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn friends_for_a_product() {
    let answer = answer("/v1/group-buy/friends", r#"{"user_id": "ana", "product_id": "ball", "limit": 2}"#).await;
    assert_json_snapshot!(answer, @r#"
    {
      "bundle": "[bundle]",
      "degraded": null,
      "experiment": null,
      "items": [
        {
          "join_probability": 0.169,
          "reasons": [
            {
              "code": "close_friend"
            }
          ],
          "user_id": "bea"
        },
        {
          "join_probability": 0.164,
          "reasons": [
            {
              "code": "close_friend"
            }
          ],
          "user_id": "eva"
        }
      ],
      "missing": [],
      "next_cursor": "[cursor]",
      "recommendation_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn open_teams() {
    let answer = answer("/v1/group-buy/teams", r#"{"user_id": "ana"}"#).await;
    assert_json_snapshot!(answer, @r#"
    {
      "bundle": "[bundle]",
      "degraded": null,
      "experiment": null,
      "items": [
        {
          "deadline": "2026-03-02T00:00:00.000Z",
          "friends_inside": [
            "bea"
          ],
          "group_price": {
            "currency": "EUR",
            "minor_units": 800
          },
          "price": {
            "currency": "EUR",
            "minor_units": 1000
          },
          "product_id": "kite",
          "reasons": [
            {
              "code": "open_team",
              "seats_left": 2,
              "team_id": "kites"
            },
            {
              "code": "team_price",
              "currency": "EUR",
              "saving_minor": 200
            }
          ],
          "seats_left": 2,
          "team_id": "kites"
        }
      ],
      "missing": [],
      "next_cursor": null,
      "recommendation_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn unknown_ids_are_answered_and_listed() {
    let server = server();
    let questions = [
        ("/v1/recommend/feed", r#"{"user_id": "nobody"}"#, "nobody"),
        ("/v1/recommend/trending", r#"{"user_id": "nobody"}"#, "nobody"),
        ("/v1/recommend/repurchase", r#"{"user_id": "nobody"}"#, "nobody"),
        ("/v1/recommend/similar", r#"{"product_id": "nothing"}"#, "nothing"),
        ("/v1/group-buy/products", r#"{"user_ids": ["ana", "nobody"]}"#, "nobody"),
        ("/v1/group-buy/friends", r#"{"user_id": "ana", "product_id": "nothing"}"#, "nothing"),
        ("/v1/group-buy/teams", r#"{"user_id": "nobody"}"#, "nobody"),
    ];
    for (path, body, missing) in questions {
        let answer = post(&server, path, body).await.ok();
        assert_eq!(answer["missing"], serde_json::json!([missing]), "{path}");
    }
    for (path, body) in [
        ("/v1/recommend/feed", r#"{"user_id": "nobody", "market": {"country": "ES"}}"#),
        ("/v1/recommend/similar", r#"{"user_id": "nobody", "product_id": "kite", "limit": 1}"#),
        ("/v1/recommend/trending", r#"{"user_id": "nobody", "limit": 1}"#),
    ] {
        let answer = post(&server, path, body).await.ok();
        assert_eq!(answer["degraded"], "unknown_user", "{path}");
        assert!(!answer["items"].as_array().unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn fields_keep_the_id_and_what_was_asked_for() {
    let body = r#"{"user_id": "ana", "limit": 1, "fields": ["price", "product_id"]}"#;
    let answer = post(&server(), "/v1/recommend/feed", body).await.ok();
    let names: Vec<&String> = answer["items"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["price", "product_id"]);
}

#[tokio::test]
async fn explain_none_leaves_the_reasons_out() {
    let server = server();
    let body = r#"{"user_id": "ana", "explain": "none"}"#;
    assert!(!post(&server, "/v1/recommend/feed", body).await.body.contains("reasons"));
    assert!(post(&server, "/v1/recommend/feed", r#"{"user_id": "ana"}"#).await.body.contains("reasons"));
}

#[tokio::test]
async fn the_get_form_is_the_same_question() {
    let server = server();
    let query = "user_id=ana&country=ES&limit=4&categories=toys,kitchen&fields=price,title&exclude=ball,cup\
                 &product_ids=kite,ball,pan,top&currency=EUR&price_max_minor=5000&surface=messaging&personalise=true";
    let got = send(&server, "GET", &format!("/v1/recommend/feed?{query}"), "").await.ok();
    let body = r#"{
        "user_id": "ana", "limit": 4, "fields": ["price", "title"], "exclude": ["ball", "cup"], "surface": "messaging",
        "market": {"country": "ES", "currency": "EUR"}, "personalise": true,
        "filter": {"product_ids": ["kite", "ball", "pan", "top"], "categories": ["toys", "kitchen"], "price_max_minor": 5000}
    }"#;
    assert_eq!(got, post(&server, "/v1/recommend/feed", body).await.ok());
    assert!(!got["items"].as_array().unwrap().is_empty());
    let query = "user_id=ana&limit=50&not_categories=toys/indoor,kitchen/table&not_seller_ids=s1&ship_to=RU";
    let got = send(&server, "GET", &format!("/v1/recommend/feed?{query}"), "").await.ids("product_id");
    assert!(got.contains(&"sled".to_owned()) && got.contains(&"pan".to_owned()), "{got:?}");
    assert!(!got.contains(&"puzzle".to_owned()) && !got.contains(&"cup".to_owned()), "{got:?}");
}

#[tokio::test]
async fn a_list_of_candidates_is_all_that_is_ranked() {
    let server = server();
    for (path, who) in [
        ("recommend/feed", r#""user_id": "ana""#),
        ("recommend/feed", r#""user_id": "nobody""#),
        ("recommend/similar", r#""product_id": "kite""#),
        ("recommend/trending", r#""market": {"country": "ES"}"#),
        ("recommend/repurchase", r#""user_id": "loner""#),
        ("group-buy/products", r#""user_ids": ["ana", "bea"]"#),
    ] {
        let ask = |filter: &str| format!("{{{who}, \"limit\": 100, \"include_bought\": true{filter}}}");
        let path = format!("/v1/{path}");
        let mut all = post(&server, &path, &ask("")).await.ids("product_id");
        let body = ask(r#", "filter": {"product_ids": ["cup", "doll", "ball", "pan", "unheard of"]}"#);
        let reply = post(&server, &path, &body).await;
        let mut named = reply.ids("product_id");
        all.retain(|id| ["cup", "doll", "ball", "pan"].contains(&id.as_str()));
        [&mut all, &mut named].into_iter().for_each(|ids| ids.sort());
        assert!(all.len() > 1 && named == all, "{path} {who}: {named:?}, of all {all:?}");
        let missing = reply.ok()["missing"].clone();
        let unknown: Vec<_> = missing.as_array().unwrap().iter().filter(|id| *id != "nobody").collect();
        assert_eq!(unknown, ["unheard of"], "{path} {who}");
    }
}

#[tokio::test]
async fn candidates_that_nobody_knows_are_missing_once_and_bring_nothing_else() {
    let server = server();
    send(&server, "DELETE", "/v1/products/pan", "").await;
    let filter = r#""filter": {"product_ids": ["nothing", "pan", "kite", "nothing"]}"#;
    let similar = post(&server, "/v1/recommend/similar", &format!(r#"{{"product_id": "nothing", {filter}}}"#)).await;
    assert_eq!(similar.ids("product_id"), ["kite"]);
    assert_eq!(similar.ok()["missing"], serde_json::json!(["nothing", "pan"]));
    let teams = post(&server, "/v1/group-buy/teams", &format!(r#"{{"user_id": "ana", {filter}}}"#)).await;
    assert_eq!(teams.ids("team_id"), ["kites"]);
    assert_eq!(teams.ok()["missing"], serde_json::json!(["nothing", "pan"]));
    let group = post(&server, "/v1/group-buy/products", &format!(r#"{{"user_ids": ["ana", "bea"], {filter}}}"#)).await;
    assert_eq!(group.ok()["missing"], serde_json::json!(["nothing", "pan"]));
    let none =
        post(&server, "/v1/recommend/feed", r#"{"user_id": "ana", "filter": {"product_ids": ["nothing"]}}"#).await;
    assert_eq!((none.ids("product_id").len(), &none.ok()["degraded"]), (0, &"nothing_allowed".into()));
    assert_eq!(none.ok()["missing"], serde_json::json!(["nothing"]));
}

#[tokio::test]
async fn a_surface_bounds_items() {
    let server = server();
    for (surface, most) in [("wearable", 3), ("game", 3), ("messaging", 10), ("feed", 100)] {
        let body = format!(r#"{{"user_id": "nobody", "limit": 100, "surface": "{surface}"}}"#);
        let count = post(&server, "/v1/recommend/feed", &body).await.ids("product_id").len();
        assert!((1..=most).contains(&count), "{count} items on {surface}");
    }
}

#[tokio::test]
async fn a_surface_bounds_bytes_and_the_next_page_begins_after_what_was_left() {
    let server = server();
    for number in 0..9 {
        let id = format!("{number}{}", "long".repeat(31));
        let body = format!(r#"{{"title": "{}", "price_minor": 1, "currency": "EUR"}}"#, "ж".repeat(900));
        send(&server, "PUT", &format!("/v1/products/{id}"), &body).await.ok();
    }
    let mut seen = HashSet::new();
    let mut cursor = Value::Null;
    for _ in 0..20 {
        let body = serde_json::json!({"user_id": "u".repeat(128), "surface": "wearable", "cursor": cursor});
        let reply = post(&server, "/v1/recommend/feed", &body.to_string()).await;
        assert!(reply.body.len() <= 1024, "{} bytes", reply.body.len());
        for id in reply.ids("product_id") {
            assert!(seen.insert(id.clone()), "{id} came twice");
        }
        cursor = reply.ok()["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert!(seen.len() >= 6, "only {} products came in pages", seen.len());
}

#[tokio::test]
async fn unknown_ids_cost_no_items() {
    let server = server();
    for (surface, unknown) in [("wearable", 6), ("game", 49)] {
        let strangers = (0..unknown).map(|number| format!("{number:0122}"));
        let people: Vec<String> = std::iter::once("ana".to_owned()).chain(strangers).collect();
        let body = serde_json::json!({"user_ids": people, "surface": surface}).to_string();
        let reply = post(&server, "/v1/group-buy/products", &body).await;
        assert_eq!(reply.ids("product_id").len(), 3, "{surface}: {}", reply.body);
        assert_eq!(reply.ok()["missing"].as_array().unwrap().len(), 1, "{surface}: {}", reply.body);
    }
}

#[tokio::test]
async fn what_has_no_room_is_told() {
    let server = server();
    let id = |number: u32| format!("{number}{}", "\"".repeat(120));
    for number in 0..3 {
        let body = r#"{"price_minor": 1, "currency": "EUR", "group_price_minor": 1, "group_min_size": 2}"#;
        let path: String = id(number).bytes().map(|byte| format!("%{byte:02X}")).collect();
        send(&server, "PUT", &format!("/v1/products/{path}"), body).await.ok();
    }
    let ids: Vec<String> = (0..3).map(id).collect();
    let body = serde_json::json!({"user_id": "ana", "surface": "wearable", "filter": {"product_ids": ids}});
    let answer = post(&server, "/v1/recommend/feed", &body.to_string()).await.ok();
    let items = answer["items"].as_array().unwrap().len();
    assert!((1..3).contains(&items), "{answer}");
    assert_eq!(answer["degraded"], "no_room", "{answer}");
    assert!(answer["next_cursor"].is_string(), "{answer}");
}

#[tokio::test]
async fn paging_a_small_surface_ends_with_a_whole_page() {
    let server = server();
    for number in 0..90 {
        let body = format!(r#"{{"title": "Thing {number}", "price_minor": 1, "currency": "EUR"}}"#);
        send(&server, "PUT", &format!("/v1/products/p{number:06}"), &body).await.ok();
    }
    let mut seen = HashSet::new();
    let mut cursor = Value::Null;
    loop {
        let body = serde_json::json!({"user_id": "loner", "surface": "wearable", "cursor": cursor});
        let reply = post(&server, "/v1/recommend/feed", &body.to_string()).await;
        assert_eq!(reply.ids("product_id").len(), 3, "after {}: {}", seen.len(), reply.body);
        assert!(reply.body.len() <= 1024 && reply.ids("product_id").into_iter().all(|id| seen.insert(id)));
        cursor = reply.ok()["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert!((70..=80).contains(&seen.len()), "paging ended after {}", seen.len());
}

#[tokio::test]
async fn pages_never_repeat_and_end() {
    let server = server();
    let mut seen = HashSet::new();
    let mut cursor = Value::Null;
    for _ in 0..10 {
        let body = serde_json::json!({"user_id": "ana", "limit": 2, "cursor": cursor}).to_string();
        let reply = post(&server, "/v1/recommend/feed", &body).await;
        for id in reply.ids("product_id") {
            assert!(seen.insert(id.clone()), "{id} came twice");
        }
        cursor = reply.ok()["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert!(cursor.is_null(), "the list does not end");
    assert!(seen.contains("ball") && !seen.contains("doll") && !seen.contains("drum") && !seen.contains("sled"));
}

#[tokio::test]
async fn a_cursor_goes_on_with_its_own_question_only() {
    let server = server();
    let questions = [
        ("/v1/recommend/feed", serde_json::json!({"user_id": "ana"})),
        ("/v1/recommend/feed", serde_json::json!({"user_id": "eva"})),
        ("/v1/recommend/trending", serde_json::json!({})),
        ("/v1/recommend/trending", serde_json::json!({"user_id": "ana"})),
        ("/v1/recommend/similar", serde_json::json!({"product_id": "pan"})),
        ("/v1/recommend/similar", serde_json::json!({"product_ids": ["pan", "kite"]})),
        ("/v1/recommend/similar", serde_json::json!({"product_id": "pan", "user_id": "ana"})),
        ("/v1/group-buy/products", serde_json::json!({"user_ids": ["ana", "eva"]})),
        ("/v1/group-buy/products", serde_json::json!({"user_ids": ["ana", "bea"]})),
        ("/v1/group-buy/friends", serde_json::json!({"user_id": "ana", "product_id": "ball"})),
        ("/v1/group-buy/friends", serde_json::json!({"user_id": "ana", "product_id": "pan"})),
    ];
    for (asked, (path, body)) in questions.iter().enumerate() {
        let mut body = body.clone();
        body["limit"] = 1.into();
        let cursor = post(&server, path, &body.to_string()).await.ok()["next_cursor"].clone();
        assert!(cursor.is_string(), "{path} {body} has one page");
        for (other, (path, body)) in questions.iter().enumerate() {
            let mut body = body.clone();
            body["cursor"] = cursor.clone();
            let reply = post(&server, path, &body.to_string()).await;
            assert_eq!(reply.status.as_u16(), if asked == other { 200 } else { 400 }, "{path} {body}: {}", reply.body);
            assert!(asked == other || reply.error().1 == "invalid_cursor", "{path} {body}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn the_same_request_gives_the_same_bytes_on_any_server() {
    let body = r#"{"user_id": "ana", "limit": 5}"#;
    let one = post(&server(), "/v1/recommend/feed", body).await;
    let other = post(&server(), "/v1/recommend/feed", body).await;
    assert_eq!(one.body, other.body);
}

#[tokio::test]
async fn who_may_not_see_it_does_not() {
    let server = server();
    let of = async |user: &str| {
        let body = format!(r#"{{"user_id": "{user}", "limit": 50, "market": {{"country": "ES"}}}}"#);
        post(&server, "/v1/recommend/feed", &body).await.ids("product_id")
    };
    assert!(of("ana").await.contains(&"wine".to_owned()));
    for user in ["kim", "nobody"] {
        assert!(!of(user).await.contains(&"wine".to_owned()), "{user} counts as a minor");
    }
}
