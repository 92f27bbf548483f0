//! From training data to what models learn from: standing groups become rows of their own, and part of the past can be
//! held out to measure on.

use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::shown::Shown;
use juntos_datasets::tables::{Split, TeamOutcome};
use juntos_datasets::training::{Possession, TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{Csr, UserRow};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The interactions of users and, below them, of standing groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// `(n_users + n_groups, n_products)` weights.
    pub interactions: Csr,
    /// Members of each group, ascending; groups in ascending order of their members.
    pub groups: Vec<Vec<UserRow>>,
    /// What users may see of their friends' purchases.
    pub shown: Shown,
}

/// Teams a set of members must have succeeded with to count as a standing group.
const STANDING_TEAMS: usize = 2;

/// Appends a row for every standing group: a set of members that occurs in at least two succeeded training teams. Each
/// of its products weighs `weight`, however often it was bought.
pub fn with_standing_groups(data: &TrainingData, weight: f32) -> Prepared {
    let mut bought: BTreeMap<Vec<UserRow>, (usize, BTreeSet<u32>)> = BTreeMap::new();
    for team in data.teams.iter().filter(|team| is_past_success(team)) {
        let members = team.members();
        if members.len() > 1 {
            let (teams, products) = bought.entry(members).or_default();
            *teams += 1;
            products.insert(team.product.0);
        }
    }
    bought.retain(|_, (teams, _)| *teams >= STANDING_TEAMS);
    let users = data.interactions.rows();
    let of_groups: Vec<&BTreeSet<u32>> = bought.values().map(|(_, products)| products).collect();
    let rows = users + of_groups.len();
    let interactions = Csr::by_rows(rows, data.interactions.columns(), |row, entries| match row.checked_sub(users) {
        None => entries.extend(data.interactions.entries(row)),
        Some(group) => entries.extend(of_groups[group].iter().map(|&product| (product, weight))),
    });
    Prepared { interactions, groups: bought.into_keys().collect(), shown: data.shown() }
}

/// `matrix` with every weight above 1 raised to the power `exponent`, 0 to 1: how far repetition counts.
pub fn with_repeats(matrix: &Csr, exponent: f32) -> Csr {
    matrix.map_values(|value| if value > 1.0 { value.powf(exponent) } else { value })
}

/// Whether `team` is a training team that succeeded.
pub fn is_past_success(team: &TeamRecord) -> bool {
    team.split == Split::Train && team.outcome == TeamOutcome::Succeeded
}

/// Whether `team` is a training team that came to an end of its own, one way or the other.
fn is_past_decided(team: &TeamRecord) -> bool {
    team.split == Split::Train && matches!(team.outcome, TeamOutcome::Succeeded | TeamOutcome::Expired)
}

/// The past without its last part, and that last part to measure on.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// What was known before: interactions, possessions and teams without the held-out ones.
    pub history: TrainingData,
    /// Held-out products, `(n_users, n_products)`, value 1; none of them in `history.interactions`. What people only
    /// joined in teams that others opened is in neither.
    pub test: Csr,
    /// Products bought again in the part held out, likewise; all of them in `history.interactions`, where they weigh as
    /// much less as there are fewer purchases.
    pub repeats: Csr,
    /// Held-out teams, succeeded or expired.
    pub teams: Vec<TeamRecord>,
    /// Whether chance chose the products held out, so that what is popular among them is what always was.
    pub by_chance: bool,
    /// The moment from which on everything is held out; none where something else chose.
    pub since: Option<Timestamp>,
}

/// Share of purchases and teams that is held out.
const HELD_OUT_SHARE: f64 = 0.1;

