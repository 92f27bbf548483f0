//! `juntos import`: files of another format become a dataset.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use juntos_datasets::error::DatasetError;
use juntos_datasets::import::{self, Gorse, GroupFiles, ImportReport, LightGcn, RecordFormat, TableFiles, TeamFiles};
use juntos_datasets::progress::Progress;
use juntos_datasets::quarantine::OnError;
use juntos_datasets::tables::EventKind;

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Format {
    /// Lines `user item item …`, as LightGCN and its kin publish their sets
    Lightgcn {
        /// Training lines
        #[arg(long)]
        train: PathBuf,
        /// Validation lines
        #[arg(long)]
        valid: Option<PathBuf>,
        /// Test lines
        #[arg(long)]
        test: Option<PathBuf>,
        /// Lines `user friend [weight]`
        #[arg(long)]
        friends: Option<PathBuf>,
        #[command(flatten)]
        to: To,
    },
    /// Lines `initiator item participant…`: group purchases
    Teams {
        /// Teams that succeeded
        #[arg(long)]
        train: PathBuf,
        /// Teams held out
        #[arg(long)]
        test: Option<PathBuf>,
        /// Teams that failed
        #[arg(long)]
        failed: Option<PathBuf>,
        /// Lines `user friend [weight]`
        #[arg(long)]
        friends: Option<PathBuf>,
        #[command(flatten)]
        to: To,
    },
    /// AGREE and ConsRec files: standing groups, their ratings and negatives
    Groups {
        /// Lines `group user,user,…`
        #[arg(long)]
        members: PathBuf,
        /// Lines `group item [rating]`
        #[arg(long)]
        group_train: PathBuf,
        /// Lines `group item [rating]`, held out
        #[arg(long)]
        group_test: PathBuf,
        /// Lines `(group,item) item item …`
        #[arg(long)]
        negatives: Option<PathBuf>,
        /// Lines `user item [rating]`
        #[arg(long)]
        user_train: Option<PathBuf>,
        /// Lines `user item [rating]`, held out
        #[arg(long)]
        user_test: Option<PathBuf>,
        /// Lines `user friend [weight]`
        #[arg(long)]
        friends: Option<PathBuf>,
        #[command(flatten)]
        to: To,
    },
    /// CSV files, one for each table; entries of a list, as in `participant_ids`, are parted by `|`, offers are JSON
    Csv(Tables),
    /// Files of one JSON object a line, one for each table
    Ndjson(Tables),
    /// JSON lines as Gorse exports them
    Gorse {
        /// Users
        #[arg(long)]
        users: PathBuf,
        /// Items
        #[arg(long)]
        items: PathBuf,
        /// Feedback
        #[arg(long)]
        feedback: PathBuf,
        /// What a feedback type means, as `star=like`; repeat for more
        #[arg(long, value_name = "TYPE=KIND", value_parser = pair::<EventKind>)]
        map: Vec<(String, EventKind)>,
        #[command(flatten)]
        to: To,
    },
}

#[derive(Debug, Args)]
struct Tables {
    /// Files by table, as `users=users.csv events=clicks.csv`
    #[arg(required = true, value_name = "TABLE=FILE", value_parser = pair::<PathBuf>)]
    files: Vec<(String, PathBuf)>,
    /// Which field of the file fills a column, as `user_id=customer`; repeat for more
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = pair::<String>)]
    map: Vec<(String, String)>,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, Args)]
struct To {
    /// Folder to write the dataset to
    #[arg(long, value_name = "DATA")]
    out: PathBuf,
    /// What to do about bad rows; they are listed in `DATA.quarantine.ndjson` either way
    #[arg(long, value_enum, default_value_t = BadRows::Fail)]
    on_error: BadRows,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BadRows {
    /// Write nothing
    Fail,
    /// Go on without them
    Quarantine,
}

impl To {
    fn on_error(&self) -> OnError {
        match self.on_error {
            BadRows::Fail => OnError::Fail,
            BadRows::Quarantine => OnError::Quarantine,
        }
    }
}

/// Reads `NAME=VALUE`.
fn pair<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(String, T), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("expected NAME=VALUE, got `{text}`"))?;
    Ok((name.to_owned(), value.parse().map_err(|fault| format!("{name}: {fault}"))?))
}

impl Import {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let bars = output.progress();
        let (imported, to) = self.format.import(&bars);
        bars.finish();
        output.result(&imported?, to.json)
    }
}

impl Format {
    fn import(self, progress: &dyn Progress) -> (Result<ImportReport, DatasetError>, To) {
        match self {
            Self::Lightgcn { train, valid, test, friends, to } => {
                let files = LightGcn { train, valid, test, friends, on_error: to.on_error() };
                (import::lightgcn(&files, &to.out, progress), to)
            }
            Self::Teams { train, test, failed, friends, to } => {
                let files = TeamFiles { train, test, failed, friends, on_error: to.on_error() };
                (import::teams(&files, &to.out, progress), to)
            }
            Self::Groups { members, group_train, group_test, negatives, user_train, user_test, friends, to } => {
                let on_error = to.on_error();
                let files = GroupFiles {
                    members,
                    group_train,
                    group_test,
                    negatives,
                    user_train,
                    user_test,
                    friends,
                    on_error,
                };
                (import::groups(&files, &to.out, progress), to)
            }
            Self::Csv(tables) => tables.import(RecordFormat::Csv, progress),
            Self::Ndjson(tables) => tables.import(RecordFormat::Ndjson, progress),
            Self::Gorse { users, items, feedback, map, to } => {
                let files = Gorse { users, items, feedback, kinds: map, on_error: to.on_error() };
                (import::gorse(&files, &to.out, progress), to)
            }
        }
    }
}

impl Tables {
    fn import(self, format: RecordFormat, progress: &dyn Progress) -> (Result<ImportReport, DatasetError>, To) {
        let Self { files, map, to } = self;
        let files = TableFiles { format, tables: files, map, on_error: to.on_error() };
        (import::tables(&files, &to.out, progress), to)
    }
}
