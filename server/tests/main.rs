//! The HTTP API as a client sees it, on a small world made by hand, and the command line as a script runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[path = "main/world.rs"]
mod world;

#[path = "main/questions.rs"]
mod questions;

#[path = "main/explanations.rs"]
mod explanations;

#[path = "main/refusals.rs"]
mod refusals;

#[path = "main/rules.rs"]
mod rules;

#[path = "main/offers.rs"]
mod offers;

#[path = "main/currencies.rs"]
mod currencies;

#[path = "main/data.rs"]
mod data;

#[path = "main/large.rs"]
mod large;

#[path = "main/sellers.rs"]
mod sellers;

#[path = "main/events.rs"]
mod events;

#[path = "main/journal.rs"]
mod journal;

#[path = "main/transcripts.rs"]
mod transcripts;

#[path = "main/operations.rs"]
mod operations;

#[path = "main/document.rs"]
mod document;

#[path = "main/socket.rs"]
mod socket;

#[path = "main/commands.rs"]
mod commands;

#[path = "main/resume.rs"]
mod resume;
