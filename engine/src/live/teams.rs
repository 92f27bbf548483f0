//! Teams: who and what is in which, and the ways to find those that are open. What happens to a team is in
//! [`super::life`].

use std::borrow::Borrow;
use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::units::Timestamp;

use super::life::{MOST_STEPS, Start, Step, StepKind};
use super::row_map::RowMap;

/// One team over rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Team {
    /// Outside id.
    pub(crate) id: Arc<str>,
    /// What it buys.
    pub(crate) product: u32,
    /// Who opened it; nobody once she has been deleted.
    pub(crate) initiator: Option<u32>,
    /// Who joined, in order.
    pub(crate) participants: Vec<u32>,
    /// Seats taken by people who have been deleted since.
    pub(crate) anonymous_seats: u32,
    /// What its initiator says of whether strangers may see it.
    pub(crate) made_public: Option<bool>,
    /// Whether they may: as she says or, where she does not, where she shows everyone what she buys.
    pub(crate) public: bool,
    /// Buyers needed, initiator included.
    pub(crate) min_size: u32,
    pub(crate) opened_at: Option<Timestamp>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) outcome: TeamOutcome,
    /// Where its steps begin; participants and outcome are what has become of it.
    pub(crate) start: Start,
    /// All that happened to it, in order of time.
    pub(crate) steps: OrdSet<Step>,
}

impl Team {
    /// Initiator and participants, those who still exist.
    pub(crate) fn members(&self) -> impl Iterator<Item = u32> {
        self.initiator.into_iter().chain(self.participants.iter().copied())
    }

    /// When a participant joined, ms since the epoch; when the team was opened where nobody reported that.
    pub(crate) fn joined_at(&self, user: u32) -> Option<i64> {
        if !self.participants.contains(&user) {
            return None;
        }
        let joins = self.steps.iter().filter(|step| (step.kind, step.user) == (StepKind::Joined, user));
        let reported = joins.map(|step| step.at_ms).max();
        reported.or(self.opened_at.map(Timestamp::millis)).or(Some(i64::MIN))
    }

    /// Seats still free.
    pub(crate) fn seats_left(&self) -> u32 {
        let taken = self.members().count() as u32 + self.anonymous_seats;
        self.min_size.saturating_sub(taken)
    }

    /// Whether somebody can join at `now`.
    pub(crate) fn joinable(&self, now: Timestamp) -> bool {
        self.outcome == TeamOutcome::Open && !self.overdue(now) && self.seats_left() > 0
    }

    /// Whether the deadline has passed at `now`.
    pub(crate) fn overdue(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline < now)
    }

    /// The team without `user`: her seat stays taken, by nobody; without its initiator an open team is cancelled.
    pub(crate) fn without(mut self, user: u32) -> Self {
        let before = self.members().count();
        self.participants.retain(|&member| member != user);
        if self.initiator == Some(user) {
            self.initiator = None;
            self.made_public = None;
            if self.outcome == TeamOutcome::Open {
                self.outcome = TeamOutcome::Cancelled;
            }
        }
        self.anonymous_seats += (before - self.members().count()) as u32;
        // What is known now is the new start: her steps are gone.
        let outcome = Some(self.outcome).filter(|outcome| *outcome != TeamOutcome::Open);
        self.start = Start { participants: self.participants.clone(), outcome };
        self.steps = OrdSet::new();
        self
    }
}

/// Teams in the order of something; that they are here spares looking each up by its id.
type Sorted<K> = OrdMap<K, Arc<Team>>;

/// All teams known, with the ways to find the open ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Teams {
    by_id: HashMap<Arc<str>, Arc<Team>>,
    of_member: RowMap<Sorted<Arc<str>>>,
    open_of_member: RowMap<Sorted<Arc<str>>>,
    /// Those with the fewest seats left first.
    open_of_product: RowMap<Sorted<(u32, Arc<str>)>>,
    /// Open teams, those that expire first first; teams without a deadline last.
    open_by_deadline: Sorted<(i64, Arc<str>)>,
    /// Of these, those that strangers may see.
    public_by_deadline: Sorted<(i64, Arc<str>)>,
    /// Steps of teams that nobody has reported as opened yet.
    waiting: HashMap<Arc<str>, OrdSet<Step>>,
}

