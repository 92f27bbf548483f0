//! LightGCN's text files: each line a user and her products; friends as pairs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::OnError;
use super::intake::Intake;
use super::known::id_in;
use super::report::ImportReport;
use super::text::{BLANKS, words};
use crate::error::{DatasetError, RowFault};
use crate::progress::Progress;
use crate::tables::{Event, EventKind, PurchaseVisibility, Split};

/// Files of a LightGCN data set.
#[derive(Debug, Clone, Default)]
pub struct LightGcn {
    /// Lines `user item item …`.
    pub train: PathBuf,
    /// The same, held out for choosing settings.
    pub valid: Option<PathBuf>,
    /// The same, held out for the final figures.
    pub test: Option<PathBuf>,
    /// Lines `user friend [strength]`.
    pub friends: Option<PathBuf>,
    /// What becomes of bad lines.
    pub on_error: OnError,
}

/// Imports LightGCN files to the new folder `out`: each item of a line is a `purchase` event. A user without items is a
/// user all the same; an item that occurs only in the test file is a product all the same; an item repeated within a
/// line counts once.
///
/// # Errors
/// A file that is missing or empty, an occupied `out`, or bad lines unless they may be quarantined.
pub fn lightgcn(files: &LightGcn, out: &Path, progress: &dyn Progress) -> Result<ImportReport, DatasetError> {
    let mut intake = Intake::begin(out, files.on_error, progress)?;
    let parts =
        [(Some(&files.train), Split::Train), (files.valid.as_ref(), Split::Valid), (files.test.as_ref(), Split::Test)];
    for (path, split) in parts {
        let Some(path) = path else { continue };
        intake.read_lines(split.word(), path, |intake, _, line| match user_and_items(line) {
            Ok((user, items)) => take_items(intake, user, items, split).map(Ok),
            Err(fault) => Ok(Err(fault)),
        })?;
    }
    read_friends(&mut intake, files.friends.as_deref())?;
    intake.push_known(PurchaseVisibility::Everyone)?;
    intake.finish()
}

fn user_and_items(line: &str) -> Result<(&str, Vec<&str>), RowFault> {
    let mut words = words(line, BLANKS);
    let user = id_in("user", words.next().unwrap_or_default())?;
    let items = words.map(|word| id_in("item", word)).collect::<Result<_, _>>()?;
    Ok((user, items))
}

fn take_items(intake: &mut Intake<'_>, user: &str, items: Vec<&str>, split: Split) -> Result<(), DatasetError> {
    intake.users.see(user);
    let mut seen = HashSet::with_capacity(items.len());
    for item in items {
        if !seen.insert(item) {
            intake.repaired(1);
            continue;
        }
        intake.products.see(item);
        intake.push_event(&Event { split, ..Event::new(user, item, EventKind::Purchase) })?;
    }
    Ok(())
}

/// Reads lines `user friend [strength]` and writes the ties.
pub(super) fn read_friends(intake: &mut Intake<'_>, path: Option<&Path>) -> Result<(), DatasetError> {
    let Some(path) = path else { return Ok(()) };
    intake.read_lines("friends", path, |intake, _, line| {
        Ok(friend_pair(line).map(|(user, friend, strength)| intake.see_tie(user, friend, strength)))
    })?;
    intake.push_ties()
}

fn friend_pair(line: &str) -> Result<(&str, &str, f32), RowFault> {
    let fields: Vec<&str> = words(line, BLANKS).collect();
    let (user, friend, strength) = match fields[..] {
        [user, friend] => (user, friend, 1.0),
        [user, friend, strength] => (user, friend, parse_strength(strength)?),
        _ => {
            let reason = format!("has {} fields", fields.len());
            return Err(RowFault::new("line", reason, "write `user friend` or `user friend strength`"));
        }
    };
    if user == friend {
        return Err(RowFault::new("friend", format!("`{user}` is the user herself"), "remove the line"));
    }
    Ok((id_in("user", user)?, id_in("friend", friend)?, strength))
}

fn parse_strength(text: &str) -> Result<f32, RowFault> {
    match text.parse::<f32>() {
        Ok(strength) if (0.0..=1.0).contains(&strength) => Ok(strength),
        _ => Err(RowFault::new("strength", format!("is `{text}`"), "give a number from 0 to 1")),
    }
}
