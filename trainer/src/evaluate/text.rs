//! Reports as text for a terminal.

use std::fmt;

use super::bootstrap::Interval;
use super::calibration::Calibration;
use super::comparison::{Agreement, Comparison};
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

impl fmt::Display for Comparison {
    /// Whether the bundle is of the dataset, every report, then how far the ways to rank agree.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.bundle.of_this_dataset {
            writeln!(f, "the bundle was not trained on this dataset: what it does not know counts as missed")?;
        }
        write!(f, "{}", self.first)?;
        for report in &self.others {
            write!(f, "\n\n{report}")?;
        }
        self.agreement.iter().try_for_each(|agreement| agreement.table(f))
    }
}

impl Agreement {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n\nvia {} against via {}", self.via.word(), self.against.word())?;
        for (cut, share) in &self.overlap {
            write!(f, "\n  {cut:<14}{share:>8.4}")?;
        }
        for (metric, difference) in &self.differences {
            write!(f, "\n  {metric:<14}{:>+8.4}  {}", difference.mean, signed_span(difference))?;
        }
        Ok(())
    }
}

impl fmt::Display for EvaluateReport {
    /// A table with a row for each metric and a column for each ranking, then slices, exposure, chances and the verdict.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, via, users, seconds, .. } = self;
        if let Some(why) = self.unranked {
            write!(f, "task {}, via {}: nothing ranked, {why}", task.word(), via.word())?;
            return self.calibration.iter().try_for_each(|calibration| {
                writeln!(f)?;
                calibration.table(f)
            });
        }
        writeln!(f, "task {}, via {}, {users} ranked, {seconds:.1} s", task.word(), via.word())?;
        if let Some(held_out) = &self.held_out {
            writeln!(f, "{held_out}")?;
        }
        match &self.intervals {
            Some(intervals) => self.with_intervals(intervals, f)?,
            None => self.means(f)?,
        }
        for (name, why) in &self.left_out {
            writeln!(f, "{name} is left out: {why}")?;
        }
        self.slices(f)?;
        self.exposure(f)?;
        for calibration in &self.calibration {
            calibration.table(f)?;
            writeln!(f)?;
        }
        self.verdict.as_ref().map_or(Ok(()), |verdict| write!(f, "{verdict}"))
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
        let Some(verdict) = &self.verdict else { return Ok(()) };
        let mut by = "";
        for slice in &self.slices {
            if slice.by != by {
                by = slice.by;
                let title = format!("by {}", by.replace('_', " "));
                writeln!(f, "{title:<20}{:>8}  {:<28}popularity  model better by", "users", verdict.metric)?;
            }
            slice.line(&verdict.metric, f)?;
        }
        Ok(())
    }
}

impl EvaluateReport {
    /// What is shown, by measure: the model, the baselines, and the test products.
    fn exposure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(exposure) = &self.exposure else { return Ok(()) };
        write!(f, "{:<22}{:>10}", "what is shown", "model")?;
        exposure.baselines.keys().try_for_each(|name| write!(f, "{name:>14}"))?;
        writeln!(f, "{:>14}", "test rows")?;
        for (measure, value) in &exposure.model {
            write!(f, "  {measure:<20}{value:>10.4}")?;
            for baseline in exposure.baselines.values() {
                write!(f, "{:>14.4}", baseline.get(measure).copied().unwrap_or(0.0))?;
            }
            let name = measure.split('@').next().unwrap_or(measure);
            writeln!(f, "{:>14.4}", exposure.test_rows.get(name).copied().unwrap_or(0.0))?;
        }
        Ok(())
    }
}

impl Calibration {
    /// The scores in a line, then a row for each bin of equal size; no line end after the last.
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, forecasts, teams, succeeded, mean_chance, base_rate, brier, ece, ece_equal_bins, .. } = self;
        writeln!(f, "chance of {of}: {forecasts} forecasts on {teams} test teams, of which {succeeded} succeeded")?;
        let Interval { low, high } = self.brier_interval;
        write!(f, "  Brier {brier:.4} ({}), always {base_rate:.4}: {:.4}", span(low, high), self.brier_of_base_rate)?;
        if let Some(skill) = self.brier_skill {
            write!(f, ", skill {skill:.3}")?;
        }
        writeln!(f, "; ECE {ece:.4} (equal width), {ece_equal_bins:.4} (equal size)")?;
        writeln!(f, "  {:>17}{:>11}{:>13}{:>10}  95 % interval", "chance", "forecasts", "mean chance", "happened")?;
        for bin in &self.equal_bins {
            let Interval { low, high } = bin.happened_interval;
            let (chance, happened) = (span(bin.low, bin.high), bin.happened);
            let (count, mean) = (bin.forecasts, bin.mean_chance);
            writeln!(f, "  {chance:>17}{count:>11}{mean:>13.4}{happened:>10.4}  {}", span(low, high))?;
        }
        write!(f, "  {:>17}{forecasts:>11}{mean_chance:>13.4}{base_rate:>10.4}", "all")?;
        if self.one_sided() {
            write!(f, "\n  all test teams ended the same way: this says nothing about the other end")?;
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
