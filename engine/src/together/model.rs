//! How likely a friend joins, and how likely a team fills: two small logistic models over documented facts.
//!
//! The trainer fits them on past teams, serving applies them to today's; both call the functions of this file, so the
//! two can not drift apart. [`JoinFacts::gather`] reads what it needs through [`JoinEvidence`].

use std::borrow::Cow;

use juntos_datasets::{ProductRow, UserRow};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::opening::Opening;
use crate::vectors;

/// What is known about one friend before the initiator opens a team on a product, every past team counted but the one
/// in question.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JoinFacts {
    /// Times the friend joined a succeeded team of the initiator.
    pub joined: f32,
    /// Times anybody joined a succeeded team of the initiator: the sum of `joined` over her friends.
    pub joined_by_all: f32,
    /// Times the initiator joined a succeeded team of the friend.
    pub reverse: f32,
    /// Strength of the tie, 0 to 1.
    pub strength: f32,
    /// Overlap of the two users' friends: those in common over the geometric mean of their numbers, 0 to 1.
    pub common_friends: f32,
    /// Overlap, in the same way, of the products that the two users have bought, the product in question left out of both.
    pub common_products: f32,
    /// Number of distinct products that the friend has bought, the product in question left out.
    pub friend_products: f32,
    /// Number of the friend's friends.
    pub friend_friends: f32,
    /// Inner product of the friend's vector with the product's; zero where one of them is missing.
    pub taste: f32,
    /// Cosine of the two users' vectors; zero where one of them is missing.
    pub affinity: f32,
    /// Whether the friend has bought the product already.
    pub has_product: bool,
    /// Number of the initiator's friends.
    pub initiator_friends: f32,
    /// Of these, friends with a stronger tie to her than this one.
    pub closer_friends: f32,
    /// Cosine of the friend's vector with the product's; zero where one of them is missing.
    pub fit: f32,
    /// Whether the friend has a vector.
    pub taste_known: bool,
}

/// Number of features that [`JoinFacts::features`] makes.
pub const JOIN_FEATURES: usize = 19;

impl JoinFacts {
    /// The features the model weighs: counts on a logarithmic scale, shares and cosines as they are.
    pub fn features(&self) -> [f32; JOIN_FEATURES] {
        let share = |count: f32| count / (self.joined_by_all + 1.0);
        [
            self.joined.ln_1p(),
            share(self.joined).sqrt(),
            f32::from(u8::from(self.joined > 0.0)),
            self.reverse.ln_1p(),
            f32::from(u8::from(self.reverse > 0.0)),
            self.strength,
            self.common_friends,
            self.common_products,
            self.friend_products.ln_1p(),
            self.friend_friends.ln_1p(),
            self.taste,
            self.affinity,
            f32::from(u8::from(self.has_product)),
            1.0 / (1.0 + self.closer_friends),
            self.closer_friends.ln_1p(),
            self.initiator_friends.ln_1p(),
            self.joined_by_all.ln_1p(),
            self.fit,
            f32::from(u8::from(self.taste_known)),
        ]
    }
}

/// What each of [`JoinFacts::features`] is, in a word.
pub const JOIN_FEATURE_WORDS: [&str; JOIN_FEATURES] = [
    "times_joined",
    "share_of_joins",
    "joined_before",
    "times_joined_back",
    "joined_back_before",
    "tie_strength",
    "common_friends",
    "common_products",
    "friend_products",
    "friend_friends",
    "taste",
    "affinity",
    "has_product",
    "closest",
    "closer_friends",
    "friends_to_choose_from",
    "joins_in_all",
    "fit",
    "taste_known",
];

/// Where the facts come from: the bundle, the bundle with today's changes over it, or a part of the past.
///
/// Lists are ascending and without repeats.
pub trait JoinEvidence {
    /// Friends who joined succeeded teams of `initiator`, and how many times each.
    fn co_joined(&self, initiator: UserRow) -> (&[u32], &[f32]);
    /// A user's friends and the strength of each tie.
    fn friends(&self, user: UserRow) -> (&[u32], &[f32]);
    /// Products that a user has bought.
    fn products(&self, user: UserRow) -> impl Iterator<Item = u32>;
    /// A user's vector; empty or zero where there is none.
    fn user_vector(&self, user: UserRow) -> Cow<'_, [f32]>;
    /// A product's vector; empty or zero where there is none.
    fn product_vector(&self, product: ProductRow) -> &[f32];
    /// Number of a user's ties stronger than `strength`.
    fn stronger_ties(&self, user: UserRow, strength: f32) -> usize {
        self.friends(user).1.iter().filter(|&&other| other > strength).count()
    }
}

