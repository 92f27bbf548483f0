//! Rules that say who joins, and how good each is.

use std::collections::BTreeMap;

use juntos_datasets::UserRow;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_engine::together::model::{JOIN_FEATURES, JoinFacts, JoinModel};
use juntos_trainer::logistic::{Example, fit_logistic};
use juntos_trainer::together::{Consent, Past, Roles};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::planted::Chances;

/// Features of the join model, the score of the two roles, and a constant.
const FEATURES: usize = JOIN_FEATURES + 2;

/// One friend who could have joined one team.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    facts: JoinFacts,
    role: f32,
    /// Succeeded teams of anybody that she had joined before.
    joins: f32,
    /// The chance that was drawn from, where it is known.
    planted: Option<f32>,
    /// Whether she takes invitations.
    invited: bool,
    joined: bool,
}

/// What is said of people beside what models may know.
pub(crate) struct People<'a> {
    pub(crate) consent: &'a Consent,
    /// Whether each takes invitations, by row.
    pub(crate) invited: Vec<bool>,
    pub(crate) chances: Option<Chances>,
}

/// Of each of `teams`, the friends who could have joined.
pub(crate) fn asked(
    past: &Past<'_>,
    roles: &Roles,
    data: &TrainingData,
    people: &People<'_>,
    teams: &[&TeamRecord],
) -> Vec<Vec<Asked>> {
    let mut joins = vec![0.0f32; data.users.len()];
    for team in data.teams.iter().filter(|team| team.is_past_success()) {
        team.participants.iter().for_each(|user| joins[user.0 as usize] += 1.0);
    }
    let of_team = |team: &&TeamRecord| {
        let seen = past.seen_by(team.initiator);
        let chances = people.chances.as_ref().map(|chances| chances.get(&team.team_id));
        let planted =
            |friend| chances.map(|chances| chances.and_then(|chances| chances.get(&friend)).copied().unwrap_or(0.0));
        let asked = |friend: UserRow| Asked {
            facts: JoinFacts::gather(&seen, team.initiator, friend, team.product),
            role: roles.score(team.initiator, friend, team.product),
            joins: joins[friend.0 as usize],
            planted: planted(friend),
            invited: people.invited[friend.0 as usize],
            joined: team.participants.binary_search(&friend).is_ok(),
        };
        past.reachable(team).into_iter().map(asked).collect()
    };
    teams.par_iter().map(of_team).collect()
}

/// What a rule makes of one friend; chances as log-odds.
type Rule<'a> = Box<dyn Fn(&Asked) -> f32 + Sync + 'a>;

