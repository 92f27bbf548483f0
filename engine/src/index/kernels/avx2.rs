//! AVX2: codes widened to sixteen bits, because products of bytes summed in pairs overflow them.

#![expect(unsafe_code, reason = "SIMD intrinsics; what is handed out checks features, lengths and ids first")]

use std::arch::x86_64::*;
use std::ops::Range;

use super::{Kernels, scalar};
use crate::index::rows::{Query, RowFormat, Rows};

static KERNELS: Kernels = Kernels {
    name: "avx2",
    gather,
    range,
    centroids: scalar::centroids,
    fresh: scalar::fresh,
    allowed: scalar::allowed,
    count,
    push: scalar::push,
};

/// The kernels, where this machine can run them.
pub(super) fn detected() -> Option<&'static Kernels> {
    let has_all = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("popcnt");
    has_all.then_some(&KERNELS)
}

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
    let row = rows.row(id);
    match rows.format {
        RowFormat::Int8 => {
            assert!(query.codes.len() == row.len() && row.len().is_multiple_of(32), "codes of another stride");
            // SAFETY: the features were detected before `KERNELS` was handed out; both are of one length.
            let sum = unsafe { products(row, &query.codes) };
            (sum - query.offset) as f32 * query.scale * rows.scale(id)
        }
        RowFormat::F16 => {
            assert!(row.len().is_multiple_of(16) && 2 * query.vector.len() <= row.len(), "a query of other dimensions");
            // SAFETY: as above; the row holds as many halves as the query values.
            unsafe { halves(row, &query.vector) }
        }
        RowFormat::F32 => bytemuck::try_cast_slice::<u8, f32>(row).map_or_else(
            |_| scalar::score(rows, query, id),
            |row| crate::vectors::dot(&row[..query.vector.len()], &query.vector),
        ),
    }
}

#[target_feature(enable = "avx2")]
unsafe fn products(row: &[u8], codes: &[i8]) -> i32 {
    let mut sum = _mm256_setzero_si256();
    for (row, codes) in row.chunks_exact(16).zip(codes.chunks_exact(16)) {
        // SAFETY: both chunks have sixteen bytes.
        let (row, codes) = unsafe {
            let row = _mm256_cvtepu8_epi16(_mm_loadu_si128(row.as_ptr().cast()));
            (row, _mm256_cvtepi8_epi16(_mm_loadu_si128(codes.as_ptr().cast())))
        };
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(row, codes));
    }
    let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0x4E>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0xB1>(two)))
}

#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn halves(row: &[u8], vector: &[f32]) -> f32 {
    let mut sum = _mm256_setzero_ps();
    let (whole, tail) = vector.as_chunks::<8>();
    for (row, vector) in row.chunks_exact(16).zip(whole) {
        // SAFETY: a chunk of the row has eight halves, one of the vector eight floats.
        let (row, vector) =
            unsafe { (_mm256_cvtph_ps(_mm_loadu_si128(row.as_ptr().cast())), _mm256_loadu_ps(vector.as_ptr())) };
        sum = _mm256_fmadd_ps(row, vector, sum);
    }
    let mut lanes = [0.0f32; 8];
    // SAFETY: `lanes` has room for eight floats.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
    let rest = row[16 * whole.len()..].as_chunks::<2>().0.iter().zip(tail);
    let rest: f32 = rest.map(|(half, value)| super::half::to_f32(u16::from_le_bytes(*half)) * value).sum();
    lanes.iter().sum::<f32>() + rest
}

pub(super) fn count(words: &[u64]) -> usize {
    #[target_feature(enable = "popcnt")]
    fn counted(words: &[u64]) -> usize {
        words.iter().map(|word| word.count_ones() as usize).sum()
    }
    // SAFETY: handed out, here and by `avx512`, only where POPCNT was detected.
    unsafe { counted(words) }
}
