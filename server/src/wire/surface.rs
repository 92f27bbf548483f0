//! How large an answer may be where it is shown, and how it is made to fit: what repeats the question goes before what
//! answers it, and items become lighter before they become fewer.

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

/// The part of the bytes that the cursor may take: a list ends where its cursor would take more, so that every page has
/// room for items.
const CURSOR_SHARE: usize = 2;

/// One way to make an answer smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Of the client's own ids that nobody knows, the first only.
    OneMissing,
    /// Lighter items.
    Items(Lighter),
    /// None of the client's own ids.
    NoMissing,
}

/// What is given up, in this order.
const STEPS: [Step; 8] = [
    Step::OneMissing,
    Step::Items(Lighter::ShortTitle),
    Step::Items(Lighter::OneReason),
    Step::Items(Lighter::FewPeople),
    Step::Items(Lighter::NoTeam),
    Step::Items(Lighter::NoReasons),
    Step::Items(Lighter::NoTitle),
    Step::NoMissing,
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
    let Some(max_bytes) = profile.max_bytes else { return Fit::Fits { body: write(envelope), lighter: false } };
    envelope.next_cursor.take_if(|cursor| cursor.len() > max_bytes / CURSOR_SHARE);
    let mut body = write(envelope);
    let mut lighter = false;
    for step in STEPS {
        if body.len() <= max_bytes {
            return Fit::Fits { body, lighter };
        }
        give_up(envelope, step);
        lighter = true;
        body = write(envelope);
    }
    match fewer_items(envelope, body.len().saturating_sub(max_bytes)) {
        Some(count) => Fit::Only(count),
        None => Fit::Fits { body, lighter },
    }
}

fn give_up<T: Item>(envelope: &mut Envelope<T>, step: Step) {
    match step {
        Step::OneMissing => envelope.missing.truncate(1),
        Step::Items(lighter) => envelope.items.iter_mut().for_each(|item| item.lighten(lighter)),
        Step::NoMissing => envelope.missing.clear(),
    }
}

/// How many items remain when those at the end give up `excess` bytes; none when nothing is to be given up, or to give.
fn fewer_items<T: Serialize>(envelope: &Envelope<T>, excess: usize) -> Option<usize> {
    let mut saved = 0;
    let mut count = envelope.items.len();
    while saved < excess && count > 0 {
        count -= 1;
        saved += write(&envelope.items[count]).len() + 1;
    }
    (count < envelope.items.len()).then_some(count)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::items::{Product, Reason, Why};

    const SURFACES: [Surface; 4] = [Surface::Messaging, Surface::Game, Surface::Wearable, Surface::MiniProgram];

    fn product(id: &str, title_chars: usize, reasons: usize) -> Product {
        Product {
            product_id: id.to_owned(),
            source: Some("taste"),
            reasons: Some(vec![
                Reason { why: Why::BecauseYouBought { product_id: "bought".to_owned() }, text: None };
                reasons
            ]),
            price: None,
            group_price: None,
            group_min_size: None,
            title: Some("ж".repeat(title_chars)),
            offer: None,
            team: None,
        }
    }

    fn envelope(items: Vec<Product>) -> Envelope<Product> {
        Envelope {
            recommendation_id: format!("rec-{:032x}", 7),
            bundle: format!("{:016x}", 7),
            experiment: None,
            degraded: None,
            items,
            missing: Vec::new(),
            next_cursor: None,
            explanation: None,
        }
    }

    #[test]
    fn what_fits_is_left_alone() {
        let mut answer = envelope(vec![product("p", 41, 2)]);
        let before = write(&answer);
        let fit = fit(&mut answer, Profile::of(Surface::Wearable));
        assert_eq!(fit, Fit::Fits { body: before, lighter: false });
    }

    #[test]
    fn titles_are_cut_before_reasons_go_and_those_before_items() {
        let items = || (0..3).map(|number| product(&format!("p{number}"), 400, 4)).collect::<Vec<_>>();
        let mut small = envelope(items());
        assert!(matches!(fit(&mut small, Profile::of(Surface::Wearable)), Fit::Fits { lighter: true, .. }));
        assert_eq!(small.items.len(), 3);
        assert_eq!(small.items[0].title.as_ref().map(|title| title.chars().count()), Some(SHORT_TITLE));
        assert_eq!(small.items[0].reasons.as_ref().map(Vec::len), Some(1));
        let mut large = envelope(items());
        assert!(matches!(fit(&mut large, Profile::of(Surface::MiniProgram)), Fit::Fits { lighter: false, .. }));
    }

    #[test]
    fn a_surface_without_bounds_takes_anything() {
        let mut answer = envelope(vec![product("p", 100_000, 1)]);
        assert!(matches!(fit(&mut answer, Profile::of(Surface::Feed)), Fit::Fits { lighter: false, .. }));
    }

    #[test]
    fn items_stay_and_what_repeats_the_question_goes() {
        let mut answer = envelope((0..3).map(|number| product(&format!("p{number}"), 20, 1)).collect());
        answer.missing = (0..6).map(|number| format!("{number}").repeat(122)).collect();
        assert!(matches!(fit(&mut answer, Profile::of(Surface::Wearable)), Fit::Fits { lighter: true, .. }));
        assert!(answer.items.len() == 3 && answer.items.iter().all(|item| item.title.is_some()));
        assert_eq!(answer.missing.len(), 1);
    }

    #[test]
    fn a_list_ends_where_its_cursor_would_take_half_of_the_bytes() {
        for (bytes, stays) in [(512, true), (513, false)] {
            let mut answer = envelope(vec![product("p", 4, 0)]);
            answer.next_cursor = Some("c".repeat(bytes));
            assert!(matches!(fit(&mut answer, Profile::of(Surface::Wearable)), Fit::Fits { .. }));
            assert_eq!((answer.items.len(), answer.next_cursor.is_some()), (1, stays));
        }
    }

    proptest! {
        /// Fitting ends, within the bound, whatever the items: by asking again for fewer, as `ask` does. What is missing
        /// costs no item.
        #[test]
        fn every_answer_ends_up_within_its_surface(
            items in prop::collection::vec((1..128_usize, 0..300_usize, 0..6_usize), 0..20),
            missing in prop::collection::vec("[a-z]{1,128}", 0..50),
            cursor in 0..3000_usize,
            surface in prop::sample::select(&SURFACES[..]),
        ) {
            let profile = Profile::of(surface);
            let mut count = items.len().min(profile.max_items);
            let body = loop {
                let products = items.iter().take(count).map(|&(id, title, why)| product(&"i".repeat(id), title, why));
                let mut answer = envelope(products.collect());
                answer.missing = missing.clone();
                answer.next_cursor = Some("c".repeat(cursor));
                match fit(&mut answer, profile) {
                    Fit::Fits { body, .. } => break body,
                    Fit::Only(fewer) => {
                        prop_assert!(fewer < count && answer.missing.is_empty());
                        count = fewer;
                    }
                }
            };
            prop_assert!(body.len() <= profile.max_bytes.unwrap_or(usize::MAX));
        }
    }
}
