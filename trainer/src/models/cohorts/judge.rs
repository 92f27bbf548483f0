//! Newcomers of the past: people whose history is hidden, for whom what they bought next is ranked with and without what
//! their cohort likes.
//!
//! What they had stays out of the lists, because nobody buys it next as a new product; it is hidden from the vectors:
//! their own vector is not used, and their part in their cohort's is taken out. The vectors of products and friends
//! were learnt with their history, which is a help to friends more than to cohorts.

use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::Csr;
use juntos_datasets::training::TrainingData;
use juntos_engine::cohorts::{Believed, FriendsMean, Home, Newcomer};
use juntos_engine::fold::{Axes, FoldEvent, Prior, Products, fold};
use juntos_engine::serving_model::{FoldIn, Hold};
use rayon::prelude::*;

use super::means::Means;
use super::{Compared, Newcomers, People, Verdict};
use crate::evaluate::metrics::ndcg;
use crate::evaluate::products::{Case, cases, is_zero, popularity};
use crate::evaluate::rank::{Query, first_allowed, order_by_score, top_products};
use crate::models::Embeddings;
use crate::models::complete::fold_in::gram;
use crate::prepare::HeldOut;

/// Length of the lists judged.
pub(super) const CUT: usize = 20;
/// Most people looked at; of more, evenly spaced ones.
const MOST_CASES: usize = 1_000;
/// Fewer tell nothing.
pub(super) const FEWEST_CASES: usize = 100;
/// Friends whose vectors stand in for a newcomer's, as in serving.
const MOST_FRIENDS: usize = 50;
/// What cohorts must gain, as a share, beside what chance may make of it.
pub(super) const LEAST_GAIN: f64 = 0.002;
/// The same against what is popular, which has seen nothing of what is hidden while products' vectors learnt from it: of a generated
/// world's newcomers that flattered cohorts by a fifth.
pub(super) const LEAST_GAIN_OVER_POPULARITY: f64 = 0.25;
/// Half-life of popularity in days, as the bundle counts it.
const HALF_LIFE_DAYS: f64 = 30.0;
/// Values tried of [`Believed::beside_friends`] and [`Believed::in_fold`], beside 0.
const BESIDE_FRIENDS: [f32; 7] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
const IN_FOLD: [f32; 4] = [0.25, 0.5, 0.75, 1.0];
/// Numbers of events folded in.
pub(super) const EVENTS: [usize; 2] = [1, 3];

/// One newcomer of the past.
pub(super) struct Past {
    pub(super) case: Case,
    pub(super) home: Home,
    /// Vector of her cohort without her, where she has one.
    cohort: Option<Vec<f32>>,
    pub(super) friends: Option<FriendsMean>,
}

/// All of them, and what ranks products for them.
pub(super) struct Judge<'a> {
    pub(super) history: &'a TrainingData,
    repeats: &'a Csr,
    pub(super) embeddings: &'a Embeddings,
    fold: &'a FoldIn,
    people: &'a People,
    pub(super) past: Vec<Past>,
    gram: Vec<f32>,
    axes: Axes,
}

impl<'a> Judge<'a> {
    /// None where there are too few to tell.
    pub(super) fn new(
        held: &'a HeldOut,
        people: &'a People,
        embeddings: &'a Embeddings,
        fold: &'a FoldIn,
        means: Option<&Means>,
    ) -> Option<Self> {
        debug_assert!(means.is_none_or(|means| means.dim() == embeddings.dim));
        let history = &held.history;
        let all = cases(history, &held.test, false);
        let every = all.len().div_ceil(MOST_CASES).max(1);
        let spread: Vec<Case> = all.into_iter().step_by(every).collect();
        let past = |case: Case| {
            let user = case.user.0 as usize;
            let known = people.personalise[user] && !history.interactions.row(user).0.is_empty();
            let home = Some(people.homes[user]).filter(|_| known)?;
            let cohort = means.and_then(|means| means.of_others(home, vector_of(embeddings, user)));
            Some(Past { home, cohort, friends: friends_of(user, history, people, embeddings), case })
        };
        let past: Vec<Past> = spread.into_par_iter().filter_map(past).collect();
        let gram = gram(&embeddings.products, embeddings.dim);
        let axes = Axes::of(&gram, embeddings.dim);
        (past.len() >= FEWEST_CASES).then_some(Self {
            history,
            repeats: &held.repeats,
            embeddings,
            fold,
            people,
            past,
            gram,
            axes,
        })
    }

