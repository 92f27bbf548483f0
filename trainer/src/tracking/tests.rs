//! 1. A fit that is interrupted after any pass goes on to the same bits, and does not begin anew.
//! 2. Where the state kept is damaged, that is told, and the fit begins anew, to the same bits.
//! 3. States are kept no more often than asked.
//! 4. Every pass is in the log, with loss, seconds and rate; a fit that goes on adds to it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use juntos_datasets::Csr;
use juntos_datasets::generate::checkerboard;

use super::*;
use crate::config::TrainConfig;
use crate::models::{Embeddings, FitData, Fitted};

/// Unwinds out of the work at its n-th note, as if the process were killed there.
pub(crate) struct Interrupt(AtomicUsize);

impl Interrupt {
    pub(crate) fn after(notes: usize) -> Self {
        Self(AtomicUsize::new(notes))
    }
}

impl Progress for Interrupt {
    fn stage(&self, _name: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, _line: &str) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            resume_unwind(Box::new("interrupted"));
        }
    }
}

/// Whether an [`Interrupt`] ended the work.
pub(crate) fn interrupted<T>(work: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_err()
}

/// Remembers notes.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Progress for Notes {
    fn stage(&self, _name: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// A folder with a checkpoint.
pub(crate) struct Kept(tempfile::TempDir);

impl Kept {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        self.checkpoint_every(Duration::ZERO)
    }

    fn checkpoint_every(&self, every: Duration) -> Checkpoint {
        Checkpoint::in_folder(self.0.path(), every)
    }

    /// Flips a bit in the middle of every state.
    pub(crate) fn damage_states(&self) {
        for entry in std::fs::read_dir(self.0.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "state") {
                let mut bytes = std::fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }
}

const MODELS: [(&str, usize); 3] = [("als", 4), ("softmax", 3), ("propagation", 3)];

fn fit(model: &str, session: &Session<'_>) -> Embeddings {
    let interactions = checkerboard(30).0;
    let friends = Csr::from_entries(30, 30, vec![(0, 2, 1.0), (2, 0, 1.0)]);
    let mut config = TrainConfig { model: model.to_owned(), ..TrainConfig::default() };
    (config.als.sweeps, config.softmax.epochs, config.propagation.epochs) = (MODELS[0].1, MODELS[1].1, MODELS[2].1);
    let data = FitData {
        interactions: &interactions,
        friends: &friends,
        groups: &[],
        dim: 8,
        seed: 7,
        folds: true,
        shown: None,
        teams: &[],
    };
    match config.model().unwrap().fit_tracked(&data, &session.tracking("fit")).unwrap() {
        Fitted::Embeddings(embeddings) => embeddings,
        Fitted::Scores(_) => panic!("these models make vectors"),
    }
}

#[test]
fn an_interrupted_fit_goes_on_to_the_same_bits() {
    for (model, passes) in MODELS {
        let whole = fit(model, &Session::watched(&Silent));
        for damaged in [false, true] {
            for pass in 1..=passes {
                let kept = Kept::new();
                let checkpoint = kept.checkpoint();
                let cut = Interrupt::after(pass);
                // A pass is noted before its state is kept: this ends between the two.
                assert!(interrupted(|| fit(
                    model,
                    &Session { checkpoint: Some(&checkpoint), ..Session::watched(&cut) }
                )));
                if damaged {
                    kept.damage_states();
                }
                let told = Notes::default();
                let again = fit(model, &Session { checkpoint: Some(&checkpoint), ..Session::watched(&told) });
                assert!(again == whole, "{model}, pass {pass}");
                let passed = told.lines().iter().filter(|line| line.contains("loss")).count();
                let begins_anew = damaged || pass == 1;
                assert_eq!(passed, if begins_anew { passes } else { passes + 1 - pass }, "{model}: {:?}", told.lines());
                let first = &told.lines()[0];
                assert_eq!(first.contains("is damaged"), damaged && pass > 1, "{first}");
                assert_eq!(first.contains("going on after"), !begins_anew, "{first}");
            }
        }
    }
}

#[test]
fn states_are_kept_no_more_often_than_asked() {
    for (every, is_kept) in [(Duration::ZERO, true), (Duration::from_secs(3_600), false)] {
        let kept = Kept::new();
        let checkpoint = kept.checkpoint_every(every);
        fit("als", &Session { checkpoint: Some(&checkpoint), ..Session::watched(&Silent) });
        assert_eq!(checkpoint.slot("fit").path().exists(), is_kept);
    }
}

#[test]
fn every_pass_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::new();
    let checkpoint = kept.checkpoint();
    let cut = Interrupt::after(3);
    for progress in [&cut as &dyn Progress, &Silent] {
        let log = Log::open(folder.path()).unwrap();
        interrupted(|| fit("als", &Session { progress, log: Some(&log), checkpoint: Some(&checkpoint) }));
    }
    let text = std::fs::read_to_string(folder.path().join(crate::log::LOG_FILE)).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<u64> = lines.iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [1, 2, 3, 4], "the third was interrupted before it was logged");
    for line in lines {
        assert_eq!(line["series"], "fit");
        for name in ["loss", "seconds", "events_per_second"] {
            assert!(line[name].as_f64() > Some(0.0), "{name}");
        }
    }
}
