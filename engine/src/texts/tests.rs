//! 1. Every code of the one table has a text in every language, none empty, all different between codes.
//! 2. Every message holds the parameters of its code and no others, and no text keeps a placeholder.
//! 3. Every counted message has exactly the plural forms of its language, and picks them as CLDR does.
//! 4. Texts tell no ids and name only products that anybody may be told of.

use std::collections::BTreeSet;
use std::sync::Arc;

use icu_plurals::PluralCategory;
use juntos_datasets::units::{Money, Timestamp};

use super::messages::{Counted, Messages};
use super::numbers::Numbers;
use super::{MOST_NAME_CHARS, TextLanguage, Wording, readable};
use crate::bundle::tests::World;
use crate::live::records::{ProductRecord, UserRecord};
use crate::reasons::{CountBucket, Reason, ReasonCode};
use crate::{Engine, Snapshot};

const NOW: Timestamp = Timestamp::from_millis(101 * Timestamp::DAY_MS + 5);

fn world() -> Arc<Snapshot> {
    let product =
        |id: &str, title: Option<&str>| ProductRecord { title: title.map(str::to_owned), ..ProductRecord::new(id) };
    let products = [
        product("p-kite", Some("Blue Kite")),
        product("p-bare", None),
        ProductRecord { hidden: true, ..product("p-hidden", Some("Hidden Doll")) },
        ProductRecord { min_age: Some(18), ..product("p-wine", Some("Strong Wine")) },
        ProductRecord { sensitive: true, ..product("p-pills", Some("Private Pills")) },
        product("p-tricky", Some("{count}\n{product}\u{7}")),
    ];
    Engine::new(Arc::new(World::new(&[UserRecord::new("u0")], &products).open())).snapshot()
}

/// Reasons of this code: with and without what may be absent, and every form of what varies.
fn samples(code: ReasonCode) -> Vec<Reason> {
    let product_id = || "p-kite".to_owned();
    let team = |seats_left| Reason::OpenTeam { team_id: "t-1".to_owned(), seats_left };
    let due = |days: f64| Reason::TimeToRepurchase { due: Some(NOW.plus_days(days)) };
    match code {
        ReasonCode::FriendsBought => {
            [CountBucket::ThreePlus, CountBucket::FivePlus, CountBucket::TenPlus, CountBucket::FiftyPlus]
                .map(|count| Reason::FriendsBought { count })
                .to_vec()
        }
        ReasonCode::BecauseYouBought => vec![Reason::BecauseYouBought { product_id: product_id() }],
        ReasonCode::SimilarTo => vec![Reason::SimilarTo { product_id: product_id() }],
        ReasonCode::YourTaste => vec![Reason::YourTaste],
        ReasonCode::GroupTaste => vec![Reason::GroupTaste],
        ReasonCode::OpenTeam => vec![team(None), team(Some(1)), team(Some(2)), team(Some(5)), team(Some(1_000_000))],
        ReasonCode::TrendingInMarket => vec![Reason::TrendingInMarket],
        ReasonCode::TimeToRepurchase => {
            vec![Reason::TimeToRepurchase { due: None }, due(0.0), due(1.0), due(21.0), due(-1.0), due(-3.0)]
        }
        ReasonCode::NewFromSeller => vec![Reason::NewFromSeller { seller_id: "s-1".to_owned() }],
        ReasonCode::TeamPrice => {
            vec![Reason::TeamPrice { saving: Money { minor_units: 123_456, currency: "EUR".parse().unwrap() } }]
        }
        ReasonCode::JoinedYouBefore => vec![Reason::JoinedYouBefore],
        ReasonCode::CloseFriend => vec![Reason::CloseFriend],
        ReasonCode::LikesThisKind => vec![Reason::LikesThisKind],
    }
}

#[test]
fn every_code_has_a_text_of_its_own_in_every_language() {
    let world = world();
    for &language in TextLanguage::ALL {
        let wording = Wording::new(&world, language, NOW);
        let mut seen = BTreeSet::new();
        for &code in ReasonCode::ALL {
            let texts: BTreeSet<String> = samples(code).iter().map(|reason| wording.text(reason)).collect();
            for text in texts {
                assert!(!text.trim().is_empty(), "{language:?} {code:?}");
                assert!(!text.contains(['{', '}']), "{language:?} {code:?}: {text}");
                for id in ["p-", "t-1", "s-1"] {
                    assert!(!text.contains(id), "{language:?} {code:?} tells an id: {text}");
                }
                assert!(seen.insert(text.clone()), "{language:?} {code:?} says what another code says: {text}");
            }
        }
    }
}

