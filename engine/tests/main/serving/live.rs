//! Properties 8 and 9: what happens shows in the next answer.

use juntos_datasets::tables::{EventKind, FriendshipKind, PurchaseVisibility, TeamOutcome};
use juntos_engine::Engine;
use juntos_engine::cohorts::{Believed, Cohort, Home, LEAST_PEOPLE};
use juntos_engine::live::records::{EventRecord, FriendshipRecord, ProductRecord, TeamRecord, UserRecord};
use juntos_engine::live::{Applied, Change, ChangeFault};
use juntos_engine::reasons::{CountBucket, Reason};
use juntos_engine::request::{Degraded, Source};
use juntos_engine::serving_model::{Blend, FoldIn, Hold, Popular, ServingModel};

use super::world::{DIM, World, ask, now};

fn feed(engine: &Engine, user: &str) -> Vec<String> {
    let answer = engine.snapshot().feed(user, &ask(50)).unwrap();
    answer.items.into_iter().map(|item| item.product_id).collect()
}

fn apply(engine: &Engine, change: Change) {
    assert_eq!(engine.apply(change, now()), Ok(Applied::Done));
}

fn event(user: &str, product: &str, kind: EventKind) -> Change {
    Change::Event(EventRecord::new(user, product, kind))
}

#[test]
fn sold_out_hidden_and_deleted_products_vanish_and_come_back() {
    let engine = World::plain(2, 2, 8).engine();
    let plain = engine.snapshot().product("p3").unwrap();
    for gone in [
        Change::PutProduct(ProductRecord { stock: Some(0), ..plain.clone() }),
        Change::PutProduct(ProductRecord { hidden: true, ..plain.clone() }),
        Change::DeleteProduct("p3".into()),
    ] {
        apply(&engine, gone);
        assert!(!feed(&engine, "u0").contains(&"p3".to_owned()));
        apply(&engine, Change::PutProduct(plain.clone()));
        assert!(feed(&engine, "u0").contains(&"p3".to_owned()));
        assert_eq!(engine.snapshot().product("p3").unwrap(), plain);
    }
}

#[test]
fn a_new_product_is_found_next_to_its_neighbours() {
    let engine = World::plain(3, 2, 8).engine();
    apply(&engine, Change::PutProduct(ProductRecord::new("brand-new")));
    assert!(feed(&engine, "u0").contains(&"brand-new".to_owned()));
    assert!(feed(&engine, "nobody").contains(&"brand-new".to_owned()));
}

#[test]
fn a_purchase_leaves_the_feed_and_moves_the_taste() {
    let engine = World::plain(4, 2, 30).engine();
    let before = feed(&engine, "u0");
    let bought = before.last().unwrap().clone();
    apply(&engine, event("u0", &bought, EventKind::Purchase));
    let after = feed(&engine, "u0");
    assert!(!after.contains(&bought));
    assert_ne!(after, before[..before.len() - 1], "the order follows the new taste");
    apply(&engine, event("u0", &bought, EventKind::Return));
    assert!(!feed(&engine, "u0").contains(&bought), "what was sent back is not offered again");
    assert_eq!(feed(&engine, "u0"), before[..before.len() - 1], "a return takes its purchase back");
}

#[test]
fn an_event_counts_once() {
    let engine = World::plain(5, 2, 8).engine();
    let once = EventRecord { event_id: Some("e".into()), ..EventRecord::new("u0", "p1", EventKind::Like) };
    assert_eq!(engine.apply(Change::Event(once.clone()), now()), Ok(Applied::Done));
    let after = feed(&engine, "u0");
    assert_eq!(engine.apply(Change::Event(once), now()), Ok(Applied::Duplicate));
    assert_eq!(feed(&engine, "u0"), after);
}

#[test]
fn a_newcomer_is_known_by_her_friends_then_by_herself() {
    let world = World::plain(6, 3, 30);
    let engine = world.engine();
    apply(&engine, Change::PutUser(UserRecord::new("new")));
    assert_eq!(engine.snapshot().feed("new", &ask(5)).unwrap().degraded, Some(Degraded::NewUser));
    apply(&engine, Change::PutFriendship(FriendshipRecord::new("new", "u1")));
    assert_eq!(feed(&engine, "new"), feed(&engine, "u1"), "one friend's taste stands in");
    apply(&engine, event("new", "p7", EventKind::Like));
    assert_eq!(engine.snapshot().feed("new", &ask(5)).unwrap().degraded, None);
    apply(&engine, event("stranger", "p7", EventKind::Like));
    assert!(engine.snapshot().user("stranger").is_some());
}

