//! Reports as text for a terminal.

use std::fmt;

use super::intervals::{Difference, Intervals};
use super::report::{EvaluateReport, Verdict};
use super::slices::SliceReport;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.beats_popularity { "yes" } else { "no" };
        let Self { metric, model, popularity, .. } = self;
        write!(f, "beats popularity: {answer} ({metric} {model:.4} against {popularity:.4}")?;
        if *popularity > 0.0 {
            write!(f, ", {:.2} times", model / popularity)?;
        }
        write!(f, ")")
    }
}

impl fmt::Display for EvaluateReport {
    /// A table with a row for each metric and a column for each ranking, then the slices, then the verdict.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, via, users, seconds, .. } = self;
        writeln!(f, "task {}, via {}, {users} ranked, {seconds:.1} s", task.word(), via.word())?;
        match &self.intervals {
            Some(intervals) => self.with_intervals(intervals, f)?,
            None => self.means(f)?,
        }
        self.slices(f)?;
        write!(f, "{}", self.verdict)
    }
}

impl EvaluateReport {
    fn means(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<16}{:>10}", "", "model")?;
        for name in self.baselines.keys() {
            write!(f, "  {name:>16}")?;
        }
        writeln!(f)?;
        for (metric, value) in &self.metrics {
            write!(f, "{metric:<16}{value:>10.4}")?;
            for baseline in self.baselines.values() {
                match baseline.get(metric) {
                    Some(value) => write!(f, "  {value:>16.4}")?,
                    None => write!(f, "  {:>16}", "")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn with_intervals(&self, intervals: &Intervals, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = intervals.bootstrap.confidence * 100.0;
        write!(f, "{:<14}{:>8}  {:<16}", "", "model", format!("{percent:.0} % interval"))?;
        for name in self.baselines.keys() {
            write!(f, "  {name:>14}  {:<16}", "model better by")?;
        }
        writeln!(f)?;
        for (metric, value) in &self.metrics {
            let interval = intervals.metrics.get(metric).map_or(String::new(), |at| span(at.low, at.high));
            write!(f, "{metric:<14}{value:>8.4}  {interval:<16}")?;
            for (name, baseline) in &self.baselines {
                let value = baseline.get(metric).map_or(String::new(), |value| format!("{value:.4}"));
                let difference = intervals.differences.get(name).and_then(|metrics| metrics.get(metric));
                write!(f, "  {value:>14}  {:<16}", difference.map_or(String::new(), signed_span))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "intervals: {} draws of {} users", intervals.bootstrap.resamples, intervals.users)
    }

    fn slices(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut by = "";
        for slice in &self.slices {
            if slice.by != by {
                by = slice.by;
                let title = format!("by {}", by.replace('_', " "));
                writeln!(f, "{title:<20}{:>8}  {:<28}popularity  model better by", "users", self.verdict.metric)?;
            }
            slice.line(&self.verdict.metric, f)?;
        }
        Ok(())
    }
}

impl SliceReport {
    fn line(&self, metric: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |metrics: &super::Metrics| metrics.get(metric).copied().unwrap_or(0.0);
        let interval = self.intervals.metrics.get(metric).map_or(String::new(), |at| span(at.low, at.high));
        let popularity = self.baselines.get("popularity").map_or(0.0, of);
        let difference = self.intervals.differences.get("popularity").and_then(|metrics| metrics.get(metric));
        let difference = difference.map_or(String::new(), signed_span);
        let mark = if self.small { "  small" } else { "" };
        let (name, users, model) = (&self.name, self.users, of(&self.metrics));
        writeln!(f, "  {name:<18}{users:>8}  {model:<8.4}{interval:<20}{popularity:>10.4}  {difference:<16}{mark}")
    }
}

fn span(low: f64, high: f64) -> String {
    format!("{low:.4}..{high:.4}")
}

fn signed_span(difference: &Difference) -> String {
    format!("{:+.4}..{:+.4}", difference.interval.low, difference.interval.high)
}
