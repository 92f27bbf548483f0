//! 1. The weights are those that make the choices most likely, and lean on the prior where there are few.
//! 2. What a generated world has planted is found again: how much price weighs, which markets are in haste, and who is.
//! 3. A choice is told only by somebody who had one, and allows it to be used.

use juntos_datasets::generate::{PRICE_WEIGHT, World as Generated, generate, haste_of_market, user_id};
use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{Event, User, Users};
use juntos_datasets::training::EventWeights;
use proptest::prelude::*;

use super::super::gather::SellerColumns;
use super::*;

/// Logarithm of the chance of the choices and the prior, summed term by term.
fn log_chance(choices: &[Choice], weights: [f64; 2], prior: Weights, precision: f64) -> f64 {
    let of_choice = |choice: &Choice| {
        let utility = |burden: &[f64; 2]| -weights[0] * burden[0] - weights[1] * burden[1];
        utility(&choice[0]) - choice.iter().map(|burden| utility(burden).exp()).sum::<f64>().ln()
    };
    let away = (weights[0] - f64::from(prior.price)).powi(2) + (weights[1] - f64::from(prior.haste)).powi(2);
    choices.iter().map(of_choice).sum::<f64>() - precision / 2.0 * away
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let burden = (0f64..0.5, 0f64..3.5).prop_map(|(price, days)| [price, days]);
    prop::collection::vec(prop::collection::vec(burden, 2..5), 1..20)
}

proptest! {
    #[test]
    fn no_other_weights_make_the_choices_likelier(choices in choices(), precision in 0.5f64..20.0) {
        let prior = Weights { price: 3.0, haste: 0.5 };
        let all: Vec<&Choice> = choices.iter().collect();
        let fitted = fit_weights(&all, prior, precision);
        let at = [f64::from(fitted.price), f64::from(fitted.haste)];
        let best = log_chance(&choices, at, prior, precision);
        for step in [0.5, 0.05, 0.005] {
            for (price, haste) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (0.7, 0.7), (-0.7, 0.7)] {
                let other = [(at[0] + step * price).max(0.0), at[1] + step * haste];
                let chance = log_chance(&choices, other, prior, precision);
                prop_assert!(chance <= best + 1e-6, "{at:?} has {best}, {other:?} has {chance}");
            }
        }
    }

    /// One person's shift, searched step by step.
    #[test]
    fn a_shift_is_the_likeliest_under_its_prior(choices in choices(), variance in 0.05f64..4.0) {
        let weights = Weights { price: 3.0, haste: 0.5 };
        let chance = |shift: f64| {
            log_chance(&choices, [3.0, 0.5 + shift], weights, 0.0) - shift * shift / (2.0 * variance)
        };
        let found = shift(&choices, weights, variance).0;
        let slow = (-8_000..=8_000).map(|step| f64::from(step) / 1_000.0).max_by(|a, b| chance(*a).total_cmp(&chance(*b)));
        prop_assert!((found - slow.unwrap()).abs() < 2e-3, "{found} {slow:?}");
    }
}

fn learn(dataset: &Dataset) -> (Learnt, TrainingData) {
    let data = TrainingData::load(dataset, &EventWeights::default()).unwrap();
    let users = UserColumns::gather(dataset, &data).unwrap();
    let products = ProductColumns::gather(dataset, &data, &mut SellerColumns::gather(dataset).unwrap()).unwrap();
    (Learnt::learn(dataset, &data, &users, &products).unwrap(), data)
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let mean = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0 / n, sum.1 + pair.1 / n));
    let of = |one: fn(&(f64, f64), (f64, f64)) -> f64| pairs.iter().map(|pair| one(pair, mean)).sum::<f64>();
    let both = of(|pair, mean| (pair.0 - mean.0) * (pair.1 - mean.1));
    both / (of(|pair, mean| (pair.0 - mean.0).powi(2)) * of(|pair, mean| (pair.1 - mean.1).powi(2))).sqrt()
}

