//! Statistics of the mechanism, over fixed seeds.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::audience::count::{AgeBand, Exact};
use crate::audience::policy::{AudiencePolicy, FEWEST_PEOPLE, MISS, Part};
use crate::audience::tell::{Findings, ONE, tell};

const DRAWS: usize = 20_000;

/// A seller with as many buyers in one band, one market and one category, some of whom came back, returned, rated.
fn exact(buyers: u32) -> Exact {
    Exact {
        buyers,
        age_bands: BTreeMap::from([(AgeBand::From25, buyers)]),
        markets: BTreeMap::from([("ES".parse().unwrap(), buyers)]),
        also_buy: BTreeMap::from([("toys".to_owned(), buyers)]),
        repeated: buyers / 3,
        returned: buyers / 10,
        rated: buyers / 2,
        stars: i64::from(buyers / 2),
    }
}

fn draws(exact: &Exact, policy: &AudiencePolicy, seed: u64) -> Vec<Option<Findings>> {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    (0..DRAWS).map(|_| tell(exact, policy, &mut random)).collect()
}

/// ε of a part that one number of it spends for one person.
fn epsilon(policy: &AudiencePolicy, part: Part) -> f64 {
    1.0 / policy.law(part).scale()
}

/// The greatest logarithm of the quotient of two chances, over values that both came often, less five deviations of
/// its estimate; and the same without that allowance.
fn quotient(one: &[i64], other: &[i64]) -> (f64, f64) {
    const OFTEN: usize = 150;
    let times = |values: &[i64]| {
        let mut times: BTreeMap<i64, usize> = BTreeMap::new();
        values.iter().for_each(|&value| *times.entry(value).or_default() += 1);
        times
    };
    let (one, other) = (times(one), times(other));
    let mut greatest = (0.0f64, 0.0f64);
    for (value, &first) in one.iter().filter(|entry| *entry.1 >= OFTEN) {
        let second = other.get(value).copied().unwrap_or(0);
        assert!(second > 0, "{value} came {first} times from one and never from the other");
        let log = (first as f64 / second as f64).ln().abs();
        let deviation = (1.0 / first as f64 + 1.0 / second as f64).sqrt();
        greatest = (greatest.0.max(log - 5.0 * deviation), greatest.1.max(log));
    }
    greatest
}

type Number = fn(&Findings) -> Option<i64>;

#[test]
fn one_person_more_is_told_no_better_than_epsilon_allows() {
    let policy = AudiencePolicy::default();
    let (with, without) = (exact(301), Exact { rated: 150, stars: 150, ..exact(300) });
    let numbers: [(Part, Number); 5] = [
        (Part::Buyers, |found| Some(found.buyers.count)),
        (Part::AgeBands, |found| Some(found.age_bands.first()?.1.count)),
        (Part::Markets, |found| Some(found.markets.first()?.1.count)),
        (Part::AlsoBuy, |found| Some(found.also_buy.first()?.1.count)),
        (Part::Rated, |found| Some(found.ratings?.people.count)),
    ];
    let with = draws(&Exact { rated: 151, ..with }, &policy, 1);
    let without = draws(&without, &policy, 2);
    for (part, number) in numbers {
        let of = |draws: &[Option<Findings>]| -> Vec<i64> { draws.iter().flatten().filter_map(number).collect() };
        let (sure, seen) = quotient(&of(&with), &of(&without));
        let allowed = epsilon(&policy, part);
        assert!(sure <= allowed, "{part:?}: {sure} > {allowed}");
        assert!(seen >= 0.5 * allowed, "{part:?} tells less than it might: {seen} of {allowed}");
    }
}

/// A person moves the sum of stars by two, and the noise on it is made for that.
#[test]
fn the_noise_on_stars_is_made_for_two() {
    let policy = AudiencePolicy::default();
    let mut random = ChaCha20Rng::seed_from_u64(3);
    let law = policy.law(Part::Stars);
    let mut sums = |exact: i64| -> Vec<i64> { (0..DRAWS).map(|_| exact + law.sample(&mut random)).collect() };
    let (sure, _) = quotient(&sums(100), &sums(102));
    assert!(sure <= 2.0 * epsilon(&policy, Part::Stars));
}

