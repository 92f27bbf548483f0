//! What is known of products.

use juntos_datasets::ProductRow;
use juntos_datasets::units::{Money, Timestamp};

use crate::live::records::ProductRecord;
use crate::recommend::Snapshot;
use crate::rhythm::Rhythm;

/// What serving needs to know of one product.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Goods<'a> {
    pub(crate) price: Option<Money>,
    pub(crate) group_price: Option<Money>,
    pub(crate) group_min_size: Option<u32>,
    pub(crate) title: Option<&'a str>,
    pub(crate) seller: Option<&'a str>,
    pub(crate) category: Option<&'a str>,
    pub(crate) brand: Option<&'a str>,
    pub(crate) min_age: Option<u32>,
    pub(crate) sensitive: bool,
    pub(crate) created_at: Option<Timestamp>,
}

impl Goods<'_> {
    /// What each member of a team saves against the price for one.
    pub(crate) fn saving(&self) -> Option<Money> {
        let (alone, together) = (self.price?, self.group_price?);
        let minor_units = alone.minor_units.checked_sub(together.minor_units).filter(|saving| *saving > 0)?;
        Some(Money { minor_units, currency: alone.currency })
    }
}

impl Snapshot {
    /// The bundle's row of a product, if the bundle has it.
    pub(crate) fn stored_product(&self, row: u32) -> Option<ProductRow> {
        ((row as usize) < self.bundle().n_products()).then_some(ProductRow(row))
    }

    /// Number of rows of products: the bundle's, then those that are new since, deleted ones included.
    pub(crate) fn n_products(&self) -> usize {
        self.bundle().n_products() + self.live.goods.n_new()
    }

    /// Row of a product that exists.
    pub(crate) fn product_row(&self, id: &str) -> Option<u32> {
        let row = self.live.goods.row(id).or_else(|| self.bundle().products().row(id).map(|row| row.0))?;
        self.product_exists(row).then_some(row)
    }

    /// Whether the product has not been deleted.
    pub(crate) fn product_exists(&self, row: u32) -> bool {
        self.live.goods.get(row).is_none_or(|good| good.record.is_some())
    }

    /// Id of a product.
    pub(crate) fn product_id(&self, row: u32) -> &str {
        match (row as usize).checked_sub(self.bundle().n_products()) {
            Some(at) => self.live.goods.id(at),
            None => self.bundle().products().id(ProductRow(row)),
        }
    }

    /// What serving needs to know of a product; a deleted one has nothing.
    pub(crate) fn goods(&self, row: u32) -> Goods<'_> {
        if let Some(good) = self.live.goods.get(row) {
            return good.record.as_ref().map(goods_of).unwrap_or_default();
        }
        let Some(stored) = self.stored_product(row) else { return Goods::default() };
        let catalogue = self.bundle().catalogue();
        Goods {
            price: catalogue.price(stored),
            group_price: catalogue.group_price(stored),
            group_min_size: catalogue.group_min_size(stored),
            title: catalogue.title(stored),
            seller: catalogue.seller(stored).map(|seller| self.bundle().sellers().id(seller)),
            category: catalogue.category(stored).map(|category| catalogue.category_path(category)),
            brand: catalogue.brand(stored),
            min_age: catalogue.min_age(stored),
            sensitive: catalogue.sensitive(stored),
            created_at: catalogue.created_at(stored),
        }
    }

    /// Whether a product must never be used in social proof.
    pub(crate) fn is_sensitive(&self, row: u32) -> bool {
        match (self.live.goods.get(row), self.stored_product(row)) {
            (Some(good), _) => good.record.as_ref().is_none_or(|record| record.sensitive),
            (None, Some(stored)) => self.bundle().catalogue().sensitive(stored),
            (None, None) => true,
        }
    }

    /// When and whether buyers buy the product again: of a product that is new since the cut, what its category tells.
    pub(crate) fn rhythm(&self, row: u32) -> Option<&Rhythm> {
        if let Some(stored) = self.stored_product(row) {
            return self.bundle().rhythm(stored);
        }
        let path = self.goods(row).category?.trim_matches('/');
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).collect::<Vec<_>>();
        let categories = self.bundle().catalogue().categories();
        let known = ends.into_iter().rev().find_map(|end| categories.row(&path[..end]))?;
        self.bundle().category_rhythm(known)
    }
}

fn goods_of(record: &ProductRecord) -> Goods<'_> {
    let money = |amount: Option<i64>| Some(Money { minor_units: amount?, currency: record.currency? });
    Goods {
        price: money(record.price_minor),
        group_price: money(record.group_price_minor),
        group_min_size: record.group_min_size,
        title: record.title.as_deref(),
        seller: record.seller_id.as_deref(),
        category: record.category.as_deref(),
        brand: record.brand.as_deref(),
        min_age: record.min_age,
        sensitive: record.sensitive,
        created_at: record.created_at,
    }
}
