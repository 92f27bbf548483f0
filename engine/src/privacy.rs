//! The single gate between what is known and what is shown.
//!
//! Answers are built from [`Passed`] only, and only this file makes one: a list that skips the gate does not compile.
//! The rules, all of them about *one viewer*:
//!
//! - **Purchases.** A friend's purchase is a candidate or a reason only if her `purchase_visibility` is `everyone`, or
//!   `friends` and the two are friends in both directions (to follow somebody does not make one her friend), and
//!   neither blocks the other. Gifts and `sensitive` products never count.
//! - **Counts.** "n friends bought" needs n ≥ 3 consenting friends, is told in buckets, and leaves out purchases that
//!   became known today (UTC), so that two looks on one day cannot be subtracted from each other.
//! - **Invitations.** A person is named for inviting only if her `invites` allow it and the two are friends in both
//!   directions without a block.
//! - **Names inside a team.** As purchases: being in a team tells what she buys.
//! - **Teams.** A friend's open team may be shown, a stranger's only if the initiator shows her purchases to everyone;
//!   never with a block between the viewer and a member, never on `sensitive` products.
//! - **Age.** Unknown age counts as a minor's; nobody sees a product whose `min_age` she may not have reached.
//!
//! The viewer is `None` where nothing personal may be used: then there are no friends at all.

use std::sync::Arc;

use juntos_datasets::tables::{Invites, PurchaseVisibility};
use juntos_datasets::units::Timestamp;

use crate::bitmap::Bitmap;
use crate::candidates::ProductDraft;
use crate::live::teams::Team;
use crate::live::view::{Friend, Owned};
use crate::reasons::CountBucket;
use crate::recommend::Snapshot;

/// Something that has passed the gate.
#[derive(Debug)]
pub(crate) struct Passed<T>(T);

impl<T> Passed<T> {
    /// What passed.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// The gate for one viewer and one question.
#[derive(Debug)]
pub(crate) struct Privacy<'a> {
    world: &'a Snapshot,
    viewer: Option<u32>,
    now: Timestamp,
    friends: Vec<Friend>,
}

impl<'a> Privacy<'a> {
    /// The gate for `viewer` at `now`; `None` for a viewer of whom nothing personal may be used.
    pub(crate) fn new(world: &'a Snapshot, viewer: Option<u32>, now: Timestamp) -> Self {
        let friends = viewer.map_or_else(Vec::new, |viewer| world.friends_of(viewer));
        Self { world, viewer, now, friends }
    }

    /// The moment of the question.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The viewer's friends, by row: those who exist and whom no block keeps apart from her.
    pub(crate) fn friends(&self) -> &[Friend] {
        &self.friends
    }

    /// Strength of the tie to a friend; none to anybody else.
    pub(crate) fn friend(&self, row: u32) -> Option<&Friend> {
        self.friends.binary_search_by_key(&row, |friend| friend.row).ok().map(|at| &self.friends[at])
    }

    /// Whether the viewer may learn what this friend buys.
    pub(crate) fn sees_purchases_of(&self, friend: u32) -> bool {
        let Some(viewer) = self.viewer.filter(|_| self.friend(friend).is_some()) else { return false };
        match self.world.profile(friend).purchase_visibility {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => self.world.mutual_friends(viewer, friend),
            PurchaseVisibility::Everyone => true,
        }
    }

    /// Friends whose purchases the viewer may learn of, by row.
    pub(crate) fn open_friends(&self) -> impl Iterator<Item = Friend> {
        self.friends.iter().copied().filter(|friend| self.sees_purchases_of(friend.row))
    }

    /// Whether what an open friend had may be used as social proof.
    pub(crate) fn is_social(&self, owned: &Owned) -> bool {
        owned.purchases > 0 && !self.world.is_sensitive(owned.product)
    }

    /// Whether a purchase already counts: it became known before today.
    pub(crate) fn counts(&self, owned: &Owned) -> bool {
        owned.shown_from_day <= self.now.day()
    }

    /// What may be told about `count` open friends who bought.
    pub(crate) fn count_shown(&self, count: usize) -> Option<CountBucket> {
        CountBucket::of(count)
    }

    /// Whether the viewer may be told to invite this friend.
    pub(crate) fn may_invite(&self, friend: u32) -> bool {
        let Some(viewer) = self.viewer.filter(|_| self.friend(friend).is_some()) else { return false };
        self.world.profile(friend).invites == Invites::Friends && self.world.mutual_friends(viewer, friend)
    }

