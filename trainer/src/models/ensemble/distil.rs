//! Narrow vectors that rank as wide ones do.
//!
//! The best approximation of all scores is not that of the few that make up a list. So narrow vectors are fitted once more
//! (ranking distillation: Tang and Wang 2018, arXiv 1809.07428), here in closed form. With `s` the wide score, and the list
//! of a row what it had and the best [`LISTED`] products beside,
//! ```text
//! minimise  Σ_all (x·y - s)² + w Σ_listed (x·y - s)²,   w such that a list weighs LISTS_WEIGH times all products
//! ```
//! first over rows, then over products: each is one small system, whose first sum needs Gram matrices only. What
//! [`Neighbours`] say may be added to the wide scores.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use juntos_datasets::Csr;
use rayon::prelude::*;

use super::neighbours::Neighbours;
use super::unite::Tables;
use crate::evaluate::rank::{Query, top_products_with};
use crate::models::FitData;
use crate::models::als::blocks;
use crate::models::als::kernels::solve;
use crate::models::losses::dot;

/// Products of a list, beside those that were had.
const LISTED: usize = 100;
/// How much the cells of a list of [`LISTED`] products weigh together, over those of all products.
const LISTS_WEIGH: f32 = 2.0;
/// What is added to the diagonal, over its mean, so that a direction that holds nothing does no harm.
const RIDGE: f64 = 1e-6;
const ROWS_A_TASK: usize = 32;
/// Listed vectors that are gathered at a time.
const GATHERED: usize = 512;

/// `narrow` fitted to `wide` and `neighbours` together, above all to the `lists` of its rows.
pub(super) fn distil(lists: &Csr, wide: &Tables, neighbours: Option<&Neighbours>, narrow: Tables) -> Tables {
    let weight = LISTS_WEIGH * lists.columns() as f32 / LISTED.min(lists.columns()) as f32;
    let dims = (narrow.dim, wide.dim);
    let products = Fixed { narrow: &narrow.products, wide: &wide.products, dims, weight };
    let rows = products.fit(lists, &wide.rows, neighbours);
    let of_rows = Fixed { narrow: &rows, wide: &wide.rows, dims, weight };
    let of_products = neighbours.map(Neighbours::transpose);
    let products = of_rows.fit(&lists.transpose(), &wide.products, of_products.as_ref());
    Tables { rows, products, dim: narrow.dim }
}

/// What each user and group had, and the best products beside, as `ranking` and `neighbours` rank them together: which cells
/// count more need not be known better. Values are what neighbours say.
pub(super) fn lists(data: &FitData<'_>, ranking: &Tables, neighbours: Option<&Neighbours>) -> Csr {
    let query = |(row, vector)| Query { vector, without: data.interactions.row(row).0 };
    let queries: Vec<Query<'_>> = ranking.rows.chunks_exact(ranking.dim).enumerate().map(query).collect();
    let told = |row: usize| neighbours.map_or_else(Vec::new, |all| all.of_row(row, &mut all.sums()));
    let best = top_products_with(&queries, told, &ranking.products, ranking.dim, LISTED);
    let list = |(row, best): (usize, Vec<u32>)| -> Vec<(u32, f32)> {
        let told = told(row);
        let value = |product: u32| told.binary_search_by_key(&product, |cell| cell.0).map_or(0.0, |at| told[at].1);
        best.iter().chain(queries[row].without).map(|&product| (product, value(product))).collect()
    };
    let lists: Vec<_> = best.into_par_iter().enumerate().map(list).collect();
    Csr::by_rows(lists.len(), data.interactions.columns(), |row, cells| cells.extend(&lists[row]))
}

/// The side that stands still while the other is solved for.
pub(super) struct Fixed<'a> {
    pub(super) narrow: &'a [f32],
    pub(super) wide: &'a [f32],
    /// Of both.
    pub(super) dims: (usize, usize),
    /// Weight of a listed cell beside 1 for every cell.
    pub(super) weight: f32,
}

impl Fixed<'_> {
    /// The narrow vectors of the other side, whose wide ones are given; `lists` are its rows, and hold what
    /// `neighbours` say of what they list.
    pub(super) fn fit(&self, lists: &Csr, wide: &[f32], neighbours: Option<&Neighbours>) -> Vec<f32> {
        let (dim, wide_dim) = self.dims;
        let mut gram = blocks::gram(self.narrow, dim);
        let ridge = RIDGE * (0..dim).map(|at| gram[(at, at)]).sum::<f64>() / dim as f64;
        (0..dim).for_each(|at| gram[(at, at)] += ridge);
        let gram: Vec<f32> = (0..dim * dim).map(|at| gram[(at / dim, at % dim)] as f32).collect();
        // What the sum over all cells asks of each row.
        let mut solved = blocks::times_all(wide, &self.cross());
        if let Some(neighbours) = neighbours {
            let told = neighbours.times(self.narrow, dim);
            solved.iter_mut().zip(told).for_each(|(cell, told)| *cell += told);
        }
        solved.par_chunks_mut(ROWS_A_TASK * dim).enumerate().for_each_init(
            Scratch::default,
            |scratch, (task, block)| {
                for (row, target) in (task * ROWS_A_TASK..).zip(block.chunks_exact_mut(dim)) {
                    let wide = &wide[row * wide_dim..(row + 1) * wide_dim];
                    scratch.matrix.clone_from(&gram);
                    self.add_listed(lists.row(row), wide, scratch, target);
                    pulp::Arch::new().dispatch(Solve { matrix: &mut scratch.matrix, target });
                }
            },
        );
        solved
    }

    /// Adds what the listed cells of the row `wide` ask, to both sides of its system.
    fn add_listed(&self, list: (&[u32], &[f32]), wide: &[f32], scratch: &mut Scratch, right: &mut [f32]) {
        let (dim, wide_dim) = self.dims;
        let root = self.weight.sqrt();
        for (listed, told) in list.0.chunks(GATHERED).zip(list.1.chunks(GATHERED)) {
            scratch.vectors.clear();
            for (&column, told) in listed.iter().zip(told) {
                let at = column as usize;
                let vector = &self.narrow[at * dim..(at + 1) * dim];
                let score = dot(wide, &self.wide[at * wide_dim..(at + 1) * wide_dim]) + told;
                scratch.vectors.extend(vector.iter().map(|value| root * value));
                right.iter_mut().zip(vector).for_each(|(cell, value)| *cell += self.weight * score * value);
            }
            let vectors = MatRef::from_row_major_slice(&scratch.vectors, listed.len(), dim);
            let matrix = MatMut::from_row_major_slice_mut(&mut scratch.matrix, dim, dim);
            matmul(matrix, Accum::Add, vectors.transpose(), vectors, 1.0, Par::Seq);
        }
    }

    /// `Σ v yᵀ`, `(wide, dim)`, over all of the fixed side.
    fn cross(&self) -> Mat<f32> {
        let (dim, wide_dim) = self.dims;
        let cross = blocks::cross((self.wide, wide_dim), (self.narrow, dim));
        Mat::from_fn(wide_dim, dim, |row, column| cross[(row, column)] as f32)
    }
}

#[derive(Default)]
struct Scratch {
    vectors: Vec<f32>,
    matrix: Vec<f32>,
}

/// One row to solve. A type of its own, since only its `call`, unlike a closure's, is sure to become part of what is
/// compiled for wide registers.
struct Solve<'a> {
    /// `(dim, dim)`, symmetric.
    matrix: &'a mut [f32],
    /// Holds the right side, and then the solution.
    target: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let dim = self.target.len();
        solve(self.matrix, dim, dim, self.target);
    }
}