#[test]
fn a_newcomer_is_like_others_who_live_where_she_does() {
    let mut world = World::plain(8, 3, 30);
    let vector = |user: usize| world.user_vectors[user * DIM..(user + 1) * DIM].to_vec();
    let cohort = |country: &str, user| Cohort {
        home: Home::new(country.parse().ok(), None),
        people: LEAST_PEOPLE,
        vector: vector(user),
    };
    world.cohorts = vec![cohort("ES", 1), cohort("IT", 2)];
    world.believed = Believed { beside_friends: 1.0, alone: true, in_fold: 1.0 };
    let engine = world.engine();
    let record = |country: Option<&str>, personalise| UserRecord {
        country: country.map(|code| code.parse().unwrap()),
        personalise,
        ..UserRecord::new("new")
    };
    let popular = feed(&engine, "nobody");
    for (country, personalise, expected) in [
        (Some("ES"), true, feed(&engine, "u1")),
        (Some("IT"), true, feed(&engine, "u2")),
        (Some("FR"), true, popular.clone()),
        (None, true, popular.clone()),
        (Some("ES"), false, popular.clone()),
    ] {
        apply(&engine, Change::PutUser(record(country, personalise)));
        assert_eq!(feed(&engine, "new"), expected, "{country:?} {personalise}");
        let degraded = if personalise { Degraded::NewUser } else { Degraded::NotPersonalised };
        assert_eq!(engine.snapshot().feed("new", &ask(5)).unwrap().degraded, Some(degraded));
        assert_eq!(engine.snapshot().taste_of("new").is_some(), expected != popular);
    }
    apply(&engine, Change::PutUser(record(Some("ES"), true)));
    apply(&engine, event("new", "p7", EventKind::View));
    let in_spain = engine.snapshot().taste_of("new").unwrap();
    apply(&engine, Change::PutUser(record(Some("IT"), true)));
    let in_italy = engine.snapshot().taste_of("new").unwrap();
    assert_ne!(in_spain, in_italy, "her events are folded into what her new country likes");
    apply(&engine, Change::PutUser(record(Some("ES"), true)));
    assert_eq!(engine.snapshot().taste_of("new").unwrap(), in_spain);
    world.believed.alone = false;
    let engine = world.engine();
    apply(&engine, Change::PutUser(record(Some("ES"), true)));
    assert_eq!(feed(&engine, "new"), popular, "what is popular ranks better, training found");
}

/// Issue 4: a newcomer without friends must not be shown worse than what is popular where she lives.
#[test]
fn what_is_popular_stands_beside_a_newcomers_first_event() {
    let mut world = World::plain(9, 12, 40);
    (6..12).for_each(|person| world.people[person].country = "IT");
    // Products 10 to 12 are popular in Spain, 20 to 22 in Italy; everybody there bought the first of them.
    for (product, buyers) in [(10, 0..6), (11, 0..5), (12, 0..4), (20, 6..12), (21, 6..11), (22, 6..10)] {
        world.bought.extend(buyers.map(|person| (person, product, 3, false)));
    }
    let unlike = |product: usize, sign: f32| {
        let turn = product as f32 / 40.0;
        [0.0, 0.0, sign * (1.0 + turn), turn]
    };
    for product in 0..40 {
        // The first ten are alike, all others unlike them.
        let vector = if product < 10 { [1.0 + product as f32 / 100.0, 0.0, 0.0, 0.0] } else { unlike(product, -1.0) };
        world.product_vectors[product * DIM..(product + 1) * DIM].copy_from_slice(&vector);
    }
    let shown = |popular: Popular, country: &str, id: &str, product: &str| {
        let blend = Blend { popular, ..Blend::default() };
        let engine = world.engine_with(&ServingModel { blend, ..ServingModel::default() });
        let record = UserRecord { country: country.parse().ok(), ..UserRecord::new(id) };
        apply(&engine, Change::PutUser(record));
        apply(&engine, event(id, product, EventKind::View));
        let answer = engine.snapshot().feed(id, &ask(8)).unwrap();
        answer.items.into_iter().map(|item| (item.product_id, item.source)).collect::<Vec<_>>()
    };
    let place = |list: &[(String, Source)], id: &str| list.iter().position(|(product, _)| product == id);
    let served = shown(Popular { alone: 2.0, beside_friends: 0.0 }, "ES", "new", "p3");
    assert!(place(&served, "p10").is_some_and(|place| place < 4), "popular in her country: {served:?}");
    assert!(place(&served, "p9").is_some_and(|place| place < 4), "like what she looked at: {served:?}");
    assert!(place(&served, "p20").is_none_or(|place| place > 3), "popular elsewhere only: {served:?}");
    let italian = shown(Popular { alone: 2.0, beside_friends: 0.0 }, "IT", "new", "p3");
    assert!(place(&italian, "p20").is_some_and(|place| place < 4), "{italian:?}");
    let taste = shown(Popular { alone: 0.0, beside_friends: 0.0 }, "ES", "new", "p3");
    assert!(taste.iter().all(|(_, source)| *source == Source::Taste), "{taste:?}");
    let known = shown(Popular { alone: 2.0, beside_friends: 2.0 }, "ES", "u0", "p3");
    assert!(known.iter().all(|(_, source)| *source == Source::Taste), "she has a vector of her own: {known:?}");
}

