//! Who was suggested and invited to what, and what became of it.
//!
//! ```text
//! suggested ──▶ sent ──▶ opened ──▶ joined | declined | muted
//! ```
//!
//! Of each invitation (initiator, invited, product) the latest time of every stage is kept, so that the same reports in
//! any order, however often, give the same state: the latest of the three ends, or the furthest of the other stages.
//!
//! To mute is to say something of the initiator, whatever the product; so is to take that back. The later of the two holds,
//! and of the same moment the mute. What was answered to invitations stays answered beneath it.

use std::collections::BTreeMap;

use imbl::{OrdMap, OrdSet};

use super::records::InviteKind;
use super::row_map::RowMap;

/// Stages of one invitation with the latest time of each, ms since the epoch.
type Stages = BTreeMap<InviteKind, i64>;

/// Everything that one person was invited to, by initiator and product.
type Inbox = OrdMap<(u32, u32), Stages>;

/// Everybody's invitations since the cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct Invites {
    inboxes: RowMap<Inbox>,
    /// Whom an initiator has invited.
    invited_by: RowMap<OrdSet<u32>>,
}

impl Invites {
    /// Notes a stage; whether that is news.
    pub(crate) fn note(&mut self, invited: u32, initiator: u32, product: u32, kind: InviteKind, at_ms: i64) -> bool {
        self.invited_by.entry(initiator).or_default().insert(invited);
        let stages = self.inboxes.entry(invited).or_default().entry((initiator, product)).or_default();
        let news = stages.get(&kind).is_none_or(|&known| known < at_ms);
        if news {
            stages.insert(kind, at_ms);
        }
        news
    }

    /// What has become of an invitation; `joined` says when its team was joined, as far as teams tell, and is asked only where anything
    /// was reported.
    pub(crate) fn state(
        &self,
        invited: u32,
        initiator: u32,
        product: u32,
        joined: impl FnOnce() -> Option<i64>,
    ) -> Option<InviteKind> {
        let stages = self.inboxes.get(&invited)?.get(&(initiator, product))?;
        let unmuted = self.unmuted_at(invited, initiator);
        let muted = stages.get(&InviteKind::Muted).filter(|muted| unmuted.is_none_or(|unmuted| unmuted <= **muted));
        let end = answer(stages, joined()).max(muted.map(|&at| (at, InviteKind::Muted)));
        end.map(|(_, kind)| kind).or_else(|| stages.range(..InviteKind::Joined).next_back().map(|(kind, _)| *kind))
    }

    /// Whether anything is known of any invitation of somebody by `initiator`.
    pub(crate) fn any(&self, invited: u32, initiator: u32) -> bool {
        self.from(invited, initiator).next().is_some()
    }

    /// Since when, if at all, somebody wants no more invitations from `initiator`.
    pub(crate) fn muted_at(&self, invited: u32, initiator: u32) -> Option<i64> {
        let unmuted = self.unmuted_at(invited, initiator);
        let muted = self.from(invited, initiator).filter_map(|stages| stages.get(&InviteKind::Muted).copied());
        muted.filter(|&muted| unmuted.is_none_or(|unmuted| unmuted <= muted)).min()
    }

    /// When, if at all, somebody last took back that she wants no more invitations from `initiator`.
    fn unmuted_at(&self, invited: u32, initiator: u32) -> Option<i64> {
        self.from(invited, initiator).filter_map(|stages| stages.get(&InviteKind::Unmuted).copied()).max()
    }

    /// What became of the invitations of somebody by `initiator`.
    fn from(&self, invited: u32, initiator: u32) -> impl Iterator<Item = &Stages> {
        let inbox = self.inboxes.get(&invited).into_iter();
        inbox.flat_map(move |inbox| inbox.range((initiator, 0)..=(initiator, u32::MAX)).map(|(_, stages)| stages))
    }

    /// What somebody was invited to by `initiator`, by product.
    pub(crate) fn products_from(&self, invited: u32, initiator: u32) -> impl Iterator<Item = u32> {
        let inbox = self.inboxes.get(&invited).into_iter();
        inbox.flat_map(move |inbox| inbox.range((initiator, 0)..=(initiator, u32::MAX)).map(|(key, _)| key.1))
    }

    /// Invitations to others' teams than that of `initiator` on `product` that were suggested or sent since `since_ms`.
    pub(crate) fn suggested_since(&self, invited: u32, initiator: u32, product: u32, since_ms: i64) -> usize {
        let others = self.inbox(invited).filter(|(key, _)| **key != (initiator, product));
        others.filter(|(_, stages)| reached(stages).is_some_and(|at| at >= since_ms)).count()
    }

    /// Invitations from anybody since `since_ms`, without those of `asker` that she followed: what she made of others' is not to
    /// be known to her. `joined` says when she joined a team of an initiator on a product, as far as teams tell.
    pub(crate) fn invited_since(
        &self,
        invited: u32,
        asker: u32,
        since_ms: i64,
        joined: impl Fn(u32, u32) -> Option<i64>,
    ) -> usize {
        let recent = self.inbox(invited).filter(|(_, stages)| reached(stages).is_some_and(|at| at >= since_ms));
        let followed = |(initiator, product): (u32, u32), stages: &Stages| {
            let answer = || answer(stages, joined(initiator, product));
            initiator == asker && answer().is_some_and(|(_, kind)| kind == InviteKind::Joined)
        };
        recent.filter(|(key, stages)| !followed(**key, stages)).count()
    }

    /// Invitations from `initiator` to other products than `product` since `since_ms`.
    pub(crate) fn by_initiator_since(&self, invited: u32, initiator: u32, product: u32, since_ms: i64) -> usize {
        let hers = self.inbox(invited).filter(|((from, about), _)| *from == initiator && *about != product);
        hers.filter(|(_, stages)| reached(stages).is_some_and(|at| at >= since_ms)).count()
    }

