//! Vectors as int8 codes in pages, read where they lie: a look-up touches one page, and nothing is loaded before.
//!
//! ```text
//! page   = record × (4096 / (4 + dim), rounded down) zeros up to 4096 bytes
//! record = scale f32, little-endian │ code i8 × dim
//! ```
//! A record longer than a page starts at a page of its own. A value is read as `scale · code`, where the scale of a row
//! is its largest magnitude divided by 127: no value is off by more than half a scale (symmetric uniform quantisation,
//! Jacob et al., CVPR 2018). A row of zeros is read back as zeros, any other row is not.

use std::io::{Error, ErrorKind, Write};

use crate::index::kernels::prefetch;

/// Bytes of a page: what a machine loads at once for one look-up.
pub const PAGE: usize = 4_096;
/// Bytes of a row's scale, before its codes.
const SCALE_BYTES: usize = 4;
/// Largest magnitude of a code.
const MOST_CODE: f32 = 127.0;

/// Where records lie: whole ones in a page, or each at a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// Bytes of a record.
    record: usize,
    /// Records that share [`Layout::stride`] bytes.
    shared: u64,
    /// A whole number of pages, in bytes.
    stride: u64,
}

impl Layout {
    fn new(dim: usize) -> Self {
        let record = SCALE_BYTES + dim;
        Self { record, shared: (PAGE / record).max(1) as u64, stride: record.next_multiple_of(PAGE) as u64 }
    }

    /// First byte of a row.
    #[inline]
    fn start(&self, row: u64) -> u64 {
        row / self.shared * self.stride + row % self.shared * self.record as u64
    }

    /// Bytes of `rows` rows, whole pages; none beyond 2^64.
    fn bytes(&self, rows: u64) -> Option<u64> {
        rows.div_ceil(self.shared).checked_mul(self.stride)
    }
}

/// Bytes that `rows` vectors of `dim` numbers take; none where that is beyond 2^64.
pub fn paged_bytes(rows: u64, dim: usize) -> Option<u64> {
    Layout::new(dim).bytes(rows)
}

/// Vectors in pages, where they lie.
#[derive(Clone, Copy)]
pub struct PagedRows<'a> {
    bytes: &'a [u8],
    layout: Layout,
    dim: usize,
    len: u64,
}

impl<'a> PagedRows<'a> {
    /// Takes `bytes` as `len` vectors of `dim` numbers, without reading any; none unless they are exactly
    /// [`paged_bytes`] many.
    pub fn new(bytes: &'a [u8], len: u64, dim: usize) -> Option<Self> {
        let layout = Layout::new(dim);
        (layout.bytes(len) == Some(bytes.len() as u64)).then_some(Self { bytes, layout, dim, len })
    }

    /// Number of vectors.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Numbers of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Reads the vector of `row` into `vector`.
    ///
    /// # Panics
    /// If there is no such row, or `vector` does not have [`PagedRows::dim`] numbers.
    #[inline]
    pub fn get(&self, row: u64, vector: &mut [f32]) {
        assert_eq!(vector.len(), self.dim, "numbers of a vector");
        let (scale, codes) = self.record(row);
        vector.iter_mut().zip(codes).for_each(|(value, &code)| *value = scale * f32::from(code as i8));
    }

    /// Has the processor fetch the vector of `row`.
    pub(crate) fn prefetch(&self, row: u64) {
        prefetch(self.bytes, self.layout.start(row) as usize, self.layout.record);
    }

    /// Has the processor fetch what [`PagedRows::longest`] reads.
    pub(crate) fn prefetch_scale(&self, row: u64) {
        prefetch(self.bytes, self.layout.start(row) as usize, SCALE_BYTES);
    }

    /// At least the Euclidean length of the vector of `row`, by its scale alone; zero for a row of zeros only.
    ///
    /// # Panics
    /// If there is no such row.
    pub(crate) fn longest(&self, row: u64) -> f32 {
        let (scale, _) = self.record(row);
        if scale == 0.0 {
            return 0.0;
        }
        // No code is beyond 127; what rounding takes is less than a thousandth, or one step between the smallest numbers.
        let longest = 1.001 * f64::from(scale) * f64::from(MOST_CODE) * (self.dim as f64).sqrt();
        (longest as f32).next_up()
    }

    /// The vector of `row`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn vector(&self, row: u64) -> Vec<f32> {
        let mut vector = vec![0.0; self.dim];
        self.get(row, &mut vector);
        vector
    }

    #[inline]
    fn record(&self, row: u64) -> (f32, &'a [u8]) {
        assert!(row < self.len, "row {row} of {}", self.len);
        let start = self.layout.start(row) as usize;
        let record = &self.bytes[start..start + self.layout.record];
        let (scale, codes) = record.split_at(SCALE_BYTES);
        (f32::from_le_bytes([scale[0], scale[1], scale[2], scale[3]]), codes)
    }
}

