//! Fits the join and the success model on teams that were held out of the history their facts are gathered from, so
//! that the models meet past teams exactly as serving will meet new ones.

use std::borrow::Cow;

use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::{Csr, ProductRow, UserRow};
use juntos_engine::together::model::{JOIN_FEATURES, JoinEvidence, JoinFacts, JoinModel, SuccessModel, tail_log_odds};
use rayon::prelude::*;

use crate::logistic::{Example, fit_logistic};
use crate::prepare::is_past_success;

/// A part of the past as [`JoinEvidence`].
pub struct Past<'a> {
    data: &'a TrainingData,
    co_joined: Csr,
    dim: usize,
    users: &'a [f32],
    products: &'a [f32],
}

impl<'a> Past<'a> {
    /// What `data` tells, with vectors of length `dim` for its users and products, row-major.
    pub fn new(data: &'a TrainingData, dim: usize, users: &'a [f32], products: &'a [f32]) -> Self {
        Self { data, co_joined: co_joined(data), dim, users, products }
    }
}

/// `(users, users)`: how many times each friend joined a succeeded training team of each initiator.
pub fn co_joined(data: &TrainingData) -> Csr {
    let mut entries = Vec::new();
    for team in data.teams.iter().filter(|team| is_past_success(team)) {
        entries.extend(team.participants.iter().map(|friend| (team.initiator.0, friend.0, 1.0)));
    }
    Csr::from_entries(data.users.len(), data.users.len(), entries)
}

impl JoinEvidence for Past<'_> {
    fn co_joined(&self, initiator: UserRow) -> (&[u32], &[f32]) {
        self.co_joined.row(initiator.0 as usize)
    }
    fn friends(&self, user: UserRow) -> (&[u32], &[f32]) {
        self.data.friends.row(user.0 as usize)
    }
    fn products(&self, user: UserRow) -> impl Iterator<Item = u32> {
        self.data.possessions[user.0 as usize].iter().map(|had| had.product.0)
    }
    fn user_vector(&self, user: UserRow) -> Cow<'_, [f32]> {
        Cow::Borrowed(row(self.users, self.dim, user.0))
    }
    fn product_vector(&self, product: ProductRow) -> &[f32] {
        row(self.products, self.dim, product.0)
    }
}

fn row(vectors: &[f32], dim: usize, row: u32) -> &[f32] {
    vectors.get(row as usize * dim..(row as usize + 1) * dim).unwrap_or(&[])
}

/// Most (team, friend) pairs that a fit looks at; of more, evenly spaced teams are taken.
const MOST_PAIRS: usize = 400_000;

/// Pull of a weight towards its default, in log-likelihood a unit squared: a handful of teams hardly moves it.
const PULL: f64 = 1.0;

/// Learns from `teams`, which `past` must not hold, which of an initiator's friends join.
///
/// A regularised logistic regression that starts from, and is pulled towards, [`JoinModel::default`]: with no teams at
/// all the default comes back.
pub fn fit_join(past: &(impl JoinEvidence + Sync), teams: &[TeamRecord]) -> JoinModel {
    let joined: Vec<&TeamRecord> = teams.iter().filter(|team| !team.participants.is_empty()).collect();
    let pairs: usize = joined.iter().map(|team| past.friends(team.initiator).0.len()).sum();
    let examples: Vec<Example<{ JOIN_FEATURES + 1 }>> = joined
        .par_iter()
        .step_by(pairs.div_ceil(MOST_PAIRS).max(1))
        .flat_map_iter(|team| {
            past.friends(team.initiator).0.iter().map(|&friend| {
                let facts = JoinFacts::gather(past, team.initiator, UserRow(friend), team.product);
                let joins = team.participants.binary_search(&UserRow(friend)).is_ok();
                Example { features: with_intercept(facts.features()), positive: joins }
            })
        })
        .collect();
    let prior = JoinModel::default();
    let start = with_intercept(prior.weights).map(f64::from);
    let start = std::array::from_fn(|at| if at == JOIN_FEATURES { f64::from(prior.intercept) } else { start[at] });
    let fitted = fit_logistic(&examples, start, PULL);
    JoinModel {
        intercept: fitted[JOIN_FEATURES] as f32,
        weights: std::array::from_fn(|feature| fitted[feature] as f32),
    }
}

fn with_intercept(features: [f32; JOIN_FEATURES]) -> [f32; JOIN_FEATURES + 1] {
    std::array::from_fn(|at| if at == JOIN_FEATURES { 1.0 } else { features[at] })
}

/// Fewest teams of each outcome that a success model is fitted on.
const FEWEST_OUTCOMES: usize = 20;

