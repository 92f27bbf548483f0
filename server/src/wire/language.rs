//! In which language reasons are put into words: what the request says, then its `Accept-Language`, then what the
//! person's record says, then English.

use juntos_engine::Snapshot;
use juntos_engine::texts::TextLanguage;

use crate::error::{ApiError, ApiResult, Code};

/// Longest language tag that is read, bytes; BCP 47 needs 35 for any useful one.
const MAX_TAG_BYTES: usize = 64;

/// What is known about the language before the person is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Languages {
    /// From the field `language`, if we write it.
    asked: Option<TextLanguage>,
    /// From the header, the one of ours that is liked most.
    accepted: Option<TextLanguage>,
    /// Whose record may tell.
    asker: Option<String>,
}

impl Languages {
    /// From the field `language`, the header `Accept-Language` and the person who asks.
    ///
    /// # Errors
    /// `invalid_field` when `language` is no language tag. A language that we do not write is no error.
    pub fn read(language: Option<&str>, header: Option<&str>, asker: Option<String>) -> ApiResult<Self> {
        let asked = match language {
            Some(tag) if !is_tag(tag) => {
                let got: String = tag.chars().take(40).collect();
                let message = format!("`language`: expected a BCP 47 tag such as `ru` or `zh-Hans`, got `{got}`");
                return Err(ApiError::new(Code::InvalidField, message));
            }
            tag => tag.and_then(TextLanguage::of_tag),
        };
        Ok(Self { asked, accepted: header.and_then(liked_most), asker })
    }

    /// The language to write in.
    pub fn choose(&self, snapshot: &Snapshot) -> TextLanguage {
        let own = || {
            let language = snapshot.user(self.asker.as_deref()?)?.language?;
            TextLanguage::of_tag(language.as_str())
        };
        self.asked.or(self.accepted).or_else(own).unwrap_or(TextLanguage::English)
    }
}

/// Whether a text has the shape of a language tag (RFC 5646): subtags of one to eight letters and digits, the first of
/// them letters.
fn is_tag(tag: &str) -> bool {
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = tag.split(['-', '_']).next().unwrap_or_default();
    tag.len() <= MAX_TAG_BYTES
        && (2..=8).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && tag.split(['-', '_']).all(subtag)
}

/// The language of ours that an `Accept-Language` (RFC 9110, 12.5.4) gives the highest weight, the first of equals. What
/// cannot be read is passed over, as the RFC asks.
fn liked_most(header: &str) -> Option<TextLanguage> {
    let mut best: Option<(u32, TextLanguage)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some(language) = parts.next().and_then(TextLanguage::of_tag) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let Some(weight) = weight.map_or(Some(1000), thousandths).filter(|&weight| weight > 0) else { continue };
        if best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A weight from 0 to 1 in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let weight: f32 = text.trim().parse().ok()?;
    (0.0..=1.0).contains(&weight).then(|| (weight * 1000.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_goes_by_weight_then_by_place() {
        for (header, language) in [
            ("ru", Some(TextLanguage::Russian)),
            ("de-DE, fr-CH;q=0.9, it;q=0.95, *;q=0.5", Some(TextLanguage::Italian)),
            ("es, tr", Some(TextLanguage::Spanish)),
            ("es;q=0, tr;q=0.1", Some(TextLanguage::Turkish)),
            ("zh-Hant-TW", Some(TextLanguage::Chinese)),
            ("de, *", None),
            ("es;q=NaN, it;q=2, fr;q=x, en; q=0.2", Some(TextLanguage::English)),
            ("", None),
        ] {
            assert_eq!(liked_most(header), language, "{header}");
        }
    }

    #[test]
    fn a_tag_is_letters_and_hyphens() {
        for tag in ["ru", "zh-Hans-CN", "es_MX", "tlh", "en-u-ca-gregory"] {
            assert!(is_tag(tag), "{tag}");
        }
        for text in ["", "r", "русский", "es-", "-es", "es--MX", "e1", "en-toolongsubtag", &"en-a".repeat(40)] {
            assert!(!is_tag(text), "{text}");
        }
    }
}
