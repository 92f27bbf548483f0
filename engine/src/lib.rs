//! What we know, and what to answer: bundle, vector index, friend graph, live state, recommenders, privacy.

#![deny(unsafe_code)]

pub mod bitmap;
pub mod bundle;
pub mod catalogue;
pub mod error;
pub mod filter;
pub mod fold;
mod friends;
mod history;
pub mod index;
pub mod live;
pub mod reasons;
pub mod recommend;
pub mod request;
pub mod serving_model;
pub mod together;
pub mod vectors;

pub use bundle::Bundle;
pub use error::EngineError;
pub use recommend::{Engine, Snapshot};
