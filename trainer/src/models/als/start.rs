//! Where the factorisation starts: columns near the leading singular vectors of the normalised matrix, by a few steps
//! of subspace iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4), so that few sweeps are enough.

use faer::Mat;
use juntos_datasets::Csr;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::blocks::{eigen, gram, rotate};

const STEPS: usize = 3;
/// Steps after which leading singular vectors hardly change any more.
const MANY_STEPS: usize = 10;
/// Directions beyond those wanted, so that an unlucky start cannot hide one that is wanted.
const SPARE: usize = 8;
const ROWS_A_TASK: usize = 256;

/// `(columns, dim)` start vectors.
pub(in crate::models) fn columns(by_row: &Csr, by_column: &Csr, dim: usize, seed: u64) -> Vec<f32> {
    let normalised = Normalised { by_row, by_column, row_scale: &scales(by_row), column_scale: &scales(by_column) };
    let mut columns = normalised.basis(dim, STEPS, seed);
    lengthen(&mut columns, dim, by_column, 0.5);
    columns
}

/// A matrix whose cells are scaled for their row and their column.
#[derive(Debug, Clone, Copy)]
pub(in crate::models) struct Normalised<'a> {
    pub(in crate::models) by_row: &'a Csr,
    pub(in crate::models) by_column: &'a Csr,
    pub(in crate::models) row_scale: &'a [f32],
    pub(in crate::models) column_scale: &'a [f32],
}

impl Normalised<'_> {
    /// `(columns, dim)`: an orthonormal basis of nearly the leading right singular vectors: the best of a somewhat larger
    /// subspace (Rayleigh–Ritz).
    pub(in crate::models) fn leading(self, dim: usize, seed: u64) -> Vec<f32> {
        let wide = dim.max(self.by_column.rows().min(dim + SPARE));
        let mut columns = self.basis(wide, MANY_STEPS, seed);
        let rows = self.rows(&columns, wide);
        let Some((values, directions)) = eigen(&gram(&rows, wide)) else { return narrow(&columns, wide, dim) };
        let mut order: Vec<usize> = (0..wide).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        rotate(&mut columns, &Mat::from_fn(wide, wide, |row, column| directions[(row, order[column])]));
        narrow(&columns, wide, dim)
    }

    /// The product with `columns`: `(rows, dim)`.
    pub(in crate::models) fn rows(self, columns: &[f32], dim: usize) -> Vec<f32> {
        spread(self.by_row, columns, dim, self.row_scale, self.column_scale)
    }

    fn basis(self, dim: usize, steps: usize, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut columns: Vec<f32> = (0..self.by_column.rows() * dim).map(|_| centred(&mut rng)).collect();
        for _ in 0..steps {
            let rows = self.rows(&columns, dim);
            columns = spread(self.by_column, &rows, dim, self.column_scale, self.row_scale);
            whiten(&mut columns, dim);
        }
        columns
    }
}

/// The first `dim` of each row's `wide` cells.
fn narrow(tall: &[f32], wide: usize, dim: usize) -> Vec<f32> {
    tall.chunks_exact(wide).flat_map(|row| &row[..dim]).copied().collect()
}

/// Multiplies each column's vector by the root of its weight, to the power of `exponent`.
pub(in crate::models) fn lengthen(columns: &mut [f32], dim: usize, by_column: &Csr, exponent: f32) {
    for (column, scale) in columns.chunks_exact_mut(dim).zip(scales(by_column)) {
        let popularity = if scale > 0.0 { scale.recip().powf(exponent) } else { 0.0 };
        column.iter_mut().for_each(|cell| *cell *= popularity);
    }
}

/// Triangular on (-1, 1): enough for a start, and free of transcendental functions.
pub(in crate::models) fn centred(rng: &mut ChaCha8Rng) -> f32 {
    let unit = |bits: u32| (bits >> 8) as f32 / (1u32 << 24) as f32;
    unit(rng.next_u32()) - unit(rng.next_u32())
}

/// One over the square root of each row's weight; 0 for empty rows.
pub(in crate::models) fn scales(matrix: &Csr) -> Vec<f32> {
    scales_to(matrix, 1.0)
}

/// The same to the power of `exponent`.
pub(in crate::models) fn scales_to(matrix: &Csr, exponent: f32) -> Vec<f32> {
    let scale = |weight: f64| if weight > 0.0 { weight.sqrt().recip().powf(f64::from(exponent)) as f32 } else { 0.0 };
    (0..matrix.rows()).map(|row| scale(super::solve::weight(matrix, row))).collect()
}

/// The sparse product of `matrix`, each cell scaled for its row and its column, with `from`, `(columns, dim)`.
pub(in crate::models) fn spread(
    matrix: &Csr,
    from: &[f32],
    dim: usize,
    to_scale: &[f32],
    from_scale: &[f32],
) -> Vec<f32> {
    let mut to = vec![0f32; matrix.rows() * dim];
    to.par_chunks_mut(ROWS_A_TASK * dim).enumerate().for_each(|(task, block)| {
        let first = task * ROWS_A_TASK;
        pulp::Arch::new().dispatch(Spread { matrix, from, dim, to_scale, from_scale, first, block });
    });
    to
}

/// The rows of [`spread`] from `first` on.
struct Spread<'a> {
    matrix: &'a Csr,
    from: &'a [f32],
    dim: usize,
    to_scale: &'a [f32],
    from_scale: &'a [f32],
    first: usize,
    block: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (row, target) in (self.first..).zip(self.block.chunks_exact_mut(self.dim)) {
            let (columns, values) = self.matrix.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                let weight = value * self.to_scale[row] * self.from_scale[column as usize];
                let source = &self.from[column as usize * self.dim..(column as usize + 1) * self.dim];
                target.iter_mut().zip(source).for_each(|(cell, &value)| *cell += weight * value);
            }
        }
    }
}

/// Makes the directions of `tall` orthonormal; directions that hold nothing become zero.
fn whiten(tall: &mut [f32], dim: usize) {
    let Some((values, mut basis)) = eigen(&gram(tall, dim)) else { return };
    let floor = values.iter().copied().fold(0.0, f32::max) * 1e-10;
    for (at, &value) in values.iter().enumerate() {
        let scale = if value > floor { value.sqrt().recip() } else { 0.0 };
        (0..dim).for_each(|row| basis[(row, at)] *= scale);
    }
    rotate(tall, &basis);
}