/// Every rule, learnt from `learn` where it learns, on `test`.
pub(crate) fn measure(learn: &[Vec<Asked>], test: &[Vec<Asked>], k: usize, seed: u64) -> Value {
    let facts = |asked: &Asked| features(asked, true, false);
    let both = |asked: &Asked| features(asked, true, true);
    let role = |asked: &Asked| features(asked, false, true);
    let models = [
        ("join_model", weights(learn, facts)),
        ("join_model_and_roles", weights(learn, both)),
        ("roles", weights(learn, role)),
    ];
    let chances = models.iter().map(|(name, weights)| {
        let rule: Rule<'_> = Box::new(move |asked| dot(weights, &features(asked, true, true)));
        (*name, rule, true)
    });
    let counts: [(&str, Rule<'_>); 6] = [
        ("joined_before", Box::new(|asked| asked.facts.joined)),
        ("joined_back", Box::new(|asked| asked.facts.reverse)),
        ("together", Box::new(|asked| asked.facts.joined + asked.facts.reverse)),
        ("joins_of_anybody", Box::new(|asked| asked.joins)),
        ("number_of_friends", Box::new(|asked| asked.facts.friend_friends)),
        ("tie_strength", Box::new(|asked| asked.facts.strength)),
    ];
    let counts = counts.into_iter().map(|(name, rule)| (name, rule, false));
    let planted: Rule<'_> = Box::new(|asked| log_odds(asked.planted.unwrap_or(0.0)));
    let planted = test.iter().flatten().any(|asked| asked.planted.is_some()).then_some(("planted", planted, true));
    let figures: BTreeMap<&str, Value> = chances
        .chain(counts)
        .chain(planted)
        .map(|(name, rule, chance)| (name, figures(&rule, chance, test, k, seed)))
        .collect();
    let joined = test.iter().filter(|team| team.iter().any(|asked| asked.joined)).count();
    json!({
        "teams": test.len(), "teams_joined": joined, "friends": test.iter().map(Vec::len).sum::<usize>(),
        "rules": figures, "weight_of_roles": models[1].1[JOIN_FEATURES],
    })
}

/// What is known of one friend, with nothing in the place of what a rule does not look at.
fn features(asked: &Asked, facts: bool, role: bool) -> [f32; FEATURES] {
    let known = asked.facts.features();
    std::array::from_fn(|at| match at {
        JOIN_FEATURES if role => asked.role,
        at if at < JOIN_FEATURES && facts => known[at],
        at if at == JOIN_FEATURES + 1 => 1.0,
        _ => 0.0,
    })
}

/// Fits a rule as `juntos train` fits the join model. What a rule does not look at weighs nothing.
fn weights(learn: &[Vec<Asked>], features: impl Fn(&Asked) -> [f32; FEATURES]) -> [f64; FEATURES] {
    let example = |asked: &Asked| Example { features: features(asked), positive: asked.joined };
    let examples: Vec<Example<FEATURES>> = learn.iter().flatten().map(example).collect();
    let prior = JoinModel::default();
    let looked_at: Vec<bool> = (0..FEATURES).map(|at| examples.iter().any(|one| one.features[at] != 0.0)).collect();
    let towards = std::array::from_fn(|at| match at {
        at if !looked_at[at] => 0.0,
        at if at < JOIN_FEATURES => f64::from(prior.weights[at]),
        JOIN_FEATURES => 0.0,
        _ => f64::from(prior.intercept),
    });
    fit_logistic(&examples, towards, 1.0)
}

fn dot(weights: &[f64; FEATURES], features: &[f32; FEATURES]) -> f32 {
    weights.iter().zip(features).map(|(weight, &feature)| weight * f64::from(feature)).sum::<f64>() as f32
}

fn figures(rule: &Rule<'_>, chance: bool, test: &[Vec<Asked>], k: usize, seed: u64) -> Value {
    let mut found = json!({
        "recall": recall(rule, test, k, seed, |_| true),
        "recall_suggested": recall(rule, test, k, seed, |asked| asked.invited),
    });
    if chance {
        let (mut brier, mut loss, mut count) = (0.0, 0.0, 0u32);
        for asked in test.iter().flatten() {
            let (log_odds, happened) = (f64::from(rule(asked)), f64::from(u8::from(asked.joined)));
            let told = 1.0 / (1.0 + (-log_odds).exp());
            brier += (told - happened).powi(2);
            let margin = if asked.joined { log_odds } else { -log_odds };
            loss += (-margin).max(0.0) + (-margin.abs()).exp().ln_1p();
            count += 1;
        }
        found["brier"] = json!(brier / f64::from(count.max(1)));
        found["log_loss"] = json!(loss / f64::from(count.max(1)));
    }
    found
}

/// The log-odds of a chance; of none and of certainty, that of very little of it.
fn log_odds(chance: f32) -> f32 {
    let chance = chance.clamp(1e-6, 1.0 - 1e-6);
    (chance / (1.0 - chance)).ln()
}

/// Mean share, over teams that somebody joined, of the joiners among the first `k` of those who are `ranked` at all; ties at
/// random.
fn recall(rule: &Rule<'_>, test: &[Vec<Asked>], k: usize, seed: u64, ranked: impl Fn(&Asked) -> bool) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut sum, mut teams) = (0.0, 0u32);
    for team in test {
        let joiners = team.iter().filter(|asked| asked.joined).count();
        if joiners == 0 {
            continue;
        }
        let mut list: Vec<(f32, u32, bool)> = team
            .iter()
            .map(|asked| (asked, rng.random()))
            .filter(|(asked, _)| ranked(asked))
            .map(|(asked, draw)| (rule(asked), draw, asked.joined))
            .collect();
        list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        sum += list.iter().take(k).filter(|(.., joined)| *joined).count() as f64 / joiners as f64;
        teams += 1;
    }
    sum / f64::from(teams.max(1))
}
