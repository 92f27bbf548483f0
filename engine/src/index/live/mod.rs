//! An index that changes while it is searched: a flat index, what was taken from it, and a small exact delta.
//!
//! A search takes the state of its moment, one atomic load, and holds no lock; a change puts a new state in its place,
//! which shares nearly all of the old one. Rows that were deleted or replaced stay in the graph and are only kept out of
//! the answers, so that walks lead as well as before; the delta is scanned. A merge builds a new flat index of all that
//! is left, while searches and changes go on, and takes its place: see [`LiveIndex::merge`] and [`Merger`].

mod base;
mod delta;
mod merge;
mod merger;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::build::BuildOptions;
use crate::bitmap::Bitmap;
pub use base::Base;
pub use merge::MergeStatus;
pub use merger::Merger;
pub use state::LiveSnapshot;
use state::State;

/// How a live index searches, and when it merges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveOptions {
    /// How merged indexes are built.
    pub build: BuildOptions,
    /// Effort of searches, see [`super::FlatIndex::searcher`]; a snapshot can take another.
    pub effort: usize,
    /// A merge is due when more changes than this are waiting, and …
    pub merge_at: usize,
    /// … more than this share of the flat index's rows, 0 to 1.
    pub merge_share: f32,
    /// Threads that build a merged index; 0 takes those that everything else computes on.
    pub merge_threads: usize,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { build: BuildOptions::default(), effort: 64, merge_at: 4_096, merge_share: 0.02, merge_threads: 0 }
    }
}

/// Why a live index refused; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// A vector has other dimensions than the index.
    #[error("the vector of id {id} has {got} dimensions; give one of {expected}, as the index has")]
    Dimensions {
        /// Whose vector it is.
        id: u32,
        /// Dimensions given.
        got: usize,
        /// Dimensions of the index.
        expected: usize,
    },
    /// A vector has a value that is not finite.
    #[error("the vector of id {id} is not finite at dimension {at}; give finite numbers")]
    NotFinite {
        /// Whose vector it is.
        id: u32,
        /// The first such dimension, from 0.
        at: usize,
    },
    /// Index, vectors and ids do not fit together.
    #[error("no base of a live index: {problem}")]
    Base {
        /// What does not fit, and how to mend it.
        problem: String,
    },
    /// A merged index could not be built; the old one stays in use with all changes.
    #[error("the merged index could not be built: {problem}; searches go on with the old one, merge again")]
    Merge {
        /// What the builder said.
        problem: String,
    },
}

/// An index for inserts, updates and deletes while queries run: see the module.
///
/// Rows are named by ids, any `u32`s. They may be sparse: nothing is kept for ids that have no vector, but a filter over
/// ids costs a pass over the rows of the flat index, a word at a time where 64 of them follow each other without a gap,
/// one at a time elsewhere. Changes are seen by every snapshot taken after they return.
pub struct LiveIndex {
    state: ArcSwap<State>,
    writer: Mutex<Writer>,
    /// Told of changes that make a merge due, and of mergers that have to stop.
    wake: Condvar,
    /// Held by the merge under way.
    merging: Mutex<()>,
    status: Mutex<MergeStatus>,
    options: LiveOptions,
}

/// What changes need, one at a time.
#[derive(Default)]
struct Writer {
    /// The bitmap of kept rows before the last one, used again once nobody reads it: changes then copy none.
    spare: Option<Arc<Bitmap>>,
    /// Rows that the spare bitmap still holds and the last one does not.
    missed: BTreeSet<u32>,
    /// Ids changed since the merge under way took its snapshot.
    changed: Option<HashSet<u32>>,
}

impl std::fmt::Debug for LiveIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LiveIndex({} vectors of {})", self.len(), self.dim())
    }
}

impl LiveIndex {
    /// A live index over a flat one.
    pub fn new(base: Arc<Base>, options: LiveOptions) -> Self {
        Self {
            state: ArcSwap::from_pointee(State::of(base)),
            writer: Mutex::default(),
            wake: Condvar::new(),
            merging: Mutex::default(),
            status: Mutex::default(),
            options,
        }
    }

