//! What a person may be shown at all: filter, market, stock, age and hidden as a bitmap over the bundle's products, and
//! the products that live state changed or added, tested one by one.

use std::sync::Arc;

use juntos_datasets::units::{Country, Currency};

use crate::bitmap::Bitmap;
use crate::filter;
use crate::recommend::Snapshot;
use crate::request::{Filter, Market};

/// The products that may appear in one answer.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    /// Rows of the bundle.
    pub(crate) stored: Bitmap,
    /// Rows of products that are new since the bundle was cut, ascending.
    pub(crate) new: Vec<u32>,
}

impl Allowed {
    /// Whether the product may appear.
    pub(crate) fn contains(&self, row: u32) -> bool {
        self.stored.contains(row) || self.new.binary_search(&row).is_ok()
    }

    /// Takes one product out.
    pub(crate) fn remove(&mut self, row: u32) {
        self.stored.remove(row);
        if let Ok(at) = self.new.binary_search(&row) {
            self.new.remove(at);
        }
    }

    /// Keeps what may appear in the other set too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.stored.intersect(&other.stored);
        self.new.retain(|row| other.new.binary_search(row).is_ok());
    }
}

/// What decides whether a product may be shown, apart from what the person did.
#[derive(Debug, Clone)]
pub(crate) struct Conditions<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) market: Market,
    /// Age in whole years that the person has reached for certain.
    pub(crate) age: u32,
}

/// What two questions have to share to share a prepared set: the filter is the default one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PreparedKey {
    generation: u64,
    country: Option<Country>,
    currency: Option<Currency>,
    payment_methods: Vec<String>,
    /// Highest age limit that the person has passed.
    age_limit: u32,
}

/// Prepared sets kept at most; when there are more, all are made anew.
const MOST_PREPARED: usize = 256;
/// Bytes that prepared sets may take, as far as at least one is kept for each of a few markets.
const MOST_PREPARED_BYTES: usize = 64 << 20;
/// Prepared sets kept however large they are.
const LEAST_PREPARED: usize = 8;

impl Snapshot {
    /// The products that these conditions leave.
    pub(crate) fn allowed(&self, conditions: &Conditions<'_>) -> Allowed {
        if *conditions.filter != Filter::default() {
            return self.make_allowed(conditions);
        }
        let key = self.prepared_key(conditions);
        if let Some(prepared) = self.base.prepared.load().get(&key) {
            return Allowed::clone(prepared);
        }
        let made = self.make_allowed(conditions);
        let prepared = Arc::new(made.clone());
        self.base.prepared.rcu(|sets| {
            let mut sets =
                if sets.len() < self.most_prepared() { imbl::HashMap::clone(sets) } else { imbl::HashMap::new() };
            sets.insert(key.clone(), prepared.clone());
            sets
        });
        made
    }

    fn most_prepared(&self) -> usize {
        let bytes = self.bundle().n_products() / 8 + 1;
        (MOST_PREPARED_BYTES / bytes).clamp(LEAST_PREPARED, MOST_PREPARED)
    }

    fn make_allowed(&self, conditions: &Conditions<'_>) -> Allowed {
        let age = Some(conditions.age);
        let mut stored = filter::allowed(self.bundle(), conditions.filter, &conditions.market, age);
        let mut new = Vec::new();
        for (row, good) in self.live.goods.changed() {
            let fits = good.record.as_ref().is_some_and(|record| record.fits(conditions));
            match (self.stored_product(row), fits) {
                (Some(_), true) => stored.insert(row),
                (Some(_), false) => stored.remove(row),
                (None, true) => new.push(row),
                (None, false) => {}
            }
        }
        Allowed { stored, new }
    }

    fn prepared_key(&self, conditions: &Conditions<'_>) -> PreparedKey {
        let passed = self.base.age_limits.iter().chain(self.live.goods.age_limits());
        PreparedKey {
            generation: self.live.goods.generation(),
            country: conditions.market.country,
            currency: conditions.market.currency,
            payment_methods: conditions.market.payment_methods.clone(),
            age_limit: passed.copied().filter(|&limit| limit <= conditions.age).max().unwrap_or(0),
        }
    }
}
