//! Tall matrices in blocks of rows: Gram matrix, rotation, eigenbasis. Blocks have a fixed size and are added up in
//! order, so the number of threads changes nothing.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use rayon::prelude::*;

const BLOCK_ROWS: usize = 2048;

/// `Σ y yᵀ` over the rows of `tall`, `(dim, dim)`.
pub(in crate::models) fn gram(tall: &[f32], dim: usize) -> Mat<f64> {
    let parts: Vec<Mat<f32>> = tall.par_chunks(BLOCK_ROWS * dim).map(|block| block_gram(block, dim)).collect();
    let mut sum = Mat::<f64>::zeros(dim, dim);
    for part in parts {
        for column in 0..dim {
            for row in 0..dim {
                sum[(row, column)] += f64::from(part[(row, column)]);
            }
        }
    }
    sum
}

fn block_gram(block: &[f32], dim: usize) -> Mat<f32> {
    let block = MatRef::from_row_major_slice(block, block.len() / dim, dim);
    let mut out = Mat::zeros(dim, dim);
    matmul(out.as_mut(), Accum::Replace, block.transpose(), block, 1.0, Par::Seq);
    out
}

/// Replaces every row `y` of `tall` by `basisᵀ y`.
pub(super) fn rotate(tall: &mut [f32], basis: &Mat<f32>) {
    let dim = basis.nrows();
    tall.par_chunks_mut(BLOCK_ROWS * dim).for_each(|block| {
        let old = block.to_vec();
        let rows = block.len() / dim;
        let target = MatMut::from_row_major_slice_mut(block, rows, dim);
        let old = MatRef::from_row_major_slice(&old, rows, dim);
        matmul(target, Accum::Replace, old, basis.as_ref(), 1.0, Par::Seq);
    });
}

/// Eigenvalues (never below 0) and eigenvectors (columns) of a Gram matrix; `None` when it is not finite.
pub(super) fn eigen(gram: &Mat<f64>) -> Option<(Vec<f32>, Mat<f32>)> {
    let dim = gram.nrows();
    if (0..dim).any(|at| !gram[(at, at)].is_finite()) {
        return None;
    }
    let eigen = gram.self_adjoint_eigen(Side::Lower).ok()?;
    let values = (0..dim).map(|at| eigen.S()[at].max(0.0) as f32).collect();
    let vectors = Mat::from_fn(dim, dim, |row, column| eigen.U()[(row, column)] as f32);
    Some((values, vectors))
}
