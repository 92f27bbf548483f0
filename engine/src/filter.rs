//! Which products may be shown: a filter, a market and an age become a bitmap.
//!
//! The bundle holds two bitmaps made when it was written (sellable: neither hidden nor sold out; for all ages), and
//! keeps one bitmap for each delivery question asked so far, so that a plain market costs two ANDs.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arc_swap::ArcSwap;
use juntos_datasets::units::{Country, Currency};
use juntos_datasets::{ProductRow, Row};
use rayon::prelude::*;

use crate::bitmap::Bitmap;
use crate::bundle::shapes::NONE;
use crate::bundle::{Bundle, StoredOffer};
use crate::exchange::Rates;
use crate::request::{Filter, Market};

/// Rows of the products of the bundle that may be shown: neither hidden nor sold out, for the age, deliverable in the
/// market, and meeting every condition of the filter.
///
/// `age` is in whole years; an unknown age (`None`) counts as a minor's of whom nothing is known: she is shown no
/// product with a youngest age. The country is the filter's `ship_to`, else the market's; without either, nothing is
/// asked of the country. Payment methods are the filter's, else the market's; none means any. A product without offers
/// is delivered everywhere and paid by any method, but promises no day: a limit on delivery days leaves it out. A price
/// bound is in the filter's currency, else the market's; products with no price, or one in a currency that `rates` do not
/// compare with it, do not meet it.
pub fn allowed(bundle: &Bundle, filter: &Filter, market: &Market, age: Option<u32>, rates: &Rates) -> Bitmap {
    let catalogue = bundle.catalogue();
    let mut rows = Bitmap::from_words(&catalogue.sellable, bundle.n_products());
    keep_products(bundle, &mut rows, filter);
    keep_for_age(bundle, &mut rows, age);
    if let Some(delivery) = Delivery::of(bundle, filter, market) {
        rows.intersect(&bundle.deliverable().rows(bundle, &delivery));
    }
    keep_sellers(bundle, &mut rows, filter);
    keep_categories(bundle, &mut rows, filter);
    keep_brands(bundle, &mut rows, filter);
    keep_prices(bundle, &mut rows, filter, market, rates);
    rows
}

fn keep_products(bundle: &Bundle, rows: &mut Bitmap, filter: &Filter) {
    if filter.product_ids.is_empty() {
        return;
    }
    let mut wanted = Bitmap::none(rows.len());
    filter.product_ids.iter().filter_map(|id| bundle.products().row(id)).for_each(|row| wanted.insert(row.0));
    rows.intersect(&wanted);
}

fn keep_for_age(bundle: &Bundle, rows: &mut Bitmap, age: Option<u32>) {
    let catalogue = bundle.catalogue();
    let for_all = Bitmap::from_words(&catalogue.for_all_ages, rows.len());
    let Some(age) = age else { return rows.intersect(&for_all) };
    let mut restricted = rows.clone();
    restricted.subtract(&for_all);
    restricted.retain(|row| catalogue.min_age[row as usize] > age);
    rows.subtract(&restricted);
}

/// A question about delivery and payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Delivery {
    country: Option<Country>,
    /// Bits of payment methods, one of which must be accepted; `None` means any.
    methods: Option<u64>,
    max_days: Option<u32>,
}

impl Delivery {
    /// What the request asks, if it asks anything.
    pub(crate) fn of(bundle: &Bundle, filter: &Filter, market: &Market) -> Option<Self> {
        let names = if filter.payment_methods.is_empty() { &market.payment_methods } else { &filter.payment_methods };
        let known = bundle.catalogue().payment_methods();
        let bit = |name: &String| known.iter().position(|known| known == name).map_or(0, |bit| 1u64 << bit);
        let methods = (!names.is_empty()).then(|| names.iter().fold(0, |mask, name| mask | bit(name)));
        let asked = Self { country: filter.ship_to.or(market.country), methods, max_days: filter.max_delivery_days };
        (asked != Self { country: None, methods: None, max_days: None }).then_some(asked)
    }

    /// Whether a product with these offers meets the question.
    fn met_by(&self, offers: &[StoredOffer]) -> bool {
        if offers.is_empty() {
            return self.max_days.is_none();
        }
        offers.iter().any(|offer| self.served_by(offer))
    }

    /// Whether one offer meets it.
    pub(crate) fn served_by(&self, offer: &StoredOffer) -> bool {
        self.country.is_none_or(|country| offer.country == country.bytes())
            && self.methods.is_none_or(|methods| offer.payment_methods == 0 || offer.payment_methods & methods != 0)
            && self.max_days.is_none_or(|most| offer.max_days <= most)
    }

    fn rows(&self, bundle: &Bundle) -> Bitmap {
        let products = bundle.n_products();
        let catalogue = bundle.catalogue();
        let met = |row: usize| u64::from(self.met_by(catalogue.offers(ProductRow::from_index(row))));
        let word = |at: usize| (at * 64..products.min(at * 64 + 64)).fold(0, |word, row| word | met(row) << (row % 64));
        let words: Vec<u64> = (0..products.div_ceil(64)).into_par_iter().with_min_len(64).map(word).collect();
        Bitmap::from_words(&words, products)
    }
}