    /// What is to be believed of newcomers, and by how much lists are better for it.
    pub(super) fn verdict(&self) -> Verdict {
        let (alone, ranked_alone) = self.alone();
        let (beside_friends, with_friends) = self.beside_friends();
        let (in_fold, with_events) = self.in_fold();
        let believed = Believed { beside_friends, alone, in_fold };
        let hold = self.hold(believed);
        let (popular, beside_popular) = self.popular(believed, hold);
        let told = Newcomers { alone: ranked_alone, with_friends, with_events, beside_popular };
        Verdict { believed, hold, popular, told }
    }

    /// Those who have a cohort.
    fn of_cohorts(&self) -> impl Iterator<Item = (&Past, &[f32])> {
        self.past.iter().filter_map(|past| Some((past, past.cohort.as_deref()?)))
    }

    /// Somebody of whom nothing but her home is known: against what is popular there.
    fn alone(&self) -> (bool, Compared) {
        let everywhere = order_by_score(&popularity(&self.history.interactions));
        let popular = self.popular_at_home();
        let listed = |past: &Past| popular_list(past.home, &past.case.seen, &popular, &everywhere, CUT);
        let world = |past: &Past| first_allowed(&everywhere, &past.case.seen, CUT);
        let at_home = self.figures(self.of_cohorts().map(|(past, _)| (past, listed(past))));
        let everywhere = self.figures(self.of_cohorts().map(|(past, _)| (past, world(past))));
        if at_home.len() < FEWEST_CASES {
            return (false, Compared { people: at_home.len(), ..Compared::default() });
        }
        // Serving shows what is popular in the country, the issue asks for no less than what is popular anywhere.
        let without = if mean(&everywhere) > mean(&at_home) { everywhere } else { at_home };
        let with = self.ranked(self.of_cohorts().map(|(past, cohort)| (past, cohort.to_vec())));
        let compared = compared(&without, &with, LEAST_GAIN_OVER_POPULARITY);
        (compared.kept, compared)
    }

    /// Somebody with friends: against their mean alone.
    fn beside_friends(&self) -> (f32, Compared) {
        let with_friends: Vec<_> = self.of_cohorts().filter(|(past, _)| past.friends.is_some()).collect();
        let figures = |beside_friends: f32| {
            let believed = Believed { beside_friends, ..Believed::default() };
            self.ranked(with_friends.iter().filter_map(|&(past, vector)| {
                let newcomer = Newcomer { vector, believed };
                Some((past, newcomer.taste(past.friends.clone())?))
            }))
        };
        best(&BESIDE_FRIENDS, with_friends.len(), figures)
    }

    /// Somebody without friends after her first events: against events folded into nothing.
    fn in_fold(&self) -> (f32, Compared) {
        let people: Vec<&Past> = self.of_cohorts().map(|(past, _)| past).collect();
        let figures = |in_fold: f32| {
            let believed = Believed { in_fold, ..Believed::default() };
            self.after_events(&people, |past| (self.prior(past, None, believed), self.fold.hold.cohort))
        };
        best(&IN_FOLD, people.len(), figures)
    }

    /// What a newcomer's events are folded into, as serving makes it; with these friends.
    pub(super) fn prior(&self, past: &Past, friends: Option<&FriendsMean>, believed: Believed) -> Vec<f32> {
        let belief = self.fold.friend_weight;
        if let Some(vector) = &past.cohort {
            return Newcomer { vector, believed }.prior(friends.cloned(), belief);
        }
        let nothing = || vec![0.0; self.embeddings.dim];
        friends.map_or_else(nothing, |mean| mean.vector.iter().map(|value| belief * value).collect())
    }

