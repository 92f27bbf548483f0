//! What is asked of the engine and what it answers, in outside ids: nothing here is a row.

use juntos_datasets::tables::Surface;
use juntos_datasets::units::{Country, Currency, Money, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::explanation::{Explain, Explanation};
use crate::offers::Offer;
use crate::reasons::Reason;
use crate::together::Strategy;

/// Conditions on products. Every list is "any of", every field narrows; the default allows all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Products: nothing else is ranked, where any is named. Ids that nobody knows are passed over. An empty list in a file
    /// is refused.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "at_least_one")]
    pub product_ids: Vec<String>,
    /// Category paths; a path takes in everything below it.
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
    pub ship_to: Option<Country>,
    /// Payment methods, one of which must be accepted there; the market's when empty.
    pub payment_methods: Vec<String>,
    /// Delivery within this many days.
    pub max_delivery_days: Option<u32>,
    /// Currency that `price_min_minor` and `price_max_minor` are in; prices in other currencies match a bound only by
    /// rates ([`crate::exchange`]).
    pub currency: Option<Currency>,
    /// Lowest price for one buyer, minor units, inclusive.
    pub price_min_minor: Option<i64>,
    /// Highest price for one buyer, minor units, inclusive.
    pub price_max_minor: Option<i64>,
    /// Only products with a team price.
    pub team_price: bool,
}

/// Ids of a list that is there: an empty one would be none at all, which is the opposite of what it says.
fn at_least_one<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<String>, D::Error> {
    let ids = Vec::deserialize(list)?;
    if ids.is_empty() {
        return Err(D::Error::custom("the list names nothing; name at least one product, or leave it out"));
    }
    Ok(ids)
}

/// Where the person shops: decides what is eligible.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Market {
    /// Country of delivery; the user's own when absent.
    pub country: Option<Country>,
    /// Currency the market pays in.
    pub currency: Option<Currency>,
    /// Payment methods the person can use; empty means any.
    pub payment_methods: Vec<String>,
}

/// What every question has in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The moment of the question; the engine reads no clock.
    pub now: Timestamp,
    /// Decides random choices; the engine has no other source of randomness.
    pub seed: u64,
    /// Where the answer is shown.
    pub surface: Surface,
    /// Market of the person.
    pub market: Market,
    /// Most items wanted.
    pub limit: usize,
    /// Conditions on products.
    pub filter: Filter,
    /// Product ids (team ids for teams, user ids for friends) that must not appear.
    pub exclude: Vec<String>,
    /// Position in a list begun by an earlier answer, as that answer's `next_cursor` gave it.
    pub cursor: Option<String>,
    /// Whether the answer may use what is known about the person; anded with the user's own setting.
    pub personalise: bool,
    /// Whether products already bought may appear.
    pub include_bought: bool,
    /// How much the score counts in the feed against unlikeness, 0 to 1, in place of [`crate::rules::Diversity::lambda`].
    pub mmr_lambda: Option<f32>,
    /// Whether the feed may have places for new products, where the rules give any.
    pub explore: bool,
    /// What products for a group are ordered by.
    pub strategy: Strategy,
    /// What to explain to an operator; nothing is recorded without.
    pub explain: Option<Explain>,
}

impl Context {
    /// A context with every default, at `now`.
    pub fn new(now: Timestamp, limit: usize) -> Self {
        Self {
            now,
            seed: 0,
            surface: Surface::Feed,
            market: Market::default(),
            limit,
            filter: Filter::default(),
            exclude: Vec::new(),
            cursor: None,
            personalise: true,
            include_bought: false,
            mmr_lambda: None,
            explore: true,
            strategy: Strategy::default(),
            explain: None,
        }
    }
}

/// Which list an item came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The person's own taste.
    Taste,
    /// Friends' consented purchases.
    Friends,
    /// Friends' open teams.
    OpenTeam,
    /// Due to be bought again.
    Repurchase,
    /// Like a given product.
    Similar,
    /// The taste of a group.
    Group,
    /// Popular or rising in the market.
    Trending,
    /// New in the catalogue.
    Newest,
    /// Put at this place by the operator.
    Pinned,
}