/// Bytes of bitmaps that a bundle keeps for delivery questions; when they are used up it begins anew.
const MOST_BYTES: usize = 64 << 20;

/// Delivery questions asked so far and their answers. Readers never wait for each other or for a writer.
#[derive(Default)]
pub(crate) struct Deliverable {
    answers: ArcSwap<HashMap<Delivery, Arc<Bitmap>>>,
}

impl Deliverable {
    fn rows(&self, bundle: &Bundle, asked: &Delivery) -> Arc<Bitmap> {
        if let Some(rows) = self.answers.load().get(asked) {
            return Arc::clone(rows);
        }
        let rows = Arc::new(asked.rows(bundle));
        let most = MOST_BYTES / (rows.words().len() * 8 + 128);
        self.answers.rcu(|answers| {
            let mut next = if answers.len() < most { HashMap::clone(answers) } else { HashMap::new() };
            next.insert(*asked, Arc::clone(&rows));
            next
        });
        rows
    }
}

fn keep_sellers(bundle: &Bundle, rows: &mut Bitmap, filter: &Filter) {
    let sellers = &bundle.catalogue().seller;
    let known =
        |ids: &[String]| ids.iter().filter_map(|id| bundle.sellers().row(id)).map(|row| row.0).collect::<Vec<_>>();
    if !filter.seller_ids.is_empty() {
        let wanted = known(&filter.seller_ids);
        rows.retain(|row| wanted.contains(&sellers[row as usize]));
    }
    let unwanted = known(&filter.not_seller_ids);
    if !unwanted.is_empty() {
        rows.retain(|row| !unwanted.contains(&sellers[row as usize]));
    }
}

fn keep_categories(bundle: &Bundle, rows: &mut Bitmap, filter: &Filter) {
    let categories = &bundle.catalogue().category;
    let within = |set: &[bool], row: u32| set.get(categories[row as usize] as usize).copied().unwrap_or(false);
    if !filter.categories.is_empty() {
        let wanted = below(bundle, &filter.categories);
        rows.retain(|row| within(&wanted, row));
    }
    if !filter.not_categories.is_empty() {
        let unwanted = below(bundle, &filter.not_categories);
        rows.retain(|row| !within(&unwanted, row));
    }
}

/// Whether each category is one of `paths` or below one. Parents come before their children.
fn below(bundle: &Bundle, paths: &[String]) -> Vec<bool> {
    let catalogue = bundle.catalogue();
    let mut set = vec![false; catalogue.categories().len()];
    for path in paths {
        if let Some(row) = catalogue.categories().row(path.trim_matches('/')) {
            set[row.index()] = true;
        }
    }
    for category in 0..set.len() {
        let parent = catalogue.category_parent[category];
        set[category] |= parent != NONE && set[parent as usize];
    }
    set
}

fn keep_brands(bundle: &Bundle, rows: &mut Bitmap, filter: &Filter) {
    if filter.brands.is_empty() {
        return;
    }
    let catalogue = bundle.catalogue();
    let wanted: Vec<bool> = (0..catalogue.n_brands)
        .map(|brand| filter.brands.iter().any(|name| name == catalogue.brands.get(brand)))
        .collect();
    rows.retain(|row| wanted.get(catalogue.brand[row as usize] as usize).copied().unwrap_or(false));
}

fn keep_prices(bundle: &Bundle, rows: &mut Bitmap, filter: &Filter, market: &Market, rates: &Rates) {
    let catalogue = bundle.catalogue();
    if filter.team_price {
        rows.retain(|row| catalogue.group_price[row as usize] >= 0);
    }
    let Some(prices) = prices_of(filter) else { return };
    let Some(currency) = filter.currency.or(market.currency) else {
        return rows.retain(|row| prices.contains(&catalogue.price[row as usize]));
    };
    let converted = |other| Some((currency_code(other), rates.within(prices.clone(), currency, other)?));
    let in_each: Vec<([u8; 4], RangeInclusive<i64>)> = rates.comparable(currency).filter_map(converted).collect();
    rows.retain(|row| {
        let (code, price) = (catalogue.currency[row as usize], catalogue.price[row as usize]);
        in_each.iter().any(|(of, prices)| *of == code && prices.contains(&price))
    });
}

/// The prices that a filter asks for, minor units of its currency; nothing where it bounds none.
pub(crate) fn prices_of(filter: &Filter) -> Option<RangeInclusive<i64>> {
    let bounded = filter.price_min_minor.is_some() || filter.price_max_minor.is_some();
    let least = filter.price_min_minor.unwrap_or(0).max(0);
    bounded.then(|| least..=filter.price_max_minor.unwrap_or(i64::MAX))
}

/// A currency as the catalogue stores it.
pub(crate) fn currency_code(currency: Currency) -> [u8; 4] {
    let [a, b, c] = currency.bytes();
    [a, b, c, 0]
}

#[cfg(test)]
mod tests;
