//! 1. A search that is interrupted anywhere, even within a line, tries the same as one that is not, and finds the same.
//! 2. The best configuration is one that `juntos train` reads, and ranks as its trial says; it is never worse than what
//!    the search began with.
//! 3. A search is not mixed with one of other data or settings, and damage is told by line.
//! 4. A model, and dimensions, that are given stay.
//! 5. The first trial is what `auto` chooses; ensembles near it are tried, and no trial is made twice.

use juntos_datasets::DatasetWriter;
use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{Event, EventKind, Events};

use super::*;
use crate::config::EnsembleConfig;

/// Users and products in four tastes, as in the tests of `auto`.
fn write_tastes(out: &Path) {
    let mut writer = DatasetWriter::create(out).unwrap();
    for cell in 0..40 * 40 {
        let (user, product) = (cell / 40, cell % 40);
        let same = user % 4 == product % 4 && (user / 4 + product / 4) % 2 == 0;
        if same || (user * 7 + 3) % 40 == product {
            let (user, product) = (format!("u{user}"), format!("p{product}"));
            writer.push::<Events>(&Event::new(&user, &product, EventKind::Purchase)).unwrap();
        }
    }
    writer.finish().unwrap();
}

struct Place {
    folder: tempfile::TempDir,
    config: TrainConfig,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_tastes(&folder.path().join("data"));
        Self { folder, config: TrainConfig { seed: 3, dim: 8, ..TrainConfig::default() } }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tune(&self, out: &str, trials: usize) -> Result<TuneReport, TrainError> {
        let options = TuneOptions { trials, budget: None, log: None };
        tune(&self.out("data"), &self.out(out), &self.config, &options, &Silent)
    }

    fn held_out(&self) -> HeldOut {
        let data = TrainingData::load(&Dataset::open(self.out("data")).unwrap(), &self.config.events).unwrap();
        hold_out(&data, self.config.seed)
    }
}

/// Without what a clock says.
fn timeless(trials: &[TuneTrial]) -> Vec<TuneTrial> {
    trials.iter().map(|trial| TuneTrial { seconds: 0.0, ..trial.clone() }).collect()
}

#[test]
fn an_interrupted_search_tries_the_same() {
    let place = Place::new();
    let whole = place.tune("whole", 14).unwrap();
    assert_eq!((whole.trials.len(), whole.new), (14, 14));
    assert_eq!(place.tune("parts", 5).unwrap().new, 5);
    // The process was killed while it wrote a line.
    let ledger = place.out("parts").join(TRIALS);
    let mut text = fs::read_to_string(&ledger).unwrap();
    text.push_str("{\"trial\":5,\"model\":\"softm");
    fs::write(&ledger, text).unwrap();
    assert_eq!(place.tune("parts", 9).unwrap().new, 4);
    let parts = place.tune("parts", 14).unwrap();
    assert_eq!((timeless(&parts.trials), parts.best), (timeless(&whole.trials), whole.best));
    let best = |out: &str| fs::read_to_string(place.out(out).join(BEST_CONFIG)).unwrap();
    assert_eq!(best("parts"), best("whole"));
    assert_eq!(place.tune("parts", 14).unwrap().new, 0);
}

#[test]
fn the_best_is_what_its_trial_says() {
    let place = Place::new();
    let report = place.tune("out", 8).unwrap();
    let best = &report.trials[report.best.unwrap()];
    let first = report.trials[0].ndcg;
    let is_chance = |trial: &TuneTrial| trial.ndcg <= first * (1.0 + BEYOND_CHANCE * trial.error);
    assert!(report.trials.iter().all(|trial| trial.ndcg <= best.ndcg || is_chance(trial)));
    assert!(report.trials[1..=SEARCHED.len()].iter().all(|trial| trial.settings.is_empty()));
    let config = TrainConfig::read(&report.config.clone().unwrap()).unwrap();
    assert_eq!((config.model.as_str(), config.dim, config.seed), (best.model.as_str(), 8, 3));
    let copies = if best.model == ENSEMBLE { place.config.auto.copies } else { 1 };
    assert_eq!(config.ensemble.copies, copies);

    let held = place.held_out();
    let mut fitter = Fitter::new(&held, &config, Session::watched(&Silent)).unwrap();
    let once = EnsembleConfig { copies: 1, ..config.ensemble };
    let ndcg = fitter.fit(TrainConfig { ensemble: once, ..config }).unwrap().score.ndcg();
    assert!((ndcg - best.ndcg).abs() < 1e-9, "{ndcg} {}", best.ndcg);
    let table = report.to_string();
    assert!(table.contains("as configured") && table.contains(BEST_CONFIG), "{table}");
}

