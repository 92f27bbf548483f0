//! Over random worlds:
//!
//! 1. the offer that an answer shows is the one that a slow search finds among those that reach the market, take a method
//!    of payment and come in time, with the weights of the country and of the person;
//! 2. without personalisation it is the country's choice, the same for everybody there;
//! 3. it is the same whether the product is in the bundle or was put since;
//! 4. a purchase that says how soon it comes moves the buyer's own choice, and nobody else's.

use std::sync::Arc;

use juntos_datasets::UserRow;
use juntos_datasets::tables::{Event, EventKind, Events};
use juntos_datasets::units::Timestamp;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bundle::tests::World;
use crate::live::Change;
use crate::live::records::{EventRecord, OfferRecord, ProductRecord, UserRecord};
use crate::offers::{Offer, Weights};
use crate::request::{Context, Filter, Market};
use crate::{Engine, Snapshot};

const COUNTRIES: [&str; 2] = ["ES", "IT"];
const PEOPLE: usize = 6;
const GOODS: usize = 8;

fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

fn offer(random: &mut ChaCha8Rng) -> OfferRecord {
    let days = random.random_range(0..30);
    OfferRecord {
        seller_id: random.random_bool(0.4).then(|| format!("s{}", random.random_range(0..3))),
        price_minor: random.random_bool(0.4).then(|| random.random_range(900..1_300)),
        cost_minor: random.random_range(0..200),
        payment_methods: if random.random_bool(0.3) { vec!["visa".into()] } else { Vec::new() },
        ..OfferRecord::new(COUNTRIES[random.random_range(0..2)].parse().unwrap(), days / 2, days)
    }
}

fn goods(random: &mut ChaCha8Rng) -> Vec<ProductRecord> {
    let good = |at: usize| ProductRecord {
        seller_id: Some("own".into()),
        price_minor: Some(1_000),
        currency: Some("EUR".parse().unwrap()),
        offers: (0..random.random_range(0..6)).map(|_| offer(random)).collect(),
        ..ProductRecord::new(format!("p{at}"))
    };
    (0..GOODS).map(good).collect()
}

fn people() -> Vec<UserRecord> {
    let person = |at: usize| UserRecord {
        country: Some(COUNTRIES[at % 2].parse().unwrap()),
        birth_year: Some(1980),
        personalise: at < 4,
        ..UserRecord::new(format!("u{at}"))
    };
    (0..PEOPLE).map(person).collect()
}

/// What is told, and an engine over it: everybody took some offers, with more or less haste.
fn world(seed: u64) -> (Vec<ProductRecord>, Engine) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let goods = goods(&mut random);
    let world = World::with(&people(), &goods, |tables| {
        for user in 0..PEOPLE {
            for good in &goods {
                let there = good.offers.iter().filter(|offer| offer.country.as_str() == COUNTRIES[user % 2]);
                let days = there.map(|offer| offer.max_days);
                let taken = if random.random_bool(0.5) { days.clone().min() } else { days.max() };
                let (user, event) = (format!("u{user}"), EventKind::Purchase);
                tables
                    .push::<Events>(&Event { delivery_days: taken, ..Event::new(&user, &good.product_id, event) })
                    .unwrap();
            }
        }
    });
    let engine = Engine::new(Arc::new(world.open()));
    (goods, engine)
}

fn question(random: &mut ChaCha8Rng) -> Context {
    let some =
        |random: &mut ChaCha8Rng, what: &str| random.random_bool(0.3).then(|| what.to_owned()).into_iter().collect();
    Context {
        personalise: random.random_bool(0.7),
        market: Market { payment_methods: some(random, "visa"), ..Market::default() },
        filter: Filter {
            max_delivery_days: random.random_bool(0.4).then(|| random.random_range(0..30)),
            ship_to: random.random_bool(0.2).then(|| "IT".parse().unwrap()),
            payment_methods: some(random, "mir"),
            ..Filter::default()
        },
        ..Context::new(now(), 20)
    }
}

