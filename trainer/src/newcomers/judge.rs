//! What serving would show to people who are withheld, and how good it is.

use juntos_datasets::training::TrainingData;
use juntos_engine::cohorts::{Believed, FriendsMean, Home, Newcomer};
use juntos_engine::fold::Prior;
use rayon::prelude::*;

use super::compare::{Compared, FEWEST_CASES, best, compared, gain, mean};
use super::folding::Folding;
use super::rankings::Rankings;
use super::withheld::{Stranger, Withheld};
use super::{CUT, Newcomers, Verdict};
use crate::evaluate::products::{Case, is_zero};
use crate::evaluate::rank::first_allowed;
use crate::models::Embeddings;
use crate::models::cohorts::{Means, People};

/// Friends whose vectors stand in for a newcomer's, as in serving.
const MOST_FRIENDS: usize = 50;
/// Values tried of [`Believed::beside_friends`] and [`Believed::in_fold`], beside 0.
const BESIDE_FRIENDS: [f32; 7] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
const IN_FOLD: [f32; 4] = [0.25, 0.5, 0.75, 1.0];
/// Values tried of how firmly priors are held.
pub(super) const HOLDS: [f32; 5] = [0.0, 0.25, 1.0, 4.0, 8.0];
/// Numbers of events folded in.
pub(super) const EVENTS: [usize; 3] = [1, 3, 8];

/// One newcomer.
pub(super) struct Newcome<'a> {
    pub(super) stranger: &'a Stranger,
    pub(super) home: Home,
    /// Vector of her cohort, where she has one.
    cohort: Option<Vec<f32>>,
    /// What her friends like, as serving finds it for those who come after training.
    friends: Option<FriendsMean>,
    /// What training makes of her friends, where she had come before it.
    trained: Option<&'a [f32]>,
}

