//! Buying together: what a group could buy, whom to invite, which team to join, and how likely each is to come off.

pub(crate) mod evidence;
pub(crate) mod friends;
pub(crate) mod likely;
pub mod model;
pub mod opening;
pub(crate) mod patience;
pub(crate) mod products;
pub(crate) mod strategy;
pub(crate) mod teams;

pub use patience::InvitePolicy;
pub use products::MOST_COUNTED;
pub use strategy::Strategy;
