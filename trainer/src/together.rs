//! Fits the join and the success model on teams that were held out of the history their facts are gathered from, so
//! that the models meet past teams exactly as serving will meet new ones.

mod consent;
mod past;
mod roles;

use juntos_datasets::UserRow;
use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::training::TeamRecord;
use juntos_engine::together::MOST_COUNTED;
use juntos_engine::together::model::{JOIN_FEATURES, JoinModel, Strangers, SuccessModel, tail_log_odds};
use juntos_engine::together::opening::Opening;
use rayon::prelude::*;

use crate::logistic::{Example, fit_logistic};

pub use consent::Consent;
pub use past::{Past, Seen};
pub use roles::{RoleSettings, Roles};

/// Most (team, friend) pairs that a fit looks at; of more, evenly spaced teams are taken.
const MOST_PAIRS: usize = 400_000;

/// Pull of a weight towards its default, in log-likelihood a unit squared: a handful of teams hardly moves it.
const PULL: f64 = 1.0;

/// The teams of which all is known that will ever be: those whose deadline had not passed at the end of the past are left
/// out, whatever became of them so far. Of them only the successes are decided, and to learn from those alone would make
/// every chance too high.
pub fn decided<'a>(past: &Past<'_>, teams: &'a [TeamRecord]) -> Vec<&'a TeamRecord> {
    let over = |team: &&TeamRecord| team.deadline.zip(past.cut()).is_none_or(|(deadline, cut)| deadline <= cut);
    let ended = |team: &&TeamRecord| matches!(team.outcome, TeamOutcome::Succeeded | TeamOutcome::Expired);
    teams.iter().filter(ended).filter(over).collect()
}

