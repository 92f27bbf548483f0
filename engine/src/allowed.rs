//! What a person may be shown at all: filter, market, stock, age, hidden and excluded as a bitmap over the rows of all products,
//! those of the bundle and behind them those that are new since. Products that live state changed or added are tested
//! one by one, the others by the columns of the bundle.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use juntos_datasets::units::{Country, Currency};

use crate::bitmap::Bitmap;
use crate::exchange::Rates;
use crate::filter;
use crate::live::records::ProductRecord;
use crate::recommend::Snapshot;
use crate::request::{Filter, Market};

/// What decides whether a product may be shown, apart from what the person did.
#[derive(Debug, Clone)]
pub(crate) struct Conditions<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) market: Market,
    /// Age in whole years that the person has reached for certain.
    pub(crate) age: u32,
    /// Exclusions of the operator that hold, one bit each ([`crate::rules`]).
    pub(crate) excluded: u64,
    /// Rates by which prices in other currencies compare with the filter's.
    pub(crate) rates: &'a Rates,
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
    excluded: u64,
}

/// Prepared sets kept at most; when there are more, all are made anew.
const MOST_PREPARED: usize = 256;
/// Bytes that prepared sets may take, as far as at least one is kept for each of a few markets.
const MOST_PREPARED_BYTES: usize = 64 << 20;
/// Prepared sets kept however large they are.
const LEAST_PREPARED: usize = 8;

impl Snapshot {
    /// The products that these conditions leave, for changing.
    pub(crate) fn allowed(&self, conditions: &Conditions<'_>) -> Bitmap {
        Arc::unwrap_or_clone(self.allowed_to_read(conditions))
    }

    /// The products that these conditions leave.
    pub(crate) fn allowed_to_read(&self, conditions: &Conditions<'_>) -> Arc<Bitmap> {
        if *conditions.filter != Filter::default() {
            return Arc::new(self.make_allowed(conditions));
        }
        let key = self.prepared_key(conditions);
        if let Some(prepared) = self.base.prepared.load().get(&key) {
            return prepared.clone();
        }
        let prepared = Arc::new(self.make_allowed(conditions));
        self.base.prepared.rcu(|sets| {
            let mut sets =
                if sets.len() < self.most_prepared() { imbl::HashMap::clone(sets) } else { imbl::HashMap::new() };
            sets.insert(key.clone(), prepared.clone());
            sets
        });
        prepared
    }

    fn most_prepared(&self) -> usize {
        let bytes = self.n_products() / 8 + 1;
        (MOST_PREPARED_BYTES / bytes).clamp(LEAST_PREPARED, MOST_PREPARED)
    }

    fn make_allowed(&self, conditions: &Conditions<'_>) -> Bitmap {
        let age = Some(conditions.age);
        let mut rows = filter::allowed(self.bundle(), conditions.filter, &conditions.market, age, conditions.rates);
        let (rules, excluded) = (&self.rules, conditions.excluded);
        rules.excluding(excluded).for_each(|kind| rows.subtract(kind.stored()));
        rows.resize(self.n_products());
        let named = self.named_by(conditions.filter);
        let fits = |record: &ProductRecord| record.fits(conditions) && !rules.excludes(excluded, record);
        for (row, good) in self.live.goods.changed() {
            let may = named.as_ref().is_none_or(|named| named.contains(&row));
            match may && good.record.as_ref().is_some_and(fits) {
                true => rows.insert(row),
                false => rows.remove(row),
            }
        }
        rows
    }

    /// Rows of the products that the filter names, where it names any: the few records to be looked at.
    fn named_by(&self, filter: &Filter) -> Option<BTreeSet<u32>> {
        let ids = &filter.product_ids;
        (!ids.is_empty()).then(|| ids.iter().filter_map(|id| self.product_row(id)).collect())
    }

    /// Ids of products in a filter that nobody knows, each once, in the filter's order.
    pub fn unknown_in<'f>(&self, filter: &'f Filter) -> Vec<&'f str> {
        let mut seen = HashSet::new();
        let ids = filter.product_ids.iter().map(String::as_str);
        ids.filter(|id| self.product_row(id).is_none() && seen.insert(*id)).collect()
    }

    fn prepared_key(&self, conditions: &Conditions<'_>) -> PreparedKey {
        let passed = self.base.age_limits.iter().chain(self.live.goods.age_limits());
        PreparedKey {
            generation: self.live.goods.generation(),
            country: conditions.market.country,
            currency: conditions.market.currency,
            payment_methods: conditions.market.payment_methods.clone(),
            age_limit: passed.copied().filter(|&limit| limit <= conditions.age).max().unwrap_or(0),
            excluded: conditions.excluded,
        }
    }
}
