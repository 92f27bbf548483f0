//! The file: changes by number, with what they speak of, so that all about a deleted user is found without reading all.
//!
//! | table | key | value |
//! |---|---|---|
//! | `changes` | number, ascending as they came | JSON: `{"now": …, "change": …}` |
//! | `mentions` | fingerprint of a person's or team's id | numbers of the changes that speak of her or it |
//! | `served` | number of the first change | version of the bundle that was served then |
//! | `format` | – | version of this layout |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use juntos_datasets::units::Timestamp;
use juntos_engine::live::Change;
use redb::{
    Builder, Database, DatabaseError, MultimapTable, MultimapTableDefinition, ReadableDatabase, ReadableMultimapTable,
    ReadableTable, Table, TableDefinition, backends::FileBackend,
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

const CHANGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("changes");
const MENTIONS: MultimapTableDefinition<'_, u128, u64> = MultimapTableDefinition::new("mentions");
const SERVED: TableDefinition<'_, u64, &str> = TableDefinition::new("served");
const FORMAT: TableDefinition<'_, (), u32> = TableDefinition::new("format");

/// Version of the layout.
const VERSION: u32 = 1;
/// Pages that are kept in memory, bytes: the file is written at its end and read from its start.
const CACHE_BYTES: usize = 32 << 20;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("{}: {source}; check the file, its rights and its disk", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Another process holds the journal.
    #[error("{}: another process holds this journal; give each server a journal_file of its own, or stop the other", path.display())]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what was written, or not a journal.
    #[error(
        "{}: {problem}; restore the file from a backup, or move it away to begin without what happened since the bundle \
         was cut",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// A change with the moment at which it came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) now: Timestamp,
    pub(super) change: Change,
}

/// What the store is to do, whole or not at all.
#[derive(Debug)]
pub(super) struct Task {
    forget: Option<Deletion>,
    keep: Vec<Entry>,
}

/// Who is deleted, and what that touches.
#[derive(Debug)]
struct Deletion {
    user_id: String,
    /// Fingerprints of her and her teams: of changes that speak of these only what is without her is kept.
    keys: Vec<u128>,
}

impl Task {
    /// Keep this.
    pub(super) fn keep(entry: Entry) -> Self {
        Self { forget: None, keep: vec![entry] }
    }

    /// Keep these, and of all that speaks of the user, or of the teams, only what is without her.
    pub(super) fn replace(user_id: &str, team_ids: &[&str], by: Vec<Entry>) -> Self {
        let teams = team_ids.iter().map(|id| Mention::Team(id));
        let keys = [Mention::Person(user_id)].into_iter().chain(teams).map(|gone| gone.key()).collect();
        Self { forget: Some(Deletion { user_id: user_id.to_owned(), keys }), keep: by }
    }
}

/// A change as it was kept.
pub(super) struct Past {
    pub(super) number: u64,
    pub(super) entry: Entry,
    /// Version of the bundle that was served then.
    pub(super) served: String,
}

/// An open journal; no other process has it.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    database: Database,
    /// Number of the next change.
    next: u64,
}

