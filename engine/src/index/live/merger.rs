//! A thread that merges a live index whenever that is due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::LiveIndex;

/// Longest time between a merge that failed and the next.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Merges in the background as long as it lives; what became of the merges, [`LiveIndex::merge_status`] tells.
///
/// After a failure it waits a second before the next merge, and twice as long after each further one, up to a minute.
/// Dropped, it stops after the merge under way.
pub struct Merger {
    index: Arc<LiveIndex>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Merger {
    /// Starts the thread `index-merger`.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn spawn(index: Arc<LiveIndex>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (index, stop) = (index.clone(), stop.clone());
            std::thread::Builder::new().name("index-merger".to_owned()).spawn(move || run(&index, &stop))?
        };
        Ok(Self { index, stop, thread: Some(thread) })
    }

    /// Stops without waiting: the thread ends by itself after the merge under way.
    pub fn detach(mut self) {
        drop(self.thread.take());
    }
}

impl std::fmt::Debug for Merger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Merger({:?})", self.index)
    }
}

impl Drop for Merger {
    fn drop(&mut self) {
        {
            // Under the lock, so that the thread does not fall asleep between looking and waiting.
            let _writer = self.index.lock();
            self.stop.store(true, Ordering::Relaxed);
        }
        self.index.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // Merges catch panics; there is nobody to tell of any other here.
            let _ = thread.join();
        }
    }
}

fn run(index: &LiveIndex, stop: &AtomicBool) {
    let mut failures = 0u32;
    while wait_until_due(index, stop) {
        match index.merge() {
            Ok(_) => failures = 0,
            Err(_) => {
                failures += 1;
                pause(index, stop, Duration::from_secs(1 << (failures - 1).min(6)).min(LONGEST_PAUSE));
            }
        }
    }
}

/// Tells whether to merge; otherwise it is time to stop.
fn wait_until_due(index: &LiveIndex, stop: &AtomicBool) -> bool {
    let mut writer = index.lock();
    while !stop.load(Ordering::Relaxed) && !index.merge_due() {
        writer = index.wake.wait(writer).unwrap_or_else(PoisonError::into_inner);
    }
    !stop.load(Ordering::Relaxed)
}

/// Waits, but not for a stop.
fn pause(index: &LiveIndex, stop: &AtomicBool, time: Duration) {
    let end = Instant::now() + time;
    let mut writer = index.lock();
    while let Some(left) = end.checked_duration_since(Instant::now())
        && !stop.load(Ordering::Relaxed)
    {
        writer = index.wake.wait_timeout(writer, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}
