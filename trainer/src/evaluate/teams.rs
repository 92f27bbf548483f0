//! Task `teams`: for every participant of a test team the test teams that her friends opened, as if all were open; those
//! she joined are relevant.

use std::collections::BTreeMap;
use std::sync::Arc;

use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::bundle::Bundle;
use juntos_engine::live::{Change, records};
use juntos_engine::recommend::Engine;
use juntos_engine::request::{Context, MAX_LIMIT};
use juntos_engine::together::model::JoinFacts;
use rayon::prelude::*;

use super::held_out::HeldOut;
use super::intervals::Baselines;
use super::metrics::Ranked;
use super::rank::order_candidates;
use super::source::{Known, Rows, test_teams};
use crate::error::TrainError;

/// One team that could be joined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opening<'a> {
    initiator: UserRow,
    product: ProductRow,
    team: &'a TeamRecord,
}

/// One person who joined at least one team of a friend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Who joined.
    pub user: UserRow,
    /// Teams opened by her friends, ascending by number.
    candidates: Vec<u32>,
    /// Those of them that she joined, ascending; at least one.
    relevant: Vec<u32>,
}

/// Test teams whose initiator and product the bundle knows; their place in the list is their number.
pub fn openings<'a>(data: &'a TrainingData, rows: &Rows) -> Vec<Opening<'a>> {
    let known = |team| rows.team(team).map(|(initiator, product)| Opening { initiator, product, team });
    test_teams(data).filter_map(known).collect()
}

