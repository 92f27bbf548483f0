//! What trials are judged by.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::shown::Shown;
use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::{Csr, UserRow};

use super::knobs::Has;
use super::sample;
use super::score::Score;
use crate::config::TrainConfig;
use crate::evaluate::metrics::ndcg;
use crate::evaluate::products::{self, Case, Vectors};
use crate::models::ensemble::co_purchases;
use crate::models::{Embeddings, FitData};
use crate::prepare::{HeldOut, Prepared, with_repeats, with_standing_groups};

/// Most users that a trial is judged by; of more, evenly spaced ones are taken.
const MOST_CASES: usize = 4_000;
/// Fewest standing groups that count.
const FEWEST_GROUPS: usize = 30;
/// Places of a list that are judged: many more than are shown, so that more of what is held out counts, and chance less.
const CUT: usize = 100;
/// Most additions that neighbours, or what friends bought, may take: some seconds.
const MOST_ADDITIONS: u64 = 5_000_000_000;
/// Most scores that the lists of an ensemble are made from: a minute.
const MOST_LISTED_FROM: u64 = 10_000_000_000;

/// A history to fit on, and what its users had next.
pub(super) struct Validation<'a> {
    /// All that is held out and the whole history, or a sample of both.
    held: Cow<'a, HeldOut>,
    /// Users of the whole history.
    n_users: usize,
    /// Whether the lists of an ensemble are made in reasonable time on the whole history.
    may_list: bool,
    /// Whether neighbours are found, and lists made with them, in reasonable time on the whole history.
    may_have_neighbours: bool,
    /// The same for what friends bought, where anybody shows that.
    may_hear_friends: bool,
    /// With every repeat counted in full.
    prepared: Prepared,
    /// Users with what they bought next: what was new to them, or, where purchases are often repeated, everything.
    cases: Vec<Case>,
    /// What was new to users alone, where that is known and not what `cases` are.
    new_cases: Vec<Case>,
    repeats: bool,
    /// Standing groups, as users of that row, likewise.
    group_cases: Vec<Case>,
    groups_repeat: bool,
    popular: Vec<f32>,
}

impl<'a> Validation<'a> {
    /// `None` where there is nothing to fit on, or nobody to judge by.
    pub(super) fn new(held: &'a HeldOut, config: &TrainConfig) -> Option<Self> {
        let n_users = held.history.users.len();
        let may_list = may_list(&held.history);
        let may_have_neighbours = may_have_neighbours(&held.history);
        let may_hear_friends = may_hear_friends(&held.history);
        let held = sample::sampled(held, config);
        let prepared = with_standing_groups(&held.history, config.events.purchase);
        let repeats = are_frequent(&held);
        let new = || some_of(products::cases(&held.history, &held.test, false));
        let cases = if repeats { some_of(next_purchases(&held)) } else { new() };
        // Of purchases drawn by chance nobody can say which was the first.
        let new_cases = if repeats && !held.by_chance { new() } else { Vec::new() };
        if cases.is_empty() || prepared.interactions.is_empty() {
            return None;
        }
        let popular = products::popularity(&held.history.interactions);
        let bought = bought_by_groups(&held.teams, &prepared);
        let groups_repeat = groups_buy_again(&bought, &prepared);
        let group_cases = group_cases(bought, groups_repeat, &prepared);
        Some(Self {
            held,
            n_users,
            may_list,
            may_have_neighbours,
            may_hear_friends,
            prepared,
            cases,
            new_cases,
            repeats,
            group_cases,
            groups_repeat,
            popular,
        })
    }

    /// The sample that trials are fitted on and judged by; `None` where that is the whole.
    pub(super) fn into_sample(self) -> Option<HeldOut> {
        match self.held {
            Cow::Borrowed(_) => None,
            Cow::Owned(sample) => Some(sample),
        }
    }

    /// Whether trials see but a sample.
    pub(super) fn is_sampled(&self) -> bool {
        matches!(self.held, Cow::Owned(_))
    }

    /// Whether the lists of an ensemble are made in reasonable time, on the whole history too.
    pub(super) fn may_list(&self) -> bool {
        self.may_list
    }

    /// Whether neighbours are found in reasonable time, on the whole history too.
    pub(super) fn may_have_neighbours(&self) -> bool {
        self.may_have_neighbours
    }

    /// Whether there is what friends bought, and that is heard in reasonable time, on the whole history too.
    pub(super) fn may_hear_friends(&self) -> bool {
        self.may_hear_friends
    }

    /// What standing groups are judged by, as users of that row.
    #[cfg(test)]
    pub(super) fn group_cases(&self) -> &[Case] {
        &self.group_cases
    }

    /// Cells of the history that is fitted on.
    pub(super) fn cells(&self) -> usize {
        self.prepared.interactions.len()
    }

    /// What there is enough of to judge by.
    pub(super) fn has(&self) -> Has {
        Has {
            friends: !self.held.history.friends.is_empty(),
            groups: !self.group_cases.is_empty(),
            repeats: self.repeats,
            again: self.repeats || (self.groups_repeat && !self.group_cases.is_empty()),
            next: !self.held.by_chance,
        }
    }

