//! A tiny world with one right answer per user, for the contract tests of models.

use crate::csr::Csr;
use crate::ids::ProductRow;

/// `n` users and `n` products in two colours, even rows and odd rows. Every user has each product of her colour once,
/// with value 1, except the one whose row is her own: that is her right answer, `answers[user]`.
///
/// Popularity cannot find it, because every product of one colour has the same number of buyers; a model that has
/// learnt the colours ranks it first among the products that the user does not have. Sensible from `n = 6`.
/// The shape is that of the checkerboard in `implicit`, `tests/recommender_base_test.py`.
///
/// ```
/// let (interactions, answers) = juntos_datasets::generate::checkerboard(6);
/// assert_eq!(interactions.row(2).0, [0, 4]);
/// assert_eq!(answers[2].0, 2);
/// ```
pub fn checkerboard(n: usize) -> (Csr, Vec<ProductRow>) {
    let rows = n as u32;
    let of_her_colour = |user: u32| (user % 2..rows).step_by(2).filter(move |&product| product != user);
    let entries = (0..rows).flat_map(|user| of_her_colour(user).map(move |product| (user, product, 1.0))).collect();
    (Csr::from_entries(n, n, entries), (0..rows).map(ProductRow).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_lacks_exactly_her_answer_among_the_products_of_her_colour() {
        let (interactions, answers) = checkerboard(10);
        for (user, answer) in answers.iter().enumerate() {
            let mut bought = interactions.row(user).0.to_vec();
            bought.push(answer.0);
            bought.sort_unstable();
            let colour: Vec<u32> = (0..10).filter(|product| product % 2 == user as u32 % 2).collect();
            assert_eq!(bought, colour);
        }
    }

    #[test]
    fn every_product_is_equally_popular() {
        let buyers = checkerboard(12).0.transpose();
        assert!((0..12).all(|product| buyers.row(product).0.len() == 5));
    }
}
