//! Property 13: business rules over random worlds.
//!
//! 1. What is excluded is in no list: no pin, boost, draw, team or fallback brings it back, and a change of the product
//!    counts at once.
//! 2. Pins are where they should be on every page, for those who may be shown them, and for nobody else.
//! 3. Boosts move their kind and nothing else, and bring it in where it would not have been looked at.
//! 4. Places for new products are a share of the page, go to new products only, and are the same all day.
//! 5. What was shown falls behind and comes back, on its surface, for its person; with much weight no session repeats
//!    another as long as there is anything else.
//! 6. Nothing is shown that may not be, pages do not repeat and end, and no list is empty, whatever the rules.

use std::collections::{BTreeSet, HashSet};

use juntos_datasets::tables::{EventKind, Surface};
use juntos_engine::Engine;
use juntos_engine::live::Change;
use juntos_engine::live::records::{EventRecord, ProductRecord};
use juntos_engine::request::{Context, Filter, ProductItem, Source};
use juntos_engine::rules::{Boost, Caps, Diversity, Exclusion, Explore, HalfLives, Memory, Pin, Rules, Scope};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::world::{BRANDS, CATEGORIES, COUNTRIES, DIM, Good, SELLERS, World, ask, now};

/// Rules of every kind for a world.
pub(super) fn random_rules(world: &World, seed: u64) -> Rules {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x7ea);
    let share = [0.0, 0.2, 0.5, 1.0];
    let mut one_share = || share[random.random_range(0..4)];
    let caps =
        Caps { seller: one_share(), brand: one_share(), category: one_share(), team_product: one_share(), at_least: 1 };
    let (diversity, explore) = (Diversity { lambda: one_share() }, one_share());
    let memory = Memory { weight: 3.0 * one_share(), half_life_hours: HalfLives::all(24.0 * one_share()) };
    let some_scope = |random: &mut ChaCha8Rng| Scope {
        surfaces: if random.random_bool(0.8) { Vec::new() } else { vec![Surface::Game] },
        countries: if random.random_bool(0.7) { Vec::new() } else { vec![COUNTRIES[0].parse().unwrap()] },
        ..Scope::default()
    };
    let pins = (0..random.random_range(0..5)).map(|_| Pin {
        product_id: world.goods[random.random_range(0..world.goods.len())].id.clone(),
        position: random.random_range(1..8),
        scope: some_scope(&mut random),
    });
    let pins = pins.collect();
    let boosts = (0..random.random_range(0..4)).map(|_| Boost {
        filter: some_filter(&mut random),
        score: random.random_range(-2.0..2.0),
        scope: some_scope(&mut random),
    });
    let boosts = boosts.collect();
    let exclusions = (0..random.random_range(0..3))
        .map(|_| Exclusion { filter: some_filter(&mut random), scope: some_scope(&mut random) });
    let exclusions = exclusions.collect();
    Rules {
        caps,
        diversity,
        explore: Explore { share: explore, ..Explore::default() },
        memory,
        pins,
        boosts,
        exclusions,
    }
}

fn some_filter(random: &mut ChaCha8Rng) -> Filter {
    let seller = SELLERS[random.random_range(0..SELLERS.len())].to_owned();
    let brand = BRANDS[random.random_range(0..BRANDS.len())].to_owned();
    let category = CATEGORIES[random.random_range(0..CATEGORIES.len())].to_owned();
    match random.random_range(0..5) {
        0 => Filter { seller_ids: vec![seller], ..Filter::default() },
        1 => Filter { brands: vec![brand], ..Filter::default() },
        2 => Filter { categories: vec![category], ..Filter::default() },
        3 => Filter { brands: vec![brand], not_categories: vec![category], ..Filter::default() },
        _ => Filter { team_price: true, not_seller_ids: vec![seller], ..Filter::default() },
    }
}

