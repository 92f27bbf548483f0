//! A report as one page of HTML: no script, no network, light or dark as the reader's system is.

mod plots;
mod svg;
mod tables;

use std::fmt::Write;

use svg::escaped;

use super::Task;
use super::bootstrap::Interval;
use super::calibration::Calibration;
use super::comparison::Comparison;
use super::facts::TeamCounts;
use super::report::EvaluateReport;

/// The page; `command` is the command line that made it.
pub fn page(comparison: &Comparison, command: &str) -> String {
    let title = title(comparison.first.task);
    let bundle = &comparison.bundle;
    let lead = format!(
        "Model {} with {} dimensions, bundle {}; {} of {} users and {} products.",
        escaped(&bundle.model),
        bundle.dim,
        escaped(&bundle.version),
        if bundle.of_this_dataset { "trained on this dataset" } else { "measured on another dataset than its own," },
        comparison.dataset.users,
        comparison.dataset.products
    );
    let body: String = [
        tiles(&comparison.first),
        figures(comparison),
        agreement(comparison),
        curves(comparison),
        slices(&comparison.first),
        exposure(comparison),
        chances(comparison),
        facts(comparison, command),
        definitions().to_owned(),
    ]
    .concat();
    format!(
        concat!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<title>Juntos evaluation: {title}</title><style>{style}</style></head>\n",
            "<body><main><h1>{title}</h1><p class=\"lead\">{lead}</p>\n{body}</main></body></html>\n"
        ),
        title = title,
        style = include_str!("style.css"),
        lead = lead,
        body = body
    )
}

fn title(task: Task) -> &'static str {
    match task {
        Task::Products => "Products for a user",
        Task::Friends => "Friends to invite for a product",
        Task::Teams => "Open teams to join",
        Task::Groups => "Products for a group",
    }
}

fn section(title: &str, note: &str, body: &str) -> String {
    format!("<section><h2>{title}</h2><p class=\"note\">{note}</p>{body}</section>\n")
}

fn tiles(report: &EvaluateReport) -> String {
    let Some(verdict) = &report.verdict else {
        let why = report.unranked.unwrap_or_default();
        return format!("<p class=\"note\">Nothing was ranked: {}.</p>\n", escaped(why));
    };
    let metric = &verdict.metric;
    let intervals = report.intervals.as_ref();
    let lies = intervals.and_then(|intervals| intervals.metrics.get(metric));
    let better = intervals.and_then(|intervals| intervals.differences.get("popularity")?.get(metric));
    let between = |interval: Option<&Interval>| match interval {
        Some(Interval { low, high }) => format!("95 %: {low:.4} to {high:.4}"),
        None => String::new(),
    };
    let sure = match better {
        Some(difference) if difference.interval.low > 0.0 => "better than popularity",
        Some(difference) if difference.interval.high < 0.0 => "worse than popularity",
        Some(_) | None => "no sure difference to popularity",
    };
    let users = intervals.map_or(report.users, |intervals| intervals.users);
    let owners = if report.task == Task::Groups { "groups" } else { "users" };
    let tile = |value: String, name: &str, note: &str| {
        format!("<div class=\"tile\"><b>{value}</b><span>{name}</span><span>{note}</span></div>")
    };
    let tiles = [
        tile(format!("{:.4}", verdict.model), &format!("{metric}, via {}", report.via.word()), &between(lies)),
        tile(format!("{:.4}", verdict.popularity), &format!("{metric} of popularity"), sure),
        tile(
            better.map_or(String::new(), |difference| format!("{:+.4}", difference.mean)),
            "difference",
            &between(better.map(|difference| &difference.interval)),
        ),
        tile(report.users.to_string(), "test rows ranked", &format!("of {users} {owners}")),
    ];
    format!("<div class=\"tiles\">{}</div>\n", tiles.concat())
}

