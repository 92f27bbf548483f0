//! What is popular among those who were not withheld, as a bundle of the same past would have it.

use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::dataset::Dataset;
use juntos_datasets::error::DatasetError;
use juntos_datasets::tables::{Events, Split};
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_engine::bundle::POPULAR_HALF_LIFE;
use juntos_engine::cohorts::Home;

use crate::evaluate::products::popularity;
use crate::evaluate::rank::{first_allowed, order_by_score};
use crate::models::cohorts::People;

/// Products, most popular first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rankings {
    /// By the country of a home: events there, which fade.
    pub(super) at_home: BTreeMap<Home, Vec<u32>>,
    /// By how many people have them.
    pub(super) everywhere: Vec<u32>,
}

impl Rankings {
    /// Counts the events that `history` is of: those from before `until`, of users and products that it has together.
    ///
    /// # Errors
    /// When the table of events is damaged.
    pub fn read(
        dataset: &Dataset,
        history: &TrainingData,
        until: Option<Timestamp>,
        people: &People,
    ) -> Result<Self, DatasetError> {
        let weights = EventWeights::default();
        let mut there: BTreeMap<Home, BTreeMap<u32, f64>> = BTreeMap::new();
        dataset.for_each::<Events>(|event| {
            let row = history.users.row(event.user_id).zip(history.products.row(event.product_id));
            let Some((user, product)) = row.filter(|_| event.split == Split::Train) else { return Ok(()) };
            let home = people.homes[user.0 as usize].country_only();
            let is_later = event.ts.zip(until).is_some_and(|(at, until)| at >= until);
            let is_told = !home.is_unknown() && people.personalise[user.0 as usize] && !is_later;
            if is_told && history.interactions.get(user.0 as usize, product.0) > 0.0 {
                let age = until.or(history.cut).zip(event.ts).map_or(0.0, |(until, at)| until.days_since(at).max(0.0));
                let weight = f64::from(weights.of(event.kind)) * (-age / POPULAR_HALF_LIFE).exp2();
                *there.entry(home).or_default().entry(product.0).or_default() += weight;
            }
            Ok(())
        })?;
        let ranking = |there: BTreeMap<u32, f64>| {
            let mut ranking: Vec<(u32, f64)> = there.into_iter().filter(|&(_, weight)| weight > 0.0).collect();
            ranking.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            ranking.into_iter().map(|(product, _)| product).collect()
        };
        let at_home = there.into_iter().map(|(home, there)| (home, ranking(there))).collect();
        Ok(Self { at_home, everywhere: everywhere(history) })
    }

    /// The first `length` products of what is popular in the country of a home, and then everywhere, without those `seen`.
    pub(super) fn list(&self, home: Home, seen: &[u32], length: usize) -> Vec<u32> {
        let at_home = self.at_home.get(&home.country_only()).map_or(&[][..], Vec::as_slice);
        let mut list = first_allowed(at_home, seen, length);
        let known: BTreeSet<u32> = list.iter().copied().collect();
        let rest = self.everywhere.iter().filter(|row| !known.contains(row) && seen.binary_search(row).is_err());
        list.extend(rest.take(length - known.len()));
        list
    }
}

/// The products that somebody has, by how many people do.
pub(super) fn everywhere(history: &TrainingData) -> Vec<u32> {
    let counts = popularity(&history.interactions);
    order_by_score(&counts).into_iter().filter(|&product| counts[product as usize] > 0.0).collect()
}
