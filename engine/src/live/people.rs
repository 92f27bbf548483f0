//! Users since the cut: new ones, changed records, deletions, and what they did.

use std::sync::Arc;

use imbl::{HashMap, HashSet, Vector};
use xxhash_rust::xxh3::xxh3_128;

use super::popularity::Added;
use super::records::UserRecord;
use super::row_map::RowMap;

/// What one user did to one product since the cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Had {
    pub(crate) product: u32,
    pub(crate) purchases: u32,
    pub(crate) gifts: u32,
    /// Latest purchase or gift, ms since the epoch.
    pub(crate) last_ms: i64,
    /// First day (since the epoch) on which a purchase became known here: it counts for others from the next day on.
    pub(crate) known_day: i64,
}

impl Had {
    /// Whether she bought or gave it; otherwise she only looked.
    pub(crate) fn is_possession(&self) -> bool {
        self.purchases + self.gifts > 0
    }
}

/// What one user said since the cut of one product that she had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Feedback {
    pub(crate) product: u32,
    /// The latest stars, 1 to 5.
    pub(crate) stars: Option<f32>,
    /// When she gave them, ms since the epoch.
    rated_ms: i64,
    /// Purchases since the cut that she did not want to keep, and that [`Had`] has forgotten.
    pub(crate) lost: u32,
    /// Whether she sent it back after she had bought it.
    pub(crate) returned: bool,
}

/// One event that tells of taste: product and weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Signal {
    pub(crate) product: u32,
    pub(crate) weight: f32,
}

/// Most signals that a user's vector is folded from: the latest ones.
pub(crate) const MOST_SIGNALS: usize = 200;

/// A product that somebody refused on a day on which others might learn that she had bought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ceased {
    pub(crate) product: u32,
    /// Day on which she refused it.
    pub(crate) day: i64,
    /// Day from which on others could learn of it.
    pub(crate) shown_from_day: i64,
}

/// How much more in haste somebody is than others in her country when she chooses an offer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Haste {
    pub(crate) shift: f32,
    /// How sure that is: 1 by the variance.
    pub(crate) precision: f32,
}

/// What one user did since the cut.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct History {
    /// By product.
    pub(crate) had: Vec<Had>,
    /// Products she disliked or sent back and did not buy again, ascending.
    pub(crate) refused: Vec<u32>,
    /// What she said of products, in the order of her first words.
    pub(crate) feedback: Vec<Feedback>,
    /// Latest last, at most [`MOST_SIGNALS`].
    pub(crate) signals: Vec<Signal>,
    /// What she added to the popularity of products.
    pub(crate) added: Vec<Added>,
    /// Products that she refused and wanted after all, with the last day on which she did.
    pub(crate) accepted: Vec<(u32, i64)>,
    /// Products that she refused on a day on which others might still learn of her purchase.
    pub(crate) ceased: Vec<Ceased>,
    /// What the offers that she took since the cut tell of her haste.
    pub(crate) haste: Option<Haste>,
    /// Her vector with the signals folded in.
    pub(crate) vector: Option<Box<[f32]>>,
}

impl History {
    /// The entry of `product`, made if need be.
    pub(crate) fn had_mut(&mut self, product: u32) -> &mut Had {
        let at = self.had.binary_search_by_key(&product, |had| had.product).unwrap_or_else(|at| {
            let nothing = Had { product, purchases: 0, gifts: 0, last_ms: i64::MIN, known_day: i64::MAX };
            self.had.insert(at, nothing);
            at
        });
        &mut self.had[at]
    }

    /// Whether she refused `product`.
    pub(crate) fn refuses(&self, product: u32) -> bool {
        self.refused.binary_search(&product).is_ok()
    }

    /// Notes that she refuses `product`, and forgets what spoke for it.
    pub(crate) fn refuse(&mut self, product: u32) {
        let purchases = self.purchases(product);
        if purchases > 0 {
            self.feedback_mut(product).lost = purchases;
        }
        if let Err(at) = self.refused.binary_search(&product) {
            self.refused.insert(at, product);
        }
        self.signals.retain(|signal| signal.product != product);
        self.had.retain(|had| had.product != product);
    }

    /// Notes that she ceased to have a product whose purchase counted for others.
    pub(crate) fn cease(&mut self, ceased: Ceased) {
        self.ceased.retain(|before| before.day == ceased.day && before.product != ceased.product);
        self.ceased.push(ceased);
    }

    /// Notes the stars that she gave `product` at `ms`: the latest count, in whatever order they come.
    pub(crate) fn rate(&mut self, product: u32, stars: f32, ms: i64) {
        let said = self.feedback_mut(product);
        if said.stars.is_none() || said.rated_ms <= ms {
            (said.stars, said.rated_ms) = (Some(stars), ms);
        }
    }

    /// Purchases of `product` since the cut, also those that she did not want to keep.
    pub(crate) fn purchases(&self, product: u32) -> u32 {
        let had = self.had.iter().filter(|had| had.product == product).map(|had| had.purchases);
        had.chain(self.feedback.iter().filter(|said| said.product == product).map(|said| said.lost)).sum()
    }

