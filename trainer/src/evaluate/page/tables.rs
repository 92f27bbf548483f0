//! The tables of the page.

use std::collections::BTreeMap;

use super::plots::{Mark, StripAxis, class_of_rule};
use super::svg::escaped;
use crate::evaluate::bootstrap::Interval;
use crate::evaluate::calibration::Bin;
use crate::evaluate::comparison::{Agreement, Comparison};
use crate::evaluate::curve::Line;
use crate::evaluate::intervals::{ByMetric, Difference, Intervals};
use crate::evaluate::report::{EvaluateReport, Metrics};
use crate::evaluate::slices::SliceReport;

/// Metrics in the order of importance, whatever the alphabet says.
const ORDER: [&str; 6] = ["recall", "ndcg", "precision", "mrr", "hit_rate", "coverage"];

/// A table with a head, in a box that scrolls where it is too wide.
pub(super) fn table(head: &[String], rows: &str) -> String {
    let cells: String = head.iter().map(|name| format!("<th>{name}</th>")).collect();
    format!(r#"<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"#)
}

fn cells(cells: impl IntoIterator<Item = String>) -> String {
    let cells: String = cells.into_iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>")
}

/// Metrics by cut, then by importance.
fn in_order(metrics: &Metrics) -> Vec<&str> {
    let mut names: Vec<&str> = metrics.keys().map(String::as_str).collect();
    names.sort_by_key(|name| {
        let (kind, cut) = name.split_once('@').unwrap_or((name, "0"));
        let place = ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len());
        (cut.parse::<usize>().unwrap_or(0), place)
    });
    names
}

fn number(value: Option<&f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.4}"))
}

/// A figure, and below it where it lies.
fn with_interval(value: Option<&f64>, interval: Option<&Interval>) -> String {
    let below = interval.map_or(String::new(), |Interval { low, high }| format!("<small>{low:.4}–{high:.4}</small>"));
    number(value) + &below
}

/// A difference in the colour of its sign where it is sure of it.
fn difference(difference: Option<&Difference>) -> String {
    let Some(Difference { mean, interval }) = difference else { return String::new() };
    let class = match interval {
        Interval { low, .. } if *low > 0.0 => "up",
        Interval { high, .. } if *high < 0.0 => "down",
        Interval { .. } => "level",
    };
    let Interval { low, high } = interval;
    format!(r#"<span class="{class}">{mean:+.4}</span><small>{low:+.4} to {high:+.4}</small>"#)
}

fn of<'a, T>(metrics: &'a BTreeMap<String, ByMetric<T>>, name: &str, metric: &str) -> Option<&'a T> {
    metrics.get(name).and_then(|metrics| metrics.get(metric))
}

