//! What we know, and what to answer: bundle, vector index, friend graph, live state, recommenders, privacy.

#![deny(unsafe_code)]

mod allowed;
pub mod audience;
pub mod bitmap;
pub mod bundle;
mod candidates;
pub mod catalogue;
pub mod cohorts;
pub mod content;
pub mod cursor;
pub mod error;
pub mod exchange;
mod explain;
pub mod explanation;
pub mod filter;
pub mod fold;
mod friends;
mod history;
pub mod index;
pub mod live;
pub mod month;
pub mod offers;
mod privacy;
pub mod rank;
pub mod reasons;
pub mod recommend;
pub mod request;
pub mod rhythm;
pub mod rules;
pub mod serving_model;
pub mod texts;
pub mod together;
mod trace;
pub mod vectors;
mod verdict;
mod viewer;

pub use bundle::Bundle;
pub use error::EngineError;
pub use privacy::certain_age;
pub use recommend::{Engine, Snapshot};
