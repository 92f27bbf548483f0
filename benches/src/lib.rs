//! What the measuring programs in `bin` share: arrays on disk, made-up vectors, exact answers, and figures.

#![forbid(unsafe_code)]

pub mod generate;
pub mod npy;
pub mod process;
pub mod recall;
pub mod scan;
pub mod statistics;
