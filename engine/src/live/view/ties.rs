//! Who is whose friend, who blocks whom, and who joined whose teams.

use juntos_datasets::tables::{Invites, PurchaseVisibility};

use crate::live::teams::Team;
use crate::recommend::Snapshot;

/// One friend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Friend {
    pub(crate) row: u32,
    /// 0 to 1.
    pub(crate) strength: f32,
    /// Whether the tie was put since the cut, for both of them: then she has it, too, without a look.
    pub(crate) of_both: bool,
}

impl Snapshot {
    /// Friends of a user who still exist and whom no block keeps apart from her, by row.
    pub(crate) fn friends_of(&self, user: u32) -> Vec<Friend> {
        let mut friends = Vec::new();
        self.each_friend(user, |friend| friends.push(friend));
        friends
    }

    /// Calls `told` for each friend that [`Self::friends_of`] tells of, by row.
    pub(crate) fn each_friend(&self, user: u32, mut told: impl FnMut(Friend)) {
        let (rows, strengths) = self.stored_user(user).map_or((&[][..], &[][..]), |row| self.bundle().friends(row));
        let blocks = self.blocks_anybody(user);
        let mut tell = |row: u32, strength: f32, of_both: bool| {
            let apart = blocks && self.blocked(user, row);
            if !apart && !self.live.people.is_deleted(row) {
                told(Friend { row, strength, of_both });
            }
        };
        // Two ascending lists: where both have a row, the change counts.
        let mut at = 0;
        if let Some(changes) = self.live.ties.changed(user) {
            changes.each(|(row, tie)| {
                while at < rows.len() && rows[at] < row {
                    tell(rows[at], strengths[at], false);
                    at += 1;
                }
                at += usize::from(at < rows.len() && rows[at] == row);
                if let Some(tie) = tie {
                    tell(row, tie.strength, tie.is_of_both());
                }
            });
        }
        (at..rows.len()).for_each(|at| tell(rows[at], strengths[at], false));
    }

    /// Whether `user` counts `other` among her friends, and the other way round: to follow somebody is not enough.
    pub(crate) fn mutual_friends(&self, user: u32, other: u32) -> bool {
        self.has_tie(user, other) && self.has_tie(other, user)
    }

    /// Whether `user` may be told to invite `friend`, or `friend` be invited by her, as far as consent goes: friends both
    /// ways, without a block, who takes invitations.
    pub(crate) fn takes_invitations(&self, friend: u32, user: u32) -> bool {
        let apart = self.blocked(user, friend) || self.live.people.is_deleted(friend);
        !apart && self.consent(friend).invites == Invites::Friends && self.mutual_friends(user, friend)
    }

    /// Whether `user` counts `other` among her friends, blocks aside.
    pub(crate) fn has_tie(&self, user: u32, other: u32) -> bool {
        if let Some(change) = self.live.ties.changed(user).and_then(|changes| changes.get(other)) {
            return change.is_some();
        }
        self.stored_user(user).is_some_and(|row| self.bundle().friends(row).0.binary_search(&other).is_ok())
    }

    /// Whether one of the two blocks the other.
    pub(crate) fn blocked(&self, user: u32, other: u32) -> bool {
        match self.live.ties.block(user, other) {
            Some(state) => state.any(),
            None => self.stored_user(user).is_some_and(|row| self.bundle().blocked(row).binary_search(&other).is_ok()),
        }
    }

    /// Whether blocks keep a user out of a team: a member blocks her, or she blocks one whom she may know to be in it. Were a
    /// block of her own enough, she could find out by it who is in a team.
    pub(crate) fn keeps_out(&self, user: u32, team: &Team) -> bool {
        self.blocks_anybody(user)
            && team.members().filter(|&member| member != user).any(|member| {
                let block = self.block_state(user, member);
                block.by_other || block.by_me && (team.initiator == Some(member) || self.could_know(user, member))
            })
    }

    /// Whether `user` could know what `member` buys, blocks aside.
    fn could_know(&self, user: u32, member: u32) -> bool {
        match self.consent(member).purchase_visibility {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => self.mutual_friends(user, member),
            PurchaseVisibility::Everyone => true,
        }
    }

    /// Whether a block stands, or has stood, between the user and somebody.
    pub(crate) fn blocks_anybody(&self, user: u32) -> bool {
        let stored = self.stored_user(user).is_some_and(|row| !self.bundle().blocked(row).is_empty());
        stored || self.live.ties.changed_blocks(user).is_some()
    }

    /// How many succeeded teams of `initiator` somebody joined.
    pub(crate) fn times_joined(&self, initiator: u32, by: u32) -> f32 {
        let (rows, times) = self.stored_user(initiator).map_or((&[][..], &[][..]), |row| self.bundle().co_joined(row));
        let stored = rows.binary_search(&by).map_or(0.0, |at| times[at]);
        stored + self.live.co_joined.get(&initiator).and_then(|since| since.get(&by)).copied().unwrap_or(0.0)
    }

    /// As [`Self::each_co_joined`], but of what happened since the cut only what `by` did herself.
    pub(crate) fn each_co_joined_before(&self, initiator: u32, by: u32, mut told: impl FnMut((u32, f32))) {
        let (rows, times) = self.stored_user(initiator).map_or((&[][..], &[][..]), |row| self.bundle().co_joined(row));
        let at = rows.partition_point(|&row| row < by);
        let behind = at + usize::from(rows.get(at) == Some(&by));
        let stored =
            |range: std::ops::Range<usize>| rows[range.clone()].iter().copied().zip(times[range].iter().copied());
        stored(0..at).for_each(&mut told);
        told((by, self.times_joined(initiator, by)));
        stored(behind..rows.len()).for_each(told);
    }

    /// Calls `told` for everybody who joined succeeded teams of `initiator`, by row, with the number of times: people who
    /// still exist.
    pub(crate) fn each_co_joined(&self, initiator: u32, told: impl FnMut((u32, f32))) {
        let (rows, times) = self.stored_user(initiator).map_or((&[][..], &[][..]), |row| self.bundle().co_joined(row));
        let stored = rows.iter().copied().zip(times.iter().copied());
        let exists = |&(row, _): &(u32, f32)| !self.live.people.is_deleted(row);
        let Some(since) = self.live.co_joined.get(&initiator) else { return stored.filter(exists).for_each(told) };
        let mut joined: std::collections::BTreeMap<u32, f32> = stored.collect();
        for (&row, &times) in since {
            *joined.entry(row).or_default() += times;
        }
        joined.into_iter().filter(exists).for_each(told);
    }
}
