//! What a curious person can work out by making a difference: she follows, befriends, blocks, names and asks again. Each test
//! is one attack that must tell nothing.

use juntos_datasets::tables::{EventKind, FriendshipKind, PurchaseVisibility, TeamOutcome};
use juntos_engine::Engine;
use juntos_engine::explanation::Explain;
use juntos_engine::live::Change;
use juntos_engine::live::records::{
    EventRecord, FriendshipRecord, InviteKind, InviteRecord, Opening, TeamRecord, TeamStep, TeamStepRecord, UserRecord,
};
use juntos_engine::reasons::Reason;
use juntos_engine::request::{Context, Filter};
use juntos_engine::serving_model::ServingModel;
use juntos_engine::together::model::{JOIN_FEATURES, JoinModel};

use super::world::{DIM, Deal, World, ask, now};

/// A world in which nobody has any tie, team or history; `u0` is new and has no taste.
fn strangers(people: usize, goods: usize) -> World {
    let mut world = World::plain(3, people, goods);
    world.ties.clear();
    world.blocks.clear();
    world.bought.clear();
    world.teams.clear();
    world.user_vectors[..DIM].fill(0.0);
    world
}

fn apply(engine: &Engine, change: Change) {
    engine.apply(change, now()).unwrap();
}

fn event(user_id: &str, product_id: &str, kind: EventKind) -> Change {
    Change::Event(EventRecord::new(user_id, product_id, kind))
}

fn tie(one: &str, other: &str, kind: FriendshipKind) -> Change {
    Change::PutFriendship(FriendshipRecord { kind, ..FriendshipRecord::new(one, other) })
}

fn team(id: &str, product_id: &str, members: &[&str], min_size: u32) -> Change {
    Change::PutTeam(TeamRecord {
        team_id: id.to_owned(),
        product_id: product_id.to_owned(),
        initiator_id: members[0].to_owned(),
        participant_ids: members[1..].iter().map(|&id| id.to_owned()).collect(),
        min_size,
        opened_at: Some(now()),
        deadline: Some(now().plus_days(2.0)),
        outcome: TeamOutcome::Open,
        public: None,
    })
}

fn deal(id: &str, product: usize, initiator: usize, public: Option<bool>) -> Deal {
    Deal { id: id.to_owned(), product, initiator, participants: Vec::new(), public }
}

fn open(world: &mut World, id: &str, product: usize, initiator: usize) {
    world.teams.push(deal(id, product, initiator, None));
}

#[test]
fn who_follows_a_stranger_does_not_get_her_taste() {
    let mut world = strangers(3, 20);
    world.people[1].visibility = PurchaseVisibility::Nobody;
    let taste = |engine: &Engine| engine.snapshot().taste_of("u0");
    let engine = world.engine();
    let alone = taste(&engine);
    apply(&engine, tie("u0", "u1", FriendshipKind::Follow));
    assert_eq!(taste(&engine), alone);
    apply(&engine, event("u0", "p3", EventKind::View));
    let followed = taste(&engine);
    let without = world.engine();
    apply(&without, event("u0", "p3", EventKind::View));
    assert_eq!(followed, taste(&without));
    // Followed back, they are friends.
    apply(&engine, tie("u1", "u0", FriendshipKind::Follow));
    assert_ne!(taste(&engine), followed);
    world.people[1].visibility = PurchaseVisibility::Everyone;
    let shown = world.engine();
    apply(&shown, tie("u0", "u1", FriendshipKind::Follow));
    assert_ne!(taste(&shown), alone, "who shows all that she buys may be followed");
    apply(&shown, event("u0", "p3", EventKind::View));
    assert_ne!(taste(&shown), taste(&without));
    let hidden = UserRecord { purchase_visibility: PurchaseVisibility::Friends, ..UserRecord::new("u1") };
    apply(&shown, Change::PutUser(hidden));
    assert_eq!(taste(&shown), taste(&without), "until she does no more");
}

