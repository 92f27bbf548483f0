//! Business rules: what an operator decides about lists, apart from what speaks for a product.
//!
//! They hold in this order, each in one place:
//!
//! 1. **exclusions** take products out of what is allowed ([`crate::allowed`]), so that nothing brings them back;
//! 2. **boosts** and the **memory** of what was shown move scores in the feed ([`moves`]);
//! 3. **pins**, **exploration**, **caps** and **diversity** make a page ([`page`]).
//!
//! Caps hold in every list of products, and one of them in that of open teams; exclusions in every list, the rest in the
//! feed. No rule adds to what a person may be shown: filter, market, stock, age, hidden, what she refused and what earlier
//! pages showed are settled before.

pub(crate) mod explore;
pub(crate) mod kinds;
pub(crate) mod moves;
pub(crate) mod page;
pub(crate) mod slots;

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use juntos_datasets::ids::check_id;
use juntos_datasets::tables::Surface;
use juntos_datasets::units::{Country, Timestamp};
use serde::{Deserialize, Serialize};

use crate::bitmap::Bitmap;
use crate::bundle::Bundle;
use crate::cursor::MOST_SHOWN;
use crate::exchange::Rates;
use crate::live::records::ProductRecord;
use crate::recommend::Snapshot;
use crate::request::Filter;
use explore::Novelties;
use kinds::Kind;

/// Everything that an operator may set about lists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// How much of a page one seller, brand or category may take.
    pub caps: Caps,
    /// How alike the products of a page may be.
    pub diversity: Diversity,
    /// Places for new products and sellers.
    pub explore: Explore,
    /// How long what was shown is remembered.
    pub memory: Memory,
    /// Products at fixed places of the feed.
    pub pins: Vec<Pin>,
    /// Kinds of products that come sooner or later in the feed.
    pub boosts: Vec<Boost>,
    /// Kinds of products that are in no list.
    pub exclusions: Vec<Exclusion>,
}

/// How much of a page one seller, one brand and one category may take, and of a page of open teams one product: shares of
/// the page's items, from 0 to 1, where 1 is no cap. A product beyond a cap is shown only where nothing else is left among
/// [`page::MOST_ALTERNATIVES`] others, a team only where no other is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Share of one seller.
    pub seller: f64,
    /// Share of one brand.
    pub brand: f64,
    /// Share of one category: the narrowest one.
    pub category: f64,
    /// Share of one product among open teams.
    pub team_product: f64,
    /// Items that each may have on however short a page; at least 1.
    pub at_least: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { seller: 0.25, brand: 0.34, category: 0.34, team_product: 0.25, at_least: 2 }
    }
}

impl Caps {
    /// How many of `limit` items a share is.
    pub(crate) fn most(&self, share: f64, limit: usize) -> usize {
        // A whole number of items is not to be missed by a rounding.
        match share < 1.0 {
            true => self.at_least.max((share * limit as f64 + 1e-9) as usize),
            false => usize::MAX,
        }
    }
}

/// Maximal marginal relevance: `lambda · score − (1 − lambda) · highest cosine with what the page has already`, from
/// J. Carbonell and J. Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing
/// summaries", SIGIR 1998.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diversity {
    /// From 0 (only unlikeness) to 1 (only the score: the default).
    pub lambda: f64,
}

impl Default for Diversity {
    fn default() -> Self {
        Self { lambda: 1.0 }
    }
}

/// Places of the feed for new products: drawn at random for each person and day, the closest to her taste of a few draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Explore {
    /// Share of a page, 0 to 1; what is not a whole number of places is made up on average.
    pub share: f64,
    /// Days for which a product is new from its listing on. One without a date is new until the next training when it came
    /// after the last.
    pub product_days: f64,
    /// Days for which every product of a seller is new, from the first listing of hers that the bundle has. A seller whom
    /// the bundle does not know is new until the next training.
    pub seller_days: f64,
    /// Another seed draws others.
    pub seed: u32,
}

impl Default for Explore {
    fn default() -> Self {
        Self { share: 0.05, product_days: 14.0, seller_days: 60.0, seed: 1 }
    }
}

/// How far what was shown falls behind: by `weight · (1 − 2^−exposure)`, where every showing adds 1 to the exposure and the
/// exposure halves in a half-life. Each surface remembers on its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Most that showing takes from a score; the distance from the closest candidate to the last one is 1.
    pub weight: f64,
    /// Half-lives by surface.
    pub half_life_hours: HalfLives,
}

impl Default for Memory {
    fn default() -> Self {
        Self { weight: 1.0, half_life_hours: HalfLives::default() }
    }
}

