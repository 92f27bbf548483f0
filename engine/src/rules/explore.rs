//! Which products are new, and which of them a person gets to see today.
//!
//! Draws go through everything that may be new in an order made from the person, the day, the page and the seed, so that
//! everybody sees others, and each the same all day.

use juntos_datasets::units::Timestamp;
use juntos_datasets::{Row, SellerRow};
use xxhash_rust::xxh3::xxh3_64;

use super::Explore;
use crate::bitmap::Bitmap;
use crate::bundle::Bundle;
use crate::bundle::shapes::NONE;
use crate::catalogue::NO_MOMENT;
use crate::live::view::Goods;
use crate::recommend::Snapshot;

/// Draws for each place: the closest to her taste gets it.
const DRAWS: usize = 8;
/// Most products that one question goes through for draws.
const MOST_SEEN: usize = 1_024;

/// What the bundle has that may be new.
#[derive(Debug, Default)]
pub(crate) struct Novelties {
    /// Products that are new at the cut or later, or whose seller is, ascending.
    rows: Vec<u32>,
    /// By seller, the first listing, ms since the epoch; [`NO_MOMENT`] (the least) where one has no date.
    sellers_since: Vec<i64>,
}

impl Novelties {
    /// Goes through the catalogue once.
    pub(crate) fn of(bundle: &Bundle, explore: &Explore) -> Self {
        let catalogue = bundle.catalogue();
        let (created, sellers) = (&catalogue.created, &catalogue.seller);
        let mut sellers_since = vec![i64::MAX; bundle.sellers().len()];
        for (&created, &seller) in created.iter().zip(sellers.iter()) {
            if seller != NONE {
                let since = &mut sellers_since[seller as usize];
                *since = created.min(*since);
            }
        }
        let latest = created.iter().copied().max().unwrap_or(i64::MIN);
        let cut = bundle.manifest().cut.map_or(latest, Timestamp::millis);
        let from = |days: f64| Timestamp::from_millis(cut).plus_days(-days).millis();
        let (products_from, sellers_from) = (from(explore.product_days), from(explore.seller_days));
        let is_since = |moment: i64, from: i64| moment != NO_MOMENT && moment >= from;
        let may_be_new = |row: usize| {
            let seller = sellers[row];
            is_since(created[row], products_from)
                || seller != NONE && is_since(sellers_since[seller as usize], sellers_from)
        };
        let rows = (0..bundle.n_products()).filter(|&row| may_be_new(row)).map(|row| row as u32).collect();
        Self { rows, sellers_since }
    }
}

/// A number made from a person, a day, a seed and what it is for.
pub(crate) fn draw(person: &str, day: i64, seed: u32, purpose: u64) -> u64 {
    let mut bytes = Vec::with_capacity(person.len() + 20);
    bytes.extend_from_slice(&day.to_le_bytes());
    bytes.extend_from_slice(&seed.to_le_bytes());
    bytes.extend_from_slice(&purpose.to_le_bytes());
    bytes.extend_from_slice(person.as_bytes());
    xxh3_64(&bytes)
}

/// The rows `0..len` in an order that `drawn` decides, each once.
fn shuffled(len: usize, drawn: u64) -> impl Iterator<Item = usize> {
    let divisor = len.max(1) as u64;
    let start = drawn % divisor;
    let mut stride = (drawn >> 32) % divisor;
    while common_divisor(stride, divisor) != 1 {
        stride += 1;
    }
    (0..len as u64).map(move |at| ((start + at * stride) % divisor) as usize)
}

fn common_divisor(mut left: u64, mut right: u64) -> u64 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

impl Snapshot {
    /// Whether a product is new at `now`, as [`Explore`] defines it.
    pub(crate) fn is_new(&self, row: u32, goods: &Goods<'_>, now: Timestamp) -> bool {
        let explore = &self.rules.rules.explore;
        let recent = |since: Timestamp, days: f64| (0.0..=days).contains(&now.days_since(since));
        let product = match goods.created_at {
            Some(created) => recent(created, explore.product_days),
            None => self.stored_product(row).is_none(),
        };
        let seller = |id: &str| match self.bundle().sellers().row(id) {
            Some(seller) => self.first_listing(seller).is_some_and(|first| recent(first, explore.seller_days)),
            None => explore.seller_days > 0.0,
        };
        product || goods.seller.is_some_and(seller)
    }

    /// The first listing of a seller of the bundle, where all of hers have dates.
    fn first_listing(&self, seller: SellerRow) -> Option<Timestamp> {
        let first = self.rules.novelties(self.bundle()).sellers_since[seller.index()];
        (first != NO_MOMENT && first != i64::MAX).then(|| Timestamp::from_millis(first))
    }

    /// New products among the allowed ones for `places` places, as `drawn` decides: [`DRAWS`] for each place, as they
    /// come.
    pub(crate) fn draw_new(&self, drawn: u64, places: usize, allowed: &Bitmap, now: Timestamp) -> Vec<u32> {
        let stored = &self.rules.novelties(self.bundle()).rows;
        let first_new = self.bundle().n_products() as u32;
        let row = |at: usize| stored.get(at).copied().unwrap_or_else(|| first_new + (at - stored.len()) as u32);
        let all = shuffled(stored.len() + self.live.goods.n_new(), drawn).take(MOST_SEEN).map(row);
        let fits = |row: &u32| allowed.contains(*row) && self.is_new(*row, &self.goods(*row), now);
        all.filter(fits).take(places * DRAWS).collect()
    }
}

#[cfg(test)]
mod tests {
    //! 1. A draw goes through every row once, and another draw in another order.

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_draw_goes_through_all(len in 0usize..300, drawn: u64) {
            let mut rows: Vec<usize> = shuffled(len, drawn).collect();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn people_days_seeds_and_purposes_draw_others() {
        let draws =
            [draw("a", 1, 1, 1), draw("b", 1, 1, 1), draw("a", 2, 1, 1), draw("a", 1, 2, 1), draw("a", 1, 1, 2)];
        for (at, one) in draws.iter().enumerate() {
            assert!(draws[..at].iter().all(|other| other != one));
        }
        assert_eq!(draw("a", 1, 1, 1), draws[0]);
    }
}
