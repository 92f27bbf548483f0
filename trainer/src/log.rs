//! A log of training for plots: lines of JSON for notebooks, and event files for TensorBoard.
//!
//! ```text
//! DIR/log.ndjson                        {"time": seconds since 1970, "series": "fit", "step": 3, "loss": 1.7, …}
//! DIR/SERIES/events.out.tfevents.…      the same values as scalars
//! ```
//! Times stand here and nowhere in a bundle. A log is of one run: one that is resumed goes on with it, another is refused.

mod crc32c;
mod tensorboard;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};

use self::tensorboard::EventFile;
use crate::error::TrainError;

/// The file with all values, a line for each series and step.
pub const LOG_FILE: &str = "log.ndjson";

/// Where values of a run are written to.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    files: Mutex<Files>,
}

#[derive(Debug)]
struct Files {
    lines: File,
    /// Of the series written to last.
    series: Option<(String, EventFile)>,
}

impl Log {
    /// Writes to the folder, if one is wanted, what one run brings: after what is there where the run goes on, else to an empty log.
    ///
    /// # Errors
    /// When a run that does not go on finds values there, or the disk refuses.
    pub(crate) fn of_run(folder: Option<&Path>, goes_on: bool) -> Result<Option<Self>, TrainError> {
        let Some(folder) = folder else { return Ok(None) };
        let is_empty = fs::metadata(folder.join(LOG_FILE)).map_or(true, |file| file.len() == 0);
        if is_empty || goes_on {
            Self::open(folder).map(Some)
        } else {
            Err(TrainError::LogTaken { path: folder.to_owned() })
        }
    }

    /// Writes to `folder`, after what may be there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(folder: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let path = folder.join(LOG_FILE);
        let mut lines = File::options().create(true).read(true).append(true).open(&path).map_err(at(&path))?;
        end_last_line(&mut lines).map_err(at(&path))?;
        Ok(Self { folder: folder.to_owned(), files: Mutex::new(Files { lines, series: None }) })
    }

    /// Writes `values` of `series`, which has to be a folder's name, at `step`. Values that are not finite are left out.
    pub(crate) fn record(&self, series: &str, step: u64, values: &[(&str, f64)]) -> Result<(), TrainError> {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = Map::new();
        line.insert("time".to_owned(), time.into());
        line.insert("series".to_owned(), series.into());
        line.insert("step".to_owned(), step.into());
        let finite: Vec<(&str, f64)> = values.iter().copied().filter(|(_, value)| value.is_finite()).collect();
        line.extend(finite.iter().map(|&(name, value)| (name.to_owned(), value.into())));
        let text = format!("{}\n", Value::Object(line));
        files.lines.write_all(text.as_bytes()).map_err(at(&self.folder.join(LOG_FILE)))?;
        let folder = self.folder.join(series);
        files.events(series, &folder, time).and_then(|file| file.scalars(time, step, &finite)).map_err(at(&folder))
    }
}

impl Files {
    fn events(&mut self, series: &str, folder: &Path, time: f64) -> io::Result<&mut EventFile> {
        if self.series.as_ref().is_none_or(|(open, _)| open != series) {
            self.series = Some((series.to_owned(), EventFile::create(folder, time)?));
        }
        self.series.as_mut().map(|(_, file)| file).ok_or_else(|| io::Error::other("no event file"))
    }
}

/// Ends a line that a killed run did not.
fn end_last_line(lines: &mut File) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    if lines.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    lines.seek(SeekFrom::End(-1))?;
    lines.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { lines.write_all(b"\n") }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
    move |source| TrainError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
