//! Property 20: who has many friends is told the same of the likeliest as if everybody had been looked at.

use juntos_datasets::tables::{FriendshipKind, Invites, PurchaseVisibility};
use juntos_engine::explanation::Explain;
use juntos_engine::live::Change;
use juntos_engine::live::records::FriendshipRecord;
use juntos_engine::request::Context;
use juntos_engine::serving_model::ServingModel;
use juntos_engine::together::model::{JOIN_FEATURES, JoinModel};
use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::world::{World, ask, now};

/// Enough that most need no close look.
const PEOPLE: usize = 400;

/// `u0` is the friend of all, who differ in what they allow, bought and joined.
fn hub(random: &mut ChaCha8Rng) -> World {
    let mut world = World::plain(random.next_u64(), PEOPLE, 6);
    let kinds = [FriendshipKind::Friend, FriendshipKind::Follow];
    world.ties = (1..PEOPLE).map(|friend| (0, friend, kinds[random.random_range(0..2)])).collect();
    for person in &mut world.people[1..] {
        let seen = [PurchaseVisibility::Nobody, PurchaseVisibility::Friends, PurchaseVisibility::Everyone];
        person.visibility = seen[random.random_range(0..3)];
        person.personalise = random.random_bool(0.9);
        person.invites = if random.random_bool(0.9) { Invites::Friends } else { Invites::Nobody };
    }
    for user in 0..PEOPLE {
        world.bought.push((user, random.random_range(0..6), 3, false));
        world.bought.push((user, random.random_range(0..6), 5, random.random_bool(0.3)));
    }
    world
}

/// Weights such as training finds: ties count for much, the rest for little.
fn serving(random: &mut ChaCha8Rng) -> ServingModel {
    let mut weights: [f32; JOIN_FEATURES] = std::array::from_fn(|_| random.random_range(-0.4..0.4));
    (weights[5], weights[14]) = (random.random_range(0.0..3.0), random.random_range(-2.0..0.0));
    ServingModel { join: JoinModel { intercept: -1.0, weights }, ..ServingModel::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_likeliest_are_those_of_looking_at_everybody(seed: u64, limit in 1usize..20) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let engine = hub(&mut random).engine_with(&serving(&mut random));
        for friend in 1..PEOPLE {
            let record = FriendshipRecord {
                user_id: "u0".into(),
                friend_id: format!("u{friend}"),
                kind: if friend % 7 == 0 { FriendshipKind::Follow } else { FriendshipKind::Friend },
                strength: random.random_range(0.0..1.0),
                since: None,
            };
            if random.random_bool(0.9) {
                engine.apply(Change::PutFriendship(record), now()).unwrap();
            }
        }
        let snapshot = engine.snapshot();
        let everybody = Context { explain: Some(Explain { product_id: None }), ..ask(limit) };
        for product in ["p0", "p1"] {
            let mut looked_at = snapshot.group_friends("u0", product, &everybody).unwrap();
            prop_assert!(looked_at.explanation.take().is_some() && looked_at.items.len() == limit);
            prop_assert_eq!(looked_at, snapshot.group_friends("u0", product, &ask(limit)).unwrap());
        }
    }
}
