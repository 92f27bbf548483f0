//! 1. The estimate of the share that comes back is Kaplan and Meier's, and running spells do not count as refusals.
//! 2. A product with enough repeats has a rhythm of its own, another its category's, and where both are few there is none.
//! 3. Fresh food is due after days, a phone after years, a one-off never, and what is long overdue not any more.

use std::f64::consts::TAU;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const DAY: i64 = Timestamp::DAY_MS;

fn day(day: f64) -> i64 {
    (day * DAY as f64) as i64
}

/// Products in categories, whose parents are given.
fn products(category: &[u32], category_parent: &[u32]) -> ProductColumns {
    let columns = ProductColumns::empty(category.len());
    ProductColumns { category: category.to_vec(), category_parent: category_parent.to_vec(), ..columns }
}

fn cut(days: f64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(day(days)))
}

fn of_product(learnt: &Learnt, product: usize) -> Option<Rhythm> {
    learnt.table.get(learnt.product[product] as usize).copied()
}

/// How people buy a thing: the usual interval, its spread, and the share that buys once more each time.
#[derive(Clone, Copy)]
struct Habit {
    days: f64,
    spread: f64,
    again: f64,
}

/// What `people` buy of `product` within `until` days.
fn purchases(random: &mut ChaCha8Rng, product: u32, people: u32, until: f64, habit: Habit) -> Vec<Purchase> {
    let mut bought = Vec::new();
    for user in 0..people {
        let mut at = random.random_range(0.0..until);
        while at < until {
            bought.push((product, user, day(at)));
            if random.random::<f64>() >= habit.again {
                break;
            }
            let normal = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt() * (TAU * random.random::<f64>()).cos();
            at += habit.days * (habit.spread * normal).exp();
        }
    }
    bought
}

#[test]
fn food_is_due_after_days_phones_after_years_and_a_one_off_never() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let six_years = 6.0 * 365.0;
    let (fresh, phone) = (Habit { days: 4.0, spread: 0.3, again: 0.9 }, Habit { days: 700.0, spread: 0.2, again: 0.6 });
    let skirt = Habit { days: 150.0, spread: 0.8, again: 0.02 };
    let mut bought = Vec::new();
    for (product, habit) in [(0, fresh), (1, phone), (2, skirt)] {
        bought.extend(purchases(&mut random, product, 2_000, six_years, habit));
    }
    let learnt = Learnt::learn(bought, cut(six_years), &products(&[0, 1, 2], &[NONE; 3]));
    let [fresh, phone, skirt] = [0, 1, 2].map(|product| of_product(&learnt, product).unwrap());
    assert!((3.7..4.3).contains(&fresh.days) && (650.0..750.0).contains(&phone.days), "{fresh:?} {phone:?}");
    assert!((0.85..=0.95).contains(&fresh.habit) && (0.55..0.65).contains(&phone.again), "{fresh:?} {phone:?}");
    let due = |rhythm: Rhythm, days: f64| rhythm.due(1, days).is_some();
    assert!(due(fresh, 4.0) && !due(fresh, 1.0) && !due(fresh, 30.0));
    assert!(due(phone, 700.0) && !due(phone, 200.0) && !due(phone, 2_000.0));
    assert!((1..3_000).all(|days| !due(skirt, f64::from(days))), "{skirt:?}");
}

#[test]
fn a_product_without_repeats_goes_by_its_category_and_a_category_by_the_more_general_one() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let tea = Habit { days: 20.0, spread: 0.2, again: 0.7 };
    let mut bought = purchases(&mut random, 0, 300, 400.0, tea);
    bought.extend((0..4).map(|user| (1, user, day(f64::from(user)))));
    // Categories: food, food/tea, food/tea/new, books. Products: tea, a tea nobody had again, a new one, a book, nothing.
    let world = products(&[1, 1, 2, 3, NONE], &[NONE, 0, 1, NONE]);
    let learnt = Learnt::learn(bought, cut(400.0), &world);
    let rhythms: Vec<Option<Rhythm>> = (0..5).map(|product| of_product(&learnt, product)).collect();
    assert!(rhythms[0].is_some() && rhythms[1].is_some());
    assert_ne!(learnt.product[0], learnt.product[1], "one of its own");
    assert_eq!(rhythms[1], rhythms[2], "no category is so particular that it knows nothing");
    assert_eq!((rhythms[3], rhythms[4]), (None, None));
}

