//! What clients say of products and their offers.

use juntos_datasets::tables::{Offer, Product};
use juntos_datasets::units::{Country, Currency, Language, Timestamp};
use serde::{Deserialize, Serialize};

use super::{bad, known_id};
use crate::live::ChangeFault;

/// One offer of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferRecord {
    /// Who sells it; the product's seller when absent.
    #[serde(default)]
    pub seller_id: Option<String>,
    /// Price for one buyer, minor units of the product's currency; the product's when absent.
    #[serde(default)]
    pub price_minor: Option<i64>,
    /// Country that the offer delivers to.
    pub country: Country,
    /// Fewest days until delivery.
    pub min_days: u32,
    /// Most days until delivery.
    pub max_days: u32,
    /// Delivery cost in minor units of the product's currency.
    #[serde(default)]
    pub cost_minor: i64,
    /// Payment methods accepted there; empty means any.
    #[serde(default)]
    pub payment_methods: Vec<String>,
}

/// One product, as table `products` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductRecord {
    /// Outside id.
    pub product_id: String,
    /// Who sells it.
    pub seller_id: Option<String>,
    /// Title in `language`.
    pub title: Option<String>,
    /// Description in `language`.
    pub description: Option<String>,
    /// Language of the texts.
    pub language: Option<Language>,
    /// Path from general to particular, `a/b/c`.
    pub category: Option<String>,
    /// Brand.
    pub brand: Option<String>,
    /// Price for one buyer, minor units of `currency`.
    pub price_minor: Option<i64>,
    /// Currency of every amount in the record.
    pub currency: Option<Currency>,
    /// Price for each member of a team, minor units of `currency`.
    pub group_price_minor: Option<i64>,
    /// Buyers a team needs, initiator included; at least 2.
    pub group_min_size: Option<u32>,
    /// Pieces in stock; absent means not counted; zero means sold out.
    pub stock: Option<i64>,
    /// Country it ships from.
    pub ships_from: Option<Country>,
    /// Where and how it is delivered; empty means everywhere.
    #[serde(default)]
    pub offers: Vec<OfferRecord>,
    /// Youngest age in years that may see it.
    pub min_age: Option<u32>,
    /// Never used in social proof.
    #[serde(default)]
    pub sensitive: bool,
    /// When it was listed.
    pub created_at: Option<Timestamp>,
    /// Picture.
    pub image_url: Option<String>,
    /// Withdrawn from every answer.
    #[serde(default)]
    pub hidden: bool,
}

impl ProductRecord {
    /// A product of which only the id is known, with every default of the table.
    pub fn new(product_id: impl Into<String>) -> Self {
        Self {
            product_id: product_id.into(),
            seller_id: None,
            title: None,
            description: None,
            language: None,
            category: None,
            brand: None,
            price_minor: None,
            currency: None,
            group_price_minor: None,
            group_min_size: None,
            stock: None,
            ships_from: None,
            offers: Vec::new(),
            min_age: None,
            sensitive: false,
            created_at: None,
            image_url: None,
            hidden: false,
        }
    }

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("product_id", &self.product_id)?;
        if let Some(seller) = &self.seller_id {
            known_id("seller_id", seller)?;
        }
        let amounts = [("price_minor", self.price_minor), ("group_price_minor", self.group_price_minor)];
        for (field, amount) in amounts.into_iter().chain([("stock", self.stock)]) {
            if amount.is_some_and(|amount| amount < 0) {
                return Err(bad(field, "is negative"));
            }
        }
        if self.currency.is_none() && (self.price_minor.is_some() || self.group_price_minor.is_some()) {
            return Err(bad("currency", "is absent although the product has a price"));
        }
        if let (Some(group), Some(alone)) = (self.group_price_minor, self.price_minor)
            && group > alone
        {
            return Err(bad("group_price_minor", "is above price_minor; a team pays no more than a single buyer"));
        }
        if self.group_min_size.is_some_and(|size| size < 2) {
            return Err(bad("group_min_size", "is below 2"));
        }
        let unit = self.offers.iter().all(|offer| offer.price_minor.is_none());
        if self.currency.is_none() && !unit {
            return Err(bad("currency", "is absent although an offer has a price"));
        }
        self.offers.iter().try_for_each(OfferRecord::check)
    }

    /// The record as a row of table `products`.
    pub fn row(&self) -> Product<'_> {
        Product {
            product_id: &self.product_id,
            seller_id: self.seller_id.as_deref(),
            title: self.title.as_deref(),
            description: self.description.as_deref(),
            language: self.language.as_ref().map(Language::as_str),
            category: self.category.as_deref(),
            brand: self.brand.as_deref(),
            price_minor: self.price_minor,
            currency: self.currency.as_ref().map(Currency::as_str),
            group_price_minor: self.group_price_minor,
            group_min_size: self.group_min_size,
            stock: self.stock,
            ships_from: self.ships_from.as_ref().map(Country::as_str),
            offers: self.offers.iter().map(OfferRecord::row).collect(),
            min_age: self.min_age,
            sensitive: self.sensitive,
            created_at: self.created_at,
            image_url: self.image_url.as_deref(),
            hidden: self.hidden,
        }
    }
}

impl OfferRecord {
    /// An offer of the product's seller at its price, delivered to `country` within `min_days` to `max_days` at no cost.
    pub fn new(country: Country, min_days: u32, max_days: u32) -> Self {
        Self {
            seller_id: None,
            price_minor: None,
            country,
            min_days,
            max_days,
            cost_minor: 0,
            payment_methods: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), ChangeFault> {
        if self.min_days > self.max_days {
            return Err(bad("offers", "has more min_days than max_days"));
        }
        if self.cost_minor < 0 {
            return Err(bad("offers", "has a negative cost_minor"));
        }
        if self.price_minor.is_some_and(|price| price < 0) {
            return Err(bad("offers", "has a negative price_minor"));
        }
        self.seller_id.as_deref().map_or(Ok(()), |seller| known_id("offers", seller))
    }

    fn row(&self) -> Offer<'_> {
        Offer {
            seller_id: self.seller_id.as_deref(),
            price_minor: self.price_minor,
            country: self.country.as_str(),
            min_days: self.min_days,
            max_days: self.max_days,
            cost_minor: self.cost_minor,
            payment_methods: self.payment_methods.iter().map(String::as_str).collect(),
        }
    }
}