    /// Forgets what a deleted user was invited to, and what she invited others to.
    pub(crate) fn forget(&mut self, user: u32) {
        self.inboxes.remove(&user);
        for invited in self.invited_by.remove(&user).into_iter().flatten() {
            if let Some(inbox) = self.inboxes.get_mut(&invited) {
                *inbox = inbox.iter().filter(|(key, _)| key.0 != user).map(|(key, all)| (*key, all.clone())).collect();
            }
        }
    }

    fn inbox(&self, invited: u32) -> impl Iterator<Item = (&(u32, u32), &Stages)> {
        self.inboxes.get(&invited).into_iter().flatten()
    }
}

/// When an invitation was last suggested or sent.
fn reached(stages: &Stages) -> Option<i64> {
    stages.get(&InviteKind::Suggested).max(stages.get(&InviteKind::Sent)).copied()
}

/// What was answered last to an invitation, that is joined or declined, and when.
fn answer(stages: &Stages, joined: Option<i64>) -> Option<(i64, InviteKind)> {
    let reported = stages.range(InviteKind::Joined..=InviteKind::Declined).map(|(kind, at)| (*at, *kind));
    reported.chain(joined.map(|at| (at, InviteKind::Joined))).max()
}

#[cfg(test)]
mod tests {
    //! 1. The same reports in any order, repeated or not, give the same state and the same counts.
    //! 2. An invitation goes its stages, and its latest end counts.
    //! 3. Of mutes and what takes them back the latest counts, whatever the product; what was answered stays.
    //! 4. Who is forgotten never invited anybody and was never invited.

    use proptest::prelude::*;

    use super::*;

    type Report = (u32, u32, u32, usize, i64);

    fn reports() -> impl Strategy<Value = Vec<Report>> {
        proptest::collection::vec((0u32..3, 0u32..3, 0u32..2, 0usize..InviteKind::ALL.len(), 0i64..20), 0..30)
    }

    fn played<'a>(reports: impl Iterator<Item = &'a Report>) -> Invites {
        let mut invites = Invites::default();
        for &(invited, initiator, product, kind, at) in reports {
            invites.note(invited, initiator, product, InviteKind::ALL[kind], at);
        }
        invites
    }

    fn told(invites: &Invites) -> Vec<(Option<InviteKind>, Option<i64>, [usize; 3])> {
        let keys =
            (0..3).flat_map(|invited| (0..3).flat_map(move |from| (0..2).map(move |about| (invited, from, about))));
        keys.map(|(invited, from, about)| {
            let counts = [
                invites.suggested_since(invited, from, about, 10),
                invites.invited_since(invited, from, 10, |_, _| None),
                invites.by_initiator_since(invited, from, about, 10),
            ];
            (invites.state(invited, from, about, || None), invites.muted_at(invited, from), counts)
        })
        .collect()
    }

    proptest! {
        #[test]
        fn order_and_repeats_change_nothing(reports in reports(), order in any::<proptest::sample::Index>()) {
            let turned = order.index(reports.len() + 1).min(reports.len());
            let (head, tail) = reports.split_at(turned);
            let others = played(tail.iter().chain(head).chain(tail.iter().rev()));
            prop_assert_eq!(told(&played(reports.iter())), told(&others));
        }

        #[test]
        fn who_is_forgotten_was_never_there(reports in reports(), gone in 0u32..3) {
            let mut invites = played(reports.iter());
            invites.forget(gone);
            let without = played(reports.iter().filter(|report| report.0 != gone && report.1 != gone));
            prop_assert_eq!(told(&invites), told(&without));
        }
    }

    #[test]
    fn an_invitation_goes_its_stages() {
        let mut invites = Invites::default();
        for (at, kind) in (0..).zip([InviteKind::Suggested, InviteKind::Sent, InviteKind::Opened, InviteKind::Declined])
        {
            assert!(invites.note(1, 0, 7, kind, at));
            assert_eq!(invites.state(1, 0, 7, || None), Some(kind));
        }
        assert!(!invites.note(1, 0, 7, InviteKind::Declined, 3), "no news");
        invites.note(1, 0, 7, InviteKind::Sent, 9);
        assert_eq!(invites.state(1, 0, 7, || None), Some(InviteKind::Declined), "a no is not asked away");
        invites.note(1, 0, 7, InviteKind::Joined, 10);
        assert_eq!(invites.state(1, 0, 7, || None), Some(InviteKind::Joined));
    }

    #[test]
    fn a_mute_is_taken_back() {
        let mut invites = Invites::default();
        let mut told = |product: u32, kind, at| {
            invites.note(1, 0, product, kind, at);
            (invites.muted_at(1, 0), invites.state(1, 0, 7, || None))
        };
        assert_eq!(told(7, InviteKind::Declined, 1), (None, Some(InviteKind::Declined)));
        assert_eq!(told(7, InviteKind::Muted, 2), (Some(2), Some(InviteKind::Muted)));
        assert_eq!(told(8, InviteKind::Unmuted, 2), (Some(2), Some(InviteKind::Muted)), "of the same moment the mute");
        assert_eq!(told(8, InviteKind::Unmuted, 4), (None, Some(InviteKind::Declined)), "a no stays a no");
        assert_eq!(told(9, InviteKind::Muted, 3), (None, Some(InviteKind::Declined)), "that was before");
        assert_eq!(told(9, InviteKind::Muted, 5), (Some(5), Some(InviteKind::Declined)), "said of another product");
        assert_eq!(invites.state(1, 0, 8, || None), None);
    }
}