/// All of them, and what ranks products for them.
pub(super) struct Judge<'a> {
    pub(super) folding: Folding<'a>,
    pub(super) rankings: &'a Rankings,
    pub(super) newcomers: Vec<Newcome<'a>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        withheld: &'a Withheld,
        people: &People,
        rankings: &'a Rankings,
        embeddings: &'a Embeddings,
    ) -> Self {
        let history = &withheld.history;
        let means = Means::of(history, people, embeddings);
        let folding = Folding::new(embeddings, embeddings.fold);
        let newcome = |stranger: &'a Stranger| {
            let user = stranger.user.0 as usize;
            let home = people.homes[user];
            Newcome {
                stranger,
                home,
                cohort: means.as_ref().and_then(|means| means.narrowest(home)),
                friends: friends_of(user, history, people, &folding),
                trained: Some(folding.user(user)).filter(|vector| !is_zero(vector)),
            }
        };
        let newcomers = withheld.people.par_iter().map(newcome).collect();
        Self { rankings, newcomers, folding }
    }

    /// What is to be believed of newcomers, and by how much lists are better for it.
    pub(super) fn verdict(&self) -> Verdict {
        let (alone, of_cohorts) = self.alone();
        let (beside_friends, with_friends) = self.beside_friends();
        let (in_fold, with_events) = self.in_fold();
        let believed = Believed { beside_friends, alone, in_fold };
        let (hold_friends, friends_held) = self.hold_friends(believed);
        let hold_cohort = self.hold_cohort(believed);
        let (popular, beside_popular) = self.popular(believed, (hold_friends, hold_cohort));
        let told = Newcomers { alone: of_cohorts, with_friends, with_events, friends_held, beside_popular };
        Verdict { believed, hold_friends, hold_cohort, popular, told }
    }

    /// Those who have a cohort.
    fn of_cohorts(&self) -> impl Iterator<Item = (&Newcome<'a>, &[f32])> {
        self.newcomers.iter().filter_map(|her| Some((her, her.cohort.as_deref()?)))
    }

    /// Those with friends of whom something is known.
    pub(super) fn befriended(&self) -> Vec<&Newcome<'a>> {
        self.newcomers.iter().filter(|her| her.friends.is_some()).collect()
    }

    /// Somebody of whom nothing but her home is known: against what is popular there, or everywhere if that is better.
    fn alone(&self) -> (bool, Compared) {
        let (newcomers, vectors): (Vec<_>, Vec<_>) =
            self.of_cohorts().map(|(her, cohort)| (her, cohort.to_vec())).unzip();
        if newcomers.len() < FEWEST_CASES {
            return (false, Compared { people: newcomers.len(), ..Compared::default() });
        }
        let cases: Vec<Case> = newcomers.iter().map(|her| her.stranger.case(0)).collect();
        let at_home =
            newcomers.iter().zip(&cases).map(|(her, case)| gain(&self.rankings.list(her.home, &[], CUT), case));
        let at_home: Vec<f64> = at_home.collect();
        let world = first_allowed(&self.rankings.everywhere, &[], CUT);
        let everywhere: Vec<f64> = cases.iter().map(|case| gain(&world, case)).collect();
        let without = if mean(&everywhere) > mean(&at_home) { everywhere } else { at_home };
        let compared = compared(&without, &self.folding.gains(&vectors, &cases));
        (compared.kept, compared)
    }

    /// Somebody with friends who came after training: against their mean alone.
    fn beside_friends(&self) -> (f32, Compared) {
        let with_friends: Vec<_> =
            self.of_cohorts().filter_map(|(her, cohort)| Some((her, cohort, her.friends.as_ref()?))).collect();
        let cases: Vec<Case> = with_friends.iter().map(|(her, ..)| her.stranger.case(0)).collect();
        let figures = |beside_friends: f32| {
            let believed = Believed { beside_friends, ..Believed::default() };
            let taste = |&(_, vector, friends): &(_, &[f32], &FriendsMean)| {
                Newcomer { vector, believed }.taste(Some(friends.clone())).unwrap_or_default()
            };
            self.folding.gains(&with_friends.iter().map(taste).collect::<Vec<_>>(), &cases)
        };
        best(0.0, &BESIDE_FRIENDS, with_friends.len(), figures)
    }

    /// Somebody without friends after her first events: against events folded into nothing.
    fn in_fold(&self) -> (f32, Compared) {
        let newcomers: Vec<&Newcome<'a>> = self.of_cohorts().map(|(her, _)| her).collect();
        let hold = self.folding.settings.hold.cohort;
        best(0.0, &IN_FOLD, newcomers.len(), |in_fold| {
            let believed = Believed { in_fold, ..Believed::default() };
            self.after_events(&newcomers, |her| (self.prior_of_cohort(her, believed), hold))
        })
    }

    /// How firmly priors made of friends are held.
    fn hold_friends(&self, believed: Believed) -> (f32, Compared) {
        let newcomers = self.befriended();
        best(self.folding.settings.hold.friends, &HOLDS, newcomers.len(), |hold| {
            self.after_events(&newcomers, |her| (self.prior_of_friends(her, believed), hold))
        })
    }

    /// How firmly priors made of cohorts are held.
    fn hold_cohort(&self, believed: Believed) -> f32 {
        let newcomers: Vec<&Newcome<'a>> = self.of_cohorts().map(|(her, _)| her).collect();
        let given = self.folding.settings.hold.cohort;
        if believed.in_fold == 0.0 {
            return given;
        }
        let held = best(given, &HOLDS, newcomers.len(), |hold| {
            self.after_events(&newcomers, |her| (self.prior_of_cohort(her, believed), hold))
        });
        held.0
    }

    /// What the events of somebody without friends are folded into.
    pub(super) fn prior_of_cohort(&self, her: &Newcome<'_>, believed: Believed) -> Vec<f32> {
        let nothing = || vec![0.0; self.folding.embeddings.dim];
        her.cohort.as_ref().map_or_else(nothing, |vector| Newcomer { vector, believed }.prior(None, 0.0))
    }

    /// What the events of somebody with friends are folded into: what training made of them, else their mean beside the cohort.
    pub(super) fn prior_of_friends(&self, her: &Newcome<'_>, believed: Believed) -> Vec<f32> {
        if let Some(trained) = her.trained {
            return trained.to_vec();
        }
        let belief = self.folding.settings.friend_weight;
        match (&her.cohort, &her.friends) {
            (Some(vector), friends) => Newcomer { vector, believed }.prior(friends.clone(), belief),
            (None, Some(friends)) => friends.vector.iter().map(|value| belief * value).collect(),
            (None, None) => vec![0.0; self.folding.embeddings.dim],
        }
    }

    /// NDCG of each of these people, the mean of those after each number of [`EVENTS`], with these priors held so firmly.
    fn after_events(
        &self,
        newcomers: &[&Newcome<'a>],
        prior: impl Fn(&Newcome<'a>) -> (Vec<f32>, f32) + Sync,
    ) -> Vec<f64> {
        let of_events = EVENTS.map(|count| {
            let folded = |her: &&Newcome<'a>| {
                let (vector, hold) = prior(her);
                (
                    self.folding.folded(her.stranger.events(count), Prior { vector: &vector, hold }),
                    her.stranger.case(count),
                )
            };
            let (vectors, cases): (Vec<_>, Vec<_>) = newcomers.par_iter().map(folded).unzip();
            self.folding.gains(&vectors, &cases)
        });
        let each = |at: usize| of_events.iter().map(|of| of[at]).sum::<f64>() / EVENTS.len() as f64;
        (0..newcomers.len()).map(each).collect()
    }
}

/// The mean of the closest friends' vectors, as serving takes it.
fn friends_of(user: usize, history: &TrainingData, people: &People, folding: &Folding<'_>) -> Option<FriendsMean> {
    let mut friends: Vec<(u32, f32)> = history.friends.entries(user).collect();
    friends.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let known = friends.into_iter().filter(|&(friend, strength)| {
        let friend = friend as usize;
        strength > 0.0 && people.personalise[friend] && !is_zero(folding.user(friend))
    });
    let (mut vector, mut strength) = (vec![0.0; folding.embeddings.dim], 0.0);
    for (friend, near) in known.take(MOST_FRIENDS) {
        vector.iter_mut().zip(folding.user(friend as usize)).for_each(|(sum, &value)| *sum += near * value);
        strength += near;
    }
    vector.iter_mut().for_each(|value| *value /= strength);
    (strength > 0.0 && !is_zero(&vector)).then_some(FriendsMean { vector, strength })
}
