//! The world as a snapshot sees it: the bundle with live state laid over it. Everything that serving reads about
//! people and products, it reads here, so that no question can forget the overlay.

mod goods;
mod taste;
mod ties;

use juntos_datasets::UserRow;
use juntos_datasets::tables::PurchaseVisibility;
use juntos_datasets::units::{Country, Timestamp};

pub(crate) use self::goods::Goods;
pub(crate) use self::taste::{dot, is_nonzero, weighted_mean};
pub(crate) use self::ties::Friend;
use super::outcomes::{Correction, Question};
use super::records::UserRecord;
use super::teams::Team;
use crate::bundle::{Consent, StoredPossession, UserProfile};
use crate::recommend::Snapshot;

/// What one user has had of one product, in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) product: u32,
    pub(crate) purchases: u32,
    pub(crate) gifts: u32,
    /// Latest purchase or gift, ms since the epoch; `i64::MIN` when unknown.
    pub(crate) last_ms: i64,
    /// Day from which on others may learn of a purchase (days since the epoch).
    pub(crate) shown_from_day: i64,
}

impl Snapshot {
    /// Row of a user who exists.
    pub(crate) fn user_row(&self, id: &str) -> Option<u32> {
        let new = self.live.people.row(id);
        new.or_else(|| self.bundle().users().row(id).map(|row| row.0).filter(|&row| !self.live.people.is_deleted(row)))
    }

    /// Id of a user.
    pub(crate) fn user_id(&self, row: u32) -> &str {
        match (row as usize).checked_sub(self.bundle().n_users()) {
            Some(at) => self.live.people.id(at),
            None => self.bundle().users().id(UserRow(row)),
        }
    }

    /// The bundle's row of a user, if the bundle has her.
    pub(crate) fn stored_user(&self, row: u32) -> Option<UserRow> {
        ((row as usize) < self.bundle().n_users()).then_some(UserRow(row))
    }

    /// Number of rows of users: the bundle's, then those that are new since, deleted ones included.
    pub(crate) fn n_users(&self) -> usize {
        self.bundle().n_users() + self.live.people.n_new()
    }

    /// What a user has had, by product: what she sent back or disliked left out.
    pub(crate) fn owned_by(&self, user: u32) -> Vec<Owned> {
        let stored = self.stored_user(user).map_or(&[][..], |row| self.bundle().possessions(row));
        let stored = stored.iter().map(|possession| Owned {
            product: possession.product,
            purchases: possession.purchases,
            gifts: possession.gifts,
            last_ms: possession.last_ms,
            shown_from_day: stored_day(possession),
        });
        let Some(history) = self.live.people.history(user) else { return stored.collect() };
        let since = |product: u32| history.accepted_on(product).map_or(i64::MIN, |day| day.saturating_add(1));
        let mut owned: Vec<Owned> = stored
            .filter(|owned| !history.refuses(owned.product))
            .map(|owned| Owned { shown_from_day: owned.shown_from_day.max(since(owned.product)), ..owned })
            .collect();
        for had in history.had.iter().filter(|had| had.is_possession()) {
            match owned.binary_search_by_key(&had.product, |owned| owned.product) {
                Ok(at) => owned[at].add(had.purchases, had.gifts, had.last_ms, had.known_day),
                Err(at) => owned.insert(
                    at,
                    Owned {
                        product: had.product,
                        purchases: had.purchases,
                        gifts: had.gifts,
                        last_ms: had.last_ms,
                        shown_from_day: had.known_day.saturating_add(1),
                    },
                ),
            }
        }
        owned
    }

    /// Calls `told` for every product that a user has bought, ascending: what [`Self::owned_by`] says.
    pub(crate) fn each_bought(&self, user: u32, mut told: impl FnMut(u32)) {
        if self.live.people.history(user).is_some() {
            let bought = self.owned_by(user).into_iter().filter(|owned| owned.purchases > 0);
            return bought.for_each(|owned| told(owned.product));
        }
        let stored = self.stored_user(user).map_or(&[][..], |row| self.bundle().possessions(row));
        stored.iter().filter(|had| had.purchases > 0).for_each(|had| told(had.product));
    }

