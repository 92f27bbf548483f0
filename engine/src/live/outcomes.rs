//! What became of teams since the cut, against what the models had foretold, and how far that corrects what they tell now.
//!
//! Training fits the models to the past; then people change, and what is told is too high or too low until the next
//! training. So every team that is over adds what was foretold of it and what happened to the tallies it belongs to:
//! that of all, of its market, of its product there, of its initiator. The correction is the shift of log-odds that makes
//! what happened likeliest, under a normal prior around none (a logistic regression with an intercept alone), the market's
//! within that of all, product's and initiator's within their market's: partial pooling, Gelman and Hill, *Data Analysis
//! Using Regression and Multilevel Models*, 2007, chapter 12.
//!
//! Tallies are whole numbers by day and by bin of what was foretold: whatever the order in which teams come, go and come
//! again, the same teams leave the same tallies, and a team that is taken out leaves nothing behind.

use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use juntos_datasets::units::Country;

use crate::together::model::logistic;

/// What was foretold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// That a team fills.
    Success,
    /// That a friend joins.
    Join,
}

/// One chance that was foretold, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    bin: i8,
    happened: bool,
}

/// Bins in one unit of log-odds: within a quarter, what was foretold is the same.
const BINS_A_UNIT: f32 = 4.0;
/// Log-odds beyond which there is one bin.
const MOST_LOG_ODDS: f32 = 8.0;

impl Told {
    pub(crate) fn new(log_odds: f32, happened: bool) -> Self {
        Self { bin: (log_odds.clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS) * BINS_A_UNIT).round() as i8, happened }
    }
}

/// What one team adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Day (since the epoch) after which it counts: not before its deadline, when failures are known as well as successes,
    /// and not on the day on which it became known.
    pub(crate) day: i64,
    pub(crate) initiator: u32,
    pub(crate) market: Option<Country>,
    /// Absent where nobody may learn of others that they bought it.
    pub(crate) product: Option<u32>,
    /// Absent where it could not fill or needed nobody.
    pub(crate) success: Option<Told>,
    /// Of every friend who could join.
    pub(crate) joins: Vec<Told>,
}

impl Report {
    fn keys(&self) -> impl Iterator<Item = Key> {
        let product = self.product.map(|product| Key::Product(self.market, product));
        [Key::All, Key::Market(self.market), Key::Initiator(self.initiator)].into_iter().chain(product)
    }

    fn told(&self) -> impl Iterator<Item = (Question, Told)> {
        let joins = self.joins.iter().map(|&told| (Question::Join, told));
        self.success.map(|told| (Question::Success, told)).into_iter().chain(joins)
    }
}

/// Whose teams a tally holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    All,
    Market(Option<Country>),
    Product(Option<Country>, u32),
    Initiator(u32),
}

impl Key {
    /// Weight of the prior, in foretold chances times their opposites: as many even chances as four times this number are
    /// believed as much as that nothing changed.
    fn precision(self) -> f64 {
        match self {
            Self::All | Self::Market(_) => 4.0,
            Self::Product(..) | Self::Initiator(_) => 8.0,
        }
    }

    /// People who must have opened teams for the tally to count: what one person's friends did is told to her alone.
    fn fewest_people(self) -> usize {
        match self {
            Self::All | Self::Market(_) | Self::Product(..) => 3,
            Self::Initiator(_) => 1,
        }
    }
}

/// Chances foretold, and those that came true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    all: u32,
    happened: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tally {
    counts: OrdMap<(Question, i64, i8), Counts>,
    /// Teams by day and initiator.
    people: OrdMap<(i64, u32), u32>,
}

/// Days after which a team counts half.
const HALF_LIFE_DAYS: f64 = 21.0;
/// Days after which it counts no more.
const MOST_DAYS: i64 = 120;
/// Steps of Newton's method after which a shift is taken as it is; it converges in three or four.
const MOST_STEPS: usize = 12;
/// Corrections are rounded to this part of log-odds: one team more or less seldom shows.
const ROUNDED_TO: f64 = 0.05;

impl Tally {
    fn add(&mut self, report: &Report, times: i32) {
        for (question, told) in report.told() {
            let key = (question, report.day, told.bin);
            let mut counts = self.counts.get(&key).copied().unwrap_or_default();
            counts.all = counts.all.saturating_add_signed(times);
            counts.happened = counts.happened.saturating_add_signed(times * i32::from(told.happened));
            if counts.all == 0 {
                self.counts.remove(&key)
            } else {
                self.counts.insert(key, counts)
            };
        }
        let key = (report.day, report.initiator);
        match self.people.get(&key).copied().unwrap_or(0).saturating_add_signed(times) {
            0 => self.people.remove(&key),
            teams => self.people.insert(key, teams),
        };
    }

