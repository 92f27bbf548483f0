//! What people did.

use juntos_datasets::tables::{EventKind, Surface};
use juntos_datasets::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{bad, known_id};
use crate::live::ChangeFault;

/// Something a user did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Who did it.
    pub user_id: String,
    /// To which product.
    pub product_id: String,
    /// What.
    pub kind: EventKind,
    /// When; the moment of arrival when absent.
    pub ts: Option<Timestamp>,
    /// Id given by the sender: the same id is the same event and counts once.
    pub event_id: Option<String>,
    /// Rating for `rate`, quantity or amount for others.
    pub value: Option<f64>,
    /// Where it happened.
    pub surface: Option<Surface>,
    /// Team it belongs to.
    pub team_id: Option<String>,
    /// Recommendation that led to it.
    pub recommendation_id: Option<String>,
    /// Most days until delivery that the chosen offer promised, of a purchase or gift.
    #[serde(default)]
    pub delivery_days: Option<u32>,
}

impl EventRecord {
    /// An event of which only the required columns are known.
    pub fn new(user_id: impl Into<String>, product_id: impl Into<String>, kind: EventKind) -> Self {
        Self {
            user_id: user_id.into(),
            product_id: product_id.into(),
            kind,
            ts: None,
            event_id: None,
            value: None,
            surface: None,
            team_id: None,
            recommendation_id: None,
            delivery_days: None,
        }
    }

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("user_id", &self.user_id)?;
        known_id("product_id", &self.product_id)?;
        for (field, id) in
            [("event_id", &self.event_id), ("team_id", &self.team_id), ("recommendation_id", &self.recommendation_id)]
        {
            id.as_deref().map_or(Ok(()), |id| known_id(field, id))?;
        }
        if self.value.is_some_and(|value| !value.is_finite()) {
            return Err(bad("value", "is not a finite number"));
        }
        Ok(())
    }
}
