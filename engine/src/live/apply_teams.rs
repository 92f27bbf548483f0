//! Changes to teams and invitations. As all changes, each does what it should or refuses and changes nothing.

use std::sync::Arc;

use imbl::OrdSet;
use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::units::Timestamp;

use super::life::{MOST_STEPS, Refusal, Start, Step, StepKind};
use super::records::{InviteKind, InviteRecord, KeptTeam, Opening, TeamRecord, TeamStep, TeamStepRecord, known_id};
use super::teams::Team;
use super::{Applied, Change, ChangeFault};
use crate::privacy::certain_age;
use crate::recommend::Snapshot;

/// Buyers that a team needs where neither its opening nor its product says: two.
const SMALLEST_TEAM: u32 = 2;

impl Snapshot {
    pub(super) fn put_team(&mut self, record: TeamRecord, now: Timestamp) -> Result<Applied, ChangeFault> {
        record.check()?;
        let product = self.known_product(&record.product_id)?;
        let initiator = self.user_or_new(&record.initiator_id);
        let participants: Vec<u32> = record.participant_ids.iter().map(|id| self.user_or_new(id)).collect();
        let known = self.live.teams.get(&record.team_id).cloned();
        let ended = Some(record.outcome).filter(|outcome| *outcome != TeamOutcome::Open);
        let team = Team {
            id: record.team_id.as_str().into(),
            product,
            initiator: Some(initiator),
            participants: participants.clone(),
            made_public: record.public,
            public: false,
            anonymous_seats: known.as_ref().map_or(0, |team| team.anonymous_seats),
            min_size: record.min_size,
            opened_at: record.opened_at.or(Some(now)),
            deadline: record.deadline,
            outcome: record.outcome,
            start: Start { participants, outcome: ended },
            steps: self.live.teams.take_waiting(&record.team_id),
        };
        if team.outcome == TeamOutcome::Open {
            let was_in = |user: u32| known.as_ref().is_some_and(|team| team.members().any(|member| member == user));
            if let Some(user) = team.members().find(|&user| !was_in(user) && !self.may_be_in(user, &team, now)) {
                return Err(self.not_allowed(&record.team_id, user));
            }
        }
        self.store_team(self.without_strangers(team, now), now);
        Ok(Applied::Done)
    }

    /// A team as it was when somebody who had a part in it was deleted.
    pub(super) fn keep_team(&mut self, record: KeptTeam, now: Timestamp) -> Result<Applied, ChangeFault> {
        let product = self.known_product(&record.product_id)?;
        let participants: Vec<u32> = record.participant_ids.iter().map(|id| self.user_or_new(id)).collect();
        let initiator = record.initiator_id.map(|id| self.user_or_new(&id));
        let outcome = Some(record.outcome).filter(|outcome| *outcome != TeamOutcome::Open);
        let team = Team {
            id: record.team_id.as_str().into(),
            product,
            initiator,
            participants: participants.clone(),
            made_public: record.public,
            public: false,
            anonymous_seats: record.anonymous_seats,
            min_size: record.min_size,
            opened_at: record.opened_at,
            deadline: record.deadline,
            outcome: record.outcome,
            start: Start { participants, outcome },
            steps: self.live.teams.take_waiting(&record.team_id),
        };
        self.store_team(team, now);
        self.count_from(&record.team_id, record.counts_from);
        Ok(Applied::Done)
    }

    pub(super) fn delete_team(&mut self, team_id: String) -> Result<Applied, ChangeFault> {
        self.live.teams.take_waiting(&team_id);
        self.live.outcomes.put(&team_id.as_str().into(), None);
        if self.live.teams.remove(&team_id) { Ok(Applied::Done) } else { Err(ChangeFault::UnknownTeam(team_id)) }
    }

    pub(super) fn join(&mut self, team_id: String, user_id: String, now: Timestamp) -> Result<Applied, ChangeFault> {
        known_id("user_id", &user_id)?;
        // One that has succeeded is full, to those who want to join.
        let team = self.open_team(&team_id).map_err(|fault| match fault {
            ChangeFault::TeamNotOpen { team_id, outcome: TeamOutcome::Succeeded } => ChangeFault::TeamFull(team_id),
            other => other,
        })?;
        self.still_sold(team.product)?;
        let user = self.user_or_new(&user_id);
        if team.members().any(|member| member == user) {
            return Err(ChangeFault::AlreadyInTeam { team_id, user_id });
        }
        if !self.may_be_in(user, &team, now) {
            return Err(ChangeFault::NotAllowedInTeam { team_id, user_id });
        }
        self.take_step(team, StepKind::Joined, user, now)
    }