/// Half-lives of the memory, hours; 0 remembers nothing on that surface.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HalfLives {
    /// On [`Surface::Feed`].
    pub feed: f64,
    /// On [`Surface::Messaging`].
    pub messaging: f64,
    /// On [`Surface::Game`].
    pub game: f64,
    /// On [`Surface::Email`].
    pub email: f64,
    /// On [`Surface::MiniProgram`].
    pub mini_program: f64,
    /// On [`Surface::Wearable`].
    pub wearable: f64,
}

impl HalfLives {
    /// The half-life on a surface, hours.
    pub const fn on(&self, surface: Surface) -> f64 {
        match surface {
            Surface::Feed => self.feed,
            Surface::Messaging => self.messaging,
            Surface::Game => self.game,
            Surface::Email => self.email,
            Surface::MiniProgram => self.mini_program,
            Surface::Wearable => self.wearable,
        }
    }

    /// The same half-life everywhere.
    pub const fn all(hours: f64) -> Self {
        Self { feed: hours, messaging: hours, game: hours, email: hours, mini_program: hours, wearable: hours }
    }
}

impl Default for HalfLives {
    /// A day.
    fn default() -> Self {
        Self::all(24.0)
    }
}

/// Where and when a rule holds; the default is everywhere and always.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Surfaces; empty means all.
    pub surfaces: Vec<Surface>,
    /// Countries of the person; empty means all, and somebody of unknown country is in none.
    pub countries: Vec<Country>,
    /// First moment.
    pub from: Option<Timestamp>,
    /// Moment from which on it holds no more.
    pub until: Option<Timestamp>,
}

impl Scope {
    /// Whether the rule holds for somebody of `country` on `surface` at `now`.
    pub(crate) fn holds(&self, surface: Surface, country: Option<Country>, now: Timestamp) -> bool {
        (self.surfaces.is_empty() || self.surfaces.contains(&surface))
            && (self.countries.is_empty() || country.is_some_and(|country| self.countries.contains(&country)))
            && self.from.is_none_or(|from| from <= now)
            && self.until.is_none_or(|until| now < until)
    }
}

/// A product at a fixed place of the feed, for those who may be shown it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The product; one that nobody knows (yet) is pinned nowhere.
    pub product_id: String,
    /// Place in the listing over all pages, from 1 on. Where two pins want one place, the later one takes the next.
    pub position: usize,
    /// Where and when.
    #[serde(default)]
    pub scope: Scope,
}

/// A kind of product that comes sooner (or later) in the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boost {
    /// Which products.
    pub filter: Filter,
    /// What is added to their scores, −2 to 2; the distance from the closest candidate to the last one is 1.
    pub score: f64,
    /// Where and when.
    #[serde(default)]
    pub scope: Scope,
}

/// A kind of product that is in no list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Which products.
    pub filter: Filter,
    /// Where and when.
    #[serde(default)]
    pub scope: Scope,
}

/// Most boosts, and most exclusions.
pub const MOST_KINDS: usize = 64;
/// Most pins.
pub const MOST_PINS: usize = 1_000;

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {problem}")]
pub struct RuleFault {
    /// The key, such as `pins[0].position`.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Rules {
    /// Checks every range.
    ///
    /// # Errors
    /// [`RuleFault`] names the key.
    pub fn check(&self) -> Result<(), RuleFault> {
        let shares = [
            ("caps.seller", self.caps.seller),
            ("caps.brand", self.caps.brand),
            ("caps.category", self.caps.category),
            ("caps.team_product", self.caps.team_product),
            ("diversity.lambda", self.diversity.lambda),
            ("explore.share", self.explore.share),
        ];
        for (key, share) in shares {
            within(key, share, 0.0..=1.0)?;
        }
        within("caps.at_least", self.caps.at_least as f64, 1.0..=100.0)?;
        within("explore.product_days", self.explore.product_days, 0.0..=3650.0)?;
        within("explore.seller_days", self.explore.seller_days, 0.0..=3650.0)?;
        within("memory.weight", self.memory.weight, 0.0..=10.0)?;
        for &surface in Surface::ALL {
            let hours = self.memory.half_life_hours.on(surface);
            within(&format!("memory.half_life_hours.{}", surface.word()), hours, 0.0..=8760.0)?;
        }
        self.check_lists()
    }

