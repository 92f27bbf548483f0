//! The task `search`.

use std::time::Instant;

use juntos_benches::npy::{Matrix, read_matrix};
use juntos_benches::process::{Memory, mapped_mib};
use juntos_benches::recall::write_answers;
use juntos_benches::statistics::{Singles, median, timed};
use juntos_engine::bitmap::Bitmap;
use juntos_engine::index::{Scored, Searcher, VectorStore};
use serde_json::{Value, json};

use crate::arguments::Search;
use crate::{Fault, read_mask, rows_file, same_dimensions};

pub(crate) fn run(task: &Search) -> Result<Value, Fault> {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let queries: Matrix<f32> = read_matrix(&task.queries)?;
    let before = Memory::now()?;
    let (store, open_s) = timed(|| VectorStore::open(&task.index));
    let mut store = store?;
    same_dimensions(&task.queries, &queries, store.dim())?;
    let allowed = task.mask.as_deref().map(|path| read_mask(path, store.len())).transpose()?;
    let (_, first_s) = timed(|| {
        let first = &queries.values[..queries.dim];
        store.search(first, task.k as usize, task.effort as usize, allowed.as_ref())
    });
    let ((), warm_s) = timed(|| {
        if !task.cold {
            store.warm();
        }
    });
    let searcher = store.searcher(task.effort as usize);
    let measured = Measure { task, searcher, queries: &queries, allowed: allowed.as_ref() }.run();
    let after = Memory::now()?;
    let rows_mib = mapped_mib(&rows_file(&task.index))?;
    write_answers(&task.results, task.k as usize, measured.answers.iter().map(Vec::as_slice))?;
    Ok(json!({
        "k": task.k, "effort": task.effort, "repeat": task.repeat, "queries": queries.rows, "cold": task.cold,
        "qps": measured.qps, "single_qps": measured.singles.qps, "p50_us": measured.singles.p50_us,
        "p99_us": measured.singles.p99_us, "agreement": measured.agreement,
        "open_ms": open_s * 1e3, "first_query_us": first_s * 1e6, "warm_ms": warm_s * 1e3,
        "rss_mib": after.resident_mib - rows_mib, "rss_rows_mib": rows_mib, "rss_anon_mib": after.anonymous_mib,
        "rss_file_mib": after.file_mib, "rss_before_mib": before.resident_mib,
    }))
}

/// What is measured on.
struct Measure<'a> {
    task: &'a Search,
    searcher: Searcher<'a>,
    queries: &'a Matrix<f32>,
    allowed: Option<&'a Bitmap>,
}

struct Measured {
    answers: Vec<Vec<u32>>,
    qps: f64,
    singles: Singles,
    agreement: f64,
}

impl Measure<'_> {
    fn run(&self) -> Measured {
        let answers: Vec<Vec<u32>> = self.batch().iter().map(|answer| rows(answer)).collect();
        let mut batches: Vec<f64> = (0..self.task.repeat).map(|_| timed(|| self.batch()).1).collect();
        let mut found = Vec::new();
        let alone: Vec<Vec<u32>> = self.queries.iter().map(|query| rows(self.single(query, &mut found))).collect();
        let passes: Vec<Vec<f64>> = (0..self.task.repeat).map(|_| self.pass(&mut found)).collect();
        Measured {
            qps: self.queries.rows as f64 / median(&mut batches),
            singles: Singles::of(&passes),
            agreement: agreement(&answers, &alone),
            answers,
        }
    }

    fn batch(&self) -> Vec<Vec<Scored>> {
        self.searcher.search_batch(&self.queries.values, self.task.k as usize, self.allowed)
    }

    /// One answer, in room that is used again.
    fn single<'f>(&self, query: &[f32], found: &'f mut Vec<Scored>) -> &'f [Scored] {
        self.searcher.search_into(query, self.task.k as usize, self.allowed, found);
        found
    }

    /// Seconds of each query alone.
    fn pass(&self, found: &mut Vec<Scored>) -> Vec<f64> {
        let call = |query| {
            let start = Instant::now();
            std::hint::black_box(self.single(query, found));
            start.elapsed().as_secs_f64()
        };
        self.queries.iter().map(call).collect()
    }
}

fn rows(answer: &[Scored]) -> Vec<u32> {
    answer.iter().map(|scored| scored.row).collect()
}

/// The share of rows of `answers` that the answer to the same query in `others` has too; 1 where there is no row.
fn agreement(answers: &[Vec<u32>], others: &[Vec<u32>]) -> f64 {
    let both = |(one, other): (&Vec<u32>, &Vec<u32>)| one.iter().filter(|row| other.contains(row)).count();
    let common: usize = answers.iter().zip(others).map(both).sum();
    let all: usize = answers.iter().map(Vec::len).sum();
    if all == 0 { 1.0 } else { common as f64 / all as f64 }
}