    pub(super) fn leave(&mut self, team_id: String, user_id: String, now: Timestamp) -> Result<Applied, ChangeFault> {
        let team = self.open_team(&team_id)?;
        let user = self.known_user(&user_id)?;
        if team.members().all(|member| member != user) {
            return Err(ChangeFault::NotInTeam { team_id, user_id });
        }
        self.take_step(team, StepKind::Left, user, now)
    }

    fn open_team(&self, team_id: &str) -> Result<Team, ChangeFault> {
        let team = self.live.teams.get(team_id).ok_or_else(|| ChangeFault::UnknownTeam(team_id.to_owned()))?;
        match team.outcome {
            TeamOutcome::Open => Ok(Team::clone(team)),
            outcome @ (TeamOutcome::Succeeded | TeamOutcome::Expired | TeamOutcome::Cancelled) => {
                Err(ChangeFault::TeamNotOpen { team_id: team_id.to_owned(), outcome })
            }
        }
    }

    /// A step that is taken now: after all that are known, and it must count.
    fn take_step(&mut self, mut team: Team, kind: StepKind, user: u32, now: Timestamp) -> Result<Applied, ChangeFault> {
        let step = last_step(&team, kind, user, now);
        if let Some(refusal) = team.refuses(&step) {
            return Err(refused(refusal, kind, team.id.to_string(), self.user_id(user).to_owned()));
        }
        team.steps.insert(step);
        debug_assert!(team.counts(&step), "the last step of an open team, by somebody who can take it");
        self.store_team(team, now);
        Ok(Applied::Done)
    }

    /// A step that was taken some time, reported now.
    pub(super) fn team_step(&mut self, record: TeamStepRecord, now: Timestamp) -> Result<Applied, ChangeFault> {
        record.check()?;
        if self.knows_event(record.event_id.as_deref()) {
            return Ok(Applied::Duplicate);
        }
        self.still_there(&record.user_id, record.ts)?;
        let kind = match &record.step {
            TeamStep::Opened(opening) => {
                let applied = self.opened(&record, opening, now)?;
                self.remember_event(record.event_id.as_deref());
                return Ok(applied);
            }
            TeamStep::Joined => StepKind::Joined,
            TeamStep::Left => StepKind::Left,
            TeamStep::Cancelled => StepKind::Cancelled,
        };
        let user = self.user_or_new(&record.user_id);
        let at_ms = record.ts.unwrap_or(now).millis();
        let step = Step { at_ms, turn: 0, kind, user, undated: record.ts.is_none() };
        let applied = self.reported(&record, step, now)?;
        self.remember_event(record.event_id.as_deref());
        Ok(applied)
    }

    fn opened(&mut self, record: &TeamStepRecord, opening: &Opening, now: Timestamp) -> Result<Applied, ChangeFault> {
        let &Opening { ref product_id, min_size, deadline, public } = opening;
        let product = self.known_product(product_id)?;
        let initiator = self.user_or_new(&record.user_id);
        let min_size = min_size.or(self.goods(product).group_min_size).unwrap_or(SMALLEST_TEAM);
        if let Some(known) = self.live.teams.get(&record.team_id) {
            let same = (known.product, known.initiator) == (product, Some(initiator));
            let problem = "is the id of another team; give every team an id of its own".to_owned();
            return if same {
                Ok(Applied::Duplicate)
            } else {
                Err(ChangeFault::BadRecord { field: "team_id", problem })
            };
        }
        let opened_at = record.ts.unwrap_or(now);
        if deadline.is_some_and(|deadline| deadline < opened_at) {
            let problem = "is before the team was opened".to_owned();
            return Err(ChangeFault::BadRecord { field: "deadline", problem });
        }
        let team = Team {
            id: record.team_id.as_str().into(),
            product,
            initiator: Some(initiator),
            participants: Vec::new(),
            made_public: public,
            public: false,
            anonymous_seats: 0,
            min_size,
            opened_at: Some(opened_at),
            deadline,
            outcome: TeamOutcome::Open,
            start: Start::default(),
            steps: self.live.teams.take_waiting(&record.team_id),
        };
        if !self.may_be_in(initiator, &team, now) {
            return Err(self.not_allowed(&record.team_id, initiator));
        }
        self.store_team(self.without_strangers(team, now), now);
        Ok(Applied::Done)
    }

