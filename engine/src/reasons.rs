//! Why an item is in an answer: codes with parameters, never free text that could leak.

use juntos_datasets::units::Timestamp;

/// A count shown to people: at least three, in coarse steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountBucket {
    /// 3 to 4.
    ThreePlus,
    /// 5 to 9.
    FivePlus,
    /// 10 to 49.
    TenPlus,
    /// 50 and more.
    FiftyPlus,
}

impl CountBucket {
    /// The bucket of `count`, or none below three: such a count is never shown.
    pub const fn of(count: usize) -> Option<Self> {
        match count {
            0..=2 => None,
            3..=4 => Some(Self::ThreePlus),
            5..=9 => Some(Self::FivePlus),
            10..=49 => Some(Self::TenPlus),
            _ => Some(Self::FiftyPlus),
        }
    }

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ThreePlus => "3+",
            Self::FivePlus => "5+",
            Self::TenPlus => "10+",
            Self::FiftyPlus => "50+",
        }
    }
}

/// One reason.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// At least three consenting friends bought it.
    FriendsBought {
        /// How many, coarsely.
        count: CountBucket,
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
        /// Seats still free; not told to minors.
        seats_left: Option<u32>,
    },
    /// Popular in the market now.
    TrendingInMarket,
    /// About to run out.
    TimeToRepurchase {
        /// When the last one is expected to be used up.
        due: Timestamp,
    },
    /// New from a seller.
    NewFromSeller {
        /// The seller.
        seller_id: String,
    },
    /// Cheaper together.
    TeamPrice {
        /// What each saves, minor units of the product's currency.
        saving_minor: i64,
    },
    /// Joined this person's teams before.
    JoinedYouBefore,
    /// A close friend.
    CloseFriend,
    /// Likes products like this one.
    LikesThisKind,
}

impl Reason {
    /// The code in answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FriendsBought { .. } => "friends_bought",
            Self::BecauseYouBought { .. } => "because_you_bought",
            Self::SimilarTo { .. } => "similar_to",
            Self::YourTaste => "your_taste",
            Self::GroupTaste => "group_taste",
            Self::OpenTeam { .. } => "open_team",
            Self::TrendingInMarket => "trending_in_market",
            Self::TimeToRepurchase { .. } => "time_to_repurchase",
            Self::NewFromSeller { .. } => "new_from_seller",
            Self::TeamPrice { .. } => "team_price",
            Self::JoinedYouBefore => "joined_you_before",
            Self::CloseFriend => "close_friend",
            Self::LikesThisKind => "likes_this_kind",
        }
    }
}
