//! Two roles for everybody: what she opens teams for and what she lets herself be won for, learnt from what became of teams (after
//! Zhang et al., "Group-Buying Recommendation for Social E-Commerce", ICDE 2021, arXiv 2010.06848).
//!
//! Each user has a vector as initiator, of what she chose herself, and one as participant, of what she joined; both score the
//! same products, and are trained as [`softmax`](super::softmax) trains. A team that failed says that its initiator wanted
//! the product, and that those of her friends who join teams at all did not. What is a product worth to an initiator? What it is to
//! her, and to the friends whom she would ask (equation 12 of the paper), which is one inner product: her vector with the mean of
//! her friends' vectors as participants mixed in, and her own as participant.

use std::ops::ControlFlow;

use juntos_datasets::tables::{Split, TeamOutcome};
use juntos_datasets::training::TeamRecord;
use juntos_datasets::{Csr, UserRow};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::complete::{Others, add_row, complete};
use super::compute::Compute;
use super::softmax::Softmax;
use super::softmax::refusals::{Refusal, Refusals};
use super::{FitData, Fitted, Model, input};
use crate::config::{SoftmaxConfig, TwoRolesConfig};
use crate::error::TrainError;
use crate::prepare::joined_only;
use crate::tracking::Tracking;

/// The model `two_roles`.
#[derive(Debug, Clone)]
pub struct TwoRoles {
    settings: TwoRolesConfig,
    training: SoftmaxConfig,
    compute: Compute,
}

impl TwoRoles {
    /// The model with these settings, both roles trained as `training` says, but for friends.
    pub fn new(settings: TwoRolesConfig, training: SoftmaxConfig) -> Self {
        Self { settings, training, compute: Compute::default() }
    }

    /// The same, computed there.
    pub fn on(self, compute: Compute) -> Self {
        Self { compute, ..self }
    }
}

impl Model for TwoRoles {
    fn name(&self) -> &'static str {
        "two_roles"
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        input::check(data)?;
        if !data.teams.iter().any(|team| team.split == Split::Train) {
            return Err(TrainError::NoData { what: "there is no team that two roles could be learnt from" });
        }
        let acts = Acts::of(data, self.settings.failed_weight);
        let (nobody, of_roles) = (Csr::empty(acts.matrix.rows(), acts.matrix.rows()), &acts.matrix);
        let of_roles = FitData { interactions: of_roles, friends: &nobody, groups: &[], ..*data };
        let refusals = Refusals { weight: self.settings.refusal_weight, draw: &|epoch| acts.refusals(data, epoch) };
        let softmax = Softmax::new(self.training).on(self.compute.clone()).named(self.name());
        let directions =
            softmax.train_with(&of_roles, &refusals, tracking, &mut |_, _| Ok(ControlFlow::Continue(())))?;
        let (roles, products) = softmax.after_the_step(&acts.matrix, directions, data.dim);
        let rows = self.united(data, &acts, &roles);
        // Friends are in the vectors already.
        let group_members_weight = self.training.group_members_weight;
        let others = Others { friend_weight: 0.0, group_members_weight };
        let mut embeddings = complete(data, (rows, products), others, (self.name(), tracking.progress));
        embeddings.fold.friend_weight = if self.settings.friend_weight > 0.0 { 1.0 } else { 0.0 };
        Ok(Fitted::Embeddings(embeddings))
    }
}

impl TwoRoles {
    /// The vector of each user, from those of both her roles and of her friends as participants, then of each group. Each role counts by
    /// the events it was learnt from, all friends together as `friend_weight` events.
    fn united(&self, data: &FitData<'_>, acts: &Acts, roles: &[f32]) -> Vec<f32> {
        let TwoRolesConfig { joined_weight, friend_weight, .. } = self.settings;
        let (users, dim) = (acts.users, data.dim);
        let mut rows = vec![0.0; (users + data.groups.len()) * dim];
        let (of_users, of_groups) = rows.split_at_mut(users * dim);
        for (user, row) in of_users.chunks_exact_mut(dim).enumerate() {
            let own = [(acts.initiator(user), 1.0), (acts.participant(user), joined_weight)];
            let own = own.map(|(role, weight)| (role, weight * acts.weight(role)));
            let friends = friends_as_participants(data, acts, user);
            let known: f32 = friends.iter().map(|&(_, strength)| strength).sum();
            let of_friends = if known > 0.0 { friend_weight } else { 0.0 };
            let total: f32 = own.iter().map(|&(_, weight)| weight).sum::<f32>() + of_friends;
            if total > 0.0 {
                own.into_iter().for_each(|(role, weight)| add_row(row, roles, role, weight / total));
                friends.into_iter().for_each(|(role, strength)| {
                    add_row(row, roles, role, of_friends / total * strength / known);
                });
            }
        }
        of_groups.copy_from_slice(&roles[2 * users * dim..]);
        rows
    }
}

