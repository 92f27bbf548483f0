//! The closest products through the live index. What these tests prove:
//!
//! 1. the answer is that of the exact scan over all products, new ones included, that exist and meet the conditions;
//! 2. an older world is not shown what is newer, and what was prepared for a world that never came harms nobody;
//! 3. a merge changes no answer, and comes by itself when many products are waiting;
//! 4. cursors leave out new products that were shown;
//! 5. threads that change, search and merge meet nothing that is deleted or hidden.

mod threads;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use juntos_datasets::units::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::closest;
use crate::allowed::Conditions;
use crate::bitmap::Bitmap;
use crate::bundle::tests::{DIM, World};
use crate::exchange::NO_RATES;
use crate::index::{BuildOptions, Scored};
use crate::live::Change;
use crate::live::records::{ProductRecord, UserRecord};
use crate::request::{Context, Filter, Market};
use crate::vectors::dot;
use crate::{Engine, Snapshot};

const NOW: Timestamp = Timestamp::from_millis(101 * Timestamp::DAY_MS);
const STORED: usize = 600;
const NEW: usize = 300;

/// A product whose neighbours in category, brand and shop no other of 385 in a row has together.
fn product(id: String, at: usize) -> ProductRecord {
    ProductRecord {
        category: Some(format!("c{}", at % 5)),
        brand: Some(format!("b{}", at % 7)),
        seller_id: Some(format!("s{}", at % 11)),
        price_minor: Some(at as i64 % 50),
        currency: Some("EUR".parse().unwrap()),
        min_age: at.is_multiple_of(6).then_some(18),
        hidden: at % 10 == 9,
        ..ProductRecord::new(id)
    }
}

fn new(at: usize) -> ProductRecord {
    product(format!("n{at}"), at)
}

fn engine(stored: usize, scan_below: usize) -> Engine {
    let records: Vec<ProductRecord> = (0..stored).map(|at| product(format!("p{at}"), at)).collect();
    let mut world = World::new(&[UserRecord::new("u0")], &records);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    world.products.iter_mut().for_each(|value| *value = random.random_range(-1.0..1.0));
    world.index = BuildOptions { scan_below, ..BuildOptions::default() };
    Engine::new(Arc::new(world.open()))
}

fn put(engine: &Engine, record: ProductRecord) {
    engine.apply(Change::PutProduct(record), NOW).unwrap();
}

fn delete(engine: &Engine, id: &str) {
    engine.apply(Change::DeleteProduct(id.to_owned()), NOW).unwrap();
}

/// New products, some of which are deleted or hidden again, and changes to those of the bundle.
fn lived(engine: &Engine) {
    (0..NEW).for_each(|at| put(engine, new(at)));
    for at in (0..NEW).step_by(7) {
        delete(engine, &format!("n{at}"));
        delete(engine, &format!("p{}", at * 2));
    }
    for at in (0..NEW).step_by(8) {
        put(engine, ProductRecord { hidden: true, ..new(at) });
        put(engine, ProductRecord { hidden: true, ..product(format!("p{}", at + 1), at) });
    }
    (0..NEW).step_by(21).for_each(|at| put(engine, ProductRecord { hidden: false, ..new(at + 1) }));
}

fn index_len(world: &Snapshot) -> usize {
    world.base.index.len()
}

fn queries() -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    (0..20).map(|_| (0..DIM).map(|_| random.random_range(-1.0..1.0)).collect()).collect()
}

fn filters() -> Vec<Filter> {
    let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let some = |letter: char| (0..STORED).step_by(4).map(move |at| format!("{letter}{at}"));
    let named = Filter { product_ids: some('p').chain(some('n')).collect(), ..Filter::default() };
    vec![
        Filter::default(),
        Filter { categories: texts(&["c1", "c3"]), ..Filter::default() },
        Filter { brands: texts(&["b2"]), not_seller_ids: texts(&["s4"]), ..Filter::default() },
        Filter { price_max_minor: Some(9), ..Filter::default() },
        Filter { categories: texts(&["nowhere"]), ..Filter::default() },
        named,
    ]
}

