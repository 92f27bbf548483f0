//! What a graph finds after changes, and what is refused.

use std::sync::LazyLock;

use super::super::LiveError;
use super::*;
use crate::index::VectorIndex;

const DIM: usize = 16;
const ROWS: u32 = 5_000;

static BUILD: LazyLock<LiveOptions> = LazyLock::new(|| LiveOptions {
    build: BuildOptions { scan_below: 256, ..BuildOptions::default() },
    ..LiveOptions::default()
});

static START: LazyLock<(Model, Arc<Base>)> = LazyLock::new(|| {
    let model: Model = (0..ROWS).map(|id| (id, vector(id.into(), DIM))).collect();
    let base = base(&model, DIM, &BUILD.build);
    assert!(base.index().degree() > 0, "a graph is what is tested");
    (model, base)
});

fn start() -> (Model, LiveIndex) {
    let (model, base) = &*START;
    (model.clone(), LiveIndex::new(base.clone(), *BUILD))
}

/// Share of the ten best found for fifty queries; what is found has the right scores and is of the model.
fn recall(model: &Model, snapshot: &LiveSnapshot, allowed: Option<&Bitmap>) -> f64 {
    let (mut met, mut all) = (0, 0);
    for seed in 0..50 {
        let query = vector(1_000_000 + seed, DIM);
        let found = snapshot.search(&query, 10, allowed);
        let right = best(model, &query, 10, allowed);
        assert_eq!(found.len(), right.len());
        assert!(found.is_sorted_by(|a, b| a < b), "best first, and nothing twice");
        for one in &found {
            assert!(allowed.is_none_or(|allowed| allowed.contains(one.row)), "row {} is not allowed", one.row);
            assert_eq!(one.score, dot(&query, &model[&one.row]), "score of {}", one.row);
        }
        met += right.iter().filter(|&one| found.contains(one)).count();
        all += right.len();
    }
    met as f64 / all as f64
}

/// Recall before and after the rows of `gone` are deleted.
fn recall_without(gone: impl Fn(u32) -> bool) -> (f64, f64) {
    let (mut model, index) = start();
    let before = recall(&model, &index.snapshot(), None);
    let gone: Vec<u32> = (0..ROWS).filter(|&id| gone(id)).collect();
    assert!((1_400..1_600).contains(&gone.len()), "{} rows are about three in ten", gone.len());
    assert_eq!(index.remove_all(&gone), gone.len());
    gone.iter().for_each(|id| assert!(model.remove(id).is_some()));
    (before, recall(&model, &index.snapshot(), None))
}

#[test]
fn deletes_leave_the_recall_of_the_rest() {
    let (before, after) = recall_without(|id| id.wrapping_mul(2_654_435_761) >> 16 & 1023 < 307);
    assert!(before >= 0.95 && after >= before - 0.005, "recall {before} before and {after} after");
}

/// Twelve of the forty groups go: three queries in ten are asked in the midst of rows that are no more.
#[test]
fn deletes_of_whole_groups_leave_the_recall_of_the_rest() {
    let (before, after) = recall_without(|id| id % 10 < 3);
    assert!(before >= 0.95 && after >= before - 0.005, "recall {before} before and {after} after");
}

#[test]
fn changes_are_found_before_and_after_a_merge() {
    let (mut model, index) = start();
    for id in (0..ROWS).step_by(9).chain((0..400).map(|new| ROWS + 3 * new)) {
        let new = vector(u64::from(id) * 7 + 5, DIM);
        assert_eq!(index.put(id, &new).unwrap(), model.insert(id, new).is_some());
    }
    for id in (0..ROWS + 1_200).step_by(13) {
        assert_eq!(index.remove(id), model.remove(&id).is_some());
    }
    let allowed = Bitmap::from_fn(ROWS as usize + 600, |id| id % 3 != 1);
    for merged in [false, true] {
        assert!(index.merge().unwrap());
        let found = (recall(&model, &index.snapshot(), None), recall(&model, &index.snapshot(), Some(&allowed)));
        assert!(found.0 >= 0.95 && found.1 >= 0.95, "recall {found:?}, merged twice: {merged}");
        assert!(index.put(3, &vector(3, DIM)).is_ok());
        model.insert(3, vector(3, DIM));
    }
}

/// A vector that beats all others is the first answer of the next search, and no answer once it has gone.
#[test]
fn a_change_shows_in_the_next_search() {
    let (_, index) = start();
    let query = vector(77, DIM);
    let loud: Vec<f32> = query.iter().map(|value| value * 100.0).collect();
    for id in [0, 17, ROWS, u32::MAX] {
        let first = || index.snapshot().search(&query, 1, None)[0].row;
        index.put(id, &loud).unwrap();
        assert_eq!(first(), id);
        index.put(id, &query.iter().map(|value| -value).collect::<Vec<_>>()).unwrap();
        assert_ne!(first(), id);
        index.put(id, &loud).unwrap();
        assert!(index.remove(id));
        assert_ne!(first(), id);
        assert!(!index.remove(id));
    }
}

#[test]
fn a_merge_that_fails_leaves_everything_in_use() {
    let (_, index) = start();
    let loud = [9.0; DIM];
    index.put(ROWS, &loud).unwrap();
    let failed = index.merge_with(|_, _, _| {
        index.put(ROWS + 1, &loud).unwrap();
        panic!("no memory for {ROWS} rows")
    });
    let expected = LiveError::Merge { problem: "no memory for 5000 rows".to_owned() };
    assert_eq!(failed, Err(expected.clone()));
    let status = index.merge_status();
    assert_eq!((status.running, status.merged, status.failed, status.failure), (false, 0, 1, Some(expected)));
    let first = || index.snapshot().search(&loud, 2, None).iter().map(|one| one.row).collect::<Vec<_>>();
    assert_eq!(first(), [ROWS, ROWS + 1]);
    assert_eq!(index.merge(), Ok(true));
    assert_eq!(first(), [ROWS, ROWS + 1]);
    assert_eq!((index.merge_status().merged, index.merge_status().failure), (1, None));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let index = LiveIndex::new(Arc::new(Base::empty(2)), LiveOptions::default());
    let short = index.put_all(&[(1, &[1.0, 2.0]), (2, &[1.0])]);
    assert_eq!(short, Err(LiveError::Dimensions { id: 2, got: 1, expected: 2 }));
    let infinite = index.put_all(&[(1, &[1.0, 2.0]), (3, &[1.0, f32::NAN])]);
    assert_eq!(infinite, Err(LiveError::NotFinite { id: 3, at: 1 }));
    assert!(index.is_empty() && index.snapshot().search(&[1.0, 1.0], 5, None).is_empty());
    let refused = |values: usize, ids: &[u32]| {
        let index = FlatIndex::build(&[0.0; 6], 2, &[], &BuildOptions::default());
        Base::new(index, vec![0.0; values], Some(ids.to_vec())).is_err()
    };
    assert!(refused(4, &[1, 2, 3]) && refused(6, &[1, 2]) && refused(6, &[1, 3, 3]) && refused(6, &[3, 1, 2]));
    assert!(!refused(6, &[1, 3, u32::MAX]));
}

#[test]
fn nothing_is_found_for_queries_that_are_not_finite() {
    let (_, index) = start();
    index.put(ROWS, &[1.0; DIM]).unwrap();
    assert!(index.snapshot().search(&[f32::NAN; DIM], 5, None).is_empty());
    assert!(index.snapshot().search(&[1.0; DIM], 0, None).is_empty());
}
