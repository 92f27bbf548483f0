//! What answers list: products, products for a group, friends, teams. Absent fields are unknown, not asked for, or
//! given up for a small surface.

use juntos_datasets::units::{Currency, Timestamp};
use juntos_engine::offers;
use juntos_engine::reasons;
use juntos_engine::request::{FriendItem, GroupProductItem, ProductItem, TeamItem};
use juntos_engine::texts::Wording;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::schema;
use crate::wire::surface::{FEW_PEOPLE, Lighter, shorten};

/// What lists need to know about their items.
pub trait Item: Sized {
    /// What the engine answers in its place.
    type Engine: 'static;
    /// Name of the id, which is always there.
    const ID: &'static str;
    /// Names of all other fields.
    const FIELDS: &'static [&'static str];

    /// The item as clients get it, its reasons in words where `wording` is given.
    fn told(item: Self::Engine, wording: Option<&Wording<'_>>) -> Self;

    /// Takes out the field called `name`, one of [`Item::FIELDS`].
    fn clear(&mut self, name: &str);

    /// Makes the item smaller.
    fn lighten(&mut self, step: Lighter);

    /// Leaves only the id and the `wanted` fields.
    fn keep_only(&mut self, wanted: &[String]) {
        for name in Self::FIELDS {
            if !wanted.iter().any(|kept| kept == name) {
                self.clear(name);
            }
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Money {
    /// Amount in the currency's minor unit, such as cents.
    #[schema(example = 1299)]
    pub minor_units: i64,
    /// ISO 4217 currency.
    #[schema(schema_with = schema::currency)]
    pub currency: Currency,
}

impl From<juntos_datasets::units::Money> for Money {
    fn from(money: juntos_datasets::units::Money) -> Self {
        Self { minor_units: money.minor_units, currency: money.currency }
    }
}

/// Why an item is in the answer: a code with its parameters, and its text where texts were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Reason {
    /// The code with its parameters.
    #[serde(flatten)]
    pub why: Why,
    /// The same in words, one line without markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "At least 3 friends bought it")]
    pub text: Option<String>,
}

/// The code of a reason with its parameters. More codes may come; skip those you do not know.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Why {
    /// At least three consenting friends bought it.
    FriendsBought {
        /// How many, coarsely: `3+`, `5+`, `10+`, `50+`.
        count_bucket: &'static str,
    },
    /// Like something the person bought.
    BecauseYouBought {
        /// What she bought.
        product_id: String,
    },
    /// Like the product asked about.
    SimilarTo {
        /// The product asked about.
        product_id: String,
    },
    /// Close to the person's taste.
    YourTaste,
    /// Close to the taste that the group shares.
    GroupTaste,
    /// A friend's team is open.
    OpenTeam {
        /// The team.
        team_id: String,
        /// Seats still free; absent for minors and people whose age is unknown: nobody hurries them.
        #[serde(skip_serializing_if = "Option::is_none")]
        seats_left: Option<u32>,
    },
    /// Popular in the market now.
    TrendingInMarket,
    /// About to run out.
    TimeToRepurchase {
        /// When the last one is expected to be used up; absent for minors and people whose age is unknown.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(schema_with = schema::time)]
        due: Option<Timestamp>,
    },
    /// New from a seller.
    NewFromSeller {
        /// The seller.
        seller_id: String,
    },
    /// Cheaper together.
    TeamPrice {
        /// What each saves, minor units of `currency`.
        saving_minor: i64,
        /// The product's currency.
        #[schema(schema_with = schema::currency)]
        currency: Currency,
    },
    /// Joined this person's teams before.
    JoinedYouBefore,
    /// A close friend.
    CloseFriend,
    /// Likes products like this one.
    LikesThisKind,
}

impl From<reasons::Reason> for Why {
    fn from(reason: reasons::Reason) -> Self {
        match reason {
            reasons::Reason::FriendsBought { count } => Self::FriendsBought { count_bucket: count.word() },
            reasons::Reason::BecauseYouBought { product_id } => Self::BecauseYouBought { product_id },
            reasons::Reason::SimilarTo { product_id } => Self::SimilarTo { product_id },
            reasons::Reason::YourTaste => Self::YourTaste,
            reasons::Reason::GroupTaste => Self::GroupTaste,
            reasons::Reason::OpenTeam { team_id, seats_left } => Self::OpenTeam { team_id, seats_left },
            reasons::Reason::TrendingInMarket => Self::TrendingInMarket,
            reasons::Reason::TimeToRepurchase { due } => Self::TimeToRepurchase { due },
            reasons::Reason::NewFromSeller { seller_id } => Self::NewFromSeller { seller_id },
            reasons::Reason::TeamPrice { saving } => {
                Self::TeamPrice { saving_minor: saving.minor_units, currency: saving.currency }
            }
            reasons::Reason::JoinedYouBefore => Self::JoinedYouBefore,
            reasons::Reason::CloseFriend => Self::CloseFriend,
            reasons::Reason::LikesThisKind => Self::LikesThisKind,
        }
    }
}

fn reasons(from: Vec<reasons::Reason>, wording: Option<&Wording<'_>>) -> Option<Vec<Reason>> {
    let told = |reason: reasons::Reason| {
        let text = wording.map(|wording| wording.text(&reason));
        Reason { why: Why::from(reason), text }
    };
    Some(from.into_iter().map(told).collect())
}

fn lighten_reasons(reasons: &mut Option<Vec<Reason>>, step: Lighter) {
    match step {
        Lighter::OneReason => reasons.iter_mut().for_each(|reasons| reasons.truncate(1)),
        Lighter::NoReasons => *reasons = None,
        Lighter::ShortTitle | Lighter::FewPeople | Lighter::NoTeam | Lighter::NoTitle => {}
    }
}

fn lighten_people(people: &mut Option<Vec<String>>, step: Lighter) {
    if step == Lighter::FewPeople {
        people.iter_mut().for_each(|people| people.truncate(FEW_PEOPLE));
    }
}

/// The offer of a product that suits the person best of those that reach her market.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = OfferItem)]
pub struct Offer {
    /// Who sells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<String>,
    /// Price for one buyer; it may be another than the product's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Cost of delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_cost: Option<Money>,
    /// Fewest days until delivery.
    pub min_days: u32,
    /// Most days until delivery; send it back as `delivery_days` of the purchase.
    pub max_days: u32,
}

impl From<offers::Offer> for Offer {
    fn from(offer: offers::Offer) -> Self {
        let offers::Offer { seller_id, price, delivery_cost, min_days, max_days } = offer;
        Self {
            seller_id,
            price: price.map(Money::from),
            delivery_cost: delivery_cost.map(Money::from),
            min_days,
            max_days,
        }
    }
}

/// One recommended product.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ProductItem)]
pub struct Product {
    /// The product.
    pub product_id: String,
    /// List it came from: `taste`, `friends`, `open_team`, `repurchase`, `similar`, `group`, `trending`, `newest`,
    /// `pinned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// Why it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<Reason>>,
    /// Price for one buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Price for each member of a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_price: Option<Money>,
    /// Buyers a team needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_min_size: Option<u32>,
    /// Title, as the seller wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The offer that suits the person best; absent where none is known to reach her market.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// Open team of a friend, if that is why it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Team>,
}

impl Item for Product {
    type Engine = ProductItem;
    const ID: &'static str = "product_id";
    const FIELDS: &'static [&'static str] =
        &["source", "reasons", "price", "group_price", "group_min_size", "title", "offer", "team"];

    fn told(item: ProductItem, wording: Option<&Wording<'_>>) -> Self {
        // The score stays inside: the order is the answer.
        let ProductItem {
            product_id,
            source,
            reasons: why,
            price,
            group_price,
            group_min_size,
            title,
            offer,
            team,
            score: _,
        } = item;
        Self {
            source: Some(source.word()),
            reasons: reasons(why, wording),
            price: price.map(Money::from),
            group_price: group_price.map(Money::from),
            group_min_size,
            title,
            offer: offer.map(Offer::from),
            team: team.map(|team| Team::told(team, wording)),
            product_id,
        }
    }

    fn clear(&mut self, name: &str) {
        match name {
            "source" => self.source = None,
            "reasons" => {
                self.reasons = None;
                self.team.iter_mut().for_each(|team| team.reasons = None);
            }
            "price" => self.price = None,
            "group_price" => self.group_price = None,
            "group_min_size" => self.group_min_size = None,
            "title" => self.title = None,
            "offer" => self.offer = None,
            "team" => self.team = None,
            _ => debug_assert!(false, "`{name}` is not a field of a product"),
        }
    }

    fn lighten(&mut self, step: Lighter) {
        lighten_reasons(&mut self.reasons, step);
        match step {
            Lighter::ShortTitle => self.title.iter_mut().for_each(shorten),
            Lighter::NoTitle => self.title = None,
            Lighter::NoTeam => (self.team, self.offer) = (None, None),
            Lighter::FewPeople | Lighter::OneReason => {
                self.team.iter_mut().for_each(|team| team.lighten(step));
            }
            Lighter::NoReasons => {}
        }
    }
}