#[test]
fn planted_preferences_are_found_again() {
    let world = Generated { users: 4_000, products: 600, seed: 5, ..Generated::default() };
    let folder = tempfile::tempdir().unwrap();
    let dataset = generate(&world, &folder.path().join("data"), &Silent).unwrap();
    let (learnt, data) = learn(&dataset);
    let planted = world.planted();
    let all = learnt.weights[0];
    assert!((all.price / PRICE_WEIGHT - 1.0).abs() < 0.25, "{all:?}");
    for user in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] {
        let person = planted.person(user);
        let country = juntos_datasets::generate::markets::MARKETS[person.market as usize].country;
        let of_country = learnt.of(country.parse::<Country>().unwrap().bytes());
        let (found, there) = (of_country.haste, haste_of_market(person.market));
        assert!((found - there).abs() < 0.35, "{country}: {found}, planted {there}");
    }
    let known = (0..planted.users()).filter(|&user| learnt.haste[data.users.row(&user_id(user)).unwrap().index()] != 0);
    let pairs: Vec<(f64, f64)> = known
        .map(|user| {
            let planted = planted.haste(user) - haste_of_market(planted.person(user).market);
            (f64::from(learnt.haste[data.users.row(&user_id(user)).unwrap().index()]), f64::from(planted))
        })
        .collect();
    assert!(pairs.len() > 1_000 && correlation(&pairs) > 0.45, "{} people, {}", pairs.len(), correlation(&pairs));
    assert!((0.15..1.0).contains(&learnt.spread[0]), "0.49 were planted: {:?}", learnt.spread);
}

/// A dataset of people in Spain who took the offer of so many days, the faster one dearer.
fn taken(choices: &[(&str, bool, Option<u32>)]) -> (tempfile::TempDir, Dataset) {
    use juntos_datasets::tables::{Offer, Product, Products};
    let folder = tempfile::tempdir().unwrap();
    let mut tables = juntos_datasets::DatasetWriter::create(folder.path().join("data")).unwrap();
    let fast = Offer { cost_minor: 100, seller_id: Some("other"), ..Offer::new("ES", 0, 1) };
    let offers = vec![Offer::new("ES", 8, 12), fast, Offer::new("IT", 0, 1)];
    let product = Product { price_minor: Some(1_000), currency: Some("EUR"), offers, ..Product::new("p") };
    tables.push::<Products>(&product).unwrap();
    let alone = vec![Offer::new("ES", 0, 1), Offer::new("IT", 0, 9)];
    tables.push::<Products>(&Product { offers: alone, ..Product::new("alone") }).unwrap();
    for (user_id, personalise, _) in choices {
        let user = User { country: Some("ES"), personalise: *personalise, ..User::new(user_id) };
        tables.push::<Users>(&user).unwrap();
    }
    for (user_id, _, delivery_days) in choices {
        for product in ["p", "p", "alone"] {
            let event = Event::new(user_id, product, EventKind::Purchase);
            tables.push::<Events>(&Event { delivery_days: *delivery_days, ..event }).unwrap();
        }
    }
    let dataset = tables.finish().unwrap();
    (folder, dataset)
}

#[test]
fn only_choices_that_somebody_had_and_allows_to_be_used_count() {
    let (_folder, dataset) = taken(&[("fast", true, Some(1)), ("slow", true, Some(12)), ("private", false, Some(1))]);
    let (learnt, _) = learn(&dataset);
    assert_eq!(learnt.weights.len(), 2, "the world, and Spain");
    assert!(learnt.haste[0] > 0 && learnt.haste[1] < 0, "{:?}", learnt.haste);
    assert_eq!(learnt.haste[2], 0);
    assert_eq!(learnt.sellers.iter().filter(|&&seller| seller != NONE).count(), 1);
    for nothing_told in [None, Some(77)] {
        let (_folder, dataset) = taken(&[("a", true, nothing_told), ("private", false, Some(1))]);
        let (learnt, _) = learn(&dataset);
        assert!(learnt.weights.is_empty() && learnt.haste == [0, 0]);
    }
}
