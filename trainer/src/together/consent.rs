//! What people and products say of themselves that decides who may know what of whom, and who may join what.
//!
//! Serving answers behind these rules (`engine/src/privacy.rs`), so the team models must be fitted behind them too: a
//! model that knew what everybody bought would trust signs that it is never shown.

use std::collections::BTreeMap;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::error::DatasetError;
use juntos_datasets::tables::{Friendships, Products, PurchaseVisibility, Users};
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::certain_age;

/// What one user says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Person {
    pub(super) visibility: PurchaseVisibility,
    pub(super) personalise: bool,
    birth_year: Option<i32>,
    /// Number of her country.
    country: Option<u32>,
}

/// What one product says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Good {
    pub(super) sensitive: bool,
    min_age: Option<u32>,
    /// Numbers of the countries that it is delivered to; empty means everywhere.
    delivered_to: Vec<u32>,
}

/// What everybody and everything says, by the dataset's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Consent {
    people: Vec<Person>,
    goods: Vec<Good>,
    /// Ties made since the first team, by the smaller and the larger row, ascending, with the time.
    late_ties: Vec<(u32, u32, Timestamp)>,
}

impl Consent {
    /// Reads users, products and friendships once more, for what training does not need, about the `data` that `teams`
    /// are over: of ties only those made after the first of them was opened.
    ///
    /// # Errors
    /// When a table is damaged.
    pub fn read(dataset: &Dataset, data: &TrainingData, teams: &[TeamRecord]) -> Result<Self, DatasetError> {
        let mut countries = BTreeMap::new();
        let mut number = |country: &str| {
            let next = countries.len() as u32;
            *countries.entry(country.to_owned()).or_insert(next)
        };
        // Serving knows somebody whom the table does not name by the table's defaults.
        let mut people = vec![Person { visibility: PurchaseVisibility::Nobody, ..Person::OPEN }; data.users.len()];
        dataset.for_each::<Users>(|user| {
            if let Some(row) = data.users.row(user.user_id) {
                people[row.0 as usize] = Person {
                    visibility: user.purchase_visibility,
                    personalise: user.personalise,
                    birth_year: user.birth_year,
                    country: user.country.map(&mut number),
                };
            }
            Ok(())
        })?;
        let mut goods = vec![Good::default(); data.products.len()];
        dataset.for_each::<Products>(|product| {
            if let Some(row) = data.products.row(product.product_id) {
                goods[row.0 as usize] = Good {
                    sensitive: product.sensitive,
                    min_age: product.min_age,
                    delivered_to: product.offers.iter().map(|offer| number(offer.country)).collect(),
                };
            }
            Ok(())
        })?;
        let first = teams.iter().filter_map(|team| team.opened_at).min();
        let mut late_ties = Vec::new();
        dataset.for_each::<Friendships>(|tie| {
            let ends = data.users.row(tie.user_id).zip(data.users.row(tie.friend_id));
            if let (Some((one, other)), Some(since)) = (ends, tie.since.filter(|&since| Some(since) > first)) {
                late_ties.push((one.0.min(other.0), one.0.max(other.0), since));
            }
            Ok(())
        })?;
        late_ties.sort_unstable();
        // The earliest of several ties between two comes first and is kept.
        late_ties.dedup_by_key(|tie| (tie.0, tie.1));
        Ok(Self { people, goods, late_ties })
    }

    /// Everybody shows everything to everybody, and may join everything.
    pub fn open(users: usize, products: usize) -> Self {
        Self { people: vec![Person::OPEN; users], goods: vec![Good::default(); products], late_ties: Vec::new() }
    }

    pub(super) fn person(&self, user: UserRow) -> &Person {
        &self.people[user.0 as usize]
    }

    pub(super) fn good(&self, product: ProductRow) -> &Good {
        &self.goods[product.0 as usize]
    }

    /// Whether two friends knew each other at `now`, as far as is known.
    pub(super) fn knew(&self, one: UserRow, other: UserRow, now: Timestamp) -> bool {
        let pair = (one.0.min(other.0), one.0.max(other.0));
        let at = self.late_ties.partition_point(|tie| (tie.0, tie.1) < pair);
        self.late_ties.get(at).is_none_or(|tie| (tie.0, tie.1) != pair || tie.2 <= now)
    }

    /// Whether `friend` may join `initiator` on `product` at `now`: she is old enough, and it is delivered where she lives,
    /// or, where that is not known, where the initiator lives.
    pub(super) fn may_join(&self, friend: UserRow, initiator: UserRow, product: ProductRow, now: Timestamp) -> bool {
        let (person, good) = (self.person(friend), self.good(product));
        let country = person.country.or(self.person(initiator).country);
        let to = &good.delivered_to;
        let delivered = to.is_empty() || country.is_none_or(|country| to.contains(&country));
        let old_enough = good.min_age.is_none_or(|min_age| certain_age(person.birth_year, now) >= min_age);
        delivered && old_enough
    }
}

impl Person {
    const OPEN: Self =
        Self { visibility: PurchaseVisibility::Everyone, personalise: true, birth_year: None, country: None };
}
