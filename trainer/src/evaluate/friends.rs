//! Task `friends`: for every test team the initiator's friends, of whom those who joined are relevant.

use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::bundle::Bundle;
use juntos_engine::request::{Context, MAX_LIMIT};
use juntos_engine::together::model::JoinFacts;
use rayon::prelude::*;

use super::course::Course;
use super::held_out::HeldOut;
use super::intervals::Baselines;
use super::metrics::Ranked;
use super::rank::order_candidates;
use super::source::{Known, Rows, test_teams};
use crate::error::TrainError;
use crate::prepare::is_past_success;

/// One test team: whom would she invite?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// When the team is opened, if that is known.
    pub opened_at: Option<Timestamp>,
    /// Who opens the team.
    pub initiator: UserRow,
    /// On what.
    pub product: ProductRow,
    /// Who joined, ascending; at least one.
    pub relevant: Vec<u32>,
}

/// Every test team with participants whose initiator and product the bundle knows.
pub fn cases(data: &TrainingData, rows: &Rows) -> Vec<Case> {
    test_teams(data).filter_map(|team| case(team, rows).ok()).collect()
}

/// How many test teams are ranked, and why the others are not.
pub fn held_out(data: &TrainingData, rows: &Rows) -> HeldOut {
    HeldOut::tally("test teams", test_teams(data).map(|team| case(team, rows)))
}

/// The case of a test team, or why there is none.
fn case(team: &TeamRecord, rows: &Rows) -> Result<Case, &'static str> {
    if team.participants.is_empty() {
        return Err("without_participants");
    }
    let (initiator, product) = rows.team(team).ok_or("unknown_to_the_bundle")?;
    Ok(Case { opened_at: team.opened_at, initiator, product, relevant: rows.users(&team.participants) })
}

/// Ranks the friends of each case by `score`, ties at random.
fn rank(cases: &[Case], bundle: &Bundle, seed: u64, score: impl Fn(&Case, UserRow) -> f32 + Sync) -> Vec<Ranked> {
    rank_among(cases, |case| bundle.friends(cases[case].initiator).0, seed, score)
}

/// Ranks those whom `among` names for each case.
fn rank_among<'a>(
    cases: &[Case],
    among: impl Fn(usize) -> &'a [u32] + Sync,
    seed: u64,
    score: impl Fn(&Case, UserRow) -> f32 + Sync,
) -> Vec<Ranked> {
    let list = |(at, case): (usize, &Case)| {
        let scored = among(at).iter().map(|&friend| (friend, score(case, UserRow(friend)))).collect();
        Ranked::new(order_candidates(scored, seed.wrapping_add(at as u64)), &case.relevant)
    };
    cases.par_iter().enumerate().map(list).collect()
}

/// The join model's ranking.
pub fn rank_exactly(cases: &[Case], bundle: &Bundle, seed: u64) -> Vec<Ranked> {
    let join = &bundle.serving().join;
    rank(cases, bundle, seed, |case, friend| {
        join.log_odds(&JoinFacts::gather(&Known(bundle), case.initiator, friend, case.product))
    })
}

/// The recommender's ranking of those whom it suggests: friends who may not be suggested are missing from it.
pub fn ranked(cases: &[Case], suggested: &[Vec<u32>]) -> Vec<Ranked> {
    cases.iter().zip(suggested).map(|(case, friends)| Ranked::new(friends.clone(), &case.relevant)).collect()
}

/// Whom the recommender suggests for each case, likeliest first, among the friends she has by then.
///
/// # Errors
/// When the recommender refuses a question.
pub fn suggested(cases: &[Case], course: &Course, now: Timestamp, seed: u64) -> Result<Vec<Vec<u32>>, TrainError> {
    let ask = |case: &Case| {
        let snapshot = course.at(case.opened_at);
        let bundle = snapshot.bundle();
        let context = Context { seed, ..Context::new(now, MAX_LIMIT) };
        let (user, product) = (bundle.users().id(case.initiator), bundle.products().id(case.product));
        let answer = snapshot.group_friends(user, product, &context)?;
        let row = |id: &str| bundle.users().row(id).map(|row| row.0);
        Ok(answer.items.iter().filter_map(|item| row(&item.user_id)).collect())
    };
    cases.par_iter().map(ask).collect()
}

/// What friends are ordered by.
type Count<'a> = Box<dyn Fn(&Case, UserRow) -> f32 + Sync + 'a>;

/// The rankings that the model is held against: how often a friend joined anybody's team (`popularity`), how often she
/// joined the initiator's (`joined_before`), how often one of the two joined the other's (`together`), how many friends she
/// has (`friends`), and the strength of the tie (`tie`).
///
/// With whom the recommender suggests in the course of the test, the same again among those only, as `popularity_suggested` and so on: what a count would make of the
/// friends whom the recommender may suggest at all.
pub fn baselines(
    cases: &[Case],
    bundle: &Bundle,
    data: &TrainingData,
    rows: &Rows,
    seed: u64,
    served: Option<(&[Vec<u32>], &Course)>,
) -> Baselines {
    let mut joins = vec![0.0f32; bundle.n_users()];
    for team in data.teams.iter().filter(|team| is_past_success(team)) {
        for participant in team.participants.iter().filter_map(|&user| rows.user(user)) {
            joins[participant.0 as usize] += 1.0;
        }
    }
    let times =
        |(users, values): (&[u32], &[f32]), user: UserRow| users.binary_search(&user.0).map_or(0.0, |at| values[at]);
    let before = |case: &Case, friend: UserRow| times(bundle.co_joined(case.initiator), friend);
    let back = |case: &Case, friend: UserRow| times(bundle.co_joined(friend), case.initiator);
    let tie = |case: &Case, friend: UserRow| {
        let since = served.and_then(|(_, course)| course.strength(case.initiator.0, friend.0));
        since.unwrap_or_else(|| times(bundle.friends(case.initiator), friend))
    };
    let counts: [(&str, Count<'_>); 5] = [
        ("popularity", Box::new(|_, friend| joins[friend.0 as usize])),
        ("joined_before", Box::new(before)),
        ("together", Box::new(move |case, friend| before(case, friend) + back(case, friend))),
        ("friends", Box::new(|_, friend| bundle.friends(friend).0.len() as f32)),
        ("tie", Box::new(tie)),
    ];
    let mut baselines = Baselines::new();
    for (name, count) in &counts {
        baselines.insert((*name).to_owned(), rank(cases, bundle, seed, count));
        if let Some((suggested, _)) = served {
            let lists = rank_among(cases, |case| suggested[case].as_slice(), seed, count);
            baselines.insert(format!("{name}_suggested"), lists);
        }
    }
    baselines
}
