//! Narrow vectors that rank as wide ones do.
//!
//! The best approximation of all scores is not that of the few that make up a list. So narrow vectors are fitted once more
//! (ranking distillation: Tang and Wang 2018, arXiv 1809.07428), here in closed form. With `s` the wide score, and the list
//! of a row what it had and the best [`LISTED`] products beside,
//! ```text
//! minimise  Σ_all (x·y - s)² + w Σ_listed (x·y - s)²,   w such that a list weighs LISTS_WEIGH times all products
//! ```
//! first over rows, then over products: each is one small system, whose first sum needs Gram matrices only. What is
//! [`Told`] of single cells may be added to the wide scores.

use faer::{Mat, MatRef};
use juntos_datasets::Csr;
use rayon::prelude::*;

use super::told::Told;
use super::unite::Tables;
use crate::evaluate::rank::{Query, top_products_with};
use crate::models::FitData;
use crate::models::als::blocks;
use crate::models::als::kernels::{add_gram, solve};
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

/// `start` fitted to `wide` and what is `told` together, above all to what the [`lists()`] of its rows hold: both sides are solved for
/// `sweeps` times.
pub(super) fn distil(lists: &Csr, wide: &Tables, told: Option<&Told>, (start, sweeps): (Tables, usize)) -> Tables {
    let weight = LISTS_WEIGH * lists.columns() as f32 / LISTED.min(lists.columns()) as f32;
    let dims = (start.dim, wide.dim);
    let (by_product, of_products) = (lists.transpose(), told.map(Told::transpose));
    let mut fitted = start;
    for _ in 0..sweeps {
        let products = Fixed { narrow: &fitted.products, wide: &wide.products, dims, weight };
        fitted.rows = products.fit(lists, &wide.rows, told);
        let rows = Fixed { narrow: &fitted.rows, wide: &wide.rows, dims, weight };
        fitted.products = rows.fit(&by_product, &wide.products, of_products.as_ref());
    }
    fitted
}

/// What each user and group had, and the best products beside, as `ranking` and what is `told` rank them together: which cells
/// count more need not be known better. Values are the `wide` scores and what is told.
pub(super) fn lists(data: &FitData<'_>, ranking: &Tables, wide: &Tables, told: Option<&Told>) -> Csr {
    let query = |(row, vector)| Query { vector, without: data.interactions.row(row).0 };
    let queries: Vec<Query<'_>> = ranking.rows.chunks_exact(ranking.dim).enumerate().map(query).collect();
    let told = |row: usize| told.map_or_else(Vec::new, |all| all.of_row(row));
    let best = top_products_with(&queries, told, &ranking.products, ranking.dim, LISTED);
    let list = |(row, best): (usize, Vec<u32>)| -> Vec<(u32, f32)> {
        let told = told(row);
        let value = |product: u32| {
            let told = told.binary_search_by_key(&product, |cell| cell.0).map_or(0.0, |at| told[at].1);
            wide.score(row, product as usize) + told
        };
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
    /// The narrow vectors of the other side, whose wide ones are given; `lists` are its rows. The vectors that stand still are
    /// made white before, and what is solved for is brought back after.
    pub(super) fn fit(&self, lists: &Csr, wide: &[f32], told: Option<&Told>) -> Vec<f32> {
        let (dim, wide_dim) = self.dims;
        let Some((there, back)) = whitening(blocks::gram(self.narrow, dim)) else {
            return vec![f32::NAN; wide.len() / wide_dim * dim];
        };
        let white = blocks::times_all(self.narrow, &there);
        let mut solved = blocks::times_all(wide, &self.cross(&white));
        if let Some(told) = told {
            let told = told.times(&white, dim);
            solved.iter_mut().zip(told).for_each(|(cell, told)| *cell += told);
        }
        solved.par_chunks_mut(ROWS_A_TASK * dim).enumerate().for_each_init(
            Scratch::default,
            |scratch, (task, block)| {
                for (row, target) in (task * ROWS_A_TASK..).zip(block.chunks_exact_mut(dim)) {
                    let system = System { white: &white, weight: self.weight, list: lists.row(row) };
                    pulp::Arch::new().dispatch(Solve { system, scratch, target });
                }
            },
        );
        blocks::times_all(&solved, &back)
    }

    /// `Σ v yᵀ`, `(wide, dim)`, over all of the fixed side with its `white` vectors `y`.
    fn cross(&self, white: &[f32]) -> Mat<f32> {
        let (dim, wide_dim) = self.dims;
        let cross = blocks::cross((self.wide, wide_dim), (white, dim));
        Mat::from_fn(wide_dim, dim, |row, column| cross[(row, column)] as f32)
    }
}

/// The matrices `(dim, dim)` that take vectors with this Gram matrix to white ones, whose Gram matrix is the unit matrix, and
/// vectors solved for with those back; `None` where they are not finite.
fn whitening(gram: Mat<f64>) -> Option<(Mat<f32>, Mat<f32>)> {
    let dim = gram.nrows();
    let (lengths, directions) = blocks::eigen_of(&gram)?;
    let ridge = (RIDGE * lengths.iter().sum::<f64>() / dim as f64).max(f64::MIN_POSITIVE);
    let there = Mat::from_fn(dim, dim, |row, at| (directions[(row, at)] / (lengths[at] + ridge).sqrt()) as f32);
    let back = there.transpose().to_owned();
    Some((there, back))
}

/// One row to solve for. With the white vectors of its list, times `√w`, as the rows of `V`, and `c` what the sum over all cells
/// asks, it is
/// ```text
/// (1 + VᵀV)⁻¹ (c + √w Vᵀs)  =  c + Vᵀz,   (1 + VVᵀ) z = √w s - Vc
/// ```
/// by the push-through identity: of the two systems the smaller one is solved.
struct System<'a> {
    white: &'a [f32],
    weight: f32,
    list: (&'a [u32], &'a [f32]),
}

