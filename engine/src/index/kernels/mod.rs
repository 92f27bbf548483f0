//! The inner loops of searches, in the widest instructions that the machine has; `scalar` is the reference for all.
//!
//! | machine | name | what is in intrinsics |
//! |---|---|---|
//! | x86-64 with AVX-512 VNNI | `avx512` | everything |
//! | x86-64 with AVX2, FMA, F16C | `avx2` | scores |
//! | AArch64 | `neon` | scores of codes |
//! | any other | `scalar` | nothing |
//!
//! Scores of codes are sums of whole numbers, multiplied in one order: the same bits from every kernel. Scores of half
//! and single precision differ by rounding.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(super) mod half;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::OnceLock;

use super::rows::{Query, Rows};

/// Which ids scores belong to.
#[derive(Clone, Copy)]
pub(crate) enum Ids<'a> {
    /// One for each score.
    Listed(&'a [u32]),
    /// This one and those after it.
    From(u32),
}

/// Directions of lists, coded; 16 together, four bytes of each in turn.
#[derive(Clone, Copy)]
pub(crate) struct Centroids<'a> {
    pub(crate) count: usize,
    pub(crate) stride: usize,
    pub(crate) bytes: &'a [u8],
    pub(crate) scales: &'a [f32],
}

impl<'a> Centroids<'a> {
    /// At most `count` of them from `first` on; both are multiples of 16.
    pub(super) fn part(&self, first: usize, count: usize) -> Self {
        let count = count.min(self.count.saturating_sub(first));
        let blocks = count.next_multiple_of(16);
        let bytes = &self.bytes[first * self.stride..(first + blocks) * self.stride];
        Self { count, bytes, scales: &self.scales[first..first + blocks], ..*self }
    }
}

/// One machine's inner loops.
pub(crate) struct Kernels {
    pub(crate) name: &'static str,
    /// Scores of the rows `ids`: `out[i]` for `ids[i]`, longer than `ids` by whatever the kernel needs.
    pub(crate) gather: fn(&Rows<'_>, &Query, &[u32], &mut Vec<f32>),
    /// Scores of a range of rows, likewise.
    pub(crate) range: fn(&Rows<'_>, &Query, Range<usize>, &mut Vec<f32>),
    /// Scores of all centroids, likewise.
    pub(crate) centroids: fn(&Centroids<'_>, &Query, &mut Vec<f32>),
    /// Appends to `out` those of `links` below `rows` whose bit in `visited` is clear, and sets it. Links of one node
    /// are different, but that places not used hold the node itself, which has been visited.
    pub(crate) fresh: fn(links: &[u32], rows: usize, visited: &mut [u32], out: &mut Vec<u32>),
    /// Appends to `out` the places, from `first` on, of those of `rows` whose bit in `words` is set.
    pub(crate) allowed: fn(rows: &[u32], first: u32, words: &[u64], out: &mut Vec<u32>),
    /// Number of bits that are set.
    pub(crate) count: fn(words: &[u64]) -> usize,
    /// Sorts scored ids into the keys of a [`Beam`](super::beam::Beam): tells the lowest position that may have changed.
    pub(crate) push: fn(keys: &mut [u64], breadth: usize, scores: &[f32], ids: Ids<'_>) -> usize,
}

/// The best kernels of this machine.
#[inline]
pub(crate) fn kernels() -> &'static Kernels {
    static CHOSEN: OnceLock<&'static Kernels> = OnceLock::new();
    CHOSEN.get_or_init(|| available()[0])
}

/// All kernels that this machine can run, the best first, the scalar ones last.
pub(crate) fn available() -> Vec<&'static Kernels> {
    #[cfg(target_arch = "x86_64")]
    let wide = [avx512::detected(), avx2::detected()];
    #[cfg(target_arch = "aarch64")]
    let wide = [Some(&neon::KERNELS)];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let wide: [Option<&'static Kernels>; 0] = [];
    wide.into_iter().flatten().chain([&scalar::KERNELS]).collect()
}

/// Names of all kernels that this machine can run, the best first.
pub fn kernel_names() -> Vec<&'static str> {
    available().iter().map(|kernels| kernels.name).collect()
}

/// Asks for the cache lines of `items[start..start + len]`, if they are there.
#[inline(always)]
#[cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "a prefetch reads nothing; the addresses are within the slice all the same")
)]
pub(crate) fn prefetch<T>(items: &[T], start: usize, len: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(items) = items.get(start..start + len) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = items.as_ptr().cast::<i8>();
        for at in (0..size_of_val(items)).step_by(64) {
            // SAFETY: the address is within the slice; prefetching has no effect but on the cache.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.add(at)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, start, len);
}