    fn check_lists(&self) -> Result<(), RuleFault> {
        for (key, got, most) in [
            ("pins", self.pins.len(), MOST_PINS),
            ("boosts", self.boosts.len(), MOST_KINDS),
            ("exclusions", self.exclusions.len(), MOST_KINDS),
        ] {
            if got > most {
                return Err(fault(key, format!("has {got} entries; give at most {most}")));
            }
        }
        for (at, pin) in self.pins.iter().enumerate() {
            let key = |name: &str| format!("pins[{at}].{name}");
            check_id(&pin.product_id).map_err(|wrong| fault(key("product_id"), wrong.to_string()))?;
            within(&key("position"), pin.position as f64, 1.0..=MOST_SHOWN as f64)?;
            pin.scope.check(&format!("pins[{at}]"))?;
        }
        for (at, boost) in self.boosts.iter().enumerate() {
            within(&format!("boosts[{at}].score"), boost.score, -2.0..=2.0)?;
            check_filter(&format!("boosts[{at}]"), &boost.filter)?;
            boost.scope.check(&format!("boosts[{at}]"))?;
        }
        for (at, exclusion) in self.exclusions.iter().enumerate() {
            check_filter(&format!("exclusions[{at}]"), &exclusion.filter)?;
            exclusion.scope.check(&format!("exclusions[{at}]"))?;
        }
        Ok(())
    }
}

