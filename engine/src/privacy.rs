//! The single gate between what is known and what is shown.
//!
//! Answers are built from [`Passed`] only, and only this file makes one: a list that skips the gate does not compile.
//! The rules, all of them about *one viewer*:
//!
//! - **Purchases.** A friend's purchase is a candidate or a reason only if her `purchase_visibility` is `everyone`, or
//!   `friends` and the two are friends in both directions (to follow somebody does not make one her friend), and
//!   neither blocks the other. Gifts and `sensitive` products never count.
//! - **Counts.** "n friends bought" needs n ≥ 3 consenting friends, is told in buckets, and leaves out purchases that
//!   became known today (UTC) and keeps those sent back today, so that two looks on one day cannot be subtracted from
//!   each other. Popular lists follow the same day, and need three people (`live::popularity`).
//! - **Tastes.** Of anybody but the viewer only the trained vector is used, of friends and of people who show their
//!   purchases to everyone; what they did since the cut, bought as a gift or refused moves no answer of hers.
//! - **Invitations.** A person is named for inviting only if her `invites` allow it, the two are friends in both
//!   directions without a block, and she has not muted the viewer's invitations.
//! - **Names inside a team.** As purchases: being in a team tells what she buys.
//! - **Teams.** A friend's open team may be shown, a stranger's only if the initiator shows her purchases to everyone;
//!   never where a member blocks the viewer, or she blocks one whom she may know to be in it, never on `sensitive` products. That a friend is inside counts
//!   for nothing, not for the order either, where she may not be named inside.
//! - **Age.** Unknown age counts as a minor's; nobody sees a product whose `min_age` she may not have reached. Minors are
//!   not hurried: no deadlines, no free seats, no better place because of them.
//!
//! The viewer is `None` where nothing personal may be used: then there are no friends at all. Her age and her blocks hold
//! all the same. Of a friend who does not allow that what is known about her is used, nothing is.

use std::sync::Arc;

use juntos_datasets::tables::{Invites, PurchaseVisibility};
use juntos_datasets::units::Timestamp;

use crate::bitmap::Bitmap;
use crate::candidates::ProductDraft;
use crate::live::teams::Team;
use crate::live::view::Friend;
use crate::month::Month;
use crate::reasons::CountBucket;
use crate::recommend::Snapshot;
use crate::viewer::Viewer;

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
    /// The viewer even where nothing personal may be used: for her blocks.
    asker: Option<u32>,
    /// Whether a block stands, or has stood, between her and anybody.
    blocks: bool,
    adult: bool,
    now: Timestamp,
    friends: Vec<Friend>,
    /// What each of `friends` allows, looked up once for a question that may ask many times.
    allows: Vec<Allows>,
}

/// What a friend allows the viewer.
#[derive(Debug, Clone, Copy)]
struct Allows {
    /// Whether she counts the viewer among her friends too.
    mutual: bool,
    /// To learn what she buys.
    purchases: bool,
    /// To be served by her trained vector.
    taste: bool,
    /// To invite her, unless she has muted the viewer.
    invitations: bool,
}

impl Allows {
    /// `friend` is one of the friends of `viewer` that no block keeps apart from her.
    fn of(world: &Snapshot, viewer: u32, friend: &Friend) -> Self {
        let profile = world.consent(friend.row);
        let mutual = friend.of_both || world.has_tie(friend.row, viewer);
        let purchases = match profile.purchase_visibility {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => mutual,
            PurchaseVisibility::Everyone => true,
        };
        Self {
            mutual,
            purchases: purchases && profile.personalise,
            taste: profile.personalise && (mutual || profile.purchase_visibility == PurchaseVisibility::Everyone),
            invitations: mutual && profile.invites == Invites::Friends,
        }
    }
}

impl<'a> Privacy<'a> {
    /// The gate for a viewer at `now`.
    pub(crate) fn new(world: &'a Snapshot, viewer: &Viewer, now: Timestamp) -> Self {
        let friends = viewer.personal.map_or_else(Vec::new, |user| world.friends_of(user));
        let allows = |user| friends.iter().map(|friend| Allows::of(world, user, friend)).collect();
        let allows = viewer.personal.map_or_else(Vec::new, allows);
        let blocks = viewer.row.is_some_and(|asker| world.blocks_anybody(asker));
        let (asker, adult) = (viewer.row, viewer.age >= ADULT_AGE);
        Self { world, viewer: viewer.personal, asker, blocks, adult, now, friends, allows }
    }

    /// Whether the viewer may be told that something will not wait.
    pub(crate) fn may_hurry(&self) -> bool {
        self.adult
    }

