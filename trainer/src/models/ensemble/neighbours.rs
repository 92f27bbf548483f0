//! What single products say of single others, which no few dimensions hold.

use juntos_datasets::Csr;

use super::told::Term;
use crate::models::als::solve::weight;
use crate::models::knn::nearest_of_each;

/// Additions that it takes to learn neighbours: pairs of products that somebody had both.
pub(crate) fn co_purchases(interactions: &Csr) -> u64 {
    (0..interactions.rows()).map(|row| (interactions.row(row).0.len() as u64).pow(2)).sum()
}

/// What the products that a row had say of others, by a random walk from product to product over rows, both chosen in
/// proportion to weights (P3: Cooper et al. 2014, "Random walks in recommender systems"). Of the steps that lead to a product
/// only those from the `nearest` products with the greatest probability count. So what few people had is heard, and what
/// everybody had, to which many weak steps lead, is held back.
pub(super) fn of_neighbours(interactions: &Csr, nearest: usize) -> Term {
    let buyers = interactions.transpose();
    let of_row: Vec<f32> = (0..interactions.rows()).map(|row| weight(interactions, row) as f32).collect();
    let of_product: Vec<f32> = (0..buyers.rows()).map(|product| weight(&buyers, product) as f32).collect();
    let shares = Csr::by_rows(buyers.rows(), buyers.columns(), |product, cells| {
        cells.extend(buyers.entries(product).map(|(row, value)| (row, value / of_row[row as usize])));
    });
    let step = |_, from: usize, together: f32| together / of_product[from];
    let into = nearest_of_each(interactions, &shares, nearest, step);
    let into = Csr::by_rows(buyers.rows(), buyers.rows(), |product, cells| cells.extend(&into[product]));
    Term { left: interactions.clone(), right: into.transpose() }
}

#[cfg(test)]
mod tests {
    //! 1. Scores are those of the definition, cell by cell.
    //! 2. Only the nearest neighbours of a product are heard.

    use faer::Mat;
    use proptest::prelude::*;

    use super::super::told::tests::{COLUMNS as PRODUCTS, ROWS, cells, close, dense, written_out};
    use super::*;

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

    proptest! {
        #[test]
        fn scores_are_those_of_the_definition(interactions in cells(ROWS, PRODUCTS)) {
            prop_assert!(close(&written_out(&of_neighbours(&interactions, PRODUCTS)), &expected(&interactions, PRODUCTS)));
        }

        #[test]
        fn additions_are_pairs(interactions in cells(ROWS, PRODUCTS)) {
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
        let all = written_out(&of_neighbours(&interactions, 1));
        assert!(close(&all, &expected(&interactions, 1)));
        assert!(all[(0, 0)] > 0.0 && all[(3, 0)] == 0.0 && all[(5, 0)] == 0.0);
    }
}
