//! 1. Without kinds, pins and draws the order is the score's, then the row's; page and one product more.
//! 2. Nothing is beyond a cap as long as anything within it is left, whatever else is asked of the page; where nothing is
//!    left, caps give way and the page is filled.
//! 3. Pins are where they should be, and nothing is twice on a page.
//! 4. With diversity each product is the one of highest marginal relevance, by its definition.
//! 5. Drawn products take their places and no others.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::request::Source;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Products 0, 1, 2 …: seller, brand, category (none from 4 on), and a vector.
#[derive(Debug, Clone)]
struct Toys(Vec<([usize; 3], Vec<f32>)>);

impl<'a> Shelf<'a> for &'a Toys {
    fn goods(&self, row: u32) -> Goods<'a> {
        let [seller, brand, category] = self.0[row as usize].0.map(|kind| NAMES.get(kind).copied());
        Goods { seller, brand, category, ..Goods::default() }
    }

    fn vector(&self, row: u32) -> &'a [f32] {
        &self.0[row as usize].1
    }
}

fn toys(most: usize) -> impl Strategy<Value = Toys> {
    let toy = ([0usize..6, 0usize..6, 0usize..6], proptest::collection::vec(-2i8..3, 3));
    let toy = toy.prop_map(|(kinds, vector)| (kinds, vector.into_iter().map(f32::from).collect()));
    proptest::collection::vec(toy, 1..most).prop_map(Toys)
}

fn drafts(scores: &[i32]) -> Vec<ProductDraft> {
    let draft = |(row, &score): (usize, &i32)| ProductDraft::new(row as u32, Source::Taste, score as f32);
    scores.iter().enumerate().map(draft).collect()
}

fn plan(limit: usize) -> Plan {
    Plan { limit, caps: Caps::default(), lambda: 1.0, pins: Vec::new(), places: Vec::new(), drawn: Vec::new() }
}

fn no_caps() -> Caps {
    Caps { seller: 1.0, brand: 1.0, category: 1.0, team_product: 1.0, at_least: 1 }
}

/// All toys, the first one being the most popular.
fn popular(toys: &Toys) -> impl FnMut(usize, &HashSet<u32>) -> Vec<ProductDraft> {
    let rows = 0..toys.0.len() as u32;
    move |wanted, there| {
        let left = rows.clone().filter(|row| !there.contains(row));
        left.take(wanted).map(|row| ProductDraft::new(row, Source::Trending, -(row as f32))).collect()
    }
}

fn rows(page: &[ProductDraft]) -> Vec<u32> {
    page.iter().map(|draft| draft.row).collect()
}

/// Holds a page against its caps: the first products are within, with the pins counted before; where one is beyond, nothing
/// else of the shelf would have been within.
fn caps_hold(toys: &Toys, page: &[u32], pins: &[u32], caps: &Caps, limit: usize) -> Result<(), String> {
    let share =
        |share: f64| if share < 1.0 { ((share * limit as f64) as usize).max(caps.at_least) } else { usize::MAX };
    let most = [share(caps.seller), share(caps.brand), share(caps.category)];
    let kinds = |row: u32| toys.0[row as usize].0;
    let fits = |row: u32, within: &[u32]| {
        (0..3).all(|kind| {
            let own = kinds(row)[kind];
            own >= NAMES.len() || within.iter().filter(|&&other| kinds(other)[kind] == own).count() < most[kind]
        })
    };
    let (mut within, mut beyond) = (pins.to_vec(), false);
    for &row in page.iter().filter(|row| !pins.contains(row)) {
        match fits(row, &within) {
            true if beyond => return Err(format!("{row} is within its caps, behind one that is not: {page:?}")),
            true => within.push(row),
            false => beyond = true,
        }
    }
    let left = (0..toys.0.len() as u32).find(|row| !page.contains(row) && fits(*row, &within));
    match left {
        Some(left) if beyond => Err(format!("{left} is within its caps and not on {page:?}")),
        _ => Ok(()),
    }
}

