//! AVX-512 with VNNI: four products of codes a lane and instruction, sixteen rows summed up together, and keys sorted
//! in registers.

#![expect(unsafe_code, reason = "SIMD intrinsics; what is handed out checks features, lengths and ids first")]

use std::arch::x86_64::*;
use std::ops::Range;

use super::{Centroids, Ids, Kernels, avx2, prefetch, scalar};
use crate::index::rows::{Query, RowFormat, Rows};

static KERNELS: Kernels =
    Kernels { name: "avx512", gather, range, centroids, fresh, allowed, count: avx2::count, push };

/// The kernels, where this machine can run them.
pub(super) fn detected() -> Option<&'static Kernels> {
    let has_all = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("popcnt");
    has_all.then_some(&KERNELS)
}

/// Rows of a range that are asked for ahead: the machine's own prefetching ends at every page.
const AHEAD: usize = 32;
/// Rows whose sums are formed together.
const TOGETHER: usize = 16;

fn gather(rows: &Rows<'_>, query: &Query, ids: &[u32], out: &mut Vec<f32>) {
    let len = rows.len();
    assert!(ids.iter().all(|&id| (id as usize) < len), "a row beyond the last");
    check_query(rows, query);
    make_room(out, ids.len());
    // SAFETY: the features were detected before `KERNELS` was handed out; ids are below `len`, the query is as long as
    // the rows ask, and `out` has room for whole groups.
    unsafe {
        match (rows.format, rows.stride) {
            (RowFormat::Int8, 64) => gather_codes::<1>(rows, query, ids, out),
            (RowFormat::Int8, 128) => gather_codes::<2>(rows, query, ids, out),
            (RowFormat::Int8, _) => gather_codes::<0>(rows, query, ids, out),
            (RowFormat::F16, _) => floats::<true>(rows, query, ids.iter().copied(), out),
            (RowFormat::F32, _) => floats::<false>(rows, query, ids.iter().copied(), out),
        }
    }
}

fn range(rows: &Rows<'_>, query: &Query, range: Range<usize>, out: &mut Vec<f32>) {
    assert!(range.start <= range.end && range.end <= rows.len(), "a range beyond the last row");
    check_query(rows, query);
    make_room(out, range.len());
    // SAFETY: as in `gather`.
    unsafe {
        match (rows.format, rows.stride) {
            (RowFormat::Int8, 64) => range_of_codes::<1>(rows, query, range, out),
            (RowFormat::Int8, 128) => range_of_codes::<2>(rows, query, range, out),
            (RowFormat::Int8, _) => range_of_codes::<0>(rows, query, range, out),
            (RowFormat::F16, _) => floats::<true>(rows, query, range.map(|id| id as u32), out),
            (RowFormat::F32, _) => floats::<false>(rows, query, range.map(|id| id as u32), out),
        }
    }
}

fn check_query(rows: &Rows<'_>, query: &Query) {
    assert!(rows.stride.is_multiple_of(64), "rows in whole cache lines");
    match rows.format {
        RowFormat::Int8 => {
            assert!(query.codes.len() == rows.stride, "codes of another stride");
            assert!(rows.scale_ids.len() == rows.len(), "a scale for each row");
        }
        RowFormat::F16 => assert!(2 * query.vector.len() <= rows.stride, "a query of other dimensions"),
        RowFormat::F32 => assert!(4 * query.vector.len() <= rows.stride, "a query of other dimensions"),
    }
}

fn make_room(out: &mut Vec<f32>, scores: usize) {
    let room = scores.next_multiple_of(TOGETHER);
    if out.len() < room {
        out.resize(room, 0.0);
    }
}