    /// Whether at least `fewest` people opened teams that count on `today`.
    fn is_of(&self, fewest: usize, today: i64) -> bool {
        let mut seen: Vec<u32> = Vec::with_capacity(fewest);
        for (&(_, person), _) in self.people.range((today - MOST_DAYS, 0)..(today, 0)) {
            if !seen.contains(&person) {
                seen.push(person);
            }
            if seen.len() >= fewest {
                return true;
            }
        }
        false
    }

    /// The shift of log-odds, on top of `before`, that this tally speaks for on `today`.
    fn shift(&self, question: Question, today: i64, precision: f64, before: f64) -> f64 {
        let counted = (question, today - MOST_DAYS, i8::MIN)..(question, today, i8::MIN);
        let mut bins = Bins::new();
        for (&(_, day, bin), counts) in self.counts.range(counted) {
            let weight = 0.5f64.powf((today - day) as f64 / HALF_LIFE_DAYS);
            bins.add(bin, weight * f64::from(counts.all), weight * f64::from(counts.happened));
        }
        let mut shift = 0.0;
        for _ in 0..MOST_STEPS {
            let (mut gradient, mut curvature) = (-precision * shift, precision);
            for (log_odds, all, happened) in bins.iter() {
                let chance = f64::from(logistic((log_odds + before + shift) as f32));
                gradient += happened - all * chance;
                curvature += all * chance * (1.0 - chance);
            }
            let step = (gradient / curvature).clamp(-1.0, 1.0);
            shift += step;
            if step.abs() < 1e-4 {
                break;
            }
        }
        shift
    }
}

/// Weighed counts by bin of log-odds.
struct Bins(Vec<(f64, f64)>);

/// Bins on either side of even odds.
const SIDE: i8 = (MOST_LOG_ODDS * BINS_A_UNIT) as i8;

impl Bins {
    fn new() -> Self {
        Self(vec![(0.0, 0.0); 2 * SIDE as usize + 1])
    }

    fn add(&mut self, bin: i8, all: f64, happened: f64) {
        let (sum, came_true) = &mut self.0[usize::from((bin + SIDE) as u8)];
        *sum += all;
        *came_true += happened;
    }

    fn iter(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let filled = self.0.iter().zip(-SIDE..=SIDE).filter(|((all, _), _)| *all > 0.0);
        filled.map(|(&(all, happened), bin)| (f64::from(bin) / f64::from(BINS_A_UNIT), all, happened))
    }
}

/// All that is known of teams that are over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes {
    by_team: HashMap<Arc<str>, Arc<Report>>,
    tallies: HashMap<Key, Tally>,
}

impl Outcomes {
    /// Notes what a team adds now, in place of what it added before; the same again changes nothing, not even the day.
    pub(crate) fn put(&mut self, team: &Arc<str>, report: Option<Report>) {
        let before = self.by_team.get(team).cloned();
        if let (Some(before), Some(report)) = (&before, &report)
            && **before == (Report { day: before.day, ..report.clone() })
        {
            return;
        }
        if let Some(before) = before {
            self.add(&before, -1);
            self.by_team.remove(team);
        }
        if let Some(report) = report {
            self.add(&report, 1);
            self.by_team.insert(team.clone(), Arc::new(report));
        }
    }

    /// The day from which on a team counts, where it adds anything.
    pub(crate) fn day_of(&self, team: &str) -> Option<i64> {
        self.of(team).map(|report| report.day)
    }

    /// What a team adds.
    pub(crate) fn of(&self, team: &str) -> Option<&Report> {
        self.by_team.get(team).map(|report| &**report)
    }

    fn add(&mut self, report: &Report, times: i32) {
        for key in report.keys() {
            let mut tally = self.tallies.remove(&key).unwrap_or_default();
            tally.add(report, times);
            if !tally.people.is_empty() {
                self.tallies.insert(key, tally);
            }
        }
    }

    fn shift(&self, key: Key, question: Question, today: i64, before: f64) -> f64 {
        let tally = self.tallies.get(&key).filter(|tally| tally.is_of(key.fewest_people(), today));
        let shift = tally.map_or(0.0, |tally| tally.shift(question, today, key.precision(), before));
        (shift / ROUNDED_TO).round() * ROUNDED_TO
    }

    /// How what is told `initiator` of this market on `today` is corrected.
    pub(crate) fn correction(
        &self,
        question: Question,
        market: Option<Country>,
        initiator: u32,
        today: i64,
    ) -> Correction<'_> {
        let mut shift = 0.0;
        if !self.tallies.is_empty() {
            for key in [Key::All, Key::Market(market)] {
                shift += self.shift(key, question, today, shift);
            }
        }
        let own = self.shift(Key::Initiator(initiator), question, today, shift);
        Correction { outcomes: self, question, market, today, shift, own }
    }
}

/// What is added to log-odds that a model tells one person today.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Correction<'a> {
    outcomes: &'a Outcomes,
    question: Question,
    market: Option<Country>,
    today: i64,
    /// Of all and of the market.
    shift: f64,
    /// Of the initiator's own teams.
    own: f64,
}

