//! Tests of the crate from outside: one binary, one module for each subject.

mod importers;
mod training;
