//! How goods are delivered, and which offer a person takes where she has a choice: some would rather save, others have it
//! sooner. Both belong to streams of randomness of their own.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::tables::{EventKind, Offer};

use super::Planted;
use super::events::PlantedEvent;
use super::markets::{MARKETS, WORKSHOP};
use super::products::Good;
use super::random::{Purpose, below, happens, normal, stream, weighted};
use super::stream::seller_id;

/// Share of goods and markets with a second offer.
const SECOND_OFFERS: f32 = 0.5;
/// Weight of the logarithm of the price with delivery in everybody's choice of an offer.
pub const PRICE_WEIGHT: f32 = 12.0;
/// Weight of the logarithm of the days, plus one: the mean of a market, for the first and the last of [`MARKETS`], and how
/// far people of one market lie apart.
const HASTE: (f32, f32) = (0.6, 1.6);
const HASTE_SPREAD: f32 = 0.7;

/// One offer of a good.
#[derive(Debug, Clone)]
pub(super) struct PlantedOffer {
    /// Who sells it, where it is not the good's own seller.
    pub seller: Option<String>,
    /// Price, where it is not the good's own, minor units.
    pub price_minor: Option<i64>,
    /// Place of the market delivered to.
    pub market: u8,
    /// Days until delivery: fewest and most.
    pub days: (u32, u32),
    /// Cost of delivery, minor units.
    pub cost_minor: i64,
    payment_methods: Vec<&'static str>,
}

impl PlantedOffer {
    /// The offer as a row.
    pub(super) fn row(&self) -> Offer<'_> {
        Offer {
            seller_id: self.seller.as_deref(),
            price_minor: self.price_minor,
            cost_minor: self.cost_minor,
            payment_methods: self.payment_methods.clone(),
            ..Offer::new(MARKETS[self.market as usize].country, self.days.0, self.days.1)
        }
    }
}

/// The price of a good in minor units of its market's currency.
pub(super) fn price_minor(good: &Good) -> i64 {
    (f64::from(good.euros * MARKETS[good.market as usize].per_euro) * 100.0).round().max(1.0) as i64
}

/// How a product is delivered: at home within days, abroad within weeks; here and there sooner for more, from another shop.
pub(super) fn offers(good: &Good, number: u32, shops: usize) -> Vec<PlantedOffer> {
    let mut rng = stream(u64::from(number), Purpose::Chance, 1 << 40);
    let mut second = stream(u64::from(number), Purpose::Delivery, 1 << 40);
    let mut offers = Vec::new();
    for market in (0..MARKETS.len()).filter(|&market| good.ships_to(market as u8)) {
        let usual = usual(&mut rng, good, market);
        let sooner = happens(&mut second, SECOND_OFFERS).then(|| sooner(&mut second, good, shops, &usual));
        offers.push(usual);
        offers.extend(sooner);
    }
    offers
}

fn usual(rng: &mut ChaCha8Rng, good: &Good, market: usize) -> PlantedOffer {
    let (min_days, longer) = if market == good.market as usize {
        (rng.random_range(0..=2), rng.random_range(0..=3))
    } else {
        (MARKETS[market].days_from_abroad + rng.random_range(0..=5), rng.random_range(6..=20))
    };
    let euros = if rng.random_bool(0.4) { 0.0 } else { rng.random_range(0.5..4.0f32) };
    let mut payment_methods = MARKETS[market].payments.to_vec();
    if good.market as usize == WORKSHOP && !payment_methods.contains(&"alipay") {
        payment_methods.push("alipay");
    }
    PlantedOffer {
        seller: None,
        price_minor: None,
        market: market as u8,
        days: (min_days, (min_days + longer).min(40)),
        cost_minor: (euros * MARKETS[good.market as usize].per_euro * 100.0).round() as i64,
        payment_methods,
    }
}

/// The same within a third of the days, for 3 to 25 in a hundred more: half of the time of another shop, in its price.
fn sooner(rng: &mut ChaCha8Rng, good: &Good, shops: usize, usual: &PlantedOffer) -> PlantedOffer {
    let price = price_minor(good);
    let more = (price as f64 * rng.random_range(0.03..0.25)).round() as i64;
    let other = below(rng, shops) as u32;
    let days = (usual.days.0 / 3, usual.days.1 / 3);
    let own = !happens(rng, 0.5) || other == good.seller;
    let (seller, price_minor, cost_minor) = match own {
        true => (None, None, usual.cost_minor + more),
        false => (Some(seller_id(other)), Some(price + more), usual.cost_minor),
    };
    PlantedOffer { seller, price_minor, cost_minor, days, ..usual.clone() }
}

/// Mean weight of the logarithm of the days, plus one, in the choices of a market's people.
pub fn haste_of_market(market: u8) -> f32 {
    HASTE.0 + (HASTE.1 - HASTE.0) * f32::from(market) / (MARKETS.len() - 1) as f32
}

impl Planted {
    /// Weight of the logarithm of the days, plus one, in a person's choice of an offer: the higher, the more she pays for
    /// having it sooner.
    pub fn haste(&self, user: u32) -> f32 {
        let mut rng = stream(self.seed(), Purpose::Delivery, u64::from(user));
        haste_of_market(self.person(user).market) + HASTE_SPREAD * normal(&mut rng)
    }
}

/// The choices of offers of one person, one after the other.
pub(super) struct Chosen<'a> {
    planted: &'a Planted,
    market: u8,
    haste: f32,
    rng: ChaCha8Rng,
}

impl<'a> Chosen<'a> {
    pub(super) fn by(planted: &'a Planted, user: u32) -> Self {
        let rng = stream(planted.seed(), Purpose::Delivery, u64::from(user) | 1 << 41);
        Self { planted, market: planted.person(user).market, haste: planted.haste(user), rng }
    }

    /// Most days of the offer that she took, if she bought or gave something; by a conditional logit (D. McFadden 1974).
    pub(super) fn days(&mut self, event: &PlantedEvent) -> Option<u32> {
        if !matches!(event.kind, EventKind::Purchase | EventKind::Gift) {
            return None;
        }
        let good = self.planted.product(event.product);
        let mut offers = offers(good, event.product, self.planted.shops().len());
        offers.retain(|offer| offer.market == self.market);
        let total = |offer: &PlantedOffer| offer.price_minor.unwrap_or(price_minor(good)) + offer.cost_minor;
        let cheapest = offers.iter().map(total).min()? as f32;
        let weight = |offer: &PlantedOffer| {
            let dearer = (total(offer) as f32 / cheapest).ln();
            (-PRICE_WEIGHT * dearer - self.haste * (1.0 + offer.days.1 as f32).ln()).exp()
        };
        let weights: Vec<f32> = offers.iter().map(weight).collect();
        weighted(&mut self.rng, &weights).map(|place| offers[place].days.1)
    }
}
