//! What the server was told since the bundle was cut, on disk before it is acknowledged, so that a crash loses nothing.
//!
//! Changes go to one thread, which writes all that wait at once, with one wait for the disk; requests wait for that and
//! hold no thread meanwhile. At the next start the changes are applied again, in their order. What a deleted user did, and
//! what was told of her, leaves the file with the deletion.

mod store;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::live::{Change, ChangeFault, Journal, Kept, NotKept, Noted};
use tokio::sync::watch;

use self::store::{Entry, Past, Store, Task};
use crate::telemetry;

pub use self::store::JournalError;

/// Most tasks that are written at once.
const MOST_AT_ONCE: usize = 20_000;

/// What became of the changes of a journal at the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Changes that hold again.
    pub applied: u64,
    /// Changes that are part of the bundle, which was made after they came in.
    pub in_bundle: u64,
    /// Changes that fit the bundle no more: of products that it does not know, for example.
    pub refused: u64,
}

/// The engine with all that the journal at `path` keeps applied, keeping there whatever comes.
///
/// A change that came in while another bundle was served is not applied where the bundle was cut later and has it in its
/// tables: events and teams. Of these, and of what was shown, what came in more than `keep_days` before `now` leaves the
/// journal.
///
/// # Errors
/// The file cannot be used.
pub fn keep(engine: Engine, path: &Path, keep_days: u32, now: Timestamp) -> Result<(Engine, Replayed), JournalError> {
    let store = Store::open(path)?;
    let replayed = replay(&store, &engine, now.plus_days(-f64::from(keep_days)))?;
    store.serve(engine.snapshot().bundle().version())?;
    let writer = Writer::spawn(store).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    Ok((engine.keeping(Arc::new(writer)), replayed))
}

fn replay(store: &Store, engine: &Engine, oldest: Timestamp) -> Result<Replayed, JournalError> {
    let (version, cut) = {
        let snapshot = engine.snapshot();
        (snapshot.bundle().version().to_owned(), snapshot.bundle().manifest().cut)
    };
    let mut replayed = Replayed::default();
    store.review(|Past { number, entry: Entry { now, change }, served }| {
        let in_bundle = change.is_history() && served != version && cut.is_some_and(|cut| now <= cut);
        if (in_bundle || change.is_showing()) && now < oldest {
            return false;
        }
        if in_bundle {
            replayed.in_bundle += 1;
            return true;
        }
        let deletion = matches!(change, Change::DeleteUser(_));
        match engine.apply_again(change, now) {
            Ok(_) => replayed.applied += 1,
            // She is not there, which is what was asked for.
            Err(ChangeFault::UnknownUser(_)) if deletion => replayed.applied += 1,
            Err(fault) => {
                tracing::debug!(number, %fault, "a change of the journal fits no more");
                replayed.refused += 1;
            }
        }
        true
    })?;
    Ok(replayed)
}

/// How far the thread has come.
#[derive(Debug, Clone, Copy)]
enum Progress {
    /// So many tasks are done.
    Done(u64),
    /// It could not write, and does nothing more.
    Failed,
}

/// The thread that writes, and what it is to do.
#[derive(Debug)]
struct Writer {
    /// Absent only while being dropped.
    tasks: Option<mpsc::Sender<Task>>,
    noted: AtomicU64,
    progress: watch::Receiver<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn spawn(store: Store) -> std::io::Result<Self> {
        let (tasks, to_do) = mpsc::channel();
        let (told, progress) = watch::channel(Progress::Done(0));
        let thread = std::thread::Builder::new().name("juntos-journal".to_owned());
        let thread = thread.spawn(move || write(store, &to_do, &told))?;
        Ok(Self { tasks: Some(tasks), noted: AtomicU64::new(0), progress, thread: Some(thread) })
    }
}

impl Journal for Writer {
    fn note(&self, noted: Noted<'_>, now: Timestamp) -> Result<(), NotKept> {
        if matches!(*self.progress.borrow(), Progress::Failed) {
            return Err(NotKept);
        }
        self.tasks.as_ref().ok_or(NotKept)?.send(task(noted, now)).map_err(|_| NotKept)?;
        self.noted.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn kept(&self) -> Kept {
        let noted = self.noted.load(Ordering::Acquire);
        let mut progress = self.progress.clone();
        Box::pin(async move {
            let settled = |progress: &Progress| !matches!(progress, Progress::Done(done) if *done < noted);
            let progress = progress.wait_for(settled).await.map_err(|_| NotKept)?;
            if matches!(*progress, Progress::Failed) { Err(NotKept) } else { Ok(()) }
        })
    }
}

impl Drop for Writer {
    /// What was noted is written before the file is closed.
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // Its panic is in the log, and nobody is left to be told.
            let _panicked = thread.join();
        }
    }
}

fn task(noted: Noted<'_>, now: Timestamp) -> Task {
    match noted {
        Noted::Change(change) => Task::keep(Entry { now, change: change.clone() }),
        Noted::Deletion { user_id, teams } => {
            let deletion = Change::DeleteUser(user_id.to_owned());
            let changes = [deletion].into_iter().chain(teams.iter().cloned().map(Change::KeepTeam));
            let by = changes.map(|change| Entry { now, change }).collect();
            Task::replace(user_id, &teams.iter().map(|team| team.team_id.as_str()).collect::<Vec<_>>(), by)
        }
    }
}

/// Writes what comes until nobody is left to send, or it cannot be written.
fn write(mut store: Store, to_do: &mpsc::Receiver<Task>, told: &watch::Sender<Progress>) {
    let mut done = 0;
    while let Ok(first) = to_do.recv() {
        let tasks: Vec<Task> = [first].into_iter().chain(to_do.try_iter().take(MOST_AT_ONCE - 1)).collect();
        let (count, begun) = (tasks.len() as u64, Instant::now());
        if let Err(fault) = store.work(tasks) {
            tracing::error!(%fault, "the journal cannot be written; no change is taken until the server is started again");
            metrics::gauge!(telemetry::JOURNAL_FAILED).set(1.0);
            told.send_replace(Progress::Failed);
            return;
        }
        metrics::counter!(telemetry::JOURNAL_CHANGES).increment(count);
        metrics::histogram!(telemetry::JOURNAL_SECONDS).record(begun.elapsed().as_secs_f64());
        done += count;
        told.send_replace(Progress::Done(done));
    }
}

#[cfg(test)]
mod tests;