impl JoinFacts {
    /// Gathers the facts about `friend` joining a team of `initiator` on `product`.
    ///
    /// Cost: linear in the two users' friends and products; of many friends ask one [`Opening`].
    pub fn gather(evidence: &impl JoinEvidence, initiator: UserRow, friend: UserRow, product: ProductRow) -> Self {
        Opening::new(evidence, initiator, product).facts(evidence, friend)
    }

    /// The same facts for another product that neither of the two has, with the friend's vector and the product's.
    pub fn on_product(&self, friend: &[f32], product: &[f32]) -> Self {
        Self { taste: dot(friend, product), fit: cosine(friend, product), ..*self }
    }
}

/// Cosine of two vectors of the same length; zero where one of them is zero.
pub fn cosine(left: &[f32], right: &[f32]) -> f32 {
    cosine_of(dot(left, right), length(left), length(right))
}

pub(super) fn cosine_of(product: f32, left: f32, right: f32) -> f32 {
    let length = left * right;
    if length > 0.0 { product / length } else { 0.0 }
}

/// Euclidean length.
pub(super) fn length(vector: &[f32]) -> f32 {
    dot(vector, vector).sqrt()
}

/// Inner product over the shorter length.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    vectors::dot(&left[..length], &right[..length])
}

/// The chance that a friend joins: a logistic regression over [`JoinFacts::features`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinModel {
    /// Log-odds where every feature is zero.
    pub intercept: f32,
    /// Log-odds that one unit of each feature adds.
    #[serde(deserialize_with = "weights")]
    pub weights: [f32; JOIN_FEATURES],
}

/// The weights of a bundle, which may be from before the last features were thought of: they weigh nothing there.
fn weights<'de, D: Deserializer<'de>>(from: D) -> Result<[f32; JOIN_FEATURES], D::Error> {
    let stored = Vec::<f32>::deserialize(from)?;
    if stored.len() > JOIN_FEATURES {
        let problem = format!("{} weights of a join model that knows {JOIN_FEATURES} features", stored.len());
        return Err(D::Error::custom(problem));
    }
    Ok(std::array::from_fn(|feature| stored.get(feature).copied().unwrap_or(0.0)))
}

impl Default for JoinModel {
    /// What holds before any team has been seen: one friend in twenty joins, habit weighs most, then the strength of
    /// the tie and what the two have in common.
    fn default() -> Self {
        let mut weights = [0.0; JOIN_FEATURES];
        weights[..12].copy_from_slice(&[1.5, 1.0, 0.5, 0.5, 0.25, 0.5, 1.0, 1.5, 0.05, -0.1, 0.5, 0.5]);
        Self { intercept: -3.0, weights }
    }
}

impl JoinModel {
    /// Log-odds that the friend joins.
    pub fn log_odds(&self, facts: &JoinFacts) -> f32 {
        self.intercept + dot(&self.weights, &facts.features())
    }

    /// The largest log-odds of all facts between `least` and `most`, but for rounding: with each fact every feature rises, or
    /// falls with it.
    pub(crate) fn at_most(&self, least: &JoinFacts, most: &JoinFacts) -> f32 {
        let ends = least.features().into_iter().zip(most.features());
        let each = self.weights.iter().zip(ends).map(|(weight, (one, other))| (weight * one).max(weight * other));
        self.intercept + each.sum::<f32>()
    }

    /// What [`Self::log_odds`] is the sum of: the intercept as `always`, then every feature that adds something.
    pub fn parts(&self, facts: &JoinFacts) -> Vec<(&'static str, f32)> {
        let features = facts.features();
        let points = self.weights.iter().zip(&features).map(|(weight, feature)| weight * feature);
        let features = JOIN_FEATURE_WORDS.into_iter().zip(points).filter(|(_, points)| *points != 0.0);
        std::iter::once(("always", self.intercept)).chain(features).collect()
    }

