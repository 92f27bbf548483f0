//! The bodies of the seven questions, and what they have in common.

use juntos_datasets::tables::Surface;
use juntos_engine::explanation as engine;
use juntos_engine::request::{Context, MAX_EXCLUDED, MAX_IDS, MAX_LIMIT};
use juntos_engine::together;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::door::Visit;
use crate::error::{ApiError, ApiResult, Code};
use crate::read::{count_at, id_at, ids_at, nearest};
use crate::wire::filter::{Filter, Market};
use crate::wire::language::Languages;
use crate::wire::schema;
use crate::wire::surface::Profile;

/// Items in an answer when the question does not say.
pub const DEFAULT_LIMIT: usize = 20;

/// How much an answer explains itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Explain {
    /// No reasons.
    None,
    /// Reasons as codes with parameters.
    Codes,
    /// Reasons as codes with parameters, and in words.
    Texts,
    /// The same as `texts`, and how the list came about: every source, score part and rule. Needs the operator's key.
    Full,
}

/// What products for a group are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The taste that the group shares, and what each saves if the team fills, times the chance that it does.
    #[default]
    ExpectedSuccess,
    /// The mean of what each would rate it.
    Average,
    /// What the least pleased would rate it.
    LeastMisery,
    /// What the most pleased would rate it.
    MostPleasure,
}

impl From<Strategy> for together::Strategy {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::ExpectedSuccess => Self::ExpectedSuccess,
            Strategy::Average => Self::Average,
            Strategy::LeastMisery => Self::LeastMisery,
            Strategy::MostPleasure => Self::MostPleasure,
        }
    }
}

/// What every question may say, gathered from its body.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// Where the answer is shown.
    pub surface: Option<Surface>,
    /// Where the person shops.
    pub market: Option<Market>,
    /// Most items wanted.
    pub limit: Option<i64>,
    /// Conditions on products.
    pub filter: Option<Filter>,
    /// Ids that must not appear.
    pub exclude: Vec<String>,
    /// Position in a list begun before.
    pub cursor: Option<String>,
    /// Fields of items wanted.
    pub fields: Option<Vec<String>>,
    /// How much the answer explains; by default texts where a language is named, codes otherwise.
    pub explain: Option<Explain>,
    /// Product of which to tell why it is not in the list.
    pub explain_product: Option<String>,
    /// Language of texts.
    pub language: Option<String>,
    /// Who asks, as far as her record may tell the language.
    pub asker: Option<String>,
    /// The products or people that the question is about besides.
    pub about: Vec<String>,
    /// Whether the answer may be personal.
    pub personalise: Option<bool>,
    /// Whether bought products may appear.
    pub include_bought: bool,
    /// How much the score counts against unlikeness.
    pub mmr_lambda: Option<f32>,
    /// Whether there may be places for new products.
    pub explore: Option<bool>,
    /// What products for a group are ordered by.
    pub strategy: Strategy,
}

/// How an answer is to be written.
#[derive(Debug, Clone)]
pub struct Style {
    /// Where it is shown, with its bounds.
    pub profile: Profile,
    /// Fields of items to keep; all when absent.
    pub fields: Option<Vec<String>>,
    /// The language of texts, where reasons are to be in words.
    pub languages: Option<Languages>,
}

impl Common {
    /// The same, asked by this person.
    pub fn asked_by(self, user_id: &str) -> Self {
        Self { asker: Some(user_id.to_owned()), ..self }
    }

    /// The same, about these products or people.
    pub fn about(self, ids: &[String]) -> Self {
        Self { about: ids.to_vec(), ..self }
    }

    /// How much to explain.
    pub fn explain(&self) -> Explain {
        self.explain.unwrap_or(if self.language.is_some() { Explain::Texts } else { Explain::Codes })
    }

    /// Checks everything and splits it into what the engine needs and how the answer is written.
    /// `known_fields` are the optional fields of this question's items.
    ///
    /// # Errors
    /// Names the field that is out of range.
    pub fn split(self, visit: &Visit, id_field: &str, known_fields: &[&str]) -> ApiResult<(Context, Style)> {
        let surface = self.surface.unwrap_or(Surface::Feed);
        let explain = self.explain();
        let profile = match explain {
            // An operator wants to see what the surface would have shown, not less of it.
            Explain::Full => Profile { max_bytes: None, ..Profile::of(surface) },
            Explain::None | Explain::Codes | Explain::Texts => Profile::of(surface),
        };
        let explained = explained(explain, self.explain_product)?;
        let header = visit.accept_language.as_ref().and_then(|header| header.to_str().ok());
        let languages = Languages::read(self.language.as_deref(), header, self.asker)?;
        let limit = limit(self.limit)?.min(profile.max_items);
        let market = self.market.unwrap_or_default().into_engine()?;
        let filter = self.filter.unwrap_or_default().into_engine(&market)?;
        let exclude = ids_at("exclude", self.exclude, MAX_EXCLUDED)?;
        let fields = fields(self.fields, explain, id_field, known_fields)?;
        let context = Context {
            now: visit.now,
            seed: visit.seed(),
            surface,
            market,
            limit,
            filter,
            exclude,
            cursor: self.cursor,
            personalise: self.personalise.unwrap_or(true),
            include_bought: self.include_bought,
            mmr_lambda: self.mmr_lambda,
            explore: self.explore.unwrap_or(true),
            strategy: self.strategy.into(),
            explain: explained,
        };
        let in_words = matches!(explain, Explain::Texts | Explain::Full);
        Ok((context, Style { profile, fields, languages: in_words.then_some(languages) }))
    }
}

