//! One change turns one state of the world into the next. Every function either changes what it should or refuses and
//! changes nothing: it works on a copy, and the copy of persistent maps costs next to nothing.

use std::sync::Arc;

use juntos_datasets::tables::{EventKind, PurchaseVisibility, Surface};
use juntos_datasets::training::EventWeights;
use juntos_datasets::units::Timestamp;
use xxhash_rust::xxh3::xxh3_128;

use super::goods::Good;
use super::people::{Ceased, History};
use super::records::{EventRecord, FriendshipRecord, ProductRecord, UserRecord, known_id, two_people};
use super::ties::{BlockState, Tie};
use super::{Applied, Change, ChangeFault};
use crate::bundle::UserProfile;
use crate::cohorts::Home;
use crate::history::stars;
use crate::live::neighbours;
use crate::live::view::Owned;
use crate::recommend::Snapshot;
use crate::rules::moves::MS_AN_HOUR;

/// Half-life of popularity, days: as the bundle counts it.
const POPULARITY_HALF_LIFE_DAYS: f64 = 30.0;

impl Snapshot {
    /// The world after `change`, which came in at `now`.
    pub(crate) fn after(&self, change: Change, now: Timestamp) -> Result<(Self, Applied), ChangeFault> {
        let mut next = self.clone();
        next.live.teams.expire(now);
        let applied = match change {
            Change::Event(event) => next.event(event, now)?,
            Change::PutUser(record) => next.put_user(record, now)?,
            Change::DeleteUser(user_id) => next.delete_user(&user_id, now)?,
            Change::PutProduct(record) => next.put_product(record, now)?,
            Change::DeleteProduct(product_id) => next.delete_product(&product_id)?,
            Change::PutFriendship(record) => next.put_friendship(&record)?,
            Change::DeleteFriendship { user_id, friend_id } => next.delete_friendship(&user_id, &friend_id)?,
            Change::PutBlock { user_id, blocked_id } => next.block(&user_id, &blocked_id, true)?,
            Change::DeleteBlock { user_id, blocked_id } => next.block(&user_id, &blocked_id, false)?,
            Change::PutTeam(record) => next.put_team(record, now)?,
            Change::DeleteTeam(team_id) => next.delete_team(team_id)?,
            Change::JoinTeam { team_id, user_id } => next.join(team_id, user_id, now)?,
            Change::LeaveTeam { team_id, user_id } => next.leave(team_id, user_id, now)?,
            Change::TeamStep(record) => next.team_step(record, now)?,
            Change::Invite(record) => next.invite(record, now)?,
            Change::Know(user_ids) => next.know(&user_ids)?,
            Change::KeepTeam(record) => next.keep_team(record, now)?,
        };
        Ok((next, applied))
    }

    /// The user's row; somebody unknown becomes a new user with every default.
    pub(super) fn user_or_new(&mut self, user_id: &str) -> u32 {
        match self.user_row(user_id) {
            Some(row) => row,
            None => {
                let n_users = self.bundle().n_users();
                let row = self.live.people.add(user_id, n_users);
                self.live.people.set_record(row, UserRecord::new(user_id));
                row
            }
        }
    }

    fn know(&mut self, user_ids: &[String]) -> Result<Applied, ChangeFault> {
        user_ids.iter().try_for_each(|id| known_id("user_id", id))?;
        user_ids.iter().for_each(|id| _ = self.user_or_new(id));
        Ok(Applied::Done)
    }

    /// What somebody did before a user of her id was deleted is of the one who is gone, and brings nobody back.
    pub(super) fn still_there(&self, user_id: &str, ts: Option<Timestamp>) -> Result<(), ChangeFault> {
        let deleted = self.live.people.last_deletion(user_id);
        if ts.zip(deleted).is_some_and(|(ts, deleted)| ts.millis() <= deleted) {
            let problem = "is before the user of this id was deleted: what she did is forgotten, send no more of it";
            return Err(ChangeFault::BadRecord { field: "ts", problem: problem.to_owned() });
        }
        Ok(())
    }

    pub(super) fn known_user(&self, user_id: &str) -> Result<u32, ChangeFault> {
        self.user_row(user_id).ok_or_else(|| ChangeFault::UnknownUser(user_id.to_owned()))
    }

