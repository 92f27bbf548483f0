//! The recommender and its states: readers take a snapshot and never lock, changes make the next one.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use juntos_datasets::ProductRow;
use juntos_datasets::units::Timestamp;

use crate::allowed::PreparedKey;
use crate::bitmap::Bitmap;
use crate::bundle::Bundle;
use crate::exchange::Rates;
use crate::index::{LiveIndex, MergeStatus, Merger};
use crate::live::{Applied, Change, ChangeFault, Journal, Live, NotKept, Noted};
use crate::rules::{Prepared, RuleFault, Rules};
use crate::together::InvitePolicy;

/// The recommender over one bundle and the live state since it was cut.
///
/// Readers take [`Engine::snapshot`] and never lock; changes are applied one at a time.
#[derive(Debug)]
pub struct Engine {
    current: ArcSwap<Snapshot>,
    writer: Mutex<()>,
    merger: Option<Merger>,
    journal: Option<Arc<dyn Journal>>,
}

impl Engine {
    /// A recommender over `bundle` with nothing having happened since it was cut but the teams that were open then.
    pub fn new(bundle: Arc<Bundle>) -> Self {
        Self {
            current: ArcSwap::from_pointee(Snapshot::new(bundle)),
            writer: Mutex::new(()),
            merger: None,
            journal: None,
        }
    }

    /// The same with another say on how often people may be suggested for invitations.
    pub fn with_invites(self, invites: InvitePolicy) -> Self {
        let snapshot = Snapshot { invites, ..Snapshot::clone(&self.snapshot()) };
        self.current.store(Arc::new(snapshot));
        self
    }

    /// The same with other business rules.
    ///
    /// # Errors
    /// [`RuleFault`] names the rule that is out of range.
    pub fn with_rules(self, rules: Rules) -> Result<Self, RuleFault> {
        rules.check()?;
        let rates = self.snapshot().rules.rates.clone();
        self.prepare(rules, rates);
        Ok(self)
    }

    /// The same with prices in different currencies compared by `rates`; without, they compare within a currency only.
    pub fn with_rates(self, rates: Rates) -> Self {
        let rules = self.snapshot().rules.rules.clone();
        self.prepare(rules, rates);
        self
    }

    fn prepare(&self, rules: Rules, rates: Rates) {
        let before = self.snapshot();
        let prepared = Prepared::new(&before.base.bundle, rules, rates);
        if prepared.rules.explore.share > 0.0 {
            // Better now than in the first question.
            prepared.novelties(&before.base.bundle);
        }
        // Sets that were prepared under other rules are not taken over.
        let base = Arc::new(before.base.unprepared());
        let snapshot = Snapshot { rules: Arc::new(prepared), base, ..Snapshot::clone(&before) };
        self.current.store(Arc::new(snapshot));
    }

