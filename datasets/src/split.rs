//! A dataset split by time: what happened from a moment on is marked as the test.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::dataset::{Dataset, DatasetWriter, Writes};
use crate::error::DatasetError;
use crate::progress::Progress;
use crate::tables::{
    Blocks, Event, Events, Friendships, Products, Sellers, Split, Table, Team, TeamOutcome, Teams, Users,
};
use crate::units::Timestamp;

/// Where the test begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TestFrom {
    /// So many days before the latest event; above 0.
    LastDays(f64),
    /// At this moment.
    Moment(Timestamp),
}

/// How many rows went where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SplitReport {
    /// The first moment of the test.
    pub test_from: Timestamp,
    /// Events by part.
    pub events: Counts,
    /// Events without a time, which are training.
    pub undated_events: u64,
    /// Teams by part.
    pub teams: Counts,
}

/// Rows by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// What is learnt from.
    pub train: u64,
    /// What is foretold.
    pub test: u64,
    /// Neither.
    pub neither: u64,
}

impl Counts {
    fn add(&mut self, part: Split) {
        match part {
            Split::Train => self.train += 1,
            Split::Test => self.test += 1,
            Split::Valid => self.neither += 1,
        }
    }
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the test begins at {}", self.test_from)?;
        for (table, counts) in [("events", self.events), ("teams", self.teams)] {
            let Counts { train, test, neither } = counts;
            writeln!(f, "{table:8} train {train:>10}  test {test:>10}  neither {neither:>10}")?;
        }
        write!(f, "{} events have no time and are training", self.undated_events)
    }
}

/// Writes `dataset` to `out`, which must be absent or an empty folder, with every event from the moment on marked as the
/// test and every other one as training.
///
/// Teams opened before are training, those opened later the test. Neither are those that were open at the moment, since the table
/// does not tell who had joined by then, and those of the test that are open yet. Columns that Juntos does not know are
/// left behind.
///
/// # Errors
/// When rows are marked already, no event lies on one of the two sides, a table is damaged, `out` is occupied or the disk
/// refuses; then nothing is left at `out`.
pub fn split_by_time(
    dataset: &Dataset,
    from: TestFrom,
    out: &Path,
    progress: &dyn Progress,
) -> Result<SplitReport, DatasetError> {
    let test_from = first_of_test(dataset, from)?;
    let (events, teams) = (Counts::default(), Counts::default());
    let mut report = SplitReport { test_from, events, undated_events: 0, teams };
    let mut writer = DatasetWriter::create(out)?;
    progress.stage("split by time", 0);
    copy::<Users>(dataset, &mut writer)?;
    copy::<Products>(dataset, &mut writer)?;
    copy::<Sellers>(dataset, &mut writer)?;
    copy::<Friendships>(dataset, &mut writer)?;
    copy::<Blocks>(dataset, &mut writer)?;
    dataset.for_each::<Events>(|event| {
        let split = if event.ts.is_some_and(|ts| ts >= test_from) { Split::Test } else { Split::Train };
        report.events.add(split);
        report.undated_events += u64::from(event.ts.is_none());
        writer.push::<Events>(&Event { split, ..event.clone() })
    })?;
    let (later, earlier) = (report.events.test, report.events.train - report.undated_events);
    if later == 0 || earlier == 0 {
        let side = if later == 0 { "from then on" } else { "before" };
        return Err(DatasetError::Usage(format!(
            "the test would begin at {test_from}, and no event lies {side}; choose another moment"
        )));
    }
    dataset.for_each::<Teams>(|team| {
        let split = part_of(team, test_from);
        report.teams.add(split);
        writer.push::<Teams>(&Team { split, ..team.clone() })
    })?;
    writer.finish()?;
    Ok(report)
}

fn copy<T: Table>(dataset: &Dataset, writer: &mut DatasetWriter) -> Result<(), DatasetError>
where
    DatasetWriter: Writes<T>,
{
    dataset.for_each::<T>(|row| writer.push::<T>(row)).map(|_| ())
}

fn first_of_test(dataset: &Dataset, from: TestFrom) -> Result<Timestamp, DatasetError> {
    let (mut latest, mut marked) = (None, 0u64);
    dataset.for_each::<Events>(|event| {
        latest = latest.max(event.ts);
        marked += u64::from(event.split != Split::Train);
        Ok(())
    })?;
    dataset.for_each::<Teams>(|team| {
        marked += u64::from(team.split != Split::Train);
        Ok(())
    })?;
    if marked > 0 {
        let problem = format!("{marked} events and teams are marked as valid or test in column `split` already");
        return Err(DatasetError::Usage(format!("{problem}; take a dataset that is not split")));
    }
    let latest = latest.ok_or_else(|| {
        let problem = "no event has a time (column `ts`), so there is nothing to split by";
        DatasetError::Usage(format!("{problem}; mark the test yourself in column `split`"))
    })?;
    Ok(match from {
        TestFrom::LastDays(days) => latest.plus_days(-days),
        TestFrom::Moment(moment) => moment,
    })
}

fn part_of(team: &Team<'_>, test_from: Timestamp) -> Split {
    let is_open = team.outcome == TeamOutcome::Open;
    match team.opened_at {
        Some(opened) if opened >= test_from => {
            if is_open {
                Split::Valid
            } else {
                Split::Test
            }
        }
        Some(_) if team.deadline.map_or(is_open, |deadline| deadline >= test_from) => Split::Valid,
        Some(_) | None => Split::Train,
    }
}
