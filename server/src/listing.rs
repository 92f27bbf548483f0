//! Which listing a cursor goes on with: the engine's cursor knows what was shown, and this puts before it a mark of who
//! asked what, so that no other question takes it.

use juntos_engine::request::RequestFault;
use xxhash_rust::xxh3::Xxh3;

/// Hexadecimal digits of a mark.
const MARK_DIGITS: usize = 8;

/// The pages that answer one question: the same kind of question, of the same person, about the same things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    mark: String,
}

impl Listing {
    /// The listing of `question` asked by `asker`, about products or people with these ids.
    pub fn new(question: &str, asker: Option<&str>, about: &[String]) -> Self {
        let mut hash = Xxh3::new();
        let asker = asker.unwrap_or_default();
        for text in [question, asker].into_iter().chain(about.iter().map(String::as_str)) {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        let width = MARK_DIGITS;
        Self { mark: format!("{:0width$x}", hash.digest() as u32) }
    }

    /// The client's cursor for one of the engine.
    pub fn seal(&self, cursor: &str) -> String {
        format!("{}{cursor}", self.mark)
    }

    /// The engine's cursor in one of a client.
    ///
    /// # Errors
    /// [`RequestFault::BadCursor`] when it is not one of this listing.
    pub fn open(&self, cursor: &str) -> Result<String, RequestFault> {
        cursor.strip_prefix(&self.mark).map(str::to_owned).ok_or(RequestFault::BadCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_opened_by_its_own_listing_only() {
        let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
        let listings = [
            Listing::new("feed", Some("a"), &[]),
            Listing::new("feed", Some("b"), &[]),
            Listing::new("trending", Some("a"), &[]),
            Listing::new("trending", None, &[]),
            Listing::new("similar", None, &ids(&["a"])),
            Listing::new("similar", None, &ids(&["a", "b"])),
            Listing::new("similar", None, &ids(&["ab"])),
            Listing::new("similar", Some("a"), &ids(&["b"])),
        ];
        for one in &listings {
            for other in &listings {
                let opened = other.open(&one.seal("shown"));
                assert_eq!(opened, if one == other { Ok("shown".to_owned()) } else { Err(RequestFault::BadCursor) });
            }
        }
        let distinct: std::collections::HashSet<&String> = listings.iter().map(|listing| &listing.mark).collect();
        assert_eq!(distinct.len(), listings.len());
        assert_eq!(listings[0].open("short"), Err(RequestFault::BadCursor));
    }
}
