//! What is sold and by whom.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::units::Timestamp;

use super::END;
use super::categories::{CATEGORIES, CATEGORY_FACTS, CategoryFacts};
use super::markets::{MARKETS, WORKSHOP};
use super::random::{Purpose, below, happens, log_normal, stream, weighted};
use super::tastes::{Taste, blend, direction};
use super::texts::DEPARTMENTS;

/// Products a seller has, on average.
const PRODUCTS_PER_SELLER: u32 = 40;

/// A planted seller.
#[derive(Debug, Clone, Copy)]
pub struct Shop {
    /// Place of the home country in [`MARKETS`].
    pub market: u8,
    /// Whether it ships to other countries.
    pub cross_border: bool,
    departments: [usize; 2],
}

/// A planted product.
#[derive(Debug, Clone, Copy)]
pub struct Good {
    /// Number of its seller.
    pub seller: u32,
    /// Place in [`CATEGORY_FACTS`].
    pub category: u8,
    /// Place of the seller's country in [`MARKETS`].
    pub market: u8,
    /// Bit `m` is set where it ships to market `m`.
    pub ships: u8,
    /// Price in euro.
    pub euros: f32,
    /// Share of the price that a team saves, and buyers that it needs; absent where there is no group price.
    pub group: Option<(f32, u8)>,
    /// Popularity before taste and season; falls with a power of the rank.
    pub popularity: f32,
    /// When it was listed.
    pub created_at: Timestamp,
    pub(super) stock: Option<i64>,
    pub(super) hidden: bool,
    pub(super) brand: u8,
    pub(super) noun: u8,
    pub(super) attribute: u8,
    pub(super) model: u32,
}

impl Good {
    /// Facts of its category.
    pub fn facts(&self) -> &'static CategoryFacts {
        &CATEGORY_FACTS[self.category as usize]
    }

    /// Whether it is delivered to a market.
    pub fn ships_to(&self, market: u8) -> bool {
        self.ships >> market & 1 == 1
    }
}

/// Number of sellers for so many products.
pub(super) fn sellers(products: u32) -> u32 {
    (products / PRODUCTS_PER_SELLER).max(2 * MARKETS.len() as u32)
}

/// All shops: first a local one in each market, then one that ships everywhere, then as chance has it.
pub(super) fn shops(seed: u64, products: u32) -> Vec<Shop> {
    (0..sellers(products)).into_par_iter().map(|number| shop(seed, number)).collect()
}

fn shop(seed: u64, number: u32) -> Shop {
    let mut rng = stream(seed, Purpose::Seller, u64::from(number));
    let departments = [below(&mut rng, DEPARTMENTS), below(&mut rng, DEPARTMENTS)];
    let shares: Vec<f32> = MARKETS.iter().map(|market| market.share).collect();
    let drawn = if happens(&mut rng, 0.2) { WORKSHOP } else { weighted(&mut rng, &shares).unwrap_or(0) };
    let exports = happens(&mut rng, MARKETS[drawn].exports);
    let first = number as usize;
    match first.cmp(&MARKETS.len()) {
        std::cmp::Ordering::Less => Shop { market: first as u8, cross_border: false, departments },
        std::cmp::Ordering::Equal => Shop { market: WORKSHOP as u8, cross_border: true, departments },
        std::cmp::Ordering::Greater => Shop { market: drawn as u8, cross_border: exports, departments },
    }
}

/// All products with their tastes, in product order.
pub(super) fn goods(
    seed: u64,
    products: u32,
    shops: &[Shop],
    categories: &[Taste; CATEGORIES],
) -> (Vec<Good>, Vec<Taste>) {
    let ranks = ranks(seed, products);
    let brands = brand_directions(seed);
    ranks
        .par_iter()
        .enumerate()
        .map(|(number, &rank)| {
            let mut rng = stream(seed, Purpose::Product, number as u64);
            let good = good(&mut rng, number, rank, shops);
            let own = direction(&mut rng);
            let brand = &brands[good.facts().department * 6 + good.brand as usize];
            (good, blend(&[(0.75, &categories[good.category as usize]), (0.35, brand), (0.6, &own)]))
        })
        .unzip()
}

fn brand_directions(seed: u64) -> Vec<Taste> {
    (0..DEPARTMENTS as u64 * 6).map(|brand| direction(&mut stream(seed, Purpose::Brands, brand))).collect()
}

/// Popularity ranks `0..products` in random order.
fn ranks(seed: u64, products: u32) -> Vec<u32> {
    let mut rng = stream(seed, Purpose::Popularity, 0);
    let mut ranks: Vec<u32> = (0..products).collect();
    for last in (1..ranks.len()).rev() {
        ranks.swap(last, below(&mut rng, last + 1));
    }
    ranks
}

fn good(rng: &mut ChaCha8Rng, number: usize, rank: u32, shops: &[Shop]) -> Good {
    let skewed = (rng.random::<f64>().powf(1.5) * shops.len() as f64) as usize;
    let seller = if number < shops.len() { number } else { skewed };
    let shop = &shops[seller];
    let category = category(rng, shop);
    let facts = &CATEGORY_FACTS[category];
    let cheap = if shop.cross_border { 0.65 } else { 1.0 };
    let days_before_end =
        if happens(rng, 0.65) { rng.random_range(547.0..950.0) } else { rng.random_range(5.0..547.0) };
    Good {
        seller: seller as u32,
        category: category as u8,
        market: shop.market,
        ships: ships(rng, shop),
        euros: facts.euros * cheap * log_normal(rng, 0.45),
        group: happens(rng, 0.75).then(|| (rng.random_range(0.10..0.30), group_size(rng))),
        popularity: (rank as f32 + 4.0).powf(-0.85),
        created_at: END.plus_days(-days_before_end),
        stock: stock(rng),
        hidden: happens(rng, 0.015),
        brand: below(rng, 6) as u8,
        noun: below(rng, 3) as u8,
        attribute: below(rng, 4) as u8,
        model: rng.random_range(10..1_000),
    }
}

/// A category of the shop's departments, now and then another; goods with an age limit are sold at home only.
fn category(rng: &mut ChaCha8Rng, shop: &Shop) -> usize {
    let usual = happens(rng, 0.75);
    let weight = |facts: &CategoryFacts| {
        let fits = !usual || shop.departments.contains(&facts.department);
        let legal = facts.min_age.is_none() || !shop.cross_border;
        if fits && legal { 1.0 } else { 0.0 }
    };
    weighted(rng, &CATEGORY_FACTS.each_ref().map(weight)).unwrap_or(0)
}

fn ships(rng: &mut ChaCha8Rng, shop: &Shop) -> u8 {
    let mut ships = 1 << shop.market;
    if shop.cross_border {
        for market in 0..MARKETS.len() {
            if happens(rng, 0.75) {
                ships |= 1 << market;
            }
        }
    }
    ships
}

fn group_size(rng: &mut ChaCha8Rng) -> u8 {
    match rng.random::<f32>() {
        share if share < 0.5 => 2,
        share if share < 0.8 => 3,
        share if share < 0.93 => rng.random_range(4..=5),
        _ => rng.random_range(6..=10),
    }
}

fn stock(rng: &mut ChaCha8Rng) -> Option<i64> {
    match rng.random::<f32>() {
        share if share < 0.04 => Some(0),
        share if share < 0.10 => None,
        _ => Some((log_normal(rng, 1.0) * 80.0) as i64 + 1),
    }
}