impl Store {
    /// Opens the file, made where it is not there, and reads it through: a damaged one is refused here.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let opened = FileBackend::new(file).and_then(|file| builder.create_with_backend(file));
        let database = opened.map_err(|fault| match fault {
            DatabaseError::DatabaseAlreadyOpen => JournalError::Held { path: path.to_owned() },
            fault => error(path, fault.into()),
        })?;
        let mut store = Self { path: path.to_owned(), database, next: 0 };
        store.next = store.prepare().map_err(|fault| store.error(fault))??;
        Ok(store)
    }

    /// Makes the tables where they are not there; the number of the next change.
    fn prepare(&self) -> Result<Result<u64, JournalError>, redb::Error> {
        let writing = self.database.begin_write()?;
        let next = {
            let mut format = writing.open_table(FORMAT)?;
            let known = format.get(())?.map(|version| version.value());
            match known {
                None => drop(format.insert((), VERSION)?),
                Some(VERSION) => {}
                Some(other) => {
                    let problem =
                        format!("has layout {other}, and this program knows {VERSION}; use the newer program");
                    return Ok(Err(JournalError::Damaged { path: self.path.clone(), problem }));
                }
            }
            writing.open_multimap_table(MENTIONS)?;
            let changes = writing.open_table(CHANGES)?;
            let served = writing.open_table(SERVED)?;
            let last = changes.last()?.map_or(0, |(number, _)| number.value() + 1);
            let begun = served.last()?.map_or(0, |(number, _)| number.value());
            last.max(begun)
        };
        writing.commit()?;
        Ok(Ok(next))
    }

    /// Goes through all changes in their order; `visit` says whether to keep each.
    pub(super) fn review(&self, mut visit: impl FnMut(Past) -> bool) -> Result<(), JournalError> {
        let dropped = self.read(&mut visit)?;
        self.forget(&dropped).map_err(|fault| self.error(fault))
    }

    /// The numbers of those that are not to be kept.
    fn read(&self, visit: &mut impl FnMut(Past) -> bool) -> Result<Vec<u64>, JournalError> {
        let fault = |fault: redb::Error| self.error(fault);
        let reading = self.database.begin_read().map_err(|e| fault(e.into()))?;
        let changes = reading.open_table(CHANGES).map_err(|e| fault(e.into()))?;
        let served = reading.open_table(SERVED).map_err(|e| fault(e.into()))?;
        let mut bundles = BTreeMap::new();
        for row in served.iter().map_err(|e| fault(e.into()))? {
            let (number, version) = row.map_err(|e| fault(e.into()))?;
            bundles.insert(number.value(), version.value().to_owned());
        }
        let mut dropped = Vec::new();
        for row in changes.iter().map_err(|e| fault(e.into()))? {
            let (number, json) = row.map_err(|e| fault(e.into()))?;
            let number = number.value();
            let entry = serde_json::from_slice(json.value()).map_err(|fault| JournalError::Damaged {
                path: self.path.clone(),
                problem: format!("change {number} cannot be read: {fault}"),
            })?;
            let served = bundles.range(..=number).next_back().map(|(_, version)| version.clone()).unwrap_or_default();
            if !visit(Past { number, entry, served }) {
                dropped.push(number);
            }
        }
        Ok(dropped)
    }

    /// Notes which bundle is served from now on.
    pub(super) fn serve(&self, version: &str) -> Result<(), JournalError> {
        let note = || -> Result<(), redb::Error> {
            let writing = self.database.begin_write()?;
            writing.open_table(SERVED)?.insert(self.next, version)?;
            Ok(writing.commit()?)
        };
        note().map_err(|fault| self.error(fault))
    }

    /// Does some tasks in their order, all or none; returns when that outlives a crash.
    pub(super) fn work(&mut self, tasks: Vec<Task>) -> Result<(), redb::Error> {
        let writing = self.database.begin_write()?;
        let mut next = self.next;
        {
            let mut tables =
                Tables { changes: writing.open_table(CHANGES)?, mentions: writing.open_multimap_table(MENTIONS)? };
            for Task { forget, keep } in tasks {
                if let Some(deletion) = forget {
                    tables.forget(&deletion)?;
                }
                for entry in keep {
                    tables.insert(next, &entry)?;
                    next += 1;
                }
            }
        }
        writing.commit()?;
        self.next = next;
        Ok(())
    }

    fn forget(&self, numbers: &[u64]) -> Result<(), redb::Error> {
        if numbers.is_empty() {
            return Ok(());
        }
        let writing = self.database.begin_write()?;
        {
            let mut tables =
                Tables { changes: writing.open_table(CHANGES)?, mentions: writing.open_multimap_table(MENTIONS)? };
            for &number in numbers {
                tables.remove(number)?;
            }
        }
        Ok(writing.commit()?)
    }

    fn error(&self, fault: redb::Error) -> JournalError {
        error(&self.path, fault)
    }
}

/// The tables of one transaction.
struct Tables<'a> {
    changes: Table<'a, u64, &'static [u8]>,
    mentions: MultimapTable<'a, u128, u64>,
}

impl Tables<'_> {
    fn insert(&mut self, number: u64, entry: &Entry) -> Result<(), redb::Error> {
        let json = serde_json::to_vec(entry).map_err(std::io::Error::from)?;
        self.changes.insert(number, json.as_slice())?;
        for key in mentions(&entry.change) {
            self.mentions.insert(key, number)?;
        }
        Ok(())
    }

    fn remove(&mut self, number: u64) -> Result<Option<Entry>, redb::Error> {
        let Some(entry) = self.changes.remove(number)?.map(|json| serde_json::from_slice::<Entry>(json.value())) else {
            return Ok(None);
        };
        let entry = entry.map_err(std::io::Error::from)?;
        for key in mentions(&entry.change) {
            self.mentions.remove(key, number)?;
        }
        Ok(Some(entry))
    }

    fn forget(&mut self, deletion: &Deletion) -> Result<(), redb::Error> {
        for number in self.speaking_of(&deletion.keys)? {
            let Some(Entry { now, change }) = self.remove(number)? else { continue };
            if let Some(change) = change.without(&deletion.user_id) {
                self.insert(number, &Entry { now, change })?;
            }
        }
        Ok(())
    }

    fn speaking_of(&self, keys: &[u128]) -> Result<BTreeSet<u64>, redb::Error> {
        let mut numbers = BTreeSet::new();
        for key in keys {
            for number in self.mentions.get(key)? {
                numbers.insert(number?.value());
            }
        }
        Ok(numbers)
    }
}

/// Whom or what a change speaks of.
enum Mention<'a> {
    Person(&'a str),
    Team(&'a str),
}

impl Mention<'_> {
    /// The fingerprint of its kind and id.
    fn key(&self) -> u128 {
        let (kind, id) = match self {
            Self::Person(id) => ('p', id),
            Self::Team(id) => ('t', id),
        };
        xxh3_128(format!("{kind}{id}").as_bytes())
    }
}

fn mentions(change: &Change) -> impl Iterator<Item = u128> {
    let people = change.people().into_iter().map(Mention::Person);
    people.chain(change.team().map(Mention::Team)).map(|mention| mention.key())
}

fn error(path: &Path, fault: redb::Error) -> JournalError {
    match fault {
        redb::Error::Io(source) => JournalError::Io { path: path.to_owned(), source },
        fault => JournalError::Damaged { path: path.to_owned(), problem: fault.to_string() },
    }
}
