//! What currencies are worth, where an operator says so. Without rates a price in one currency is neither more nor less
//! than a price in another: nothing is guessed.
//!
//! Rates only decide whether a price lies within the bounds of a filter. Every price that is shown is the product's own, in
//! its own currency. Comparing is exact: with a bound of `b` minor units of a currency that is worth `w` and has `d` digits
//! behind the point, a price of `p` minor units of another (`v`, `e`) is not above it just if
//!
//! ```text
//! p · v / 10^e  ≤  b · w / 10^d
//! ```
//!
//! over the integers, so that the highest such price is the quotient rounded down, and the lowest above a lower bound the
//! quotient rounded up.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use juntos_datasets::units::Currency;
use serde::{Deserialize, Serialize};

/// Digits that a rate may have behind the point.
const RATE_DIGITS: usize = 9;
/// Parts of a rate of 1.
const ONE: u64 = 10u64.pow(RATE_DIGITS as u32);
/// Highest rate.
const MOST_RATE: u64 = 1_000_000 * ONE;

/// What one unit of a currency is worth in the reference currency: a decimal above 0, exact to nine digits behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(u64);

/// A text that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected what one unit is worth, a decimal above 0 and up to 1000000 with at most 9 digits behind the point such as `0.0108`, got `{got}`"
)]
pub struct RateFault {
    /// What was found, cut to a readable length.
    pub got: String,
}

impl FromStr for Rate {
    type Err = RateFault;

    fn from_str(text: &str) -> Result<Self, RateFault> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let written = digits(whole) && digits(part) && part.len() <= RATE_DIGITS && whole.len() <= 7;
        let parts = written.then(|| format!("{whole}{part:0<RATE_DIGITS$}").parse().ok()).flatten();
        let rate = parts.filter(|parts| (1..=MOST_RATE).contains(parts));
        rate.map(Self).ok_or_else(|| RateFault { got: text.chars().take(32).collect() })
    }
}

impl TryFrom<String> for Rate {
    type Error = RateFault;

    fn try_from(text: String) -> Result<Self, RateFault> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", self.0 / ONE, self.0 % ONE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// What an operator says of currencies; the default says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Currencies {
    /// Currency that rates are told in: it is worth 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Currency>,
    /// What one unit of each other currency is worth in it.
    pub rates: BTreeMap<Currency, Rate>,
}

/// Why rates cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyFault {
    /// Rates in nothing.
    #[error("`reference` is absent although there are rates; name the currency that they are told in")]
    NoReference,
    /// The reference is among the rates.
    #[error("`rates.{currency}` is {rate}, but {currency} is the reference, which is worth 1; leave it out")]
    OfReference {
        /// The reference.
        currency: Currency,
        /// What was told.
        rate: Rate,
    },
}

impl Currencies {
    /// The rates to compare by.
    ///
    /// # Errors
    /// [`CurrencyFault`] says what does not fit together.
    pub fn rates(&self) -> Result<Rates, CurrencyFault> {
        let mut worth: BTreeMap<Currency, Rate> = self.rates.clone();
        match self.reference {
            None if worth.is_empty() => Ok(Rates::default()),
            None => Err(CurrencyFault::NoReference),
            Some(currency) => match worth.insert(currency, Rate(ONE)) {
                Some(rate) => Err(CurrencyFault::OfReference { currency, rate }),
                None => Ok(Rates { worth }),
            },
        }
    }
}

/// Rates by which prices compare; the default compares prices within each currency only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates {
    worth: BTreeMap<Currency, Rate>,
}

/// Prices compare within their currency only.
pub(crate) static NO_RATES: Rates = Rates { worth: BTreeMap::new() };

impl Rates {
    /// The prices in minor units of `other`, possibly none, that are neither below the first nor above the last of `prices`
    /// in minor units of `currency`, which are not negative; nothing where the two cannot be compared.
    pub(crate) fn within(
        &self,
        prices: RangeInclusive<i64>,
        currency: Currency,
        other: Currency,
    ) -> Option<RangeInclusive<i64>> {
        if currency == other {
            return Some(prices);
        }
        let (rate, divisor) = (self.worth.get(&currency)?.0, self.worth.get(&other)?.0);
        let [digits, other_digits] = [currency, other].map(|currency| u32::from(currency.minor_digits()));
        let up = 10u128.pow(other_digits.saturating_sub(digits));
        let down = 10u128.pow(digits.saturating_sub(other_digits));
        // Below 2^63 · 2^50 · 2^14: there is room.
        let above = |price: i64| price.max(0).unsigned_abs() as u128 * u128::from(rate) * up;
        let below = u128::from(divisor) * down;
        let saturated = |price: u128| i64::try_from(price).unwrap_or(i64::MAX);
        let last = match *prices.end() {
            i64::MAX => i64::MAX,
            last => saturated(above(last) / below),
        };
        Some(saturated(above(*prices.start()).div_ceil(below))..=last)
    }