    /// Chance that the friend joins, 0 to 1.
    pub fn probability(&self, facts: &JoinFacts) -> f32 {
        logistic(self.log_odds(facts))
    }
}

/// The chance that a team fills before its deadline.
///
/// The chance that enough of the reachable friends join, each on her own with her join probability (a
/// Poisson-binomial tail), is put on the log-odds scale and recalibrated: `logistic(intercept + slope · log_odds)`. Where
/// fewer friends can be reached than are needed, strangers decide.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SuccessModel {
    /// Log-odds added to every team that friends can fill.
    pub intercept: f32,
    /// How far the log-odds of the tail are believed; below 1 they are damped, because friends do not decide alone.
    pub slope: f32,
    /// What is told of teams that friends cannot fill; absent where nothing was learnt of such teams, which then never fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strangers: Option<Strangers>,
}

/// How often teams fill although the initiator's reachable friends are fewer than the people needed: people whom nobody
/// knows to be her friends join them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Strangers {
    /// Log-odds that such a team fills which needs one person more.
    pub intercept: f32,
    /// Log-odds added for each unit of the natural logarithm of the number of people needed; at most 0.
    pub slope: f32,
}

impl Strangers {
    /// Log-odds that `needed` people join, at least one.
    fn log_odds(&self, needed: usize) -> f32 {
        self.intercept + self.slope * (needed as f32).ln()
    }
}

impl Default for SuccessModel {
    /// What holds before past teams have been seen: the tail, damped, and no strangers.
    fn default() -> Self {
        Self { intercept: 0.0, slope: 0.7, strangers: None }
    }
}

/// Log-odds beyond which the tail's chance counts as certain.
const MOST_LOG_ODDS: f32 = 8.0;

impl SuccessModel {
    /// Chance that at least `needed` more people join, given the join probability of each reachable friend.
    ///
    /// `1` when nobody more is needed; when fewer friends than needed can be reached, what `strangers` say, else `0`. Cost
    /// `O(friends · needed)`.
    pub fn probability(&self, join_probabilities: &[f32], needed: usize) -> f32 {
        self.corrected(join_probabilities, needed, 0.0)
    }

    /// The same with `correction` added to the log-odds.
    pub fn corrected(&self, join_probabilities: &[f32], needed: usize, correction: f32) -> f32 {
        match self.log_odds(join_probabilities, needed) {
            Some(log_odds) => logistic(log_odds + correction),
            None if needed == 0 => 1.0,
            None => 0.0,
        }
    }

    /// Log-odds that at least `needed` more people join; none where that is certain or, for all that is known, impossible.
    pub fn log_odds(&self, join_probabilities: &[f32], needed: usize) -> Option<f32> {
        if needed == 0 {
            return None;
        }
        if join_probabilities.len() < needed {
            return self.strangers.map(|strangers| strangers.log_odds(needed));
        }
        Some(self.intercept + self.slope * tail_log_odds(join_probabilities, needed))
    }
}

/// Log-odds, within ±[`MOST_LOG_ODDS`], that at least `needed` of independent events happen.
pub fn tail_log_odds(probabilities: &[f32], needed: usize) -> f32 {
    let tail = at_least(probabilities, needed);
    (tail.ln() - (1.0 - tail).ln()).clamp(f64::from(-MOST_LOG_ODDS), f64::from(MOST_LOG_ODDS)) as f32
}

/// Chance that at least `needed` of independent events happen: the Poisson-binomial tail by dynamic programming.
pub fn at_least(probabilities: &[f32], needed: usize) -> f64 {
    let mut exactly = vec![0.0f64; needed];
    let Some(none) = exactly.first_mut() else { return 1.0 };
    *none = 1.0;
    let mut reached = 0.0;
    for &probability in probabilities {
        let chance = f64::from(probability);
        reached += exactly[needed - 1] * chance;
        for count in (0..needed).rev() {
            let from_below = if count == 0 { 0.0 } else { exactly[count - 1] * chance };
            exactly[count] = exactly[count] * (1.0 - chance) + from_below;
        }
    }
    reached.clamp(0.0, 1.0)
}

