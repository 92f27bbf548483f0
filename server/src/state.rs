//! What every request shares: the engine, the settings, the clock, the CPU pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;

use crate::audience::{AudienceDesk, Seeds, system_seed};
use crate::config::ServerConfig;
use crate::keys::OperatorKey;
use crate::pool::CpuPool;
use crate::serve::ServeError;

/// Tells the moment of a request; the engine itself reads no clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Shared by every request; cloning shares.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    engine: ArcSwap<Engine>,
    config: ServerConfig,
    operator_key: OperatorKey,
    clock: Clock,
    cpu: CpuPool,
    stopping: AtomicBool,
    audience: AudienceDesk,
}

impl AppState {
    /// A server over `engine`, on the system's clock.
    ///
    /// # Errors
    /// Settings out of range, no threads, or a ledger of audiences that cannot be used.
    pub fn new(engine: Arc<Engine>, config: ServerConfig) -> Result<Self, ServeError> {
        Self::with_clock(engine, config, Arc::new(system_clock))
    }

    /// A server over `engine` whose requests happen when `clock` says, for tests and replays.
    ///
    /// # Errors
    /// Settings out of range, no threads, or a ledger of audiences that cannot be used.
    pub fn with_clock(engine: Arc<Engine>, config: ServerConfig, clock: Clock) -> Result<Self, ServeError> {
        Self::with_seeds(engine, config, clock, Arc::new(system_seed))
    }

    /// The same where the seeds of noise come from `seeds` as well: for tests and replays only, since who can foresee
    /// a seed can take the noise off.
    ///
    /// # Errors
    /// Settings out of range, no threads, or a ledger of audiences that cannot be used.
    pub fn with_seeds(
        engine: Arc<Engine>,
        config: ServerConfig,
        clock: Clock,
        seeds: Seeds,
    ) -> Result<Self, ServeError> {
        config.check()?;
        let operator_key = config.operator_key()?;
        crate::telemetry::recorder()?;
        let cpu = CpuPool::new(config.cpu_threads, config.max_waiting)?;
        let audience = AudienceDesk::new(&config, seeds)?;
        let (engine, stopping) = (ArcSwap::new(engine), AtomicBool::new(false));
        Ok(Self(Arc::new(Shared { engine, config, operator_key, clock, cpu, stopping, audience })))
    }

    /// The engine that answers now. A request takes it once and keeps it to its end.
    pub fn engine(&self) -> Arc<Engine> {
        self.0.engine.load_full()
    }

    /// Puts another engine in the place of the present one; requests under way finish with theirs.
    pub fn replace(&self, engine: Arc<Engine>) {
        self.0.engine.store(engine);
    }

    /// The settings.
    pub fn config(&self) -> &ServerConfig {
        &self.0.config
    }

    /// The operator's key, as far as the server knows it.
    pub fn operator_key(&self) -> &OperatorKey {
        &self.0.operator_key
    }

    /// The moment, as this server's clock has it.
    pub fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// Where answers are computed.
    pub fn cpu(&self) -> &CpuPool {
        &self.0.cpu
    }

    /// Where sellers' audiences are told.
    pub(crate) fn audience(&self) -> &AudienceDesk {
        &self.0.audience
    }

    /// Whether the server has been told to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// Tells `/readyz` that no new work should come.
    pub(crate) fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }
}

/// The system's clock.
pub fn system_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