/// The offer by the rules, one after the other.
fn expected(snapshot: &Snapshot, user: usize, good: &ProductRecord, context: &Context) -> Option<Offer> {
    let (filter, market) = (&context.filter, &context.market);
    let home = people()[user].country;
    let to = filter.ship_to.or(home)?;
    let methods = if filter.payment_methods.is_empty() { &market.payment_methods } else { &filter.payment_methods };
    let pays = |offer: &OfferRecord| {
        methods.is_empty()
            || offer.payment_methods.is_empty()
            || offer.payment_methods.iter().any(|it| methods.contains(it))
    };
    let in_time = |offer: &OfferRecord| filter.max_delivery_days.is_none_or(|most| offer.max_days <= most);
    let weights = snapshot.bundle().offer_weights(home);
    let personal = context.personalise && people()[user].personalise;
    let shift = if personal { snapshot.bundle().haste_of(UserRow(user as u32)).0 } else { 0.0 };
    let Weights { price, haste } =
        weights.map_or(Weights::default(), |of| Weights { haste: (of.haste + shift).max(0.0), ..of });
    let total = |offer: &OfferRecord| offer.price_minor.unwrap_or(1_000) + offer.cost_minor;
    let reaching: Vec<&OfferRecord> =
        good.offers.iter().filter(|offer| offer.country == to && pays(offer) && in_time(offer)).collect();
    let least = reaching.iter().map(|offer| total(offer)).min()?;
    let utility = |offer: &OfferRecord| {
        let dearer = ((total(offer) as f64 + 1.0) / (least as f64 + 1.0)).ln();
        -f64::from(price) * dearer - f64::from(haste) * (1.0 + f64::from(offer.max_days)).ln()
    };
    let mut order: Vec<usize> = (0..reaching.len()).collect();
    order.sort_by(|&a, &b| {
        let key = |at: usize| (total(reaching[at]), reaching[at].max_days, at);
        utility(reaching[b]).total_cmp(&utility(reaching[a])).then(key(a).cmp(&key(b)))
    });
    let best = reaching[order[0]];
    let euros =
        |amount: i64| Some(juntos_datasets::units::Money { minor_units: amount, currency: "EUR".parse().unwrap() });
    Some(Offer {
        seller_id: Some(best.seller_id.clone().unwrap_or("own".into())),
        price: euros(best.price_minor.unwrap_or(1_000)),
        delivery_cost: euros(best.cost_minor),
        min_days: best.min_days,
        max_days: best.max_days,
    })
}

/// The offers of every product in an answer to everybody.
fn shown(snapshot: &Snapshot, user: usize, context: &Context) -> Vec<(String, Option<Offer>)> {
    let context = Context { include_bought: true, ..context.clone() };
    let answer = snapshot.feed(&format!("u{user}"), &context).unwrap();
    let mut items: Vec<_> = answer.items.into_iter().map(|item| (item.product_id, item.offer)).collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    items
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_offer_is_the_one_that_suits_her_best(seed: u64) {
        let (goods, engine) = world(seed);
        let mut random = ChaCha8Rng::seed_from_u64(!seed);
        let before = engine.snapshot();
        for good in &goods {
            engine.apply(Change::PutProduct(good.clone()), now()).unwrap();
        }
        let put_again = engine.snapshot();
        for user in 0..PEOPLE {
            let context = question(&mut random);
            let items = shown(&before, user, &context);
            for (id, offer) in &items {
                let good = goods.iter().find(|good| good.product_id == *id).unwrap();
                prop_assert_eq!(offer, &expected(&before, user, good, &context), "{} for u{}", id, user);
            }
            prop_assert_eq!(items, shown(&put_again, user, &context), "the bundle's and the record's offers agree");
        }
    }

    #[test]
    fn without_personalisation_everybody_in_a_country_sees_the_same_offers(seed: u64) {
        let (_, engine) = world(seed);
        let snapshot = engine.snapshot();
        let plain = Context { personalise: false, ..Context::new(now(), 20) };
        for (one, other) in [(0, 2), (1, 3), (0, 4), (1, 5)] {
            prop_assert_eq!(shown(&snapshot, one, &plain), shown(&snapshot, other, &plain));
        }
    }
}

/// Two offers, of which a person takes the fast one again and again.
#[test]
fn purchases_move_the_choice_of_the_buyer_alone() {
    let fast = OfferRecord { cost_minor: 120, ..OfferRecord::new("ES".parse().unwrap(), 0, 0) };
    let slow = OfferRecord::new("ES".parse().unwrap(), 10, 20);
    let good = |id: &str| ProductRecord {
        price_minor: Some(1_000),
        currency: Some("EUR".parse().unwrap()),
        offers: vec![slow.clone(), fast.clone()],
        ..ProductRecord::new(id)
    };
    let goods = [good("p0"), good("p1")];
    let world = World::with(&people(), &goods, |tables| {
        for user in ["u0", "u2"] {
            for _ in 0..6 {
                let event = Event::new(user, "p0", EventKind::Purchase);
                tables.push::<Events>(&Event { delivery_days: Some(20), ..event }).unwrap();
            }
        }
    });
    let engine = Engine::new(Arc::new(world.open()));
    let days = |user: usize| -> Vec<u32> {
        let items = shown(&engine.snapshot(), user, &Context::new(now(), 5));
        items.into_iter().map(|(_, offer)| offer.unwrap().max_days).collect()
    };
    assert_eq!((days(0), days(2), days(4)), (vec![20, 20], vec![20, 20], vec![20, 20]));
    for _ in 0..8 {
        for (user, delivery_days) in [("u0", Some(0)), ("u4", Some(0)), ("u2", None)] {
            let event = EventRecord { delivery_days, ..EventRecord::new(user, "p1", EventKind::Purchase) };
            engine.apply(Change::Event(event), now()).unwrap();
        }
    }
    assert_eq!(days(0), [0, 0], "she pays for having it today");
    assert_eq!((days(2), days(4)), (vec![20, 20], vec![20, 20]), "the others do not, nor who is not to be known");
    let plain = Context { personalise: false, ..Context::new(now(), 5) };
    let offers = shown(&engine.snapshot(), 0, &plain).into_iter().map(|(_, offer)| offer.unwrap().max_days);
    assert_eq!(offers.collect::<Vec<_>>(), [20, 20]);
}
