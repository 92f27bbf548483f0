//! The task `rival`: `hnsw_rs` as its users run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hnsw_rs::prelude::{DistDot, Hnsw};
use juntos_benches::npy::{Matrix, read_matrix};
use juntos_benches::process::{Memory, cpu_seconds};
use juntos_benches::recall::write_answers;
use juntos_benches::statistics::{Singles, timed};
use serde_json::{Value, json};

use crate::arguments::Rival;
use crate::{Fault, same_dimensions};

const LINKS: usize = 16;
const EF_CONSTRUCTION: usize = 200;
const LEVELS: usize = 16;
/// `DistDot` ends the process where an inner product is above 1.000002, so squared lengths may not be far from 1.
const SQUARED_LENGTH_ERROR: f64 = 1e-6;

pub(crate) fn run(task: &Rival) -> Result<Value, Fault> {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let vectors = read_normalised(&task.data.vectors)?;
    let queries = read_normalised(&task.data.queries)?;
    same_dimensions(&task.data.queries, &queries, vectors.dim)?;
    fs::create_dir_all(&task.data.results).map_err(|fault| format!("{}: {fault}", task.data.results.display()))?;
    let (memory_before, cpu_before) = (Memory::now()?, cpu_seconds()?);
    let (index, build_s) = timed(|| build(&vectors));
    let build_cpu_s = cpu_seconds()? - cpu_before;
    let memory_mib = Memory::now()?.anonymous_mib - memory_before.anonymous_mib;
    let mut efforts = Vec::new();
    for &effort in &task.efforts {
        efforts.push(measure(task, &index, &queries, effort)?);
    }
    Ok(json!({ "build_s": build_s, "build_cpu_s": build_cpu_s, "memory_mib": memory_mib, "efforts": efforts }))
}

fn read_normalised(path: &Path) -> Result<Matrix<f32>, Fault> {
    let matrix: Matrix<f32> = read_matrix(path)?;
    let squared = |row: &[f32]| row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
    let off = |row: &[f32]| (squared(row) - 1.0).abs() > SQUARED_LENGTH_ERROR;
    match matrix.iter().position(off) {
        None => Ok(matrix),
        Some(row) => Err(format!(
            "{}: row {row} (from 0) has length {:.6}; hnsw_rs takes only rows of length 1 for inner products, divide each by its length",
            path.display(),
            squared(&matrix.values[row * matrix.dim..(row + 1) * matrix.dim]).sqrt()
        )
        .into()),
    }
}

fn build(vectors: &Matrix<f32>) -> Hnsw<'static, f32, DistDot> {
    let mut index = Hnsw::new(LINKS, vectors.rows, LEVELS, EF_CONSTRUCTION, DistDot);
    vectors.iter().enumerate().for_each(|(row, vector)| index.insert((vector, row)));
    index.set_searching_mode(true);
    index
}

fn measure(task: &Rival, index: &Hnsw<'_, f32, DistDot>, queries: &Matrix<f32>, effort: u64) -> Result<Value, Fault> {
    let k = task.data.k as usize;
    let search = |query: &[f32]| index.search(query, k, effort as usize);
    let rows = |query: &[f32]| search(query).iter().map(|found| found.d_id as u32).collect();
    let answers: Vec<Vec<u32>> = queries.iter().map(rows).collect();
    let file: PathBuf = task.data.results.join(format!("{effort}.npy"));
    write_answers(&file, k, answers.iter().map(Vec::as_slice))?;
    let call = |query: &[f32]| {
        let start = Instant::now();
        std::hint::black_box(search(query));
        start.elapsed().as_secs_f64()
    };
    let passes: Vec<Vec<f64>> = (0..task.repeat).map(|_| queries.iter().map(call).collect()).collect();
    let Singles { qps, p50_us, p99_us } = Singles::of(&passes);
    Ok(json!({ "effort": effort, "qps": qps, "p50_us": p50_us, "p99_us": p99_us, "results": file }))
}
