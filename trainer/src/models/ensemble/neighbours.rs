//! What single products say of single others, which no few dimensions hold.

use juntos_datasets::Csr;
use rayon::prelude::*;

use crate::models::als::solve::weight;
use crate::models::knn::{Sums, nearest_of_each};
use crate::models::sparse::times;

/// Scores `had · steps` of all rows for all products: what each product that a row had says of others. They are never
/// written out. Of a transposed one rows are products.
pub(super) struct Neighbours {
    had: Csr,
    steps: Csr,
}

/// Additions that it takes to learn neighbours: pairs of products that somebody had both.
pub(crate) fn co_purchases(interactions: &Csr) -> u64 {
    (0..interactions.rows()).map(|row| (interactions.row(row).0.len() as u64).pow(2)).sum()
}

impl Neighbours {
    /// By a random walk from product to product over rows, both chosen in proportion to weights (P3: Cooper et al. 2014,
    /// "Random walks in recommender systems"). Of the steps that lead to a product only those from the `nearest` products
    /// with the greatest probability count. So what few people had is heard, and what everybody had, to which many weak
    /// steps lead, is held back.
    pub(super) fn learn(interactions: &Csr, nearest: usize) -> Self {
        let buyers = interactions.transpose();
        let of_row: Vec<f32> = (0..interactions.rows()).map(|row| weight(interactions, row) as f32).collect();
        let of_product: Vec<f32> = (0..buyers.rows()).map(|product| weight(&buyers, product) as f32).collect();
        let shares = Csr::by_rows(buyers.rows(), buyers.columns(), |product, cells| {
            cells.extend(buyers.entries(product).map(|(row, value)| (row, value / of_row[row as usize])));
        });
        let step = |_, from: usize, together: f32| together / of_product[from];
        let into = nearest_of_each(interactions, &shares, nearest, step);
        let into = Csr::by_rows(buyers.rows(), buyers.rows(), |product, cells| cells.extend(&into[product]));
        Self { had: interactions.clone(), steps: into.transpose() }
    }

    /// The same scores, with that standard deviation over all rows and products.
    pub(super) fn with_spread(self, deviation: f32) -> Self {
        let moments = |sums: &mut Sums, row: usize| {
            let (mut sum, mut squares) = (0.0, 0.0);
            for (_, score) in self.of_row(row, sums) {
                sum += f64::from(score);
                squares += f64::from(score).powi(2);
            }
            (sum, squares)
        };
        let moments: Vec<_> = (0..self.had.rows()).into_par_iter().map_init(|| self.sums(), moments).collect();
        let (sum, squares) = moments.into_iter().fold((0.0, 0.0), |all, row| (all.0 + row.0, all.1 + row.1));
        let cells = self.had.rows() as f64 * self.steps.columns() as f64;
        let spread = (squares / cells - (sum / cells).powi(2)).max(0.0).sqrt();
        let scale = if spread > 0.0 { f64::from(deviation) / spread } else { 0.0 } as f32;
        Self { steps: self.steps.map_values(|value| scale * value), ..self }
    }

    /// The scores of one row that are not 0, by product.
    pub(super) fn of_row(&self, row: usize, sums: &mut Sums) -> Vec<(u32, f32)> {
        for (product, value) in self.had.entries(row) {
            self.steps.entries(product as usize).for_each(|(other, step)| sums.add(other, value * step));
        }
        let mut scores = Vec::new();
        sums.drain(|product, score| scores.push((product, score)));
        scores.sort_unstable_by_key(|&(product, _)| product);
        scores
    }

    /// What [`Neighbours::of_row`] adds up in.
    pub(super) fn sums(&self) -> Sums {
        Sums::new(self.steps.columns())
    }

    /// `scores · products`, for vectors of products of `dim` dimensions: one row for each row of the scores.
    pub(super) fn times(&self, products: &[f32], dim: usize) -> Vec<f32> {
        times(&self.had, &times(&self.steps, products, dim), dim)
    }

    /// The scores of all products for all rows.
    pub(super) fn transpose(&self) -> Self {
        Self { had: self.steps.transpose(), steps: self.had.transpose() }
    }
}

#[cfg(test)]
mod tests {
    //! 1. Scores are those of the definition, cell by cell, and products with tables and transposed ones those of the whole
    //!    matrix.
    //! 2. Their standard deviation is what is asked for.
    //! 3. Only the nearest neighbours of a product are heard.

    use faer::Mat;
    use proptest::prelude::*;

    use super::*;

    const ROWS: usize = 9;
    const PRODUCTS: usize = 7;

    fn cells() -> impl Strategy<Value = Csr> {
        prop::collection::btree_map((0..ROWS as u32, 0..PRODUCTS as u32), 1u8..5, 1..30).prop_map(|cells| {
            let cells = cells.into_iter().map(|((row, product), value)| (row, product, f32::from(value)));
            Csr::from_entries(ROWS, PRODUCTS, cells.collect())
        })
    }

