//! Tests of the crate from outside: one binary, one module for each subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod importers;
mod training;
