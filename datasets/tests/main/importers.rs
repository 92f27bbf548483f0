//! One contract for all importers:
//!
//! 1. good files give exact counts, and a dataset that can be read row by row;
//! 2. line ends, blank lines, tabs, trailing spaces and a byte order mark change nothing;
//! 3. a broken line fails the run and leaves nothing, or is quarantined with its line number;
//! 4. a line that is not UTF-8, and an id that is too long, likewise;
//! 5. an empty or missing file is an error that names it;
//! 6. the same files give the same bytes;
//! 7. an occupied target is left alone;
//! 8. what a table lists twice is refused the second time;
//! 9. the real files give the counts of their READMEs (where `JUNTOS_DATASETS` names their folder).

use std::fs;
use std::path::{Path, PathBuf};

use juntos_datasets::check::check;
use juntos_datasets::import::{
    Gorse, GroupFiles, ImportReport, LightGcn, OnError, RecordFormat, TableFiles, TeamFiles, gorse, groups, lightgcn,
    tables, teams,
};
use juntos_datasets::progress::Silent;
use juntos_datasets::quarantine::Quarantine;
use juntos_datasets::tables::{EventKind, Events, Friendships, Products, PurchaseVisibility, Sellers, Teams, Users};
use juntos_datasets::{Dataset, DatasetError};

type Imported = Result<ImportReport, DatasetError>;

/// An importer with a small good input, and how one line of one of its files can be broken.
struct Case {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// File whose end gets the broken lines.
    main: &'static str,
    broken: &'static str,
    /// A line for `main` with `ID` where an id stands.
    with_id: &'static str,
    run: fn(&Path, &Path, OnError) -> Imported,
    /// Rows of users, products, friendships, events, teams.
    counts: [u64; 5],
}

