//! Rows as a walk reads them: one byte a value with a scale a row, or half or single precision.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::kernels::half;

/// Scales that rows share.
const SCALES: usize = 256;
/// Largest code.
const TOP: f32 = 127.0;
/// The smallest scale is at least this part of the largest, so that rows of nearly nothing do not take all of them.
const RANGE: f32 = 1e-4;
/// What is added to a code to store it without a sign.
const OFFSET: i32 = 128;
/// Bytes of a cache line.
const LINE: usize = 64;
/// Rows that one thread codes at a time.
const CHUNK: usize = 4096;

/// How rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFormat {
    /// A byte a value, and one of 256 scales a row.
    #[default]
    Int8,
    /// Half precision (IEEE 754 binary16).
    F16,
    /// Single precision.
    F32,
}

impl RowFormat {
    /// Bytes of a row of `dim` values: whole cache lines.
    pub fn stride(self, dim: usize) -> usize {
        let bytes = match self {
            Self::Int8 => dim,
            Self::F16 => 2 * dim,
            Self::F32 => 4 * dim,
        };
        bytes.next_multiple_of(LINE)
    }
}

/// `len` rows of `stride` bytes.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) format: RowFormat,
    pub(crate) dim: usize,
    pub(crate) stride: usize,
    /// Int8: codes with 128 added, 128 in the padding. Else little-endian numbers, zeros in the padding.
    pub(crate) bytes: &'a [u8],
    /// Int8: which of `scales` a row was coded with. Else empty.
    pub(crate) scale_ids: &'a [u8],
    pub(crate) scales: &'a [f32; SCALES],
}

impl Rows<'_> {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / self.stride
    }

    /// The stored bytes of a row.
    #[inline]
    pub(crate) fn row(&self, row: u32) -> &[u8] {
        &self.bytes[row as usize * self.stride..(row as usize + 1) * self.stride]
    }

    /// Scale of a row of codes.
    #[inline]
    pub(crate) fn scale(&self, row: u32) -> f32 {
        self.scales[usize::from(self.scale_ids[row as usize])]
    }

    /// Writes the values of a row to `out`, `dim` long.
    pub(crate) fn decode(&self, row: u32, out: &mut [f32]) {
        let bytes = self.row(row);
        match self.format {
            RowFormat::Int8 => {
                let scale = self.scale(row);
                out.iter_mut().zip(bytes).for_each(|(out, &code)| *out = (i32::from(code) - OFFSET) as f32 * scale);
            }
            RowFormat::F16 => {
                let halves = bytes.as_chunks::<2>().0.iter();
                out.iter_mut().zip(halves).for_each(|(out, half)| *out = half::to_f32(u16::from_le_bytes(*half)));
            }
            RowFormat::F32 => {
                let floats = bytes.as_chunks::<4>().0.iter();
                out.iter_mut().zip(floats).for_each(|(out, float)| *out = f32::from_le_bytes(*float));
            }
        }
    }
}

/// Rows that own their bytes; [`Rows`] tells what the fields hold.
pub(crate) struct CodedRows {
    pub(crate) format: RowFormat,
    pub(crate) dim: usize,
    pub(crate) stride: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) scale_ids: Vec<u8>,
    pub(crate) scales: Box<[f32; SCALES]>,
}

impl CodedRows {
    /// Codes `vectors`, `(n, dim)` row-major and finite: row `i` is vector `order[i]`.
    pub(crate) fn encode(vectors: &[f32], dim: usize, order: &[u32], format: RowFormat) -> Self {
        let stride = format.stride(dim);
        let vector = |row: u32| &vectors[row as usize * dim..(row as usize + 1) * dim];
        let padding = if format == RowFormat::Int8 { OFFSET as u8 } else { 0 };
        let mut bytes = vec![padding; order.len() * stride];
        let mut scale_ids = Vec::new();
        let scales = Box::new(scales(vectors, dim));
        let chunks = bytes.par_chunks_mut(CHUNK * stride).zip(order.par_chunks(CHUNK));
        match format {
            RowFormat::Int8 => {
                scale_ids = vec![0u8; order.len()];
                chunks.zip(scale_ids.par_chunks_mut(CHUNK)).for_each(|((bytes, order), ids)| {
                    for ((out, &row), id) in bytes.chunks_exact_mut(stride).zip(order).zip(ids) {
                        let vector = vector(row);
                        let needed = largest(vector) / TOP;
                        *id = scales.partition_point(|&scale| scale < needed).min(SCALES - 1) as u8;
                        let scale = scales[usize::from(*id)];
                        out.iter_mut().zip(vector).for_each(|(out, &value)| *out = (code(value, scale) + OFFSET) as u8);
                    }
                });
            }
            RowFormat::F16 => chunks.for_each(|(bytes, order)| {
                for (out, &row) in bytes.chunks_exact_mut(stride).zip(order) {
                    let halves = out.as_chunks_mut::<2>().0.iter_mut();
                    halves.zip(vector(row)).for_each(|(out, &value)| *out = half::from_f32(value).to_le_bytes());
                }
            }),
            RowFormat::F32 => chunks.for_each(|(bytes, order)| {
                for (out, &row) in bytes.chunks_exact_mut(stride).zip(order) {
                    let floats = out.as_chunks_mut::<4>().0.iter_mut();
                    floats.zip(vector(row)).for_each(|(out, &value)| *out = value.to_le_bytes());
                }
            }),
        }
        Self { format, dim, stride, bytes, scale_ids, scales }
    }
}

