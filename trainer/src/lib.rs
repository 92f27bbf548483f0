//! From what happened to what we know: models, evaluation, export of a bundle.

#![forbid(unsafe_code)]

pub mod auto;
mod blend;
pub mod checkpoint;
pub mod config;
pub mod error;
pub mod evaluate;
pub mod export;
pub mod log;
pub mod logistic;
pub mod models;
pub mod newcomers;
pub mod prepare;
pub mod run;
pub mod together;
pub mod tracking;
pub mod tune;
