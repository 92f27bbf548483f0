//! One half of a sweep: every row solved exactly while the other side stands still.
//!
//! With the Gram matrix `G = Q Λ Qᵀ` the fixed side is rotated by `Q` once; scores do not change, since the solved side
//! comes out in the same basis. In it `A = w0 Λ + λ I` is diagonal, and a row with few entries `Y` (n × dim) of weights
//! `W` needs an `n × n` system only, by the push-through identity:
//! ```text
//! (A + Yᵀ W Y)⁻¹ Yᵀ W 1  =  A⁻¹ Yᵀ z,   (W⁻¹ + Y A⁻¹ Yᵀ) z = 1
//! ```
//! Rows with at least `dim` entries solve the left side as it stands. At the minimum the row's part of the loss is
//! `Σ w - Σ w y·u`, which comes for free.

use faer::MatRef;
use juntos_datasets::Csr;
use rayon::prelude::*;

use super::blocks::{eigen, gram, rotate};
use super::kernels::{add_gram, dot, padded, solve};

/// Rows in one task; fixed, and each row is solved on its own, so threads change nothing.
const ROWS_A_TASK: usize = 32;
/// Entries of a long row that are gathered at a time.
const GATHERED: usize = 512;

/// Sum of a row's weights.
pub(in crate::models) fn weight(matrix: &Csr, row: usize) -> f64 {
    matrix.row(row).1.iter().map(|&value| f64::from(value)).sum()
}

/// How strongly each row is pulled towards zero, and what unobserved cells weigh.
pub(super) struct Penalty {
    unobserved: f32,
    by_row: Vec<f32>,
}

impl Penalty {
    /// `regularization * mean^(1 - exponent) * n^exponent` for a row of weight `n`, unobserved cells counted in.
    pub(super) fn of(matrix: &Csr, unobserved: f32, regularization: f32, exponent: f32) -> Self {
        let cells = f64::from(unobserved) * matrix.columns() as f64;
        let weights: Vec<f64> = (0..matrix.rows()).map(|row| weight(matrix, row) + cells).collect();
        let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        let exponent = f64::from(exponent);
        let penalty = |n: f64| (f64::from(regularization) * mean.powf(1.0 - exponent) * n.powf(exponent)) as f32;
        Self { unobserved, by_row: weights.into_iter().map(penalty).collect() }
    }
}

/// Solves every row of `matrix` into `solved`, `(rows, dim)`, with `fixed`, `(columns, dim)`, rotated in place but
/// otherwise as it is. Returns the loss without the penalty of `fixed`: NaN when numbers left the finite range.
pub(super) fn half_sweep(matrix: &Csr, fixed: &mut [f32], solved: &mut [f32], penalty: &Penalty) -> f64 {
    let dim = solved.len() / matrix.rows();
    let Some((spectrum, basis)) = eigen(&gram(fixed, dim)) else { return f64::NAN };
    rotate(fixed, &basis);
    let fixed = &*fixed;
    let losses: Vec<f64> = solved
        .par_chunks_mut(ROWS_A_TASK * dim)
        .enumerate()
        .map_init(Scratch::default, |scratch, (task, block)| {
            let mut loss = 0.0;
            for (at, target) in block.chunks_exact_mut(dim).enumerate() {
                let row = task * ROWS_A_TASK + at;
                let system = System { entries: matrix.row(row), fixed, spectrum: &spectrum, row, penalty };
                loss += pulp::Arch::new().dispatch(Solve { system, scratch, target });
            }
            loss
        })
        .collect();
    losses.iter().sum()
}

#[derive(Default)]
struct Scratch {
    vectors: Vec<f32>,
    matrix: Vec<f32>,
    right: Vec<f32>,
    part: Vec<f32>,
}

struct System<'a> {
    entries: (&'a [u32], &'a [f32]),
    fixed: &'a [f32],
    spectrum: &'a [f32],
    row: usize,
    penalty: &'a Penalty,
}

