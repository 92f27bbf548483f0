//! What a row takes over from its neighbours once training is done.

use juntos_datasets::{Csr, UserRow};

use crate::models::FitData;
use crate::models::als::solve::weight;
use crate::models::als::start::{scales, spread};

/// One step over the graph: `(rows + h · A products, products + k · Aᵀ rows)` for `weights` `(h, k)`, where `A` is
/// `by_row` with each cell over the root of its row's and its column's weight. Gives back the popularity that a softmax
/// over drawn negatives takes away, and what LightGCN (He et al. 2020, equation 3) has in its loop.
pub(super) fn hop(by_row: &Csr, rows: &mut [f32], products: &mut [f32], dim: usize, weights: (f32, f32)) {
    let by_column = by_row.transpose();
    let (row_scale, column_scale) = (scales(by_row), scales(&by_column));
    let to_rows = spread(by_row, products, dim, &row_scale, &column_scale);
    let to_products = spread(&by_column, rows, dim, &column_scale, &row_scale);
    rows.iter_mut().zip(to_rows).for_each(|(cell, value)| *cell += weights.0 * value);
    products.iter_mut().zip(to_products).for_each(|(cell, value)| *cell += weights.1 * value);
}

/// Mixes into every user the mean of her friends, who count like own events of weight `friend_weight` in all: a
/// newcomer is what her friends are, and friends fade with history. Friends without events say nothing.
pub(super) fn mix_friends(users: &mut [f32], data: &FitData<'_>, friend_weight: f32) {
    let dim = data.dim;
    let trained = users.to_vec();
    for (user, target) in users.chunks_exact_mut(dim).enumerate() {
        let (friends, strengths) = data.friends.row(user);
        let known = |friend: u32| weight(data.interactions, friend as usize) > 0.0;
        let known: Vec<(u32, f32)> =
            friends.iter().copied().zip(strengths.iter().copied()).filter(|&(friend, _)| known(friend)).collect();
        let total: f32 = known.iter().map(|&(_, strength)| strength).sum();
        if friend_weight == 0.0 || total == 0.0 {
            continue;
        }
        let own = weight(data.interactions, user) as f32;
        target.iter_mut().for_each(|cell| *cell *= own / (own + friend_weight));
        for (friend, strength) in known {
            let share = friend_weight / (own + friend_weight) * strength / total;
            add_row(target, &trained, friend as usize, share);
        }
    }
}

/// Adds the mean of its members, times `members_weight`, to each group.
pub(super) fn mix_members(
    groups: &mut [f32],
    users: &[f32],
    members: &[Vec<UserRow>],
    dim: usize,
    members_weight: f32,
) {
    for (members, group) in members.iter().zip(groups.chunks_exact_mut(dim)) {
        let share = members_weight / members.len().max(1) as f32;
        members.iter().for_each(|member| add_row(group, users, member.0 as usize, share));
    }
}

fn add_row(target: &mut [f32], rows: &[f32], row: usize, share: f32) {
    let source = &rows[row * target.len()..(row + 1) * target.len()];
    target.iter_mut().zip(source).for_each(|(cell, &value)| *cell += share * value);
}
