//! What holds for every search, whatever the index.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn exact_is_a_sort(values in prop::collection::vec(-3i8..3, 0..120), query in prop::collection::vec(-3i8..3, 3), k in 0usize..50, keep in prop::collection::vec(any::<bool>(), 40)) {
        let vectors: Vec<f32> = values.iter().map(|&value| f32::from(value)).take(values.len() / 3 * 3).collect();
        let query: Vec<f32> = query.into_iter().map(f32::from).collect();
        let allowed = Bitmap::from_fn(vectors.len() / 3, |row| keep[row]);
        let exact = Exact::new(&vectors, 3);
        prop_assert_eq!(exact.search(&query, k, None), sorted(&vectors, &query, k, None));
        prop_assert_eq!(exact.search(&query, k, Some(&allowed)), sorted(&vectors, &query, k, Some(&allowed)));
    }
}

/// What holds for every answer: enough rows, allowed ones, each once, best first, with their true scores.
fn check(name: &str, vectors: &[f32], query: &[f32], k: usize, allowed: Option<&Bitmap>, found: &[Scored]) {
    let rows = vectors.len() / query.len();
    let eligible = allowed.map_or(rows, Bitmap::count);
    assert_eq!(found.len(), k.min(eligible), "{name}: {k} of {eligible}");
    assert!(found.is_sorted_by(|a, b| a.best_first(b).is_lt()), "{name}: best first, each once: {found:?}");
    for scored in found {
        assert!(
            allowed.is_none_or(|allowed| allowed.contains(scored.row)),
            "{name}: row {} is not allowed",
            scored.row
        );
        let at = scored.row as usize * query.len();
        assert_eq!(scored.score.to_bits(), dot(query, &vectors[at..at + query.len()]).to_bits(), "{name}");
    }
    let mut rows = rows_of(found);
    rows.sort_unstable();
    assert!(rows.is_sorted_by(|a, b| a < b), "{name}: a row twice in {found:?}");
}

#[test]
fn answers_are_allowed_complete_and_in_order() {
    for shape in [Shape::Spread, Shape::Normal, Shape::Loose] {
        let world = World::of(shape);
        let filters = [1.0, 0.999, 0.6, 0.2, 0.02, 0.002].map(|share| some_of(ROWS, share, 9));
        for (name, index) in world.all() {
            for query in world.queries().take(6) {
                for allowed in filters.iter().map(Some).chain([None]) {
                    for k in [0, 1, 7, 100] {
                        check(name, &world.vectors, query, k, allowed, &index.search(query, k, allowed));
                    }
                }
            }
        }
    }
}

#[test]
fn all_rows_are_found_where_more_are_asked_for_than_there_are() {
    let world = World::of(Shape::Spread);
    let allowed = some_of(ROWS, 0.01, 4);
    for (name, index) in world.all() {
        for query in world.queries().take(2) {
            for k in [ROWS, ROWS + 5, usize::MAX] {
                assert_eq!(index.search(query, k, None), sorted(&world.vectors, query, k, None), "{name}");
                let found = index.search(query, k, Some(&allowed));
                assert_eq!(found, sorted(&world.vectors, query, k, Some(&allowed)), "{name}");
            }
        }
    }
}

#[test]
fn few_allowed_rows_are_all_found_and_none_where_none_is() {
    let world = World::of(Shape::Spread);
    let mut few = Bitmap::none(ROWS);
    [5, 77, 2_499].into_iter().for_each(|row| few.insert(row));
    for (name, index) in world.all() {
        for query in world.queries() {
            assert_eq!(index.search(query, 10, Some(&few)), sorted(&world.vectors, query, 10, Some(&few)), "{name}");
            assert!(index.search(query, 10, Some(&Bitmap::none(ROWS))).is_empty(), "{name}");
        }
    }
}

#[test]
fn without_a_graph_and_a_filter_the_answer_is_exact() {
    let world = World::of(Shape::Loose);
    let graphless = world.indexes.iter().filter(|(_, index)| index.degree() == 0);
    assert_eq!(graphless.clone().count(), 1 + FORMATS.len());
    for (name, index) in graphless {
        for query in world.queries() {
            let found = index.searcher(&world.vectors, EFFORT).search(query, 10, None);
            assert_eq!(found, sorted(&world.vectors, query, 10, None), "{name}");
        }
    }
}