fn counted(messages: &Messages) -> [(&'static str, &Counted); 4] {
    [
        ("friends_bought", &messages.friends_bought),
        ("open_team_seats", &messages.open_team_seats),
        ("runs_out_in", &messages.runs_out_in),
        ("ran_out_ago", &messages.ran_out_ago),
    ]
}

const CATEGORIES: [PluralCategory; 6] = [
    PluralCategory::Zero,
    PluralCategory::One,
    PluralCategory::Two,
    PluralCategory::Few,
    PluralCategory::Many,
    PluralCategory::Other,
];

#[test]
fn counted_messages_have_the_forms_of_their_language_and_hold_the_count() {
    for &language in TextLanguage::ALL {
        let numbers = Numbers::new(language);
        let needed: BTreeSet<_> = numbers.plurals().categories().collect();
        for (name, message) in counted(language.messages()) {
            let given: BTreeSet<_> =
                CATEGORIES.into_iter().filter(|&category| message.own(category).is_some()).collect();
            assert_eq!(given, needed, "{language:?} {name}");
            for form in CATEGORIES.into_iter().filter_map(|category| message.own(category)) {
                holds_just(form, "{count}", language);
            }
        }
    }
}

#[test]
fn named_messages_hold_the_name_or_none() {
    for &language in TextLanguage::ALL {
        let messages = language.messages();
        let named = [
            (&messages.because_you_bought, "{product}"),
            (&messages.similar_to, "{product}"),
            (&messages.new_from_seller, "{seller}"),
        ];
        for (message, parameter) in named {
            holds_just(message.with, parameter, language);
            assert!(!message.without.contains('{'), "{language:?}: {}", message.without);
        }
        holds_just(messages.team_price, "{amount}", language);
    }
}

/// A message has this one placeholder, once.
fn holds_just(message: &str, placeholder: &str, language: TextLanguage) {
    assert_eq!(message.matches('{').count(), 1, "{language:?}: {message}");
    assert_eq!(message.matches(placeholder).count(), 1, "{language:?}: {message}");
}

#[test]
fn numbers_have_the_category_that_cldr_gives_them() {
    use PluralCategory::{Few, Many, One, Other};
    let cases: [(TextLanguage, &[(u64, PluralCategory)]); 7] = [
        (
            TextLanguage::Russian,
            &[
                (0, Many),
                (1, One),
                (2, Few),
                (4, Few),
                (5, Many),
                (11, Many),
                (12, Many),
                (21, One),
                (22, Few),
                (25, Many),
                (101, One),
                (111, Many),
                (1_000_000, Many),
            ],
        ),
        (
            TextLanguage::French,
            &[(0, One), (1, One), (2, Other), (11, Other), (999_999, Other), (1_000_000, Many), (1_000_001, Other)],
        ),
        (TextLanguage::Spanish, &[(0, Other), (1, One), (2, Other), (21, Other), (1_000_000, Many), (2_000_000, Many)]),
        (
            TextLanguage::Italian,
            &[(0, Other), (1, One), (2, Other), (21, Other), (1_000_000, Many), (1_500_000, Other)],
        ),
        (TextLanguage::English, &[(0, Other), (1, One), (2, Other), (21, Other), (101, Other), (1_000_000, Other)]),
        (TextLanguage::Turkish, &[(0, Other), (1, One), (2, Other), (1_000_000, Other)]),
        (TextLanguage::Chinese, &[(0, Other), (1, Other), (2, Other), (1_000_000, Other)]),
    ];
    for (language, numbers) in cases {
        let rules = Numbers::new(language);
        for &(number, category) in numbers {
            assert_eq!(rules.plurals().category_for(number), category, "{language:?} {number}");
        }
    }
}

#[test]
fn russian_seats_agree_with_their_number() {
    let world = world();
    let wording = Wording::new(&world, TextLanguage::Russian, NOW);
    let seats = |count: u32| {
        let reason = Reason::OpenTeam { team_id: "t-1".to_owned(), seats_left: Some(count) };
        wording.text(&reason).rsplit(": ").next().unwrap().to_owned()
    };
    for (count, told) in [
        (1, "1 свободное место"),
        (2, "2 свободных места"),
        (5, "5 свободных мест"),
        (11, "11 свободных мест"),
        (21, "21 свободное место"),
        (101, "101 свободное место"),
    ] {
        assert_eq!(seats(count), told);
    }
}

#[test]
fn a_million_takes_its_preposition() {
    let world = world();
    let reason = Reason::OpenTeam { team_id: "t-1".to_owned(), seats_left: Some(1_000_000) };
    let text = |language| Wording::new(&world, language, NOW).text(&reason);
    assert!(text(TextLanguage::French).ends_with("\u{202f}000 de places libres"), "{}", text(TextLanguage::French));
    assert!(text(TextLanguage::Spanish).ends_with("1.000.000 de plazas libres"), "{}", text(TextLanguage::Spanish));
    assert!(text(TextLanguage::Italian).ends_with("1.000.000 di posti liberi"), "{}", text(TextLanguage::Italian));
    assert!(text(TextLanguage::English).ends_with("1,000,000 seats free"), "{}", text(TextLanguage::English));
}

#[test]
fn amounts_have_the_digits_of_their_currency_and_the_marks_of_their_language() {
    let amount = |language: TextLanguage, minor_units: i64, currency: &str| {
        Numbers::new(language).amount(minor_units, currency.parse().unwrap())
    };
    assert_eq!(amount(TextLanguage::English, 123_456, "EUR"), "1,234.56\u{a0}EUR");
    assert_eq!(amount(TextLanguage::Italian, 1_234_567, "EUR"), "12.345,67\u{a0}EUR");
    assert_eq!(amount(TextLanguage::Spanish, 50, "EUR"), "0,50\u{a0}EUR");
    assert_eq!(amount(TextLanguage::Russian, 9_900, "RUB"), "99,00\u{a0}RUB");
    assert_eq!(amount(TextLanguage::Chinese, 99, "JPY"), "99\u{a0}JPY");
    assert_eq!(amount(TextLanguage::Turkish, 1_500, "KWD"), "1,500\u{a0}KWD");
}

#[test]
fn days_are_told_as_days() {
    let world = world();
    let wording = Wording::new(&world, TextLanguage::English, NOW);
    let text = |due: Option<f64>| wording.text(&Reason::TimeToRepurchase { due: due.map(|days| NOW.plus_days(days)) });
    assert_eq!(text(Some(0.4)), "What you have lasts until about today");
    assert_eq!(text(Some(1.0)), "What you have lasts for about 1 more day");
    assert_eq!(text(Some(-2.0)), "Probably used up 2 days ago");
    assert_eq!(text(None), "You have bought this before");
}

#[test]
fn only_what_anybody_may_be_told_of_is_named() {
    let world = world();
    let wording = Wording::new(&world, TextLanguage::English, NOW);
    let text = |id: &str| wording.text(&Reason::BecauseYouBought { product_id: id.to_owned() });
    assert_eq!(text("p-kite"), "Because you bought Blue Kite");
    for id in ["p-bare", "p-hidden", "p-wine", "p-pills", "p-unknown"] {
        assert_eq!(text(id), "Because of something you bought", "{id}");
    }
    assert_eq!(text("p-tricky"), "Because you bought {count} {product}");
}

#[test]
fn names_are_one_short_line() {
    assert_eq!(readable(" a\t\nb\u{0} "), Some("a b".to_owned()));
    assert_eq!(readable(" \n"), None);
    let long = readable(&"ж".repeat(500)).unwrap();
    assert_eq!(long.chars().count(), MOST_NAME_CHARS);
    assert!(long.ends_with('…'));
}

#[test]
fn the_first_subtag_decides_the_language() {
    for (tag, language) in [
        ("ru", Some(TextLanguage::Russian)),
        ("zh-Hans-CN", Some(TextLanguage::Chinese)),
        ("ES_mx", Some(TextLanguage::Spanish)),
        ("pt-BR", None),
        ("", None),
    ] {
        assert_eq!(TextLanguage::of_tag(tag), language, "{tag}");
    }
}
