//! Files that are not what was written: refused with the name of the file, or answered without a panic.

use std::ops::Range;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::*;

const FILES: [&str; 3] = ["index.bin", "vectors.bin", "store.json"];
const SMALL: usize = 300;
const NARROW: usize = 5;

/// A small store's files.
struct Files([Vec<u8>; 3]);

/// One store for each format of rows.
static STORES: LazyLock<[Files; 3]> = LazyLock::new(|| {
    FORMATS.map(|rows| {
        let mut rng = ChaCha8Rng::seed_from_u64(50);
        let vectors: Vec<f32> = (0..SMALL * NARROW).map(|_| rng.random_range(-1.0..1.0)).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        VectorStore::create(&path, &vectors, NARROW, &[], &BuildOptions { rows, ..GRAPH }).unwrap();
        let store = VectorStore::open(&path).unwrap();
        VectorStore::verify(&path).unwrap();
        assert_eq!((store.len(), store.dim(), store.index().format()), (SMALL, NARROW, rows));
        assert_eq!(store.searcher(1).exact().values(), vectors);
        Files(FILES.map(|file| std::fs::read(path.join(file)).unwrap()))
    })
});

impl Files {
    fn write(&self, folder: &Path) {
        for (name, bytes) in FILES.iter().zip(&self.0) {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }

    /// Makes the manifest say the sizes that the files have, so that they are read further.
    fn fit_sizes(&mut self) {
        let Ok(mut manifest) = serde_json::from_slice::<Value>(&self.0[2]) else { return };
        for (at, key) in ["index", "vectors"].into_iter().enumerate() {
            // Damage may have made a number of it all.
            if let Some(bytes) = manifest.pointer_mut(&format!("/{key}/bytes")) {
                *bytes = self.0[at].len().into();
            }
        }
        self.0[2] = serde_json::to_vec(&manifest).unwrap();
    }
}

/// Where each section of a file lies, with the header and the table as the first.
fn sections(file: &[u8]) -> Vec<Range<usize>> {
    let number =
        |at: usize, bytes: usize| (0..bytes).rev().fold(0, |sum, byte| sum << 8 | usize::from(file[at + byte]));
    let count = number(12, 4);
    let section = |at: usize| {
        let start = number(16 + at * 40 + 24, 8);
        start..start + number(16 + at * 40 + 32, 8)
    };
    std::iter::once(0..16 + count * 40).chain((0..count).map(section)).filter(|range| !range.is_empty()).collect()
}

/// What is done to a file.
#[derive(Debug, Clone)]
enum Damage {
    /// One byte of a section changes.
    Flip { section: Index, at: Index, bits: u8 },
    /// A section, or its part from here on, becomes random.
    Garble { section: Index, at: Index, seed: u64 },
    /// A section becomes one byte over and over.
    Fill { section: Index, byte: u8 },
    /// The file ends here.
    Cut { at: Index },
    /// The file is something else.
    Replace { bytes: Vec<u8> },
}

impl Damage {
    /// Does it to `file`, whose sections lie where they do in `intact`.
    fn inflict(&self, file: &mut Vec<u8>, intact: &[u8], json: bool) {
        let all: Vec<Range<usize>> = if json { std::iter::once(0..intact.len()).collect() } else { sections(intact) };
        match self {
            Self::Flip { section, at, bits } => {
                let range = section.get(&all).clone();
                file[range.start + at.index(range.len())] ^= bits;
            }
            Self::Garble { section, at, seed } => {
                let range = section.get(&all).clone();
                let mut rng = ChaCha8Rng::seed_from_u64(*seed);
                file[range.start + at.index(range.len())..range.end].fill_with(|| rng.random_range(0..=255));
            }
            Self::Fill { section, byte } => file[section.get(&all).clone()].fill(*byte),
            Self::Cut { at } => file.truncate(at.index(file.len())),
            Self::Replace { bytes } => file.clone_from(bytes),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        6 => (index(), index(), 1u8..).prop_map(|(section, at, bits)| Damage::Flip { section, at, bits }),
        6 => (index(), index(), any::<u64>()).prop_map(|(section, at, seed)| Damage::Garble { section, at, seed }),
        3 => (index(), prop_oneof![Just(0u8), Just(255), any::<u8>()]).prop_map(|(section, byte)| Damage::Fill { section, byte }),
        1 => index().prop_map(|at| Damage::Cut { at }),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| Damage::Replace { bytes }),
    ]
}

/// Opens the store and searches it in every way.
fn opened_or_refused(folder: &Path) -> Result<(), TestCaseError> {
    let mut store = match VectorStore::open(folder) {
        Ok(store) => store,
        Err(error) => {
            let text = error.to_string();
            prop_assert!(FILES.iter().any(|file| text.contains(file)), "names no file: {}", text);
            return Ok(());
        }
    };
    let rows = store.len();
    let mut rng = ChaCha8Rng::seed_from_u64(60);
    let queries: Vec<f32> = (0..6 * store.dim()).map(|_| rng.random_range(-1.0..1.0)).collect();
    let filters = [0.9, 0.5, 0.1, 0.01].map(|share| some_of(rows, share, 61));
    for _ in 0..2 {
        for allowed in filters.iter().map(Some).chain([None]) {
            for (effort, k) in [(1, 1), (40, 5), (400, 3), (10, 400)] {
                let mut answers = store.search_batch(&queries, k, effort, allowed);
                answers.push(store.search(&queries[..store.dim()], k, effort, allowed));
                for found in answers.iter().flatten() {
                    prop_assert!((found.row as usize) < rows && allowed.is_none_or(|set| set.contains(found.row)));
                }
                let wanted = k.min(allowed.map_or(rows, Bitmap::count));
                prop_assert!(answers.iter().all(|found| found.len() == wanted), "too few rows");
            }
        }
        store.warm();
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn damaged_files_are_refused_or_answered(
        format in 0..FORMATS.len(),
        done in prop::collection::vec((prop_oneof![5 => Just(0usize), 1 => Just(1), 1 => Just(2)], damage()), 1..4),
        fit in any::<bool>(),
    ) {
        let mut files = Files(STORES[format].0.clone());
        for (file, damage) in done {
            let intact = &STORES[format].0[file];
            if files.0[file].len() == intact.len() {
                damage.inflict(&mut files.0[file], intact, file == 2);
            }
        }
        if fit {
            files.fit_sizes();
        }
        let folder = tempfile::tempdir().unwrap();
        files.write(folder.path());
        opened_or_refused(folder.path())?;
    }

    #[test]
    fn every_flipped_byte_is_found(format in 0..FORMATS.len(), file in 0..3usize, at in any::<Index>(), bits in 1u8..) {
        let mut files = Files(STORES[format].0.clone());
        let at = at.index(files.0[file].len());
        files.0[file][at] ^= bits;
        let folder = tempfile::tempdir().unwrap();
        files.write(folder.path());
        let verified = VectorStore::verify(folder.path());
        if file < 2 {
            let error = verified.expect_err("a byte was flipped").to_string();
            prop_assert!(error.contains(FILES[file]), "{}", error);
        } else {
            // A manifest that says the same in other letters is none the worse.
            let says = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            prop_assert_eq!(verified.is_ok(), says(&files.0[2]) == says(&STORES[format].0[2]), "byte {}", at);
        }
    }
}

/// Every section in turn, whole: what a random choice may pass over.
#[test]
fn each_section_may_be_garbage() {
    for store in &*STORES {
        for file in 0..2 {
            for section in sections(&store.0[file]) {
                for byte in [None, Some(255)] {
                    let mut files = Files(store.0.clone());
                    let mut rng = ChaCha8Rng::seed_from_u64(70);
                    files.0[file][section.clone()].fill_with(|| byte.unwrap_or_else(|| rng.random_range(0..=255)));
                    let folder = tempfile::tempdir().unwrap();
                    files.write(folder.path());
                    opened_or_refused(folder.path()).unwrap();
                }
            }
        }
    }
}

#[test]
fn what_is_missing_foreign_or_taken_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let open = || VectorStore::open(folder.path()).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(open().contains("store.json"));
    STORES[0].write(folder.path());
    VectorStore::verify(folder.path()).unwrap();
    for (name, bytes) in FILES.iter().zip(&STORES[0].0) {
        std::fs::remove_file(folder.path().join(name)).unwrap();
        assert!(open().contains(name), "{}", open());
        assert!(VectorStore::verify(folder.path()).unwrap_err().to_string().contains(name));
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut manifest: Value = serde_json::from_slice(&STORES[0].0[2]).unwrap();
    manifest["format_version"] = 9.into();
    std::fs::write(folder.path().join("store.json"), manifest.to_string()).unwrap();
    assert!(open().contains("store.json") && open().contains('9'), "{}", open());
    let taken = VectorStore::create(folder.path(), &[1.0, 2.0], 2, &[], &GRAPH).unwrap_err().to_string();
    assert!(taken.contains("exists already"), "{taken}");
    for (vectors, dim) in [(&[1.0, 2.0, 3.0][..], 2), (&[1.0][..], 0), (&[f32::NAN][..], 1)] {
        let path = folder.path().join("other");
        assert!(VectorStore::create(&path, vectors, dim, &[], &GRAPH).is_err());
        assert!(!path.exists());
    }
}