    /// Whether a person may be part of a group that the viewer forms: no block between them.
    pub(crate) fn may_group(&self, member: u32) -> bool {
        self.viewer.is_none_or(|viewer| viewer == member || !self.world.blocked(viewer, member))
    }

    /// Whether the viewer may see that this team is open.
    pub(crate) fn sees_team(&self, team: &Team) -> bool {
        let Some(initiator) = team.initiator else { return false };
        if self.world.is_sensitive(team.product) || !team.members().all(|member| self.may_group(member)) {
            return false;
        }
        let friends_own = self.viewer.is_some_and(|viewer| self.world.mutual_friends(viewer, initiator));
        friends_own || self.world.profile(initiator).purchase_visibility == PurchaseVisibility::Everyone
    }

    /// Friends inside a team who may be named, by row.
    pub(crate) fn named_inside(&self, team: &Team) -> Vec<u32> {
        let mut named: Vec<u32> = team.members().filter(|&member| self.sees_purchases_of(member)).collect();
        named.sort_unstable();
        named
    }

    /// Product drafts that the viewer may see, each without what may not be told about it.
    pub(crate) fn products(&self, mut drafts: Vec<ProductDraft>, allowed: &Bitmap) -> Passed<Vec<ProductDraft>> {
        drafts.retain(|draft| allowed.contains(draft.row));
        for draft in &mut drafts {
            if draft.team.as_ref().is_some_and(|team| !team.joinable(self.now) || !self.sees_team(team)) {
                draft.team = None;
            }
            if self.world.is_sensitive(draft.row) {
                draft.friends_bought = 0;
                draft.because_of = None;
            }
        }
        Passed(drafts)
    }

    /// Friends who may be suggested for a team on a product with this `min_age`.
    pub(crate) fn invitations(&self, mut friends: Vec<u32>, min_age: Option<u32>) -> Passed<Vec<u32>> {
        friends.retain(|&friend| self.may_invite(friend) && self.old_enough(friend, min_age));
        Passed(friends)
    }

    /// Teams that the viewer may be shown, on products that she may see.
    pub(crate) fn teams(&self, mut teams: Vec<Arc<Team>>, allowed: &Bitmap) -> Passed<Vec<Arc<Team>>> {
        teams.retain(|team| {
            team.joinable(self.now)
                && allowed.contains(team.product)
                && self.viewer.is_none_or(|viewer| team.members().all(|member| member != viewer))
                && self.sees_team(team)
        });
        Passed(teams)
    }

    fn old_enough(&self, user: u32, min_age: Option<u32>) -> bool {
        let birth_year = self.world.profile(user).birth_year;
        min_age.is_none_or(|min_age| certain_age(birth_year, self.now) >= min_age)
    }
}

/// The age in whole years that somebody born in `birth_year` has reached for certain at `now`: the year alone leaves the
/// birthday open. Zero when the year is unknown: that counts as a minor.
pub(crate) fn certain_age(birth_year: Option<i32>, now: Timestamp) -> u32 {
    birth_year.map_or(0, |born| u32::try_from(year_of(now) - i64::from(born) - 1).unwrap_or(0))
}

/// The UTC year of a moment (Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn year_of(moment: Timestamp) -> i64 {
    let from_march_0000 = moment.day() + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let day_of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    year_of_era + era * 400 + i64::from(month_from_march >= 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_turn_at_new_year() {
        for (text, year) in [
            ("1970-01-01T00:00:00Z", 1970),
            ("1969-12-31T23:59:59Z", 1969),
            ("2024-02-29T12:00:00Z", 2024),
            ("2026-12-31T23:59:59Z", 2026),
            ("2027-01-01T00:00:00Z", 2027),
            ("2000-03-01T00:00:00Z", 2000),
        ] {
            assert_eq!(year_of(text.parse().unwrap()), year, "{text}");
        }
    }

    #[test]
    fn age_is_what_the_birth_year_makes_certain() {
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        assert_eq!(certain_age(Some(2008), now), 17);
        assert_eq!(certain_age(Some(2007), now), 18);
        assert_eq!(certain_age(None, now), 0);
        assert_eq!(certain_age(Some(2030), now), 0);
    }
}
