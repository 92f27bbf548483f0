//! Task `products`: the whole catalogue for every user with held-out products.

use std::borrow::Cow;
use std::collections::BTreeMap;

use juntos_datasets::training::TrainingData;
use juntos_datasets::{Csr, ProductRow, UserRow};
use juntos_engine::index::VectorIndex;
use juntos_engine::request::{Context, MAX_EXCLUDED};
use juntos_engine::{Bundle, Snapshot};
use rayon::prelude::*;

use super::held_out::HeldOut;
use super::metrics::{Ranked, means};
use super::rank::{Query, first_allowed, order_by_score, top_products};
use super::report::Metrics;
use super::source::{Rows, UNKNOWN};
use crate::error::TrainError;
use crate::models::Embeddings;

/// One user with held-out products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The user.
    pub user: UserRow,
    /// Products that must not be ranked, ascending: those she had in training.
    pub seen: Vec<u32>,
    /// Held-out products, ascending, none of them seen; at least one.
    pub relevant: Vec<u32>,
}

/// The users with a product in `test` that they do not have in `data`'s training part already.
///
/// With `include_seen` the training products stay in the ranking, and count where `test` holds them again.
pub fn cases(data: &TrainingData, test: &Csr, include_seen: bool) -> Vec<Case> {
    let case = |user: usize| {
        let seen = if include_seen { Vec::new() } else { training_products(data, user) };
        let relevant: Vec<u32> =
            test.row(user).0.iter().copied().filter(|product| seen.binary_search(product).is_err()).collect();
        (!relevant.is_empty()).then_some(Case { user: UserRow(user as u32), seen, relevant })
    };
    (0..test.rows()).filter_map(case).collect()
}

/// How many pairs of `test` are ranked, and why the others are not; `private` pairs are of users without `personalise`,
/// whom `test` does not hold.
pub fn held_out(data: &TrainingData, test: &Csr, include_seen: bool, private: usize) -> HeldOut {
    let ranked = cases(data, test, include_seen).iter().map(|case| case.relevant.len()).sum();
    let why = [("had_in_training", test.len() - ranked), ("without_personalise", private)];
    HeldOut::new("test pairs", ranked, why)
}

/// What a user had in training, whether models may learn from it or not; ascending.
pub(super) fn training_products(data: &TrainingData, user: usize) -> Vec<u32> {
    let had = data.possessions[user].iter().map(|had| had.product.0);
    let mut products: Vec<u32> = data.interactions.row(user).0.iter().copied().chain(had).collect();
    products.sort_unstable();
    products.dedup();
    products
}

/// How many users each product has in training.
pub fn popularity(interactions: &Csr) -> Vec<f32> {
    let mut users = vec![0.0; interactions.columns()];
    for &product in interactions.parts().1 {
        users[product as usize] += 1.0;
    }
    users
}

/// The cases in the bundle's rows. Users that the bundle does not know keep a place in the mean, with nothing found.
pub fn in_bundle(cases: Vec<Case>, rows: &Rows) -> Vec<Case> {
    let translate = |case: Case| Case {
        user: rows.user(case.user).unwrap_or(UserRow(UNKNOWN)),
        seen: rows.products(&case.seen),
        relevant: rows.products(&case.relevant),
    };
    cases.into_iter().map(translate).collect()
}

/// Popularity by the bundle's rows.
pub fn popularity_in_bundle(popular: &[f32], rows: &Rows, n_products: usize) -> Vec<f32> {
    let mut moved = vec![0.0; n_products];
    for (product, &users) in popular.iter().enumerate() {
        if let Some(row) = rows.product(ProductRow(product as u32)) {
            moved[row.0 as usize] = users;
        }
    }
    moved
}

/// Vectors to rank with.
pub trait Vectors: Sync {
    /// Length of a vector.
    fn dim(&self) -> usize;
    /// The vector of a user; empty where she is unknown.
    fn user(&self, user: UserRow) -> Cow<'_, [f32]>;
    /// `(n_products, dim)`, row-major.
    fn products(&self) -> &[f32];
}

impl Vectors for Bundle {
    fn dim(&self) -> usize {
        self.dim()
    }
    fn user(&self, user: UserRow) -> Cow<'_, [f32]> {
        if (user.0 as usize) >= self.n_users() {
            return Cow::Borrowed(&[]);
        }
        let trained = self.user_vector(user);
        let as_others = || self.newcomer(&self.profile(user))?.taste(None);
        Cow::Owned(if is_zero(&trained) { as_others().unwrap_or(trained) } else { trained })
    }
    fn products(&self) -> &[f32] {
        self.product_vectors()
    }
}

