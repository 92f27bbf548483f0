//! What an import did, in numbers that can be checked against the source.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Counts of one import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// What was read, file by file, in the order of reading.
    pub files: Vec<FileCount>,
    /// What was written, by table name.
    pub tables: BTreeMap<&'static str, TableCount>,
    /// Rows read and taken, over all files.
    pub accepted: u64,
    /// Entries left out or merged because they repeat another one; nothing is lost with them.
    pub repaired: u64,
    /// Rows refused.
    pub quarantined: u64,
    /// Refused rows by column and reason.
    pub reasons: BTreeMap<String, u64>,
    /// The file that lists the refused rows, if there are any.
    pub quarantine: Option<PathBuf>,
}

/// Counts of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileCount {
    /// What the file is to the importer: `train`, `friends`, a table's name …
    pub role: String,
    /// The file.
    pub path: PathBuf,
    /// Rows that are not blank.
    pub rows: u64,
    /// Of these, rows refused.
    pub quarantined: u64,
    /// Repeated entries merged or left out.
    pub repaired: u64,
}

/// Counts of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableCount {
    /// Rows written.
    pub rows: u64,
    /// Of these by split, in tables that have splits.
    pub splits: BTreeMap<&'static str, u64>,
}

impl ImportReport {
    /// Rows written to `table`, in `split` only if one is given.
    pub fn written(&self, table: &str, split: Option<&str>) -> u64 {
        let Some(count) = self.tables.get(table) else { return 0 };
        split.map_or(count.rows, |split| count.splits.get(split).copied().unwrap_or(0))
    }

    /// Counts of the file with `role`, if it was read.
    pub fn file(&self, role: &str) -> Option<&FileCount> {
        self.files.iter().find(|file| file.role == role)
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            write!(f, "read {:<12} {:>10} rows", file.role, file.rows)?;
            if file.repaired > 0 {
                write!(f, ", {} repeated", file.repaired)?;
            }
            if file.quarantined > 0 {
                write!(f, ", {} refused", file.quarantined)?;
            }
            writeln!(f, "  {}", file.path.display())?;
        }
        for (name, count) in &self.tables {
            let splits: Vec<_> = count.splits.iter().map(|(split, rows)| format!("{split} {rows}")).collect();
            writeln!(f, "wrote {name:<11} {:>10} rows  {}", count.rows, splits.join(", "))?;
        }
        for (reason, rows) in &self.reasons {
            writeln!(f, "refused {rows}: {reason}")?;
        }
        if let Some(path) = &self.quarantine {
            writeln!(f, "refused rows are listed in {}", path.display())?;
        }
        Ok(())
    }
}
