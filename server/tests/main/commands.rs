//! The binary as a person or a script runs it: 1. from generating or importing to evaluating, each command does its part;
//! 2. bad input ends with exit code 1 and a message that names file and reason, and leaves nothing behind; 3. wrong
//! usage ends with exit code 2; 4. what cannot be evaluated is said, and chances are told also where nobody has friends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `juntos` with words, of which those that begin with `@` are paths in this place.
    fn run(&self, words: &str) -> Output {
        let words = words.split_whitespace().map(|word| match word.strip_prefix('@') {
            Some(name) => self.path(name).into_os_string(),
            None => word.into(),
        });
        Command::new(env!("CARGO_BIN_EXE_juntos")).args(words).output().unwrap()
    }

    fn good(&self, words: &str) -> String {
        let done = self.run(words);
        assert!(done.status.success(), "juntos {words}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn refused(&self, words: &str, code: i32) -> String {
        let done = self.run(words);
        assert_eq!(done.status.code(), Some(code), "juntos {words}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stderr).unwrap()
    }
}

/// Twelve users in two circles, each circle with products of its own; one product of each user is held out.
fn write_circles(place: &Place) {
    let (mut train, mut test, mut friends) = (String::new(), String::new(), String::new());
    for user in 0..12 {
        let of_circle = |product: usize| product * 2 + user % 2;
        let held = user / 2;
        let kept: Vec<String> = (0..6).filter(|&at| at != held).map(|at| of_circle(at).to_string()).collect();
        train.push_str(&format!("{user} {}\n", kept.join(" ")));
        test.push_str(&format!("{user} {}\n", of_circle(held)));
        friends.push_str(&format!("{user}\t{}\n", (user + 2) % 12));
    }
    for (name, text) in [("train.txt", train), ("test.txt", test), ("friends.txt", friends)] {
        fs::write(place.path(name), text).unwrap();
    }
}

const IMPORT: &str = "import lightgcn --train @train.txt --test @test.txt --friends @friends.txt --out @data";

#[test]
fn from_files_to_figures() {
    let place = Place::new();
    write_circles(&place);
    assert!(place.good(IMPORT).contains("train"));
    assert!(place.good("check @data").ends_with("good\n"));
    place.good("-q train --data @data --out @bundle --dim 8 --seed 1");
    for via in ["exact", "index", "served"] {
        let words =
            format!("-q evaluate --data @data --bundle @bundle --task products --via {via} --k 1,5 --json @f.json");
        assert!(place.good(&words).contains("beats popularity: yes"), "{via}");
        let figures: serde_json::Value = serde_json::from_slice(&fs::read(place.path("f.json")).unwrap()).unwrap();
        assert_eq!(
            (&figures["task"], &figures["via"], &figures["users"]),
            (&"products".into(), &via.into(), &12.into())
        );
        assert_eq!(figures["metrics"]["recall@1"], 1.0, "{via}");
        let intervals = &figures["intervals"];
        assert_eq!((&intervals["resamples"], &intervals["users"]), (&1000.into(), &12.into()), "{via}");
        assert_eq!(intervals["metrics"]["recall@1"]["low"], 1.0, "{via}");
        assert!(intervals["differences"]["popularity"]["recall@1"]["low"].as_f64() > Some(0.0), "{via}");
        // Products of one circle are similar to one another and to no other: the rule ranks as well as the model.
        assert_eq!(figures["baselines"]["item_knn"]["recall@1"], 1.0, "{via}");
        assert_eq!(intervals["differences"]["item_knn"]["recall@1"]["low"], 0.0, "{via}");
    }
    let words = "-q evaluate --data @data --bundle @bundle --task products --via served,exact,served --k 1,5 --json @f.json \
                 --html @f.html";
    let table = place.good(words);
    assert!(table.contains("via exact against via served"));
    assert!(table.contains("item_knn  model better by       popularity  model better by"), "{table}");
    let page = fs::read_to_string(place.path("f.html")).unwrap();
    assert!(page.contains("<th>item knn</th><th>served better by</th><th>popularity</th>"), "{page}");
    assert!(page.contains("Products for a user") && page.contains("--via served,exact,served --k 1,5"), "{page}");
    let figures: serde_json::Value = serde_json::from_slice(&fs::read(place.path("f.json")).unwrap()).unwrap();
    assert_eq!((&figures["via"], &figures["others"][0]["via"]), (&"served".into(), &"exact".into()));
    assert_eq!(figures["others"].as_array().map(Vec::len), Some(1));
    assert_eq!(figures["agreement"][0]["overlap"]["overlap@1"], 1.0);
    let held_out = serde_json::json!({"of": "test pairs", "all": 12, "ranked": 12, "left_out": {}});
    assert_eq!(figures["held_out"], held_out);
    assert!(table.contains("of 12 test pairs 12 count\n") && page.contains("of 12 test pairs 12 count"), "{table}");
    assert_eq!(figures["bundle"]["of_this_dataset"], true);
    assert_eq!(figures["exposure"]["model"]["coverage@1"], figures["metrics"]["coverage@1"]);
    let inspected = place.good("inspect @bundle --user 3 --limit 3");
    assert!(inspected.contains("\"user_id\": \"3\"") && inspected.contains("your_taste"), "{inspected}");
}

#[test]
fn the_same_seed_gives_the_same_bundle() {
    let place = Place::new();
    place.good("-q generate --users 300 --products 80 --seed 5 --out @data");
    // Without this, so few products would be scanned and there would be no links to compare.
    fs::write(place.path("graph.toml"), "[index]\nscan_below = 0\n").unwrap();
    let train = |out: &str, threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_juntos"));
        command.env("RAYON_NUM_THREADS", threads).args(["-q", "train", "--seed", "7", "--dim", "16"]);
        command.arg("--config").arg(place.path("graph.toml"));
        let done = command.arg("--data").arg(place.path("data")).arg("--out").arg(place.path(out)).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    train("one", "1");
    train("three", "3");
    let mut names: Vec<_> = fs::read_dir(place.path("one")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let bytes = |bundle: &str| fs::read(place.path(bundle).join(&name)).unwrap();
        assert!(bytes("one") == bytes("three"), "{name:?}");
    }
}

#[test]
fn what_happened_last_is_held_out_and_foretold() {
    let place = Place::new();
    place.good("-q generate --users 400 --products 60 --seed 3 --out @data");
    let none = place.refused("-q evaluate --data @data --bundle @bundle --task products", 1);
    assert!(none.contains("bundle"), "{none}");
    place.refused("split @data --out @held", 2);
    place.refused("split @data --test-days 30 --test-from 2026-03-01T00:00:00Z --out @held", 2);
    let told = place.good("-q split @data --test-days 30 --json --out @held");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["events"]["test"].as_u64() > Some(0) && told["teams"]["train"].as_u64() > Some(0), "{told}");
    assert!(place.refused("-q split @held --test-days 30 --out @again", 1).contains("marked as valid or test"));
    place.good("-q train --data @held --out @bundle --model als --dim 8 --seed 1");
    let without = place.refused("-q evaluate --data @data --bundle @bundle --task products", 1);
    assert!(without.contains("juntos split"), "{without}");
    let table = place.good("-q evaluate --data @held --bundle @bundle --task products --via served --k 10");
    assert!(table.contains("recall@10"), "{table}");
}

