//! Schemas of values that lower floors own: words, codes and times.

use crate::wire::events::Kind;
use juntos_datasets::tables::{FriendshipKind, Invites, PurchaseVisibility, Surface, TeamOutcome};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

fn word(words: impl Iterator<Item = &'static str>, meaning: &str) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.collect::<Vec<_>>()))
        .description(Some(meaning))
        .build()
        .into()
}

fn text(pattern: &str, example: &str, meaning: &str) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .examples([serde_json::json!(example)])
        .description(Some(meaning))
        .build()
        .into()
}

/// Where an answer is shown.
pub fn surface() -> Schema {
    word(Surface::ALL.iter().map(|value| value.word()), "Where it is shown")
}

/// What a user did.
pub fn event_kind() -> Schema {
    word(Kind::WORDS.iter().copied(), "What the user did")
}

/// What ties two users.
pub fn friendship_kind() -> Schema {
    word(FriendshipKind::ALL.iter().map(|value| value.word()), "What ties the two; `follow` is directed")
}

/// Who may see purchases.
pub fn purchase_visibility() -> Schema {
    word(PurchaseVisibility::ALL.iter().map(|value| value.word()), "Who may see what she bought")
}

/// Who may be told to invite.
pub fn invites() -> Schema {
    word(Invites::ALL.iter().map(|value| value.word()), "Who may be told to invite her to a team")
}

/// How a team ended.
pub fn team_outcome() -> Schema {
    word(TeamOutcome::ALL.iter().map(|value| value.word()), "How the team ended, or that it has not")
}

/// ISO 3166-1 country.
pub fn country() -> Schema {
    text("^[A-Za-z]{2}$", "ES", "ISO 3166-1 country")
}

/// ISO 4217 currency.
pub fn currency() -> Schema {
    text("^[A-Za-z]{3}$", "EUR", "ISO 4217 currency")
}

/// ISO 639-1 language.
pub fn language() -> Schema {
    text("^[A-Za-z]{2}$", "es", "ISO 639-1 language")
}

/// RFC 3339 time.
pub fn time() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples([serde_json::json!("2026-03-01T12:00:00.000Z")])
        .description(Some("RFC 3339 time; answers give UTC"))
        .build()
        .into()
}