const CASES: &[Case] = &[
    Case {
        name: "lightgcn",
        files: &[("train", "0 10 9\n2\n1 9\n"), ("test", "0 11\n"), ("friends", "0\t1\n1\t0 0.5\n2 3\n")],
        main: "friends",
        broken: "0 1 2 3",
        with_id: "0 ID",
        run: |from, out, on_error| {
            let (test, friends) = (Some(from.join("test")), Some(from.join("friends")));
            lightgcn(&LightGcn { train: from.join("train"), valid: None, test, friends, on_error }, out, &Silent)
        },
        counts: [4, 3, 2, 4, 0],
    },
    Case {
        name: "teams",
        files: &[("train", "0\t5\t1\t2\n1 6 0\n"), ("test", "0 7 2\n"), ("failed", "3\t5\n"), ("friends", "0 1\n")],
        main: "train",
        broken: "0",
        with_id: "0 ID 1",
        run: |from, out, on_error| {
            let part = |name: &str| Some(from.join(name));
            let (test, failed, friends) = (part("test"), part("failed"), part("friends"));
            teams(&TeamFiles { train: from.join("train"), test, failed, friends, on_error }, out, &Silent)
        },
        counts: [4, 3, 1, 6, 4],
    },
    Case {
        name: "groups",
        files: &[
            ("members", "0 1,2\n1 3,4,5\n"),
            ("train", "0 7 80\n0 8 10\n1 7\n"),
            ("test", "1 9 50\n"),
            ("negatives", "(1,9) 7 8 10\n"),
            ("user_train", "1 7 60\n6 8 20\n"),
            ("user_test", "2 9 100\n"),
        ],
        main: "train",
        broken: "17 7 80",
        with_id: "0 ID 5",
        run: |from, out, on_error| {
            let part = |name: &str| Some(from.join(name));
            let files = GroupFiles {
                members: from.join("members"),
                group_train: from.join("train"),
                group_test: from.join("test"),
                negatives: part("negatives"),
                user_train: part("user_train"),
                user_test: part("user_test"),
                friends: None,
                on_error,
            };
            groups(&files, out, &Silent)
        },
        counts: [6, 4, 0, 3, 4],
    },
    Case {
        name: "csv",
        files: &[
            ("users", "user_id,country,age_note\nu1,ES,x\nu2,,y\n"),
            (
                "products",
                "product_id,title,price_minor,currency,offers\np1,\"Olive oil, 1 l\",990,EUR,\"[{\"\"country\"\":\"\"ES\"\",\"\"max_days\"\":2,\"\"payment_methods\"\":[\"\"visa\"\"]}]\"\n",
            ),
            ("events", "who,product_id,kind,ts\nu1,p1,purchase,2026-03-01T12:00:00Z\nu3,p2,view,\n"),
            (
                "teams",
                "team_id,product_id,initiator_id,participant_ids,outcome,public\nt1,p1,u1,u2|u3,succeeded,true\n",
            ),
        ],
        main: "events",
        broken: "u1,p1,teleport,",
        with_id: "ID,p1,view,",
        run: |from, out, on_error| records(RecordFormat::Csv, from, out, on_error),
        counts: [3, 2, 0, 2, 1],
    },
    Case {
        name: "ndjson",
        files: &[
            ("users", "{\"user_id\":\"u1\",\"country\":\"ES\"}\n{\"user_id\":\"u2\"}\n"),
            (
                "products",
                "{\"product_id\":\"p1\",\"price_minor\":990,\"currency\":\"EUR\",\"offers\":[{\"country\":\"ES\",\"max_days\":2,\"payment_methods\":[\"visa\"]}]}\n",
            ),
            (
                "events",
                "{\"who\":\"u1\",\"product_id\":\"p1\",\"kind\":\"purchase\"}\n{\"who\":\"u3\",\"product_id\":\"p2\",\"kind\":\"view\"}\n",
            ),
            (
                "teams",
                "{\"team_id\":\"t1\",\"product_id\":\"p1\",\"initiator_id\":\"u1\",\"participant_ids\":[\"u2\",\"u3\"],\"outcome\":\"succeeded\",\"public\":true}\n",
            ),
        ],
        main: "events",
        broken: "{\"who\":\"u1\",",
        with_id: "{\"who\":\"ID\",\"product_id\":\"p1\",\"kind\":\"view\"}",
        run: |from, out, on_error| records(RecordFormat::Ndjson, from, out, on_error),
        counts: [3, 2, 0, 2, 1],
    },
    Case {
        name: "gorse",
        files: &[
            ("users", "{\"UserId\":\"u1\",\"Labels\":{\"a\":1}}\n"),
            (
                "items",
                "{\"ItemId\":\"p1\",\"IsHidden\":true,\"Categories\":[\"a\",\"b\"],\"Timestamp\":\"2026-03-01T12:00:00Z\",\"Comment\":\"Oil\"}\n",
            ),
            (
                "feedback",
                "{\"FeedbackType\":\"star\",\"UserId\":\"u1\",\"ItemId\":\"p1\",\"Timestamp\":\"2026-03-01T12:00:00Z\"}\n{\"FeedbackType\":\"poke\",\"UserId\":\"u2\",\"ItemId\":\"p2\",\"Value\":2.5}\n",
            ),
        ],
        main: "feedback",
        broken: "{\"FeedbackType\":\"wave\",\"UserId\":\"u1\",\"ItemId\":\"p1\"}",
        with_id: "{\"FeedbackType\":\"read\",\"UserId\":\"ID\",\"ItemId\":\"p1\"}",
        run: |from, out, on_error| {
            let (users, items, feedback) = (from.join("users"), from.join("items"), from.join("feedback"));
            let kinds = vec![("poke".to_owned(), EventKind::Share)];
            gorse(&Gorse { users, items, feedback, kinds, on_error }, out, &Silent)
        },
        counts: [2, 2, 0, 2, 0],
    },
];

fn records(format: RecordFormat, from: &Path, out: &Path, on_error: OnError) -> Imported {
    let names = ["users", "products", "events", "teams"];
    let tables_given = names.iter().map(|name| (name.to_string(), from.join(name))).collect();
    // Only the events have `who`; the users keep their own column because the map is for events alone.
    let map = vec![("events.user_id".to_owned(), "who".to_owned())];
    tables(&TableFiles { format, tables: tables_given, map, on_error }, out, &Silent)
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn of(case: &Case) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in case.files {
            fs::write(place.file(name), text).unwrap();
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, bytes: &[u8]) -> u64 {
        let mut all = fs::read(self.file(name)).unwrap();
        let line = all.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        all.extend_from_slice(bytes);
        all.push(b'\n');
        fs::write(self.file(name), all).unwrap();
        line
    }

    fn import(&self, case: &Case, out: &str, on_error: OnError) -> Imported {
        (case.run)(self.folder.path(), &self.file(out), on_error)
    }
}

