//! Owned records: what clients write and read back, with the columns of the dataset tables.
//!
//! A `PATCH` is a read, a merge and a put; the engine knows whole records only.

mod events;
mod invites;
mod people;
mod products;
mod teams;

use juntos_datasets::ids::check_id;

use super::ChangeFault;

pub use events::EventRecord;
pub use invites::{InviteKind, InviteRecord};
pub use people::{FriendshipRecord, UserRecord};
pub use products::{OfferRecord, ProductRecord};
pub use teams::{KeptTeam, Opening, TeamRecord, TeamStep, TeamStepRecord};

/// Checks an id inside a record.
pub(super) fn known_id(field: &'static str, id: &str) -> Result<(), ChangeFault> {
    check_id(id).map(|_| ()).map_err(|fault| ChangeFault::BadRecord { field, problem: fault.to_string() })
}

/// Checks that two ids are ids, and of different people.
pub(super) fn two_people(field: &'static str, one: &str, other: &str) -> Result<(), ChangeFault> {
    known_id("user_id", one)?;
    known_id(field, other)?;
    if one == other {
        return Err(bad(field, "names the same person"));
    }
    Ok(())
}

fn bad(field: &'static str, problem: &str) -> ChangeFault {
    ChangeFault::BadRecord { field, problem: problem.to_owned() }
}
