//! Products similar to what the user had: item-based neighbourhoods by cosine (Sarwar et al. 2001), with shrinkage.

use juntos_datasets::Csr;
use juntos_datasets::progress::Progress;
use rayon::prelude::*;

use super::{FitData, Fitted, Model, Scorer, input};
use crate::config::ItemKnnConfig;
use crate::error::TrainError;

/// The model `item_knn`. A user without events is scored by what her friends had.
#[derive(Debug, Clone, Copy)]
pub struct ItemKnn {
    settings: ItemKnnConfig,
}

impl ItemKnn {
    /// The model with these settings.
    pub fn new(settings: ItemKnnConfig) -> Self {
        Self { settings }
    }
}

impl Model for ItemKnn {
    fn name(&self) -> &'static str {
        "item_knn"
    }

    fn fit(&self, data: &FitData<'_>, progress: &dyn Progress) -> Result<Fitted, TrainError> {
        input::check(data)?;
        progress.stage("item_knn", data.interactions.columns() as u64);
        let neighbours = neighbours(data.interactions, self.settings);
        progress.advance(data.interactions.columns() as u64);
        Ok(Fitted::Scores(Box::new(Neighbourhoods {
            neighbours,
            history: data.interactions.clone(),
            friends: data.friends.clone(),
        })))
    }
}

/// `(products, products)`: similarity of each product to its nearest ones.
fn neighbours(interactions: &Csr, settings: ItemKnnConfig) -> Csr {
    let buyers = interactions.transpose();
    let products = buyers.rows();
    let norms: Vec<f32> = (0..products)
        .map(|product| buyers.row(product).1.iter().map(|value| value * value).sum::<f32>().sqrt())
        .collect();
    let rows: Vec<Vec<(u32, f32)>> = (0..products)
        .into_par_iter()
        .map_init(
            || vec![0f32; products],
            |sums, product| {
                let mut touched = Vec::new();
                add_co_purchases(interactions, &buyers, product, sums, &mut touched);
                let similar = |&other: &u32| {
                    let together = std::mem::take(&mut sums[other as usize]);
                    (other, together / (norms[product] * norms[other as usize] + settings.shrinkage))
                };
                nearest(touched.iter().map(similar).collect(), settings.neighbours)
            },
        )
        .collect();
    let entries = |(product, row): (usize, Vec<(u32, f32)>)| {
        row.into_iter().map(move |(other, value)| (product as u32, other, value))
    };
    Csr::from_entries(products, products, rows.into_iter().enumerate().flat_map(entries).collect())
}

fn add_co_purchases(interactions: &Csr, buyers: &Csr, product: usize, sums: &mut [f32], touched: &mut Vec<u32>) {
    let (users, weights) = buyers.row(product);
    for (&user, &weight) in users.iter().zip(weights) {
        let (others, values) = interactions.row(user as usize);
        for (&other, &value) in others.iter().zip(values).filter(|&(&other, _)| other as usize != product) {
            if sums[other as usize] == 0.0 {
                touched.push(other);
            }
            sums[other as usize] += weight * value;
        }
    }
}

/// The `most` largest, ties by row.
fn nearest(mut similar: Vec<(u32, f32)>, most: usize) -> Vec<(u32, f32)> {
    similar.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    similar.truncate(most);
    similar
}

struct Neighbourhoods {
    neighbours: Csr,
    history: Csr,
    friends: Csr,
}

impl Neighbourhoods {
    fn add(&self, row: usize, weight: f32, out: &mut [f32]) {
        let (products, values) = self.history.row(row);
        for (&product, &value) in products.iter().zip(values) {
            let (others, similarities) = self.neighbours.row(product as usize);
            for (&other, &similarity) in others.iter().zip(similarities) {
                out[other as usize] += weight * value * similarity;
            }
        }
    }
}

impl Scorer for Neighbourhoods {
    fn scores(&self, row: usize, out: &mut [f32]) {
        out.fill(0.0);
        self.add(row, 1.0, out);
        if self.history.row(row).0.is_empty() && row < self.friends.rows() {
            let (friends, strengths) = self.friends.row(row);
            for (&friend, &strength) in friends.iter().zip(strengths) {
                self.add(friend as usize, strength, out);
            }
        }
    }
}
