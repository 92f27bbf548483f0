//! Which offer of a product a person is shown, where several sellers or several ways of delivery come to her market.
//!
//! A conditional logit (D. McFadden 1974, "Conditional Logit Analysis of Qualitative Choice Behavior"): of the offers that reach her
//! market, take the methods of payment and come in time, the one with the highest
//!
//! ```text
//! utility = - price · ln(total / cheapest total) - haste · ln(1 + days)
//! ```
//!
//! where the total is price and delivery, and days are the most that are promised. All amounts of a product are in one
//! currency and are compared with each other alone, never with another product's. The weights are learnt from the offers
//! that people took (`bundle/choices.rs`): of her market, and how much more in haste she is than others there.

pub(crate) mod logit;

use bytemuck::{Pod, Zeroable};
use juntos_datasets::units::Money;

/// How much price and time weigh with somebody who chooses an offer.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Weights {
    /// Weight of the logarithm of the total, at least 0.
    pub price: f32,
    /// Weight of the logarithm of the days, plus one; below 0 for nobody who is served.
    pub haste: f32,
}

impl Default for Weights {
    /// The cheapest offer, whenever it comes: what holds where nothing was learnt.
    fn default() -> Self {
        Self { price: 1.0, haste: 0.0 }
    }
}

/// What an offer asks for, in minor units of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Price for one buyer, where it is known.
    pub price_minor: Option<i64>,
    /// Cost of delivery.
    pub cost_minor: i64,
    /// Most days until delivery.
    pub max_days: u32,
}

/// What speaks against an offer: the logarithms of its total, by the cheapest one's, and of its days, plus one.
pub(crate) type Burden = [f64; 2];

impl Terms {
    fn total(&self) -> i64 {
        self.price_minor.unwrap_or(0).saturating_add(self.cost_minor).max(0)
    }

    fn delay(&self) -> f64 {
        (1.0 + f64::from(self.max_days)).ln()
    }
}

/// The burdens of offers that somebody chooses among, in their order. Where some have a price, those without cannot be
/// compared with them and have none.
pub(crate) fn burdens(offers: &[Terms]) -> Vec<Option<Burden>> {
    let priced = offers.iter().any(|terms| terms.price_minor.is_some());
    let compared = |terms: &&Terms| !priced || terms.price_minor.is_some();
    let cheapest = offers.iter().filter(compared).map(Terms::total).min().unwrap_or(0);
    // One minor unit more on both sides lets free things be compared.
    let dearer = |terms: &Terms| ((terms.total() as f64 + 1.0) / (cheapest as f64 + 1.0)).ln();
    offers.iter().map(|terms| compared(&terms).then(|| [dearer(terms), terms.delay()])).collect()
}

impl Weights {
    /// The utility of an offer with this burden: bigger is better, at most 0.
    pub(crate) fn utility(&self, burden: Burden) -> f64 {
        -f64::from(self.price) * burden[0] - f64::from(self.haste) * burden[1]
    }

    /// The weights of somebody who is by `shift` more in haste.
    pub(crate) fn hastier(self, shift: f32) -> Self {
        Self { haste: (self.haste + shift).max(0.0), ..self }
    }

    /// The place of the best offer; equal ones by total, then days, then place.
    pub fn best(&self, offers: &[Terms]) -> Option<usize> {
        let burdens = burdens(offers);
        let compared = (0..offers.len()).filter_map(|at| burdens[at].map(|burden| (at, self.utility(burden))));
        let key = |at: usize| (offers[at].total(), offers[at].max_days, at);
        compared.min_by(|a, b| b.1.total_cmp(&a.1).then_with(|| key(a.0).cmp(&key(b.0)))).map(|best| best.0)
    }

    /// How much sooner and cheaper an offer is delivered than the usual one, free within [`USUAL_DAYS`]: above 0 speaks for
    /// it, from -1 to 1. It compares offers of different products: the cost of delivery counts by the product's own price.
    pub(crate) fn convenience(&self, terms: &Terms) -> f32 {
        let usual = (1.0 + f64::from(USUAL_DAYS)).ln();
        let price = terms.price_minor.map_or(0.0, |price| price.max(0) as f64);
        let delivery = if price > 0.0 { (1.0 + terms.cost_minor.max(0) as f64 / price).ln() } else { 0.0 };
        self.utility([delivery, terms.delay() - usual]).clamp(-1.0, 1.0) as f32
    }
}

/// Days of the delivery that others are compared with; a product that promises no day counts like it.
const USUAL_DAYS: u32 = 7;