/// Eight people who are all friends; four test teams, of which two succeeded, one expired and one is open.
fn write_teams(place: &Place) {
    let id = |user: usize| format!("u{user}");
    let (mut events, mut ties, mut teams) = (String::new(), String::new(), String::new());
    for user in 0..8 {
        for product in [user % 3, 3] {
            events.push_str(&format!(
                "{{\"user_id\":\"u{user}\",\"product_id\":\"p{product}\",\"kind\":\"purchase\"}}\n"
            ));
        }
        for friend in user + 1..8 {
            ties.push_str(&format!("{{\"user_id\":\"u{user}\",\"friend_id\":\"u{friend}\"}}\n"));
        }
    }
    let tested = [
        (0, vec![1], 2, "succeeded"),
        (1, vec![2, 3], 3, "succeeded"),
        (2, vec![], 2, "expired"),
        (3, vec![], 2, "open"),
    ];
    for (at, (initiator, joined, min_size, outcome)) in tested.into_iter().enumerate() {
        let joined: Vec<String> = joined.into_iter().map(id).collect();
        let team = serde_json::json!({
            "team_id": format!("t{at}"), "product_id": "p3", "initiator_id": id(initiator), "participant_ids": joined,
            "min_size": min_size, "outcome": outcome, "split": "test",
        });
        teams.push_str(&format!("{team}\n"));
    }
    for (name, text) in [("events", events), ("friendships", ties), ("teams", teams)] {
        fs::write(place.path(&format!("{name}.ndjson")), text).unwrap();
    }
}