    /// NDCG of each of these people, the mean of those after each number of [`EVENTS`], with these priors held so firmly.
    pub(super) fn after_events(&self, people: &[&Past], prior: impl Fn(&Past) -> (Vec<f32>, f32) + Sync) -> Vec<f64> {
        let of_events = EVENTS.map(|count| {
            let folded = people.par_iter().map(|&past| {
                let (vector, hold) = prior(past);
                (past, self.folded(&self.first_events(past, count), Prior { vector: &vector, hold }))
            });
            self.ranked(folded.collect::<Vec<_>>())
        });
        let each = |at: usize| of_events.iter().map(|of| of[at]).sum::<f64>() / EVENTS.len() as f64;
        (0..people.len()).map(each).collect()
    }

    /// These events folded into a prior.
    pub(super) fn folded(&self, events: &[FoldEvent<'_>], prior: Prior<'_>) -> Vec<f32> {
        let count = self.history.products.len();
        fold(Products { gram: &self.gram, count, axes: Some(self.axes.view()) }, self.fold, events, prior)
    }

    /// How firmly the model holds priors if nothing is learnt.
    pub(super) fn given_hold(&self) -> Hold {
        self.fold.hold
    }

    /// The events of a newcomer that tell most, of as many products.
    fn first_events(&self, past: &Past, count: usize) -> Vec<FoldEvent<'_>> {
        self.events(&self.first_cells(past, count))
    }

    fn first_cells(&self, past: &Past, count: usize) -> Vec<(u32, f32)> {
        let mut cells: Vec<(u32, f32)> = self.history.interactions.entries(past.case.user.0 as usize).collect();
        // A fixed but arbitrary order: rows of products follow their table, which may be by popularity.
        cells.sort_unstable_by_key(|&(product, _)| xxhash_rust::xxh3::xxh3_64(&product.to_le_bytes()));
        cells.truncate(count);
        cells
    }

    fn events(&self, cells: &[(u32, f32)]) -> Vec<FoldEvent<'_>> {
        let (dim, products) = (self.embeddings.dim, &self.embeddings.products);
        let event = |&(product, weight): &(u32, f32)| {
            let start = product as usize * dim;
            FoldEvent { vector: &products[start..start + dim], weight }
        };
        cells.iter().map(event).collect()
    }

    /// The same events, and the case of somebody who has done nothing else: whatever she bought in the part held out is
    /// to be found, though she had it before.
    pub(super) fn as_if_new(&self, past: &Past, count: usize) -> (Case, Vec<FoldEvent<'_>>) {
        let (user, cells) = (past.case.user, self.first_cells(past, count));
        let mut seen: Vec<u32> = cells.iter().map(|&(product, _)| product).collect();
        seen.sort_unstable();
        let again = self.repeats.row(user.0 as usize).0.iter().filter(|product| seen.binary_search(product).is_err());
        let mut relevant: Vec<u32> = past.case.relevant.iter().chain(again).copied().collect();
        relevant.sort_unstable();
        (Case { user, seen, relevant }, self.events(&cells))
    }

    /// NDCG of each of these people, whose products are ranked by these vectors.
    fn ranked<'p>(&self, tastes: impl IntoIterator<Item = (&'p Past, Vec<f32>)>) -> Vec<f64> {
        let tastes: Vec<(&Past, Vec<f32>)> = tastes.into_iter().collect();
        let queries: Vec<Query<'_>> =
            tastes.iter().map(|(past, vector)| Query { vector, without: &past.case.seen }).collect();
        let lists = top_products(&queries, &self.embeddings.products, self.embeddings.dim, CUT);
        tastes.iter().zip(lists).map(|((past, _), list)| gain(&list, &past.case)).collect()
    }

    fn figures<'p>(&self, lists: impl Iterator<Item = (&'p Past, Vec<u32>)>) -> Vec<f64> {
        lists.map(|(past, list)| gain(&list, &past.case)).collect()
    }

    /// What is bought in each country, most first: purchases fade with time, as they do in a bundle.
    pub(super) fn popular_at_home(&self) -> BTreeMap<Home, Vec<u32>> {
        let mut bought: BTreeMap<Home, BTreeMap<u32, f64>> = BTreeMap::new();
        let cut = self.history.cut;
        for (user, possessions) in self.history.possessions.iter().enumerate() {
            let home = self.people.homes[user].country_only();
            if home.is_unknown() || !self.people.personalise[user] {
                continue;
            }
            let there = bought.entry(home).or_default();
            for had in possessions {
                let age = cut.zip(had.last).map_or(0.0, |(cut, last)| cut.days_since(last));
                let weight = f64::from(had.purchases) * 0.5f64.powf(age / HALF_LIFE_DAYS);
                *there.entry(had.product.0).or_default() += weight;
            }
        }
        let ranking = |there: BTreeMap<u32, f64>| {
            let mut ranking: Vec<(u32, f64)> = there.into_iter().filter(|&(_, weight)| weight > 0.0).collect();
            ranking.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            ranking.into_iter().map(|(product, _)| product).collect()
        };
        bought.into_iter().map(|(home, there)| (home, ranking(there))).collect()
    }
}