#[test]
fn a_friendship_that_ends_and_a_block_take_the_taste_with_them() {
    let world = strangers(3, 20);
    let never = world.engine();
    apply(&never, event("u0", "p3", EventKind::View));
    let [user_id, friend_id] = ["u0", "u1"].map(str::to_owned);
    let ends = [
        Change::DeleteFriendship { user_id: user_id.clone(), friend_id: friend_id.clone() },
        Change::PutBlock { user_id: friend_id, blocked_id: user_id },
        Change::DeleteUser("u1".to_owned()),
    ];
    for end in ends {
        let engine = world.engine();
        apply(&engine, tie("u0", "u1", FriendshipKind::Friend));
        apply(&engine, event("u0", "p3", EventKind::View));
        assert_ne!(engine.snapshot().taste_of("u0"), never.snapshot().taste_of("u0"));
        apply(&engine, end.clone());
        assert_eq!(engine.snapshot().taste_of("u0"), never.snapshot().taste_of("u0"), "{end:?}");
    }
}

/// Three friends bought `p0`, two of them long ago and one behind dozens of others.
#[test]
fn what_a_friend_buys_secretly_or_today_takes_nothing_off_what_counts() {
    let mut world = strangers(4, 90);
    world.user_vectors[..DIM].fill(0.5);
    world.goods[80].sensitive = true;
    world.ties = (1..4).map(|friend| (0, friend, FriendshipKind::Friend)).collect();
    world.bought = (1..4).map(|friend| (friend, 0, 300, false)).collect();
    world.bought.extend((1..64).map(|product| (1, product, 200, false)));
    let named = Context {
        filter: Filter { product_ids: vec!["p0".to_owned()], ..Filter::default() },
        include_bought: true,
        ..ask(5)
    };
    let counts = |engine: &Engine, days: f64| {
        let context = Context { now: now().plus_days(days), ..named.clone() };
        let items = engine.snapshot().feed("u0", &context).unwrap().items;
        items[0].reasons.iter().any(|reason| matches!(reason, Reason::FriendsBought { .. }))
    };
    let engine = world.engine();
    assert!(counts(&engine, 0.0));
    for (product, kind) in [
        ("p70", EventKind::Gift),
        ("p5", EventKind::Gift),
        ("p80", EventKind::Purchase),
        ("p81", EventKind::Purchase),
        ("p6", EventKind::Purchase),
        ("p7", EventKind::Return),
    ] {
        apply(&engine, event("u1", product, kind));
        assert!(counts(&engine, 0.0), "{kind:?} of {product}");
    }
    let engine = world.engine();
    apply(&engine, event("u1", "p70", EventKind::Gift));
    apply(&engine, event("u1", "p80", EventKind::Purchase));
    assert!(counts(&engine, 1.0), "a secret is none of tomorrow's either");
}

#[test]
fn teams_that_friends_filled_with_others_do_not_move_their_place() {
    let mut world = strangers(6, 10);
    world.user_vectors[..DIM].fill(0.5);
    world.goods[9].sensitive = true;
    world.people.iter_mut().for_each(|person| person.visibility = PurchaseVisibility::Nobody);
    world.ties = vec![(0, 1, FriendshipKind::Friend), (0, 2, FriendshipKind::Friend)];
    for friend in [1, 2] {
        let mut world = world.clone();
        open(&mut world, "t1", 3, 1);
        open(&mut world, "t2", 3, 2);
        // Every fact weighs something.
        let join = JoinModel { intercept: -1.0, weights: [0.5; JOIN_FEATURES] };
        let engine = world.engine_with(&ServingModel { join, ..ServingModel::default() });
        let explain = Some(Explain { product_id: None });
        let list = || engine.snapshot().group_teams("u0", &Context { explain: explain.clone(), ..ask(10) }).unwrap();
        let before = list();
        assert_eq!(before.items.len(), 2);
        for (at, product) in ["p9", "p4", "p5"].into_iter().enumerate() {
            apply(&engine, team(&format!("secret{at}"), product, &[&format!("u{friend}"), "u3", "u4"], 3));
            assert_eq!(list(), before);
        }
    }
}

