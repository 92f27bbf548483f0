//! Data without some of its products, and without a tenth of the rest of its cells.

use std::collections::BTreeSet;

use juntos_datasets::Csr;
use juntos_datasets::UserRow;
use juntos_datasets::training::TrainingData;
use juntos_trainer::evaluate::products::Case;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Share of the cells of other products that is held out beside, to see whether they suffer.
const OTHERS_SHARE: f64 = 0.1;

/// What is left to learn from, and what to find again.
pub(crate) struct Withheld {
    /// All data without the withheld products' events and teams, and without the cells held out.
    pub(crate) history: TrainingData,
    /// Rows of the withheld products, ascending.
    pub(crate) products: Vec<u32>,
    /// Users who had a withheld product; the rest of their products counts as seen.
    pub(crate) cold: Vec<Case>,
    /// Users with cells of other products held out.
    pub(crate) others: Vec<Case>,
}

/// Withholds a share of the products that at least `users` users have.
pub(crate) fn withhold(data: &TrainingData, share: f64, users: u32, seed: u64) -> Withheld {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut counts = vec![0; data.products.len()];
    data.interactions.parts().1.iter().for_each(|&product| counts[product as usize] += 1);
    let known = (0..data.products.len() as u32).filter(|&product| counts[product as usize] >= users);
    let products: BTreeSet<u32> = known.filter(|_| rng.random_bool(share)).collect();
    let (mut kept, mut cold, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for user in 0..data.interactions.rows() {
        let (columns, values) = data.interactions.row(user);
        let (mut seen, mut of_cold, mut of_others) = (Vec::new(), Vec::new(), Vec::new());
        for (&product, &value) in columns.iter().zip(values) {
            if products.contains(&product) {
                of_cold.push(product);
            } else if rng.random_bool(OTHERS_SHARE) {
                of_others.push(product);
            } else {
                kept.push((user as u32, product, value));
                seen.push(product);
            }
        }
        let case = |relevant| Case { user: UserRow(user as u32), seen: seen.clone(), relevant };
        if !seen.is_empty() && !of_cold.is_empty() {
            cold.push(case(of_cold));
        }
        if !seen.is_empty() && !of_others.is_empty() {
            others.push(case(of_others));
        }
    }
    let mut history = data.clone();
    history.interactions = Csr::from_entries(data.interactions.rows(), data.interactions.columns(), kept);
    history.teams.retain(|team| !products.contains(&team.product.0));
    Withheld { history, products: products.into_iter().collect(), cold, others }
}
