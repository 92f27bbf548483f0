//! Structures made of several sections: lists of lists, texts, and maps from ids to rows. All are checked when the
//! bundle is opened, so that reading them cannot fail.

use std::marker::PhantomData;

use bytemuck::Pod;
use juntos_datasets::Row;
use xxhash_rust::xxh3::xxh3_64;

use super::map::{Column, MappedFile};
use super::sections::SectionFile;
use crate::error::EngineError;
use crate::index::kernels::prefetch;

/// Bytes of a list that are fetched ahead, at most.
const MOST_FETCHED: usize = 128;

/// One list of `T` for every row: `n + 1` offsets, then the lists back to back.
pub(crate) struct Lists<T> {
    offsets: Column<u64>,
    items: Column<T>,
}

impl<T: Pod> Lists<T> {
    /// Sections `{name}.offsets` and `{name}`, one list for each of `rows` rows.
    pub(super) fn open(file: &MappedFile, name: &str, rows: usize) -> Result<Self, EngineError> {
        let offsets = file.column_of::<u64>(&format!("{name}.offsets"), rows + 1)?;
        let items = file.column::<T>(name)?;
        check_offsets(file, name, &offsets, items.len())?;
        Ok(Self { offsets, items })
    }

    /// The list of one row; empty beyond the last row.
    #[inline]
    pub(crate) fn row(&self, row: usize) -> &[T] {
        &self.items[self.range(row)]
    }

    /// Where the list of one row lies among [`Lists::items`]; empty beyond the last row.
    #[inline]
    pub(crate) fn range(&self, row: usize) -> std::ops::Range<usize> {
        match self.offsets.get(row..).unwrap_or_default() {
            [start, end, ..] => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    /// Has the processor fetch where the list of one row lies.
    pub(crate) fn prefetch_range(&self, row: usize) {
        prefetch(&self.offsets, row, 2);
    }

    /// Has the processor fetch the head of the list of one row.
    pub(crate) fn prefetch_head(&self, row: usize) {
        let range = self.range(row);
        prefetch(&self.items, range.start, range.len().min(MOST_FETCHED / size_of::<T>()));
    }

    /// All lists back to back.
    pub(crate) fn items(&self) -> &[T] {
        &self.items
    }
}

fn check_offsets(file: &MappedFile, name: &str, offsets: &[u64], items: usize) -> Result<(), EngineError> {
    let starts_at_zero = offsets.first() == Some(&0);
    if starts_at_zero && offsets.is_sorted() && offsets.last() == Some(&(items as u64)) {
        return Ok(());
    }
    file.refuse(format!("the offsets of `{name}` do not rise from 0 to {items}"))
}

/// Lists gathered for writing.
pub(super) struct ListsBuilder<T> {
    offsets: Vec<u64>,
    items: Vec<T>,
}

impl<T: Pod> ListsBuilder<T> {
    pub(super) fn new() -> Self {
        Self { offsets: vec![0], items: Vec::new() }
    }

    pub(super) fn push(&mut self, list: impl IntoIterator<Item = T>) {
        self.items.extend(list);
        self.offsets.push(self.items.len() as u64);
    }

    pub(super) fn add_to(self, file: &mut SectionFile<'_>, offsets: &'static str, items: &'static str) {
        file.add_owned(offsets, self.offsets);
        file.add_owned(items, self.items);
    }
}

/// One text for every row, UTF-8; the empty text stands for none.
pub(crate) struct Texts(Lists<u8>);

impl Texts {
    pub(super) fn open(file: &MappedFile, name: &str, rows: usize) -> Result<Self, EngineError> {
        let lists = Lists::<u8>::open(file, name, rows)?;
        for row in 0..rows {
            if std::str::from_utf8(lists.row(row)).is_err() {
                return file.refuse(format!("text {row} of `{name}` is not UTF-8"));
            }
        }
        Ok(Self(lists))
    }

    /// The text of one row.
    pub(crate) fn get(&self, row: usize) -> &str {
        std::str::from_utf8(self.0.row(row)).expect("texts are checked when a bundle is opened and never change")
    }

    /// The text of one row, unless it is empty.
    pub(crate) fn some(&self, row: usize) -> Option<&str> {
        Some(self.get(row)).filter(|text| !text.is_empty())
    }
}

/// Marks a free slot of a hash table, and a row that is not there.
pub(crate) const NONE: u32 = u32::MAX;

/// Bits of an id's hash that [`short_hash`] keeps.
const SHORT_HASH_BITS: u32 = 40;

/// The lowest 40 bits of an id's xxh3 hash, which a cursor can carry without carrying the id.
pub fn short_hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes()) & ((1 << SHORT_HASH_BITS) - 1)
}

