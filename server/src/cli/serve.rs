//! `juntos serve`: a bundle over HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use juntos::config::{ServerConfig, ServerFlags};
use juntos::state::AppState;
use juntos_engine::Engine;
use juntos_engine::bundle::Bundle;
use juntos_engine::together::InvitePolicy;

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Folder of the bundle
    #[arg(long)]
    bundle: PathBuf,
    /// Settings in TOML; see config/server.toml for every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: ServerFlags,
}

impl Serve {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let config = ServerConfig::load(self.config.as_deref(), std::env::vars(), &self.flags)?;
        juntos::telemetry::log_to_stderr(&config)?;
        let mut bundle = Bundle::open(&self.bundle)?;
        if config.warm_index {
            bundle.warm();
        }
        let invites = InvitePolicy { suggestions_a_week: config.suggestions_a_week };
        let engine = Engine::new(Arc::new(bundle)).with_invites(invites).with_rules(config.rules.clone())?;
        let engine = engine.with_rates(config.currencies.rates()?).merging_in_background()?;
        let state = AppState::new(Arc::new(engine), config)?;
        juntos::serve::run(state, |address| {
            // A closed standard error is no reason not to serve.
            let _ = output.say(format_args!("serving {} on http://{address}", self.bundle.display()));
        })?;
        Ok(())
    }
}

/// The engine over a bundle, with nothing yet happened since its cut.
pub(super) fn open(bundle: &Path) -> Result<Arc<Engine>, Failure> {
    Ok(Arc::new(Engine::new(Arc::new(Bundle::open(bundle)?))))
}
