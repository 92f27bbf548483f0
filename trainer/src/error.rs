//! What can go wrong in training and evaluation.

use std::path::PathBuf;

use juntos_datasets::error::DatasetError;
use juntos_engine::error::EngineError;

use juntos_engine::live::ChangeFault;
use juntos_engine::request::RequestFault;

use crate::evaluate::{MAX_K, RESAMPLES};

/// A failure of training or evaluation, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// There is nothing to learn from.
    #[error("nothing to train on: {what}; check the dataset with `juntos check`")]
    NoData {
        /// What is missing.
        what: &'static str,
    },
    /// A setting lies outside its range.
    #[error("`{key}` is {got}; it must be {expected}; see config/train.toml for every setting and its range")]
    Setting {
        /// The setting, with its section: `als.sweeps`.
        key: &'static str,
        /// What would have been accepted.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A device is not to be had.
    #[error("cannot train on `{device}`: {reason}; or train on the processors, `--device cpu`")]
    Device {
        /// Name of the device.
        device: &'static str,
        /// Why not, and what to do.
        reason: String,
    },
    /// A configuration file is not what it should be.
    #[error("{path}: {reason}; config/train.toml lists every setting", path = path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// What the TOML reader says, with line and column.
        reason: String,
    },
    /// A weight in the data is not a positive finite number.
    #[error(
        "the {matrix} hold {value} at row {row}, column {column}; weights must be finite and above 0, so check `[events]` of the configuration and the values of the dataset"
    )]
    BadWeight {
        /// `interactions` or `friendships`.
        matrix: &'static str,
        /// Row of the cell.
        row: usize,
        /// Column of the cell.
        column: usize,
        /// The weight found.
        value: f32,
    },
    /// Numbers left the finite range while training.
    #[error("training of `{model}` diverged in pass {pass}: {cause}; {mend}")]
    Diverged {
        /// The model.
        model: &'static str,
        /// The pass over the data, counted from 1.
        pass: usize,
        /// Which quantity, and what became of it.
        cause: String,
        /// Which setting to change, and how.
        mend: &'static str,
    },
    /// A fit ended with vectors that are of no use.
    #[error("training of `{model}` came to nothing: {cause}; {mend}")]
    Unusable {
        /// The model.
        model: &'static str,
        /// What is wrong with the vectors.
        cause: String,
        /// Which setting to change, and how.
        mend: &'static str,
    },
    /// A checkpoint lies where a new run would put its own.
    #[error("{path} holds a training run that was not finished; go on with it by `--resume`, or delete that folder to begin anew", path = path.display())]
    Unfinished {
        /// Folder of the checkpoint.
        path: PathBuf,
    },
    /// The folder for the log has that of another run.
    #[error("{path} holds the log of another run; choose another `--log`, or go on with that run (`juntos train --resume`)", path = path.display())]
    LogTaken {
        /// Folder of the log.
        path: PathBuf,
    },
    /// What is kept belongs to another run.
    #[error("{path} belongs to another run: {differences}; give the same data and settings again, or delete that folder to begin anew", path = path.display())]
    AnotherRun {
        /// Folder of what is kept.
        path: PathBuf,
        /// What differs.
        differences: String,
    },
    /// The header of what is kept cannot be read.
    #[error("{path} cannot be read: {reason}; delete its folder to begin anew", path = path.display())]
    DamagedHeader {
        /// The header.
        path: PathBuf,
        /// What the JSON reader says.
        reason: String,
    },
    /// Another process works in the same folder.
    #[error("another process works in {path}; wait until it is done, or choose another `--out`", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A folder is not ours to write into.
    #[error("{path} holds files that are none of ours; move it away, or choose another `--out`", path = path.display())]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A line of a list of trials is not what it should be.
    #[error("{path}:{line}: {reason}; delete that line and those after it, and the search goes on from there", path = path.display())]
    Ledger {
        /// The list.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// There is nothing to judge trials by.
    #[error(
        "nothing to judge trials by: no purchase of a known product can be held out; add events, or rows with `split` = `valid`"
    )]
    NothingHeldOut,
    /// A search of no trial finds nothing.
    #[error("a search of 0 trials finds nothing; give `--trials` of at least 1")]
    NoTrials,
    /// A cut of the ranked list is out of range.
    #[error("cut {got} is out of range; give cuts `--k` from 1 to {MAX_K}")]
    Cut {
        /// The cut asked for.
        got: usize,
    },
    /// A number of bootstrap draws is out of range.
    #[error(
        "{got} draws are out of range; give `--resamples` from {low} to {high}",
        low = RESAMPLES.start(),
        high = RESAMPLES.end()
    )]
    Resamples {
        /// The number asked for.
        got: usize,
    },
    /// The index was asked for a task that it does not serve.
    #[error("task `{task}` ranks a few candidates, the index finds products; evaluate it via `exact` or `served`")]
    NoIndex {
        /// The task.
        task: &'static str,
    },
    /// The dataset holds nothing to evaluate the task on.
    #[error(
        "nothing to evaluate task `{task}` on: the dataset has no {missing}; {mend}",
        mend = how_to_hold_out(task)
    )]
    NoTestRows {
        /// The task.
        task: &'static str,
        /// What is missing.
        missing: &'static str,
    },
    /// All that is to be found is left out of the rankings.
    #[error(
        "nothing to evaluate task `products` on: of all test events the user had the product in training already; give `--include-seen`, or other test rows than those trained on"
    )]
    AllSeen,
    /// The bundle was trained on something else altogether.
    #[error(
        "the bundle knows none of the {what} in the dataset's test rows; give a bundle that was trained on this dataset, or on one with the same ids"
    )]
    ForeignBundle {
        /// Users or products.
        what: &'static str,
    },
    /// The model has no vectors, so no bundle can be made of it.
    #[error("model `{model}` is a rule without vectors that an index could serve: a baseline; train `als`")]
    NoVectors {
        /// The model.
        model: &'static str,
    },
    /// The recommender refused a question of the evaluation.
    #[error("the recommender refused a question of the evaluation: {0}")]
    Question(#[from] RequestFault),
    /// The recommender refused a team of the evaluation.
    #[error("the recommender refused a test team: {0}; check the dataset with `juntos check`")]
    Change(#[from] ChangeFault),
    /// Reading the dataset failed.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Writing or opening the bundle failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The tensor library failed.
    #[error("the tensor library failed in training: {0}; please report this with the configuration used")]
    Tensor(#[from] candle_core::Error),
    /// Reading or writing a file failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// How a dataset comes to have the test rows of a task.
fn how_to_hold_out(task: &str) -> &'static str {
    match task {
        "groups" => {
            "import it with `juntos import groups`, `--group-test` and `--negatives`, or give its test teams `negative_ids`"
        }
        _ => "split it by time (`juntos split`), import with `--test`, or mark held-out rows in column `split`",
    }
}
