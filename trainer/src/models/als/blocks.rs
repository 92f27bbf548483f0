//! Tall matrices in blocks of rows: Gram matrix, rotation, eigenbasis. Blocks have a fixed size and are added up in
//! order, so the number of threads changes nothing.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use rayon::prelude::*;

const BLOCK_ROWS: usize = 2048;

/// `Σ y yᵀ` over the rows of `tall`, `(dim, dim)`.
pub(in crate::models) fn gram(tall: &[f32], dim: usize) -> Mat<f64> {
    let parts: Vec<Mat<f32>> = tall.par_chunks(BLOCK_ROWS * dim).map(|block| block_gram(block, dim)).collect();
    let mut sum = Mat::<f64>::zeros(dim, dim);
    for part in parts {
        for column in 0..dim {
            (column..dim).for_each(|row| sum[(row, column)] += f64::from(part[(row, column)]));
        }
    }
    Mat::from_fn(dim, dim, |row, column| sum[(row.max(column), row.min(column))])
}

/// The lower half.
fn block_gram(block: &[f32], dim: usize) -> Mat<f32> {
    let block = MatRef::from_row_major_slice(block, block.len() / dim, dim);
    let mut out = Mat::zeros(dim, dim);
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(out.as_mut(), lower, Accum::Replace, block.transpose(), whole, block, whole, 1.0, Par::Seq);
    out
}

/// `Σ v yᵀ` over the rows `v` and `y` of two tables with as many rows, each with its number of dimensions.
pub(in crate::models) fn cross((left, wide): (&[f32], usize), (right, dim): (&[f32], usize)) -> Mat<f64> {
    let blocks = left.par_chunks(BLOCK_ROWS * wide).zip(right.par_chunks(BLOCK_ROWS * dim));
    let parts: Vec<Mat<f32>> = blocks.map(|(left, right)| block_cross((left, wide), (right, dim))).collect();
    let mut sum = Mat::<f64>::zeros(wide, dim);
    for part in parts {
        for column in 0..dim {
            for row in 0..wide {
                sum[(row, column)] += f64::from(part[(row, column)]);
            }
        }
    }
    sum
}

fn block_cross((left, wide): (&[f32], usize), (right, dim): (&[f32], usize)) -> Mat<f32> {
    let left = MatRef::from_row_major_slice(left, left.len() / wide, wide);
    let right = MatRef::from_row_major_slice(right, right.len() / dim, dim);
    let mut out = Mat::zeros(wide, dim);
    matmul(out.as_mut(), Accum::Replace, left.transpose(), right, 1.0, Par::Seq);
    out
}

/// Replaces every row `y` of `tall` by `basisᵀ y`.
pub(super) fn rotate(tall: &mut [f32], basis: &Mat<f32>) {
    tall.par_chunks_mut(BLOCK_ROWS * basis.nrows()).for_each(|block| block.copy_from_slice(&times(block, basis)));
}

/// `basisᵀ y` for every row `y` of `tall`.
pub(in crate::models) fn times_all(tall: &[f32], basis: &Mat<f32>) -> Vec<f32> {
    let mut out = vec![0.0; tall.len() / basis.nrows() * basis.ncols()];
    let blocks = out.par_chunks_mut(BLOCK_ROWS * basis.ncols()).zip(tall.par_chunks(BLOCK_ROWS * basis.nrows()));
    blocks.for_each(|(out, block)| times_into(out, block, basis));
    out
}

fn times(block: &[f32], basis: &Mat<f32>) -> Vec<f32> {
    let mut out = vec![0.0; block.len() / basis.nrows() * basis.ncols()];
    times_into(&mut out, block, basis);
    out
}

fn times_into(out: &mut [f32], block: &[f32], basis: &Mat<f32>) {
    let rows = block.len() / basis.nrows();
    let target = MatMut::from_row_major_slice_mut(out, rows, basis.ncols());
    let block = MatRef::from_row_major_slice(block, rows, basis.nrows());
    matmul(target, Accum::Replace, block, basis.as_ref(), 1.0, Par::Seq);
}

/// As [`eigen_of`], in single precision.
pub(super) fn eigen(gram: &Mat<f64>) -> Option<(Vec<f32>, Mat<f32>)> {
    let (values, vectors) = eigen_of(gram)?;
    let single = Mat::from_fn(vectors.nrows(), vectors.ncols(), |row, column| vectors[(row, column)] as f32);
    Some((values.into_iter().map(|value| value as f32).collect(), single))
}

/// Eigenvalues (never below 0) and eigenvectors (columns) of a Gram matrix; `None` when it is not finite.
pub(in crate::models) fn eigen_of(gram: &Mat<f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let dim = gram.nrows();
    if (0..dim).any(|at| !gram[(at, at)].is_finite()) {
        return None;
    }
    let eigen = gram.self_adjoint_eigen(Side::Lower).ok()?;
    let values = (0..dim).map(|at| eigen.S()[at].max(0.0)).collect();
    Some((values, eigen.U().to_owned()))
}
