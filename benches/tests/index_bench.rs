//! `index-bench` from end to end, as a user runs it:
//!
//! 1. what is generated can be built, searched, compared with exact answers, and is found again;
//! 2. a filter is kept to, by every task that takes one;
//! 3. the figures that others read are there and are numbers;
//! 4. bad input is refused with what is wrong, where, and how to mend it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use juntos_benches::npy::{Writer, read_matrix};
use juntos_benches::recall::NO_ROW;
use serde_json::Value;

const ROWS: usize = 2_000;
const DIM: usize = 16;
const QUERIES: usize = 100;

/// A folder with generated vectors and queries.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(shape: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let sizes = ["--n", "2000", "--dim", "16", "--queries", "100", "--seed", "5", "--shape", shape];
        world.runs("generate", &sizes, &[("--out-vectors", "base.npy"), ("--out-queries", "q.npy")]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, task: &str, plain: &[&str], files: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_index-bench"));
        command.arg(task).args(plain);
        for (flag, name) in files {
            command.arg(flag).arg(self.path(name));
        }
        command.output().unwrap()
    }

    fn runs(&self, task: &str, plain: &[&str], files: &[(&str, &str)]) {
        let output = self.run(task, plain, files);
        assert!(output.status.success(), "{task}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn refuses(&self, task: &str, plain: &[&str], files: &[(&str, &str)]) -> String {
        let output = self.run(task, plain, files);
        assert_eq!(output.status.code(), Some(1), "{task} {plain:?} {files:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn figures(&self, name: &str, keys: &[&str]) {
        let json = self.json(name);
        for key in keys {
            assert!(json[key].as_f64().is_some_and(|figure| figure >= 0.0), "{key} in {json}");
        }
    }

    fn recall(&self, results: &str, truth: &str) -> f64 {
        self.runs("recall", &[], &[("--results", results), ("--truth", truth), ("--json", "recall.json")]);
        self.json("recall.json")["recall"].as_f64().unwrap()
    }
}

fn write_mask(path: &Path, rows: usize, allowed: impl Fn(usize) -> bool) {
    let mut writer = Writer::create(path, &[rows]).unwrap();
    writer.push(&(0..rows).map(|row| u8::from(allowed(row))).collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
}

const BUILD: [(&str, &str); 3] = [("--vectors", "base.npy"), ("--out", "index"), ("--json", "build.json")];
/// A graph even of few rows, which are scanned by default.
const GRAPH: [&str; 4] = ["--threads", "1", "--options", "{\"scan_below\": 0}"];
const SEARCH: [(&str, &str); 4] =
    [("--index", "index"), ("--queries", "q.npy"), ("--results", "ids.npy"), ("--json", "search.json")];
const EXACT: [(&str, &str); 3] = [("--vectors", "base.npy"), ("--queries", "q.npy"), ("--results", "truth.npy")];

#[test]
fn what_is_built_is_found() {
    for (shape, builder) in [("clustered", "own"), ("norms", "own"), ("uniform", "hnsw_rs")] {
        let world = World::new(shape);
        world.runs("build", &[&GRAPH[..], &["--builder", builder]].concat(), &BUILD);
        assert_eq!(world.json("build.json")["options"]["builder"], builder);
        world.figures("build.json", &["build_s", "build_cpu_s", "index_mib", "folder_mib", "peak_rss_mib"]);
        world.runs("exact", &[], &EXACT);
        for cold in [&["--effort", "100", "--repeat", "1"][..], &["--effort", "100", "--repeat", "1", "--cold"]] {
            world.runs("search", cold, &SEARCH);
            let ids = read_matrix::<u32>(&world.path("ids.npy")).unwrap();
            assert_eq!((ids.rows, ids.dim), (QUERIES, 10));
            let recall = world.recall("ids.npy", "truth.npy");
            assert!(recall >= 0.95, "{shape} {builder} {cold:?}: {recall}");
            assert_eq!(world.json("search.json")["agreement"], 1.0, "single calls answer as the batch does");
        }
        let keys = ["qps", "single_qps", "p50_us", "p99_us", "agreement", "open_ms", "first_query_us"];
        world.figures("search.json", &keys);
        let keys = ["rss_mib", "rss_rows_mib", "rss_anon_mib", "rss_file_mib", "rss_before_mib"];
        world.figures("search.json", &keys);
    }
}

#[test]
fn a_filter_is_kept_to() {
    let world = World::new("clustered");
    world.runs("build", &GRAPH, &BUILD);
    for (every, least) in [(2, 0.95), (500, 1.0), (ROWS, 1.0)] {
        write_mask(&world.path("mask.npy"), ROWS, |row| row % every == 1);
        world.runs("search", &["--effort", "100"], &[&SEARCH[..], &[("--mask", "mask.npy")]].concat());
        world.runs("exact", &[], &[&EXACT[..], &[("--mask", "mask.npy")]].concat());
        let ids = read_matrix::<u32>(&world.path("ids.npy")).unwrap();
        let found = || ids.values.iter().filter(|&&row| row != NO_ROW);
        assert!(found().all(|&row| row as usize % every == 1));
        assert_eq!(found().count(), QUERIES * 10.min(ROWS / every), "one in {every}");
        let recall = world.recall("ids.npy", "truth.npy");
        assert!(recall >= least, "one in {every}: {recall}");
    }
    write_mask(&world.path("mask.npy"), ROWS, |_| false);
    world.runs("search", &[], &[&SEARCH[..], &[("--mask", "mask.npy")]].concat());
    assert!(read_matrix::<u32>(&world.path("ids.npy")).unwrap().values.iter().all(|&row| row == NO_ROW));
    world.runs("exact", &[], &[&EXACT[..], &[("--mask", "mask.npy")]].concat());
    let told = world.refuses("recall", &[], &[("--results", "ids.npy"), ("--truth", "truth.npy")]);
    assert!(told.contains("no query has a true row"), "{told}");
}

#[test]
fn the_rival_runs_beside() {
    let world = World::new("clustered");
    world.runs("exact", &[], &EXACT);
    let files = [("--vectors", "base.npy"), ("--queries", "q.npy"), ("--results", "rival"), ("--json", "rival.json")];
    world.runs("rival", &["--efforts", "10,200", "--repeat", "1"], &files);
    world.figures("rival.json", &["build_s", "build_cpu_s", "memory_mib"]);
    let (fast, slow) = (world.recall("rival/10.npy", "truth.npy"), world.recall("rival/200.npy", "truth.npy"));
    assert!(slow >= 0.95 && slow >= fast, "{fast} and {slow}");
    assert_eq!(world.json("rival.json")["efforts"][1]["effort"], 200);
}

#[test]
fn the_rival_refuses_what_would_end_it() {
    let world = World::new("norms");
    let told = world.refuses("rival", &["--efforts", "10"], &EXACT);
    assert!(told.contains("base.npy: row 0 (from 0) has length") && told.contains("divide each"), "{told}");
}

#[test]
fn bad_input_is_refused() {
    let world = World::new("clustered");
    let told = world.refuses("build", &[], &[("--vectors", "none.npy"), ("--out", "index")]);
    assert!(told.contains("none.npy: No such file"), "{told}");
    let whole = fs::read(world.path("base.npy")).unwrap();
    fs::write(world.path("cut.npy"), &whole[..whole.len() - 3]).unwrap();
    let told = world.refuses("build", &[], &[("--vectors", "cut.npy"), ("--out", "index")]);
    assert!(told.contains("cut.npy: 127997 bytes of values where the header tells of 128000"), "{told}");
    write_mask(&world.path("mask.npy"), ROWS, |_| true);
    let told = world.refuses("build", &[], &[("--vectors", "mask.npy"), ("--out", "index")]);
    assert!(told.contains("\"|u1\", expected float32"), "{told}");
    assert!(!world.path("index").exists(), "nothing is left of what was refused");

    let told = world.refuses("search", &[], &SEARCH);
    assert!(told.contains("index"), "{told}");
    world.runs("build", &["--threads", "1"], &BUILD);
    write_mask(&world.path("short.npy"), 7, |_| true);
    let told = world.refuses("search", &[], &[&SEARCH[..], &[("--mask", "short.npy")]].concat());
    assert!(told.contains("short.npy: 7 values for 2000 vectors"), "{told}");
    let sizes = ["--n", "10", "--dim", "8"];
    world.runs("generate", &sizes, &[("--out-vectors", "v8.npy"), ("--out-queries", "q8.npy")]);
    let other = [("--index", "index"), ("--queries", "q8.npy"), ("--results", "ids.npy")];
    let told = world.refuses("search", &[], &other);
    assert!(told.contains("q8.npy: queries of 8 dimensions") && told.contains(&format!("have {DIM}")), "{told}");
}

#[test]
fn wrong_flags_are_wrong_usage() {
    let world = World::new("clustered");
    for plain in [["--effort", "0"], ["--k", "0"], ["--repeat", "0"], ["--effort", "many"]] {
        assert_eq!(world.run("search", &plain, &SEARCH).status.code(), Some(2), "{plain:?}");
    }
    for plain in [["--builder", "other"], ["--options", "{\"link\": 48}"], ["--threads", "0"]] {
        assert_eq!(world.run("build", &plain, &BUILD).status.code(), Some(2), "{plain:?}");
    }
}