/// Learns from `teams`, which `past` must not hold, which of an initiator's friends join: of all who could have been asked,
/// also those of teams that nobody joined.
///
/// A regularised logistic regression that starts from, and is pulled towards, [`JoinModel::default`]: with no teams at
/// all the default comes back.
pub fn fit_join(past: &Past<'_>, teams: &[TeamRecord]) -> JoinModel {
    let teams = decided(past, teams);
    let pairs: usize = teams.par_iter().map(|team| past.reachable(team).len()).sum();
    let examples: Vec<Example<{ JOIN_FEATURES + 1 }>> = teams
        .par_iter()
        .step_by(pairs.div_ceil(MOST_PAIRS).max(1))
        .flat_map_iter(|team| {
            let seen = past.seen_by(team.initiator);
            let opening = Opening::new(&seen, team.initiator, team.product);
            past.reachable(team).into_iter().filter(|&friend| past.uses(friend)).map(move |friend| {
                let facts = opening.facts(&seen, friend);
                let joins = team.participants.binary_search(&friend).is_ok();
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

/// Fewest teams of each outcome that a slope is learnt from, and fewest teams that anything is learnt from.
const FEWEST_TEAMS: usize = 20;

/// Log-odds, before any such team has been seen, that a team fills which friends cannot fill: one in twenty does.
const STRANGERS_LOG_ODDS: f64 = -3.0;

/// Learns from succeeded and expired `teams` how far the friends' join probabilities tell whether a team fills, and how
/// often those fill that friends cannot fill.
///
/// Each of the two is learnt from at least [`FEWEST_TEAMS`] teams, else it stays as in [`SuccessModel::default`]. Where one
/// of the outcomes is rarer than that, nothing tells the two apart, and every team is told how often the others come.
pub fn fit_success(past: &Past<'_>, join: &JoinModel, teams: &[TeamRecord]) -> SuccessModel {
    let asked: Vec<Asked> = decided(past, teams)
        .into_par_iter()
        .filter(|team| team.min_size > 1 && past.uses(team.initiator))
        .map(|team| Asked::of(past, join, team))
        .collect();
    let within = |asked: &Asked| asked.tail.map(|tail| Example { features: [tail, 1.0], positive: asked.filled });
    let beyond = |asked: &Asked| {
        let seats = (asked.needed as f32).ln();
        asked.tail.is_none().then_some(Example { features: [seats, 1.0], positive: asked.filled })
    };
    let prior = SuccessModel::default();
    let by_friends: Vec<Example<2>> = asked.iter().filter_map(within).collect();
    let by_strangers: Vec<Example<2>> = asked.iter().filter_map(beyond).collect();
    let of_friends = fit_line(&by_friends, [f64::from(prior.slope), f64::from(prior.intercept)], Sign::Rising);
    let of_strangers = fit_line(&by_strangers, [0.0, STRANGERS_LOG_ODDS], Sign::Falling);
    let (slope, intercept) = of_friends.unwrap_or((prior.slope, prior.intercept));
    let strangers = of_strangers.map(|(slope, intercept)| Strangers { intercept, slope });
    SuccessModel { intercept, slope, strangers }
}

/// One past team, as it was when its chance would have been asked for.
struct Asked {
    /// Log-odds that enough friends join; none where too few can be reached.
    tail: Option<f32>,
    /// People needed besides the initiator, at least one.
    needed: usize,
    filled: bool,
}

impl Asked {
    fn of(past: &Past<'_>, join: &JoinModel, team: &TeamRecord) -> Self {
        let needed = team.min_size.saturating_sub(1).max(1) as usize;
        let chances = join_probabilities(past, join, team);
        let tail = (chances.len() >= needed).then(|| tail_log_odds(&chances, needed));
        Self { tail, needed, filled: team.outcome == TeamOutcome::Succeeded }
    }
}

/// Which slopes make sense: any other is noise, never a finding.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// Willing friends do not make a team fail.
    Rising,
    /// More seats do not make it easier to fill.
    Falling,
}

impl Sign {
    fn allows(self, slope: f64) -> bool {
        match self {
            Self::Rising => slope >= 0.0,
            Self::Falling => slope <= 0.0,
        }
    }
}

/// Slope and intercept of the log-odds in the first feature, pulled towards those given; a slope of zero where few teams
/// ended one of the two ways or the slope makes no sense, and nothing of fewer than [`FEWEST_TEAMS`] examples.
fn fit_line(examples: &[Example<2>], towards: [f64; 2], sign: Sign) -> Option<(f32, f32)> {
    if examples.len() < FEWEST_TEAMS {
        return None;
    }
    let positive = examples.iter().filter(|example| example.positive).count();
    if positive.min(examples.len() - positive) >= FEWEST_TEAMS {
        let [slope, intercept] = fit_logistic(examples, towards, PULL);
        if sign.allows(slope) {
            return Some((slope as f32, intercept as f32));
        }
    }
    let level = |example: &Example<2>| Example { features: [1.0], positive: example.positive };
    let levels: Vec<Example<1>> = examples.iter().map(level).collect();
    let [intercept] = fit_logistic(&levels, [towards[1]], PULL);
    Some((0.0, intercept as f32))
}

/// Join probabilities of the friends who count when it is asked whether a team fills.
fn join_probabilities(past: &Past<'_>, join: &JoinModel, team: &TeamRecord) -> Vec<f32> {
    let seen = past.seen_by(team.initiator);
    let opening = Opening::new(&seen, team.initiator, team.product);
    let chance = |friend: UserRow| join.probability(&opening.facts(&seen, friend));
    let mut chances: Vec<f32> = past.reachable(team).into_iter().map(chance).collect();
    chances.sort_by(|a, b| b.total_cmp(a));
    chances.truncate(MOST_COUNTED);
    chances
}

#[cfg(test)]
mod tests {
    //! 1. Without teams the defaults come back.
    //! 2. A planted habit is found: friends who joined before get a higher chance than others.
    //! 3. Teams whose friends are willing fill more often, once both outcomes have been seen.
    //! 4. Roles tell who joins whom, and failed teams who does not.
    //! 5. Only friends whom the initiator knew when she opened her team could have joined it.
    //! 6. Teams that nobody joined lower every chance to what happens; those that may still fill teach nothing.
    //! 7. Of teams that friends cannot fill it is learnt how often they fill, and that large ones do so more rarely.
    //! 8. Where all teams ended one way, that is told; a handful of teams teaches nothing.

    use juntos_datasets::tables::{Friendship, FriendshipKind, Friendships, Split};
    use juntos_datasets::training::TrainingData;
    use juntos_datasets::units::Timestamp;
    use juntos_datasets::{Csr, DatasetWriter, IdMap, ProductRow};
    use juntos_engine::together::model::JoinFacts;

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
            public: None,
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
        let pairs = (0..USERS).flat_map(|user| (1..=10).map(move |step| (user, friend(user, step))));
        let ties = pairs.flat_map(|(user, friend)| [(user, friend, 0.5), (friend, user, 0.5)]).collect();
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
            showing: juntos_datasets::shown::Showing::default(),
            valid: Csr::empty(USERS as usize, 1),
            test: Csr::empty(USERS as usize, 1),
            cut: None,
        }
    }

    #[test]
    fn no_teams_leave_the_defaults() {
        let data = past();
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        assert_eq!(fit_join(&past, &[]), JoinModel::default());
        assert_eq!(fit_success(&past, &JoinModel::default(), &[]), SuccessModel::default());
    }

    #[test]
    fn a_habit_is_found() {
        let data = past();
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        let later: Vec<TeamRecord> =
            (0..USERS).map(|user| team(user, &[(user + 1) % USERS], 2, TeamOutcome::Succeeded)).collect();
        let model = fit_join(&past, &later);
        let seen = past.seen_by(UserRow(0));
        let chance =
            |friend: u32| model.probability(&JoinFacts::gather(&seen, UserRow(0), UserRow(friend), ProductRow(0)));
        assert!(chance(1) > 0.7, "{}", chance(1));
        assert!(chance(2) < 0.3 && chance(5) < 0.1, "{} {}", chance(2), chance(5));
    }

    #[test]
    fn willing_friends_fill_teams() {
        let data = past();
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        let small = (0..USERS).map(|user| team(user, &[(user + 1) % USERS], 2, TeamOutcome::Succeeded));
        let large = (0..USERS).map(|user| team(user, &[], 6, TeamOutcome::Expired));
        let teams: Vec<TeamRecord> = small.chain(large).collect();
        let join = fit_join(&past, &teams[..USERS as usize]);
        let model = fit_success(&past, &join, &teams);
        let chances = join_probabilities(&past, &join, &teams[0]);
        assert!(model.probability(&chances, 1) > 0.8);
        assert!(model.probability(&chances, 5) < 0.2);
    }

    /// Of every `of` teams on `min_size` people, which is more than anybody has friends for, one fills.
    fn beyond_friends(min_size: u32, of: u32) -> Vec<TeamRecord> {
        let outcome = |at: u32| if at.is_multiple_of(of) { TeamOutcome::Succeeded } else { TeamOutcome::Expired };
        (0..1_200).map(|at| team(at % USERS, &[], min_size, outcome(at))).collect()
    }

    #[test]
    fn strangers_fill_teams_as_often_as_they_did() {
        let mut data = past();
        data.friends = Csr::empty(USERS as usize, USERS as usize);
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        let fit = |teams: &[TeamRecord]| fit_success(&past, &JoinModel::default(), teams);
        let teams = [beyond_friends(2, 2), beyond_friends(5, 5)].concat();
        let model = fit(&teams);
        let (small, large) = (model.probability(&[], 1), model.probability(&[], 4));
        assert!((small - 0.5).abs() < 0.01 && (large - 0.2).abs() < 0.01, "{small} {large}");
        // Easier with more seats: that is not believed, and what is told of all is right for all.
        let upside_down = fit(&[beyond_friends(2, 5), beyond_friends(5, 2)].concat());
        assert_eq!(upside_down.probability(&[], 1), upside_down.probability(&[], 4));
        assert!((upside_down.probability(&[], 1) - 0.35).abs() < 0.01);
        assert_eq!(fit(&teams[..FEWEST_TEAMS - 1]), SuccessModel::default());
    }

    #[test]
    fn where_all_teams_filled_that_is_told() {
        let data = past();
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        let join = JoinModel::default();
        let all = |outcome: TeamOutcome| -> Vec<TeamRecord> {
            (0..1_200).map(|at| team(at % USERS, &[], 3, outcome)).collect()
        };
        let chance = |teams: &[TeamRecord]| fit_success(&past, &join, teams).probability(&[0.05; 20], 2);
        assert!(chance(&all(TeamOutcome::Succeeded)) > 0.99);
        assert!(chance(&all(TeamOutcome::Expired)) < 0.01);
    }

    #[test]
    fn chances_are_as_often_as_it_happens() {
        let data = past();
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        // Of every four teams three fail with nobody, whoever opens them.
        let outcome = |user: u32, round: u32| match (user + round) % 4 {
            0 => team(user, &[(user + 1) % USERS], 2, TeamOutcome::Succeeded),
            _ => team(user, &[], 2, TeamOutcome::Expired),
        };
        let later: Vec<TeamRecord> =
            (0..40).flat_map(|round| (0..USERS).map(move |user| outcome(user, round))).collect();
        let model = fit_join(&past, &later);
        let seen = past.seen_by(UserRow(0));
        let chance =
            |friend: u32| model.probability(&JoinFacts::gather(&seen, UserRow(0), UserRow(friend), ProductRow(0)));
        assert!((chance(1) - 0.25).abs() < 0.03, "{}", chance(1));
        assert!(chance(5) < 0.02, "{}", chance(5));
    }

    #[test]
    fn teams_that_may_still_fill_teach_nothing() {
        let mut data = past();
        data.cut = Some(Timestamp::from_millis(1_000));
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        let at =
            |deadline: i64, team: TeamRecord| TeamRecord { deadline: Some(Timestamp::from_millis(deadline)), ..team };
        let over: Vec<TeamRecord> =
            (0..USERS).map(|user| at(900, team(user, &[(user + 1) % USERS], 2, TeamOutcome::Succeeded))).collect();
        let early = (0..USERS).map(|user| at(1_100, team(user, &[(user + 2) % USERS], 2, TeamOutcome::Succeeded)));
        let all: Vec<TeamRecord> = over.iter().cloned().chain(early).collect();
        assert_eq!(fit_join(&past, &all), fit_join(&past, &over));
    }

    #[test]
    fn roles_tell_joiners_from_others_and_whose_teams_they_join() {
        let data = past();
        let consent = Consent::open(USERS as usize, 1);
        let past = Past::new(&data, &consent, 0, &[], &[]);
        let sizes = (USERS as usize, 1);
        let fit = || Roles::fit(&past, &data.teams, sizes, &RoleSettings { passes: 60, ..RoleSettings::default() });
        let roles = fit();
        assert_eq!(roles, fit(), "the same seed gives the same roles");
        let mean = |step: u32| {
            let score = |user: u32| roles.score(UserRow(user), UserRow((user + step) % USERS), ProductRow(0));
            (0..USERS).map(score).sum::<f32>() / USERS as f32
        };
        assert!(mean(1) > mean(2) && mean(2) > mean(5), "{} {} {}", mean(1), mean(2), mean(5));
        let failed: Vec<TeamRecord> =
            data.teams.iter().map(|team| TeamRecord { participants: Vec::new(), ..team.clone() }).collect();
        let nobody = Roles::fit(&past, &failed, sizes, &RoleSettings::default());
        assert!(nobody.score(UserRow(0), UserRow(1), ProductRow(0)) < -2.0);
    }

    #[test]
    fn who_did_not_know_her_yet_was_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let at = |millis: i64| Some(Timestamp::from_millis(millis));
        let mut writer = DatasetWriter::create(folder.path().join("data")).unwrap();
        for (friend_id, since) in [("1", at(100)), ("2", at(900)), ("3", None)] {
            let (user_id, kind, strength) = ("0", FriendshipKind::Friend, 0.5);
            writer.push::<Friendships>(&Friendship { user_id, friend_id, kind, strength, since }).unwrap();
        }
        let dataset = writer.finish().unwrap();
        let mut data = past();
        data.friends = Csr::from_entries(
            USERS as usize,
            USERS as usize,
            (1..4).flat_map(|friend| [(0, friend, 0.5), (friend, 0, 0.5)]).collect(),
        );
        let opened = |millis: i64| TeamRecord { opened_at: at(millis), ..team(0, &[], 2, TeamOutcome::Expired) };
        let teams = [opened(50), opened(500), opened(1_000)];
        let consent = Consent::read(&dataset, &data, &teams).unwrap();
        let past = Past::new(&data, &consent, 0, &[], &[]);
        let reached: Vec<usize> = teams.iter().map(|team| past.reachable(team).len()).collect();
        assert_eq!(reached, [1, 2, 3]);
    }
}
