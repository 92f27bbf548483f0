//! Narrow vectors that rank as wide ones do.
//!
//! The best approximation of all scores is not that of the few that make up a list. So narrow vectors are fitted once more
//! (ranking distillation: Tang and Wang 2018, arXiv 1809.07428), here in closed form. With `s` the wide score, and the list
//! of a row what it had and the best [`LISTED`] products beside,
//! ```text
//! minimise  Σ_all (x·y - s)² + w Σ_listed (x·y - s)²,   w such that a list weighs LISTS_WEIGH times all products
//! ```
//! first over rows, then over products: each is one small system, whose first sum needs Gram matrices only.

use faer::Mat;
use juntos_datasets::Csr;
use rayon::prelude::*;

use super::unite::Tables;
use crate::evaluate::rank::{Query, top_products};
use crate::models::FitData;
use crate::models::als::blocks;
use crate::models::als::kernels::{add_gram, padded, solve};
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

/// `narrow` fitted to the lists of `wide`.
pub(super) fn distil(data: &FitData<'_>, wide: &Tables, narrow: Tables) -> Tables {
    let lists = lists(data, wide);
    let count = data.interactions.columns();
    let weight = LISTS_WEIGH * count as f32 / LISTED.min(count) as f32;
    let dims = (narrow.dim, wide.dim);
    let products = Fixed { narrow: &narrow.products, wide: &wide.products, dims, weight };
    let rows = products.fit(&lists, &wide.rows);
    let of_rows = Fixed { narrow: &rows, wide: &wide.rows, dims, weight };
    let products = of_rows.fit(&lists.transpose(), &wide.products);
    Tables { rows, products, dim: narrow.dim }
}

/// What each row had, and the best products beside.
pub(super) fn lists(data: &FitData<'_>, wide: &Tables) -> Csr {
    let queries: Vec<Query<'_>> = wide
        .rows
        .chunks_exact(wide.dim)
        .enumerate()
        .map(|(row, vector)| Query { vector, without: data.interactions.row(row).0 })
        .collect();
    let best = top_products(&queries, &wide.products, wide.dim, LISTED);
    Csr::by_rows(queries.len(), data.interactions.columns(), |row, cells| {
        cells.extend(best[row].iter().chain(queries[row].without).map(|&product| (product, 1.0)));
    })
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
    /// The narrow vectors of the other side, whose wide ones are given; `lists` are its rows.
    pub(super) fn fit(&self, lists: &Csr, wide: &[f32]) -> Vec<f32> {
        let (dim, wide_dim) = self.dims;
        let mut gram = blocks::gram(self.narrow, dim);
        let ridge = RIDGE * (0..dim).map(|at| gram[(at, at)]).sum::<f64>() / dim as f64;
        (0..dim).for_each(|at| gram[(at, at)] += ridge);
        let gram: Vec<f32> = (0..dim * dim).map(|at| gram[(at / dim, at % dim)] as f32).collect();
        // What the sum over all cells asks of each row.
        let mut solved = blocks::times_all(wide, &self.cross());
        solved.par_chunks_mut(ROWS_A_TASK * dim).enumerate().for_each_init(
            Scratch::default,
            |scratch, (task, block)| {
                for (row, target) in (task * ROWS_A_TASK..).zip(block.chunks_exact_mut(dim)) {
                    let (columns, wide) = (lists.row(row).0, &wide[row * wide_dim..(row + 1) * wide_dim]);
                    pulp::Arch::new().dispatch(Solve { fixed: self, gram: &gram, columns, wide, scratch, target });
                }
            },
        );
        solved
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
    fixed: &'a Fixed<'a>,
    gram: &'a [f32],
    columns: &'a [u32],
    wide: &'a [f32],
    scratch: &'a mut Scratch,
    /// Holds the right side, and then the solution.
    target: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (dim, wide_dim) = self.fixed.dims;
        let root = self.fixed.weight.sqrt();
        self.scratch.matrix.clear();
        self.scratch.matrix.extend_from_slice(self.gram);
        for columns in self.columns.chunks(GATHERED) {
            let width = padded(columns.len());
            self.scratch.vectors.clear();
            self.scratch.vectors.resize(dim * width, 0.0);
            for (entry, &column) in columns.iter().enumerate() {
                let at = column as usize;
                let score = root * dot(self.wide, &self.fixed.wide[at * wide_dim..(at + 1) * wide_dim]);
                for (place, &value) in self.fixed.narrow[at * dim..(at + 1) * dim].iter().enumerate() {
                    let value = root * value;
                    self.scratch.vectors[place * width + entry] = value;
                    self.target[place] += score * value;
                }
            }
            add_gram(&self.scratch.vectors, dim, width, &mut self.scratch.matrix, dim);
        }
        solve(&mut self.scratch.matrix, dim, dim, self.target);
    }
}
