//! What a check found, for people and for scripts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::units::Timestamp;

/// How many examples of a finding are kept.
const EXAMPLES: usize = 3;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Must be mended: rows are unusable or count twice.
    Fault,
    /// Worth a look; training copes with it.
    Warning,
}

/// Something found in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The table.
    pub table: String,
    /// What it is.
    pub what: String,
    /// How often.
    pub count: u64,
    /// The first few.
    pub examples: Vec<String>,
}

/// Counts of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Rows, good and bad.
    pub rows: u64,
    /// Rows that cannot be read.
    pub bad_rows: u64,
    /// Files.
    pub files: u64,
    /// Cells that hold something, by column.
    pub filled: Vec<(String, u64)>,
}

impl TableReport {
    pub(super) fn add_filled(&mut self, column: &str, count: u64) {
        match self.filled.iter_mut().find(|(name, _)| name == column) {
            Some((_, sum)) => *sum += count,
            None => self.filled.push((column.to_owned(), count)),
        }
    }
}

/// Smallest, mean and largest of a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// How many values.
    pub count: u64,
    /// Smallest.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Largest.
    pub max: f64,
}

/// All that a check found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// Each table that is there.
    pub tables: Vec<(String, TableReport)>,
    /// Faults and warnings, faults first.
    pub findings: Vec<Finding>,
    /// How often each word occurs: events by kind, users by country …
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Ranges of numbers.
    pub ranges: BTreeMap<String, Range>,
    /// First and last event with a time.
    pub time: Option<(Timestamp, Timestamp)>,
    /// Rows that cannot be read, in all tables.
    pub bad_rows: u64,
    /// File that lists them.
    pub quarantine: Option<PathBuf>,
}

impl CheckReport {
    /// Whether nothing must be mended.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Fault)
    }

    pub(super) fn find(&mut self, severity: Severity, table: &str, what: &str, example: impl FnOnce() -> String) {
        let known = self.findings.iter().position(|finding| finding.table == table && finding.what == what);
        let at = known.unwrap_or_else(|| {
            let (table, what) = (table.to_owned(), what.to_owned());
            self.findings.push(Finding { severity, table, what, count: 0, examples: Vec::new() });
            self.findings.len() - 1
        });
        let finding = &mut self.findings[at];
        finding.count += 1;
        if finding.examples.len() < EXAMPLES {
            finding.examples.push(example());
        }
    }

    pub(super) fn count(&mut self, what: &str, word: &str) {
        if let Some(count) = self.counts.get_mut(what).and_then(|words| words.get_mut(word)) {
            *count += 1;
            return;
        }
        self.counts.entry(what.to_owned()).or_default().insert(word.to_owned(), 1);
    }

    pub(super) fn range(&mut self, what: &str, value: f64) {
        let Some(range) = self.ranges.get_mut(what) else {
            self.ranges.insert(what.to_owned(), Range { count: 1, min: value, mean: value, max: value });
            return;
        };
        range.count += 1;
        range.mean += (value - range.mean) / range.count as f64;
        range.min = range.min.min(value);
        range.max = range.max.max(value);
    }

    pub(super) fn moment(&mut self, ts: Timestamp) {
        self.time = Some(self.time.map_or((ts, ts), |(first, last)| (first.min(ts), last.max(ts))));
    }

    /// Puts faults first and warns of tables that training cannot do without.
    pub(super) fn sum_up(&mut self) {
        let rows = |name: &str| self.tables.iter().find(|(table, _)| table == name).map_or(0, |(_, table)| table.rows);
        let (events, teams, friendships) = (rows("events"), rows("teams"), rows("friendships"));
        if events + teams == 0 {
            self.find(Severity::Fault, "events", "no events and no teams: there is nothing to learn from", String::new);
        }
        if friendships == 0 {
            self.find(
                Severity::Warning,
                "friendships",
                "no friendships: nothing social can be recommended",
                String::new,
            );
        }
        self.findings.sort_by_key(|finding| finding.severity);
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, table) in &self.tables {
            writeln!(f, "{name:<12} {:>12} rows", table.rows)?;
            for (column, filled) in &table.filled {
                let share = if table.rows == 0 { 0.0 } else { 100.0 * *filled as f64 / table.rows as f64 };
                writeln!(f, "    {column:<20} {share:>6.1} % filled")?;
            }
        }
        for (what, words) in &self.counts {
            let words: Vec<String> = words.iter().map(|(word, count)| format!("{word} {count}")).collect();
            writeln!(f, "{what}: {}", words.join(", "))?;
        }
        for (what, range) in &self.ranges {
            writeln!(f, "{what}: {} to {}, mean {:.2}", range.min, range.max, range.mean)?;
        }
        if let Some((first, last)) = self.time {
            writeln!(f, "events from {first} to {last}")?;
        }
        for finding in &self.findings {
            let severity = if finding.severity == Severity::Fault { "FAULT" } else { "warning" };
            write!(f, "{severity}: {}: {}", finding.table, finding.what)?;
            if finding.examples.iter().any(|example| !example.is_empty()) {
                write!(f, " ({} times, such as {})", finding.count, finding.examples.join("; "))?;
            }
            writeln!(f)?;
        }
        match (&self.quarantine, self.is_good()) {
            (Some(path), _) => {
                write!(f, "{} bad rows are listed in {} with how to mend each", self.bad_rows, path.display())
            }
            (None, true) => write!(f, "good"),
            (None, false) => write!(f, "see the faults above"),
        }
    }
}
