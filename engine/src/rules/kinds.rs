//! A kind of product, as a filter says it: worked out once over the bundle, and record by record for what was put since.

use crate::allowed::Conditions;
use crate::bitmap::Bitmap;
use crate::bundle::Bundle;
use crate::exchange::Rates;
use crate::filter;
use crate::live::records::ProductRecord;
use crate::recommend::Snapshot;
use crate::request::{Filter, Market};

/// The products that meet a filter, apart from those that nobody may be shown.
#[derive(Debug)]
pub(crate) struct Kind {
    filter: Filter,
    rates: Rates,
    stored: Bitmap,
}

impl Kind {
    /// Looks at every product of the bundle once.
    pub(crate) fn of(bundle: &Bundle, filter: &Filter, rates: &Rates) -> Self {
        let stored = filter::allowed(bundle, filter, &Market::default(), Some(u32::MAX), rates);
        Self { filter: filter.clone(), rates: rates.clone(), stored }
    }

    /// The products of the bundle, as they were at the cut.
    pub(crate) fn stored(&self) -> &Bitmap {
        &self.stored
    }

    /// Whether a product that was put since the cut is of this kind.
    pub(crate) fn takes_in(&self, record: &ProductRecord) -> bool {
        let market = Market::default();
        record.fits(&Conditions { filter: &self.filter, market, age: u32::MAX, excluded: 0, rates: &self.rates })
    }

    /// Whether a product is of this kind now.
    pub(crate) fn holds(&self, world: &Snapshot, row: u32) -> bool {
        match world.live.goods.get(row) {
            Some(good) => good.record.as_ref().is_some_and(|record| self.takes_in(record)),
            None => self.stored.contains(row),
        }
    }
}
