//! The six markets of a generated world: who lives there, how they pay, how long a parcel takes.

/// One country with its habits.
#[derive(Debug, Clone, Copy)]
pub struct MarketFacts {
    /// ISO 3166-1 country.
    pub country: &'static str,
    /// ISO 639-1 language of users and sellers.
    pub language: &'static str,
    /// ISO 4217 currency of local prices.
    pub currency: &'static str,
    /// Units of the currency for one euro, about.
    pub per_euro: f32,
    /// Payment methods in use.
    pub payments: &'static [&'static str],
    /// Share of all users.
    pub share: f32,
    /// Share of sellers that ship from here to other countries.
    pub exports: f32,
    /// Days a parcel from abroad takes at least.
    pub days_from_abroad: u32,
}

/// The markets, each known by its place in this list.
pub const MARKETS: [MarketFacts; 6] = [
    MarketFacts {
        country: "RU",
        language: "ru",
        currency: "RUB",
        per_euro: 95.0,
        payments: &["mir", "sbp", "alipay"],
        share: 0.30,
        exports: 0.05,
        days_from_abroad: 12,
    },
    MarketFacts {
        country: "ES",
        language: "es",
        currency: "EUR",
        per_euro: 1.0,
        payments: &["visa", "mastercard", "bizum"],
        share: 0.15,
        exports: 0.10,
        days_from_abroad: 10,
    },
    MarketFacts {
        country: "IT",
        language: "it",
        currency: "EUR",
        per_euro: 1.0,
        payments: &["visa", "mastercard", "postepay"],
        share: 0.14,
        exports: 0.15,
        days_from_abroad: 11,
    },
    MarketFacts {
        country: "TR",
        language: "tr",
        currency: "TRY",
        per_euro: 48.0,
        payments: &["troy", "visa", "mastercard"],
        share: 0.15,
        exports: 0.20,
        days_from_abroad: 14,
    },
    MarketFacts {
        country: "FR",
        language: "fr",
        currency: "EUR",
        per_euro: 1.0,
        payments: &["cartes_bancaires", "visa", "mastercard"],
        share: 0.14,
        exports: 0.10,
        days_from_abroad: 10,
    },
    MarketFacts {
        country: "CN",
        language: "zh",
        currency: "CNY",
        per_euro: 8.0,
        payments: &["alipay", "wechat_pay", "unionpay"],
        share: 0.12,
        exports: 0.90,
        days_from_abroad: 15,
    },
];

/// Place of the market that most cross-border goods come from.
pub(super) const WORKSHOP: usize = 5;
