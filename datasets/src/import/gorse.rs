//! The JSON lines that Gorse exports: users, items, feedback.

use std::path::{Path, PathBuf};

use super::OnError;
use super::intake::Intake;
use super::record::{FieldNames, Record};
use super::report::ImportReport;
use super::tables::{held, push_event, push_product, push_user, read_ndjson};
use crate::error::{DatasetError, RowFault};
use crate::progress::Progress;
use crate::tables::{Event, EventKind, Product, PurchaseVisibility, User};
use crate::units::Timestamp;

/// Files that Gorse exported, one JSON object on each line.
#[derive(Debug, Clone, Default)]
pub struct Gorse {
    /// `{"UserId": …}`; labels and comments of users have no column and are left out.
    pub users: PathBuf,
    /// `{"ItemId", "IsHidden", "Categories", "Timestamp", "Comment"}`.
    pub items: PathBuf,
    /// `{"FeedbackType", "UserId", "ItemId", "Timestamp", "Value"}`.
    pub feedback: PathBuf,
    /// Kinds of further feedback types; they go before [`KNOWN_TYPES`].
    pub kinds: Vec<(String, EventKind)>,
    /// What becomes of bad records.
    pub on_error: OnError,
}

/// Feedback types that are understood without being told, beside the words of [`EventKind`].
const KNOWN_TYPES: [(&str, EventKind); 6] = [
    ("read", EventKind::View),
    ("star", EventKind::Like),
    ("buy", EventKind::Purchase),
    ("order", EventKind::Purchase),
    ("add_to_cart", EventKind::Cart),
    ("rating", EventKind::Rate),
];

/// Go's zero time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// Imports what Gorse exported to the new folder `out`. An item's comment becomes the title, its categories the path of
/// its category; feedback becomes events.
///
/// # Errors
/// A file that is missing or empty, an occupied `out`, or bad records unless they may be quarantined.
pub fn gorse(files: &Gorse, out: &Path, progress: &dyn Progress) -> Result<ImportReport, DatasetError> {
    let names = FieldNames::new();
    let mut intake = Intake::begin(out, files.on_error, progress)?;
    read_ndjson(&mut intake, "users", &files.users, &names, |intake, record| {
        push_user(intake, &User::new(&held!(record.required("UserId"))))
    })?;
    intake.users.all_listed();
    read_ndjson(&mut intake, "items", &files.items, &names, take_item)?;
    intake.products.all_listed();
    read_ndjson(&mut intake, "feedback", &files.feedback, &names, |intake, record| {
        take_feedback(intake, record, &files.kinds)
    })?;
    intake.push_known(PurchaseVisibility::Nobody)?;
    intake.finish()
}

fn take_item(intake: &mut Intake<'_>, record: &Record<'_>) -> Result<Result<(), RowFault>, DatasetError> {
    let (product_id, title) = (held!(record.required("ItemId")), held!(record.text("Comment")));
    let category = held!(record.list("Categories")).join("/");
    let product = Product {
        title: title.as_deref(),
        category: Some(category.as_str()).filter(|path| !path.is_empty()),
        hidden: held!(record.truth("IsHidden")).unwrap_or(false),
        created_at: held!(moment(record)),
        ..Product::new(&product_id)
    };
    push_product(intake, &product)
}

fn take_feedback(
    intake: &mut Intake<'_>,
    record: &Record<'_>,
    kinds: &[(String, EventKind)],
) -> Result<Result<(), RowFault>, DatasetError> {
    let (user, item) = (held!(record.required("UserId")), held!(record.required("ItemId")));
    let kind = held!(kind_of(&held!(record.required("FeedbackType")), kinds));
    let (ts, value) = (held!(moment(record)), held!(record.number("Value")));
    push_event(intake, &Event { ts, value, ..Event::new(&user, &item, kind) })
}

/// The record's time; Go's zero time, which Gorse writes where it has none, is none.
fn moment(record: &Record<'_>) -> Result<Option<Timestamp>, RowFault> {
    match record.text("Timestamp")?.as_deref() {
        Some(NO_TIME) => Ok(None),
        _ => record.moment("Timestamp"),
    }
}

fn kind_of(word: &str, kinds: &[(String, EventKind)]) -> Result<EventKind, RowFault> {
    let told = kinds.iter().find(|(name, _)| name == word).map(|&(_, kind)| kind);
    let known = || KNOWN_TYPES.iter().find(|(name, _)| *name == word).map(|&(_, kind)| kind);
    told.or_else(known).or_else(|| word.parse().ok()).ok_or_else(|| {
        let own = EventKind::ALL.iter().map(|kind| kind.word());
        let all: Vec<_> = KNOWN_TYPES.iter().map(|&(name, _)| name).chain(own).collect();
        let mend = format!("known are {}; map others with `--map {word}=view` or another of them", all.join(", "));
        RowFault::new("FeedbackType", format!("`{word}` is unknown"), mend)
    })
}
