//! Sellers' audiences behind the API: the ledger is opened when it is first needed, and every draw gets its seed here.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use juntos_datasets::units::Timestamp;
use juntos_engine::Snapshot;
use juntos_engine::audience::{AudienceFault, AudiencePolicy, Audiences, LedgerError};

use crate::config::ServerConfig;
use crate::error::{ApiError, ApiResult, Code};
use crate::wire::audience::SellerAudience;

/// Gives the seed of a draw, which nobody may foresee.
pub type Seeds = Arc<dyn Fn() -> Result<[u8; 32], getrandom::Error> + Send + Sync>;

/// The system's source of seeds.
pub(crate) fn system_seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

/// The ledger and its terms.
pub(crate) struct AudienceDesk {
    folder: PathBuf,
    policy: AudiencePolicy,
    seeds: Seeds,
    audiences: Mutex<Option<Arc<Audiences>>>,
}

impl AudienceDesk {
    /// Opens the ledger where there is one, so that a damaged one is found before the port opens.
    pub(crate) fn new(config: &ServerConfig, seeds: Seeds) -> Result<Self, LedgerError> {
        let desk = Self {
            folder: config.audience_folder.clone(),
            policy: config.audience_policy(),
            seeds,
            audiences: Mutex::new(None),
        };
        if desk.folder.exists() {
            desk.audiences()?;
        }
        Ok(desk)
    }

    /// The audiences; the first call makes the folder where it is not there.
    fn audiences(&self) -> Result<Arc<Audiences>, LedgerError> {
        // Opening stores nothing unless it succeeds, so a poisoned lock guards a whole value.
        let mut audiences = self.audiences.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*audiences {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(Audiences::open(&self.folder, self.policy)?);
        Ok(Arc::clone(audiences.insert(open)))
    }

    /// The audience of a seller. It may wait for the disk: call it on the CPU pool.
    ///
    /// # Errors
    /// `privacy_budget_spent`; `internal` when the ledger or the system's randomness fail.
    pub(crate) fn ask(
        &self,
        world: &Snapshot,
        seller_id: String,
        fresh: bool,
        now: Timestamp,
    ) -> ApiResult<SellerAudience> {
        if !world.knows_seller(&seller_id) {
            return Ok(SellerAudience::new(seller_id, None, &self.policy));
        }
        let seed = (self.seeds)().map_err(|fault| failed(&fault))?;
        let audiences = self.audiences().map_err(|fault| failed(&fault))?;
        match audiences.ask(world, &seller_id, fresh, now, seed) {
            Ok(answer) => Ok(SellerAudience::new(seller_id, answer, &self.policy)),
            Err(fault @ AudienceFault::BudgetSpent { .. }) => {
                Err(ApiError::new(Code::PrivacyBudgetSpent, fault.to_string()))
            }
            Err(AudienceFault::Ledger(fault)) => Err(failed(&fault)),
        }
    }
}

fn failed(fault: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%fault, "an audience could not be told");
    ApiError::internal()
}
