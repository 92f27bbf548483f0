//! Products since the cut: new ones, changed records, deletions.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet, Vector};

use super::records::ProductRecord;
use crate::bundle::short_hash;

/// A product put or deleted since the cut.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Good {
    /// Its record; none once it has been deleted.
    pub(crate) record: Option<ProductRecord>,
    /// Vector of a product that the bundle does not have, made from its record. The live index has it too.
    pub(crate) vector: Option<Box<[f32]>>,
}

/// Changes to products; what is not in here is as the bundle has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Goods {
    rows: HashMap<Arc<str>, u32>,
    /// Ids of new products: the first has row `n_products` of the bundle.
    ids: Vector<Arc<str>>,
    /// Rows of new products behind the [`short_hash`] of their ids.
    by_short_hash: OrdSet<(u64, u32)>,
    changed: OrdMap<u32, Arc<Good>>,
    generation: u64,
    /// Age limits of changed products, ascending.
    age_limits: Vec<u32>,
}

impl Goods {
    /// Row of a product that is new since the cut.
    pub(crate) fn row(&self, id: &str) -> Option<u32> {
        self.rows.get(id).copied()
    }

    /// Id of the `at`-th new product.
    pub(crate) fn id(&self, at: usize) -> &str {
        &self.ids[at]
    }

    /// Number of new products, deleted ones included.
    pub(crate) fn n_new(&self) -> usize {
        self.ids.len()
    }

    /// Rows of new products whose ids have this [`short_hash`]: nearly always one or none.
    pub(crate) fn rows_by_short_hash(&self, hash: u64) -> impl Iterator<Item = u32> {
        self.by_short_hash.range((hash, 0)..=(hash, u32::MAX)).map(|&(_, row)| row)
    }

    /// The change to `row`.
    pub(crate) fn get(&self, row: u32) -> Option<&Arc<Good>> {
        if self.changed.is_empty() { None } else { self.changed.get(&row) }
    }

    /// Every change, by row.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (u32, &Good)> {
        self.changed.iter().map(|(&row, good)| (row, &**good))
    }

    /// Counts up with each change, so that what was derived from the catalogue can tell that it is stale.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Age limits that changed products have or had, ascending.
    pub(crate) fn age_limits(&self) -> &[u32] {
        &self.age_limits
    }

    /// Gives a new product the row `first_row + len()`.
    pub(crate) fn add(&mut self, id: &str, first_row: usize) -> u32 {
        let row = (first_row + self.ids.len()) as u32;
        self.by_short_hash.insert((short_hash(id), row));
        let id: Arc<str> = id.into();
        self.rows.insert(id.clone(), row);
        self.ids.push_back(id);
        row
    }

    /// Changes a product.
    pub(crate) fn set(&mut self, row: u32, good: Good) {
        if let Some(limit) = good.record.as_ref().and_then(|record| record.min_age)
            && let Err(at) = self.age_limits.binary_search(&limit)
        {
            self.age_limits.insert(at, limit);
        }
        self.changed.insert(row, Arc::new(good));
        self.generation += 1;
    }
}
