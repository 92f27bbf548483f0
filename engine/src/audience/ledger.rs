//! The ledger: every answer drawn, on disk before anybody sees it.
//!
//! ```text
//! ledger = "juntos-audience 1\n" record*
//! record = checksum:16 hexadecimal digits of xxh3(json) " " json "\n"        one drawn answer, see [`Record`]
//! ```
//! A record is written at the end, synced, and only then told. What a crash leaves behind a last whole line was never
//! told, and is cut off when the ledger is opened; any other damage is refused, because a spent budget must not be
//! forgotten. One process at a time holds `lock`.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Told;

/// First line of a ledger: its name and the version of its format.
const HEADER: &str = "juntos-audience 1\n";
/// Name of the ledger's file.
const LEDGER: &str = "ledger";
/// Name of the file that a ledger is rewritten under.
const REWRITTEN: &str = "ledger.new";
/// Name of the file that the holder of the ledger locks.
const LOCK: &str = "lock";
/// Records of past months that an opened ledger may carry before it is rewritten without them.
const MOST_PAST: usize = 10_000;

/// One drawn answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) seller_id: String,
    pub(super) told: Told,
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The operating system refused.
    #[error("{}: {source}; check the folder of the audience ledger, its rights and its disk", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A record is not what was written.
    #[error(
        "{}: line {line} {problem}; restore the file from a backup that is not older than the last answer: without it \
         nobody knows what has been told",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process holds the ledger.
    #[error("{}: another process holds this ledger; give each server a folder of its own, or stop the other", path.display())]
    Held {
        /// The lock.
        path: PathBuf,
    },
    /// Writing failed before, and nobody knows how far it came.
    #[error("{}: writing failed earlier; start the server again when the disk is well", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
}

/// An open ledger, for appending.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
    /// Held as long as the ledger is open.
    _lock: File,
    broken: bool,
}

impl Ledger {
    /// Opens the ledger in `folder`, made where it is not there, and reads its records in order.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<Record>), LedgerError> {
        fs::create_dir_all(folder).map_err(io(folder))?;
        let lock = hold(&folder.join(LOCK))?;
        let path = folder.join(LEDGER);
        let mut file = open_file(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io(&path))?;
        let Contents { mut records, whole } = read(&path, &bytes)?;
        if records.len() > MOST_PAST + of_last_months(&records).count() {
            records = of_last_months(&records).cloned().collect();
            rewrite(folder, &records)?;
            file = open_file(&path)?;
        } else if whole == 0 {
            file.set_len(0).and_then(|()| file.write_all(HEADER.as_bytes())).map_err(io(&path))?;
        } else if whole < bytes.len() {
            file.set_len(whole as u64).map_err(io(&path))?;
        }
        file.sync_all().map_err(io(&path))?;
        sync_folder(folder)?;
        Ok((Self { path, file, _lock: lock, broken: false }, records))
    }

    /// Writes a record, and returns when it is on disk.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), LedgerError> {
        if self.broken {
            return Err(self.broken());
        }
        // Until it is known to be on disk, what a failed write or sync left behind is anybody's guess.
        self.broken = true;
        let line = line(record).map_err(|source| LedgerError::Io { path: self.path.clone(), source })?;
        self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()).map_err(io(&self.path))?;
        self.broken = false;
        Ok(())
    }

    /// The error of a ledger that cannot be written any more.
    pub(super) fn broken(&self) -> LedgerError {
        LedgerError::Broken { path: self.path.clone() }
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> LedgerError + '_ {
    move |source| LedgerError::Io { path: path.to_owned(), source }
}

fn hold(path: &Path) -> Result<File, LedgerError> {
    let lock = open_file(path)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Held { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(LedgerError::Io { path: path.to_owned(), source }),
    }
}

/// Opens a file for reading and appending, for nobody but its owner.
fn open_file(path: &Path) -> Result<File, LedgerError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(io(path))
}

/// Makes the names in a folder durable; only Unix lets a folder be opened for that.
fn sync_folder(folder: &Path) -> Result<(), LedgerError> {
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(io(folder))?;
    }
    Ok(())
}

fn line(record: &Record) -> std::io::Result<String> {
    let json = serde_json::to_string(record)?;
    Ok(format!("{:016x} {json}\n", xxh3_64(json.as_bytes())))
}

/// What a file holds.
struct Contents {
    records: Vec<Record>,
    /// Bytes up to the end of the last whole line.
    whole: usize,
}

fn read(path: &Path, bytes: &[u8]) -> Result<Contents, LedgerError> {
    let damaged = |line: usize, problem: String| LedgerError::Damaged { path: path.to_owned(), line, problem };
    let Some(rest) = bytes.strip_prefix(HEADER.as_bytes()) else {
        let torn = HEADER.as_bytes().starts_with(bytes);
        let problem = format!("is not `{}`", HEADER.trim_end());
        return if torn { Ok(Contents { records: Vec::new(), whole: 0 }) } else { Err(damaged(1, problem)) };
    };
    let end = rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let lines = rest[..end].split_inclusive(|&byte| byte == b'\n');
    let records = lines.enumerate().map(|(at, line)| record(line).map_err(|problem| damaged(at + 2, problem)));
    Ok(Contents { records: records.collect::<Result<_, _>>()?, whole: HEADER.len() + end })
}

fn record(line: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(line).map_err(|_| "is not text".to_owned())?;
    let (checksum, json) = text.trim_end_matches('\n').split_once(' ').ok_or("has no checksum")?;
    if checksum != format!("{:016x}", xxh3_64(json.as_bytes())) {
        return Err("does not have the checksum that it begins with".to_owned());
    }
    serde_json::from_str(json).map_err(|fault| format!("cannot be read: {fault}"))
}

/// The records of each seller's last month: those that still say something.
fn of_last_months(records: &[Record]) -> impl Iterator<Item = &Record> {
    let mut last = HashMap::new();
    for Record { seller_id, told } in records {
        let month = last.entry(seller_id).or_insert(told.month);
        *month = told.month.max(*month);
    }
    records.iter().filter(move |record| last[&record.seller_id] == record.told.month)
}

/// Puts a ledger of these records in the place of the present one, which stays until the new one is on disk.
fn rewrite(folder: &Path, records: &[Record]) -> Result<(), LedgerError> {
    let path = folder.join(REWRITTEN);
    let mut text = HEADER.to_owned();
    for record in records {
        text.push_str(&line(record).map_err(io(&path))?);
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(io(&path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io(&path))?;
    fs::rename(&path, folder.join(LEDGER)).map_err(io(&path))
}

#[cfg(test)]
mod tests;
