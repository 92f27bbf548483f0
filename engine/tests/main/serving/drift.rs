//! Property 18: what became of teams since the cut corrects what is told.
//!
//! 1. After a drift the chances told are nearer to what happens than before; on the day itself nothing moves.
//! 2. The order of reports, and repeats, change no digit of what is told.
//! 3. Of whose teams is told to her alone what fewer than three people's became of.
//! 4. That a deadline has passed counts from the next day on, whether or not anything was reported since.
//! 5. Who is deleted, or takes back that what is known about her is used, leaves nothing behind.

use juntos_datasets::tables::FriendshipKind;
use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::live::Change;
use juntos_engine::live::records::{Opening, TeamStep, TeamStepRecord, UserRecord};
use juntos_engine::request::Context;
use proptest::prelude::*;

use super::world::{World, now};

const PEOPLE: usize = 8;
const GOODS: usize = 3;

/// Everybody knows everybody.
fn village(seed: u64) -> World {
    let mut world = World::plain(seed, PEOPLE, GOODS);
    let pairs = (0..PEOPLE).flat_map(|one| (one + 1..PEOPLE).map(move |other| (one, other, FriendshipKind::Friend)));
    world.ties = pairs.collect();
    world
}

/// A team of two that was opened after the cut, with the one who joined, if anybody did.
#[derive(Debug, Clone, Copy)]
struct Deal {
    initiator: usize,
    product: usize,
    joiner: Option<usize>,
}

fn at(day: f64) -> Timestamp {
    now().plus_days(day)
}

/// The reports of a team that was opened `number` minutes after the cut, at noon, with a deadline on the same day.
fn reports(number: usize, deal: Deal) -> Vec<Change> {
    let minutes = |minutes: usize| Some(at(minutes as f64 / 1_440.0));
    let step = |user: usize, ts, step| {
        let (team_id, user_id) = (format!("deal{number}"), format!("u{user}"));
        Change::TeamStep(TeamStepRecord { team_id, user_id, step, ts, event_id: None })
    };
    let (product_id, deadline) = (format!("p{}", deal.product), minutes(number + 400));
    let opened = step(
        deal.initiator,
        minutes(number + 1),
        TeamStep::Opened(Opening { min_size: Some(2), deadline, ..Opening::of(product_id) }),
    );
    let joined = deal.joiner.map(|joiner| step(joiner, minutes(number + 5), TeamStep::Joined));
    [opened].into_iter().chain(joined).collect()
}

/// Everything happens and is reported on the first day.
fn lived(world: &World, deals: &[Deal]) -> Engine {
    let changes = deals.iter().enumerate().flat_map(|(number, deal)| reports(number, *deal));
    reported(world, changes)
}

/// All is reported before the first deadline.
fn reported(world: &World, changes: impl Iterator<Item = Change>) -> Engine {
    let engine = world.engine();
    changes.for_each(|change| _ = engine.apply(change, at(0.2)).unwrap());
    engine
}

/// What is told to a user on a day: that her teams fill, by product, and that each friend joins.
fn told(engine: &Engine, user: usize, day: f64) -> (Vec<Option<f32>>, Vec<(String, f32)>) {
    let (snapshot, context) = (engine.snapshot(), Context::new(at(day), 50));
    let user = format!("u{user}");
    let fills = |product: usize| snapshot.success_chance(&user, &format!("p{product}"), &context).unwrap();
    let friends = snapshot.group_friends(&user, "p0", &context).unwrap().items;
    let joins = friends.into_iter().map(|friend| (friend.user_id, friend.join_probability)).collect();
    ((0..GOODS).map(fills).collect(), joins)
}

fn mean_told(engine: &Engine, day: f64) -> (f32, f32) {
    let each: Vec<_> = (0..PEOPLE).map(|user| told(engine, user, day)).collect();
    let fills: Vec<f32> = each.iter().flat_map(|(fills, _)| fills.iter().map(|fill| fill.unwrap())).collect();
    let joins: Vec<f32> = each.iter().flat_map(|(_, joins)| joins.iter().map(|(_, chance)| *chance)).collect();
    (fills.iter().sum::<f32>() / fills.len() as f32, joins.iter().sum::<f32>() / joins.len() as f32)
}

