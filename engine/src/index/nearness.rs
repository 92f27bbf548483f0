//! Lists from the nearest on, as many as hold so many rows: by a histogram of their scores, since which of them comes
//! first does not matter.

use std::ops::Range;

/// Bands of scores. Lists of a band are taken together.
const BANDS: usize = 256;

/// Lists by bands of their scores, the nearest in the last band.
#[derive(Default)]
pub(super) struct Nearness {
    bands: Vec<u8>,
    /// Rows of the lists of each band.
    rows: Vec<u32>,
    /// The bands from this one on have been taken.
    taken: usize,
    /// Lists asked for last.
    lists: Vec<u32>,
}

impl Nearness {
    /// Puts lists of these scores into bands; list `l` has the places `offsets[l]..offsets[l + 1]`.
    pub(super) fn arrange(&mut self, scores: &[f32], offsets: &[u32]) {
        let (least, most) = extremes(scores);
        let step = (BANDS - 1) as f32 / (most - least).max(f32::MIN_POSITIVE);
        self.bands.clear();
        self.bands.extend(scores.iter().map(|score| band((score - least) * step)));
        self.rows.clear();
        self.rows.resize(BANDS, 0);
        for (&band, ends) in self.bands.iter().zip(offsets.windows(2)) {
            self.rows[usize::from(band)] += ends[1] - ends[0];
        }
        self.taken = BANDS;
    }

    /// The next bands that hold `rows` rows together, or all bands left: none after the last. Also tells how many rows
    /// they hold.
    pub(super) fn take(&mut self, rows: usize) -> (Range<usize>, usize) {
        let (end, mut held) = (self.taken, 0);
        while self.taken > 0 && held < rows {
            self.taken -= 1;
            held += self.rows[self.taken] as usize;
        }
        (self.taken..end, held)
    }

    /// The lists of these bands, in order.
    pub(super) fn lists(&mut self, bands: Range<usize>) -> &[u32] {
        self.lists.resize(self.bands.len(), 0);
        let mut count = 0;
        for (list, &band) in (0..).zip(&self.bands) {
            // Written whether wanted or not: no branch to guess.
            self.lists[count] = list;
            count += usize::from(bands.contains(&usize::from(band)));
        }
        &self.lists[..count]
    }
}

/// The least and the largest, sixteen side by side.
fn extremes(scores: &[f32]) -> (f32, f32) {
    let (mut least, mut most) = ([f32::MAX; 16], [f32::MIN; 16]);
    let (whole, rest) = scores.as_chunks::<16>();
    let last = std::array::from_fn(|at| rest.get(at).copied().unwrap_or(scores[0]));
    for scores in whole.iter().chain([&last]) {
        for ((least, most), &score) in least.iter_mut().zip(&mut most).zip(scores) {
            *least = if score < *least { score } else { *least };
            *most = if score > *most { score } else { *most };
        }
    }
    (least.into_iter().fold(f32::MAX, f32::min), most.into_iter().fold(f32::MIN, f32::max))
}

/// A number from 0 to 255, rounded; anything else becomes some number within. Adding 2²³ leaves the whole part in a
/// float's last bits, which vectors of floats can do at once.
fn band(of: f32) -> u8 {
    (of + 8_388_608.0).to_bits() as u8
}

#[cfg(test)]
mod tests {
    //! 1. Bands together hold each list once, and nearer lists before farther ones.
    //! 2. Enough rows are taken, and no band more than needed.

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nearer_lists_come_first_and_each_comes_once(
            lists in prop::collection::vec((-2.0f32..2.0, 0u32..50), 1..400),
            asked in prop::collection::vec(1usize..3_000, 1..8),
        ) {
            let scores: Vec<f32> = lists.iter().map(|list| list.0).collect();
            let mut offsets = vec![0];
            lists.iter().for_each(|list| offsets.push(offsets[offsets.len() - 1] + list.1));
            let mut nearness = Nearness::default();
            nearness.arrange(&scores, &offsets);
            let spread = scores.iter().fold(0.0f32, |most, score| most.max(score.abs())) / 50.0;
            let (mut seen, mut worst) = (Vec::new(), f32::MAX);
            for rows in asked.into_iter().chain([usize::MAX]) {
                let (bands, held) = nearness.take(rows);
                let first = bands.start;
                let got = nearness.lists(bands.clone()).to_vec();
                let of = |list: u32| lists[list as usize];
                prop_assert_eq!(held as u32, got.iter().map(|&list| of(list).1).sum::<u32>());
                prop_assert!(held >= rows || first == 0);
                let but_last = nearness.lists(first + 1..bands.end.max(first + 1));
                let without_last: usize = but_last.iter().map(|&list| of(list).1 as usize).sum();
                prop_assert!(bands.is_empty() || without_last < rows);
                for &list in &got {
                    prop_assert!(of(list).0 <= worst + spread, "a nearer list after a farther one");
                }
                worst = got.iter().map(|&list| of(list).0).fold(worst, f32::min);
                seen.extend(got);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lists.len() as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn equal_scores_and_scores_that_are_no_numbers_lose_no_list() {
        for scores in [[1.0; 3], [0.0; 3], [f32::NAN; 3], [1.0, f32::INFINITY, f32::NAN], [f32::MAX, f32::MIN, 0.0]] {
            let mut nearness = Nearness::default();
            nearness.arrange(&scores, &[0, 2, 4, 6]);
            let (bands, held) = nearness.take(usize::MAX);
            assert_eq!((nearness.lists(bands).len(), held), (3, 6), "{scores:?}");
        }
    }
}
