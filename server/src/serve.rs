//! From settings to an open port and back: bind, serve, stop without dropping anyone.

use std::future::Future;
use std::net::SocketAddr;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::{ConfigError, ServerConfig};
use crate::state::AppState;

/// Why the server could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is open to others, and the server knows no callers' keys.
    #[error(
        "refusing to listen on {0}: the server knows no callers' keys, so everyone who reaches the port could read and \
         change everything; listen on 127.0.0.1 or [::1], and put a proxy that checks who calls in front"
    )]
    NotLoopback(SocketAddr),
    /// The port cannot be opened.
    #[error("cannot listen on {address}: {source}; choose another port with --listen")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start the CPU threads: {0}; set cpu_threads to fewer")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The ledger of sellers' audiences cannot be used.
    #[error("cannot use the ledger of sellers' audiences: {0}")]
    Audience(#[from] juntos_engine::audience::LedgerError),
    /// The system gives no input or output.
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
    /// Counters cannot be set up.
    #[error("cannot set up metrics: {0}; only one recorder may be installed in a process")]
    Metrics(String),
}

/// Opens the port of `config`, or refuses it when others than this machine could reach it.
///
/// # Errors
/// [`ServeError::NotLoopback`], or [`ServeError::Bind`] when the port is taken.
pub async fn bind(config: &ServerConfig) -> Result<TcpListener, ServeError> {
    let address = config.listen;
    if !address.ip().to_canonical().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}

/// Answers on `listener` until `stop` is ready; then takes no new connections and lets requests in flight finish
/// within the drain time of the settings.
///
/// # Errors
/// Input or output failed as a whole; faults of single connections end only those.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let drain_timeout = state.config().drain_timeout();
    let upkeep = tokio::spawn(crate::telemetry::upkeep(state.clone()));
    let (stopped, mut stop_seen) = watch::channel(false);
    let stopping = state.clone();
    let signal = async move {
        stop.await;
        stopping.stop();
        // Nobody listens any more only when serving has ended by itself.
        let _ended = stopped.send(true);
    };
    let listener = listener.tap_io(|stream| {
        if let Err(fault) = stream.set_nodelay(true) {
            tracing::debug!(%fault, "cannot switch off delayed sending on a connection");
        }
    });
    let serving = axum::serve(listener, crate::app(state)).with_graceful_shutdown(signal);
    let drained_too_long = async move {
        if stop_seen.wait_for(|&stopped| stopped).await.is_ok() {
            tokio::time::sleep(drain_timeout).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let result = tokio::select! {
        result = serving.into_future() => result.map_err(ServeError::from),
        () = drained_too_long => {
            tracing::warn!("requests in flight did not finish within drain_timeout_ms; closing them");
            Ok(())
        }
    };
    upkeep.abort();
    result
}

/// Ready when the process is asked to stop: SIGINT (ctrl-c) or, where there is one, SIGTERM.
///
/// # Errors
/// The system does not let us listen for signals.
pub async fn stop_signal() -> Result<(), std::io::Error> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// The whole life of a server, on threads of its own: opens the port, calls `ready` with its address (useful with
/// port 0), answers until a stop signal, drains.
///
/// # Errors
/// As [`bind`] and [`serve`].
pub fn run(state: AppState, ready: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if state.config().io_threads > 0 {
        runtime.worker_threads(state.config().io_threads);
    }
    runtime.thread_name("juntos-io").enable_all().build()?.block_on(async {
        let listener = bind(state.config()).await?;
        ready(listener.local_addr()?);
        serve(listener, state, async {
            if let Err(fault) = stop_signal().await {
                tracing::error!(%fault, "cannot listen for stop signals; stopping");
            }
        })
        .await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn bind_to(address: &str) -> Result<TcpListener, ServeError> {
        bind(&ServerConfig { listen: address.parse().unwrap(), ..Default::default() }).await
    }

    #[tokio::test]
    async fn only_loopback_is_bound_without_keys() {
        for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
            assert!(matches!(bind_to(open).await, Err(ServeError::NotLoopback(_))), "{open}");
        }
        assert!(bind_to("127.0.0.1:0").await.is_ok());
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let taken = bind_to("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let message = bind_to(&address.to_string()).await.unwrap_err().to_string();
        assert!(message.contains(&address.to_string()), "{message}");
    }
}
