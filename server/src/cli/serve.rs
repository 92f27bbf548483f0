//! `juntos serve`: a bundle over HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use juntos::config::{ServerConfig, ServerFlags};
use juntos::journal::{self, Replayed};
use juntos::state::{AppState, system_clock};
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
        let engine = self.kept(engine, &config, output)?;
        let state = AppState::new(Arc::new(engine), config)?;
        juntos::serve::run(state, |address| {
            // A closed standard error is no reason not to serve.
            let _ = output.say(format_args!("serving {} on http://{address}", self.bundle.display()));
        })?;
        Ok(())
    }
}

impl Serve {
    /// The engine with what the journal keeps, where there is to be one.
    fn kept(&self, engine: Engine, config: &ServerConfig, output: &Output) -> Result<Engine, Failure> {
        let path = &config.journal_file;
        if path.as_os_str().is_empty() {
            return Ok(engine);
        }
        let (engine, Replayed { applied, in_bundle, refused }) =
            journal::keep(engine, path, config.journal_days, system_clock())?;
        if applied + in_bundle + refused > 0 {
            let told = format_args!(
                "{}: {applied} changes hold again, {in_bundle} are part of the bundle, {refused} fit it no more",
                path.display()
            );
            output.say(told)?;
        }
        Ok(engine)
    }
}

/// The engine over a bundle, with nothing yet happened since its cut.
pub(super) fn open(bundle: &Path) -> Result<Arc<Engine>, Failure> {
    Ok(Arc::new(Engine::new(Arc::new(Bundle::open(bundle)?))))
}
