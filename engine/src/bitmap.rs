//! A set of dense rows as one bit each.

use crate::index::kernels::kernels;

/// A set of rows `0..len`, one bit each, in words of 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// The empty set over `0..len`.
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// Every row of `0..len`.
    pub fn all(len: usize) -> Self {
        let mut set = Self { words: vec![u64::MAX; len.div_ceil(64)], len };
        set.clear_tail();
        set
    }

    /// The set whose words are given, lowest row in the lowest bit of the first word; bits beyond `len` are dropped.
    ///
    /// # Panics
    /// If `words` is not `len.div_ceil(64)` long.
    pub fn from_words(words: &[u64], len: usize) -> Self {
        assert_eq!(words.len(), len.div_ceil(64), "a bitmap of {len} rows");
        let mut set = Self { words: words.to_vec(), len };
        set.clear_tail();
        set
    }

    /// The rows of `0..len` for which `keep` holds.
    pub fn from_fn(len: usize, mut keep: impl FnMut(usize) -> bool) -> Self {
        let word = |at: usize, keep: &mut dyn FnMut(usize) -> bool| {
            let rows = at * 64..len.min(at * 64 + 64);
            rows.fold(0u64, |word, row| word | u64::from(keep(row)) << (row % 64))
        };
        Self { words: (0..len.div_ceil(64)).map(|at| word(at, &mut keep)).collect(), len }
    }

    /// Ranges over `0..len` from now on: rows beyond are taken out, none is put in.
    pub fn resize(&mut self, len: usize) {
        self.len = len;
        self.words.resize(len.div_ceil(64), 0);
        self.clear_tail();
    }

    fn clear_tail(&mut self) {
        if let (Some(last), tail @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= (1 << tail) - 1;
        }
    }

    /// Number of rows that the set ranges over, in it or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Number of rows in the set.
    pub fn count(&self) -> usize {
        (kernels().count)(&self.words)
    }

    /// Whether `row` is in the set; rows beyond the range are not.
    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Puts `row` in; rows beyond the range are left out.
    pub fn insert(&mut self, row: u32) {
        if (row as usize) < self.len {
            self.words[row as usize / 64] |= 1 << (row % 64);
        }
    }

    /// Takes `row` out.
    pub fn remove(&mut self, row: u32) {
        if (row as usize) < self.len {
            self.words[row as usize / 64] &= !(1 << (row % 64));
        }
    }

    /// Keeps the rows that are in `other` too.
    ///
    /// # Panics
    /// If the two range over different rows.
    pub fn intersect(&mut self, other: &Self) {
        assert_eq!(self.len, other.len, "bitmaps over the same rows");
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Adds the rows of `other`.
    ///
    /// # Panics
    /// If the two range over different rows.
    pub fn union(&mut self, other: &Self) {
        assert_eq!(self.len, other.len, "bitmaps over the same rows");
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes the rows of `other` out.
    ///
    /// # Panics
    /// If the two range over different rows.
    pub fn subtract(&mut self, other: &Self) {
        assert_eq!(self.len, other.len, "bitmaps over the same rows");
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// Keeps, of the 64 rows of each word, those whose bits are in what `keep` tells for that word.
    pub(crate) fn retain_words(&mut self, mut keep: impl FnMut(usize) -> u64) {
        self.words.iter_mut().enumerate().filter(|(_, word)| **word != 0).for_each(|(at, word)| *word &= keep(at));
    }

    /// Keeps the rows for which `keep` holds; it is asked about rows of the set only.
    pub fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        for (at, word) in self.words.iter_mut().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                if !keep(at as u32 * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// The rows of the set, ascending.
    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        self.rows_from(0)
    }

    /// The rows of the set that are at least `first`, ascending.
    pub fn rows_from(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        let start = (first as usize / 64).min(self.words.len());
        let below = (1u64 << (first % 64)) - 1;
        self.words[start..].iter().enumerate().flat_map(move |(at, &word)| {
            let word = if at == 0 { word & !below } else { word };
            Bits(word).map(move |bit| (start + at) as u32 * 64 + bit)
        })
    }

    /// The words, lowest row in the lowest bit of the first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

/// The bits of one word, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;
    #[inline]
    fn next(&mut self) -> Option<u32> {
        let bit = self.0.trailing_zeros();
        (self.0 != 0).then(|| {
            self.0 &= self.0 - 1;
            bit
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Every operation does what it does on a set of numbers.
        #[test]
        fn behaves_as_a_set(len in 0usize..300, resized in 0usize..300, first in 0u32..500, left in prop::collection::btree_set(0u32..300, 0..80), right in prop::collection::btree_set(0u32..300, 0..80)) {
            let within = |set: &BTreeSet<u32>| set.iter().copied().filter(|&row| (row as usize) < len).collect::<BTreeSet<_>>();
            let bitmap = |set: &BTreeSet<u32>| { let mut made = Bitmap::none(len); set.iter().for_each(|&row| made.insert(row)); made };
            let rows = |set: &Bitmap| set.rows().collect::<BTreeSet<_>>();
            let (a, b) = (within(&left), within(&right));
            let mut other = bitmap(&left);
            prop_assert_eq!(other.rows_from(first).collect::<Vec<_>>(), a.range(first..).copied().collect::<Vec<_>>());
            other.resize(resized);
            let kept: BTreeSet<u32> = a.iter().copied().filter(|&row| (row as usize) < resized).collect();
            prop_assert_eq!((rows(&other), other.len(), other.count()), (kept.clone(), resized, kept.len()));
            other.resize(300);
            prop_assert_eq!(&rows(&other), &kept, "what was beyond does not come back");
            other.insert(299);
            prop_assert!(other.contains(299));
            let (x, y) = (bitmap(&left), bitmap(&right));
            prop_assert_eq!(rows(&x), a.clone());
            prop_assert_eq!(x.count(), a.len());
            prop_assert_eq!(x.is_empty(), a.is_empty());
            let mut both = x.clone(); both.intersect(&y);
            prop_assert_eq!(rows(&both), &a & &b);
            let mut either = x.clone(); either.union(&y);
            prop_assert_eq!(rows(&either), &a | &b);
            let mut without = x.clone(); without.subtract(&y);
            prop_assert_eq!(rows(&without), &a - &b);
            let mut even = x.clone(); even.retain(|row| row % 2 == 0);
            prop_assert_eq!(rows(&even), a.iter().copied().filter(|row| row % 2 == 0).collect::<BTreeSet<_>>());
            prop_assert_eq!(Bitmap::from_fn(len, |row| a.contains(&(row as u32))), x.clone());
            prop_assert_eq!(Bitmap::from_words(x.words(), len), x);
            prop_assert_eq!(Bitmap::all(len).count(), len);
            prop_assert!((0..400).all(|row| bitmap(&left).contains(row) == a.contains(&row)));
        }
    }
}