/// The nearest code of a value, within ±127.
fn code(value: f32, scale: f32) -> i32 {
    (value / scale).round().clamp(-TOP, TOP) as i32
}

fn largest(vector: &[f32]) -> f32 {
    vector.iter().fold(0.0f32, |most, value| most.max(value.abs()))
}

/// 256 scales in geometric steps, from what the smallest row needs to what the largest does.
fn scales(vectors: &[f32], dim: usize) -> [f32; SCALES] {
    let sizes = vectors.par_chunks(dim).map(largest).filter(|&size| size > 0.0);
    let (least, most) = sizes.map(|size| (size, size)).reduce(|| (f32::MAX, 0.0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if most <= 0.0 {
        return [1.0; SCALES];
    }
    // Denormal scales would lose the codes' precision.
    let most = (most / TOP).max(f32::MIN_POSITIVE);
    let least = (least / TOP).max(most * RANGE).max(f32::MIN_POSITIVE);
    let step = (f64::from(most) / f64::from(least)).ln() / (SCALES - 1) as f64;
    let mut scales = std::array::from_fn(|at| (f64::from(least) * (step * at as f64).exp()) as f32);
    // Rounding must not leave the largest row without a scale.
    scales[SCALES - 1] = most;
    scales
}

/// A query as kernels take it.
#[derive(Default)]
pub(crate) struct Query {
    /// Codes within ±127, padded with zeros to whole cache lines.
    pub(crate) codes: Vec<i8>,
    pub(crate) scale: f32,
    /// 128 times the sum of the codes: what the rows' offset adds to a product.
    pub(crate) offset: i32,
    /// The values, for rows that are not codes.
    pub(crate) vector: Vec<f32>,
}

impl Query {
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// Makes `vector` the query: codes for lists and rows of codes, values for other rows.
    pub(crate) fn set(&mut self, vector: &[f32], rows: &Rows<'_>) {
        self.set_codes(vector, RowFormat::Int8.stride(rows.dim));
        if rows.format != RowFormat::Int8 {
            self.vector.clear();
            self.vector.extend_from_slice(vector);
        }
    }

    /// Makes the codes of `vector` the query, padded to `stride`.
    pub(crate) fn set_codes(&mut self, vector: &[f32], stride: usize) {
        let size = largest(vector);
        // The smallest number of all stands in where a seven-bit part of the query's size would be nothing.
        self.scale = if size > 0.0 { (size / TOP).max(f32::from_bits(1)) } else { 1.0 };
        self.codes.clear();
        self.codes.extend(vector.iter().map(|&value| code(value, self.scale) as i8));
        self.codes.resize(stride, 0);
        self.sum_up();
    }

    /// Makes a row the query; codes are taken as they are.
    pub(crate) fn set_row(&mut self, rows: &Rows<'_>, row: u32) {
        if rows.format == RowFormat::Int8 {
            self.scale = rows.scale(row);
            self.codes.clear();
            self.codes.extend(rows.row(row).iter().map(|&code| (i32::from(code) - OFFSET) as i8));
            self.sum_up();
        } else {
            let mut vector = std::mem::take(&mut self.vector);
            vector.resize(rows.dim, 0.0);
            rows.decode(row, &mut vector);
            self.set_codes(&vector, RowFormat::Int8.stride(rows.dim));
            self.vector = vector;
        }
    }

    fn sum_up(&mut self) {
        self.offset = OFFSET * self.codes.iter().map(|&code| i32::from(code)).sum::<i32>();
    }
}
