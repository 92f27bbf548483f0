//! Task `groups`: for every test team with negatives, its product among them.

use std::collections::BTreeMap;

use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::bundle::Bundle;
use juntos_engine::recommend::Snapshot;
use juntos_engine::request::{Context, Filter, MAX_LIMIT};
use juntos_engine::vectors::{add_scaled, dot};
use rayon::prelude::*;

use super::held_out::HeldOut;
use super::intervals::Baselines;
use super::metrics::Ranked;
use super::rank::order_candidates;
use super::source::{Rows, UNKNOWN, test_teams};
use crate::error::TrainError;
use crate::prepare::is_past_success;

/// One test team of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Who opens the team.
    pub initiator: UserRow,
    /// Everybody in it, ascending.
    pub members: Vec<UserRow>,
    /// What they bought.
    pub relevant: u32,
    /// What they might have bought instead, the product itself left out.
    pub negatives: Vec<u32>,
}

/// Every test team with negatives, all of whose members the bundle knows.
pub fn cases(data: &TrainingData, rows: &Rows) -> Vec<Case> {
    test_teams(data).filter_map(|team| case(team, rows).ok()).collect()
}

/// How many test teams are ranked, and why the others are not.
pub fn held_out(data: &TrainingData, rows: &Rows) -> HeldOut {
    HeldOut::tally("test teams", test_teams(data).map(|team| case(team, rows)))
}

/// The case of a test team, or why there is none.
fn case(team: &TeamRecord, rows: &Rows) -> Result<Case, &'static str> {
    if team.negatives.is_empty() {
        return Err("without_negatives");
    }
    let members = team.members().into_iter().map(|user| rows.user(user)).collect::<Option<Vec<_>>>();
    let (mut members, initiator) = members.zip(rows.user(team.initiator)).ok_or("with_unknown_members")?;
    members.sort_unstable();
    let product = |product: &ProductRow| rows.product(*product).map_or(UNKNOWN, |row| row.0);
    let relevant = product(&team.product);
    let negatives = team.negatives.iter().map(product).filter(|&negative| negative != relevant).collect();
    Ok(Case { initiator, members, relevant, negatives })
}

fn rank<S: Fn(u32) -> f32>(cases: &[Case], seed: u64, scorer: impl Fn(&Case) -> S + Sync) -> Vec<Ranked> {
    let list = |(at, case): (usize, &Case)| {
        let score = scorer(case);
        let scored = |product| (product, if product == UNKNOWN { f32::MIN } else { score(product) });
        let scored = case.negatives.iter().copied().chain([case.relevant]).map(scored).collect();
        Ranked::new(order_candidates(scored, seed.wrapping_add(at as u64)), &[case.relevant])
    };
    cases.par_iter().enumerate().map(list).collect()
}

/// Ranks by the group's own vector, or by its members' mean where the group has not bought before.
pub fn rank_exactly(cases: &[Case], bundle: &Bundle, seed: u64) -> Vec<Ranked> {
    rank(cases, seed, |case| {
        let vector = match bundle.group_vector(&case.members) {
            Some(vector) => vector.to_vec(),
            None => members_mean(bundle, &case.members),
        };
        move |product| dot(&vector, bundle.product_vector(ProductRow(product)))
    })
}

fn members_mean(bundle: &Bundle, members: &[UserRow]) -> Vec<f32> {
    let mut mean = vec![0.0; bundle.dim()];
    let mut vector = mean.clone();
    for &member in members {
        bundle.read_user_vector(member, &mut vector);
        add_scaled(&mut mean, 1.0 / members.len() as f32, &vector);
    }
    mean
}

/// Ranks by place in the recommender's list for the group, which it is asked to make of the case's products; those that it
/// does not list stand behind, at random. A list holds at most [`MAX_LIMIT`] products.
///
/// # Errors
/// When the recommender refuses a question.
pub fn rank_served(cases: &[Case], snapshot: &Snapshot, now: Timestamp, seed: u64) -> Result<Vec<Ranked>, TrainError> {
    let places = cases.par_iter().map(|case| places(case, snapshot, now, seed)).collect::<Result<Vec<_>, _>>()?;
    let scored = cases.iter().zip(places).enumerate().map(|(at, (case, places))| {
        let score = |product: u32| places.get(&product).map_or(f32::MIN, |&place| -(place as f32));
        let scored = case.negatives.iter().chain([&case.relevant]).map(|&product| (product, score(product))).collect();
        Ranked::new(order_candidates(scored, seed.wrapping_add(at as u64)), &[case.relevant])
    });
    Ok(scored.collect())
}

/// Place of each product in the recommender's list for the group.
fn places(case: &Case, snapshot: &Snapshot, now: Timestamp, seed: u64) -> Result<BTreeMap<u32, usize>, TrainError> {
    let bundle = snapshot.bundle();
    let others = case.members.iter().filter(|&&member| member != case.initiator);
    let ids: Vec<String> =
        [&case.initiator].into_iter().chain(others).map(|&row| bundle.users().id(row).to_owned()).collect();
    let known = case.negatives.iter().chain([&case.relevant]).filter(|&&product| product != UNKNOWN);
    let product_ids = known.map(|&product| bundle.products().id(ProductRow(product)).to_owned()).collect();
    let filter = Filter { product_ids, ..Filter::default() };
    let context = Context { seed, include_bought: true, filter, ..Context::new(now, MAX_LIMIT) };
    let answer = snapshot.group_products(&ids, false, &context)?;
    let row = |id: &str| bundle.products().row(id).map(|row| row.0);
    let listed = answer.items.iter().filter_map(|item| row(&item.product.product_id));
    Ok(listed.enumerate().map(|(place, product)| (product, place)).collect())
}

/// The ranking that the model is held against: how many training teams succeeded with a product.
pub fn baselines(cases: &[Case], data: &TrainingData, rows: &Rows, products: usize, seed: u64) -> Baselines {
    let mut teams = vec![0.0f32; products];
    for team in data.teams.iter().filter(|team| is_past_success(team)) {
        if let Some(product) = rows.product(team.product) {
            teams[product.0 as usize] += 1.0;
        }
    }
    let lists = rank(cases, seed, |_| |product: u32| teams[product as usize]);
    Baselines::from([("popularity".to_owned(), lists)])
}
