//! Memory-mapped files of a bundle, and typed slices of them.

use std::collections::HashMap;
use std::fs::File;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;

use super::sections::{ENTRY_BYTES, FORMAT_VERSION, HEADER_BYTES, MAGIC, NAME_BYTES};
use crate::error::EngineError;

/// A file of the bundle, mapped, with its table of sections.
pub(crate) struct MappedFile {
    path: PathBuf,
    map: Arc<Mmap>,
    sections: HashMap<String, Range<usize>>,
}

/// Maps `path`, which must have `bytes` bytes.
pub(crate) fn map(path: &Path, bytes: u64) -> Result<Arc<Mmap>, EngineError> {
    let file = File::open(path).map_err(|fault| match fault.kind() {
        std::io::ErrorKind::NotFound => EngineError::damaged(path, "the file is missing"),
        _ => EngineError::Io { path: path.to_owned(), source: fault },
    })?;
    let found = file.metadata().map_err(EngineError::io(path))?.len();
    if found != bytes {
        return Err(EngineError::damaged(path, format!("the file has {found} bytes, the manifest says {bytes}")));
    }
    map_read_only(&file).map(Arc::new).map_err(EngineError::io(path))
}

#[expect(unsafe_code, reason = "a memory map is only as constant as its file; bundles never change after their rename")]
fn map_read_only(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only, and the bytes are used as plain numbers for which every bit pattern is valid; text
    // is checked where it is read. A bundle's files are written once under another name and never changed after the
    // rename (invariant 2), which is what `Mmap::map` asks of its caller.
    unsafe { Mmap::map(file) }
}

impl MappedFile {
    /// Maps `path`, which must have `bytes` bytes, and reads its table of sections.
    pub(crate) fn open(path: &Path, bytes: u64) -> Result<Self, EngineError> {
        Self::new(path, map(path, bytes)?)
    }

    /// Reads the table of sections of a mapped file.
    pub(crate) fn new(path: &Path, map: Arc<Mmap>) -> Result<Self, EngineError> {
        let sections = table(&map).map_err(|problem| EngineError::damaged(path, problem))?;
        Ok(Self { path: path.to_owned(), map, sections })
    }

    /// Refuses the file for `problem`.
    pub(crate) fn refuse<T>(&self, problem: impl Into<String>) -> Result<T, EngineError> {
        Err(EngineError::damaged(&self.path, problem))
    }

    /// Whether there is a section `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.sections.contains_key(name)
    }

    /// The section `name`, however long.
    pub(crate) fn column<T: Pod>(&self, name: &str) -> Result<Column<T>, EngineError> {
        let Some(bytes) = self.sections.get(name).cloned() else {
            return self.refuse(format!("section `{name}` is missing"));
        };
        match bytemuck::try_cast_slice::<u8, T>(&self.map[bytes.clone()]) {
            Ok(_) => Ok(Column { map: Arc::clone(&self.map), bytes, item: PhantomData }),
            Err(fault) => self.refuse(format!("section `{name}` does not hold whole elements: {fault}")),
        }
    }

    /// The section `name`, which must have `len` elements.
    pub(crate) fn column_of<T: Pod>(&self, name: &str, len: usize) -> Result<Column<T>, EngineError> {
        let column = self.column::<T>(name)?;
        if column.len() != len {
            return self.refuse(format!("section `{name}` has {} elements, not {len}", column.len()));
        }
        Ok(column)
    }

    /// The section `name`, whose `len` elements must be below `end` or, if given, be `none`.
    pub(crate) fn rows_of(
        &self,
        name: &str,
        len: usize,
        end: usize,
        none: Option<u32>,
    ) -> Result<Column<u32>, EngineError> {
        let column = self.column_of::<u32>(name, len)?;
        self.check_rows(name, &column, end, none)?;
        Ok(column)
    }

    /// Checks that `rows` are below `end` or, if given, are `none`.
    pub(crate) fn check_rows(
        &self,
        name: &str,
        rows: &[u32],
        end: usize,
        none: Option<u32>,
    ) -> Result<(), EngineError> {
        match rows.iter().find(|&&row| row as usize >= end && Some(row) != none) {
            Some(row) => self.refuse(format!("section `{name}` names row {row} of {end}")),
            None => Ok(()),
        }
    }
}

/// The table of sections: name to byte range.
fn table(bytes: &[u8]) -> Result<HashMap<String, Range<usize>>, String> {
    let header = bytes.get(..HEADER_BYTES).ok_or("the file is too short for a header")?;
    if header[..8] != MAGIC {
        return Err("the file does not begin as a file of a bundle".to_owned());
    }
    let version = number::<4>(&header[8..12]);
    if version != u64::from(FORMAT_VERSION) {
        return Err(format!("the file has format {version}, its manifest {FORMAT_VERSION}"));
    }
    let count = number::<4>(&header[12..16]) as usize;
    let mut sections = HashMap::new();
    for at in 0..count {
        let start = HEADER_BYTES + at * ENTRY_BYTES;
        let entry = bytes.get(start..start + ENTRY_BYTES).ok_or("the table of sections is cut off")?;
        let (name, range) = section(entry, bytes.len())?;
        sections.insert(name, range);
    }
    Ok(sections)
}

fn section(entry: &[u8], file_bytes: usize) -> Result<(String, Range<usize>), String> {
    let name = String::from_utf8_lossy(&entry[..NAME_BYTES]).trim_end_matches('\0').to_owned();
    let start = number::<8>(&entry[NAME_BYTES..NAME_BYTES + 8]);
    let len = number::<8>(&entry[NAME_BYTES + 8..]);
    match start.checked_add(len) {
        Some(end) if end <= file_bytes as u64 => Ok((name, start as usize..end as usize)),
        _ => Err(format!("section `{name}` reaches beyond the end of the file")),
    }
}

fn number<const BYTES: usize>(bytes: &[u8]) -> u64 {
    bytes.iter().take(BYTES).rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// A section as a slice of `T`, used where it lies in the map.
pub(crate) struct Column<T> {
    map: Arc<Mmap>,
    bytes: Range<usize>,
    item: PhantomData<T>,
}

impl<T: Pod> Deref for Column<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.map[self.bytes.clone()])
    }
}

impl<T> Column<T> {
    /// First byte in the file.
    pub(crate) fn start(&self) -> usize {
        self.bytes.start
    }

    /// Tells the system that these pages are read one here, one there: it then loads no neighbours.
    #[cfg(unix)]
    pub(crate) fn expect_look_ups(&self) {
        // Advice that the system does not take costs time, and changes nothing.
        let _ = self.map.advise_range(memmap2::Advice::Random, self.bytes.start, self.bytes.len());
    }

    /// Other systems have no such advice.
    #[cfg(not(unix))]
    pub(crate) fn expect_look_ups(&self) {}

    /// Lets the system take back the memory of these pages until they are read again.
    #[cfg(unix)]
    #[expect(
        unsafe_code,
        reason = "for a private anonymous map this advice would lose data; this one is of a file, read-only"
    )]
    pub(crate) fn forget_pages(&self) {
        // SAFETY: the map is a read-only map of a file, whose pages come back from the file when they are read again.
        // Advice that the system does not take changes nothing.
        let _ = unsafe {
            self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, self.bytes.start, self.bytes.len())
        };
    }

    /// Other systems take pages back by themselves.
    #[cfg(not(unix))]
    pub(crate) fn forget_pages(&self) {}
}
