//! Friendships and blocks since the cut, as changes to what the bundle holds.

use std::sync::Arc;

use imbl::OrdMap;
use juntos_datasets::tables::FriendshipKind;
use juntos_datasets::units::Timestamp;

use super::row_map::RowMap;

/// One direction of a tie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tie {
    pub(crate) kind: FriendshipKind,
    pub(crate) strength: f32,
    pub(crate) since: Option<Timestamp>,
}

impl Tie {
    /// Whether the other has it, too: nobody follows, so that it was put for both; later changes of hers alone make it no
    /// more than one that follows, and only both together lose it.
    pub(crate) fn is_of_both(&self) -> bool {
        self.kind != FriendshipKind::Follow
    }
}

/// Who of two people blocks the other, seen from one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BlockState {
    /// She blocks the other.
    pub(crate) by_me: bool,
    /// The other blocks her.
    pub(crate) by_other: bool,
}

impl BlockState {
    /// Whether the two are kept apart.
    pub(crate) fn any(self) -> bool {
        self.by_me || self.by_other
    }

    fn mirrored(self) -> Self {
        Self { by_me: self.by_other, by_other: self.by_me }
    }
}

/// Changed ties of one user: a short list, or a tree where there are many.
#[derive(Debug, Clone)]
pub(crate) enum Changes {
    /// By the friend's row; a question about many people reads one such list of each.
    Few(Arc<Vec<(u32, Option<Tie>)>>),
    /// By the friend's row.
    Many(OrdMap<u32, Option<Tie>>),
}

/// Changes from which on they are a tree: to copy the list for each change would cost more.
const MANY: usize = 64;

impl Default for Changes {
    fn default() -> Self {
        Self::Few(Arc::default())
    }
}

impl Changes {
    /// The change to the tie with `friend`.
    pub(crate) fn get(&self, friend: u32) -> Option<&Option<Tie>> {
        match self {
            Self::Few(list) => list.binary_search_by_key(&friend, |(row, _)| *row).ok().map(|at| &list[at].1),
            Self::Many(tree) => tree.get(&friend),
        }
    }

    /// Calls `told` for every change, by the friend's row.
    pub(crate) fn each(&self, told: impl FnMut((u32, &Option<Tie>))) {
        match self {
            Self::Few(list) => list.iter().map(|(row, tie)| (*row, tie)).for_each(told),
            Self::Many(tree) => tree.iter().map(|(row, tie)| (*row, tie)).for_each(told),
        }
    }

    fn put(&mut self, friend: u32, tie: Option<Tie>) {
        match self {
            Self::Few(list) => {
                let list = Arc::make_mut(list);
                match list.binary_search_by_key(&friend, |(row, _)| *row) {
                    Ok(at) => list[at].1 = tie,
                    Err(at) => list.insert(at, (friend, tie)),
                }
                if list.len() >= MANY {
                    *self = Self::Many(list.iter().copied().collect());
                }
            }
            Self::Many(tree) => {
                tree.insert(friend, tie);
            }
        }
    }
}

/// Changed ties and blocks; what is not in here is as the bundle has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ties {
    /// Per user and friend, the new tie, or none where it ended.
    friends: RowMap<Changes>,
    blocks: RowMap<OrdMap<u32, BlockState>>,
}

impl Ties {
    /// Changed ties of `user`, by the friend's row.
    pub(crate) fn changed(&self, user: u32) -> Option<&Changes> {
        self.friends.get(&user)
    }

    /// Changed blocks of `user`, by the other's row.
    pub(crate) fn changed_blocks(&self, user: u32) -> Option<&OrdMap<u32, BlockState>> {
        self.blocks.get(&user)
    }

    /// Changed block between two users, seen from `user`.
    pub(crate) fn block(&self, user: u32, other: u32) -> Option<BlockState> {
        self.blocks.get(&user)?.get(&other).copied()
    }

    /// Adds a tie, in both directions unless `user` follows `friend`.
    pub(crate) fn put(&mut self, user: u32, friend: u32, tie: Tie) {
        self.friends.entry(user).or_default().put(friend, Some(tie));
        if tie.is_of_both() {
            self.friends.entry(friend).or_default().put(user, Some(tie));
        }
    }

    /// Ends the ties between two users, in both directions.
    pub(crate) fn end(&mut self, user: u32, friend: u32) {
        self.friends.entry(user).or_default().put(friend, None);
        self.friends.entry(friend).or_default().put(user, None);
    }

    /// Sets who blocks whom, seen from `user`.
    pub(crate) fn set_block(&mut self, user: u32, other: u32, state: BlockState) {
        self.blocks.entry(user).or_default().insert(other, state);
        self.blocks.entry(other).or_default().insert(user, state.mirrored());
    }
}

#[cfg(test)]
mod tests {
    //! 1. Changes few or many are those of a plain map, in its order.
    //! 2. A tie that is said to be of both is one of the other's changes, too.

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn changes_are_those_of_a_plain_map(puts in prop::collection::vec((0u32..200, prop::option::of(0.0f32..1.0)), 0..300)) {
            let (mut changes, mut plain) = (Changes::default(), BTreeMap::new());
            for (friend, strength) in puts {
                let tie = strength.map(|strength| Tie { kind: FriendshipKind::Friend, strength, since: None });
                changes.put(friend, tie);
                plain.insert(friend, tie);
            }
            let mut told = Vec::new();
            changes.each(|(row, tie)| told.push((row, *tie)));
            prop_assert_eq!(told, plain.iter().map(|(row, tie)| (*row, *tie)).collect::<Vec<_>>());
            prop_assert!((0..210).all(|row| changes.get(row) == plain.get(&row)));
        }

        #[test]
        fn a_tie_of_both_is_the_others_too(changes in prop::collection::vec((0u32..4, 0u32..4, 0u8..3), 0..40)) {
            let mut ties = Ties::default();
            for (user, friend, what) in changes {
                let tie = |kind| Tie { kind, strength: 0.5, since: None };
                match what {
                    0 => ties.end(user, friend),
                    1 => ties.put(user, friend, tie(FriendshipKind::Follow)),
                    _ => ties.put(user, friend, tie(FriendshipKind::Friend)),
                }
            }
            for (user, friend) in (0..4).flat_map(|user| (0..4).map(move |friend| (user, friend))) {
                let has = |user, friend| ties.changed(user).and_then(|changes| *changes.get(friend)?);
                if has(user, friend).is_some_and(|tie| tie.is_of_both()) {
                    prop_assert!(has(friend, user).is_some());
                }
            }
        }
    }
}
