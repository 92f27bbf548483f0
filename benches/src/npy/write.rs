//! Writing, row by row where an array is larger than memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::{Element, Fault, NpyError, header};

/// An array on its way to a file. Until [`Writer::finish`] the file is shorter than its header says, and refused.
#[derive(Debug)]
pub struct Writer<T> {
    path: PathBuf,
    sink: BufWriter<File>,
    bytes: Vec<u8>,
    written: u64,
    expected: u64,
    kind: PhantomData<T>,
}

impl<T: Element> Writer<T> {
    /// Begins a file of the given shape, in place of what may be there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: &Path, shape: &[usize]) -> Result<Self, NpyError> {
        let begin = || -> Result<BufWriter<File>, Fault> {
            let mut sink = BufWriter::with_capacity(1 << 20, File::create(path)?);
            sink.write_all(&header::write(T::NAMES[0], shape))?;
            Ok(sink)
        };
        let sink = begin().map_err(|fault| fault.at(path))?;
        let expected = shape.iter().map(|&length| length as u64).product::<u64>() * T::BYTES as u64;
        Ok(Self { path: path.to_owned(), sink, bytes: Vec::new(), written: 0, expected, kind: PhantomData })
    }

    /// Adds values in C order.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push(&mut self, values: &[T]) -> Result<(), NpyError> {
        self.bytes.clear();
        values.iter().for_each(|value| value.append(&mut self.bytes));
        self.written += self.bytes.len() as u64;
        self.sink.write_all(&self.bytes).map_err(|fault| Fault::Io(fault).at(&self.path))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// If the file cannot be written, or more or fewer values came than its shape holds.
    pub fn finish(mut self) -> Result<(), NpyError> {
        if self.written != self.expected {
            return Err(Fault::Length { got: self.written, expected: self.expected }.at(&self.path));
        }
        self.sink.flush().map_err(|fault| Fault::Io(fault).at(&self.path))
    }
}
