//! How long work tells its watcher how far it is.

/// Receives progress of one piece of work; called from one thread at a time.
pub trait Progress: Sync {
    /// A new stage begins: `total` steps, or unknown when zero.
    fn stage(&self, name: &str, total: u64);
    /// `steps` more steps of the current stage are done.
    fn advance(&self, steps: u64);
    /// One line worth keeping, such as the loss of an epoch.
    fn note(&self, line: &str);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _name: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, _line: &str) {}
}
