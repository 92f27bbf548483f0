//! What can go wrong with a dataset: each message says what, where and how to mend it.

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with one row of a table or one record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Column or field at fault.
    pub column: String,
    /// What is wrong.
    pub reason: String,
    /// How to mend it.
    pub mend: String,
}

impl RowFault {
    /// A fault of `column`.
    pub fn new(column: impl Into<String>, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { column: column.into(), reason: reason.into(), mend: mend.into() }
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}; {}", self.column, self.reason, self.mend)
    }
}

/// A failure of reading, writing, importing or generating a dataset.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no folder of tables at the path.
    #[error("{path} is no dataset: {reason}; make one with `juntos import` or `juntos generate`")]
    NoDataset {
        /// The path given.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// The target of a write is there already.
    #[error("{path} exists already; give a new folder, or remove it first")]
    Exists {
        /// The path given.
        path: PathBuf,
    },
    /// The file is not Parquet, is damaged or is cut short.
    #[error("{path} cannot be read as Parquet: {reason}; write it again from its source")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A column is missing or has a type that cannot be converted.
    #[error("{path}: column `{column}` {reason}")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The table was written by a newer program.
    #[error("{path} has schema version {got}, this program reads up to {known}; update juntos")]
    Version {
        /// The file.
        path: PathBuf,
        /// Version found.
        got: String,
        /// Newest version known.
        known: u32,
    },
    /// One row does not hold what its table promises.
    #[error("{file}, row {row}: {fault}")]
    Row {
        /// The file.
        file: PathBuf,
        /// Row or line number, from 1.
        row: u64,
        /// What is wrong.
        fault: RowFault,
    },
    /// A table lists the same id twice, and nothing says which record holds.
    #[error(
        "{path}: table {table} lists {column} `{id}` twice; keep one record of each id, `juntos check {path}` tells how many there are"
    )]
    Twice {
        /// The dataset.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The column of its ids.
        column: &'static str,
        /// The first id listed a second time.
        id: String,
    },
    /// Several rows were set aside and nobody allowed that.
    #[error(
        "{count} rows were refused and nothing was written; first: {first}; all are listed in {quarantine}: mend them, or allow it with `--on-error quarantine`"
    )]
    Refused {
        /// How many.
        count: u64,
        /// The first one.
        first: String,
        /// The file that lists them.
        quarantine: PathBuf,
    },
    /// The input holds nothing to work on.
    #[error("{what} is empty: {mend}")]
    Empty {
        /// What is empty.
        what: String,
        /// How to mend it.
        mend: &'static str,
    },
    /// A request to the library does not make sense.
    #[error("{0}")]
    Usage(String),
    /// A visitor of rows had a reason to stop.
    #[error("{0}")]
    Stopped(Box<dyn std::error::Error + Send + Sync>),
}

impl DatasetError {
    /// Turns a fault of the file system into an error that names `path`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }
}
