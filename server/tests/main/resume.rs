//! Training that is killed: 1. whatever it was doing, and however often, it goes on to the same bundle, byte for byte;
//! 2. nothing is left beside a bundle that is complete; 3. what is left of a killed run is neither overwritten nor used
//! for another, and damage in it costs time only; 4. a search for settings goes on likewise, and ends in a file that
//! training takes; 5. a run that went wrong, and would again, leaves nothing that the next one trips over; 6. `--resume` over a
//! bundle that is whole does nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let words = ["-q", "generate", "--users", "400", "--products", "120", "--seed", "5", "--out"];
        let done = juntos().args(words).arg(place.path("data")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        fs::write(place.path("train.toml"), "dim = 16\n[auto]\ntrials = 6\n[softmax]\nepochs = 12\n").unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn train(&self, model: &str, out: &str, more: &[&str]) -> Command {
        let mut command = juntos();
        command.args(["train", "--seed", "7", "--keep-every", "0", "--model", model]).args(more);
        command.arg("--config").arg(self.path("train.toml"));
        command.arg("--data").arg(self.path("data")).arg("--out").arg(self.path(out));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn states(&self, out: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(&format!("{out}.checkpoint"))).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

fn juntos() -> Command {
    Command::new(env!("CARGO_BIN_EXE_juntos"))
}

fn text(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

fn finish(mut command: Command) -> String {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", text(&done));
    text(&done)
}

fn refused(mut command: Command) -> String {
    let done = command.output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", text(&done));
    text(&done)
}

/// Kills the process (SIGKILL) some milliseconds after `ready`; false if it ended by itself.
fn kill_when(mut child: Child, later_ms: u64, ready: impl Fn() -> bool) -> bool {
    while child.try_wait().unwrap().is_none() {
        if ready() {
            sleep(Duration::from_millis(later_ms));
            child.kill().unwrap();
            // Without a code it was killed by the signal.
            return child.wait().unwrap().code().is_none();
        }
        sleep(Duration::from_millis(1));
    }
    false
}

fn assert_same(one: &Path, other: &Path) {
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(one), names(other));
    for name in names(one) {
        assert!(fs::read(one.join(&name)).unwrap() == fs::read(other.join(&name)).unwrap(), "{name:?}");
    }
}

#[test]
fn a_killed_training_goes_on_to_the_same_bytes() {
    let place = Place::new();
    // In the middle of a trial, between trials, in the last fit, and some time after each: (state waited for, ms).
    let fits = [("fit.state", 0), ("fit.state", 40), ("measure.state", 0)];
    // Fits of an ensemble are numbered.
    let trials = [
        ("-best.state", 0),
        ("trials.state", 3),
        ("-best.state", 17),
        ("fit.state", 0),
        ("-0.state", 0),
        ("-1.state", 5),
        ("-2.state", 0),
    ];
    for (model, moments) in [("als", &fits[..]), ("softmax", &fits), ("auto", &trials)] {
        let (whole, parts) = (format!("{model}-whole"), format!("{model}-parts"));
        let log = place.path(&format!("{model}-log"));
        finish(place.train(model, &whole, &["--log", log.to_str().unwrap()]));
        assert!(place.states(&whole).is_empty(), "the checkpoint goes with the bundle's completion");
        let mut killed = 0;
        for &(state, later_ms) in moments {
            let child = place.train(model, &parts, &["--resume"]).spawn().unwrap();
            let seen = || place.states(&parts).iter().any(|name| name.ends_with(state));
            killed += usize::from(kill_when(child, later_ms, seen));
            if place.path(&parts).exists() {
                break;
            }
        }
        assert!(killed >= 1, "{model}: it was never killed");
        if !place.path(&parts).exists() {
            let told = finish(place.train(model, &parts, &["--resume"]));
            assert!(told.contains("resuming") && told.contains("going on after"), "{told}");
        }
        assert_same(&place.path(&whole), &place.path(&parts));
        assert!(!place.path(&format!("{parts}.checkpoint")).exists());
    }
    let log = place.path("auto-log");
    let message = refused(place.train("als", "another", &["--log", log.to_str().unwrap()]));
    assert!(message.contains("log of another run") && !place.path("another").exists(), "{message}");
    for (log, series) in [("als-log", "fit"), ("auto-log", "trial-000"), ("auto-log", "trials")] {
        let log = fs::read_to_string(place.path(log).join("log.ndjson")).unwrap();
        assert!(log.contains(&format!("\"series\":\"{series}\"")), "{series}");
    }
}

#[test]
fn what_a_killed_training_left_is_used_for_nothing_else() {
    let place = Place::new();
    let kept = || place.states("bundle").contains(&"fit.state".to_owned());
    assert!(kill_when(place.train("softmax", "bundle", &[]).spawn().unwrap(), 0, kept));
    let message = refused(place.train("softmax", "bundle", &[]));
    assert!(message.contains("bundle.checkpoint") && message.contains("--resume"), "{message}");
    let message = refused(place.train("softmax", "bundle", &["--resume", "--dim", "24"]));
    assert!(message.contains("`dim` was 16, now is 24") && message.contains("delete"), "{message}");
    assert!(kept(), "a refused run leaves the checkpoint to the one it belongs to");

    let state = place.path("bundle.checkpoint").join("fit.state");
    let mut bytes = fs::read(&state).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&state, bytes).unwrap();
    let told = finish(place.train("softmax", "bundle", &["--resume"]));
    assert!(told.contains("fit.state is damaged"), "{told}");
    finish(place.train("softmax", "whole", &["--resume"]));
    assert_same(&place.path("whole"), &place.path("bundle"));
}

#[test]
fn what_would_go_wrong_again_leaves_nothing() {
    let place = Place::new();
    let wrong = [
        ("softmax", "[softmax]\nuser_hop_weight = 3e38\n", "or the hop weights"),
        ("als", "[als]\nregularization = 1e30\n", "lower `als.regularization`"),
        ("ensemble", "[ensemble]\nals = 1\nspectral = 1\nhad = 1e30\n", "`[ensemble]`"),
    ];
    for (model, settings, mend) in wrong {
        fs::write(place.path("train.toml"), format!("dim = 16\n{settings}")).unwrap();
        let message = refused(place.train(model, "bundle", &[]));
        assert!(message.contains(&format!("`{model}`")) && message.contains(mend), "{message}");
        assert!(!place.path("bundle").exists() && !place.path("bundle.checkpoint").exists(), "{model}");
    }
    fs::write(place.path("file"), "").unwrap();
    let log = place.path("file").join("log");
    let message = refused(place.train("als", "bundle", &["--log", log.to_str().unwrap()]));
    assert!(message.contains("file"), "{message}");
    fs::write(place.path("train.toml"), "dim = 16\n").unwrap();
    finish(place.train("als", "bundle", &[]));
}

#[test]
fn resuming_what_is_whole_does_nothing() {
    let place = Place::new();
    finish(place.train("als", "bundle", &["--resume"]));
    let made = fs::metadata(place.path("bundle")).unwrap().modified().unwrap();
    let mut again = place.train("als", "bundle", &["--resume", "--json"]);
    let done = again.stdout(Stdio::piped()).output().unwrap();
    assert!(done.status.success(), "{}", text(&done));
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["finished"], true);
    assert_eq!(fs::metadata(place.path("bundle")).unwrap().modified().unwrap(), made);
    let message = refused(place.train("als", "bundle", &["--resume", "--dim", "24"]));
    assert!(message.contains("`dim` was 16, now is 24"), "{message}");
    assert!(refused(place.train("als", "bundle", &[])).contains("exists already"));
    assert!(!place.path("bundle.checkpoint").exists());
}

