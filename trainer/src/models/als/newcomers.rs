//! What friends had and where they lie, for users who had little themselves.

use juntos_datasets::Csr;

use super::solve;
use crate::models::{FitData, towards_friends};

/// From this weight of own events on a user's friends add nothing: she is known well enough by herself.
const KNOWN_FROM: f64 = 10.0;

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

/// Turns the vectors of users who had little towards those of their friends, which fades with the user's own weight. What a friend
/// had was folded into the user's vector already; where the friend lies says besides what people like her had.
pub(super) fn turn_towards_friends(users: &mut [f32], data: &FitData<'_>) {
    let share = |user: usize| {
        let own = solve::weight(data.interactions, user);
        if own < KNOWN_FROM { 1.0 / (1.0 + own as f32) } else { 0.0 }
    };
    towards_friends::turn_towards_friends(users, data, share, |_| 1.0);
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