impl Source {
    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Taste => "taste",
            Self::Friends => "friends",
            Self::OpenTeam => "open_team",
            Self::Repurchase => "repurchase",
            Self::Similar => "similar",
            Self::Group => "group",
            Self::Trending => "trending",
            Self::Newest => "newest",
            Self::Pinned => "pinned",
        }
    }
}

/// How the list was found when the usual way gave too little; absent in a full personal answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Degraded {
    /// The user is unknown: nothing personal was used.
    UnknownUser,
    /// The user has no history: friends, country or first events stood in.
    NewUser,
    /// Personalisation is off.
    NotPersonalised,
    /// The filter left too few personal candidates: popular products fill the list.
    FewCandidates,
    /// Nothing that is allowed exists.
    NothingAllowed,
}

impl Degraded {
    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::NewUser => "new_user",
            Self::NotPersonalised => "not_personalised",
            Self::FewCandidates => "few_candidates",
            Self::NothingAllowed => "nothing_allowed",
        }
    }
}

/// An answer: items, best first, and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// Items, best first, totally ordered.
    pub items: Vec<T>,
    /// Ids that the request is of or about and nobody knows; [`Snapshot::unknown_in`](crate::Snapshot::unknown_in) tells
    /// those in its filter.
    pub missing: Vec<String>,
    /// Set when the list was not found the usual way.
    pub degraded: Option<Degraded>,
    /// Where the next page begins; absent at the end.
    pub next_cursor: Option<String>,
    /// How the list came about, for an operator who asked; never for clients.
    pub explanation: Option<Box<Explanation>>,
}

/// One recommended product.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductItem {
    /// The product.
    pub product_id: String,
    /// List it came from.
    pub source: Source,
    /// Why it is here, each already passed by privacy.
    pub reasons: Vec<Reason>,
    /// Price for one buyer.
    pub price: Option<Money>,
    /// Price for each member of a team.
    pub group_price: Option<Money>,
    /// Buyers a team needs.
    pub group_min_size: Option<u32>,
    /// Title, as the seller wrote it.
    pub title: Option<String>,
    /// The offer that suits the person best of those that reach her market; absent where none is known to.
    pub offer: Option<Offer>,
    /// Open team of a friend, if that is why it is here.
    pub team: Option<TeamItem>,
    /// Ranking score: for operators only, never sent to clients by default.
    pub score: f32,
}

/// One product for a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupProductItem {
    /// The product and why.
    pub product: ProductItem,
    /// Chance that a team of these people fills before its deadline, 0 to 1. Seats that the group itself leaves free may
    /// be filled by other friends whom the first person could invite.
    pub success_probability: Option<f32>,
    /// Who would likely join, likeliest first: only people who consent to be suggested.
    pub would_join: Vec<String>,
    /// What each buyer saves against the price for one.
    pub saving: Option<Money>,
}

/// One friend to invite.
#[derive(Debug, Clone, PartialEq)]
pub struct FriendItem {
    /// The friend.
    pub user_id: String,
    /// Chance that she joins, 0 to 1.
    pub join_probability: f32,
    /// Why, each already passed by privacy.
    pub reasons: Vec<Reason>,
}

/// One open team.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamItem {
    /// The team.
    pub team_id: String,
    /// What it buys.
    pub product_id: String,
    /// The product's price for one buyer.
    pub price: Option<Money>,
    /// The product's price for each member of a team.
    pub group_price: Option<Money>,
    /// Seats still free; not told to minors.
    pub seats_left: Option<u32>,
    /// When it expires; not told to minors.
    pub deadline: Option<Timestamp>,
    /// Friends of the person inside, only those who consent to be named.
    pub friends_inside: Vec<String>,
    /// Why, each already passed by privacy.
    pub reasons: Vec<Reason>,
}