    /// Products that a user refused on `day`, and whose purchase others had learnt of by then, with the day from which on they
    /// could: to them she has them until the day is over, so that two looks on one day cannot be subtracted from each other.
    pub(crate) fn ceased_on(&self, user: u32, day: i64) -> impl Iterator<Item = (i64, u32)> {
        let ceased = self.live.people.history(user).map_or(&[][..], |history| &history.ceased);
        ceased.iter().filter(move |ceased| ceased.day == day).map(|ceased| (ceased.shown_from_day, ceased.product))
    }

    /// Products that a user refused, ascending.
    pub(crate) fn refused_by(&self, user: u32) -> &[u32] {
        self.live.people.history(user).map_or(&[], |history| &history.refused)
    }

    /// What a user says about herself, and what she allows.
    pub(crate) fn profile(&self, user: u32) -> UserProfile {
        match (self.live.people.record(user), self.stored_user(user)) {
            (Some(record), _) => profile_of(record),
            (None, Some(stored)) => self.bundle().profile(stored),
            (None, None) => profile_of(&UserRecord::new("")),
        }
    }

    /// The country of a user's [`Self::profile`].
    pub(crate) fn country_of(&self, user: u32) -> Option<Country> {
        match (self.live.people.record(user), self.stored_user(user)) {
            (Some(record), _) => record.country,
            (None, Some(stored)) => self.bundle().country_of(stored),
            (None, None) => None,
        }
    }

    /// What a user allows: the same as [`Self::profile`] says, without reading more.
    pub(crate) fn consent(&self, user: u32) -> Consent {
        match (self.live.people.record(user), self.stored_user(user)) {
            (None, Some(stored)) => self.bundle().consent(stored),
            (Some(_), _) | (None, None) => self.profile(user).consent(),
        }
    }

    /// Whether a user shows everyone what she buys.
    pub(crate) fn shows_to_all(&self, user: u32) -> bool {
        self.consent(user).purchase_visibility == PurchaseVisibility::Everyone
    }

    /// Whether strangers may see a team: as its initiator says or, where she does not, where she shows everyone what she buys.
    pub(crate) fn is_public(&self, team: &Team) -> bool {
        team.initiator.is_some_and(|initiator| team.made_public.unwrap_or_else(|| self.shows_to_all(initiator)))
    }

    /// Whether what is known about a user may be used.
    pub(crate) fn personalised(&self, user: u32) -> bool {
        self.consent(user).personalise
    }

    /// The market whose teams correct what is told to a user: that of her home as the bundle has it, or as she says, else
    /// `asked`.
    pub(crate) fn home_market(&self, user: u32, asked: Option<Country>) -> Option<Country> {
        match self.stored_user(user) {
            Some(stored) => self.bundle().profile(stored).country,
            None => self.profile(user).country.or(asked),
        }
    }

    /// How chances that are told to `user` at `now` are corrected by what became of teams since the cut.
    pub(crate) fn correction(
        &self,
        question: Question,
        user: u32,
        asked: Option<Country>,
        now: Timestamp,
    ) -> Correction<'_> {
        self.live.outcomes.correction(question, self.home_market(user, asked), user, now.day())
    }
}

fn profile_of(record: &UserRecord) -> UserProfile {
    UserProfile {
        country: record.country,
        language: record.language,
        birth_year: record.birth_year,
        purchase_visibility: record.purchase_visibility,
        invites: record.invites,
        personalise: record.personalise,
        created_at: record.created_at,
    }
}

/// The day from which on others may learn of a possession of the bundle: the day after it happened. Where it happened
/// more than once, only the last time is known.
fn stored_day(possession: &StoredPossession) -> i64 {
    possession.last().map_or(i64::MIN, |last| last.day() + 1)
}

impl Owned {
    /// Whether others may learn on `day` that she bought it.
    pub(crate) fn counts(&self, day: i64) -> bool {
        self.purchases > 0 && self.shown_from_day <= day
    }

    fn add(&mut self, purchases: u32, gifts: u32, last_ms: i64, known_day: i64) {
        if self.purchases == 0 {
            self.shown_from_day = known_day.saturating_add(1);
        }
        self.purchases += purchases;
        self.gifts += gifts;
        self.last_ms = self.last_ms.max(last_ms);
    }
}
