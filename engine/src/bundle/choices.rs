//! What people's choices of offers tell of them: file `choices.bin`, with the offers' own sellers and prices.
//!
//! A purchase that says how soon it was promised tells which of the offers to the buyer's country she took, and which ones
//! she left. The weights of [`crate::offers`] are fitted to all such choices by Newton's method, those of each country lean
//! on the world's, and how much more in haste somebody is than her country, by a normal prior around it whose spread is
//! learnt, too (empirical Bayes; B. Efron 2010). People of whom nothing is known are as their country.

use std::collections::BTreeMap;
use std::path::Path;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::{EventKind, Events, Split};
use juntos_datasets::training::TrainingData;
use juntos_datasets::units::Country;
use juntos_datasets::{ProductRow, Row, UserRow};
use rayon::prelude::*;

use super::gather::{ProductColumns, UserColumns};
use super::map::{Column, MappedFile};
use super::sections::SectionFile;
use super::shapes::NONE;
use crate::catalogue::NO_AMOUNT;
use crate::error::EngineError;
use crate::offers::logit::{self, Choice, Expected, expected};
use crate::offers::{Terms, Weights};

/// Name of the file.
pub(super) const CHOICES: &str = "choices.bin";

/// Sellers and prices of offers, and what was learnt from choices among them.
pub(super) struct Choices<Sellers, Prices, Countries, Table, Codes, Spread> {
    /// Row of each offer's seller, in the order of all offers; [`NONE`] for the product's.
    sellers: Sellers,
    /// Each offer's price; [`NO_AMOUNT`] for the product's.
    prices: Prices,
    /// Countries with weights of their own, ascending.
    countries: Countries,
    /// The world's weights, then those of the countries; empty where nobody had a choice.
    weights: Table,
    /// By user, how much more in haste she is than others in her country, in [`STEPS`]; 0 where nothing is known.
    haste: Codes,
    /// One number: the variance of haste among people of one country.
    spread: Spread,
}

/// Choices just learnt.
pub(super) type Learnt = Choices<Vec<u32>, Vec<i64>, Vec<[u8; 2]>, Vec<Weights>, Vec<i8>, [f32; 1]>;
/// Choices of an open bundle.
pub(super) type Stored = Choices<Column<u32>, Column<i64>, Column<[u8; 2]>, Column<Weights>, Column<i8>, Column<f32>>;

/// Steps of a code of haste to 1.
const STEPS: f32 = 16.0;

impl Learnt {
    pub(super) fn learn(
        dataset: &Dataset,
        data: &TrainingData,
        users: &UserColumns,
        products: &ProductColumns,
    ) -> Result<Self, EngineError> {
        let mut by_user: BTreeMap<u32, Vec<Choice>> = BTreeMap::new();
        dataset.for_each::<Events>(|event| {
            let bought = matches!(event.kind, EventKind::Purchase | EventKind::Gift) && event.split == Split::Train;
            let Some(days) = event.delivery_days.filter(|_| bought) else { return Ok(()) };
            let rows = data.users.row(event.user_id).zip(data.products.row(event.product_id));
            if let Some((user, product)) = rows.filter(|(user, _)| users.personalise(user.index())) {
                let choice = choice(products, product, users.country[user.index()], days);
                choice.into_iter().for_each(|choice| by_user.entry(user.0).or_default().push(choice));
            }
            Ok(())
        })?;
        let offers = || products.offers.iter().flatten();
        let mut learnt = Self {
            sellers: offers().map(|offer| offer.seller).collect(),
            prices: offers().map(|offer| offer.price_minor).collect(),
            countries: Vec::new(),
            weights: Vec::new(),
            haste: vec![0; users.country.len()],
            spread: [1.0],
        };
        learnt.fit(&by_user, users);
        Ok(learnt)
    }

