//! Property 14: products for a group.
//!
//! 1. The order of each strategy is that of its definition over everybody's ratings.
//! 2. A friend who comes in narrows nothing, and joins nothing that she may not get.
//! 3. Whatever the strategy, the same products are open to a group.

use std::collections::BTreeSet;

use juntos_datasets::tables::{EventKind, FriendshipKind, PurchaseVisibility};
use juntos_engine::live::Change;
use juntos_engine::live::records::EventRecord;
use juntos_engine::request::{Context, GroupProductItem};
use juntos_engine::together::Strategy;
use proptest::prelude::*;

use super::world::{DIM, World, ask, now};

const STRATEGIES: [Strategy; 4] =
    [Strategy::ExpectedSuccess, Strategy::Average, Strategy::LeastMisery, Strategy::MostPleasure];

fn list(world: &World, members: &[usize], with_friends: bool, context: &Context) -> Vec<GroupProductItem> {
    let ids: Vec<String> = members.iter().map(|&member| world.people[member].id.clone()).collect();
    world.engine().snapshot().group_products(&ids, with_friends, context).unwrap().items
}

/// Everybody is the friend of the first one and shows her purchases to friends.
fn circle(seed: u64, people: usize, goods: usize) -> World {
    let mut world = World::plain(seed, people, goods);
    world.ties = (1..people).map(|friend| (0, friend, FriendshipKind::Friend)).collect();
    world
}

/// What each member would rate each product, from 0 to 1.
fn ratings(world: &World, member: usize) -> Vec<f32> {
    let user = &world.user_vectors[member * DIM..][..DIM];
    let dot = |product: &[f32]| user.iter().zip(product).map(|(a, b)| a * b).sum::<f32>();
    let scores: Vec<f32> = world.product_vectors.chunks(DIM).map(dot).collect();
    let (low, high) = scores.iter().fold((f32::MAX, f32::MIN), |(low, high), &score| (low.min(score), high.max(score)));
    scores.iter().map(|score| (score - low) / (high - low)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn strategies_order_by_their_definitions(seed: u64, members in 1usize..6) {
        let world = circle(seed, 6, 30);
        let rated: Vec<Vec<f32>> = (0..members).map(|member| ratings(&world, member)).collect();
        let members: Vec<usize> = (0..members).collect();
        for strategy in &STRATEGIES[1..] {
            let context = Context { strategy: *strategy, ..ask(30) };
            let score = |product: usize| {
                let each = rated.iter().map(|ratings| ratings[product]);
                match strategy {
                    Strategy::LeastMisery => each.fold(f32::MAX, f32::min),
                    Strategy::MostPleasure => each.fold(f32::MIN, f32::max),
                    _ => each.sum::<f32>() / rated.len() as f32,
                }
            };
            let items = list(&world, &members, false, &context);
            prop_assert_eq!(items.len(), 30);
            for pair in items.windows(2) {
                let [first, second] = [&pair[0], &pair[1]].map(|item| score(world.good(&item.product.product_id)));
                // The bundle keeps users as bytes on a scale of their own: about one part in a hundred.
                prop_assert!(first >= second - 0.05, "{strategy:?}: {first} before {second}");
            }
        }
    }

    #[test]
    fn friends_who_come_in_narrow_nothing_and_join_what_they_may(seed: u64) {
        let world = World::random(seed);
        for strategy in STRATEGIES {
            let context = Context { strategy, ..ask(100) };
            let of = |with_friends| list(&world, &[0], with_friends, &context);
            let rows = |items: &[GroupProductItem]| -> BTreeSet<usize> {
                items.iter().map(|item| world.good(&item.product.product_id)).collect()
            };
            let (alone, together) = (of(false), of(true));
            let person = &world.people[0];
            let open = |&at: &usize| world.may_see(0, at) && !(person.personalise && world.has_bought(0, at));
            let expected: BTreeSet<usize> = (0..world.goods.len()).filter(open).collect();
            prop_assert_eq!(rows(&alone), expected.clone(), "{:?}", strategy);
            prop_assert_eq!(rows(&together), expected, "{:?}", strategy);
            for item in together {
                let product = world.good(&item.product.product_id);
                for id in &item.would_join {
                    prop_assert!(world.may_see(world.person(id), product), "{id} may not get {product}");
                }
            }
        }
    }
}

#[test]
fn a_friend_abroad_does_not_count_for_what_stays_at_home() {
    let mut world = circle(5, 2, 4);
    world.people[1].country = "IT";
    world.goods[0].only_to = Some("ES");
    let items = list(&world, &[0], true, &ask(10));
    let of = |id: &str| items.iter().find(|item| item.product.product_id == id).unwrap();
    assert_eq!((of("p0").success_probability, of("p0").would_join.len()), (Some(0.0), 0));
    assert!(of("p1").success_probability > Some(0.0));
    assert_eq!(of("p1").would_join, ["u1"]);
    let named = list(&world, &[0, 1], false, &ask(10));
    assert!(named.iter().all(|item| item.product.product_id != "p0"), "who is named must be able to get it");
}

#[test]
fn what_a_friend_refused_she_does_not_join_as_far_as_one_may_know() {
    for (visibility, joins) in [(PurchaseVisibility::Friends, false), (PurchaseVisibility::Nobody, true)] {
        let mut world = circle(6, 2, 4);
        world.people[1].visibility = visibility;
        let engine = world.engine();
        engine.apply(Change::Event(EventRecord::new("u1", "p2", EventKind::Dislike)), now()).unwrap();
        let items = engine.snapshot().group_products(&["u0".into()], true, &ask(10)).unwrap().items;
        let item = items.iter().find(|item| item.product.product_id == "p2").unwrap();
        assert_eq!(item.would_join.contains(&"u1".to_owned()), joins);
    }
}
