//! What one row of each table means: borrowed views of a row, and the words its columns may hold.

use crate::units::Timestamp;
use crate::words;

words! {
    /// Who may see what a user bought.
    PurchaseVisibility {
        /// No one: the default.
        Nobody = "nobody",
        /// Her friends.
        Friends = "friends",
        /// Everyone.
        Everyone = "everyone",
    }
}

words! {
    /// Who may be told to invite a user to a team.
    Invites {
        /// Her friends: the default.
        Friends = "friends",
        /// No one.
        Nobody = "nobody",
    }
}

words! {
    /// What ties two users.
    FriendshipKind {
        /// Friends: the default.
        Friend = "friend",
        /// Family.
        Family = "family",
        /// Colleagues.
        Colleague = "colleague",
        /// `user_id` follows `friend_id`; the only directed kind.
        Follow = "follow",
    }
}

words! {
    /// What a user did to a product, or to a recommendation of it.
    EventKind {
        /// Looked at the product.
        View = "view",
        /// Put it in the cart.
        Cart = "cart",
        /// Bought it.
        Purchase = "purchase",
        /// Liked it.
        Like = "like",
        /// Shared it.
        Share = "share",
        /// Bought it for somebody else.
        Gift = "gift",
        /// Rated it; `value` holds the rating.
        Rate = "rate",
        /// Does not want to see it.
        Dislike = "dislike",
        /// Sent it back.
        Return = "return",
        /// Was shown a recommendation of it.
        Shown = "shown",
        /// Followed a recommendation of it.
        Click = "click",
    }
}

words! {
    /// Where an answer is shown.
    Surface {
        /// A feed in an app or page.
        Feed = "feed",
        /// A chat.
        Messaging = "messaging",
        /// A game.
        Game = "game",
        /// An e-mail.
        Email = "email",
        /// A mini-program inside a wallet or social app.
        MiniProgram = "mini_program",
        /// A watch or wristband.
        Wearable = "wearable",
    }
}

words! {
    /// How a team ended, or that it has not.
    TeamOutcome {
        /// Still looking for participants.
        Open = "open",
        /// Reached its size before the deadline.
        Succeeded = "succeeded",
        /// Missed its deadline.
        Expired = "expired",
        /// Called off by its initiator.
        Cancelled = "cancelled",
    }
}

words! {
    /// Which part of a research set a row belongs to. Rows of live data are all `train`.
    Split {
        /// Seen by training.
        Train = "train",
        /// Held out for choosing settings.
        Valid = "valid",
        /// Held out for the final figures.
        Test = "test",
    }
}

/// One person.
#[derive(Debug, Clone, PartialEq)]
pub struct User<'a> {
    /// Outside id.
    pub user_id: &'a str,
    /// ISO 3166-1 country.
    pub country: Option<&'a str>,
    /// ISO 639-1 language.
    pub language: Option<&'a str>,
    /// Year of birth; absent means the age is unknown, which counts as a minor's.
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

impl<'a> User<'a> {
    /// A user of whom only the id is known, with every default of the table.
    pub fn new(user_id: &'a str) -> Self {
        Self {
            user_id,
            country: None,
            language: None,
            birth_year: None,
            purchase_visibility: PurchaseVisibility::Nobody,
            invites: Invites::Friends,
            personalise: true,
            created_at: None,
        }
    }
}

/// One offer of a product: by a seller, at a price, delivered to a country, within days, at a cost, paid by certain methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer<'a> {
    /// Who sells it; the product's seller when absent.
    pub seller_id: Option<&'a str>,
    /// Price for one buyer, in minor units of the product's currency; the product's when absent; never negative.
    pub price_minor: Option<i64>,
    /// ISO 3166-1 country that the offer delivers to.
    pub country: &'a str,
    /// Fewest days until delivery.
    pub min_days: u32,
    /// Most days until delivery.
    pub max_days: u32,
    /// Delivery cost in minor units of the product's currency.
    pub cost_minor: i64,
    /// Payment methods accepted there (`visa`, `mir`, `alipay` …); empty means any.
    pub payment_methods: Vec<&'a str>,
}

