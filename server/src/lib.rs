//! The door of Juntos: HTTP around the engine. It reads requests, keeps their bounds, asks the engine on CPU threads
//! and writes answers; it knows the clock and the network so that the engine need not.
//!
//! Reading order: `routes` (the whole API on one page), [`wire`] (the shapes of bodies), `ask` and `change` (from a
//! body to the engine and back), `door` (what happens to every request), [`journal`]
//! (what outlives a crash), [`serve`](mod@serve) (open and close).

#![forbid(unsafe_code)]

mod ask;
mod audience;
mod change;
pub mod config;
pub mod docs;
pub mod door;
pub mod error;
pub mod ingest;
pub mod journal;
pub mod keys;
pub mod listing;
pub mod pool;
pub mod read;
mod routes;
pub mod serve;
pub mod state;
pub mod telemetry;
pub mod tree;
pub mod wire;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::catch_panic::CatchPanicLayer;

pub use audience::Seeds;
pub use config::{ConfigError, ServerConfig, ServerFlags};
pub use serve::{ServeError, bind, run, serve, stop_signal};
pub use state::{AppState, Clock};

/// The whole API over `state`, ready to be served or to be asked in tests without a socket.
pub fn app(state: AppState) -> Router {
    let (router, _document) = routes::all().split_for_parts();
    router
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(CatchPanicLayer::custom(door::answer_panic))
        .layer(from_fn_with_state(state.clone(), door::attend))
        .with_state(state)
}

/// The OpenAPI document of [`app`], made from the same lines as its routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes::all().into_openapi()
}
