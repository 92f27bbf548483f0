//! A seller's audience as it is given.

use juntos_datasets::units::{Country, Timestamp};
use juntos_engine::audience::{
    AgeBand, AudienceAnswer, AudiencePolicy, DELTA, FEWEST_PEOPLE, Findings, Fraction, MISS, ONE, People,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::wire::schema;

/// How the audience is asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AudienceQuery {
    /// `true` draws new numbers, which spends budget; otherwise the answer that was drawn this month stands, if there is one.
    pub fresh: Option<bool>,
}

/// Who buys from a seller, in aggregate: noised numbers of at least 50 people.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SellerAudience {
    /// The seller.
    pub seller_id: String,
    /// The moment that the numbers are of; `null` where there are none.
    #[schema(schema_with = schema::time)]
    pub as_of: Option<Timestamp>,
    /// Why there is no audience: `unknown_seller`, `too_few_buyers`; `null` otherwise.
    pub degraded: Option<&'static str>,
    /// The numbers.
    pub audience: Option<Audience>,
    /// How the numbers were made, and what may still be asked; `null` for a seller whom nobody knows.
    pub privacy: Option<PrivacyTerms>,
    /// The seller, if nobody knows her.
    pub missing: Vec<String>,
}

/// The numbers. Groups of too few people are left out of every list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Audience {
    /// All buyers.
    pub buyers: Count,
    /// Buyers by age, youngest first.
    pub age_bands: Vec<AgeBandEstimate>,
    /// Buyers by country, by its code.
    pub markets: Vec<MarketEstimate>,
    /// Buyers by what they buy from other sellers, at most three categories each, by the category's name.
    pub also_buy: Vec<CategoryEstimate>,
    /// Share of the buyers who bought at least twice.
    pub repeat_rate: Estimate,
    /// What buyers think.
    pub satisfaction: Satisfaction,
}

/// What buyers think.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Satisfaction {
    /// Buyers who gave stars; `null`, like the stars, where they are too few.
    pub rated_by: Option<Count>,
    /// Their mean, 1 to 5 stars, each buyer counted once.
    pub stars: Option<Estimate>,
    /// Share of the buyers who sent something back.
    pub return_rate: Estimate,
}

/// A noised number of people, and where the true one lies with the confidence that `privacy` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"value": 1204, "low": 1192, "high": 1216}))]
pub struct Count {
    /// The noised number.
    pub value: i64,
    /// Lower end.
    pub low: i64,
    /// Upper end.
    pub high: i64,
}

/// A quotient of noised numbers, and where the true one lies with the confidence that `privacy` tells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"value": 0.4012, "low": 0.3871, "high": 0.4158}))]
pub struct Estimate {
    /// The noised quotient, to four decimals.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Buyers of an age.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgeBandEstimate {
    /// `minor_or_unknown`, `18-24`, `25-34`, `35-44`, `45-54`, `55-64`, `65+`.
    pub band: &'static str,
    /// How many.
    pub buyers: Count,
}

/// Buyers in a country.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MarketEstimate {
    /// The country.
    #[schema(schema_with = schema::country)]
    pub country: Country,
    /// How many.
    pub buyers: Count,
}

/// Buyers who also buy in a category.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CategoryEstimate {
    /// The most general category.
    #[schema(example = "toys")]
    pub category: String,
    /// How many.
    pub buyers: Count,
}

/// How the numbers were made, and what may still be asked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PrivacyTerms {
    /// ε that this answer spent.
    pub epsilon: f64,
    /// δ of this answer.
    pub delta: f64,
    /// Fewest people that anything is told about.
    pub fewest_people: i64,
    /// Chance that the true number lies between `low` and `high`, for each estimate.
    pub confidence: f64,
    /// What may still be asked this month.
    pub budget: Budget,
}

/// What a seller may ask in a month.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Budget {
    /// The month, UTC.
    #[schema(example = "2026-03")]
    pub month: String,
    /// ε that may be spent in it.
    pub epsilon: f64,
    /// ε that is left.
    pub epsilon_left: f64,
    /// When the next month begins.
    #[schema(schema_with = schema::time)]
    pub renews_at: Timestamp,
}

impl SellerAudience {
    /// The answer about a seller; none about one whom nobody knows.
    pub fn new(seller_id: String, answer: Option<AudienceAnswer>, policy: &AudiencePolicy) -> Self {
        let Some(answer) = answer else {
            let missing = vec![seller_id.clone()];
            let degraded = Some("unknown_seller");
            return Self { seller_id, as_of: None, degraded, audience: None, privacy: None, missing };
        };
        Self {
            seller_id,
            as_of: Some(answer.told.as_of),
            degraded: answer.told.findings.is_none().then_some("too_few_buyers"),
            audience: answer.told.findings.as_ref().map(Audience::from),
            privacy: Some(PrivacyTerms::new(&answer, policy)),
            missing: Vec::new(),
        }
    }
}

impl From<&Findings> for Audience {
    fn from(findings: &Findings) -> Self {
        let age_bands = findings.age_bands.iter();
        let markets = findings.markets.iter();
        let also_buy = findings.also_buy.iter();
        Self {
            buyers: findings.buyers.into(),
            age_bands: age_bands
                .map(|&(band, people)| AgeBandEstimate { band: word(band), buyers: people.into() })
                .collect(),
            markets: markets.map(|&(country, people)| MarketEstimate { country, buyers: people.into() }).collect(),
            also_buy: also_buy
                .map(|(category, people)| CategoryEstimate { category: category.clone(), buyers: (*people).into() })
                .collect(),
            repeat_rate: findings.repeat_rate.into(),
            satisfaction: Satisfaction {
                rated_by: findings.ratings.map(|ratings| ratings.people.into()),
                stars: findings.ratings.map(|ratings| ratings.stars.into()),
                return_rate: findings.return_rate.into(),
            },
        }
    }
}

/// The word for an age band.
const fn word(band: AgeBand) -> &'static str {
    match band {
        AgeBand::MinorOrUnknown => "minor_or_unknown",
        AgeBand::From18 => "18-24",
        AgeBand::From25 => "25-34",
        AgeBand::From35 => "35-44",
        AgeBand::From45 => "45-54",
        AgeBand::From55 => "55-64",
        AgeBand::From65 => "65+",
    }
}

impl From<People> for Count {
    fn from(people: People) -> Self {
        let People { count, low, high } = people;
        Self { value: count, low, high }
    }
}

impl From<Fraction> for Estimate {
    fn from(fraction: Fraction) -> Self {
        let [value, low, high] = [fraction.value, fraction.low, fraction.high].map(|part| part as f64 / ONE as f64);
        Self { value, low, high }
    }
}

impl PrivacyTerms {
    fn new(answer: &AudienceAnswer, policy: &AudiencePolicy) -> Self {
        let month = answer.told.month;
        Self {
            epsilon: thousandths(u64::from(answer.told.epsilon_thousandths)),
            delta: DELTA,
            fewest_people: FEWEST_PEOPLE,
            confidence: 1.0 - MISS,
            budget: Budget {
                month: month.to_string(),
                epsilon: thousandths(policy.month_thousandths()),
                epsilon_left: thousandths(answer.left_thousandths),
                renews_at: month.next().start(),
            },
        }
    }
}

fn thousandths(number: u64) -> f64 {
    number as f64 / 1_000.0
}
