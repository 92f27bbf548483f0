//! Any sequence of changes, merges and searches finds what a scan of an ordered map finds.

use proptest::prelude::*;

use super::*;
use crate::index::VectorIndex;

const DIM: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<(u32, u64)>),
    Remove(Vec<u32>),
    Merge,
    Keep,
    Search { query: u64, k: usize, allowed: Option<(u64, usize)> },
}

fn step() -> impl Strategy<Value = Step> {
    let filter = prop::option::of((any::<u64>(), 0usize..400));
    prop_oneof![
        4 => prop::collection::vec((0u32..100, 0u64..50), 1..6).prop_map(Step::Put),
        3 => prop::collection::vec(0u32..100, 1..6).prop_map(Step::Remove),
        1 => Just(Step::Merge),
        1 => Just(Step::Keep),
        4 => (any::<u32>(), 0usize..30, filter)
            .prop_map(|(query, k, allowed)| Step::Search { query: query.into(), k, allowed }),
    ]
}

/// Ids of a sequence: in a row, or with gaps of `gap`, in part of the range.
fn id_of(number: u32, gap: u32) -> u32 {
    if number < 30 { number } else { 30 + (number - 30) * gap }
}

fn filter(seed: u64, len: usize) -> Bitmap {
    Bitmap::from_fn(len, |row| seed.rotate_left(row as u32 % 64 * 7) & 3 != 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_sequence_finds_what_a_scan_finds(
        first in 0u32..160,
        gap in 1u32..4,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut model: Model = (0..first).map(|number| (id_of(number, gap), vector(number.into(), DIM))).collect();
        let index = live(&model, DIM, LiveOptions::default());
        let mut kept: Option<(LiveSnapshot, Model)> = None;
        for step in steps {
            match step {
                Step::Put(pairs) => {
                    let pairs: Vec<_> = pairs.iter().map(|&(number, seed)| (id_of(number, gap), vector(seed, DIM))).collect();
                    let given: Vec<_> = pairs.iter().map(|(id, vector)| (*id, vector.as_slice())).collect();
                    let replaced = index.put_all(&given).unwrap();
                    prop_assert_eq!(replaced, pairs.into_iter().filter(|(id, vector)| model.insert(*id, vector.clone()).is_some()).count());
                }
                Step::Remove(ids) => {
                    let ids: Vec<u32> = ids.iter().map(|&number| id_of(number, gap)).collect();
                    prop_assert_eq!(index.remove_all(&ids), ids.iter().filter(|id| model.remove(id).is_some()).count());
                }
                Step::Merge => {
                    let waiting = index.snapshot().delta_len() + index.snapshot().removed();
                    prop_assert_eq!(index.merge().unwrap(), waiting > 0);
                    prop_assert_eq!(index.snapshot().delta_len() + index.snapshot().removed(), 0);
                    prop_assert_eq!(index.snapshot().base().len(), model.len());
                }
                Step::Keep => kept = Some((index.snapshot(), model.clone())),
                Step::Search { query, k, allowed } => {
                    let query = vector(query, DIM);
                    let allowed = allowed.map(|(seed, len)| filter(seed, len));
                    let found = index.snapshot().search(&query, k, allowed.as_ref());
                    prop_assert_eq!(found, best(&model, &query, k, allowed.as_ref()));
                    if let Some((snapshot, model)) = &kept {
                        prop_assert_eq!(snapshot.search(&query, k, allowed.as_ref()), best(model, &query, k, allowed.as_ref()));
                    }
                }
            }
            prop_assert_eq!(index.len(), model.len());
        }
        prop_assert_eq!(content(&index.snapshot(), 700), model.clone());
        prop_assert!((0..700).all(|id| index.contains(id) == model.contains_key(&id)));
    }
}
