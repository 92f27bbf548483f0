//! Integration tests of the trainer, one binary.

#[path = "main/models.rs"]
mod models;
