//! Owned records: what clients write and read back, with the columns of the dataset tables.
//!
//! A `PATCH` is a read, a merge and a put; the engine knows whole records only.

use juntos_datasets::ids::check_id;
use juntos_datasets::tables::{
    EventKind, FriendshipKind, Invites, Offer, Product, PurchaseVisibility, Surface, TeamOutcome, User,
};
use juntos_datasets::units::{Country, Currency, Language, Timestamp};
use serde::{Deserialize, Serialize};

use super::ChangeFault;

/// One person, as table `users` has her.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "UserFields")]
pub struct UserRecord {
    /// Outside id.
    pub user_id: String,
    /// Country she lives in.
    pub country: Option<Country>,
    /// Language she reads.
    pub language: Option<Language>,
    /// Year of birth; absent means that the age is unknown, which counts as a minor's.
    pub birth_year: Option<i32>,
    /// Who may see her purchases.
    pub purchase_visibility: PurchaseVisibility,
    /// Who may be told to invite her.
    pub invites: Invites,
    /// Whether recommendations may use what is known about her.
    pub personalise: bool,
    /// When the account was made.
    pub created_at: Option<Timestamp>,
}

/// The same with every optional column optional: absent columns take the table's defaults.
#[derive(Deserialize)]
struct UserFields {
    user_id: String,
    country: Option<Country>,
    language: Option<Language>,
    birth_year: Option<i32>,
    purchase_visibility: Option<PurchaseVisibility>,
    invites: Option<Invites>,
    personalise: Option<bool>,
    created_at: Option<Timestamp>,
}

impl From<UserFields> for UserRecord {
    fn from(fields: UserFields) -> Self {
        let plain = Self::new(fields.user_id);
        Self {
            country: fields.country,
            language: fields.language,
            birth_year: fields.birth_year,
            purchase_visibility: fields.purchase_visibility.unwrap_or(plain.purchase_visibility),
            invites: fields.invites.unwrap_or(plain.invites),
            personalise: fields.personalise.unwrap_or(plain.personalise),
            created_at: fields.created_at,
            ..plain
        }
    }
}

impl UserRecord {
    /// A user of whom only the id is known, with every default of the table.
    pub fn new(user_id: impl Into<String>) -> Self {
        let plain = User::new("");
        Self {
            user_id: user_id.into(),
            country: None,
            language: None,
            birth_year: plain.birth_year,
            purchase_visibility: plain.purchase_visibility,
            invites: plain.invites,
            personalise: plain.personalise,
            created_at: plain.created_at,
        }
    }

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("user_id", &self.user_id)?;
        if self.birth_year.is_some_and(|year| !(1880..=2200).contains(&year)) {
            return Err(bad("birth_year", "is not a year from 1880 to 2200"));
        }
        Ok(())
    }
}

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

/// A tie between two users; all kinds but `follow` hold in both directions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FriendshipRecord {
    /// One user.
    pub user_id: String,
    /// The other user.
    pub friend_id: String,
    /// What ties them.
    #[serde(default = "friend")]
    pub kind: FriendshipKind,
    /// Strength of the tie, 0 to 1.
    #[serde(default = "full_strength")]
    pub strength: f32,
    /// Since when.
    pub since: Option<Timestamp>,
}

fn friend() -> FriendshipKind {
    FriendshipKind::Friend
}

fn full_strength() -> f32 {
    1.0
}

impl FriendshipRecord {
    /// A plain friendship of full strength.
    pub fn new(user_id: impl Into<String>, friend_id: impl Into<String>) -> Self {
        Self {
            user_id: user_id.into(),
            friend_id: friend_id.into(),
            kind: friend(),
            strength: full_strength(),
            since: None,
        }
    }

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        two_people("friend_id", &self.user_id, &self.friend_id)?;
        if !(0.0..=1.0).contains(&self.strength) {
            return Err(bad("strength", "is not a number from 0 to 1"));
        }
        Ok(())
    }
}

/// Something a user did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Who did it.
    pub user_id: String,
    /// To which product.
    pub product_id: String,
    /// What.
    pub kind: EventKind,
    /// When; the moment of arrival when absent.
    pub ts: Option<Timestamp>,
    /// Id given by the sender: the same id is the same event and counts once.
    pub event_id: Option<String>,
    /// Rating for `rate`, quantity or amount for others.
    pub value: Option<f64>,
    /// Where it happened.
    pub surface: Option<Surface>,
    /// Team it belongs to.
    pub team_id: Option<String>,
    /// Recommendation that led to it.
    pub recommendation_id: Option<String>,
    /// Most days until delivery that the chosen offer promised, of a purchase or gift.
    #[serde(default)]
    pub delivery_days: Option<u32>,
}

impl EventRecord {
    /// An event of which only the required columns are known.
    pub fn new(user_id: impl Into<String>, product_id: impl Into<String>, kind: EventKind) -> Self {
        Self {
            user_id: user_id.into(),
            product_id: product_id.into(),
            kind,
            ts: None,
            event_id: None,
            value: None,
            surface: None,
            team_id: None,
            recommendation_id: None,
            delivery_days: None,
        }
    }

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("user_id", &self.user_id)?;
        known_id("product_id", &self.product_id)?;
        for (field, id) in
            [("event_id", &self.event_id), ("team_id", &self.team_id), ("recommendation_id", &self.recommendation_id)]
        {
            id.as_deref().map_or(Ok(()), |id| known_id(field, id))?;
        }
        if self.value.is_some_and(|value| !value.is_finite()) {
            return Err(bad("value", "is not a finite number"));
        }
        Ok(())
    }
}