/// The first `length` products of what is popular in the country of a home, and then everywhere, without those `seen`.
pub(super) fn popular_list(
    home: Home,
    seen: &[u32],
    popular: &BTreeMap<Home, Vec<u32>>,
    everywhere: &[u32],
    length: usize,
) -> Vec<u32> {
    let at_home = popular.get(&home.country_only()).map_or(&[][..], Vec::as_slice);
    let mut list = first_allowed(at_home, seen, length);
    let known: BTreeSet<u32> = list.iter().copied().collect();
    let rest = everywhere.iter().filter(|row| !known.contains(row) && seen.binary_search(row).is_err());
    list.extend(rest.take(length - known.len()));
    list
}

/// The best of some strengths beside none, and what it is worth; 0 where none is better.
fn best(tried: &[f32], people: usize, figures: impl Fn(f32) -> Vec<f64>) -> (f32, Compared) {
    if people < FEWEST_CASES {
        return (0.0, Compared { people, ..Compared::default() });
    }
    let without = figures(0.0);
    let mut best: Option<(f32, Vec<f64>)> = None;
    for &strength in tried {
        let with = figures(strength);
        if best.as_ref().is_none_or(|(_, so_far)| mean(&with) > mean(so_far)) {
            best = Some((strength, with));
        }
    }
    let Some((strength, with)) = best else { return (0.0, Compared::default()) };
    let compared = compared(&without, &with, LEAST_GAIN);
    (if compared.kept { strength } else { 0.0 }, compared)
}

/// Both means, and whether the second is better by this share at `least` and by more than chance: the standard error of the
/// difference.
pub(super) fn compared(without: &[f64], with: &[f64], least: f64) -> Compared {
    let people = without.len();
    let gains: Vec<f64> = with.iter().zip(without).map(|(with, without)| with - without).collect();
    let gained = mean(&gains);
    let variance = gains.iter().map(|gain| (gain - gained).powi(2)).sum::<f64>() / (people as f64 - 1.0);
    let error = (variance / people as f64).sqrt();
    let (without, with) = (mean(without), mean(with));
    Compared { people, without, with, kept: gained > error && gained > least * without }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

pub(super) fn gain(list: &[u32], case: &Case) -> f64 {
    let hit = |&place: &usize| case.relevant.binary_search(&list[place]).is_ok();
    let hits: Vec<usize> = (0..list.len()).filter(hit).collect();
    ndcg(&hits, case.relevant.len(), CUT)
}

pub(super) fn vector_of(embeddings: &Embeddings, user: usize) -> &[f32] {
    &embeddings.users[user * embeddings.dim..(user + 1) * embeddings.dim]
}

/// The mean of the closest friends' vectors, as serving takes it.
fn friends_of(user: usize, history: &TrainingData, people: &People, embeddings: &Embeddings) -> Option<FriendsMean> {
    let mut friends: Vec<(u32, f32)> = history.friends.entries(user).collect();
    friends.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let known = friends.into_iter().filter(|&(friend, strength)| {
        let friend = friend as usize;
        strength > 0.0 && people.personalise[friend] && !is_zero(vector_of(embeddings, friend))
    });
    let (mut vector, mut strength) = (vec![0.0; embeddings.dim], 0.0);
    for (friend, near) in known.take(MOST_FRIENDS) {
        let theirs = vector_of(embeddings, friend as usize);
        vector.iter_mut().zip(theirs).for_each(|(sum, &value)| *sum += near * value);
        strength += near;
    }
    vector.iter_mut().for_each(|value| *value /= strength);
    (strength > 0.0 && !is_zero(&vector)).then_some(FriendsMean { vector, strength })
}