    /// The same with a thread that takes new products into the vector index whenever many are waiting, as long as the
    /// engine lives; without it every search scans them. An engine that serves for long wants it.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn merging_in_background(mut self) -> std::io::Result<Self> {
        self.merger = Some(Merger::spawn(self.snapshot().base.index.clone())?);
        Ok(self)
    }

    /// The same with every change noted there before it holds. What the journal has kept from before is applied by
    /// whoever opens it, before this.
    pub fn keeping(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Waits until every change applied so far outlives a crash; at once where no journal keeps any.
    ///
    /// # Errors
    /// [`NotKept`] when they cannot be kept.
    pub fn kept(&self) -> impl Future<Output = Result<(), NotKept>> + Send + use<> {
        let kept = self.journal.as_ref().map(|journal| journal.kept());
        async move {
            match kept {
                Some(kept) => kept.await,
                None => Ok(()),
            }
        }
    }

    /// What became of the merges of the vector index so far.
    pub fn merge_status(&self) -> MergeStatus {
        self.snapshot().base.index.merge_status()
    }

    /// What is known at this moment: it never changes, so that one request sees one state of the world.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Applies one change that came in at `now`: it holds in every snapshot taken from then on.
    ///
    /// # Errors
    /// [`ChangeFault`] when the change cannot be; nothing has changed then.
    pub fn apply(&self, change: Change, now: Timestamp) -> Result<Applied, ChangeFault> {
        // A writer that panicked has stored nothing: the state is whole whether the lock is poisoned or not.
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.snapshot();
        before.check(&change, now)?;
        self.step(&before, change, now)
    }

    /// Applies a change that a [`Journal`] has kept: what could be when it first came in is not asked again, since people
    /// may be friends no more in a later bundle, and an invitation that was declined stays declined.
    ///
    /// # Errors
    /// [`ChangeFault`] when it fits the bundle no more; nothing has changed then.
    pub fn apply_again(&self, change: Change, now: Timestamp) -> Result<Applied, ChangeFault> {
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.step(&self.snapshot(), change, now)
    }

    /// From one state to the next, by the one who holds the lock.
    fn step(&self, before: &Snapshot, change: Change, now: Timestamp) -> Result<Applied, ChangeFault> {
        let noted = self.journal.as_ref().map(|journal| (journal, change.clone()));
        let (next, applied) = before.after(change, now)?;
        if let Some((journal, change)) = noted.filter(|_| applied != Applied::Duplicate) {
            journal.note(noted_of(&change, before, &next), now)?;
        }
        self.current.store(Arc::new(next));
        Ok(applied)
    }
}

/// What a journal is told of a change from one world to the next.
fn noted_of<'a>(change: &'a Change, before: &Snapshot, next: &Snapshot) -> Noted<'a> {
    match change {
        Change::DeleteUser(user_id) => {
            let teams = before.teams_that_know(user_id);
            Noted::Deletion { user_id, teams: teams.iter().filter_map(|id| next.kept_team(id)).collect() }
        }
        change => Noted::Change(change),
    }
}

impl Drop for Engine {
    /// A merge under way is not waited for: whoever drops the last handle may be answering a request.
    fn drop(&mut self) {
        if let Some(merger) = self.merger.take() {
            merger.detach();
        }
    }
}

/// One immutable state of the world: the bundle and what happened since.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) base: Arc<Base>,
    pub(crate) live: Live,
    pub(crate) invites: InvitePolicy,
    pub(crate) rules: Arc<Prepared>,
}

/// What belongs to the bundle and is prepared once for it.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) bundle: Arc<Bundle>,
    /// Vectors of the bundle's products, and of new ones by their rows.
    pub(crate) index: Arc<LiveIndex>,
    /// Age limits that products of the bundle have, ascending.
    pub(crate) age_limits: Vec<u32>,
    /// Sets of allowed products of frequent questions.
    pub(crate) prepared: ArcSwap<imbl::HashMap<PreparedKey, Arc<Bitmap>>>,
}

impl Base {
    /// The same with no set of allowed products prepared.
    fn unprepared(&self) -> Self {
        Self {
            bundle: self.bundle.clone(),
            index: self.index.clone(),
            age_limits: self.age_limits.clone(),
            prepared: ArcSwap::default(),
        }
    }
}

impl Snapshot {
    fn new(bundle: Arc<Bundle>) -> Self {
        let products = 0..bundle.n_products() as u32;
        let limits: std::collections::BTreeSet<u32> =
            products.filter_map(|row| bundle.catalogue().min_age(ProductRow(row))).collect();
        let live = Live::at_the_cut(&bundle);
        let index = Arc::new(bundle.live_index());
        let rules = Arc::new(Prepared::new(&bundle, Rules::default(), Rates::default()));
        let base = Base { bundle, index, age_limits: limits.into_iter().collect(), prepared: ArcSwap::default() };
        Self { base: Arc::new(base), live, invites: InvitePolicy::default(), rules }
    }

    /// The bundle below.
    pub fn bundle(&self) -> &Bundle {
        &self.base.bundle
    }
}
