//! Turns people of whom little is known towards where their friends lie.

use rayon::prelude::*;

use super::FitData;
use super::losses::dot;

/// What the mean direction of her friends counts for somebody, beside her own, where `share` says 1.
const TOWARDS_FRIENDS: f32 = 2.0;

/// Turns the vectors of users towards those of their friends: by the mean of their directions, weighted by the strength of the tie and
/// by how much each friend `tells`, times `share` of the user. Lengths stay, and so does who has no vector or no friend with one.
pub(super) fn turn_towards_friends(
    users: &mut [f32],
    data: &FitData<'_>,
    share: impl Fn(usize) -> f32 + Sync,
    tells: impl Fn(u32) -> f32 + Sync,
) {
    if data.friends.is_empty() {
        return;
    }
    let (dim, trained) = (data.dim, users.to_vec());
    users.par_chunks_exact_mut(dim).enumerate().for_each(|(user, vector)| {
        let share = share(user);
        if share > 0.0 {
            let ties = data.friends.entries(user).map(|(friend, strength)| (friend, strength * tells(friend)));
            add_direction(vector, &mean_direction(ties, &trained, dim), TOWARDS_FRIENDS * share);
        }
    });
}

/// Turns everybody without events, once more: a friend tells the less of her, the more friends he has, by the root of their number, as
/// graph convolutions have it (He et al. 2020, LightGCN, equation 3).
pub(super) fn turn_newcomers(users: &mut [f32], data: &FitData<'_>) {
    let is_newcomer = |user: usize| if data.interactions.row(user).0.is_empty() { 1.0 } else { 0.0 };
    let tells = |friend: u32| (data.friends.row(friend as usize).0.len().max(1) as f32).sqrt().recip();
    turn_towards_friends(users, data, is_newcomer, tells);
}

/// The mean of the directions of `friends`, given with their weights; zero without any.
fn mean_direction(friends: impl Iterator<Item = (u32, f32)>, vectors: &[f32], dim: usize) -> Vec<f32> {
    let (mut sum, mut weights) = (vec![0.0; dim], 0.0);
    for (friend, weight) in friends {
        let vector = &vectors[friend as usize * dim..(friend as usize + 1) * dim];
        let length = dot(vector, vector).sqrt();
        if length > 0.0 {
            sum.iter_mut().zip(vector).for_each(|(cell, &value)| *cell += weight * value / length);
            weights += weight;
        }
    }
    sum.iter_mut().for_each(|cell| *cell /= f32::max(weights, f32::MIN_POSITIVE));
    sum
}

/// Adds `share` times `other` to the direction of `vector`, and gives it its length back.
fn add_direction(vector: &mut [f32], other: &[f32], share: f32) {
    let length = dot(vector, vector).sqrt();
    if length == 0.0 || other.iter().all(|&value| value == 0.0) {
        return;
    }
    vector.iter_mut().zip(other).for_each(|(cell, &value)| *cell = *cell / length + share * value);
    let now = dot(vector, vector).sqrt();
    if now > 0.0 {
        vector.iter_mut().for_each(|cell| *cell *= length / now);
    }
}

#[cfg(test)]
mod tests {
    //! Of two friends the one with fewer friends tells more; lengths stay, and so does who has events, no vector or no friends.

    use juntos_datasets::Csr;

    use super::*;

    #[test]
    fn who_has_few_friends_tells_more() {
        let interactions = Csr::from_entries(6, 1, vec![(1, 0, 1.0), (2, 0, 1.0)]);
        let ties = vec![
            (0, 1, 1.0),
            (0, 2, 1.0),
            (1, 0, 1.0),
            (2, 0, 1.0),
            (2, 3, 1.0),
            (2, 4, 1.0),
            (2, 5, 1.0),
            (3, 0, 1.0),
        ];
        let friends = Csr::from_entries(6, 6, ties);
        let data = FitData {
            interactions: &interactions,
            friends: &friends,
            groups: &[],
            dim: 2,
            seed: 0,
            folds: true,
            shown: None,
            teams: &[],
        };
        let before = [3.0, 4.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 5.0, 5.0, 0.0, 0.0];
        let mut users = before;
        turn_newcomers(&mut users, &data);
        // Directions (1, 0) with weight 1 and (0, 1) with weight 1/2.
        let (x, y) = (0.6 + 2.0 * 2.0 / 3.0, 0.8 + 2.0 / 3.0);
        assert!(
            (users[0] / users[1] - x / y).abs() < 1e-5 && (users[0].hypot(users[1]) - 5.0).abs() < 1e-5,
            "{users:?}"
        );
        assert_eq!(users[2..], before[2..]);
    }
}
