//! Whether one way to rank is better than another, beyond chance.

use std::fmt;

use serde::Serialize;

use super::CUT;
use crate::evaluate::metrics::ndcg;
use crate::evaluate::products::Case;

/// Fewer people tell nothing.
pub(super) const FEWEST_CASES: usize = 100;
/// What must be gained, as a share, beside what chance may make of it.
const LEAST_GAIN: f64 = 0.002;

/// Rankings for the same people, one way and the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Compared {
    /// How many people.
    pub people: usize,
    /// Mean NDCG@20 without what is looked at.
    pub without: f64,
    /// The same with it, as far as ranks best, whether or not that is kept.
    pub with: f64,
    /// Whether it is kept: better by more than chance makes of it.
    pub kept: bool,
}

impl Compared {
    /// Whether there were enough people to compare anything.
    pub fn is_measured(&self) -> bool {
        self.people >= FEWEST_CASES
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { people, without, with, kept } = self;
        let verdict = if *kept { "kept" } else { "not kept" };
        write!(f, "{without:.4} {with:.4} of {people} ({verdict})")
    }
}

/// The value of those `tried` with the best mean, if it is better than the `given` one beyond chance, else that; and what it is
/// worth. `figures` has one figure a person, always of the same people.
pub(super) fn best(given: f32, tried: &[f32], people: usize, figures: impl Fn(f32) -> Vec<f64>) -> (f32, Compared) {
    if people < FEWEST_CASES {
        return (given, Compared { people, ..Compared::default() });
    }
    let without = figures(given);
    let tried = tried.iter().filter(|&&value| value != given).map(|&value| (value, figures(value)));
    let found = tried.max_by(|(_, left), (_, right)| mean(left).total_cmp(&mean(right)));
    let Some((value, with)) = found else { return (given, Compared { people, ..Compared::default() }) };
    let compared = compared(&without, &with);
    (if compared.kept { value } else { given }, compared)
}

/// By how much the second of two rankings for the same people is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Difference {
    pub(super) mean: f64,
    /// Standard error of the mean.
    pub(super) error: f64,
}

impl Difference {
    pub(super) fn of(without: &[f64], with: &[f64]) -> Self {
        let gains: Vec<f64> = with.iter().zip(without).map(|(with, without)| with - without).collect();
        let (people, gained) = (gains.len() as f64, mean(&gains));
        let variance = gains.iter().map(|gain| (gain - gained).powi(2)).sum::<f64>() / (people - 1.0);
        Self { mean: gained, error: (variance / people).sqrt() }
    }
}

/// Both means, and whether the second is better by more than a little and by more than chance.
pub(super) fn compared(without: &[f64], with: &[f64]) -> Compared {
    let gained = Difference::of(without, with);
    let (people, without, with) = (without.len(), mean(without), mean(with));
    Compared { people, without, with, kept: gained.mean > gained.error && gained.mean > LEAST_GAIN * without }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// NDCG of a list.
pub(super) fn gain(list: &[u32], case: &Case) -> f64 {
    let hit = |&place: &usize| case.relevant.binary_search(&list[place]).is_ok();
    let hits: Vec<usize> = (0..list.len()).filter(hit).collect();
    ndcg(&hits, case.relevant.len(), CUT)
}

#[cfg(test)]
mod tests {
    //! What is better beyond chance is taken, the best of it, and nothing else.

    use super::*;

    /// Figures around the mean that belongs to a value: `(value, mean)`.
    fn found(given: f32, means: &[(f32, f64)], people: usize) -> (f32, Compared) {
        let tried: Vec<f32> = means.iter().map(|&(value, _)| value).collect();
        best(given, &tried, people, |value| {
            let mean = means.iter().find(|of| of.0 == value).unwrap().1;
            (0..people).map(|at| mean + if (at + value as usize).is_multiple_of(2) { 0.1 } else { -0.1 }).collect()
        })
    }

    #[test]
    fn the_best_is_taken_if_it_is_better_beyond_chance() {
        let (value, told) = found(0.0, &[(0.0, 0.2), (1.0, 0.25), (2.0, 0.3), (4.0, 0.28)], 200);
        assert_eq!((value, told.kept, told.people), (2.0, true, 200));
        assert!((told.without - 0.2).abs() < 1e-9 && (told.with - 0.3).abs() < 1e-9, "{told:?}");
        let within_chance = found(0.0, &[(0.0, 0.2), (1.0, 0.205)], 200);
        assert_eq!((within_chance.0, within_chance.1.kept), (0.0, false));
        assert_eq!(found(1.0, &[(0.0, 0.2), (1.0, 0.25)], 200).0, 1.0);
        assert_eq!(found(1.0, &[(0.0, 0.2), (1.0, 0.0)], 99), (1.0, Compared { people: 99, ..Compared::default() }));
    }
}