    /// A join, leave or cancellation of a team that may not be known yet.
    fn reported(&mut self, record: &TeamStepRecord, step: Step, now: Timestamp) -> Result<Applied, ChangeFault> {
        let Some(known) = self.live.teams.get(&record.team_id).cloned() else {
            return match self.live.teams.wait(&record.team_id, step) {
                Some(true) => Ok(Applied::Waiting),
                Some(false) => Ok(Applied::Duplicate),
                None => Err(ChangeFault::UnknownTeam(record.team_id.clone())),
            };
        };
        let mut team = Team::clone(&known);
        let Some(step) = step.behind(&team.steps) else { return Ok(Applied::Duplicate) };
        if let Some(refusal) = team.refuses(&step) {
            return Err(refused(refusal, step.kind, record.team_id.clone(), record.user_id.clone()));
        }
        if step.kind == StepKind::Joined {
            self.still_sold(team.product)?;
            if !self.may_be_in(step.user, &team, now) {
                return Err(self.not_allowed(&record.team_id, step.user));
            }
        }
        if team.steps.len() >= MOST_STEPS {
            let problem = format!("has {MOST_STEPS} steps already; open another team");
            return Err(ChangeFault::BadRecord { field: "team_id", problem });
        }
        team.steps.insert(step);
        let applied = if team.counts(&step) { Applied::Done } else { Applied::Waiting };
        self.store_team(team, now);
        Ok(applied)
    }

    /// Leaves out the steps, taken while the team was not known, of people who may not be in it.
    fn without_strangers(&self, mut team: Team, now: Timestamp) -> Team {
        let allowed = |step: &Step| step.kind != StepKind::Joined || self.may_be_in(step.user, &team, now);
        let steps: OrdSet<Step> = team.steps.iter().filter(|step| allowed(step)).copied().collect();
        team.steps = steps;
        team
    }

    /// Stores a team as its steps leave it, and counts who joined whom where it has succeeded.
    fn store_team(&mut self, team: Team, now: Timestamp) {
        let team = Team { public: self.is_public(&team), ..team.lived() };
        if let Some(before) = self.live.teams.get(&team.id).cloned() {
            self.count_joined(&before, -1.0);
        }
        self.count_joined(&team, 1.0);
        self.reckon(&team, now);
        self.live.teams.put(team);
        self.live.teams.expire(now);
    }

    /// Counts `times` more that the participants joined the initiator, where the team has succeeded.
    fn count_joined(&mut self, team: &Team, times: f32) {
        let Some(initiator) = team.initiator.filter(|_| team.outcome == TeamOutcome::Succeeded) else { return };
        let counts = self.live.co_joined.entry(initiator).or_default();
        for &participant in &team.participants {
            let count = counts.get(&participant).copied().unwrap_or(0.0) + times;
            if count > 0.0 {
                counts.insert(participant, count)
            } else {
                counts.remove(&participant)
            };
        }
    }

    /// Whether a user is old enough for the product of a team, and no block keeps her out of it.
    fn may_be_in(&self, user: u32, team: &Team, now: Timestamp) -> bool {
        !self.keeps_out(user, team) && self.is_old_enough(user, team.product, now)
    }

    fn is_old_enough(&self, user: u32, product: u32, now: Timestamp) -> bool {
        certain_age(self.profile(user).birth_year, now) >= self.goods(product).min_age.unwrap_or(0)
    }

    /// Nobody joins to buy what has been deleted: its age limit is gone with it.
    fn still_sold(&self, product: u32) -> Result<(), ChangeFault> {
        self.known_product(self.product_id(product)).map(|_| ())
    }