    fn fit(&mut self, by_user: &BTreeMap<u32, Vec<Choice>>, users: &UserColumns) {
        let all: Vec<&Choice> = by_user.values().flatten().collect();
        if all.is_empty() {
            return;
        }
        let mut by_country: BTreeMap<[u8; 2], Vec<&Choice>> = BTreeMap::new();
        for (&user, choices) in by_user {
            by_country.entry(users.country[user as usize]).or_default().extend(choices);
        }
        let world = fit_weights(&all, Weights::default(), 1.0);
        let countries: Vec<(_, Weights)> = by_country
            .into_par_iter()
            .map(|(country, choices)| (country, fit_weights(&choices, world, BELIEVED)))
            .collect();
        self.countries = countries.iter().map(|(country, _)| *country).collect();
        self.weights = std::iter::once(world).chain(countries.into_iter().map(|(_, weights)| weights)).collect();
        let (spread, shifts) = shifts(by_user, |user| self.of(users.country[user as usize]));
        self.spread = [spread as f32];
        for (user, shift) in shifts {
            self.haste[user as usize] = (shift * STEPS).round().clamp(-127.0, 127.0) as i8;
        }
    }

    fn of(&self, country: [u8; 2]) -> Weights {
        of_country(&self.countries, &self.weights, country).unwrap_or_default()
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), EngineError> {
        let mut file = SectionFile::default();
        file.add("sellers", &self.sellers);
        file.add("prices", &self.prices);
        file.add("countries", &self.countries);
        file.add("weights", &self.weights);
        file.add("haste", &self.haste);
        file.add("spread", &self.spread);
        file.write(path)
    }
}

impl Stored {
    pub(super) fn open(file: &MappedFile, offers: usize, sellers: usize, users: usize) -> Result<Self, EngineError> {
        let countries = file.column::<[u8; 2]>("countries")?;
        let weights = file.column::<Weights>("weights")?;
        let whole = weights.len() == countries.len() + 1 || weights.is_empty() && countries.is_empty();
        let sound = |weights: &Weights| weights.price >= 0.0 && weights.price.is_finite() && weights.haste.is_finite();
        if !whole || !weights.iter().all(sound) || !countries.is_sorted() {
            return file.refuse("its weights are not those of the world and of its countries in order");
        }
        let spread = file.column_of::<f32>("spread", 1)?;
        if !(spread[0] > 0.0 && spread[0].is_finite()) {
            return file.refuse("its spread of haste is no variance");
        }
        Ok(Self {
            spread,
            sellers: file.rows_of("sellers", offers, sellers, Some(NONE))?,
            prices: file.column_of("prices", offers)?,
            countries,
            weights,
            haste: file.column_of("haste", users)?,
        })
    }

    /// Row of the seller of the offer at this place among all offers, where it is not the product's.
    pub(super) fn seller(&self, offer: usize) -> Option<u32> {
        Some(self.sellers[offer]).filter(|&row| row != NONE)
    }

    /// Its price, where it is not the product's.
    pub(super) fn price(&self, offer: usize) -> Option<i64> {
        Some(self.prices[offer]).filter(|&price| price >= 0)
    }

    /// What weighs with people of a country; none where nobody had a choice.
    pub(super) fn weights(&self, country: Option<Country>) -> Option<Weights> {
        of_country(&self.countries, &self.weights, country.map_or([0; 2], Country::bytes))
    }

    /// How much more in haste a person is than others in her country.
    pub(super) fn shift(&self, user: UserRow) -> f32 {
        f32::from(self.haste[user.index()]) / STEPS
    }

    /// Variance of these shifts.
    pub(super) fn spread(&self) -> f32 {
        self.spread[0]
    }
}

fn of_country(countries: &[[u8; 2]], weights: &[Weights], country: [u8; 2]) -> Option<Weights> {
    let place = countries.binary_search(&country).map_or(0, |at| at + 1);
    weights.get(place).copied()
}

