//! Who follows a training run: a person who watches, a log that is plotted, a checkpoint to go on from.

use std::fs::File;
use std::io;
use std::time::Instant;

use juntos_datasets::progress::{Progress, Silent};

use crate::checkpoint::{Checkpoint, Slot, StateReader, StateWriter};
use crate::error::TrainError;
use crate::log::Log;

/// All that follows a run. Nothing of it changes what is learnt.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Told how far it is.
    pub progress: &'a dyn Progress,
    /// Told what each pass brought.
    pub log: Option<&'a Log>,
    /// Where states are kept.
    pub checkpoint: Option<&'a Checkpoint>,
}

impl<'a> Session<'a> {
    /// Nobody but a person follows.
    pub fn watched(progress: &'a dyn Progress) -> Self {
        Self { progress, log: None, checkpoint: None }
    }

    /// What follows the fit `name`, which becomes the name of its series in the log and of its state.
    pub(crate) fn tracking(&self, name: &'a str) -> Tracking<'a> {
        Tracking {
            progress: self.progress,
            series: self.log.map(|log| (log, name)),
            slot: self.checkpoint.map(|checkpoint| checkpoint.slot(name)),
        }
    }
}

/// What follows one fit.
#[derive(Clone, Copy)]
pub struct Tracking<'a> {
    pub(crate) progress: &'a dyn Progress,
    series: Option<(&'a Log, &'a str)>,
    slot: Option<Slot<'a>>,
}

/// One pass over the data.
pub(crate) struct Pass {
    /// The model.
    pub(crate) model: &'static str,
    /// What it calls a pass.
    pub(crate) unit: &'static str,
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) loss: f64,
    /// The loss as a person wants to read it.
    pub(crate) loss_text: String,
    /// Cells of the matrix learnt from.
    pub(crate) events: usize,
    pub(crate) begun: Instant,
}

impl<'a> Tracking<'a> {
    /// Nobody but a person follows.
    pub fn watched(progress: &'a dyn Progress) -> Self {
        Self { progress, series: None, slot: None }
    }

    /// Name of what follows copy number `copy` of `model` within this fit.
    pub(crate) fn name_of_part(&self, model: &str, copy: usize) -> String {
        let name = self.series.map(|(_, series)| series).or(self.slot.map(|slot| slot.name()));
        format!("{}-{model}-{copy}", name.unwrap_or("fit"))
    }

    /// What follows a fit within this one, with a series and a state of its own.
    pub(crate) fn part<'b>(&self, name: &'b str) -> Tracking<'b>
    where
        'a: 'b,
    {
        Tracking {
            progress: self.progress,
            series: self.series.map(|(log, _)| (log, name)),
            slot: self.slot.map(|slot| slot.named(name)),
        }
    }

    /// The same without the person.
    pub(crate) fn silent(self) -> Self {
        self.watched_by(&Silent)
    }

    /// The same for another person.
    pub(crate) fn watched_by<'b>(self, progress: &'b dyn Progress) -> Tracking<'b>
    where
        'a: 'b,
    {
        Tracking { progress, ..self }
    }

    /// Tells from where a fit goes on, if that is not its beginning.
    pub(crate) fn went_on(&self, model: &str, unit: &str, done: usize) {
        if done > 0 {
            self.progress.note(&format!("{model}: going on after {unit} {done}"));
            self.progress.advance(done as u64);
        }
    }

    /// Tells of a pass that is done.
    pub(crate) fn passed(&self, pass: &Pass) -> Result<(), TrainError> {
        let Pass { model, unit, number, loss, loss_text, events, begun } = pass;
        let seconds = begun.elapsed().as_secs_f64();
        self.progress.note(&format!("{model}: {unit} {number}, loss {loss_text}"));
        self.progress.advance(1);
        let rate = *events as f64 / seconds.max(1e-9);
        self.log(*number, &[("loss", *loss), ("seconds", seconds), ("events_per_second", rate)])
    }

    /// Adds values to the series, at `step`.
    pub(crate) fn log(&self, step: usize, values: &[(&str, f64)]) -> Result<(), TrainError> {
        self.series.map_or(Ok(()), |(log, series)| log.record(series, step as u64, values))
    }

    /// Keeps a state in place of the one before.
    pub(crate) fn keep(&self, write: impl FnOnce(&mut StateWriter<File>) -> io::Result<()>) -> Result<(), TrainError> {
        self.slot.map_or(Ok(()), |slot| slot.save(write))
    }

    /// What keeps the states of this fit's passes.
    pub(crate) fn passes(self) -> Passes<'a> {
        Passes { tracking: self, since: Instant::now() }
    }

    /// The state kept last. A damaged one is told of and left aside: what it held is computed again.
    pub(crate) fn kept<T>(
        &self,
        read: impl FnOnce(&mut StateReader) -> io::Result<T>,
    ) -> Result<Option<T>, TrainError> {
        let Some(slot) = self.slot else { return Ok(None) };
        match slot.load(read) {
            Ok(kept) => Ok(kept),
            Err(fault) if matches!(fault.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                let told = format!("{} is damaged, {fault}; computing it again", slot.path().display());
                self.progress.note(&told);
                Ok(None)
            }
            Err(source) => Err(TrainError::Io { path: slot.path(), source }),
        }
    }

    /// Forgets the state.
    pub(crate) fn forget(&self) -> Result<(), TrainError> {
        self.slot.map_or(Ok(()), |slot| slot.clear())
    }
}

/// Keeps states of passes, no more often than the checkpoint asks: on small data passes are quicker than disks.
pub(crate) struct Passes<'a> {
    tracking: Tracking<'a>,
    /// When the last state was kept, or the fit began.
    since: Instant,
}

impl Passes<'_> {
    /// Keeps the state after a pass, where it is time.
    pub(crate) fn keep(
        &mut self,
        write: impl FnOnce(&mut StateWriter<File>) -> io::Result<()>,
    ) -> Result<(), TrainError> {
        let is_time = self.tracking.slot.is_some_and(|slot| self.since.elapsed() >= slot.every);
        if is_time {
            self.tracking.keep(write)?;
            self.since = Instant::now();
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
