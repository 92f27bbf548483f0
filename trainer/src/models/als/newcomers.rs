//! What friends had, for users who had little themselves.

use juntos_datasets::Csr;

use super::solve;
use crate::models::FitData;

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