/// What somebody in `country` chose among when she took the offer of `days`.
fn choice(products: &ProductColumns, product: ProductRow, country: [u8; 2], days: u32) -> Option<Choice> {
    let own_price = products.price[product.index()];
    let reaching = products.offers[product.index()].iter().filter(|offer| offer.terms.country == country);
    let terms: Vec<Terms> = reaching
        .map(|offer| Terms {
            price_minor: [offer.price_minor, own_price].into_iter().find(|&price| price != NO_AMOUNT),
            cost_minor: offer.terms.cost_minor,
            max_days: offer.terms.max_days,
        })
        .collect();
    logit::choice(&terms, days)
}

/// Choices of the world that are believed beside a country's.
const BELIEVED: f64 = 20.0;
/// Steps of Newton's method, which are enough for two numbers; and the longest one, for safety far from the end.
const STEPS_OF_NEWTON: usize = 40;
const LONGEST_STEP: f64 = 2.0;

/// The weights that make `choices` most likely, leaning on `prior` with `precision`.
fn fit_weights(choices: &[&Choice], prior: Weights, precision: f64) -> Weights {
    let prior = [f64::from(prior.price), f64::from(prior.haste)];
    let mut weights = prior;
    for _ in 0..STEPS_OF_NEWTON {
        let mut slope = [0, 1].map(|at| precision * (prior[at] - weights[at]));
        let (mut pp, mut ph, mut hh) = (precision, 0.0, precision);
        for choice in choices {
            let Expected { mean, covariance } = expected(choice, weights);
            (0..2).for_each(|at| slope[at] += mean[at] - choice[0][at]);
            (pp, ph, hh) = (pp + covariance[0], ph + covariance[1], hh + covariance[2]);
        }
        let determinant = pp * hh - ph * ph;
        let step = [(hh * slope[0] - ph * slope[1]) / determinant, (pp * slope[1] - ph * slope[0]) / determinant];
        (0..2).for_each(|at| weights[at] += step[at].clamp(-LONGEST_STEP, LONGEST_STEP));
        weights[0] = weights[0].max(0.0);
    }
    Weights { price: weights[0] as f32, haste: weights[1] as f32 }
}

/// Turns of learning the spread among people, and bounds of its square.
const TURNS: usize = 12;
const SPREADS: (f64, f64) = (1e-3, 25.0);

/// The variance of haste among people, and how much more in haste than her country each person is, by the mode of her
/// posterior.
fn shifts(by_user: &BTreeMap<u32, Vec<Choice>>, of: impl Fn(u32) -> Weights + Sync) -> (f64, Vec<(u32, f32)>) {
    let people: Vec<(&u32, &Vec<Choice>)> = by_user.iter().collect();
    let mut spread = 1.0;
    let mut found: Vec<(f64, f64)> = Vec::new();
    for _ in 0..TURNS {
        found = people.par_iter().map(|(user, choices)| shift(choices, of(**user), spread)).collect();
        let squares: f64 = found.iter().map(|(shift, variance)| shift * shift + variance).sum();
        spread = (squares / found.len() as f64).clamp(SPREADS.0, SPREADS.1);
    }
    (spread, people.into_iter().zip(found).map(|((&user, _), (shift, _))| (user, shift as f32)).collect())
}

/// The mode of one person's shift under a prior of this variance, and the variance that is left.
fn shift(choices: &[Choice], weights: Weights, variance: f64) -> (f64, f64) {
    let (mut shift, mut left) = (0.0, variance);
    for _ in 0..STEPS_OF_NEWTON / 4 {
        let (mut slope, mut precision) = (-shift / variance, 1.0 / variance);
        for choice in choices {
            let found = expected(choice, [f64::from(weights.price), f64::from(weights.haste) + shift]);
            slope += found.mean[1] - choice[0][1];
            precision += found.covariance[2];
        }
        shift += (slope / precision).clamp(-LONGEST_STEP, LONGEST_STEP);
        left = 1.0 / precision;
    }
    (shift, left)
}

#[cfg(test)]
mod tests;
