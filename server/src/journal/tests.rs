//! 1. What was kept is read back in its order, as it was, of every kind; also by the next process.
//! 2. Nothing but the deletion speaks of who was deleted, and nothing of her teams but what stays of them.
//! 3. A damaged or cut file is refused or read, never a panic; so is a file of another layout.
//! 4. One process at a time.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use juntos_datasets::tables::{EventKind, TeamOutcome};
use juntos_engine::live::records::{
    EventRecord, FriendshipRecord, InviteKind, InviteRecord, KeptTeam, Opening, ProductRecord, TeamRecord, TeamStep,
    TeamStepRecord, UserRecord,
};

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn kept_team(initiator: Option<&str>) -> KeptTeam {
    KeptTeam {
        team_id: "t".into(),
        product_id: "p".into(),
        initiator_id: initiator.map(str::to_owned),
        participant_ids: vec!["bea".into()],
        anonymous_seats: 1,
        counts_from: Some(20_000),
        min_size: 4,
        opened_at: Some(at(5)),
        deadline: None,
        outcome: TeamOutcome::Open,
        public: None,
    }
}

fn step(user_id: &str, step: TeamStep) -> Change {
    let (team_id, user_id) = ("t".to_owned(), user_id.to_owned());
    Change::TeamStep(TeamStepRecord { team_id, user_id, step, ts: Some(at(3)), event_id: Some("e".into()) })
}

/// One change of every kind, and of invitations one of every stage.
fn every_kind() -> Vec<Change> {
    let [ana, bea] = ["ana", "bea"].map(str::to_owned);
    let invite = |kind| {
        let (user_id, initiator_id, product_id) = ("ana".to_owned(), "bea".to_owned(), "p".to_owned());
        Change::Invite(InviteRecord { user_id, initiator_id, product_id, kind, ts: None, event_id: None })
    };
    let both = || (ana.clone(), bea.clone());
    let opened =
        TeamStep::Opened(Opening { min_size: Some(4), deadline: Some(at(99)), public: Some(true), ..Opening::of("p") });
    vec![
        Change::PutUser(UserRecord { birth_year: Some(1990), ..UserRecord::new("ana") }),
        Change::PutProduct(ProductRecord { title: Some("Змей 风筝".into()), ..ProductRecord::new("p") }),
        Change::DeleteProduct("q".into()),
        Change::Event(EventRecord { value: Some(4.5), ..EventRecord::new("ana", "p", EventKind::Rate) }),
        Change::Event(EventRecord::new("ana", "p", EventKind::Shown)),
        Change::PutFriendship(FriendshipRecord { strength: 0.3, ..FriendshipRecord::new("ana", "bea") }),
        Change::DeleteFriendship { user_id: both().0, friend_id: both().1 },
        Change::PutBlock { user_id: both().0, blocked_id: both().1 },
        Change::DeleteBlock { user_id: both().0, blocked_id: both().1 },
        Change::PutTeam(TeamRecord {
            team_id: "t".into(),
            product_id: "p".into(),
            initiator_id: bea.clone(),
            participant_ids: vec![ana.clone()],
            min_size: 4,
            opened_at: None,
            deadline: Some(at(90)),
            outcome: TeamOutcome::Open,
            public: None,
        }),
        Change::JoinTeam { team_id: "t".into(), user_id: "cruz".into() },
        Change::LeaveTeam { team_id: "t".into(), user_id: "cruz".into() },
        step("dani", opened),
        step("dani", TeamStep::Joined),
        step("dani", TeamStep::Left),
        step("dani", TeamStep::Cancelled),
        Change::DeleteTeam("u".into()),
        Change::KeepTeam(kept_team(None)),
        Change::DeleteUser("gone".into()),
        Change::Know(vec!["eva".into(), "ana".into()]),
    ]
    .into_iter()
    .chain(InviteKind::ALL.map(invite))
    .collect()
}

fn entries() -> Vec<Entry> {
    (0..).zip(every_kind()).map(|(number, change)| Entry { now: at(number), change }).collect()
}

fn keep_all(store: &mut Store, entries: Vec<Entry>) {
    store.work(entries.into_iter().map(Task::keep).collect()).unwrap();
}

