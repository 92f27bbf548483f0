//! The feed as a GET: the same question in a flat query string.

use juntos_datasets::tables::Surface;
use juntos_datasets::units::{Country, Currency};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::wire::filter::{Filter, Market};
use crate::wire::question::{Explain, FeedRequest};
use crate::wire::schema;

/// The feed question in a query string. Lists are separated by commas.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// The person; may be unknown.
    pub user_id: String,
    /// Where the answer is shown; bounds its items and bytes.
    #[param(schema_with = schema::surface)]
    pub surface: Option<Surface>,
    /// Country of delivery; the user's own when absent.
    #[param(schema_with = schema::country)]
    pub country: Option<Country>,
    /// Currency of the market and of the price bounds.
    #[param(schema_with = schema::currency)]
    pub currency: Option<Currency>,
    /// Payment methods the person can use.
    pub payment_methods: Option<String>,
    /// Most items wanted, 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Products, 1 to 1,000: nothing else is ranked.
    pub product_ids: Option<String>,
    /// Category paths.
    pub categories: Option<String>,
    /// Category paths to leave out.
    pub not_categories: Option<String>,
    /// Brands.
    pub brands: Option<String>,
    /// Sellers.
    pub seller_ids: Option<String>,
    /// Sellers to leave out.
    pub not_seller_ids: Option<String>,
    /// Country the product must be deliverable to; the market's when absent.
    #[param(schema_with = schema::country)]
    pub ship_to: Option<Country>,
    /// Delivery within this many days.
    pub max_delivery_days: Option<u32>,
    /// Lowest price for one buyer, minor units; needs `currency`.
    #[param(minimum = 0)]
    pub price_min_minor: Option<i64>,
    /// Highest price for one buyer, minor units; needs `currency`.
    #[param(minimum = 0)]
    pub price_max_minor: Option<i64>,
    /// Only products with a team price.
    pub team_price: Option<bool>,
    /// Products that must not appear.
    pub exclude: Option<String>,
    /// `next_cursor` of an earlier answer.
    pub cursor: Option<String>,
    /// Fields of items wanted; all when absent.
    pub fields: Option<String>,
    /// How much the answer explains itself; when absent `texts` with a `language`, `codes` without.
    #[param(inline)]
    pub explain: Option<Explain>,
    /// With `explain` as `full`: a product of which to tell where it is, or why it is not there.
    pub explain_product: Option<String>,
    /// Language of the reasons' texts as a BCP 47 tag.
    pub language: Option<String>,
    /// `false` gives an answer that uses nothing personal.
    pub personalise: Option<bool>,
    /// Whether products already bought may appear.
    pub include_bought: Option<bool>,
    /// How much the score counts against unlikeness to what the page has already, 0 to 1.
    #[param(minimum = 0, maximum = 1)]
    pub mmr_lambda: Option<f32>,
    /// `false` leaves out the places for new products.
    pub explore: Option<bool>,
}

fn list(text: Option<String>) -> Vec<String> {
    text.iter().flat_map(|text| text.split(',')).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

impl From<FeedQuery> for FeedRequest {
    fn from(query: FeedQuery) -> Self {
        let market =
            Market { country: query.country, currency: query.currency, payment_methods: list(query.payment_methods) };
        let filter = Filter {
            product_ids: query.product_ids.map(|ids| list(Some(ids))),
            categories: list(query.categories),
            not_categories: list(query.not_categories),
            brands: list(query.brands),
            seller_ids: list(query.seller_ids),
            not_seller_ids: list(query.not_seller_ids),
            ship_to: query.ship_to,
            // Those of the market hold where the filter has none of its own, and here the two have one name.
            payment_methods: Vec::new(),
            max_delivery_days: query.max_delivery_days,
            currency: None,
            price_min_minor: query.price_min_minor,
            price_max_minor: query.price_max_minor,
            team_price: query.team_price.unwrap_or(false),
        };
        Self {
            user_id: query.user_id,
            mmr_lambda: query.mmr_lambda,
            explore: query.explore,
            surface: query.surface,
            market: Some(market),
            limit: query.limit,
            filter: Some(filter),
            exclude: list(query.exclude),
            cursor: query.cursor,
            fields: query.fields.map(|fields| list(Some(fields))),
            explain: query.explain,
            explain_product: query.explain_product,
            language: query.language,
            personalise: query.personalise,
            include_bought: query.include_bought.unwrap_or(false),
        }
    }
}