#[test]
fn chances_are_held_against_succeeded_and_expired_teams() {
    let place = Place::new();
    write_teams(&place);
    let tables = ["events", "friendships", "teams"]
        .map(|name| format!("{name}={}", path_text(&place.path(&format!("{name}.ndjson")))));
    place.good(&format!("import ndjson {} --out @data", tables.join(" ")));
    place.good("-q train --data @data --out @bundle --dim 8");
    for via in ["exact", "served"] {
        place.good(&format!("-q evaluate --data @data --bundle @bundle --task friends --via {via} --json @f.json"));
        let figures: serde_json::Value = serde_json::from_slice(&fs::read(place.path("f.json")).unwrap()).unwrap();
        let [joining, success] = [0, 1].map(|at| &figures["calibration"][at]);
        assert_eq!((&joining["of"], &success["of"]), (&"joining".into(), &"success".into()), "{via}");
        for chances in [joining, success] {
            assert_eq!((&chances["teams"], &chances["succeeded"]), (&3.into(), &2.into()), "{via}");
        }
        // Three teams ask seven friends each, of whom three joined; the open team is no forecast.
        assert_eq!((&joining["forecasts"], &success["forecasts"]), (&21.into(), &3.into()), "{via}");
        assert_eq!(joining["base_rate"], 3.0 / 21.0, "{via}");
        assert_eq!(figures["dataset"]["test_teams"]["other"], 1);
    }
    place.good("-q evaluate --data @data --bundle @bundle --task teams --json @f.json");
    let figures: serde_json::Value = serde_json::from_slice(&fs::read(place.path("f.json")).unwrap()).unwrap();
    let of = "times somebody joined a test team";
    assert_eq!(figures["held_out"], serde_json::json!({"of": of, "all": 3, "ranked": 3, "left_out": {}}));
}

#[test]
fn what_cannot_be_evaluated_is_said() {
    let place = Place::new();
    write_circles(&place);
    place.good(IMPORT);
    let told = place.good("-q train --data @data --out @bundle --dim 8");
    // Everybody has a friend in either direction, and ties are mutual.
    assert!(told.contains("12 friendships, 0 teams (0 of them learnt chances from)"), "{told}");
    assert!(!told.contains("of 0 ("), "{told}");

    let other = fs::read_to_string(place.path("train.txt")).unwrap();
    fs::write(place.path("same.txt"), &other).unwrap();
    place.good("import lightgcn --train @train.txt --test @same.txt --out @same");
    let message = place.refused("evaluate --data @same --bundle @bundle --task products", 1);
    assert!(message.contains("in training already"), "{message}");
    let table = place.good("-q evaluate --data @same --bundle @bundle --task products --include-seen");
    assert!(table.contains("not trained on this dataset"), "{table}");

    let renamed: String = other.lines().map(|line| format!("9{line}\n")).collect();
    fs::write(place.path("train9.txt"), renamed).unwrap();
    place.good("import lightgcn --train @train9.txt --test @train9.txt --out @foreign");
    let message = place.refused("evaluate --data @foreign --bundle @bundle --task products --include-seen", 1);
    assert!(message.contains("knows none of the users"), "{message}");
}

/// People without friends, half of whose teams of two fill, in training as in the test.
fn write_strangers(place: &Place) {
    let (mut events, mut teams) = (String::new(), String::new());
    for user in 0..80 {
        for product in [user % 5, 5 + user % 3] {
            events.push_str(&format!(
                "{{\"user_id\":\"u{user}\",\"product_id\":\"p{product}\",\"kind\":\"purchase\"}}\n"
            ));
        }
        for (part, shift) in [("train", 0), ("test", 1)] {
            let filled = (user + shift) % 2 == 0;
            let team = serde_json::json!({
                "team_id": format!("{part}-{user}"), "product_id": "p0", "initiator_id": format!("u{user}"),
                "participant_ids": if filled { vec![format!("u{}", (user + 7) % 80)] } else { Vec::new() },
                "min_size": 2, "outcome": if filled { "succeeded" } else { "expired" }, "split": part,
            });
            teams.push_str(&format!("{team}\n"));
        }
    }
    fs::write(place.path("events.ndjson"), events).unwrap();
    fs::write(place.path("teams.ndjson"), teams).unwrap();
}