fn figures(comparison: &Comparison) -> String {
    let Some(intervals) = &comparison.first.intervals else { return String::new() };
    let note = format!(
        "Means over test rows. Small: {:.0} % interval, the percentile bootstrap over {} users or groups with {} draws; differences are \
         paired. Coloured where the interval leaves out zero. Coverage is of all lists together and has none.",
        intervals.bootstrap.confidence * 100.0,
        intervals.users,
        intervals.bootstrap.resamples
    );
    let left_out = |(name, why): (&String, &String)| {
        format!("<p class=\"note\">{} is left out: {}.</p>", escaped(&name.replace('_', " ")), escaped(why))
    };
    let left_out: String = comparison.first.left_out.iter().map(left_out).collect();
    let held_out = comparison.first.held_out.iter();
    let held_out: String =
        held_out.map(|counts| format!("<p class=\"note\">{}.</p>", escaped(&counts.to_string()))).collect();
    section("Figures", &note, &(tables::figures(comparison) + &held_out + &left_out))
}

fn agreement(comparison: &Comparison) -> String {
    if comparison.agreement.is_empty() {
        return String::new();
    }
    let note = "What is measured is what is served: how many of the first k places both lists share, and the paired \
                difference of every metric.";
    section("One bundle, ranked several ways", note, &tables::agreement(&comparison.agreement))
}

fn curves(comparison: &Comparison) -> String {
    if comparison.first.curve.is_none() {
        return String::new();
    }
    let numbers = format!("<details><summary>The numbers</summary>{}</details>", tables::curves(comparison));
    let note = "Means at every cut of the list. Ways to rank that agree lie on one another.";
    section("Shorter and longer lists", note, &(plots::curves(comparison) + &numbers))
}

fn slices(report: &EvaluateReport) -> String {
    if report.slices.is_empty() {
        return String::new();
    }
    let note = "The same rows in parts, at the deepest cut: upper dots are the model, lower dots popularity, lines are \
                their intervals. Parts of fewer than a hundred users are marked small: their intervals are rough. With \
                many parts, one interval in twenty misses.";
    section("For whom", note, &tables::slices(report))
}

fn exposure(comparison: &Comparison) -> String {
    if comparison.first.exposure.is_none() {
        return String::new();
    }
    let note = "Beyond being right. In the plot, a line above the diagonal gives popular products more places than they \
                have training interactions; the line of the test rows shows what people chose.";
    let parts = format!("<details><summary>Shares by part</summary>{}</details>", tables::parts(comparison));
    section("What is shown", note, &(plots::popularity(comparison) + &tables::exposure(comparison) + &parts))
}

fn chances(comparison: &Comparison) -> String {
    let mut body = String::new();
    for report in comparison.reports() {
        for calibration in &report.calibration {
            // The chance that a team fills is the model's, whatever ranks.
            if calibration.of == "joining" || report.via == comparison.first.via {
                body += &chance(calibration, report.via.word());
            }
        }
    }
    if body.is_empty() {
        return body;
    }
    let note = "Dots on the diagonal mean that chances come true as often as they say. Filled: ten bins with as many forecasts \
                each, with 95 % intervals as if forecasts were independent; hollow: bins of equal width.";
    section("Do chances mean what they say?", note, &body)
}

fn chance(calibration: &Calibration, via: &str) -> String {
    let Calibration { of, forecasts, teams, succeeded, brier, brier_of_base_rate, ece, ece_equal_bins, .. } =
        calibration;
    let of = match *of {
        "joining" => format!("Chance that a friend joins, via {via}"),
        _ => "Chance that a team fills".to_owned(),
    };
    let Interval { low, high } = calibration.brier_interval;
    let skill = calibration.brier_skill.map_or(String::new(), |skill| format!(", skill {skill:.3}"));
    let warning = if calibration.one_sided() {
        "<p><strong>All test teams ended the same way, so nothing is said about the other end.</strong></p>"
    } else {
        ""
    };
    let scores = format!(
        "<dl><dt>forecasts</dt><dd>{forecasts} on {teams} test teams: {succeeded} succeeded, {} expired</dd>\
         <dt>mean chance, share that happened</dt><dd>{:.4}, {:.4}</dd>\
         <dt>Brier score</dt><dd>{brier:.4} ({low:.4} to {high:.4}); of the base rate {brier_of_base_rate:.4}{skill}</dd>\
         <dt>expected calibration error</dt><dd>{ece:.4} in bins of equal width, {ece_equal_bins:.4} of equal size</dd></dl>",
        teams - succeeded,
        calibration.mean_chance,
        calibration.base_rate,
    );
    let figure = plots::reliability(calibration);
    let equal = tables::reliability(&calibration.equal_bins);
    let width = tables::reliability(&calibration.bins);
    let more = format!("<details><summary>Bins of equal width</summary>{width}</details>");
    format!(
        "<h3>{of}</h3>{warning}{scores}\
         <div class=\"figures aside\"><figure>{figure}</figure><div>{equal}{more}</div></div>"
    )
}