/// `LINES` cache lines a row, or any number where it is 0.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[inline]
unsafe fn products<const LINES: usize>(row: *const u8, codes: *const i8, stride: usize) -> __m512i {
    let lines = if LINES == 0 { stride / 64 } else { LINES };
    let mut sum = _mm512_setzero_si512();
    for line in 0..lines {
        // SAFETY: the caller gives `stride` bytes of both, of which this is line `line`.
        let (row, codes) =
            unsafe { (_mm512_loadu_si512(row.add(64 * line).cast()), _mm512_loadu_si512(codes.add(64 * line).cast())) };
        sum = _mm512_dpbusd_epi32(sum, row, codes);
    }
    sum
}

/// The sums of sixteen vectors of sixteen.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[inline]
fn sums(of: &[__m512i; TOGETHER]) -> __m512i {
    let pairs = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let fours = |at: usize| {
        let (low, high) = (pairs(of[at], of[at + 1]), pairs(of[at + 2], of[at + 3]));
        _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high))
    };
    let eights = |a, b| _mm512_add_epi32(_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0xEE>(a, b));
    let (low, high) = (eights(fours(0), fours(4)), eights(fours(8), fours(12)));
    _mm512_add_epi32(_mm512_shuffle_i32x4::<0x88>(low, high), _mm512_shuffle_i32x4::<0xDD>(low, high))
}

