//! When people buy a product again, and whether they do at all.
//!
//! Of those who bought it, a share buys it again, and their time until then is log-logistic: its chance in the days to
//! come rises, is highest near the usual interval and falls again, and it needs no special functions (S. Bennett 1983,
//! "Log-Logistic Regression Models for Survival Data"). The others never do (J. W. Boag 1949; as R. Bhagat, S. Muralidharan,
//! A. Lobzhanidze & S. Vishwanath 2018, "Buy It Again", have the repeat customer probability beside the time). So a one-off
//! never falls due, and who is long overdue has most likely stopped. `bundle/rhythms.rs` learns the numbers.

use bytemuck::{Pod, Zeroable};

/// How one product, or the products of one category, are bought again.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Rhythm {
    /// Median days from a purchase to the next, of those who buy again; above 0.
    pub days: f32,
    /// Shape of the log-logistic distribution, above 0: of those who buy again, the slower quarter takes at least
    /// `9^(1 / shape)` times as long as the faster quarter.
    pub shape: f32,
    /// Share of those who bought it once that buy it again, 0 to 1.
    pub again: f32,
    /// Share of those who bought it more than once that buy it again, 0 to 1.
    pub habit: f32,
}

/// Part of the usual interval that the chance of buying again looks ahead.
const AHEAD: f64 = 0.25;
/// Least chance of being bought in that time with which a product is due: where the best moment has less, it never is.
const LEAST_CHANCE: f64 = 0.05;
/// Share of those who buy again that have done so before a product is due to the others.
const EARLIEST: f64 = 0.2;

impl Rhythm {
    /// Chance that a person buys the product within a quarter of its usual interval from now, `elapsed_days` after the last
    /// of her `purchases` and not having bought it since: 0 to 1, falling to 0 as time goes by.
    ///
    /// With the share `p` of those who buy again and `S(t)`, the part of them that has not within `t` days, it is
    /// `p (S(t) - S(t + a)) / (1 - p + p S(t))`.
    pub fn chance(&self, purchases: u32, elapsed_days: f64) -> f64 {
        let again = f64::from(if purchases > 1 { self.habit } else { self.again });
        let (waiting, later) = (self.waiting(elapsed_days), self.waiting(elapsed_days + AHEAD * f64::from(self.days)));
        let may_still_come = 1.0 - again + again * waiting;
        if may_still_come > 0.0 { again * (waiting - later) / may_still_come } else { 0.0 }
    }

    /// The chance of [`Rhythm::chance`] where the product is due: neither bought too recently, nor a thing that hardly
    /// anybody buys again, nor so long ago that she has most likely stopped.
    pub fn due(&self, purchases: u32, elapsed_days: f64) -> Option<f64> {
        let early = self.waiting(elapsed_days) > 1.0 - EARLIEST;
        Some(self.chance(purchases, elapsed_days)).filter(|chance| !early && *chance >= LEAST_CHANCE)
    }

    /// Part of those who buy again that has not `elapsed_days` after a purchase.
    fn waiting(&self, elapsed_days: f64) -> f64 {
        1.0 / (1.0 + (elapsed_days.max(0.0) / f64::from(self.days)).powf(f64::from(self.shape)))
    }

    /// Whether the numbers are within the ranges that they are documented with.
    pub(crate) fn is_sound(&self) -> bool {
        let positive = |value: f32| value.is_finite() && value > 0.0;
        let share = |value: f32| (0.0..=1.0).contains(&value);
        positive(self.days) && positive(self.shape) && share(self.again) && share(self.habit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COFFEE: Rhythm = Rhythm { days: 30.0, shape: 7.0, again: 0.4, habit: 0.85 };

    #[test]
    fn is_due_around_the_interval_and_fades() {
        let due = |days: f64| COFFEE.due(1, days);
        assert!(due(3.0).is_none() && due(20.0).is_none(), "bought too recently");
        assert!(due(28.0).is_some() && due(32.0).is_some());
        assert!(due(28.0) > due(36.0), "the longer she has not, the less likely she does");
        assert!(due(60.0).is_none() && due(160.0).is_none(), "she has stopped");
    }

    #[test]
    fn who_bought_it_often_is_waited_for_longer() {
        assert!(COFFEE.due(5, 28.0) > COFFEE.due(1, 28.0));
        assert!(COFFEE.due(5, 45.0).is_some() && COFFEE.due(1, 45.0).is_none());
    }

    #[test]
    fn a_one_off_is_never_due() {
        let skirt = Rhythm { days: 100.0, shape: 3.0, again: 0.03, habit: 0.04 };
        assert!((0..2_000).all(|day| skirt.due(1, f64::from(day)).is_none()));
    }

    proptest! {
        /// Against the definition: the chance is the part of a large crowd, counted person by person.
        #[test]
        fn the_chance_is_what_a_crowd_does(
            days in 1f32..1_000.0, shape in 1.2f32..20.0, again in 0f32..=0.95, elapsed in 0f64..4.0,
        ) {
            let rhythm = Rhythm { days, shape, again, habit: 0.0 };
            let elapsed = elapsed * f64::from(days);
            const CROWD: u32 = 20_000;
            // The moment at which the `rank`-th of the crowd buys again, by the inverse of the distribution.
            let moment = |rank: u32| {
                let share = (f64::from(rank) + 0.5) / f64::from(CROWD);
                f64::from(days) * (share / (1.0 - share)).powf(1.0 / f64::from(shape))
            };
            let until = elapsed + 0.25 * f64::from(days);
            let (soon, later) = (0..CROWD).map(moment).filter(|&at| at > elapsed).partition::<Vec<f64>, _>(|&at| at <= until);
            let never = f64::from(CROWD) * (1.0 / f64::from(again) - 1.0);
            let all = soon.len() as f64 + later.len() as f64 + never;
            let expected = if again == 0.0 || all == 0.0 { 0.0 } else { soon.len() as f64 / all };
            // Where few of the crowd are left, one more or less is much.
            let tolerance = if again == 0.0 { 0.0 } else { 2.0 / all } + 1e-6;
            prop_assert!((rhythm.chance(1, elapsed) - expected).abs() <= tolerance, "{} {expected}", rhythm.chance(1, elapsed));
        }

        /// Whatever the rhythm, what is long overdue is not shown any more, and never comes back.
        #[test]
        fn everything_fades_and_stays_away(
            days in 1f32..1_000.0, shape in 1.2f32..20.0, again in 0f32..=0.95, purchases in 1u32..9,
        ) {
            let rhythm = Rhythm { days, shape, again, habit: again };
            let due: Vec<bool> = (0..400).map(|step| rhythm.due(purchases, f64::from(step) * f64::from(days) / 20.0).is_some()).collect();
            prop_assert!(!due[0] && !due[399]);
            prop_assert!(due.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 2, "due once, for one stretch");
        }
    }
}
