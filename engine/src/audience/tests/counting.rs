//! Exact numbers of random small worlds against plain lists.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use juntos_datasets::tables::EventKind;
use juntos_datasets::units::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Engine;
use crate::audience::count::{AgeBand, Exact};
use crate::audience::policy::MOST_CATEGORIES;
use crate::bundle::Bundle;
use crate::bundle::tests::World;
use crate::live::Change;
use crate::live::records::{EventRecord, ProductRecord, UserRecord};

/// Random plans with their bundles.
static WORLDS: LazyLock<Vec<(Plan, Arc<Bundle>)>> = LazyLock::new(|| {
    let plans = (0..40).map(Plan::random);
    let bundle = |plan: &Plan| Arc::new(World::lived(&plan.users, &plan.products, &plan.before).open());
    plans.map(|plan| (bundle(&plan), plan)).map(|(bundle, plan)| (plan, bundle)).collect()
});
const EVENTS: usize = 160;
const SELLER: &str = "s0";
const KINDS: [EventKind; 9] = [
    EventKind::Purchase,
    EventKind::Purchase,
    EventKind::Purchase,
    EventKind::Gift,
    EventKind::Rate,
    EventKind::Rate,
    EventKind::Return,
    EventKind::Dislike,
    EventKind::Like,
];

fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

/// Who lives here, what there is, what happens: before the cut, and since.
struct Plan {
    users: Vec<UserRecord>,
    products: Vec<ProductRecord>,
    before: Vec<Deed>,
    since: Vec<Deed>,
}

type Deed = (usize, usize, EventKind, Option<f64>);

impl Plan {
    fn random(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let user = |at: usize, random: &mut ChaCha8Rng| UserRecord {
            country: [Some("ES"), Some("IT"), None][random.random_range(0..3)].map(|code| code.parse().unwrap()),
            birth_year: [Some(2000), Some(1985), Some(1950), Some(2015), None][random.random_range(0..5)],
            personalise: random.random_bool(0.8),
            ..UserRecord::new(format!("u{at}"))
        };
        let product = |at: usize, random: &mut ChaCha8Rng| ProductRecord {
            seller_id: [Some(SELLER), Some("s1"), None][random.random_range(0..3)].map(str::to_owned),
            category: Some(format!("c{}/d", random.random_range(0..6))).filter(|_| at % 7 != 6),
            sensitive: random.random_bool(0.2),
            ..ProductRecord::new(format!("p{at}"))
        };
        let users: Vec<UserRecord> = (0..12).map(|at| user(at, &mut random)).collect();
        let products: Vec<ProductRecord> = (0..14).map(|at| product(at, &mut random)).collect();
        let mut deed = || {
            let kind = KINDS[random.random_range(0..KINDS.len())];
            let rating = [1.0, 2.0, 3.5, 5.0, 0.0, 7.0][random.random_range(0..6)];
            let value = (kind == EventKind::Rate).then_some(rating);
            (random.random_range(0..users.len()), random.random_range(0..products.len()), kind, value)
        };
        let before = (0..EVENTS / 2).map(|_| deed()).collect();
        let since = (0..EVENTS / 2).map(|_| deed()).collect();
        Self { users, products, before, since }
    }

    /// An engine over the bundle of this plan, after all that happened.
    fn engine(&self, bundle: &Arc<Bundle>) -> Engine {
        let engine = Engine::new(Arc::clone(bundle));
        for &(user, product, kind, value) in &self.since {
            let (user_id, product_id) = (&self.users[user].user_id, &self.products[product].product_id);
            let event = EventRecord { value, ..EventRecord::new(user_id, product_id, kind) };
            engine.apply(Change::Event(event), now()).unwrap();
        }
        engine
    }

    fn deeds<'a>(&'a self, of: &'a [Deed], user: usize, product: usize) -> impl Iterator<Item = Deed> + 'a {
        of.iter().copied().filter(move |deed| (deed.0, deed.1) == (user, product))
    }

    fn purchases(&self, of: &[Deed], user: usize, product: usize) -> u32 {
        self.deeds(of, user, product).filter(|deed| deed.2 == EventKind::Purchase).count() as u32
    }

    fn bought(&self, user: usize, product: usize) -> u32 {
        self.purchases(&self.before, user, product) + self.purchases(&self.since, user, product)
    }

