//! How much may be told, and how it is divided among the parts of an answer.
//!
//! An answer is made of eight parts that look at the same people, so what they tell adds up (sequential composition):
//! each part gets its share of the answer's ε. A part is noised by a [`DiscreteLaplace`] of scale `sensitivity / ε`, where
//! the sensitivity is the most that one person can move all its numbers together.

use super::laplace::DiscreteLaplace;

/// Fewest people that anything is told about.
pub const FEWEST_PEOPLE: i64 = 50;
/// Chance that an error bar misses the true number.
pub const MISS: f64 = 0.05;
/// What an answer may tell beyond its ε, with this chance: [`SLIP`] for each of the at most seven decisions, whether
/// something has enough people, that one person can move.
pub const DELTA: f64 = 1e-6;
/// Most categories that one person counts in.
pub const MOST_CATEGORIES: usize = 3;

/// Chance that a group of exactly [`FEWEST_PEOPLE`] is told.
pub(super) const SLIP: f64 = 1e-7;

/// How much may be told of the people who buy from one seller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudiencePolicy {
    /// ε of one answer in thousandths, 1 to 100,000.
    pub epsilon_thousandths: u32,
    /// Answers that a seller may draw in one month, at least 1.
    pub answers_a_month: u32,
}

impl Default for AudiencePolicy {
    fn default() -> Self {
        Self { epsilon_thousandths: 2_000, answers_a_month: 3 }
    }
}

impl AudiencePolicy {
    /// ε that a seller may spend in one month, thousandths.
    pub fn month_thousandths(&self) -> u64 {
        u64::from(self.epsilon_thousandths) * u64::from(self.answers_a_month)
    }

    /// The noise on each number of a part.
    pub(super) fn law(&self, part: Part) -> DiscreteLaplace {
        let whole: u32 = Part::ALL.iter().map(|part| part.weight()).sum();
        DiscreteLaplace::new(part.sensitivity() * whole * 1_000, self.epsilon_thousandths * part.weight())
    }
}

/// Numbers that are told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// How many buyers there are.
    Buyers,
    /// Buyers by age.
    AgeBands,
    /// Buyers by country.
    Markets,
    /// Buyers by category of what else they buy.
    AlsoBuy,
    /// Buyers who came back.
    Repeated,
    /// Buyers who sent something back.
    Returned,
    /// Buyers who gave stars.
    Rated,
    /// Sum of the buyers' stars, counted from the middle.
    Stars,
}

impl Part {
    pub(super) const ALL: [Self; 8] = [
        Self::Buyers,
        Self::AgeBands,
        Self::Markets,
        Self::AlsoBuy,
        Self::Repeated,
        Self::Returned,
        Self::Rated,
        Self::Stars,
    ];

    /// Its share of the answer's ε.
    const fn weight(self) -> u32 {
        match self {
            Self::AlsoBuy => 6,
            Self::Buyers | Self::AgeBands | Self::Markets | Self::Stars => 3,
            Self::Repeated | Self::Returned | Self::Rated => 2,
        }
    }

    /// The most that one person moves its numbers, all movements added.
    const fn sensitivity(self) -> u32 {
        match self {
            Self::AlsoBuy => MOST_CATEGORIES as u32,
            Self::Stars => 2,
            Self::Buyers | Self::AgeBands | Self::Markets | Self::Repeated | Self::Returned | Self::Rated => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1 / scale` is the ε of one person in one number; times the sensitivity, the ε of the part.
    #[test]
    fn the_parts_together_tell_what_the_answer_may() {
        for epsilon_thousandths in [1, 700, 2_000, 100_000] {
            let policy = AudiencePolicy { epsilon_thousandths, answers_a_month: 1 };
            let total: f64 =
                Part::ALL.iter().map(|&part| f64::from(part.sensitivity()) / policy.law(part).scale()).sum();
            assert!((total - f64::from(epsilon_thousandths) / 1_000.0).abs() < 1e-9, "{total}");
        }
    }

    #[test]
    fn the_slips_of_one_person_are_within_delta() {
        // Buyers, one age band, one market, her categories, the buyers who gave stars.
        let decisions = 4 + MOST_CATEGORIES;
        assert!(decisions as f64 * SLIP <= DELTA);
    }
}