proptest! {
    #[test]
    fn plain_data_keeps_the_order(scores in proptest::collection::vec(-5i32..5, 1..40), limit in 1usize..20) {
        let plain = Toys(scores.iter().map(|_| ([9; 3], Vec::new())).collect());
        let mut expected: Vec<(i32, u32)> = scores.iter().enumerate().map(|(row, &score)| (-score, row as u32)).collect();
        expected.sort_unstable();
        let page = arrange(&&plain, drafts(&scores), plan(limit), |_, _| Vec::new());
        let expected: Vec<u32> = expected.into_iter().take(limit + 1).map(|(_, row)| row).collect();
        prop_assert_eq!(rows(&page), expected);
    }

    #[test]
    fn caps_and_pins_hold_whatever_is_asked(
        toys in toys(40), own in 0usize..40, limit in 1usize..15, shares in [0.0f64..1.2, 0.0f64..1.2, 0.0f64..1.2],
        at_least in 1usize..4, lambda in 0.2f32..1.4, pinned in proptest::collection::btree_map(0usize..20, 0usize..40, 0..4),
        places in proptest::collection::btree_set(0usize..15, 0..4), drawn in proptest::collection::vec(0usize..40, 0..6),
    ) {
        let n = toys.0.len();
        let caps = Caps {
            seller: shares[0].min(1.0),
            brand: shares[1].min(1.0),
            category: shares[2].min(1.0),
            at_least,
            ..Caps::default()
        };
        let mut seen = BTreeSet::new();
        let pins: Vec<(usize, u32)> =
            pinned.into_iter().map(|(place, row)| (place, (row % n) as u32)).filter(|&(place, row)| place < limit && seen.insert(row)).collect();
        let asked = Plan {
            caps,
            lambda: lambda.min(1.0),
            pins: pins.iter().map(|&(place, row)| (place, ProductDraft::new(row, Source::Pinned, 0.0))).collect(),
            places: places.into_iter().collect(),
            drawn: drawn.iter().map(|row| ProductDraft::new((row % n) as u32, Source::Newest, 0.0)).collect(),
            ..plan(limit)
        };
        let scores: Vec<i32> = (0..own.min(n)).map(|row| (row as i32 * 7) % 5).collect();
        let mut page = rows(&arrange(&&toys, drafts(&scores), asked, popular(&toys)));
        prop_assert_eq!(page.len(), n.min(limit + 1), "the page is filled, and one more tells that there is more");
        prop_assert_eq!(page.iter().collect::<BTreeSet<_>>().len(), page.len(), "nothing is there twice");
        page.truncate(limit);
        for &(place, row) in &pins {
            let at = page.iter().position(|&there| there == row);
            prop_assert!(at.is_some_and(|at| at == place || at < place && n <= place + pins.len()), "{row} is at {at:?}, not {place}");
        }
        let pinned: Vec<u32> = pins.iter().map(|&(_, row)| row).collect();
        caps_hold(&toys, &page, &pinned, &caps, limit).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn diversity_is_marginal_relevance(toys in toys(30), scores in proptest::collection::vec(-5i32..5, 30), limit in 1usize..12, lambda in 0.0f32..1.0) {
        let scores = &scores[..toys.0.len()];
        let asked = Plan { caps: no_caps(), lambda, ..plan(limit) };
        let mut page = rows(&arrange(&&toys, drafts(scores), asked, |_, _| Vec::new()));
        page.truncate(limit);
        prop_assert_eq!(page.len(), limit.min(scores.len()));
        let vector = |row: u32| toys.0[row as usize].1.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cosine = |a: u32, b: u32| {
            let (a, b) = (vector(a), vector(b));
            let lengths = (dot(&a, &a) * dot(&b, &b)).sqrt();
            if lengths > 0.0 { dot(&a, &b) / lengths } else { 0.0 }
        };
        for (at, &chosen) in page.iter().enumerate() {
            let marginal = |row: u32| {
                let alike = page[..at].iter().map(|&there| cosine(row, there)).reduce(f64::max).unwrap_or(0.0);
                f64::from(lambda) * f64::from(scores[row as usize]) - (1.0 - f64::from(lambda)) * alike
            };
            let left = (0..scores.len() as u32).filter(|row| !page[..at].contains(row));
            let best = left.map(marginal).fold(f64::NEG_INFINITY, f64::max);
            // Scores are at most 5: a sum of two f32 products is off by a few of their roundings.
            prop_assert!(marginal(chosen) >= best - 1e-5, "{chosen} at {at}: {} is less than {best}", marginal(chosen));
        }
    }

    #[test]
    fn drawn_products_take_their_places(limit in 1usize..20, places in proptest::collection::btree_set(0usize..20, 0..6), draws in 0usize..8) {
        let plain = Toys((0..60).map(|_| ([9; 3], Vec::new())).collect());
        let drawn: Vec<ProductDraft> = (50..50 + draws as u32).map(|row| ProductDraft::new(row, Source::Newest, 0.0)).collect();
        let places: Vec<usize> = places.into_iter().filter(|&place| place < limit).collect();
        let asked = Plan { places: places.clone(), drawn, ..plan(limit) };
        let page = rows(&arrange(&&plain, drafts(&[0; 40]), asked, popular(&plain)));
        let of_drawn: Vec<usize> = (0..limit).filter(|&at| page[at] >= 50).collect();
        prop_assert_eq!(&of_drawn[..], &places[..places.len().min(draws)]);
    }
}

#[test]
fn one_shop_does_not_fill_the_page() {
    let big_and_small = Toys((0..14).map(|row| ([usize::from(row >= 10), 9, 9], Vec::new())).collect());
    let scores: Vec<i32> = (0..14).map(|row| -row).collect();
    let page = rows(&arrange(&&big_and_small, drafts(&scores), plan(4), |_, _| Vec::new()));
    assert_eq!(page[..4], [0, 1, 10, 11]);
}

#[test]
fn a_cap_gives_way_to_nothing_but_an_empty_place() {
    let one_shop = Toys((0..9).map(|_| ([0, 9, 9], Vec::new())).collect());
    let page = rows(&arrange(&&one_shop, drafts(&[3, 2, 1]), plan(5), popular(&one_shop)));
    assert_eq!(page, [0, 1, 2, 3, 4, 5], "two within the cap, then the best of those beyond it, her own first");
}