/// Somebody who stood in the data with friends and without a history has a vector that is made of theirs.
#[test]
fn a_vector_made_of_friends_is_held_like_friends() {
    let mut world = World::plain(10, 3, 30);
    world.ties = vec![(0, 1, FriendshipKind::Friend)];
    world.bought = vec![(1, 5, 3, false), (2, 6, 3, false)];
    // How alike a user's vectors are before and after an event.
    let kept = |user: &str, hold: Hold| {
        let fold = FoldIn { hold, ..FoldIn::default() };
        let engine = world.engine_with(&ServingModel { fold, ..ServingModel::default() });
        let before = engine.snapshot().taste_of(user).unwrap();
        apply(&engine, event(user, "p7", EventKind::Purchase));
        let after = engine.snapshot().taste_of(user).unwrap();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(&before, &after) / (dot(&before, &before) * dot(&after, &after)).sqrt()
    };
    let (own, friends) = (Hold { own: 100.0, ..Hold::default() }, Hold { friends: 100.0, ..Hold::default() });
    assert!(kept("u0", friends) > 0.99 && kept("u0", own) < 0.99, "{} {}", kept("u0", friends), kept("u0", own));
    for known in ["u1", "u2"] {
        assert!(kept(known, own) > 0.99 && kept(known, friends) < 0.99, "{known} has a history");
    }
}

#[test]
fn what_is_popular_fades_with_events() {
    let popular = Popular { alone: 1.0, beside_friends: 0.5 };
    let gains: Vec<f32> = (0..100).map(|events| popular.after(events, false)).collect();
    assert!(gains[0] == 1.0 && gains[8] == 0.5 && gains[99] == 0.0 && gains.is_sorted_by(|a, b| a >= b), "{gains:?}");
    assert_eq!((popular.after(0, true), popular.after(8, true)), (0.5, 0.25));
}

#[test]
fn three_consenting_friends_count_from_the_next_day_on() {
    let mut world = World::plain(7, 5, 10);
    world.ties = (1..5).map(|friend| (0, friend, FriendshipKind::Friend)).collect();
    world.people[4].visibility = PurchaseVisibility::Nobody;
    let engine = world.engine();
    let shown = |days: f64| {
        let context = juntos_engine::request::Context::new(now().plus_days(days), 10);
        let answer = engine.snapshot().feed("u0", &context).unwrap();
        let item = answer.items.into_iter().find(|item| item.product_id == "p5").unwrap();
        item.reasons.into_iter().find(|reason| matches!(reason, Reason::FriendsBought { .. }))
    };
    for friend in ["u1", "u2", "u4"] {
        apply(&engine, event(friend, "p5", EventKind::Purchase));
    }
    assert_eq!(shown(1.0), None, "only two of the three consent");
    apply(&engine, event("u3", "p5", EventKind::Purchase));
    assert_eq!(shown(0.0), None, "not on the same day");
    assert_eq!(shown(1.0), Some(Reason::FriendsBought { count: CountBucket::ThreePlus }));
    apply(&engine, Change::PutBlock { user_id: "u1".into(), blocked_id: "u0".into() });
    assert_eq!(shown(1.0), None, "a block takes effect at once");
    apply(&engine, Change::DeleteBlock { user_id: "u1".into(), blocked_id: "u0".into() });
    assert!(shown(1.0).is_some());
    apply(&engine, Change::DeleteFriendship { user_id: "u0".into(), friend_id: "u2".into() });
    assert_eq!(shown(1.0), None, "so does the end of a friendship");
}

