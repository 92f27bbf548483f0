//! Builds and searches the vector index on arrays in NumPy's form, and tells what it cost as JSON.
//!
//! ```sh
//! index-bench generate --n 200000 --dim 64 --out-vectors base.npy --out-queries q.npy
//! index-bench build --vectors base.npy --out INDEX --json build.json
//! index-bench exact --vectors base.npy --queries q.npy --results truth.npy
//! index-bench search --index INDEX --queries q.npy --effort 40 --results ids.npy --json search.json
//! index-bench recall --results ids.npy --truth truth.npy
//! ```
//! `benches/index_report.py` runs it beside other libraries.

#![forbid(unsafe_code)]

mod arguments;
mod build;
mod rival;
mod search;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use juntos_benches::generate::{Plan, generate};
use juntos_benches::npy::{Matrix, read_matrix, read_vector};
use juntos_benches::recall::{recall, write_answers};
use juntos_benches::scan::exact;
use juntos_benches::statistics::timed;
use juntos_engine::bitmap::Bitmap;
use serde_json::{Value, json};

use arguments::{Build, Exact, Generate, Recall, Rival, Search};

/// Measures the vector index: build, search, exact answers, recall, and `hnsw_rs` as a rival
#[derive(Debug, Parser)]
#[command(version)]
struct Program {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Build(Build),
    Search(Search),
    Rival(Rival),
    Exact(Exact),
    Generate(Generate),
    Recall(Recall),
}

/// What went wrong, in words.
type Fault = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match Program::parse().task.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Standard error is the last place to tell; when it is closed there is nobody to tell.
            let _untold = writeln!(io::stderr(), "index-bench: {fault}");
            ExitCode::FAILURE
        }
    }
}

impl Task {
    fn run(&self) -> Result<(), Fault> {
        match self {
            Self::Build(task) => report(&build::run(task)?, task.json.as_deref()),
            Self::Search(task) => report(&search::run(task)?, task.json.as_deref()),
            Self::Rival(task) => report(&rival::run(task)?, task.json.as_deref()),
            Self::Exact(task) => write_exact(task),
            Self::Generate(task) => write_generated(task),
            Self::Recall(task) => report_recall(task),
        }
    }
}

fn write_exact(task: &Exact) -> Result<(), Fault> {
    let (vectors, queries) = (read_matrix(&task.data.vectors)?, read_matrix(&task.data.queries)?);
    same_dimensions(&task.data.queries, &queries, vectors.dim)?;
    let allowed = task.mask.as_deref().map(|path| read_mask(path, vectors.rows)).transpose()?;
    let k = task.data.k as usize;
    let (answers, seconds) = timed(|| exact(&vectors, &queries, k, allowed.as_ref()));
    write_answers(&task.data.results, k, answers.iter().map(Vec::as_slice))?;
    report(&json!({ "seconds": seconds, "rows": vectors.rows, "queries": queries.rows }), task.json.as_deref())
}

fn write_generated(task: &Generate) -> Result<(), Fault> {
    let plan = Plan {
        rows: task.n as usize,
        dim: task.dim as usize,
        queries: task.queries as usize,
        seed: task.seed,
        shape: task.shape,
    };
    let (written, seconds) = timed(|| generate(&plan, &task.out_vectors, &task.out_queries));
    written?;
    report(&json!({ "seconds": seconds, "rows": plan.rows, "dim": plan.dim, "queries": plan.queries }), None)
}

fn report_recall(task: &Recall) -> Result<(), Fault> {
    let truth = read_matrix(&task.truth)?;
    let share = recall(&read_matrix(&task.results)?, &truth)?;
    let share = share.ok_or_else(|| format!("{}: no query has a true row to find", task.truth.display()))?;
    let figures = json!({ "k": truth.dim, "queries": truth.rows, "recall": share });
    if let Some(path) = &task.json {
        write_json(&figures, path)?;
    }
    Ok(writeln!(io::stdout(), "recall@{} {share:.4} over {} queries", truth.dim, truth.rows)?)
}

/// Prints the figures, and writes them where asked.
fn report(figures: &Value, json: Option<&Path>) -> Result<(), Fault> {
    if let Some(path) = json {
        write_json(figures, path)?;
    }
    Ok(writeln!(io::stdout(), "{figures}")?)
}

fn write_json(figures: &Value, path: &Path) -> Result<(), Fault> {
    std::fs::write(path, format!("{figures}\n")).map_err(|fault| format!("{}: {fault}", path.display()).into())
}

fn same_dimensions(path: &Path, queries: &Matrix<f32>, dim: usize) -> Result<(), Fault> {
    if queries.dim == dim {
        return Ok(());
    }
    Err(format!(
        "{}: queries of {} dimensions, the vectors have {dim}; give queries made for them",
        path.display(),
        queries.dim
    )
    .into())
}

/// The file of an index folder with the f32 rows, which searches map and do not load.
fn rows_file(index: &Path) -> PathBuf {
    index.join("vectors.bin")
}

/// A filter: one byte a row, 0 for rows that must not be found.
fn read_mask(path: &Path, rows: usize) -> Result<Bitmap, Fault> {
    let mask: Vec<u8> = read_vector(path)?;
    if mask.len() != rows {
        return Err(format!("{}: {} values for {rows} vectors; give one a vector", path.display(), mask.len()).into());
    }
    Ok(Bitmap::from_fn(rows, |row| mask[row] != 0))
}