#[test]
fn a_few_spells_lean_on_the_category() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut bought = purchases(&mut random, 0, 1_000, 400.0, Habit { days: 40.0, spread: 0.2, again: 0.5 });
    let own = |user: i64| [0, 1].map(|time| (1, user as u32, day(10.0 * time as f64)));
    bought.extend((0..5).flat_map(own));
    let learnt = Learnt::learn(bought, cut(400.0), &products(&[0, 0], &[NONE]));
    let (usual, few) = (of_product(&learnt, 0).unwrap(), of_product(&learnt, 1).unwrap());
    assert!((12.0..38.0).contains(&few.days), "between ten days and forty: {few:?}");
    assert!(few.again > usual.again && few.again < 0.85, "not as sure as five of five: {few:?} {usual:?}");
}

#[test]
fn who_bought_lately_has_not_refused() {
    let pairs = (0..400u32).map(|user| (user, if user % 2 == 0 { Some(100.0) } else { None }));
    let mut bought: Vec<Purchase> = Vec::new();
    for (user, next) in pairs {
        bought.push((0, user, day(0.0)));
        bought.extend(next.map(|next| (0, user, day(next))));
    }
    let world = products(&[NONE], &[]);
    let before = of_product(&Learnt::learn(bought.clone(), cut(200.0), &world), 0).unwrap();
    bought.extend((400..2_000).map(|user| (0, user, day(195.0))));
    let after = of_product(&Learnt::learn(bought, cut(200.0), &world), 0).unwrap();
    assert!((before.again - 0.5).abs() < 0.02 && (after.again - before.again).abs() < 0.02, "{before:?} {after:?}");
}

#[test]
fn nothing_is_learnt_from_nothing() {
    let world = products(&[0, NONE], &[NONE]);
    assert!(Learnt::learn(Vec::new(), None, &world).table.is_empty());
    let once = vec![(0, 0, day(1.0)), (0, 1, day(1.0)), (0, 1, day(1.1))];
    assert!(Learnt::learn(once, cut(2.0), &world).table.is_empty(), "hours apart is one purchase");
}

/// The product-limit estimate, spell by spell: the part that has not ended by the end of `bin`.
fn slow_reference(spells: &[(usize, bool)], bin: usize, fewest: usize) -> f64 {
    let mut moments: Vec<usize> = spells.iter().map(|spell| spell.0).filter(|&at| at <= bin).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut running = 1.0;
    for at in moments {
        let watched = spells.iter().filter(|spell| spell.0 >= at).count();
        let ended = spells.iter().filter(|spell| **spell == (at, true)).count();
        if watched >= fewest {
            running *= 1.0 - ended as f64 / watched as f64;
        }
    }
    running
}

proptest! {
    #[test]
    fn the_share_that_came_back_is_kaplan_and_meiers(spells in prop::collection::vec((0usize..BINS, any::<bool>()), 0..60)) {
        let mut durations = Durations::default();
        for &(bin, ended) in &spells {
            if ended { &mut durations.ended } else { &mut durations.running }.count(middle(bin));
        }
        let fewest = (spells.len() / 20).max(spells.len().div_ceil(2).min(5));
        for (bin, returned) in durations.returned().into_iter().enumerate() {
            let expected = 1.0 - slow_reference(&spells, bin, fewest);
            prop_assert!((returned - expected).abs() < 1e-12, "bin {bin}: {returned} {expected}");
        }
    }

    #[test]
    fn whatever_was_bought_the_rhythms_are_sound(
        bought in prop::collection::vec((0u32..4, 0u32..6, 0i64..400 * DAY), 0..400), cut_day in 0i64..400,
    ) {
        let world = products(&[2, 1, NONE, 0], &[NONE, 0, 1]);
        let learnt = Learnt::learn(bought, Some(Timestamp::from_millis(cut_day * DAY)), &world);
        for rhythm in &learnt.table {
            prop_assert!(rhythm.is_sound() && rhythm.again <= MOST_AGAIN && rhythm.habit <= MOST_AGAIN, "{rhythm:?}");
        }
    }

    #[test]
    fn a_duration_lies_in_its_bin(days in 0.5f64..11_000.0) {
        let middle = middle(bin(days));
        prop_assert!((middle / days).ln().abs() <= STEP.ln() / 2.0 + 1e-9);
    }
}