fn facts(comparison: &Comparison, command: &str) -> String {
    let (settings, data, bundle) = (&comparison.settings, &comparison.dataset, &comparison.bundle);
    let teams = |TeamCounts { succeeded, expired, other }: TeamCounts| {
        format!("{succeeded} succeeded, {expired} expired, {other} open or cancelled")
    };
    let ways: Vec<&str> = comparison.reports().map(|report| report.via.word()).collect();
    let seconds: Vec<String> =
        comparison.reports().map(|report| format!("{} {:.1} s", report.via.word(), report.seconds)).collect();
    let cuts: Vec<String> = settings.k.iter().map(usize::to_string).collect();
    let entries = [
        ("task", settings.task.word().to_owned()),
        ("via", ways.join(", ")),
        ("cuts", cuts.join(", ")),
        ("training products in the ranking", if settings.include_seen { "kept" } else { "left out" }.to_owned()),
        ("seed of ties and draws", settings.seed.to_string()),
        ("time to rank", seconds.join(", ")),
        ("users, with training products", format!("{}, {}", data.users, data.training_users)),
        ("products", data.products.to_string()),
        ("training pairs", format!("{}; median {} a user", data.training_pairs, data.median_history)),
        ("test pairs", format!("{} of {} users", data.test_pairs, data.test_users)),
        ("ties, each direction", data.ties.to_string()),
        ("training teams", teams(data.training_teams)),
        ("test teams", teams(data.test_teams)),
        ("last moment of training", data.cut.map_or("unknown".to_owned(), |cut| cut.to_string())),
        ("checksum of the dataset", data.checksum.clone()),
        ("bundle", format!("{}, seed {}", bundle.version, bundle.seed)),
        ("users and products in it", format!("{} and {}", bundle.users, bundle.products)),
        ("recall@10 of its index", format!("{:.4}", bundle.index_recall_at_10)),
    ];
    let mut list = String::from("<dl>");
    for (name, value) in entries {
        write!(list, "<dt>{name}</dt><dd>{}</dd>", escaped(&value)).expect("a string takes every text");
    }
    list += "</dl>";
    let body = format!("{list}<h3>The command that made this page</h3><pre>{}</pre>", escaped(command));
    section("Settings and data", "", &body)
}

fn definitions() -> &'static str {
    concat!(
        "<section><h2>Definitions</h2><dl>",
        "<dt>recall@k</dt><dd>relevant items in the first k places over all relevant items</dd>",
        "<dt>ndcg@k</dt><dd>Σ 1 / log₂(place + 1) over hits, over that of the best possible list</dd>",
        "<dt>precision@k, hit_rate@k</dt><dd>hits over k; 1 if there is a hit</dd>",
        "<dt>mrr@k</dt><dd>1 / place of the first hit</dd>",
        "<dt>coverage@k</dt><dd>share of the catalogue in the first k places of any list</dd>",
        "<dt>gini@k</dt><dd>inequality of the places that products get: 0 all the same, towards 1 one has all</dd>",
        "<dt>novelty@k</dt><dd>mean self-information −log₂(share of training users who had it), in bits</dd>",
        "<dt>popularity@k</dt><dd>mean training users of what is listed</dd>",
        "<dt>popularity_rank@k</dt><dd>mean place by popularity: 0 the most popular product, 1 the least</dd>",
        "<dt>long_tail@k</dt><dd>share of places with products outside those behind 80 % of training interactions</dd>",
        "<dt>Brier score</dt><dd>mean square of chance less outcome; skill is one less its ratio to the base rate's</dd>",
        "<dt>expected calibration error</dt><dd>mean distance between chance and share that happened, over ten bins</dd>",
        "</dl><p class=\"note\">docs/evaluation.md has them in full, with sources.</p></section>\n"
    )
}

#[cfg(test)]
mod tests;
