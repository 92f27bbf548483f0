//! What a command prints: results on standard output, everything else on standard error.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use super::Failure;
use super::progress::Bars;

/// The two streams of a command.
pub(super) struct Output {
    quiet: bool,
}

impl Output {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Progress bars on standard error when it is a terminal and nobody asked for silence.
    pub(super) fn progress(&self) -> Bars {
        Bars::new(self.quiet)
    }

    /// A result: as JSON for scripts, otherwise as text.
    pub(super) fn result<T: Serialize + Display>(&self, result: &T, json: bool) -> Result<(), Failure> {
        if json { self.line(serde_json::to_string_pretty(result)?) } else { self.line(result) }
    }

    /// One line or block of results.
    pub(super) fn line(&self, text: impl Display) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            // The reader of a pipe has seen enough, as with `| head`.
            Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    /// Something good to know while the command runs; silenced by `--quiet`.
    pub(super) fn say(&self, text: impl Display) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        Ok(writeln!(io::stderr().lock(), "{text}")?)
    }

    /// What went wrong, with every cause.
    pub(super) fn error(&self, failure: &(dyn Error + Send + Sync)) {
        let mut text = format!("error: {failure}");
        let mut cause = failure.source();
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text.push_str(&format!("\n  because {inner_text}"));
            }
            cause = inner.source();
        }
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}