fn rows(dataset: &Dataset) -> [u64; 5] {
    [
        dataset.for_each::<Users>(|_| Ok(())).unwrap(),
        dataset.for_each::<Products>(|_| Ok(())).unwrap(),
        dataset.for_each::<Friendships>(|_| Ok(())).unwrap(),
        dataset.for_each::<Events>(|_| Ok(())).unwrap(),
        dataset.for_each::<Teams>(|_| Ok(())).unwrap(),
    ]
}

#[test]
fn good_files_give_exact_counts_and_equal_bytes() {
    for case in CASES {
        let place = Place::of(case);
        let report = place.import(case, "out", OnError::Fail).unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
        let dataset = Dataset::open(place.file("out")).unwrap();
        assert_eq!(rows(&dataset), case.counts, "{}", case.name);
        let told = ["users", "products", "friendships", "events", "teams"].map(|table| report.written(table, None));
        assert_eq!(told, case.counts, "{}", case.name);
        assert_eq!((report.quarantined, &report.quarantine), (0, &None), "{}", case.name);
        place.import(case, "again", OnError::Fail).unwrap();
        let again = Dataset::open(place.file("again")).unwrap();
        assert_eq!(dataset.checksum().unwrap(), again.checksum().unwrap(), "{}", case.name);
    }
}

#[test]
fn line_ends_trailing_blanks_and_byte_order_marks_change_nothing() {
    for case in CASES {
        let place = Place::of(case);
        place.import(case, "plain", OnError::Fail).unwrap();
        for (name, text) in case.files {
            fs::write(place.file(name), format!("\u{feff}{}\r\n\r\n", text.replace('\n', "  \r\n"))).unwrap();
        }
        place.import(case, "odd", OnError::Fail).unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
        let checksum = |out: &str| Dataset::open(place.file(out)).unwrap().checksum().unwrap();
        assert_eq!(checksum("plain"), checksum("odd"), "{}", case.name);
    }
}

/// The run fails and leaves nothing but the list; or goes on, with the line in the list.
fn assert_refused(case: &Case, bytes: &[u8]) {
    let place = Place::of(case);
    let line = place.append(case.main, bytes);
    let fault = place.import(case, "out", OnError::Fail).unwrap_err();
    assert!(matches!(fault, DatasetError::Refused { count: 1, .. }), "{}: {fault}", case.name);
    assert!(!place.file("out").exists(), "{}", case.name);
    let left = fs::read_dir(place.folder.path()).unwrap().count();
    assert_eq!(left, case.files.len() + 1, "{}: only the list is left", case.name);

    let report = place.import(case, "out", OnError::Quarantine).unwrap();
    assert_eq!(report.quarantined, 1, "{}", case.name);
    assert_eq!(report.reasons.values().sum::<u64>(), 1, "{}", case.name);
    let list = fs::read_to_string(report.quarantine.unwrap()).unwrap();
    let refused: serde_json::Value = serde_json::from_str(list.trim()).unwrap();
    assert_eq!(refused["row"], line, "{}: {refused}", case.name);
    assert!(refused["file"].as_str().unwrap().ends_with(case.main), "{}", case.name);
    assert!(["column", "reason", "mend"].iter().all(|part| !refused[*part].as_str().unwrap().is_empty()));
    assert_eq!(rows(&Dataset::open(place.file("out")).unwrap())[3..], case.counts[3..], "{}", case.name);
}

#[test]
fn a_broken_line_is_refused_with_its_number() {
    CASES.iter().for_each(|case| assert_refused(case, case.broken.as_bytes()));
}

#[test]
fn an_id_too_long_is_refused() {
    CASES.iter().for_each(|case| assert_refused(case, case.with_id.replace("ID", &"x".repeat(10_000)).as_bytes()));
}

#[test]
fn a_line_that_is_not_utf8_is_refused() {
    for case in CASES {
        let (before, after) = case.with_id.split_once("ID").unwrap();
        assert_refused(case, &[before.as_bytes(), b"\xff\xfe", after.as_bytes()].concat());
    }
}

