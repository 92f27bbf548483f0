//! The chances that a bundle gives for test teams, and what came of them.

use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::Bundle;
use juntos_engine::request::{Context, MAX_LIMIT};
use juntos_engine::together::model::{JoinFacts, logistic};
use rayon::prelude::*;

use super::calibration::{Forecast, Teams};
use super::course::Course;
use super::source::{Known, Rows, test_teams};
use crate::error::TrainError;

/// A test team that came to an end of its own, in the bundle's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    opened_at: Option<Timestamp>,
    initiator: UserRow,
    product: ProductRow,
    /// Who joined, ascending; rows that the bundle does not know stand last.
    joined: Vec<u32>,
    /// People needed besides the initiator.
    needed: usize,
    succeeded: bool,
}

/// Succeeded and expired test teams whose initiator and product the bundle knows.
pub fn decided(data: &TrainingData, rows: &Rows) -> Vec<Decided> {
    let is_decided = |team: &&TeamRecord| matches!(team.outcome, TeamOutcome::Succeeded | TeamOutcome::Expired);
    let known = |team: &TeamRecord| {
        let (initiator, product) = rows.team(team)?;
        Some(Decided {
            opened_at: team.opened_at,
            initiator,
            product,
            joined: rows.users(&team.participants),
            needed: team.min_size.saturating_sub(1) as usize,
            succeeded: team.outcome == TeamOutcome::Succeeded,
        })
    };
    test_teams(data).filter(is_decided).filter_map(known).collect()
}

/// How many teams there are, and how many of them succeeded.
pub fn count<'a>(teams: impl IntoIterator<Item = &'a Decided>) -> Teams {
    teams.into_iter().fold(Teams { all: 0, succeeded: 0 }, |count, team| Teams {
        all: count.all + 1,
        succeeded: count.succeeded + u64::from(team.succeeded),
    })
}

/// Of every friend of each team's initiator the chance that she joins, by the bundle's join model.
pub fn joining(teams: &[Decided], bundle: &Bundle) -> Vec<Forecast> {
    let of_team = |team: &Decided| {
        let friends = bundle.friends(team.initiator).0;
        let chances = chances(team, bundle);
        let forecast = |(&friend, chance): (&u32, f32)| Forecast {
            owner: team.initiator.0,
            chance: f64::from(chance),
            happened: team.joined.binary_search(&friend).is_ok(),
        };
        friends.iter().zip(chances).map(forecast).collect::<Vec<_>>()
    };
    teams.par_iter().flat_map_iter(of_team).collect()
}

/// The same as the recommender answers: of the friends whom it suggests, up to [`MAX_LIMIT`] a team.
///
/// # Errors
/// When the recommender refuses a question.
pub fn joining_served(teams: &[Decided], course: &Course, now: Timestamp) -> Result<Vec<Forecast>, TrainError> {
    let of_team = |team: &Decided| {
        let snapshot = course.at(team.opened_at);
        let bundle = snapshot.bundle();
        let context = Context::new(now, MAX_LIMIT);
        let (user, product) = (bundle.users().id(team.initiator), bundle.products().id(team.product));
        let answer = snapshot.group_friends(user, product, &context)?;
        let forecast = |item: &juntos_engine::request::FriendItem| {
            let friend = bundle.users().row(&item.user_id)?;
            let happened = team.joined.binary_search(&friend.0).is_ok();
            Some(Forecast { owner: team.initiator.0, chance: f64::from(item.join_probability), happened })
        };
        Ok(answer.items.iter().filter_map(forecast).collect::<Vec<_>>())
    };
    let each: Result<Vec<Vec<Forecast>>, TrainError> = teams.par_iter().map(of_team).collect();
    Ok(each?.concat())
}

/// Whether a team's end can be foretold: it needs somebody besides the initiator.
pub fn is_open_question(team: &Decided) -> bool {
    team.needed > 0
}

/// The chance that each team fills, asked before anybody has joined; of the teams of which the model says anything: it says
/// nothing where the initiator had too few friends at the cut, and nothing was learnt of teams that strangers fill.
pub fn success(teams: &[Decided], bundle: &Bundle) -> Vec<Forecast> {
    let model = bundle.serving().success;
    let forecast = |team: &Decided| {
        let chance = logistic(model.log_odds(&chances(team, bundle), team.needed)?);
        Some(Forecast { owner: team.initiator.0, chance: f64::from(chance), happened: team.succeeded })
    };
    teams.par_iter().filter(|team| is_open_question(team)).filter_map(forecast).collect()
}

/// The same as the recommender answers, of the teams whose initiator it answers.
///
/// # Errors
/// When the recommender refuses a question.
pub fn success_served(teams: &[Decided], course: &Course, now: Timestamp) -> Result<Vec<Forecast>, TrainError> {
    let forecast = |team: &Decided| {
        let snapshot = course.at(team.opened_at);
        let bundle = snapshot.bundle();
        let (user, product) = (bundle.users().id(team.initiator), bundle.products().id(team.product));
        let chance = snapshot.success_chance(user, product, &Context::new(now, 1))?;
        let owner = team.initiator.0;
        Ok(chance.map(|chance| Forecast { owner, chance: f64::from(chance), happened: team.succeeded }))
    };
    let each: Result<Vec<Option<Forecast>>, TrainError> =
        teams.par_iter().filter(|team| is_open_question(team)).map(forecast).collect();
    Ok(each?.into_iter().flatten().collect())
}

/// Join chance of every friend of the team's initiator.
fn chances(team: &Decided, bundle: &Bundle) -> Vec<f32> {
    let join = &bundle.serving().join;
    let facts = |&friend: &u32| JoinFacts::gather(&Known(bundle), team.initiator, UserRow(friend), team.product);
    bundle.friends(team.initiator).0.iter().map(|friend| join.probability(&facts(friend))).collect()
}