    /// Notes that she sent back `product`, which she had bought.
    pub(crate) fn send_back(&mut self, product: u32) {
        self.feedback_mut(product).returned = true;
    }

    fn feedback_mut(&mut self, product: u32) -> &mut Feedback {
        let at = self.feedback.iter().position(|said| said.product == product).unwrap_or_else(|| {
            self.feedback.push(Feedback { product, stars: None, rated_ms: i64::MIN, lost: 0, returned: false });
            self.feedback.len() - 1
        });
        &mut self.feedback[at]
    }

    /// Notes that on `day` she wants `product` after all, if she had refused it.
    pub(crate) fn accept(&mut self, product: u32, day: i64) {
        if let Ok(at) = self.refused.binary_search(&product) {
            self.refused.remove(at);
            self.accepted.retain(|&(accepted, _)| accepted != product);
            self.accepted.push((product, day));
        }
    }

    /// The day on which she last took back that she had refused `product`: what she had of it before becomes known anew.
    pub(crate) fn accepted_on(&self, product: u32) -> Option<i64> {
        self.accepted.iter().find(|&&(accepted, _)| accepted == product).map(|&(_, day)| day)
    }

    /// Number of products that the signals are about.
    pub(crate) fn products_with_signals(&self) -> usize {
        let products: std::collections::BTreeSet<u32> = self.signals.iter().map(|signal| signal.product).collect();
        products.len()
    }

    /// Notes one signal; the oldest gives way when there are too many.
    pub(crate) fn signal(&mut self, product: u32, weight: f32) {
        if self.signals.len() == MOST_SIGNALS {
            self.signals.remove(0);
        }
        self.signals.push(Signal { product, weight });
    }
}

/// Changes to users; who is not in here is as the bundle has her.
#[derive(Debug, Clone, Default)]
pub(crate) struct People {
    rows: HashMap<Arc<str>, u32>,
    /// Ids of new users: the first has row `n_users` of the bundle.
    ids: Vector<Arc<str>>,
    records: RowMap<Arc<UserRecord>>,
    deleted: HashSet<u32>,
    /// When the last user with an id was deleted, ms since the epoch, behind a hash of the id.
    deletions: HashMap<u128, i64>,
    histories: RowMap<Arc<History>>,
}

impl People {
    /// Row of a user who is new since the cut.
    pub(crate) fn row(&self, id: &str) -> Option<u32> {
        self.rows.get(id).copied()
    }

    /// Id of the `at`-th new user.
    pub(crate) fn id(&self, at: usize) -> &str {
        &self.ids[at]
    }

    /// Number of new users, deleted ones included.
    pub(crate) fn n_new(&self) -> usize {
        self.ids.len()
    }

    /// The record put since the cut.
    pub(crate) fn record(&self, row: u32) -> Option<&Arc<UserRecord>> {
        self.records.get(&row)
    }

    /// Whether she was deleted.
    pub(crate) fn is_deleted(&self, row: u32) -> bool {
        !self.deleted.is_empty() && self.deleted.contains(&row)
    }

    /// What she did since the cut.
    pub(crate) fn history(&self, row: u32) -> Option<&Arc<History>> {
        self.histories.get(&row)
    }

    /// Everybody who did anything since the cut.
    pub(crate) fn histories(&self) -> impl Iterator<Item = (u32, &Arc<History>)> {
        self.histories.iter().map(|(&row, history)| (row, history))
    }

    /// Replaces what she did since the cut.
    pub(crate) fn set_history(&mut self, row: u32, history: History) {
        self.histories.insert(row, Arc::new(history));
    }

    /// Gives a new user the row `first_row + len()`.
    pub(crate) fn add(&mut self, id: &str, first_row: usize) -> u32 {
        let row = (first_row + self.ids.len()) as u32;
        let id: Arc<str> = id.into();
        self.rows.insert(id.clone(), row);
        self.ids.push_back(id);
        row
    }

    /// Replaces a record.
    pub(crate) fn set_record(&mut self, row: u32, record: UserRecord) {
        self.records.insert(row, Arc::new(record));
    }

    /// When the last user with this id was deleted, ms since the epoch.
    pub(crate) fn last_deletion(&self, id: &str) -> Option<i64> {
        if self.deletions.is_empty() { None } else { self.deletions.get(&xxh3_128(id.as_bytes())).copied() }
    }

    /// Deletes a user at `at_ms`: her row is never used again, and her id is free for somebody new.
    pub(crate) fn delete(&mut self, row: u32, id: &str, at_ms: i64) {
        self.deletions.insert(xxh3_128(id.as_bytes()), at_ms);
        if self.rows.get(id) == Some(&row) {
            self.rows.remove(id);
        }
        self.records.remove(&row);
        self.histories.remove(&row);
        self.deleted.insert(row);
    }
}
