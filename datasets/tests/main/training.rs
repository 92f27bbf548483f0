//! 1. loading equals a slow, obvious reference on random small datasets;
//! 2. of a dataset split by time nothing from the cut on reaches what is learnt from, and no tie of the time of the test;
//! 3. what cannot be split is refused, with the reason, and leaves nothing behind;
//! 4. what a table lists twice is refused, with the table and the id.

use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::progress::Silent;
use juntos_datasets::split::{TestFrom, split_by_time};
use juntos_datasets::tables::{
    Block, Blocks, Event, EventKind, Events, Friendship, FriendshipKind, Friendships, Product, Products, Seller,
    Sellers, Split, Team, TeamOutcome, Teams, User, Users,
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
        let (past, later): (Vec<Act>, Vec<Act>) = acts.iter().partition(|act| act.3 < cut);
        let moment = Timestamp::from_millis(cut);
        let (whole, out) = (write(folder.path(), &acts, &[(0, 1, 2)], &[(2, 3)]), folder.path().join("split"));
        let report = split_by_time(&whole, TestFrom::Moment(moment), &out, &Silent);
        if past.is_empty() || later.is_empty() {
            prop_assert!(report.is_err() && !out.exists());
            return Ok(());
        }
        let events = report.unwrap().events;
        prop_assert_eq!((events.train, events.test), (past.len() as u64, later.len() as u64));
        let split = TrainingData::load(&Dataset::open(&out).unwrap(), &EventWeights::default()).unwrap();
        prop_assert_eq!(cells(&split.interactions), reference(&split, &past));
        prop_assert!(split.possessions.iter().flatten().all(|had| had.last.is_none_or(|last| last < moment)));
        prop_assert!(split.cut < Some(moment));
        let foretold: BTreeSet<(usize, u32)> = later
            .iter()
            .filter(|act| act.0 != 4 && WANTED.contains(&EventKind::ALL[act.2]))
            .map(|act| (act.0, split.products.row(&format!("p{}", act.1)).unwrap().0))
            .collect();
        prop_assert_eq!(cells(&split.test).into_keys().collect::<BTreeSet<_>>(), foretold);
        prop_assert_eq!((split.friends.len(), split.blocks(&whole).unwrap().len()), (2, 1));
    }
}

/// What shows that somebody wanted a product.
const WANTED: [EventKind; 5] =
    [EventKind::Purchase, EventKind::Like, EventKind::Share, EventKind::Gift, EventKind::Rate];

