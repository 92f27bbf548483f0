//! 1. loading equals a slow, obvious reference on random small datasets;
//! 2. nothing from the cut on reaches what is learnt from, and no tie of the time of the test;
//! 3. a hold-out is a partition, the same for the same seed;
//! 4. standing groups are the member sets that succeeded together at least twice.

use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::tables::{
    Block, Blocks, Event, EventKind, Events, Friendship, FriendshipKind, Friendships, Split, Team, TeamOutcome, Teams,
    User, Users,
};
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{Csr, Dataset, DatasetWriter};
use proptest::prelude::*;

const USERS: usize = 5;

/// User, product, kind, time.
type Act = (usize, usize, usize, i64);

fn write(folder: &std::path::Path, acts: &[Act], ties: &[(usize, usize, u8)], blocks: &[(usize, usize)]) -> Dataset {
    let mut writer = DatasetWriter::create(folder.join("data")).unwrap();
    for user in 0..USERS {
        let id = user.to_string();
        writer.push::<Users>(&User { personalise: user != 4, ..User::new(&id) }).unwrap();
    }
    for &(user, product, kind, ts) in acts {
        let (user, product) = (user.to_string(), format!("p{product}"));
        let ts = Some(Timestamp::from_millis(ts));
        writer.push::<Events>(&Event { ts, ..Event::new(&user, &product, EventKind::ALL[kind]) }).unwrap();
    }
    for &(user, friend, strength) in ties {
        let (user, friend, strength) = (user.to_string(), friend.to_string(), f32::from(strength) / 4.0);
        let kind = if strength > 0.8 { FriendshipKind::Follow } else { FriendshipKind::Friend };
        let tie = Friendship { user_id: &user, friend_id: &friend, kind, strength, since: None };
        writer.push::<Friendships>(&tie).unwrap();
    }
    for &(user, blocked) in blocks {
        let (user, blocked) = (user.to_string(), blocked.to_string());
        writer.push::<Blocks>(&Block { user_id: &user, blocked_id: &blocked }).unwrap();
    }
    writer.finish().unwrap()
}

fn cells(matrix: &Csr) -> BTreeMap<(usize, u32), f32> {
    let row = |row: usize| {
        let (columns, values) = matrix.row(row);
        columns.iter().zip(values).map(move |(&column, &value)| ((row, column), value)).collect::<Vec<_>>()
    };
    (0..matrix.rows()).flat_map(row).collect()
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec((0..USERS, 0..4usize, 0..EventKind::ALL.len(), 0..20i64), 0..40)
}

