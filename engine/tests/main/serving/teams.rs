//! Properties 11 and 12: teams live by the time of what happened, and nobody is asked too often. Pages of open teams follow
//! one another as if there were but one, and no product takes more than its share of one where there are others.

use std::collections::BTreeMap;

use juntos_datasets::tables::{EventKind, FriendshipKind, PurchaseVisibility, TeamOutcome};
use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::explanation::{Explain, Rule};
use juntos_engine::live::records::{
    EventRecord, InviteKind, InviteRecord, Opening, ProductRecord, TeamRecord, TeamStep, TeamStepRecord, UserRecord,
};
use juntos_engine::live::{Applied, Change, ChangeFault};
use juntos_engine::request::{Answer, Context, TeamItem};
use juntos_engine::rules::{Caps, Rules};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::world::{World, now};

const PEOPLE: usize = 6;

fn step(user: usize, minute: i64, step: TeamStep) -> TeamStepRecord {
    let ts = Some(Timestamp::from_millis(now().millis() + minute * 60_000));
    TeamStepRecord { team_id: "t".into(), user_id: format!("u{user}"), step, ts, event_id: None }
}

fn opened(min_size: u32, deadline: Timestamp) -> TeamStepRecord {
    let (product_id, min_size, deadline) = ("p1".to_owned(), Some(min_size), Some(deadline));
    step(0, 0, TeamStep::Opened(Opening { min_size, deadline, ..Opening::of(product_id) }))
}

/// A valid history from choices of people: one who is inside leaves, any other joins; with its participants and outcome.
fn history(choices: &[usize], min_size: u32) -> (Vec<TeamStepRecord>, Vec<String>, TeamOutcome) {
    let mut steps = vec![opened(min_size, now().plus_days(9.0))];
    let (mut inside, mut outcome) = (Vec::new(), TeamOutcome::Open);
    for (minute, &user) in (1..).zip(choices) {
        if outcome != TeamOutcome::Open {
            break;
        }
        let (id, left) = (format!("u{user}"), inside.len());
        if user == 0 {
            steps.push(step(0, minute, if minute % 2 == 0 { TeamStep::Cancelled } else { TeamStep::Left }));
            outcome = TeamOutcome::Cancelled;
            continue;
        }
        inside.retain(|member| *member != id);
        if inside.len() < left {
            steps.push(step(user, minute, TeamStep::Left));
        } else {
            steps.push(step(user, minute, TeamStep::Joined));
            inside.push(id);
            if inside.len() + 1 == min_size as usize {
                outcome = TeamOutcome::Succeeded;
            }
        }
    }
    (steps, inside, outcome)
}

