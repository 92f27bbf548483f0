//! The fits of a search that are done, kept so that the search can be gone through again without fitting.
//!
//! A search decides by what came before, so the same answers lead along the same way: nothing else of it is kept.

use std::fs::File;
use std::io;

use super::score::Score;
use crate::checkpoint::{StateReader, StateWriter};
use crate::error::TrainError;
use crate::tracking::Session;

/// Name of the state.
const TRIALS: &str = "trials";
/// Most fits that a journal can hold.
const MOST: usize = 1_000_000;

/// What one fit gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Done {
    /// The configuration asked for, as a text.
    pub(super) asked: String,
    /// Best number of epochs.
    pub(super) epochs: usize,
    pub(super) score: Score,
    /// NDCG@100 after each epoch, where softmax was trained.
    pub(super) curve: Vec<f64>,
    pub(super) fault: Option<String>,
}

/// In the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Journal {
    done: Vec<Done>,
}

impl Journal {
    /// What the checkpoint of `session` holds.
    pub(super) fn open(session: &Session<'_>) -> Result<Self, TrainError> {
        let kept = session.tracking(TRIALS).kept(|state| {
            let count = state.count(MOST)?;
            let mut done = Vec::new();
            for _ in 0..count {
                let (asked, epochs, score) = (state.text()?, state.count(usize::MAX)?, Score::read(state)?);
                let curve = read_curve(state, usize::MAX)?;
                let fault = Some(state.text()?).filter(|fault| !fault.is_empty());
                done.push(Done { asked, epochs, score, curve, fault });
            }
            Ok(done)
        })?;
        let done = kept.unwrap_or_default();
        if !done.is_empty() {
            session.progress.note(&format!("going on after trial {}", done.len()));
        }
        Ok(Self { done })
    }

    /// What fit `number`, from 0, gave, if it was of this configuration.
    pub(super) fn recall(&mut self, number: usize, asked: &str) -> Option<Done> {
        let known = self.done.get(number).filter(|done| done.asked == asked).cloned();
        if known.is_none() {
            self.done.truncate(number);
        }
        known
    }

    /// Adds a fit and keeps all.
    pub(super) fn add(&mut self, done: Done, session: &Session<'_>) -> Result<(), TrainError> {
        self.done.push(done);
        session.tracking(TRIALS).keep(|state| {
            state.u64(self.done.len() as u64)?;
            for done in &self.done {
                state.text(&done.asked)?;
                state.u64(done.epochs as u64)?;
                done.score.write(state)?;
                write_curve(state, &done.curve)?;
                state.text(done.fault.as_deref().unwrap_or(""))?;
            }
            Ok(())
        })
    }
}

/// One value after the other.
pub(super) fn write_curve(state: &mut StateWriter<File>, curve: &[f64]) -> io::Result<()> {
    state.u64(curve.len() as u64)?;
    curve.iter().try_for_each(|&value| state.f64(value))
}

/// At most so many values.
pub(super) fn read_curve(state: &mut StateReader, most: usize) -> io::Result<Vec<f64>> {
    let count = state.count(most)?;
    (0..count).map(|_| state.f64()).collect()
}
