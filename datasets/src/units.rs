//! Small checked values: money, currency, country, language, time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A short code of letters, kept as its ASCII bytes.
macro_rules! code {
    ($(#[$doc:meta])* $name:ident, $len:literal, $case:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $len]);

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("codes are ASCII letters")
            }
            /// The code's bytes.
            pub fn bytes(self) -> [u8; $len] {
                self.0
            }
        }
        impl FromStr for $name {
            type Err = UnitFault;
            fn from_str(text: &str) -> Result<Self, UnitFault> {
                let fault = || UnitFault { expected: $what, got: text.chars().take(32).collect() };
                let mut bytes: [u8; $len] = text.as_bytes().try_into().map_err(|_| fault())?;
                if !bytes.iter().all(u8::is_ascii_alphabetic) {
                    return Err(fault());
                }
                bytes.$case();
                Ok(Self(bytes))
            }
        }
        impl TryFrom<String> for $name {
            type Error = UnitFault;
            fn try_from(text: String) -> Result<Self, UnitFault> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.as_str().to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// A text that is not the value it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got `{got}`")]
pub struct UnitFault {
    /// What would have been accepted.
    pub expected: &'static str,
    /// What was found, cut to a readable length.
    pub got: String,
}

code!(
    /// ISO 3166-1 country, two upper-case letters (`ES`).
    Country, 2, make_ascii_uppercase, "a two-letter ISO 3166-1 country such as `ES`"
);
code!(
    /// ISO 4217 currency, three upper-case letters (`EUR`).
    Currency, 3, make_ascii_uppercase, "a three-letter ISO 4217 currency such as `EUR`"
);
code!(
    /// ISO 639-1 language, two lower-case letters (`es`).
    Language, 2, make_ascii_lowercase, "a two-letter ISO 639-1 language such as `es`"
);

impl Currency {
    /// Digits of the minor unit behind the point (ISO 4217, list one): 2 for euros and cents.
    pub fn minor_digits(self) -> u8 {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }
}

/// An amount in minor units (cents, kopecks) of a currency. Amounts compare only within one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Amount in the currency's minor unit.
    pub minor_units: i64,
    /// Currency of the amount.
    pub currency: Currency,
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Milliseconds in a day.
    pub const DAY_MS: i64 = 86_400_000;

    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole days since the epoch.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(Self::DAY_MS)
    }

    /// The moment `days` days later (earlier when negative), saturating at the ends of the range.
    pub fn plus_days(self, days: f64) -> Self {
        Self(self.0.saturating_add((days * Self::DAY_MS as f64) as i64))
    }

    /// Days from `earlier` to `self`, negative when `earlier` is later.
    pub fn days_since(self, earlier: Self) -> f64 {
        (self.0 as f64 - earlier.0 as f64) / Self::DAY_MS as f64
    }
}

impl FromStr for Timestamp {
    type Err = UnitFault;
    fn from_str(text: &str) -> Result<Self, UnitFault> {
        chrono::DateTime::parse_from_rfc3339(text).map(|moment| Self(moment.timestamp_millis())).map_err(|_| {
            UnitFault {
                expected: "an RFC 3339 time such as `2026-03-01T12:00:00Z`",
                got: text.chars().take(40).collect(),
            }
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_millis(self.0) {
            Some(moment) => write!(f, "{}", moment.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
            None => write!(f, "{} ms since 1970", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An enumeration with one lower-case word for each value, the same in tables, requests and messages.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands for this value in tables and requests.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::units::UnitFault;
            fn from_str(text: &str) -> Result<Self, $crate::units::UnitFault> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::units::UnitFault {
                        expected: concat!("one of", $(" `", $word, "`",)+),
                        got: text.chars().take(32).collect(),
                    }),
                }
            }
        }
    };
}
