//! How well a trial ranks, case by case, so that what is better can be told from what only happens to look better.

use std::fs::File;
use std::io;

use super::journal::{read_curve, write_curve};
use crate::checkpoint::{StateReader, StateWriter};

/// How much what was new to users counts beside all that they bought next, what was new included.
const PART_OF_NEW: f64 = 1.0 / 3.0;

/// NDCG@100 of each user and of each standing group judged by; empty where nothing was ranked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Score {
    pub(super) users: Vec<f64>,
    /// The same of what was new to them, ranked without what they had; empty where that is what `users` are of.
    pub(super) new: Vec<f64>,
    /// Empty where groups do not count.
    pub(super) groups: Vec<f64>,
}

impl Score {
    /// The mean over users; where they often buy again, the weighted geometric mean of that and of the same for what was new
    /// to them. With standing groups it is the geometric mean of that and of the same for groups, weighted by how many
    /// there are of each. So neither is bought with the other.
    pub(crate) fn ndcg(&self) -> f64 {
        let part = self.part_of_groups();
        self.users_ndcg().powf(1.0 - part) * self.groups_ndcg().map_or(1.0, |groups| groups.powf(part))
    }

    fn users_ndcg(&self) -> f64 {
        let part = self.part_of_new();
        mean(&self.users).powf(1.0 - part) * mean(&self.new).powf(part)
    }

    /// The mean over standing groups, where they count.
    pub(crate) fn groups_ndcg(&self) -> Option<f64> {
        (!self.groups.is_empty()).then(|| mean(&self.groups))
    }

    /// Whether this is better than `other`, of the same cases, by more than `least` as a share, and by more than chance
    /// may make of it: the standard error of the difference.
    pub(super) fn is_better_than(&self, other: &Self, least: f64) -> bool {
        let (here, there) = (self.ndcg(), other.ndcg());
        if there <= 0.0 {
            return here > there;
        }
        here / there - 1.0 > least.max(self.error_beside(other))
    }

    /// Standard error of how much better this is than `other`, of the same cases, as a share of `other`, to first order.
    pub(crate) fn error_beside(&self, other: &Self) -> f64 {
        let part = other.part_of_groups();
        let of_users = (1.0 - part) * self.error_of_users(other);
        let of_groups = part * relative_error(&self.groups, &other.groups);
        of_users.hypot(of_groups)
    }

    /// Both lists are of the same people, so their errors add up.
    fn error_of_users(&self, other: &Self) -> f64 {
        let part = other.part_of_new();
        (1.0 - part) * relative_error(&self.users, &other.users) + part * relative_error(&self.new, &other.new)
    }

    fn part_of_new(&self) -> f64 {
        if self.new.is_empty() { 0.0 } else { PART_OF_NEW }
    }

    fn part_of_groups(&self) -> f64 {
        self.groups.len() as f64 / (self.users.len() + self.groups.len()).max(1) as f64
    }

    pub(super) fn write(&self, state: &mut StateWriter<File>) -> io::Result<()> {
        write_curve(state, &self.users)?;
        write_curve(state, &self.new)?;
        write_curve(state, &self.groups)
    }

    pub(super) fn read(state: &mut StateReader) -> io::Result<Self> {
        let mut next = || read_curve(state, usize::MAX);
        Ok(Self { users: next()?, new: next()?, groups: next()? })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Standard error of the mean difference of two values of each case.
pub(crate) fn error_of_difference(new: &[f64], old: &[f64]) -> f64 {
    let differences: Vec<f64> = new.iter().zip(old).map(|(new, old)| new - old).collect();
    let (count, middle) = (differences.len().max(1) as f64, mean(&differences));
    let variance = differences.iter().map(|difference| (difference - middle).powi(2)).sum::<f64>() / count;
    (variance / count).sqrt()
}

/// The same, as a share of the mean of `old`; 0 without any.
fn relative_error(new: &[f64], old: &[f64]) -> f64 {
    let scale = mean(old);
    if scale > 0.0 { error_of_difference(new, old) / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    //! 1. Users and groups are weighed by their numbers, and all that users bought counts twice what was new to them does.
    //! 2. A gain that all share is one; the same gain of a few among losses is not.

    use super::*;

    #[test]
    fn numbers_weigh_users_and_groups() {
        let score = Score { users: vec![0.1, 0.3, 0.2], new: Vec::new(), groups: vec![0.4] };
        assert!((score.ndcg() - 0.2f64.powf(0.75) * 0.4f64.powf(0.25)).abs() < 1e-12);
        assert_eq!(score.groups_ndcg(), Some(0.4));
        let alone = Score { users: vec![0.1, 0.3], ..Score::default() };
        assert!((alone.ndcg() - 0.2).abs() < 1e-12 && alone.groups_ndcg().is_none());
        assert_eq!(Score::default().ndcg(), 0.0);
        let again = Score { new: vec![0.025], ..alone };
        assert!((again.ndcg() - 0.2 / 2.0).abs() < 1e-12, "eight times less of a third");
    }

    #[test]
    fn what_is_new_is_not_bought_with_what_is_had_again() {
        let of = |all: f64, new: f64| Score { users: vec![all; 100], new: vec![new; 100], groups: Vec::new() };
        let old = of(0.2, 0.2);
        assert!(of(0.22, 0.19).is_better_than(&old, 0.002) && !of(0.22, 0.16).is_better_than(&old, 0.002));
        let few = Score { new: (0..100).map(|user| if user < 2 { 0.6 } else { 0.2 }).collect(), ..old.clone() };
        assert!(few.ndcg() > old.ndcg() * 1.002 && few.is_better_than(&old, 0.002));
        let one = |user: u32| [0.6, 0.1].get(user as usize).copied().unwrap_or(0.2);
        let chance = Score { new: (0..100).map(one).collect(), ..old.clone() };
        assert!(chance.ndcg() > old.ndcg() * 1.004 && !chance.is_better_than(&old, 0.002));
    }

    #[test]
    fn chance_is_no_gain() {
        let of = |users: Vec<f64>| Score { users, ..Score::default() };
        let old = of(vec![0.2; 100]);
        let all = of(vec![0.202; 100]);
        let few = of((0..100).map(|user| if user % 2 == 0 { 0.304 } else { 0.1 }).collect());
        assert!((all.ndcg() - few.ndcg()).abs() < 1e-12);
        assert!(all.is_better_than(&old, 0.002) && !few.is_better_than(&old, 0.002));
        assert!(!all.is_better_than(&old, 0.02), "less than is asked for");
        assert!(old.is_better_than(&Score::default(), 0.002) && !Score::default().is_better_than(&old, 0.002));
        let groups = |value: f64| Score {
            users: vec![0.2; 100],
            new: Vec::new(),
            groups: (0..50).map(|at| if at == 0 { value } else { 0.2 }).collect(),
        };
        assert!(!groups(0.9).is_better_than(&groups(0.2), 0.002), "one group of fifty");
    }
}