/// One product for a group.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = GroupProductItem)]
pub struct GroupProduct {
    /// The product and why.
    #[serde(flatten)]
    pub product: Product,
    /// Chance that a team of these people fills before its deadline, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_probability: Option<f32>,
    /// Who would likely join, likeliest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_join: Option<Vec<String>>,
    /// What each buyer saves against the price for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saving: Option<Money>,
}

impl Item for GroupProduct {
    type Engine = GroupProductItem;
    const ID: &'static str = Product::ID;
    const FIELDS: &'static [&'static str] = &[
        "source",
        "reasons",
        "price",
        "group_price",
        "group_min_size",
        "title",
        "offer",
        "team",
        "success_probability",
        "would_join",
        "saving",
    ];

    fn told(item: GroupProductItem, wording: Option<&Wording<'_>>) -> Self {
        let GroupProductItem { product, success_probability, would_join, saving } = item;
        Self {
            product: Product::told(product, wording),
            success_probability: success_probability.map(probability),
            would_join: Some(would_join),
            saving: saving.map(Money::from),
        }
    }

    fn clear(&mut self, name: &str) {
        match name {
            "success_probability" => self.success_probability = None,
            "would_join" => self.would_join = None,
            "saving" => self.saving = None,
            _ => self.product.clear(name),
        }
    }

    fn lighten(&mut self, step: Lighter) {
        self.product.lighten(step);
        lighten_people(&mut self.would_join, step);
    }
}

