//! `juntos tune`: a search for settings that can be interrupted and gone on with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use juntos_trainer::config::TrainConfig;
use juntos_trainer::tune::{TuneOptions, tune};

use super::{Failure, Output};

#[derive(Debug, Args)]
pub(super) struct Tune {
    /// Folder of the dataset
    #[arg(long)]
    data: PathBuf,
    /// Folder that keeps the search; the same command goes on with it [default: DATA.tune]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Trials in all, those of earlier runs included
    #[arg(long, value_name = "N", default_value_t = 40)]
    trials: usize,
    /// Begin no trial after this time, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,
    /// Settings in TOML where the search begins; see config/train.toml for every key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Search the settings of this model only
    #[arg(long)]
    model: Option<String>,
    /// Number of dimensions, instead of searching for one
    #[arg(long)]
    dim: Option<usize>,
    /// Seed of every random choice, instead of the configured one
    #[arg(long)]
    seed: Option<u64>,
    /// Write loss, ranking quality and speed of every pass of every trial to this folder, for TensorBoard
    /// (`tensorboard --logdir DIR`) and for notebooks (`log.ndjson`)
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Tune {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let mut config = match &self.config {
            Some(path) => TrainConfig::read(path)?,
            None => TrainConfig::default(),
        };
        config.model = self.model.unwrap_or(config.model);
        config.dim = self.dim.unwrap_or(config.dim);
        config.seed = self.seed.unwrap_or(config.seed);
        let out = match self.out {
            Some(out) => out,
            None => beside(&self.data)?,
        };
        let options = TuneOptions { trials: self.trials, budget: self.budget, log: self.log };
        let bars = output.progress();
        let found = tune(&self.data, &out, &config, &options, &bars);
        bars.finish();
        output.result(&found?, self.json)
    }
}

/// `DATA.tune`, beside the dataset also where its folder is given without a name, as `.`.
fn beside(data: &Path) -> Result<PathBuf, Failure> {
    let named = match data.file_name() {
        Some(_) => data.to_owned(),
        None => data.canonicalize().map_err(|fault| format!("{}: {fault}", data.display()))?,
    };
    let Some(name) = named.file_name() else {
        return Err(format!("{} has nothing beside it to keep the search in; give `--out`", data.display()).into());
    };
    let mut name = name.to_owned();
    name.push(".tune");
    Ok(named.with_file_name(name))
}

/// A whole number with its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no time; give a whole number with `s`, `m` or `h`, such as 10m");
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(expected()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    //! 1. Times have a unit. 2. The search lies beside the dataset.

    use super::*;

    #[test]
    fn times_have_a_unit() {
        let seconds = |text: &str| duration(text).map(|time| time.as_secs());
        assert_eq!([seconds("90s"), seconds("10m"), seconds("2h")], [Ok(90), Ok(600), Ok(7200)]);
        for text in ["", "10", "m", "-1m", "1.5h", "10 m", "10µ", "99999999999999999h"] {
            assert!(seconds(text).unwrap_err().contains("such as 10m"), "{text}");
        }
    }

    #[test]
    fn the_search_lies_beside_the_dataset() {
        assert_eq!(beside(Path::new("my/data/")).unwrap(), Path::new("my/data.tune"));
        let here = std::env::current_dir().unwrap();
        let expected = format!("{}.tune", here.canonicalize().unwrap().display());
        assert_eq!(beside(Path::new(".")).unwrap(), Path::new(&expected));
        assert!(beside(Path::new("/")).unwrap_err().to_string().contains("--out"));
        assert!(beside(Path::new("absent/..")).is_err());
    }
}
