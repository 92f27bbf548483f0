//! What we know, and what to answer: bundle, vector index, friend graph, live state, recommenders, privacy.

#![deny(unsafe_code)]

pub mod reasons;
pub mod request;
pub mod together;