/// Two-way map between ids and rows, used where it lies in the map.
///
/// Ids back to back, and a table of rows with open addressing: slot `hash mod size`, then the next ones.
pub struct IdMapView<R> {
    texts: Texts,
    table: Column<u32>,
    len: usize,
    kind: PhantomData<R>,
}

impl<R: Row> IdMapView<R> {
    pub(super) fn open(file: &MappedFile, name: &str, rows: usize) -> Result<Self, EngineError> {
        let texts = Texts::open(file, name, rows)?;
        let table_name = format!("{name}.table");
        let table = file.column::<u32>(&table_name)?;
        file.check_rows(&table_name, &table, rows, Some(NONE))?;
        if !table.len().is_power_of_two() || table.len() > 1 << SHORT_HASH_BITS || !table.contains(&NONE) {
            return file
                .refuse(format!("`{table_name}` is not a hash table: its size is no power of two, or it is full"));
        }
        Ok(Self { texts, table, len: rows, kind: PhantomData })
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the map holds no id.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row of `id`, if the map holds it.
    pub fn row(&self, id: &str) -> Option<R> {
        self.probe(xxh3_64(id.as_bytes())).find(|&row| self.id(row) == id)
    }

    /// Rows whose ids have this [`short_hash`]: nearly always one or none.
    pub fn rows_by_short_hash(&self, hash: u64) -> impl Iterator<Item = R> + '_ {
        self.probe(hash).filter(move |&row| short_hash(self.id(row)) == hash)
    }

    /// The id of `row`.
    ///
    /// # Panics
    /// If `row` is not of this bundle.
    pub fn id(&self, row: R) -> &str {
        assert!(row.index() < self.len, "row {row:?} of another bundle");
        self.texts.get(row.index())
    }

    /// All ids in row order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len).map(|index| self.texts.get(index))
    }

    fn probe(&self, hash: u64) -> impl Iterator<Item = R> + '_ {
        let mask = self.table.len() - 1;
        let slots = (0..self.table.len()).map(move |step| self.table[(hash as usize).wrapping_add(step) & mask]);
        slots.take_while(|&row| row != NONE).map(|row| R::from_index(row as usize))
    }
}

/// Section names of an id map.
pub(super) struct IdSections {
    pub(super) ids: &'static str,
    pub(super) offsets: &'static str,
    pub(super) table: &'static str,
}

/// Adds an id map to a file.
pub(super) fn add_ids<'i>(file: &mut SectionFile<'_>, names: &IdSections, ids: impl ExactSizeIterator<Item = &'i str>) {
    let mut texts = ListsBuilder::new();
    let mut table = vec![NONE; (ids.len() * 2 + 1).next_power_of_two()];
    for (row, id) in ids.enumerate() {
        texts.push(id.bytes());
        insert(&mut table, xxh3_64(id.as_bytes()), row as u32);
    }
    texts.add_to(file, names.offsets, names.ids);
    file.add_owned(names.table, table);
}

/// Puts `row` into the first free slot from `hash` on.
pub(super) fn insert(table: &mut [u32], hash: u64, row: u32) {
    let mask = table.len() - 1;
    let mut slot = hash as usize & mask;
    while table[slot] != NONE {
        slot = (slot + 1) & mask;
    }
    table[slot] = row;
}
