//! 1. Nothing that withheld people did is left, everything else is; what is to be found is no first event, and nobody is
//!    withheld who does not allow personalisation, or did too little.
//! 2. Where people of a country buy alike, cohorts are believed and rank better than where homes are drawn by chance.
//! 3. A prior of friends is held firmly where friends are alike, and not where they are strangers.
//! 4. A user's own vector is held where it tells what she will buy, and not where it is another's.
//! 5. What is popular is counted from events of the history alone, fading, and by country.

use juntos_datasets::Csr;
use juntos_datasets::dataset::DatasetWriter;
use juntos_datasets::tables::{Event, EventKind, Events, Split, TeamOutcome};
use juntos_datasets::training::{EventWeights, TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::cohorts::Home;
use juntos_engine::serving_model::FoldIn;
use proptest::prelude::*;

use super::*;
use crate::models::cohorts::tests::{DIM, USERS, home, past};
use crate::prepare::HeldOut;

/// What is judged of a world where everybody's friends are three of the same sort as she is, or of the other.
fn judged(at_home: bool, alike: bool) -> Verdict {
    let (mut held, people, embeddings) = past(at_home);
    let users = 2 * USERS as u32;
    let of_sort = |user: u32| if alike { user } else { (user + USERS as u32) % users };
    let ties = (0..users).flat_map(|user| (1..4).map(move |other| (user, of_sort(user) ^ other, 0.5)));
    held.history.friends = Csr::from_entries(2 * USERS, 2 * USERS, ties.collect());
    verdict(&held, &people, &embeddings)
}

fn verdict(held: &HeldOut, people: &People, embeddings: &Embeddings) -> Verdict {
    let withheld = Withheld::of(held, people, 1).unwrap();
    let mut embeddings = embeddings.clone();
    for stranger in &withheld.people {
        embeddings.users[stranger.user.0 as usize * DIM..][..DIM].fill(0.0);
    }
    let rankings = Rankings { everywhere: rankings::everywhere(&withheld.history), ..Rankings::default() };
    judge(&withheld, people, &rankings, &embeddings)
}

#[test]
fn cohorts_are_believed_where_people_of_a_country_buy_alike() {
    let (at_home, anywhere) = (judged(true, true), judged(false, true));
    assert_eq!(at_home.told.alone.people, 120);
    assert!(at_home.told.with_friends.people > 110, "{}", at_home.told);
    assert!(at_home.believed.in_fold > 0.0 && at_home.told.with_events.kept, "{}", at_home.told);
    assert!(at_home.believed.alone && at_home.told.alone.with > 1.5 * anywhere.told.alone.with, "{}", at_home.told);
    let gain = |told: &Newcomers| told.with_events.with - told.with_events.without;
    assert!(gain(&at_home.told) > gain(&anywhere.told) + 0.002, "{} {}", at_home.told, anywhere.told);
    let (held, people, embeddings) = past(true);
    let nobody = People { homes: vec![Home::default(); 2 * USERS], ..people };
    let nowhere = verdict(&held, &nobody, &embeddings);
    assert!(nowhere.believed.is_nothing() && nowhere.told.with_events.people == 0, "{}", nowhere.told);
    assert_eq!(nowhere.told.beside_popular.people, 120);
}

#[test]
fn friends_are_held_as_far_as_they_are_alike() {
    let (alike, strangers) = (judged(false, true), judged(false, false));
    assert!(alike.hold_friends > strangers.hold_friends, "{} {}", alike.told, strangers.told);
    assert_eq!(strangers.hold_friends, 0.0);
}

#[test]
fn own_vectors_are_held_as_far_as_they_tell() {
    let (held, people, embeddings) = past(true);
    let own = |embeddings: &Embeddings| own_hold(&held, &people, embeddings, &FoldIn::default());
    let mut swapped = embeddings.clone();
    swapped.users.rotate_left(USERS * DIM);
    assert!(own(&embeddings) > own(&swapped), "{} {}", own(&embeddings), own(&swapped));
}

#[test]
fn popularity_counts_what_the_history_has() {
    let folder = tempfile::tempdir().unwrap();
    let day = |day: f64| Timestamp::from_millis((day * 86_400_000.0) as i64);
    let mut writer = DatasetWriter::create(folder.path()).unwrap();
    let mut event = |user: &str, product: &str, at: f64, split: Split| {
        let ts = Some(day(at));
        let row = Event { ts, split, ..Event::new(user, product, EventKind::Purchase) };
        writer.push::<Events>(&row).unwrap();
    };
    // Of ES: p1 twice long ago, p2 once just now; p3 after the part held out began, p4 as a test row.
    event("u0", "p1", 0.0, Split::Train);
    event("u1", "p1", 0.0, Split::Train);
    event("u0", "p2", 60.0, Split::Train);
    event("u0", "p3", 62.0, Split::Train);
    event("u0", "p4", 60.0, Split::Test);
    // Of IT; and of nowhere.
    event("u2", "p1", 60.0, Split::Train);
    event("u3", "p5", 60.0, Split::Train);
    let dataset = writer.finish().unwrap();
    let mut history = TrainingData::load(&dataset, &EventWeights::default()).unwrap();
    let rows = |history: &TrainingData, ids: &[&str]| -> Vec<u32> {
        ids.iter().map(|id| history.products.row(id).unwrap().0).collect()
    };
    let homes = ["ES", "ES", "IT"].map(home).into_iter().chain([Home::default()]);
    let people = People { homes: homes.collect(), personalise: vec![true; 4] };
    let read = |history: &TrainingData| Rankings::read(&dataset, history, Some(day(61.0)), &people).unwrap();
    let ranked = read(&history);
    assert_eq!(
        ranked.at_home[&home("ES")],
        rows(&history, &["p2", "p1"]),
        "two of sixty days ago are less than one now"
    );
    assert_eq!(ranked.at_home[&home("IT")], rows(&history, &["p1"]));
    assert_eq!(ranked.everywhere[0], rows(&history, &["p1"])[0]);
    assert_eq!(ranked.list(home("IT"), &rows(&history, &["p2"]), 2)[..1], rows(&history, &["p1"]));
    // Without u0, as if she were withheld.
    let of_others = history.interactions.cells().filter(|&(user, ..)| user != 0).collect();
    history.interactions = Csr::from_entries(history.users.len(), history.products.len(), of_others);
    assert_eq!(read(&history).at_home[&home("ES")], rows(&history, &["p1"]));
}

proptest! {
    #[test]
    fn who_is_withheld_has_never_been_there(seed in 0u64..1_000, by_chance in any::<bool>(), shy in 0usize..2 * USERS) {
        let (mut held, mut people, _) = past(true);
        (held.by_chance, people.personalise[shy]) = (by_chance, false);
        held.history.teams = (0..2 * USERS as u32).map(team).collect();
        let withheld = Withheld::of(&held, &people, seed).unwrap();
        let again = Withheld::of(&held, &people, seed).unwrap();
        prop_assert_eq!(&again.people, &withheld.people);
        prop_assert_eq!(withheld.people.len(), 2 * USERS / 5);
        let (all, left) = (&held.history, &withheld.history);
        for user in 0..2 * USERS {
            let stranger = withheld.people.iter().find(|stranger| stranger.user.0 as usize == user);
            let Some(stranger) = stranger else {
                prop_assert_eq!(left.interactions.row(user), all.interactions.row(user));
                prop_assert_eq!(&left.possessions[user], &all.possessions[user]);
                continue;
            };
            prop_assert!(user != shy && left.interactions.row(user).0.is_empty() && left.possessions[user].is_empty());
            for count in [0, 1, 3, 8] {
                let (events, case) = (stranger.events(count), stranger.case(count));
                prop_assert!(events.iter().all(|&(product, weight)| all.interactions.get(user, product) == weight));
                prop_assert_eq!(events.len(), count.min(4), "one of five is left to be found");
                prop_assert_eq!(case.seen.len(), events.len());
                prop_assert!(case.relevant.is_sorted() && !case.relevant.is_empty());
                let rest = |product: &u32| all.interactions.get(user, *product) > 0.0 && by_chance;
                let is_next = |product: &u32| held.test.get(user, *product) > 0.0 || rest(product);
                prop_assert!(case.relevant.iter().all(|product| is_next(product) && !case.seen.contains(product)));
            }
        }
        let is_withheld = |user: UserRow| withheld.people.iter().any(|stranger| stranger.user == user);
        let others: Vec<&TeamRecord> = all.teams.iter().filter(|team| !team.members().into_iter().any(is_withheld)).collect();
        prop_assert_eq!(left.teams.iter().collect::<Vec<_>>(), others);
    }
}

fn team(user: u32) -> TeamRecord {
    TeamRecord {
        team_id: user.to_string(),
        initiator: UserRow(user),
        product: ProductRow(0),
        participants: vec![UserRow((user + 7) % (2 * USERS as u32))],
        min_size: 2,
        opened_at: None,
        deadline: None,
        outcome: TeamOutcome::Succeeded,
        split: Split::Train,
        negatives: Vec::new(),
        public: None,
    }
}