/// The filters that these tests use, said once more.
fn meets(good: &Good, filter: &Filter) -> bool {
    let any = |list: &[String], own: Option<&str>| own.is_some_and(|own| list.iter().any(|one| one == own));
    let below = |path: &String| good.category.is_some_and(|own| own == path || own.starts_with(&format!("{path}/")));
    (filter.seller_ids.is_empty() || any(&filter.seller_ids, good.seller))
        && !any(&filter.not_seller_ids, good.seller)
        && (filter.brands.is_empty() || any(&filter.brands, good.brand))
        && (filter.categories.is_empty() || filter.categories.iter().any(below))
        && !filter.not_categories.iter().any(below)
        && (!filter.team_price || good.team_price)
}

fn in_scope(scope: &Scope, world: &World, viewer: usize, surface: Surface) -> bool {
    let country = world.people[viewer].country.parse().unwrap();
    (scope.surfaces.is_empty() || scope.surfaces.contains(&surface))
        && (scope.countries.is_empty() || scope.countries.contains(&country))
}

fn excluded(rules: &Rules, world: &World, viewer: usize, product: usize, surface: Surface) -> bool {
    let holds = |exclusion: &&Exclusion| in_scope(&exclusion.scope, world, viewer, surface);
    rules.exclusions.iter().filter(holds).any(|exclusion| meets(&world.goods[product], &exclusion.filter))
}

/// Everything that a feed may show.
fn may_have(rules: &Rules, world: &World, viewer: usize, surface: Surface) -> BTreeSet<usize> {
    let personal = world.people[viewer].personalise;
    let fits = |&product: &usize| {
        world.may_see(viewer, product)
            && !(personal && world.has_bought(viewer, product))
            && !excluded(rules, world, viewer, product, surface)
    };
    (0..world.goods.len()).filter(fits).collect()
}

fn ids(items: &[ProductItem]) -> Vec<String> {
    items.iter().map(|item| item.product_id.clone()).collect()
}

fn feed(engine: &Engine, user: &str, context: &Context) -> Vec<String> {
    ids(&engine.snapshot().feed(user, context).unwrap().items)
}

/// All pages of a feed.
fn pages(engine: &Engine, user: &str, first: &Context) -> Vec<ProductItem> {
    let (mut context, mut all) = (first.clone(), Vec::new());
    loop {
        let answer = engine.snapshot().feed(user, &context).unwrap();
        all.extend(answer.items);
        match answer.next_cursor {
            Some(cursor) => context.cursor = Some(cursor),
            None => return all,
        }
    }
}