    /// Inserts the vector of `id`, or replaces it; tells whether there was one.
    ///
    /// # Errors
    /// When the vector has other dimensions than the index, or is not finite.
    pub fn put(&self, id: u32, vector: &[f32]) -> Result<bool, LiveError> {
        self.put_all(&[(id, vector)]).map(|replaced| replaced == 1)
    }

    /// Inserts or replaces several vectors at once, later ones over earlier ones: a search sees all of them or none.
    /// Tells how many replaced one. Cheaper than one after the other.
    ///
    /// # Errors
    /// As [`LiveIndex::put`]; then none is changed.
    pub fn put_all(&self, vectors: &[(u32, &[f32])]) -> Result<usize, LiveError> {
        vectors.iter().try_for_each(|&(id, vector)| self.check(id, vector))?;
        Ok(self.change(vectors.iter().map(|&(id, vector)| (id, Some(vector)))))
    }

    /// Deletes the vector of `id`; tells whether there was one.
    pub fn remove(&self, id: u32) -> bool {
        self.remove_all(&[id]) == 1
    }

    /// Deletes several vectors at once: a search sees all of them or none. Tells how many there were.
    pub fn remove_all(&self, ids: &[u32]) -> usize {
        self.change(ids.iter().map(|&id| (id, None)))
    }

    /// The index as it is now: later changes leave it as it is.
    pub fn snapshot(&self) -> LiveSnapshot {
        LiveSnapshot::new(self.state.load_full(), self.options.effort)
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.state.load().len()
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.state.load().base.dim()
    }

    /// Whether there is a vector of `id`.
    pub fn contains(&self, id: u32) -> bool {
        self.state.load().vector(id).is_some()
    }

    fn check(&self, id: u32, vector: &[f32]) -> Result<(), LiveError> {
        let (got, expected) = (vector.len(), self.dim());
        if got != expected {
            return Err(LiveError::Dimensions { id, got, expected });
        }
        let not_finite = vector.iter().position(|value| !value.is_finite());
        not_finite.map_or(Ok(()), |at| Err(LiveError::NotFinite { id, at }))
    }

    /// Puts or, without a vector, removes; tells how many had a vector before.
    fn change<'a>(&self, edits: impl Iterator<Item = (u32, Option<&'a [f32]>)>) -> usize {
        let mut writer = self.lock();
        let old = self.state.load_full();
        let (mut delta, mut gone, mut existed, mut ids) = (old.delta.clone(), BTreeSet::new(), 0, Vec::new());
        for (id, vector) in edits {
            let stored = old.kept_row(id).is_some_and(|row| gone.insert(row));
            let waiting = match vector {
                Some(vector) => delta.put(id, vector),
                None => delta.remove(id),
            };
            existed += usize::from(stored || waiting);
            if vector.is_some() || stored || waiting {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            return 0;
        }
        let kept = writer.without(&old.kept, &gone);
        if let Some(changed) = &mut writer.changed {
            changed.extend(ids);
        }
        let new = State { base: old.base.clone(), kept, removed: old.removed + gone.len(), delta };
        let due = self.is_due(&new);
        self.state.store(Arc::new(new));
        if due {
            self.wake.notify_all();
        }
        existed
    }

    fn is_due(&self, state: &State) -> bool {
        let share = (self.options.merge_share.clamp(0.0, 1.0) * state.base.len() as f32) as usize;
        state.waiting() > self.options.merge_at.max(share)
    }

    /// A writer that panicked has changed nothing that others see: its lock is taken over.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// The bitmap `kept` without the rows `gone`.
    fn without(&mut self, kept: &Arc<Bitmap>, gone: &BTreeSet<u32>) -> Arc<Bitmap> {
        if gone.is_empty() {
            return kept.clone();
        }
        let mut next = self.spare.take().unwrap_or_else(|| kept.clone());
        let missed = std::mem::replace(&mut self.missed, gone.clone());
        if Arc::get_mut(&mut next).is_none() {
            next = kept.clone();
        }
        let rows = Arc::make_mut(&mut next);
        missed.iter().chain(gone).for_each(|&row| rows.remove(row));
        self.spare = Some(kept.clone());
        next
    }
}
