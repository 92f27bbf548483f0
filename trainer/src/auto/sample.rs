//! A part of a large past to choose on: some people with their friends.
//!
//! People who bought something in the part held out are drawn by the seed, and each brings her closest friends along,
//! until all together have about as many cells of the interactions as are wanted. Only those drawn are judged by: their friends
//! stand there for them, without most friends of their own. So the cost of a trial has a bound, whatever the data's size,
//! and what friends are worth can still be seen. Of the teams held out, those stay whose initiator was drawn and has all
//! her friends about her. Products stay all, and keep their rows.

use std::borrow::Cow;

use juntos_datasets::shown::Showing;
use juntos_datasets::tables::PurchaseVisibility;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::{Csr, IdMap, Row, UserRow};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::validation::scores;
use crate::config::TrainConfig;
use crate::prepare::HeldOut;

/// Most cells, over those of a sample, of a whole of which ensembles are made quickly: they need all that people had.
const MOST_FOR_ENSEMBLES: usize = 3;
/// Most scores of which an ensemble is made quickly: half a minute.
const QUICKLY_LISTED_FROM: u64 = 5_000_000_000;
/// Cells from which on a person drawn brings no further friend along, so that enough people are drawn.
const CELLS_A_CIRCLE: usize = 500;

/// Not a row of the sample.
const LEFT_OUT: u32 = u32::MAX;

/// `held`, or a sample of it with about as many cells as `config` says, where it has more than that, or, where ensembles are made of
/// it quickly, than [`MOST_FOR_ENSEMBLES`] times as many.
pub(crate) fn sampled<'h>(held: &'h HeldOut, config: &TrainConfig) -> Cow<'h, HeldOut> {
    let cells = config.auto.cells;
    let is_quick = scores(&held.history) <= QUICKLY_LISTED_FROM;
    let most = if is_quick { cells.saturating_mul(MOST_FOR_ENSEMBLES) } else { cells };
    match held.history.interactions.len() > most {
        true => Cow::Owned(sample(held, cells, config.seed)),
        false => Cow::Borrowed(held),
    }
}

/// A sample of `held` with about `most_cells` cells.
fn sample(held: &HeldOut, most_cells: usize, seed: u64) -> HeldOut {
    let history = &held.history;
    let mut people: Vec<u32> = (0..history.users.len() as u32).filter(|&user| is_judged(held, user)).collect();
    people.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut sample =
        Sample { history, row_of: vec![LEFT_OUT; history.users.len()], is_drawn: Vec::new(), users: Vec::new() };
    let mut drawn = vec![false; history.users.len()];
    let mut cells = 0;
    for person in people {
        if cells >= most_cells {
            break;
        }
        drawn[person as usize] = true;
        cells += sample.take_circle(person);
    }
    sample.number(&drawn);
    sample.part_of(held)
}

/// Whether something of hers is held out.
fn is_judged(held: &HeldOut, user: u32) -> bool {
    [&held.test, &held.repeats].iter().any(|matrix| !matrix.row(user as usize).0.is_empty())
}

struct Sample<'a> {
    history: &'a TrainingData,
    /// Row in the sample of each user; before they are numbered, 0 of those taken.
    row_of: Vec<u32>,
    /// Users taken, ascending.
    users: Vec<u32>,
    /// Whether each of `users` was drawn, and did not only come along.
    is_drawn: Vec<bool>,
}

