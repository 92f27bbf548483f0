//! Group purchases line by line: initiator, item, participants.

use std::path::{Path, PathBuf};

use super::OnError;
use super::intake::Intake;
use super::known::id_in;
use super::lightgcn::read_friends;
use super::report::ImportReport;
use super::text::{BLANKS, words};
use crate::error::{DatasetError, RowFault};
use crate::progress::Progress;
use crate::tables::{Event, EventKind, PurchaseVisibility, Split, Team, TeamOutcome};

/// Files of a group-buying data set, lines `initiator item participant…`.
#[derive(Debug, Clone, Default)]
pub struct TeamFiles {
    /// Teams that succeeded.
    pub train: PathBuf,
    /// Teams that succeeded, held out for the final figures.
    pub test: Option<PathBuf>,
    /// Teams that found too few participants.
    pub failed: Option<PathBuf>,
    /// Lines `user friend [strength]`.
    pub friends: Option<PathBuf>,
    /// What becomes of bad lines.
    pub on_error: OnError,
}

/// Imports group purchases to the new folder `out`.
///
/// A train line is a succeeded team, and a `purchase` event of everyone in it. A test line is a team of split `test`, and
/// a test `purchase` of the initiator. A failed line is an expired team that wanted one more than it had, and at least
/// two. Teams are named after the part and line they come from, as in `train-17`. A participant named twice counts once.
///
/// # Errors
/// A file that is missing or empty, an occupied `out`, or bad lines unless they may be quarantined.
pub fn teams(files: &TeamFiles, out: &Path, progress: &dyn Progress) -> Result<ImportReport, DatasetError> {
    let mut intake = Intake::begin(out, files.on_error, progress)?;
    let parts =
        [(Some(&files.train), Part::Train), (files.test.as_ref(), Part::Test), (files.failed.as_ref(), Part::Failed)];
    for (path, part) in parts {
        let Some(path) = path else { continue };
        intake.read_lines(part.word(), path, |intake, number, line| match team_line(line) {
            Ok(line) => take_team(intake, part, number, &line).map(Ok),
            Err(fault) => Ok(Err(fault)),
        })?;
    }
    read_friends(&mut intake, files.friends.as_deref())?;
    intake.push_known(PurchaseVisibility::Everyone)?;
    intake.finish()
}

#[derive(Clone, Copy)]
enum Part {
    Train,
    Test,
    Failed,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Failed => "failed",
        }
    }
}

/// One line; `repeated` participants have been left out.
struct TeamLine<'l> {
    initiator: &'l str,
    item: &'l str,
    participants: Vec<&'l str>,
    repeated: u64,
}

fn team_line(line: &str) -> Result<TeamLine<'_>, RowFault> {
    let mut words = words(line, BLANKS);
    let initiator = id_in("initiator", words.next().unwrap_or_default())?;
    let item = words.next().ok_or_else(|| {
        RowFault::new("item", "is missing", "write `initiator item participant…`, or remove the line")
    })?;
    let mut team = TeamLine { initiator, item: id_in("item", item)?, participants: Vec::new(), repeated: 0 };
    for word in words {
        let participant = id_in("participant", word)?;
        if participant == initiator || team.participants.contains(&participant) {
            team.repeated += 1;
        } else {
            team.participants.push(participant);
        }
    }
    Ok(team)
}

fn take_team(intake: &mut Intake<'_>, part: Part, number: u64, line: &TeamLine<'_>) -> Result<(), DatasetError> {
    intake.repaired(line.repeated);
    intake.products.see(line.item);
    let members = || std::iter::once(line.initiator).chain(line.participants.iter().copied());
    for member in members() {
        intake.users.see(member);
    }
    let had = members().count() as u32;
    let (split, outcome, min_size, buyers) = match part {
        Part::Train => (Split::Train, TeamOutcome::Succeeded, had, had),
        Part::Test => (Split::Test, TeamOutcome::Succeeded, had, 1),
        Part::Failed => (Split::Train, TeamOutcome::Expired, had + 1, 0),
    };
    let team_id = format!("{}-{number}", part.word());
    for buyer in members().take(buyers as usize) {
        let team_id = Some(team_id.as_str());
        intake.push_event(&Event { team_id, split, ..Event::new(buyer, line.item, EventKind::Purchase) })?;
    }
    intake.push_team(&Team {
        team_id: &team_id,
        product_id: line.item,
        initiator_id: line.initiator,
        participant_ids: line.participants.clone(),
        min_size,
        opened_at: None,
        deadline: None,
        outcome,
        split,
        negative_ids: Vec::new(),
        public: None,
    })
}
