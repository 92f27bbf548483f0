//! NumPy's `.npy` files: little-endian arrays in C order, read and written as streams.
//!
//! The form is that of NumPy's "NEP 1: a simple file format for NumPy arrays": magic bytes and version, the length of
//! a header, the header (a Python dictionary), the values. Versions 1, 2 and 3 are read, version 1 is written.

mod header;
mod read;
mod write;

use std::path::{Path, PathBuf};

pub use read::{Matrix, decode, read_matrix, read_vector};
pub use write::Writer;

/// A value that a file can hold.
pub trait Element: Copy + Send + Sync + 'static {
    /// What `descr` in a header may say; the first is what we write.
    const NAMES: &'static [&'static str];
    /// What NumPy calls the type, for messages.
    const TYPE: &'static str;
    /// Bytes of one value.
    const BYTES: usize;
    /// Reads [`Self::BYTES`] little-endian bytes.
    fn from_bytes(bytes: &[u8]) -> Self;
    /// Appends the value as little-endian bytes.
    fn append(self, bytes: &mut Vec<u8>);
    /// Whether the value is a number at all.
    fn is_finite(self) -> bool;
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct NpyError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with the bytes of a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The header is not one.
    #[error("not a NumPy array: {0}; write it with `numpy.save`")]
    Header(&'static str),
    /// The values have another type.
    #[error("values of type {got:?}, expected {expected}; convert with `array.astype(numpy.{expected})`")]
    Type {
        /// The type that the header names.
        got: String,
        /// NumPy's name of the right one.
        expected: &'static str,
    },
    /// Columns lie together.
    #[error("the values lie column by column; save `numpy.ascontiguousarray(array)`")]
    Order,
    /// Another number of dimensions, or an empty one.
    #[error("shape {got:?}, expected {expected}; see `array.reshape`")]
    Shape {
        /// The shape that the header names.
        got: Vec<u64>,
        /// What it should be.
        expected: &'static str,
    },
    /// More or fewer values than the shape says.
    #[error(
        "{got} bytes of values where the header tells of {expected}; the file was cut off or overwritten, save it again"
    )]
    Length {
        /// Bytes that are there.
        got: u64,
        /// Bytes that the shape takes.
        expected: u64,
    },
    /// A value is infinite or no number.
    #[error("row {row} (from 0) holds a value that is not finite; leave such rows out")]
    NotFinite {
        /// The first such row.
        row: usize,
    },
}

impl Fault {
    fn at(self, path: &Path) -> NpyError {
        NpyError { path: path.to_owned(), fault: self }
    }
}

impl Element for f32 {
    const NAMES: &'static [&'static str] = &["<f4"];
    const TYPE: &'static str = "float32";
    const BYTES: usize = 4;
    fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Element for u32 {
    const NAMES: &'static [&'static str] = &["<u4"];
    const TYPE: &'static str = "uint32";
    const BYTES: usize = 4;
    fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
    fn is_finite(self) -> bool {
        true
    }
}

impl Element for u8 {
    const NAMES: &'static [&'static str] = &["|u1", "|b1"];
    const TYPE: &'static str = "uint8";
    const BYTES: usize = 1;
    fn from_bytes(bytes: &[u8]) -> Self {
        bytes[0]
    }
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.push(self);
    }
    fn is_finite(self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