/// Most teams that steps wait for.
const MOST_AWAITED: usize = 100_000;

impl Teams {
    /// The team with this id.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Team>> {
        self.by_id.get(id)
    }

    /// Every team, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Team>> {
        self.by_id.values()
    }

    /// Teams that `user` is in.
    pub(crate) fn of_member(&self, user: u32) -> impl Iterator<Item = &Arc<Team>> {
        self.of_member.get(&user).into_iter().flat_map(Sorted::values)
    }

    /// Open teams that `user` is in.
    pub(crate) fn open_of_member(&self, user: u32) -> impl Iterator<Item = &Arc<Team>> {
        self.open_of_member.get(&user).into_iter().flat_map(Sorted::values)
    }

    /// Open teams on `product`, those with the fewest seats left first, then by id.
    pub(crate) fn open_of_product(&self, product: u32) -> impl Iterator<Item = &Arc<Team>> {
        self.open_of_product.get(&product).into_iter().flat_map(Sorted::values)
    }

    /// Open teams, those that expire first first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Arc<Team>> {
        self.open_by_deadline.values()
    }

    /// Adds a team or replaces the one with its id.
    pub(crate) fn put(&mut self, team: Team) {
        self.remove(&team.id);
        let team = Arc::new(team);
        for member in team.members() {
            self.of_member.entry(member).or_default().insert(team.id.clone(), team.clone());
        }
        if team.outcome == TeamOutcome::Open {
            for member in team.members() {
                self.open_of_member.entry(member).or_default().insert(team.id.clone(), team.clone());
            }
            self.open_of_product.entry(team.product).or_default().insert(seats_key(&team), team.clone());
            self.open_by_deadline.insert(deadline_key(&team), team.clone());
            if team.public {
                self.public_by_deadline.insert(deadline_key(&team), team.clone());
            }
        }
        self.by_id.insert(team.id.clone(), team);
    }

    /// Forgets a team; whether there was one.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let Some(team) = self.by_id.remove(id) else { return false };
        for member in team.members() {
            take_out(&mut self.of_member, member, id);
            take_out(&mut self.open_of_member, member, id);
        }
        take_out(&mut self.open_of_product, team.product, &seats_key(&team));
        self.open_by_deadline.remove(&deadline_key(&team));
        self.public_by_deadline.remove(&deadline_key(&team));
        true
    }

    /// Keeps a step until its team is opened; whether it is new, or none where too much waits already.
    pub(crate) fn wait(&mut self, id: &str, step: Step) -> Option<bool> {
        let known = self.waiting.get(id).map_or(0, OrdSet::len);
        if known >= MOST_STEPS || known == 0 && self.waiting.len() >= MOST_AWAITED {
            return None;
        }
        let steps = self.waiting.entry(id.into()).or_default();
        let step = step.behind(steps);
        steps.extend(step);
        Some(step.is_some())
    }

    /// The steps that wait for a team, which wait no longer.
    pub(crate) fn take_waiting(&mut self, id: &str) -> OrdSet<Step> {
        self.waiting.remove(id).unwrap_or_default()
    }

    /// Ends every open team whose deadline has passed at `now`.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let overdue: Vec<Arc<Team>> = self.open().take_while(|team| team.overdue(now)).cloned().collect();
        let ended = |team: &Arc<Team>| Team { outcome: TeamOutcome::Expired, ..Team::clone(team) };
        overdue.iter().map(ended).for_each(|team| self.put(team));
    }

    /// Teams that a user is in, or has taken a step in.
    pub(crate) fn that_know(&self, user: u32) -> Vec<Arc<Team>> {
        let outside = |team: &&Arc<Team>| team.members().all(|member| member != user);
        let left = self.by_id.values().filter(|team| team.steps.iter().any(|step| step.user == user)).filter(outside);
        left.chain(self.of_member(user)).cloned().collect()
    }

    /// Open teams that strangers may see, by deadline.
    pub(crate) fn open_to_all(&self) -> impl Iterator<Item = &Arc<Team>> {
        self.public_by_deadline.values()
    }

    /// Shows those open teams of an initiator of which she says nothing else to strangers, or hides them.
    pub(crate) fn show_to_all(&mut self, initiator: u32, public: bool) {
        let hers = self.open_of_member(initiator).filter(|team| team.initiator == Some(initiator));
        let silent = hers.filter(|team| team.made_public.is_none());
        let changed: Vec<Arc<Team>> = silent.filter(|team| team.public != public).cloned().collect();
        changed.iter().for_each(|team| self.put(Team { public, ..Team::clone(team) }));
    }

    /// Takes a deleted user out of all her teams.
    pub(crate) fn forget_user(&mut self, user: u32) {
        self.waiting = std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(id, steps)| (id, steps.into_iter().filter(|step| step.user != user).collect::<OrdSet<Step>>()))
            .filter(|(_, steps)| !steps.is_empty())
            .collect();
        for team in self.that_know(user) {
            // The old row must leave the indexes with the old members, which `put` sees in the stored team.
            self.put(Team::clone(&team).without(user));
        }
    }
}

