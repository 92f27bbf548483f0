//! Integration tests of the trainer, one binary.

#![allow(clippy::unwrap_used)]

#[path = "main/models.rs"]
mod models;
#[path = "main/new_products.rs"]
mod new_products;
