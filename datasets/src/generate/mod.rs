//! Worlds made from a seed, with structure planted in them that models can find again.
//!
//! What is planted, and where to read about it: the six [`markets`], [`categories`] with seasons and repurchase cycles,
//! latent tastes of people and products, communities and circles of friends in them, goods with a long
//! tail of popularity, the way a person chooses, whether she would rather pay less or wait less, teams that fill when the friends like the product and are close, and
//! the events that follow from all this over eighteen months up to [`END`]. No clock is read. Everything is drawn from
//! streams of randomness that belong to one user, product or seller, so neither order nor threads change a byte.

pub mod categories;
mod checkerboard;
mod choice;
mod circles;
mod delivery;
mod events;
pub mod markets;
mod people;
mod planted;
mod products;
mod random;
mod stream;
mod tastes;
mod teams;
mod texts;
mod write;

pub use checkerboard::checkerboard;
pub use circles::{Circles, Tie};
pub use delivery::{PRICE_WEIGHT, haste_of_market};
pub use events::PlantedEvent;
pub use people::Person;
pub use planted::Planted;
pub use products::{Good, Shop};
pub use stream::{Rows, product_id, seller_id, team_id, user_id};
pub use tastes::{TASTE_DIM, Taste, affinity};
pub use teams::{PlantedTeam, join_probability};
pub use write::generate;

use crate::units::Timestamp;

/// End of every world, 2026-06-30T00:00:00Z: the moment from which its data looks back.
pub const END: Timestamp = Timestamp::from_millis(1_782_777_600_000);

/// First moment with events: eighteen months before [`END`].
pub const START: Timestamp = Timestamp::from_millis(END.millis() - 547 * Timestamp::DAY_MS);

/// What world to make. The same world gives the same bytes, whatever the number of threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Number of users.
    pub users: u32,
    /// Number of products.
    pub products: u32,
    /// Number of events, about; [`World::EVENTS_PER_USER`] for each user when absent.
    pub events: Option<u64>,
    /// Days before [`END`] whose events and teams are marked as the test, at most [`World::MOST_TEST_DAYS`]; 0 marks none.
    /// Ties are those at the end.
    pub test_days: u16,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

impl World {
    /// Mean number of events of a user where the world does not say.
    pub const EVENTS_PER_USER: u64 = 20;

    /// Most days that can be marked as the test.
    pub const MOST_TEST_DAYS: u16 = 365;

    /// The moment from which on rows are the test, if there is one.
    pub fn test_from(&self) -> Option<Timestamp> {
        let days = self.test_days.min(Self::MOST_TEST_DAYS);
        (days > 0).then(|| END.plus_days(-f64::from(days)))
    }

    /// Lays the world out in memory, with the truth behind it.
    pub fn planted(&self) -> Planted {
        Planted::new(self)
    }
}

impl Default for World {
    /// The world of `juntos demo`.
    fn default() -> Self {
        Self { users: 20_000, products: 5_000, events: None, test_days: 0, seed: 1 }
    }
}

#[cfg(test)]
mod tests;
