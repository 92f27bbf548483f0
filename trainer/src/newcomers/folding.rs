//! Events folded into vectors as serving does it, and what such vectors are worth.

use juntos_engine::fold::{Axes, FoldEvent, Prior, Products, fold};
use juntos_engine::serving_model::FoldIn;
use rayon::prelude::*;

use super::CUT;
use super::compare::gain;
use crate::evaluate::products::Case;
use crate::evaluate::rank::{Query, top_products};
use crate::models::Embeddings;
use crate::models::complete::fold_in::gram;

/// Vectors of products, and how events are folded in among them.
pub(super) struct Folding<'a> {
    pub(super) embeddings: &'a Embeddings,
    pub(super) settings: FoldIn,
    gram: Vec<f32>,
    axes: Axes,
}

impl<'a> Folding<'a> {
    pub(super) fn new(embeddings: &'a Embeddings, settings: FoldIn) -> Self {
        let gram = gram(&embeddings.products, embeddings.dim);
        let axes = Axes::of(&gram, embeddings.dim);
        Self { embeddings, settings, gram, axes }
    }

    /// The vector of a user as trained.
    pub(super) fn user(&self, user: usize) -> &'a [f32] {
        let dim = self.embeddings.dim;
        &self.embeddings.users[user * dim..(user + 1) * dim]
    }

    /// The vector of a product.
    pub(super) fn product(&self, product: u32) -> &'a [f32] {
        let (dim, product) = (self.embeddings.dim, product as usize);
        &self.embeddings.products[product * dim..(product + 1) * dim]
    }

    /// A prior moved by events: products with their weights.
    pub(super) fn folded(&self, events: &[(u32, f32)], prior: Prior<'_>) -> Vec<f32> {
        let event = |&(product, weight): &(u32, f32)| FoldEvent { vector: self.product(product), weight };
        let events: Vec<FoldEvent<'_>> = events.iter().map(event).collect();
        let count = self.embeddings.products.len() / self.embeddings.dim;
        let products = Products { gram: &self.gram, count, axes: Some(self.axes.view()) };
        fold(products, &self.settings, &events, prior)
    }

    /// The best products by each vector, without those seen.
    pub(super) fn lists(&self, vectors: &[Vec<f32>], cases: &[Case], length: usize) -> Vec<Vec<u32>> {
        let queries = vectors.iter().zip(cases).map(|(vector, case)| Query { vector, without: &case.seen });
        top_products(&queries.collect::<Vec<_>>(), &self.embeddings.products, self.embeddings.dim, length)
    }

    /// NDCG of what each vector ranks.
    pub(super) fn gains(&self, vectors: &[Vec<f32>], cases: &[Case]) -> Vec<f64> {
        let lists = self.lists(vectors, cases, CUT);
        lists.par_iter().zip(cases).map(|(list, case)| gain(list, case)).collect()
    }
}