/// One group purchase, as table `teams` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeamRecord {
    /// Outside id.
    pub team_id: String,
    /// What is bought.
    pub product_id: String,
    /// Who opened it; empty when she has been deleted.
    pub initiator_id: String,
    /// Who joined, initiator not included, people who have been deleted left out.
    #[serde(default)]
    pub participant_ids: Vec<String>,
    /// Buyers needed, initiator included.
    pub min_size: u32,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it expires; absent means never.
    pub deadline: Option<Timestamp>,
    /// How it ended, or that it is open.
    #[serde(default = "open")]
    pub outcome: TeamOutcome,
}

fn open() -> TeamOutcome {
    TeamOutcome::Open
}

impl TeamRecord {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("team_id", &self.team_id)?;
        known_id("product_id", &self.product_id)?;
        known_id("initiator_id", &self.initiator_id)?;
        for (at, participant) in self.participant_ids.iter().enumerate() {
            two_people("participant_ids", &self.initiator_id, participant)?;
            if self.participant_ids[..at].contains(participant) {
                return Err(bad("participant_ids", "names one person twice"));
            }
        }
        if self.min_size < 2 {
            return Err(bad("min_size", "is below 2"));
        }
        if let (Some(opened), Some(deadline)) = (self.opened_at, self.deadline)
            && deadline < opened
        {
            return Err(bad("deadline", "is before opened_at"));
        }
        Ok(())
    }
}

/// What happened to a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TeamStep {
    /// The user opened it.
    Opened {
        /// What is bought.
        product_id: String,
        /// Buyers needed, initiator included; what the product says when absent, else two.
        min_size: Option<u32>,
        /// When it expires; absent means never.
        deadline: Option<Timestamp>,
    },
    /// The user joined it.
    Joined,
    /// The user left it; when the initiator does, it is cancelled.
    Left,
    /// The user, its initiator, called it off.
    Cancelled,
}

/// One step in the life of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamStepRecord {
    /// The team.
    pub team_id: String,
    /// Who did it.
    pub user_id: String,
    /// What.
    pub step: TeamStep,
    /// When; the moment of arrival when absent.
    pub ts: Option<Timestamp>,
    /// Id given by the sender: the same id is the same event.
    pub event_id: Option<String>,
}

impl TeamStepRecord {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("team_id", &self.team_id)?;
        known_id("user_id", &self.user_id)?;
        self.event_id.as_deref().map_or(Ok(()), |id| known_id("event_id", id))?;
        if let TeamStep::Opened { product_id, min_size, deadline } = &self.step {
            known_id("product_id", product_id)?;
            if min_size.is_some_and(|size| size < 2) {
                return Err(bad("min_size", "is below 2"));
            }
            if self.ts.zip(*deadline).is_some_and(|(opened, deadline)| deadline < opened) {
                return Err(bad("deadline", "is before the team was opened"));
            }
        }
        Ok(())
    }
}

/// A stage of an invitation, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InviteKind {
    /// The initiator was told that she could invite the friend.
    Suggested,
    /// She did.
    Sent,
    /// The friend read it.
    Opened,
    /// The friend joined.
    Joined,
    /// The friend does not want to.
    Declined,
    /// The friend wants no more invitations from this initiator.
    Muted,
}

impl InviteKind {
    /// Every stage, in order.
    pub const ALL: [Self; 6] = [Self::Suggested, Self::Sent, Self::Opened, Self::Joined, Self::Declined, Self::Muted];
}

/// What became of an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteRecord {
    /// Who is invited.
    pub user_id: String,
    /// Who invites.
    pub initiator_id: String,
    /// To buy what.
    pub product_id: String,
    /// The stage that was reached.
    pub kind: InviteKind,
    /// When; the moment of arrival when absent.
    pub ts: Option<Timestamp>,
    /// Id given by the sender: the same id is the same event.
    pub event_id: Option<String>,
}

impl InviteRecord {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        two_people("initiator_id", &self.user_id, &self.initiator_id)?;
        known_id("product_id", &self.product_id)?;
        self.event_id.as_deref().map_or(Ok(()), |id| known_id("event_id", id))
    }
}

/// Checks an id inside a record.
pub(super) fn known_id(field: &'static str, id: &str) -> Result<(), ChangeFault> {
    check_id(id).map(|_| ()).map_err(|fault| ChangeFault::BadRecord { field, problem: fault.to_string() })
}

/// Checks that two ids are ids, and of different people.
pub(super) fn two_people(field: &'static str, one: &str, other: &str) -> Result<(), ChangeFault> {
    known_id("user_id", one)?;
    known_id(field, other)?;
    if one == other {
        return Err(bad(field, "names the same person"));
    }
    Ok(())
}

fn bad(field: &'static str, problem: &str) -> ChangeFault {
    ChangeFault::BadRecord { field, problem: problem.to_owned() }
}
