//! The task `build`.

use std::fs;
use std::path::Path;

use juntos_benches::npy::{Matrix, read_matrix};
use juntos_benches::process::{Memory, cpu_seconds};
use juntos_benches::statistics::timed;
use juntos_engine::index::{BuildOptions, VectorStore};
use serde_json::{Value, json};

use crate::arguments::Build;
use crate::{Fault, rows_file, same_dimensions};

const BYTES_IN_MIB: f64 = 1_048_576.0;

pub(crate) fn run(task: &Build) -> Result<Value, Fault> {
    if let Some(threads) = task.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
    }
    let (vectors, read_s) = timed(|| read_matrix::<f32>(&task.vectors));
    let vectors = vectors?;
    let sample = task.queries.as_deref().map(read_matrix::<f32>).transpose()?;
    if let (Some(path), Some(sample)) = (&task.queries, &sample) {
        same_dimensions(path, sample, vectors.dim)?;
    }
    let sample: Vec<&[f32]> = sample.iter().flat_map(Matrix::iter).collect();
    let options = options(task);
    let cpu_before = cpu_seconds()?;
    let (built, build_s) = timed(|| VectorStore::create(&task.out, &vectors.values, vectors.dim, &sample, &options));
    built?;
    let build_cpu_s = cpu_seconds()? - cpu_before;
    let (folder_mib, rows_mib) = (folder_mib(&task.out)?, file_mib(&rows_file(&task.out))?);
    Ok(json!({
        "rows": vectors.rows, "dim": vectors.dim, "threads": rayon::current_num_threads(), "options": options,
        "build_s": build_s, "build_cpu_s": build_cpu_s, "read_s": read_s,
        "index_mib": folder_mib - rows_mib, "folder_mib": folder_mib, "peak_rss_mib": Memory::now()?.peak_mib,
    }))
}

fn options(task: &Build) -> BuildOptions {
    let given = task.options.unwrap_or_default();
    BuildOptions {
        builder: task.builder.map_or(given.builder, Into::into),
        seed: task.seed.unwrap_or(given.seed),
        ..given
    }
}

fn folder_mib(folder: &Path) -> Result<f64, Fault> {
    let mut sum = 0.0;
    for entry in fs::read_dir(folder).map_err(|fault| format!("{}: {fault}", folder.display()))? {
        sum += file_mib(&entry?.path())?;
    }
    Ok(sum)
}

fn file_mib(path: &Path) -> Result<f64, Fault> {
    let metadata = fs::metadata(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    Ok(metadata.len() as f64 / BYTES_IN_MIB)
}
