//! What training hands to serving besides vectors: small models that the manifest carries.

use serde::{Deserialize, Serialize};

use crate::together::model::{JoinModel, SuccessModel};

/// The models that serving needs, as the manifest carries them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServingModel {
    /// Name of the model that made the vectors.
    pub name: String,
    /// How a vector is made for a user from friends and today's events.
    pub fold: FoldIn,
    /// Chance that a friend joins.
    pub join: JoinModel,
    /// Chance that a team fills.
    pub success: SuccessModel,
}

/// Settings of [`crate::fold::fold`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FoldIn {
    /// Weight of every product that a user has done nothing to; `w0` of the equation; at least 0.
    pub unobserved_weight: f32,
    /// Weight of an event of weight 1; `w1` of the equation; above 0.
    pub observed_weight: f32,
    /// Strength of the pull towards the prior, for each event and for each unobserved product's weight; at least 0.
    pub regularization: f32,
    /// How far the weighted mean of friends' vectors is believed as a prior, 0 (not at all) to 1 (as her own vector).
    pub friend_weight: f32,
}

impl Default for FoldIn {
    fn default() -> Self {
        Self { unobserved_weight: 0.01, observed_weight: 1.0, regularization: 0.01, friend_weight: 1.0 }
    }
}