#[test]
fn naming_a_stranger_tells_nothing_of_her_friends() {
    let mut world = strangers(5, 10);
    world.user_vectors[..DIM].fill(0.5);
    world.people[1].visibility = PurchaseVisibility::Nobody;
    world.ties = vec![(0, 2, FriendshipKind::Friend)];
    let engine = world.engine();
    let ids = ["u0", "u1"].map(str::to_owned);
    let list = || engine.snapshot().group_products(&ids, false, &ask(10)).unwrap();
    let before = list();
    for friend in ["u2", "u3", "u4"] {
        apply(&engine, tie("u1", friend, FriendshipKind::Friend));
        assert_eq!(list(), before, "{friend}");
    }
    apply(&engine, team("secret", "p4", &["u1", "u3"], 2));
    assert_eq!(list(), before);
}

#[test]
fn joins_of_people_without_personalisation_count_for_nobody() {
    let mut world = strangers(4, 10);
    world.user_vectors[..DIM].fill(0.5);
    world.people[1].personalise = false;
    world.ties = (1..4).map(|friend| (0, friend, FriendshipKind::Friend)).collect();
    let engine = world.engine();
    let list = || engine.snapshot().group_friends("u0", "p2", &ask(10)).unwrap();
    let before = list();
    for at in 0..3 {
        apply(&engine, team(&format!("t{at}"), "p4", &["u0", "u1"], 2));
        assert_eq!(list(), before);
    }
}

/// Whatever people who show their purchases to nobody buy, give away, or buy of something sensitive, popular lists stay until the
/// next training.
#[test]
fn secret_purchases_move_no_popular_list() {
    let mut world = strangers(8, 10);
    world.people.iter_mut().for_each(|person| person.visibility = PurchaseVisibility::Nobody);
    world.goods[7].sensitive = true;
    let engine = world.engine();
    let lists = |days: f64| {
        let context = Context { now: now().plus_days(days), ..ask(10) };
        engine.snapshot().trending(None, &context).unwrap()
    };
    let before = [0.0, 1.0].map(lists);
    for person in 1..6 {
        apply(&engine, event(&format!("u{person}"), "p4", EventKind::Purchase));
        apply(&engine, event(&format!("u{person}"), "p5", EventKind::Gift));
        apply(&engine, event(&format!("u{person}"), "p7", EventKind::View));
        assert_eq!([0.0, 1.0].map(lists), before);
    }
    let shows = |id: &str, purchase_visibility| {
        Change::PutUser(UserRecord { purchase_visibility, birth_year: Some(1980), ..UserRecord::new(id) })
    };
    for person in ["a", "b", "c"] {
        apply(&engine, shows(person, PurchaseVisibility::Friends));
        apply(&engine, event(person, "p4", EventKind::Purchase));
    }
    assert_eq!(lists(0.0), before[0]);
    assert_ne!(lists(1.0), before[1], "three who show what they buy");
    apply(&engine, shows("b", PurchaseVisibility::Nobody));
    assert_eq!(lists(1.0), before[1], "who hides it takes it back at once");
}

#[test]
fn minors_are_not_hurried_by_the_order() {
    let mut world = strangers(8, 4);
    world.people[0].birth_year = Some(2013);
    world.people.iter_mut().for_each(|person| person.visibility = PurchaseVisibility::Everyone);
    let engine = world.engine();
    for (at, id) in ["d", "c", "b", "a"].into_iter().enumerate() {
        apply(&engine, team(id, "p1", &[&format!("u{}", at + 1)], 5));
    }
    let order = || -> Vec<String> {
        let teams = engine.snapshot().group_teams("u0", &ask(10)).unwrap().items;
        teams.into_iter().map(|team| team.team_id).collect()
    };
    let before = order();
    assert_eq!(before, ["a", "b", "c", "d"]);
    apply(&engine, Change::JoinTeam { team_id: "d".to_owned(), user_id: "u6".to_owned() });
    apply(&engine, Change::JoinTeam { team_id: "d".to_owned(), user_id: "u7".to_owned() });
    assert_eq!(order(), before);
}