    /// The moment of the question.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The viewer's friends, by row: those who exist and whom no block keeps apart from her.
    pub(crate) fn friends(&self) -> &[Friend] {
        &self.friends
    }

    fn place(&self, friend: u32) -> Option<usize> {
        self.friends.binary_search_by_key(&friend, |friend| friend.row).ok()
    }

    /// What a friend allows; nothing known of anybody else.
    fn allows(&self, friend: u32) -> Option<&Allows> {
        self.place(friend).map(|at| &self.allows[at])
    }

    /// The same, only those who count the viewer among their friends too.
    pub(crate) fn mutual_friends(&self) -> impl Iterator<Item = u32> {
        self.friends.iter().zip(&self.allows).filter(|(_, allows)| allows.mutual).map(|(friend, _)| friend.row)
    }

    /// Whether the two count each other among their friends, and no block keeps them apart.
    fn is_mutual(&self, friend: u32) -> bool {
        self.allows(friend).is_some_and(|friend| friend.mutual)
    }

    /// Whether the viewer may learn what this friend buys.
    pub(crate) fn sees_purchases_of(&self, friend: u32) -> bool {
        self.allows(friend).is_some_and(|friend| friend.purchases)
    }

    /// Whether this person's trained vector may decide what the viewer sees: a friend's, or that of somebody who shows her
    /// purchases to everyone.
    pub(crate) fn uses_taste_of(&self, person: u32) -> bool {
        let Some(viewer) = self.viewer else { return false };
        if let Some(friend) = self.allows(person) {
            return friend.taste;
        }
        let shows_all = self.world.consent(person).purchase_visibility == PurchaseVisibility::Everyone;
        viewer == person || self.may_group(person) && (shows_all || self.world.mutual_friends(viewer, person))
    }

    /// Whether it may count that this person refused a product.
    pub(crate) fn uses_refusal_of(&self, person: u32, product: u32) -> bool {
        self.viewer == Some(person) || self.sees_purchases_of(person) && !self.world.is_sensitive(product)
    }

    /// Friends whose purchases the viewer may learn of, by row.
    pub(crate) fn open_friends(&self) -> impl Iterator<Item = Friend> {
        self.friends.iter().copied().filter(|friend| self.sees_purchases_of(friend.row))
    }

    /// Whether that an open friend bought a product may be used as social proof.
    pub(crate) fn is_social(&self, product: u32) -> bool {
        !self.world.is_sensitive(product)
    }

    /// What may be told about `count` open friends who bought.
    pub(crate) fn count_shown(&self, count: usize) -> Option<CountBucket> {
        CountBucket::of(count)
    }

    /// Whether the viewer may be told to invite this friend.
    pub(crate) fn may_invite(&self, friend: u32) -> bool {
        let allowed = self.allows(friend).is_some_and(|friend| friend.invitations);
        allowed && self.viewer.is_some_and(|viewer| self.world.live.invites.muted_at(friend, viewer).is_none())
    }

    /// Whether a person may be part of a group that the viewer forms: no block between them.
    pub(crate) fn may_group(&self, member: u32) -> bool {
        !self.blocks || self.asker.is_none_or(|viewer| viewer == member || !self.world.blocked(viewer, member))
    }

    /// Whether the viewer may see that this team is open.
    pub(crate) fn sees_team(&self, team: &Team) -> bool {
        let Some(initiator) = team.initiator else { return false };
        let kept_out = self.asker.is_some_and(|asker| self.blocks && self.world.keeps_out(asker, team));
        if kept_out || self.world.is_sensitive(team.product) {
            return false;
        }
        self.is_mutual(initiator) || self.world.is_public(team)
    }

    /// Whether the viewer may see a team, and see it as a friend's: a friend opened it, or is inside and may be named.
    pub(crate) fn is_friends_team(&self, team: &Team) -> bool {
        let opened = team.initiator.is_some_and(|initiator| self.is_mutual(initiator));
        self.sees_team(team) && (opened || team.members().any(|member| self.sees_purchases_of(member)))
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
        min_age.is_none_or(|min_age| certain_age(self.world.profile(user).birth_year, self.now) >= min_age)
    }
}

/// Whole years from which on nobody is a minor.
pub(crate) const ADULT_AGE: u32 = 18;

/// The age in whole years that somebody born in `birth_year` has reached for certain at `now`: the year alone leaves the
/// birthday open. Zero when the year is unknown: that counts as a minor.
pub fn certain_age(birth_year: Option<i32>, now: Timestamp) -> u32 {
    birth_year.map_or(0, |born| u32::try_from(Month::of(now).year() - i64::from(born) - 1).unwrap_or(0))
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
            assert_eq!(Month::of(text.parse().unwrap()).year(), year, "{text}");
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
