//! Simpler rules for a product without events, and how rankings are measured.

use std::collections::HashMap;

use juntos_datasets::tables::{Product, Products};
use juntos_datasets::training::TrainingData;
use juntos_datasets::{Dataset, Row};
use juntos_trainer::evaluate::products::{Case, measure, popularity, rank_by_popularity, rank_exactly};
use juntos_trainer::models::Embeddings;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::withhold::Withheld;

/// Vectors with means in the place of those of products without events.
pub(crate) struct Means {
    /// Mean over the narrowest known category.
    pub(crate) category: Embeddings,
    /// Mean of the means over category, brand and seller: what serving does without a model of records.
    pub(crate) neighbours: Embeddings,
}

/// Sum and number of the vectors of products that share a fact.
type Sums = HashMap<String, (Vec<f32>, f32)>;

/// Both means, from the products of `data` with events.
pub(crate) fn means(
    dataset: &Dataset,
    data: &TrainingData,
    embeddings: &Embeddings,
) -> Result<Means, Box<dyn std::error::Error>> {
    let (dim, users) = (embeddings.dim, popularity(&data.interactions));
    let mut sums = Sums::new();
    dataset.for_each::<Products>(|product| {
        let row = data.products.row(product.product_id).map(Row::index).filter(|&row| users[row] > 0.0);
        if let Some(row) = row {
            for fact in facts(product).into_iter().flatten() {
                let (sum, count) = sums.entry(fact).or_insert_with(|| (vec![0.0; dim], 0.0));
                let vector = &embeddings.products[row * dim..(row + 1) * dim];
                sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
                *count += 1.0;
            }
        }
        Ok(())
    })?;
    let (mut category, mut neighbours) = (embeddings.clone(), embeddings.clone());
    dataset.for_each::<Products>(|product| {
        let row = data.products.row(product.product_id).map(Row::index).filter(|&row| users[row] == 0.0);
        if let Some(row) = row {
            let kinds = facts(product).map(|facts| narrowest(&sums, &facts));
            let [of_category, ..] = &kinds;
            let place = row * dim..(row + 1) * dim;
            category.products[place.clone()].copy_from_slice(&mean(of_category.iter(), dim));
            neighbours.products[place].copy_from_slice(&mean(kinds.iter().flatten(), dim));
        }
        Ok(())
    })?;
    Ok(Means { category, neighbours })
}

/// Facts of a product by kind (category, brand, seller), the narrowest first.
fn facts(product: &Product<'_>) -> [Vec<String>; 3] {
    let path = product.category.unwrap_or_default();
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).filter(|&end| end > 0);
    let mut categories: Vec<String> = ends.map(|end| format!("c{}", &path[..end])).collect();
    categories.reverse();
    let brand = product.brand.map(|brand| format!("b{brand}"));
    let seller = product.seller_id.map(|seller| format!("s{seller}"));
    [categories, brand.into_iter().collect(), seller.into_iter().collect()]
}

fn narrowest(sums: &Sums, facts: &[String]) -> Option<Vec<f32>> {
    let (sum, count) = facts.iter().find_map(|fact| sums.get(fact))?;
    Some(sum.iter().map(|value| value / count).collect())
}

/// Mean of vectors; zero of none.
fn mean<'a>(vectors: impl Iterator<Item = &'a Vec<f32>>, dim: usize) -> Vec<f32> {
    let (mut sum, mut count) = (vec![0f32; dim], 0f32);
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        count += 1.0;
    }
    sum.iter().map(|value| value / count.max(1.0)).collect()
}

/// Measures rankings of what was withheld.
pub(crate) struct Bench<'a> {
    /// What to find.
    pub(crate) withheld: &'a Withheld,
    /// Cut of the lists.
    pub(crate) k: usize,
}

impl Bench<'_> {
    /// Withheld products among all that a user has not seen.
    pub(crate) fn whole(&self, vectors: &Embeddings) -> Value {
        self.rank(&self.withheld.cold, vectors)
    }

    /// Other products held out, among all that a user has not seen.
    pub(crate) fn others(&self, vectors: &Embeddings) -> Value {
        self.rank(&self.withheld.others, vectors)
    }

    /// Withheld products among themselves.
    pub(crate) fn among_withheld(&self, vectors: &Embeddings) -> Value {
        let dim = vectors.dim;
        let rows = self.withheld.products.iter();
        let products = rows.flat_map(|&row| vectors.products[row as usize * dim..(row as usize + 1) * dim].to_vec());
        let few = Embeddings { products: products.collect(), ..vectors.clone() };
        let cases = self.cases_among_withheld();
        let lists = rank_exactly(&cases, &few, &vec![0.0; self.withheld.products.len()], self.k);
        self.figures(&cases, lists, self.withheld.products.len())
    }

    /// Withheld products among themselves in random order.
    pub(crate) fn random(&self, seed: u64) -> Value {
        let cases = self.cases_among_withheld();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<u32> = (0..self.withheld.products.len() as u32).collect();
        let lists = cases.iter().map(|_| {
            order.shuffle(&mut rng);
            order.iter().copied().take(self.k).collect()
        });
        let lists = lists.collect();
        self.figures(&cases, lists, order.len())
    }

    /// Withheld products among all by number of users, which have none of their own.
    pub(crate) fn popular(&self) -> Value {
        let popular = popularity(&self.withheld.history.interactions);
        let lists = rank_by_popularity(&self.withheld.cold, &popular, self.k);
        self.figures(&self.withheld.cold, lists, popular.len())
    }

    /// The vectors with those of withheld products longer or shorter.
    pub(crate) fn scaled(&self, vectors: &Embeddings, factor: f32) -> Embeddings {
        let (dim, mut scaled) = (vectors.dim, vectors.clone());
        for &row in &self.withheld.products {
            let place = row as usize * dim..(row as usize + 1) * dim;
            scaled.products[place].iter_mut().for_each(|value| *value *= factor);
        }
        scaled
    }

    fn cases_among_withheld(&self) -> Vec<Case> {
        let place = |row: &u32| self.withheld.products.binary_search(row).ok().map(|place| place as u32);
        let case = |case: &Case| Case {
            user: case.user,
            seen: Vec::new(),
            relevant: case.relevant.iter().filter_map(place).collect(),
        };
        self.withheld.cold.iter().map(case).collect()
    }

    fn rank(&self, cases: &[Case], vectors: &Embeddings) -> Value {
        let popular = popularity(&self.withheld.history.interactions);
        let lists = rank_exactly(cases, vectors, &popular, self.k);
        self.figures(cases, lists, popular.len())
    }

    fn figures(&self, cases: &[Case], lists: Vec<Vec<u32>>, products: usize) -> Value {
        let metrics = measure(cases, lists, &[self.k], products);
        let figure = |name: &str| metrics[&format!("{name}@{}", self.k)];
        json!({ "recall": figure("recall"), "ndcg": figure("ndcg"), "users": cases.len() })
    }
}