/// What each cell weighs: every event that no later dislike or return of the same cell cancels.
fn reference(data: &TrainingData, acts: &[Act]) -> BTreeMap<(usize, u32), f32> {
    let weights = EventWeights::default();
    let mut expected = BTreeMap::new();
    for (at, &(user, product, kind, ts)) in acts.iter().enumerate() {
        let is_cancelled = acts.iter().enumerate().any(|(other, &(who, what, how, when))| {
            let cancels = matches!(EventKind::ALL[how], EventKind::Dislike | EventKind::Return);
            cancels && (who, what) == (user, product) && (when, other) > (ts, at)
        });
        let weight = weights.of(EventKind::ALL[kind]);
        if user != 4 && weight > 0.0 && !is_cancelled {
            let column = data.products.row(&format!("p{product}")).unwrap();
            *expected.entry((user, column.0)).or_insert(0.0) += weight;
        }
    }
    expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn loading_equals_the_reference(
        acts in acts(),
        ties in prop::collection::vec((0..USERS, 0..USERS, 0..5u8), 0..12),
        blocks in prop::collection::vec((0..USERS, 0..USERS), 0..3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let dataset = write(folder.path(), &acts, &ties, &blocks);
        let data = TrainingData::load(&dataset, &EventWeights::default()).unwrap();
        prop_assert_eq!(cells(&data.interactions), reference(&data, &acts));
        let mut friends: BTreeMap<(usize, u32), f32> = BTreeMap::new();
        for &(user, friend, strength) in &ties {
            if user == friend || blocks.contains(&(user, friend)) || blocks.contains(&(friend, user)) {
                continue;
            }
            let value = f32::from(strength) / 4.0;
            let ends = if value > 0.8 { vec![(user, friend)] } else { vec![(user, friend), (friend, user)] };
            for (from, to) in ends {
                let cell = friends.entry((from, to as u32)).or_insert(value);
                *cell = cell.max(value);
            }
        }
        prop_assert_eq!(cells(&data.friends), friends);
        let named: BTreeSet<_> = blocks.iter().map(|&(a, b)| (a as u32, b as u32)).collect();
        let got: BTreeSet<_> = data.blocks(&dataset).unwrap().iter().map(|(a, b)| (a.0, b.0)).collect();
        prop_assert_eq!(got, named);
        for user in 0..USERS {
            let bought = |kind| acts.iter().filter(|act| act.0 == user && EventKind::ALL[act.2] == kind).count() as u32;
            let had = &data.possessions[user];
            prop_assert_eq!(had.iter().map(|had| had.purchases).sum::<u32>(), bought(EventKind::Purchase));
            prop_assert_eq!(had.iter().map(|had| had.gifts).sum::<u32>(), bought(EventKind::Gift));
        }
    }

    #[test]
    fn nothing_of_the_future_is_learnt(acts in acts(), cut in 0..20i64) {
        let folder = tempfile::tempdir().unwrap();
        let past: Vec<Act> = acts.iter().copied().filter(|act| act.3 < cut).collect();
        let moment = Timestamp::from_millis(cut);
        let weights = EventWeights::default();
        let split = TrainingData::load_split_at(&write(folder.path(), &acts, &[], &[]), &weights, moment).unwrap();
        prop_assert_eq!(cells(&split.interactions), reference(&split, &past));
        prop_assert!(split.possessions.iter().flatten().all(|had| had.last.is_none_or(|last| last < moment)));
        for (user, product) in cells(&split.test).into_keys() {
            prop_assert!(split.possessions[user].iter().all(|had| had.product.0 != product));
            let id = split.products.ids().nth(product as usize).unwrap().to_owned();
            let is_later = acts.iter().any(|act| act.0 == user && format!("p{}", act.1) == id && act.3 >= cut);
            prop_assert!(is_later);
        }
    }

    #[test]
    fn a_hold_out_is_a_partition(acts in acts(), share in 0.0..1.0f64, seed in 0..9u64) {
        let folder = tempfile::tempdir().unwrap();
        let data = TrainingData::load(&write(folder.path(), &acts, &[], &[]), &EventWeights::default()).unwrap();
        let (train, held) = data.hold_out(share, seed);
        prop_assert_eq!(&(train.clone(), held.clone()), &data.hold_out(share, seed));
        let mut both = cells(&train);
        both.extend(cells(&held));
        prop_assert_eq!(train.len() + held.len(), both.len());
        prop_assert_eq!(both, cells(&data.interactions));
        prop_assert!((0..USERS).all(|user| data.interactions.row(user).0.is_empty() || !train.row(user).0.is_empty()));
    }
}

#[test]
fn ties_of_the_time_of_the_test_are_unknown() {
    let friends = |test: Option<i64>| {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = DatasetWriter::create(folder.path().join("data")).unwrap();
        let at = |millis: i64| Some(Timestamp::from_millis(millis));
        let bought = |split, millis| Event { ts: at(millis), split, ..Event::new("0", "p", EventKind::Purchase) };
        writer.push::<Events>(&bought(Split::Train, 10)).unwrap();
        test.into_iter().for_each(|millis| writer.push::<Events>(&bought(Split::Test, millis)).unwrap());
        for (friend_id, since) in [("1", at(10)), ("2", at(11)), ("3", None)] {
            let (user_id, kind, strength) = ("0", FriendshipKind::Follow, 0.5);
            writer.push::<Friendships>(&Friendship { user_id, friend_id, kind, strength, since }).unwrap();
        }
        let data = TrainingData::load(&writer.finish().unwrap(), &EventWeights::default()).unwrap();
        let row = data.users.row("0").unwrap().0 as usize;
        data.friends.row(row).0.len()
    };
    assert_eq!(friends(Some(20)), 2);
    assert_eq!(friends(None), 3, "without a test all that is told is known");
}

#[test]
fn half_lives_age_from_the_latest_moment() {
    let folder = tempfile::tempdir().unwrap();
    let purchase = EventKind::ALL.iter().position(|&kind| kind == EventKind::Purchase).unwrap();
    let acts = [(0, 0, purchase, 0), (0, 1, purchase, 2 * Timestamp::DAY_MS)];
    let weights = EventWeights { half_life_days: Some(2.0), ..EventWeights::default() };
    let data = TrainingData::load(&write(folder.path(), &acts, &[], &[]), &weights).unwrap();
    assert_eq!(data.interactions.row(0), (&[0, 1][..], &[0.5, 1.0][..]));
}

#[test]
fn members_who_succeed_twice_are_a_standing_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::create(folder.path().join("data")).unwrap();
    for (team_id, initiator_id, participant, product_id, outcome) in [
        ("1", "a", "b", "p", TeamOutcome::Succeeded),
        ("2", "b", "a", "q", TeamOutcome::Succeeded),
        ("3", "a", "b", "r", TeamOutcome::Expired),
        ("4", "a", "c", "p", TeamOutcome::Succeeded),
    ] {
        let participant_ids = vec![participant];
        let (opened_at, deadline, split) = (None, None, Split::Train);
        let team = Team {
            team_id,
            product_id,
            initiator_id,
            participant_ids,
            min_size: 2,
            opened_at,
            deadline,
            outcome,
            split,
            negative_ids: vec![],
            public: None,
        };
        writer.push::<Teams>(&team).unwrap();
    }
    let told = Event { team_id: Some("1"), ..Event::new("a", "p", EventKind::Purchase) };
    writer.push::<Events>(&told).unwrap();
    let data = TrainingData::load(&writer.finish().unwrap(), &EventWeights::default()).unwrap();
    let groups = data.standing_groups();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].members.iter().map(|&row| data.users.id(row)).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        groups[0].interactions.iter().map(|&(row, times)| (data.products.id(row), times)).collect::<Vec<_>>(),
        [("p", 1.0), ("q", 1.0)]
    );
    // Team 1 is told by its event and counts once; team 4 by its membership.
    let (a, p) = (data.users.row("a").unwrap(), data.products.row("p").unwrap());
    assert_eq!(data.interactions.get(a.0 as usize, p.0), 2.0);
}