#[test]
fn empty_and_missing_files_are_named() {
    for case in CASES {
        let place = Place::of(case);
        let path = place.file(case.main);
        fs::write(&path, "\n \n").unwrap();
        let empty = place.import(case, "out", OnError::Quarantine).unwrap_err();
        assert!(matches!(empty, DatasetError::Empty { .. }), "{}: {empty}", case.name);
        fs::remove_file(&path).unwrap();
        let missing = place.import(case, "out", OnError::Quarantine).unwrap_err();
        for fault in [empty, missing] {
            assert!(fault.to_string().contains(path.to_str().unwrap()), "{}: {fault}", case.name);
        }
        assert!(!place.file("out").exists());
    }
}

#[test]
fn an_occupied_target_is_left_alone() {
    for case in CASES {
        let place = Place::of(case);
        fs::create_dir(place.file("out")).unwrap();
        fs::write(place.file("out").join("mine"), "mine").unwrap();
        let fault = place.import(case, "out", OnError::Quarantine).unwrap_err();
        assert!(matches!(fault, DatasetError::Exists { .. }), "{}: {fault}", case.name);
        assert_eq!(fs::read_dir(place.file("out")).unwrap().count(), 1);
    }
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap()
}

#[test]
fn repeated_ties_are_merged_and_counted_and_research_users_are_public() {
    let place = Place::of(case("lightgcn"));
    let report = place.import(case("lightgcn"), "out", OnError::Fail).unwrap();
    let friends = report.file("friends").unwrap();
    assert_eq!((friends.rows, friends.repaired), (3, 1));
    let (mut users, mut ties) = (Vec::new(), Vec::new());
    let dataset = Dataset::open(place.file("out")).unwrap();
    dataset
        .for_each::<Users>(|user| {
            assert_eq!(user.purchase_visibility, PurchaseVisibility::Everyone);
            users.push(user.user_id.to_owned());
            Ok(())
        })
        .unwrap();
    dataset
        .for_each::<Friendships>(|tie| {
            ties.push((tie.user_id.to_owned(), tie.friend_id.to_owned(), tie.strength));
            Ok(())
        })
        .unwrap();
    assert_eq!(users, ["0", "1", "2", "3"]);
    assert_eq!(ties, [("0".to_owned(), "1".to_owned(), 1.0), ("2".to_owned(), "3".to_owned(), 1.0)]);
}

