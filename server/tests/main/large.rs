//! Data of which trials see but a sample: more than a million cells, and more than five billion pairs of people and products. What is told of teams is learnt from everything, so that the
//! chances come true.

use std::fs;
use std::path::Path;
use std::process::Command;

fn run(folder: &Path, words: &[&str]) {
    let done = Command::new(env!("CARGO_BIN_EXE_juntos")).arg("-q").args(words).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
#[ignore = "the long run: about seven minutes on two cores"]
fn chances_in_a_large_world_come_true() {
    let place = tempfile::tempdir().unwrap();
    let of_size = ["--users", "150000", "--products", "40000", "--test-days", "30", "--seed", "3"];
    run(place.path(), &[&["generate", "--out", "data"], &of_size[..]].concat());
    run(place.path(), &["train", "--data", "data", "--out", "bundle", "--seed", "1"]);
    let asked = ["--task", "friends", "--via", "served", "--k", "3", "--resamples", "100", "--json", "report.json"];
    run(place.path(), &[&["evaluate", "--data", "data", "--bundle", "bundle"], &asked[..]].concat());
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path().join("report.json")).unwrap()).unwrap();
    let told = report["calibration"].as_array().unwrap();
    assert_eq!(told.iter().map(|of| of["of"].as_str().unwrap()).collect::<Vec<_>>(), ["joining", "success"]);
    for of in told {
        assert!(of["forecasts"].as_u64() > Some(5_000) && of["ece"].as_f64() < Some(0.03), "{of}");
    }
}
