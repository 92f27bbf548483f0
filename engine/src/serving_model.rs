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
    /// What the most popular products of the market gain for somebody without a vector of her own.
    #[serde(default)]
    pub popular: Popular,
}

/// What the most popular product gains for somebody without a vector of her own before she has done anything, and less the
/// more she has done; at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Popular {
    /// For those without friends of whom anything is known.
    pub alone: f32,
    /// For those with friends.
    pub beside_friends: f32,
}

impl Default for Popular {
    fn default() -> Self {
        Self { alone: 1.0, beside_friends: 0.0 }
    }
}

/// Events after which what is popular counts half.
const POPULAR_HALF_LIFE: f32 = 8.0;
/// What counts less is not looked at.
const LEAST_POPULAR: f32 = 0.02;

impl Popular {
    /// What a product gains by its place (from 0) among as many popular ones, of what the most popular one gains: from
    /// just below 1 to above 0.
    pub fn place(place: usize, popular: usize) -> f32 {
        let step = 1.0 / (popular as f32 + 1.0);
        1.0 - step * (place as f32 + 1.0)
    }

    /// What the most popular product gains after so many events; 0 where popularity is not to be looked at.
    pub fn after(self, events: usize, has_friends: bool) -> f32 {
        Self::after_events(if has_friends { self.beside_friends } else { self.alone }, events)
    }

    /// What is left of the gain `before` any event after so many.
    pub fn after_events(before: f32, events: usize) -> f32 {
        let now = before * (-(events as f32) / POPULAR_HALF_LIFE).exp2();
        if now < LEAST_POPULAR { 0.0 } else { now }
    }
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
        Self { friends: 0.3, bought: 0.0, popular: Popular::default() }
    }
}

/// Settings of [`crate::fold::fold()`].
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
    /// How firmly events leave each kind of prior where it is.
    #[serde(default)]
    pub hold: Hold,
}

/// How much surer a prior is than nothing at all is of zero, by what it was made of ([`crate::fold::Prior::hold`]); at least 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Of a user's own vector, as trained.
    pub own: f32,
    /// Of her friends' mean, with or without her cohort.
    pub friends: f32,
    /// Of her cohort alone.
    pub cohort: f32,
}

impl Default for FoldIn {
    fn default() -> Self {
        Self {
            unobserved_weight: 0.01,
            observed_weight: 1.0,
            regularization: 0.01,
            friend_weight: 1.0,
            hold: Hold::default(),
        }
    }
}