/// One row to solve. A type of its own, since only its `call`, unlike a closure's, is sure to become part of what is
/// compiled for wide vectors.
struct Solve<'a> {
    system: System<'a>,
    scratch: &'a mut Scratch,
    target: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Solve<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        self.system.solve(self.scratch, self.target)
    }
}

impl System<'_> {
    #[inline(always)]
    fn solve(&self, scratch: &mut Scratch, target: &mut [f32]) -> f64 {
        target.fill(0.0);
        match self.entries.0.len() {
            0 => 0.0,
            few if few < target.len() => self.solve_few(scratch, target),
            _ => self.solve_many(scratch, target),
        }
    }

    #[inline(always)]
    fn diagonal(&self, at: usize) -> f32 {
        self.penalty.unobserved * self.spectrum[at] + self.penalty.by_row[self.row]
    }

    #[inline(always)]
    fn vector(&self, column: u32, dim: usize) -> &[f32] {
        &self.fixed[column as usize * dim..(column as usize + 1) * dim]
    }

    #[inline(always)]
    fn solve_few(&self, scratch: &mut Scratch, target: &mut [f32]) -> f64 {
        let (columns, weights) = self.entries;
        let (dim, size) = (target.len(), columns.len());
        let width = padded(dim);
        reset(&mut scratch.right, width);
        (0..dim).for_each(|at| scratch.right[at] = self.diagonal(at).sqrt().recip());
        reset(&mut scratch.vectors, size * width);
        for (&column, gathered) in columns.iter().zip(scratch.vectors.chunks_exact_mut(width)) {
            let source = self.vector(column, dim).iter().zip(&scratch.right);
            gathered.iter_mut().zip(source).for_each(|(cell, (&value, &scale))| *cell = value * scale);
        }
        reset(&mut scratch.matrix, size * size);
        (0..size).for_each(|at| scratch.matrix[at * size + at] = weights[at].recip());
        add_gram(MatRef::from_row_major_slice(&scratch.vectors, size, width), &mut scratch.matrix);
        scratch.part.clear();
        scratch.part.resize(size, 1.0);
        solve(&mut scratch.matrix, size, &mut scratch.part);
        for (&z, gathered) in scratch.part.iter().zip(scratch.vectors.chunks_exact(width)) {
            target.iter_mut().zip(gathered).for_each(|(cell, &value)| *cell += z * value);
        }
        target.iter_mut().zip(&scratch.right).for_each(|(cell, &scale)| *cell *= scale);
        scratch.part.iter().map(|&z| f64::from(z)).sum()
    }

    #[inline(always)]
    fn solve_many(&self, scratch: &mut Scratch, target: &mut [f32]) -> f64 {
        let (columns, weights) = self.entries;
        let dim = target.len();
        reset(&mut scratch.matrix, dim * dim);
        (0..dim).for_each(|at| scratch.matrix[at * dim + at] = self.diagonal(at));
        reset(&mut scratch.right, padded(dim));
        for (columns, weights) in columns.chunks(GATHERED).zip(weights.chunks(GATHERED)) {
            let width = padded(columns.len());
            reset(&mut scratch.vectors, dim * width);
            for (entry, (&column, &weight)) in columns.iter().zip(weights).enumerate() {
                let root = weight.sqrt();
                for (at, &value) in self.vector(column, dim).iter().enumerate() {
                    scratch.vectors[at * width + entry] = root * value;
                    scratch.right[at] += weight * value;
                }
            }
            add_gram(MatRef::from_row_major_slice(&scratch.vectors, dim, width), &mut scratch.matrix);
        }
        target.copy_from_slice(&scratch.right[..dim]);
        solve(&mut scratch.matrix, dim, target);
        let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        scratch.vectors.clear();
        scratch.vectors.extend_from_slice(target);
        scratch.vectors.resize(padded(dim), 0.0);
        total - f64::from(dot(&scratch.vectors, &scratch.right))
    }
}

fn reset(buffer: &mut Vec<f32>, length: usize) {
    buffer.clear();
    buffer.resize(length, 0.0);
}