#[test]
fn a_search_is_about_one_thing() {
    let mut place = Place::new();
    place.tune("out", 2).unwrap();
    place.config.als.regularization = 0.01;
    let refused = place.tune("out", 3).unwrap_err().to_string();
    assert!(refused.contains("`als.regularization` was 0.003, now is 0.01"), "{refused}");
    place.config = TrainConfig { seed: 3, dim: 8, ..TrainConfig::default() };
    let ledger = place.out("out").join(TRIALS);
    let text = fs::read_to_string(&ledger).unwrap();
    for (broken, line) in [(text.replacen("model", "modle", 1), 1), (text.lines().nth(1).unwrap().to_owned() + "\n", 1)]
    {
        fs::write(&ledger, broken).unwrap();
        let refused = place.tune("out", 3).unwrap_err().to_string();
        assert!(refused.contains(&format!("trials.ndjson:{line}:")), "{refused}");
    }
    fs::remove_file(place.out("out").join(HEADER)).unwrap();
    assert!(matches!(place.tune("out", 3), Err(TrainError::ForeignFolder { .. })));
}

#[test]
fn what_is_given_stays() {
    let mut place = Place::new();
    place.config.model = "als".to_owned();
    let report = place.tune("out", 3).unwrap();
    assert!(report.trials.iter().all(|trial| trial.model == "als" && !trial.settings.contains_key("dim")));
    place.config.model = "popularity".to_owned();
    assert!(place.tune("none", 3).unwrap_err().to_string().starts_with("`model` is `popularity`"));
    place.config.model = "als".to_owned();
    place.config.dim = 0;
    let report = place.tune("free", 3).unwrap();
    assert!(report.trials[1].settings.contains_key("dim"));
}

#[test]
fn a_search_begins_with_what_auto_chooses() {
    let mut place = Place::new();
    let report = place.tune("out", 30).unwrap();
    place.config.auto.copies = 1;
    let choice = choose(&place.held_out(), &place.config, &Session::watched(&Silent)).unwrap();
    assert_eq!(choice.config.model, ENSEMBLE, "this world should need several models");
    let first = &report.trials[0];
    let kept = choice.trials.iter().filter(|trial| trial.kept).map(|trial| trial.ndcg).fold(0.0, f64::max);
    assert!(first.model == ENSEMBLE && (first.ndcg - kept).abs() < 1e-9, "{first:?} {kept}");

    let near = report.trials[1..].iter().filter(|trial| trial.model == ENSEMBLE).count();
    assert!(near > 5, "{near} of 29 trials are near what was chosen");
    for (at, trial) in report.trials.iter().enumerate() {
        let same = |other: &TuneTrial| (&other.model, &other.settings) == (&trial.model, &trial.settings);
        assert!(!report.trials[..at].iter().any(same), "{trial:?}");
    }
}

#[test]
fn what_is_better_by_chance_is_not_the_best() {
    let trial = |trial: usize, ndcg: f64, error: f64| TuneTrial {
        trial,
        model: "als".to_owned(),
        settings: Values::new(),
        epochs: None,
        ndcg,
        error,
        seconds: 1.0,
        fault: None,
    };
    let number = |trials: &[TuneTrial]| best(trials).map(|best| best.trial);
    assert_eq!(number(&[trial(0, 0.2, 0.0), trial(1, 0.206, 0.02), trial(2, 0.199, 0.0)]), Some(0));
    assert_eq!(number(&[trial(0, 0.2, 0.0), trial(1, 0.206, 0.02), trial(2, 0.205, 0.01)]), Some(2));
    let failed = TuneTrial { fault: Some("diverged".to_owned()), ..trial(0, 0.0, 0.0) };
    assert_eq!((number(&[failed.clone(), trial(1, 0.1, 0.0)]), number(&[failed])), (Some(1), None));
}

#[test]
fn an_ensemble_of_ones_own_is_searched_near() {
    let mut place = Place::new();
    place.config.model = ENSEMBLE.to_owned();
    place.config.ensemble = EnsembleConfig { copies: 2, als: 1.0, spectral: 0.5, ..EnsembleConfig::NOTHING };
    let report = place.tune("out", 12).unwrap();
    assert!(report.trials.iter().all(|trial| trial.model == ENSEMBLE && trial.fault.is_none()));
    assert!(report.trials[0].settings.is_empty());
    assert!(report.trials[1..].iter().any(|trial| trial.settings.keys().any(|name| name.starts_with("als."))));
    assert_eq!(TrainConfig::read(&report.config.unwrap()).unwrap().ensemble.copies, 2);
}