/// `1 / (1 + e^-x)`.
pub fn logistic(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    //! 1. The Poisson-binomial tail equals enumeration of every outcome.
    //! 2. More friends, or likelier ones, never make a team less likely to fill; fewer seats to fill never do either.
    //! 3. Models of older bundles read, of newer ones do not.
    //! 4. A team that friends cannot fill has the chance that strangers give it, and none where none was learnt.

    use proptest::prelude::*;

    use super::*;

    fn at_least_slowly(probabilities: &[f32], needed: usize) -> f64 {
        let mut sum = 0.0;
        for outcome in 0u32..1 << probabilities.len() {
            if outcome.count_ones() as usize >= needed {
                sum += probabilities
                    .iter()
                    .enumerate()
                    .map(|(friend, &chance)| {
                        let joins = outcome >> friend & 1 == 1;
                        if joins { f64::from(chance) } else { 1.0 - f64::from(chance) }
                    })
                    .product::<f64>();
            }
        }
        sum
    }

    proptest! {
        #[test]
        fn the_tail_equals_enumeration(chances in prop::collection::vec(0.0f32..=1.0, 0..9), needed in 0usize..10) {
            prop_assert!((at_least(&chances, needed) - at_least_slowly(&chances, needed)).abs() < 1e-9);
        }

        #[test]
        fn success_is_monotone(chances in prop::collection::vec(0.0f32..=1.0, 1..20), extra in 0.0f32..=1.0, needed in 1usize..6) {
            let model = SuccessModel::default();
            let before = model.probability(&chances, needed);
            let mut more = chances.clone();
            more.push(extra);
            prop_assert!((0.0..=1.0).contains(&before));
            prop_assert!(model.probability(&more, needed) >= before - 1e-5);
            prop_assert!(model.probability(&chances, needed - 1) >= before - 1e-5);
        }
    }

    #[test]
    fn a_model_from_before_the_last_features_still_reads() {
        let old: JoinModel = serde_json::from_str(r#"{"intercept": -1.0, "weights": [2.0, 0.5]}"#).unwrap();
        assert_eq!((old.intercept, old.weights[0], old.weights[1], old.weights[2]), (-1.0, 2.0, 0.5, 0.0));
        let model = JoinModel::default();
        assert_eq!(serde_json::from_str::<JoinModel>(&serde_json::to_string(&model).unwrap()).unwrap(), model);
        let later = format!(r#"{{"intercept": 0.0, "weights": {:?}}}"#, [1.0; JOIN_FEATURES + 1]);
        assert!(serde_json::from_str::<JoinModel>(&later).is_err());
    }

    #[test]
    fn strangers_fill_what_friends_cannot() {
        let strangers = Some(Strangers { intercept: 0.0, slope: -1.0 });
        let model = SuccessModel { strangers, ..SuccessModel::default() };
        assert_eq!(model.probability(&[], 1), 0.5);
        assert!((model.probability(&[0.9], 3) - 0.25).abs() < 1e-6);
        assert!(model.corrected(&[], 1, 1.0) > 0.7);
        assert_eq!(model.probability(&[], 0), 1.0);
        assert_eq!(model.probability(&[0.9; 3], 3), SuccessModel::default().probability(&[0.9; 3], 3));
    }

    #[test]
    fn a_success_model_from_before_strangers_still_reads() {
        let old = r#"{"intercept":0.0,"slope":0.7}"#;
        assert_eq!(serde_json::from_str::<SuccessModel>(old).unwrap(), SuccessModel::default());
        assert_eq!(serde_json::to_string(&SuccessModel::default()).unwrap(), old);
        let model = SuccessModel { strangers: Some(Strangers { intercept: -0.3, slope: 0.0 }), ..Default::default() };
        assert_eq!(serde_json::from_str::<SuccessModel>(&serde_json::to_string(&model).unwrap()).unwrap(), model);
    }

    #[test]
    fn a_certain_team_and_an_impossible_one() {
        let model = SuccessModel::default();
        assert_eq!(model.probability(&[], 0), 1.0);
        assert_eq!(model.probability(&[0.9], 2), 0.0);
        assert!(model.probability(&[1.0, 1.0], 2) > 0.95);
    }
}