/// Writes vectors into pages one by one: no more than one page is kept in memory.
pub struct PagedWriter<W> {
    out: W,
    layout: Layout,
    dim: usize,
    len: u64,
    page: Vec<u8>,
}

impl<W: Write> PagedWriter<W> {
    /// Writes vectors of `dim` numbers to `out`, which is written a page at a time.
    pub fn new(out: W, dim: usize) -> Self {
        Self { out, layout: Layout::new(dim), dim, len: 0, page: Vec::new() }
    }

    /// Adds a vector.
    ///
    /// # Errors
    /// When it has another length or is not finite, or `out` refuses.
    pub fn push(&mut self, vector: &[f32]) -> std::io::Result<()> {
        self.check(vector).map_err(|problem| Error::new(ErrorKind::InvalidInput, problem))?;
        encode(vector, &mut self.page);
        self.len += 1;
        if self.len.is_multiple_of(self.layout.shared) { self.write_page() } else { Ok(()) }
    }

    fn check(&self, vector: &[f32]) -> Result<(), String> {
        if vector.len() != self.dim {
            return Err(format!("vector {} has {} numbers; give {}", self.len, vector.len(), self.dim));
        }
        match vector.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(format!("dimension {at} of vector {} is not finite; give finite numbers", self.len)),
            None => Ok(()),
        }
    }

    fn write_page(&mut self) -> std::io::Result<()> {
        self.page.resize(self.layout.stride as usize, 0);
        self.out.write_all(&self.page)?;
        self.page.clear();
        Ok(())
    }

    /// Writes the last page; returns what was written to and the number of vectors.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn finish(mut self) -> std::io::Result<(W, u64)> {
        if !self.page.is_empty() {
            self.write_page()?;
        }
        Ok((self.out, self.len))
    }
}

/// Squared distance of a finite vector from what is read back of it.
pub fn rounded_off(vector: &[f32]) -> f64 {
    let scale = f64::from(scale_of(vector));
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let off = |&value: &f32| f64::from(value) - (f64::from(value) * inverse).round() * scale;
    vector.iter().map(|value| off(value).powi(2)).sum()
}

/// Appends the record of a finite vector.
fn encode(vector: &[f32], record: &mut Vec<u8>) {
    let scale = scale_of(vector);
    let inverse = if scale > 0.0 { 1.0 / f64::from(scale) } else { 0.0 };
    record.extend_from_slice(&scale.to_le_bytes());
    record.extend(vector.iter().map(|&value| (f64::from(value) * inverse).round() as i8 as u8));
}

/// The largest magnitude over 127. Where that is too small to be a number of full precision it is rounded up, so that no
/// code exceeds 127, and where 127 of it would be infinite it is rounded down.
fn scale_of(vector: &[f32]) -> f32 {
    let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let scale = largest / MOST_CODE;
    if !scale.is_normal() && f64::from(scale) * f64::from(MOST_CODE) < f64::from(largest) {
        return scale.next_up();
    }
    if (scale * MOST_CODE).is_infinite() { scale.next_down() } else { scale }
}

#[cfg(test)]
mod tests {
    //! 1. No value is off by more than half a scale, whatever finite numbers a row holds, and all are finite again.
    //! 2. Zero rows stay zero, and only they.
    //! 3. Rows lie where the grammar says, for every dimension: none that fits a page crosses into the next.
    //! 4. A hundred million rows are addressed in 64 bits.
    //! 5. What is no vector is refused.

    use proptest::prelude::*;

    use super::*;

    fn written(rows: &[Vec<f32>], dim: usize) -> Vec<u8> {
        let mut writer = PagedWriter::new(Vec::new(), dim);
        rows.iter().for_each(|row| writer.push(row).unwrap());
        let (bytes, len) = writer.finish().unwrap();
        assert_eq!(len, rows.len() as u64);
        bytes
    }