/// What the engine is to explain.
fn explained(explain: Explain, product_id: Option<String>) -> ApiResult<Option<engine::Explain>> {
    match (explain, product_id) {
        (Explain::Full, product_id) => {
            let product_id = product_id.map(|id| id_at("explain_product", id)).transpose()?;
            Ok(Some(engine::Explain { product_id }))
        }
        (_, None) => Ok(None),
        (_, Some(_)) => {
            let message = "`explain_product` needs `explain` to be `full`, and the operator's key";
            Err(ApiError::new(Code::InvalidRequest, message))
        }
    }
}

fn limit(asked: Option<i64>) -> ApiResult<usize> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) if (1..=MAX_LIMIT as i64).contains(&limit) => Ok(limit as usize),
        Some(limit) => {
            let message = format!("`limit` is {limit}; set it between 1 and {MAX_LIMIT}, or page with `cursor`");
            Err(ApiError::new(Code::InvalidLimit, message))
        }
    }
}

fn fields(
    asked: Option<Vec<String>>,
    explain: Explain,
    id_field: &str,
    known: &[&str],
) -> ApiResult<Option<Vec<String>>> {
    let mut fields = asked;
    for name in fields.iter().flatten() {
        if name != id_field && !known.contains(&name.as_str()) {
            let hint = nearest(name, known);
            return Err(ApiError::new(Code::UnknownField, format!("`fields`: items have no `{name}`; {hint}")));
        }
    }
    if explain == Explain::None {
        fields = Some(fields.unwrap_or_else(|| known.iter().map(|&name| name.to_owned()).collect()));
        fields.iter_mut().for_each(|fields| fields.retain(|name| name != "reasons"));
    }
    Ok(fields)
}

macro_rules! question {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(Debug, Clone, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$doc])*
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// Where the answer is shown; bounds its items and bytes. `feed` when absent.
            #[schema(schema_with = schema::surface)]
            pub surface: Option<Surface>,
            /// Where the person shops.
            pub market: Option<Market>,
            /// Most items wanted, 1 to 100; 20 when absent.
            #[schema(minimum = 1, maximum = 100)]
            pub limit: Option<i64>,
            /// Conditions on products.
            pub filter: Option<Filter>,
            /// Ids that must not appear: products, or teams where the items are teams.
            #[serde(default)]
            #[schema(max_items = 1000)]
            pub exclude: Vec<String>,
            /// `next_cursor` of an earlier answer to the same question.
            pub cursor: Option<String>,
            /// Fields of items wanted; all when absent. The id is always there.
            pub fields: Option<Vec<String>>,
            /// How much the answer explains itself; when absent `texts` with a `language`, `codes` without.
            #[schema(inline)]
            pub explain: Option<Explain>,
            /// With `explain` as `full`: a product of which to tell where it is, or why it is not there.
            pub explain_product: Option<String>,
            /// Language of the reasons' texts as a BCP 47 tag; the header `Accept-Language`, the person's own or English
            /// when absent or not one of `en`, `es`, `fr`, `it`, `ru`, `tr`, `zh`.
            #[schema(example = "ru")]
            pub language: Option<String>,
            /// `false` gives an answer that uses nothing personal.
            pub personalise: Option<bool>,
            /// Whether products already bought may appear.
            #[serde(default)]
            pub include_bought: bool,
        }

        impl $name {
            /// Takes out what every question has in common.
            pub fn common(&mut self) -> Common {
                Common {
                    surface: self.surface,
                    market: self.market.take(),
                    limit: self.limit,
                    filter: self.filter.take(),
                    exclude: std::mem::take(&mut self.exclude),
                    cursor: self.cursor.take(),
                    fields: self.fields.take(),
                    explain: self.explain,
                    explain_product: self.explain_product.take(),
                    language: self.language.take(),
                    asker: None,
                    about: Vec::new(),
                    personalise: self.personalise,
                    include_bought: self.include_bought,
                    ..Common::default()
                }
            }
        }
    };
}

question! {
    /// What should this person see now?
    #[schema(example = json!({"user_id": "u1", "surface": "feed", "limit": 10}))]
    FeedRequest {
        /// The person; may be unknown.
        user_id: String,
        /// How much the score counts against unlikeness to what the page has already, 0 to 1; what the server's settings
        /// say when absent.
        #[schema(minimum = 0, maximum = 1)]
        mmr_lambda: Option<f32>,
        /// `false` leaves out the places for new products.
        explore: Option<bool>,
    }
}

