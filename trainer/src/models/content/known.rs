//! The products that a vector is known of, and what their records say.

use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::Products;
use juntos_datasets::training::TrainingData;
use juntos_datasets::{Csr, Row};
use juntos_engine::content::{Feature, features};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::length;
use crate::error::TrainError;
use crate::models::Embeddings;

/// Most products to learn from: of more, those with the most users.
const MOST_KNOWN: usize = 100_000;
/// Users with whom a product's vector counts half as much as one known for certain.
const HALF_KNOWN: f32 = 5.0;

/// Products with events and a record, in random order.
pub(super) struct Known {
    rows: Vec<usize>,
    users: Vec<u32>,
    confidence: Vec<f32>,
    features: Vec<Vec<Feature>>,
}

impl Known {
    /// Reads the records of the products with events; those whose record says nothing are left out.
    pub(super) fn read(dataset: &Dataset, data: &TrainingData, seed: u64) -> Result<Self, TrainError> {
        let users = users_of_products(&data.interactions);
        let mut rows: Vec<usize> = (0..users.len()).filter(|&row| users[row] > 0).collect();
        rows.sort_by_key(|&row| (std::cmp::Reverse(users[row]), row));
        rows.truncate(MOST_KNOWN);
        let mut wanted = vec![false; users.len()];
        rows.iter().for_each(|&row| wanted[row] = true);
        let mut read: Vec<(usize, Vec<Feature>)> = Vec::with_capacity(rows.len());
        dataset.for_each::<Products>(|product| {
            let row = data.products.row(product.product_id).map(Row::index).filter(|&row| wanted[row]);
            if let Some(row) = row {
                read.push((row, features(product)));
            }
            Ok(())
        })?;
        read.retain(|(_, features)| !features.is_empty());
        read.sort_by_key(|&(row, _)| row);
        read.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let (rows, features): (Vec<usize>, _) = read.into_iter().unzip();
        let users: Vec<u32> = rows.iter().map(|&row| users[row]).collect();
        let confidence = users.iter().map(|&users| users as f32 / (users as f32 + HALF_KNOWN)).collect();
        Ok(Self { rows, users, confidence, features })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn features(&self) -> impl Iterator<Item = &[Feature]> {
        self.features.iter().map(Vec::as_slice)
    }

    pub(super) fn features_of(&self, at: usize) -> &[Feature] {
        &self.features[at]
    }

    /// How well each vector is known, above 0 and below 1.
    pub(super) fn confidence(&self) -> &[f32] {
        &self.confidence
    }

    /// Row of the product.
    pub(super) fn row(&self, at: usize) -> usize {
        self.rows[at]
    }

    pub(super) fn vector<'e>(&self, at: usize, embeddings: &'e Embeddings) -> &'e [f32] {
        let start = self.rows[at] * embeddings.dim;
        &embeddings.products[start..start + embeddings.dim]
    }

    /// Lengths of the vectors of the products with no more users than the median product has.
    pub(super) fn lengths_of_few(&self, embeddings: &Embeddings) -> Vec<f32> {
        let mut users = self.users.clone();
        let middle = users.len() / 2;
        let median = *users.select_nth_unstable(middle).1;
        let few = (0..self.len()).filter(|&at| self.users[at] <= median);
        few.map(|at| length(self.vector(at, embeddings))).collect()
    }
}

/// How many users have each product.
pub(super) fn users_of_products(interactions: &Csr) -> Vec<u32> {
    let mut users = vec![0; interactions.columns()];
    interactions.parts().1.iter().for_each(|&product| users[product as usize] += 1);
    users
}
