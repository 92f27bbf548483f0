//! The best places found so far, and which of them have been opened.

use super::kernels::{Ids, Kernels};

/// Keys move in whole vectors of this many.
const STEP: usize = 8;
/// Marks a key whose place has been opened.
pub(super) const OPENED: u64 = 1 << 31;

/// A score as a number that orders as the score does: larger is better, and none is 0.
#[inline]
pub(super) fn ordered(score: f32) -> u32 {
    let bits = score.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The score behind [`ordered`].
#[inline]
pub(super) fn unordered(order: u32) -> f32 {
    f32::from_bits(if order >> 31 == 1 { order & !(1 << 31) } else { !order })
}

/// The best `breadth` places, best first.
///
/// A key is the score as ordered bits, then one bit that tells whether the place has been opened, then the place: less
/// than 2³¹. Keys descend; 0 is an empty place. There may be up to seven more than `breadth`, which count for nothing.
#[derive(Default)]
pub(crate) struct Beam {
    keys: Vec<u64>,
    breadth: usize,
    /// No key before this one is still to be opened.
    first: usize,
}

impl Beam {
    /// Empties the beam, and makes it `breadth` wide, at least 1.
    pub(crate) fn reset(&mut self, breadth: usize) {
        self.breadth = breadth.max(1);
        self.first = 0;
        self.keys.clear();
        self.keys.resize(self.breadth.next_multiple_of(STEP), 0);
    }

    /// Shows the beam places with their scores; a score that is no number is passed over. No place may be shown twice.
    #[inline]
    pub(crate) fn push(&mut self, kernels: &Kernels, scores: &[f32], ids: Ids<'_>) {
        let lowest = (kernels.push)(&mut self.keys, self.breadth, scores, ids);
        self.first = self.first.min(lowest);
    }

    /// Opens the best `width` places, at most 8, that have not been opened: writes them to `out` and tells how many.
    #[inline]
    pub(crate) fn open_next(&mut self, width: usize, out: &mut [u32; 8]) -> usize {
        let mut found = 0;
        let mut at = self.first;
        for key in &mut self.keys[self.first..self.breadth] {
            if *key == 0 || found == width {
                break;
            }
            if *key & OPENED == 0 {
                out[found] = *key as u32;
                *key |= OPENED;
                found += 1;
            }
            at += 1;
        }
        self.first = at;
        found
    }

    /// Places and scores, best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        let keys = self.keys[..self.breadth].iter().take_while(|&&key| key != 0);
        keys.map(|&key| ((key & !OPENED) as u32, unordered((key >> 32) as u32)))
    }
}