/// Everybody who joined one of `openings` that a friend of hers opened.
pub fn cases(openings: &[Opening<'_>], rows: &Rows, bundle: &Bundle) -> Vec<Case> {
    let mut of_initiator: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut joined: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (number, opening) in openings.iter().enumerate() {
        of_initiator.entry(opening.initiator.0).or_default().push(number as u32);
        for user in opening.team.participants.iter().filter_map(|&user| rows.user(user)) {
            joined.entry(user.0).or_default().push(number as u32);
        }
    }
    let case = |(user, joined): (u32, Vec<u32>)| {
        let opened = |friend: &u32| of_initiator.get(friend).into_iter().flatten().copied();
        let mut candidates: Vec<u32> = bundle.friends(UserRow(user)).0.iter().flat_map(opened).collect();
        candidates.sort_unstable();
        let relevant: Vec<u32> = joined.into_iter().filter(|team| candidates.binary_search(team).is_ok()).collect();
        (!relevant.is_empty()).then_some(Case { user: UserRow(user), candidates, relevant })
    };
    joined.into_iter().filter_map(case).collect()
}

/// How many times somebody joined a test team that is ranked for her, and why the others are not.
pub fn held_out(data: &TrainingData, rows: &Rows, bundle: &Bundle) -> HeldOut {
    let openings = openings(data, rows);
    let joined =
        |teams: &mut dyn Iterator<Item = &TeamRecord>| teams.map(|team| team.participants.len()).sum::<usize>();
    let known = joined(&mut openings.iter().map(|opening| opening.team));
    let unknown = joined(&mut test_teams(data)) - known;
    let ranked = cases(&openings, rows, bundle).iter().map(|case| case.relevant.len()).sum();
    let why = [("unknown_to_the_bundle", unknown), ("joined_no_friend", known - ranked)];
    HeldOut::new("times somebody joined a test team", ranked, why)
}

/// Ranks every candidate of each case by `score`, ties at random.
fn rank(
    cases: &[Case],
    openings: &[Opening<'_>],
    seed: u64,
    score: impl Fn(UserRow, &Opening<'_>) -> f32 + Sync,
) -> Vec<Ranked> {
    rank_among(cases, |case| cases[case].candidates.as_slice(), openings, seed, score)
}

/// Ranks those that `among` names for each case.
fn rank_among<'a>(
    cases: &[Case],
    among: impl Fn(usize) -> &'a [u32] + Sync,
    openings: &[Opening<'_>],
    seed: u64,
    score: impl Fn(UserRow, &Opening<'_>) -> f32 + Sync,
) -> Vec<Ranked> {
    let list = |(at, case): (usize, &Case)| {
        let scored = |&number: &u32| (number, score(case.user, &openings[number as usize]));
        let scored = among(at).iter().map(scored).collect();
        Ranked::new(order_candidates(scored, seed.wrapping_add(at as u64)), &case.relevant)
    };
    cases.par_iter().enumerate().map(list).collect()
}

/// The join model's ranking: how likely she joins each team's initiator on its product.
pub fn rank_exactly(cases: &[Case], openings: &[Opening<'_>], bundle: &Bundle, seed: u64) -> Vec<Ranked> {
    let join = &bundle.serving().join;
    rank(cases, openings, seed, |user, opening| {
        join.log_odds(&JoinFacts::gather(&Known(bundle), opening.initiator, user, opening.product))
    })
}

/// The recommender's ranking of those that it shows: teams that it may not show are missing from it.
pub fn ranked(cases: &[Case], shown: &[Vec<u32>]) -> Vec<Ranked> {
    cases.iter().zip(shown).map(|(case, teams)| Ranked::new(teams.clone(), &case.relevant)).collect()
}

/// What the recommender shows for each case, best first: every test team is opened again, without its participants, and
/// each user asks.
///
/// # Errors
/// When the recommender refuses a team or a question.
pub fn shown(
    cases: &[Case],
    openings: &[Opening<'_>],
    bundle: Arc<Bundle>,
    now: Timestamp,
    seed: u64,
) -> Result<Vec<Vec<u32>>, TrainError> {
    let engine = Engine::new(bundle.clone());
    let mut numbers = BTreeMap::new();
    for (number, opening) in openings.iter().enumerate() {
        engine.apply(Change::PutTeam(reopened(opening, &bundle)), now)?;
        numbers.insert(opening.team.team_id.as_str(), number as u32);
    }
    let snapshot = engine.snapshot();
    let ask = |case: &Case| {
        let context = Context { seed, ..Context::new(now, MAX_LIMIT) };
        let answer = snapshot.group_teams(bundle.users().id(case.user), &context)?;
        let number = |id: &str| numbers.get(id).copied();
        let opened = answer.items.iter().filter_map(|item| number(&item.team_id));
        Ok(opened.filter(|number| case.candidates.binary_search(number).is_ok()).collect())
    };
    cases.par_iter().map(ask).collect()
}

fn reopened(opening: &Opening<'_>, bundle: &Bundle) -> records::TeamRecord {
    records::TeamRecord {
        team_id: opening.team.team_id.clone(),
        product_id: bundle.products().id(opening.product).to_owned(),
        initiator_id: bundle.users().id(opening.initiator).to_owned(),
        participant_ids: Vec::new(),
        min_size: opening.team.min_size.max(2),
        opened_at: None,
        deadline: None,
        outcome: TeamOutcome::Open,
        public: opening.team.public,
    }
}

/// What teams are ordered by.
type Count<'a> = Box<dyn Fn(UserRow, &Opening<'_>) -> f32 + Sync + 'a>;

/// The rankings that the model is held against: how many people bought the team's product (`popularity`), and how often the
/// person joined its initiator's teams (`joined_before`).
///
/// With what the recommender shows, the same again among that only, as `popularity_shown` and so on: what a count would make
/// of the teams that the recommender may show at all.
pub fn baselines(
    cases: &[Case],
    openings: &[Opening<'_>],
    bundle: &Bundle,
    seed: u64,
    shown: Option<&[Vec<u32>]>,
) -> Baselines {
    let before = |user: UserRow, opening: &Opening<'_>| {
        let (friends, times) = bundle.co_joined(opening.initiator);
        friends.binary_search(&user.0).map_or(0.0, |at| times[at])
    };
    let counts: [(&str, Count<'_>); 2] = [
        ("popularity", Box::new(|_, opening| bundle.buyers(opening.product).len() as f32)),
        ("joined_before", Box::new(before)),
    ];
    let mut baselines = Baselines::new();
    for (name, count) in &counts {
        baselines.insert((*name).to_owned(), rank(cases, openings, seed, count));
        if let Some(shown) = shown {
            let lists = rank_among(cases, |case| shown[case].as_slice(), openings, seed, count);
            baselines.insert(format!("{name}_shown"), lists);
        }
    }
    baselines
}
