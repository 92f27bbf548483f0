//! Titles, descriptions and category paths, put together from small word lists in the seller's language.
//!
//! Attributes are phrases that need no agreement with the noun (`de algodón`, `для дома`), so that every combination
//! reads as a seller would write it.

mod es;
mod fr;
mod it;
mod ru;
mod tr;
mod zh;

use super::categories::{CATEGORIES, CATEGORY_FACTS};

/// Number of departments: groups of categories with the same brands and attributes.
pub(super) const DEPARTMENTS: usize = 9;

/// Names of one leaf category in one language.
pub(super) struct CategoryWords {
    /// Path from general to particular.
    pub(super) path: &'static str,
    /// Names of the thing itself.
    pub(super) nouns: [&'static str; 3],
}

/// One language.
pub(super) struct Words {
    /// By category.
    pub(super) categories: [CategoryWords; CATEGORIES],
    /// By department.
    pub(super) attributes: [[&'static str; 4]; DEPARTMENTS],
    /// Sentences that fit any product.
    pub(super) sentences: [&'static str; 5],
    /// Whether attributes stand before the noun.
    pub(super) attribute_first: bool,
    /// What stands between words.
    pub(super) space: &'static str,
}

const fn words(path: &'static str, nouns: [&'static str; 3]) -> CategoryWords {
    CategoryWords { path, nouns }
}

/// Invented brands by department, six each.
pub(super) const BRANDS: [[&str; 6]; DEPARTMENTS] = [
    ["Nordavox", "Telmira", "Quanzo", "Voltika", "Axelon", "Mirafon"],
    ["Casalume", "Domaro", "Hestiva", "Tavola Nova", "Uyutno", "Lumella"],
    ["Velanta", "Rivabella", "Modarina", "Corsetto", "Stepora", "Yildora"],
    ["Floressa", "Belcura", "Naturalis", "Rosalinde", "Perlage", "Hanfei"],
    ["Monte Alba", "Kervan", "Dolcemaro", "Verbena", "Chayhana", "Sol y Grano"],
    ["Murkoni", "Fidelo", "Patitas", "Barbosso", "Canelia", "Zampa"],
    ["Piccolino", "Mishutka", "Tamtam", "Nube", "Minikus", "Lelebe"],
    ["Sierra Viva", "Tundra", "Campoverde", "Yayla", "Altura", "Sadovka"],
    ["Vitaluna", "Salvea", "Medora", "Intima Rosa", "Bioforma", "Zdrava"],
];

/// Words of a market, by its place in `MARKETS`.
pub(super) fn of_market(market: usize) -> &'static Words {
    [&ru::WORDS, &es::WORDS, &it::WORDS, &tr::WORDS, &fr::WORDS, &zh::WORDS][market]
}

/// Title: noun, attribute, brand and model number in the order of the language.
pub(super) fn title(market: usize, category: usize, noun: usize, attribute: usize, brand: &str, model: u32) -> String {
    let words = of_market(market);
    let noun = words.categories[category].nouns[noun];
    let attribute = words.attributes[CATEGORY_FACTS[category].department][attribute];
    let space = words.space;
    if words.attribute_first {
        format!("{brand} {attribute}{space}{noun} {model}")
    } else {
        format!("{noun}{space}{attribute} {brand} {model}")
    }
}

/// Description: the title and two sentences.
pub(super) fn description(market: usize, title: &str, first: usize, second: usize) -> String {
    let words = of_market(market);
    let stop = if words.space.is_empty() { "。" } else { ". " };
    format!("{title}{stop}{}{}{}", words.sentences[first], words.space, words.sentences[second])
}
