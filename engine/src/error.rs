//! What can go wrong between a bundle and the file system: the only errors of the engine that are not answers.

use std::path::{Path, PathBuf};

use juntos_datasets::error::DatasetError;

/// Why a bundle could not be written or opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file of the bundle is not what was written: the bundle is refused as a whole.
    #[error("{}: {problem}; copy it again from where it was written, or write it anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder is not a bundle.
    #[error("{}: not a bundle: {problem}; point to a folder that `juntos train` wrote", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
        /// What was missed.
        problem: String,
    },
    /// The bundle was written in another version of the format.
    #[error("{}: bundle format {got}, but this program reads format {expected}; {}", path.display(), advice(*got, *expected))]
    Version {
        /// The manifest.
        path: PathBuf,
        /// Version found.
        got: u32,
        /// Version that this program reads.
        expected: u32,
    },
    /// What was handed over for writing does not fit together.
    #[error("the bundle cannot be written: {problem}")]
    Unwritable {
        /// What does not fit, and how to mend it.
        problem: String,
    },
    /// The place of the new bundle is taken.
    #[error("{}: exists already; give a new folder, bundles never change", path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A table of the dataset could not be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

fn advice(got: u32, expected: u32) -> &'static str {
    if got < expected {
        "train the bundle anew with this program"
    } else {
        "update the program, or train the bundle anew with this one"
    }
}

impl EngineError {
    pub(crate) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn unwritable(problem: impl Into<String>) -> Self {
        Self::Unwritable { problem: problem.into() }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
