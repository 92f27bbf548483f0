//! Progress bars for work of more than a second, on a terminal only.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use juntos_datasets::progress::Progress;

/// How long a stage runs before its bar appears.
const PATIENCE: Duration = Duration::from_secs(1);

/// One bar for the current stage; notes are printed above it.
pub(super) struct Bars {
    quiet: bool,
    terminal: bool,
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    bar: ProgressBar,
    begun: Instant,
}

impl Bars {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, terminal: std::io::stderr().is_terminal(), stage: Mutex::new(None) }
    }

    /// Takes the last bar away.
    pub(super) fn finish(&self) {
        if let Some(stage) = self.lock().take() {
            stage.bar.finish_and_clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Stage>> {
        self.stage.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Progress for Bars {
    fn stage(&self, name: &str, total: u64) {
        self.finish();
        if self.quiet || !self.terminal {
            return;
        }
        let bar = if total == 0 { ProgressBar::no_length() } else { ProgressBar::new(total) };
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_style(style(total > 0));
        bar.set_message(name.to_owned());
        *self.lock() = Some(Stage { bar, begun: Instant::now() });
    }

    fn advance(&self, steps: u64) {
        if let Some(stage) = self.lock().as_ref() {
            if stage.bar.is_hidden() && stage.begun.elapsed() > PATIENCE {
                stage.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            stage.bar.inc(steps);
        }
    }

    #[expect(clippy::print_stderr, reason = "notes of a command belong on standard error")]
    fn note(&self, line: &str) {
        if self.quiet {
            return;
        }
        match self.lock().as_ref() {
            Some(stage) => stage.bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

fn style(known_length: bool) -> ProgressStyle {
    let template = if known_length {
        "{msg:24} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left"
    } else {
        "{msg:24} {spinner} {human_pos} {per_sec} {elapsed}"
    };
    ProgressStyle::with_template(template).expect("the template is a constant with known keys")
}
