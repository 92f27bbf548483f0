//! Exact numbers of a seller's buyers, each of whom moves them by a bounded amount. They leave this folder noised only.
//!
//! A buyer is somebody who bought a product of the seller that is not sensitive, not as a gift, who is still there and
//! allows that what is known about her is used. She counts once, in one age band, in one market, in at most
//! [`MOST_CATEGORIES`] categories of what she buys elsewhere, and with one number of stars.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use juntos_datasets::units::{Country, Timestamp};
use juntos_datasets::{ProductRow, UserRow};
use serde::{Deserialize, Serialize};

use super::policy::MOST_CATEGORIES;
use crate::live::people::Feedback;
use crate::privacy::{ADULT_AGE, certain_age};
use crate::recommend::Snapshot;

/// Ages that are told as one. Nobody is told to be a minor: she counts with those whose age is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgeBand {
    /// Below 18 for all that is certain.
    MinorOrUnknown,
    /// 18 to 24.
    From18,
    /// 25 to 34.
    From25,
    /// 35 to 44.
    From35,
    /// 45 to 54.
    From45,
    /// 55 to 64.
    From55,
    /// 65 and more.
    From65,
}

impl AgeBand {
    fn of(certain_age: u32) -> Self {
        match certain_age {
            0..ADULT_AGE => Self::MinorOrUnknown,
            ADULT_AGE..25 => Self::From18,
            25..35 => Self::From25,
            35..45 => Self::From35,
            45..55 => Self::From45,
            55..65 => Self::From55,
            65.. => Self::From65,
        }
    }
}

/// Exact numbers.
#[derive(Default, PartialEq)]
#[cfg_attr(test, derive(Debug, Clone))]
pub(super) struct Exact {
    pub(super) buyers: u32,
    pub(super) age_bands: BTreeMap<AgeBand, u32>,
    pub(super) markets: BTreeMap<Country, u32>,
    pub(super) also_buy: BTreeMap<String, u32>,
    pub(super) repeated: u32,
    pub(super) returned: u32,
    pub(super) rated: u32,
    /// Sum of the buyers' stars, each less [`MIDDLE_STAR`].
    pub(super) stars: i64,
}

/// Stars from which [`Exact::stars`] counts, so that one person moves them by 2 at most.
pub(super) const MIDDLE_STAR: i64 = 3;

/// All that one buyer adds.
struct Buyer {
    age_band: AgeBand,
    market: Option<Country>,
    /// At most [`MOST_CATEGORIES`], each once.
    also_buys: Vec<String>,
    repeated: bool,
    returned: bool,
    /// 1 to 5.
    stars: Option<i64>,
}

impl Exact {
    /// The numbers of a seller at `now`.
    pub(super) fn count(world: &Snapshot, seller_id: &str, now: Timestamp) -> Self {
        let shop = Shop { world, rows: products_of(world, seller_id) };
        let mut exact = Self::default();
        shop.customers().into_iter().filter_map(|user| shop.buyer(user, now)).for_each(|buyer| exact.add(buyer));
        exact
    }

    fn add(&mut self, buyer: Buyer) {
        self.buyers += 1;
        *self.age_bands.entry(buyer.age_band).or_default() += 1;
        buyer.market.into_iter().for_each(|market| *self.markets.entry(market).or_default() += 1);
        buyer.also_buys.into_iter().for_each(|category| *self.also_buy.entry(category).or_default() += 1);
        self.repeated += u32::from(buyer.repeated);
        self.returned += u32::from(buyer.returned);
        self.rated += u32::from(buyer.stars.is_some());
        self.stars += buyer.stars.map_or(0, |stars| stars - MIDDLE_STAR);
    }
}

/// Whether anybody knows the seller: by the bundle, or by a product put since.
pub(super) fn is_known(world: &Snapshot, seller_id: &str) -> bool {
    world.bundle().sellers().row(seller_id).is_some() || new_products_of(world, seller_id).next().is_some()
}

/// Rows of the products of a seller that may count: those that exist and are not sensitive.
fn products_of(world: &Snapshot, seller_id: &str) -> HashSet<u32> {
    let catalogue = world.bundle().catalogue();
    let seller = world.bundle().sellers().row(seller_id);
    let of_seller = |&row: &u32| seller.is_some() && catalogue.seller(ProductRow(row)) == seller;
    let unchanged = |&row: &u32| world.live.goods.get(row).is_none();
    let stored = (0..world.bundle().n_products() as u32).filter(of_seller).filter(unchanged);
    stored.chain(new_products_of(world, seller_id)).filter(|&row| !world.is_sensitive(row)).collect()
}

/// Rows of the products whose records since the cut name the seller.
fn new_products_of<'a>(world: &'a Snapshot, seller_id: &'a str) -> impl Iterator<Item = u32> + 'a {
    let names = move |seller: Option<&str>| seller == Some(seller_id);
    let changed = world.live.goods.changed();
    changed
        .filter(move |(_, good)| good.record.as_ref().is_some_and(|record| names(record.seller_id.as_deref())))
        .map(|(row, _)| row)
}

/// One seller's products in one world.
struct Shop<'a> {
    world: &'a Snapshot,
    rows: HashSet<u32>,
}