/// Holds out the last tenth of purchases and teams, or a random tenth where times are missing.
///
/// What a user bought only after the cut leaves her history altogether, views and carts of the same product
/// included; what she bought before as well is held out as a repeat. A dataset that marks rows to validate on (`split` = `valid`) gives up teams only: those rows are the
/// products held out. Rows marked as test are never looked at.
pub fn hold_out(data: &TrainingData, seed: u64) -> HeldOut {
    let choice = match latest_tenth(data) {
        Some(cut) => Choice::Since(cut),
        None => Choice::Random(Box::new(ChaCha8Rng::seed_from_u64(seed))),
    };
    Splitter { data, choice }.split()
}

/// The moment after which a tenth of the purchases lies, if at least nine in ten have a time.
fn latest_tenth(data: &TrainingData) -> Option<Timestamp> {
    let all = data.possessions.iter().map(Vec::len).sum::<usize>();
    let mut times: Vec<Timestamp> = data.possessions.iter().flatten().filter_map(|had| had.last).collect();
    if times.is_empty() || (times.len() as f64) < 0.9 * all as f64 {
        return None;
    }
    let last = times.len() - 1;
    let at = (times.len() as f64 * (1.0 - HELD_OUT_SHARE)) as usize;
    let (_, cut, _) = times.select_nth_unstable(at.min(last));
    Some(*cut)
}

enum Choice {
    Since(Timestamp),
    Random(Box<ChaCha8Rng>),
}

struct Splitter<'a> {
    data: &'a TrainingData,
    choice: Choice,
}

impl Splitter<'_> {
    fn split(mut self) -> HeldOut {
        let (teams, kept_teams) = self.split_teams();
        let mut held = self.purchases_of_teams(&teams);
        let by_chance = self.data.valid.is_empty() && matches!(self.choice, Choice::Random(_));
        if self.data.valid.is_empty() {
            self.add_products(&kept_teams, &mut held);
        }
        let mut history = self.data.clone();
        history.interactions = self.without(&held);
        for (user, possessions) in history.possessions.iter_mut().enumerate() {
            possessions.iter_mut().for_each(|had| take(had, held.get(&(user as u32, had.product.0))));
            possessions.retain(|had| had.purchases + had.gifts > 0);
        }
        history.teams = kept_teams;
        let marked = self.data.valid.cells().map(|(user, product, _)| (user, product));
        let joined = joined_only(&teams);
        let cells: BTreeSet<(u32, u32)> =
            held.into_keys().filter(|cell| !joined.contains(cell)).chain(marked).collect();
        let known = |&(user, product): &(u32, u32)| history.interactions.get(user as usize, product) > 0.0;
        let (repeats, test) = cells.into_iter().partition(known);
        let since = match self.choice {
            Choice::Since(cut) if self.data.valid.is_empty() => Some(cut),
            Choice::Since(_) | Choice::Random(_) => None,
        };
        HeldOut { test: self.marks(test), repeats: self.marks(repeats), history, teams, by_chance, since }
    }

    /// A matrix with a 1 in each cell.
    fn marks(&self, cells: Vec<(u32, u32)>) -> Csr {
        let entries = cells.into_iter().map(|(user, product)| (user, product, 1.0)).collect();
        Csr::from_entries(self.data.interactions.rows(), self.data.interactions.columns(), entries)
    }

    /// The interactions without what is held out.
    fn without(&self, held: &Held) -> Csr {
        let all = &self.data.interactions;
        let left = |user: u32, product: u32, weight: f32| match held.get(&(user, product)) {
            None => weight,
            Some(&gone) => {
                let times = self.times(user, product);
                weight * (times.saturating_sub(gone) as f32 / times as f32)
            }
        };
        Csr::by_rows(all.rows(), all.columns(), |user, entries| {
            let cells = all.entries(user).map(|(product, weight)| (product, left(user as u32, product, weight)));
            entries.extend(cells.filter(|&(_, weight)| weight > 0.0));
        })
    }

    fn split_teams(&mut self) -> (Vec<TeamRecord>, Vec<TeamRecord>) {
        let choice = &mut self.choice;
        self.data.teams.iter().cloned().partition(|team| {
            is_past_decided(team)
                && match choice {
                    Choice::Since(cut) => team.opened_at.is_some_and(|opened| opened >= *cut),
                    Choice::Random(rng) => chance(rng),
                }
        })
    }

    /// What members of held-out teams had through them.
    fn purchases_of_teams(&self, teams: &[TeamRecord]) -> Held {
        let mut held = Held::new();
        for team in teams.iter().filter(|team| team.outcome == TeamOutcome::Succeeded) {
            for member in team.members().into_iter().filter(|member| self.times(member.0, team.product.0) > 0) {
                *held.entry((member.0, team.product.0)).or_default() += 1;
            }
        }
        held
    }

    /// How often a user bought a product, once at least if there is anything to learn from.
    fn times(&self, user: u32, product: u32) -> u32 {
        let had = self.data.possessions[user as usize].iter().find(|had| had.product.0 == product);
        let learnt_from = self.data.interactions.get(user as usize, product) > 0.0;
        had.map_or(0, |had| had.purchases + had.gifts).max(learnt_from.into())
    }

    /// Adds one purchase of each product that was bought after the cut, or by chance. Chance does not take what came
    /// through teams that are kept: their other members would give it away.
    fn add_products(&mut self, kept_teams: &[TeamRecord], held: &mut Held) {
        match &mut self.choice {
            Choice::Since(cut) => {
                for (user, had) in self.data.possessions.iter().enumerate() {
                    let late = had.iter().filter(|had| had.last.is_some_and(|last| last >= *cut));
                    late.for_each(|had| _ = held.entry((user as u32, had.product.0)).or_insert(1));
                }
            }
            Choice::Random(rng) => {
                let through_teams = cells_of(kept_teams);
                for (user, product, _) in self.data.interactions.cells() {
                    if chance(rng) && !through_teams.contains(&(user, product)) {
                        held.entry((user, product)).or_insert(1);
                    }
                }
            }
        }
    }
}