    /// Purchases that she kept: a bundle keeps all; since then a refusal ends those before it, and wanting the product
    /// again brings back those of the bundle.
    fn kept(&self, user: usize, product: usize) -> u32 {
        let stored = self.purchases(&self.before, user, product);
        let (mut refused, mut since) = (false, 0);
        for (.., kind, _) in self.deeds(&self.since, user, product) {
            match kind {
                EventKind::Return | EventKind::Dislike => (refused, since) = (true, 0),
                EventKind::Purchase => (refused, since) = (false, since + 1),
                EventKind::Like => refused = false,
                _ => {}
            }
        }
        if refused { since } else { stored + since }
    }

    fn returned(&self, user: usize, product: usize) -> bool {
        let mut bought = self.purchases(&self.before, user, product);
        let before = bought > 0 && self.deeds(&self.before, user, product).any(|deed| deed.2 == EventKind::Return);
        before
            || self.deeds(&self.since, user, product).any(|deed| {
                bought += u32::from(deed.2 == EventKind::Purchase);
                bought > 0 && deed.2 == EventKind::Return
            })
    }

    /// The last rating on the scale; of those before the cut only those of what she had bought by then.
    fn stars(&self, user: usize, product: usize) -> Option<f64> {
        let had_bought = self.purchases(&self.before, user, product) > 0;
        let before = self.deeds(&self.before, user, product).filter(|_| had_bought);
        let ratings = before.chain(self.deeds(&self.since, user, product)).filter_map(|deed| deed.3);
        ratings.filter(|stars| (1.0..=5.0).contains(stars)).last()
    }

    /// The numbers, written out; people of `without` were never there.
    fn exact(&self, without: &[usize]) -> Exact {
        let mut exact = Exact::default();
        let ours = |product: usize| {
            let record = &self.products[product];
            record.seller_id.as_deref() == Some(SELLER) && !record.sensitive
        };
        for (user, record) in self.users.iter().enumerate() {
            let here: Vec<usize> =
                (0..self.products.len()).filter(|&product| ours(product) && self.bought(user, product) > 0).collect();
            if here.is_empty() || !record.personalise || without.contains(&user) {
                continue;
            }
            exact.buyers += 1;
            let band = match record.birth_year {
                Some(2000) => AgeBand::From25,
                Some(1985) => AgeBand::From35,
                Some(1950) => AgeBand::From65,
                _ => AgeBand::MinorOrUnknown,
            };
            *exact.age_bands.entry(band).or_default() += 1;
            if let Some(country) = record.country {
                *exact.markets.entry(country).or_default() += 1;
            }
            let mut elsewhere: BTreeMap<&str, u32> = BTreeMap::new();
            for product in (0..self.products.len()).filter(|&product| !ours(product)) {
                let other = &self.products[product];
                if let Some(category) = other.category.as_deref().filter(|_| !other.sensitive) {
                    *elsewhere.entry(&category[..2]).or_default() += self.kept(user, product);
                }
            }
            let mut most: Vec<(&str, u32)> = elsewhere.into_iter().filter(|entry| entry.1 > 0).collect();
            most.sort_by_key(|&(category, count)| (std::cmp::Reverse(count), category));
            for (category, _) in most.into_iter().take(MOST_CATEGORIES) {
                *exact.also_buy.entry(category.to_owned()).or_default() += 1;
            }
            exact.repeated += u32::from(here.iter().map(|&product| self.bought(user, product)).sum::<u32>() > 1);
            exact.returned += u32::from(here.iter().any(|&product| self.returned(user, product)));
            let stars: Vec<f64> = here.iter().filter_map(|&product| self.stars(user, product)).collect();
            if !stars.is_empty() {
                exact.rated += 1;
                exact.stars += (stars.iter().sum::<f64>() / stars.len() as f64 + 0.5) as i64 - 3;
            }
        }
        exact
    }
}

fn count(engine: &Engine) -> Exact {
    Exact::count(&engine.snapshot(), SELLER, now())
}

