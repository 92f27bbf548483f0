//! Parts of the test rows, by what is known of people and products: a mean over everybody hides who is served badly.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bootstrap::Bootstrap;
use super::intervals::{Baselines, Intervals};
use super::metrics::{Ranked, means};
use super::report::Metrics;

/// Users below which a slice is marked as small: intervals of so few are rough, and one user moves the mean by more than
/// one in a hundred.
pub const SMALL_SLICE: usize = 100;

/// Countries with a slice of their own, by number of rows; the others share one.
const MOST_WORDS: usize = 12;

/// Some of the rows of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// What the rows are told apart by, such as `history`.
    pub by: &'static str,
    /// Which of them these are, such as `5-9`.
    pub name: String,
    /// Numbers of the rows, ascending.
    pub rows: Vec<usize>,
    /// For each of `rows`, the only items that count as relevant, ascending; absent where all of the row's do.
    pub relevant: Option<Vec<Vec<u32>>>,
}

/// How well a slice is ranked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SliceReport {
    /// What the rows are told apart by.
    pub by: &'static str,
    /// Which of them these are.
    pub name: String,
    /// Rows of the mean.
    pub rows: u64,
    /// Users, or groups, whose rows they are.
    pub users: u64,
    /// Whether these are fewer than [`SMALL_SLICE`] users.
    pub small: bool,
    /// What the bundle reaches, at the deepest cut.
    pub metrics: Metrics,
    /// What simple rules reach on the same rows.
    pub baselines: BTreeMap<String, Metrics>,
    /// Intervals of both and of their difference.
    pub intervals: Intervals,
}

/// Parts of the rows by a number: one below the first of `edges`, which ascend, one from each to the next, one from the
/// last on. Nothing where all rows fall into one part, which would be the whole again.
pub fn by_number(by: &'static str, edges: &[usize], numbers: &[usize]) -> Vec<Slice> {
    let mut parts = vec![Vec::new(); edges.len() + 1];
    for (row, &number) in numbers.iter().enumerate() {
        parts[part_of(edges, number)].push(row);
    }
    let slice = |(part, rows)| Slice { by, name: name_of(edges, part), rows, relevant: None };
    worth_telling(parts.into_iter().enumerate().map(slice))
}

/// Parts of the relevant items by a number of each item: a row is in every part that one of its items is in, and there
/// only those count. `relevant` has the relevant items of every row, ascending.
pub fn by_item(by: &'static str, edges: &[usize], relevant: &[&[u32]], number: impl Fn(u32) -> usize) -> Vec<Slice> {
    let slice = |part: usize| {
        let (mut rows, mut kept) = (Vec::new(), Vec::new());
        for (row, items) in relevant.iter().enumerate() {
            let here = |item: &u32| part_of(edges, number(*item)) == part;
            let items: Vec<u32> = items.iter().copied().filter(here).collect();
            if !items.is_empty() {
                rows.push(row);
                kept.push(items);
            }
        }
        Slice { by, name: name_of(edges, part), rows, relevant: Some(kept) }
    };
    worth_telling((0..=edges.len()).map(slice))
}

/// Parts of the rows by a word, the most frequent first; rare words share the part `other`, rows without one `unknown`.
pub fn by_word(by: &'static str, words: &[Option<&str>]) -> Vec<Slice> {
    let mut rows_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (row, word) in words.iter().enumerate() {
        match word {
            Some(word) => rows_of.entry(word).or_default().push(row),
            None => unknown.push(row),
        }
    }
    let mut parts: Vec<(&str, Vec<usize>)> = rows_of.into_iter().collect();
    parts.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    let mut other: Vec<usize> =
        parts.split_off(parts.len().min(MOST_WORDS)).into_iter().flat_map(|(_, rows)| rows).collect();
    other.sort_unstable();
    let slices = parts.into_iter().chain([("other", other), ("unknown", unknown)]);
    worth_telling(slices.map(|(name, rows)| Slice { by, name: name.to_owned(), rows, relevant: None }))
}

fn part_of(edges: &[usize], number: usize) -> usize {
    edges.partition_point(|&edge| edge <= number)
}

fn name_of(edges: &[usize], part: usize) -> String {
    let low = if part == 0 { 0 } else { edges[part - 1] };
    match edges.get(part) {
        Some(&next) if next == low + 1 => low.to_string(),
        Some(&next) => format!("{low}-{}", next - 1),
        None => format!("{low}+"),
    }
}

fn worth_telling(slices: impl Iterator<Item = Slice>) -> Vec<Slice> {
    let slices: Vec<Slice> = slices.filter(|slice| !slice.rows.is_empty()).collect();
    if slices.len() > 1 { slices } else { Vec::new() }
}

