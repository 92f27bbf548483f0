//! What trials are judged by.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::{Csr, UserRow};

use super::knobs::Has;
use crate::config::TrainConfig;
use crate::evaluate::products::{self, Case, Vectors};
use crate::models::{Embeddings, FitData};
use crate::prepare::{HeldOut, Prepared, cells, with_repeats, with_standing_groups};

/// Most cells of the interaction matrix that a trial is fitted on; of more, the users are thinned out evenly.
const MOST_CELLS: usize = 1_000_000;
/// Most users that a trial is judged by; of more, evenly spaced ones are taken.
const MOST_CASES: usize = 2_000;
/// Fewest standing groups that count.
const FEWEST_GROUPS: usize = 30;
const CUT: usize = 20;

/// A history to fit on, and what its users had next.
pub(super) struct Validation<'a> {
    history: &'a TrainingData,
    /// With every repeat counted in full.
    prepared: Prepared,
    /// Users with what they bought next: what was new to them, or, where purchases are often repeated, everything.
    cases: Vec<Case>,
    repeats: bool,
    /// Standing groups, as users of that row.
    group_cases: Vec<Case>,
    popular: Vec<f32>,
    step: usize,
}

impl<'a> Validation<'a> {
    /// `None` where there is nothing to fit on, or nobody to judge by.
    pub(super) fn new(held: &'a HeldOut, config: &TrainConfig) -> Option<Self> {
        let mut prepared = with_standing_groups(&held.history, config.events.purchase);
        let step = prepared.interactions.len().div_ceil(MOST_CELLS).max(1);
        prepared.interactions = thinned(&prepared.interactions, held.history.users.len(), step);
        let repeats = are_frequent(held);
        let cases = if repeats { next_purchases(held) } else { products::cases(&held.history, &held.test, false) };
        let cases = some_of(cases, step);
        if cases.is_empty() || prepared.interactions.is_empty() {
            return None;
        }
        let popular = products::popularity(&held.history.interactions);
        let group_cases = group_cases(&held.teams, &prepared);
        Some(Self { history: &held.history, prepared, cases, repeats, group_cases, popular, step })
    }

    /// Whether trials are fitted on the whole history.
    pub(super) fn is_whole(&self) -> bool {
        self.step == 1
    }

    /// What there is enough of to judge by.
    pub(super) fn has(&self) -> Has {
        Has { friends: !self.history.friends.is_empty(), groups: !self.group_cases.is_empty(), repeats: self.repeats }
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
            friends: &self.history.friends,
            groups: &self.prepared.groups,
            dim: config.dim_for(self.history.users.len()),
            seed: config.seed,
        }
    }

    /// Mean NDCG@20 of what `embeddings` rank for the users judged by. With standing groups it is the geometric mean of
    /// that and of the same for groups, weighted by how many there are of each, so that neither is bought with the other.
    pub(super) fn ndcg(&self, embeddings: &Embeddings) -> f64 {
        let users = self.mean_ndcg(&self.cases, embeddings);
        let Some(groups) = self.groups_ndcg(embeddings) else { return users };
        let part = self.group_cases.len() as f64 / (self.cases.len() + self.group_cases.len()) as f64;
        users.powf(1.0 - part) * groups.powf(part)
    }

    /// The same over standing groups, where there are enough to judge by.
    pub(super) fn groups_ndcg(&self, embeddings: &Embeddings) -> Option<f64> {
        (!self.group_cases.is_empty()).then(|| self.mean_ndcg(&self.group_cases, &Groups(embeddings)))
    }

    fn mean_ndcg(&self, cases: &[Case], vectors: &impl Vectors) -> f64 {
        let lists = products::rank_exactly(cases, vectors, &self.popular, CUT);
        let metrics = products::measure(cases, lists, &[CUT], self.popular.len());
        metrics.get("ndcg@20").copied().unwrap_or(0.0)
    }
}

/// Fewest of the purchases held out that must be repeats, as a share, for repeats to count.
const FEWEST_REPEATS: f64 = 0.05;

/// Whether that many purchases are repeats.
fn are_frequent(held: &HeldOut) -> bool {
    held.repeats.len() as f64 >= FEWEST_REPEATS * (held.repeats.len() + held.test.len()).max(1) as f64
}

/// All that users bought next, new or again, to be ranked among all products.
pub(crate) fn next_purchases(held: &HeldOut) -> Vec<Case> {
    let cells = [&held.test, &held.repeats].into_iter().flat_map(cells).collect();
    products::cases(&held.history, &Csr::from_entries(held.test.rows(), held.test.columns(), cells), true)
}

/// Of the cases of users whom `step` leaves, so many as trials are judged by.
fn some_of(cases: Vec<Case>, step: usize) -> Vec<Case> {
    let left: Vec<Case> = cases.into_iter().filter(|case| (case.user.0 as usize).is_multiple_of(step)).collect();
    let every = left.len().div_ceil(MOST_CASES).max(1);
    left.into_iter().step_by(every).collect()
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

/// What each standing group bought in the teams held out; nothing where too few did to judge by.
fn group_cases(held: &[TeamRecord], prepared: &Prepared) -> Vec<Case> {
    let first = prepared.interactions.rows() - prepared.groups.len();
    let mut bought: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    for team in held.iter().filter(|team| team.outcome == TeamOutcome::Succeeded) {
        if let Ok(group) = prepared.groups.binary_search(&team.members()) {
            bought.entry(group).or_default().insert(team.product.0);
        }
    }
    let case = |(group, mut relevant): (usize, BTreeSet<u32>)| {
        let seen = prepared.interactions.row(first + group).0.to_vec();
        relevant.retain(|product| seen.binary_search(product).is_err());
        let relevant: Vec<u32> = relevant.into_iter().collect();
        (!relevant.is_empty()).then_some(Case { user: UserRow(group as u32), seen, relevant })
    };
    let cases: Vec<Case> = bought.into_iter().filter_map(case).collect();
    if cases.len() < FEWEST_GROUPS { Vec::new() } else { cases }
}

/// `matrix` with the entries of every `step`-th user, and of all groups below `n_users`.
fn thinned(matrix: &Csr, n_users: usize, step: usize) -> Csr {
    if step == 1 {
        return matrix.clone();
    }
    let left = |row: u32| row as usize >= n_users || (row as usize).is_multiple_of(step);
    let entries = cells(matrix).into_iter().filter(|&(row, ..)| left(row)).collect();
    Csr::from_entries(matrix.rows(), matrix.columns(), entries)
}
