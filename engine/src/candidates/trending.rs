//! What is popular in a market: weighted events of everybody who allows it, in aggregate; the same for every viewer.

use std::collections::HashSet;

use juntos_datasets::ProductRow;
use juntos_datasets::units::Country;

use crate::bitmap::Bitmap;
use crate::candidates::{ProductDraft, best_first};
use crate::recommend::Snapshot;
use crate::request::Source;

/// The `k` most popular allowed products of a market that `skip` does not hold, best first; products that nobody in the
/// market bought follow in the order of their popularity everywhere, and those that nobody bought at all come last.
/// The score falls from just below 1 to above 0.
pub(crate) fn popular(
    world: &Snapshot,
    country: Option<Country>,
    k: usize,
    allowed: &Bitmap,
    skip: &HashSet<u32>,
) -> Vec<ProductDraft> {
    let mut taken: HashSet<u32> = HashSet::new();
    let mut found: Vec<ProductDraft> = Vec::with_capacity(k);
    let rankings = [country.map(Some), Some(None)];
    for market in rankings.into_iter().flatten() {
        let wanted = k - found.len();
        let fits = |row: u32| allowed.contains(row) && !skip.contains(&row) && !taken.contains(&row);
        let more = of_market(world, market, wanted, fits);
        taken.extend(more.iter().map(|draft| draft.row));
        found.extend(more);
    }
    if found.len() < k {
        let new = allowed.rows_from(world.bundle().n_products() as u32);
        let rest = new.filter(|row| !skip.contains(row) && !taken.contains(row));
        found.extend(rest.take(k - found.len()).map(|row| ProductDraft::new(row, Source::Newest, 0.0)));
    }
    let step = 1.0 / (found.len() as f32 + 1.0);
    for (place, draft) in found.iter_mut().enumerate() {
        draft.score = 1.0 - step * (place as f32 + 1.0);
    }
    found
}

/// One market's ranking: the bundle's, moved by what has been bought or deleted since.
fn of_market(world: &Snapshot, market: Option<Country>, k: usize, fits: impl Fn(u32) -> bool) -> Vec<ProductDraft> {
    let moved = world.live.popularity.get(&market);
    let change = |row: u32| moved.and_then(|moved| moved.get(&row)).copied().unwrap_or(0.0);
    let mut found: Vec<ProductDraft> = stored_ranking(world, market)
        .filter(|&(row, _)| fits(row))
        .take(k)
        .map(|(row, popularity)| ProductDraft::new(row, Source::Trending, popularity + change(row)))
        .collect();
    let Some(moved) = moved else { return found };
    let there: HashSet<u32> = found.iter().map(|draft| draft.row).collect();
    let risen = moved.iter().filter(|(row, change)| **change > 0.0 && !there.contains(row) && fits(**row));
    found.extend(risen.map(|(&row, &change)| {
        let stored = popularity(world, market, row);
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

/// The products called trending in a market: the top of its ranking, or of everybody's where it has none.
pub(crate) fn top(world: &Snapshot, country: Option<Country>) -> impl Iterator<Item = u32> {
    let local = country.map_or(&[][..], |country| world.bundle().popular_in(country).0);
    let rows = if local.is_empty() { world.bundle().popular() } else { local };
    let bought = |row: &&u32| world.bundle().popularity(ProductRow(**row)) > 0.0;
    rows.iter().take(TRENDING).filter(bought).copied()
}
