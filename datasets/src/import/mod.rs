//! Foreign files become a dataset: one contract for all formats.
//!
//! Every importer reads its files line by line, checks every row, and either writes a whole dataset or nothing. What it
//! refuses is listed, with file, line, column, reason and how to mend it, in `OUT.quarantine.ndjson` beside the dataset.
//! The same files give the same bytes. Memory grows with the number of ids and ties, never with that of events that have
//! no id of their own.

mod gorse;
mod groups;
mod intake;
mod known;
mod lightgcn;
mod record;
mod report;
mod tables;
mod teams;
mod text;

pub use gorse::{Gorse, gorse};
pub use groups::{GroupFiles, groups};
pub use lightgcn::{LightGcn, lightgcn};
pub use report::{FileCount, ImportReport, TableCount};
pub use tables::{RecordFormat, TableFiles, tables};
pub use teams::{TeamFiles, teams};

pub use crate::quarantine::OnError;
