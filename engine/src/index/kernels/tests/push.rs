//! The best of many scores, kept sorted.

use proptest::prelude::*;

use crate::index::beam::{Beam, ordered, unordered};
use crate::index::kernels::{Ids, available};

/// Scores of all kinds; few different ones, so that many are equal.
fn score() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => any::<f32>(),
        8 => (-4i8..4).prop_map(f32::from),
        1 => Just(f32::NAN),
        1 => Just(-f32::NAN),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NEG_INFINITY),
        1 => Just(-0.0),
    ]
}

/// Groups of scores: none, fewer than a vector, several vectors.
fn groups() -> impl Strategy<Value = Vec<Vec<f32>>> {
    prop::collection::vec(prop::collection::vec(score(), 0..50), 1..8)
}

/// What a beam holds in the end: the best of all scores that are numbers.
fn best(groups: &[Vec<f32>], breadth: usize) -> Vec<u32> {
    let numbers = groups.iter().flatten().filter(|score| !score.is_nan());
    let mut orders: Vec<u32> = numbers.map(|&score| ordered(score)).collect();
    orders.sort_unstable_by(|a, b| b.cmp(a));
    orders.truncate(breadth);
    orders
}

proptest! {
    #[test]
    fn order_is_that_of_scores(left in score(), right in score()) {
        prop_assume!(!left.is_nan() && !right.is_nan());
        prop_assert_eq!(ordered(left).cmp(&ordered(right)), left.total_cmp(&right));
        prop_assert_eq!(unordered(ordered(left)).to_bits(), left.to_bits());
        prop_assert!(ordered(left) > 0, "0 is an empty place");
    }

    #[test]
    fn keys_are_the_best_scores(groups in groups(), breadth in 1usize..70, listed in any::<bool>()) {
        let wanted = best(&groups, breadth);
        for kernels in available() {
            let mut keys = vec![0u64; breadth.next_multiple_of(8)];
            let mut first = 0u32;
            let mut scores_of = Vec::new();
            for scores in &groups {
                let ids: Vec<u32> = (first..).take(scores.len()).collect();
                let before = keys.clone();
                let given = if listed { Ids::Listed(&ids) } else { Ids::From(first) };
                let lowest = (kernels.push)(&mut keys, breadth, scores, given);
                prop_assert_eq!(&keys[..lowest], &before[..lowest], "{} tells what changed", kernels.name);
                prop_assert!(keys.is_sorted_by(|a, b| a > b || (*a == 0 && *b == 0)), "{}: keys descend", kernels.name);
                first += scores.len() as u32;
                scores_of.extend_from_slice(scores);
            }
            let kept: Vec<u64> = keys[..breadth].iter().copied().filter(|&key| key != 0).collect();
            prop_assert_eq!(kept.iter().map(|key| (key >> 32) as u32).collect::<Vec<_>>(), wanted.clone(), "{}", kernels.name);
            for key in kept {
                prop_assert_eq!((key >> 32) as u32, ordered(scores_of[key as u32 as usize]), "{}: a place and its own score", kernels.name);
            }
        }
    }

    #[test]
    fn a_beam_opens_the_best_place_that_is_not_open(groups in groups(), breadth in 1usize..40, width in 1usize..=8) {
        for kernels in available() {
            let mut beam = Beam::default();
            beam.reset(breadth);
            let (mut first, mut opened, mut scores_of) = (0u32, Vec::new(), Vec::new());
            for (at, scores) in groups.iter().enumerate() {
                beam.push(kernels, scores, Ids::From(first));
                first += scores.len() as u32;
                scores_of.extend_from_slice(scores);
                let held: Vec<(u32, f32)> = beam.iter().collect();
                let closed: Vec<f32> = held.iter().filter(|(id, _)| !opened.contains(id)).map(|(_, score)| *score).collect();
                let mut out = [u32::MAX; 8];
                let found = beam.open_next(width, &mut out);
                let scores: Vec<u32> = out[..found].iter().map(|&id| ordered(scores_of[id as usize])).collect();
                let wanted: Vec<u32> = closed.iter().take(width).map(|&score| ordered(score)).collect();
                prop_assert_eq!(scores, wanted, "{}", kernels.name);
                prop_assert!(out[..found].iter().all(|id| !opened.contains(id)), "{}: opened twice", kernels.name);
                opened.extend_from_slice(&out[..found]);
                let held: Vec<u32> = beam.iter().map(|(_, score)| ordered(score)).collect();
                prop_assert_eq!(held, best(&groups[..=at], breadth), "{}", kernels.name);
            }
        }
    }
}
