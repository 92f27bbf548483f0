//! What a binary file of a bundle looks like, and how one is written; `docs/bundle.md` has the grammar.
//!
//! ```text
//! magic  8 bytes │ format version u32 │ sections u32 │ (name 24 bytes, start u64, bytes u64) × sections │ … sections …
//! ```
//! Numbers are little-endian. Every section starts at a multiple of [`ALIGN`], so that it can be used as a slice where
//! it lies in the map.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use bytemuck::Pod;

use crate::error::EngineError;

#[cfg(target_endian = "big")]
compile_error!("bundles are little-endian and used where they lie: a big-endian machine cannot read them");

/// First bytes of every binary file.
pub(crate) const MAGIC: [u8; 8] = *b"JUNTOS\r\n";
/// Version of the format of the whole bundle, in every file and in the manifest.
pub const FORMAT_VERSION: u32 = 2;
/// Alignment of sections in bytes: one cache line, and more than any element needs.
pub(crate) const ALIGN: usize = 64;
/// Bytes of a section's name in the table, padded with zeros.
pub(crate) const NAME_BYTES: usize = 24;
/// Bytes of one entry of the table.
pub(crate) const ENTRY_BYTES: usize = NAME_BYTES + 16;
/// Bytes before the table.
pub(crate) const HEADER_BYTES: usize = 16;

/// Sections of one file, gathered before they are written.
#[derive(Default)]
pub(crate) struct SectionFile<'a> {
    sections: Vec<(&'static str, Bytes<'a>)>,
}

enum Bytes<'a> {
    Owned(Vec<u8>),
    Borrowed(&'a [u8]),
}

impl Bytes<'_> {
    fn get(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Borrowed(bytes) => bytes,
        }
    }
}

impl<'a> SectionFile<'a> {
    /// Adds a section that is borrowed until the file is written.
    pub(crate) fn add<T: Pod>(&mut self, name: &'static str, items: &'a [T]) {
        self.push(name, Bytes::Borrowed(bytemuck::cast_slice(items)));
    }

    /// Adds a section that is kept here until the file is written.
    pub(crate) fn add_owned<T: Pod>(&mut self, name: &'static str, items: Vec<T>) {
        self.push(name, Bytes::Owned(bytemuck::cast_slice(&items).to_vec()));
    }

    fn push(&mut self, name: &'static str, bytes: Bytes<'a>) {
        debug_assert!(name.len() <= NAME_BYTES, "section name `{name}`");
        debug_assert!(self.sections.iter().all(|(other, _)| *other != name), "section `{name}` twice");
        self.sections.push((name, bytes));
    }

    /// Writes the file and waits until it is on disk.
    pub(crate) fn write(&self, path: &Path) -> Result<(), EngineError> {
        let file = File::create_new(path).map_err(EngineError::io(path))?;
        self.write_to(&mut BufWriter::new(&file)).map_err(EngineError::io(path))?;
        file.sync_all().map_err(EngineError::io(path))
    }

    fn write_to(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut at = HEADER_BYTES + ENTRY_BYTES * self.sections.len();
        let mut start = at;
        let mut table = Vec::with_capacity(self.sections.len());
        for (name, bytes) in &self.sections {
            start = start.next_multiple_of(ALIGN);
            table.push((*name, start as u64, bytes.get().len() as u64));
            start += bytes.get().len();
        }
        out.write_all(&header(&table))?;
        for (_, bytes) in &self.sections {
            let padding = at.next_multiple_of(ALIGN) - at;
            out.write_all(&[0; ALIGN][..padding])?;
            out.write_all(bytes.get())?;
            at += padding + bytes.get().len();
        }
        out.flush()
    }
}

/// What stands before the sections: name, start and bytes of each.
pub(crate) fn header(table: &[(&str, u64, u64)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + ENTRY_BYTES * table.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&(table.len() as u32).to_le_bytes());
    for (name, start, len) in table {
        let mut padded = [0u8; NAME_BYTES];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        bytes.extend_from_slice(&padded);
        bytes.extend_from_slice(&start.to_le_bytes());
        bytes.extend_from_slice(&len.to_le_bytes());
    }
    bytes
}
