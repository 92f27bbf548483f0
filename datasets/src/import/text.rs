//! Text files line by line: any line end, a byte order mark, blank lines, tabs or spaces.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::{DatasetError, RowFault};

/// Longest line in bytes: far above any real one, so that a file without line ends cannot fill the memory.
const MAX_LINE_BYTES: u64 = 1 << 26;

/// The byte order mark that some programs put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Number of a line, from 1, and its text.
type Line<'l> = (u64, Result<&'l str, RowFault>);

/// Lines of one file.
pub(super) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
    bytes: Vec<u8>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let file = File::open(path).map_err(DatasetError::io(path))?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(1 << 16, file),
            number: 0,
            bytes: Vec::new(),
        })
    }

    /// The next line that is not blank, trimmed, with its number from 1; a fault if it is not UTF-8.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, DatasetError> {
        loop {
            self.bytes.clear();
            let mut limited = (&mut self.reader).take(MAX_LINE_BYTES);
            let read = limited.read_until(b'\n', &mut self.bytes).map_err(DatasetError::io(&self.path))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 == MAX_LINE_BYTES && self.bytes.last() != Some(&b'\n') {
                let fault =
                    RowFault::new("line", "is longer than 64 MiB", "check that the file is text with line ends");
                return Err(DatasetError::Row { file: self.path.clone(), row: self.number, fault });
            }
            if self.number == 1 && self.bytes.starts_with(BYTE_ORDER_MARK) {
                self.bytes.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.bytes.trim_ascii().is_empty() {
                break;
            }
        }
        let text = std::str::from_utf8(self.bytes.trim_ascii()).map_err(|fault| {
            RowFault::new(
                "line",
                format!("is not UTF-8 after {} bytes", fault.valid_up_to()),
                "convert the file to UTF-8, for instance with iconv",
            )
        });
        Ok(Some((self.number, text)))
    }
}

/// The words of a line, between tabs, spaces or commas as `separators` says.
pub(super) fn words<'l>(line: &'l str, separators: &'static [char]) -> impl Iterator<Item = &'l str> {
    line.split(separators).filter(|word| !word.is_empty())
}

/// Between the words of most research files.
pub(super) const BLANKS: &[char] = &[' ', '\t'];