/// What people had through teams that succeeded which others opened: they were invited to it, rather than chose it.
pub(crate) fn joined_only(teams: &[TeamRecord]) -> BTreeSet<(u32, u32)> {
    let succeeded = || teams.iter().filter(|team| is_past_success(team));
    let mut joined: BTreeSet<(u32, u32)> = succeeded()
        .flat_map(|team| team.participants.iter().map(|participant| (participant.0, team.product.0)))
        .collect();
    succeeded().for_each(|team| _ = joined.remove(&(team.initiator.0, team.product.0)));
    joined
}

/// What members of teams that succeeded had through them.
fn cells_of(teams: &[TeamRecord]) -> BTreeSet<(u32, u32)> {
    let succeeded = teams.iter().filter(|team| is_past_success(team));
    succeeded.flat_map(|team| team.members().into_iter().map(|member| (member.0, team.product.0))).collect()
}

/// How many purchases of a user and product are held out.
type Held = BTreeMap<(u32, u32), u32>;

fn chance(rng: &mut ChaCha8Rng) -> bool {
    f64::from(rng.next_u32()) < HELD_OUT_SHARE * f64::from(u32::MAX)
}

/// Takes purchases that are held out from what was had.
fn take(had: &mut Possession, held: Option<&u32>) {
    let bought = held.map_or(0, |&held| held.min(had.purchases));
    had.gifts -= held.map_or(0, |held| held - bought).min(had.gifts);
    had.purchases -= bought;
}

#[cfg(test)]
mod tests {
    //! 1. A set of members that succeeded twice is a standing group with a row of its own; once, failed or test is not.
    //! 2. Nothing held out stays in the history, nothing else leaves it, and with times all of it lies after the rest;
    //!    marked rows come in place of products held out.
    //! 3. The same seed holds out the same.
    //! 4. Repetition counts as far as is wanted, and what is bought again is held out as that.

    use juntos_datasets::{IdMap, ProductRow};

    use super::*;

