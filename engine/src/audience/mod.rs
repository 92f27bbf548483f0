//! A seller's audience: who buys from her, in aggregate, with differential privacy.
//!
//! 1. [`count`]: exact numbers, to which each person adds a bounded amount;
//! 2. [`tell`]: noise, fewest people and error bars, by the shares of [`policy`] and the exact sampler of [`laplace`];
//! 3. [`ledger`]: every answer is on disk before it is told, and what it told is taken off the month's budget.
//!
//! An answer that was drawn stands for the rest of its month: asking again gives the same answer and spends nothing,
//! whatever happened meanwhile, so that two answers cannot be subtracted from each other. A seller who wants newer numbers
//! draws another answer, which spends as much of the budget whether anything has changed or not: otherwise the budget
//! itself would tell. The noise of each draw is new; its seed comes from outside and is kept nowhere.

mod count;
mod laplace;
mod ledger;
mod policy;
mod tell;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use juntos_datasets::units::Timestamp;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

pub use count::AgeBand;
pub use ledger::LedgerError;
pub use policy::{AudiencePolicy, DELTA, FEWEST_PEOPLE, MISS, MOST_CATEGORIES};
pub use tell::{Findings, Fraction, ONE, People, Ratings};

use crate::month::Month;
use crate::recommend::Snapshot;
use count::Exact;
use ledger::{Ledger, Record};

/// What one draw told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The moment of the draw: what happened later is not in it.
    pub as_of: Timestamp,
    /// The month whose budget it was taken off.
    pub month: Month,
    /// ε that it spent, thousandths.
    pub epsilon_thousandths: u32,
    /// What was told; none where the seller has too few buyers.
    pub findings: Option<Findings>,
}

/// A seller's answer, and what is left of her budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceAnswer {
    /// What was told.
    pub told: Arc<Told>,
    /// ε that she may still spend in the month, thousandths.
    pub left_thousandths: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AudienceFault {
    /// Another draw would tell more than the month allows.
    #[error(
        "the privacy budget of seller `{seller_id}` for {month} is spent: {} of {} epsilon; it renews at {renews_at}, and \
         until then the last answer stands",
        *spent_thousandths as f64 / 1_000.0, *month_thousandths as f64 / 1_000.0
    )]
    BudgetSpent {
        /// The seller.
        seller_id: String,
        /// The month.
        month: Month,
        /// ε spent in it, thousandths.
        spent_thousandths: u64,
        /// ε that may be spent in it, thousandths.
        month_thousandths: u64,
        /// When the next month begins.
        renews_at: Timestamp,
    },
    /// What has been told cannot be written down, so nothing is told.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// All sellers' answers and budgets, kept in a ledger on disk.
#[derive(Debug)]
pub struct Audiences {
    policy: AudiencePolicy,
    standing: ArcSwap<imbl::HashMap<String, Standing>>,
    ledger: Mutex<Ledger>,
}

/// One seller's last answer, and what she spent in its month.
#[derive(Debug, Clone)]
struct Standing {
    told: Arc<Told>,
    spent_thousandths: u64,
}

impl Audiences {
    /// Opens the ledger in `folder`, made where it is not there.
    ///
    /// # Errors
    /// [`LedgerError`] when the folder cannot be written, another process holds it, or the ledger is damaged.
    pub fn open(folder: &Path, policy: AudiencePolicy) -> Result<Self, LedgerError> {
        let (ledger, records) = Ledger::open(folder)?;
        let mut standing = imbl::HashMap::new();
        for record in records {
            note(&mut standing, record);
        }
        Ok(Self { policy, standing: ArcSwap::from_pointee(standing), ledger: Mutex::new(ledger) })
    }

