//! Buying together: what a group could buy, whom to invite, which team to join, and how likely each is to come off.

pub mod model;