impl Vectors for Embeddings {
    fn dim(&self) -> usize {
        self.dim
    }
    fn user(&self, user: UserRow) -> Cow<'_, [f32]> {
        let start = user.0 as usize * self.dim;
        Cow::Borrowed(self.users.get(start..start + self.dim).unwrap_or(&[]))
    }
    fn products(&self) -> &[f32] {
        &self.products
    }
}

/// The best `k` products of each case by inner product. Users without a vector get `popular`, as the recommender does.
pub fn rank_exactly(cases: &[Case], vectors: &impl Vectors, popular: &[f32], k: usize) -> Vec<Vec<u32>> {
    let nobody = vec![0.0; vectors.dim()];
    let users: Vec<Cow<'_, [f32]>> = cases.iter().map(|case| vectors.user(case.user)).collect();
    let queries: Vec<Query<'_>> = users
        .iter()
        .zip(cases)
        .map(|(user, case)| Query { vector: if user.is_empty() { &nobody } else { user }, without: &case.seen })
        .collect();
    let lists = top_products(&queries, vectors.products(), vectors.dim(), k);
    let lists = users.iter().zip(lists).map(|(user, list)| (!is_zero(user)).then_some(list));
    popular_where_nothing_is_known(cases, popular, k, lists)
}

/// The same through the bundle's index, which is asked for as many more as the user has seen.
pub fn rank_by_index(cases: &[Case], bundle: &Bundle, popular: &[f32], k: usize) -> Vec<Vec<u32>> {
    let index = bundle.index();
    let list = |case: &Case| {
        let vector = Some(Vectors::user(bundle, case.user)).filter(|vector| !is_zero(vector))?;
        let found = index.search(&vector, k + case.seen.len(), None).into_iter().map(|scored| scored.row);
        Some(found.filter(|row| case.seen.binary_search(row).is_err()).take(k).collect())
    };
    let lists: Vec<Option<Vec<u32>>> = cases.par_iter().map(list).collect();
    popular_where_nothing_is_known(cases, popular, k, lists)
}

/// The lists, and the most popular products of each case that has none.
fn popular_where_nothing_is_known(
    cases: &[Case],
    popular: &[f32],
    k: usize,
    lists: impl IntoIterator<Item = Option<Vec<u32>>>,
) -> Vec<Vec<u32>> {
    let order = order_by_score(popular);
    let known = lists.into_iter().zip(cases);
    known.map(|(list, case)| list.unwrap_or_else(|| first_allowed(&order, &case.seen, k))).collect()
}

/// The recommender's feeds, asked not to show what the case has seen, as the other ways to rank do not; `context` has the
/// moment, the limit and whether bought products may appear.
///
/// # Errors
/// When the recommender refuses a question.
pub fn rank_served(cases: &[Case], snapshot: &Snapshot, context: Context) -> Result<Vec<Vec<u32>>, TrainError> {
    let bundle = snapshot.bundle();
    let list = |case: &Case| {
        if case.user.0 == UNKNOWN {
            return Ok(Vec::new());
        }
        let seen = case.seen.iter().filter(|&&product| product != UNKNOWN).take(MAX_EXCLUDED);
        let exclude = seen.map(|&product| bundle.products().id(ProductRow(product)).to_owned()).collect();
        let answer = snapshot.feed(bundle.users().id(case.user), &Context { exclude, ..context.clone() })?;
        let row = |id: &str| bundle.products().row(id).map(|row| row.0);
        Ok(answer.items.iter().filter_map(|item| row(&item.product_id)).collect())
    };
    cases.par_iter().map(list).collect()
}

/// Whether a vector says nothing.
pub fn is_zero(vector: &[f32]) -> bool {
    vector.iter().all(|&value| value == 0.0)
}

/// The most popular products that each user has not seen.
pub fn rank_by_popularity(cases: &[Case], popular: &[f32], k: usize) -> Vec<Vec<u32>> {
    let order = order_by_score(popular);
    cases.par_iter().map(|case| first_allowed(&order, &case.seen, k)).collect()
}

/// Where the held-out products stand in `lists`, one for each case.
pub fn ranked(cases: &[Case], lists: Vec<Vec<u32>>) -> Vec<Ranked> {
    cases.iter().zip(lists).map(|(case, items)| Ranked::new(items, &case.relevant)).collect()
}

/// Every metric of `lists`, one for each case.
pub fn measure(cases: &[Case], lists: Vec<Vec<u32>>, cuts: &[usize], products: usize) -> Metrics {
    means(&ranked(cases, lists), cuts, Some(products))
}

/// The ranking that the model is held against: how many users each product has in training.
pub fn baselines(cases: &[Case], popular: &[f32], cuts: &[usize]) -> BTreeMap<String, Metrics> {
    let deepest = cuts.iter().copied().max().unwrap_or(0);
    let lists = rank_by_popularity(cases, popular, deepest);
    BTreeMap::from([("popularity".to_owned(), measure(cases, lists, cuts, popular.len()))])
}
