//! Where the next page of a list begins.
//!
//! A cursor carries what has been shown, as 40-bit hashes of outside ids, so that a later page never repeats an item,
//! whatever has changed in between. It is text without meaning to clients:
//!
//! ```text
//! cursor  := base64url(payload checksum)        without padding
//! payload := version:u8 list:u8 hash*           hash: 5 bytes, little endian
//! checksum:= xxh3(payload) as 4 bytes, little endian
//! ```
//!
//! A hash collides with one of the [`MOST_SHOWN`] shown ids with a chance below 4 in 10⁹ for each candidate; that
//! candidate is then left out of this one listing.

use xxhash_rust::xxh3::xxh3_64;

use crate::bundle::short_hash;
use crate::request::RequestFault;

/// Most items that one listing shows over all its pages: it ends there.
pub const MOST_SHOWN: usize = 400;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 2;
const HASH_BYTES: usize = 5;
const CHECKSUM_BYTES: usize = 4;

/// Which list a cursor belongs to: one list does not take another's cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The feed.
    Feed,
    /// Products like others.
    Similar,
    /// What is popular.
    Trending,
    /// What is due to be bought again.
    Repurchase,
    /// Products for a group.
    GroupProducts,
    /// Friends for a product.
    GroupFriends,
    /// Open teams.
    GroupTeams,
}

impl List {
    const fn byte(self) -> u8 {
        match self {
            Self::Feed => 1,
            Self::Similar => 2,
            Self::Trending => 3,
            Self::Repurchase => 4,
            Self::GroupProducts => 5,
            Self::GroupFriends => 6,
            Self::GroupTeams => 7,
        }
    }
}

/// The ids that earlier pages of one listing have shown, as hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    list: List,
    /// Ascending.
    hashes: Vec<u64>,
}

impl Shown {
    /// What `cursor` carries; nothing when there is no cursor yet.
    ///
    /// # Errors
    /// [`RequestFault::BadCursor`] when the text is not a cursor of this list.
    pub fn read(list: List, cursor: Option<&str>) -> Result<Self, RequestFault> {
        match cursor {
            None => Ok(Self { list, hashes: Vec::new() }),
            Some(text) => parse(list, text).ok_or(RequestFault::BadCursor),
        }
    }

    /// Number of items shown so far.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether this is the first page.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Items that may still be shown.
    pub fn left(&self) -> usize {
        MOST_SHOWN.saturating_sub(self.len())
    }

    /// What was shown, as [`short_hash`]es.
    pub(crate) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Whether the id has been shown.
    pub fn contains(&self, id: &str) -> bool {
        !self.hashes.is_empty() && self.hashes.binary_search(&short_hash(id)).is_ok()
    }

    /// The cursor of the page after the one that shows `ids`.
    pub fn after<'a>(&self, ids: impl Iterator<Item = &'a str>) -> String {
        let mut hashes = self.hashes.clone();
        hashes.extend(ids.map(short_hash));
        hashes.sort_unstable();
        hashes.dedup();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + hashes.len() * HASH_BYTES + CHECKSUM_BYTES);
        bytes.extend([VERSION, self.list.byte()]);
        for hash in hashes {
            bytes.extend_from_slice(&hash.to_le_bytes()[..HASH_BYTES]);
        }
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        encode(&bytes)
    }
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    (xxh3_64(payload) as u32).to_le_bytes()
}

fn parse(list: List, text: &str) -> Option<Shown> {
    let most_bytes = HEAD_BYTES + MOST_SHOWN * HASH_BYTES + CHECKSUM_BYTES;
    if text.len() > most_bytes.div_ceil(3) * 4 {
        return None;
    }
    let bytes = decode(text)?;
    let (payload, sum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    let (head, body) = payload.split_at_checked(HEAD_BYTES)?;
    if sum != checksum(payload) || head != [VERSION, list.byte()] || body.len() % HASH_BYTES != 0 {
        return None;
    }
    let hashes: Vec<u64> = body.chunks_exact(HASH_BYTES).map(little_endian).collect();
    (hashes.len() <= MOST_SHOWN && hashes.is_sorted()).then_some(Shown { list, hashes })
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648 §5 without padding.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

/// The inverse of [`encode`]; bits that no byte needs must be zero, so that one payload has one text.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0u32;
        for letter in chunk {
            word = word << 6 | sextet(*letter)?;
        }
        word <<= 6 * (4 - chunk.len());
        let whole = chunk.len().checked_sub(1).filter(|whole| *whole > 0)?;
        bytes.extend_from_slice(&word.to_be_bytes()[1..=whole]);
        if whole < 3 && word << (8 + 8 * whole) != 0 {
            return None;
        }
    }
    Some(bytes)
}

fn sextet(letter: u8) -> Option<u32> {
    match letter {
        b'A'..=b'Z' => Some(u32::from(letter - b'A')),
        b'a'..=b'z' => Some(u32::from(letter - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(letter - b'0') + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn base64_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn a_cursor_remembers_what_was_shown(first in proptest::collection::vec("[a-z]{1,8}", 1..40),
                                             second in proptest::collection::vec("[a-z]{1,8}", 1..40)) {
            let start = Shown::read(List::Feed, None).unwrap();
            let page = Shown::read(List::Feed, Some(&start.after(first.iter().map(String::as_str)))).unwrap();
            let next = Shown::read(List::Feed, Some(&page.after(second.iter().map(String::as_str)))).unwrap();
            prop_assert!(first.iter().chain(&second).all(|id| next.contains(id)));
            prop_assert!(!next.contains("NEVER SHOWN"));
        }

        #[test]
        fn any_other_text_is_refused(text in "\\PC{0,60}") {
            prop_assert_eq!(Shown::read(List::Feed, Some(&text)), Err(RequestFault::BadCursor));
        }

        #[test]
        fn a_changed_letter_is_noticed(ids in proptest::collection::vec("[a-z]{1,8}", 1..20), at in 0usize..1000) {
            let cursor = Shown::read(List::Feed, None).unwrap().after(ids.iter().map(String::as_str));
            let mut bytes = cursor.into_bytes();
            let at = at % bytes.len();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(Shown::read(List::Feed, Some(&text)), Err(RequestFault::BadCursor));
        }
    }

    #[test]
    fn lists_do_not_take_each_others_cursors() {
        let cursor = Shown::read(List::Feed, None).unwrap().after(["a"].into_iter());
        assert_eq!(Shown::read(List::Trending, Some(&cursor)), Err(RequestFault::BadCursor));
    }
}