    pub(super) fn known_product(&self, product_id: &str) -> Result<u32, ChangeFault> {
        self.product_row(product_id).ok_or_else(|| ChangeFault::UnknownProduct(product_id.to_owned()))
    }

    fn put_user(&mut self, record: UserRecord, now: Timestamp) -> Result<Applied, ChangeFault> {
        record.check()?;
        let row = self.user_or_new(&record.user_id);
        let (before, after) = (self.personalised(row), record.personalise);
        let showed = self.shows_to_all(row);
        let hides = record.purchase_visibility == PurchaseVisibility::Nobody;
        let hidden = hides && self.consent(row).purchase_visibility != PurchaseVisibility::Nobody;
        let lived = self.profile(row).home();
        let moved = lived != Home::new(record.country, record.language);
        let aged = self.profile(row).birth_year != record.birth_year;
        self.live.people.set_record(row, record);
        if aged {
            let open: Vec<_> = self.live.teams.open_of_member(row).cloned().collect();
            self.turn_out_the_young(&open, now);
        }
        self.live.teams.show_to_all(row, self.shows_to_all(row));
        if before != after || hidden {
            self.forget_popularity(row);
        }
        if before != after {
            self.count_before_the_cut(row, after);
            self.reckon_around(row, now);
        }
        if before != after || showed != self.shows_to_all(row) {
            self.fold_again_around(row);
        }
        if moved || before != after {
            self.fold_again(row);
        }
        Ok(Applied::Done)
    }

    fn delete_user(&mut self, user_id: &str, now: Timestamp) -> Result<Applied, ChangeFault> {
        let row = self.known_user(user_id)?;
        if self.personalised(row) {
            self.count_before_the_cut(row, false);
        }
        self.forget_popularity(row);
        let opened_or_joined: Vec<_> = self.live.teams.of_member(row).cloned().collect();
        self.live.teams.forget_user(row);
        self.live.invites.forget(row);
        self.live.exposures.forget(row);
        self.live.people.delete(row, user_id, now.millis());
        self.fold_again_around(row);
        opened_or_joined.iter().for_each(|team| self.live.outcomes.put(&team.id, None));
        self.reckon_around(row, now);
        Ok(Applied::Done)
    }

    /// Takes out of the popularity of products what a user added to it before the cut, or puts it back.
    ///
    /// The bundle keeps purchases and the time of the last one, so the part of one purchase is exact, and that of several
    /// is counted as if all were as late as the last.
    fn count_before_the_cut(&mut self, user: u32, counts: bool) {
        let Some(stored) = self.stored_user(user) else { return };
        let (base, cut) = (self.base.clone(), self.bundle().manifest().cut);
        let profile = base.bundle.profile(stored);
        if !profile.personalise {
            return;
        }
        let purchase = EventWeights::default().purchase * if counts { -1.0 } else { 1.0 };
        for possession in base.bundle.possessions(stored) {
            let age_days = cut.zip(possession.last()).map_or(0.0, |(cut, last)| cut.days_since(last));
            let weight = f64::from(possession.purchases) * 0.5f64.powf(age_days / POPULARITY_HALF_LIFE_DAYS);
            self.live.popularity.withdraw(profile.country, possession.product, purchase * weight as f32);
        }
    }

    /// Takes out of the popularity of products what a user added to it since the cut.
    fn forget_popularity(&mut self, user: u32) {
        let Some(history) = self.live.people.history(user).cloned() else { return };
        self.live.popularity.forget(&history.added);
        self.live.people.set_history(user, History { added: Vec::new(), ..History::clone(&history) });
    }

    /// Whether what somebody did may move popular lists before the next training: no gift, nothing sensitive, and no purchase
    /// that its buyer shows to nobody.
    fn moves_popularity(&self, profile: &UserProfile, product: u32, kind: EventKind) -> bool {
        let told = match kind {
            EventKind::Gift => false,
            EventKind::Purchase => profile.purchase_visibility != PurchaseVisibility::Nobody,
            _ => true,
        };
        told && profile.personalise && !self.is_sensitive(product)
    }

    /// Makes the vector anew of somebody who is known by her friends or what her cohort likes, and by a few events.
    fn fold_again(&mut self, user: u32) {
        let history = self.live.people.history(user).filter(|history| history.vector.is_some()).cloned();
        if let Some(history) = history.filter(|_| !self.is_trained(user)) {
            let vector = self.folded(user, &history);
            self.live.people.set_history(user, History { vector, ..History::clone(&history) });
        }
    }