    fn team(initiator: u32, product: u32, participants: &[u32], at: Option<i64>) -> TeamRecord {
        TeamRecord {
            team_id: format!("{initiator}-{product}"),
            initiator: UserRow(initiator),
            product: ProductRow(product),
            participants: participants.iter().map(|&user| UserRow(user)).collect(),
            min_size: participants.len() as u32 + 1,
            opened_at: at.map(Timestamp::from_millis),
            deadline: None,
            outcome: TeamOutcome::Succeeded,
            split: Split::Train,
            negatives: Vec::new(),
            public: None,
        }
    }

    /// Twenty users who bought product `(user + step) % 30` at moment `step`, for ten steps.
    fn world(timed: bool, teams: Vec<TeamRecord>) -> TrainingData {
        let (mut users, mut products) = (IdMap::new(), IdMap::new());
        for user in 0..20 {
            users.insert(&format!("u{user}"));
        }
        for product in 0..30 {
            products.insert(&format!("p{product}"));
        }
        let mut entries = Vec::new();
        let mut possessions = vec![Vec::new(); 20];
        for user in 0..20u32 {
            for step in 0..10u32 {
                let product = (user + step) % 30;
                entries.push((user, product, 1.0));
                let last = timed.then(|| Timestamp::from_millis(i64::from(step)));
                let had = Possession { product: ProductRow(product), purchases: 1, gifts: 0, last };
                possessions[user as usize].push(had);
            }
            possessions[user as usize].sort_by_key(|had| had.product);
        }
        TrainingData {
            users,
            products,
            interactions: Csr::from_entries(20, 30, entries),
            friends: Csr::empty(20, 20),
            teams,
            possessions,
            showing: juntos_datasets::shown::Showing::default(),
            valid: Csr::empty(20, 30),
            test: Csr::empty(20, 30),
            cut: None,
        }
    }

    #[test]
    fn standing_groups_get_rows() {
        let expired = TeamRecord { outcome: TeamOutcome::Expired, ..team(4, 1, &[5], None) };
        let tested = TeamRecord { split: Split::Test, ..team(4, 2, &[5], None) };
        let teams = vec![
            team(2, 7, &[3], None),
            team(3, 8, &[2], None),
            team(2, 8, &[3], None),
            team(0, 1, &[1], None),
            team(4, 0, &[5], None),
            expired,
            tested,
        ];
        let prepared = with_standing_groups(&world(false, teams), 0.5);
        assert_eq!(prepared.groups, [vec![UserRow(2), UserRow(3)]]);
        assert_eq!(prepared.interactions.rows(), 21);
        assert_eq!(prepared.interactions.row(20), (&[7, 8][..], &[0.5, 0.5][..]));
    }

    fn assert_complete(data: &TrainingData, held: &HeldOut) {
        let all = held.history.interactions.cells().chain(held.test.cells()).collect();
        assert_eq!(Csr::from_entries(20, 30, all), data.interactions);
        assert!(!held.test.is_empty() && held.test.len() < data.interactions.len() / 2);
        for (user, had) in held.history.possessions.iter().enumerate() {
            assert!(had.iter().all(|had| held.test.get(user, had.product.0) == 0.0));
        }
    }

    #[test]
    fn the_last_tenth_is_held_out_where_times_are_known() {
        let data = world(true, vec![team(0, 29, &[1], Some(9)), team(0, 1, &[1], Some(1))]);
        let held = hold_out(&data, 1);
        assert_complete(&data, &held);
        assert_eq!(held.test.len(), 20);
        assert!(!held.by_chance);
        assert!((0..20).all(|user| held.test.get(user, (user as u32 + 9) % 30) == 1.0));
        assert_eq!(held.teams, data.teams[..1]);
        assert_eq!(held.history.teams, data.teams[1..]);
    }

    #[test]
    fn a_random_tenth_is_held_out_otherwise() {
        let data = world(false, Vec::new());
        let held = hold_out(&data, 1);
        assert_complete(&data, &held);
        assert!(held.by_chance);
        assert_eq!(held.test, hold_out(&data, 1).test);
        assert_ne!(held.test, hold_out(&data, 2).test);
    }