#[test]
fn everybody_who_is_named_counts_also_where_friends_come_in() {
    let mut world = strangers(70, 6);
    world.user_vectors.fill(0.5);
    world.ties = (1..70).map(|friend| (0, friend, FriendshipKind::Friend)).collect();
    let ids: Vec<String> = [0].into_iter().chain(20..69).map(|at| format!("u{at}")).collect();
    assert_eq!(ids.len(), 50);
    let engine = world.engine();
    apply(&engine, event("u68", "p2", EventKind::Dislike));
    for with_friends in [false, true] {
        let items = engine.snapshot().group_products(&ids, with_friends, &ask(6)).unwrap().items;
        assert!(items.iter().all(|item| item.product.product_id != "p2"), "with_friends: {with_friends}");
    }
}

#[test]
fn to_block_somebody_does_not_tell_what_she_is_in() {
    let mut world = strangers(6, 10);
    world.user_vectors.fill(0.5);
    world.people[1].visibility = PurchaseVisibility::Everyone;
    world.people[2].visibility = PurchaseVisibility::Nobody;
    let engine = world.engine();
    apply(&engine, team("t", "p3", &["u1", "u2"], 4));
    let list = || engine.snapshot().group_teams("u0", &ask(10)).unwrap();
    let before = list();
    assert_eq!(before.items.len(), 1);
    let block = |user_id: &str, blocked_id: &str| Change::PutBlock {
        user_id: user_id.to_owned(),
        blocked_id: blocked_id.to_owned(),
    };
    for blocked in ["u2", "u3"] {
        apply(&engine, block("u0", blocked));
        assert_eq!(list(), before, "{blocked}");
    }
    let join = || engine.apply(Change::JoinTeam { team_id: "t".to_owned(), user_id: "u0".to_owned() }, now());
    assert!(join().is_ok());
    apply(&engine, Change::LeaveTeam { team_id: "t".to_owned(), user_id: "u0".to_owned() });
    // Who is blocked by a member is kept out, and so is who blocks the initiator.
    apply(&engine, block("u2", "u4"));
    apply(&engine, block("u5", "u1"));
    for out in ["u4", "u5"] {
        assert!(engine.snapshot().group_teams(out, &ask(10)).unwrap().items.is_empty(), "{out}");
    }
}

#[test]
fn teams_that_nobody_else_may_see_hide_none_that_all_may() {
    let mut world = strangers(4, 3);
    world.people[2].visibility = PurchaseVisibility::Nobody;
    world.people[3].visibility = PurchaseVisibility::Nobody;
    let engine = world.engine();
    for at in 0..2_300 {
        let hidden = TeamRecord {
            team_id: format!("hidden{at}"),
            product_id: "p1".to_owned(),
            initiator_id: "u2".to_owned(),
            participant_ids: Vec::new(),
            min_size: 3,
            opened_at: Some(now()),
            deadline: Some(now().plus_days(0.5)),
            outcome: TeamOutcome::Open,
            public: None,
        };
        apply(&engine, Change::PutTeam(hidden));
    }
    apply(&engine, team("t", "p1", &["u3"], 3));
    let list = |user: &str| engine.snapshot().group_teams(user, &ask(10)).unwrap().items;
    let shows = |id: &str, purchase_visibility| {
        Change::PutUser(UserRecord { purchase_visibility, birth_year: Some(1980), ..UserRecord::new(id) })
    };
    assert!(list("u0").is_empty());
    apply(&engine, shows("u3", PurchaseVisibility::Everyone));
    for viewer in ["u0", "nobody-knows"] {
        assert_eq!(list(viewer).iter().map(|team| &team.team_id).collect::<Vec<_>>(), ["t"]);
    }
    apply(&engine, shows("u3", PurchaseVisibility::Friends));
    assert!(list("u0").is_empty());
}

