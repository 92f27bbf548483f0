//! Several threads at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::Merger;
use super::*;
use crate::index::VectorIndex;

const DIM: usize = 8;
const WRITERS: u32 = 3;
const IDS: u32 = 900;

/// Changes by one thread to the ids that are its own; what it holds in the end.
fn write(index: &LiveIndex, writer: u32) -> Model {
    let mut model = content(&index.snapshot(), IDS);
    model.retain(|id, _| id % WRITERS == writer);
    let mut random = ChaCha8Rng::seed_from_u64(writer.into());
    let few_merges = || index.merge_status().merged < 5;
    for step in (0..1_000_000).take_while(|&step| step < 800 || few_merges()) {
        let id = random.random_range(0..IDS / WRITERS) * WRITERS + writer;
        if random.random_bool(0.6) {
            let new = vector(random.random_range(0..10_000), DIM);
            assert_eq!(index.put(id, &new).unwrap(), model.insert(id, new).is_some(), "step {step}, id {id}");
        } else {
            assert_eq!(index.remove(id), model.remove(&id).is_some(), "step {step}, id {id}");
        }
        let snapshot = index.snapshot();
        assert_eq!(snapshot.vector(id), model.get(&id).map(Vec::as_slice), "step {step}, id {id}");
    }
    model
}

/// Searches, each compared with a scan of the same snapshot.
fn search(index: &LiveIndex, seed: u64, writing: &AtomicUsize) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut searches = 0;
    while searches < 100 || writing.load(Ordering::Relaxed) > 0 {
        let snapshot = index.snapshot();
        let query = vector(random.random_range(0..10_000), DIM);
        let kept: u32 = random.random_range(1..5);
        let allowed = (kept > 1).then(|| Bitmap::from_fn(IDS as usize, |id| !(id as u32).is_multiple_of(kept)));
        let model = content(&snapshot, IDS);
        assert_eq!(model.len(), snapshot.len());
        assert_eq!(snapshot.search(&query, 10, allowed.as_ref()), best(&model, &query, 10, allowed.as_ref()));
        searches += 1;
    }
}

#[test]
fn threads_that_change_search_and_merge_agree_with_scans() {
    let first: Model = (0..IDS).step_by(2).map(|id| (id, vector(id.into(), DIM))).collect();
    let index = live(&first, DIM, LiveOptions::default());
    let writing = AtomicUsize::new(WRITERS as usize);
    let models: Vec<Model> = std::thread::scope(|scope| {
        let (index, writing) = (&index, &writing);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    let _done = Done(writing);
                    write(index, writer)
                })
            })
            .collect();
        (0..2).for_each(|seed| drop(scope.spawn(move || search(index, seed, writing))));
        scope.spawn(move || {
            while writing.load(Ordering::Relaxed) > 0 {
                index.merge().unwrap();
            }
        });
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let all: Model = models.into_iter().flatten().collect();
    assert!(index.merge_status().merged >= 5, "merges went on meanwhile");
    assert_eq!(content(&index.snapshot(), IDS), all);
    index.merge().unwrap();
    assert_eq!(content(&index.snapshot(), IDS), all);
}

/// Counts down even where its thread panics, so that the others end.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Changes made while a merge builds are those of the index after it.
#[test]
fn a_merge_loses_nothing_that_happens_while_it_builds() {
    let mut model: Model = (0..200).map(|id| (id, vector(id.into(), DIM))).collect();
    let index = live(&model, DIM, LiveOptions::default());
    let put = |model: &mut Model, id: u32, seed: u64| {
        index.put(id, &vector(seed, DIM)).unwrap();
        model.insert(id, vector(seed, DIM));
    };
    (150..260).for_each(|id| put(&mut model, id, u64::from(id) + 5));
    let merged = index.merge_with(|vectors, dim, options| {
        (100..180).for_each(|id| put(&mut model, id, u64::from(id) + 9));
        (240..300).for_each(|id| put(&mut model, id, u64::from(id) + 9));
        for id in (0..400).step_by(7) {
            assert_eq!(index.remove(id), model.remove(&id).is_some());
        }
        put(&mut model, 7, 1);
        assert_eq!(content(&index.snapshot(), 400), model, "the old index shows them at once");
        Ok(FlatIndex::build(vectors, dim, &[], &options.build))
    });
    assert_eq!(merged, Ok(true));
    assert_eq!(index.snapshot().base().len(), 260);
    let holds = |model: &Model| {
        let snapshot = index.snapshot();
        assert_eq!(content(&snapshot, 400), *model);
        (0..20).for_each(|seed| {
            let query = vector(seed, DIM);
            assert_eq!(snapshot.search(&query, 25, None), best(model, &query, 25, None));
        });
    };
    holds(&model);
    assert_eq!(index.merge(), Ok(true));
    holds(&model);
}

#[test]
fn the_merger_merges_when_that_is_due_and_stops() {
    let options = LiveOptions { merge_at: 50, merge_threads: 1, ..LiveOptions::default() };
    let index = Arc::new(live(&Model::new(), DIM, options));
    let merger = Merger::spawn(index.clone()).unwrap();
    let mut model = Model::new();
    let started = Instant::now();
    for id in 0..51 {
        assert_eq!(index.merge_status().merged, 0, "{id} changes are not enough");
        index.put(id, &vector(id.into(), DIM)).unwrap();
        model.insert(id, vector(id.into(), DIM));
    }
    while index.merge_status().merged == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "no merge came: {:?}", index.merge_status());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(index.snapshot().base().len(), 51);
    assert_eq!(content(&index.snapshot(), 60), model);
    drop(merger);
    assert_eq!(Arc::strong_count(&index), 1, "the thread has ended");
}

/// A snapshot that is being searched keeps nobody from changing the index.
#[test]
fn a_kept_snapshot_holds_up_no_change() {
    let first: Model = (0..64).map(|id| (id, vector(id.into(), DIM))).collect();
    let index = live(&first, DIM, LiveOptions::default());
    let snapshot = index.snapshot();
    let changed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..64).for_each(|id| assert!(index.remove(id)));
            assert!(index.merge().unwrap());
            changed.store(true, Ordering::Relaxed);
        });
    });
    assert!(changed.load(Ordering::Relaxed) && index.is_empty());
    assert_eq!(content(&snapshot, 64), first);
    assert_eq!(snapshot.search(&first[&9], 64, None), best(&first, &first[&9], 64, None));
}
