//! Why an item is in an answer: codes with parameters, never free text that could leak.

use juntos_datasets::units::{Money, Timestamp};

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

    /// The least number in the bucket.
    pub const fn least(self) -> u32 {
        match self {
            Self::ThreePlus => 3,
            Self::FivePlus => 5,
            Self::TenPlus => 10,
            Self::FiftyPlus => 50,
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
        /// When the last one is expected to be used up; not told to minors.
        due: Option<Timestamp>,
    },
    /// New from a seller.
    NewFromSeller {
        /// The seller.
        seller_id: String,
    },
    /// Cheaper together.
    TeamPrice {
        /// What each saves.
        saving: Money,
    },
    /// Joined this person's teams before.
    JoinedYouBefore,
    /// A close friend.
    CloseFriend,
    /// Likes products like this one.
    LikesThisKind,
}

juntos_datasets::words! {
    /// The codes of all reasons: the one table that answers, texts and tests go by.
    ReasonCode {
        /// [`Reason::FriendsBought`].
        FriendsBought = "friends_bought",
        /// [`Reason::BecauseYouBought`].
        BecauseYouBought = "because_you_bought",
        /// [`Reason::SimilarTo`].
        SimilarTo = "similar_to",
        /// [`Reason::YourTaste`].
        YourTaste = "your_taste",
        /// [`Reason::GroupTaste`].
        GroupTaste = "group_taste",
        /// [`Reason::OpenTeam`].
        OpenTeam = "open_team",
        /// [`Reason::TrendingInMarket`].
        TrendingInMarket = "trending_in_market",
        /// [`Reason::TimeToRepurchase`].
        TimeToRepurchase = "time_to_repurchase",
        /// [`Reason::NewFromSeller`].
        NewFromSeller = "new_from_seller",
        /// [`Reason::TeamPrice`].
        TeamPrice = "team_price",
        /// [`Reason::JoinedYouBefore`].
        JoinedYouBefore = "joined_you_before",
        /// [`Reason::CloseFriend`].
        CloseFriend = "close_friend",
        /// [`Reason::LikesThisKind`].
        LikesThisKind = "likes_this_kind",
    }
}

impl Reason {
    /// The code.
    pub const fn code(&self) -> ReasonCode {
        match self {
            Self::FriendsBought { .. } => ReasonCode::FriendsBought,
            Self::BecauseYouBought { .. } => ReasonCode::BecauseYouBought,
            Self::SimilarTo { .. } => ReasonCode::SimilarTo,
            Self::YourTaste => ReasonCode::YourTaste,
            Self::GroupTaste => ReasonCode::GroupTaste,
            Self::OpenTeam { .. } => ReasonCode::OpenTeam,
            Self::TrendingInMarket => ReasonCode::TrendingInMarket,
            Self::TimeToRepurchase { .. } => ReasonCode::TimeToRepurchase,
            Self::NewFromSeller { .. } => ReasonCode::NewFromSeller,
            Self::TeamPrice { .. } => ReasonCode::TeamPrice,
            Self::JoinedYouBefore => ReasonCode::JoinedYouBefore,
            Self::CloseFriend => ReasonCode::CloseFriend,
            Self::LikesThisKind => ReasonCode::LikesThisKind,
        }
    }
}