/// The role in which each friend of `user` would be asked, with the strength of their tie: as participant, or, where she never joined,
/// as who she is. Friends without events say nothing.
fn friends_as_participants(data: &FitData<'_>, acts: &Acts, user: usize) -> Vec<(usize, f32)> {
    let (friends, strengths) = data.friends.row(user);
    let as_asked = |(&friend, &strength): (&u32, &f32)| {
        let roles = [acts.participant(friend as usize), acts.initiator(friend as usize)];
        roles.into_iter().find(|&role| acts.weight(role) > 0.0).map(|role| (role, strength))
    };
    friends.iter().zip(strengths).filter_map(as_asked).collect()
}

/// Who did what in which role.
struct Acts {
    users: usize,
    /// `(2 · users + groups, products)` weights: initiators, participants, groups.
    matrix: Csr,
    weights: Vec<f32>,
    /// Initiator and product of each team that nobody joined, where a friend of hers has joined teams.
    failed: Vec<(UserRow, u32)>,
}

impl Acts {
    fn of(data: &FitData<'_>, failed_weight: f32) -> Self {
        let (users, products) = (data.friends.rows(), data.interactions.columns());
        let joined = joined_only(data.teams);
        let mut failed: Vec<(UserRow, u32)> =
            data.teams.iter().filter(|team| is_failed(team)).map(|team| (team.initiator, team.product.0)).collect();
        failed.sort_unstable();
        let opened = |user: usize| {
            let from = failed.partition_point(|(initiator, _)| (initiator.0 as usize) < user);
            failed[from..].iter().take_while(move |(initiator, _)| initiator.0 as usize == user)
        };
        let matrix = Csr::by_rows(data.interactions.rows() + users, products, |row, entries| {
            let (user, is_participant) = (row % users, row / users == 1);
            if row >= 2 * users {
                return entries.extend(data.interactions.entries(row - users));
            }
            let of_role = |&(product, _): &(u32, f32)| joined.contains(&(user as u32, product)) == is_participant;
            entries.extend(data.interactions.entries(user).filter(of_role));
            if !is_participant && failed_weight > 0.0 {
                entries.extend(opened(user).map(|&(_, product)| (product, failed_weight)));
            }
        });
        let weights: Vec<f32> = (0..matrix.rows()).map(|row| matrix.row(row).1.iter().sum()).collect();
        let joins = |&friend: &u32| weights[users + friend as usize] > 0.0;
        failed.retain(|(initiator, _)| data.friends.row(initiator.0 as usize).0.iter().any(joins));
        Self { users, matrix, weights, failed }
    }

    fn initiator(&self, user: usize) -> usize {
        user
    }

    fn participant(&self, user: usize) -> usize {
        self.users + user
    }

    /// Weight of all that was done in a role.
    fn weight(&self, role: usize) -> f32 {
        self.weights[role]
    }

    /// For each team that nobody joined one of those friends who join, with something that she joined; others in each epoch.
    fn refusals(&self, data: &FitData<'_>, epoch: usize) -> Vec<Refusal> {
        let mut rng = ChaCha8Rng::seed_from_u64(data.seed);
        rng.set_stream(epoch as u64);
        let refusal = |&(initiator, refused): &(UserRow, u32)| {
            let joins = |&friend: &u32| self.weight(self.participant(friend as usize)) > 0.0;
            let friends: Vec<u32> = data.friends.row(initiator.0 as usize).0.iter().copied().filter(joins).collect();
            let role = self.participant(friends[rng.random_range(0..friends.len())] as usize);
            let (joined, _) = self.matrix.row(role);
            Refusal { row: role as u32, taken: joined[rng.random_range(0..joined.len())], refused }
        };
        self.failed.iter().map(refusal).filter(|refusal| refusal.taken != refusal.refused).collect()
    }
}

fn is_failed(team: &TeamRecord) -> bool {
    team.split == Split::Train && team.outcome == TeamOutcome::Expired && team.participants.is_empty()
}

#[cfg(test)]
mod tests {
    //! 1. Each event counts in the role that it was done in; a team that nobody joined counts for its initiator; groups keep their row.
    //! 2. Only friends who join at all refuse, and what they joined is not what they refused.
    //! 3. Who has no events is told what friends join; what they refuse comes after it.
    //! 4. Data without teams are refused.

    use juntos_datasets::ProductRow;
    use juntos_datasets::progress::Silent;

    use super::*;
    use crate::models::Embeddings;

    const DIM: usize = 8;

    fn team(initiator: u32, product: u32, participants: &[u32]) -> TeamRecord {
        TeamRecord {
            team_id: format!("{initiator}-{product}"),
            initiator: UserRow(initiator),
            product: ProductRow(product),
            participants: participants.iter().map(|&user| UserRow(user)).collect(),
            min_size: 2,
            opened_at: None,
            deadline: None,
            outcome: if participants.is_empty() { TeamOutcome::Expired } else { TeamOutcome::Succeeded },
            split: Split::Train,
            negatives: Vec::new(),
            public: None,
        }
    }

