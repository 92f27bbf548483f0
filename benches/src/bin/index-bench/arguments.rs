//! What each task takes, and what its figures count.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use juntos_benches::generate::Shape;
use juntos_engine::index::{BuildOptions, Builder};

/// Build an index folder from vectors and tell what it cost
///
/// Figures: build_s, wall time from vectors in memory to the index on disk; build_cpu_s, the same in CPU time of all
/// threads; read_s, reading the vectors before; index_mib, all files of the index but the f32 rows; folder_mib, with
/// them; peak_rss_mib, the most memory that was resident at any time, the vectors as read among it.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// f32 [n, dim], .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) vectors: PathBuf,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// f32 [m, dim], .npy: a sample of what will be asked, for links between rows that answer the same queries
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,
    /// Which builder makes the graph; the engine's default if left out
    #[arg(long)]
    pub(crate) builder: Option<BuilderName>,
    /// Other settings of building, as JSON like {"links": 48, "rows": "f16"}; those left out are the engine's defaults
    #[arg(long, value_name = "JSON", value_parser = build_options)]
    pub(crate) options: Option<BuildOptions>,
    /// Threads; RAYON_NUM_THREADS or all cores if left out
    #[arg(long, value_parser = value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Decides every random choice; the engine's default if left out
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Also write the figures here
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// The builders by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BuilderName {
    /// Our own, over the flat arrays
    #[value(name = "own")]
    Own,
    /// `hnsw_rs`, flattened after building
    #[value(name = "hnsw_rs")]
    HnswRs,
}

impl From<BuilderName> for Builder {
    fn from(name: BuilderName) -> Self {
        match name {
            BuilderName::Own => Self::Own,
            BuilderName::HnswRs => Self::HnswRs,
        }
    }
}

/// Search an index folder on one thread and tell how fast it was
///
/// Opens, answers one query, warms the index (not with --cold), answers all queries once unmeasured, then measures
/// --repeat batch calls and as many passes of single calls.
///
/// Figures: qps, queries over the wall time of the median batch call; single_qps, the same of the median pass of
/// single calls; p50_us and p99_us, of all single calls; agreement, share of the batch's answers that single calls
/// gave too; open_ms, opening; first_query_us, the first query after opening, before warming; warm_ms, warming.
///
/// Memory after the searches: rss_mib, all that is resident in this process but the pages of the mapped f32 rows, so
/// links, quantised rows, buffers, the queries and the program (the f32 rows stay on disk, and the system may drop
/// their pages at any time); rss_rows_mib, those pages; rss_anon_mib, what belongs to no file, huge pages among it;
/// rss_file_mib, pages of mapped files, the f32 rows and the program among them; rss_before_mib, all that was resident
/// before opening, so that rss_mib less rss_before_mib is what the index takes.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Folder that `build` wrote
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// f32 [m, dim], .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: PathBuf,
    /// Rows to find for a query
    #[arg(long, default_value_t = 10, value_parser = number(100_000))]
    pub(crate) k: u64,
    /// How hard to look: higher finds more and takes longer
    #[arg(long, default_value_t = 40, value_parser = number(10_000_000))]
    pub(crate) effort: u64,
    /// Measured calls
    #[arg(long, default_value_t = 3, value_parser = number(10_000))]
    pub(crate) repeat: u64,
    /// Where the batch's answers go: u32 [m, k], .npy, 4294967295 where fewer than k were found
    #[arg(long, value_name = "FILE")]
    pub(crate) results: PathBuf,
    /// u8 array of n values, .npy: 0 for rows that must not be found
    #[arg(long, value_name = "FILE")]
    pub(crate) mask: Option<PathBuf>,
    /// Do not warm the index after opening
    #[arg(long)]
    pub(crate) cold: bool,
    /// Also write the figures here
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Vectors, queries, and where answers go.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// f32 [n, dim], .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) vectors: PathBuf,
    /// f32 [m, dim], .npy
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: PathBuf,
    /// Rows to find for a query
    #[arg(long, default_value_t = 10, value_parser = number(100_000))]
    pub(crate) k: u64,
    /// Where answers go: u32 [m, k], .npy (`rival`: a folder with one such file an effort)
    #[arg(long, value_name = "PATH")]
    pub(crate) results: PathBuf,
}

/// Build with hnsw_rs and search with its own search, on one thread
///
/// 16 links, breadth 200 while building, DistDot: rows and queries must have length 1. Figures: build_s, build_cpu_s;
/// memory_mib, growth of memory that belongs to no file while building, the graph and its copy of the vectors; and
/// for each effort, its breadth of search, qps, p50_us and p99_us of single calls (it has no faster batch on one
/// thread) over --repeat passes, and the file of its answers.
#[derive(Debug, Args)]
pub(crate) struct Rival {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Breadths of search, with commas between
    #[arg(long, value_delimiter = ',', required = true, value_parser = number(1_000_000))]
    pub(crate) efforts: Vec<u64>,
    /// Measured passes of each effort
    #[arg(long, default_value_t = 3, value_parser = number(10_000))]
    pub(crate) repeat: u64,
    /// Also write the figures here
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Find the right answers by scoring every row, on all cores
#[derive(Debug, Args)]
pub(crate) struct Exact {
    #[command(flatten)]
    pub(crate) data: Data,
    /// u8 array of n values, .npy: 0 for rows that must not be found
    #[arg(long, value_name = "FILE")]
    pub(crate) mask: Option<PathBuf>,
    /// Also write the time it took here
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Draw vectors in the likeness of learned tastes, and queries like users
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Number of vectors
    #[arg(long, value_parser = number(4_000_000_000))]
    pub(crate) n: u64,
    /// Dimensions
    #[arg(long, default_value_t = 64, value_parser = number(65_536))]
    pub(crate) dim: u64,
    /// Number of queries
    #[arg(long, default_value_t = 2000, value_parser = number(4_000_000_000))]
    pub(crate) queries: u64,
    /// Decides every random choice
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How vectors lie
    #[arg(long, value_enum, default_value_t = Shape::Clustered)]
    pub(crate) shape: Shape,
    /// f32 [n, dim], .npy, to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out_vectors: PathBuf,
    /// f32 [queries, dim], .npy, to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out_queries: PathBuf,
}

/// Tell which share of the right answers was found
#[derive(Debug, Args)]
pub(crate) struct Recall {
    /// u32 [m, k], .npy, as `search` wrote it
    #[arg(long, value_name = "FILE")]
    pub(crate) results: PathBuf,
    /// u32 [m, k], .npy, as `exact` wrote it
    #[arg(long, value_name = "FILE")]
    pub(crate) truth: PathBuf,
    /// Also write the share here
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

fn build_options(text: &str) -> Result<BuildOptions, String> {
    serde_json::from_str(text).map_err(|fault| fault.to_string())
}

/// Accepts 1 to `most`.
fn number(most: u64) -> clap::builder::RangedU64ValueParser<u64> {
    value_parser!(u64).range(1..=most)
}