#[test]
fn numbers_are_those_of_plain_lists() {
    let mut seen = Exact::default();
    for (seed, (plan, bundle)) in WORLDS.iter().enumerate() {
        let exact = count(&plan.engine(bundle));
        assert_eq!(exact, plan.exact(&[]), "world {seed}");
        seen.buyers += exact.buyers;
        seen.repeated += exact.repeated;
        seen.returned += exact.returned;
        seen.rated += exact.rated;
    }
    assert!(seen.buyers > 100 && seen.repeated > 20 && seen.returned > 20 && seen.rated > 20, "{seen:?}");
}

/// Deletion, and taking `personalise` back, leave what would be there without her.
#[test]
fn who_is_deleted_or_withdraws_was_never_there() {
    for (seed, (plan, bundle)) in WORLDS.iter().enumerate() {
        let gone = seed % plan.users.len();
        let deleted = plan.engine(bundle);
        deleted.apply(Change::DeleteUser(plan.users[gone].user_id.clone()), now()).unwrap();
        assert_eq!(count(&deleted), plan.exact(&[gone]), "world {seed}");
        let withdrawn = plan.engine(bundle);
        let record = UserRecord { personalise: false, ..plan.users[gone].clone() };
        withdrawn.apply(Change::PutUser(record), now()).unwrap();
        assert_eq!(count(&withdrawn), plan.exact(&[gone]), "world {seed}");
    }
}

fn moved<K: Ord>(with: &BTreeMap<K, u32>, without: &BTreeMap<K, u32>) -> u32 {
    let keys: std::collections::BTreeSet<&K> = with.keys().chain(without.keys()).collect();
    let of = |map: &BTreeMap<K, u32>, key: &K| map.get(key).copied().unwrap_or(0);
    keys.into_iter().map(|key| of(with, key).abs_diff(of(without, key))).sum()
}

/// Whatever one person does and is, she moves each part by no more than its noise is made for.
#[test]
fn one_person_moves_the_numbers_by_a_bounded_amount() {
    let mut most_categories = 0;
    for (plan, bundle) in &*WORLDS {
        let with = count(&plan.engine(bundle));
        for user in 0..plan.users.len() {
            let engine = plan.engine(bundle);
            engine.apply(Change::DeleteUser(format!("u{user}")), now()).unwrap();
            let without = count(&engine);
            assert!(with.buyers - without.buyers <= 1);
            assert!(moved(&with.age_bands, &without.age_bands) <= 1);
            assert!(moved(&with.markets, &without.markets) <= 1);
            most_categories = most_categories.max(moved(&with.also_buy, &without.also_buy));
            assert!(with.repeated - without.repeated <= 1 && with.returned - without.returned <= 1);
            assert!(with.rated - without.rated <= 1 && (with.stars - without.stars).abs() <= 2);
        }
    }
    assert_eq!(most_categories, MOST_CATEGORIES as u32);
}

/// A product that is put since the cut, moves to another seller, becomes sensitive or is deleted counts as it is now.
#[test]
fn products_count_as_they_are_now() {
    let users: Vec<UserRecord> = (0..3).map(|at| UserRecord::new(format!("u{at}"))).collect();
    let of = |seller: &str, id: &str| ProductRecord { seller_id: Some(seller.to_owned()), ..ProductRecord::new(id) };
    let bought = |user| (user, 0, EventKind::Purchase, None);
    let bundle = World::lived(&users, &[of(SELLER, "p0")], &[bought(0), bought(1)]).open();
    let engine = Engine::new(Arc::new(bundle));
    let put = |record| _ = engine.apply(Change::PutProduct(record), now()).unwrap();
    let buyers = |seller: &str| Exact::count(&engine.snapshot(), seller, now()).buyers;
    assert_eq!(buyers(SELLER), 2);
    assert!(!engine.snapshot().knows_seller("s1"));
    put(of("s1", "new"));
    engine.apply(Change::Event(EventRecord::new("u2", "new", EventKind::Purchase)), now()).unwrap();
    assert!(engine.snapshot().knows_seller("s1"));
    assert_eq!(buyers("s1"), 1);
    put(of("s1", "p0"));
    assert_eq!((buyers(SELLER), buyers("s1")), (0, 3));
    put(ProductRecord { sensitive: true, ..of("s1", "p0") });
    assert_eq!(buyers("s1"), 1);
    engine.apply(Change::DeleteProduct("new".to_owned()), now()).unwrap();
    assert_eq!(buyers("s1"), 0);
}