/// The ids that any list of products or teams names to somebody.
fn named_anywhere(engine: &Engine, world: &World, viewer: usize, context: &Context) -> Vec<String> {
    let (snapshot, id) = (engine.snapshot(), &world.people[viewer].id);
    let mut named = feed(engine, id, context);
    named.extend(ids(&snapshot.trending(Some(id), context).unwrap().items));
    named.extend(ids(&snapshot.repurchase(id, context).unwrap().items));
    for good in world.goods.iter().take(3) {
        named.extend(ids(&snapshot.similar(std::slice::from_ref(&good.id), Some(id), context).unwrap().items));
        if !snapshot.group_friends(id, &good.id, context).unwrap().items.is_empty() {
            named.push(good.id.clone());
        }
    }
    let group = snapshot.group_products(std::slice::from_ref(id), true, context).unwrap();
    named.extend(group.items.into_iter().map(|item| item.product.product_id));
    named.extend(snapshot.group_teams(id, context).unwrap().items.into_iter().map(|team| team.product_id));
    named
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_excluded_is_nowhere(seed: u64) {
        let world = World::random(seed);
        let rules = random_rules(&world, seed);
        let engine = world.engine().with_rules(rules.clone()).unwrap();
        for viewer in 0..world.people.len() {
            for surface in [Surface::Feed, Surface::Game] {
                let context = Context { surface, ..ask(100) };
                for id in named_anywhere(&engine, &world, viewer, &context) {
                    let product = world.good(&id);
                    prop_assert!(!excluded(&rules, &world, viewer, product, surface), "{id} on {surface:?}");
                }
            }
        }
    }

    #[test]
    fn pins_are_where_they_should_be(seed: u64, limit in 1usize..6) {
        let world = World::random(seed);
        let rules = random_rules(&world, seed);
        let engine = world.engine().with_rules(rules.clone()).unwrap();
        for (viewer, person) in world.people.iter().enumerate() {
            let allowed = may_have(&rules, &world, viewer, Surface::Feed);
            let all = pages(&engine, &person.id, &ask(limit));
            let pinned: BTreeSet<usize> =
                all.iter().filter(|item| item.source == Source::Pinned).map(|item| world.good(&item.product_id)).collect();
            let holds = |pin: &&Pin| {
                in_scope(&pin.scope, &world, viewer, Surface::Feed) && allowed.contains(&world.good(&pin.product_id))
            };
            let held: Vec<&Pin> = rules.pins.iter().filter(holds).collect();
            for product in &pinned {
                prop_assert!(held.iter().any(|pin| world.good(&pin.product_id) == *product));
            }
            // The first pin of a product that wants a place which no other wants stands there, unless it came before,
            // in its own right on an earlier page.
            for (at, pin) in held.iter().enumerate() {
                let same = |other: &&Pin| other.product_id == pin.product_id;
                let crowded = held.iter().filter(|other| other.position.abs_diff(pin.position) < held.len()).count() > 1;
                if held.iter().filter(|other| same(other)).count() > 1 || crowded || pin.position > all.len() {
                    continue;
                }
                let stands = all.iter().position(|item| item.product_id == pin.product_id).unwrap() + 1;
                let page = (pin.position - 1) / limit * limit;
                prop_assert!(stands == pin.position || stands <= page, "pin {at} of {} is at {stands}", pin.product_id);
            }
        }
    }

    #[test]
    fn boosts_move_their_kind_and_nothing_else(seed: u64) {
        let mut world = World::random(seed);
        world.people[0].personalise = true;
        let open = |rules| world.engine().with_rules(rules).unwrap();
        let quiet = Rules { caps: Caps { seller: 1.0, brand: 1.0, category: 1.0, team_product: 1.0, at_least: 1 }, explore: Explore { share: 0.0, ..Explore::default() }, ..Rules::default() };
        let filter = some_filter(&mut ChaCha8Rng::seed_from_u64(seed));
        let boosted = Rules { boosts: vec![Boost { filter: filter.clone(), score: 2.0, scope: Scope::default() }], ..quiet.clone() };
        let (before, after) = (open(quiet), open(boosted));
        let items = |engine: &Engine| engine.snapshot().feed(&world.people[0].id, &ask(100)).unwrap().items;
        let (before, after) = (items(&before), items(&after));
        prop_assert_eq!(before.iter().map(|item| &item.product_id).collect::<BTreeSet<_>>(), after.iter().map(|item| &item.product_id).collect::<BTreeSet<_>>());
        for item in &after {
            let plain = before.iter().find(|other| other.product_id == item.product_id).unwrap();
            let gained = if meets(&world.goods[world.good(&item.product_id)], &filter) { 2.0 } else { 0.0 };
            prop_assert!((item.score - plain.score - gained).abs() < 1e-5, "{} of {}", item.score - plain.score, item.product_id);
        }
    }

    #[test]
    fn boosts_bring_in_what_would_not_have_been_looked_at(seed: u64) {
        let mut world = World::plain(seed, 2, 400);
        world.user_vectors[DIM..].fill(0.0);
        let rare: Vec<usize> = (0..3).map(|at| (seed as usize % 100) + 133 * at).collect();
        rare.iter().for_each(|&at| world.goods[at].brand = Some("Rare"));
        world.goods[rare[0]].min_age = Some(120);
        let filter = Filter { brands: vec!["Rare".to_owned()], ..Filter::default() };
        let boosts = vec![Boost { filter, score: 1.5, scope: Scope::default() }];
        let wide = Caps { seller: 1.0, brand: 1.0, category: 1.0, team_product: 1.0, at_least: 1 };
        let engine = world.engine().with_rules(Rules { boosts, caps: wide, ..Rules::default() }).unwrap();
        let put = ProductRecord { brand: Some("Rare".to_owned()), ..ProductRecord::new("put") };
        engine.apply(Change::PutProduct(put), now()).unwrap();
        for person in &world.people {
            let items = engine.snapshot().feed(&person.id, &ask(4)).unwrap().items;
            let first: BTreeSet<&str> = items[..3].iter().map(|item| item.product_id.as_str()).collect();
            let expected = [&world.goods[rare[1]].id, &world.goods[rare[2]].id, "put"];
            prop_assert_eq!(first, expected.into_iter().collect::<BTreeSet<_>>(), "for {}", person.id);
        }
    }

    #[test]
    fn new_products_get_their_share(seed: u64, limit in 1usize..30, share in 0.0f64..1.0) {
        let mut world = World::plain(seed, 3, 120);
        world.goods.iter_mut().enumerate().for_each(|(at, good)| good.listed = Some(if at.is_multiple_of(3) { 5 } else { 300 }));
        let explore = Explore { share, ..Explore::default() };
        let engine = world.engine().with_rules(Rules { explore, ..Rules::default() }).unwrap();
        let drawn = |user: &str, context: &Context| -> Vec<String> {
            let items = engine.snapshot().feed(user, context).unwrap().items;
            assert_eq!(items.len(), limit, "the page is full");
            let new = items.iter().filter(|item| world.good(&item.product_id).is_multiple_of(3)).count();
            assert!(!context.explore || new >= (share * limit as f64) as usize, "{new} new products");
            items.into_iter().filter(|item| item.source == Source::Newest).map(|item| item.product_id).collect()
        };
        for day in 0..5 {
            for person in &world.people {
                let context = Context::new(now().plus_days(f64::from(day)), limit);
                let today = drawn(&person.id, &context);
                for id in &today {
                    prop_assert_eq!(world.good(id) % 3, 0, "{} is not new", id);
                }
                // A drawn product that she might have been shown anyway keeps its source.
                prop_assert!(today.len() as f64 <= (share * limit as f64).ceil());
                let later = Context { now: context.now.plus_days(0.4), seed: 7, ..context.clone() };
                prop_assert_eq!(&today, &drawn(&person.id, &later), "the same all day");
                let without = Context { explore: false, ..context };
                prop_assert!(drawn(&person.id, &without).is_empty());
            }
        }
        let old_by_then = Context::new(now().plus_days(10.0), limit);
        let items = engine.snapshot().feed("u0", &old_by_then).unwrap().items;
        prop_assert!(items.iter().all(|item| item.source != Source::Newest), "nothing is new for ever");
    }

    #[test]
    fn what_was_shown_falls_behind_and_comes_back(seed: u64, half_life in 1.0f64..50.0) {
        let world = World::plain(seed, 2, 120);
        let memory = Memory { weight: 1.0, half_life_hours: HalfLives { game: 0.0, ..HalfLives::all(half_life) } };
        let engine = world.engine().with_rules(Rules { memory, ..Rules::default() }).unwrap();
        let score = |user: &str, product: &str, context: &Context| {
            let items = engine.snapshot().feed(user, context).unwrap().items;
            items.into_iter().find(|item| item.product_id == product).map(|item| item.score)
        };
        // The scale of a list reaches to the last candidate; with every product a candidate it does not move.
        let context = ask(100);
        let before = engine.snapshot().feed("u0", &context).unwrap().items;
        let first = before[0].product_id.clone();
        let others = feed(&engine, "u1", &context);
        for surface in [None, Some(Surface::Game)] {
            let event = EventRecord { surface, ..EventRecord::new("u0", &first, EventKind::Shown) };
            engine.apply(Change::Event(event), now()).unwrap();
        }
        let faded = score("u0", &first, &context).unwrap();
        prop_assert!((before[0].score - faded - 0.5).abs() < 0.02, "{} to {faded}", before[0].score);
        let half = score("u0", &first, &Context::new(now().plus_days(half_life / 24.0), 100)).unwrap();
        let expected = 1.0 - 0.5f32.exp2().recip();
        prop_assert!((before[0].score - half - expected).abs() < 0.02, "{} to {half}", before[0].score);
        let long = Context::new(now().plus_days(half_life), 100);
        prop_assert_eq!(feed(&engine, "u0", &long), ids(&before), "it comes back");
        for surface in [Surface::Email, Surface::Game] {
            let elsewhere = Context { surface, ..context.clone() };
            prop_assert_eq!(feed(&engine, "u0", &elsewhere), ids(&before), "not shown, or not remembered, on {:?}", surface);
        }
        prop_assert_eq!(feed(&engine, "u1", &context), others, "hers alone");
        let not_personal = Context { personalise: false, ..context };
        prop_assert_eq!(feed(&engine, "u0", &not_personal), feed(&engine, "u1", &not_personal));
    }

    #[test]
    fn sessions_do_not_repeat_each_other(seed: u64, limit in 1usize..12) {
        let world = World::plain(seed, 1, 60);
        let memory = Memory { weight: 10.0, ..Memory::default() };
        let engine = world.engine().with_rules(Rules { memory, ..Rules::default() }).unwrap();
        let mut seen = HashSet::new();
        for session in 0..60 / limit {
            let page = feed(&engine, "u0", &ask(limit));
            prop_assert_eq!(page.len(), limit);
            for id in &page {
                prop_assert!(seen.insert(id.clone()), "{} is back in session {}", id, session);
                engine.apply(Change::Event(EventRecord::new("u0", id, EventKind::Shown)), now()).unwrap();
            }
        }
        prop_assert_eq!(feed(&engine, "u0", &ask(limit)).len(), limit, "then they come back");
    }

    #[test]
    fn rules_open_nothing_and_close_only_what_they_exclude(seed: u64, limit in 1usize..7) {
        let world = World::random(seed);
        let rules = random_rules(&world, seed);
        let engine = world.engine().with_rules(rules.clone()).unwrap();
        for (viewer, person) in world.people.iter().enumerate() {
            let all = pages(&engine, &person.id, &ask(limit));
            let rows: Vec<usize> = all.iter().map(|item| world.good(&item.product_id)).collect();
            let set: BTreeSet<usize> = rows.iter().copied().collect();
            prop_assert_eq!(set.len(), rows.len(), "nothing comes twice");
            let mut expected = may_have(&rules, &world, viewer, Surface::Feed);
            // What is due again may come although it was bought.
            expected.extend(all.iter().filter(|item| item.source == Source::Repurchase).map(|item| world.good(&item.product_id)));
            prop_assert_eq!(set, expected);
        }
    }
}

