//! The file of trials: one line of JSON each, appended and synced, so that nothing tried is lost.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneTrial {
    /// Counted from 0.
    pub trial: usize,
    /// The model.
    pub model: String,
    /// Settings that differ from where the search began, by their name with section.
    pub settings: BTreeMap<String, f64>,
    /// Passes over the data that ranked best; for `softmax` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Mean NDCG@100 of what was held out, to nine decimals; 0 where training failed.
    #[serde(rename = "ndcg@100")]
    pub ndcg: f64,
    /// Standard error of how much better than the first trial it ranks, as a share of that, to nine decimals.
    pub error: f64,
    /// Wall-clock seconds it took.
    pub seconds: f64,
    /// Why training failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The file, open to be appended to.
pub(super) struct Ledger {
    path: PathBuf,
    file: File,
}

impl Ledger {
    /// Opens or makes the file and reads its trials. A last line that was not finished is cut off.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<TuneTrial>), TrainError> {
        let at = |source| TrainError::Io { path: path.to_owned(), source };
        let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(at)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(at)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(at)?;
        }
        file.seek(SeekFrom::Start(whole as u64)).map_err(at)?;
        let trials = parse(path, &bytes[..whole])?;
        Ok((Self { path: path.to_owned(), file }, trials))
    }

    /// Appends a trial and waits until it is on disk.
    pub(super) fn add(&mut self, trial: &TuneTrial) -> Result<(), TrainError> {
        let at = |source| TrainError::Io { path: self.path.clone(), source };
        let line = serde_json::to_string(trial).map_err(|fault| at(fault.into()))?;
        self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data()).map_err(at)
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<TuneTrial>, TrainError> {
    let mut trials = Vec::new();
    for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let fault = |reason| TrainError::Ledger { path: path.to_owned(), line: at + 1, reason };
        let trial: TuneTrial = serde_json::from_slice(line).map_err(|wrong| fault(wrong.to_string()))?;
        if trial.trial != trials.len() {
            return Err(fault(format!("trial {} stands where trial {} is expected", trial.trial, trials.len())));
        }
        trials.push(trial);
    }
    Ok(trials)
}
