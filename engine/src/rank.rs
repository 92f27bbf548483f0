//! From drafts to scores: one simple blend. What an operator decides comes after it ([`crate::rules`]).
//!
//! The backbone is the taste score, brought to 1 for the best candidate of the list and 0 for the last one that was
//! asked for; everything else adds a documented bonus on that scale, of which training learns what friends' and own
//! purchases add ([`crate::serving_model::Blend`]). Where nothing speaks for a product but taste (a
//! research set without teams, dates and shops) the order is the taste order.

use crate::index::Scored;

/// What a friend's open team adds: it will not wait.
pub(crate) const TEAM_BONUS: f32 = 0.4;
/// What being due adds to what is sure to be bought again within a quarter of its usual interval; less, the less sure it is.
pub(crate) const DUE_BONUS: f32 = 1.2;
/// What the most convenient delivery adds for a person, and the least convenient one takes
/// ([`crate::offers::Weights::convenience`]).
pub(crate) const DELIVERY_BONUS: f32 = 0.15;
/// Lowest place on the scale: a product far from the person's taste is not lower than this, so that a bonus can show it.
const FAR: f32 = -0.1;

/// The scale that taste scores are brought to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    best: f32,
    last: f32,
}

impl Scale {
    /// The scale of candidates that come best first; none without candidates.
    pub fn of(candidates: &[Scored]) -> Option<Self> {
        Some(Self { best: candidates.first()?.score, last: candidates.last()?.score })
    }

    /// Where a taste score stands: 1 for the best candidate, 0 for the last, never below [`FAR`].
    pub fn place(&self, score: f32) -> f32 {
        let spread = self.best - self.last;
        if spread > 0.0 {
            ((score - self.last) / spread).clamp(FAR, 1.0)
        } else {
            f32::from(u8::from(score >= self.best))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_runs_from_the_best_to_the_last() {
        let candidates = [9.0, 6.0, 5.0].map(|score| Scored { row: 0, score });
        let scale = Scale::of(&candidates).unwrap();
        assert_eq!([9.0, 7.0, 5.0, -100.0].map(|score| scale.place(score)), [1.0, 0.5, 0.0, FAR]);
        assert!(Scale::of(&[]).is_none());
    }
}
