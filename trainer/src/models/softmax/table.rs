//! A table of vectors of which each step moves a few rows: Adam (Kingma & Ba 2015, algorithm 1) with moments that
//! stand still for rows that a batch does not touch, as PyTorch's `SparseAdam` does it.

use std::fs::File;
use std::io;

use rayon::prelude::*;

use crate::checkpoint::{StateReader, StateWriter};
use crate::models::losses::dot;

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Fewest rows that one task moves.
const ROWS_A_TASK: usize = 64;

/// Vectors `(rows, dim)`, read as directions: only [`units_of`] looks at them, so their length is free.
pub(super) struct Table {
    dim: usize,
    values: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Table {
    pub(super) fn new(values: Vec<f32>, dim: usize) -> Self {
        let size = values.len();
        Self { dim, values, first: vec![0.0; size], second: vec![0.0; size] }
    }

    /// Vectors and moments.
    pub(super) fn write(&self, state: &mut StateWriter<File>) -> io::Result<()> {
        [&self.values, &self.first, &self.second].into_iter().try_for_each(|cells| state.f32s(cells))
    }

    /// A table of so many rows.
    pub(super) fn read(state: &mut StateReader, rows: usize, dim: usize) -> io::Result<Self> {
        let mut cells = || state.f32s(rows * dim);
        Ok(Self { dim, values: cells()?, first: cells()?, second: cells()? })
    }

    /// Whether all cells of vectors are finite.
    pub(super) fn is_finite(&self) -> bool {
        self.values.par_chunks(ROWS_A_TASK * self.dim).all(|cells| cells.iter().all(|cell| cell.is_finite()))
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Moves each of `rows`, which ascend, against its gradient, which was taken at its unit vector; `step` counts from
    /// 1 over the whole table.
    pub(super) fn descend(&mut self, rows: &[u32], gradients: &[f32], rate: f32, step: u64) {
        let dim = self.dim;
        let adam = Adam::at(step, rate);
        let parts = [&mut self.values, &mut self.first, &mut self.second].map(|table| pick(table, rows, dim));
        let [values, first, second] = parts;
        let cells = values.into_par_iter().zip(first).zip(second).zip(gradients.par_chunks_exact(dim));
        cells.with_min_len(ROWS_A_TASK).for_each(|(((values, first), second), gradient)| {
            pulp::Arch::new().dispatch(Descent { adam: &adam, values, first, second, gradient });
        });
    }

    /// All rows scaled to length 1.
    pub(super) fn units(&self) -> Vec<f32> {
        all_units(&self.values, self.dim)
    }
}

/// All rows of `vectors`, scaled to length 1.
pub(in crate::models) fn all_units(vectors: &[f32], dim: usize) -> Vec<f32> {
    units_of(vectors, dim, (0..(vectors.len() / dim) as u32).into_par_iter())
}

/// Some of the rows of `vectors`, scaled to length 1, `(rows.len(), dim)`; rows of zeros stay as they are.
pub(in crate::models) fn units_of(
    vectors: &[f32],
    dim: usize,
    rows: impl IndexedParallelIterator<Item = u32>,
) -> Vec<f32> {
    let mut units = vec![0.0; rows.len() * dim];
    units.par_chunks_exact_mut(dim).zip(rows).with_min_len(ROWS_A_TASK).for_each(|(to, row)| {
        let from = &vectors[row as usize * dim..(row as usize + 1) * dim];
        pulp::Arch::new().dispatch(Unit { from, to });
    });
    units
}

/// One row scaled to length 1, compiled for wide vectors.
struct Unit<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Unit<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let square = dot(self.from, self.from);
        let scale = if square > 0.0 { square.sqrt().recip() } else { 0.0 };
        self.to.iter_mut().zip(self.from).for_each(|(to, &from)| *to = scale * from);
    }
}

/// The cells of each of `rows`, which ascend.
fn pick<'a>(mut table: &'a mut [f32], rows: &[u32], dim: usize) -> Vec<&'a mut [f32]> {
    let mut done = 0;
    let cells = |&row: &u32| {
        let (_, rest) = std::mem::take(&mut table).split_at_mut((row as usize - done) * dim);
        let (cells, rest) = rest.split_at_mut(dim);
        (table, done) = (rest, row as usize + 1);
        cells
    };
    rows.iter().map(cells).collect()
}

/// One step of Adam.
struct Adam {
    rate: f32,
    first_bias: f32,
    second_bias: f32,
}

impl Adam {
    fn at(step: u64, rate: f32) -> Self {
        let power = step.min(i32::MAX as u64) as i32;
        Self { rate, first_bias: 1.0 - FIRST_DECAY.powi(power), second_bias: 1.0 - SECOND_DECAY.powi(power) }
    }

    #[inline(always)]
    fn descend(&self, values: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
        let (along, scale) = chain(values, gradient);
        for (((value, first), second), &slope) in values.iter_mut().zip(first).zip(second).zip(gradient) {
            let slope = scale * (slope - along * *value);
            *first += (1.0 - FIRST_DECAY) * (slope - *first);
            *second += (1.0 - SECOND_DECAY) * (slope * slope - *second);
            *value -= self.rate * (*first / self.first_bias) / ((*second / self.second_bias).sqrt() + EPSILON);
        }
    }
}

/// One row's step, compiled for wide vectors.
struct Descent<'a> {
    adam: &'a Adam,
    values: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
}

impl pulp::NullaryFnOnce for Descent<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.adam.descend(self.values, self.first, self.second, self.gradient);
    }
}

/// The chain rule of `v ↦ v / |v|`: with `(along, scale)` the gradient at `v` is `scale · (gradient - along · v)`.
#[inline(always)]
pub(in crate::models) fn chain(values: &[f32], gradient: &[f32]) -> (f32, f32) {
    let square = dot(values, values).max(f32::MIN_POSITIVE);
    (dot(values, gradient) / square, square.sqrt().recip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_turn_a_row_downhill_and_leave_the_others() {
        let target = [0.0, 0.6, -0.8];
        let mut table = Table::new(vec![2.0, 0.1, 0.0, 1.0, 2.0, 2.0], 3);
        for step in 1..=400 {
            table.descend(&[0], &target.map(|value: f32| -value), 0.02, step);
        }
        let units = table.units();
        let cosine: f32 = units[..3].iter().zip(&target).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.999, "cosine {cosine}");
        let third = 1.0 / 3.0;
        units[3..].iter().zip([third, 2.0 * third, 2.0 * third]).for_each(|(a, b)| assert!((a - b).abs() < 1e-6));
    }

    #[test]
    fn what_is_not_finite_is_noticed() {
        let mut table = Table::new(vec![1.0; 300], 3);
        assert!(table.is_finite());
        for wrong in [f32::NAN, f32::INFINITY] {
            table.values[299] = wrong;
            assert!(!table.is_finite());
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_direction() {
        let (start, slope) = ([0.5f32, -1.0, 2.0], [0.3f32, 0.7, -0.2]);
        let (along, scale) = chain(&start, &slope);
        let loss =
            |values: &[f32]| values.iter().zip(&slope).map(|(a, b)| a * b).sum::<f32>() / dot(values, values).sqrt();
        for at in 0..3 {
            let moved = |by: f32| {
                let mut values = start;
                values[at] += by;
                loss(&values)
            };
            let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            let got = scale * (slope[at] - along * start[at]);
            assert!((got - expected).abs() < 1e-4, "cell {at}");
        }
    }
}
