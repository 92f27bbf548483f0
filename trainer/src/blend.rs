//! How far friends' and own purchases count in a feed beside taste: as ranks best what was held out.

use std::collections::BTreeMap;

use juntos_datasets::training::TrainingData;
use juntos_engine::index::Scored;
use juntos_engine::rank::Scale;
use juntos_engine::recommend::candidates_for;
use juntos_engine::serving_model::Blend;
use rayon::prelude::*;

use crate::auto::{error_of_difference, next_purchases};
use crate::evaluate::metrics::ndcg;
use crate::evaluate::products::{self, Case, Vectors};
use crate::evaluate::rank::{Query, top_products};
use crate::models::Embeddings;
use crate::prepare::HeldOut;

/// Length of the lists judged.
const CUT: usize = 20;
/// Most users that are looked at; of more, evenly spaced ones.
const MOST_CASES: usize = 2_000;
/// Fewer users tell nothing: the defaults stay.
const FEWEST_CASES: usize = 100;
/// What a choice must have more than the default, as a share.
const LEAST_GAIN: f64 = 0.002;
/// Values tried.
const FRIENDS: [f32; 10] = [0.0, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
const BOUGHT: [f32; 9] = [0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 4.0, 8.0];

/// The blend with the greatest mean NDCG@20 of feeds of held-out products, by taste as `embeddings`, learnt from
/// `held.history`, have it, where that is more than chance may make of it: feeds of products that are new to users, and, as
/// much as purchases are repeated, feeds that may show what users have. Else it is the default, in which friends count for
/// nothing where the embeddings have heard what they bought (`hears_friends`).
pub(crate) fn learn(held: &HeldOut, embeddings: &Embeddings, hears_friends: bool) -> Blend {
    let new = products::cases(&held.history, &held.test, false);
    let again = next_purchases(held);
    let repeated = held.repeats.len() as f64 / (held.test.len() + held.repeats.len()).max(1) as f64;
    let feeds = |cases: Vec<Case>| feeds(cases, &held.history, embeddings);
    let kinds = [(1.0 - repeated, feeds(new)), (repeated, feeds(again))];
    let kinds: Vec<_> = kinds.into_iter().filter(|(_, feeds)| feeds.len() >= FEWEST_CASES).collect();
    let default = Blend::default();
    best_of(&kinds, Blend { friends: if hears_friends { 0.0 } else { default.friends }, ..default })
}

/// `default`, unless another is better beyond chance.
fn best_of(kinds: &[(f64, Vec<Feed>)], default: Blend) -> Blend {
    let judge = |blend: &Blend| -> Judged {
        kinds.iter().map(|(share, feeds)| (*share, feeds.par_iter().map(|feed| feed.ndcg(blend)).collect())).collect()
    };
    let usual = judge(&default);
    let mut best = (mean(&usual), default);
    for (friends, bought) in FRIENDS.into_iter().flat_map(|friends| BOUGHT.map(|bought| (friends, bought))) {
        let blend = Blend { friends, bought, ..default };
        let judged = judge(&blend);
        if mean(&judged) > best.0 && gains(&judged, &usual) {
            best = (mean(&judged), blend);
        }
    }
    best.1
}

/// NDCG@20 of each feed of each kind, and the share of the kind.
type Judged = Vec<(f64, Vec<f64>)>;

fn mean(judged: &Judged) -> f64 {
    judged.iter().map(|(share, each)| share * each.iter().sum::<f64>() / each.len() as f64).sum()
}

/// Whether `judged` is better than `usual` by more than [`LEAST_GAIN`] and more than chance may make of it.
fn gains(judged: &Judged, usual: &Judged) -> bool {
    let chance = judged.iter().zip(usual).map(|((share, new), (_, old))| share * error_of_difference(new, old));
    let chance = chance.fold(0.0, f64::hypot);
    mean(judged) > mean(usual) + chance.max(LEAST_GAIN * mean(usual))
}

/// What a feed may show to one user.
struct Feed {
    candidates: Vec<Candidate>,
    /// Number of products that she bought next.
    relevant: usize,
}

struct Candidate {
    product: u32,
    /// Where it stands by taste.
    place: f32,
    /// The part of her friends who bought it.
    friends: f32,
    /// Whether she bought it.
    bought: bool,
    relevant: bool,
}

impl Feed {
    fn ndcg(&self, blend: &Blend) -> f64 {
        let score = |candidate: &Candidate| {
            let bought = if candidate.bought { blend.bought } else { 0.0 };
            candidate.place + blend.friends * candidate.friends + bought
        };
        let scored = |candidate: &Candidate| Scored { row: candidate.product, score: score(candidate) };
        let mut list: Vec<(Scored, bool)> = self.candidates.iter().map(|one| (scored(one), one.relevant)).collect();
        let best_first = |a: &(Scored, bool), b: &(Scored, bool)| Scored::best_first(&a.0, &b.0);
        if list.len() > CUT {
            list.select_nth_unstable_by(CUT, best_first);
            list.truncate(CUT);
        }
        list.sort_unstable_by(best_first);
        let hits: Vec<usize> = (0..list.len().min(CUT)).filter(|&place| list[place].1).collect();
        ndcg(&hits, self.relevant, CUT)
    }
}

/// The feeds of some of the cases, with every product that taste, friends or own purchases propose.
fn feeds(cases: Vec<Case>, history: &TrainingData, embeddings: &Embeddings) -> Vec<Feed> {
    let every = cases.len().div_ceil(MOST_CASES).max(1);
    let cases: Vec<Case> = cases.into_iter().step_by(every).collect();
    let users: Vec<_> = cases.iter().map(|case| Vectors::user(embeddings, case.user)).collect();
    let queries: Vec<Query<'_>> =
        users.iter().zip(&cases).map(|(user, case)| Query { vector: user, without: &case.seen }).collect();
    let tasty = top_products(&queries, &embeddings.products, embeddings.dim, candidates_for(CUT));
    cases.par_iter().zip(tasty).map(|(case, tasty)| feed(case, &tasty, history, embeddings)).collect()
}

fn feed(case: &Case, tasty: &[u32], history: &TrainingData, embeddings: &Embeddings) -> Feed {
    let (user, dim) = (Vectors::user(embeddings, case.user), embeddings.dim);
    let taste = |product: u32| {
        let vector = &embeddings.products[product as usize * dim..(product as usize + 1) * dim];
        user.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>()
    };
    let scored: Vec<Scored> = tasty.iter().map(|&row| Scored { row, score: taste(row) }).collect();
    let scale = Scale::of(&scored);
    let at = case.user.0 as usize;
    let mut proposed: BTreeMap<u32, (f32, bool)> = tasty.iter().map(|&product| (product, (0.0, false))).collect();
    let (friends, strengths) = history.friends.row(at);
    for (&friend, &strength) in friends.iter().zip(strengths) {
        bought(history, friend as usize).for_each(|product| proposed.entry(product).or_default().0 += strength);
    }
    bought(history, at).for_each(|product| proposed.entry(product).or_default().1 = true);
    let all = strengths.iter().sum();
    let candidates = proposed.into_iter().filter(|(product, _)| case.seen.binary_search(product).is_err());
    let candidate = |(product, (friends, bought))| Candidate {
        product,
        place: scale.map_or(0.0, |scale| scale.place(taste(product))),
        friends: Blend::share_of_friends(friends, all),
        bought,
        relevant: case.relevant.binary_search(&product).is_ok(),
    };
    Feed { candidates: candidates.map(candidate).collect(), relevant: case.relevant.len() }
}

/// What a user bought for herself.
fn bought(history: &TrainingData, user: usize) -> impl Iterator<Item = u32> {
    history.possessions[user].iter().filter(|had| had.purchases > 0).map(|had| had.product.0)
}

#[cfg(test)]
mod tests {
    //! 1. Where friends' purchases foretell what comes next they count; where they do not, they do not.
    //! 2. Own purchases count where they are repeated.
    //! 3. What chance may make of it is no gain, and too few users leave the defaults.

    use super::*;

    /// Users for whom one of two products is right: the one by taste, the one of friends, or the one they had.
    fn kinds(count: usize, right: u32) -> Vec<(f64, Vec<Feed>)> {
        let candidate =
            |product, place, friends, bought| Candidate { product, place, friends, bought, relevant: product == right };
        let feed = |_| Feed {
            candidates: vec![
                candidate(0, 1.0, 0.0, false),
                candidate(1, 0.5, 0.4, false),
                candidate(2, 0.4, 0.0, true),
                candidate(3, 0.9, 0.0, false),
            ],
            relevant: 1,
        };
        vec![(1.0, (0..count).map(feed).collect())]
    }

    #[test]
    fn what_foretells_counts() {
        let taste = best_of(&kinds(200, 0), Blend::default());
        assert!(0.5 + taste.friends * 0.4 < 1.0 && 0.4 + taste.bought < 1.0, "{taste:?}");
        let friends = best_of(&kinds(200, 1), Blend::default());
        assert!(0.5 + friends.friends * 0.4 > 1.0, "{friends:?}");
        let bought = best_of(&kinds(200, 2), Blend::default());
        assert!(0.4 + bought.bought > 1.0, "{bought:?}");
    }

    #[test]
    fn what_chance_may_make_of_it_is_no_gain() {
        let usual = vec![(1.0, vec![0.2; 100])];
        let all = vec![(1.0, vec![0.202; 100])];
        let few = vec![(1.0, (0..100).map(|user| if user % 2 == 0 { 0.304 } else { 0.1 }).collect())];
        assert!((mean(&all) - mean(&few)).abs() < 1e-12);
        assert!(gains(&all, &usual) && !gains(&few, &usual));
        assert!(!gains(&vec![(1.0, vec![0.2002; 100])], &usual), "less than is asked for");
    }

    #[test]
    fn nobody_to_judge_by_leaves_the_defaults() {
        let default = Blend { friends: 0.0, ..Blend::default() };
        assert_eq!(best_of(&[], default), default);
    }
}