    /// The audience of a seller: the answer that stands this month, else a new one; with `fresh` a new one in any case.
    /// None where nobody knows the seller.
    ///
    /// `seed` must be from a source that nobody can foresee. A clock that went back stays in the later month.
    /// Cost: a look-up where an answer stands; else a pass over the products, over those who did anything since the cut,
    /// and over what the buyers have.
    ///
    /// # Errors
    /// [`AudienceFault`] when the budget is spent or the ledger cannot be written: nothing is told then.
    pub fn ask(
        &self,
        world: &Snapshot,
        seller_id: &str,
        fresh: bool,
        now: Timestamp,
        seed: [u8; 32],
    ) -> Result<Option<AudienceAnswer>, AudienceFault> {
        if !world.knows_seller(seller_id) {
            return Ok(None);
        }
        if let Some(answer) = self.standing_answer(seller_id, fresh, now) {
            return Ok(Some(answer));
        }
        self.afford(seller_id, now)?;
        let exact = Exact::count(world, seller_id, now);
        self.draw(&exact, seller_id, fresh, now, seed).map(Some)
    }

    /// Draws an answer, unless one stands by now and will do.
    fn draw(
        &self,
        exact: &Exact,
        seller_id: &str,
        fresh: bool,
        now: Timestamp,
        seed: [u8; 32],
    ) -> Result<AudienceAnswer, AudienceFault> {
        let mut ledger = self.one_at_a_time()?;
        if let Some(answer) = self.standing_answer(seller_id, fresh, now) {
            return Ok(answer);
        }
        let month = self.afford(seller_id, now)?;
        let findings = tell::tell(exact, &self.policy, &mut ChaCha20Rng::from_seed(seed));
        let told = Told { as_of: now, month, epsilon_thousandths: self.policy.epsilon_thousandths, findings };
        let record = Record { seller_id: seller_id.to_owned(), told };
        ledger.append(&record)?;
        let mut standing = (**self.standing.load()).clone();
        let noted = note(&mut standing, record);
        self.standing.store(Arc::new(standing));
        Ok(self.answer(&noted))
    }

    /// The ledger, for one draw.
    fn one_at_a_time(&self) -> Result<MutexGuard<'_, Ledger>, LedgerError> {
        // Whoever panicked may have written what is not yet noted in memory.
        self.ledger.lock().map_err(|poisoned| poisoned.into_inner().broken())
    }

    fn standing_answer(&self, seller_id: &str, fresh: bool, now: Timestamp) -> Option<AudienceAnswer> {
        let all = self.standing.load();
        let standing = all.get(seller_id).filter(|standing| !fresh && Month::of(now) <= standing.told.month)?;
        Some(self.answer(standing))
    }

    fn answer(&self, standing: &Standing) -> AudienceAnswer {
        let left = self.policy.month_thousandths().saturating_sub(standing.spent_thousandths);
        AudienceAnswer { told: Arc::clone(&standing.told), left_thousandths: left }
    }

    /// The month that another answer is taken off, if that month can still afford it.
    fn afford(&self, seller_id: &str, now: Timestamp) -> Result<Month, AudienceFault> {
        let all = self.standing.load();
        let (month, spent) = match all.get(seller_id) {
            Some(standing) if Month::of(now) <= standing.told.month => {
                (standing.told.month, standing.spent_thousandths)
            }
            Some(_) | None => (Month::of(now), 0),
        };
        let month_thousandths = self.policy.month_thousandths();
        if spent + u64::from(self.policy.epsilon_thousandths) <= month_thousandths {
            return Ok(month);
        }
        Err(AudienceFault::BudgetSpent {
            seller_id: seller_id.to_owned(),
            month,
            spent_thousandths: spent,
            month_thousandths,
            renews_at: month.next().start(),
        })
    }
}

impl Snapshot {
    /// Whether anybody knows the seller: by the bundle, or by a product put since.
    pub fn knows_seller(&self, seller_id: &str) -> bool {
        count::is_known(self, seller_id)
    }
}

/// Notes an answer that is in the ledger: it stands from now on.
fn note(all: &mut imbl::HashMap<String, Standing>, Record { seller_id, told }: Record) -> Standing {
    let before = all.get(&seller_id).filter(|standing| told.month <= standing.told.month);
    let spent = before.map_or(0, |standing| standing.spent_thousandths) + u64::from(told.epsilon_thousandths);
    let month = before.map_or(told.month, |standing| standing.told.month);
    let standing = Standing { told: Arc::new(Told { month, ..told }), spent_thousandths: spent };
    all.insert(seller_id, standing.clone());
    standing
}
