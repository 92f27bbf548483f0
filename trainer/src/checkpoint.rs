//! Where a training run keeps what it has, so that it can go on after the process was killed, to the same bundle.
//!
//! A folder beside the bundle to come holds who it belongs to ([`Identity`]) and one file for each state that is kept
//! ([`state`]). Each file is whole or as it was before: written beside its place, synced, renamed. Everything kept
//! could be computed again with the same result, so a file that is damaged or missing costs time and changes nothing.

mod identity;
mod state;

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use self::identity::{Identity, config_text};
pub(crate) use self::state::{StateReader, StateWriter};
use crate::error::TrainError;

const HEADER: &str = "header.json";
const LOCK: &str = "lock";
/// Added to the name of a file that is being written.
const UNFINISHED: &str = "unfinished";

/// The folder `OUT.checkpoint` of a run that writes the bundle `OUT`.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    /// Time between two states of one fit, at least.
    every: Duration,
    /// Held until this is dropped, or the process ends in whatever way.
    _lock: File,
}

impl Checkpoint {
    /// The folder in which the run that writes `out` keeps itself.
    pub fn folder_of(out: &Path) -> PathBuf {
        let mut name = out.file_name().map_or_else(OsString::new, OsString::from);
        name.push(".checkpoint");
        out.with_file_name(name)
    }

    /// Takes the folder beside `out`: a new one, or with `resume` the one that is there. Says whether something was
    /// there to go on from. A fit keeps a state after a pass if its last one is at least `every` old.
    ///
    /// # Errors
    /// When there is a checkpoint and nobody asked to resume, it belongs to another run, another process works on it,
    /// or the disk refuses.
    pub(crate) fn begin(
        out: &Path,
        identity: &Identity,
        resume: bool,
        every: Duration,
    ) -> Result<(Self, bool), TrainError> {
        let folder = Self::folder_of(out);
        let header = folder.join(HEADER);
        let exists = header.exists();
        if exists && !resume {
            return Err(TrainError::Unfinished { path: folder });
        }
        if !exists {
            refuse_foreign(&folder)?;
            fs::create_dir_all(&folder).map_err(at(&folder))?;
        }
        let lock = lock(&folder)?;
        let checkpoint = Self { folder, every, _lock: lock };
        if exists {
            identity.check(&header)?;
        } else {
            identity.write(&header)?;
        }
        Ok((checkpoint, exists))
    }

    /// The place of the state `name`, which has to be a file name.
    pub(crate) fn slot<'a>(&'a self, name: &'a str) -> Slot<'a> {
        Slot { folder: &self.folder, every: self.every, name }
    }

    /// Takes the folder away, once nothing of it is needed any more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn remove(self) -> Result<(), TrainError> {
        fs::remove_dir_all(&self.folder).map_err(at(&self.folder))
    }
}

/// A folder without a header may be taken over if a run that was killed at once can have left it, but not if it holds
/// anything that is not ours.
fn refuse_foreign(folder: &Path) -> Result<(), TrainError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(at(folder)(fault)),
    };
    for entry in entries {
        let name = entry.map_err(at(folder))?.file_name();
        if name != LOCK && name != unfinished(Path::new(HEADER)).as_os_str() {
            return Err(TrainError::ForeignFolder { path: folder.to_owned() });
        }
    }
    Ok(())
}

/// Locks a file in `folder` until it is closed. Where the file system knows no locks there is none.
pub(crate) fn lock(folder: &Path) -> Result<File, TrainError> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(TrainError::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(fault)) if fault.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(fault)) => Err(at(&path)(fault)),
    }
}

/// The place of one state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    folder: &'a Path,
    /// Time between two states of one fit, at least.
    pub(crate) every: Duration,
    name: &'a str,
}

impl<'a> Slot<'a> {
    /// Name of the state.
    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    /// Another state of the same checkpoint.
    pub(crate) fn named<'b>(&self, name: &'b str) -> Slot<'b>
    where
        'a: 'b,
    {
        Slot { name, ..*self }
    }

    /// Keeps a state in place of the one that was kept before.
    pub(crate) fn save(&self, write: impl FnOnce(&mut StateWriter<File>) -> io::Result<()>) -> Result<(), TrainError> {
        replace(&self.path(), |file| {
            let mut writer = StateWriter::new(file)?;
            write(&mut writer)?;
            writer.finish()
        })
    }

    /// What is kept; `None` if nothing is.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] or [`io::ErrorKind::UnexpectedEof`] where the file is not as it was written, else
    /// what the system says.
    pub(crate) fn load<T>(&self, read: impl FnOnce(&mut StateReader) -> io::Result<T>) -> io::Result<Option<T>> {
        let mut reader = match File::open(self.path()) {
            Ok(file) => StateReader::new(file)?,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let kept = read(&mut reader)?;
        reader.end()?;
        Ok(Some(kept))
    }

    /// Forgets what is kept.
    pub(crate) fn clear(&self) -> Result<(), TrainError> {
        match fs::remove_file(self.path()) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(at(&self.path())(fault)),
            _ => Ok(()),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(self.name).with_extension("state")
    }
}

/// Writes `path` anew, so that at any moment it is what it was or what `write` makes of it, also after a power cut.
pub(crate) fn replace(path: &Path, write: impl FnOnce(File) -> io::Result<File>) -> Result<(), TrainError> {
    let fresh = unfinished(path);
    let file = File::create(&fresh).map_err(at(&fresh))?;
    write(file).and_then(|file| file.sync_all()).map_err(at(&fresh))?;
    fs::rename(&fresh, path).map_err(at(path))?;
    sync_folder(path)
}

/// Makes the names beside `path` durable; only Unix lets a folder be opened for that.
fn sync_folder(path: &Path) -> Result<(), TrainError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(at(folder))?;
    }
    Ok(())
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".");
    name.push(UNFINISHED);
    path.with_file_name(name)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
    move |source| TrainError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
impl Checkpoint {
    /// A checkpoint of nobody, for tests.
    pub(crate) fn in_folder(folder: &Path, every: Duration) -> Self {
        Self { folder: folder.to_owned(), every, _lock: lock(folder).unwrap() }
    }
}

#[cfg(test)]
mod tests;
