//! Several threads at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const WRITERS: usize = 3;
const STEPS: usize = 120;

/// Counts down even where its thread panics, so that the others end.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn found(world: &Snapshot, query: &[f32], id: &str) -> bool {
    let conditions =
        Conditions { filter: &Filter::default(), market: Market::default(), age: 30, excluded: 0, rates: &NO_RATES };
    let allowed = world.allowed(&conditions);
    let found = closest(world, query, world.n_products(), &allowed);
    assert!(found.iter().all(|found| allowed.contains(found.row)), "nothing that is not allowed");
    world.product_row(id).is_some_and(|row| found.iter().any(|found| found.row == row))
}

/// Puts, hides and deletes products of its own, and looks for them in the next answer.
fn write(engine: &Engine, writer: usize) {
    let mut random = ChaCha8Rng::seed_from_u64(writer as u64);
    for step in 0..STEPS {
        let at = random.random_range(0..25) * WRITERS + writer;
        let record = ProductRecord { hidden: random.random_bool(0.2), ..new(at) };
        let (id, shown) = (record.product_id.clone(), !record.hidden);
        let query = &queries()[step % 20];
        put(engine, record);
        assert_eq!(found(&engine.snapshot(), query, &id), shown, "step {step}, {id} put");
        if random.random_bool(0.5) {
            delete(engine, &id);
            assert!(!found(&engine.snapshot(), query, &id), "step {step}, {id} deleted");
        }
    }
}

/// Asks for feeds, and looks up what they show.
fn read(engine: &Engine, writing: &AtomicUsize) {
    let mut answers = 0;
    while answers < 50 || writing.load(Ordering::Relaxed) > 0 {
        let world = engine.snapshot();
        let answer = world.feed("u0", &Context::new(NOW, 50)).unwrap();
        assert_eq!(answer.items.len(), 50);
        for item in &answer.items {
            let record = world.product(&item.product_id);
            assert!(record.is_some_and(|record| !record.hidden && record.min_age.is_none()), "{}", item.product_id);
        }
        answers += 1;
    }
}

#[test]
fn threads_that_change_search_and_merge_meet_nothing_deleted() {
    let engine = engine(200, usize::MAX);
    let writing = AtomicUsize::new(WRITERS);
    std::thread::scope(|scope| {
        let (engine, writing) = (&engine, &writing);
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let _done = Done(writing);
                write(engine, writer);
            });
        }
        (0..2).for_each(|_| drop(scope.spawn(|| read(engine, writing))));
        scope.spawn(|| {
            while writing.load(Ordering::Relaxed) > 0 {
                engine.snapshot().base.index.merge().unwrap();
            }
        });
    });
    assert!(engine.merge_status().merged > 0 && engine.merge_status().failed == 0);
    agrees_with_the_scan(&engine.snapshot());
}
