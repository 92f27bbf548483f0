//! Folders that are whole or absent: written beside their place, synced, then renamed.

use std::fs::{self, File};
use std::path::Path;

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

pub(crate) use super::manifest::FileEntry;
use super::manifest::hex;
use crate::error::EngineError;

/// Makes the folder `out`: `fill` writes its files to a temporary folder, which is then synced and renamed.
pub(crate) fn create<T>(out: &Path, fill: impl FnOnce(&Path) -> Result<T, EngineError>) -> Result<T, EngineError> {
    check_place(out)?;
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(EngineError::io(parent))?;
    let folder = temporary(parent)?;
    let filled = fill(folder.path())?;
    sync_folder(folder.path())?;
    check_place(out)?;
    fs::rename(folder.path(), out).map_err(EngineError::io(out))?;
    let _gone = folder.keep();
    sync_folder(parent)?;
    Ok(filled)
}

fn temporary(parent: &Path) -> Result<tempfile::TempDir, EngineError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".juntos-bundle-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o755));
    }
    builder.tempdir_in(parent).map_err(EngineError::io(parent))
}

/// An empty folder may be taken; anything else may not.
fn check_place(out: &Path) -> Result<(), EngineError> {
    match fs::read_dir(out).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(EngineError::Exists { path: out.to_owned() }),
    }
}

/// Makes the names in a folder durable; only Unix lets a folder be opened for that.
fn sync_folder(folder: &Path) -> Result<(), EngineError> {
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(EngineError::io(folder))?;
    }
    Ok(())
}

/// Writes a small file, and waits until it is on disk.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    fs::write(path, bytes).map_err(EngineError::io(path))?;
    File::open(path).and_then(|file| file.sync_all()).map_err(EngineError::io(path))
}

/// Writes a small file of JSON, and waits until it is on disk.
pub(crate) fn write_json(path: &Path, content: &impl Serialize) -> Result<(), EngineError> {
    let unwritable = |fault: serde_json::Error| EngineError::unwritable(format!("{}: {fault}", path.display()));
    write_durably(path, &serde_json::to_vec_pretty(content).map_err(unwritable)?)
}

impl FileEntry {
    /// Size and checksum of a file as it is now.
    pub(crate) fn of(path: &Path) -> Result<Self, EngineError> {
        let file = File::open(path).map_err(EngineError::io(path))?;
        let mut hasher = Hashing(Xxh3::new());
        let bytes = std::io::copy(&mut &file, &mut hasher).map_err(EngineError::io(path))?;
        Ok(Self { bytes, xxh3: hex(hasher.0.digest()) })
    }
}

/// Hashes what is written to it.
struct Hashing(Xxh3);

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