impl Sample<'_> {
    /// Takes a person and her closest friends; how many cells were added.
    fn take_circle(&mut self, person: u32) -> usize {
        let mut friends: Vec<(u32, f32)> = self.history.friends.entries(person as usize).collect();
        friends.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let (mut circle, mut added) = (0, 0);
        for user in std::iter::once(person).chain(friends.into_iter().map(|(friend, _)| friend)) {
            if circle >= CELLS_A_CIRCLE {
                break;
            }
            let cells = self.history.interactions.row(user as usize).0.len();
            circle += cells;
            if self.row_of[user as usize] == LEFT_OUT {
                self.row_of[user as usize] = 0;
                added += cells;
            }
        }
        added
    }

    /// Gives rows to the users taken, in their order.
    fn number(&mut self, drawn: &[bool]) {
        for (user, row) in self.row_of.iter_mut().enumerate().filter(|(_, row)| **row != LEFT_OUT) {
            *row = self.users.len() as u32;
            self.users.push(user as u32);
            self.is_drawn.push(drawn[user]);
        }
    }

    fn part_of(&self, held: &HeldOut) -> HeldOut {
        HeldOut {
            history: self.history(),
            test: self.judged(&held.test),
            repeats: self.judged(&held.repeats),
            teams: self.teams(held.teams.iter().filter(|team| self.has_circle(team.initiator))),
            by_chance: held.by_chance,
            since: held.since,
        }
    }

    fn history(&self) -> TrainingData {
        let all = self.history;
        let mut users = IdMap::new();
        self.users.iter().for_each(|&user| _ = users.insert(all.users.id(UserRow(user))));
        let none = || Csr::empty(self.users.len(), all.products.len());
        let friends = |row: usize, ties: &mut Vec<(u32, f32)>| {
            let of_all = all.friends.entries(self.users[row] as usize);
            ties.extend(of_all.filter_map(|(friend, strength)| Some((self.row(UserRow(friend))?.0, strength))));
        };
        TrainingData {
            friends: Csr::by_rows(self.users.len(), self.users.len(), friends),
            interactions: self.rows_of(&all.interactions, |_| true),
            teams: self.teams(all.teams.iter()),
            possessions: self.users.iter().map(|&user| all.possessions[user as usize].clone()).collect(),
            showing: self.showing(),
            products: all.products.clone(),
            users,
            valid: none(),
            test: none(),
            cut: all.cut,
        }
    }

    fn showing(&self) -> Showing {
        let all = &self.history.showing;
        let visibility = |&user: &u32| all.visibility.get(user as usize).copied().unwrap_or(PurchaseVisibility::Nobody);
        let is_private = |&(_, user): &(u32, &u32)| all.private.binary_search(user).is_ok();
        Showing {
            visibility: self.users.iter().map(visibility).collect(),
            private: (0..).zip(&self.users).filter(is_private).map(|(row, _)| row).collect(),
            sensitive: all.sensitive.clone(),
        }
    }

    fn judged(&self, matrix: &Csr) -> Csr {
        self.rows_of(matrix, |row| self.is_drawn[row])
    }

    /// The rows of `matrix` that the sample has, those not `wanted` empty.
    fn rows_of(&self, matrix: &Csr, wanted: impl Fn(usize) -> bool) -> Csr {
        Csr::by_rows(self.users.len(), matrix.columns(), |row, cells| {
            if wanted(row) {
                cells.extend(matrix.entries(self.users[row] as usize));
            }
        })
    }

    /// The teams of which everybody is in the sample.
    fn teams<'t>(&self, teams: impl Iterator<Item = &'t TeamRecord>) -> Vec<TeamRecord> {
        let whole = |team: &TeamRecord| {
            let participants = team.participants.iter().map(|&user| self.row(user)).collect::<Option<_>>()?;
            Some(TeamRecord { initiator: self.row(team.initiator)?, participants, ..team.clone() })
        };
        teams.filter_map(whole).collect()
    }

    /// Whether somebody was drawn and has all her friends in the sample: who joins her is to be told apart from all of them.
    fn has_circle(&self, user: UserRow) -> bool {
        let drawn = self.row(user).is_some_and(|row| self.is_drawn[row.index()]);
        let friends = self.history.friends.row(user.index()).0;
        drawn && friends.iter().all(|&friend| self.row(UserRow(friend)).is_some())
    }

    fn row(&self, user: UserRow) -> Option<UserRow> {
        Some(UserRow(self.row_of[user.index()])).filter(|row| row.0 != LEFT_OUT)
    }
}

#[cfg(test)]
mod tests {
    //! 1. What is hardly larger than a sample is not sampled.
    //! 2. A sample is a part of the whole: the same cells, ties, teams and possessions under other rows; only people who
    //!    have something held out are judged by, and they have their friends about them.
    //! 3. It is not much larger than wanted, has somebody to judge by, and is the same for the same seed.

    use juntos_datasets::ProductRow;
    use juntos_datasets::tables::{Split, TeamOutcome};
    use juntos_datasets::training::Possession;
    use proptest::prelude::*;

    use super::*;

    const USERS: usize = 30;
    const PRODUCTS: usize = 8;

    type Pairs = Vec<(u32, u32)>;

    fn pairs(columns: usize, count: usize) -> impl Strategy<Value = Pairs> {
        prop::collection::vec((0..USERS as u32, 0..columns as u32), 0..count)
    }

    fn team((at, &(initiator, other)): (usize, &(u32, u32))) -> TeamRecord {
        TeamRecord {
            team_id: at.to_string(),
            initiator: UserRow(initiator),
            product: ProductRow(other % PRODUCTS as u32),
            participants: vec![UserRow(other)],
            min_size: 2,
            opened_at: None,
            deadline: None,
            outcome: TeamOutcome::Succeeded,
            split: Split::Train,
            negatives: Vec::new(),
            public: None,
        }
    }

