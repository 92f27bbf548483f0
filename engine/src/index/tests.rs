//! What every index has to do:
//!
//! 1. exact search agrees with a sort of all scores;
//! 2. the graph finds nearly what exact search finds, with and without a filter, also where lengths differ a lot;
//! 3. no row that is not allowed is ever found, and as many rows as there are allowed ones;
//! 4. an empty filter, an empty catalogue, zero vectors, equal vectors and queries that are not finite are answered;
//! 5. the graph is well formed.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::bundle::shapes::NONE;
use crate::vectors::dot;

const DIM: usize = 16;
const ROWS: usize = 3_000;
/// Builds a graph whatever the number of rows.
const ALWAYS: BuildOptions = BuildOptions { links: 12, ef_construction: 100, scan_below: 0, sample: 2_000 };

/// Vectors in clusters, with lengths from 0.2 to 5: popularity as item norms carry it.
fn clustered(rows: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let centres: Vec<f32> = (0..40 * DIM).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut vectors = Vec::with_capacity(rows * DIM);
    for _ in 0..rows {
        let centre = rng.random_range(0..40) * DIM;
        let length = 5.0f32.powf(rng.random_range(-1.0..1.0));
        vectors.extend((0..DIM).map(|at| length * (centres[centre + at] + rng.random_range(-0.4..0.4))));
    }
    vectors
}

fn rows_of(found: &[Scored]) -> Vec<u32> {
    found.iter().map(|scored| scored.row).collect()
}

/// Every allowed row, sorted by score and row.
fn sorted(vectors: &[f32], query: &[f32], k: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
    let rows = (0..vectors.len() / query.len()).filter(|&row| allowed.is_none_or(|set| set.contains(row as u32)));
    let score = |row: usize| dot(query, &vectors[row * query.len()..(row + 1) * query.len()]);
    let mut all: Vec<Scored> = rows.map(|row| Scored { row: row as u32, score: score(row) }).collect();
    all.sort_by(Scored::best_first);
    all.truncate(k);
    all
}

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

#[test]
fn the_graph_finds_what_exact_search_finds() {
    for seed in 0..2 {
        let vectors = clustered(ROWS, seed);
        let graph = build(&vectors, DIM, &[], &ALWAYS);
        let exact = Exact::new(&vectors, DIM);
        let index = Hnsw::new(graph.view(), exact, 64);
        let queries = clustered(100, seed + 100);
        for share in [1.0, 0.7, 0.2, 0.01] {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let allowed = Bitmap::from_fn(ROWS, |_| rng.random_bool(share));
            let (mut hits, mut wanted) = (0, 0);
            for query in queries.chunks_exact(DIM) {
                let truth = rows_of(&exact.search(query, 10, Some(&allowed)));
                let found = rows_of(&index.search(query, 10, Some(&allowed)));
                assert!(found.iter().all(|&row| allowed.contains(row)));
                assert_eq!(found.len(), truth.len());
                hits += found.iter().filter(|row| truth.contains(row)).count();
                wanted += truth.len();
            }
            assert!(hits * 100 >= wanted * 95, "{hits} of {wanted} with {share} allowed, seed {seed}");
        }
    }
}

/// The choice between graph and scan must not hide a beam that loses its way: a breadth of 1 forces the graph.
#[test]
fn the_beam_itself_answers() {
    let vectors = clustered(ROWS, 7);
    let graph = build(&vectors, DIM, &[], &ALWAYS);
    let exact = Exact::new(&vectors, DIM);
    let index = Hnsw::new(graph.view(), exact, 10);
    let all = Bitmap::all(ROWS);
    let queries = clustered(200, 8);
    let differs = queries.chunks_exact(DIM).filter(|query| {
        let found = index.search(query, 10, Some(&all));
        assert!(found.is_sorted_by(|a, b| a.best_first(b).is_lt()));
        found != exact.search(query, 10, None)
    });
    assert!(differs.count() > 0, "a beam of 10 that never misses is a scan");
}

#[test]
fn a_strict_filter_gives_every_allowed_row() {
    let vectors = clustered(ROWS, 3);
    let graph = build(&vectors, DIM, &[], &ALWAYS);
    let index = Hnsw::new(graph.view(), Exact::new(&vectors, DIM), 64);
    let mut allowed = Bitmap::none(ROWS);
    assert!(index.search(&vectors[..DIM], 10, Some(&allowed)).is_empty());
    [5, 77, 2_999].into_iter().for_each(|row| allowed.insert(row));
    let mut found = rows_of(&index.search(&vectors[..DIM], 10, Some(&allowed)));
    found.sort_unstable();
    assert_eq!(found, [5, 77, 2_999]);
    assert_eq!(index.search(&vectors[..DIM], ROWS + 5, None).len(), ROWS);
}

#[test]
fn odd_catalogues_are_answered() {
    for rows in [0, 1, 2, 3, 9] {
        for value in [0.0f32, 1.0] {
            let vectors = vec![value; rows * DIM];
            let graph = build(&vectors, DIM, &[], &ALWAYS);
            let index = Hnsw::new(graph.view(), Exact::new(&vectors, DIM), 8);
            let found = index.search(&[1.0; DIM], 5, None);
            assert_eq!(rows_of(&found), (0..rows.min(5) as u32).collect::<Vec<_>>(), "{rows} rows of {value}");
        }
    }
    let zeros = vec![0.0; 400 * DIM];
    let graph = build(&zeros, DIM, &[], &ALWAYS);
    assert_eq!(Hnsw::new(graph.view(), Exact::new(&zeros, DIM), 8).search(&[1.0; DIM], 5, None).len(), 5);
}

#[test]
fn a_query_that_is_not_finite_finds_nothing() {
    let vectors = clustered(500, 1);
    let graph = build(&vectors, DIM, &[], &ALWAYS);
    for bad in [f32::NAN, f32::INFINITY] {
        let mut query = vec![1.0; DIM];
        query[3] = bad;
        assert!(Exact::new(&vectors, DIM).search(&query, 5, None).is_empty());
        assert!(Hnsw::new(graph.view(), Exact::new(&vectors, DIM), 8).search(&query, 5, None).is_empty());
    }
}

#[test]
fn the_graph_is_well_formed() {
    let vectors = clustered(ROWS, 5);
    let graph = build(&vectors, DIM, &[], &ALWAYS);
    assert!(graph.reached().into_iter().all(|reached| reached), "a node that nobody reaches is never found");
    let view = graph.view();
    assert_eq!(view.ground.len(), ROWS * 2 * view.links);
    assert!(view.ground.iter().all(|&link| link == NONE || (link as usize) < ROWS));
    assert!(view.ground.chunks_exact(2 * view.links).all(|links| links[0] != NONE), "every node has a neighbour");
    assert!(view.levels() > 1 && view.level_links.len() == view.level_nodes.len() * view.links);
    let (mut begin, mut top) = (0, view.level_nodes);
    for &end in view.level_ends {
        let nodes = &view.level_nodes[begin..end as usize];
        assert!(!nodes.is_empty() && nodes.is_sorted_by(|a, b| a < b));
        let links = &view.level_links[begin * view.links..end as usize * view.links];
        assert!(
            links.iter().all(|link| *link == NONE || nodes.binary_search(link).is_ok()),
            "links stay on their level"
        );
        begin = end as usize;
        top = nodes;
    }
    assert!(top.contains(&view.entry), "searches begin on the top level");
}