impl Shop<'_> {
    /// Everybody who may have bought something here, by row.
    fn customers(&self) -> BTreeSet<u32> {
        let stored = self.rows.iter().filter_map(|&row| self.world.stored_product(row));
        let mut customers: BTreeSet<u32> = stored.flat_map(|row| self.world.bundle().buyers(row)).copied().collect();
        for (user, history) in self.world.live.people.histories() {
            let bought = history.had.iter().any(|had| had.purchases > 0 && self.rows.contains(&had.product));
            let lost = history.feedback.iter().any(|said| said.lost > 0 && self.rows.contains(&said.product));
            if bought || lost {
                customers.insert(user);
            }
        }
        customers
    }

    /// What a customer adds; nothing unless she counts as a buyer.
    fn buyer(&self, user: u32, now: Timestamp) -> Option<Buyer> {
        if self.world.live.people.is_deleted(user) || !self.world.personalised(user) {
            return None;
        }
        let here = self.purchases(user);
        if here.is_empty() {
            return None;
        }
        let profile = self.world.profile(user);
        Some(Buyer {
            age_band: AgeBand::of(certain_age(profile.birth_year, now)),
            market: profile.country,
            also_buys: most_bought(self.purchases_elsewhere(user)),
            repeated: here.values().sum::<u32>() >= 2,
            returned: here.keys().any(|&product| self.is_returned(user, product)),
            stars: self.mean_stars(user, here.keys().copied()),
        })
    }

    /// How many times a user bought each product here, also those that she did not keep.
    fn purchases(&self, user: u32) -> BTreeMap<u32, u32> {
        let stored = self.world.stored_user(user).map_or(&[][..], |row| self.world.bundle().possessions(row));
        let stored = stored.iter().map(|had| (had.product, had.purchases));
        let history = self.world.live.people.history(user).map(|history| &**history);
        let since = history.into_iter().flat_map(|history| &history.had).map(|had| (had.product, had.purchases));
        let lost = self.said_by(user).iter().map(|said| (said.product, said.lost));
        let mut purchases = BTreeMap::new();
        for (product, count) in stored.chain(since).chain(lost) {
            if count > 0 && self.rows.contains(&product) {
                *purchases.entry(product).or_insert(0_u32) += count;
            }
        }
        purchases
    }

    /// How many times a user bought, and kept, something of each category elsewhere.
    fn purchases_elsewhere(&self, user: u32) -> BTreeMap<&str, u32> {
        let mut purchases = BTreeMap::new();
        for owned in self.world.owned_by(user) {
            let elsewhere = owned.purchases > 0 && !self.rows.contains(&owned.product);
            if let Some(category) = self.top_category(owned.product).filter(|_| elsewhere) {
                *purchases.entry(category).or_insert(0_u32) += owned.purchases;
            }
        }
        purchases
    }

    /// What a user said of products since the cut.
    fn said_by(&self, user: u32) -> &[Feedback] {
        self.world.live.people.history(user).map_or(&[], |history| &history.feedback)
    }

    fn said_of(&self, user: u32, product: u32) -> Option<&Feedback> {
        self.said_by(user).iter().find(|said| said.product == product)
    }

    /// Whether she ever sent the product back.
    fn is_returned(&self, user: u32, product: u32) -> bool {
        self.said_of(user, product).is_some_and(|said| said.returned)
            || self.stored_feedback(user, product).is_some_and(|said| said.is_returned())
    }

    /// The last stars that she gave the product.
    fn stars(&self, user: u32, product: u32) -> Option<f32> {
        let since = self.said_of(user, product).and_then(|said| said.stars);
        since.or_else(|| self.stored_feedback(user, product)?.stars())
    }

    fn stored_feedback(&self, user: u32, product: u32) -> Option<crate::bundle::StoredFeedback> {
        let (UserRow(user), product) = (self.world.stored_user(user)?, self.world.stored_product(product)?);
        let said = self.world.bundle().feedback(product);
        said.binary_search_by_key(&user, |said| said.user).ok().map(|at| said[at])
    }

    /// Her mean stars of these products, rounded to a whole star; half a star is rounded up.
    fn mean_stars(&self, user: u32, products: impl Iterator<Item = u32>) -> Option<i64> {
        let stars: Vec<f32> = products.filter_map(|product| self.stars(user, product)).collect();
        let sum: f64 = stars.iter().map(|&stars| f64::from(stars)).sum();
        let mean = sum / stars.len() as f64;
        (!stars.is_empty()).then(|| ((mean + 0.5).floor() as i64).clamp(1, 5))
    }

    /// The most general category of a product that may count.
    fn top_category(&self, product: u32) -> Option<&str> {
        let goods = self.world.goods(product);
        let category = goods.category.filter(|_| !goods.sensitive)?;
        category.trim_matches('/').split('/').next().filter(|top| !top.is_empty())
    }
}

/// The categories bought most, ties by name.
fn most_bought(categories: BTreeMap<&str, u32>) -> Vec<String> {
    let mut categories: Vec<(&str, u32)> = categories.into_iter().collect();
    categories.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    categories.into_iter().take(MOST_CATEGORIES).map(|(category, _)| category.to_owned()).collect()
}