/// One friend to invite.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = FriendItem)]
pub struct Friend {
    /// The friend.
    pub user_id: String,
    /// Chance that she joins, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_probability: Option<f32>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<Reason>>,
}

impl Item for Friend {
    type Engine = FriendItem;
    const ID: &'static str = "user_id";
    const FIELDS: &'static [&'static str] = &["join_probability", "reasons"];

    fn told(item: FriendItem, wording: Option<&Wording<'_>>) -> Self {
        let FriendItem { user_id, join_probability, reasons: why } = item;
        Self { user_id, join_probability: Some(probability(join_probability)), reasons: reasons(why, wording) }
    }

    fn clear(&mut self, name: &str) {
        match name {
            "join_probability" => self.join_probability = None,
            "reasons" => self.reasons = None,
            _ => debug_assert!(false, "`{name}` is not a field of a friend"),
        }
    }

    fn lighten(&mut self, step: Lighter) {
        lighten_reasons(&mut self.reasons, step);
    }
}

/// One open team.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = TeamItem)]
pub struct Team {
    /// The team.
    pub team_id: String,
    /// What it buys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The product's price for one buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// The product's price for each member of a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_price: Option<Money>,
    /// Seats still free; absent for minors and people whose age is unknown: nobody hurries them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats_left: Option<u32>,
    /// When it expires; absent for minors and people whose age is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::time)]
    pub deadline: Option<Timestamp>,
    /// Friends of the person inside, only those who consent to be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub friends_inside: Option<Vec<String>>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<Reason>>,
}

impl Item for Team {
    type Engine = TeamItem;
    const ID: &'static str = "team_id";
    const FIELDS: &'static [&'static str] =
        &["product_id", "price", "group_price", "seats_left", "deadline", "friends_inside", "reasons"];

    fn told(item: TeamItem, wording: Option<&Wording<'_>>) -> Self {
        let TeamItem { team_id, product_id, price, group_price, seats_left, deadline, friends_inside, reasons: why } =
            item;
        Self {
            team_id,
            product_id: Some(product_id),
            price: price.map(Money::from),
            group_price: group_price.map(Money::from),
            seats_left,
            deadline,
            friends_inside: Some(friends_inside),
            reasons: reasons(why, wording),
        }
    }

    fn clear(&mut self, name: &str) {
        match name {
            "product_id" => self.product_id = None,
            "price" => self.price = None,
            "group_price" => self.group_price = None,
            "seats_left" => self.seats_left = None,
            "deadline" => self.deadline = None,
            "friends_inside" => self.friends_inside = None,
            "reasons" => self.reasons = None,
            _ => debug_assert!(false, "`{name}` is not a field of a team"),
        }
    }

    fn lighten(&mut self, step: Lighter) {
        lighten_reasons(&mut self.reasons, step);
        lighten_people(&mut self.friends_inside, step);
    }
}

/// A chance with three digits after the point: more would only pretend.
fn probability(chance: f32) -> f32 {
    (chance.clamp(0.0, 1.0) * 1000.0).round() / 1000.0
}
