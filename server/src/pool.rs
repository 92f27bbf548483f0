//! Where answers are computed: a pool of CPU threads with a bounded queue, so that sockets never wait for arithmetic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use crate::error::{ApiError, ApiResult, Code};

/// CPU threads and the bound on work waiting for them.
#[derive(Debug)]
pub struct CpuPool {
    threads: rayon::ThreadPool,
    places: Arc<Semaphore>,
}

impl CpuPool {
    /// `threads` threads (0: one for each core) and room for `max_waiting` jobs beside those that run.
    ///
    /// # Errors
    /// The system gave no threads.
    pub fn new(threads: usize, max_waiting: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("juntos-cpu-{number}"))
            .build()?;
        let places = Arc::new(Semaphore::new(threads.current_num_threads() + max_waiting));
        Ok(Self { threads, places })
    }

    /// Runs `job` on a CPU thread and waits for it without blocking the caller's thread.
    ///
    /// A job whose caller has gone away (timeout, closed connection) before its turn is skipped.
    ///
    /// # Errors
    /// `overloaded` when every place is taken; `internal` when the job panicked (logged here, once).
    pub async fn run<T, F>(&self, job: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce() -> ApiResult<T> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics::counter!(crate::telemetry::OVERLOADED).increment(1);
            return Err(ApiError::new(
                Code::Overloaded,
                "too many questions wait already; try again after the seconds in Retry-After",
            ));
        };
        let (sender, receiver) = oneshot::channel();
        self.threads.spawn(move || {
            if !sender.is_closed() {
                // A receiver that has gone away meanwhile wants no answer.
                let _gone = sender.send(run_caught(job));
            }
            drop(place);
        });
        receiver.await.unwrap_or_else(|_| Err(ApiError::internal()))
    }
}

fn run_caught<T>(job: impl FnOnce() -> ApiResult<T>) -> ApiResult<T> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
        log_panic(panic.as_ref());
        Err(ApiError::internal())
    })
}

/// Writes what a panic said to the log; the client gets none of it.
pub(crate) fn log_panic(panic: &(dyn std::any::Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text");
    tracing::error!(panic = text, "answering a request panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_internal_error_without_its_text_and_the_pool_lives_on() {
        let pool = CpuPool::new(1, 1).unwrap();
        let error = pool.run(|| -> ApiResult<()> { panic!("secret") }).await.unwrap_err();
        assert_eq!(error, ApiError::internal());
        assert_eq!(pool.run(|| Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn a_full_pool_refuses_at_once_and_takes_work_again_when_done() {
        let pool = Arc::new(CpuPool::new(1, 1).unwrap());
        let (release, wait) = mpsc::channel::<()>();
        let running = Arc::clone(&pool);
        let first = tokio::spawn(async move {
            running
                .run(move || {
                    wait.recv().expect("the test lets go");
                    Ok(1)
                })
                .await
        });
        let waiting = Arc::clone(&pool);
        let second = tokio::spawn(async move { waiting.run(|| Ok(2)).await });
        while pool.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| Ok(3)).await.unwrap_err().code, Code::Overloaded);
        release.send(()).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(1), Ok(2)));
        while pool.run(|| Ok(())).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
