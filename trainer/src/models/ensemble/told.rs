//! Scores that stand beside those of vectors, cell by cell, most of them 0.

use std::cell::Cell;

use juntos_datasets::Csr;
use rayon::prelude::*;

use crate::models::knn::Sums;
use crate::models::sparse::times;

/// A sum of scores `left · right`, each the product of two sparse matrices that is never written out.
pub(super) struct Told(Vec<Term>);

thread_local! {
    /// All zero: fresh sums would be cleared for each row.
    static SUMS: Cell<Option<Sums>> = const { Cell::new(None) };
}

/// One summand.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) left: Csr,
    pub(super) right: Csr,
}

impl Told {
    /// The sum of `terms`, each brought to the standard deviation beside it over all rows and products, below 0 with all signs
    /// turned; `None` without any.
    pub(super) fn by(terms: Vec<(Term, f32)>) -> Option<Self> {
        let terms: Vec<Term> = terms.into_iter().map(|(term, deviation)| term.with_spread(deviation)).collect();
        (!terms.is_empty()).then_some(Self(terms))
    }

    /// The scores of one row that are not 0, by product.
    pub(super) fn of_row(&self, row: usize) -> Vec<(u32, f32)> {
        let columns = self.0[0].right.columns();
        let mut sums = SUMS.take().filter(|sums| sums.products() == columns).unwrap_or_else(|| Sums::new(columns));
        self.0.iter().for_each(|term| term.add_row(row, &mut sums));
        let mut scores = Vec::new();
        sums.drain(|product, score| scores.push((product, score)));
        scores.sort_unstable_by_key(|&(product, _)| product);
        SUMS.set(Some(sums));
        scores
    }

    /// `scores · products`, for vectors of products of `dim` dimensions: one row for each row of the scores.
    pub(super) fn times(&self, products: &[f32], dim: usize) -> Vec<f32> {
        let of_term = |term: &Term| times(&term.left, &times(&term.right, products, dim), dim);
        let mut sum = of_term(&self.0[0]);
        for term in &self.0[1..] {
            sum.iter_mut().zip(of_term(term)).for_each(|(cell, value)| *cell += value);
        }
        sum
    }

    /// The scores of all products for all rows.
    pub(super) fn transpose(&self) -> Self {
        let transposed = |term: &Term| Term { left: term.right.transpose(), right: term.left.transpose() };
        Self(self.0.iter().map(transposed).collect())
    }
}

/// What each row had, by the weights of events.
pub(super) fn of_had(interactions: &Csr) -> Term {
    let products = interactions.columns();
    let same = Csr::by_rows(products, products, |product, cells| cells.push((product as u32, 1.0)));
    Term { left: interactions.clone(), right: same }
}

impl Term {
    fn add_row(&self, row: usize, sums: &mut Sums) {
        for (middle, value) in self.left.entries(row) {
            self.right.entries(middle as usize).for_each(|(product, more)| sums.add(product, value * more));
        }
    }

    /// The same scores, with that standard deviation over all rows and products.
    fn with_spread(self, deviation: f32) -> Self {
        let moments = |sums: &mut Sums, row: usize| {
            let (mut sum, mut squares) = (0.0, 0.0);
            self.add_row(row, sums);
            sums.drain(|_, score| {
                sum += f64::from(score);
                squares += f64::from(score).powi(2);
            });
            (sum, squares)
        };
        let moments: Vec<_> =
            (0..self.left.rows()).into_par_iter().map_init(|| Sums::new(self.right.columns()), moments).collect();
        let (sum, squares) = moments.into_iter().fold((0.0, 0.0), |all, row| (all.0 + row.0, all.1 + row.1));
        let cells = self.left.rows() as f64 * self.right.columns() as f64;
        let spread = (squares / cells - (sum / cells).powi(2)).max(0.0).sqrt();
        let scale = if spread > 0.0 { f64::from(deviation) / spread } else { 0.0 } as f32;
        Self { right: self.right.map_values(|value| scale * value), ..self }
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! 1. Scores of a row are those of the matrices multiplied, each term with the spread that was asked for.
    //! 2. Products with tables, and transposed scores, are those of the whole matrix.

    use faer::Mat;
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) const ROWS: usize = 9;
    pub(in super::super) const COLUMNS: usize = 7;

    pub(in super::super) fn cells(rows: usize, columns: usize) -> impl Strategy<Value = Csr> {
        prop::collection::btree_map((0..rows as u32, 0..columns as u32), 1u8..5, 1..30).prop_map(move |cells| {
            let cells = cells.into_iter().map(|((row, column), value)| (row, column, f32::from(value)));
            Csr::from_entries(rows, columns, cells.collect())
        })
    }

    pub(in super::super) fn dense(matrix: &Csr) -> Mat<f64> {
        Mat::from_fn(matrix.rows(), matrix.columns(), |row, column| f64::from(matrix.get(row, column as u32)))
    }

    pub(in super::super) fn written_out(term: &Term) -> Mat<f64> {
        dense(&term.left) * dense(&term.right)
    }

    pub(in super::super) fn close(one: &Mat<f64>, other: &Mat<f64>) -> bool {
        (one - other).norm_max() < 1e-4 * other.norm_max().max(1.0)
    }

    fn with_spread(scores: Mat<f64>, asked: f32) -> Mat<f64> {
        let count = (scores.nrows() * scores.ncols()) as f64;
        let mean = scores.sum() / count;
        let spread = (scores.norm_l2().powi(2) / count - mean * mean).max(0.0).sqrt();
        if spread > 0.0 { scores * (f64::from(asked) / spread) } else { scores * 0.0 }
    }

    fn all_of(told: &Told, rows: usize, columns: usize) -> Mat<f64> {
        let mut all = Mat::zeros(rows, columns);
        for row in 0..rows {
            for (column, score) in told.of_row(row) {
                all[(row, column as usize)] += f64::from(score);
            }
        }
        all
    }

    fn term() -> impl Strategy<Value = Term> {
        (cells(ROWS, 5), cells(5, COLUMNS)).prop_map(|(left, right)| Term { left, right })
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_its_terms(
            terms in prop::collection::vec((term(), -5.0f32..5.0), 1..4),
            values in prop::collection::vec(-1.0f32..1.0, 2 * ROWS),
        ) {
            let zero = Mat::zeros(ROWS, COLUMNS);
            let expected = terms.iter().fold(zero, |sum, (term, spread)| sum + with_spread(written_out(term), *spread));
            let told = Told::by(terms).unwrap();
            let all = all_of(&told, ROWS, COLUMNS);
            prop_assert!(close(&all, &expected), "{all:?} {expected:?}");
            prop_assert!(close(&all_of(&told.transpose(), COLUMNS, ROWS), &all.transpose().to_owned()));
            for (told, all) in [(&told, &all), (&told.transpose(), &all.transpose().to_owned())] {
                let table = Mat::from_fn(all.ncols(), 2, |row, at| f64::from(values[row * 2 + at]));
                let times = told.times(&values[..all.ncols() * 2], 2);
                let times = Mat::from_fn(all.nrows(), 2, |row, at| f64::from(times[row * 2 + at]));
                prop_assert!(close(&times, &(all * table)));
            }
        }
    }

    #[test]
    fn what_was_had_is_told_by_its_weight() {
        let had = Csr::from_entries(2, 3, vec![(0, 1, 1.0), (0, 2, 0.5), (1, 0, 2.0)]);
        assert!(close(&written_out(&of_had(&had)), &dense(&had)));
    }

    #[test]
    fn nothing_is_told_without_a_term() {
        assert!(Told::by(Vec::new()).is_none());
    }
}
