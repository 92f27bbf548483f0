//! Small dense kernels on padded row-major `f32`, written so that the compiler vectorises them.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Rows are padded with zeros to a multiple of this.
pub(super) const LANES: usize = 8;

/// `length` rounded up to whole lanes.
pub(super) const fn padded(length: usize) -> usize {
    length.div_ceil(LANES) * LANES
}

/// Adds `E Eᵀ` to `out`: `rows` vectors of `width` (padded), `out` with rows of `stride`.
pub(super) fn add_gram(vectors: &[f32], rows: usize, width: usize, out: &mut [f32], stride: usize) {
    let vectors = MatRef::from_row_major_slice(&vectors[..rows * width], rows, width);
    let out = MatMut::from_row_major_slice_with_stride_mut(out, rows, rows, stride);
    matmul(out, Accum::Add, vectors, vectors.transpose(), 1.0, Par::Seq);
}

/// Inner product of two slices of the same padded length.
#[inline(always)]
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    for (a, b) in left.as_chunks::<LANES>().0.iter().zip(right.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sum(sums)
}

#[inline(always)]
fn sum(lanes: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Solves `A x = right` in place of `right`; the upper triangle of `A` (`size` rows of `stride`) becomes its Cholesky
/// factor. A matrix that is not positive definite gives NaN.
#[inline(always)]
pub(in crate::models) fn solve(matrix: &mut [f32], size: usize, stride: usize, right: &mut [f32]) {
    for pivot in 0..size {
        let (above, below) = matrix.split_at_mut((pivot + 1) * stride);
        let row = &mut above[pivot * stride..];
        let scale = 1.0 / row[pivot].sqrt();
        row[pivot..size].iter_mut().for_each(|cell| *cell *= scale);
        for (at, target) in (pivot + 1..size).zip(below.chunks_exact_mut(stride)) {
            let factor = row[at];
            target[at..size].iter_mut().zip(&row[at..size]).for_each(|(cell, &value)| *cell -= factor * value);
        }
    }
    for at in 0..size {
        let row = &matrix[at * stride..at * stride + size];
        right[at] /= row[at];
        let known = right[at];
        right[at + 1..size].iter_mut().zip(&row[at + 1..]).for_each(|(cell, &value)| *cell -= known * value);
    }
    for at in (0..size).rev() {
        let row = &matrix[at * stride..at * stride + size];
        let rest: f32 = row[at + 1..].iter().zip(&right[at + 1..size]).map(|(&a, &b)| a * b).sum();
        right[at] = (right[at] - rest) / row[at];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_solution_is_found_again() {
        for size in [1, 3, 4, 7, 8, 21] {
            let width = padded(size + 3);
            let mut vectors = vec![0f32; size * width];
            for row in 0..size {
                for at in 0..size + 3 {
                    vectors[row * width + at] = ((row * 31 + at * 17) % 13) as f32 / 13.0 - 0.4;
                }
            }
            let mut matrix = vec![0f32; size * size];
            add_gram(&vectors, size, width, &mut matrix, size);
            (0..size).for_each(|at| matrix[at * size + at] += 1.0);
            let cell = |row: usize, column: usize| matrix[row.min(column) * size + row.max(column)];
            let planted: Vec<f32> = (0..size).map(|at| at as f32 * 0.3 - 1.0).collect();
            let mut right: Vec<f32> =
                (0..size).map(|row| (0..size).map(|column| cell(row, column) * planted[column]).sum()).collect();
            solve(&mut matrix.clone(), size, size, &mut right);
            right.iter().zip(&planted).for_each(|(&got, &expected)| assert!((got - expected).abs() < 1e-3));
        }
    }
}