#[test]
fn a_search_of_no_trial_is_refused() {
    let place = Place::new();
    let mut command = juntos();
    command.args(["tune", "--trials", "0"]).arg("--data").arg(place.path("data"));
    assert!(refused(command).contains("at least 1"));
    assert!(!place.path("data.tune").exists());
}

#[test]
fn a_killed_search_goes_on() {
    let place = Place::new();
    let tune = |out: &str| {
        let mut command = juntos();
        command.args(["tune", "--trials", "6", "--seed", "7", "--dim", "16"]);
        command.arg("--data").arg(place.path("data")).arg("--out").arg(place.path(out));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    finish(tune("whole"));
    let lines = |out: &str| fs::read_to_string(place.path(out).join("trials.ndjson")).unwrap_or_default();
    for trials in [1, 4] {
        let seen = || lines("parts").lines().count() >= trials;
        assert!(kill_when(tune("parts").spawn().unwrap(), 5, seen), "it ended before trial {trials}");
    }
    finish(tune("parts"));
    let timeless = |out: &str| -> Vec<serde_json::Value> {
        let parsed =
            lines(out).lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>();
        parsed
            .into_iter()
            .map(|mut trial| {
                trial["seconds"] = 0.into();
                trial
            })
            .collect()
    };
    assert_eq!(timeless("parts"), timeless("whole"));
    let mut command = juntos();
    command.args(["-q", "train"]).arg("--config").arg(place.path("parts").join("best.toml"));
    command.arg("--data").arg(place.path("data")).arg("--out").arg(place.path("bundle"));
    finish(command);
    let manifest = fs::read_to_string(place.path("bundle").join("manifest.json")).unwrap();
    assert!(manifest.contains("\"dim\": 16"), "{manifest}");
}
