//! How an index is made, and what it leaves behind: links, the same bytes whatever the threads, marks of visits.

use proptest::prelude::*;

use super::*;
use crate::index::scratch;

#[test]
fn links_are_rows_and_each_is_there_once() {
    for shape in [Shape::Spread, Shape::Normal, Shape::Loose] {
        for (name, index) in World::of(shape).indexes.iter().filter(|(_, index)| index.degree() > 0) {
            let view = index.view();
            assert_eq!((view.degree, view.links.len()), (16, ROWS * 16), "{name}");
            for place in 0..ROWS as u32 {
                let mut links: Vec<u32> = view.links(place).iter().copied().filter(|&link| link != place).collect();
                assert!(links.iter().all(|&link| (link as usize) < ROWS), "{name}: {links:?}");
                assert!(!links.is_empty(), "{name}: {place} links nowhere");
                links.sort_unstable();
                assert!(links.is_sorted_by(|a, b| a < b), "{name}, {shape:?}: {place} links to a row twice: {links:?}");
            }
        }
    }
}

#[test]
fn hardly_any_row_is_linked_from_nowhere() {
    // Where lengths are spread short rows are nobody's best: the lists find them.
    for (shape, most) in [(Shape::Normal, 1), (Shape::Loose, 20)] {
        for (name, index) in World::of(shape).indexes.iter().filter(|(name, _)| name.starts_with("own graph")) {
            let view = index.view();
            let mut linked = [false; ROWS];
            for place in 0..ROWS as u32 {
                let others = view.links(place).iter().filter(|&&link| link != place);
                others.for_each(|&link| linked[link as usize] = true);
            }
            let lost = linked.iter().filter(|linked| !**linked).count();
            assert!(lost * 1_000 <= most * ROWS, "{name}, {shape:?}: nobody links to {lost} of {ROWS}");
        }
    }
}

#[test]
fn places_and_lists_hold_every_row_once() {
    for (name, index) in &World::of(Shape::Spread).indexes {
        let view = index.view();
        let mut rows = view.rows_of_places.to_vec();
        assert!(
            rows.iter().enumerate().all(|(place, &row)| view.places_of_rows[row as usize] == place as u32),
            "{name}"
        );
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..ROWS as u32), "{name}");
        let ends = view.list_offsets.last().copied();
        assert_eq!(ends, Some(if index.lists() > 0 { ROWS as u32 } else { 0 }), "{name}");
    }
}

#[test]
fn the_file_is_the_same_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    for rows in FORMATS {
        let vectors = vectors(Shape::Spread, 700, 30);
        let files = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let index = pool.install(|| FlatIndex::build(&vectors, DIM, &[], &BuildOptions { rows, ..GRAPH }));
            let path = folder.path().join(format!("{rows:?}-{threads}"));
            index.write(&path).unwrap();
            std::fs::read(path).unwrap()
        });
        assert!(files[0] == files[1] && files[0] == files[2], "{rows:?}");
    }
}

#[test]
fn the_seed_and_the_options_change_the_index() {
    let vectors = vectors(Shape::Spread, 800, 31);
    let built = |options: &BuildOptions| FlatIndex::build(&vectors, DIM, &[], options);
    let first = built(&GRAPH);
    assert_ne!(first.links.to_vec(), built(&BuildOptions { seed: 2, ..GRAPH }).links.to_vec());
    assert_ne!(first.links.to_vec(), built(&BuildOptions { rounds: 0, ..GRAPH }).links.to_vec());
    assert_eq!(built(&BuildOptions { links: 17, ..GRAPH }).degree(), 32);
    assert_eq!(built(&BuildOptions { lists: 7, ..GRAPH }).lists(), 7);
    assert_eq!(built(&BuildOptions { scan_below: 801, ..GRAPH }).degree(), 0);
    assert_eq!(built(&BuildOptions { scan_below: 800, ..GRAPH }).degree(), 16);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_search_leaves_no_marks(index in any::<prop::sample::Index>(), effort in 1usize..500, k in 0usize..40, share in prop_oneof![Just(None), (0.0f64..1.0).prop_map(Some)], from in 0usize..QUERIES - 6, batch in 1usize..6) {
        let world = World::of(Shape::Spread);
        let searchers = world.searchers();
        let searcher = index.get(&searchers).1.with_effort(effort);
        let allowed = share.map(|share| some_of(ROWS, share, from as u64));
        let queries = &world.queries[from * DIM..(from + batch) * DIM];
        let _ = searcher.search_batch(queries, k, allowed.as_ref());
        let _ = searcher.search(&queries[..DIM], k, allowed.as_ref());
        scratch::with(4, |all| {
            for scratch in all {
                assert!(scratch.visited.iter().all(|&word| word == 0));
                assert!(scratch.touched.is_empty() && scratch.ranges.is_empty());
            }
        });
    }

    #[test]
    fn a_stretch_is_marked_from_end_to_end(stretches in prop::collection::vec((0usize..300, 0usize..100), 0..5)) {
        let mut scratch = scratch::Scratch::new();
        scratch.make_room(400);
        let stretches: Vec<_> = stretches.into_iter().map(|(start, len)| start..start + len).collect();
        stretches.iter().for_each(|stretch| scratch.visit_range(stretch.clone()));
        for place in 0..400 {
            let marked = scratch.visited[place / 32] >> (place % 32) & 1 == 1;
            prop_assert_eq!(marked, stretches.iter().any(|stretch| stretch.contains(&place)), "{}", place);
        }
        scratch.forget_visits();
        prop_assert!(scratch.visited.iter().all(|&word| word == 0));
    }
}
