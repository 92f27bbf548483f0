//! Small dense kernels on row-major `f32`.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, MatMut, MatRef, Par, Spec};

/// Rows are padded with zeros to a multiple of this.
pub(super) const LANES: usize = 8;

/// `length` rounded up to whole lanes.
pub(super) const fn padded(length: usize) -> usize {
    length.div_ceil(LANES) * LANES
}

/// Columns of a Gram matrix that are computed together.
const COLUMNS_A_STEP: usize = 48;

/// Adds `E Eᵀ` to `out`, which has as many rows and columns as `E` has rows; what stands above the diagonal, where columns follow
/// each other, is of no use after.
pub(in crate::models) fn add_gram(rows: MatRef<'_, f32>, out: &mut [f32]) {
    let size = rows.nrows();
    let mut out = MatMut::from_column_major_slice_mut(out, size, size);
    for first in (0..size).step_by(COLUMNS_A_STEP) {
        let (below, columns) = (size - first, COLUMNS_A_STEP.min(size - first));
        let part = out.rb_mut().submatrix_mut(first, first, below, columns);
        let some = rows.subrows(first, columns).transpose();
        matmul(part, Accum::Add, rows.subrows(first, below), some, 1.0, Par::Seq);
    }
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

/// Solves `A x = right` in place of `right`; `A` is symmetric, what [`add_gram`] leaves of it is enough, and becomes its Cholesky
/// factor. A matrix that is not positive definite gives NaN.
pub(in crate::models) fn solve(matrix: &mut [f32], size: usize, right: &mut [f32]) {
    let mut matrix = MatMut::from_column_major_slice_mut(matrix, size, size);
    let needed = cholesky_in_place_scratch::<f32>(size, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(needed.or(solve_in_place_scratch::<f32>(size, 1, Par::Seq)));
    let memory = MemStack::new(&mut memory);
    let factored = cholesky_in_place(matrix.rb_mut(), LltRegularization::default(), Par::Seq, memory, Spec::default());
    if factored.is_err() {
        right.fill(f32::NAN);
        return;
    }
    solve_in_place(matrix.rb(), MatMut::from_column_major_slice_mut(right, size, 1), Par::Seq, memory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_solution_is_found_again() {
        for size in [1, 3, 4, 7, 8, 21, 48, 49, 100] {
            let width = padded(size + 3);
            let mut vectors = vec![0f32; size * width];
            for row in 0..size {
                for at in 0..size + 3 {
                    vectors[row * width + at] = ((row * 31 + at * 17) % 13) as f32 / 13.0 - 0.4;
                }
            }
            let mut matrix = vec![0f32; size * size];
            add_gram(MatRef::from_row_major_slice(&vectors, size, width), &mut matrix);
            (0..size).for_each(|at| matrix[at * size + at] += 1.0);
            let cell = |row: usize, column: usize| matrix[row.min(column) * size + row.max(column)];
            let planted: Vec<f32> = (0..size).map(|at| at as f32 * 0.3 - 1.0).collect();
            let mut right: Vec<f32> =
                (0..size).map(|row| (0..size).map(|column| cell(row, column) * planted[column]).sum()).collect();
            solve(&mut matrix.clone(), size, &mut right);
            right.iter().zip(&planted).for_each(|(&got, &expected)| assert!((got - expected).abs() < 1e-3));
        }
    }
}