impl Scope {
    fn check(&self, key: &str) -> Result<(), RuleFault> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if until <= from => {
                Err(fault(format!("{key}.until"), "is not after `from`: the rule never holds".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

fn check_filter(key: &str, filter: &Filter) -> Result<(), RuleFault> {
    let key = format!("{key}.filter");
    if *filter == Filter::default() {
        return Err(fault(key, "has no condition, so it would be every product; name one".to_owned()));
    }
    let bounded = filter.price_min_minor.is_some() || filter.price_max_minor.is_some();
    if bounded && filter.currency.is_none() {
        return Err(fault(key, "bounds a price in no currency; add `currency`".to_owned()));
    }
    filter.check().map_err(|wrong| fault(key, format!("cannot be met: {wrong}")))
}

fn within(key: &str, got: f64, range: std::ops::RangeInclusive<f64>) -> Result<(), RuleFault> {
    match range.contains(&got) {
        true => Ok(()),
        false => Err(fault(key, format!("is {got}; set it between {} and {}", range.start(), range.end()))),
    }
}

fn fault(key: impl Into<String>, problem: String) -> RuleFault {
    RuleFault { key: key.into(), problem }
}

/// Rules with what is worked out once for a bundle.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) rules: Rules,
    pub(crate) rates: Rates,
    boosts: Vec<Kind>,
    exclusions: Vec<Kind>,
    novelties: OnceLock<Novelties>,
    /// By state of the catalogue and boosts that hold.
    raised: ArcSwap<imbl::HashMap<(u64, u64), Arc<Bitmap>>>,
}

/// Sets of raised products kept at most; when there are more, all are made anew.
const MOST_RAISED: usize = 16;

impl Prepared {
    /// The rules over a bundle, where prices compare by `rates`.
    pub(crate) fn new(bundle: &Bundle, rules: Rules, rates: Rates) -> Self {
        let kind = |filter| Kind::of(bundle, filter, &rates);
        let boosts = rules.boosts.iter().map(|boost| kind(&boost.filter)).collect();
        let exclusions = rules.exclusions.iter().map(|exclusion| kind(&exclusion.filter)).collect();
        Self { rules, rates, boosts, exclusions, novelties: OnceLock::new(), raised: ArcSwap::default() }
    }

    /// What the bundle has that may be new: looked for once.
    pub(crate) fn novelties(&self, bundle: &Bundle) -> &Novelties {
        self.novelties.get_or_init(|| Novelties::of(bundle, &self.rules.explore))
    }

    /// The exclusions that hold, one bit each.
    pub(crate) fn exclusions_for(&self, surface: Surface, country: Option<Country>, now: Timestamp) -> u64 {
        bits(self.rules.exclusions.iter().map(|exclusion| exclusion.scope.holds(surface, country, now)))
    }

    /// The boosts that hold, one bit each.
    pub(crate) fn boosts_for(&self, surface: Surface, country: Option<Country>, now: Timestamp) -> u64 {
        bits(self.rules.boosts.iter().map(|boost| boost.scope.holds(surface, country, now)))
    }

    /// The kinds behind the bits of exclusions.
    pub(crate) fn excluding(&self, held: u64) -> impl Iterator<Item = &Kind> {
        self.exclusions.iter().enumerate().filter(move |(at, _)| held >> at & 1 == 1).map(|(_, kind)| kind)
    }

    /// Whether one of these exclusions takes out a product that was put since the cut.
    pub(crate) fn excludes(&self, held: u64, record: &ProductRecord) -> bool {
        self.excluding(held).any(|kind| kind.takes_in(record))
    }

    /// The products to which any of these boosts adds; none where no boost adds anything.
    pub(crate) fn raised(&self, held: u64, world: &Snapshot) -> Option<Arc<Bitmap>> {
        let raising = held & bits(self.rules.boosts.iter().map(|boost| boost.score > 0.0));
        if raising == 0 {
            return None;
        }
        let key = (world.live.goods.generation(), raising);
        if let Some(raised) = self.raised.load().get(&key) {
            return Some(raised.clone());
        }
        let kinds = || self.boosts.iter().enumerate().filter(|(at, _)| raising >> at & 1 == 1).map(|(_, kind)| kind);
        let mut raised = Bitmap::none(world.bundle().n_products());
        kinds().for_each(|kind| raised.union(kind.stored()));
        raised.resize(world.n_products());
        for (row, _) in world.live.goods.changed() {
            match kinds().any(|kind| kind.holds(world, row)) {
                true => raised.insert(row),
                false => raised.remove(row),
            }
        }
        let raised = Arc::new(raised);
        self.raised.rcu(|sets| {
            let few = if sets.len() < MOST_RAISED { imbl::HashMap::clone(sets) } else { imbl::HashMap::new() };
            few.update(key, raised.clone())
        });
        Some(raised)
    }

    /// What these boosts add to the score of a product.
    pub(crate) fn boost(&self, held: u64, world: &Snapshot, row: u32) -> f32 {
        let each = self.boosts.iter().zip(&self.rules.boosts).enumerate();
        let held = each.filter(|(at, (kind, _))| held >> at & 1 == 1 && kind.holds(world, row));
        held.map(|(_, (_, boost))| boost.score as f32).sum()
    }
}

fn bits(holds: impl Iterator<Item = bool>) -> u64 {
    holds.enumerate().fold(0, |bits, (at, holds)| bits | u64::from(holds) << at)
}

#[cfg(test)]
mod tests {
    //! 1. Rules out of range are refused by key.
    //! 2. A rule holds in its surfaces, countries and time only.

    use super::*;

    fn message(rules: Rules) -> String {
        rules.check().unwrap_err().to_string()
    }

    #[test]
    fn rules_out_of_range_are_refused_by_key() {
        assert_eq!(Rules::default().check(), Ok(()));
        let plain = Rules::default;
        let pin = |product_id: &str, position| Pin { product_id: product_id.into(), position, scope: Scope::default() };
        let food = Filter { categories: vec!["food".into()], ..Filter::default() };
        let boost = |filter, score| Boost { filter, score, scope: Scope::default() };
        let cheap = Filter { price_max_minor: Some(5), ..Filter::default() };
        let never =
            Scope { from: Some(Timestamp::from_millis(5)), until: Some(Timestamp::from_millis(5)), ..Scope::default() };
        let faults = [
            (
                Rules { caps: Caps { brand: 1.5, ..Caps::default() }, ..plain() },
                "`caps.brand` is 1.5; set it between 0 and 1",
            ),
            (Rules { diversity: Diversity { lambda: f64::NAN }, ..plain() }, "`diversity.lambda` is NaN"),
            (
                Rules { pins: vec![pin("a", 1), pin("b", 0)], ..plain() },
                "`pins[1].position` is 0; set it between 1 and 400",
            ),
            (Rules { pins: vec![pin("", 1)], ..plain() }, "`pins[0].product_id`"),
            (Rules { boosts: vec![boost(food.clone(), 3.0)], ..plain() }, "`boosts[0].score` is 3"),
            (Rules { boosts: vec![boost(Filter::default(), 1.0)], ..plain() }, "`boosts[0].filter` has no condition"),
            (Rules { boosts: vec![boost(cheap, 1.0)], ..plain() }, "add `currency`"),
            (Rules { exclusions: vec![Exclusion { filter: food, scope: never }], ..plain() }, "`exclusions[0].until`"),
            (
                Rules { memory: Memory { half_life_hours: HalfLives::all(-1.0), ..Memory::default() }, ..plain() },
                "`memory.half_life_hours.feed`",
            ),
        ];
        for (rules, told) in faults {
            let message = message(rules);
            assert!(message.contains(told), "{message}");
        }
    }

    #[test]
    fn a_scope_holds_where_and_when_it_says() {
        let at = Timestamp::from_millis;
        let spain: Country = "ES".parse().unwrap();
        let scope =
            Scope { surfaces: vec![Surface::Game], countries: vec![spain], from: Some(at(10)), until: Some(at(20)) };
        let holds = |surface, country, now| scope.holds(surface, country, at(now));
        assert!(holds(Surface::Game, Some(spain), 10) && holds(Surface::Game, Some(spain), 19));
        assert!(!holds(Surface::Game, Some(spain), 9) && !holds(Surface::Game, Some(spain), 20));
        assert!(!holds(Surface::Feed, Some(spain), 15));
        assert!(!holds(Surface::Game, None, 15) && !holds(Surface::Game, Some("IT".parse().unwrap()), 15));
        assert!(Scope::default().holds(Surface::Email, None, at(0)));
    }
}
