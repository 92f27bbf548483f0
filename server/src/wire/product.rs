//! A product as sellers send it and as it is given back.

use juntos_datasets::units::{Country, Currency, Language, Timestamp};
use juntos_engine::live::records::{OfferRecord, ProductRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult, Code};
use crate::wire::schema;

/// One offer of a product: by a seller, at a price, delivered to a country.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Who sells it; the product's seller when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<String>,
    /// Price for one buyer, minor units of the product's currency; the product's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub price_minor: Option<i64>,
    /// Country that it delivers to.
    #[schema(schema_with = schema::country)]
    pub country: Country,
    /// Fewest days until delivery.
    pub min_days: u32,
    /// Most days until delivery.
    pub max_days: u32,
    /// Delivery cost in minor units of the product's currency.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub cost_minor: i64,
    /// Payment methods accepted there; empty means any.
    #[serde(default)]
    pub payment_methods: Vec<String>,
}

/// One product as its seller offers it. Absent and `null` mean unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Product, example = json!({
    "title": "Cometa de colores", "category": "toys/outdoor", "price_minor": 1299, "currency": "EUR",
    "group_price_minor": 999, "group_min_size": 3, "stock": 40
}))]
pub struct Product {
    /// The id; the path's when absent.
    pub product_id: Option<String>,
    /// Who sells it.
    pub seller_id: Option<String>,
    /// Title in `language`.
    pub title: Option<String>,
    /// Description in `language`.
    pub description: Option<String>,
    /// Language of the texts.
    #[schema(schema_with = schema::language)]
    pub language: Option<Language>,
    /// Path from general to particular, `a/b/c`.
    pub category: Option<String>,
    /// Brand.
    pub brand: Option<String>,
    /// Price for one buyer, minor units of `currency`.
    #[schema(minimum = 0)]
    pub price_minor: Option<i64>,
    /// Currency of every amount here; needed with any price.
    #[schema(schema_with = schema::currency)]
    pub currency: Option<Currency>,
    /// Price for each member of a team; `price_minor` at most.
    #[schema(minimum = 0)]
    pub group_price_minor: Option<i64>,
    /// Buyers a team needs, initiator included.
    #[schema(minimum = 2)]
    pub group_min_size: Option<u32>,
    /// Pieces in stock; absent means not counted, 0 means sold out.
    #[schema(minimum = 0)]
    pub stock: Option<i64>,
    /// Country it ships from.
    #[schema(schema_with = schema::country)]
    pub ships_from: Option<Country>,
    /// Where and how it is delivered; empty means everywhere.
    pub offers: Vec<Offer>,
    /// Youngest age in years that may see it.
    pub min_age: Option<u32>,
    /// Never used in social proof.
    pub sensitive: bool,
    /// When it was listed.
    #[schema(schema_with = schema::time)]
    pub created_at: Option<Timestamp>,
    /// Picture.
    pub image_url: Option<String>,
    /// Withdrawn from every answer.
    pub hidden: bool,
}

impl Product {
    /// The engine's record of the product called `id`.
    ///
    /// # Errors
    /// The body names another id.
    pub fn into_record(self, id: &str) -> ApiResult<ProductRecord> {
        same_id("product_id", self.product_id.as_deref(), id)?;
        Ok(ProductRecord {
            product_id: id.to_owned(),
            seller_id: self.seller_id,
            title: self.title,
            description: self.description,
            language: self.language,
            category: self.category,
            brand: self.brand,
            price_minor: self.price_minor,
            currency: self.currency,
            group_price_minor: self.group_price_minor,
            group_min_size: self.group_min_size,
            stock: self.stock,
            ships_from: self.ships_from,
            offers: self.offers.into_iter().map(OfferRecord::from).collect(),
            min_age: self.min_age,
            sensitive: self.sensitive,
            created_at: self.created_at,
            image_url: self.image_url,
            hidden: self.hidden,
        })
    }
}

/// The id in a body, where there is one, must be the path's.
pub(crate) fn same_id(field: &str, in_body: Option<&str>, in_path: &str) -> ApiResult<()> {
    match in_body {
        Some(other) if other != in_path => {
            let message = format!("`{field}` is not the id in the path; leave it out, or make both the same");
            Err(ApiError::new(Code::InvalidField, message))
        }
        _ => Ok(()),
    }
}

impl From<Offer> for OfferRecord {
    fn from(offer: Offer) -> Self {
        let Offer { seller_id, price_minor, country, min_days, max_days, cost_minor, payment_methods } = offer;
        Self { seller_id, price_minor, country, min_days, max_days, cost_minor, payment_methods }
    }
}

impl From<OfferRecord> for Offer {
    fn from(offer: OfferRecord) -> Self {
        let OfferRecord { seller_id, price_minor, country, min_days, max_days, cost_minor, payment_methods } = offer;
        Self { seller_id, price_minor, country, min_days, max_days, cost_minor, payment_methods }
    }
}

impl From<ProductRecord> for Product {
    fn from(record: ProductRecord) -> Self {
        Self {
            product_id: Some(record.product_id),
            seller_id: record.seller_id,
            title: record.title,
            description: record.description,
            language: record.language,
            category: record.category,
            brand: record.brand,
            price_minor: record.price_minor,
            currency: record.currency,
            group_price_minor: record.group_price_minor,
            group_min_size: record.group_min_size,
            stock: record.stock,
            ships_from: record.ships_from,
            offers: record.offers.into_iter().map(Offer::from).collect(),
            min_age: record.min_age,
            sensitive: record.sensitive,
            created_at: record.created_at,
            image_url: record.image_url,
            hidden: record.hidden,
        }
    }
}
