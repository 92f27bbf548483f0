//! What completes vectors of users (and standing groups, as further users) and products into [`Embeddings`]: their
//! scale, how to fold in, friends, and members of groups.

pub(crate) mod fold_in;

use juntos_datasets::UserRow;
use juntos_datasets::progress::Progress;
use juntos_engine::serving_model::FoldIn;
use rayon::prelude::*;

use super::als::solve::weight;
use super::losses::dot;
use super::{Embeddings, FitData};

const ROWS_A_TASK: usize = 1024;

/// How far others count in a vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Others {
    /// Weight of own events that all of a user's friends together count for, at least 0.
    pub(super) friend_weight: f32,
    /// Weight of the members' mean vector in a standing group's, beside the group's own; 0 to 1.
    pub(super) group_members_weight: f32,
}

/// Completes `(rows, products)`, rows being users and then groups. What `told` names is told how well events fold in.
pub(super) fn complete(
    data: &FitData<'_>,
    (mut users, mut products): (Vec<f32>, Vec<f32>),
    others: Others,
    told: (&str, &dyn Progress),
) -> Embeddings {
    let dim = data.dim;
    scale_to_one(data, &mut users, &mut products);
    let mut groups = users.split_off(data.friends.rows() * dim);
    let mut fold = match data.folds {
        true => fold_in::choose_and_tell(data, (&users, &products), told),
        false => FoldIn { friend_weight: 1.0, ..FoldIn::default() },
    };
    if others.friend_weight == 0.0 {
        fold.friend_weight = 0.0;
    }
    mix_friends(&mut users, data, others.friend_weight);
    mix_members(&mut groups, &users, data.groups, dim, others.group_members_weight);
    Embeddings { dim, users, products, groups, fold }
}

/// Scales both sides alike, so that cells with an event score 1 on average by their weight: what a fold-in aims at.
fn scale_to_one(data: &FitData<'_>, rows: &mut [f32], products: &mut [f32]) {
    let dim = data.dim;
    let of_task = |(task, rows_of_task): (usize, &[f32])| {
        let (mut scores, mut weights) = (0f64, 0f64);
        for (row, vector) in (task * ROWS_A_TASK..).zip(rows_of_task.chunks_exact(dim)) {
            let (columns, values) = data.interactions.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                let product = &products[column as usize * dim..(column as usize + 1) * dim];
                scores += f64::from(value) * f64::from(dot(vector, product));
                weights += f64::from(value);
            }
        }
        (scores, weights)
    };
    let tasks: Vec<(f64, f64)> = rows.par_chunks(ROWS_A_TASK * dim).enumerate().map(of_task).collect();
    let (scores, weights) = tasks.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let mean = scores / weights;
    if mean > 0.0 && mean.is_finite() {
        let scale = mean.sqrt().recip() as f32;
        rows.iter_mut().chain(products).for_each(|cell| *cell *= scale);
    }
}

/// Mixes into every user the mean of her friends, who count like own events of weight `friend_weight` in all: a
/// newcomer is what her friends are, and friends fade with history. Friends without events say nothing.
fn mix_friends(users: &mut [f32], data: &FitData<'_>, friend_weight: f32) {
    if friend_weight == 0.0 {
        return;
    }
    let dim = data.dim;
    let trained = users.to_vec();
    for (user, target) in users.chunks_exact_mut(dim).enumerate() {
        let own = weight(data.interactions, user) as f32;
        mix_mean(target, &trained, &known_friends(data, user), own / (own + friend_weight));
    }
}

/// Makes every user without events the mean of her friends; those without friends who have any stay.
pub(super) fn stand_in_friends(users: &mut [f32], data: &FitData<'_>) {
    let trained = users.to_vec();
    for (user, target) in users.chunks_exact_mut(data.dim).enumerate() {
        if weight(data.interactions, user) == 0.0 {
            mix_mean(target, &trained, &known_friends(data, user), 0.0);
        }
    }
}

/// The friends of a user who have events, with the strength of each tie over that of all of them.
fn known_friends(data: &FitData<'_>, user: usize) -> Vec<(u32, f32)> {
    let known = |&(friend, _): &(u32, f32)| weight(data.interactions, friend as usize) > 0.0;
    let known: Vec<(u32, f32)> = data.friends.entries(user).filter(known).collect();
    let total: f32 = known.iter().map(|&(_, strength)| strength).sum();
    if total > 0.0 {
        known.into_iter().map(|(friend, strength)| (friend, strength / total)).collect()
    } else {
        Vec::new()
    }
}

/// Leaves `kept` of a row, and puts a mean of `others` in the place of the rest, where there are any.
fn mix_mean(target: &mut [f32], rows: &[f32], others: &[(u32, f32)], kept: f32) {
    if others.is_empty() {
        return;
    }
    target.iter_mut().for_each(|cell| *cell *= kept);
    others.iter().for_each(|&(other, share)| add_row(target, rows, other as usize, (1.0 - kept) * share));
}

/// Adds the mean of its members, times `members_weight`, to each group.
fn mix_members(groups: &mut [f32], users: &[f32], members: &[Vec<UserRow>], dim: usize, members_weight: f32) {
    for (members, group) in members.iter().zip(groups.chunks_exact_mut(dim)) {
        let share = members_weight / members.len().max(1) as f32;
        members.iter().for_each(|member| add_row(group, users, member.0 as usize, share));
    }
}

pub(super) fn add_row(target: &mut [f32], rows: &[f32], row: usize, share: f32) {
    let source = &rows[row * target.len()..(row + 1) * target.len()];
    target.iter_mut().zip(source).for_each(|(cell, &value)| *cell += share * value);
}

#[cfg(test)]
mod tests {
    //! Friends fade with history, and members count in a group beside its own vector.

    use juntos_datasets::Csr;

    use super::*;

    #[test]
    fn friends_fade_with_history() {
        let interactions = Csr::from_entries(4, 1, vec![(0, 0, 1.0), (2, 0, 9.0)]);
        let ties = vec![(0, 2, 1.0), (1, 0, 3.0), (1, 2, 1.0), (1, 3, 5.0), (2, 0, 1.0)];
        let friends = Csr::from_entries(4, 4, ties);
        let data = FitData {
            interactions: &interactions,
            friends: &friends,
            groups: &[],
            dim: 1,
            seed: 0,
            folds: true,
            shown: None,
            teams: &[],
        };
        let mut users = vec![1.0, 0.0, 2.0, 0.0];
        mix_friends(&mut users, &data, 1.0);
        let expected = [0.5 * 1.0 + 0.5 * 2.0, 0.75 * 1.0 + 0.25 * 2.0, 0.9 * 2.0 + 0.1 * 1.0, 0.0];
        users.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{users:?}"));
        let mut groups = vec![1.0];
        mix_members(&mut groups, &users, &[vec![UserRow(0), UserRow(1)]], 1, 0.5);
        assert!((groups[0] - (1.0 + 0.5 * 1.375)).abs() < 1e-6);
    }
}
