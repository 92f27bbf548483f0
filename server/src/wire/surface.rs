//! How large an answer may be where it is shown, and how it is made to fit: first lighter items, then fewer.

use juntos_datasets::tables::Surface;
use juntos_engine::request::MAX_LIMIT;
use serde::Serialize;

use crate::wire::answer::Envelope;
use crate::wire::items::Item;

/// The bounds of a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The surface's word.
    pub surface: Surface,
    /// Most items.
    pub max_items: usize,
    /// Most bytes of the body.
    pub max_bytes: Option<usize>,
}

impl Profile {
    /// The bounds of `surface`.
    pub const fn of(surface: Surface) -> Self {
        let (max_items, max_bytes) = match surface {
            Surface::Messaging => (10, Some(8 << 10)),
            Surface::Game => (3, Some(2 << 10)),
            Surface::Wearable => (3, Some(1 << 10)),
            Surface::MiniProgram => (20, Some(24 << 10)),
            Surface::Feed | Surface::Email => (MAX_LIMIT, None),
        };
        Self { surface, max_items, max_bytes }
    }
}

/// One way to make an item smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lighter {
    /// Titles of at most [`SHORT_TITLE`] characters.
    ShortTitle,
    /// The first reason only.
    OneReason,
    /// At most [`FEW_PEOPLE`] people in a list.
    FewPeople,
    /// No team inside a product.
    NoTeam,
    /// No reasons.
    NoReasons,
    /// No title.
    NoTitle,
}

/// Longest short title, characters.
pub const SHORT_TITLE: usize = 40;
/// People left in a shortened list.
pub const FEW_PEOPLE: usize = 3;

/// What is given up, in this order.
const STEPS: [Lighter; 6] = [
    Lighter::ShortTitle,
    Lighter::OneReason,
    Lighter::FewPeople,
    Lighter::NoTeam,
    Lighter::NoReasons,
    Lighter::NoTitle,
];

/// Whether an answer fits its surface.
#[derive(Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does: the body.
    Fits {
        /// The body.
        body: Vec<u8>,
        /// Whether anything was given up.
        lighter: bool,
    },
    /// Only this many of its items would: ask again for so many, because the next page begins after those.
    Only(usize),
}

/// Makes `envelope` fit `profile` by lighter items, or tells how many items to ask for instead.
pub fn fit<T: Item + Serialize>(envelope: &mut Envelope<T>, profile: Profile) -> Fit {
    let mut body = write(envelope);
    let Some(max_bytes) = profile.max_bytes else { return Fit::Fits { body, lighter: false } };
    let mut lighter = false;
    for step in STEPS {
        if body.len() <= max_bytes {
            return Fit::Fits { body, lighter };
        }
        envelope.items.iter_mut().for_each(|item| item.lighten(step));
        lighter = true;
        body = write(envelope);
    }
    if body.len() <= max_bytes {
        return Fit::Fits { body, lighter };
    }
    match fewer_items(envelope, body.len() - max_bytes) {
        Some(count) => Fit::Only(count),
        None => Fit::Fits { body: bare(envelope, max_bytes), lighter: true },
    }
}

/// How many items remain when those at the end give up `excess` bytes; none when there are no items to give up.
fn fewer_items<T: Serialize>(envelope: &Envelope<T>, excess: usize) -> Option<usize> {
    let mut saved = 0;
    let mut count = envelope.items.len();
    while saved < excess && count > 0 {
        count -= 1;
        saved += write(&envelope.items[count]).len() + 1;
    }
    (count < envelope.items.len()).then_some(count)
}

/// Without items there are only lists of the client's own ids to give up, and the cursor.
fn bare<T: Serialize>(envelope: &mut Envelope<T>, max_bytes: usize) -> Vec<u8> {
    let mut body = write(envelope);
    while body.len() > max_bytes && (envelope.missing.pop().is_some() || envelope.next_cursor.take().is_some()) {
        body = write(envelope);
    }
    body
}

fn write(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers are plain values with text keys")
}

/// Cuts a title to [`SHORT_TITLE`] characters.
pub fn shorten(title: &mut String) {
    if title.chars().count() > SHORT_TITLE {
        *title = title.chars().take(SHORT_TITLE - 1).chain(['…']).collect();
    }
}
