//! Group purchases: who opens a team on what, which friends join, and how it ends.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::tables::TeamOutcome;
use crate::units::Timestamp;

use super::choice::Chooser;
use super::products::Good;
use super::random::{Purpose, happens, log_normal, rounded, stream};
use super::tastes::affinity;
use super::{END, Planted};

/// Mean number of teams that a person with friends opens, and the share of people with a standing group.
const TEAMS_PER_USER: f32 = 0.3;
const STANDING_SHARE: f32 = 0.08;
/// Most friends that one team is offered to, and most buyers of a team.
const MOST_INVITED: usize = 8;
const MOST_BUYERS: usize = 10;
/// Closest friends, who are always asked.
const CLOSEST: usize = 2;

/// A planted team.
#[derive(Debug, Clone)]
pub struct PlantedTeam {
    /// Who opened it.
    pub initiator: u32,
    /// What is bought.
    pub product: u32,
    /// Who joined, in the order of joining.
    pub participants: Vec<u32>,
    /// Buyers needed, initiator included.
    pub min_size: u8,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it expires.
    pub deadline: Timestamp,
    /// When the last one joined, for a team that succeeded.
    pub closed_at: Timestamp,
    /// How it ended.
    pub outcome: TeamOutcome,
    /// Mean planted probability of joining over the friends it was offered to.
    pub chance: f32,
}

/// The chance that a friend joins: logistic in her own taste for the product, the tie, and how often she joined before.
pub fn join_probability(taste: f32, strength: f32, joined_before: u32) -> f32 {
    let score = -3.2 + 4.0 * taste + 2.4 * strength + 0.8 * joined_before.min(3) as f32;
    1.0 / (1.0 + (-score).exp())
}

/// Teams of everybody, by initiator and then by time.
pub(super) fn teams(planted: &Planted) -> Vec<PlantedTeam> {
    (0..planted.users()).into_par_iter().flat_map_iter(|user| teams_of(planted, user)).collect()
}

/// A friend as the initiator sees her.
#[derive(Clone, Copy)]
struct Known {
    user: u32,
    strength: f32,
    joined: u32,
}

/// An initiator before her first team: her randomness, the friends whom she asks, and how many teams she opens.
fn beginning(planted: &Planted, initiator: u32) -> Option<(ChaCha8Rng, Vec<Known>, u32)> {
    let mut known = known(planted, initiator);
    if known.is_empty() || planted.person(initiator).activity == 0.0 {
        return None;
    }
    let mut rng = stream(planted.seed(), Purpose::Teams, u64::from(initiator));
    let standing = happens(&mut rng, STANDING_SHARE);
    let wanted = TEAMS_PER_USER * log_normal(&mut rng, 0.8);
    let count = if standing { rng.random_range(3..=8) } else { rounded(&mut rng, wanted).min(12) };
    if standing {
        known.truncate(rng.random_range(1..=3));
    }
    Some((rng, known, count))
}

/// For each of the teams of one initiator, in the order in which she opened them, the friends who may have been asked and
/// the chance that each had of being asked and of joining then, before anything was drawn: nobody can tell better who joins.
pub(super) fn chances(planted: &Planted, opened: &[PlantedTeam]) -> Vec<Vec<(u32, f32)>> {
    let Some((_, mut known, _)) = opened.first().and_then(|team| beginning(planted, team.initiator)) else {
        return Vec::new();
    };
    let of_team = |team: &PlantedTeam| {
        let joins = |friend: &Known| chance(planted, team.initiator, *friend, team.product, team.opened_at);
        let asked = |place: usize| if place < CLOSEST { 1.0 } else { share_asked(known.len()).min(1.0) };
        let chances = known.iter().enumerate().map(|(place, friend)| (friend.user, asked(place) * joins(friend)));
        let chances = chances.collect();
        if team.outcome == TeamOutcome::Succeeded {
            known
                .iter_mut()
                .filter(|friend| team.participants.contains(&friend.user))
                .for_each(|friend| friend.joined += 1);
        }
        chances
    };
    opened.iter().map(of_team).collect()
}

fn teams_of(planted: &Planted, initiator: u32) -> Vec<PlantedTeam> {
    let Some((mut rng, mut known, count)) = beginning(planted, initiator) else { return Vec::new() };
    let chooser = Chooser::new(planted, initiator);
    let moments = moments(&mut rng, planted.person(initiator).active_from(), count);
    moments
        .into_iter()
        .filter_map(|opened_at| team(planted, &mut rng, &chooser, initiator, &mut known, opened_at))
        .collect()
}