#[test]
fn queries_that_are_not_finite_find_nothing() {
    let world = World::of(Shape::Spread);
    let all = Bitmap::all(ROWS);
    for (name, index) in world.all() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut query = vec![1.0; DIM];
            query[3] = bad;
            assert!(index.search(&query, 5, None).is_empty(), "{name}");
            assert!(index.search(&query, 5, Some(&all)).is_empty(), "{name}");
        }
    }
    for (name, searcher) in world.searchers() {
        let queries = [vec![f32::NAN; DIM], world.queries[..DIM].to_vec()].concat();
        let found = searcher.search_batch(&queries, 5, None);
        assert!(found[0].is_empty() && found[1] == searcher.search(&queries[DIM..], 5, None), "{name}");
    }
}

#[test]
fn a_batch_answers_as_one_by_one() {
    for shape in [Shape::Spread, Shape::Normal, Shape::Loose] {
        let world = World::of(shape);
        let filters = [1.0, 0.6, 0.1, 0.01, 0.0].map(|share| some_of(ROWS, share, 11));
        for (name, searcher) in world.searchers() {
            for allowed in filters.iter().map(Some).chain([None]) {
                let batch = searcher.search_batch(&world.queries[..9 * DIM], 10, allowed);
                let singles: Vec<_> =
                    world.queries().take(9).map(|query| searcher.search(query, 10, allowed)).collect();
                assert_eq!(batch, singles, "{name}, {:?} allowed", allowed.map(Bitmap::count));
            }
            assert!(searcher.search_batch(&[], 10, None).is_empty(), "{name}");
            assert_eq!(searcher.search_batch(&world.queries[..3 * DIM], 0, None), vec![vec![]; 3], "{name}");
        }
    }
}

#[test]
fn a_warmed_index_and_a_mapped_one_answer_as_the_one_in_memory() {
    let world = World::of(Shape::Spread);
    let memory = world.indexes[0].1.searcher(&world.vectors, EFFORT);
    let filters = [0.5, 0.05, 0.005].map(|share| some_of(ROWS, share, 12));
    for (name, store) in &world.stores {
        for query in world.queries() {
            for allowed in filters.iter().map(Some).chain([None]) {
                let found = store.search(query, 10, EFFORT, allowed);
                assert_eq!(found, memory.search(query, 10, allowed), "{name}");
            }
        }
    }
}

#[test]
fn odd_catalogues_are_answered() {
    let mixed = |rows: usize| {
        let spread = vectors(Shape::Spread, rows, 21);
        let scale = |row: usize| [0.0, 1e-42, 1e-20, 1.0, 1e15][row % 5];
        spread.chunks(DIM).enumerate().flat_map(|(row, x)| x.iter().map(move |value| value * scale(row))).collect()
    };
    for rows in [0, 1, 17, 120] {
        for vectors in [vec![0.0; rows * DIM], vec![1.0; rows * DIM], vectors(Shape::Loose, rows, 20), mixed(rows)] {
            let world = World::new(vectors, Vec::new(), &FORMATS);
            let allowed = Bitmap::from_fn(rows, |row| row % 3 != 1);
            for (name, index) in world.all() {
                let name = format!("{name} of {rows} rows");
                for query in [vec![1.0; DIM], vec![0.0; DIM], vec![-1e-30; DIM], vec![1e15; DIM]] {
                    for k in [0, 1, 5, 200] {
                        for allowed in [None, Some(&allowed)] {
                            check(&name, &world.vectors, &query, k, allowed, &index.search(&query, k, allowed));
                        }
                    }
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "the filter ranges over other rows")]
fn a_filter_of_another_catalogue_is_refused() {
    let world = World::of(Shape::Loose);
    let _ = world.searchers()[0].1.search(&world.queries[..DIM], 5, Some(&Bitmap::all(ROWS + 1)));
}

#[test]
#[should_panic(expected = "dimensions of the query")]
fn a_query_of_other_dimensions_is_refused() {
    let world = World::of(Shape::Loose);
    let _ = world.searchers()[0].1.search(&world.queries[..DIM - 1], 5, None);
}
