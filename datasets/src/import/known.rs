//! Ids met on the way, and the order in which they become rows.

use crate::error::RowFault;
use crate::ids::{IdMap, Row, check_id};

/// Ids of one kind.
pub(super) struct Known<R> {
    ids: IdMap<R>,
    listed: usize,
}

impl<R: Row> Known<R> {
    pub(super) fn new() -> Self {
        Self { ids: IdMap::new(), listed: 0 }
    }

    pub(super) fn see(&mut self, id: &str) -> R {
        self.ids.insert(id)
    }

    /// Whether the id had not been seen before.
    pub(super) fn see_new(&mut self, id: &str) -> bool {
        let before = self.ids.len();
        self.ids.insert(id);
        self.ids.len() > before
    }

    /// Every id seen so far has a row in its table already.
    pub(super) fn all_listed(&mut self) {
        self.listed = self.ids.len();
    }

    pub(super) fn id(&self, row: R) -> &str {
        self.ids.id(row)
    }

    /// Ids without a row in their table: whole numbers first, by value, then the others by their bytes.
    pub(super) fn in_natural_order(&self) -> Vec<&str> {
        let mut keyed: Vec<_> =
            self.ids.ids().skip(self.listed).map(|id| (id.parse::<u64>().unwrap_or(u64::MAX), id)).collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, id)| id).collect()
    }
}

/// Checks an id of the column `column`.
pub(super) fn id_in<'t>(column: &str, text: &'t str) -> Result<&'t str, RowFault> {
    check_id(text).map_err(|fault| {
        let shown: String = text.chars().take(24).collect();
        RowFault::new(column, format!("`{shown}` is no id"), fault.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserRow;

    #[test]
    fn numbers_come_by_value_before_words() {
        let mut known: Known<UserRow> = Known::new();
        for id in ["10", "b", "9", "a", "9"] {
            known.see(id);
        }
        assert_eq!(known.in_natural_order(), ["9", "10", "a", "b"]);
    }
}