#[test]
fn a_product_that_changes_its_kind_is_excluded_at_once() {
    let mut world = World::plain(3, 1, 5);
    world.goods[1].brand = Some("b0");
    let filter = Filter { brands: vec!["b0".into()], ..Filter::default() };
    let exclusions = vec![Exclusion { filter, scope: Scope::default() }];
    let pins = vec![Pin { product_id: "p2".into(), position: 1, scope: Scope::default() }];
    let engine = world.engine().with_rules(Rules { exclusions, pins, ..Rules::default() }).unwrap();
    assert_eq!(feed(&engine, "u0", &ask(5))[0], "p2");
    let branded = |id: &str, brand: Option<&str>| {
        Change::PutProduct(ProductRecord { brand: brand.map(str::to_owned), ..ProductRecord::new(id) })
    };
    engine.apply(branded("p2", Some("b0")), now()).unwrap();
    engine.apply(branded("p9", Some("b0")), now()).unwrap();
    engine.apply(branded("p1", None), now()).unwrap();
    let shown: BTreeSet<String> = feed(&engine, "u0", &ask(9)).into_iter().collect();
    assert_eq!(shown, ["p0", "p1", "p3", "p4"].map(str::to_owned).into());
}

#[test]
fn a_deleted_product_and_a_product_to_come_are_pinned_nowhere() {
    let world = World::plain(4, 1, 5);
    let pin = |product_id: &str, position| Pin { product_id: product_id.into(), position, scope: Scope::default() };
    let rules = Rules { pins: vec![pin("to-come", 1), pin("p4", 2)], ..Rules::default() };
    let engine = world.engine().with_rules(rules).unwrap();
    assert_eq!(feed(&engine, "u0", &ask(3))[1], "p4");
    engine.apply(Change::PutProduct(ProductRecord::new("to-come")), now()).unwrap();
    engine.apply(Change::DeleteProduct("p4".into()), now()).unwrap();
    let after = feed(&engine, "u0", &ask(9));
    assert_eq!(after[0], "to-come");
    assert!(!after.contains(&"p4".to_owned()));
}
