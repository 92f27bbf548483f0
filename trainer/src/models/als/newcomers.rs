//! What friends had and where they lie, for users who had little themselves.

use juntos_datasets::Csr;
use rayon::prelude::*;

use super::solve;
use crate::models::FitData;
use crate::models::losses::dot;

/// From this weight of own events on a user's friends add nothing: she is known well enough by herself.
const KNOWN_FROM: f64 = 10.0;
/// What the direction of her friends counts for somebody without any event, beside her own.
const TOWARDS_FRIENDS: f32 = 2.0;

/// `matrix` with the products of friends added to the rows of users who had little: each product of a friend counts by
/// the strength of the tie and `weight`, divided by one plus the user's own weight, so that friends fade with history.
pub(super) fn with_friends_products(matrix: Csr, data: &FitData<'_>, weight: f32) -> Csr {
    if weight == 0.0 || data.friends.is_empty() {
        return matrix;
    }
    Csr::by_rows(matrix.rows(), matrix.columns(), |row, entries| {
        entries.extend(matrix.entries(row));
        let own = solve::weight(data.interactions, row);
        if row < data.friends.rows() && own < KNOWN_FROM {
            add_friends_products(row, weight / (1.0 + own as f32), data, entries);
        }
    })
}

fn add_friends_products(user: usize, weight: f32, data: &FitData<'_>, entries: &mut Vec<(u32, f32)>) {
    for (friend, strength) in data.friends.entries(user) {
        let products = data.interactions.entries(friend as usize);
        entries.extend(products.map(|(product, value)| (product, weight * strength * value)));
    }
}

/// Turns the vectors of users who had little towards those of their friends: by the mean of their directions, weighted
/// by strength, which fades with the user's own weight. What a friend had was folded into the user's vector already; where
/// the friend lies says besides what people like her had. Lengths stay.
pub(super) fn turn_towards_friends(users: &mut [f32], data: &FitData<'_>) {
    let (dim, trained) = (data.dim, users.to_vec());
    users.par_chunks_exact_mut(dim).enumerate().for_each(|(user, vector)| {
        let own = solve::weight(data.interactions, user);
        if own < KNOWN_FROM {
            let mean = mean_direction(data.friends.entries(user), &trained, dim);
            add_direction(vector, &mean, TOWARDS_FRIENDS / (1.0 + own as f32));
        }
    });
}

/// The mean of the directions of `friends`, given with their strengths; zero without any.
fn mean_direction(friends: impl Iterator<Item = (u32, f32)>, vectors: &[f32], dim: usize) -> Vec<f32> {
    let (mut sum, mut strengths) = (vec![0.0; dim], 0.0);
    for (friend, strength) in friends {
        let vector = &vectors[friend as usize * dim..(friend as usize + 1) * dim];
        let length = dot(vector, vector).sqrt();
        if length > 0.0 {
            sum.iter_mut().zip(vector).for_each(|(cell, &value)| *cell += strength * value / length);
            strengths += strength;
        }
    }
    sum.iter_mut().for_each(|cell| *cell /= f32::max(strengths, f32::MIN_POSITIVE));
    sum
}

/// Adds `share` times `other` to the direction of `vector`, and gives it its length back.
fn add_direction(vector: &mut [f32], other: &[f32], share: f32) {
    let length = dot(vector, vector).sqrt();
    if length == 0.0 {
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
    //! Newcomers turn towards their friends and keep their length, less so with a history, and not once they are known.

    use super::*;

    #[test]
    fn newcomers_turn_towards_their_friends() {
        let interactions = Csr::from_entries(4, 1, vec![(1, 0, 1.0), (2, 0, 10.0), (3, 0, 20.0)]);
        let ties = (0..3).map(|user| (user, 3, 0.5)).collect();
        let friends = Csr::from_entries(4, 4, ties);
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
        let before = [3.0f32, 0.0, 3.0, 0.0, 3.0, 0.0, 0.0, 9.0];
        let mut users = before;
        turn_towards_friends(&mut users, &data);
        let root = |square: f32| 3.0 / square.sqrt();
        let expected = [root(5.0), 2.0 * root(5.0), root(2.0), root(2.0), 3.0, 0.0, 0.0, 9.0];
        users.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{users:?}"));
    }
}
