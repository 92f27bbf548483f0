//! Links not met yet, rows of a filter, bits counted.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::index::kernels::available;

fn bit(words: &[u64], row: usize) -> bool {
    words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
}

proptest! {
    #[test]
    fn fresh_links_are_found_once(
        rows in 1usize..300,
        links in prop::collection::hash_set(prop_oneof![8 => 0u32..320, 1 => any::<u32>()], 0..70),
        node in any::<prop::sample::Index>(),
        unused in 0usize..20,
        visited in prop::collection::vec(any::<u32>(), 10),
        before in prop::collection::vec(any::<u32>(), 0..3),
    ) {
        // As in a graph: places not used hold the node itself, which has been visited.
        let node = node.index(rows) as u32;
        let links: Vec<u32> = links.into_iter().filter(|&link| link != node).chain(vec![node; unused]).collect();
        let mut visited = visited;
        visited[node as usize / 32] |= 1 << (node % 32);
        let is_set = |visited: &[u32], row: u32| visited[row as usize / 32] >> (row % 32) & 1 == 1;
        let is_fresh = |link: &&u32| (**link as usize) < rows && !is_set(&visited, **link);
        let wanted: Vec<u32> = links.iter().filter(is_fresh).copied().collect();
        let marked: BTreeSet<u32> = (0..320).filter(|&row| is_set(&visited, row) || wanted.contains(&row)).collect();
        for kernels in available() {
            let (mut found, mut marks) = (before.clone(), visited.clone());
            (kernels.fresh)(&links, rows, &mut marks, &mut found);
            prop_assert_eq!(&found[..before.len()], &before[..], "{} changed what was there", kernels.name);
            prop_assert_eq!(&found[before.len()..], &wanted[..], "{}", kernels.name);
            let set: BTreeSet<u32> = (0..320).filter(|&row| is_set(&marks, row)).collect();
            prop_assert_eq!(&set, &marked, "{}", kernels.name);
        }
    }

    #[test]
    fn allowed_places_are_found_in_order(
        rows in prop::collection::vec(prop_oneof![8 => 0u32..320, 1 => any::<u32>()], 0..70),
        first in 0u32..1_000_000,
        words in prop::collection::vec(any::<u64>(), 0..5),
        before in prop::collection::vec(any::<u32>(), 0..3),
    ) {
        let kept = rows.iter().enumerate().filter(|(_, row)| bit(&words, **row as usize));
        let wanted: Vec<u32> = before.iter().copied().chain(kept.map(|(at, _)| first + at as u32)).collect();
        for kernels in available() {
            let mut found = before.clone();
            (kernels.allowed)(&rows, first, &words, &mut found);
            prop_assert_eq!(&found, &wanted, "{}", kernels.name);
        }
    }

    #[test]
    fn bits_are_counted(words in prop::collection::vec(prop_oneof![any::<u64>(), Just(0), Just(u64::MAX)], 0..70)) {
        let wanted = (0..64 * words.len()).filter(|&row| bit(&words, row)).count();
        for kernels in available() {
            prop_assert_eq!((kernels.count)(&words), wanted, "{}", kernels.name);
        }
    }
}