fn deadline_key(team: &Team) -> (i64, Arc<str>) {
    (team.deadline.map_or(i64::MAX, Timestamp::millis), team.id.clone())
}

fn seats_key(team: &Team) -> (u32, Arc<str>) {
    (team.seats_left(), team.id.clone())
}

fn take_out<K, Q>(index: &mut RowMap<Sorted<K>>, row: u32, key: &Q)
where
    K: Ord + Clone + Borrow<Q>,
    Q: Ord + ?Sized,
{
    let Some(teams) = index.get_mut(&row) else { return };
    teams.remove(key);
    if teams.is_empty() {
        index.remove(&row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(id: &str, members: &[u32], min_size: u32, deadline: Option<i64>) -> Team {
        Team {
            id: id.into(),
            product: 7,
            initiator: members.first().copied(),
            participants: members[1..].to_vec(),
            anonymous_seats: 0,
            made_public: None,
            public: false,
            min_size,
            opened_at: None,
            deadline: deadline.map(Timestamp::from_millis),
            outcome: TeamOutcome::Open,
            start: Start { participants: members[1..].to_vec(), outcome: None },
            steps: OrdSet::new(),
        }
    }

    #[test]
    fn a_full_team_succeeds_and_is_no_longer_found_open() {
        let mut teams = Teams::default();
        teams.put(team("t", &[1, 2], 2, None).lived());
        assert_eq!(teams.get("t").unwrap().outcome, TeamOutcome::Succeeded);
        assert_eq!(teams.open_of_member(1).count() + teams.open_of_product(7).count() + teams.open().count(), 0);
    }

    #[test]
    fn teams_expire_in_order_of_deadline() {
        let mut teams = Teams::default();
        for (id, deadline) in [("a", Some(10)), ("b", None), ("c", Some(30))] {
            teams.put(team(id, &[1], 2, deadline));
        }
        teams.expire(Timestamp::from_millis(20));
        let open: Vec<&str> = teams.open().map(|team| &*team.id).collect();
        assert_eq!(open, ["c", "b"]);
        assert_eq!(teams.get("a").unwrap().outcome, TeamOutcome::Expired);
    }

    #[test]
    fn a_deleted_participant_leaves_an_anonymous_seat() {
        let mut teams = Teams::default();
        teams.put(team("t", &[1, 2], 3, None));
        teams.forget_user(2);
        let left = teams.get("t").unwrap();
        assert_eq!((left.seats_left(), left.members().collect::<Vec<_>>()), (1, vec![1]));
        assert_eq!(teams.open_of_member(2).count(), 0);
        teams.forget_user(1);
        assert_eq!(teams.get("t").unwrap().outcome, TeamOutcome::Cancelled);
    }
}
