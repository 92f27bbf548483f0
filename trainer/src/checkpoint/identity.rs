//! Whose results are kept: what has to be the same so that going on gives what an uninterrupted run gives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use juntos_datasets::dataset::Dataset;
use juntos_engine::EngineError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{replace, state};
use crate::config::TrainConfig;
use crate::error::TrainError;

/// The header of a folder of kept results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// What kind of folder it is.
    format: String,
    format_version: u32,
    /// Version of the program.
    program: String,
    /// Of all tables.
    data_checksum: String,
    /// The whole configuration, seed included, as JSON in a text: so that numbers are compared as they are written.
    config: String,
}

/// Most differences that a message lists.
const MOST_LISTED: usize = 5;

impl Identity {
    /// Of a run that learns from `dataset` as `config` says.
    pub(crate) fn new(format: &str, dataset: &Dataset, config: &TrainConfig) -> Result<Self, TrainError> {
        Ok(Self {
            format: format.to_owned(),
            format_version: state::VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            data_checksum: format!("{:016x}", dataset.checksum()?),
            config: config_text(config),
        })
    }

    pub(crate) fn write(&self, header: &Path) -> Result<(), TrainError> {
        replace(header, |mut file| file.write_all(self.text().as_bytes()).map(|()| file))
    }

    /// Writes it into the folder of a bundle, which takes its place when all files are whole.
    pub(crate) fn write_to(&self, path: &Path) -> Result<(), EngineError> {
        std::fs::write(path, self.text()).map_err(|source| EngineError::Io { path: path.to_owned(), source })
    }

    fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers are JSON")
    }

    /// Refuses the header in file `header` unless it says the same.
    pub(crate) fn check(&self, header: &Path) -> Result<(), TrainError> {
        let folder = header.parent().unwrap_or(header).to_owned();
        let text = std::fs::read(header).map_err(|source| TrainError::Io { path: header.to_owned(), source })?;
        let kept: Self = serde_json::from_slice(&text)
            .map_err(|fault| TrainError::DamagedHeader { path: header.to_owned(), reason: fault.to_string() })?;
        let mut differences = self.differences(&kept);
        if differences.is_empty() {
            return Ok(());
        }
        if differences.len() > MOST_LISTED {
            let more = differences.split_off(MOST_LISTED).len();
            differences.push(format!("{more} more"));
        }
        Err(TrainError::AnotherRun { path: folder, differences: differences.join("; ") })
    }

    fn differences(&self, kept: &Self) -> Vec<String> {
        let told =
            |what: &str, kept: &str, now: &str| (kept != now).then(|| format!("{what} was {kept}, now is {now}"));
        let [kept_version, version] = [kept, self].map(|one| one.format_version.to_string());
        let mut differences: Vec<String> = [
            told("the format", &kept.format, &self.format),
            told("its version", &kept_version, &version),
            told("the program's version", &kept.program, &self.program),
            told("the checksum of the data", &kept.data_checksum, &self.data_checksum),
        ]
        .into_iter()
        .flatten()
        .collect();
        if kept.config != self.config {
            let (old, new) = (settings(&kept.config), settings(&self.config));
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            let text = |of: &BTreeMap<String, String>, name| of.get(name).map_or("absent", String::as_str).to_owned();
            let setting = |name| told(&format!("`{name}`"), &text(&old, name), &text(&new, name));
            differences.extend(names.into_iter().filter_map(setting));
        }
        differences
    }
}

/// The configuration as JSON, the same text for the same configuration.
pub(crate) fn config_text(config: &TrainConfig) -> String {
    serde_json::to_string(config).expect("a configuration is JSON")
}

/// Every setting by its name with sections, as JSON.
fn settings(config: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    match serde_json::from_str::<Value>(config) {
        Ok(value) => flatten("", &value, &mut settings),
        Err(_) => _ = settings.insert("config".to_owned(), config.to_owned()),
    }
    settings
}

fn flatten(name: &str, value: &Value, settings: &mut BTreeMap<String, String>) {
    match value.as_object() {
        Some(section) => section.iter().for_each(|(key, value)| {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            flatten(&name, value, settings);
        }),
        None => _ = settings.insert(name.to_owned(), value.to_string()),
    }
}
