//! How a person chooses: a category by taste and season, a few goods of it by popularity, one of them by taste and price.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::units::Timestamp;

use super::Planted;
use super::categories::{CATEGORIES, CATEGORY_FACTS, season};
use super::markets::MARKETS;
use super::products::Good;
use super::random::{below, happens, weighted};
use super::tastes::{Taste, affinity};

/// How many goods she compares.
const COMPARED: usize = 16;
/// How sharply taste decides among categories, and among goods.
const CATEGORY_SHARPNESS: f32 = 4.0;
const GOODS_SHARPNESS: f32 = 8.0;
/// Share of choices among what is popular in her community.
const COMMUNITY_SHARE: f32 = 0.15;

/// Month of the year, 0 for January, within a day.
pub(super) fn month(moment: Timestamp) -> u32 {
    let day_of_year = (moment.day() as f64).rem_euclid(365.2425);
    ((day_of_year / 30.436_875) as u32).min(11)
}

/// Goods of one category that ship to one market, to be drawn by popularity in constant time (Walker's alias method,
/// built as Vose 1991 has it).
#[derive(Debug, Default)]
pub(super) struct Shelf {
    goods: Vec<u32>,
    keep: Vec<f32>,
    alias: Vec<u32>,
}

impl Shelf {
    fn new(goods: Vec<u32>, popularity: impl Fn(u32) -> f32) -> Self {
        let total: f64 = goods.iter().map(|&good| f64::from(popularity(good))).sum();
        let mut keep: Vec<f32> =
            goods.iter().map(|&good| (f64::from(popularity(good)) * goods.len() as f64 / total) as f32).collect();
        let mut alias: Vec<u32> = (0..goods.len() as u32).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..goods.len()).partition(|&place| keep[place] < 1.0);
        while let (Some(below_one), Some(&above_one)) = (small.pop(), large.last()) {
            alias[below_one] = above_one as u32;
            keep[above_one] -= 1.0 - keep[below_one];
            if keep[above_one] < 1.0 {
                large.pop();
                small.push(above_one);
            }
        }
        Self { goods, keep, alias }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> u32 {
        let place = below(rng, self.goods.len());
        let chosen = if happens(rng, self.keep[place]) { place } else { self.alias[place] as usize };
        self.goods[chosen]
    }
}

/// Every shelf of every market.
#[derive(Debug)]
pub(super) struct Shelves(Vec<[Shelf; CATEGORIES]>);

impl Shelves {
    pub(super) fn new(goods: &[Good]) -> Self {
        let shelf = |market: u8, category: usize| {
            let fits = |good: &Good| good.category as usize == category && good.ships_to(market);
            let members = (0..goods.len() as u32).filter(|&number| fits(&goods[number as usize])).collect();
            Shelf::new(members, |number| goods[number as usize].popularity)
        };
        let market = |market: usize| std::array::from_fn(|category| shelf(market as u8, category));
        Self((0..MARKETS.len()).into_par_iter().map(market).collect())
    }

    fn of(&self, market: u8, category: usize) -> &Shelf {
        &self.0[market as usize][category]
    }
}

/// One person as a chooser: what does not change from choice to choice.
pub(super) struct Chooser<'a> {
    planted: &'a Planted,
    market: u8,
    adult: bool,
    taste: &'a Taste,
    favourites: &'a [u32],
    appetite: [f32; CATEGORIES],
}

impl<'a> Chooser<'a> {
    pub(super) fn new(planted: &'a Planted, user: u32) -> Self {
        let person = planted.person(user);
        Self::of(planted, person.market, person.is_adult(), planted.user_taste(user), planted.favourites(user))
    }

    pub(super) fn of(planted: &'a Planted, market: u8, adult: bool, taste: &'a Taste, favourites: &'a [u32]) -> Self {
        let appetite = std::array::from_fn(|category| {
            let facts = &CATEGORY_FACTS[category];
            let barred = facts.min_age.is_some() && !adult || planted.shelves.of(market, category).goods.is_empty();
            let liking = affinity(taste, &planted.category_tastes[category]);
            if barred { 0.0 } else { facts.demand * (CATEGORY_SHARPNESS * liking).exp() }
        });
        Self { planted, market, adult, taste, favourites, appetite }
    }

    /// A product for `moment`, weighed by `extra` beside taste and price; `None` where nothing fits.
    pub(super) fn choose(&self, rng: &mut ChaCha8Rng, moment: Timestamp, extra: impl Fn(&Good) -> f32) -> Option<u32> {
        let compared = self.compared(rng, moment)?;
        let weights = compared.map(|number| self.weight(number, moment) * extra(self.planted.product(number)));
        weighted(rng, &weights).map(|place| compared[place])
    }

    /// The product of those compared that she likes least.
    pub(super) fn reject(&self, rng: &mut ChaCha8Rng, moment: Timestamp) -> Option<u32> {
        let compared = self.compared(rng, moment)?;
        let possible = compared.into_iter().filter(|&number| self.weight(number, moment) > 0.0);
        possible.min_by(|&a, &b| self.liking(a).total_cmp(&self.liking(b)))
    }

    fn compared(&self, rng: &mut ChaCha8Rng, moment: Timestamp) -> Option<[u32; COMPARED]> {
        if !self.favourites.is_empty() && rng.random::<f32>() < COMMUNITY_SHARE {
            return Some(std::array::from_fn(|_| self.favourites[below(rng, self.favourites.len())]));
        }
        let month = month(moment);
        let weights: [f32; CATEGORIES] = std::array::from_fn(|place| self.appetite[place] * season(place, month));
        let shelf = self.planted.shelves.of(self.market, weighted(rng, &weights)?);
        Some(std::array::from_fn(|_| shelf.draw(rng)))
    }

    fn liking(&self, number: u32) -> f32 {
        affinity(self.taste, self.planted.product_taste(number))
    }

    fn weight(&self, number: u32, moment: Timestamp) -> f32 {
        let good = self.planted.product(number);
        if !self.planted.may_buy_here(self.market, self.adult, good) || good.created_at > moment {
            return 0.0;
        }
        let cheaper = (good.euros / good.facts().euros).powf(-0.3);
        (GOODS_SHARPNESS * self.liking(number)).exp() * cheaper * season(good.category as usize, month(moment))
    }
}