/// Rows of all products whose records meet the conditions, each looked at by itself.
fn fitting(world: &Snapshot, conditions: &Conditions<'_>) -> Bitmap {
    Bitmap::from_fn(world.n_products(), |row| {
        let record = world.product(world.product_id(row as u32));
        record.is_some_and(|record| record.fits(conditions))
    })
}

fn scanned(world: &Snapshot, query: &[f32], k: usize, allowed: &Bitmap) -> Vec<Scored> {
    let score = |row: u32| Scored { row, score: dot(query, world.product_vector(row)) };
    let mut all: Vec<Scored> = allowed.rows().map(score).collect();
    all.sort_by(Scored::best_first);
    all.truncate(k);
    all
}

/// Compares with the exact scan under every condition; gives what was found.
fn agrees_with_the_scan(world: &Snapshot) -> Vec<Vec<Scored>> {
    let mut answers = Vec::new();
    for filter in &filters() {
        for age in [10, 30] {
            let conditions = Conditions { filter, market: Market::default(), age, excluded: 0, rates: &NO_RATES };
            let allowed = world.allowed(&conditions);
            assert_eq!(allowed, fitting(world, &conditions), "{filter:?}, age {age}");
            for (query, k) in queries().iter().zip([1, 10, 60].into_iter().cycle()) {
                let found = closest(world, query, k, &allowed);
                assert_eq!(found, scanned(world, query, k, &allowed), "{filter:?}, age {age}, {k} of {query:?}");
                answers.push(found);
            }
        }
    }
    answers
}

#[test]
fn new_products_are_ranked_with_the_others() {
    let engine = engine(STORED, usize::MAX);
    agrees_with_the_scan(&engine.snapshot());
    lived(&engine);
    let world = engine.snapshot();
    let answers = agrees_with_the_scan(&world);
    let recent = answers.iter().flatten().filter(|found| found.row as usize >= STORED).count();
    assert!(
        recent > 50 && answers.iter().flatten().count() > 5 * recent / 4,
        "both kinds are found, {recent} new ones"
    );
    put(&engine, ProductRecord { stock: Some(3), ..new(2) });
    assert_eq!(agrees_with_the_scan(&engine.snapshot()), answers);
}

#[test]
fn a_merge_changes_no_answer() {
    let engine = engine(STORED, usize::MAX);
    lived(&engine);
    let before = agrees_with_the_scan(&engine.snapshot());
    for _ in 0..2 {
        assert!(engine.snapshot().base.index.merge().unwrap());
        assert_eq!(engine.snapshot().base.index.snapshot().delta_len(), 0);
        assert_eq!(agrees_with_the_scan(&engine.snapshot()), before);
        put(&engine, ProductRecord { stock: Some(3), ..new(2) });
        assert_eq!(engine.snapshot().base.index.snapshot().delta_len(), 0, "another stock is no other vector");
        // Deleted and put again: the answers are the same in the end.
        (1..4).for_each(|at| delete(&engine, &format!("n{at}")));
        agrees_with_the_scan(&engine.snapshot());
        (2..4).for_each(|at| put(&engine, new(at)));
        put(&engine, ProductRecord { hidden: false, ..new(1) });
        assert_eq!(agrees_with_the_scan(&engine.snapshot()), before);
    }
}

