//! From exact numbers to what may be told: noise, fewest people, error bars.
//!
//! A group is told only if it has [`FEWEST_PEOPLE`] people *and* its noised number is so far above that a group of
//! exactly as many is told with the chance [`SLIP`] at most. The first alone would tell by its silence whether one
//! more person is there; the second alone could tell of fewer.

use juntos_datasets::units::Country;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::count::{AgeBand, Exact, MIDDLE_STAR};
use super::laplace::DiscreteLaplace;
use super::policy::{AudiencePolicy, FEWEST_PEOPLE, MISS, Part, SLIP};

/// A number of people with noise, and where the true one lies but for a chance of [`MISS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// The noised number, at least [`FEWEST_PEOPLE`].
    pub count: i64,
    /// The true number is hardly below this.
    pub low: i64,
    /// The true number is hardly above this.
    pub high: i64,
}

/// A fraction of two noised numbers in ten-thousandths, and where the true one lies but for a chance of [`MISS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fraction {
    /// The noised fraction.
    pub value: i64,
    /// The true fraction is hardly below this.
    pub low: i64,
    /// The true fraction is hardly above this.
    pub high: i64,
}

/// One in [`Fraction`].
pub const ONE: i64 = 10_000;

/// What is told of the people who buy from a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// All buyers.
    pub buyers: People,
    /// Buyers by age, youngest first; bands of too few people are left out.
    pub age_bands: Vec<(AgeBand, People)>,
    /// Buyers by country, by its code; countries of too few are left out.
    pub markets: Vec<(Country, People)>,
    /// Buyers by what else they buy, by name of the most general category; those of too few are left out.
    pub also_buy: Vec<(String, People)>,
    /// Share of the buyers who bought at least twice.
    pub repeat_rate: Fraction,
    /// Share of the buyers who sent something back.
    pub return_rate: Fraction,
    /// What buyers think; none where too few gave stars.
    pub ratings: Option<Ratings>,
}

/// What buyers think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratings {
    /// Buyers who gave stars.
    pub people: People,
    /// Their mean, 1 to 5 stars, each buyer counted once.
    pub stars: Fraction,
}

/// What may be told of `exact`; none where there are too few buyers.
pub(super) fn tell(exact: &Exact, policy: &AudiencePolicy, random: &mut impl Rng) -> Option<Findings> {
    let mut noise = Noise { policy, random };
    let buyers = noise.group(Part::Buyers, exact.buyers)?;
    let age_bands = noise.groups(Part::AgeBands, exact.age_bands.iter().map(|(&band, &count)| (band, count)));
    let markets = noise.groups(Part::Markets, exact.markets.iter().map(|(&market, &count)| (market, count)));
    let also_buy = exact.also_buy.iter().map(|(category, &count)| (category.clone(), count));
    let also_buy = noise.groups(Part::AlsoBuy, also_buy);
    let repeated = noise.number(Part::Repeated, i64::from(exact.repeated));
    let returned = noise.number(Part::Returned, i64::from(exact.returned));
    let ratings = noise.group(Part::Rated, exact.rated).map(|rated| {
        let stars = noise.number(Part::Stars, exact.stars);
        Ratings { people: rated.people(), stars: mean_stars(stars, rated) }
    });
    Some(Findings {
        buyers: buyers.people(),
        age_bands,
        markets,
        also_buy,
        repeat_rate: share(repeated, buyers),
        return_rate: share(returned, buyers),
        ratings,
    })
}

/// A number with its noise.
#[derive(Debug, Clone, Copy)]
struct Noised {
    value: i64,
    law: DiscreteLaplace,
    /// The smallest value that would have been told, where small ones are kept silent.
    told_from: Option<i64>,
}

struct Noise<'a, R> {
    policy: &'a AudiencePolicy,
    random: &'a mut R,
}

impl<R: Rng> Noise<'_, R> {
    fn number(&mut self, part: Part, exact: i64) -> Noised {
        let law = self.policy.law(part);
        Noised { value: exact + law.sample(self.random), law, told_from: None }
    }

    /// A number of people, if it may be told.
    fn group(&mut self, part: Part, exact: u32) -> Option<Noised> {
        let exact = i64::from(exact);
        if exact < FEWEST_PEOPLE {
            return None;
        }
        let noised = self.number(part, exact);
        let told_from = FEWEST_PEOPLE + noised.law.tail(SLIP);
        (noised.value >= told_from).then_some(Noised { told_from: Some(told_from), ..noised })
    }

    /// Those groups that may be told.
    fn groups<K>(&mut self, part: Part, groups: impl Iterator<Item = (K, u32)>) -> Vec<(K, People)> {
        groups.filter_map(|(key, exact)| Some((key, self.group(part, exact)?.people()))).collect()
    }
}

impl Noised {
    fn people(self) -> People {
        let (low, high) = self.range(MISS);
        People { count: self.value, low, high }
    }

    /// Where the true number lies but for a chance of `miss`, given that it is told.
    ///
    /// A number that is told from `t` on is told the oftener the more its noise flatters it. At or above `t` it is told at
    /// least every second time, so twice the chance at most is missed. A true number below `t` is told with a value of
    /// `t + h` with the chance `p^h`, whatever it is: only values so far above `t` speak against it, and others say no more
    /// than that there are [`FEWEST_PEOPLE`].
    fn range(self, miss: f64) -> (i64, i64) {
        let Some(told_from) = self.told_from else {
            let margin = self.law.half_width(miss);
            return (self.value - margin, self.value + margin);
        };
        let margin = self.law.half_width(miss / 2.0).max(self.law.steps(miss));
        let low = self.value - margin;
        (if low >= told_from { low } else { FEWEST_PEOPLE }, self.value + margin)
    }
}

/// `part` of `whole`.
fn share(part: Noised, whole: Noised) -> Fraction {
    quotient(part, whole, 0, 0, ONE)
}

/// The mean of `rated` people's stars, which were added up less the middle star each.
fn mean_stars(stars: Noised, rated: Noised) -> Fraction {
    quotient(stars, rated, MIDDLE_STAR * ONE, ONE, 5 * ONE)
}

/// `middle + above / below`, the ends of its range rounded outwards, and all of it kept between `least` and `most`.
fn quotient(above: Noised, below: Noised, middle: i64, least: i64, most: i64) -> Fraction {
    // Each of the two may miss half as often.
    let ((above_low, above_high), (below_low, below_high)) = (above.range(MISS / 2.0), below.range(MISS / 2.0));
    let (below_low, below_high) = (below_low.max(1), below_high.max(1));
    let low = (ONE * above_low).div_euclid(if above_low < 0 { below_low } else { below_high });
    let high = -(-ONE * above_high).div_euclid(if above_high < 0 { below_high } else { below_low });
    let count = below.value.max(1);
    let value = (2 * ONE * above.value + count).div_euclid(2 * count);
    let kept = |value: i64| (middle + value).clamp(least, most);
    Fraction { value: kept(value), low: kept(low), high: kept(high) }
}
