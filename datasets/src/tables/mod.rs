//! The tables of a dataset.

mod rows;

pub use rows::*;
