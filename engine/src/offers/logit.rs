//! Choices among offers as a conditional logit sees them: what somebody took, and what she could have been expected to.

use super::{Burden, Terms, burdens};

/// Burdens of the offers that somebody could have taken: the first is that of the one she took.
pub(crate) type Choice = Vec<Burden>;

/// What somebody chose who took the offer that promised `days`; none where she had no choice, or nothing tells which one she
/// took. Of offers that promise the same she took the cheapest.
pub(crate) fn choice(offers: &[Terms], days: u32) -> Option<Choice> {
    let burdens = burdens(offers);
    let compared = || burdens.iter().enumerate().filter_map(|(at, burden)| Some((at, (*burden)?)));
    let as_soon = compared().filter(|&(at, _)| offers[at].max_days == days);
    let (taken, first) = as_soon.min_by(|a, b| a.1[0].total_cmp(&b.1[0]))?;
    let others = compared().filter(|&(at, _)| at != taken).map(|(_, burden)| burden);
    Some(std::iter::once(first).chain(others).collect()).filter(|choice: &Choice| choice.len() > 1)
}

/// What a person with certain weights is expected to bear in a choice.
pub(crate) struct Expected {
    pub(crate) mean: Burden,
    /// Of price with itself, price with days, days with themselves.
    pub(crate) covariance: [f64; 3],
}

/// The mean and covariance of the burden that `weights` (price, haste) lead to.
pub(crate) fn expected(choice: &Choice, weights: [f64; 2]) -> Expected {
    let utility = |burden: &Burden| -weights[0] * burden[0] - weights[1] * burden[1];
    let best = choice.iter().map(utility).fold(f64::NEG_INFINITY, f64::max);
    let chances: Vec<f64> = choice.iter().map(|burden| (utility(burden) - best).exp()).collect();
    let all: f64 = chances.iter().sum();
    let over_all = |of: &dyn Fn(&Burden) -> f64| -> f64 {
        choice.iter().zip(&chances).map(|(burden, chance)| chance / all * of(burden)).sum()
    };
    let mean = [over_all(&|burden| burden[0]), over_all(&|burden| burden[1])];
    let with = |one: usize, other: usize| over_all(&|burden| (burden[one] - mean[one]) * (burden[other] - mean[other]));
    Expected { mean, covariance: [with(0, 0), with(0, 1), with(1, 1)] }
}