question! {
    /// What is like these products? One of `product_id` and `product_ids` is needed.
    #[schema(example = json!({"product_id": "p1", "limit": 10}))]
    SimilarRequest {
        /// One product.
        product_id: Option<String>,
        /// Several products, up to 50.
        #[serde(default)]
        product_ids: Vec<String>,
        /// For whom, to leave out what she has and may not see.
        user_id: Option<String>,
    }
}

question! {
    /// What is popular in this market now?
    #[schema(example = json!({"market": {"country": "ES"}, "limit": 10}))]
    TrendingRequest {
        /// For whom, to leave out what she has and may not see.
        user_id: Option<String>,
    }
}

question! {
    /// What will this person soon need again?
    #[schema(example = json!({"user_id": "u1", "limit": 10}))]
    RepurchaseRequest {
        /// The person; may be unknown.
        user_id: String,
    }
}

question! {
    /// What could these people buy together? The first is the initiator.
    #[schema(example = json!({"user_ids": ["u1", "u2"], "limit": 10}))]
    GroupProductsRequest {
        /// The people, initiator first, up to 50.
        user_ids: Vec<String>,
        /// Whether friends of the first may be thought of as joining as well.
        #[serde(default)]
        with_friends: bool,
        /// What the products are ordered by; `expected_success` when absent.
        #[serde(default)]
        #[schema(inline)]
        strategy: Strategy,
    }
}

question! {
    /// Which open teams could this person join?
    #[schema(example = json!({"user_id": "u1", "limit": 10}))]
    TeamsRequest {
        /// The person; may be unknown.
        user_id: String,
    }
}

/// Whom should this person invite to buy this product with her?
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_id": "u1", "product_id": "p1", "limit": 5}))]
pub struct FriendsRequest {
    /// The person; may be unknown.
    pub user_id: String,
    /// The product; may be unknown.
    pub product_id: String,
    /// Where the answer is shown; bounds its items and bytes. `feed` when absent.
    #[schema(schema_with = schema::surface)]
    pub surface: Option<Surface>,
    /// Where the person shops.
    pub market: Option<Market>,
    /// Most items wanted, 1 to 100; 20 when absent.
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Users that must not appear.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub exclude: Vec<String>,
    /// `next_cursor` of an earlier answer to the same question.
    pub cursor: Option<String>,
    /// Fields of items wanted; all when absent. The id is always there.
    pub fields: Option<Vec<String>>,
    /// How much the answer explains itself; when absent `texts` with a `language`, `codes` without.
    #[schema(inline)]
    pub explain: Option<Explain>,
    /// Language of the reasons' texts as a BCP 47 tag; the header `Accept-Language`, the person's own or English when absent
    /// or not one of `en`, `es`, `fr`, `it`, `ru`, `tr`, `zh`.
    #[schema(example = "ru")]
    pub language: Option<String>,
    /// `false` gives an answer that uses nothing personal.
    pub personalise: Option<bool>,
}

impl FriendsRequest {
    /// Takes out what every question has in common.
    pub fn common(&mut self) -> Common {
        Common {
            surface: self.surface,
            market: self.market.take(),
            limit: self.limit,
            exclude: std::mem::take(&mut self.exclude),
            cursor: self.cursor.take(),
            fields: self.fields.take(),
            explain: self.explain,
            language: self.language.take(),
            personalise: self.personalise,
            ..Common::default()
        }
    }
}

impl SimilarRequest {
    /// The products asked about.
    ///
    /// # Errors
    /// None or both fields are given, too many, or one is no id.
    pub fn products(&mut self) -> ApiResult<Vec<String>> {
        match (self.product_id.take(), std::mem::take(&mut self.product_ids)) {
            (Some(one), many) if many.is_empty() => Ok(vec![id_at("product_id", one)?]),
            (None, many) if !many.is_empty() => ids_at("product_ids", many, MAX_IDS),
            (None, _) => Err(ApiError::new(
                Code::MissingField,
                format!("name what to be similar to: `product_id`, or 1 to {MAX_IDS} `product_ids`"),
            )),
            (Some(_), _) => Err(ApiError::new(Code::InvalidRequest, "send `product_id` or `product_ids`, not both")),
        }
    }
}

impl GroupProductsRequest {
    /// The people, initiator first.
    ///
    /// # Errors
    /// None, too many, somebody twice, or one is no id.
    pub fn people(&mut self) -> ApiResult<Vec<String>> {
        let people = std::mem::take(&mut self.user_ids);
        if people.is_empty() {
            let message = format!("`user_ids` is empty; name 1 to {MAX_IDS} people, initiator first");
            return Err(ApiError::new(Code::InvalidCount, message));
        }
        count_at("user_ids", people.len(), MAX_IDS)?;
        let mut sorted: Vec<&String> = people.iter().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("`user_ids` names `{}` twice; name everybody once", pair[0]);
            return Err(ApiError::new(Code::InvalidField, message));
        }
        ids_at("user_ids", people, MAX_IDS)
    }
}
