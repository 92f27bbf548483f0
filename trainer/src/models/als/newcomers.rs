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
    let mut entries = Vec::with_capacity(matrix.len());
    for row in 0..matrix.rows() {
        let (columns, values) = matrix.row(row);
        entries.extend(columns.iter().zip(values).map(|(&column, &value)| (row as u32, column, value)));
    }
    for user in 0..data.friends.rows() {
        let own = solve::weight(data.interactions, user);
        if own < KNOWN_FROM {
            add_friends_products(user, weight / (1.0 + own as f32), data, &mut entries);
        }
    }
    Csr::from_entries(matrix.rows(), matrix.columns(), entries)
}

fn add_friends_products(user: usize, weight: f32, data: &FitData<'_>, entries: &mut Vec<(u32, u32, f32)>) {
    let (friends, strengths) = data.friends.row(user);
    for (&friend, &strength) in friends.iter().zip(strengths) {
        let (products, values) = data.interactions.row(friend as usize);
        let scaled =
            products.iter().zip(values).map(|(&product, &value)| (user as u32, product, weight * strength * value));
        entries.extend(scaled);
    }
}