    /// Makes the vectors anew of two people between whom something has changed: one may be known by the other.
    fn fold_both_again(&mut self, one: u32, other: u32) {
        self.fold_again(one);
        self.fold_again(other);
    }

    /// Makes the vectors anew of those who are known by their friends, `user` among them, and by a few events.
    fn fold_again_around(&mut self, user: u32) {
        let leans = |row: u32| row != user && self.has_tie(row, user) && !self.is_trained(row);
        let leaning: Vec<(u32, Arc<History>)> = self
            .live
            .people
            .histories()
            .filter(|(row, history)| history.vector.is_some() && leans(*row))
            .map(|(row, history)| (row, history.clone()))
            .collect();
        for (row, history) in leaning {
            let vector = self.folded(row, &history);
            self.live.people.set_history(row, History { vector, ..History::clone(&history) });
        }
    }

    fn put_product(&mut self, record: ProductRecord, now: Timestamp) -> Result<Applied, ChangeFault> {
        record.check()?;
        let n_products = self.bundle().n_products();
        let stored = self.bundle().products().row(&record.product_id).map(|row| row.0);
        let known = self.live.goods.row(&record.product_id).or(stored);
        let row = known.unwrap_or_else(|| self.live.goods.add(&record.product_id, n_products));
        let vector = match self.stored_product(row) {
            Some(_) => None,
            None => Some(neighbours::vector_for(self, &record).into_boxed_slice()),
        };
        if let Some(vector) = &vector {
            self.index(row, vector)?;
        }
        let restricted = record.min_age > self.goods(row).min_age;
        self.live.goods.set(row, Good { record: Some(record), vector });
        if restricted {
            let open: Vec<_> = self.live.teams.open_of_product(row).cloned().collect();
            self.turn_out_the_young(&open, now);
        }
        Ok(Applied::Done)
    }

    /// Puts the vector of a new product into the live index, which all worlds over this bundle share: those that do not
    /// know the product do not allow its row.
    fn index(&self, row: u32, vector: &[f32]) -> Result<(), ChangeFault> {
        let index = &self.base.index;
        if index.snapshot().vector(row) == Some(vector) {
            return Ok(());
        }
        let problem = "leads to a vector that is not finite; train the bundle anew";
        let refuse = |_| ChangeFault::BadRecord { field: "category", problem: problem.to_owned() };
        index.put(row, vector).map(|_| ()).map_err(refuse)
    }

    fn delete_product(&mut self, product_id: &str) -> Result<Applied, ChangeFault> {
        let row = self.known_product(product_id)?;
        if self.stored_product(row).is_none() {
            self.base.index.remove(row);
        }
        self.live.goods.set(row, Good { record: None, vector: None });
        Ok(Applied::Done)
    }

    fn put_friendship(&mut self, record: &FriendshipRecord) -> Result<Applied, ChangeFault> {
        record.check()?;
        let (user, friend) = (self.user_or_new(&record.user_id), self.user_or_new(&record.friend_id));
        let tie = Tie { kind: record.kind, strength: record.strength, since: record.since };
        self.live.ties.put(user, friend, tie);
        self.fold_both_again(user, friend);
        Ok(Applied::Done)
    }

    fn delete_friendship(&mut self, user_id: &str, friend_id: &str) -> Result<Applied, ChangeFault> {
        two_people("friend_id", user_id, friend_id)?;
        let (user, friend) = (self.known_user(user_id)?, self.known_user(friend_id)?);
        self.live.ties.end(user, friend);
        self.fold_both_again(user, friend);
        Ok(Applied::Done)
    }

    fn block(&mut self, user_id: &str, blocked_id: &str, on: bool) -> Result<Applied, ChangeFault> {
        two_people("blocked_id", user_id, blocked_id)?;
        let (user, other) = (self.user_or_new(user_id), self.user_or_new(blocked_id));
        let state = BlockState { by_me: on, ..self.block_state(user, other) };
        self.live.ties.set_block(user, other, state);
        self.fold_both_again(user, other);
        Ok(Applied::Done)
    }