    fn held((had, ties, next, teams): (Pairs, Pairs, Pairs, Pairs)) -> HeldOut {
        let (mut users, mut products) = (IdMap::new(), IdMap::new());
        (0..USERS).for_each(|user| _ = users.insert(&format!("u{user}")));
        (0..PRODUCTS).for_each(|product| _ = products.insert(&format!("p{product}")));
        let marks = |columns, pairs: &Pairs| {
            Csr::from_entries(USERS, columns, pairs.iter().map(|&(row, column)| (row, column, 1.0)).collect())
        };
        let interactions = marks(PRODUCTS, &had);
        let possession = |product| Possession { product: ProductRow(product), purchases: 1, gifts: 0, last: None };
        let of = |user: usize| interactions.row(user).0.iter().map(|&product| possession(product)).collect();
        let teams: Vec<TeamRecord> = teams.iter().enumerate().map(team).collect();
        let (past, later) = teams.split_at(teams.len() / 2);
        let history = TrainingData {
            users,
            products,
            possessions: (0..USERS).map(of).collect(),
            showing: Showing::default(),
            interactions,
            friends: marks(USERS, &ties),
            teams: past.to_vec(),
            valid: Csr::empty(USERS, PRODUCTS),
            test: Csr::empty(USERS, PRODUCTS),
            cut: None,
        };
        let (test, repeats) = next.split_at(next.len() / 2);
        let (test, repeats) = (marks(PRODUCTS, &test.to_vec()), marks(PRODUCTS, &repeats.to_vec()));
        HeldOut { history, test, repeats, teams: later.to_vec(), by_chance: false, since: None }
    }

    /// Members of each team, by id.
    fn members<'a>(history: &'a TrainingData, team: &'a TeamRecord) -> (&'a str, Vec<&'a str>) {
        (&team.team_id, team.members().into_iter().map(|member| history.users.id(member)).collect())
    }

    proptest! {
        #[test]
        fn a_sample_is_a_part(
            world in (pairs(PRODUCTS, 120), pairs(USERS, 90), pairs(PRODUCTS, 40), pairs(USERS, 30)),
            most in 0usize..80,
        ) {
            let whole = held(world);
            let part = sample(&whole, most, 3);
            let mut config = TrainConfig { seed: 3, ..TrainConfig::default() };
            config.auto.cells = most;
            let taken = match sampled(&whole, &config) {
                Cow::Borrowed(_) => None,
                Cow::Owned(taken) => Some(taken.history.interactions),
            };
            let is_large = whole.history.interactions.len() > MOST_FOR_ENSEMBLES * most;
            prop_assert_eq!(taken, is_large.then(|| part.history.interactions.clone()));
            let (all, few) = (&whole.history, &part.history);
            let old = |user: usize| all.users.row(few.users.id(UserRow(user as u32))).unwrap();
            let rows: Vec<UserRow> = (0..few.users.len()).map(old).collect();
            prop_assert!(rows.is_sorted());
            for (new, old) in rows.iter().map(|row| row.index()).enumerate() {
                prop_assert_eq!(few.interactions.row(new), all.interactions.row(old));
                prop_assert_eq!(&few.possessions[new], &all.possessions[old]);
                let there = |friend: &u32| rows.binary_search(&UserRow(*friend)).ok().map(|row| row as u32);
                let friends: Vec<u32> = all.friends.row(old).0.iter().filter_map(there).collect();
                prop_assert_eq!(few.friends.row(new).0, &friends[..]);
                let (test, repeats) = (part.test.row(new).0, part.repeats.row(new).0);
                if !test.is_empty() || !repeats.is_empty() {
                    prop_assert_eq!((test, repeats), (whole.test.row(old).0, whole.repeats.row(old).0));
                    prop_assert_eq!(friends.len(), all.friends.row(old).0.len(), "a friend of {} is missing", old);
                }
            }
            let inside = |team: &&TeamRecord| team.members().iter().all(|member| rows.contains(member));
            let expected: Vec<_> = all.teams.iter().filter(inside).map(|team| members(all, team)).collect();
            prop_assert_eq!(few.teams.iter().map(|team| members(few, team)).collect::<Vec<_>>(), expected);
            for team in &part.teams {
                let at = team.initiator.index();
                prop_assert!(!part.test.row(at).0.is_empty() || !part.repeats.row(at).0.is_empty());
                let original = whole.teams.iter().find(|other| other.team_id == team.team_id).unwrap();
                prop_assert_eq!(members(few, team), members(all, original));
            }
            let largest = (0..USERS).map(|user| {
                let circle = all.friends.row(user).0.iter().filter(|&&friend| friend as usize != user);
                let cells = |user: usize| all.interactions.row(user).0.len();
                cells(user) + circle.map(|&friend| cells(friend as usize)).sum::<usize>()
            });
            prop_assert!(few.interactions.len() <= most + largest.max().unwrap());
            let judged = !part.test.is_empty() || !part.repeats.is_empty();
            prop_assert_eq!(judged, most > 0 && (!whole.test.is_empty() || !whole.repeats.is_empty()));
            prop_assert_eq!(sample(&whole, most, 3).history.interactions, part.history.interactions);
        }
    }
}