#[derive(Default)]
struct Scratch {
    /// `V`, or a part of its rows.
    vectors: Vec<f32>,
    /// `√w s`, and of a short list then `z`.
    scores: Vec<f32>,
    matrix: Vec<f32>,
}

/// One row to solve for. A type of its own, since only its `call`, unlike a closure's, is sure to become part of what is
/// compiled for wide vectors.
struct Solve<'a> {
    system: System<'a>,
    scratch: &'a mut Scratch,
    target: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.system.solve(self.scratch, self.target);
    }
}

impl System<'_> {
    /// `target` holds `c`, and then the solution.
    #[inline(always)]
    fn solve(&self, scratch: &mut Scratch, target: &mut [f32]) {
        match self.list.0.len() {
            0 => {}
            few if few < target.len() => self.solve_few(scratch, target),
            _ => self.solve_many(scratch, target),
        }
    }

    #[inline(always)]
    fn solve_few(&self, scratch: &mut Scratch, target: &mut [f32]) {
        self.gather(self.list, target.len(), scratch);
        let Scratch { vectors, scores, matrix } = scratch;
        let (size, dim) = (scores.len(), target.len());
        for (score, vector) in scores.iter_mut().zip(vectors.chunks_exact(dim)) {
            *score -= dot(vector, target);
        }
        set_to_one(matrix, size);
        add_gram(MatRef::from_row_major_slice(vectors, size, dim), matrix);
        solve(matrix, size, scores);
        add_times(target, scores, vectors);
    }

    #[inline(always)]
    fn solve_many(&self, scratch: &mut Scratch, target: &mut [f32]) {
        let dim = target.len();
        set_to_one(&mut scratch.matrix, dim);
        for part in self.list.0.chunks(GATHERED).zip(self.list.1.chunks(GATHERED)) {
            self.gather(part, dim, scratch);
            let Scratch { vectors, scores, matrix } = &mut *scratch;
            add_times(target, scores, vectors);
            add_gram(MatRef::from_row_major_slice(vectors, scores.len(), dim).transpose(), matrix);
        }
        solve(&mut scratch.matrix, dim, target);
    }

    /// Gathers rows of `V`, `dim` wide, and `√w s`, of a part of the list.
    #[inline(always)]
    fn gather(&self, (columns, aims): (&[u32], &[f32]), dim: usize, scratch: &mut Scratch) {
        let root = self.weight.sqrt();
        scratch.vectors.clear();
        scratch.scores.clear();
        scratch.scores.extend(aims.iter().map(|aim| root * aim));
        for at in columns.iter().map(|&column| column as usize) {
            scratch.vectors.extend(self.white[at * dim..(at + 1) * dim].iter().map(|value| root * value));
        }
    }
}

/// Adds `Σ factor · row` over the rows of a table.
#[inline(always)]
fn add_times(target: &mut [f32], factors: &[f32], rows: &[f32]) {
    for (&factor, row) in factors.iter().zip(rows.chunks_exact(target.len())) {
        target.iter_mut().zip(row).for_each(|(cell, value)| *cell += factor * value);
    }
}

fn set_to_one(matrix: &mut Vec<f32>, size: usize) {
    matrix.clear();
    matrix.resize(size * size, 0.0);
    (0..size).for_each(|at| matrix[at * size + at] = 1.0);
}