#[test]
fn fewer_than_fifty_are_never_told() {
    let policy = AudiencePolicy { epsilon_thousandths: 100, answers_a_month: 1 };
    for buyers in [0, 1, 49] {
        assert!(draws(&exact(buyers), &policy, 4).iter().all(Option::is_none), "{buyers}");
    }
    let small = Exact { rated: 49, ..exact(5_000) };
    let small = Exact { markets: BTreeMap::from([("ES".parse().unwrap(), 49)]), ..small };
    let small = Exact { also_buy: BTreeMap::from([("toys".to_owned(), 49)]), ..small };
    let small = Exact { age_bands: BTreeMap::from([(AgeBand::From65, 49)]), ..small };
    let told: Vec<Findings> = draws(&small, &policy, 5).into_iter().flatten().collect();
    assert_eq!(told.len(), DRAWS);
    for found in told {
        let lists = found.age_bands.len() + found.markets.len() + found.also_buy.len();
        assert!(lists == 0 && found.ratings.is_none(), "{found:?}");
    }
}

/// Exactly fifty would show, beside forty-nine, that one person is there: hardly ever told. Many are always told.
#[test]
fn what_stands_at_the_edge_stays_silent() {
    let policy = AudiencePolicy::default();
    assert!(draws(&exact(FEWEST_PEOPLE as u32), &policy, 6).iter().all(Option::is_none));
    assert!(draws(&exact(1_000), &policy, 7).iter().all(Option::is_some));
}

/// Whether an error bar holds the true number.
type Holds<'a> = Box<dyn Fn(&Findings) -> bool + 'a>;

#[test]
fn error_bars_keep_their_word() {
    let (policy, exact) = (AudiencePolicy::default(), exact(900));
    let told: Vec<Findings> = draws(&exact, &policy, 8).into_iter().flatten().collect();
    let stars = 3.0 + exact.stars as f64 / f64::from(exact.rated);
    let share = |part: u32| f64::from(part) / f64::from(exact.buyers);
    let within =
        |truth: f64, low: i64, high: i64| low as f64 <= truth * ONE as f64 && truth * ONE as f64 <= high as f64;
    let checks: [(&str, Holds<'_>); 5] = [
        ("buyers", Box::new(|found| (found.buyers.low..=found.buyers.high).contains(&900))),
        ("a market", Box::new(|found| (found.markets[0].1.low..=found.markets[0].1.high).contains(&900))),
        ("repeat rate", Box::new(|found| within(share(300), found.repeat_rate.low, found.repeat_rate.high))),
        ("return rate", Box::new(|found| within(share(90), found.return_rate.low, found.return_rate.high))),
        ("stars", Box::new(|found| found.ratings.is_some_and(|r| within(stars, r.stars.low, r.stars.high)))),
    ];
    for (what, holds) in checks {
        let missed = told.iter().filter(|found| !holds(found)).count() as f64 / told.len() as f64;
        let deviation = (MISS * (1.0 - MISS) / told.len() as f64).sqrt();
        assert!(missed <= MISS + 4.0 * deviation, "{what} misses {missed}");
    }
    for found in &told {
        assert!(found.buyers.low <= found.buyers.count && found.buyers.count <= found.buyers.high);
        let rate = found.repeat_rate;
        assert!(0 <= rate.low && rate.low <= rate.value && rate.value <= rate.high && rate.high <= ONE);
    }
}

/// Near the edge only those are told whom the noise flatters: their bars hold all the same.
#[test]
fn error_bars_keep_their_word_near_the_edge() {
    let policy = AudiencePolicy::default();
    for truth in [95, 105, 113, 120, 130, 145] {
        let told: Vec<Findings> = draws(&exact(truth), &policy, u64::from(truth)).into_iter().flatten().collect();
        assert!(told.len() > 50, "{truth}");
        let holds = |found: &Findings| (found.buyers.low..=found.buyers.high).contains(&i64::from(truth));
        let missed = told.iter().filter(|found| !holds(found)).count() as f64 / told.len() as f64;
        let deviation = (MISS * (1.0 - MISS) / told.len() as f64).sqrt();
        assert!(missed <= MISS + 4.0 * deviation, "{truth} people: misses {missed} of {}", told.len());
    }
}

/// Bars that were much wider than need be would keep their word too.
#[test]
fn error_bars_are_not_wider_than_need_be() {
    let policy = AudiencePolicy::default();
    let found = tell(&exact(900), &policy, &mut ChaCha20Rng::seed_from_u64(9)).unwrap();
    let margin = found.buyers.high - found.buyers.count;
    assert_eq!(found.buyers.count - found.buyers.low, margin);
    assert!(margin as f64 <= 3.9 * policy.law(Part::Buyers).scale(), "{margin}");
}