    /// Lets those leave these open teams who have become too young for what they buy: the product may have got an age limit, or
    /// they another year of birth, since they joined.
    pub(super) fn turn_out_the_young(&mut self, teams: &[Arc<Team>], now: Timestamp) {
        for team in teams {
            let is_young = |user: &u32| !self.is_old_enough(*user, team.product, now);
            let young: Vec<u32> = team.members().filter(is_young).collect();
            let mut left = Team::clone(team);
            for &user in &young {
                left.steps.insert(last_step(&left, StepKind::Left, user, now));
            }
            if !young.is_empty() {
                self.store_team(left, now);
            }
        }
    }

    fn not_allowed(&self, team_id: &str, user: u32) -> ChangeFault {
        ChangeFault::NotAllowedInTeam { team_id: team_id.to_owned(), user_id: self.user_id(user).to_owned() }
    }

    /// What must be so when a change first comes in, and may be so no more when it is applied again.
    pub(crate) fn check(&self, change: &Change, now: Timestamp) -> Result<(), ChangeFault> {
        if let Change::Invite(record) = change { self.check_invite(record, now) } else { Ok(()) }
    }

    /// Whom the initiator may not invite cannot have been suggested to her, or invited; and to an invitation that cannot
    /// have been there is no answer. One that was, or may yet be reported, can always be answered.
    fn check_invite(&self, record: &InviteRecord, now: Timestamp) -> Result<(), ChangeFault> {
        record.check()?;
        if self.knows_event(record.event_id.as_deref()) {
            return Ok(());
        }
        let product = self.known_product(&record.product_id)?;
        let (invited, initiator) = (self.known_user(&record.user_id)?, self.known_user(&record.initiator_id)?);
        let can_be = match record.kind {
            InviteKind::Suggested | InviteKind::Sent => {
                let at_ms = record.ts.unwrap_or(now).millis();
                let muted = self.live.invites.muted_at(invited, initiator).is_some_and(|muted| muted < at_ms);
                let min_age = self.goods(product).min_age.unwrap_or(0);
                let young = certain_age(self.profile(invited).birth_year, now) < min_age;
                !muted && !young && self.takes_invitations(invited, initiator)
            }
            InviteKind::Opened
            | InviteKind::Joined
            | InviteKind::Declined
            | InviteKind::Muted
            | InviteKind::Unmuted => {
                self.live.invites.any(invited, initiator) || self.mutual_friends(initiator, invited)
            }
        };
        let InviteRecord { user_id, initiator_id, .. } = record.clone();
        if can_be { Ok(()) } else { Err(ChangeFault::NotInvitable { user_id, initiator_id }) }
    }

    /// A stage of an invitation.
    pub(super) fn invite(&mut self, record: InviteRecord, now: Timestamp) -> Result<Applied, ChangeFault> {
        record.check()?;
        if self.knows_event(record.event_id.as_deref()) {
            return Ok(Applied::Duplicate);
        }
        let product = self.known_product(&record.product_id)?;
        let (invited, initiator) = (self.known_user(&record.user_id)?, self.known_user(&record.initiator_id)?);
        let at_ms = record.ts.unwrap_or(now).millis();
        let news = self.live.invites.note(invited, initiator, product, record.kind, at_ms);
        self.remember_event(record.event_id.as_deref());
        Ok(if news { Applied::Done } else { Applied::Duplicate })
    }
}

/// A step that is taken now, after all that are known.
fn last_step(team: &Team, kind: StepKind, user: u32, now: Timestamp) -> Step {
    let after = team.steps.get_max().map_or(i64::MIN, |last| last.at_ms + 1);
    Step { at_ms: now.millis().max(after), turn: 0, kind, user, undated: true }
}

/// Why a step can never count, to whoever reported it.
fn refused(refusal: Refusal, kind: StepKind, team_id: String, user_id: String) -> ChangeFault {
    let bad = |field, problem: &str| ChangeFault::BadRecord { field, problem: problem.to_owned() };
    match refusal {
        Refusal::Ended(TeamOutcome::Succeeded) if kind == StepKind::Joined => ChangeFault::TeamFull(team_id),
        Refusal::Ended(outcome) => ChangeFault::TeamNotOpen { team_id, outcome },
        Refusal::InAlready => ChangeFault::AlreadyInTeam { team_id, user_id },
        Refusal::BeforeItOpened => {
            bad("ts", "is before the team was opened; send the time at which it happened, in UTC")
        }
        Refusal::NotTheInitiator => {
            bad("user_id", "is not the initiator, who alone can cancel the team; report that she left")
        }
    }
}