    fn data<'a>(interactions: &'a Csr, friends: &'a Csr, teams: &'a [TeamRecord]) -> FitData<'a> {
        FitData { interactions, friends, groups: &[], shown: None, teams, dim: DIM, seed: 3, folds: true }
    }

    fn both_ways(users: usize, ties: &[(u32, u32)]) -> Csr {
        Csr::from_entries(users, users, ties.iter().flat_map(|&(a, b)| [(a, b, 1.0), (b, a, 1.0)]).collect())
    }

    #[test]
    fn events_count_in_their_role() {
        // User 0 opens for 0, which 1 joins, and in vain for 2; user 1 chose 1 by herself; row 2 is a group.
        let cells = vec![(0, 0, 1.0), (1, 0, 1.0), (1, 1, 2.0), (2, 1, 3.0)];
        let (interactions, friends) = (Csr::from_entries(3, 3, cells), both_ways(2, &[(0, 1)]));
        let teams = [team(0, 0, &[1]), team(0, 2, &[])];
        let acts = Acts::of(&data(&interactions, &friends, &teams), 0.5);
        let expected = vec![(0, 0, 1.0), (0, 2, 0.5), (1, 1, 2.0), (3, 0, 1.0), (4, 1, 3.0)];
        assert_eq!(acts.matrix.cells().collect::<Vec<_>>(), expected);
        let refusals = acts.refusals(&data(&interactions, &friends, &teams), 1);
        assert_eq!(refusals, [Refusal { row: 3, taken: 0, refused: 2 }]);
    }

    #[test]
    fn who_never_joins_refuses_nothing() {
        let cells = vec![(0, 0, 1.0), (1, 0, 1.0), (2, 1, 1.0)];
        let (interactions, friends) = (Csr::from_entries(3, 3, cells), both_ways(3, &[(0, 1), (0, 2)]));
        // Of the friends of 2, who opens in vain, nobody has joined a team; those of 0 joined the very product.
        let teams = [team(0, 0, &[1]), team(2, 2, &[]), team(0, 0, &[])];
        let acts = Acts::of(&data(&interactions, &friends, &teams), 1.0);
        assert_eq!(acts.failed, [(UserRow(0), 0)]);
        assert!(acts.refusals(&data(&interactions, &friends, &teams), 1).is_empty());
    }

    /// Two halves of products: 40 users open and join teams of their own half; user 40 has friends of the first.
    fn halves() -> (Csr, Csr, Vec<TeamRecord>) {
        let (mut cells, mut teams, mut ties) = (Vec::new(), Vec::new(), Vec::new());
        for user in 0..40u32 {
            let next = (user + 2) % 40;
            for product in (user % 2..20).step_by(2) {
                if (user / 2 + product / 2) % 3 > 0 {
                    cells.extend([(user, product, 1.0), (next, product, 1.0)]);
                    teams.push(team(user, product, &[next]));
                }
            }
            ties.push((user, next));
        }
        ties.extend([(40, 0), (40, 2), (40, 4)]);
        teams.extend((1..20).step_by(2).map(|product| team(40, product, &[])));
        let interactions = Csr::from_entries(41, 20, cells).map_values(|_| 1.0);
        (interactions, both_ways(41, &ties), teams)
    }

    fn fit(data: &FitData<'_>, settings: TwoRolesConfig) -> Result<Embeddings, TrainError> {
        match TwoRoles::new(settings, SoftmaxConfig::default()).fit(data, &Silent)? {
            Fitted::Embeddings(embeddings) => Ok(embeddings),
            Fitted::Scores(_) => panic!("two_roles makes vectors"),
        }
    }

    /// How much more the products of the first half are worth to a user than those of the second, on average.
    fn leaning(vectors: &Embeddings, user: usize) -> f32 {
        let user = &vectors.users[user * DIM..][..DIM];
        let score = |product: usize| juntos_engine::vectors::dot(user, &vectors.products[product * DIM..][..DIM]);
        (0..20).map(|product| if product % 2 == 0 { score(product) } else { -score(product) }).sum::<f32>() / 10.0
    }

    #[test]
    fn friends_as_participants_tell_an_initiator_what_fills() {
        let (interactions, friends, teams) = halves();
        let data = data(&interactions, &friends, &teams);
        // Her own teams, all in vain, are of the second half: with nothing but them she would lean there.
        let settings = TwoRolesConfig { failed_weight: 0.1, ..TwoRolesConfig::default() };
        let alone = fit(&data, TwoRolesConfig { friend_weight: 0.0, ..settings }).unwrap();
        let with = fit(&data, settings).unwrap();
        assert!(leaning(&alone, 40) < 0.0 && leaning(&with, 40) > 0.0);
        let refused = fit(&data, TwoRolesConfig { refusal_weight: 3.0, ..settings }).unwrap();
        let unheard = fit(&data, TwoRolesConfig { refusal_weight: 0.0, ..settings }).unwrap();
        assert!(leaning(&refused, 40) > leaning(&unheard, 40));
    }

    #[test]
    fn without_teams_there_is_nothing_to_learn() {
        let (interactions, friends, _) = halves();
        let told = fit(&data(&interactions, &friends, &[]), TwoRolesConfig::default()).unwrap_err().to_string();
        assert!(told.contains("no team"), "{told}");
    }
}
