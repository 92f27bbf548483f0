//! The life of a team: how it started, and what happened to it, in the order in which it happened.
//!
//! ```text
//!            seats filled              deadline passed
//! open ──────────────────▶ succeeded     ┌──────────▶ expired
//!   │  ▲ joined, left                    │
//!   └──┴─────────────────────────────────┴──────────▶ cancelled   (by its initiator, or she was deleted)
//! ```
//!
//! Reports of steps come late, twice and in any order. So a team keeps all of them, sorted by the time at which they
//! happened, and its state is what comes out of going through them from the start: the same for any order of arrival. A
//! step that does not fit where it stands (to leave without being in, to join when full) is passed over, and fits after
//! all when what is missing before it arrives. A step without a time has that of its arrival, and counts from the opening
//! on if that is reported later. A step that nothing can mend is refused ([`Team::refuses`]).

use imbl::OrdSet;
use juntos_datasets::tables::TeamOutcome;
use juntos_datasets::units::Timestamp;

use super::teams::Team;

/// Most steps that one team keeps.
pub(crate) const MOST_STEPS: usize = 10_000;

/// What somebody did to a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum StepKind {
    Joined,
    /// When the initiator leaves, the team is cancelled.
    Left,
    Cancelled,
}

/// One step, sorted by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Step {
    /// Milliseconds since the epoch.
    pub(crate) at_ms: i64,
    /// Its place among the steps at that moment, in the order in which they were reported.
    pub(crate) turn: u32,
    pub(crate) kind: StepKind,
    pub(crate) user: u32,
    /// That its time is only that of arrival: nobody said when it happened.
    pub(crate) undated: bool,
}

impl Step {
    /// The step behind those of `steps` at the same moment, which were reported before it; none where the last of these by the
    /// same person says the same.
    pub(crate) fn behind(self, steps: &OrdSet<Self>) -> Option<Self> {
        let first = Self { turn: 0, kind: StepKind::Joined, user: 0, undated: false, ..self };
        let (mut turn, mut hers) = (0, None);
        for known in steps.range(first..).take_while(|known| known.at_ms == self.at_ms) {
            turn = known.turn + 1;
            hers = if known.user == self.user { Some(known.kind) } else { hers };
        }
        (hers != Some(self.kind)).then_some(Self { turn, ..self })
    }
}

/// Where the steps begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Start {
    pub(crate) participants: Vec<u32>,
    /// How the team had ended; open otherwise.
    pub(crate) outcome: Option<TeamOutcome>,
}

/// Why a step can never fit, whatever else comes to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    BeforeItOpened,
    Ended(TeamOutcome),
    InAlready,
    NotTheInitiator,
}

impl Team {
    /// The team after all its steps.
    pub(crate) fn lived(mut self) -> Self {
        (self.participants, self.outcome) = self.live_through(|_| {});
        self
    }

    /// Whether the step counts where it stands.
    pub(crate) fn counts(&self, step: &Step) -> bool {
        let mut counted = false;
        self.live_through(|done| counted |= done == step);
        counted
    }

    /// Why the step can never count; none where it does, or may when what is missing comes.
    pub(crate) fn refuses(&self, step: &Step) -> Option<Refusal> {
        let at = Timestamp::from_millis(step.at_ms);
        if let Some(ended) = self.start.outcome {
            return Some(Refusal::Ended(ended));
        }
        if self.overdue(at) {
            return Some(Refusal::Ended(TeamOutcome::Expired));
        }
        if self.is_early(step) {
            return Some(Refusal::BeforeItOpened);
        }
        let is_initiator = self.initiator == Some(step.user);
        match step.kind {
            StepKind::Joined if is_initiator => return Some(Refusal::InAlready),
            StepKind::Cancelled if !is_initiator => return Some(Refusal::NotTheInitiator),
            StepKind::Joined | StepKind::Left | StepKind::Cancelled => {}
        }
        if let Some(refusal) = self.refuses_when_full(step) {
            return Some(refusal);
        }
        // Once its initiator has called it off, only an earlier success can stand before that.
        let called_off = self.steps.iter().find(|known| self.calls_off(known) && !self.is_early(known));
        called_off.filter(|known| *known < step).map(|_| Refusal::Ended(TeamOutcome::Cancelled))
    }

    /// Why a step that comes after the team filled can never count.
    ///
    /// Of several who joined, all but the last may turn out to have left before the team was full, and then it was not: a
    /// step that comes later waits. Who took the only seat, or a team that was put full, leaves nothing to turn out.
    fn refuses_when_full(&self, step: &Step) -> Option<Refusal> {
        let succeeded = Refusal::Ended(TeamOutcome::Succeeded);
        match self.free_at_the_start() {
            0 => Some(succeeded),
            1 if self.start.participants.is_empty() => {
                let filling = self.filling().filter(|filling| filling < step)?;
                let again = step.kind == StepKind::Joined && step.user == filling.user;
                Some(if again { Refusal::InAlready } else { succeeded })
            }
            _ => None,
        }
    }

    /// The step that filled the team, if one did.
    fn filling(&self) -> Option<Step> {
        let mut last = None;
        let (_, outcome) = self.live_through(|step| last = Some(*step));
        last.filter(|_| outcome == TeamOutcome::Succeeded)
    }

    /// Seats of the initiator, and of people who have been deleted.
    fn taken_for_good(&self) -> usize {
        usize::from(self.initiator.is_some()) + self.anonymous_seats as usize
    }

    /// Seats that are free where the steps begin.
    fn free_at_the_start(&self) -> usize {
        (self.min_size as usize).saturating_sub(self.start.participants.len() + self.taken_for_good())
    }

    /// Whether the step happened before the team was opened, and so did not. Of one that nobody dated that cannot be told: it
    /// may have been reported before the opening, but happened after.
    fn is_early(&self, step: &Step) -> bool {
        !step.undated && self.opened_at.is_some_and(|opened| step.at_ms < opened.millis())
    }

    fn calls_off(&self, step: &Step) -> bool {
        step.kind != StepKind::Joined && self.initiator == Some(step.user)
    }

    /// Participants and outcome after all steps; `note` hears of every step that counts.
    fn live_through(&self, mut note: impl FnMut(&Step)) -> (Vec<u32>, TeamOutcome) {
        let mut participants = self.start.participants.clone();
        let mut outcome = self.start.outcome.unwrap_or(TeamOutcome::Open);
        let others = self.taken_for_good();
        let full = |participants: &Vec<u32>| participants.len() + others >= self.min_size as usize;
        if outcome == TeamOutcome::Open && full(&participants) {
            outcome = TeamOutcome::Succeeded;
        }
        for step in &self.steps {
            let inside = participants.contains(&step.user);
            if outcome != TeamOutcome::Open || self.overdue(Timestamp::from_millis(step.at_ms)) {
                break;
            }
            match step.kind {
                _ if self.is_early(step) => continue,
                StepKind::Joined if !inside && self.initiator != Some(step.user) => participants.push(step.user),
                StepKind::Left if inside => participants.retain(|&member| member != step.user),
                StepKind::Left | StepKind::Cancelled if self.calls_off(step) => outcome = TeamOutcome::Cancelled,
                StepKind::Joined | StepKind::Left | StepKind::Cancelled => continue,
            }
            note(step);
            if outcome == TeamOutcome::Open && full(&participants) {
                outcome = TeamOutcome::Succeeded;
            }
        }
        (participants, outcome)
    }
}