/// Learns from succeeded and expired `teams` how far the friends' join probabilities tell whether a team fills.
///
/// With fewer than [`FEWEST_OUTCOMES`] teams of either outcome [`SuccessModel::default`] comes back.
pub fn fit_success(past: &(impl JoinEvidence + Sync), join: &JoinModel, teams: &[TeamRecord]) -> SuccessModel {
    let examples: Vec<Example<2>> = teams
        .par_iter()
        .filter_map(|team| {
            let needed = team.min_size.saturating_sub(1) as usize;
            let chances = join_probabilities(past, join, team.initiator, team.product);
            let reachable = needed > 0 && chances.len() >= needed;
            let positive = team.outcome == TeamOutcome::Succeeded;
            reachable.then(|| Example { features: [tail_log_odds(&chances, needed), 1.0], positive })
        })
        .collect();
    let succeeded = examples.iter().filter(|example| example.positive).count();
    let prior = SuccessModel::default();
    if succeeded.min(examples.len() - succeeded) < FEWEST_OUTCOMES {
        return prior;
    }
    let [slope, intercept] = fit_logistic(&examples, [f64::from(prior.slope), f64::from(prior.intercept)], PULL);
    // A negative slope would mean that willing friends make a team fail: noise, never a finding.
    SuccessModel { slope: slope.max(0.0) as f32, intercept: intercept as f32 }
}

/// Join probability of every friend of `initiator`.
fn join_probabilities(past: &impl JoinEvidence, join: &JoinModel, initiator: UserRow, product: ProductRow) -> Vec<f32> {
    let friends = past.friends(initiator).0.iter();
    friends.map(|&friend| join.probability(&JoinFacts::gather(past, initiator, UserRow(friend), product))).collect()
}

#[cfg(test)]
mod tests {
    //! 1. Without teams the defaults come back.
    //! 2. A planted habit is found: friends who joined before get a higher chance than others.
    //! 3. Teams whose friends are willing fill more often, once both outcomes have been seen.

    use juntos_datasets::IdMap;
    use juntos_datasets::tables::Split;

    use super::*;

    const USERS: u32 = 60;

    fn team(initiator: u32, participants: &[u32], min_size: u32, outcome: TeamOutcome) -> TeamRecord {
        TeamRecord {
            team_id: String::new(),
            initiator: UserRow(initiator),
            product: ProductRow(0),
            participants: participants.iter().map(|&user| UserRow(user)).collect(),
            min_size,
            opened_at: None,
            deadline: None,
            outcome,
            split: Split::Train,
            negatives: Vec::new(),
        }
    }

    /// Everybody is friends with the next ten; of those the first always joined, the second now and then.
    fn past() -> TrainingData {
        let mut users = IdMap::new();
        for user in 0..USERS {
            users.insert(&user.to_string());
        }
        let mut products = IdMap::new();
        products.insert("p");
        let friend = |user: u32, step: u32| (user + step) % USERS;
        let ties = (0..USERS).flat_map(|user| (1..=10).map(move |step| (user, friend(user, step), 0.5))).collect();
        let teams = (0..USERS).flat_map(|user| {
            let always = team(user, &[friend(user, 1)], 2, TeamOutcome::Succeeded);
            [always.clone(), always.clone(), always, team(user, &[friend(user, 2)], 2, TeamOutcome::Succeeded)]
        });
        TrainingData {
            users,
            products,
            interactions: Csr::empty(USERS as usize, 1),
            friends: Csr::from_entries(USERS as usize, USERS as usize, ties),
            teams: teams.collect(),
            possessions: vec![Vec::new(); USERS as usize],
            valid: Csr::empty(USERS as usize, 1),
            test: Csr::empty(USERS as usize, 1),
            cut: None,
        }
    }

    #[test]
    fn no_teams_leave_the_defaults() {
        let data = past();
        let past = Past::new(&data, 0, &[], &[]);
        assert_eq!(fit_join(&past, &[]), JoinModel::default());
        assert_eq!(fit_success(&past, &JoinModel::default(), &[]), SuccessModel::default());
    }

    #[test]
    fn a_habit_is_found() {
        let data = past();
        let past = Past::new(&data, 0, &[], &[]);
        let later: Vec<TeamRecord> =
            (0..USERS).map(|user| team(user, &[(user + 1) % USERS], 2, TeamOutcome::Succeeded)).collect();
        let model = fit_join(&past, &later);
        let chance =
            |friend: u32| model.probability(&JoinFacts::gather(&past, UserRow(0), UserRow(friend), ProductRow(0)));
        assert!(chance(1) > 0.7, "{}", chance(1));
        assert!(chance(2) < 0.3 && chance(5) < 0.1, "{} {}", chance(2), chance(5));
    }

    #[test]
    fn willing_friends_fill_teams() {
        let data = past();
        let past = Past::new(&data, 0, &[], &[]);
        let small = (0..USERS).map(|user| team(user, &[(user + 1) % USERS], 2, TeamOutcome::Succeeded));
        let large = (0..USERS).map(|user| team(user, &[], 6, TeamOutcome::Expired));
        let teams: Vec<TeamRecord> = small.chain(large).collect();
        let join = fit_join(&past, &teams[..USERS as usize]);
        let model = fit_success(&past, &join, &teams);
        let chances = join_probabilities(&past, &join, UserRow(0), ProductRow(0));
        assert!(model.probability(&chances, 1) > 0.8);
        assert!(model.probability(&chances, 5) < 0.2);
    }
}
