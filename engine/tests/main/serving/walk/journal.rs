//! What a journal keeps makes the same world again: every answer to everybody, down to the last digit of every score. And
//! it keeps nothing of who was deleted but that she was.

use std::sync::{Arc, Mutex};

use juntos_datasets::units::Timestamp;
use juntos_engine::live::records::{InviteKind, InviteRecord, Opening, TeamStep, TeamStepRecord};
use juntos_engine::live::{Change, ChangeFault, Journal, Kept, NotKept, Noted};
use juntos_engine::request::Context;
use proptest::prelude::*;
use rand::RngExt;

use super::secrets::all_answers;
use super::{STEPS, Walk};

/// A journal in memory, as plain as its promise.
#[derive(Debug, Default)]
struct Book(Mutex<Vec<(Change, Timestamp)>>);

impl Journal for Book {
    fn note(&self, noted: Noted<'_>, now: Timestamp) -> Result<(), NotKept> {
        let mut lines = self.0.lock().unwrap();
        match noted {
            Noted::Change(change) => lines.push((change.clone(), now)),
            Noted::Deletion { user_id, teams } => {
                let of_team = |id: &str| teams.iter().any(|team| team.team_id == id);
                let speaks = |change: &Change| change.people().contains(&user_id) || change.team().is_some_and(of_team);
                let left = |(change, now): (Change, Timestamp)| match speaks(&change) {
                    true => change.without(user_id).map(|change| (change, now)),
                    false => Some((change, now)),
                };
                *lines = std::mem::take(&mut *lines).into_iter().filter_map(left).collect();
                lines.push((Change::DeleteUser(user_id.to_owned()), now));
                lines.extend(teams.into_iter().map(|team| (Change::KeepTeam(team), now)));
            }
        }
        Ok(())
    }

    fn kept(&self) -> Kept {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Walk {
    /// A random step of a team that no other change speaks of, or a random stage of an invitation, some with a time and some
    /// without; many of them cannot be.
    fn report(&mut self) {
        let (user, other, product) = (self.someone(), self.someone(), self.something());
        if self.truth.people[user].gone || self.truth.people[other].gone {
            return;
        }
        let [user_id, initiator_id] = [user, other].map(|user| self.truth.people[user].id.clone());
        let product_id = self.truth.things[product].id.clone();
        let ago = self.random.random_range(0.0..0.2);
        let ts = self.random.random_bool(0.5).then(|| self.truth.now.plus_days(-ago));
        let change = if self.random.random_bool(0.6) {
            let (min_size, deadline) = (Some(self.random.random_range(2..5)), Some(self.truth.now.plus_days(2.0)));
            let public = [None, Some(false), Some(true)][self.random.random_range(0..3)];
            let step = match self.random.random_range(0..8) {
                0..=2 => TeamStep::Opened(Opening { product_id, min_size, deadline, public }),
                3..=5 => TeamStep::Joined,
                6 => TeamStep::Left,
                _ => TeamStep::Cancelled,
            };
            let team_id = format!("reported{}", self.random.random_range(0..5));
            Change::TeamStep(TeamStepRecord { team_id, user_id, step, ts, event_id: None })
        } else {
            let kind = InviteKind::ALL[self.random.random_range(0..InviteKind::ALL.len())];
            Change::Invite(InviteRecord { user_id, initiator_id, product_id, kind, ts, event_id: None })
        };
        let _refused = self.engine.apply(change, self.truth.now);
    }
}

fn check(seed: u64) -> Result<(), TestCaseError> {
    let book = Arc::new(Book::default());
    let mut walk = Walk::new(seed);
    let again = Walk::new(seed).engine;
    walk.engine = walk.engine.keeping(book.clone());
    for _ in 0..3 * STEPS {
        walk.change();
        walk.report();
    }
    let lines = book.0.lock().unwrap().clone();
    for (change, now) in lines.iter().cloned() {
        // Of somebody whom only a deleted user has ever named nothing is known now.
        let unknown = |fault: &ChangeFault| matches!(fault, ChangeFault::UnknownUser(_));
        let applied = again.apply_again(change.clone(), now);
        prop_assert!(applied.as_ref().map_or_else(unknown, |_| true), "{change:?}: {applied:?}");
    }
    let gone: Vec<&String> = walk.truth.people.iter().filter(|person| person.gone).map(|person| &person.id).collect();
    for (change, _) in &lines {
        let told = serde_json::to_string(change).unwrap();
        let tells = |id: &&&String| told.contains(&format!("\"{id}\"")) && !matches!(change, Change::DeleteUser(_));
        prop_assert!(!gone.iter().any(|id| tells(&id)), "{}", told);
    }
    let products: Vec<String> = walk.truth.things.iter().take(3).map(|thing| thing.id.clone()).collect();
    let known = |id: &&String| again.snapshot().user(id).is_some();
    let here: Vec<&String> =
        walk.truth.people.iter().filter(|person| !person.gone).map(|person| &person.id).filter(known).collect();
    for (at, id) in here.iter().enumerate() {
        for days in [0.0, 1.0] {
            let context = Context::new(walk.truth.now.plus_days(days), 10);
            let ids = [*id, here[(at + 1) % here.len()]];
            let [before, after] = [&walk.engine, &again].map(|engine| all_answers(engine, &ids, &products, &context));
            prop_assert_eq!(before, after, "{} after {} days", id, days);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_journal_makes_the_same_world_again(seed in any::<u32>()) {
        check(u64::from(seed))?;
    }
}