    fn event(&mut self, event: EventRecord, now: Timestamp) -> Result<Applied, ChangeFault> {
        event.check()?;
        if self.knows_event(event.event_id.as_deref()) {
            return Ok(Applied::Duplicate);
        }
        let product = self.known_product(&event.product_id)?;
        self.still_there(&event.user_id, event.ts)?;
        let user = self.user_or_new(&event.user_id);
        if event.kind == EventKind::Shown {
            self.note_shown(user, product, &event, now);
            self.remember_event(event.event_id.as_deref());
            return Ok(Applied::Done);
        }
        let history = self.live.people.history(user).map(|history| History::clone(history)).unwrap_or_default();
        let history = self.lived(user, history, product, &event, now);
        self.live.people.set_history(user, history);
        self.remember_event(event.event_id.as_deref());
        Ok(Applied::Done)
    }

    /// What somebody was shown tells nothing of her taste, but fades from her lists on that surface.
    fn note_shown(&mut self, user: u32, product: u32, event: &EventRecord, now: Timestamp) {
        let surface = event.surface.unwrap_or(Surface::Feed);
        let half_life_ms = self.rules.rules.memory.half_life_hours.on(surface) * MS_AN_HOUR;
        if half_life_ms > 0.0 {
            let at_ms = event.ts.unwrap_or(now).millis();
            self.live.exposures.note(user, surface, product, at_ms, half_life_ms);
        }
    }

    /// Whether a user has ever bought `product` for herself, whatever became of it.
    fn has_bought(&self, user: u32, history: &History, product: u32) -> bool {
        let stored = self.stored_user(user).map_or(&[][..], |row| self.bundle().possessions(row));
        let before = stored.iter().any(|had| had.product == product && had.purchases > 0);
        before || history.purchases(product) > 0
    }

    /// Whether an event with this id has been applied.
    pub(super) fn knows_event(&self, event_id: Option<&str>) -> bool {
        event_id.is_some_and(|id| self.live.events.contains(&xxh3_128(id.as_bytes())))
    }

    /// Notes that an event with this id has been applied.
    pub(super) fn remember_event(&mut self, event_id: Option<&str>) {
        self.live.events.extend(event_id.map(|id| xxh3_128(id.as_bytes())));
    }

    /// A user's history with one more event.
    fn lived(&mut self, user: u32, mut history: History, product: u32, event: &EventRecord, now: Timestamp) -> History {
        let profile = self.profile(user);
        match event.kind {
            EventKind::Purchase | EventKind::Gift => {
                let had = history.had_mut(product);
                match event.kind {
                    EventKind::Gift => had.gifts += 1,
                    _ => {
                        had.purchases += 1;
                        had.known_day = had.known_day.min(now.day());
                    }
                }
                had.last_ms = had.last_ms.max(event.ts.unwrap_or(now).millis());
                let days = event.delivery_days.filter(|_| profile.personalise);
                history.haste = days.and_then(|days| self.haste_after(user, product, days)).or(history.haste);
            }
            EventKind::Dislike | EventKind::Return => {
                let owned = self.owned_by(user).into_iter().find(|owned| owned.product == product);
                let counted = owned.filter(|owned| owned.counts(now.day()));
                if event.kind == EventKind::Return && self.has_bought(user, &history, product) {
                    history.send_back(product);
                }
                history.refuse(product);
                if let Some(Owned { shown_from_day, .. }) = counted {
                    history.cease(Ceased { product, day: now.day(), shown_from_day });
                }
                self.live.popularity.refuse(&mut history.added, product, now.day());
            }
            EventKind::Rate => {
                if let Some(stars) = stars(event.value) {
                    history.rate(product, stars, event.ts.unwrap_or(now).millis());
                }
            }
            EventKind::View
            | EventKind::Cart
            | EventKind::Like
            | EventKind::Share
            | EventKind::Shown
            | EventKind::Click => {}
        }
        let weight = EventWeights::default().of(event.kind);
        if weight > 0.0 {
            history.signal(product, weight);
            if self.moves_popularity(&profile, product, event.kind) {
                self.live.popularity.add(&mut history.added, profile.country, product, weight, now.day());
            }
        }
        // A gift takes no refusal back: what she would not have herself she may give, and nobody is to know.
        if matches!(event.kind, EventKind::Purchase | EventKind::Like) {
            history.accept(product, now.day());
        }
        history.vector = self.folded(user, &history);
        history
    }
}