impl<'a> Offer<'a> {
    /// An offer of the product's own seller at the product's price, delivered within `min_days` to `max_days` at no cost
    /// and paid by any method.
    pub fn new(country: &'a str, min_days: u32, max_days: u32) -> Self {
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
}

/// One product as its seller offers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Product<'a> {
    /// Outside id.
    pub product_id: &'a str,
    /// Who sells it.
    pub seller_id: Option<&'a str>,
    /// Title in `language`.
    pub title: Option<&'a str>,
    /// Description in `language`.
    pub description: Option<&'a str>,
    /// ISO 639-1 language of the texts.
    pub language: Option<&'a str>,
    /// Path from general to particular, `a/b/c`.
    pub category: Option<&'a str>,
    /// Brand.
    pub brand: Option<&'a str>,
    /// Price for one buyer, in minor units of `currency`; never negative.
    pub price_minor: Option<i64>,
    /// ISO 4217 currency of every amount in the row.
    pub currency: Option<&'a str>,
    /// Price for each member of a team; never negative.
    pub group_price_minor: Option<i64>,
    /// Buyers a team needs, initiator included; at least 2.
    pub group_min_size: Option<u32>,
    /// Pieces in stock; absent means not counted; zero means sold out.
    pub stock: Option<i64>,
    /// ISO 3166-1 country the product ships from.
    pub ships_from: Option<&'a str>,
    /// Where and how it is delivered; empty means everywhere.
    pub offers: Vec<Offer<'a>>,
    /// Youngest age in years that may see it.
    pub min_age: Option<u32>,
    /// Never used in social proof.
    pub sensitive: bool,
    /// When it was listed.
    pub created_at: Option<Timestamp>,
    /// Picture.
    pub image_url: Option<&'a str>,
    /// Withdrawn from every answer.
    pub hidden: bool,
}

impl<'a> Product<'a> {
    /// A product of which only the id is known, with every default of the table.
    pub fn new(product_id: &'a str) -> Self {
        Self {
            product_id,
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
}

/// One seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller<'a> {
    /// Outside id.
    pub seller_id: &'a str,
    /// Shown name.
    pub name: Option<&'a str>,
    /// ISO 3166-1 country.
    pub country: Option<&'a str>,
    /// Official page in a social network.
    pub page_url: Option<&'a str>,
}

/// A tie between two users. All kinds but `follow` hold in both directions, whichever is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Friendship<'a> {
    /// One user.
    pub user_id: &'a str,
    /// The other user.
    pub friend_id: &'a str,
    /// What ties them.
    pub kind: FriendshipKind,
    /// Strength of the tie, 0 to 1; 1 when the source does not say.
    pub strength: f32,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// `user_id` wants nothing to do with `blocked_id`. Both directions are honoured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// Who blocks.
    pub user_id: &'a str,
    /// Who is blocked.
    pub blocked_id: &'a str,
}

/// Something a user did.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// Who did it.
    pub user_id: &'a str,
    /// To which product.
    pub product_id: &'a str,
    /// What.
    pub kind: EventKind,
    /// When.
    pub ts: Option<Timestamp>,
    /// Id given by the sender; the same id is the same event.
    pub event_id: Option<&'a str>,
    /// Rating for `rate`, quantity or amount for others, as the source has it.
    pub value: Option<f64>,
    /// Where it happened.
    pub surface: Option<Surface>,
    /// Team it belongs to.
    pub team_id: Option<&'a str>,
    /// Recommendation that led to it.
    pub recommendation_id: Option<&'a str>,
    /// Most days until delivery that the chosen offer promised: tells of a purchase or gift which offer it was.
    pub delivery_days: Option<u32>,
    /// Part of a research set.
    pub split: Split,
}

impl<'a> Event<'a> {
    /// An event of which only the required columns are known.
    pub fn new(user_id: &'a str, product_id: &'a str, kind: EventKind) -> Self {
        Self {
            user_id,
            product_id,
            kind,
            ts: None,
            event_id: None,
            value: None,
            surface: None,
            team_id: None,
            recommendation_id: None,
            delivery_days: None,
            split: Split::Train,
        }
    }
}

/// One group purchase.
#[derive(Debug, Clone, PartialEq)]
pub struct Team<'a> {
    /// Outside id.
    pub team_id: &'a str,
    /// What is bought.
    pub product_id: &'a str,
    /// Who opened it.
    pub initiator_id: &'a str,
    /// Who joined, initiator not included.
    pub participant_ids: Vec<&'a str>,
    /// Buyers needed, initiator included.
    pub min_size: u32,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it expires.
    pub deadline: Option<Timestamp>,
    /// How it ended.
    pub outcome: TeamOutcome,
    /// Part of a research set.
    pub split: Split,
    /// Extra column of research sets: products among which a test row's product is ranked.
    pub negative_ids: Vec<&'a str>,
    /// Extra column: whether its initiator shows it to strangers; as she shows her purchases when absent.
    pub public: Option<bool>,
}
