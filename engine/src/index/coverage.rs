//! How far from a query its best rows lie, in rows of the lists nearest to it: measured when the index is built, so
//! that a filtered search knows how much to look at.
//!
//! A filter that keeps a share `s` of the rows, whatever the query, leaves as its `k` best about `k` of the `k / s` best
//! rows. So what matters is how many rows one has to pass, list by list from the nearest, to meet a share `r` of the
//! `t` best rows: that is the table here, by `t` and `r`.

use rayon::prelude::*;

use super::flat::View;
use super::kernels::kernels;
use super::rows::Query;

/// Ranks `t` of the table: the eight powers of four from 10 on.
pub(super) const RANKS: [usize; 7] = [10, 40, 160, 640, 2_560, 10_240, 40_960];
/// Shares `r` of the table.
pub(super) const SHARES: [f32; 8] = [0.8, 0.9, 0.94, 0.96, 0.97, 0.98, 0.99, 0.995];
/// Numbers in the table.
pub(super) const CELLS: usize = RANKS.len() * SHARES.len();

/// Rows to pass for each rank and share, rank by rank; `u32::MAX` where the index has fewer rows than the rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coverage(pub(super) [u32; CELLS]);

impl Default for Coverage {
    /// Nothing is known: everything has to be looked at.
    fn default() -> Self {
        Self([u32::MAX; CELLS])
    }
}

impl Coverage {
    /// Measures the table on `queries`, each a vector of the index's dimensions.
    pub(super) fn measure(view: &View<'_>, queries: &[Vec<f32>]) -> Self {
        let passed: Vec<Vec<u32>> = queries.par_iter().map(|query| passed(view, query)).collect();
        let mut table = [u32::MAX; CELLS];
        for (at, &rank) in RANKS.iter().enumerate() {
            if rank > view.rows.len() || queries.is_empty() {
                continue;
            }
            let mut pooled: Vec<u32> = passed.iter().flat_map(|passed| passed[..rank].iter().copied()).collect();
            pooled.sort_unstable();
            for (column, share) in SHARES.iter().enumerate() {
                let place = (share * pooled.len() as f32).ceil() as usize;
                table[at * SHARES.len() + column] = pooled[place.clamp(1, pooled.len()) - 1];
            }
        }
        Self(table)
    }

    /// Rows to pass, list by list from the nearest, to meet a share `share` of the `rank` best; none where only looking
    /// at all rows would do.
    pub(super) fn rows_to_pass(&self, rank: f32, share: f32) -> Option<usize> {
        let last = RANKS.iter().enumerate().rev().find(|(at, _)| self.0[at * SHARES.len()] != u32::MAX)?.0;
        if rank > RANKS[last] as f32 || share > SHARES[SHARES.len() - 1] {
            return None;
        }
        let upper = RANKS.iter().position(|&known| rank <= known as f32)?;
        let lower = upper.saturating_sub(1);
        let (low, high) = (self.at_share(lower, share), self.at_share(upper, share));
        let (from, to) = ((RANKS[lower] as f32).ln(), (RANKS[upper] as f32).ln());
        let part = if to > from { ((rank.ln() - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
        Some((low.ln() + part * (high.ln() - low.ln())).exp().ceil() as usize)
    }

    /// Rows to pass for one of the ranks, between the shares of the table.
    fn at_share(&self, rank: usize, share: f32) -> f32 {
        let row = &self.0[rank * SHARES.len()..(rank + 1) * SHARES.len()];
        let upper = SHARES.iter().position(|&known| share <= known).unwrap_or(SHARES.len() - 1);
        let lower = upper.saturating_sub(1);
        let (low, high) = (row[lower].max(1) as f32, row[upper].max(1) as f32);
        let miss = |share: f32| (1.0 - share).ln();
        let width = miss(SHARES[upper]) - miss(SHARES[lower]);
        let part = if width == 0.0 { 1.0 } else { ((miss(share) - miss(SHARES[lower])) / width).clamp(0.0, 1.0) };
        (low.ln() + part * (high.ln() - low.ln())).exp()
    }
}

/// For the best rows of one query, best first, the rows that have been passed when their list has been.
fn passed(view: &View<'_>, vector: &[f32]) -> Vec<u32> {
    let rows = view.rows.len();
    let (mut query, mut scores) = (Query::empty(), Vec::new());
    query.set(vector, &view.rows);
    (kernels().centroids)(&view.centroids, &query, &mut scores);
    let mut lists: Vec<u32> = (0..view.centroids.count as u32).collect();
    lists.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
    let mut passed = vec![0u32; rows];
    let mut sum = 0;
    for list in lists {
        let places = view.list(list);
        sum += places.len() as u32;
        passed[places].fill(sum);
    }
    (kernels().range)(&view.rows, &query, 0..rows, &mut scores);
    let deepest = RANKS.iter().copied().filter(|&rank| rank <= rows).max().unwrap_or(0);
    let mut best: Vec<u32> = (0..rows as u32).collect();
    let by_score = |&a: &u32, &b: &u32| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b));
    if deepest > 0 && deepest < rows {
        best.select_nth_unstable_by(deepest - 1, by_score);
    }
    best.truncate(deepest);
    best.sort_unstable_by(by_score);
    best.into_iter().map(|place| passed[place as usize]).collect()
}
