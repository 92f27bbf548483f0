//! What an operator is told about how a list came about: every source that proposed a product, what its score is made of,
//! and which rule moved or removed it.
//!
//! An explanation is made from what passed privacy already, and names no person but those whom the list itself names: a
//! rule says *that* a member of a group is too young, never who. [`crate::request::Context::explain`] asks for it; who may
//! ask is the caller's to decide.

use crate::request::Source;

/// What to explain besides the items of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explain {
    /// A product of which to tell where it is, or why it is not there.
    pub product_id: Option<String>,
}

/// How a list came about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// The items of the page, in their order.
    pub items: Vec<Explained>,
    /// Products that a source proposed and that are not on the page, best first: at most [`MOST_LEFT_OUT`].
    pub left_out: Vec<Explained>,
    /// The product asked about.
    pub product: Option<Verdict>,
}

/// Most products told as left out.
pub const MOST_LEFT_OUT: usize = 100;

/// How one product, person or team came to its place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explained {
    /// Outside id.
    pub id: String,
    /// Every source that proposed it, in the order of the sources.
    pub sources: Vec<Source>,
    /// What the score is the sum of.
    pub parts: Vec<Part>,
    /// The score that it was ranked by; none where it was removed before.
    pub score: Option<f32>,
    /// Its place on the page, from 1.
    pub place: Option<usize>,
    /// Its place among all candidates by score alone, from 1; none for what filled the page behind them.
    pub place_by_score: Option<usize>,
    /// What moved or removed it.
    pub rules: Vec<Rule>,
}

/// One summand of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// What it is for.
    pub what: &'static str,
    /// What it adds.
    pub points: f32,
}

juntos_datasets::words! {
    /// What moves or removes a product.
    Rule {
        /// It is withdrawn from every answer.
        Hidden = "hidden",
        /// It is sold out.
        OutOfStock = "out_of_stock",
        /// Somebody may be too young for it; an unknown age counts as a minor's.
        Age = "age",
        /// It is not delivered to the market.
        NotDelivered = "not_delivered",
        /// It cannot be paid there with any of the methods.
        Payment = "payment",
        /// It is not delivered there in time, as the filter says.
        DeliveryDays = "delivery_days",
        /// The filter's products.
        Product = "product",
        /// The filter's categories.
        Category = "category",
        /// The filter's brands.
        Brand = "brand",
        /// The filter's sellers.
        Seller = "seller",
        /// The filter's price bounds.
        Price = "price",
        /// The filter wants a team price.
        TeamPrice = "team_price",
        /// The operator excludes it here and now.
        Exclusion = "exclusion",
        /// The question excludes it.
        Excluded = "excluded",
        /// An earlier page showed it.
        ShownBefore = "shown_before",
        /// The person disliked it or sent it back, or a member of the group whose purchases she may know.
        Refused = "refused",
        /// The person bought it, and it is not due again.
        AlreadyBought = "already_bought",
        /// The question is about it.
        AskedAbout = "asked_about",
        /// Some other rule of the list removed it.
        OtherRule = "other_rule",
        /// The page has its share of the seller's products.
        SellerCap = "seller_cap",
        /// The page has its share of the brand's products.
        BrandCap = "brand_cap",
        /// The page has its share of the category's products.
        CategoryCap = "category_cap",
        /// The page has its share of open teams on the product.
        ProductCap = "product_cap",
        /// Others took its place for another reason than their score.
        GaveWay = "gave_way",
        /// Others have better scores, and the page is full.
        BelowLimit = "below_limit",
        /// The operator put it at this place.
        Pin = "pin",
        /// It was drawn for a place that is for new products.
        Explore = "explore",
        /// It fills the page behind the candidates.
        Fill = "fill",
    }
}

/// What became of the product asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Where it ended.
    pub outcome: Outcome,
    /// How it came there.
    pub product: Explained,
    /// How close it is to the taste that the list goes by, where it goes by one and the product may be shown.
    pub taste: Option<TastePlace>,
    /// Its place among everything that may be shown by popularity in the market, from 1, where the list goes by no taste.
    pub popular_place: Option<usize>,
}

juntos_datasets::words! {
    /// Where a product ended.
    Outcome {
        /// It is on the page.
        Shown = "shown",
        /// A source proposed it, and it is not on the page.
        NotOnPage = "not_on_page",
        /// It may be shown, and no source proposed it.
        NotProposed = "not_proposed",
        /// It may not be shown here.
        RuledOut = "ruled_out",
        /// It may be shown; the list is of people or teams.
        Eligible = "eligible",
        /// There is no such product.
        Unknown = "unknown_product",
    }
}

/// How close a product is to a taste.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TastePlace {
    /// Inner product of the two vectors.
    pub score: f32,
    /// Place among everything that may be shown, by exact scan, from 1.
    pub place: usize,
    /// So many of the closest become candidates; the index may miss one of them.
    pub looked_at: usize,
}
