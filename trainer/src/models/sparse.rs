//! Products of sparse matrices with tables of vectors.

use juntos_datasets::Csr;
use juntos_engine::vectors::add_scaled;
use rayon::prelude::*;

/// `matrix · table`, row by row.
pub(super) fn times(matrix: &Csr, table: &[f32], dim: usize) -> Vec<f32> {
    let mut result = vec![0.0; matrix.rows() * dim];
    result.par_chunks_exact_mut(dim).enumerate().for_each(|(row, sum)| {
        let (columns, values) = matrix.row(row);
        for (&column, &value) in columns.iter().zip(values) {
            add_scaled(sum, value, &table[column as usize * dim..(column as usize + 1) * dim]);
        }
    });
    result
}
