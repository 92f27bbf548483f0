//! An index with its vectors in a folder of its own: for programs that search vectors and need nothing else of Juntos.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::build::BuildOptions;
use super::flat::{Array, FlatIndex};
use super::search::Searcher;
use super::{Scored, VectorIndex};
use crate::bitmap::Bitmap;
use crate::bundle::folder::{self, FileEntry};
use crate::bundle::map::MappedFile;
use crate::bundle::sections::SectionFile;
use crate::error::EngineError;

const MANIFEST: &str = "store.json";
const INDEX: &str = "index.bin";
const VECTORS: &str = "vectors.bin";
const FORMAT: &str = "juntos-vectors";
const VERSION: u32 = 1;

/// File `store.json`.
#[derive(Serialize, Deserialize)]
struct StoreManifest {
    format: String,
    format_version: u32,
    rows: usize,
    dim: usize,
    index: FileEntry,
    vectors: FileEntry,
}

/// A folder with an index and the vectors that it was built from, mapped into memory.
pub struct VectorStore {
    pub(super) index: FlatIndex,
    pub(super) vectors: Array<f32>,
}

impl VectorStore {
    /// Builds the index of `vectors`, `(n, dim)` row-major and finite, and writes both to the new folder `path`. What
    /// `queries` are for, [`FlatIndex::build`] tells.
    ///
    /// Everything is written to a temporary folder beside `path`, synced, and renamed at the end.
    ///
    /// # Errors
    /// When `path` exists, the vectors are not whole rows or not finite, or the disk refuses.
    pub fn create(
        path: &Path,
        vectors: &[f32],
        dim: usize,
        queries: &[&[f32]],
        options: &BuildOptions,
    ) -> Result<(), EngineError> {
        if dim == 0 || !vectors.len().is_multiple_of(dim) || vectors.iter().any(|value| !value.is_finite()) {
            let problem = format!("{} values are no finite rows of {dim} dimensions", vectors.len());
            return Err(EngineError::unwritable(problem));
        }
        folder::create(path, |folder| {
            let (index, rows) = (folder.join(INDEX), folder.join(VECTORS));
            FlatIndex::build(vectors, dim, queries, options).write(&index)?;
            let mut file = SectionFile::default();
            file.add("vectors", vectors);
            file.write(&rows)?;
            let manifest = StoreManifest {
                format: FORMAT.to_owned(),
                format_version: VERSION,
                rows: vectors.len() / dim,
                dim,
                index: FileEntry::of(&index)?,
                vectors: FileEntry::of(&rows)?,
            };
            folder::write_json(&folder.join(MANIFEST), &manifest)
        })
    }

    /// Opens the folder `path`. Sizes and shapes are checked, not every byte: see [`VectorStore::verify`].
    ///
    /// # Errors
    /// When the folder is no store or one of another version, or a file is missing, cut short or does not fit.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let manifest = manifest(path)?;
        let (index, vectors) = (open(path, INDEX, &manifest.index)?, open(path, VECTORS, &manifest.vectors)?);
        let index_of = FlatIndex::from_file(&index)?;
        if (index_of.len(), index_of.dim()) != (manifest.rows, manifest.dim) {
            return index.refuse(format!("it is not of {} rows of {} dimensions", manifest.rows, manifest.dim));
        }
        let vectors = vectors.column_of::<f32>("vectors", index_of.len() * index_of.dim())?;
        Ok(Self { index: index_of, vectors: vectors.into() })
    }

    /// Compares every byte of the folder `path` with the checksums that were taken when it was written.
    ///
    /// # Errors
    /// As [`VectorStore::open`], and when a checksum differs.
    pub fn verify(path: &Path) -> Result<(), EngineError> {
        let manifest = manifest(path)?;
        for (name, expected) in [(INDEX, &manifest.index), (VECTORS, &manifest.vectors)] {
            let file = path.join(name);
            let found = FileEntry::of(&file)?;
            if found != *expected {
                let problem = format!("its checksum is {}, {MANIFEST} says {}", found.xxh3, expected.xxh3);
                return Err(EngineError::damaged(&file, problem));
            }
        }
        // The manifest has no checksum of its own: what it says has to fit the files.
        Self::open(path).map(drop)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.index.dim()
    }

    /// The index without the vectors.
    pub fn index(&self) -> &FlatIndex {
        &self.index
    }

    /// As [`FlatIndex::warm`]; the vectors stay in the map.
    pub fn warm(&mut self) {
        self.index.warm();
    }

    /// For searches of `effort`, see [`FlatIndex::searcher`].
    pub fn searcher(&self, effort: usize) -> Searcher<'_> {
        self.index.searcher(&self.vectors, effort)
    }

    /// One search, see [`VectorIndex::search`].
    pub fn search(&self, query: &[f32], k: usize, effort: usize, allowed: Option<&Bitmap>) -> Vec<Scored> {
        self.searcher(effort).search(query, k, allowed)
    }

    /// Many searches, see [`Searcher::search_batch`].
    pub fn search_batch(&self, queries: &[f32], k: usize, effort: usize, allowed: Option<&Bitmap>) -> Vec<Vec<Scored>> {
        self.searcher(effort).search_batch(queries, k, allowed)
    }
}

fn manifest(folder: &Path) -> Result<StoreManifest, EngineError> {
    let path = folder.join(MANIFEST);
    let text = std::fs::read(&path).map_err(EngineError::io(&path))?;
    let unreadable = |fault: serde_json::Error| EngineError::damaged(&path, format!("it cannot be read: {fault}"));
    let manifest: StoreManifest = serde_json::from_slice(&text).map_err(unreadable)?;
    if manifest.format != FORMAT || manifest.format_version != VERSION {
        let found = format!("{} {}", manifest.format, manifest.format_version);
        return Err(EngineError::damaged(&path, format!("it is `{found}`, this program reads `{FORMAT} {VERSION}`")));
    }
    Ok(manifest)
}

fn open(folder: &Path, name: &str, entry: &FileEntry) -> Result<MappedFile, EngineError> {
    MappedFile::open(&folder.join(name), entry.bytes)
}
