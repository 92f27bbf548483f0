//! NEON, which every AArch64 that Rust runs on has: sixteen codes a step.

#![expect(unsafe_code, reason = "SIMD intrinsics; what is handed out checks lengths and ids first")]

use std::arch::aarch64::*;
use std::ops::Range;

use super::{Kernels, scalar};
use crate::index::rows::{Query, RowFormat, Rows};

pub(super) static KERNELS: Kernels = Kernels {
    name: "neon",
    gather,
    range,
    centroids: scalar::centroids,
    fresh: scalar::fresh,
    allowed: scalar::allowed,
    count: scalar::count,
    push: scalar::push,
};

fn gather(rows: &Rows<'_>, query: &Query, ids: &[u32], out: &mut Vec<f32>) {
    out.clear();
    out.extend(ids.iter().map(|&id| score(rows, query, id)));
}

fn range(rows: &Rows<'_>, query: &Query, range: Range<usize>, out: &mut Vec<f32>) {
    out.clear();
    out.extend(range.map(|id| score(rows, query, id as u32)));
}

#[inline]
fn score(rows: &Rows<'_>, query: &Query, id: u32) -> f32 {
    if rows.format != RowFormat::Int8 {
        return scalar::score(rows, query, id);
    }
    let row = rows.row(id);
    assert!(query.codes.len() == row.len() && row.len().is_multiple_of(16), "codes of another stride");
    (products(row, &query.codes) - query.offset) as f32 * query.scale * rows.scale(id)
}

/// Sum of the products of bytes without and with a sign.
fn products(row: &[u8], codes: &[i8]) -> i32 {
    // SAFETY: NEON is always there on AArch64.
    let mut sum = unsafe { vdupq_n_s32(0) };
    for (row, codes) in row.chunks_exact(16).zip(codes.chunks_exact(16)) {
        // SAFETY: both chunks have sixteen bytes.
        sum = unsafe {
            let row = vld1q_u8(row.as_ptr());
            let codes = vld1q_s8(codes.as_ptr());
            let low = (vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(row))), vmovl_s8(vget_low_s8(codes)));
            let high = (vreinterpretq_s16_u16(vmovl_high_u8(row)), vmovl_high_s8(codes));
            let sum = vmlal_s16(sum, vget_low_s16(low.0), vget_low_s16(low.1));
            let sum = vmlal_high_s16(sum, low.0, low.1);
            let sum = vmlal_s16(sum, vget_low_s16(high.0), vget_low_s16(high.1));
            vmlal_high_s16(sum, high.0, high.1)
        };
    }
    // SAFETY: NEON is always there on AArch64.
    unsafe { vaddvq_s32(sum) }
}