    /// The interactions that a model configured like this is fitted on.
    pub(super) fn interactions(&self, config: &TrainConfig) -> Cow<'_, Csr> {
        match config.repeat_exponent {
            1.0 => Cow::Borrowed(&self.prepared.interactions),
            exponent => Cow::Owned(with_repeats(&self.prepared.interactions, exponent)),
        }
    }

    /// What a model configured like this is fitted on.
    pub(super) fn fit_data<'d>(&'d self, config: &TrainConfig, interactions: &'d Csr) -> FitData<'d> {
        FitData {
            interactions,
            friends: &self.held.history.friends,
            groups: &self.prepared.groups,
            shown: Some(&self.prepared.shown),
            teams: &self.held.history.teams,
            dim: config.dim_for(self.n_users),
            seed: config.seed,
            folds: false,
        }
    }

    /// What `embeddings` rank for each user judged by, and for each standing group where there are enough to judge by.
    pub(super) fn score(&self, embeddings: &Embeddings) -> Score {
        Score {
            users: self.of_each(&self.cases, embeddings),
            new: self.of_each(&self.new_cases, embeddings),
            groups: self.of_each(&self.group_cases, &Groups(embeddings)),
        }
    }

    /// NDCG@100 of each case.
    fn of_each(&self, cases: &[Case], vectors: &impl Vectors) -> Vec<f64> {
        let lists = products::rank_exactly(cases, vectors, &self.popular, CUT);
        products::ranked(cases, lists).iter().map(|list| ndcg(&list.hits, list.relevant, CUT)).collect()
    }
}

fn may_list(history: &TrainingData) -> bool {
    scores(history) <= MOST_LISTED_FROM
}

/// Scores that the lists of an ensemble are made from: of all users for all products.
pub(super) fn scores(history: &TrainingData) -> u64 {
    history.interactions.rows() as u64 * history.interactions.columns() as u64
}

fn may_have_neighbours(history: &TrainingData) -> bool {
    may_list(history) && co_purchases(&history.interactions) <= MOST_ADDITIONS
}

fn may_hear_friends(history: &TrainingData) -> bool {
    let Shown { ties, purchases } = history.shown();
    let of_user =
        |user| ties.row(user).0.iter().map(|&friend| purchases.row(friend as usize).0.len() as u64).sum::<u64>();
    let additions: u64 = (0..ties.rows()).map(of_user).sum();
    may_list(history) && (1..=MOST_ADDITIONS).contains(&additions)
}

/// Fewest of the purchases held out that must be repeats, as a share, for repeats to count.
const FEWEST_REPEATS: f64 = 0.05;

/// Whether that many purchases of users are repeats.
fn are_frequent(held: &HeldOut) -> bool {
    is_frequent(held.repeats.len(), held.test.len())
}

fn is_frequent(repeats: usize, new: usize) -> bool {
    repeats as f64 >= FEWEST_REPEATS * (repeats + new).max(1) as f64
}

/// All that users bought next, new or again, to be ranked among all products.
pub(crate) fn next_purchases(held: &HeldOut) -> Vec<Case> {
    let next = Csr::by_rows(held.test.rows(), held.test.columns(), |user, cells| {
        cells.extend([&held.test, &held.repeats].into_iter().flat_map(|matrix| matrix.entries(user)));
    });
    products::cases(&held.history, &next, true)
}

/// So many of the cases as trials are judged by.
fn some_of(cases: Vec<Case>) -> Vec<Case> {
    let every = cases.len().div_ceil(MOST_CASES).max(1);
    cases.into_iter().step_by(every).collect()
}

/// The vectors of standing groups in place of those of users.
struct Groups<'a>(&'a Embeddings);

impl Vectors for Groups<'_> {
    fn dim(&self) -> usize {
        self.0.dim
    }
    fn user(&self, group: UserRow) -> Cow<'_, [f32]> {
        let start = group.0 as usize * self.0.dim;
        Cow::Borrowed(self.0.groups.get(start..start + self.0.dim).unwrap_or(&[]))
    }
    fn products(&self) -> &[f32] {
        &self.0.products
    }
}

/// What standing groups bought in the teams held out, by their number.
type Bought = BTreeMap<usize, BTreeSet<u32>>;

fn bought_by_groups(held: &[TeamRecord], prepared: &Prepared) -> Bought {
    let mut bought = Bought::new();
    for team in held.iter().filter(|team| team.outcome == TeamOutcome::Succeeded) {
        if let Ok(group) = prepared.groups.binary_search(&team.members()) {
            bought.entry(group).or_default().insert(team.product.0);
        }
    }
    bought
}

/// What a standing group had before, ascending.
fn had_by_group(group: usize, prepared: &Prepared) -> &[u32] {
    let first = prepared.interactions.rows() - prepared.groups.len();
    prepared.interactions.row(first + group).0
}

/// Whether groups often buy what they had before.
fn groups_buy_again(bought: &Bought, prepared: &Prepared) -> bool {
    let is_repeat = |group, product: &u32| had_by_group(group, prepared).binary_search(product).is_ok();
    let repeats =
        bought.iter().map(|(&group, all)| all.iter().filter(|&product| is_repeat(group, product)).count()).sum();
    let all: usize = bought.values().map(BTreeSet::len).sum();
    is_frequent(repeats, all - repeats)
}

/// What each standing group bought next: what was new to it, or `all`; nothing where too few did to judge by.
fn group_cases(bought: Bought, all: bool, prepared: &Prepared) -> Vec<Case> {
    let case = |(group, relevant): (usize, BTreeSet<u32>)| {
        let seen = if all { &[] } else { had_by_group(group, prepared) };
        let relevant: Vec<u32> = relevant.into_iter().filter(|product| seen.binary_search(product).is_err()).collect();
        (!relevant.is_empty()).then_some(Case { user: UserRow(group as u32), seen: seen.to_vec(), relevant })
    };
    let cases: Vec<Case> = bought.into_iter().filter_map(case).collect();
    if cases.len() < FEWEST_GROUPS { Vec::new() } else { cases }
}