/// Active friends, strongest ties first.
fn known(planted: &Planted, user: u32) -> Vec<Known> {
    let active = |&&(friend, _): &&(u32, f32)| planted.person(friend).activity > 0.0;
    let friends = planted.circles().friends(user).iter().filter(active);
    let mut known: Vec<Known> = friends.map(|&(user, strength)| Known { user, strength, joined: 0 }).collect();
    known.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.user.cmp(&b.user)));
    known
}

/// Ascending moments of opening; one in twenty within the last two days, so that some teams are still open.
fn moments(rng: &mut ChaCha8Rng, from: Timestamp, count: u32) -> Vec<Timestamp> {
    let mut moments: Vec<Timestamp> = (0..count)
        .map(|_| {
            let days = if happens(rng, 0.05) { END.days_since(from).min(2.0) } else { END.days_since(from) };
            END.plus_days(-days * rng.random_range(0.001..1.0))
        })
        .collect();
    moments.sort_unstable();
    moments
}

fn team(
    planted: &Planted,
    rng: &mut ChaCha8Rng,
    chooser: &Chooser<'_>,
    initiator: u32,
    known: &mut [Known],
    opened_at: Timestamp,
) -> Option<PlantedTeam> {
    let within_reach = known.len() + 1;
    let suits_team = |good: &Good| match good.group {
        Some((_, size)) if usize::from(size) <= within_reach => 1.0 / f32::from(size - 1),
        Some(_) => 0.02,
        None => 0.0,
    };
    let product = chooser.choose(rng, opened_at, suits_team)?;
    let (_, min_size) = planted.product(product).group?;
    let deadline = opened_at.plus_days(rng.random_range(1.0..3.0));
    let mut chances = Vec::new();
    let mut joins: Vec<(Timestamp, usize)> = Vec::new();
    for place in invited(rng, known.len()) {
        let chance = chance(planted, initiator, known[place], product, opened_at);
        let moment = opened_at.plus_days(deadline.days_since(opened_at) * rng.random_range(0.01..0.9));
        chances.push(chance);
        if happens(rng, chance) && moment < END {
            joins.push((moment, place));
        }
    }
    joins.sort_unstable();
    joins.truncate(MOST_BUYERS - 1);
    let filled = joins.len() + 1 >= usize::from(min_size);
    let outcome = outcome(rng, filled, deadline);
    if outcome == TeamOutcome::Succeeded {
        joins.iter().for_each(|&(_, place)| known[place].joined += 1);
    }
    Some(PlantedTeam {
        initiator,
        product,
        participants: joins.iter().map(|&(_, place)| known[place].user).collect(),
        min_size,
        opened_at,
        deadline,
        closed_at: joins.last().map_or(opened_at, |&(moment, _)| moment),
        outcome,
        chance: chances.iter().sum::<f32>() / chances.len().max(1) as f32,
    })
}

fn outcome(rng: &mut ChaCha8Rng, filled: bool, deadline: Timestamp) -> TeamOutcome {
    let called_off = happens(rng, 0.06);
    match (filled, called_off) {
        (true, _) => TeamOutcome::Succeeded,
        (false, true) => TeamOutcome::Cancelled,
        (false, false) if deadline > END => TeamOutcome::Open,
        (false, false) => TeamOutcome::Expired,
    }
}

/// Places of the friends it is offered to: the closest, and others as chance has it.
fn invited(rng: &mut ChaCha8Rng, known: usize) -> Vec<usize> {
    let share = share_asked(known);
    (0..known).filter(|&place| place < CLOSEST || happens(rng, share)).take(MOST_BUYERS).collect()
}

/// The share of the other friends that it is offered to, of so many friends.
fn share_asked(known: usize) -> f32 {
    let others = known.saturating_sub(CLOSEST).max(1) as f32;
    (MOST_INVITED - CLOSEST) as f32 / others
}

fn chance(planted: &Planted, initiator: u32, friend: Known, product: u32, opened_at: Timestamp) -> f32 {
    let known_by_then = planted.friends_since(initiator, friend.user) <= opened_at;
    if !known_by_then || !planted.may_buy(friend.user, planted.product(product)) {
        return 0.0;
    }
    let taste = affinity(planted.user_taste(friend.user), planted.product_taste(product));
    join_probability(taste, friend.strength, friend.joined)
}