    fn dense(matrix: &Csr) -> Mat<f64> {
        Mat::from_fn(matrix.rows(), matrix.columns(), |row, column| f64::from(matrix.get(row, column as u32)))
    }

    /// The whole matrix by [`Neighbours::of_row`].
    fn written_out(neighbours: &Neighbours) -> Mat<f64> {
        let mut all = Mat::zeros(neighbours.had.rows(), neighbours.steps.columns());
        let mut sums = neighbours.sums();
        for row in 0..all.nrows() {
            for (product, score) in neighbours.of_row(row, &mut sums) {
                all[(row, product as usize)] += f64::from(score);
            }
        }
        all
    }

    fn expected(interactions: &Csr, nearest: usize) -> Mat<f64> {
        let had = dense(interactions);
        let row = |row: usize| (0..PRODUCTS).map(|product| had[(row, product)]).sum::<f64>();
        let column = |product: usize| (0..ROWS).map(|row| had[(row, product)]).sum::<f64>();
        let probability = |from: usize, to: usize| -> f64 {
            let by =
                |at: usize| if row(at) > 0.0 { had[(at, from)] / column(from) * had[(at, to)] / row(at) } else { 0.0 };
            if from == to || column(from) == 0.0 { 0.0 } else { (0..ROWS).map(by).sum() }
        };
        let mut steps = Mat::from_fn(PRODUCTS, PRODUCTS, probability);
        for to in 0..PRODUCTS {
            let mut order: Vec<usize> = (0..PRODUCTS).collect();
            order.sort_by(|&a, &b| steps[(b, to)].total_cmp(&steps[(a, to)]));
            order[nearest.min(PRODUCTS)..].iter().for_each(|&from| steps[(from, to)] = 0.0);
        }
        had * steps
    }

    fn close(one: &Mat<f64>, other: &Mat<f64>) -> bool {
        (one - other).norm_max() < 1e-4 * other.norm_max().max(1.0)
    }

    proptest! {
        #[test]
        fn scores_are_those_of_the_definition(interactions in cells(), values in prop::collection::vec(-1.0f32..1.0, 18)) {
            let neighbours = Neighbours::learn(&interactions, PRODUCTS);
            let all = written_out(&neighbours);
            prop_assert!(close(&all, &expected(&interactions, PRODUCTS)));
            prop_assert!(close(&written_out(&neighbours.transpose()), &all.transpose().to_owned()));
            let table = Mat::from_fn(PRODUCTS, 2, |row, at| f64::from(values[row * 2 + at]));
            let times = neighbours.times(&values[..PRODUCTS * 2], 2);
            let times = Mat::from_fn(ROWS, 2, |row, at| f64::from(times[row * 2 + at]));
            prop_assert!(close(&times, &(&all * table)));
            let table = Mat::from_fn(ROWS, 2, |row, at| f64::from(values[row * 2 + at]));
            let times = neighbours.transpose().times(&values, 2);
            let times = Mat::from_fn(PRODUCTS, 2, |row, at| f64::from(times[row * 2 + at]));
            prop_assert!(close(&times, &(all.transpose() * table)));
        }

        #[test]
        fn the_spread_is_as_asked(interactions in cells(), spread in 0.1f32..5.0) {
            let all = written_out(&Neighbours::learn(&interactions, 3).with_spread(spread));
            let count = (ROWS * PRODUCTS) as f64;
            let mean = all.sum() / count;
            let got = ((all.norm_l2().powi(2)) / count - mean * mean).max(0.0).sqrt();
            prop_assert!(all.norm_max() == 0.0 || (got / f64::from(spread) - 1.0).abs() < 1e-3, "{got}");
        }

        #[test]
        fn additions_are_pairs(interactions in cells()) {
            let had = dense(&interactions);
            let both = |one: usize, other: usize| (0..ROWS).filter(|&row| had[(row, one)] * had[(row, other)] > 0.0).count();
            let pairs: usize = (0..PRODUCTS * PRODUCTS).map(|pair| both(pair / PRODUCTS, pair % PRODUCTS)).sum();
            prop_assert_eq!(co_purchases(&interactions), pairs as u64);
        }
    }

    #[test]
    fn only_the_nearest_are_heard() {
        // Product 0 is reached from 1 with probability 1/2 · 1/2 twice, from 2 and 3 less.
        let had = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 2), (3, 2), (4, 0), (4, 3), (5, 3), (6, 3)];
        let cells = had.iter().map(|&(row, product)| (row, product, 1.0)).collect();
        let interactions = Csr::from_entries(ROWS, PRODUCTS, cells);
        let neighbours = Neighbours::learn(&interactions, 1);
        let all = written_out(&neighbours);
        assert!(close(&all, &expected(&interactions, 1)));
        assert!(all[(0, 0)] > 0.0 && all[(3, 0)] == 0.0 && all[(5, 0)] == 0.0);
    }
}