fn report(engine: &Engine, record: TeamStepRecord) -> Result<Applied, ChangeFault> {
    engine.apply(Change::TeamStep(record), now().plus_days(1.0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_order_and_any_repeats_of_a_history_give_one_state(
        choices in proptest::collection::vec(0..PEOPLE * 4, 0..14),
        min_size in 2u32..5,
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 0..30),
    ) {
        // The initiator ends it seldom enough for the others to come and go.
        let choices: Vec<usize> = choices.into_iter().map(|one| if one == 0 { 0 } else { 1 + one % (PEOPLE - 1) }).collect();
        let (steps, inside, outcome) = history(&choices, min_size);
        let engine = World::plain(1, PEOPLE, 4).engine();
        let again = order.iter().map(|index| steps[index.index(steps.len())].clone());
        let mut reports: Vec<TeamStepRecord> = again.chain(steps.iter().cloned()).collect();
        for (at, index) in order.iter().enumerate() {
            let (len, at) = (reports.len(), at % reports.len());
            reports.swap(at, index.index(len));
        }
        for record in reports {
            prop_assert!(report(&engine, record).is_ok(), "no step of a valid history is refused");
        }
        let team = engine.snapshot().team("t").unwrap();
        prop_assert_eq!((team.participant_ids, team.outcome), (inside, outcome));
    }
}

#[test]
fn what_nothing_can_mend_is_refused_and_what_may_fit_waits() {
    let engine = World::plain(2, PEOPLE, 4).engine();
    assert_eq!(report(&engine, step(1, 3, TeamStep::Left)), Ok(Applied::Waiting), "of a team that nobody opened yet");
    assert_eq!(report(&engine, opened(3, now().plus_days(0.5))), Ok(Applied::Done));
    assert_eq!(report(&engine, opened(3, now().plus_days(0.5))), Ok(Applied::Duplicate));
    let late = step(1, 24 * 60 - 1, TeamStep::Joined);
    let ended = |outcome| Err(ChangeFault::TeamNotOpen { team_id: "t".into(), outcome });
    assert_eq!(report(&engine, late), ended(TeamOutcome::Expired));
    assert_eq!(report(&engine, step(1, -1, TeamStep::Joined)).unwrap_err().code(), "bad_record");
    assert_eq!(report(&engine, step(1, 9, TeamStep::Cancelled)).unwrap_err().code(), "bad_record");
    assert_eq!(report(&engine, step(0, 9, TeamStep::Joined)).unwrap_err().code(), "already_in_team");
    assert_eq!(engine.snapshot().team("t").unwrap().outcome, TeamOutcome::Expired, "the deadline passed by then");
    for (user, minute) in [(1, 2), (2, 4), (3, 5)] {
        assert!(report(&engine, step(user, minute, TeamStep::Joined)).is_ok());
    }
    let team = engine.snapshot().team("t").unwrap();
    assert_eq!((&team.participant_ids[..], team.outcome), (&["u2".into(), "u3".into()][..], TeamOutcome::Succeeded));
    assert_eq!(report(&engine, step(0, 1, TeamStep::Cancelled)), Ok(Applied::Done), "she had called it off before");
    assert_eq!(report(&engine, step(4, 6, TeamStep::Joined)), ended(TeamOutcome::Cancelled));
    assert!(engine.snapshot().team("t").unwrap().participant_ids.is_empty());
}

/// Who joined first may have left before the last seat was taken; of one seat, or a team put full, nothing can come to light.
#[test]
fn a_full_team_refuses_where_nobody_can_have_left_before() {
    let full = || Err(ChangeFault::TeamFull("t".into()));
    let engine = World::plain(10, PEOPLE, 4).engine();
    report(&engine, opened(2, now().plus_days(9.0))).unwrap();
    assert_eq!(report(&engine, step(1, 5, TeamStep::Joined)), Ok(Applied::Done));
    assert_eq!(report(&engine, step(2, 6, TeamStep::Joined)), full());
    assert_eq!(report(&engine, step(1, 6, TeamStep::Joined)).unwrap_err().code(), "already_in_team");
    assert_eq!(report(&engine, step(1, 6, TeamStep::Left)).unwrap_err().code(), "team_not_open");
    assert_eq!(report(&engine, step(0, 6, TeamStep::Cancelled)).unwrap_err().code(), "team_not_open");
    assert_eq!(report(&engine, step(1, 5, TeamStep::Joined)), Ok(Applied::Duplicate));
    assert_eq!(report(&engine, step(3, 4, TeamStep::Joined)), Ok(Applied::Done), "she was first");
    assert_eq!(engine.snapshot().team("t").unwrap().participant_ids, ["u3"]);

    let engine = World::plain(10, PEOPLE, 4).engine();
    report(&engine, opened(3, now().plus_days(9.0))).unwrap();
    for user in [1, 2] {
        assert_eq!(report(&engine, step(user, user as i64, TeamStep::Joined)), Ok(Applied::Done));
    }
    assert_eq!(report(&engine, step(3, 6, TeamStep::Joined)), Ok(Applied::Waiting));
    assert_eq!(report(&engine, step(1, 1, TeamStep::Left)), Ok(Applied::Done));
    assert_eq!(engine.snapshot().team("t").unwrap().participant_ids, ["u2", "u3"]);

    let put = TeamRecord {
        team_id: "t".into(),
        product_id: "p1".into(),
        initiator_id: "u0".into(),
        participant_ids: vec!["u1".into(), "u2".into()],
        min_size: 3,
        opened_at: Some(now()),
        deadline: None,
        outcome: TeamOutcome::Open,
        public: None,
    };
    engine.apply(Change::PutTeam(put), now()).unwrap();
    assert_eq!(report(&engine, step(3, 6, TeamStep::Joined)), full());
    assert_eq!(report(&engine, step(1, 6, TeamStep::Left)).unwrap_err().code(), "team_not_open");
}

/// Where nobody said when, the order of arrival voids nothing: a join that came before the opening counts from there on.
#[test]
fn a_step_without_a_time_is_never_before_the_opening() {
    let undated = |record: TeamStepRecord| TeamStepRecord { ts: None, ..record };
    let dated = opened(4, now().plus_days(9.0));
    let later = step(0, 24 * 60 + 10, dated.step.clone());
    for opening in [undated(dated.clone()), dated, later] {
        let engine = World::plain(9, PEOPLE, 4).engine();
        let mut days = 1.0;
        let mut report = |record: TeamStepRecord| {
            days += 1e-3;
            engine.apply(Change::TeamStep(record), now().plus_days(days))
        };
        assert_eq!(report(undated(step(1, 0, TeamStep::Joined))), Ok(Applied::Waiting));
        assert_eq!(report(undated(step(2, 0, TeamStep::Joined))), Ok(Applied::Waiting));
        assert_eq!(report(undated(step(1, 0, TeamStep::Left))), Ok(Applied::Waiting));
        assert_eq!(report(opening.clone()), Ok(Applied::Done));
        assert_eq!(report(undated(step(3, 0, TeamStep::Joined))), Ok(Applied::Done), "{opening:?}");
        let by_route = Change::JoinTeam { team_id: "t".into(), user_id: "u4".into() };
        assert_eq!(engine.apply(by_route, now().plus_days(1.006)), Ok(Applied::Done), "{opening:?}");
        let team = engine.snapshot().team("t").unwrap();
        assert_eq!(
            (&team.participant_ids[..], team.outcome),
            (&["u2", "u3", "u4"].map(String::from)[..], TeamOutcome::Succeeded)
        );
    }
    let engine = World::plain(9, PEOPLE, 4).engine();
    let over = engine.apply(Change::TeamStep(undated(opened(2, now()))), now().plus_days(1.0)).unwrap_err();
    assert_eq!(over.to_string(), "`deadline` is before the team was opened");
}

/// Who sends a batch, or dates to the second, tells of several steps at one moment: they come in the order of the reports.
#[test]
fn steps_at_the_same_moment_come_as_they_are_reported() {
    let at_once = |user, what| TeamStepRecord { ts: None, ..step(user, 0, what) };
    let dated = |user, what| step(user, 24 * 60, what);
    for moment in [&at_once as &dyn Fn(usize, TeamStep) -> TeamStepRecord, &dated] {
        let engine = World::plain(3, PEOPLE, 4).engine();
        let mut reports = 0;
        let mut report = |user: usize, what: TeamStep| {
            reports += 1;
            report(&engine, TeamStepRecord { event_id: Some(format!("e{reports}")), ..moment(user, what) })
        };
        let opening = opened(3, now().plus_days(9.0)).step;
        assert_eq!(report(5, TeamStep::Joined), Ok(Applied::Waiting));
        assert_eq!(report(5, TeamStep::Left), Ok(Applied::Waiting));
        assert_eq!(report(0, opening), Ok(Applied::Done));
        assert_eq!(report(1, TeamStep::Joined), Ok(Applied::Done));
        assert_eq!(report(1, TeamStep::Left), Ok(Applied::Done));
        assert_eq!(report(2, TeamStep::Joined), Ok(Applied::Done));
        let team = engine.snapshot().team("t").unwrap();
        assert_eq!((&team.participant_ids[..], team.outcome), (&["u2".to_owned()][..], TeamOutcome::Open));
        assert_eq!(report(2, TeamStep::Joined), Ok(Applied::Duplicate));
        assert_eq!(report(2, TeamStep::Left), Ok(Applied::Done));
        assert_eq!(report(2, TeamStep::Joined), Ok(Applied::Done), "she came back");
        assert_eq!(report(1, TeamStep::Joined), Ok(Applied::Done));
        let team = engine.snapshot().team("t").unwrap();
        assert_eq!((&team.participant_ids.join(" ")[..], team.outcome), ("u2 u1", TeamOutcome::Succeeded));
    }
}

/// A product that gets an age limit, or a member another year of birth: who is too young then leaves; nobody joins for what
/// is no longer sold, whose limit is gone.
#[test]
fn nobody_gets_what_she_is_too_young_for_through_a_team() {
    let join = |user: &str| Change::JoinTeam { team_id: "t".into(), user_id: user.into() };
    let born = |year: i32| Change::PutUser(UserRecord { birth_year: Some(year), ..UserRecord::new("u1") });
    let limit = |min_age: Option<u32>| Change::PutProduct(ProductRecord { min_age, ..ProductRecord::new("p1") });
    let turns = [vec![born(2015), join("u1"), limit(Some(18))], vec![limit(Some(18)), join("u1"), born(2015)]];
    for turn in turns {
        let engine = World::plain(4, PEOPLE, 4).engine();
        report(&engine, opened(3, now().plus_days(9.0))).unwrap();
        for change in turn {
            assert_eq!(engine.apply(change, now().plus_days(1.0)), Ok(Applied::Done));
        }
        assert!(engine.snapshot().team("t").unwrap().participant_ids.is_empty());
        assert_eq!(engine.apply(join("u1"), now().plus_days(1.0)).unwrap_err().code(), "not_allowed_in_team");
        assert_eq!(engine.apply(join("u2"), now().plus_days(1.0)), Ok(Applied::Done));
        let deleted = Change::DeleteProduct("p1".into());
        assert_eq!(engine.apply(deleted, now().plus_days(1.0)), Ok(Applied::Done));
        for user in ["u1", "u3"] {
            assert_eq!(engine.apply(join(user), now().plus_days(1.0)).unwrap_err().code(), "unknown_product");
        }
        assert_eq!(report(&engine, step(3, 5, TeamStep::Joined)).unwrap_err().code(), "unknown_product");
        assert_eq!(engine.snapshot().team("t").unwrap().outcome, TeamOutcome::Open);
        engine.apply(limit(Some(90)), now().plus_days(1.0)).unwrap();
        assert_eq!(engine.snapshot().team("t").unwrap().outcome, TeamOutcome::Cancelled, "its initiator left it, too");
    }
}

/// A queue that was held up tells of somebody who is gone: she does not come back, and who comes after her is somebody else.
#[test]
fn what_was_done_before_a_deletion_brings_nobody_back() {
    let engine = World::plain(5, PEOPLE, 4).engine();
    report(&engine, opened(4, now().plus_days(9.0))).unwrap();
    engine.apply(Change::DeleteUser("u1".into()), now().plus_days(0.5)).unwrap();
    let bought = |days: f64| {
        let ts = Some(now().plus_days(days));
        Change::Event(EventRecord { ts, ..EventRecord::new("u1", "p2", EventKind::Purchase) })
    };
    let late = engine.apply(bought(0.4), now().plus_days(1.0)).unwrap_err();
    assert!(late.to_string().starts_with("`ts` is before the user of this id was deleted"), "{late}");
    assert_eq!(report(&engine, step(1, 5, TeamStep::Joined)).unwrap_err().code(), "bad_record");
    assert!(engine.snapshot().user("u1").is_none());
    assert_eq!(engine.apply(bought(0.6), now().plus_days(1.0)), Ok(Applied::Done));
    assert_eq!(engine.apply(bought(0.3), now().plus_days(1.0)).unwrap_err().code(), "bad_record");
    assert!(engine.snapshot().user("u1").is_some());
}

fn invite(initiator: usize, product: usize, kind: InviteKind) -> Change {
    Change::Invite(InviteRecord {
        user_id: "u1".into(),
        initiator_id: format!("u{initiator}"),
        product_id: format!("p{product}"),
        kind,
        ts: None,
        event_id: None,
    })
}

/// Everybody is everybody's friend.
fn circle(seed: u64) -> Engine {
    let mut world = World::plain(seed, PEOPLE, 4);
    let pairs = (0..PEOPLE).flat_map(|one| (one + 1..PEOPLE).map(move |other| (one, other)));
    world.ties = pairs.map(|(one, other)| (one, other, FriendshipKind::Friend)).collect();
    world.engine()
}

/// The chance that `u1` joins `u0` on a product, if she is suggested.
fn chance(engine: &Engine, product: &str, days: f64) -> Option<f32> {
    let context = Context::new(now().plus_days(days), 10);
    let items = engine.snapshot().group_friends("u0", product, &context).unwrap().items;
    assert!(items.iter().any(|item| item.user_id == "u2"), "nobody asked her anything");
    items.into_iter().find(|item| item.user_id == "u1").map(|item| item.join_probability)
}

#[test]
fn nobody_is_suggested_too_often_by_all_together() {
    let engine = circle(3);
    let fresh = chance(&engine, "p0", 0.0).unwrap();
    for initiator in 2..5 {
        assert!(chance(&engine, "p0", 0.0).unwrap() <= fresh);
        engine.apply(invite(initiator, 0, InviteKind::Suggested), now()).unwrap();
        engine.apply(invite(initiator, 0, InviteKind::Sent), now()).unwrap();
    }
    assert_eq!(chance(&engine, "p0", 0.0), None, "three others have her this week");
    let rested = chance(&engine, "p0", 7.5).unwrap();
    assert!(rested < fresh, "three invitations without an answer have tired her");
    assert_eq!(chance(&engine, "p0", 40.0), Some(fresh), "that passes");
}

/// There is an answer only where an invitation was, or may be reported yet; and to one that was, whatever happened since.
#[test]
fn nobody_answers_an_invitation_that_cannot_have_been() {
    let mut world = World::plain(7, PEOPLE, 4);
    world.ties = vec![(0, 1, FriendshipKind::Friend), (2, 1, FriendshipKind::Follow)];
    let engine = world.engine();
    let answers = [InviteKind::Opened, InviteKind::Joined, InviteKind::Declined, InviteKind::Muted];
    for kind in answers {
        for initiator in [2, 3] {
            let refused = engine.apply(invite(initiator, 0, kind), now()).unwrap_err();
            assert_eq!(refused.code(), "not_invitable", "{kind:?} by u{initiator}");
        }
        let friends = world.clone().engine();
        assert_eq!(friends.apply(invite(0, 0, kind), now()), Ok(Applied::Done), "{kind:?} before it was sent");
    }
    engine.apply(invite(0, 0, InviteKind::Suggested), now()).unwrap();
    let apart = Change::DeleteFriendship { user_id: "u0".into(), friend_id: "u1".into() };
    engine.apply(apart, now()).unwrap();
    assert_eq!(engine.apply(invite(0, 0, InviteKind::Sent), now()).unwrap_err().code(), "not_invitable");
    for (product, kind) in (0..).zip(answers) {
        assert_eq!(engine.apply(invite(0, product, kind), now()), Ok(Applied::Done), "{kind:?}");
    }
}

/// A later bundle knows no more that they were friends; what she said to invitations holds there all the same.
#[test]
fn an_answer_holds_again_where_the_friendship_is_over() {
    let engine = World::plain(8, PEOPLE, 4).engine();
    let kinds = [InviteKind::Sent, InviteKind::Declined, InviteKind::Muted];
    for kind in kinds {
        assert!(engine.apply(invite(0, 0, kind), now()).is_err());
    }
    for kind in kinds {
        assert_eq!(engine.apply_again(invite(0, 0, kind), now()), Ok(Applied::Done));
    }
    assert_eq!(engine.apply_again(invite(0, 0, InviteKind::Muted), now()), Ok(Applied::Duplicate));
    assert_eq!(engine.snapshot().invitation("u1", "u0", "p0"), Some(InviteKind::Muted));
}

/// However she joined, and whichever of the two is reported first. Only who invited her may know.
#[test]
fn who_joined_has_followed_the_invitation() {
    let rested = |changes: &[Change]| {
        let engine = circle(6);
        changes.iter().for_each(|change| assert_eq!(engine.apply(change.clone(), now()), Ok(Applied::Done)));
        chance(&engine, "p1", 7.5).unwrap()
    };
    let deadline = Some(now().plus_days(20.0));
    let joined = TeamRecord {
        team_id: "t".into(),
        product_id: "p0".into(),
        initiator_id: "u0".into(),
        participant_ids: vec!["u1".into()],
        min_size: 4,
        opened_at: None,
        deadline,
        outcome: TeamOutcome::Open,
        public: None,
    };
    let opened = Change::PutTeam(TeamRecord { participant_ids: Vec::new(), ..joined.clone() });
    let reported = TeamStepRecord { ts: Some(now()), ..step(1, 0, TeamStep::Joined) };
    let by_route = Change::JoinTeam { team_id: "t".into(), user_id: "u1".into() };
    let ways =
        [vec![Change::PutTeam(joined)], vec![opened.clone(), by_route], vec![opened, Change::TeamStep(reported)]];
    let (fresh, sent) = (rested(&[]), invite(0, 0, InviteKind::Sent));
    assert!(rested(std::slice::from_ref(&sent)) < fresh);
    for way in ways {
        let declined = invite(0, 0, InviteKind::Declined);
        for at in 0..=way.len() {
            let mut changes = way.clone();
            changes.insert(at, sent.clone());
            assert_eq!(rested(&changes), fresh, "{changes:?}");
        }
        let left = Change::LeaveTeam { team_id: "t".into(), user_id: "u1".into() };
        for last in [left, declined] {
            let changes: Vec<Change> = [sent.clone()].into_iter().chain(way.clone()).chain([last]).collect();
            assert!(rested(&changes) < fresh, "{changes:?}");
        }
    }
}

#[test]
fn who_is_in_the_team_is_not_suggested_for_it() {
    let engine = circle(7);
    report(&engine, opened(4, now().plus_days(9.0))).unwrap();
    let suggested = |product: &str| {
        let items = engine.snapshot().group_friends("u0", product, &Context::new(now(), PEOPLE)).unwrap().items;
        items.iter().any(|item| item.user_id == "u1")
    };
    assert!(suggested("p1"));
    report(&engine, step(1, 5, TeamStep::Joined)).unwrap();
    assert!(!suggested("p1") && suggested("p2"));
    report(&engine, step(1, 6, TeamStep::Left)).unwrap();
    assert!(suggested("p1"));
}

/// What friends made of the initiator's own invitations tells how likely a team fills, and who would join it.
#[test]
fn a_team_counts_on_nobody_who_declined() {
    let engine = circle(8);
    let asked = |company: &[&str], with_friends: bool| {
        let context = Context::new(now(), 4);
        let ids: Vec<String> = company.iter().map(|&id| id.to_owned()).collect();
        let items = engine.snapshot().group_products(&ids, with_friends, &context).unwrap().items;
        let item = |id: &str| items.iter().find(|item| item.product.product_id == id).unwrap().clone();
        [item("p0"), item("p1")].map(|item| (item.success_probability.unwrap(), item.would_join))
    };
    let alone = ["u0"];
    let before = asked(&alone, true);
    let likeliest = before[0].1[0].clone();
    let answer = |kind: InviteKind, product: usize, user: &str| {
        let Change::Invite(record) = invite(0, product, kind) else { unreachable!("an invitation") };
        engine.apply(Change::Invite(InviteRecord { user_id: user.to_owned(), ..record }), now()).unwrap()
    };
    answer(InviteKind::Declined, 0, &likeliest);
    let after = asked(&alone, true);
    assert!(after[0].0 < before[0].0 && after[1].0 == before[1].0, "{before:?} {after:?}");
    assert!(!after[0].1.is_empty() && !after[0].1.contains(&likeliest), "another one takes her place: {after:?}");
    let named: Vec<&str> = ["u0", &likeliest].to_vec();
    let [declined, other] = asked(&named, false);
    assert!(declined.1.is_empty() && other.1 == [likeliest.clone()], "{declined:?} {other:?}");
    answer(InviteKind::Muted, 1, &likeliest);
    assert!(asked(&alone, true)[1].0 < before[1].0, "who wants no invitations of hers does not join her");
}

#[test]
fn a_team_that_ran_out_hides_no_other() {
    let engine = circle(5);
    for (team_id, min_size, days) in [("soon over", 2, 0.1), ("goes on", 4, 5.0)] {
        let deadline = Some(now().plus_days(days));
        let opening = Opening { min_size: Some(min_size), deadline, ..Opening::of("p1") };
        let step = TeamStep::Opened(opening);
        let (team_id, user_id) = (team_id.to_owned(), "u1".to_owned());
        let opened = TeamStepRecord { team_id, user_id, step, ts: Some(now()), event_id: None };
        engine.apply(Change::TeamStep(opened), now()).unwrap();
    }
    let offered = |days: f64| {
        let items = engine.snapshot().feed("u0", &Context::new(now().plus_days(days), 10)).unwrap().items;
        items.into_iter().find_map(|item| item.team).map(|team| team.team_id)
    };
    assert_eq!(offered(0.0).as_deref(), Some("soon over"), "it needs the fewest people");
    assert_eq!(offered(0.5).as_deref(), Some("goes on"));
}

#[test]
fn a_decline_is_remembered_for_its_product_and_a_mute_for_all() {
    let engine = circle(4);
    let fresh = chance(&engine, "p1", 0.0).unwrap();
    engine.apply(invite(0, 0, InviteKind::Sent), now()).unwrap();
    assert!(chance(&engine, "p0", 0.0).is_some(), "the same invitation may be looked at again");
    assert!(chance(&engine, "p1", 0.0).unwrap() < fresh, "not always the same friend");
    engine.apply(invite(0, 0, InviteKind::Declined), now()).unwrap();
    assert_eq!(engine.snapshot().invitation("u1", "u0", "p0"), Some(InviteKind::Declined));
    assert_eq!(chance(&engine, "p0", 60.0), None);
    assert!(chance(&engine, "p1", 60.0).is_some());
    engine.apply(invite(0, 1, InviteKind::Muted), now()).unwrap();
    assert_eq!(chance(&engine, "p2", 60.0), None);
    let later = now().plus_days(1.0);
    assert_eq!(engine.apply(invite(0, 2, InviteKind::Sent), later).unwrap_err().code(), "not_invitable");
    engine.apply(invite(0, 3, InviteKind::Unmuted), now().plus_days(0.5)).unwrap();
    assert!(chance(&engine, "p2", 60.0).is_some(), "she has taken that back");
    assert_eq!(chance(&engine, "p0", 60.0), None, "and declined this one all the same");
    assert_eq!(engine.apply(invite(0, 2, InviteKind::Sent), later), Ok(Applied::Done));
}

/// Teams on few products, some of friends, some with people whom everybody may see, seats left of every number; one product
/// may take this share of a page.
fn crowded(seed: u64, team_product: f64) -> Engine {
    let mut world = World::plain(seed, 14, 6);
    for (at, person) in world.people.iter_mut().enumerate() {
        let everyone = (seed >> (at % 16)) & 1 == 0;
        person.visibility = if everyone { PurchaseVisibility::Everyone } else { PurchaseVisibility::Friends };
    }
    world.ties = (1..5).map(|friend| (0, friend, FriendshipKind::Friend)).collect();
    world.blocks = vec![(0, 6)];
    let caps = Caps { team_product, at_least: 1, ..Caps::default() };
    let engine = world.engine().with_rules(Rules { caps, ..Rules::default() }).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |end: u32| random.random_range(0..end);
    for number in 0..60 {
        let initiator = below(14);
        let participants = (0..below(4)).map(|step| (initiator + 1 + step) % 14);
        let record = TeamRecord {
            team_id: format!("t{number}"),
            product_id: format!("p{}", below(6) / (1 + below(2))),
            initiator_id: format!("u{initiator}"),
            participant_ids: participants.map(|user| format!("u{user}")).collect(),
            min_size: 5 + below(3),
            opened_at: None,
            deadline: Some(now().plus_days(f64::from(1 + below(5)))),
            outcome: TeamOutcome::Open,
            public: None,
        };
        // A member who is blocked by another may not be in it: one team fewer.
        let _refused = engine.apply(Change::PutTeam(record), now());
    }
    engine
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A short page looks at few teams only; it has the best all the same, and so have the pages after it.
    #[test]
    fn a_short_page_is_the_beginning_of_a_long_one(seed in any::<u64>(), limit in 1usize..8, user in 0usize..15) {
        let snapshot = crowded(seed, 1.0).snapshot();
        let user = format!("u{user}");
        let ids = |context: &Context| {
            let answer = snapshot.group_teams(&user, context).unwrap();
            (answer.items.into_iter().map(|item| item.team_id).collect::<Vec<_>>(), answer.next_cursor)
        };
        let (all, none) = ids(&Context::new(now(), 100));
        prop_assert!(none.is_none());
        let mut found = Vec::new();
        let mut context = Context::new(now(), limit);
        for _ in 0..=all.len() {
            let (page, next) = ids(&context);
            prop_assert_eq!(&page[..], &all[found.len()..all.len().min(found.len() + limit)]);
            found.extend(page);
            prop_assert_eq!(next.is_some(), found.len() < all.len());
            context.cursor = next;
            if context.cursor.is_none() {
                break;
            }
        }
        prop_assert_eq!(found, all);
    }

    /// Every page is what a share, counted out on all teams in their order that no page before showed, makes of them.
    #[test]
    fn a_product_takes_its_share_of_a_page(seed in any::<u64>(), limit in 1usize..12, share in 0.0f64..1.0, user in 0usize..15) {
        let user = format!("u{user}");
        let teams = |engine: &Engine, context: &Context| engine.snapshot().group_teams(&user, context).unwrap();
        let mut left = teams(&crowded(seed, 1.0), &Context::new(now(), 100)).items;
        let (engine, mut context) = (crowded(seed, share), Context::new(now(), limit));
        let most = ((share * limit as f64 + 1e-9) as usize).max(1);
        loop {
            let expected = page_of(&mut left, limit, most);
            let Answer { items, next_cursor, .. } = teams(&engine, &context);
            prop_assert_eq!(items, expected);
            prop_assert_eq!(next_cursor.is_some(), !left.is_empty());
            context.cursor = next_cursor;
            if context.cursor.is_none() {
                break;
            }
        }
    }
}

/// Takes a page from the teams left: the first of which fewer than `most` on their product are on it, then the first at all.
fn page_of(left: &mut Vec<TeamItem>, limit: usize, most: usize) -> Vec<TeamItem> {
    let mut page: Vec<TeamItem> = Vec::new();
    while page.len() < limit && !left.is_empty() {
        let room = |team: &TeamItem| page.iter().filter(|shown| shown.product_id == team.product_id).count() < most;
        let next = left.iter().position(room).unwrap_or(0);
        page.push(left.remove(next));
    }
    page
}

/// An operator is told which teams stand behind others because of their product.
#[test]
fn what_a_cap_moves_is_explained() {
    let engine = crowded(1, 0.1);
    let context = Context { explain: Some(Explain::default()), ..Context::new(now(), 100) };
    let answer = engine.snapshot().group_teams("u0", &context).unwrap();
    let explained = answer.explanation.unwrap().items;
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut moved = 0;
    for (item, explained) in answer.items.iter().zip(&explained) {
        let count = seen.entry(&item.product_id).or_default();
        *count += 1;
        assert_eq!(explained.rules.contains(&Rule::ProductCap), *count > 10, "{}", item.team_id);
        moved += usize::from(*count > 10);
    }
    assert!(moved > 0, "no product has more than its share");
}