/// Most items in one answer.
pub const MAX_LIMIT: usize = 100;
/// Most users, or products, that one question may name.
pub const MAX_IDS: usize = 50;
/// Most ids that one question may exclude, and most values in one list of a filter.
pub const MAX_EXCLUDED: usize = 1_000;

impl Context {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`RequestFault`] names the field and how to mend it.
    pub fn check(&self) -> Result<(), RequestFault> {
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return Err(RequestFault::BadLimit { got: self.limit });
        }
        short("exclude", self.exclude.len())?;
        short("market.payment_methods", self.market.payment_methods.len())?;
        if self.mmr_lambda.is_some_and(|lambda| !(0.0..=1.0).contains(&lambda)) {
            return Err(RequestFault::BadLambda);
        }
        self.filter.check()
    }

    /// Checks the ids that a question names.
    pub(crate) fn check_ids(&self, field: &'static str, ids: &[String]) -> Result<(), RequestFault> {
        match ids.len() {
            0 => Err(RequestFault::NoIds { field }),
            1..=MAX_IDS => Ok(()),
            got => Err(RequestFault::TooMany { field, got, most: MAX_IDS }),
        }
    }
}

impl Filter {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`RequestFault`] names the field and how to mend it.
    pub(crate) fn check(&self) -> Result<(), RequestFault> {
        let lists = [
            ("filter.product_ids", &self.product_ids),
            ("filter.categories", &self.categories),
            ("filter.not_categories", &self.not_categories),
            ("filter.brands", &self.brands),
            ("filter.seller_ids", &self.seller_ids),
            ("filter.not_seller_ids", &self.not_seller_ids),
            ("filter.payment_methods", &self.payment_methods),
        ];
        lists.into_iter().try_for_each(|(field, list)| short(field, list.len()))?;
        match (self.price_min_minor, self.price_max_minor) {
            (Some(least), Some(most)) if least > most => {
                Err(RequestFault::BadFilter { problem: "asks for a lowest price above the highest; swap the two" })
            }
            _ => Ok(()),
        }
    }
}

fn short(field: &'static str, got: usize) -> Result<(), RequestFault> {
    if got > MAX_EXCLUDED { Err(RequestFault::TooMany { field, got, most: MAX_EXCLUDED }) } else { Ok(()) }
}

/// What is wrong with a question, as opposed to a question that has no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// `limit` is out of range.
    #[error("`limit` is {got}; ask for 1 to {MAX_LIMIT} items")]
    BadLimit {
        /// The limit asked for.
        got: usize,
    },
    /// A list of ids is empty that must name somebody or something.
    #[error("`{field}` names nobody and nothing; give 1 to {MAX_IDS} ids")]
    NoIds {
        /// The field.
        field: &'static str,
    },
    /// A list is too long.
    #[error("`{field}` has {got} entries; give at most {most}")]
    TooMany {
        /// The field.
        field: &'static str,
        /// Entries found.
        got: usize,
        /// Entries allowed.
        most: usize,
    },
    /// The cursor did not come from an answer of this question.
    #[error("`cursor` is not one that an answer to this question gave; leave it out to start at the top")]
    BadCursor,
    /// `mmr_lambda` is out of range.
    #[error("`mmr_lambda` is not a number from 0 to 1; leave it out for what the server's settings say")]
    BadLambda,
    /// A price range that nothing can meet.
    #[error("`filter` {problem}")]
    BadFilter {
        /// What is wrong and how to mend it.
        problem: &'static str,
    },
}

impl RequestFault {
    /// The code in answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadLimit { .. } => "bad_limit",
            Self::NoIds { .. } => "no_ids",
            Self::TooMany { .. } => "too_many_ids",
            Self::BadCursor => "bad_cursor",
            Self::BadLambda => "bad_lambda",
            Self::BadFilter { .. } => "bad_filter",
        }
    }
}
