//! Numbers as a language writes and counts them.

use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::{Locale, locale};
use icu_plurals::PluralRules;
use juntos_datasets::units::Currency;

use super::TextLanguage;
use super::messages::Counted;

/// Counts and amounts in one language.
pub(super) struct Numbers {
    plurals: PluralRules,
    decimals: DecimalFormatter,
}

impl Numbers {
    /// Those of `language`.
    pub(super) fn new(language: TextLanguage) -> Self {
        let locale = locale(language);
        Self {
            plurals: PluralRules::try_new_cardinal((&locale).into())
                .expect("the plural rules of every locale are compiled in"),
            decimals: DecimalFormatter::try_new((&locale).into(), Default::default())
                .expect("the digits of every locale are compiled in"),
        }
    }

    /// The plural rules.
    #[cfg(test)]
    pub(super) const fn plurals(&self) -> &PluralRules {
        &self.plurals
    }

    /// A message about `count` things.
    pub(super) fn counted(&self, message: &Counted, count: u64) -> String {
        let form = message.form(self.plurals.category_for(count));
        form.replacen("{count}", &self.decimals.format(&Decimal::from(count)).to_string(), 1)
    }

    /// An amount in the decimals of its currency, with the currency's code behind it: `12.345,60 EUR` in Spanish.
    pub(super) fn amount(&self, minor_units: i64, currency: Currency) -> String {
        let mut amount = Decimal::from(minor_units);
        amount.multiply_pow10(-i16::from(currency.minor_digits()));
        format!("{}\u{a0}{currency}", self.decimals.format(&amount))
    }
}

fn locale(language: TextLanguage) -> Locale {
    match language {
        TextLanguage::English => locale!("en"),
        TextLanguage::Spanish => locale!("es"),
        TextLanguage::French => locale!("fr"),
        TextLanguage::Italian => locale!("it"),
        TextLanguage::Russian => locale!("ru"),
        TextLanguage::Turkish => locale!("tr"),
        TextLanguage::Chinese => locale!("zh"),
    }
}
