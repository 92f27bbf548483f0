//! Several fits of small data at once, one a thread: short steps over few events leave processors waiting for each other.

use std::sync::{Mutex, PoisonError};

use juntos_datasets::progress::Progress;
use rayon::prelude::*;

use crate::error::TrainError;
use crate::models::FitData;

/// Most cells of a history that is fitted on several times at once. Beyond, one fit occupies the processors, and several
/// need as many times the memory.
const MOST_CELLS: usize = 1_000_000;

/// What `fit` makes of each of `jobs`, in their order: at once where `data` is small. Which fits ran together changes
/// nothing but the order in which they tell of themselves.
///
/// # Errors
/// That of the first job that fails.
pub(crate) fn fit_each<J: Sync, T: Send>(
    jobs: &[J],
    data: &FitData<'_>,
    progress: &dyn Progress,
    fit: impl Fn(&J, &dyn Progress) -> Result<T, TrainError> + Sync,
) -> Result<Vec<T>, TrainError> {
    if jobs.len() < 2 || data.interactions.len() > MOST_CELLS {
        return jobs.iter().map(|job| fit(job, progress)).collect();
    }
    let together = Together(Mutex::new(progress));
    progress.stage("models together", jobs.len() as u64);
    let one = |job: &J| {
        let fitted = fit(job, &together);
        together.tell(|progress| progress.advance(1));
        fitted
    };
    let fitted: Vec<Result<T, TrainError>> = jobs.par_iter().with_max_len(1).map(one).collect();
    fitted.into_iter().collect()
}

/// The progress of several fits: what each tells is passed on, but not how far each is.
struct Together<'a>(Mutex<&'a dyn Progress>);

impl Together<'_> {
    fn tell(&self, what: impl FnOnce(&dyn Progress)) {
        what(*self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Together<'_> {
    fn stage(&self, _name: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, line: &str) {
        self.tell(|progress| progress.note(line));
    }
}
