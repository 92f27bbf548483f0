//! Outside ids (opaque strings) and inside rows (dense numbers), and the only thing that converts between them.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::marker::PhantomData;

use xxhash_rust::xxh3::xxh3_64;

/// Longest id in bytes that any table, request or log accepts.
pub const MAX_ID_BYTES: usize = 128;

/// Why a text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    /// The text has no bytes.
    #[error("the id is empty; give every record an id of 1 to {MAX_ID_BYTES} bytes")]
    Empty,
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("the id has {bytes} bytes; shorten it to at most {MAX_ID_BYTES}")]
    TooLong {
        /// Length found, in bytes.
        bytes: usize,
    },
    /// The text holds a control character such as a line break.
    #[error("the id holds a control character; remove line breaks, tabs and other control characters")]
    Control,
}

/// Checks that `text` may serve as an id: 1 to [`MAX_ID_BYTES`] bytes without control characters.
///
/// # Errors
/// [`IdFault`] names what is wrong and how to mend it.
pub fn check_id(text: &str) -> Result<&str, IdFault> {
    if text.is_empty() {
        return Err(IdFault::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdFault::TooLong { bytes: text.len() });
    }
    if text.chars().any(char::is_control) {
        return Err(IdFault::Control);
    }
    Ok(text)
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Assigned by [`IdMap`] in order of first appearance; valid inside one bundle only; never shown outside.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl Row for $name {
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("a bundle holds fewer than 2^32 rows of a kind"))
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

/// A dense row number of one kind of entity.
pub trait Row: Copy + Eq + Ord + fmt::Debug + Send + Sync + 'static {
    /// The row at position `index` (`0..n`).
    fn from_index(index: usize) -> Self;
    /// The position (`0..n`) of this row.
    fn index(self) -> usize;
}

row!(
    /// A user's dense row.
    UserRow
);
row!(
    /// A product's dense row.
    ProductRow
);
row!(
    /// A seller's dense row.
    SellerRow
);

/// Two-way map between outside ids and dense rows, in order of first appearance.
///
/// Ids live back to back in one byte arena, so a map of `n` ids of mean length `l` needs about `n * (l + 20)` bytes.
#[derive(Clone)]
pub struct IdMap<R> {
    arena: Vec<u8>,
    ends: Vec<u64>,
    rows_by_hash: std::collections::HashMap<u64, Slot, BuildHasherDefault<AlreadyHashed>>,
    kind: PhantomData<R>,
}

/// Rows whose ids share one 64-bit hash: nearly always one.
#[derive(Clone)]
enum Slot {
    One(u32),
    Many(Vec<u32>),
}

impl Slot {
    fn rows(&self) -> &[u32] {
        match self {
            Self::One(row) => std::slice::from_ref(row),
            Self::Many(rows) => rows,
        }
    }
}

/// Passes a 64-bit hash through unchanged.
#[derive(Default, Clone, Copy)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Which ids have been met, as 64-bit hashes: about 16 bytes for each distinct id. Two ids collide once in 2^64 pairs.
#[derive(Debug, Default)]
pub(crate) struct IdSet(std::collections::HashSet<u64, BuildHasherDefault<AlreadyHashed>>);

impl IdSet {
    /// Adds `id`; whether it had not been met before.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        self.0.insert(xxh3_64(id.as_bytes()))
    }

    /// Whether `id` has been met.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.0.contains(&xxh3_64(id.as_bytes()))
    }

    /// Whether none has been met.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<R: Row> Default for IdMap<R> {
    fn default() -> Self {
        Self { arena: Vec::new(), ends: Vec::new(), rows_by_hash: Default::default(), kind: PhantomData }
    }
}

impl<R: Row> fmt::Debug for IdMap<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdMap({} ids)", self.len())
    }
}

impl<R: Row> IdMap<R> {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the map holds no id.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The row of `id`, which is added at the end if it is new.
    pub fn insert(&mut self, id: &str) -> R {
        if let Some(row) = self.row(id) {
            return row;
        }
        let row = R::from_index(self.len());
        let number = row.index() as u32;
        self.arena.extend_from_slice(id.as_bytes());
        self.ends.push(self.arena.len() as u64);
        self.rows_by_hash
            .entry(xxh3_64(id.as_bytes()))
            .and_modify(|slot| {
                let mut rows = slot.rows().to_vec();
                rows.push(number);
                *slot = Slot::Many(rows);
            })
            .or_insert(Slot::One(number));
        row
    }

    /// The row of `id`, if the map holds it.
    pub fn row(&self, id: &str) -> Option<R> {
        let slot = self.rows_by_hash.get(&xxh3_64(id.as_bytes()))?;
        slot.rows().iter().map(|&row| R::from_index(row as usize)).find(|&row| self.id(row) == id)
    }

    /// The id of `row`.
    ///
    /// # Panics
    /// If `row` was not assigned by this map.
    pub fn id(&self, row: R) -> &str {
        let end = self.ends[row.index()] as usize;
        let start = row.index().checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        std::str::from_utf8(&self.arena[start..end]).expect("the arena holds whole ids, pushed as str")
    }

    /// All ids in row order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|index| self.id(R::from_index(index)))
    }
}
