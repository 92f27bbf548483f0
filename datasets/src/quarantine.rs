//! Rows that cannot be used are set aside, never lost: listed with file, row, column, reason and how to mend.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{DatasetError, RowFault};

/// What a run does about rows that it cannot use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Lists all of them, then fails and writes nothing else: the default.
    #[default]
    Fail,
    /// Lists them and goes on with the rest.
    Quarantine,
}

/// One row set aside: a line of the quarantine file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// File it stands in.
    pub file: String,
    /// Row or line number, from 1.
    pub row: u64,
    /// Column at fault.
    pub column: String,
    /// What is wrong.
    pub reason: String,
    /// How to mend it.
    pub mend: String,
}

/// Lists bad rows in an NDJSON file, which exists only once there is one.
#[derive(Debug)]
pub struct Quarantine {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    count: u64,
    first: Option<String>,
    reasons: BTreeMap<String, u64>,
}

impl Quarantine {
    /// A quarantine whose file will be `path`; a file left there by an earlier run is replaced.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None, count: 0, first: None, reasons: BTreeMap::new() }
    }

    /// The quarantine of a dataset at `out`: the file `OUT.quarantine.ndjson` beside it.
    pub fn beside(out: &Path) -> Self {
        let mut name = out.file_name().unwrap_or("dataset".as_ref()).to_owned();
        name.push(".quarantine.ndjson");
        Self::new(out.with_file_name(name))
    }

    /// Sets row `row` of `file` aside.
    ///
    /// # Errors
    /// When the quarantine file cannot be written.
    pub fn refuse(&mut self, file: &Path, row: u64, fault: &RowFault) -> Result<(), DatasetError> {
        let RowFault { column, reason, mend } = fault.clone();
        self.first.get_or_insert_with(|| format!("{}, row {row}: {fault}", file.display()));
        self.count += 1;
        *self.reasons.entry(format!("`{column}` {}", without_values(&reason))).or_default() += 1;
        let refused = Refused { file: file.display().to_string(), row, column, reason, mend };
        let line = serde_json::to_string(&refused).expect("texts and a number are always JSON");
        let path = &self.path;
        let out = match &mut self.file {
            Some(out) => out,
            None => {
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent).map_err(DatasetError::io(parent))?;
                }
                self.file.insert(BufWriter::new(File::create(path).map_err(DatasetError::io(path))?))
            }
        };
        writeln!(out, "{line}").map_err(DatasetError::io(path))
    }

    /// How many rows were set aside.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many for each column and reason.
    pub fn reasons(&self) -> &BTreeMap<String, u64> {
        &self.reasons
    }

    /// The file that lists them, once there is one.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|_| self.path.as_path())
    }

    /// Completes the file and decides: under [`OnError::Fail`] a single refused row fails the run.
    ///
    /// # Errors
    /// [`DatasetError::Refused`], or the file cannot be completed.
    pub fn settle(&mut self, on_error: OnError) -> Result<(), DatasetError> {
        if let Some(file) = &mut self.file {
            file.flush().map_err(DatasetError::io(&self.path))?;
        }
        match (&self.first, on_error) {
            (Some(first), OnError::Fail) => {
                Err(DatasetError::Refused { count: self.count, first: first.clone(), quarantine: self.path.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// A reason without what was quoted from the row, so that equal reasons count together.
fn without_values(reason: &str) -> String {
    let mut words: Vec<&str> = reason.split_whitespace().collect();
    words.iter_mut().filter(|word| word.parse::<f64>().is_ok()).for_each(|word| *word = "…");
    let text = words.join(" ");
    match text.split_once(", got `") {
        Some((before, _)) => before.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_rows_are_listed_counted_and_fail_the_run_unless_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let mut quarantine = Quarantine::beside(&folder.path().join("data"));
        assert!(quarantine.settle(OnError::Fail).is_ok() && quarantine.path().is_none());
        for (row, got) in [(3, "-1"), (9, "-2")] {
            quarantine
                .refuse(
                    Path::new("p.csv"),
                    row,
                    &RowFault::new("price_minor", format!("is {got}"), "give zero or more"),
                )
                .unwrap();
        }
        let failed = quarantine.settle(OnError::Fail).unwrap_err().to_string();
        assert!(
            failed.contains("2 rows") && failed.contains("p.csv, row 3: `price_minor` is -1; give zero or more"),
            "{failed}"
        );
        quarantine.settle(OnError::Quarantine).unwrap();
        assert_eq!(quarantine.reasons().iter().collect::<Vec<_>>(), [(&"`price_minor` is …".to_owned(), &2)]);
        let text = std::fs::read_to_string(folder.path().join("data.quarantine.ndjson")).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with(
            r#"{"file":"p.csv","row":3,"column":"price_minor","reason":"is -1","mend":"give zero or more"}"#
        ));
    }
}
