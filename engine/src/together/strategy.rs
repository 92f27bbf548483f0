//! How the tastes of several people become one order (J. Masthoff, "Group modeling: selecting a sequence of television
//! items to suit a group of viewers", User Modeling and User-Adapted Interaction 14, 2004).

/// What the products for a group are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The taste that the group shares, and what each saves if the team fills, times the chance that it does.
    #[default]
    ExpectedSuccess,
    /// The mean of what each would rate it.
    Average,
    /// What the least pleased would rate it.
    LeastMisery,
    /// What the most pleased would rate it.
    MostPleasure,
}

impl Strategy {
    /// One score from ratings of several people; 0 where nobody rates.
    pub(crate) fn of_ratings(self, ratings: impl Iterator<Item = f32>) -> f32 {
        match self {
            Self::ExpectedSuccess | Self::Average => {
                let (sum, count) = ratings.fold((0.0, 0), |(sum, count), rating| (sum + rating, count + 1));
                if count > 0 { sum / count as f32 } else { 0.0 }
            }
            Self::LeastMisery => ratings.reduce(f32::min).unwrap_or(0.0),
            Self::MostPleasure => ratings.reduce(f32::max).unwrap_or(0.0),
        }
    }
}

/// The ratings of one person: her scores of all candidates, brought to 1 for the highest and 0 for the lowest.
pub(crate) fn ratings(mut scores: Vec<f32>) -> Vec<f32> {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let lowest = scores.iter().copied().fold(f32::INFINITY, f32::min);
    let spread = highest - lowest;
    scores.iter_mut().for_each(|score| *score = if spread > 0.0 { (*score - lowest) / spread } else { 1.0 });
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_are_what_they_say() {
        let of = |strategy: Strategy| strategy.of_ratings([0.5, 1.0, 0.0].into_iter());
        assert_eq!([Strategy::Average, Strategy::LeastMisery, Strategy::MostPleasure].map(of), [0.5, 0.0, 1.0]);
        assert_eq!(Strategy::LeastMisery.of_ratings(std::iter::empty()), 0.0);
    }

    #[test]
    fn everybody_rates_on_the_same_scale() {
        assert_eq!(ratings(vec![-3.0, 1.0, 5.0]), [0.0, 0.5, 1.0]);
        assert_eq!(ratings(vec![2.0, 2.0]), [1.0, 1.0]);
    }
}
