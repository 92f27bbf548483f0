//! Months of the calendar in UTC (Howard Hinnant, "chrono-compatible low-level date algorithms": `civil_from_days` and
//! `days_from_civil`).

use std::fmt;
use std::str::FromStr;

use juntos_datasets::units::{Timestamp, UnitFault};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A month of the proleptic Gregorian calendar, UTC; written `2026-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Months since January of the year 0.
    since_year_0: i64,
}

/// Days from 0000-03-01 to 1970-01-01.
const MARCH_0000_TO_EPOCH: i64 = 719_468;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;

impl Month {
    /// The month that `moment` lies in.
    pub fn of(moment: Timestamp) -> Self {
        let from_march_0000 = moment.day() + MARCH_0000_TO_EPOCH;
        let era = from_march_0000.div_euclid(ERA_DAYS);
        let day_of_era = from_march_0000.rem_euclid(ERA_DAYS);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        Self { since_year_0: (year_of_era + era * 400) * 12 + month_from_march + 2 }
    }

    /// The year.
    pub fn year(self) -> i64 {
        self.since_year_0.div_euclid(12)
    }

    /// The month of the year, from 1.
    pub fn number(self) -> i64 {
        self.since_year_0.rem_euclid(12) + 1
    }

    /// The month after it.
    pub fn next(self) -> Self {
        Self { since_year_0: self.since_year_0 + 1 }
    }

    /// Its first moment, as far as a [`Timestamp`] reaches.
    pub fn start(self) -> Timestamp {
        let from_march = self.since_year_0 - 2;
        let (year, month_from_march) = (from_march.div_euclid(12), from_march.rem_euclid(12));
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * month_from_march + 2) / 5;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let day = era * ERA_DAYS + day_of_era - MARCH_0000_TO_EPOCH;
        Timestamp::from_millis(day.saturating_mul(Timestamp::DAY_MS))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

impl FromStr for Month {
    type Err = UnitFault;
    fn from_str(text: &str) -> Result<Self, UnitFault> {
        let parts = text.rsplit_once('-').and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)));
        match parts {
            Some((year @ -999_999..=999_999, number @ 1..=12)) => {
                let year: i64 = year;
                Ok(Self { since_year_0: year * 12 + number - 1 })
            }
            _ => Err(UnitFault { expected: "a month such as `2026-03`", got: text.chars().take(32).collect() }),
        }
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The month is the one that the moment is written with; it starts at its first moment and ends where the next starts.
        #[test]
        fn months_are_those_of_the_calendar(millis in -60_000_000_000_000i64..200_000_000_000_000) {
            let moment = Timestamp::from_millis(millis);
            let month = Month::of(moment);
            prop_assert_eq!(month.to_string(), &moment.to_string()[..7]);
            prop_assert!(month.start() <= moment && moment < month.next().start());
            prop_assert!(month.start().to_string().ends_with("-01T00:00:00.000Z"));
            prop_assert_eq!(month.to_string().parse::<Month>(), Ok(month));
        }
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-00", "2026-13", "march", "2026-03-01"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
