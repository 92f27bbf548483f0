//! Vectors: of users, as trained, with what they did since, or made of what little is known; and of products.

use std::borrow::Cow;

use super::Friend;
use crate::cohorts::FriendsMean;
use crate::fold::{self, FoldEvent, Prior};
use crate::live::people::History;
use crate::recommend::Snapshot;
use crate::serving_model::FoldIn;
use crate::vectors;

/// Friends whose vectors stand in for a newcomer's: the closest ones.
const MOST_STAND_INS: usize = 50;

impl Snapshot {
    /// A user's own vector: trained, with what she did since folded in; none for those of whom nothing is known.
    pub(crate) fn own_vector(&self, user: u32) -> Option<Cow<'_, [f32]>> {
        if let Some(vector) = self.live.people.history(user).and_then(|history| history.vector.as_deref()) {
            return Some(Cow::Borrowed(vector));
        }
        self.trained_vector(user).map(Cow::Owned)
    }

    /// A user's vector as trained; none for those who had nothing to learn from.
    fn trained_vector(&self, user: u32) -> Option<Vec<f32>> {
        Some(self.bundle().user_vector(self.stored_user(user)?)).filter(|vector| is_nonzero(vector))
    }

    /// Reads a user's vector as trained in place of what `vector` holds; empty for those who had nothing to learn from.
    pub(crate) fn read_trained_vector(&self, user: u32, vector: &mut Vec<f32>) {
        vector.clear();
        let Some(stored) = self.stored_user(user) else { return };
        vector.resize(self.bundle().dim(), 0.0);
        self.bundle().read_user_vector(stored, vector);
        if !is_nonzero(vector) {
            vector.clear();
        }
    }

    /// At least the length of a user's vector as trained, and zero where she has none.
    pub(crate) fn longest_vector(&self, user: u32) -> f32 {
        self.stored_user(user).map_or(0.0, |stored| self.bundle().longest_vector(stored))
    }

    /// A user's vector as others may be served by it, where her settings allow that: as trained. What she did since, a
    /// gift or a purchase that she shows to nobody, must not move what others see.
    pub(crate) fn vector_for_others(&self, user: u32) -> Option<Vec<f32>> {
        self.trained_vector(user).filter(|_| self.personalised(user))
    }

    /// Whether the bundle has a vector of the user.
    pub(in crate::live) fn is_trained(&self, user: u32) -> bool {
        self.trained_vector(user).is_some()
    }

    /// A user's vector, or what her friends' vectors and those of people who live where she lives say about her.
    pub(crate) fn taste_vector(&self, user: u32) -> Option<Cow<'_, [f32]>> {
        if let Some(own) = self.own_vector(user) {
            return Some(own);
        }
        let friends = self.friends_mean(user);
        let vector = match self.bundle().newcomer(&self.profile(user)) {
            Some(newcomer) => newcomer.taste(friends),
            None => friends.map(|mean| mean.vector),
        };
        vector.map(Cow::Owned)
    }

    /// The vector by which products are ranked for the user with this id: her own, or what stands for it while little is
    /// known of her; none where what is popular ranks them, and for who may not be known.
    pub fn taste_of(&self, user_id: &str) -> Option<Vec<f32>> {
        let user = self.user_row(user_id).filter(|&row| self.personalised(row))?;
        self.taste_vector(user).map(Cow::into_owned)
    }

    /// Mean of the vectors of a user's closest friends, weighted by the strength of the tie. To follow somebody is not enough:
    /// only the vectors of friends in both directions, and of people who show their purchases to everyone, say something
    /// about her.
    fn friends_mean(&self, user: u32) -> Option<FriendsMean> {
        let mut friends = self.friends_of(user);
        friends.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.row.cmp(&b.row)));
        let known = friends
            .iter()
            .filter(|friend| friend.strength > 0.0 && self.lends_taste(friend, user))
            .filter_map(|friend| Some((self.vector_for_others(friend.row)?, friend.strength)));
        let (vector, strength) = mean_and_weight(self.bundle().dim(), known.take(MOST_STAND_INS))?;
        Some(FriendsMean { vector, strength })
    }

    /// Whether the vector of one of her friends may stand in for `user`.
    fn lends_taste(&self, friend: &Friend, user: u32) -> bool {
        friend.of_both || self.has_tie(friend.row, user) || self.shows_to_all(friend.row)
    }

    /// A user's vector with what she did since the cut folded in, where she did anything that tells of taste.
    pub(in crate::live) fn folded(&self, user: u32, history: &History) -> Option<Box<[f32]>> {
        let events: Vec<FoldEvent<'_>> = history
            .signals
            .iter()
            .map(|signal| FoldEvent { vector: self.product_vector(signal.product), weight: signal.weight })
            .filter(|event| is_nonzero(event.vector))
            .collect();
        if events.is_empty() {
            return None;
        }
        let bundle = self.bundle();
        let (prior, hold) = self.prior(user);
        let prior = Prior { vector: &prior, hold };
        Some(fold::fold(bundle.fold_products(), &bundle.serving().fold, &events, prior).into_boxed_slice())
    }

    /// Whether the bundle knows nothing of what this user did, but friends of hers, so that any vector that she has is made of
    /// theirs.
    fn is_known_by_friends_alone(&self, user: u32) -> bool {
        self.stored_user(user)
            .is_some_and(|row| self.bundle().possessions(row).is_empty() && !self.bundle().friends(row).0.is_empty())
    }

    /// What a user's vector is pulled towards and how firmly it is held: the trained one, else that of friends and cohort,
    /// else nothing.
    fn prior(&self, user: u32) -> (Vec<f32>, f32) {
        let FoldIn { friend_weight, hold, .. } = self.bundle().serving().fold;
        if let Some(trained) = self.trained_vector(user) {
            return (trained, if self.is_known_by_friends_alone(user) { hold.friends } else { hold.own });
        }
        let friends = self.friends_mean(user);
        let firmly = if friends.is_some() { hold.friends } else { hold.cohort };
        if let Some(newcomer) = self.bundle().newcomer(&self.profile(user)) {
            return (newcomer.prior(friends, friend_weight), firmly);
        }
        let friends = friends.map(|mean| mean.vector.iter().map(|value| friend_weight * value).collect());
        (friends.unwrap_or_else(|| vec![0.0; self.bundle().dim()]), firmly)
    }

    /// What the most popular product of the market gains in this person's feed: something for those without a history in the
    /// bundle, the less the more they have done.
    pub(crate) fn popular_gain(&self, user: u32) -> f32 {
        let trained = self.is_trained(user);
        if trained && !self.is_known_by_friends_alone(user) {
            return 0.0;
        }
        let popular = self.bundle().serving().blend.popular;
        let events = self.live.people.history(user).map_or(0, |history| history.products_with_signals());
        popular.after(events, trained || self.friends_mean(user).is_some())
    }

    /// A product's vector: trained, or made from its record.
    pub(crate) fn product_vector(&self, row: u32) -> &[f32] {
        match self.stored_product(row) {
            Some(stored) => self.bundle().product_vector(stored),
            None => self.live.goods.get(row).and_then(|good| good.vector.as_deref()).unwrap_or(&[]),
        }
    }
}

/// Whether a vector says anything.
pub(crate) fn is_nonzero(vector: &[f32]) -> bool {
    vector.iter().any(|value| *value != 0.0)
}

/// Inner product over the shorter length.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    vectors::dot(&left[..length], &right[..length])
}

/// Weighted mean of vectors of length `dim`; none when there is none, or when they cancel out.
pub(crate) fn weighted_mean(dim: usize, vectors: impl Iterator<Item = (impl AsRef<[f32]>, f32)>) -> Option<Vec<f32>> {
    mean_and_weight(dim, vectors).map(|(mean, _)| mean)
}

/// The same, with the sum of the weights.
fn mean_and_weight(dim: usize, vectors: impl Iterator<Item = (impl AsRef<[f32]>, f32)>) -> Option<(Vec<f32>, f32)> {
    let mut sum = vec![0.0; dim];
    let mut total = 0.0;
    for (vector, weight) in vectors {
        total += weight;
        sum.iter_mut().zip(vector.as_ref()).for_each(|(sum, value)| *sum += weight * value);
    }
    sum.iter_mut().for_each(|sum| *sum /= total);
    (total > 0.0 && is_nonzero(&sum)).then_some((sum, total))
}
