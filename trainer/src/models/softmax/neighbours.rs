//! What a row takes over from its neighbours in the graph once training is done.

use juntos_datasets::Csr;

use crate::models::als::start::{scales, spread};

/// One step over the graph: `(rows + h · A products, products + k · Aᵀ rows)` for `weights` `(h, k)`, where `A` is
/// `by_row` with each cell over the root of its row's and its column's weight. Gives back the popularity that a softmax
/// over drawn negatives takes away, and what LightGCN (He et al. 2020, equation 3) has in its loop.
pub(super) fn hop(by_row: &Csr, rows: &mut [f32], products: &mut [f32], dim: usize, weights: (f32, f32)) {
    let by_column = by_row.transpose();
    let (row_scale, column_scale) = (scales(by_row), scales(&by_column));
    let to_rows = spread(by_row, products, dim, &row_scale, &column_scale);
    let to_products = spread(&by_column, rows, dim, &column_scale, &row_scale);
    rows.iter_mut().zip(to_rows).for_each(|(cell, value)| *cell += weights.0 * value);
    products.iter_mut().zip(to_products).for_each(|(cell, value)| *cell += weights.1 * value);
}
