//! The plots of the page: curves over cuts, popularity of what is shown, reliability of chances, strips of slices.

use super::svg::{Anchor, Canvas, Scale, escaped, round_end, short};
use crate::evaluate::bootstrap::Interval;
use crate::evaluate::calibration::{Bin, Calibration};
use crate::evaluate::comparison::Comparison;
use crate::evaluate::curve::{Curve, Line};
use crate::evaluate::report::EvaluateReport;

/// Units of a plot beside another.
const SIZE: (f64, f64) = (460.0, 330.0);
const X_ENDS: (f64, f64) = (52.0, 444.0);
const Y_ENDS: (f64, f64) = (280.0, 34.0);
/// Units of a strip in a table cell.
const STRIP: (f64, f64) = (260.0, 24.0);
const STRIP_ENDS: (f64, f64) = (6.0, 254.0);

/// One ranking in every plot: its name and its colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) name: String,
    /// Class of the colour, and of the dashes where it is no model.
    class: &'static str,
    dashes: &'static str,
}

/// Colours of the ways to rank, then of baselines.
const MODELS: [&str; 3] = ["c0", "c1", "c2"];
const RULES: [&str; 3] = ["c3", "c4", "c5"];

/// The ways to rank, in the order of the reports.
pub(super) fn models(comparison: &Comparison) -> Vec<Series> {
    let named = |(report, class): (&EvaluateReport, &&'static str)| Series {
        name: format!("via {}", report.via.word()),
        class,
        dashes: "",
    };
    comparison.reports().zip(MODELS.iter().cycle()).map(named).collect()
}

/// The baselines, by name.
pub(super) fn rules(comparison: &Comparison) -> Vec<Series> {
    let named = |name: &String| Series {
        name: name.replace('_', " "),
        class: class_of_rule(&comparison.first, name),
        dashes: " dash",
    };
    comparison.first.baselines.keys().map(named).collect()
}

/// The colour of the baseline `name`, which is its colour everywhere on the page.
pub(super) fn class_of_rule(report: &EvaluateReport, name: &str) -> &'static str {
    RULES[report.baselines.keys().position(|other| other == name).unwrap_or(0) % RULES.len()]
}

/// What the test rows hold.
fn test_rows() -> Series {
    Series { name: "test rows".to_owned(), class: "test", dashes: "" }
}