/// What an initiator says of one team is so whatever she shows of her purchases, before, then and after.
#[test]
fn a_team_is_shown_to_strangers_as_its_initiator_says() {
    let shows = |purchase_visibility| {
        Change::PutUser(UserRecord { purchase_visibility, birth_year: Some(1980), ..UserRecord::new("u1") })
    };
    let every = [PurchaseVisibility::Everyone, PurchaseVisibility::Friends, PurchaseVisibility::Nobody];
    let says = [("public", Some(true)), ("private", Some(false)), ("silent", None)];
    for (first, then) in every.into_iter().flat_map(|first| every.map(|then| (first, then))) {
        let mut world = strangers(3, 3);
        world.people[1].visibility = first;
        world.ties = vec![(1, 2, FriendshipKind::Friend)];
        world.teams = says.map(|(id, public)| deal(&format!("stored-{id}"), 2, 1, public)).into();
        let engine = world.engine();
        for (id, public) in says {
            let team_id = format!("put-{id}");
            let Change::PutTeam(record) = team(&team_id, "p1", &["u1"], 3) else { unreachable!() };
            apply(&engine, Change::PutTeam(TeamRecord { public, ..record }));
            let step = TeamStep::Opened(Opening { min_size: Some(3), public, ..Opening::of("p1") });
            let (team_id, user_id) = (format!("told-{id}"), "u1".to_owned());
            apply(&engine, Change::TeamStep(TeamStepRecord { team_id, user_id, step, ts: None, event_id: None }));
        }
        let list = |user: &str| {
            let items = engine.snapshot().group_teams(user, &ask(20)).unwrap().items;
            assert!(items.iter().all(|team| user == "u2" || team.friends_inside.is_empty()));
            let mut ids: Vec<String> = items.into_iter().map(|team| team.team_id).collect();
            ids.sort_unstable();
            ids
        };
        let each = |ids: &[&str]| -> Vec<String> {
            let of = |how: &str| ids.iter().map(|id| format!("{how}-{id}")).collect::<Vec<_>>();
            ["put", "stored", "told"].iter().flat_map(|how| of(how)).collect()
        };
        for shown in [first, then] {
            apply(&engine, shows(shown));
            let open: &[&str] = if shown == PurchaseVisibility::Everyone { &["public", "silent"] } else { &["public"] };
            let open = each(open);
            assert_eq!(list("u0"), open, "{first:?}, then {shown:?}");
            assert_eq!(list("nobody-knows"), open, "{first:?}, then {shown:?}");
            assert_eq!(list("u2").len(), 9, "a friend sees all of them");
        }
    }
}

#[test]
fn what_a_friend_made_of_others_invitations_is_not_to_be_seen() {
    let mut world = strangers(4, 10);
    world.user_vectors.fill(0.5);
    world.people[1].visibility = PurchaseVisibility::Nobody;
    world.ties = vec![(0, 1, FriendshipKind::Friend), (1, 2, FriendshipKind::Friend)];
    let engine = world.engine();
    let invite = |initiator_id: &str, product_id: &str, kind| {
        Change::Invite(InviteRecord {
            user_id: "u1".to_owned(),
            initiator_id: initiator_id.to_owned(),
            product_id: product_id.to_owned(),
            kind,
            ts: None,
            event_id: None,
        })
    };
    let chance = || {
        let friends = engine.snapshot().group_friends("u0", "p2", &ask(10)).unwrap().items;
        friends.iter().find(|friend| friend.user_id == "u1").unwrap().join_probability
    };
    apply(&engine, invite("u2", "p5", InviteKind::Sent));
    apply(&engine, invite("u0", "p6", InviteKind::Sent));
    let before = chance();
    for answer in [InviteKind::Opened, InviteKind::Declined, InviteKind::Joined] {
        apply(&engine, invite("u2", "p5", answer));
        assert_eq!(chance(), before, "{answer:?}");
    }
    apply(&engine, team("of-u2", "p5", &["u2", "u1"], 2));
    assert_eq!(chance(), before);
    apply(&engine, invite("u0", "p6", InviteKind::Joined));
    assert!(chance() > before, "what she made of one's own invitation counts");
}
