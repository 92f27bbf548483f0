//! What is popular in a market: weighted events of everybody who allows it, in aggregate; the same for every viewer. What
//! happened since the cut counts as [`crate::live::popularity`] says.

use std::collections::{HashMap, HashSet};

use juntos_datasets::units::Country;
use juntos_datasets::{ProductRow, UserRow};

use crate::bitmap::Bitmap;
use crate::candidates::{ProductDraft, best_first};
use crate::live::popularity::FEWEST_PEOPLE;
use crate::recommend::Snapshot;
use crate::request::Source;
use crate::serving_model::Popular;

/// Whose ranking, and as of which day (since the epoch).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Market {
    pub(crate) country: Option<Country>,
    pub(crate) day: i64,
}

/// The `k` most popular allowed products of a market that `skip` does not hold, best first; products that nobody in the
/// market bought follow in the order of their popularity everywhere, and those that nobody bought at all come last.
/// The score falls from just below 1 to above 0.
pub(crate) fn popular(
    world: &Snapshot,
    market: &Market,
    k: usize,
    allowed: &Bitmap,
    skip: &HashSet<u32>,
) -> Vec<ProductDraft> {
    let mut found = ranked(world, market, k, allowed, skip);
    if found.len() < k {
        let new = allowed.rows_from(world.bundle().n_products() as u32);
        let taken: HashSet<u32> = found.iter().map(|draft| draft.row).collect();
        let rest = new.filter(|row| !skip.contains(row) && !taken.contains(row));
        found.extend(rest.take(k - found.len()).map(|row| ProductDraft::new(row, Source::Newest, 0.0)));
    }
    by_place(found)
}

/// The same without the products that nobody bought.
pub(crate) fn bought(world: &Snapshot, market: &Market, k: usize, allowed: &Bitmap) -> Vec<ProductDraft> {
    let mut found = ranked(world, market, k, allowed, &HashSet::new());
    found.retain(|draft| draft.score > 0.0);
    by_place(found)
}

/// What [`popular`] lists first, with the popularity in the market or, where nobody there bought it, everywhere.
fn ranked(world: &Snapshot, market: &Market, k: usize, allowed: &Bitmap, skip: &HashSet<u32>) -> Vec<ProductDraft> {
    let mut taken: HashSet<u32> = HashSet::new();
    let mut found: Vec<ProductDraft> = Vec::with_capacity(k);
    let rankings = [market.country.map(Some), Some(None)];
    for country in rankings.into_iter().flatten() {
        let wanted = k - found.len();
        let fits = |row: u32| allowed.contains(row) && !skip.contains(&row) && !taken.contains(&row);
        let more = of_market(world, country, market.day, wanted, fits);
        taken.extend(more.iter().map(|draft| draft.row));
        found.extend(more);
    }
    found
}

fn by_place(mut found: Vec<ProductDraft>) -> Vec<ProductDraft> {
    let count = found.len();
    for (place, draft) in found.iter_mut().enumerate() {
        draft.score = Popular::place(place, count);
    }
    found
}

/// One country's ranking, or everybody's: the bundle's, moved by what has been bought or deleted since.
fn of_market(
    world: &Snapshot,
    country: Option<Country>,
    day: i64,
    k: usize,
    fits: impl Fn(u32) -> bool,
) -> Vec<ProductDraft> {
    let moved: HashMap<u32, f32> = world.live.popularity.shown(country, day).filter(|&(row, _)| fits(row)).collect();
    // Whatever has fallen may have to make room for the next one.
    let fallen = moved.values().filter(|change| **change < 0.0).count();
    let mut found: Vec<ProductDraft> = stored_ranking(world, country)
        .filter(|&(row, _)| fits(row))
        .take(k + fallen)
        .map(|(row, popularity)| {
            ProductDraft::new(row, Source::Trending, popularity + moved.get(&row).copied().unwrap_or(0.0))
        })
        .collect();
    let there: HashSet<u32> = found.iter().map(|draft| draft.row).collect();
    let risen = moved.iter().filter(|(row, change)| **change > 0.0 && !there.contains(row));
    found.extend(risen.map(|(&row, &change)| {
        let stored = popularity(world, country, row);
        ProductDraft::new(row, Source::Trending, stored + change)
    }));
    found.sort_by(best_first);
    found.truncate(k);
    found
}

fn stored_ranking(world: &Snapshot, market: Option<Country>) -> Box<dyn Iterator<Item = (u32, f32)> + '_> {
    let bundle = world.bundle();
    match market {
        Some(country) => {
            let (rows, popularity) = bundle.popular_in(country);
            Box::new(rows.iter().copied().zip(popularity.iter().copied()))
        }
        None => Box::new(bundle.popular().iter().map(|&row| (row, bundle.popularity(ProductRow(row))))),
    }
}

/// Popularity at the cut. A market's list is by popularity, so a product is looked for from the top.
fn popularity(world: &Snapshot, market: Option<Country>, row: u32) -> f32 {
    let Some(stored) = world.stored_product(row) else { return 0.0 };
    match market {
        None => world.bundle().popularity(stored),
        Some(country) => {
            let (rows, popularity) = world.bundle().popular_in(country);
            rows.iter().position(|&other| other == row).map_or(0.0, |at| popularity[at])
        }
    }
}

/// How many of a market's most popular products are called trending.
const TRENDING: usize = 50;

/// The products called trending in a market: the top of its ranking as far as three people there bought them, or of
/// everybody's where there is none. People count who still exist and allow it.
pub(crate) fn top(world: &Snapshot, country: Option<Country>) -> Vec<u32> {
    let there = country.map_or(&[][..], |country| world.bundle().popular_in(country).0);
    let several = |rows: &[u32], country: Option<Country>| -> Vec<u32> {
        let bought = |row: &u32| several_bought(world, ProductRow(*row), country);
        rows.iter().take(TRENDING).copied().filter(bought).collect()
    };
    let local = several(there, country);
    if local.is_empty() { several(world.bundle().popular(), None) } else { local }
}

fn several_bought(world: &Snapshot, product: ProductRow, country: Option<Country>) -> bool {
    let lives_there = |user: u32| country.is_none() || world.bundle().profile(UserRow(user)).country == country;
    let counts = |&&user: &&u32| !world.live.people.is_deleted(user) && world.personalised(user) && lives_there(user);
    let several = FEWEST_PEOPLE as usize;
    world.bundle().buyers(product).iter().filter(counts).take(several).count() == several
}
