//! The friend graph of a bundle: ties, blocks, and who joined whose teams.

use crate::bundle::Column;
use crate::bundle::shapes::Lists;

/// Lists of users with one number for each entry.
pub(crate) struct Weighted {
    pub(crate) rows: Lists<u32>,
    pub(crate) weights: Column<f32>,
}

impl Weighted {
    /// Rows and weights of one list.
    pub(crate) fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.rows.range(row);
        (&self.rows.items()[range.clone()], &self.weights[range])
    }
}

/// Everything between users, by user row.
pub(crate) struct Ties {
    pub(crate) friends: Weighted,
    pub(crate) co_joined: Weighted,
    pub(crate) blocked: Lists<u32>,
}