fn legend(series: &[Series]) -> String {
    let entry = |series: &Series| {
        let broken = if series.dashes.is_empty() { "" } else { " broken" };
        format!(r#"<li class="{}{broken}"><span>{}</span></li>"#, series.class, escaped(&series.name))
    };
    format!(r#"<ul class="legend">{}</ul>"#, series.iter().map(entry).collect::<String>())
}

/// Recall and NDCG over cuts, one plot each.
pub(super) fn curves(comparison: &Comparison) -> String {
    let Some(first) = &comparison.first.curve else { return String::new() };
    let (models, rules) = (models(comparison), rules(comparison));
    let lines = comparison.reports().filter_map(|report| report.curve.as_ref()).map(|curve| &curve.model);
    let series: Vec<(&Series, &Line)> =
        models.iter().zip(lines).chain(rules.iter().zip(first.baselines.values())).collect();
    let recall = curve(first, "recall@k", &series, |line| &line.recall);
    let ndcg = curve(first, "ndcg@k", &series, |line| &line.ndcg);
    let legend = legend(&[models.clone(), rules.clone()].concat());
    format!(r#"{legend}<div class="figures"><figure>{recall}</figure><figure>{ndcg}</figure></div>"#)
}

fn curve(curve: &Curve, name: &str, series: &[(&Series, &Line)], of: impl Fn(&Line) -> &Vec<f64>) -> String {
    let highest = series.iter().flat_map(|(_, line)| of(line)).copied().fold(0.0, f64::max);
    let deepest = curve.cuts.last().copied().unwrap_or(1) as f64;
    let x = Scale::new((0.0, deepest), X_ENDS);
    let y = Scale::new((0.0, round_end(highest)), Y_ENDS);
    let mut canvas = Canvas::default();
    canvas.axes(&x, &y, ("cut k", name));
    for (series, line) in series.iter().rev() {
        let points: Vec<(f64, f64)> =
            curve.cuts.iter().zip(of(line)).map(|(&cut, &value)| (x.at(cut as f64), y.at(value))).collect();
        canvas.path(&format!("line {}{}", series.class, series.dashes), &points);
        for ((&cut, &value), point) in curve.cuts.iter().zip(of(line)).zip(points) {
            let what = format!("{}, cut {cut}: {value:.4}", series.name);
            canvas.dot(&format!("dot {}", series.class), point, 3.0, &what);
        }
    }
    canvas.finish(SIZE, &format!("{name} of every ranking over the cut k; the numbers are in the table below"))
}

/// Share of places over share of training interactions, the most popular products first.
pub(super) fn popularity(comparison: &Comparison) -> String {
    let Some(first) = &comparison.first.exposure else { return String::new() };
    let (models, rules) = (models(comparison), rules(comparison));
    let exposures = comparison.reports().filter_map(|report| report.exposure.as_ref());
    let mut series: Vec<(Series, &Vec<f64>)> =
        models.into_iter().zip(exposures.map(|exposure| &exposure.parts.model)).collect();
    series.extend(rules.into_iter().zip(first.parts.baselines.values()));
    series.push((test_rows(), &first.parts.test_rows));
    let (x, y) = (Scale::new((0.0, 1.0), X_ENDS), Scale::new((0.0, 1.0), Y_ENDS));
    let mut canvas = Canvas::default();
    canvas.axes(&x, &y, ("share of training interactions, most popular products first", "share of places"));
    canvas.line("guide", (x.at(0.0), y.at(0.0)), (x.at(1.0), y.at(1.0)));
    for (series, shares) in series.iter().rev() {
        let mut sum = 0.0;
        let mut points = vec![(x.at(0.0), y.at(0.0))];
        for (part, share) in shares.iter().enumerate() {
            sum += share;
            points.push((x.at((part + 1) as f64 / shares.len() as f64), y.at(sum)));
        }
        canvas.path(&format!("line {}{}", series.class, series.dashes), &points);
        let mut sum = 0.0;
        for ((part, share), &point) in shares.iter().enumerate().zip(&points[1..]) {
            sum += share;
            let what = format!("{}: {sum:.3} of places to part 1 to {}", series.name, part + 1);
            canvas.dot(&format!("dot {}", series.class), point, 3.0, &what);
        }
    }
    let names: Vec<Series> = series.into_iter().map(|(series, _)| series).collect();
    let says = "cumulative share of places over cumulative share of training interactions; the numbers are below";
    format!(r#"{}<figure class="narrow">{}</figure>"#, legend(&names), canvas.finish(SIZE, says))
}

/// What happened over the chance given: bins of equal size filled, of equal width hollow.
pub(super) fn reliability(calibration: &Calibration) -> String {
    let low = calibration.equal_bins.iter().filter(|bin| bin.mean_chance < 0.1).count();
    let rooted = 2 * low > calibration.equal_bins.len();
    let scale = |ends: (f64, f64)| {
        let scale = Scale::new((0.0, 1.0), ends);
        if rooted { scale.with_roots() } else { scale }
    };
    let (x, y) = (scale(X_ENDS), scale(Y_ENDS));
    let mut canvas = Canvas::default();
    let name = if rooted { "chance given (square-root scale)" } else { "chance given" };
    canvas.axes(&x, &y, (name, &format!("{}: share that happened", calibration.of)));
    canvas.line("guide", (x.at(0.0), y.at(0.0)), (x.at(1.0), y.at(1.0)));
    let at = |bin: &Bin| (x.at(bin.mean_chance), y.at(bin.happened));
    let says =
        |bin: &Bin| format!("chance {:.3}, happened {:.3}, {} forecasts", bin.mean_chance, bin.happened, bin.forecasts);
    for bin in &calibration.bins {
        canvas.dot("hollow c3", at(bin), 4.0, &says(bin));
    }
    canvas.path("line c0", &calibration.equal_bins.iter().map(at).collect::<Vec<_>>());
    for bin in &calibration.equal_bins {
        let Interval { low, high } = bin.happened_interval;
        let across = x.at(bin.mean_chance);
        canvas.line("whisker c0", (across, y.at(low)), (across, y.at(high)));
        canvas.dot("dot c0", at(bin), 4.5, &says(bin));
    }
    canvas.finish(SIZE, &format!("reliability of the chance of {}; the numbers are in the table", calibration.of))
}

/// One mark of a strip.
pub(super) struct Mark {
    /// Class of its colour.
    pub(super) class: &'static str,
    /// Where it stands.
    pub(super) value: f64,
    /// Its whisker.
    pub(super) interval: Option<Interval>,
}

/// The axis that all strips of a table share.
pub(super) struct StripAxis(Scale);

impl StripAxis {
    /// From zero to at least `highest`.
    pub(super) fn to(highest: f64) -> Self {
        Self(Scale::new((0.0, round_end(highest)), STRIP_ENDS))
    }

    /// The axis, for the head of the table.
    pub(super) fn head(&self) -> String {
        let mut canvas = Canvas::default();
        for tick in self.0.ticks(4) {
            let at = self.0.at(tick);
            canvas.line("axis", (at, 19.0), (at, 24.0));
            let anchor = if at < 12.0 {
                Anchor::Start
            } else if at > 248.0 {
                Anchor::End
            } else {
                Anchor::Middle
            };
            canvas.text("", (at, 15.0), anchor, &short(tick));
        }
        canvas.finish(STRIP, "axis of the strips below")
    }

    /// One row's marks.
    pub(super) fn row(&self, marks: &[Mark]) -> String {
        let mut canvas = Canvas::default();
        for tick in self.0.ticks(4) {
            let at = self.0.at(tick);
            canvas.line("grid", (at, 0.0), (at, 24.0));
        }
        for (mark, height) in marks.iter().zip([8.0, 16.0]) {
            if let Some(Interval { low, high }) = mark.interval {
                canvas.line(&format!("whisker {}", mark.class), (self.0.at(low), height), (self.0.at(high), height));
            }
            canvas.dot(
                &format!("dot {}", mark.class),
                (self.0.at(mark.value), height),
                3.5,
                &format!("{:.4}", mark.value),
            );
        }
        canvas.finish(STRIP, "the same as a picture")
    }
}
