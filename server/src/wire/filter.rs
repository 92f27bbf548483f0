//! The market and the conditions of a question.

use juntos_datasets::units::{Country, Currency};
use juntos_engine::request::{self, MAX_EXCLUDED};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult, Code};
use crate::read::{count_at, ids_at};
use crate::wire::schema;

/// Where the person shops.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// Country of delivery; the user's own when absent.
    #[schema(schema_with = schema::country)]
    pub country: Option<Country>,
    /// Currency the market pays in.
    #[schema(schema_with = schema::currency)]
    pub currency: Option<Currency>,
    /// Payment methods the person can use; empty means any.
    #[serde(default)]
    pub payment_methods: Vec<String>,
}

impl Market {
    /// The engine's market.
    ///
    /// # Errors
    /// A list is too long.
    pub fn into_engine(self) -> ApiResult<request::Market> {
        count_at("market.payment_methods", self.payment_methods.len(), MAX_EXCLUDED)?;
        Ok(request::Market { country: self.country, currency: self.currency, payment_methods: self.payment_methods })
    }
}

/// Conditions on products. Every list is "any of", every field narrows; the default allows all.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Products, 1 to 1,000: nothing else is ranked. Ids that nobody knows are listed in `missing`.
    #[schema(min_items = 1, max_items = 1000)]
    pub product_ids: Option<Vec<String>>,
    /// Category paths; a path takes in everything below it.
    #[schema(example = json!(["toys/outdoor"]))]
    pub categories: Vec<String>,
    /// Category paths to leave out.
    pub not_categories: Vec<String>,
    /// Brands.
    pub brands: Vec<String>,
    /// Sellers.
    pub seller_ids: Vec<String>,
    /// Sellers to leave out.
    pub not_seller_ids: Vec<String>,
    /// Country the product must be deliverable to; the market's when absent.
    #[schema(schema_with = schema::country)]
    pub ship_to: Option<Country>,
    /// Payment methods, one of which must be accepted there; the market's when empty.
    pub payment_methods: Vec<String>,
    /// Delivery within this many days.
    pub max_delivery_days: Option<u32>,
    /// Currency of the price bounds; the market's when absent. Prices in other currencies match a bound where the
    /// operator gave rates, and do not otherwise.
    #[schema(schema_with = schema::currency)]
    pub currency: Option<Currency>,
    /// Lowest price for one buyer, minor units, inclusive.
    #[schema(minimum = 0)]
    pub price_min_minor: Option<i64>,
    /// Highest price for one buyer, minor units, inclusive.
    #[schema(minimum = 0)]
    pub price_max_minor: Option<i64>,
    /// Only products with a team price.
    pub team_price: bool,
}

impl Filter {
    /// The engine's filter, in the currency of `market` where it names none.
    ///
    /// # Errors
    /// A list is too long, `product_ids` is empty or has what is no id, a price is negative, or a price bound has no
    /// currency.
    pub fn into_engine(self, market: &request::Market) -> ApiResult<request::Filter> {
        let currency = self.currency.or(market.currency);
        self.check(currency)?;
        Ok(request::Filter {
            product_ids: self.product_ids.map_or(Ok(Vec::new()), candidates)?,
            categories: self.categories,
            not_categories: self.not_categories,
            brands: self.brands,
            seller_ids: self.seller_ids,
            not_seller_ids: self.not_seller_ids,
            ship_to: self.ship_to,
            payment_methods: self.payment_methods,
            max_delivery_days: self.max_delivery_days,
            currency,
            price_min_minor: self.price_min_minor,
            price_max_minor: self.price_max_minor,
            team_price: self.team_price,
        })
    }

    fn check(&self, currency: Option<Currency>) -> ApiResult<()> {
        let lists = [
            ("filter.categories", &self.categories),
            ("filter.not_categories", &self.not_categories),
            ("filter.brands", &self.brands),
            ("filter.seller_ids", &self.seller_ids),
            ("filter.not_seller_ids", &self.not_seller_ids),
            ("filter.payment_methods", &self.payment_methods),
        ];
        for (path, list) in lists {
            count_at(path, list.len(), MAX_EXCLUDED)?;
        }
        for (path, bound) in
            [("filter.price_min_minor", self.price_min_minor), ("filter.price_max_minor", self.price_max_minor)]
        {
            check_price(path, bound, currency)?;
        }
        Ok(())
    }
}

/// The products that alone are to be ranked. The engine has none where all may be, so that an empty list has to be refused
/// here.
fn candidates(ids: Vec<String>) -> ApiResult<Vec<String>> {
    let path = "filter.product_ids";
    if ids.is_empty() {
        let message = format!("`{path}` is empty; name 1 to {MAX_EXCLUDED} products, or leave it out");
        return Err(ApiError::new(Code::InvalidCount, message));
    }
    ids_at(path, ids, MAX_EXCLUDED)
}

fn check_price(path: &str, bound: Option<i64>, currency: Option<Currency>) -> ApiResult<()> {
    match (bound, currency) {
        (Some(minor), _) if minor < 0 => {
            let message = format!("`{path}` is {minor}; prices are 0 or more minor units");
            Err(ApiError::new(Code::InvalidField, message))
        }
        (Some(_), None) => {
            let message = format!("`{path}` has no currency; add `filter.currency` or `market.currency`");
            Err(ApiError::new(Code::InvalidFilter, message))
        }
        _ => Ok(()),
    }
}
