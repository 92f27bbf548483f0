//! `juntos evaluate`: measures a bundle on held-out rows.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use juntos_trainer::evaluate::page::page;
use juntos_trainer::evaluate::{self, EvaluateConfig};

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// Folder of the dataset that holds the test rows
    #[arg(long)]
    data: PathBuf,
    /// Folder of the bundle
    #[arg(long)]
    bundle: PathBuf,
    /// What is ranked
    #[arg(long, value_enum)]
    task: Task,
    /// Through what: an exact scan, the index, or the whole recommender; several, comma-separated, are compared with the
    /// first
    #[arg(long, value_enum, value_delimiter = ',', default_value = "exact")]
    via: Vec<Via>,
    /// Cut-offs, 1 to 100 each, comma-separated
    #[arg(long, value_delimiter = ',', default_value = "10,20")]
    k: Vec<usize>,
    /// Keep the user's training products in the ranking
    #[arg(long)]
    include_seen: bool,
    /// Decides ties, and the draws that intervals are made of
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bootstrap draws of users that the 95 % intervals are made of, 100 to 100000
    #[arg(long, value_name = "N", default_value_t = 1000)]
    resamples: usize,
    /// Write the figures to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report to this file as a page with plots, for any browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Task {
    /// Products for a user
    Products,
    /// Friends of the initiator for her product
    Friends,
    /// Open teams for a user
    Teams,
    /// Products for a standing group
    Groups,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Via {
    /// Exact scan
    Exact,
    /// The bundle's index
    Index,
    /// The whole recommender, as the server answers
    Served,
}

impl From<Via> for evaluate::Via {
    fn from(via: Via) -> Self {
        match via {
            Via::Exact => Self::Exact,
            Via::Index => Self::Index,
            Via::Served => Self::Served,
        }
    }
}

impl Evaluate {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let config = EvaluateConfig {
            task: match self.task {
                Task::Products => evaluate::Task::Products,
                Task::Friends => evaluate::Task::Friends,
                Task::Teams => evaluate::Task::Teams,
                Task::Groups => evaluate::Task::Groups,
            },
            via: self.via.into_iter().map(evaluate::Via::from).collect(),
            k: self.k,
            include_seen: self.include_seen,
            seed: self.seed,
            resamples: self.resamples,
        };
        let bars = output.progress();
        let measured = evaluate::evaluate(&self.data, &self.bundle, &config, &bars);
        bars.finish();
        let report = measured?;
        if let Some(path) = &self.json {
            write(path, serde_json::to_string_pretty(&report)? + "\n")?;
        }
        if let Some(path) = &self.html {
            write(path, page(&report, &command_line(std::env::args())))?;
        }
        output.result(&report, false)
    }
}

fn write(path: &Path, text: String) -> Result<(), Failure> {
    Ok(std::fs::write(path, text).map_err(|fault| format!("cannot write {}: {fault}", path.display()))?)
}

/// The command as a shell would take it again, with the program by its plain name.
fn command_line(mut words: impl Iterator<Item = String>) -> String {
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().map_or("juntos".into(), |name| name.to_string_lossy().into_owned());
    std::iter::once(program).chain(words).map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./,:=+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    //! 1. A shell reads the command line as it was given.

    use super::*;

    #[test]
    fn command_lines_are_quoted() {
        let words = ["/usr/bin/juntos", "evaluate", "--data", "my data", "--k", "10,20", "--html", "it's.html", ""];
        let line = command_line(words.into_iter().map(str::to_owned));
        assert_eq!(line, r"juntos evaluate --data 'my data' --k 10,20 --html 'it'\''s.html' ''");
    }
}
