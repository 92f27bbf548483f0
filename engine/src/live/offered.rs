//! The offer of a product that one person is shown: of those that reach her market, the one that suits her.

use juntos_datasets::ProductRow;
use juntos_datasets::units::{Currency, Money};

use super::people::Haste;
use super::records::ProductRecord;
use crate::allowed::Conditions;
use crate::bundle::SoldOffer;
use crate::exchange::NO_RATES;
use crate::filter::Delivery;
use crate::offers::{Offer, Terms, Weights, logit};
use crate::recommend::Snapshot;
use crate::request::{Filter, Market};
use crate::viewer::Viewer;

/// Furthest that one purchase moves what is believed of somebody's haste.
const LONGEST_STEP: f32 = 1.0;

/// One offer as it stands now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Offered<'a> {
    pub(crate) terms: Terms,
    seller: Option<&'a str>,
    currency: Option<Currency>,
    min_days: u32,
}

impl Offered<'_> {
    /// As an answer shows it.
    pub(crate) fn told(&self) -> Offer {
        let money = |amount: i64| Some(Money { minor_units: amount, currency: self.currency? });
        Offer {
            seller_id: self.seller.map(str::to_owned),
            price: self.terms.price_minor.and_then(money),
            delivery_cost: money(self.terms.cost_minor),
            min_days: self.min_days,
            max_days: self.terms.max_days,
        }
    }
}

impl Snapshot {
    /// What weighs with somebody who chooses an offer: with people of her country, and with her as far as that may be used.
    /// None where training saw nobody choose.
    pub(crate) fn offer_weights(&self, viewer: &Viewer) -> Option<Weights> {
        let weights = self.bundle().offer_weights(viewer.country)?;
        Some(weights.hastier(viewer.personal.map_or(0.0, |user| self.haste(user).shift)))
    }

    /// How much more in haste a person is than others in her country, by all that she took.
    fn haste(&self, user: u32) -> Haste {
        if let Some(haste) = self.live.people.history(user).and_then(|history| history.haste) {
            return haste;
        }
        let (shift, variance) = self.stored_user(user).map_or((0.0, 1.0), |row| self.bundle().haste_of(row));
        Haste { shift, precision: 1.0 / variance }
    }

    /// The same after she took the offer of `product` that promised `days`: one step of Newton's method, shorter with every
    /// choice since the cut. None where it tells nothing.
    pub(super) fn haste_after(&self, user: u32, product: u32, days: u32) -> Option<Haste> {
        let country = self.profile(user).country?;
        let weights = self.bundle().offer_weights(Some(country))?;
        let (filter, market) = (Filter::default(), Market { country: Some(country), ..Market::default() });
        let conditions = Conditions { filter: &filter, market, age: 0, excluded: 0, rates: &NO_RATES };
        let terms: Vec<Terms> = self.reaching(product, &conditions).iter().map(|offered| offered.terms).collect();
        let choice = logit::choice(&terms, days)?;
        let before = self.haste(user);
        let found = logit::expected(&choice, [f64::from(weights.price), f64::from(weights.haste + before.shift)]);
        let precision = before.precision + found.covariance[2] as f32;
        let step = ((found.mean[1] - choice[0][1]) as f32 / precision).clamp(-LONGEST_STEP, LONGEST_STEP);
        Some(Haste { shift: before.shift + step, precision })
    }

    /// The best offer of a product under these conditions; none where the country is unknown, or no offer is told to serve it.
    pub(crate) fn offered(&self, row: u32, conditions: &Conditions<'_>, weights: Weights) -> Option<Offered<'_>> {
        conditions.filter.ship_to.or(conditions.market.country)?;
        let offers = self.reaching(row, conditions);
        let terms: Vec<Terms> = offers.iter().map(|offered| offered.terms).collect();
        weights.best(&terms).map(|at| offers[at])
    }

    /// The offers of a product that meet these conditions.
    fn reaching(&self, row: u32, conditions: &Conditions<'_>) -> Vec<Offered<'_>> {
        match (self.live.goods.get(row), self.stored_product(row)) {
            (Some(good), _) => good.record.as_ref().map_or_else(Vec::new, |record| recorded(record, conditions)),
            (None, Some(stored)) => self.stored_offers(stored, conditions),
            (None, None) => Vec::new(),
        }
    }

    fn stored_offers(&self, product: ProductRow, conditions: &Conditions<'_>) -> Vec<Offered<'_>> {
        let bundle = self.bundle();
        let (catalogue, delivery) = (bundle.catalogue(), Delivery::of(bundle, conditions.filter, &conditions.market));
        let (own_price, own_seller) = (catalogue.price(product), catalogue.seller(product));
        let serving = |offer: &SoldOffer<'_>| delivery.is_none_or(|asked| asked.served_by(offer.delivery));
        let offered = |offer: SoldOffer<'_>| Offered {
            terms: Terms {
                price_minor: offer.price_minor.or(own_price.map(|price| price.minor_units)),
                cost_minor: offer.delivery.cost_minor,
                max_days: offer.delivery.max_days,
            },
            seller: offer.seller.or(own_seller).map(|seller| bundle.sellers().id(seller)),
            currency: catalogue.currency(product),
            min_days: offer.delivery.min_days,
        };
        bundle.sold_offers(product).filter(serving).map(offered).collect()
    }
}

fn recorded<'a>(record: &'a ProductRecord, conditions: &Conditions<'_>) -> Vec<Offered<'a>> {
    let serving = record.offers.iter().filter(|offer| offer.serves(conditions));
    let offered = serving.map(|offer| Offered {
        terms: Terms {
            price_minor: offer.price_minor.or(record.price_minor),
            cost_minor: offer.cost_minor,
            max_days: offer.max_days,
        },
        seller: offer.seller_id.as_deref().or(record.seller_id.as_deref()),
        currency: record.currency,
        min_days: offer.min_days,
    });
    offered.collect()
}

#[cfg(test)]
mod tests;