#[test]
fn chances_of_teams_are_told_where_nobody_has_friends() {
    let place = Place::new();
    write_strangers(&place);
    let [events, teams] = ["events", "teams"].map(|name| place.path(&format!("{name}.ndjson")));
    place.good(&format!("import ndjson events={} teams={} --out @data", path_text(&events), path_text(&teams)));
    place.good("-q train --data @data --out @bundle --model als --dim 8");
    for via in ["exact", "served", "exact,served"] {
        let words = "-q evaluate --data @data --bundle @bundle --task friends --json @f.json --html @f.html";
        let text = place.good(&format!("{words} --via {via}"));
        assert!(text.contains("nothing ranked, no initiator of a test team has a friend"), "{text}");
        assert!(text.contains("chance of success: 80 forecasts") && !text.contains("ndcg"), "{text}");
        let figures: serde_json::Value = serde_json::from_slice(&fs::read(place.path("f.json")).unwrap()).unwrap();
        assert_eq!((&figures["users"], &figures["calibration"][0]["of"]), (&0.into(), &"success".into()));
        assert!(figures["calibration"][0]["ece"].as_f64().unwrap() < 0.05, "{figures}");
        assert!(figures.get("verdict").is_none() && figures.get("agreement").is_none());
        let page = fs::read_to_string(place.path("f.html")).unwrap();
        assert!(page.contains("Nothing was ranked") && page.contains("Chance that a team fills"), "{page}");
    }
    let message = place.refused("evaluate --data @data --bundle @bundle --task teams", 1);
    assert!(message.contains("joined by a friend"), "{message}");
}

#[test]
fn threads_do_not_change_a_report() {
    let place = Place::new();
    write_circles(&place);
    place.good(IMPORT);
    place.good("-q train --data @data --out @bundle --dim 8");
    let report = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_juntos"));
        command.env("RAYON_NUM_THREADS", threads).args("-q evaluate --task products --via exact,served".split(' '));
        command.arg("--data").arg(place.path("data")).arg("--bundle").arg(place.path("bundle"));
        let done = command.arg("--json").arg(place.path("f.json")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("f.json")).unwrap()).unwrap();
        report["seconds"] = 0.into();
        report["others"][0]["seconds"] = 0.into();
        report
    };
    assert_eq!(report("1"), report("3"));
}

#[test]
fn a_flipped_byte_is_refused_by_file() {
    let place = Place::new();
    write_circles(&place);
    place.good(IMPORT);
    place.good("-q train --data @data --out @bundle --dim 8");
    let path = place.path("bundle").join("vectors.bin");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(place.refused("inspect @bundle", 1).contains("vectors.bin"));
    assert!(place.refused("serve --bundle @bundle --listen 127.0.0.1:0", 1).contains("vectors.bin"));
}

#[test]
fn bad_input_says_what_where_and_how_to_mend_and_leaves_nothing() {
    let place = Place::new();
    fs::write(place.path("events.csv"), "user_id,product_id,kind\nu1,p1,purchase\nu2,p1,bought\n").unwrap();
    fs::write(place.path("products.csv"), "product_id,price_minor,currency\np1,-3,EUR\n").unwrap();
    let words = "import csv events=EVENTS products=PRODUCTS --out @data"
        .replace("EVENTS", path_text(&place.path("events.csv")))
        .replace("PRODUCTS", path_text(&place.path("products.csv")));
    let message = place.refused(&words, 1);
    assert!(message.contains("2 rows were refused") && message.contains("--on-error quarantine"), "{message}");
    assert!(!place.path("data").exists());
    let listed = fs::read_to_string(place.path("data.quarantine.ndjson")).unwrap();
    assert!(listed.contains("price_minor") && listed.contains("one of `view`"), "{listed}");
    place.good(&format!("{words} --on-error quarantine"));
    let message = place.refused("train --data @data --out @bundle --config @absent.toml", 1);
    assert!(message.contains("absent.toml"), "{message}");
    let message = place.refused("evaluate --data @d --bundle @b --task products --resamples 7", 1);
    assert!(message.contains("100 to 100000"), "{message}");
    fs::create_dir(place.path("empty")).unwrap();
    assert!(place.refused("check @empty", 1).contains("holds no table"));
    fs::create_dir(place.path("foreign")).unwrap();
    fs::write(place.path("foreign").join("events.parquet"), "not parquet at all").unwrap();
    assert!(place.refused("check @foreign", 1).contains("events.parquet"));
    assert!(place.refused("train --data @foreign --out @bundle", 1).contains("events.parquet"));
    assert!(!place.path("bundle").exists());
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn wrong_usage_ends_with_code_two() {
    let place = Place::new();
    assert!(place.refused("trian", 2).contains("train"));
    assert!(place.refused("import csv nonsense --out @data", 2).contains("NAME=VALUE"));
    place.refused("evaluate --data @d --bundle @b --task nothing", 2);
}