#[test]
fn teams_that_were_open_at_the_cut_are_neither_past_nor_test() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = DatasetWriter::create(folder.path().join("data")).unwrap();
    for day in [1.0, 9.5, 12.0] {
        let ts = Some(Timestamp::from_millis(0).plus_days(day));
        writer.push::<Events>(&Event { ts, ..Event::new("0", "p", EventKind::Purchase) }).unwrap();
    }
    writer.push::<Events>(&Event::new("0", "q", EventKind::Purchase)).unwrap();
    use TeamOutcome::{Expired, Open, Succeeded};
    let cases = [
        ("before", Some(1.0), Some(3.0), Expired, Split::Train),
        ("undated", None, None, Succeeded, Split::Train),
        ("without-deadline", Some(1.0), None, Succeeded, Split::Train),
        ("across", Some(8.0), Some(10.5), Succeeded, Split::Valid),
        ("open-still", Some(8.0), None, Open, Split::Valid),
        ("after", Some(10.0), Some(11.0), Expired, Split::Test),
        ("after-and-open", Some(11.0), Some(14.0), Open, Split::Valid),
    ];
    for (team_id, opened, deadline, outcome, _) in cases {
        let day = |day: Option<f64>| day.map(|day| Timestamp::from_millis(0).plus_days(day));
        let (opened_at, deadline) = (day(opened), day(deadline));
        let (participant_ids, split, negative_ids, public) = (vec!["1"], Split::Train, vec![], Some(true));
        let (product_id, initiator_id, min_size) = ("p", "0", 2);
        let team = Team {
            team_id,
            product_id,
            initiator_id,
            participant_ids,
            min_size,
            opened_at,
            deadline,
            outcome,
            split,
            negative_ids,
            public,
        };
        writer.push::<Teams>(&team).unwrap();
    }
    let whole = writer.finish().unwrap();
    let out = folder.path().join("split");
    let report = split_by_time(&whole, TestFrom::LastDays(2.0), &out, &Silent).unwrap();
    assert_eq!(report.test_from, Timestamp::from_millis(0).plus_days(10.0));
    assert_eq!((report.events.train, report.events.test, report.undated_events), (3, 1, 1));
    assert_eq!((report.teams.train, report.teams.test, report.teams.neither), (3, 1, 3));
    let mut splits = Vec::new();
    let split = Dataset::open(&out).unwrap();
    let note = |team: &Team<'_>| {
        splits.push((team.team_id.to_owned(), team.split, team.public));
        Ok(())
    };
    split.for_each::<Teams>(note).unwrap();
    let expected = cases.map(|(id, .., part)| (id.to_owned(), part, Some(true)));
    assert_eq!(splits, expected);
    // Once is enough, and where nothing has a time there is nothing to split by.
    let again = |dataset: &Dataset, from| {
        split_by_time(dataset, from, &folder.path().join("again"), &Silent).unwrap_err().to_string()
    };
    assert!(again(&split, TestFrom::LastDays(2.0)).contains("5 events and teams are marked"));
    assert!(again(&whole, TestFrom::LastDays(90.0)).contains("no event lies before"));
    let mut writer = DatasetWriter::create(folder.path().join("timeless")).unwrap();
    writer.push::<Events>(&Event::new("0", "q", EventKind::Purchase)).unwrap();
    assert!(again(&writer.finish().unwrap(), TestFrom::LastDays(2.0)).contains("no event has a time"));
    assert!(!folder.path().join("again").exists());
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

fn team(team_id: &str) -> Team<'_> {
    Team {
        team_id,
        product_id: "p",
        initiator_id: "0",
        participant_ids: vec!["1"],
        min_size: 2,
        opened_at: None,
        deadline: None,
        outcome: TeamOutcome::Succeeded,
        split: Split::Train,
        negative_ids: vec![],
        public: None,
    }
}

#[test]
fn what_is_listed_twice_is_refused_by_table_and_id() {
    type Write = fn(&mut DatasetWriter, &str);
    let tables: [(&str, Write); 4] = [
        ("users lists user_id", |writer, id| writer.push::<Users>(&User::new(id)).unwrap()),
        ("products lists product_id", |writer, id| writer.push::<Products>(&Product::new(id)).unwrap()),
        ("sellers lists seller_id", |writer, seller_id| {
            let seller = Seller { seller_id, name: None, country: None, page_url: None };
            writer.push::<Sellers>(&seller).unwrap();
        }),
        ("teams lists team_id", |writer, id| writer.push::<Teams>(&team(id)).unwrap()),
    ];
    for (told, write) in tables {
        let load = |ids: &[&str]| {
            let folder = tempfile::tempdir().unwrap();
            let mut writer = DatasetWriter::create(folder.path().join("data")).unwrap();
            writer.push::<Events>(&Event::new("b", "b", EventKind::View)).unwrap();
            ids.iter().for_each(|id| write(&mut writer, id));
            TrainingData::load(&writer.finish().unwrap(), &EventWeights::default())
        };
        assert!(load(&["a", "b"]).is_ok(), "{told}");
        let fault = load(&["a", "b", "a"]).unwrap_err().to_string();
        assert!(fault.contains(&format!("{told} `a` twice")) && fault.contains("juntos check"), "{fault}");
    }
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
fn a_team_that_an_event_tells_of_counts_once() {
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
    // Team 1 is told by its event and counts once; team 4 by its membership.
    let (a, p) = (data.users.row("a").unwrap(), data.products.row("p").unwrap());
    assert_eq!(data.interactions.get(a.0 as usize, p.0), 2.0);
}
