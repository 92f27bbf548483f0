//! 1. What is written is read back, whatever it is, and nothing else is.
//! 2. A file cut short, longer or with any flipped bit is refused as damaged; no bytes make the reader panic.
//! 3. A new state takes the place of the old one, and one whose writing failed does not.
//! 4. A checkpoint is not overwritten, not shared, and refused where it belongs to other data, settings or another
//!    version, with what differs.
//! 5. A folder that holds something else is left alone.

use std::time::Duration;

use juntos_datasets::DatasetWriter;
use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::{Event, EventKind, Events};
use proptest::prelude::*;

use super::*;
use crate::config::TrainConfig;

fn slot_in(folder: &Path) -> Slot<'_> {
    Slot { folder, every: Duration::ZERO, name: "fit" }
}

fn write_sample(slot: &Slot<'_>, numbers: &[f32], text: &str) {
    slot.save(|writer| {
        writer.u64(7)?;
        writer.f64(-0.1)?;
        writer.text(text)?;
        writer.f32s(numbers)
    })
    .unwrap();
}

type Sample = (u64, f64, String, Vec<f32>);

fn read_sample(slot: &Slot<'_>, numbers: usize) -> io::Result<Option<Sample>> {
    slot.load(|reader| Ok((reader.u64()?, reader.f64()?, reader.text()?, reader.f32s(numbers)?)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn states_come_back(bits in prop::collection::vec(any::<u32>(), 0..9_000), text in ".{0,40}") {
        let folder = tempfile::tempdir().unwrap();
        let slot = slot_in(folder.path());
        let numbers: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
        write_sample(&slot, &numbers, &text);
        let (seven, tenth, read, back) = read_sample(&slot, numbers.len()).unwrap().unwrap();
        prop_assert_eq!((seven, tenth, read), (7, -0.1, text));
        prop_assert_eq!(back.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), bits);
        prop_assert!(read_sample(&slot, numbers.len() + 1).is_err());
        prop_assert!(slot.load(|reader| reader.u64()).is_err(), "what is left over is noticed");
    }

    #[test]
    fn damage_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8, longer in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let slot = slot_in(folder.path());
        write_sample(&slot, &[1.0, 2.0, 3.0], "als");
        let whole = fs::read(slot.path()).unwrap();
        let mut flipped = whole.clone();
        flipped[at.index(whole.len())] ^= 1 << bit;
        let mut resized = whole.clone();
        if longer { resized.extend_from_slice(&whole) } else { resized.truncate(at.index(whole.len())) }
        for bytes in [flipped, resized] {
            fs::write(slot.path(), bytes).unwrap();
            let fault = read_sample(&slot, 3).unwrap_err();
            prop_assert!(matches!(fault.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof), "{}", fault);
        }
    }

    #[test]
    fn counts_that_cannot_be_are_refused(values in prop::collection::vec(any::<u64>(), 0..6)) {
        let folder = tempfile::tempdir().unwrap();
        let slot = slot_in(folder.path());
        slot.save(|writer| values.iter().try_for_each(|&value| writer.u64(value))).unwrap();
        // The checksum fits, so only what the values say can be wrong: it is an error or a result, not a panic.
        let _ = read_sample(&slot, 3);
        let _ = slot.load(|reader| reader.text());
    }
}

#[test]
fn a_state_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let slot = slot_in(folder.path());
    assert!(read_sample(&slot, 1).unwrap().is_none());
    write_sample(&slot, &[1.0], "one");
    write_sample(&slot, &[2.0], "two");
    let failed = slot.save(|writer| {
        writer.u64(3)?;
        Err(io::Error::other("the disk is full"))
    });
    assert!(failed.unwrap_err().to_string().contains("the disk is full"));
    assert_eq!(read_sample(&slot, 1).unwrap().unwrap().2, "two");
    slot.clear().unwrap();
    slot.clear().unwrap();
    assert!(read_sample(&slot, 1).unwrap().is_none());
}

fn dataset(out: &Path, product: &str) -> Dataset {
    let mut writer = DatasetWriter::create(out).unwrap();
    writer.push::<Events>(&Event::new("ana", product, EventKind::Purchase)).unwrap();
    writer.finish().unwrap()
}

fn message(done: Result<(Checkpoint, bool), TrainError>) -> String {
    done.unwrap_err().to_string()
}

#[test]
fn a_checkpoint_belongs_to_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let (tea, kite) = (dataset(&folder.path().join("tea"), "tea"), dataset(&folder.path().join("kite"), "kite"));
    let config = TrainConfig::default();
    let out = folder.path().join("bundle");
    let identity = Identity::new("checkpoint", &tea, &config).unwrap();
    let (first, resumed) = Checkpoint::begin(&out, &identity, true, Duration::ZERO).unwrap();
    assert!(!resumed, "there was nothing to go on from");
    assert!(message(Checkpoint::begin(&out, &identity, true, Duration::ZERO)).contains("another process"));
    drop(first);
    let refused = message(Checkpoint::begin(&out, &identity, false, Duration::ZERO));
    assert!(refused.contains("bundle.checkpoint") && refused.contains("--resume"), "{refused}");
    assert!(Checkpoint::begin(&out, &identity, true, Duration::ZERO).unwrap().1);

    let mut other = TrainConfig { seed: 3, ..config.clone() };
    other.softmax.temperature = 0.2;
    let refused =
        message(Checkpoint::begin(&out, &Identity::new("checkpoint", &tea, &other).unwrap(), true, Duration::ZERO));
    for told in ["`seed` was 0, now is 3", "`softmax.temperature` was 0.1, now is 0.2", "delete"] {
        assert!(refused.contains(told), "{refused}");
    }
    assert!(!refused.contains("`dim`") && !refused.contains("checksum"), "{refused}");
    let refused =
        message(Checkpoint::begin(&out, &Identity::new("checkpoint", &kite, &config).unwrap(), true, Duration::ZERO));
    assert!(refused.contains("the checksum of the data was"), "{refused}");

    let header = Checkpoint::folder_of(&out).join(HEADER);
    let text = fs::read_to_string(&header).unwrap();
    fs::write(&header, text.replace("\"format_version\": 1", "\"format_version\": 99")).unwrap();
    assert!(message(Checkpoint::begin(&out, &identity, true, Duration::ZERO)).contains("its version was 99, now is 1"));
    fs::write(&header, &text[..20]).unwrap();
    assert!(message(Checkpoint::begin(&out, &identity, true, Duration::ZERO)).contains("header.json"));
    fs::write(&header, text).unwrap();
    Checkpoint::begin(&out, &identity, true, Duration::ZERO).unwrap().0.remove().unwrap();
    assert!(!Checkpoint::folder_of(&out).exists());
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = dataset(&folder.path().join("data"), "tea");
    let identity = Identity::new("checkpoint", &data, &TrainConfig::default()).unwrap();
    let out = folder.path().join("bundle");
    let place = Checkpoint::folder_of(&out);
    fs::create_dir(&place).unwrap();
    fs::write(place.join("letters.txt"), "dear").unwrap();
    for resume in [false, true] {
        assert!(message(Checkpoint::begin(&out, &identity, resume, Duration::ZERO)).contains("bundle.checkpoint"));
    }
    fs::remove_file(place.join("letters.txt")).unwrap();
    fs::write(place.join(LOCK), "").unwrap();
    assert!(
        !Checkpoint::begin(&out, &identity, false, Duration::ZERO).unwrap().1,
        "what a run left that was killed at once is taken"
    );
}