/// The offer that an answer shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Who sells it.
    pub seller_id: Option<String>,
    /// Price for one buyer.
    pub price: Option<Money>,
    /// Cost of delivery, where the currency is known.
    pub delivery_cost: Option<Money>,
    /// Fewest days until delivery.
    pub min_days: u32,
    /// Most days until delivery.
    pub max_days: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms() -> impl Strategy<Value = Terms> {
        (prop::option::of(0i64..2_000), 0i64..300, 0u32..40).prop_map(|(price_minor, cost_minor, max_days)| Terms {
            price_minor,
            cost_minor,
            max_days,
        })
    }

    /// Tournament of every pair, by the definition and without sharing any code.
    fn slow_best(weights: Weights, offers: &[Terms]) -> Option<usize> {
        let total = |at: usize| offers[at].price_minor.unwrap_or(0) + offers[at].cost_minor;
        let priced = offers.iter().any(|terms| terms.price_minor.is_some());
        let compared: Vec<usize> =
            (0..offers.len()).filter(|&at| !priced || offers[at].price_minor.is_some()).collect();
        let least = compared.iter().map(|&at| total(at)).min()?;
        let utility = |at: usize| {
            let dearer = ((total(at) as f64 + 1.0) / (least as f64 + 1.0)).ln();
            -f64::from(weights.price) * dearer - f64::from(weights.haste) * (f64::from(offers[at].max_days) + 1.0).ln()
        };
        let beats = |one: usize, other: usize| {
            let (mine, its) = (utility(one), utility(other));
            mine > its
                || mine == its
                    && (total(one), offers[one].max_days, one) < (total(other), offers[other].max_days, other)
        };
        compared.iter().copied().find(|&one| compared.iter().all(|&other| other == one || beats(one, other)))
    }

    proptest! {
        #[test]
        fn the_best_offer_beats_every_other(
            offers in prop::collection::vec(terms(), 0..7), price in 0f32..20.0, haste in 0f32..4.0,
        ) {
            let weights = Weights { price, haste };
            prop_assert_eq!(weights.best(&offers), slow_best(weights, &offers));
        }

        /// More haste never leads to an offer that comes later.
        #[test]
        fn more_haste_less_waiting(
            offers in prop::collection::vec(terms(), 1..7), price in 0.1f32..20.0, haste in 0f32..4.0, more in 0f32..4.0,
        ) {
            let days = |haste| offers[Weights { price, haste }.best(&offers).unwrap()].max_days;
            prop_assert!(days(haste + more) <= days(haste));
        }

        /// Amounts in another unit, yen for euro, change nothing but what rounding does: prices are far apart here.
        #[test]
        fn only_ratios_of_prices_count(
            days in prop::collection::vec(0u32..40, 1..6), price in 0.1f32..20.0, haste in 0f32..4.0, unit in 1i64..200,
        ) {
            let offers = |unit: i64| -> Vec<Terms> {
                let offer = |(at, &max_days): (usize, &u32)| Terms {
                    price_minor: Some((1_000_000 << at) * unit), cost_minor: 0, max_days,
                };
                days.iter().enumerate().map(offer).collect()
            };
            let weights = Weights { price, haste };
            let utilities = |offers: Vec<Terms>| -> Vec<f64> {
                burdens(&offers).into_iter().flatten().map(|burden| weights.utility(burden)).collect()
            };
            for (one, other) in utilities(offers(1)).into_iter().zip(utilities(offers(unit))) {
                prop_assert!((one - other).abs() < 1e-4, "{one} {other}");
            }
        }
    }

    #[test]
    fn some_prefer_cheap_and_slow_others_today() {
        let slow = Terms { price_minor: Some(1_000), cost_minor: 0, max_days: 20 };
        let today = Terms { price_minor: Some(1_000), cost_minor: 150, max_days: 0 };
        let takes = |haste| Weights { price: 12.0, haste }.best(&[slow, today]);
        assert_eq!((takes(0.1), takes(2.0)), (Some(0), Some(1)));
        assert_eq!(Weights::default().best(&[today, slow]), Some(1), "the cheapest where nothing was learnt");
        assert_eq!(Weights::default().best(&[]), None);
        let unpriced = Terms { price_minor: None, ..today };
        assert_eq!(
            Weights { price: 0.0, haste: 9.0 }.best(&[slow, unpriced]),
            Some(0),
            "a price nobody knows is not low"
        );
    }

    #[test]
    fn convenience_is_that_of_the_usual_delivery_or_its_opposite() {
        let weights = Weights { price: 5.0, haste: 1.0 };
        let of = |cost_minor, max_days| weights.convenience(&Terms { price_minor: Some(1_000), cost_minor, max_days });
        assert_eq!(of(0, USUAL_DAYS), 0.0);
        assert!(of(0, 1) > 0.5 && of(0, 30) == -1.0 && of(100, USUAL_DAYS) < -0.4);
        let calm = Weights::default().convenience(&Terms { price_minor: Some(1_000), cost_minor: 0, max_days: 30 });
        assert_eq!(calm, 0.0, "who does not mind waiting loses nothing by it");
    }
}
