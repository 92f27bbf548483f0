//! How a list came about, for an operator who asked for `explain=full`.

use juntos_engine::explanation;
use serde::Serialize;
use utoipa::ToSchema;

/// How a list came about.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// The items of the page, in their order.
    pub items: Vec<Explained>,
    /// Products that a source proposed and that are not on the page, best first, 100 at most.
    pub left_out: Vec<Explained>,
    /// The product of `explain_product`, and in `group-buy/friends` that of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<Verdict>,
}

/// How one product, person or team came to its place.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ExplainedItem)]
pub struct Explained {
    /// The product, person or team.
    pub id: String,
    /// Every source that proposed it, as in `source` of items.
    pub sources: Vec<&'static str>,
    /// What the score is the sum of.
    pub parts: Vec<Part>,
    /// The score that it was ranked by; for people, and teams of friends, log-odds to join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// Place on the page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// Place among all candidates by score alone, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_by_score: Option<usize>,
    /// What moved or removed it; the words are in the documentation.
    pub rules: Vec<&'static str>,
}

/// One summand of a score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ScorePart)]
pub struct Part {
    /// What it is for.
    #[schema(example = "taste")]
    pub what: &'static str,
    /// What it adds.
    pub points: f32,
}

/// Where the product asked about ended, and why.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Verdict {
    /// `shown`, `not_on_page`, `not_proposed`, `ruled_out`, `eligible`, `unknown_product`.
    pub outcome: &'static str,
    /// How it came there.
    #[serde(flatten)]
    pub product: Explained,
    /// How close it is to the taste that the list goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taste: Option<TastePlace>,
    /// Place by popularity in the market among everything that may be shown, where the list goes by no taste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub popular_place: Option<usize>,
}

/// How close a product is to a taste.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TastePlace {
    /// Inner product of the two vectors.
    pub score: f32,
    /// Place among everything that may be shown, from 1.
    pub place: usize,
    /// So many of the closest become candidates.
    pub looked_at: usize,
}

impl From<explanation::Explanation> for Explanation {
    fn from(told: explanation::Explanation) -> Self {
        let explanation::Explanation { items, left_out, product } = told;
        Self {
            items: items.into_iter().map(Explained::from).collect(),
            left_out: left_out.into_iter().map(Explained::from).collect(),
            product: product.map(Verdict::from),
        }
    }
}

impl From<explanation::Explained> for Explained {
    fn from(told: explanation::Explained) -> Self {
        let explanation::Explained { id, sources, parts, score, place, place_by_score, rules } = told;
        let part = |part: explanation::Part| Part { what: part.what, points: rounded(part.points) };
        Self {
            id,
            sources: sources.into_iter().map(|source| source.word()).collect(),
            parts: parts.into_iter().map(part).collect(),
            score: score.map(rounded),
            place,
            place_by_score,
            rules: rules.into_iter().map(|rule| rule.word()).collect(),
        }
    }
}

impl From<explanation::Verdict> for Verdict {
    fn from(told: explanation::Verdict) -> Self {
        let explanation::Verdict { outcome, product, taste, popular_place } = told;
        Self {
            outcome: outcome.word(),
            product: product.into(),
            taste: taste.map(|taste| TastePlace {
                score: rounded(taste.score),
                place: taste.place,
                looked_at: taste.looked_at,
            }),
            popular_place,
        }
    }
}

/// Four digits after the point.
fn rounded(points: f32) -> f32 {
    (points * 10_000.0).round() / 10_000.0
}
