//! What a team adds to the [`outcomes`](super::outcomes): what the models foretold of it, and what happened.
//!
//! What was foretold is reckoned from the bundle alone, as if everybody had asked at the cut, so that it does not depend on
//! when reports come in; what is not to be known any more (somebody was deleted, or does not allow its use) is left out.

use juntos_datasets::tables::{PurchaseVisibility, TeamOutcome};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};

use super::outcomes::{Report, Told};
use super::teams::Team;
use crate::privacy::certain_age;
use crate::recommend::Snapshot;
use crate::together::MOST_COUNTED;
use crate::together::evidence::Evidence;
use crate::together::model::logistic;
use crate::together::opening::Opening;

/// Friends beyond whom a team is not reckoned: it would keep the writer too long.
const MOST_RECKONED: usize = 500;

impl Snapshot {
    /// Notes what a team adds now.
    pub(super) fn reckon(&mut self, team: &Team, now: Timestamp) {
        let report = self.report(team, now);
        self.live.outcomes.put(&team.id, report);
    }

    /// Lets what a team adds count from `day` on, and not at all without one.
    pub(super) fn count_from(&mut self, team_id: &str, day: Option<i64>) {
        let report = self.live.outcomes.of(team_id).cloned();
        let report = report.zip(day).map(|(report, day)| Report { day, ..report });
        // The same report of another day would be taken for known.
        self.live.outcomes.put(&team_id.into(), None);
        self.live.outcomes.put(&team_id.into(), report);
    }

    /// Notes anew what teams add whose chances somebody had a part in; she is deleted, or has changed what may be used.
    pub(super) fn reckon_around(&mut self, user: u32, now: Timestamp) {
        let touched: Vec<_> = match self.stored_user(user) {
            Some(stored) => self.live.teams.all().filter(|team| self.counts_for(stored, team)).cloned().collect(),
            None => self.live.teams.of_member(user).cloned().collect(),
        };
        for team in touched {
            let day = self.live.outcomes.day_of(&team.id);
            let report = self.report(&team, now);
            let report = report.map(|report| Report { day: day.unwrap_or(report.day), ..report });
            self.live.outcomes.put(&team.id, report);
        }
    }

    /// Whether `user` has a part in what a team adds: she is in it, or knows or has joined the one who opened it, or one of
    /// her friends.
    fn counts_for(&self, user: UserRow, team: &Team) -> bool {
        if team.members().any(|member| self.stored_user(member) == Some(user)) {
            return true;
        }
        let Some(initiator) = team.initiator.and_then(|initiator| self.stored_user(initiator)) else { return false };
        let knows = |other: UserRow| {
            let (friends, joiners) = (self.bundle().friends(other).0, self.bundle().co_joined(other).0);
            other == user || friends.binary_search(&user.0).is_ok() || joiners.binary_search(&user.0).is_ok()
        };
        let friends = self.bundle().friends(initiator).0;
        knows(initiator) || friends.len() <= MOST_RECKONED && friends.iter().any(|&friend| knows(UserRow(friend)))
    }

    /// What a team adds; nothing where it was open at the cut already, was called off, or has lost somebody.
    fn report(&self, team: &Team, now: Timestamp) -> Option<Report> {
        let initiator = team.initiator.filter(|&user| self.personalised(user))?;
        let (stored, product) = (self.stored_user(initiator)?, self.stored_product(team.product)?);
        let cut = self.bundle().manifest().cut;
        let opened_since = cut.is_none_or(|cut| team.opened_at.is_some_and(|opened| opened > cut));
        // Successes wait for the deadline: failures are not known before, and who is heard first must not count for more.
        let ends = match team.outcome {
            TeamOutcome::Succeeded | TeamOutcome::Expired => team.deadline.unwrap_or(now),
            // Nobody reports that a deadline has passed: a team counts as expired from then on unless it fills before. Were
            // that noted with the next report, whatever it is of, corrections would tell that somebody did something.
            TeamOutcome::Open => team.deadline?,
            TeamOutcome::Cancelled => return None,
        };
        let usable = team.anonymous_seats == 0 && team.participants.iter().all(|&user| self.personalised(user));
        if !opened_since || !usable || self.bundle().friends(stored).0.len() > MOST_RECKONED {
            return None;
        }
        let (success, joins) = self.foretold(stored, product, team);
        Some(Report {
            day: ends.day().max(now.day()),
            initiator,
            market: self.home_market(initiator, None),
            product: Some(product.0).filter(|_| !self.bundle().catalogue().sensitive(product)),
            success,
            joins,
        })
    }

    /// What was foretold of a team and of its initiator's friends, and what came of it.
    fn foretold(&self, initiator: UserRow, product: ProductRow, team: &Team) -> (Option<Told>, Vec<Told>) {
        let friends = self.who_could_join(initiator, product);
        let evidence = Evidence::at_the_cut(self, initiator, &friends);
        let serving = self.bundle().serving();
        let opening = Opening::new(&evidence, initiator, product);
        let log_odds = |&friend: &u32| serving.join.log_odds(&opening.facts(&evidence, UserRow(friend)));
        let told: Vec<(u32, f32)> = friends.iter().map(|friend| (*friend, log_odds(friend))).collect();
        let mut chances: Vec<f32> = told.iter().map(|&(_, log_odds)| logistic(log_odds)).collect();
        chances.sort_by(|a, b| b.total_cmp(a));
        chances.truncate(MOST_COUNTED);
        let succeeded = team.outcome == TeamOutcome::Succeeded;
        let needed = team.min_size.saturating_sub(1) as usize;
        let success = serving.success.log_odds(&chances, needed).map(|log_odds| Told::new(log_odds, succeeded));
        let usable = told.into_iter().filter(|&(friend, _)| self.personalised(friend));
        let joined = |friend: u32| team.participants.contains(&friend);
        (success, usable.map(|(friend, log_odds)| Told::new(log_odds, joined(friend))).collect())
    }

    /// Friends who could join the initiator on the product, as the bundle knows them, who still exist.
    fn who_could_join(&self, initiator: UserRow, product: ProductRow) -> Vec<u32> {
        let (bundle, catalogue) = (self.bundle(), self.bundle().catalogue());
        let (offers, min_age) = (catalogue.offers(product), catalogue.min_age(product));
        let home = bundle.profile(initiator).country;
        let at = bundle.manifest().cut.unwrap_or_default();
        let could = |&friend: &u32| {
            let profile = bundle.profile(UserRow(friend));
            let country = profile.country.or(home);
            let delivered = offers.is_empty()
                || country.is_none_or(|country| offers.iter().any(|offer| offer.country() == Some(country)));
            let mutual = bundle.friends(UserRow(friend)).0.binary_search(&initiator.0).is_ok();
            let old_enough = min_age.is_none_or(|min_age| certain_age(profile.birth_year, at) >= min_age);
            mutual && delivered && old_enough && !self.live.people.is_deleted(friend)
        };
        bundle.friends(initiator).0.iter().copied().filter(could).collect()
    }
}

impl Snapshot {
    /// Whether `user` let `other` see what she bought, and knew her, at the cut.
    pub(crate) fn showed_at_the_cut(&self, user: UserRow, other: UserRow) -> bool {
        match self.bundle().profile(user).purchase_visibility {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => self.knew_at_the_cut(user, other),
            PurchaseVisibility::Everyone => true,
        }
    }

    /// Whether `user` counted `other` among her friends at the cut.
    pub(crate) fn knew_at_the_cut(&self, user: UserRow, other: UserRow) -> bool {
        self.bundle().friends(user).0.binary_search(&other.0).is_ok()
    }
}