impl Slice {
    /// Places of what is relevant here in the lists of its rows; the lists themselves are left out.
    fn places(&self, lists: &[Ranked]) -> Vec<Ranked> {
        let of = |(at, &row): (usize, &usize)| {
            let list = &lists[row];
            let Some(relevant) = &self.relevant else {
                return Ranked { items: Vec::new(), hits: list.hits.clone(), relevant: list.relevant };
            };
            let hits = list.hits.iter().copied();
            let hits = hits.filter(|&place| relevant[at].binary_search(&list.items[place]).is_ok()).collect();
            Ranked { items: Vec::new(), hits, relevant: relevant[at].len() }
        };
        self.rows.iter().enumerate().map(of).collect()
    }

    /// Measures the slice of `lists` and `baselines` at the cut `k`.
    pub fn measure(
        &self,
        bootstrap: Bootstrap,
        owners: &[u32],
        k: usize,
        lists: &[Ranked],
        baselines: &Baselines,
    ) -> SliceReport {
        let owners: Vec<u32> = self.rows.iter().map(|&row| owners[row]).collect();
        let model = self.places(lists);
        let baselines: Baselines = baselines.iter().map(|(name, lists)| (name.clone(), self.places(lists))).collect();
        let intervals = Intervals::of(bootstrap, &owners, &[k], &model, &baselines);
        SliceReport {
            by: self.by,
            name: self.name.clone(),
            rows: self.rows.len() as u64,
            users: intervals.users,
            small: intervals.users < SMALL_SLICE as u64,
            metrics: means(&model, &[k], None),
            baselines: baselines.iter().map(|(name, lists)| (name.clone(), means(lists, &[k], None))).collect(),
            intervals,
        }
    }
}

#[cfg(test)]
mod tests {
    //! 1. Slices by number or word share out all rows, each row once, in its part.
    //! 2. One part alone is not told.
    //! 3. Metrics of a slice are those of its rows alone; by item, those of a test set without the other items.

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_share_out_the_rows(numbers in prop::collection::vec(0usize..80, 1..60)) {
            let slices = by_number("history", &[1, 5, 20], &numbers);
            let bounds = [("0", 0, 0), ("1-4", 1, 4), ("5-19", 5, 19), ("20+", 20, usize::MAX)];
            let expected: Vec<(&str, Vec<usize>)> = bounds
                .into_iter()
                .map(|(name, low, high)| {
                    (name, (0..numbers.len()).filter(|&row| (low..=high).contains(&numbers[row])).collect::<Vec<_>>())
                })
                .filter(|(_, rows)| !rows.is_empty())
                .collect();
            if expected.len() == 1 {
                prop_assert!(slices.is_empty());
            } else {
                let got: Vec<(&str, Vec<usize>)> =
                    slices.iter().map(|slice| (slice.name.as_str(), slice.rows.clone())).collect();
                prop_assert_eq!(got, expected);
            }
        }

        #[test]
        fn items_are_measured_as_a_test_set_of_their_own(
            rows in prop::collection::vec((Just((0u32..12).collect::<Vec<_>>()).prop_shuffle(),
                prop::collection::btree_set(0u32..12, 1..6)), 1..20),
        ) {
            let relevant: Vec<Vec<u32>> = rows.iter().map(|(_, relevant)| relevant.iter().copied().collect()).collect();
            let lists: Vec<Ranked> =
                rows.iter().zip(&relevant).map(|((items, _), relevant)| Ranked::new(items[..8].to_vec(), relevant)).collect();
            let owners: Vec<u32> = (0..rows.len() as u32).collect();
            let borrowed: Vec<&[u32]> = relevant.iter().map(Vec::as_slice).collect();
            for slice in by_item("events", &[4, 8], &borrowed, |item| item as usize) {
                let part = match slice.name.as_str() { "0-3" => 0..4, "4-7" => 4..8, _ => 8..12 };
                let alone: Vec<Ranked> = lists
                    .iter()
                    .zip(&relevant)
                    .map(|(list, relevant)| {
                        let here: Vec<u32> = relevant.iter().copied().filter(|item| part.contains(item)).collect();
                        Ranked::new(list.items.clone(), &here)
                    })
                    .filter(|list| list.relevant > 0)
                    .collect();
                let bootstrap = Bootstrap { resamples: 3, ..Bootstrap::new(1) };
                let report = slice.measure(bootstrap, &owners, 8, &lists, &Baselines::new());
                prop_assert_eq!(report.metrics, means(&alone, &[8], None));
                prop_assert!(report.small);
            }
        }
    }

    #[test]
    fn words_come_by_frequency_and_rare_ones_together() {
        let many: Vec<String> = (0..15).flat_map(|word| vec![format!("w{word:02}"); 20 - word]).collect();
        let words: Vec<Option<&str>> = many.iter().map(|word| Some(word.as_str())).chain([None]).collect();
        let slices = by_word("country", &words);
        let names: Vec<&str> = slices.iter().map(|slice| slice.name.as_str()).collect();
        assert_eq!((names[0], names[11], &names[12..]), ("w00", "w11", &["other", "unknown"][..]));
        assert_eq!(slices.iter().map(|slice| slice.rows.len()).sum::<usize>(), words.len());
        assert!(by_word("country", &[None, None]).is_empty());
        assert!(by_word("country", &[Some("ES")]).is_empty());
    }
}
