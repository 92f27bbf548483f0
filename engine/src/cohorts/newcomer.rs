//! The vector of somebody without a vector of her own, of her cohort and her friends.

/// How far cohorts are believed; training learns it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Believed {
    /// Strength of ties that a cohort counts like beside a newcomer's friends; at least 0.
    pub beside_friends: f32,
    /// Whether the products of somebody of whom nothing else is known are ranked by her cohort's vector, and not by
    /// what is popular.
    pub alone: bool,
    /// Part of a cohort's vector that a newcomer's first events are folded into, 0 to 1.
    pub in_fold: f32,
}

impl Believed {
    /// Whether cohorts are of no use.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// What a newcomer's friends say about her.
#[derive(Debug, Clone, PartialEq)]
pub struct FriendsMean {
    /// Mean of the friends' vectors by the strength of the ties.
    pub vector: Vec<f32>,
    /// Sum of these strengths, above 0.
    pub strength: f32,
}

/// The cohort of somebody without a vector of her own.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// Vector of the cohort.
    pub vector: &'a [f32],
    /// How far it is believed.
    pub believed: Believed,
}

impl Newcomer<'_> {
    /// The vector that products are ranked by before she did anything; none where what is popular ranks them better.
    ///
    /// # Panics
    /// If the friends' vector is not as long as the cohort's.
    pub fn taste(&self, friends: Option<FriendsMean>) -> Option<Vec<f32>> {
        match friends {
            Some(friends) => Some(self.beside(friends, 1.0, 1.0)),
            None => self.believed.alone.then(|| self.vector.to_vec()),
        }
    }

    /// The vector that her first events are folded into, where friends are believed as far as `friend_weight`
    /// ([`FoldIn::friend_weight`](crate::serving_model::FoldIn::friend_weight)).
    ///
    /// # Panics
    /// As [`Newcomer::taste`].
    pub fn prior(&self, friends: Option<FriendsMean>, friend_weight: f32) -> Vec<f32> {
        let in_fold = self.believed.in_fold;
        match friends {
            Some(friends) => self.beside(friends, friend_weight, in_fold),
            None => self.vector.iter().map(|value| in_fold * value).collect(),
        }
    }

    /// The mean of friends and cohort, each with a factor, by their strengths.
    fn beside(&self, friends: FriendsMean, of_friends: f32, of_cohort: f32) -> Vec<f32> {
        assert_eq!(friends.vector.len(), self.vector.len(), "dimensions of the friends' vector");
        let strength = self.believed.beside_friends;
        let total = friends.strength + strength;
        let (near, around) = (of_friends * friends.strength / total, of_cohort * strength / total);
        let mut mean = friends.vector;
        mean.iter_mut().zip(self.vector).for_each(|(mean, value)| *mean = near * *mean + around * value);
        mean
    }
}
