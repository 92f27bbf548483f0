//! A deleted user was never there.

use std::collections::BTreeMap;

use juntos_datasets::tables::EventKind;
use juntos_engine::Engine;
use juntos_engine::live::Change;
use juntos_engine::live::records::{EventRecord, FriendshipRecord, UserRecord};
use juntos_engine::request::Context;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::changes::KINDS;
use super::secrets::all_answers;
use crate::serving::world::{World, now};

const WORLDS: u64 = 60;
const EVENTS: usize = 30;

/// What happens in a world, by whom, and on which day.
fn history(world: &World, random: &mut ChaCha8Rng) -> Vec<(usize, usize, EventKind, f64)> {
    let mut day = 0.0;
    let mut event = || {
        day += [0.0, 0.3, 1.0][random.random_range(0..3)];
        let user = random.random_range(0..=world.people.len());
        let product = random.random_range(0..world.goods.len());
        (user, product, KINDS[random.random_range(0..KINDS.len())], day)
    };
    (0..EVENTS).map(|_| event()).collect()
}

/// The last of the people is new, and known by the friends `gone` and somebody else only.
fn with_newcomer(engine: &Engine, gone: &str, other: &str) {
    let put = |change| _ = engine.apply(change, now()).unwrap();
    put(Change::PutUser(UserRecord { birth_year: Some(1980), ..UserRecord::new("new") }));
    put(Change::PutFriendship(FriendshipRecord::new("new", gone)));
    put(Change::PutFriendship(FriendshipRecord::new("new", other)));
}

fn live(engine: &Engine, world: &World, history: &[(usize, usize, EventKind, f64)], without: Option<usize>) {
    for &(user, product, kind, day) in history.iter().filter(|event| Some(event.0) != without) {
        let user_id = world.people.get(user).map_or("new", |person| person.id.as_str());
        let event = EventRecord::new(user_id, &world.goods[product].id, kind);
        engine.apply(Change::Event(event), now().plus_days(day)).unwrap();
    }
}

/// What she did since the cut is gone from every answer to everybody, down to the last digit of every score.
#[test]
fn who_is_deleted_never_did_anything() {
    for seed in 0..WORLDS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let world = World::random(seed);
        let gone = random.random_range(0..world.people.len());
        let other = (gone + 1) % world.people.len();
        let history = history(&world, &mut random);
        let last = history.last().unwrap().3;
        let [deleted, never] = [None, Some(gone)].map(|without| {
            let engine = world.engine();
            with_newcomer(&engine, &world.people[gone].id, &world.people[other].id);
            live(&engine, &world, &history, without);
            engine.apply(Change::DeleteUser(world.people[gone].id.clone()), now().plus_days(last)).unwrap();
            engine
        });
        let products: Vec<String> = world.goods.iter().take(3).map(|good| good.id.clone()).collect();
        let new = "new".to_owned();
        let ids = world.people.iter().map(|person| &person.id).chain([&new]);
        for id in ids.filter(|&id| *id != world.people[gone].id) {
            for later in [0.0, 1.0] {
                let context = Context::new(now().plus_days(last + later), 10);
                let ids = [id, &world.people[other].id];
                let [one, two] = [&deleted, &never].map(|engine| all_answers(engine, &ids, &products, &context));
                assert_eq!(one, two, "seed {seed}, {id}");
            }
        }
    }
}

/// A world in which she bought and befriended, then left, says of every product what a world says in which she never did.
/// The order is left out: popularity is a sum of floats. So are places for new products: whether a product comes by one, or
/// in its own right before it, is a question of the order.
#[test]
fn who_is_deleted_was_never_there() {
    for seed in 0..WORLDS {
        let world = World::random(seed);
        let gone = usize::try_from(seed).unwrap() % world.people.len();
        let mut without = world.clone();
        without.ties.retain(|&(one, other, _)| one != gone && other != gone);
        without.blocks.retain(|&(one, other)| one != gone && other != gone);
        without.bought.retain(|&(who, ..)| who != gone);
        let in_team = |team: &crate::serving::world::Deal| team.initiator == gone || team.participants.contains(&gone);
        if world.teams.iter().any(in_team) {
            continue; // Her seat stays taken.
        }
        let [left, never] = [&world, &without].map(|world| {
            let engine = world.engine();
            engine.apply(Change::DeleteUser(world.people[gone].id.clone()), now()).unwrap();
            engine
        });
        let context = Context { explore: false, ..Context::new(now(), 100) };
        for person in world.people.iter().filter(|person| person.id != world.people[gone].id) {
            let said = |engine: &Engine| -> BTreeMap<String, String> {
                let items = engine.snapshot().feed(&person.id, &context).unwrap().items;
                let say = |item: &juntos_engine::request::ProductItem| {
                    format!("{:?} {:?} {:?}", item.source, item.reasons, item.team)
                };
                items.iter().map(|item| (item.product_id.clone(), say(item))).collect()
            };
            assert_eq!(said(&left), said(&never), "seed {seed}, {}", person.id);
            let products: Vec<String> = world.goods.iter().take(3).map(|good| good.id.clone()).collect();
            let ids = [&person.id, &person.id];
            let friends = |engine: &Engine| all_answers(engine, &ids[..1], &products, &context).split_off(9);
            assert_eq!(friends(&left), friends(&never), "seed {seed}, {}", person.id);
        }
    }
}
