//! The reference: plain code, one row at a time.

use std::ops::Range;

use super::half;
use super::{Centroids, Ids, Kernels};
use crate::index::beam::ordered;
use crate::index::rows::{Query, RowFormat, Rows};

pub(crate) static KERNELS: Kernels = Kernels { name: "scalar", gather, range, centroids, fresh, allowed, count, push };

fn gather(rows: &Rows<'_>, query: &Query, ids: &[u32], out: &mut Vec<f32>) {
    out.clear();
    out.extend(ids.iter().map(|&id| score(rows, query, id)));
}

fn range(rows: &Rows<'_>, query: &Query, range: Range<usize>, out: &mut Vec<f32>) {
    out.clear();
    out.extend(range.map(|id| score(rows, query, id as u32)));
}

pub(super) fn score(rows: &Rows<'_>, query: &Query, id: u32) -> f32 {
    let bytes = rows.row(id);
    match rows.format {
        RowFormat::Int8 => {
            let sum: i32 = bytes.iter().zip(&query.codes).map(|(&row, &code)| i32::from(row) * i32::from(code)).sum();
            (sum - query.offset) as f32 * query.scale * rows.scale(id)
        }
        RowFormat::F16 => {
            let halves = bytes.as_chunks::<2>().0.iter().map(|half| half::to_f32(u16::from_le_bytes(*half)));
            halves.zip(&query.vector).map(|(row, value)| row * value).sum()
        }
        RowFormat::F32 => {
            let floats = bytes.as_chunks::<4>().0.iter().map(|float| f32::from_le_bytes(*float));
            floats.zip(&query.vector).map(|(row, value)| row * value).sum()
        }
    }
}

pub(super) fn centroids(centroids: &Centroids<'_>, query: &Query, out: &mut Vec<f32>) {
    out.clear();
    for (block, scales) in centroids.bytes.chunks_exact(16 * centroids.stride).zip(centroids.scales.chunks_exact(16)) {
        let mut sums = [0i32; 16];
        for (four, codes) in block.chunks_exact(64).zip(query.codes.chunks_exact(4)) {
            for (sum, bytes) in sums.iter_mut().zip(four.chunks_exact(4)) {
                *sum += bytes.iter().zip(codes).map(|(&byte, &code)| i32::from(byte) * i32::from(code)).sum::<i32>();
            }
        }
        out.extend(sums.iter().zip(scales).map(|(sum, scale)| (sum - query.offset) as f32 * query.scale * scale));
    }
}

pub(super) fn fresh(links: &[u32], rows: usize, visited: &mut [u32], out: &mut Vec<u32>) {
    for &link in links {
        if (link as usize) < rows {
            let word = &mut visited[link as usize / 32];
            if *word >> (link % 32) & 1 == 0 {
                *word |= 1 << (link % 32);
                out.push(link);
            }
        }
    }
}

pub(super) fn allowed(rows: &[u32], first: u32, words: &[u64], out: &mut Vec<u32>) {
    let is_allowed = |row: u32| words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1);
    out.extend((first..).zip(rows).filter(|&(_, &row)| is_allowed(row)).map(|(place, _)| place));
}

pub(super) fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

pub(super) fn push(keys: &mut [u64], breadth: usize, scores: &[f32], ids: Ids<'_>) -> usize {
    let mut lowest = keys.len();
    for (at, &score) in scores.iter().enumerate() {
        let id = match ids {
            Ids::Listed(ids) => ids[at],
            Ids::From(first) => first + at as u32,
        };
        let key = u64::from(ordered(score)) << 32 | u64::from(id);
        // As in the other kernels the bar is the score alone: an equal one does not get in.
        if score.is_nan() || ordered(score) <= (keys[breadth - 1] >> 32) as u32 {
            continue;
        }
        let place = keys.partition_point(|&other| other > key);
        keys.copy_within(place..keys.len() - 1, place + 1);
        keys[place] = key;
        lowest = lowest.min(place);
    }
    lowest
}