fn team(min_size: u32) -> TeamRecord {
    TeamRecord {
        team_id: "t".into(),
        product_id: "p1".into(),
        initiator_id: "u1".into(),
        participant_ids: Vec::new(),
        min_size,
        opened_at: None,
        deadline: Some(now().plus_days(1.0)),
        outcome: TeamOutcome::Open,
        public: None,
    }
}

fn join(user: &str) -> Change {
    Change::JoinTeam { team_id: "t".into(), user_id: user.into() }
}

#[test]
fn a_team_fills_and_then_refuses() {
    let mut world = World::plain(8, 4, 10);
    world.ties = vec![(0, 1, FriendshipKind::Friend)];
    let engine = world.engine();
    assert_eq!(engine.apply(join("u0"), now()), Err(ChangeFault::UnknownTeam("t".into())));
    apply(&engine, Change::PutTeam(team(3)));
    let teams = engine.snapshot().group_teams("u0", &ask(5)).unwrap().items;
    assert_eq!((teams.len(), teams[0].seats_left, &teams[0].friends_inside[..]), (1, Some(2), &["u1".to_owned()][..]));
    assert!(engine.snapshot().group_teams("u3", &ask(5)).unwrap().items.is_empty(), "a stranger's team");
    apply(&engine, join("u0"));
    assert_eq!(
        engine.apply(join("u0"), now()),
        Err(ChangeFault::AlreadyInTeam { team_id: "t".into(), user_id: "u0".into() })
    );
    apply(&engine, join("u2"));
    assert_eq!(engine.snapshot().team("t").unwrap().outcome, TeamOutcome::Succeeded);
    assert_eq!(engine.apply(join("u3"), now()), Err(ChangeFault::TeamFull("t".into())));
    let left = engine.apply(Change::LeaveTeam { team_id: "t".into(), user_id: "u0".into() }, now());
    assert_eq!(left, Err(ChangeFault::TeamNotOpen { team_id: "t".into(), outcome: TeamOutcome::Succeeded }));
}

#[test]
fn a_team_expires_or_is_cancelled() {
    let engine = World::plain(9, 4, 10).engine();
    apply(&engine, Change::PutTeam(team(3)));
    let late = engine.apply(join("u0"), now().plus_days(2.0));
    let outcome = TeamOutcome::Expired;
    assert_eq!(late, Err(ChangeFault::TeamNotOpen { team_id: "t".into(), outcome }));
    apply(&engine, Change::PutTeam(team(3)));
    apply(&engine, Change::LeaveTeam { team_id: "t".into(), user_id: "u1".into() });
    assert_eq!(engine.snapshot().team("t").unwrap().outcome, TeamOutcome::Cancelled);
}

#[test]
fn nobody_joins_where_she_may_not() {
    let mut world = World::plain(10, 4, 10);
    world.goods[1].min_age = Some(18);
    world.people[2].birth_year = None;
    world.blocks = vec![(3, 1)];
    let engine = world.engine();
    apply(&engine, Change::PutTeam(team(3)));
    for user in ["u2", "u3"] {
        let refused = ChangeFault::NotAllowedInTeam { team_id: "t".into(), user_id: user.into() };
        assert_eq!(engine.apply(join(user), now()), Err(refused));
    }
}

#[test]
fn bad_records_are_refused_and_change_nothing() {
    let engine = World::plain(11, 2, 5).engine();
    let negative = ProductRecord { price_minor: Some(-1), ..ProductRecord::new("p1") };
    let weak = FriendshipRecord { strength: f32::NAN, ..FriendshipRecord::new("u0", "u1") };
    for change in [
        Change::PutProduct(negative),
        Change::PutFriendship(weak),
        Change::PutFriendship(FriendshipRecord::new("u0", "u0")),
        Change::PutUser(UserRecord::new("x".repeat(200))),
        Change::PutTeam(team(1)),
    ] {
        let fault = engine.apply(change, now()).unwrap_err();
        assert_eq!(fault.code(), "bad_record", "{fault}");
    }
    assert_eq!(
        engine.apply(event("u0", "nothing", EventKind::View), now()),
        Err(ChangeFault::UnknownProduct("nothing".into()))
    );
    assert!(engine.snapshot().friendships("u0").is_empty());
}