#[test]
fn csv_and_ndjson_keep_lists_offers_and_private_users() {
    for name in ["csv", "ndjson"] {
        let place = Place::of(case(name));
        place.import(case(name), "out", OnError::Fail).unwrap();
        let dataset = Dataset::open(place.file("out")).unwrap();
        let mut seen = Vec::new();
        dataset
            .for_each::<Products>(|product| {
                if product.product_id == "p1" {
                    let offer = &product.offers[0];
                    assert_eq!((offer.country, offer.max_days, &offer.payment_methods[..]), ("ES", 2, &["visa"][..]));
                    assert_eq!((product.price_minor, product.currency), (Some(990), Some("EUR")));
                }
                seen.push(product.product_id.to_owned());
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, ["p1", "p2"]);
        dataset
            .for_each::<Teams>(|team| {
                assert_eq!((&team.participant_ids[..], team.public), (&["u2", "u3"][..], Some(true)));
                Ok(())
            })
            .unwrap();
        dataset
            .for_each::<Users>(|user| {
                assert_eq!(user.purchase_visibility, PurchaseVisibility::Nobody);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn the_empty_time_of_gorse_is_no_time() {
    let gorse = case("gorse");
    let place = Place::of(gorse);
    for file in ["items", "feedback"] {
        let text = fs::read_to_string(place.file(file)).unwrap();
        fs::write(place.file(file), text.replace("2026-03-01T12:00:00Z", "0001-01-01T00:00:00Z")).unwrap();
    }
    place.import(gorse, "out", OnError::Fail).unwrap();
    let dataset = Dataset::open(place.file("out")).unwrap();
    let mut times = Vec::new();
    dataset
        .for_each::<Products>(|product| {
            times.push(product.created_at);
            Ok(())
        })
        .unwrap();
    dataset
        .for_each::<Events>(|event| {
            times.push(event.ts);
            Ok(())
        })
        .unwrap();
    assert_eq!(times, [None; 4]);
}

#[test]
fn negatives_that_no_test_line_asks_for_are_refused() {
    let case = case("groups");
    let place = Place::of(case);
    // The pair of the test twice, of which the second list is too many; another pair; and a product met nowhere else.
    fs::write(place.file("negatives"), "(1,9) 7 8\n(1,9) 7 10\n(0,9) 7 999\n").unwrap();
    let fault = place.import(case, "out", OnError::Fail).unwrap_err().to_string();
    assert!(fault.contains("2 rows") && fault.contains("row 2") && fault.contains("`(1,9)`"), "{fault}");
    let report = place.import(case, "out", OnError::Quarantine).unwrap();
    assert_eq!(report.file("negatives").map(|file| (file.rows, file.quarantined)), Some((3, 2)));
    assert_eq!(report.reasons.values().collect::<Vec<_>>(), [&2]);
    let mut known = Vec::new();
    let dataset = Dataset::open(place.file("out")).unwrap();
    let note = |product: &juntos_datasets::tables::Product<'_>| {
        known.push(product.product_id.to_owned());
        Ok(())
    };
    dataset.for_each::<Products>(note).unwrap();
    assert!(!known.contains(&"999".to_owned()), "{known:?}");
    // A pair tested twice may share one list.
    fs::write(place.file("negatives"), "(1,9) 7 8\n").unwrap();
    fs::write(place.file("test"), "1 9 50\n1 9 40\n").unwrap();
    place.import(case, "shared", OnError::Fail).unwrap();
}

/// One table of the format, from the text of its file.
fn one_table(format: RecordFormat, table: &str, text: &str, on_error: OnError) -> (Imported, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in"), text).unwrap();
    let files =
        TableFiles { format, tables: vec![(table.to_owned(), folder.path().join("in"))], map: Vec::new(), on_error };
    (tables(&files, &folder.path().join("out"), &Silent), folder)
}

#[test]
fn what_is_listed_twice_is_refused_the_second_time() {
    let csv = [
        ("users", "user_id\nu1\nu1\nu2\nu2\n"),
        ("products", "product_id\np1\np1\np2\np2\n"),
        ("sellers", "seller_id\ns1\ns1\ns2\ns2\n"),
        ("teams", "team_id,product_id,initiator_id\nt1,p,u\nt1,p,v\nt2,p,u\nt2,p,u\n"),
        ("events", "user_id,product_id,kind,event_id\nu,p,view,1\nv,q,view,1\nu,p,view,2\nu,p,view,2\n"),
    ];
    for (table, text) in csv {
        let (fails, _folder) = one_table(RecordFormat::Csv, table, text, OnError::Fail);
        let fault = fails.unwrap_err().to_string();
        assert!(fault.contains("2 rows") && fault.contains("row 3") && fault.contains("listed twice"), "{fault}");
        let (goes_on, folder) = one_table(RecordFormat::Csv, table, text, OnError::Quarantine);
        let report = goes_on.unwrap();
        assert_eq!((report.written(table, None), report.quarantined), (2, 2), "{table}");
        assert_eq!(report.reasons.values().collect::<Vec<_>>(), [&2], "{table}: one reason, whatever the ids");
        let dataset = Dataset::open(folder.path().join("out")).unwrap();
        let checked = check(&dataset, &mut Quarantine::beside(folder.path())).unwrap();
        assert!(!checked.findings.iter().any(|finding| finding.what.contains("twice")), "{table}");
    }
    let lines = "{\"user_id\":\"u\",\"product_id\":\"p\",\"kind\":\"purchase\",\"event_id\":\"1\"}\n".repeat(2);
    let (fails, _folder) = one_table(RecordFormat::Ndjson, "events", &lines, OnError::Fail);
    assert!(fails.unwrap_err().to_string().contains("`event_id` is listed twice, got `1`"));
}

#[test]
fn events_without_an_id_may_be_alike() {
    let alike = "user_id,product_id,kind,event_id\nu,p,view,\nu,p,view,\n";
    let (imported, _folder) = one_table(RecordFormat::Csv, "events", alike, OnError::Fail);
    assert_eq!(imported.unwrap().written("events", None), 2);
}

#[test]
fn unknown_tables_columns_and_missing_columns_are_told_with_what_there_is() {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    fs::write(place.file("sellers"), "id,name\ns1,Oil\n").unwrap();
    let run = |table: &str, map: &[(&str, &str)]| {
        let map = map.iter().map(|(column, field)| (column.to_string(), field.to_string())).collect();
        let tables_given = vec![(table.to_owned(), place.file("sellers"))];
        let files = TableFiles { format: RecordFormat::Csv, tables: tables_given, map, on_error: OnError::Fail };
        tables(&files, &place.file("out"), &Silent)
    };
    assert!(run("shops", &[]).unwrap_err().to_string().contains("sellers"));
    assert!(run("sellers", &[("colour", "name")]).unwrap_err().to_string().contains("page_url"));
    let missing = run("sellers", &[]).unwrap_err().to_string();
    assert!(missing.contains("seller_id") && missing.contains("id, name"), "{missing}");
    assert_eq!(run("sellers", &[("seller_id", "id")]).unwrap().written("sellers", None), 1);
    assert_eq!(Dataset::open(place.file("out")).unwrap().row_count::<Sellers>().unwrap(), 1);
}

/// The folder of the real files, where there is one.
fn real() -> Option<PathBuf> {
    std::env::var_os("JUNTOS_DATASETS").map(PathBuf::from)
}

#[test]
fn real_lightgcn_files_have_the_counts_of_their_readmes() {
    let Some(root) = real() else { return };
    // Users, products, train, test, friend rows read.
    for (name, friends, expected) in [
        ("lastfm", true, [1_892, 17_632, 74_267, 18_567, 25_434]),
        ("gowalla", false, [29_858, 40_981, 810_128, 217_242, 0]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let from = root.join(name);
        let files = LightGcn {
            train: from.join("train.txt"),
            test: Some(from.join("test.txt")),
            friends: friends.then(|| from.join("social.tsv")),
            ..LightGcn::default()
        };
        let report = lightgcn(&files, &folder.path().join("out"), &Silent).unwrap();
        let written = |table, split| report.written(table, split);
        let ties = report.file("friends").map_or(0, |file| file.rows);
        let got = [
            written("users", None),
            written("products", None),
            written("events", Some("train")),
            written("events", Some("test")),
            ties,
        ];
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn real_teams_and_groups_have_the_counts_of_their_readmes() {
    let Some(root) = real() else { return };
    let folder = tempfile::tempdir().unwrap();
    let from = root.join("brightkite");
    let files = TeamFiles {
        train: from.join("train_id.txt"),
        test: Some(from.join("test.txt")),
        friends: Some(from.join("social_relation.txt")),
        ..TeamFiles::default()
    };
    let report = teams(&files, &folder.path().join("brightkite"), &Silent).unwrap();
    assert_eq!((report.written("teams", Some("train")), report.written("teams", Some("test"))), (16_361, 1_190));
    assert_eq!(report.file("friends").unwrap().rows, 101_150);

    let from = root.join("beibei");
    let files = TeamFiles {
        train: from.join("tune.txt"),
        test: Some(from.join("test.txt")),
        failed: Some(from.join("invalid.txt")),
        ..TeamFiles::default()
    };
    let report = teams(&files, &folder.path().join("beibei"), &Silent).unwrap();
    let read = ["train", "test", "failed"].map(|role| report.file(role).unwrap().rows);
    assert_eq!(read, [154_184, 178_642, 211_291]);

    let from = root.join("camra2011");
    let files = GroupFiles {
        members: from.join("groupMember.txt"),
        group_train: from.join("groupRatingTrain.txt"),
        group_test: from.join("groupRatingTest.txt"),
        negatives: Some(from.join("groupRatingNegative.txt")),
        user_train: Some(from.join("userRatingTrain.txt")),
        user_test: Some(from.join("userRatingTest.txt")),
        ..GroupFiles::default()
    };
    let out = folder.path().join("camra");
    let report = groups(&files, &out, &Silent).unwrap();
    assert_eq!(report.file("members").unwrap().rows, 290);
    assert_eq!((report.written("teams", Some("train")), report.written("teams", Some("test"))), (143_618, 1_450));
    assert_eq!((report.written("events", Some("train")), report.written("events", Some("test"))), (113_334, 3_010));
    let mut with_all = 0;
    let count = |team: &juntos_datasets::tables::Team<'_>| {
        with_all += u64::from(team.negative_ids.len() == 100);
        Ok(())
    };
    Dataset::open(out).unwrap().for_each::<Teams>(count).unwrap();
    assert_eq!(with_all, 1_450);
}
