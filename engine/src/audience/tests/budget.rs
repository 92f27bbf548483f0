//! One seller's budget over asking, months and restarts.

use std::path::Path;
use std::sync::Arc;

use juntos_datasets::tables::EventKind;
use juntos_datasets::units::Timestamp;

use crate::Engine;
use crate::audience::{AudienceAnswer, AudienceFault, AudiencePolicy, Audiences};
use crate::bundle::tests::World;
use crate::live::Change;
use crate::live::records::{EventRecord, ProductRecord, UserRecord};

const BUYERS: usize = 400;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn engine() -> Engine {
    let users: Vec<UserRecord> = (0..=BUYERS).map(|at| UserRecord::new(format!("u{at}"))).collect();
    let products = [ProductRecord { seller_id: Some("s".to_owned()), ..ProductRecord::new("p") }];
    let bought: Vec<_> = (0..BUYERS).map(|user| (user, 0, EventKind::Purchase, None)).collect();
    Engine::new(Arc::new(World::lived(&users, &products, &bought).open()))
}

fn open(folder: &Path) -> Audiences {
    Audiences::open(folder, AudiencePolicy { epsilon_thousandths: 1_000, answers_a_month: 2 }).unwrap()
}

/// A desk that asks with a new seed each time, as a server does.
struct Desk {
    engine: Engine,
    audiences: Audiences,
    seed: u8,
}

impl Desk {
    fn new(folder: &Path) -> Self {
        Self { engine: engine(), audiences: open(folder), seed: 0 }
    }

    fn ask(&mut self, fresh: bool, now: &str) -> Result<AudienceAnswer, AudienceFault> {
        self.seed += 1;
        let world = self.engine.snapshot();
        self.audiences.ask(&world, "s", fresh, at(now), [self.seed; 32]).map(Option::unwrap)
    }
}

#[test]
fn an_answer_stands_all_month_and_spends_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path());
    let first = desk.ask(false, "2026-03-01T12:00:00Z").unwrap();
    assert_eq!(first.left_thousandths, 1_000);
    assert!(first.told.findings.is_some());
    // What happens meanwhile does not show, neither in the answer nor in the budget.
    let event = EventRecord::new(format!("u{BUYERS}"), "p", EventKind::Purchase);
    desk.engine.apply(Change::Event(event), at("2026-03-02T12:00:00Z")).unwrap();
    desk.engine.apply(Change::DeleteUser("u0".to_owned()), at("2026-03-02T12:00:00Z")).unwrap();
    assert_eq!(desk.ask(false, "2026-03-31T23:59:59Z").unwrap(), first);
    let april = desk.ask(false, "2026-04-01T00:00:00Z").unwrap();
    assert_eq!((april.told.as_of, april.left_thousandths), (at("2026-04-01T00:00:00Z"), 1_000));
}

#[test]
fn fresh_answers_spend_until_the_month_is_spent_and_the_last_one_stands() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path());
    let first = desk.ask(true, "2026-03-01T12:00:00Z").unwrap();
    // Nothing has changed: another draw all the same has noise of its own, and spends as much.
    let second = desk.ask(true, "2026-03-01T12:00:00Z").unwrap();
    assert_eq!((first.left_thousandths, second.left_thousandths), (1_000, 0));
    assert_ne!(first.told.findings, second.told.findings);
    let spent = desk.ask(true, "2026-03-31T23:59:59Z").unwrap_err();
    assert_eq!(
        spent.to_string(),
        "the privacy budget of seller `s` for 2026-03 is spent: 2 of 2 epsilon; it renews at 2026-04-01T00:00:00.000Z, \
         and until then the last answer stands"
    );
    assert_eq!(desk.ask(false, "2026-03-31T23:59:59Z").unwrap(), second);
    assert!(desk.ask(true, "2026-04-01T00:00:00Z").is_ok());
}

/// A clock that goes back opens no budget that was left behind.
#[test]
fn a_clock_that_goes_back_stays_in_the_later_month() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path());
    desk.ask(true, "2026-03-01T12:00:00Z").unwrap();
    desk.ask(true, "2026-04-01T12:00:00Z").unwrap();
    let second = desk.ask(true, "2026-03-15T12:00:00Z").unwrap();
    assert_eq!((second.told.month.to_string(), second.left_thousandths), ("2026-04".to_owned(), 0));
    assert!(desk.ask(true, "2026-03-15T12:00:00Z").is_err());
}

#[test]
fn answers_and_budgets_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path());
    desk.ask(true, "2026-03-01T12:00:00Z").unwrap();
    let second = desk.ask(true, "2026-03-02T12:00:00Z").unwrap();
    drop(desk);
    let mut desk = Desk::new(folder.path());
    assert_eq!(desk.ask(false, "2026-03-03T12:00:00Z").unwrap(), second);
    assert!(matches!(desk.ask(true, "2026-03-03T12:00:00Z"), Err(AudienceFault::BudgetSpent { .. })));
}

/// Too few buyers are an answer as well, and cost as much: a price that depended on them would tell of them.
#[test]
fn too_few_buyers_stand_and_spend_too_and_nobody_is_not_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(folder.path());
    for user in 0..BUYERS - 20 {
        desk.engine.apply(Change::DeleteUser(format!("u{user}")), at("2026-03-01T00:00:00Z")).unwrap();
    }
    let silent = desk.ask(false, "2026-03-01T12:00:00Z").unwrap();
    assert_eq!((&silent.told.findings, silent.left_thousandths), (&None, 1_000));
    assert_eq!(desk.ask(false, "2026-03-02T12:00:00Z").unwrap(), silent);
    let world = desk.engine.snapshot();
    let nobody = desk.audiences.ask(&world, "nobody", false, at("2026-03-01T12:00:00Z"), [0; 32]).unwrap();
    assert_eq!(nobody, None);
}

/// Many who ask at once for the first answer of a month get one answer.
#[test]
fn those_who_ask_at_once_get_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, audiences) = (engine(), open(folder.path()));
    let ask = |seed: u8| audiences.ask(&engine.snapshot(), "s", false, at("2026-03-01T12:00:00Z"), [seed; 32]);
    let answers: Vec<AudienceAnswer> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|seed| scope.spawn(move || ask(seed).unwrap().unwrap())).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.left_thousandths == 1_000), "{answers:?}");
}
