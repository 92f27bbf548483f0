//! Worlds made from a seed, with structure planted in them that models can find again.

mod checkerboard;

pub use checkerboard::checkerboard;

/// What world to make. The same world gives the same bytes, whatever the number of threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Number of users.
    pub users: u32,
    /// Number of products.
    pub products: u32,
    /// Number of events, about; [`World::EVENTS_PER_USER`] for each user when absent.
    pub events: Option<u64>,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

impl World {
    /// Mean number of events of a user where the world does not say.
    pub const EVENTS_PER_USER: u64 = 20;
}

impl Default for World {
    /// The world of `juntos demo`.
    fn default() -> Self {
        Self { users: 20_000, products: 5_000, events: None, seed: 1 }
    }
}