    /// Every currency that compares with `currency`, itself first.
    pub(crate) fn comparable(&self, currency: Currency) -> impl Iterator<Item = Currency> {
        let others = self.worth.contains_key(&currency).then(|| self.worth.keys().copied());
        std::iter::once(currency).chain(others.into_iter().flatten().filter(move |&other| other != currency))
    }
}

#[cfg(test)]
mod tests {
    //! 1. A rate reads as written and writes as read; what is no rate is told.
    //! 2. Rates need a reference, which is none of them.
    //! 3. A price lies within converted bounds just if its value lies within them, for digits of every number.
    //! 4. Nothing compares without rates, and everything with itself.

    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn rates(of: &[(&str, &str)]) -> Rates {
        let rates = of.iter().map(|(code, rate)| (currency(code), rate.parse().unwrap())).collect();
        Currencies { reference: Some(currency("EUR")), rates }.rates().unwrap()
    }

    #[test]
    fn rates_are_read_exactly() {
        for text in ["1", "0.0108", "0.000000001", "1000000", "27.5"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("1.50".parse::<Rate>().unwrap().to_string(), "1.5");
        let wrong =
            ["", "0", "0.0", "-1", "+1", "1e3", ".5", "5.", "1,5", "0.0000000001", "1000000.1", "99999999", "1.2.3"];
        for text in wrong {
            assert!(text.parse::<Rate>().unwrap_err().to_string().ends_with(&format!("got `{text}`")), "{text}");
        }
    }

    #[test]
    fn rates_need_a_reference_of_their_own() {
        let told = BTreeMap::from([(currency("EUR"), "2".parse().unwrap())]);
        let absent = Currencies { reference: None, rates: told.clone() };
        assert!(absent.rates().unwrap_err().to_string().starts_with("`reference` is absent"));
        let twice = Currencies { reference: Some(currency("EUR")), rates: told };
        assert!(twice.rates().unwrap_err().to_string().starts_with("`rates.EUR` is 2"));
        assert_eq!(Currencies::default().rates(), Ok(Rates::default()));
    }

    #[test]
    fn bounds_are_rounded_inwards() {
        let rates = rates(&[("RUB", "0.0108"), ("JPY", "0.0061"), ("KWD", "2.81")]);
        let of = |code: &str, prices| rates.within(prices, currency("EUR"), currency(code)).unwrap();
        // 10 euros are 925.92… roubles, 1639.34… yen and 3.5587… dinars.
        assert!(of("RUB", 1000..=1000).is_empty(), "no price in roubles is exactly ten euros");
        assert_eq!(of("RUB", 1000..=1001), 92_593..=92_685);
        assert_eq!(of("JPY", 0..=1000), 0..=1639);
        assert_eq!(of("KWD", 1000..=i64::MAX), 3_559..=i64::MAX);
        assert_eq!(of("EUR", 5..=7), 5..=7);
    }

    #[test]
    fn without_rates_a_currency_compares_with_itself_only() {
        let (euro, rouble) = (currency("EUR"), currency("RUB"));
        for rates in [Rates::default(), rates(&[("TRY", "0.02")])] {
            assert_eq!(rates.within(0..=5, euro, rouble), None);
            assert_eq!(rates.within(0..=5, rouble, rouble), Some(0..=5));
            assert_eq!(rates.comparable(rouble).collect::<Vec<_>>(), [rouble]);
        }
        let both = rates(&[("RUB", "0.01")]);
        assert_eq!(both.comparable(rouble).collect::<Vec<_>>(), [rouble, euro]);
    }

    proptest! {
        #[test]
        fn a_price_is_within_if_its_value_is(
            codes in (prop::sample::select(vec!["JPY", "RUB", "KWD", "CLF"]), prop::sample::select(vec!["EUR", "VND", "TND"])),
            worth in (1u64..=MOST_RATE, 1u64..=MOST_RATE),
            bounds in (0i64..=1 << 40, 0i64..=1 << 40),
            beside in -2i64..=2,
        ) {
            let (one, other) = (currency(codes.0), currency(codes.1));
            let rates = Rates { worth: BTreeMap::from([(one, Rate(worth.0)), (other, Rate(worth.1))]) };
            let within = rates.within(bounds.0..=bounds.1, one, other).unwrap();
            // Values as numbers of ten thousandths of billionths, the smallest that any of these can be.
            let value = |price: i64, currency: Currency, worth: u64| {
                i128::from(price) * i128::from(worth) * 10i128.pow(4 - u32::from(currency.minor_digits()))
            };
            for price in [within.start().saturating_add(beside), within.end().saturating_add(beside)] {
                if !(0..i64::MAX).contains(&price) {
                    continue;
                }
                let worth_of = value(price, other, worth.1);
                let truly = value(bounds.0, one, worth.0) <= worth_of && worth_of <= value(bounds.1, one, worth.0);
                prop_assert_eq!(within.contains(&price), truly, "{} of {:?}", price, within);
            }
        }
    }
}
