//! Properties 5 to 7: pages, fallbacks, the taste order.

use std::collections::HashSet;

use juntos_datasets::tables::EventKind;
use juntos_engine::live::Change;
use juntos_engine::live::records::EventRecord;
use juntos_engine::request::{Context, Degraded, RequestFault};
use proptest::prelude::*;

use super::world::{DIM, World, ask, now};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pages_never_repeat_and_end(seed: u64, limit in 1usize..6) {
        let world = World::random(seed);
        let engine = world.engine();
        let person = &world.people[0].id;
        let mut seen = HashSet::new();
        let mut context = ask(limit);
        loop {
            let answer = engine.snapshot().feed(person, &context).unwrap();
            for item in &answer.items {
                prop_assert!(seen.insert(item.product_id.clone()), "{} came twice", item.product_id);
            }
            let product = &world.goods[seen.len() % world.goods.len()].id;
            let event = EventRecord::new("u1", product, EventKind::Purchase);
            engine.apply(Change::Event(event), now()).unwrap();
            let event = EventRecord::new(person, product, EventKind::View);
            engine.apply(Change::Event(event), now()).unwrap();
            match answer.next_cursor {
                Some(cursor) => context = Context { cursor: Some(cursor), ..ask(limit) },
                None => break,
            }
        }
        for (at, good) in world.goods.iter().enumerate() {
            let wanted = world.may_see(0, at) && !(world.people[0].personalise && world.has_bought(0, at));
            prop_assert_eq!(seen.contains(&good.id), wanted, "{}", good.id);
        }
    }

    #[test]
    fn a_list_is_never_empty_where_something_allowed_exists(seed: u64) {
        let world = World::random(seed);
        let snapshot = world.engine().snapshot();
        for (viewer, person) in world.people.iter().enumerate() {
            let fits = |at: usize| world.may_see(viewer, at) && !(person.personalise && world.has_bought(viewer, at));
            let exists = (0..world.goods.len()).any(fits);
            let feed = snapshot.feed(&person.id, &ask(3)).unwrap();
            prop_assert_eq!(feed.items.is_empty(), !exists);
            prop_assert_eq!(feed.degraded == Some(Degraded::NothingAllowed), !exists);
            let any = (0..world.goods.len()).any(|at| world.may_see(viewer, at));
            prop_assert_eq!(snapshot.trending(Some(&person.id), &ask(3)).unwrap().items.is_empty(), !any);
            prop_assert_eq!(snapshot.repurchase(&person.id, &ask(3)).unwrap().items.is_empty(), !any);
        }
    }

    #[test]
    fn plain_data_is_served_in_exact_taste_order(seed: u64) {
        let world = World::plain(seed, 3, 60);
        let snapshot = world.engine().snapshot();
        let user = snapshot.bundle().user_vector(juntos_datasets::UserRow(0));
        let score = |at: usize| -> f32 {
            user.iter().zip(&world.product_vectors[at * DIM..]).map(|(a, b)| a * b).sum()
        };
        let mut expected: Vec<usize> = (0..60).collect();
        expected.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        let feed = snapshot.feed("u0", &ask(20)).unwrap();
        let rows: Vec<usize> = feed.items.iter().map(|item| world.good(&item.product_id)).collect();
        prop_assert_eq!(&rows[..], &expected[..20]);
        prop_assert_eq!(feed.degraded, None);
    }

    #[test]
    fn the_same_question_has_the_same_answer(seed: u64) {
        let world = World::random(seed);
        let (one, other) = (world.engine().snapshot(), world.engine().snapshot());
        for person in &world.people {
            prop_assert_eq!(one.feed(&person.id, &ask(10)), other.feed(&person.id, &ask(10)));
            let ids = [person.id.clone()];
            prop_assert_eq!(one.group_products(&ids, true, &ask(10)), other.group_products(&ids, true, &ask(10)));
        }
    }
}

#[test]
fn unknown_ids_are_missing_not_errors() {
    let world = World::plain(1, 2, 10);
    let snapshot = world.engine().snapshot();
    let feed = snapshot.feed("nobody", &ask(3)).unwrap();
    assert_eq!(
        (feed.missing, feed.degraded, feed.items.len()),
        (vec!["nobody".into()], Some(Degraded::UnknownUser), 3)
    );
    let similar = snapshot.similar(&["nothing".into()], None, &ask(3)).unwrap();
    assert_eq!((similar.missing, similar.items.len()), (vec!["nothing".into()], 3));
    let group = snapshot.group_products(&["u0".into(), "nobody".into()], false, &ask(3)).unwrap();
    assert_eq!((group.missing, group.items.len()), (vec!["nobody".into()], 3));
    let friends = snapshot.group_friends("u0", "nothing", &ask(3)).unwrap();
    assert_eq!((friends.missing, friends.items.len()), (vec!["nothing".into()], 0));
}

#[test]
fn wrong_questions_are_told_what_is_wrong() {
    let snapshot = World::plain(1, 2, 10).engine().snapshot();
    let fault = |context: Context| snapshot.feed("u0", &context).unwrap_err();
    assert_eq!(fault(ask(0)), RequestFault::BadLimit { got: 0 });
    assert_eq!(fault(ask(101)), RequestFault::BadLimit { got: 101 });
    assert_eq!(fault(Context { cursor: Some("nonsense".into()), ..ask(3) }), RequestFault::BadCursor);
    let too_many = vec!["u1".to_owned(); 51];
    let fault = snapshot.group_products(&too_many, false, &ask(3)).unwrap_err();
    assert_eq!(fault, RequestFault::TooMany { field: "user_ids", got: 51, most: 50 });
    assert_eq!(snapshot.similar(&[], None, &ask(3)).unwrap_err(), RequestFault::NoIds { field: "product_ids" });
}