#[test]
fn a_drift_is_followed_from_the_next_day_on() {
    let world = village(3);
    // One team in ten fills, far fewer than the models tell.
    let deal = |number: usize| {
        let initiator = number % PEOPLE;
        let joiner = number.is_multiple_of(10).then_some((initiator + 1) % PEOPLE);
        Deal { initiator, product: number % GOODS, joiner }
    };
    let deals: Vec<Deal> = (0..200).map(deal).collect();
    let engine = lived(&world, &deals);
    let (fills, joins) = mean_told(&world.engine(), 3.0);
    let (fill_share, join_share) = (0.1, 0.1 / (PEOPLE - 1) as f32);
    assert!(fills > 0.4 && joins > 0.1, "{fills} {joins}");
    // On the day itself nothing is corrected; who joined before joins again likelier, that the models know at once.
    let (fills_today, joins_today) = mean_told(&engine, 0.45);
    assert!(fills_today >= fills && joins_today >= joins, "{fills_today} {joins_today}");
    let (fills_then, joins_then) = mean_told(&engine, 3.0);
    let error = |told: f32, share: f32| (told - share).abs();
    assert!(error(fills_then, fill_share) < 0.4 * error(fills_today, fill_share), "{fills_today} became {fills_then}");
    assert!(error(joins_then, join_share) < 0.5 * error(joins_today, join_share), "{joins_today} became {joins_then}");
}

#[test]
fn few_people_move_nobody_else() {
    let world = village(4);
    let deal = |number: usize| Deal { initiator: number % 2, product: 0, joiner: None };
    let engine = lived(&world, &(0..60).map(deal).collect::<Vec<_>>());
    let fresh = world.engine();
    for other in 2..PEOPLE {
        assert_eq!(told(&engine, other, 3.0), told(&fresh, other, 3.0));
    }
    assert!(told(&engine, 0, 3.0).0[0] < told(&fresh, 0, 3.0).0[0], "of her own she learns");
}

fn deals() -> impl Strategy<Value = Vec<Deal>> {
    let deal = (0..PEOPLE, 0..GOODS, 0..PEOPLE * 2).prop_map(|(initiator, product, other)| {
        let joiner = Some(other).filter(|&other| other < PEOPLE && other != initiator);
        Deal { initiator, product, joiner }
    });
    proptest::collection::vec(deal, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_and_repeats_change_no_digit(
        deals in deals(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let world = village(5);
        let one = lived(&world, &deals);
        let once: Vec<Change> =
            deals.iter().enumerate().flat_map(|(number, deal)| reports(number, *deal)).collect();
        let again = order.iter().filter(|_| !once.is_empty()).map(|index| once[index.index(once.len())].clone());
        let mut changes: Vec<Change> = again.chain(once.iter().cloned()).collect();
        for (place, index) in order.iter().enumerate().filter(|_| !once.is_empty()) {
            let (len, place) = (changes.len(), place % changes.len());
            changes.swap(place, index.index(len));
        }
        let other = reported(&world, changes.into_iter());
        for user in 0..PEOPLE {
            prop_assert_eq!(told(&one, user, 3.0), told(&other, user, 3.0));
        }
    }

    #[test]
    fn who_comes_by_after_a_deadline_moves_nothing(deals in deals(), day in 0.3f64..4.0) {
        let world = village(7);
        let engine = lived(&world, &deals);
        let days = [0.45, 1.0, 2.0, 5.0];
        let all = |engine: &Engine| -> Vec<_> {
            (0..PEOPLE).flat_map(|user| days.map(|later| told(engine, user, day + later))).collect()
        };
        let before = all(&engine);
        engine.apply(Change::PutUser(UserRecord::new("passer-by")), at(day)).unwrap();
        prop_assert_eq!(before, all(&engine));
    }

    #[test]
    fn who_goes_leaves_nothing_behind(deals in deals(), gone in 0..PEOPLE, deleted in any::<bool>()) {
        let world = village(6);
        let had_no_part = |deal: &&Deal| deal.initiator != gone && deal.joiner != Some(gone);
        let without: Vec<Deal> = deals.iter().filter(had_no_part).copied().collect();
        let id = format!("u{gone}");
        let [one, other] = [&deals, &without].map(|deals| {
            let engine = lived(&world, deals);
            let change = match deleted {
                true => Change::DeleteUser(id.clone()),
                false => Change::PutUser(UserRecord { personalise: false, ..engine.snapshot().user(&id).unwrap() }),
            };
            engine.apply(change, at(1.1)).unwrap();
            engine
        });
        for user in (0..PEOPLE).filter(|&user| user != gone) {
            let (before, after) = (told(&one, user, 3.0), told(&other, user, 3.0));
            if deleted {
                prop_assert_eq!(before, after);
            } else {
                // That she joined somebody's team that person still knows of her own teams.
                let corrections = |engine: &Engine| engine.snapshot().success_chance(&format!("u{user}"), "p1", &Context::new(at(3.0), 1));
                let joined_hers = deals.iter().any(|deal| deal.initiator == user && deal.joiner == Some(gone));
                prop_assert!(joined_hers || corrections(&one) == corrections(&other));
            }
        }
    }
}