/// A bundle with a graph gets a graph again; one whose products are scanned, for few or for a graph that found too
/// little, never does.
#[test]
fn merged_indexes_are_as_those_of_the_bundle() {
    for (scan_below, graph) in [(64, true), (usize::MAX, false)] {
        let engine = engine(STORED, scan_below);
        lived(&engine);
        let world = engine.snapshot();
        let index = &world.base.index;
        for _ in 0..2 {
            assert_eq!(index.snapshot().base().index().degree() > 0, graph);
            let everything = Bitmap::all(world.n_products());
            // Deleted products of the bundle stay in the index, new ones do not.
            let kept = Bitmap::from_fn(world.n_products(), |row| !world.product_vector(row as u32).is_empty());
            assert_eq!(index_len(&world), kept.count());
            let (mut hits, mut wanted) = (0, 0);
            for query in queries() {
                let found = closest(&world, &query, 10, &everything);
                let best = scanned(&world, &query, 10, &kept);
                (hits, wanted) = (hits + best.iter().filter(|one| found.contains(one)).count(), wanted + best.len());
            }
            assert!(hits * 100 >= wanted * 97, "{hits} of {wanted}, graph: {graph}");
            index.merge().unwrap();
        }
    }
}

#[test]
fn an_older_world_stays_as_it_was() {
    let engine = engine(STORED, usize::MAX);
    (0..40).for_each(|at| put(&engine, new(at)));
    let old = engine.snapshot();
    let before = agrees_with_the_scan(&old);
    (40..NEW).for_each(|at| put(&engine, new(at)));
    assert_eq!(agrees_with_the_scan(&old), before);
    engine.snapshot().base.index.merge().unwrap();
    assert_eq!(agrees_with_the_scan(&old), before);
    agrees_with_the_scan(&engine.snapshot());
}

/// A change that was worked out and not taken over leaves a vector behind, under the row that the next new product gets.
#[test]
fn a_world_that_never_came_harms_nobody() {
    let engine = engine(STORED, usize::MAX);
    lived(&engine);
    let (world, before) = (engine.snapshot(), agrees_with_the_scan(&engine.snapshot()));
    drop(world.after(Change::PutProduct(new(NEW)), NOW).unwrap());
    assert_eq!(agrees_with_the_scan(&engine.snapshot()), before);
    let (with, without) = (new(NEW + 1), index_len(&world));
    put(&engine, with);
    assert_eq!(index_len(&engine.snapshot()), without, "it took the row that was given away");
    agrees_with_the_scan(&engine.snapshot());
}

#[test]
fn products_without_neighbours_are_found_behind_those_that_fit() {
    let engine = engine(30, usize::MAX);
    put(&engine, ProductRecord::new("odd"));
    agrees_with_the_scan(&engine.snapshot());
    let row = engine.snapshot().product_row("odd").unwrap();
    assert_eq!(engine.snapshot().product_vector(row), [0.0; DIM]);
}

#[test]
fn pages_show_new_products_once() {
    let engine = engine(60, usize::MAX);
    (0..90).for_each(|at| put(&engine, new(at)));
    for user in ["u0", "nobody"] {
        let (mut seen, mut cursor) = (BTreeSet::new(), None);
        loop {
            let context = Context { cursor, ..Context::new(NOW, 20) };
            let answer = engine.snapshot().feed(user, &context).unwrap();
            answer.items.iter().for_each(|item| assert!(seen.insert(item.product_id.clone()), "{}", item.product_id));
            cursor = answer.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let conditions =
            Conditions { filter: &Filter::default(), market: Market::default(), age: 0, excluded: 0, rates: &NO_RATES };
        assert_eq!(seen.len(), fitting(&engine.snapshot(), &conditions).count(), "{user}");
    }
}

#[test]
fn merges_come_by_themselves() {
    let engine = engine(60, usize::MAX).merging_in_background().unwrap();
    assert_eq!(engine.merge_status().merged, 0);
    (0..4_097).for_each(|at| put(&engine, new(at)));
    let started = Instant::now();
    while engine.merge_status().merged == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "no merge came: {:?}", engine.merge_status());
        std::thread::sleep(Duration::from_millis(1));
    }
    let world = engine.snapshot();
    let index = Arc::downgrade(&world.base.index);
    assert_eq!(world.base.index.snapshot().base().len(), 60 + 4_097);
    drop((world, engine));
    while index.strong_count() > 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "the thread has not ended");
        std::thread::sleep(Duration::from_millis(1));
    }
}