/// Every metric of every ranking, and how much better the first is than each baseline.
pub(super) fn figures(comparison: &Comparison) -> String {
    let first = &comparison.first;
    let mut head = vec!["metric".to_owned()];
    head.extend(comparison.reports().map(|report| format!("via {}", report.via.word())));
    for name in first.baselines.keys() {
        head.push(escaped(&name.replace('_', " ")));
        head.push(format!("{} better by", first.via.word()));
    }
    let mut rows = String::new();
    let mut cut = "";
    for metric in in_order(&first.metrics) {
        let here = metric.split_once('@').map_or("", |(_, cut)| cut);
        let mut row = vec![escaped(metric)];
        for report in comparison.reports() {
            let interval = report.intervals.as_ref().and_then(|intervals| intervals.metrics.get(metric));
            row.push(with_interval(report.metrics.get(metric), interval));
        }
        for (name, baseline) in &first.baselines {
            let intervals = first.intervals.as_ref();
            let interval = intervals.and_then(|intervals| of(&intervals.baselines, name, metric));
            row.push(with_interval(baseline.get(metric), interval));
            row.push(difference(intervals.and_then(|intervals| of(&intervals.differences, name, metric))));
        }
        let row = cells(row);
        rows += &if here == cut || cut.is_empty() { row } else { row.replacen("<tr>", r#"<tr class="cut">"#, 1) };
        cut = here;
    }
    table(&head, &rows)
}

/// Each other way to rank against the first.
pub(super) fn agreement(agreement: &[Agreement]) -> String {
    let mut head = vec!["".to_owned()];
    head.extend(agreement.iter().map(|each| format!("via {} against {}", each.via.word(), each.against.word())));
    let Some(first) = agreement.first() else { return String::new() };
    let shares = in_order(&first.overlap).into_iter().map(|name| {
        let of = |each: &Agreement| number(each.overlap.get(name));
        cells(std::iter::once(escaped(name)).chain(agreement.iter().map(of)))
    });
    let plain: Metrics = first.differences.iter().map(|(name, difference)| (name.clone(), difference.mean)).collect();
    let metrics = in_order(&plain).into_iter().map(|name| {
        let of = |each: &Agreement| difference(each.differences.get(name));
        cells(std::iter::once(escaped(name)).chain(agreement.iter().map(of)))
    });
    table(&head, &shares.chain(metrics).collect::<String>())
}

/// The numbers of the curves.
pub(super) fn curves(comparison: &Comparison) -> String {
    let Some(first) = &comparison.first.curve else { return String::new() };
    let lines: Vec<(String, &Line)> = comparison
        .reports()
        .filter_map(|report| Some((format!("via {}", report.via.word()), &report.curve.as_ref()?.model)))
        .chain(first.baselines.iter().map(|(name, line)| (escaped(&name.replace('_', " ")), line)))
        .collect();
    let mut head = vec!["cut".to_owned()];
    head.extend(lines.iter().flat_map(|(name, _)| [format!("recall, {name}"), format!("ndcg, {name}")]));
    let row = |(at, cut): (usize, &usize)| {
        let values = lines.iter().flat_map(|(_, line)| [number(line.recall.get(at)), number(line.ndcg.get(at))]);
        cells(std::iter::once(cut.to_string()).chain(values))
    };
    table(&head, &first.cuts.iter().enumerate().map(row).collect::<String>())
}

/// The slices, with a strip that shows the model above popularity.
pub(super) fn slices(report: &EvaluateReport) -> String {
    let Some(verdict) = &report.verdict else { return String::new() };
    let metric = &verdict.metric;
    let ends = report.slices.iter().flat_map(|slice| {
        let of_rules = slice.intervals.baselines.get("popularity").and_then(|metrics| metrics.get(metric));
        slice.intervals.metrics.get(metric).into_iter().chain(of_rules).map(|interval| interval.high)
    });
    let axis = StripAxis::to(ends.fold(verdict.model, f64::max));
    let class = class_of_rule(report, "popularity");
    let mut rows = String::new();
    if let Some(intervals) = &report.intervals {
        rows += r#"<tr><th colspan="7">everyone</th></tr>"#;
        rows += &slice(
            &axis,
            metric,
            ("all rows", report.users, intervals.users, false),
            &Compared { model: &report.metrics, popularity: report.baselines.get("popularity"), class, intervals },
        );
    }
    let mut by = "";
    for each in &report.slices {
        if each.by != by {
            by = each.by;
            rows += &format!(r#"<tr><th colspan="7">{}</th></tr>"#, title(by));
        }
        let SliceReport { name, rows: count, users, small, metrics, baselines, intervals, .. } = each;
        let compared = Compared { model: metrics, popularity: baselines.get("popularity"), class, intervals };
        rows += &slice(&axis, metric, (name, *count, *users, *small), &compared);
    }
    let head = ["", "users", "rows", &escaped(metric), "popularity", "better by", ""].map(str::to_owned);
    table(&head, &rows).replacen(
        "<th></th></tr></thead>",
        &format!(r#"<th class="strip">{}</th></tr></thead>"#, axis.head()),
        1,
    )
}

/// What a slice compares.
struct Compared<'a> {
    model: &'a Metrics,
    popularity: Option<&'a Metrics>,
    /// Of the colour of popularity.
    class: &'static str,
    intervals: &'a Intervals,
}

fn slice(
    axis: &StripAxis,
    metric: &str,
    (name, rows, users, small): (&str, u64, u64, bool),
    compared: &Compared<'_>,
) -> String {
    let Compared { model, popularity, class, intervals } = compared;
    let model_interval = intervals.metrics.get(metric);
    let rule_interval = of(&intervals.baselines, "popularity", metric);
    let rule = popularity.and_then(|metrics| metrics.get(metric));
    let mark = |class: &'static str, value: Option<&f64>, interval: Option<&Interval>| {
        value.map(|&value| Mark { class, value, interval: interval.copied() })
    };
    let marks: Vec<Mark> =
        mark("c0", model.get(metric), model_interval).into_iter().chain(mark(class, rule, rule_interval)).collect();
    let note = if small { r#" <span class="small">small</span>"# } else { "" };
    let figures = [
        escaped(&name.replace('-', "–")) + note,
        users.to_string(),
        rows.to_string(),
        with_interval(model.get(metric), model_interval),
        with_interval(rule, rule_interval),
        difference(of(&intervals.differences, "popularity", metric)),
    ];
    cells(figures).replacen("</tr>", &format!(r#"<td class="strip">{}</td></tr>"#, axis.row(&marks)), 1)
}

/// What rows are told apart by, for people.
fn title(by: &str) -> String {
    match by {
        "history" => "by training products of the user".to_owned(),
        "friends" => "by number of friends".to_owned(),
        "country" => "by country".to_owned(),
        "product_users" => "by training users of the test product (0: cold)".to_owned(),
        "teams_before" => "by succeeded training teams".to_owned(),
        "group_size" => "by people in the group".to_owned(),
        other => format!("by {}", escaped(other)),
    }
}

/// What is shown, by measure.
pub(super) fn exposure(comparison: &Comparison) -> String {
    let Some(first) = &comparison.first.exposure else { return String::new() };
    let mut head = vec!["measure".to_owned()];
    head.extend(comparison.reports().map(|report| format!("via {}", report.via.word())));
    head.extend(first.baselines.keys().map(|name| escaped(&name.replace('_', " "))));
    head.push("test rows".to_owned());
    let row = |measure: &str| {
        let models = comparison.reports().filter_map(|report| report.exposure.as_ref());
        let models =
            models.map(|exposure| with_interval(exposure.model.get(measure), exposure.intervals.metrics.get(measure)));
        let rules = first.baselines.iter().map(|(name, measures)| {
            with_interval(measures.get(measure), of(&first.intervals.baselines, name, measure))
        });
        let kind = measure.split('@').next().unwrap_or(measure);
        let test = std::iter::once(number(first.test_rows.get(kind)));
        cells(std::iter::once(escaped(measure)).chain(models).chain(rules).chain(test))
    };
    table(&head, &in_order(&first.model).into_iter().map(row).collect::<String>())
}

/// Shares of places by part.
pub(super) fn parts(comparison: &Comparison) -> String {
    let Some(first) = &comparison.first.exposure else { return String::new() };
    let mut columns: Vec<(String, &Vec<f64>)> = comparison
        .reports()
        .filter_map(|report| Some((format!("via {}", report.via.word()), &report.exposure.as_ref()?.parts.model)))
        .collect();
    columns.extend(first.parts.baselines.iter().map(|(name, shares)| (escaped(&name.replace('_', " ")), shares)));
    columns.push(("test rows".to_owned(), &first.parts.test_rows));
    let mut head = vec!["part, most popular first".to_owned(), "products".to_owned()];
    head.extend(columns.iter().map(|(name, _)| name.clone()));
    let row = |(part, products): (usize, &u64)| {
        let shares = columns.iter().map(|(_, shares)| number(shares.get(part)));
        cells([(part + 1).to_string(), products.to_string()].into_iter().chain(shares))
    };
    table(&head, &first.parts.products.iter().enumerate().map(row).collect::<String>())
}

/// What happened in each bin.
pub(super) fn reliability(bins: &[Bin]) -> String {
    let head = ["chance", "forecasts", "mean chance", "happened"].map(str::to_owned);
    let row = |bin: &Bin| {
        cells([
            format!("{:.4} to {:.4}", bin.low, bin.high),
            bin.forecasts.to_string(),
            format!("{:.4}", bin.mean_chance),
            with_interval(Some(&bin.happened), Some(&bin.happened_interval)),
        ])
    };
    table(&head, &bins.iter().map(row).collect::<String>())
}
