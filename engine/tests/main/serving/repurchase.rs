//! Property 18: food comes back when it is due, and only to those who bought it for themselves and may be known; a one-off
//! never does, and what is long overdue has faded.

use juntos_datasets::tables::EventKind;
use juntos_datasets::units::Timestamp;
use juntos_engine::live::Change;
use juntos_engine::live::records::{EventRecord, ProductRecord};
use juntos_engine::reasons::Reason;
use juntos_engine::request::{Context, Degraded, ProductItem, Source};
use juntos_engine::{Engine, Snapshot};

use super::world::{World, ask, now};

/// Bought every ten days by many; bought once by all.
const FOOD: usize = 0;
const DRESS: usize = 1;

/// Who is not as the others, of whom each bought food ten days ago and three times before.
const GIVER: usize = 8;
const LAPSED: usize = 9;
const PRIVATE: usize = 10;
const MINOR: usize = 11;

fn world() -> World {
    let mut world = World::plain(1, 12, 6);
    world.goods[FOOD].category = Some("food");
    world.people[PRIVATE].personalise = false;
    world.people[MINOR].birth_year = Some(2015);
    for user in 0..world.people.len() {
        world.bought.push((user, DRESS, 12, false));
        match user {
            GIVER => world.bought.push((user, FOOD, 10, true)),
            LAPSED => world.bought.push((user, FOOD, 200, false)),
            _ => world.bought.extend([40, 30, 20, 10].map(|days| (user, FOOD, days, false))),
        }
    }
    world
}

/// What is due to a user: the ids, and when each was expected to be used up.
fn due(snapshot: &Snapshot, user: usize, at: Timestamp) -> Vec<(String, Option<Timestamp>)> {
    let answer = snapshot.repurchase(&format!("u{user}"), &Context::new(at, 5)).unwrap();
    let due = |item: &ProductItem| match item.reasons.iter().find_map(when) {
        Some(due) if item.source == Source::Repurchase => Some((item.product_id.clone(), due)),
        _ => None,
    };
    answer.items.iter().filter_map(due).collect()
}

fn when(reason: &Reason) -> Option<Option<Timestamp>> {
    if let Reason::TimeToRepurchase { due } = reason { Some(*due) } else { None }
}

fn buys(engine: &Engine, user: usize, product: &str) {
    let event = EventRecord::new(format!("u{user}"), product, EventKind::Purchase);
    engine.apply(Change::Event(event), now()).unwrap();
}

#[test]
fn food_is_due_to_who_bought_it_for_herself_and_a_dress_to_nobody() {
    let snapshot = world().engine().snapshot();
    let found = due(&snapshot, 0, now());
    let [(id, Some(day))] = found.as_slice() else { panic!("{found:?}") };
    assert!(id == "p0" && now().days_since(*day).abs() < 0.5, "ten days after the last: {day}");
    for user in [GIVER, LAPSED, PRIVATE] {
        assert_eq!(due(&snapshot, user, now()), [], "u{user}");
    }
    assert_eq!(due(&snapshot, MINOR, now()), [("p0".to_owned(), None)], "nobody hurries her");
    for days in 0..800 {
        let later = due(&snapshot, 0, now().plus_days(f64::from(days)));
        assert!(later.iter().all(|(id, _)| id == "p0"), "a dress after {days} days");
        assert!(days < 20 || later.is_empty(), "still due after {days} days more");
    }
}

/// Ids and states of all pages of a list.
fn pages(snapshot: &Snapshot, user: usize, limit: usize) -> Vec<(Vec<String>, Option<Degraded>)> {
    let (mut pages, mut cursor) = (Vec::new(), None);
    loop {
        let answer = snapshot.repurchase(&format!("u{user}"), &Context { cursor, ..ask(limit) }).unwrap();
        pages.push((answer.items.into_iter().map(|item| item.product_id).collect(), answer.degraded));
        cursor = answer.next_cursor;
        if cursor.is_none() {
            return pages;
        }
    }
}

#[test]
fn what_stands_in_where_nothing_is_due_goes_on_over_pages() {
    let snapshot = world().engine().snapshot();
    let few = Some(Degraded::FewCandidates);
    let whole = pages(&snapshot, GIVER, 100);
    let [(all, state)] = whole.as_slice() else { panic!("{whole:?}") };
    assert_eq!((all.len(), *state), (6, few));
    let parts: Vec<_> = all.chunks(4).map(|ids| (ids.to_vec(), few)).collect();
    assert_eq!(pages(&snapshot, GIVER, 4), parts);
    assert_eq!(pages(&snapshot, 0, 1), [(vec!["p0".to_owned()], None)], "the end is the end of what is due");
}

#[test]
fn the_feed_has_what_is_due_and_not_what_was_bought_otherwise() {
    let snapshot = world().engine().snapshot();
    let food = |user: usize| {
        let items = snapshot.feed(&format!("u{user}"), &ask(6)).unwrap().items;
        assert!(items.iter().all(|item| item.product_id != "p1"), "u{user} has the dress");
        items.into_iter().find(|item| item.product_id == "p0")
    };
    let again = food(0).unwrap();
    assert!(again.source == Source::Repurchase && again.reasons.iter().any(|reason| when(reason).is_some()));
    assert!(food(LAPSED).is_none());
}

#[test]
fn a_purchase_begins_the_interval_anew_and_new_products_go_by_their_category() {
    let engine = world().engine();
    buys(&engine, 0, "p0");
    let tea = ProductRecord { category: Some("food/tea".into()), ..ProductRecord::new("tea") };
    engine.apply(Change::PutProduct(tea), now()).unwrap();
    buys(&engine, GIVER, "tea");
    let snapshot = engine.snapshot();
    let ids = |user: usize, days: f64| -> Vec<String> {
        due(&snapshot, user, now().plus_days(days)).into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!((ids(0, 0.1), ids(0, 10.0)), (vec![], vec!["p0".to_owned()]));
    assert_eq!((ids(GIVER, 0.1), ids(GIVER, 10.0)), (vec![], vec!["tea".to_owned()]));
}
