//! Merging: a new flat index of all that is left and all that is new, built while searches and changes go on.

use std::any::Any;
use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard, PoisonError};

use super::base::Base;
use super::delta::Delta;
use super::state::State;
use super::{LiveError, LiveIndex, LiveOptions, Writer};
use crate::bitmap::Bitmap;
use crate::index::FlatIndex;

/// What became of the merges so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeStatus {
    /// Whether one is under way.
    pub running: bool,
    /// How many have taken the place of the index before.
    pub merged: u64,
    /// How many have failed.
    pub failed: u64,
    /// Why the last one failed; none after one that has not.
    pub failure: Option<LiveError>,
}

impl LiveIndex {
    /// What became of the merges so far.
    pub fn merge_status(&self) -> MergeStatus {
        self.status().clone()
    }

    /// Whether so many changes are waiting that a merge pays.
    pub fn merge_due(&self) -> bool {
        self.is_due(&self.state.load())
    }

    /// Builds a flat index of all vectors and puts it in the place of the one in use; tells whether there was anything
    /// to merge. Searches and changes go on meanwhile, and changes made meanwhile wait for the next merge. A merge that
    /// is under way is waited for first.
    ///
    /// It takes as long as building the index of all vectors does, and memory for a second index and a second copy of
    /// the vectors; the first ones go with the last snapshot that uses them.
    ///
    /// # Errors
    /// When the index cannot be built; the one in use stays, with all changes.
    pub fn merge(&self) -> Result<bool, LiveError> {
        self.merge_with(build)
    }

    /// [`LiveIndex::merge`] by another builder: vectors, dimensions, options.
    pub(super) fn merge_with(
        &self,
        build: impl FnOnce(&[f32], usize, &LiveOptions) -> Result<FlatIndex, LiveError>,
    ) -> Result<bool, LiveError> {
        let _only_one = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let start = {
            let mut writer = self.lock();
            let state = self.state.load_full();
            if state.waiting() == 0 {
                return Ok(false);
            }
            writer.changed = Some(HashSet::new());
            state
        };
        self.status().running = true;
        let built = catch_unwind(AssertUnwindSafe(|| merged(&start, &self.options, build)));
        let built = built.unwrap_or_else(|panic| Err(LiveError::Merge { problem: words(&*panic) }));
        drop(start);
        let outcome = self.swap(built);
        let mut status = self.status();
        status.running = false;
        status.merged += u64::from(outcome.is_ok());
        status.failed += u64::from(outcome.is_err());
        status.failure = outcome.as_ref().err().cloned();
        outcome.map(|()| true)
    }

    /// Puts a new base in place, with the changes made since its snapshot.
    fn swap(&self, built: Result<Base, LiveError>) -> Result<(), LiveError> {
        let mut writer = self.lock();
        let changed = writer.changed.take().unwrap_or_default();
        let base = built?;
        let old = self.state.load_full();
        let mut delta = Delta::new(base.dim());
        let mut gone = BTreeSet::new();
        for id in changed {
            gone.extend(base.row(id));
            // A changed id is in the delta, or nowhere.
            if let Some(vector) = old.delta.get(id) {
                delta.put(id, vector);
            }
        }
        let mut kept = Bitmap::all(base.len());
        gone.iter().for_each(|&row| kept.remove(row));
        let new = State { base: Arc::new(base), kept: Arc::new(kept), removed: gone.len(), delta };
        *writer = Writer::default();
        self.state.store(Arc::new(new));
        drop(writer);
        // The old index may be large: it is freed after the lock.
        drop(old);
        Ok(())
    }

    fn status(&self) -> MutexGuard<'_, MergeStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The base of all vectors of a state, by ascending id.
fn merged(
    state: &State,
    options: &LiveOptions,
    build: impl FnOnce(&[f32], usize, &LiveOptions) -> Result<FlatIndex, LiveError>,
) -> Result<Base, LiveError> {
    let dim = state.base.dim();
    let (mut ids, mut vectors) = (Vec::with_capacity(state.len()), Vec::with_capacity(state.len() * dim));
    let mut new: Vec<(u32, &[f32])> = state.delta.iter().collect();
    new.sort_unstable_by_key(|&(id, _)| id);
    let mut new = new.into_iter().peekable();
    let mut take = |(id, vector): (u32, &[f32])| {
        ids.push(id);
        vectors.extend_from_slice(vector);
    };
    for row in state.kept.rows() {
        let id = state.base.id(row);
        while let Some(one) = new.next_if(|&(new, _)| new < id) {
            take(one);
        }
        take((id, state.base.vector(row)));
    }
    new.for_each(take);
    let same = ids.last().is_none_or(|&last| last as usize + 1 == ids.len());
    let index = build(&vectors, dim, options)?;
    Base::new(index, vectors, (!same).then_some(ids))
}

fn build(vectors: &[f32], dim: usize, options: &LiveOptions) -> Result<FlatIndex, LiveError> {
    let build = || {
        let mut index = FlatIndex::build(vectors, dim, &[], &options.build);
        index.warm();
        index
    };
    if options.merge_threads == 0 {
        return Ok(build());
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.merge_threads)
        .thread_name(|thread| format!("index-merge-{thread}"))
        .build()
        .map_err(|fault| LiveError::Merge { problem: format!("no threads for it: {fault}") })?;
    Ok(pool.install(build))
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}