/// Sums to scores: without the offset, times the query's and the rows' scales.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
#[inline]
fn scaled(sums: __m512i, query: &Query, scales: __m512) -> __m512 {
    let sums = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums, _mm512_set1_epi32(query.offset)));
    _mm512_mul_ps(_mm512_mul_ps(sums, _mm512_set1_ps(query.scale)), scales)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn gather_codes<const LINES: usize>(rows: &Rows<'_>, query: &Query, ids: &[u32], out: &mut [f32]) {
    for (ids, out) in ids.chunks(TOGETHER).zip(out.chunks_exact_mut(TOGETHER)) {
        let mut all = [_mm512_setzero_si512(); TOGETHER];
        let mut scales = [0.0f32; TOGETHER];
        for ((sum, scale), &id) in all.iter_mut().zip(&mut scales).zip(ids) {
            // SAFETY: ids are below the number of rows, so the row and its scale are within their arrays; the query has
            // `stride` codes.
            unsafe {
                *sum = products::<LINES>(
                    rows.bytes.as_ptr().add(id as usize * rows.stride),
                    query.codes.as_ptr(),
                    rows.stride,
                );
                *scale = rows.scales[usize::from(*rows.scale_ids.get_unchecked(id as usize))];
            }
        }
        // SAFETY: both arrays have room for sixteen floats.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), scaled(sums(&all), query, _mm512_loadu_ps(scales.as_ptr()))) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn range_of_codes<const LINES: usize>(rows: &Rows<'_>, query: &Query, range: Range<usize>, out: &mut [f32]) {
    for (start, out) in range.clone().step_by(TOGETHER).zip(out.chunks_exact_mut(TOGETHER)) {
        let count = (range.end - start).min(TOGETHER);
        prefetch(rows.bytes, (start + AHEAD) * rows.stride, TOGETHER * rows.stride);
        let mut all = [_mm512_setzero_si512(); TOGETHER];
        for (at, sum) in all.iter_mut().enumerate() {
            let row = start + at.min(count - 1);
            // SAFETY: `row` is within the range, which ends within the rows.
            *sum = unsafe {
                products::<LINES>(rows.bytes.as_ptr().add(row * rows.stride), query.codes.as_ptr(), rows.stride)
            };
        }
        let mask = (1u32 << count) - 1;
        // SAFETY: the mask keeps the ids of rows within the range; every id is below 256, the number of scales; `out`
        // has room for sixteen floats.
        unsafe {
            let ids = _mm_maskz_loadu_epi8(mask as u16, rows.scale_ids.as_ptr().add(start).cast());
            let scales = _mm512_i32gather_ps::<4>(_mm512_cvtepu8_epi32(ids), rows.scales.as_ptr());
            _mm512_storeu_ps(out.as_mut_ptr(), scaled(sums(&all), query, scales));
        }
    }
}

/// Rows of halves or floats, one at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
unsafe fn floats<const HALF: bool>(rows: &Rows<'_>, query: &Query, ids: impl Iterator<Item = u32>, out: &mut [f32]) {
    let dim = query.vector.len();
    for (id, out) in ids.zip(out) {
        let row = rows.bytes[id as usize * rows.stride..].as_ptr();
        let mut sum = _mm512_setzero_ps();
        for at in (0..dim).step_by(16) {
            let mask = if dim - at >= 16 { u16::MAX } else { (1 << (dim - at)) - 1 };
            // SAFETY: a row has whole cache lines, so sixteen values from `at < dim` on are within it; of the query only
            // the lanes of the mask, below `dim`, are read.
            let (row, value) = unsafe {
                let row = if HALF {
                    _mm512_cvtph_ps(_mm256_loadu_si256(row.add(2 * at).cast()))
                } else {
                    _mm512_loadu_ps(row.add(4 * at).cast())
                };
                (row, _mm512_maskz_loadu_ps(mask, query.vector.as_ptr().add(at)))
            };
            sum = _mm512_fmadd_ps(row, value, sum);
        }
        *out = _mm512_reduce_add_ps(sum);
    }
}

fn centroids(centroids: &Centroids<'_>, query: &Query, out: &mut Vec<f32>) {
    let blocks = centroids.count.div_ceil(TOGETHER);
    assert!(query.codes.len() == centroids.stride && centroids.stride.is_multiple_of(64), "codes of another stride");
    assert!(centroids.bytes.len() >= blocks * TOGETHER * centroids.stride, "bytes for every block of centroids");
    assert!(centroids.scales.len() >= blocks * TOGETHER, "a scale for each centroid");
    make_room(out, centroids.count);
    // SAFETY: the features were detected before `KERNELS` was handed out; lengths are checked above.
    unsafe { centroid_scores(centroids, query, blocks, out) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn centroid_scores(centroids: &Centroids<'_>, query: &Query, blocks: usize, out: &mut [f32]) {
    let codes = query.codes.as_ptr().cast::<i32>();
    for block in 0..blocks {
        // SAFETY: the block lies within the bytes, `4 · fours` codes within the query, and scales and `out` have
        // sixteen floats for each block.
        unsafe {
            let bytes = centroids.bytes.as_ptr().add(block * TOGETHER * centroids.stride);
            let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
            for four in (0..centroids.stride / 4).step_by(2) {
                let line = |at: usize| _mm512_loadu_si512(bytes.add(64 * at).cast());
                let code = |at: usize| _mm512_set1_epi32(codes.add(at).read_unaligned());
                even = _mm512_dpbusd_epi32(even, line(four), code(four));
                odd = _mm512_dpbusd_epi32(odd, line(four + 1), code(four + 1));
            }
            let scales = _mm512_loadu_ps(centroids.scales.as_ptr().add(block * TOGETHER));
            let scores = scaled(_mm512_add_epi32(even, odd), query, scales);
            _mm512_storeu_ps(out.as_mut_ptr().add(block * TOGETHER), scores);
        }
    }
}

fn fresh(links: &[u32], rows: usize, visited: &mut [u32], out: &mut Vec<u32>) {
    assert!(rows <= 32 * visited.len() && rows < 1 << 31, "a bit for each row");
    out.reserve(links.len() + TOGETHER);
    // SAFETY: the features were detected before `KERNELS` was handed out; `out` has room for all links and a group.
    unsafe { fresh_links(links, rows, visited, out) };
    let whole = links.len() / TOGETHER * TOGETHER;
    scalar::fresh(&links[whole..], rows, visited, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,popcnt")]
unsafe fn fresh_links(links: &[u32], rows: usize, visited: &mut [u32], out: &mut Vec<u32>) {
    let start = out.len();
    let mut len = start;
    let (one, low_bits) = (_mm512_set1_epi32(1), _mm512_set1_epi32(31));
    for links in links.chunks_exact(TOGETHER) {
        // SAFETY: sixteen links are read; words are gathered only for links below `rows`, which are within `visited`;
        // `out` has room for sixteen more than all links.
        unsafe {
            let links = _mm512_loadu_si512(links.as_ptr().cast());
            let known = _mm512_cmplt_epu32_mask(links, _mm512_set1_epi32(rows as i32));
            let words = _mm512_srli_epi32::<5>(links);
            let words = _mm512_mask_i32gather_epi32::<4>(low_bits, known, words, visited.as_ptr().cast());
            let bits = _mm512_sllv_epi32(one, _mm512_and_si512(links, low_bits));
            let fresh = _mm512_mask_testn_epi32_mask(known, words, bits);
            _mm512_storeu_si512(out.as_mut_ptr().add(len).cast(), _mm512_maskz_compress_epi32(fresh, links));
            len += fresh.count_ones() as usize;
        }
    }
    // SAFETY: `len - start` elements were written from `start` on, within the capacity.
    unsafe { out.set_len(len) };
    for &link in &out[start..] {
        // SAFETY: only links below `rows` were kept, for each of which there is a bit.
        unsafe { *visited.get_unchecked_mut(link as usize / 32) |= 1 << (link % 32) };
    }
}

fn allowed(rows: &[u32], first: u32, words: &[u64], out: &mut Vec<u32>) {
    assert!(words.len() < 1 << 25, "fewer than 2^31 rows");
    out.reserve(rows.len() + TOGETHER);
    // SAFETY: the features were detected before `KERNELS` was handed out; `out` has room for all rows and a group.
    unsafe { allowed_places(rows, first, words, out) };
    let whole = rows.len() / TOGETHER * TOGETHER;
    scalar::allowed(&rows[whole..], first + whole as u32, words, out);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,popcnt")]
unsafe fn allowed_places(rows: &[u32], first: u32, words: &[u64], out: &mut Vec<u32>) {
    let mut len = out.len();
    let (one, low_bits) = (_mm512_set1_epi32(1), _mm512_set1_epi32(31));
    let end = _mm512_set1_epi32((64 * words.len()) as i32);
    for (at, rows) in rows.chunks_exact(TOGETHER).enumerate() {
        // SAFETY: sixteen rows are read; halves of words are gathered only for rows that have a bit; `out` has room for
        // sixteen more than all rows.
        unsafe {
            let rows = _mm512_loadu_si512(rows.as_ptr().cast());
            let known = _mm512_cmplt_epu32_mask(rows, end);
            let halves = _mm512_srli_epi32::<5>(rows);
            let halves = _mm512_mask_i32gather_epi32::<4>(one, known, halves, words.as_ptr().cast());
            let bits = _mm512_sllv_epi32(one, _mm512_and_si512(rows, low_bits));
            let found = _mm512_mask_test_epi32_mask(known, halves, bits);
            let places = _mm512_add_epi32(_mm512_set1_epi32((first + (TOGETHER * at) as u32) as i32), counting());
            _mm512_storeu_si512(out.as_mut_ptr().add(len).cast(), _mm512_maskz_compress_epi32(found, places));
            len += found.count_ones() as usize;
        }
    }
    // SAFETY: the elements up to `len` were written, within the capacity.
    unsafe { out.set_len(len) };
}

/// Fewer new keys than this are inserted one by one.
const FEW: usize = 4;

fn push(keys: &mut [u64], breadth: usize, scores: &[f32], ids: Ids<'_>) -> usize {
    assert!(keys.len().is_multiple_of(8) && (1..=keys.len()).contains(&breadth), "keys in whole vectors");
    if let Ids::Listed(ids) = ids {
        assert!(ids.len() >= scores.len(), "an id for each score");
    }
    // SAFETY: the features were detected before `KERNELS` was handed out; lengths are checked above.
    unsafe { push_scores(keys, breadth, scores, ids) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,popcnt")]
unsafe fn push_scores(keys: &mut [u64], breadth: usize, scores: &[f32], ids: Ids<'_>) -> usize {
    let (mut orders, mut places) = ([0u32; 32], [0u32; 32]);
    let mut held = 0;
    let mut lowest = keys.len();
    let bar = |keys: &[u64]| _mm512_set1_epi32((keys[breadth - 1] >> 32) as i32);
    let mut above = bar(keys);
    for start in (0..scores.len()).step_by(TOGETHER) {
        let left = (scores.len() - start).min(TOGETHER);
        let mask = if left == TOGETHER { u16::MAX } else { (1 << left) - 1 };
        // SAFETY: the mask keeps the lanes within the scores, and within the ids, of which there are as many.
        let (scores, ids) = unsafe {
            let ids = match ids {
                Ids::Listed(ids) => _mm512_maskz_loadu_epi32(mask, ids.as_ptr().add(start).cast()),
                Ids::From(first) => _mm512_add_epi32(_mm512_set1_epi32((first + start as u32) as i32), counting()),
            };
            (_mm512_maskz_loadu_ps(mask, scores.as_ptr().add(start)), ids)
        };
        let bits = _mm512_castps_si512(scores);
        let flip = _mm512_or_si512(_mm512_srai_epi32::<31>(bits), _mm512_set1_epi32(i32::MIN));
        let order = _mm512_xor_si512(bits, flip);
        let numbers = _mm512_mask_cmp_ps_mask::<_CMP_ORD_Q>(mask, scores, scores);
        let better = _mm512_mask_cmpgt_epu32_mask(numbers, order, above);
        if better == 0 {
            continue;
        }
        // SAFETY: fewer than 8 are held between rounds, so sixteen more fit into 32.
        unsafe {
            _mm512_storeu_si512(orders.as_mut_ptr().add(held).cast(), _mm512_maskz_compress_epi32(better, order));
            _mm512_storeu_si512(places.as_mut_ptr().add(held).cast(), _mm512_maskz_compress_epi32(better, ids));
        }
        held += better.count_ones() as usize;
        while held >= 8 {
            held -= 8;
            lowest = lowest.min(merge(keys, joined(&orders, &places, held)));
            above = bar(keys);
        }
    }
    if held < FEW {
        for (&order, &place) in orders[..held].iter().zip(&places) {
            lowest = lowest.min(insert(keys, u64::from(order) << 32 | u64::from(place)));
        }
    } else {
        let eight = _mm512_maskz_mov_epi64((1u8 << held) - 1, joined(&orders, &places, 0));
        lowest = lowest.min(merge(keys, eight));
    }
    lowest
}

/// 0 to 15.
#[target_feature(enable = "avx512f")]
#[inline]
fn counting() -> __m512i {
    _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

/// Eight keys from `at` on.
#[target_feature(enable = "avx512f")]
#[inline]
fn joined(orders: &[u32; 32], places: &[u32; 32], at: usize) -> __m512i {
    let (orders, places) = (&orders[at..at + 8], &places[at..at + 8]);
    // SAFETY: both slices have eight numbers.
    let (orders, places) =
        unsafe { (_mm256_loadu_si256(orders.as_ptr().cast()), _mm256_loadu_si256(places.as_ptr().cast())) };
    _mm512_or_si512(_mm512_slli_epi64::<32>(_mm512_cvtepu32_epi64(orders)), _mm512_cvtepu32_epi64(places))
}

/// Inserts one key into descending keys; the last one falls out. Tells its place, or the number of keys.
#[target_feature(enable = "avx512f,popcnt")]
#[inline]
fn insert(keys: &mut [u64], key: u64) -> usize {
    let wanted = _mm512_set1_epi64(key as i64);
    // SAFETY: each chunk has eight keys.
    let larger = |eight: &[u64]| unsafe { _mm512_cmpgt_epu64_mask(_mm512_loadu_si512(eight.as_ptr().cast()), wanted) };
    let place: usize = keys.chunks_exact(8).map(|eight| larger(eight).count_ones() as usize).sum();
    if place < keys.len() {
        shift(keys, place);
        keys[place] = key;
    }
    place
}

/// Moves the keys from `place` on by one; the last one falls out.
#[target_feature(enable = "avx512f")]
#[inline]
fn shift(keys: &mut [u64], place: usize) {
    let broken = place / 8 * 8;
    for at in (broken + 8..keys.len()).step_by(8).rev() {
        let (from, to) = (&keys[at - 1..at + 7], at);
        // SAFETY: eight keys are read and eight written, both within the slice: `at + 8` is at most its length.
        unsafe {
            let moved = _mm512_loadu_si512(from.as_ptr().cast());
            _mm512_storeu_si512(keys.as_mut_ptr().add(to).cast(), moved);
        }
    }
    let last = keys[broken..].first_chunk_mut::<8>();
    if let Some(eight) = last {
        // SAFETY: `eight` has eight keys.
        unsafe {
            let own = _mm512_loadu_si512(eight.as_ptr().cast());
            let moved = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 1, 2, 3, 4, 5, 6), own);
            let moved = _mm512_mask_mov_epi64(own, u8::MAX << (place - broken), moved);
            _mm512_storeu_si512(eight.as_mut_ptr().cast(), moved);
        }
    }
}

/// Merges eight keys, of which some may be 0, into descending keys; the smallest fall out. Tells the lowest place that
/// may have changed.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn merge(keys: &mut [u64], eight: __m512i) -> usize {
    let mut carried = sorted(eight);
    let largest = _mm_cvtsi128_si64(_mm512_castsi512_si128(carried)) as u64;
    let first = keys.chunks_exact(8).take_while(|keys| keys[7] >= largest).count() * 8;
    for keys in keys[first..].chunks_exact_mut(8) {
        // SAFETY: each chunk has eight keys.
        let own = unsafe { _mm512_loadu_si512(keys.as_ptr().cast()) };
        let turned = _mm512_permutexvar_epi64(_mm512_setr_epi64(7, 6, 5, 4, 3, 2, 1, 0), carried);
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(keys.as_mut_ptr().cast(), settled(_mm512_max_epu64(own, turned))) };
        carried = settled(_mm512_min_epu64(own, turned));
    }
    first
}

/// One step of a bitonic network (Batcher 1968): each lane with the one it meets in `met`; lanes of `low` keep the
/// smaller.
#[target_feature(enable = "avx512f")]
#[inline]
fn exchanged(keys: __m512i, met: __m512i, low: u8) -> __m512i {
    _mm512_mask_blend_epi64(low, _mm512_max_epu64(keys, met), _mm512_min_epu64(keys, met))
}

/// Eight keys that rise and then fall, or fall and then rise, in descending order.
#[target_feature(enable = "avx512f")]
#[inline]
fn settled(keys: __m512i) -> __m512i {
    let keys = exchanged(keys, _mm512_shuffle_i64x2::<0x4E>(keys, keys), 0b1111_0000);
    let keys = exchanged(keys, _mm512_permutex_epi64::<0x4E>(keys), 0b1100_1100);
    exchanged(keys, _mm512_permutex_epi64::<0xB1>(keys), 0b1010_1010)
}

/// Eight keys in descending order.
#[target_feature(enable = "avx512f")]
#[inline]
fn sorted(keys: __m512i) -> __m512i {
    let keys = exchanged(keys, _mm512_permutex_epi64::<0xB1>(keys), 0b0110_0110);
    let keys = exchanged(keys, _mm512_permutex_epi64::<0x4E>(keys), 0b0011_1100);
    settled(exchanged(keys, _mm512_permutex_epi64::<0xB1>(keys), 0b0101_1010))
}
