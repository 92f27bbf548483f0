//! What we know, and what to answer: bundle, vector index, friend graph, live state, recommenders, privacy.

#![deny(unsafe_code)]

pub mod live;
pub mod reasons;
pub mod recommend;
pub mod request;
pub mod together;

pub use recommend::{Engine, Snapshot};
