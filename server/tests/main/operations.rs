//! 1. Health, readiness, metrics and docs answer without the data; every error's link finds its chapter.
//! 2. Every response carries the request id: the client's, or a fresh one.
//! 3. The metrics count requests by route and status, answers by how they were found, events by verdict.

use axum::body::Body;
use axum::http::Request;
use juntos::error::Code;

use crate::world::{post, send, send_request, server};

#[tokio::test]
async fn it_is_alive_ready_and_documented() {
    let server = server();
    for path in ["/healthz", "/readyz"] {
        let health = send(&server, "GET", path, "").await.ok();
        assert_eq!(health["status"], "ok");
        assert!(health["bundle"].as_str().is_some_and(|version| !version.is_empty()));
    }
}

#[tokio::test]
async fn the_docs_are_pages_that_links_find_their_way_in() {
    let server = server();
    let docs = send(&server, "GET", "/docs", "").await;
    assert_eq!(docs.headers["content-type"], "text/html; charset=utf-8");
    for code in Code::ALL {
        assert!(docs.body.contains(&format!("<h3 id=\"{}\">", code.word())), "/docs#{} leads nowhere", code.word());
    }
    assert!(docs.body.contains("<a href=\"/docs/feed\">") && !docs.body.contains("<script"));
    for page in ["api", "feed", "group-buying", "privacy"] {
        let body = send(&server, "GET", &format!("/docs/{page}"), "").await.body;
        assert!(body.starts_with("<!doctype html>") && body.contains("<h1 id="), "{page}: {body:.200}");
    }
    for path in ["/docs/nothing", "/docs/api.md", "/docs/%FF"] {
        assert_eq!(send(&server, "GET", path, "").await.error(), (404, "unknown_route".to_owned()), "{path}");
    }
    let markdown = Request::get("/docs").header("accept", "text/markdown; q=0.9, */*").body(Body::empty()).unwrap();
    let markdown = send_request(&server, markdown).await;
    assert_eq!(markdown.headers["content-type"], "text/markdown; charset=utf-8");
    assert!(markdown.body.starts_with("# The HTTP API"));
}

#[tokio::test]
async fn the_request_id_comes_back_or_is_made() {
    let server = server();
    assert_eq!(send(&server, "GET", "/healthz", "").await.headers["x-request-id"], "r");
    let without = || Request::get("/healthz").body(Body::empty()).unwrap();
    let one = send_request(&server, without()).await.headers["x-request-id"].clone();
    let other = send_request(&server, without()).await.headers["x-request-id"].clone();
    assert!(one.len() == 32 && one != other);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = server();
    post(&server, "/v1/recommend/feed", r#"{"user_id": "somebody new"}"#).await.ok();
    post(&server, "/v1/events", r#"{"user_id": "", "product_id": "ball", "kind": "view"}"#).await.ok();
    send(&server, "GET", "/v1/nowhere/at-all", "").await.error();
    let metrics = send(&server, "GET", "/metrics", "").await;
    let counted = |name: &str, labels: &[&str]| {
        let line =
            metrics.body.lines().find(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
        let count = line.and_then(|line| line.rsplit(' ').next()).and_then(|count| count.parse::<f64>().ok());
        assert!(count.is_some_and(|count| count >= 1.0), "{name} {labels:?} in\n{}", metrics.body);
    };
    let feed = [r#"route="/v1/recommend/feed""#, r#"method="POST""#, r#"status="200""#];
    counted("juntos_http_requests_total", &feed);
    counted("juntos_http_request_seconds_count", &feed);
    counted("juntos_http_requests_total", &[r#"route="unmatched""#, r#"status="404""#]);
    counted("juntos_answers_total", &[r#"question="feed""#, r#"degraded="unknown_user""#]);
    counted("juntos_events_total", &[r#"verdict="rejected""#]);
    assert!(!metrics.body.contains("nowhere"), "a client must not invent label values");
}