fn read(store: &Store) -> Vec<(Entry, String)> {
    let mut found = Vec::new();
    store
        .review(|past| {
            found.push((past.entry, past.served));
            true
        })
        .unwrap();
    found
}

#[test]
fn what_was_kept_is_read_back_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut store = Store::open(&path).unwrap();
    store.serve("one").unwrap();
    keep_all(&mut store, entries());
    drop(store);
    let mut store = Store::open(&path).unwrap();
    store.serve("two").unwrap();
    let last = Entry { now: at(500), change: Change::DeleteTeam("v".into()) };
    keep_all(&mut store, vec![last.clone()]);
    let expected: Vec<_> =
        entries().into_iter().map(|entry| (entry, "one".to_owned())).chain([(last, "two".to_owned())]).collect();
    assert_eq!(read(&store), expected);
}

#[test]
fn what_is_not_to_be_kept_goes_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut store = Store::open(&path).unwrap();
    store.serve("one").unwrap();
    keep_all(&mut store, entries());
    store.review(|_| false).unwrap();
    assert_eq!(read(&store), []);
    drop(store);
    let mut store = Store::open(&path).unwrap();
    store.serve("two").unwrap();
    keep_all(&mut store, entries());
    assert!(read(&store).iter().all(|(_, served)| served == "two"));
}

#[test]
fn nothing_but_the_deletion_speaks_of_who_was_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("journal")).unwrap();
    store.serve("one").unwrap();
    keep_all(&mut store, entries());
    let by = vec![Change::DeleteUser("ana".into()), Change::KeepTeam(kept_team(Some("bea")))];
    let by: Vec<Entry> = by.into_iter().map(|change| Entry { now: at(100), change }).collect();
    store.work(vec![Task::replace("ana", &["t"], by.clone())]).unwrap();
    let left: Vec<Entry> = read(&store).into_iter().map(|(entry, _)| entry).collect();
    let speaks = |entry: &Entry| entry.change.people().contains(&"ana") || entry.change.team() == Some("t");
    let without = |entry: Entry| match speaks(&entry) {
        true => entry.change.without("ana").map(|change| Entry { change, ..entry }),
        false => Some(entry),
    };
    assert_eq!(left, entries().into_iter().filter_map(without).chain(by).collect::<Vec<_>>());
    let told = serde_json::to_string(&left).unwrap();
    assert_eq!(told.matches("ana").count(), 1, "{told}");
    // Deleted again, the first deletion stays where it was: what came between has met nobody of this id.
    let again = Entry { now: at(200), change: Change::DeleteUser("ana".into()) };
    store.work(vec![Task::replace("ana", &[], vec![again.clone()])]).unwrap();
    let both: Vec<Entry> = left.into_iter().chain([again]).collect();
    assert_eq!(read(&store).into_iter().map(|(entry, _)| entry).collect::<Vec<_>>(), both);
}

#[test]
fn a_damaged_file_is_refused_or_read_but_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut store = Store::open(&path).unwrap();
    store.serve("one").unwrap();
    keep_all(&mut store, entries());
    drop(store);
    let whole = fs::read(&path).unwrap();
    let used: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] != 0).collect();
    let mut refused = 0;
    let mut hold = |bytes: &[u8], what: &str| {
        let path = folder.path().join("damaged");
        fs::write(&path, bytes).unwrap();
        let opened = catch_unwind(AssertUnwindSafe(|| Store::open(&path).and_then(|store| store.review(|_| true))));
        match opened.unwrap_or_else(|_| panic!("{what}: a panic")) {
            Ok(()) => {}
            Err(JournalError::Damaged { .. } | JournalError::Io { .. }) => refused += 1,
            Err(other) => panic!("{what}: {other}"),
        }
    };
    for &place in used.iter().step_by(used.len() / 150 + 1) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        hold(&damaged, &format!("byte {place}"));
    }
    for length in (0..whole.len()).step_by(whole.len() / 40 + 1) {
        hold(&whole[..length], &format!("cut to {length}"));
    }
    hold(b"{\"not\": \"a journal\"}", "another file");
    assert!(refused > 50, "only {refused} were refused");
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let store = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(JournalError::Held { .. })));
    drop(store);
    assert!(Store::open(&path).is_ok());
    assert!(matches!(Store::open(&folder.path().join("no/folder")), Err(JournalError::Io { .. })));
}
