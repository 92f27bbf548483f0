//! 1. A request in flight at the stop signal is answered, new connections are not taken, and serving ends.
//! 2. A request that does not arrive in time is answered 503.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use juntos::{ServerConfig, bind, serve};
use tokio::sync::oneshot;

use crate::world::state;

const BODY: &str = r#"{"user_id": "ana"}"#;

fn head() -> String {
    format!(
        "POST /v1/recommend/feed HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    )
}

fn config() -> ServerConfig {
    ServerConfig { listen: ([127, 0, 0, 1], 0).into(), cpu_threads: 1, ..ServerConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_flight_is_answered_after_the_stop_signal() {
    let state = state(config());
    let listener = bind(state.config()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, state.clone(), async {
        stopped.await.unwrap();
    }));
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(head().as_bytes()).unwrap();
    connection.write_all(&BODY.as_bytes()[..5]).unwrap();
    // The head must have been taken before the signal: only then is the request in flight.
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send(()).unwrap();
    while !state.is_stopping() {
        tokio::task::yield_now().await;
    }
    connection.write_all(&BODY.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).is_err(), "the port is still open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_comes_is_answered_503() {
    let state = state(ServerConfig { request_timeout_ms: 50, ..config() });
    let listener = bind(state.config()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(serve(listener, state, std::future::pending()));
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(head().as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1") && answer.contains("timed_out"), "{answer}");
    serving.abort();
}