impl Correction<'_> {
    /// On one product.
    pub(crate) fn on(&self, product: u32) -> f32 {
        let key = Key::Product(self.market, product);
        let of_product = self.outcomes.shift(key, self.question, self.today, self.shift);
        (self.shift + self.own + of_product) as f32
    }
}

#[cfg(test)]
mod tests {
    //! 1. Whatever the order, repeats and replacements, the tallies are those of the last reports alone.
    //! 2. Nothing is corrected by fewer than three people, or before the day is over.
    //! 3. A drift is followed, the further the more is known of it, and forgotten with time.

    use proptest::prelude::*;

    use super::*;

    fn report(day: i64, initiator: u32, product: u32, odds: f32, filled: bool) -> Report {
        Report {
            day,
            initiator,
            market: None,
            product: Some(product),
            success: Some(Told::new(odds, filled)),
            joins: vec![Told::new(odds - 1.0, filled), Told::new(odds - 2.0, false)],
        }
    }

    fn told() -> impl Strategy<Value = (u8, Option<Report>)> {
        let one = (0i64..4, 0u32..4, 0u32..3, -9.0f32..9.0, any::<bool>());
        let one = one.prop_map(|(day, who, what, odds, filled)| report(day, who, what, odds, filled));
        (0u8..6, proptest::option::weighted(0.8, one))
    }

    fn id(team: u8) -> Arc<str> {
        team.to_string().into()
    }

    proptest! {
        #[test]
        fn only_the_last_reports_count(
            reports in proptest::collection::vec(told(), 0..40),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 6),
        ) {
            let mut lived = Outcomes::default();
            let mut last = std::collections::BTreeMap::new();
            for (team, report) in &reports {
                lived.put(&id(*team), report.clone());
                lived.put(&id(*team), report.clone());
                last.insert(*team, lived.by_team.get(&id(*team)).cloned());
            }
            let mut left: Vec<(u8, Option<Arc<Report>>)> = last.into_iter().collect();
            let len = left.len();
            for (at, index) in order.iter().enumerate().filter(|_| len > 0) {
                left.swap(at % len, index.index(len));
            }
            let mut anew = Outcomes::default();
            left.iter().for_each(|(team, report)| anew.put(&id(*team), report.as_deref().cloned()));
            prop_assert!(lived.tallies == anew.tallies);
            prop_assert_eq!(lived.tallies.is_empty(), left.iter().all(|(_, report)| report.is_none()));
        }

        #[test]
        fn corrections_are_finite(reports in proptest::collection::vec(told(), 0..40), today in 0i64..200) {
            let mut outcomes = Outcomes::default();
            reports.iter().for_each(|(team, report)| outcomes.put(&id(*team), report.clone()));
            for question in [Question::Success, Question::Join] {
                let shift = outcomes.correction(question, None, 1, today).on(1);
                prop_assert!(shift.is_finite() && shift.abs() < 40.0, "{shift}");
            }
        }
    }

    /// `teams` teams of `people` people on day 5, foretold even odds, all of which filled.
    fn filled(teams: u32, people: u32) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for team in 0..teams {
            outcomes.put(&team.to_string().into(), Some(report(5, team % people, 7, 0.0, true)));
        }
        outcomes
    }

    fn shift(outcomes: &Outcomes, today: i64) -> f32 {
        outcomes.correction(Question::Success, None, 99, today).on(7)
    }

    #[test]
    fn few_people_and_today_tell_nothing() {
        assert_eq!(shift(&filled(50, 2), 9), 0.0);
        assert_eq!(shift(&filled(50, 3), 5), 0.0);
        assert!(shift(&filled(50, 3), 6) > 0.5);
        let own = filled(50, 2).correction(Question::Success, None, 1, 9).on(7);
        assert!(own > 0.5, "her own teams she knows");
    }

    #[test]
    fn a_drift_is_followed_and_forgotten() {
        let shifts = [3, 10, 100, 1_000].map(|teams| shift(&filled(teams, 3), 6));
        assert!(shifts[0] < 1.0 && shifts.is_sorted() && shifts[3] > 2.0, "{shifts:?}");
        let later = [6, 30, 90, 200].map(|today| shift(&filled(20, 3), today));
        assert!(later.is_sorted_by(|one, next| one > next) && later[3] == 0.0, "{later:?}");
    }

    #[test]
    fn what_was_foretold_rightly_is_left() {
        let mut outcomes = Outcomes::default();
        for team in 0..4_000u32 {
            // Log-odds of ln 3 are three in four.
            outcomes.put(&team.to_string().into(), Some(report(5, team % 9, team % 5, 3f32.ln(), team % 4 > 0)));
        }
        let shift = outcomes.correction(Question::Success, None, 99, 6).on(1);
        // The bin's middle is 1.0, and ln 3 is 1.1.
        assert!((-0.05..=0.2).contains(&shift), "{shift}");
    }
}
