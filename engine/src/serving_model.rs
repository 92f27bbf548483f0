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
    /// What counts in a feed beside taste.
    #[serde(default)]
    pub blend: Blend,
}

/// What counts in a feed beside taste, on the scale on which the best candidate by taste has 1 and the last one 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// What a product gains that all of a person's many friends bought; at least 0.
    pub friends: f32,
    /// What a product gains that she bought herself, where such products may appear; at least 0.
    pub bought: f32,
}

/// Strength of ties that is added to a person's, so that one friend alone does not count like all of many.
const MORE_FRIENDS: f32 = 2.0;

impl Blend {
    /// The part of a person's friends who bought a product, 0 to 1: by the summed strength of the ties to them and to all
    /// friends whose purchases she may see.
    pub fn share_of_friends(bought: f32, all: f32) -> f32 {
        bought / (all + MORE_FRIENDS)
    }
}

impl Default for Blend {
    fn default() -> Self {
        Self { friends: 0.3, bought: 0.0 }
    }
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
