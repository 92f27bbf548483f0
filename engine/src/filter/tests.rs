//! The bitmap holds exactly the products whose records fit the same conditions one by one.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::allowed;
use crate::allowed::Conditions;
use crate::bundle::Bundle;
use crate::bundle::tests::World;
use crate::exchange::{Currencies, NO_RATES, Rates};
use crate::live::records::{OfferRecord, ProductRecord};
use crate::request::{Filter, Market};

const COUNTRIES: [&str; 4] = ["ES", "IT", "TR", "FR"];
const METHODS: [&str; 3] = ["visa", "mir", "alipay"];
const CATEGORIES: [&str; 6] = ["food", "food/tea", "food/tea/green", "food/teapots", "home", "home/pots"];
const BRANDS: [&str; 3] = ["Hoja", "Casa", "Ч"];
const SELLERS: [&str; 3] = ["s1", "s2", "s3"];
const CURRENCIES: [&str; 2] = ["EUR", "TRY"];

fn one_of(rng: &mut impl Rng, words: &[&str]) -> Option<String> {
    rng.random_bool(0.8).then(|| words[rng.random_range(0..words.len())].to_owned())
}

fn offer(rng: &mut impl Rng) -> OfferRecord {
    let min_days = rng.random_range(0..5);
    let (country, days) = (COUNTRIES[rng.random_range(0..3)].parse().unwrap(), rng.random_range(0..20));
    OfferRecord {
        payment_methods: METHODS.iter().filter(|_| rng.random_bool(0.4)).map(|&method| method.to_owned()).collect(),
        ..OfferRecord::new(country, min_days, min_days + days)
    }
}

fn product(rng: &mut impl Rng, at: usize) -> ProductRecord {
    ProductRecord {
        seller_id: one_of(rng, &SELLERS),
        category: one_of(rng, &CATEGORIES),
        brand: one_of(rng, &BRANDS),
        price_minor: rng.random_bool(0.8).then(|| rng.random_range(0..20)),
        currency: one_of(rng, &CURRENCIES).map(|code| code.parse().unwrap()),
        group_price_minor: rng.random_bool(0.5).then_some(1),
        stock: rng.random_bool(0.5).then(|| rng.random_range(0..3)),
        min_age: rng.random_bool(0.3).then(|| rng.random_range(0..20)),
        hidden: rng.random_bool(0.1),
        offers: (0..rng.random_range(0..4)).map(|_| offer(rng)).collect(),
        ..ProductRecord::new(format!("p{at}"))
    }
}

fn world() -> &'static (Vec<ProductRecord>, Bundle) {
    static WORLD: OnceLock<(Vec<ProductRecord>, Bundle)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let products: Vec<ProductRecord> = (0..400).map(|at| product(&mut rng, at)).collect();
        let bundle = World::new(&[], &products).open();
        (products, bundle)
    })
}

/// Up to two of the words, some of which no product has.
fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![6 => prop::sample::select(words), 1 => Just("unheard of")];
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(word.prop_map(str::to_owned), 1..3)]
}

fn maybe<T: std::fmt::Debug + Clone + 'static>(
    strategy: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![2 => Just(None), 1 => strategy.prop_map(Some)]
}

fn filters() -> impl Strategy<Value = Filter> {
    let named = prop::collection::vec((0..500u32).prop_map(|at| format!("p{at}")), 1..200);
    let named = maybe(named).prop_map(Option::unwrap_or_default);
    let lists =
        (some_of(&CATEGORIES), some_of(&CATEGORIES), some_of(&BRANDS), some_of(&SELLERS), some_of(&SELLERS), named);
    let delivery = (maybe(prop::sample::select(&COUNTRIES[..])), some_of(&METHODS), maybe(0u32..20));
    let price = (maybe(prop::sample::select(&CURRENCIES[..])), maybe(0i64..20), maybe(0i64..20), any::<bool>());
    (lists, delivery, price).prop_map(|(lists, delivery, price)| Filter {
        categories: lists.0,
        not_categories: lists.1,
        brands: lists.2,
        seller_ids: lists.3,
        not_seller_ids: lists.4,
        product_ids: lists.5,
        ship_to: delivery.0.map(|code| code.parse().unwrap()),
        payment_methods: delivery.1,
        max_delivery_days: delivery.2,
        currency: price.0.map(|code| code.parse().unwrap()),
        price_min_minor: price.1,
        price_max_minor: price.2,
        team_price: price.3,
    })
}

fn markets() -> impl Strategy<Value = Market> {
    let parts =
        (maybe(prop::sample::select(&COUNTRIES[..])), maybe(prop::sample::select(&CURRENCIES[..])), some_of(&METHODS));
    parts.prop_map(|(country, currency, payment_methods)| Market {
        country: country.map(|code| code.parse().unwrap()),
        currency: currency.map(|code| code.parse().unwrap()),
        payment_methods,
    })
}

/// No rates, or one lira for so many thousandths of a euro.
fn rates() -> impl Strategy<Value = Rates> {
    maybe(1u64..3_000).prop_map(|thousandths| {
        let Some(thousandths) = thousandths else { return Rates::default() };
        let rate = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000).parse().unwrap();
        let rates = BTreeMap::from([("TRY".parse().unwrap(), rate)]);
        Currencies { reference: Some("EUR".parse().unwrap()), rates }.rates().unwrap()
    })
}

proptest! {
    #[test]
    fn agrees_with_the_records(filter in filters(), market in markets(), age in 0u32..25, rates in rates()) {
        let (products, bundle) = world();
        let conditions = Conditions { filter: &filter, market: market.clone(), age, excluded: 0, rates: &rates };
        let rows = allowed(bundle, &filter, &market, Some(age), &rates);
        for (row, product) in products.iter().enumerate() {
            prop_assert_eq!(rows.contains(row as u32), product.fits(&conditions), "{:?}", product);
        }
    }

    /// An unknown age is shown what a newborn is shown.
    #[test]
    fn an_unknown_age_is_the_youngest(market in markets()) {
        let (_, bundle) = world();
        let filter = Filter::default();
        let of_age = |age| allowed(bundle, &filter, &market, age, &NO_RATES);
        prop_assert_eq!(of_age(None), of_age(Some(0)));
    }
}

#[test]
fn the_test_world_is_worth_filtering() {
    let (products, bundle) = world();
    let rows = allowed(bundle, &Filter::default(), &Market::default(), Some(30), &NO_RATES);
    assert!(rows.count() > products.len() / 2 && rows.count() < products.len() * 9 / 10);
}