    /// Any finite number: every exponent, subnormals, both zeros.
    fn finite() -> impl Strategy<Value = f32> {
        any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |value| value.is_finite())
    }

    fn check_row(row: &[f32], read: &[f32]) -> Result<(), TestCaseError> {
        let scale = f64::from(scale_of(row));
        let largest = row.iter().fold(0.0f64, |largest, &value| largest.max(f64::from(value).abs()));
        prop_assert!((scale - largest / 127.0).abs() <= largest / 127.0 * 1e-6 + 1.5e-45, "scale {}", scale);
        for (&value, &read) in row.iter().zip(read) {
            prop_assert!(read.is_finite());
            let off = (f64::from(value) - f64::from(read)).abs();
            prop_assert!(off <= scale * 0.5 * (1.0 + 1e-4), "{} is read as {}, scale {}", value, read, scale);
        }
        prop_assert_eq!(row.iter().all(|value| *value == 0.0), read.iter().all(|value| *value == 0.0));
        Ok(())
    }

    proptest! {
        #[test]
        fn no_value_is_off_by_more_than_half_a_scale(row in prop::collection::vec(finite(), 1..40)) {
            let bytes = written(std::slice::from_ref(&row), row.len());
            check_row(&row, &PagedRows::new(&bytes, 1, row.len()).unwrap().vector(0))?;
        }

        #[test]
        fn tiny_and_usual_rows_are_read_back(
            rows in prop::collection::vec(prop::collection::vec(-1.0f32..1.0, 7), 0..900),
            shrunk in prop::sample::select(vec![1.0f32, 1e-30, 1e-38, 1e-42, 3e-45, 0.0]),
        ) {
            let rows: Vec<Vec<f32>> = rows.iter().map(|row| row.iter().map(|value| value * shrunk).collect()).collect();
            let bytes = written(&rows, 7);
            let paged = PagedRows::new(&bytes, rows.len() as u64, 7).unwrap();
            for (at, row) in rows.iter().enumerate() {
                let read = paged.vector(at as u64);
                check_row(row, &read)?;
                let length = read.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
                let longest = paged.longest(at as u64);
                prop_assert!(length <= f64::from(longest) && (length > 0.0) == (longest > 0.0), "{} of {}", length, longest);
            }
        }

        #[test]
        fn records_stay_within_pages(dim in 1usize..6_000, row in 0u64..1_000_000_000) {
            let (layout, record) = (Layout::new(dim), 4 + dim as u64);
            let (start, page) = (layout.start(row), PAGE as u64);
            if record <= page {
                prop_assert_eq!(start / page, (start + record - 1) / page);
                prop_assert_eq!(layout.shared, page / record);
            } else {
                prop_assert_eq!(start % page, 0);
            }
            prop_assert!(layout.start(row + 1) >= start + record);
            prop_assert!(start + record <= layout.bytes(row + 1).unwrap());
        }
    }

    #[test]
    fn the_ends_of_the_range_stay_finite() {
        for row in [vec![f32::MAX, -f32::MAX, 1.0], vec![f32::from_bits(1), 0.0], vec![-f32::MIN_POSITIVE, 1e-40]] {
            let bytes = written(std::slice::from_ref(&row), row.len());
            check_row(&row, &PagedRows::new(&bytes, 1, row.len()).unwrap().vector(0)).unwrap();
        }
    }

    #[test]
    fn rows_lie_where_the_grammar_says() {
        for (dim, shared, pages) in [(64, 60, 1), (2_044, 2, 1), (4_092, 1, 1), (4_093, 1, 2), (4_096, 1, 2)] {
            let rows: Vec<Vec<f32>> = (0..=shared).map(|at| vec![127.0 * (at + 1) as f32; dim]).collect();
            let bytes = written(&rows, dim);
            assert_eq!(bytes.len(), 2 * pages * PAGE, "{dim}");
            let last = &bytes[pages * PAGE..][..4 + dim];
            assert_eq!(last[..4], ((shared + 1) as f32).to_le_bytes());
            assert!(last[4..].iter().all(|&code| code == 127));
            let paged = PagedRows::new(&bytes, rows.len() as u64, dim).unwrap();
            rows.iter().enumerate().for_each(|(at, row)| assert_eq!(&paged.vector(at as u64), row));
            assert!(PagedRows::new(&bytes[PAGE..], rows.len() as u64, dim).is_none());
        }
    }

    #[test]
    fn a_hundred_million_rows_are_addressed_in_64_bits() {
        let (rows, dim) = (100_000_000, 64);
        assert_eq!(paged_bytes(rows, dim), Some(1_666_667 * 4_096), "60 records a page: 6.8 GB");
        assert_eq!(Layout::new(dim).start(rows - 1), 1_666_666 * 4_096 + 39 * 68);
        assert_eq!(paged_bytes(u64::MAX, dim), None);
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        let mut writer = PagedWriter::new(Vec::new(), 2);
        for (vector, problem) in [(&[1.0][..], "has 1 numbers; give 2"), (&[0.0, f32::NAN], "dimension 1 of vector 0")]
        {
            let fault = writer.push(vector).unwrap_err().to_string();
            assert!(fault.contains(problem), "{fault}");
        }
        let (bytes, len) = writer.finish().unwrap();
        assert!(bytes.is_empty() && len == 0 && PagedRows::new(&bytes, 0, 2).unwrap().is_empty());
    }
}
