//! Where products for a list come from: each source proposes drafts, none decides.

pub(crate) mod repurchase;
pub(crate) mod similar;
pub(crate) mod social;
pub(crate) mod taste;
pub(crate) mod trending;

use std::sync::Arc;

use juntos_datasets::units::Timestamp;

use crate::live::teams::Team;
use crate::request::Source;

/// A product that might be shown, and what speaks for it.
#[derive(Debug, Clone)]
pub(crate) struct ProductDraft {
    pub(crate) row: u32,
    pub(crate) source: Source,
    /// Bigger is better, within one list.
    pub(crate) score: f32,
    /// Consenting friends who bought it before today.
    pub(crate) friends_bought: usize,
    /// Product of the same person, or of the question, that it is like.
    pub(crate) because_of: Option<u32>,
    /// A friend's open team on it.
    pub(crate) team: Option<Arc<Team>>,
    /// When the last one bought is expected to be used up.
    pub(crate) due: Option<Timestamp>,
}

impl ProductDraft {
    /// A draft of which only its source and score are known.
    pub(crate) fn new(row: u32, source: Source, score: f32) -> Self {
        Self { row, source, score, friends_bought: 0, because_of: None, team: None, due: None }
    }
}

/// Orders drafts: best first, equal scores by row.
pub(crate) fn best_first(a: &ProductDraft, b: &ProductDraft) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}
