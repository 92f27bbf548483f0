//! The flat index of a live one, with its vectors and the ids of its rows.

use super::LiveError;
use crate::bitmap::Bitmap;
use crate::index::flat::Array;
use crate::index::{FlatIndex, Searcher, VectorStore};

/// A flat index with the vectors that it was built from, and an id for each of its rows.
pub struct Base {
    index: FlatIndex,
    vectors: Array<f32>,
    /// Ids of the rows, ascending; none where every row's id is its number.
    ids: Option<Vec<u32>>,
}

impl Base {
    /// A base of nothing, for vectors of `dim` dimensions, at least 1.
    ///
    /// # Panics
    /// If `dim` is zero.
    pub fn empty(dim: usize) -> Self {
        let index = FlatIndex::build(&[], dim, &[], &Default::default());
        Self { index, vectors: Vec::new().into(), ids: None }
    }

    /// An index with the vectors that it was built from, `(len, dim)` row-major, and the ids of its rows, strictly
    /// ascending; without ids, every row's id is its number.
    ///
    /// # Errors
    /// When the vectors are not as many values as the index has, or the ids not as many as its rows, or they do not
    /// ascend.
    pub fn new(index: FlatIndex, vectors: Vec<f32>, ids: Option<Vec<u32>>) -> Result<Self, LiveError> {
        Self::of_parts(index, vectors.into(), ids)
    }

    /// A store, and the ids of its rows as in [`Base::new`]. Vectors stay in the map; merges write no files.
    ///
    /// # Errors
    /// When the ids are not as many as the rows, or do not ascend.
    pub fn from_store(store: VectorStore, ids: Option<Vec<u32>>) -> Result<Self, LiveError> {
        Self::of_parts(store.index, store.vectors, ids)
    }

    pub(crate) fn of_parts(index: FlatIndex, vectors: Array<f32>, ids: Option<Vec<u32>>) -> Result<Self, LiveError> {
        let refuse = |problem| Err(LiveError::Base { problem });
        let (rows, dim) = (index.len(), index.dim());
        if vectors.len() != rows * dim {
            let values = vectors.len();
            return refuse(format!("{values} values for {rows} rows of {dim}; give the vectors that were indexed"));
        }
        if let Some(ids) = &ids {
            if ids.len() != rows {
                return refuse(format!("{} ids for {rows} rows; give one for each", ids.len()));
            }
            if let Some(at) = ids.windows(2).position(|pair| pair[0] >= pair[1]) {
                let (id, next) = (ids[at], ids[at + 1]);
                return refuse(format!("id {next} follows {id} at row {}; order rows by id before indexing", at + 1));
            }
        }
        Ok(Self { index, vectors, ids })
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

    /// The index.
    pub fn index(&self) -> &FlatIndex {
        &self.index
    }

    /// The id of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    pub fn id(&self, row: u32) -> u32 {
        self.ids.as_ref().map_or(row, |ids| ids[row as usize])
    }

    /// The row of an id.
    pub fn row(&self, id: u32) -> Option<u32> {
        match &self.ids {
            Some(ids) => ids.binary_search(&id).ok().map(|row| row as u32),
            None => ((id as usize) < self.len()).then_some(id),
        }
    }

    /// The vectors of all rows, row-major.
    pub(crate) fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// As [`FlatIndex::warm`]; the vectors stay where they are.
    pub fn warm(&mut self) {
        self.index.warm();
    }

    /// The vector of a row.
    pub(super) fn vector(&self, row: u32) -> &[f32] {
        let start = row as usize * self.dim();
        &self.vectors[start..start + self.dim()]
    }

    pub(crate) fn searcher(&self, effort: usize) -> Searcher<'_> {
        self.index.searcher(&self.vectors, effort)
    }

    /// Whether every row is allowed by its own number: a filter over ids is one over rows.
    pub(super) fn same_rows(&self, allowed: &Bitmap) -> bool {
        self.ids.is_none() && allowed.len() == self.len()
    }

    /// The kept rows whose ids are allowed.
    pub(super) fn rows_of(&self, allowed: &Bitmap, kept: &Bitmap) -> Bitmap {
        let Some(ids) = &self.ids else {
            let mut rows = allowed.clone();
            rows.resize(self.len());
            rows.intersect(kept);
            return rows;
        };
        let mut rows = kept.clone();
        rows.retain_words(|word| allowed_word(ids, allowed, word));
        rows
    }
}

/// The filter over ids for the 64 rows from `64 * word` on.
fn allowed_word(ids: &[u32], allowed: &Bitmap, word: usize) -> u64 {
    let ids = &ids[word * 64..ids.len().min(word * 64 + 64)];
    match (ids.first(), ids.last()) {
        (Some(&first), Some(&last)) if (last - first) as usize == ids.len() - 1 => bits_from(allowed.words(), first),
        _ => ids.iter().rev().fold(0, |word, &id| word << 1 | u64::from(allowed.contains(id))),
    }
}

/// The 64 bits from bit `start` on.
fn bits_from(words: &[u64], start: u32) -> u64 {
    let (word, shift) = (start as usize / 64, start % 64);
    let low = words.get(word).map_or(0, |bits| bits >> shift);
    let high = words.get(word + 1).map_or(0, |bits| bits.checked_shl(64 - shift).unwrap_or(0));
    low | high
}
