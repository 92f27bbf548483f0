//! 1. The page stands alone: no script, nothing from a network, every tag closed.
//! 2. It shows every metric, baseline, slice and chance as a table, and the command, with foreign text made harmless.

use std::collections::BTreeMap;

use super::page;
use crate::evaluate::bootstrap::Bootstrap;
use crate::evaluate::calibration::{Calibration, Forecast, Teams};
use crate::evaluate::comparison::{Agreement, Comparison};
use crate::evaluate::curve::Curve;
use crate::evaluate::exposure::{ExposureReport, Popularity};
use crate::evaluate::facts::{BundleFacts, DatasetFacts, TeamCounts};
use crate::evaluate::held_out::HeldOut;
use crate::evaluate::intervals::{Baselines, Intervals};
use crate::evaluate::metrics::{Ranked, means};
use crate::evaluate::slices::by_word;
use crate::evaluate::{EvaluateConfig, EvaluateReport, Task, Via};

const CUTS: [usize; 2] = [2, 5];

/// Forty users who each have one right product of ten; `shift` is how far down the list it stands.
fn lists(shift: u32) -> Vec<Ranked> {
    (0..40).map(|row| Ranked::new((0..5).map(|at| (row + at) % 10).collect(), &[(row + row % shift) % 10])).collect()
}

fn report(via: Via, model: &[Ranked], baselines: &Baselines) -> EvaluateReport {
    let owners: Vec<u32> = (0..40).collect();
    let bootstrap = Bootstrap { resamples: 100, ..Bootstrap::new(1) };
    let popularity = Popularity::new(&[9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0], 9);
    let relevant: Vec<Vec<u32>> = (0..40).map(|row| vec![row % 10]).collect();
    let relevant: Vec<&[u32]> = relevant.iter().map(Vec::as_slice).collect();
    let words: Vec<Option<&str>> = (0..40).map(|row| Some(if row % 2 == 0 { "<ES>" } else { "FR" })).collect();
    let measure = |slice: &crate::evaluate::slices::Slice| slice.measure(bootstrap, &owners, 5, model, baselines);
    let forecast = |row: u32| Forecast { owner: row, chance: f64::from(row) / 40.0, happened: row.is_multiple_of(3) };
    let forecasts: Vec<Forecast> = (0..40).map(forecast).collect();
    let of_rules: BTreeMap<_, _> =
        baselines.iter().map(|(name, lists)| (name.clone(), means(lists, &CUTS, Some(10)))).collect();
    EvaluateReport {
        intervals: Some(Intervals::of(bootstrap, &owners, &CUTS, model, baselines)),
        slices: by_word("country", &words).iter().map(measure).collect(),
        curve: Some(Curve::of(5, model, baselines)),
        exposure: Some(ExposureReport::of(&popularity, &CUTS, bootstrap, &owners, (model, baselines), &relevant)),
        calibration: ["joining", "success"]
            .iter()
            .filter_map(|of| Calibration::of(of, Teams { all: 4, succeeded: 4 }, &forecasts, bootstrap))
            .collect(),
        held_out: Some(HeldOut::new("test pairs", 40, [("had_in_training", 2)])),
        left_out: BTreeMap::from([("item_knn".to_owned(), "takes 9 > 8 additions".to_owned())]),
        ..EvaluateReport::new((Task::Products, via), 40, 0.5, means(model, &CUTS, Some(10)), of_rules)
    }
}

fn comparison() -> Comparison {
    let baselines = Baselines::from([("popularity".to_owned(), lists(4)), ("joined_before".to_owned(), lists(3))]);
    let (exact, served) = (lists(1), lists(2));
    let owners: Vec<u32> = (0..40).collect();
    let bootstrap = Bootstrap { resamples: 100, ..Bootstrap::new(1) };
    Comparison {
        first: report(Via::Exact, &exact, &baselines),
        others: vec![report(Via::Served, &served, &baselines)],
        agreement: vec![Agreement::of(bootstrap, &owners, &CUTS, (Via::Served, &served), (Via::Exact, &exact))],
        settings: EvaluateConfig::new(Task::Products),
        dataset: DatasetFacts {
            users: 40,
            products: 10,
            training_pairs: 45,
            training_users: 9,
            median_history: 5.0,
            test_pairs: 40,
            test_users: 40,
            ties: 0,
            training_teams: TeamCounts::default(),
            test_teams: TeamCounts { succeeded: 4, ..TeamCounts::default() },
            cut: None,
            checksum: "00ff".to_owned(),
        },
        bundle: BundleFacts {
            version: "v<1>".to_owned(),
            model: "als".to_owned(),
            dim: 8,
            users: 40,
            products: 10,
            seed: 1,
            index_recall_at_10: 1.0,
            of_this_dataset: true,
        },
    }
}

/// Every tag in order, `/name` for closing ones; void and self-closed ones left out.
fn tags(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in html.split('<').skip(1) {
        let inside = part.split('>').next().unwrap();
        let name: String = inside.split([' ', '\n']).next().unwrap().to_owned();
        if !inside.ends_with('/') && !["!doctype", "meta"].contains(&name.as_str()) {
            found.push(name);
        }
    }
    found
}

#[test]
fn the_page_stands_alone() {
    let html = page(&comparison(), "juntos evaluate --html 'a<b.html'");
    for foreign in ["<script", "http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    let mut open: Vec<String> = Vec::new();
    for tag in tags(&html) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
            None => open.push(tag),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(!html.contains("NaN") && !html.contains("inf\""), "a mark has no place");
}

#[test]
fn every_figure_is_in_a_table() {
    let comparison = comparison();
    let html = page(&comparison, "juntos evaluate --html 'a<b.html'");
    for (metric, value) in &comparison.first.metrics {
        assert!(html.contains(&format!("<td>{metric}</td><td>{value:.4}")), "{metric}");
    }
    for expected in [
        "via served",
        "joined before",
        "&lt;ES&gt;",
        "v&lt;1&gt;",
        "juntos evaluate --html &#39;a&lt;b.html&#39;",
        "overlap@5",
        "long_tail@5",
        "Chance that a friend joins, via served",
        "All test teams ended the same way",
        "item knn is left out: takes 9 &gt; 8 additions.",
        "of 42 test pairs 40 count, 2 had in training.",
        "prefers-color-scheme: dark",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    assert_eq!(html.matches("Chance that a team fills").count(), 1);
    let legend = r#"<li class="c4 broken"><span>popularity</span></li>"#;
    assert!(html.contains(legend) && html.contains("whisker c4") && !html.contains("whisker c3"), "one colour a rule");
    assert!(html.contains(&format!("{:.4}", comparison.first.calibration[0].brier)));
}
