//! What the ledger has to do: 1. what was written is read back; 2. cut short anywhere it opens with the whole records;
//! 3. any other damage is refused; 4. one process holds it; 5. past months go, the last one stays.

use juntos_datasets::units::Timestamp;

use super::*;

fn record(seller: &str, as_of: &str) -> Record {
    let as_of: Timestamp = as_of.parse().unwrap();
    let month = crate::month::Month::of(as_of);
    Record { seller_id: seller.to_owned(), told: Told { as_of, month, epsilon_thousandths: 2_000, findings: None } }
}

fn three() -> Vec<Record> {
    let moments = ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"];
    let sellers = ["one", "продавец \"2\"\n", "one"];
    sellers.into_iter().zip(moments).map(|(seller, moment)| record(seller, moment)).collect()
}

fn written(records: &[Record]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut ledger, before) = Ledger::open(folder.path()).unwrap();
    assert!(before.is_empty());
    records.iter().for_each(|record| ledger.append(record).unwrap());
    folder
}

fn reopened(folder: &Path) -> Vec<Record> {
    Ledger::open(folder).unwrap().1
}

#[test]
fn what_was_written_is_read_back() {
    let folder = written(&three());
    assert_eq!(reopened(folder.path()), three());
    Ledger::open(folder.path()).unwrap().0.append(&record("three", "2026-03-05T00:00:00Z")).unwrap();
    assert_eq!(reopened(folder.path()).len(), 4);
}

/// A crash may leave any beginning of what was being written: the records before it are all there, and writing goes on.
#[test]
fn cut_short_anywhere_it_opens_with_what_is_whole() {
    let folder = written(&three());
    let path = folder.path().join(LEDGER);
    let bytes = fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let whole = bytes[..length].iter().filter(|&&byte| byte == b'\n').count().saturating_sub(1);
        assert_eq!(reopened(folder.path()), three()[..whole], "{length} bytes");
        let (mut ledger, _) = Ledger::open(folder.path()).unwrap();
        ledger.append(&record("next", "2026-03-05T00:00:00Z")).unwrap();
        drop(ledger);
        assert_eq!(reopened(folder.path()).len(), whole + 1, "{length} bytes");
    }
}

/// The last line break is the one byte that makes a record told: without it nobody can know that it was.
#[test]
fn a_changed_byte_is_refused_with_its_line() {
    let folder = written(&three());
    let path = folder.path().join(LEDGER);
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() - 1 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        match Ledger::open(folder.path()) {
            Err(LedgerError::Damaged { line, .. }) => {
                let expected = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
                assert_eq!(line, expected, "byte {at}");
            }
            Err(other) => panic!("byte {at}: {other}"),
            Ok(_) => panic!("byte {at} was changed and nobody saw it"),
        }
    }
}

#[test]
fn one_at_a_time_holds_it() {
    let folder = written(&three());
    let held = Ledger::open(folder.path()).unwrap();
    assert!(matches!(Ledger::open(folder.path()), Err(LedgerError::Held { .. })));
    drop(held);
    assert_eq!(reopened(folder.path()).len(), 3);
}

#[test]
fn past_months_go_and_the_last_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(REWRITTEN), "left behind by a crash").unwrap();
    let mut text = HEADER.to_owned();
    let past = line(&record("one", "2026-01-01T00:00:00Z")).unwrap();
    (0..=MOST_PAST).for_each(|_| text.push_str(&past));
    three().iter().for_each(|record| text.push_str(&line(record).unwrap()));
    fs::write(folder.path().join(LEDGER), text).unwrap();
    let (mut ledger, records) = Ledger::open(folder.path()).unwrap();
    assert_eq!(records, three()[1..]);
    ledger.append(&record("one", "2026-03-03T00:00:00Z")).unwrap();
    drop(ledger);
    assert_eq!(reopened(folder.path()).len(), 3);
}

/// What cannot be written is not told, and nothing is written after it: nobody knows what the disk kept.
#[test]
fn after_a_failure_nothing_is_written() {
    let folder = written(&[]);
    let (mut ledger, _) = Ledger::open(folder.path()).unwrap();
    ledger.file = File::open(folder.path().join(LEDGER)).unwrap();
    assert!(matches!(ledger.append(&three()[0]), Err(LedgerError::Io { .. })));
    ledger.file = open_file(&folder.path().join(LEDGER)).unwrap();
    assert!(matches!(ledger.append(&three()[0]), Err(LedgerError::Broken { .. })));
    drop(ledger);
    assert!(reopened(folder.path()).is_empty());
}
