//! 1. Every line is JSON with series, step and values; what is not finite is left out; a torn line is ended.
//! 2. Event files hold records whose checksums fit, and the bytes that the protocol says.
//! 3. What goes on later goes on in files of its own, under the same series; another run is refused.

use super::*;

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(LOG_FILE)).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The events in the files of a series, in order, with every checksum held against its bytes.
fn events(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        let bytes = fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (length, after) = rest.split_at(8);
            let (sum, after) = after.split_at(4);
            assert_eq!(sum, tensorboard::masked(length));
            let (event, after) = after.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
            let (sum, after) = after.split_at(4);
            assert_eq!(sum, tensorboard::masked(event));
            events.push(event.to_vec());
            rest = after;
        }
    }
    events
}

#[test]
fn values_are_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path()).unwrap();
    log.record("fit", 1, &[("loss", 1.5), ("ndcg@20", f64::NAN)]).unwrap();
    log.record("trial-000", 300, &[("loss", 0.5)]).unwrap();
    log.record("fit", 2, &[("loss", 1.25)]).unwrap();
    drop(log);
    let lines = lines(folder.path());
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["series"], &lines[0]["step"], &lines[0]["loss"]), (&"fit".into(), &1.into(), &1.5.into()));
    assert!(lines[0].get("ndcg@20").is_none() && lines[0]["time"].as_f64() > Some(1e9));

    let fit = events(&folder.path().join("fit"));
    assert_eq!(fit.len(), 4, "each of the two files says its version first");
    assert!(fit[0].ends_with(b"\x1a\x0dbrain.Event:2"));
    // Field 5 with 12 bytes: field 1 with 10 bytes: the tag, and 1.5 as four bytes.
    assert!(fit[1].ends_with(b"\x10\x01\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\xc0\x3f"), "{:?}", fit[1]);
    assert_eq!(fit[1][0], 0x09);
    let trial = events(&folder.path().join("trial-000"));
    assert!(trial[1].windows(3).any(|bytes| bytes == b"\x10\xac\x02"), "step 300 as a varint");
}

#[test]
fn a_torn_line_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(LOG_FILE), "{\"step\": 1}\n{\"ste").unwrap();
    Log::open(folder.path()).unwrap().record("fit", 2, &[("loss", 1.0)]).unwrap();
    let steps: Vec<Value> = lines(folder.path()).into_iter().map(|line| line["step"].clone()).collect();
    assert_eq!(steps, [1, 2]);
    Log::open(folder.path()).unwrap();
    let text = fs::read_to_string(folder.path().join(LOG_FILE)).unwrap();
    assert_eq!(text.lines().count(), 3, "a whole line is not ended once more");
}

#[test]
fn a_log_is_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    assert!(Log::of_run(None, false).unwrap().is_none());
    let log = Log::of_run(Some(&path), false).unwrap().unwrap();
    drop(Log::of_run(Some(&path), false).unwrap().expect("nothing has been written yet"));
    log.record("fit", 1, &[("loss", 1.5)]).unwrap();
    let refused = Log::of_run(Some(&path), false).unwrap_err().to_string();
    assert!(refused.contains("another `--log`"), "{refused}");
    Log::of_run(Some(&path), true).unwrap().unwrap().record("fit", 2, &[("loss", 1.0)]).unwrap();
    assert_eq!(lines(&path).len(), 2);
}
