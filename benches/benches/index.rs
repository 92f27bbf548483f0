//! What the parts of the vector index cost: scores by each kernel, searches by effort, filters by what they keep, and
//! changes of a live index. Each on one thread, on made-up vectors.
//!
//! `JUNTOS_ROWS=200000` chooses another number of rows.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use juntos_engine::bitmap::Bitmap;

use juntos_engine::index::{Base, BuildOptions, FlatIndex, LiveIndex, LiveOptions, VectorIndex, kernel_names};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DEFAULT_ROWS: usize = 50_000;
const DIM: usize = 64;
const CENTRES: usize = 500;
const QUERIES: usize = 256;
const K: usize = 10;
/// About recall 0.95, 0.99 and nearly all.
const EFFORTS: [usize; 3] = [20, 80, 320];
/// What filters keep, in thousandths.
const KEPT: [u32; 4] = [500, 100, 10, 1];

/// Clustered vectors, and queries like them.
struct World {
    rows: Vec<f32>,
    queries: Vec<f32>,
    index: FlatIndex,
}

impl World {
    fn new() -> Self {
        let rows =
            std::env::var("JUNTOS_ROWS").map_or(DEFAULT_ROWS, |rows| rows.parse().expect("JUNTOS_ROWS is a number"));
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let centres: Vec<f32> = (0..CENTRES * DIM).map(|_| random.random_range(-1.0..1.0)).collect();
        let mut clustered = |count: usize| {
            let mut vectors = Vec::with_capacity(count * DIM);
            for _ in 0..count {
                let centre = random.random_range(0..CENTRES) * DIM;
                vectors.extend((0..DIM).map(|at| centres[centre + at] + random.random_range(-0.8f32..0.8)));
            }
            vectors
        };
        let (rows, queries) = (clustered(rows), clustered(QUERIES));
        let mut index = FlatIndex::build(&rows, DIM, &[], &BuildOptions::default());
        index.warm();
        Self { rows, queries, index }
    }

    /// The queries in turn.
    fn turns<'w>(&'w self) -> impl Fn() -> &'w [f32] {
        let turn = Cell::new(0);
        move || {
            turn.set((turn.get() + 7) % QUERIES);
            &self.queries[turn.get() * DIM..(turn.get() + 1) * DIM]
        }
    }
}

fn kernels(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("scores of all rows by their codes");
    group.throughput(Throughput::Elements(world.index.len() as u64));
    for name in kernel_names() {
        let (query, mut scores) = (world.turns(), Vec::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| world.index.scores_by_codes(name, black_box(query()), &mut scores));
        });
    }
    group.finish();
}

fn searches(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("search for 10");
    for effort in EFFORTS {
        let (searcher, query, mut found) = (world.index.searcher(&world.rows, effort), world.turns(), Vec::new());
        group.bench_function(BenchmarkId::new("alone", effort), |bencher| {
            bencher.iter(|| searcher.search_into(black_box(query()), K, None, &mut found));
        });
        group.bench_function(BenchmarkId::new("256 in a batch", effort), |bencher| {
            bencher.iter(|| searcher.search_batch(black_box(&world.queries), K, None));
        });
    }
    let (exact, query) = (world.index.searcher(&world.rows, 1).exact(), world.turns());
    group.bench_function("exact scan", |bencher| bencher.iter(|| exact.search(black_box(query()), K, None)));
    group.finish();
}

fn filters(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("search for 10 of the allowed, effort 80");
    let searcher = world.index.searcher(&world.rows, 80);
    for kept in KEPT {
        let mut random = ChaCha8Rng::seed_from_u64(u64::from(kept));
        let allowed = Bitmap::from_fn(world.index.len(), |_| random.random_range(0..1_000) < kept);
        let (query, mut found) = (world.turns(), Vec::new());
        group.bench_function(BenchmarkId::new("alone", format!("{kept} of 1000")), |bencher| {
            bencher.iter(|| searcher.search_into(black_box(query()), K, Some(&allowed), &mut found));
        });
        group.bench_function(BenchmarkId::new("256 in a batch", format!("{kept} of 1000")), |bencher| {
            bencher.iter(|| searcher.search_batch(black_box(&world.queries), K, Some(&allowed)));
        });
    }
    let none = Bitmap::none(world.index.len());
    let (query, mut found) = (world.turns(), Vec::new());
    group.bench_function("nothing allowed", |bencher| {
        bencher.iter(|| searcher.search_into(black_box(query()), K, Some(&none), &mut found));
    });
    group.finish();
}

fn changes(criterion: &mut Criterion, world: &World) {
    let index = || FlatIndex::build(&world.rows[..20_000 * DIM], DIM, &[], &BuildOptions::default());
    let base = Base::new(index(), world.rows[..20_000 * DIM].to_vec(), None).expect("index and vectors fit");
    let live = LiveIndex::new(Arc::new(base), LiveOptions::default());
    let mut group = criterion.benchmark_group("live index of 20000 rows");
    let (vector, id) = (world.turns(), Cell::new(0));
    let next = || {
        id.set((id.get() + 1) % 2_000);
        20_000 + id.get()
    };
    group.bench_function("put", |bencher| {
        bencher.iter_batched(next, |id| live.put(id, vector()).expect("a finite vector"), BatchSize::SmallInput);
    });
    let query = world.turns();
    group.bench_function("search beside 2000 changes", |bencher| {
        bencher.iter(|| live.snapshot().search(black_box(query()), K, None));
    });
    group.bench_function("remove and put back", |bencher| {
        bencher.iter_batched(
            next,
            |id| (live.remove(id), live.put(id, vector()).expect("a finite vector")),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn index(criterion: &mut Criterion) {
    let world = World::new();
    kernels(criterion, &world);
    searches(criterion, &world);
    filters(criterion, &world);
    changes(criterion, &world);
}

criterion_group!(benches, index);
criterion_main!(benches);
