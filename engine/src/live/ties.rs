//! Friendships and blocks since the cut, as changes to what the bundle holds.

use imbl::{HashMap, OrdMap};
use juntos_datasets::tables::FriendshipKind;
use juntos_datasets::units::Timestamp;

/// One direction of a tie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tie {
    pub(crate) kind: FriendshipKind,
    pub(crate) strength: f32,
    pub(crate) since: Option<Timestamp>,
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

/// Changed ties and blocks; what is not in here is as the bundle has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ties {
    /// Per user and friend, the new tie, or none where it ended.
    friends: HashMap<u32, OrdMap<u32, Option<Tie>>>,
    blocks: HashMap<u32, OrdMap<u32, BlockState>>,
}

impl Ties {
    /// Changed ties of `user`, by the friend's row.
    pub(crate) fn changed(&self, user: u32) -> Option<&OrdMap<u32, Option<Tie>>> {
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
        self.friends.entry(user).or_default().insert(friend, Some(tie));
        if tie.kind != FriendshipKind::Follow {
            self.friends.entry(friend).or_default().insert(user, Some(tie));
        }
    }

    /// Ends the ties between two users, in both directions.
    pub(crate) fn end(&mut self, user: u32, friend: u32) {
        self.friends.entry(user).or_default().insert(friend, None);
        self.friends.entry(friend).or_default().insert(user, None);
    }

    /// Sets who blocks whom, seen from `user`.
    pub(crate) fn set_block(&mut self, user: u32, other: u32, state: BlockState) {
        self.blocks.entry(user).or_default().insert(other, state);
        self.blocks.entry(other).or_default().insert(user, state.mirrored());
    }
}
