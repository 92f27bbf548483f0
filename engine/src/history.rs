//! What was bought before the cut: possessions, buyers, popularity.

use bytemuck::{Pod, Zeroable};
use juntos_datasets::units::{Country, Timestamp};

use crate::bundle::Column;
use crate::bundle::shapes::Lists;
use crate::catalogue::moment;
use crate::friends::Weighted;

/// What one user has had of one product before the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct StoredPossession {
    /// Last purchase or gift, milliseconds since 1970; [`StoredPossession::last`] reads it.
    pub last_ms: i64,
    /// Row of the product.
    pub product: u32,
    /// Purchases, gifts to others not included.
    pub purchases: u32,
    /// Gifts to others.
    pub gifts: u32,
    pub(crate) padding: u32,
}

impl StoredPossession {
    /// Last purchase or gift, where the data tells when.
    pub fn last(&self) -> Option<Timestamp> {
        moment(self.last_ms)
    }
}

/// The stars that a rating stands for: those from 1 to 5. Other scales say nothing that could be compared.
pub(crate) fn stars(rating: Option<f64>) -> Option<f32> {
    rating.filter(|stars| (1.0..=5.0).contains(stars)).map(|stars| stars as f32)
}

/// History by user and by product.
pub(crate) struct History {
    pub(crate) possessions: Lists<StoredPossession>,
    pub(crate) buyers: Lists<u32>,
    pub(crate) popularity: Column<f32>,
    pub(crate) trend: Column<f32>,
    pub(crate) ranking: Column<u32>,
    pub(crate) countries: Column<[u8; 2]>,
    pub(crate) by_country: Weighted,
}

impl History {
    /// Position of a country among those with a list of their own.
    pub(crate) fn country(&self, country: Country) -> Option<usize> {
        self.countries.binary_search(&country.bytes()).ok()
    }
}