    #[test]
    fn repetition_counts_as_far_as_wanted() {
        let matrix = Csr::from_entries(1, 3, vec![(0, 0, 0.3), (0, 1, 1.0), (0, 2, 9.0)]);
        assert_eq!(with_repeats(&matrix, 0.0).row(0).1, [0.3, 1.0, 1.0]);
        assert_eq!(with_repeats(&matrix, 0.5).row(0).1, [0.3, 1.0, 3.0]);
        assert_eq!(with_repeats(&matrix, 1.0), matrix);
    }

    #[test]
    fn what_is_bought_again_is_held_out_as_a_repeat() {
        let mut data = world(true, Vec::new());
        for user in 0..20u32 {
            // Once at the first moment, and once more after the cut.
            let product = ProductRow((user + 9) % 30);
            data.possessions[user as usize].iter_mut().filter(|had| had.product == product).for_each(|had| {
                had.purchases = 3;
            });
        }
        let held = hold_out(&data, 1);
        assert!(held.test.is_empty());
        for user in 0..20u32 {
            let product = (user + 9) % 30;
            assert_eq!(held.repeats.row(user as usize).0, [product]);
            assert!((held.history.interactions.get(user as usize, product) - 2.0 / 3.0).abs() < 1e-6);
            let had = held.history.possessions[user as usize].iter().find(|had| had.product.0 == product).unwrap();
            assert_eq!(had.purchases, 2);
        }
    }

    #[test]
    fn all_purchases_in_teams_held_out_leave_nothing_behind() {
        let twice = |at: i64| team(0, 29, &[1], Some(at));
        let mut data = world(true, vec![twice(9), twice(10), team(0, 1, &[1], Some(1))]);
        data.interactions = {
            let mut cells: Vec<(u32, u32, f32)> = data.interactions.cells().collect();
            cells.extend([(0, 29, 2.0), (1, 29, 3.0)]);
            Csr::from_entries(20, 30, cells)
        };
        let last = Some(Timestamp::from_millis(10));
        data.possessions[0].push(Possession { product: ProductRow(29), purchases: 2, gifts: 0, last });
        data.possessions[1].push(Possession { product: ProductRow(29), purchases: 2, gifts: 1, last });
        let held = hold_out(&data, 1);
        assert_eq!((held.test.get(0, 29), held.history.interactions.get(0, 29)), (1.0, 0.0));
        // She only joined: it leaves her history, but says nothing of what she would choose.
        assert_eq!((held.repeats.get(1, 29), held.history.interactions.get(1, 29)), (0.0, 1.0));
        assert!(held.history.possessions[0].iter().all(|had| had.product.0 != 29));
        assert!(
            held.history.possessions[1].iter().any(|had| had.product.0 == 29 && had.purchases == 0 && had.gifts == 1)
        );
    }

    #[test]
    fn marked_rows_are_what_is_validated_on() {
        let teams = (0..20).map(|user| team(user, user, &[(user + 1) % 20], None)).collect();
        let mut data = world(false, teams);
        data.valid = Csr::from_entries(20, 30, vec![(0, 29, 1.0), (1, 1, 1.0)]);
        let held = hold_out(&data, 3);
        assert!(!held.teams.is_empty());
        for team in &held.teams {
            assert_eq!(held.history.interactions.get(team.initiator.0 as usize, team.product.0), 0.0);
        }
        assert_eq!(held.test.get(0, 29), 1.0);
        assert_eq!(held.test.get(1, 1) > 0.0, held.history.interactions.get(1, 1) == 0.0);
        assert_eq!(held.repeats.get(1, 1) > 0.0, held.history.interactions.get(1, 1) > 0.0);
        assert!(held.test.len() <= 1 + 2 * held.teams.len());
    }
}
