//! The bytes of one state.
//!
//! ```text
//! file   := magic:"JUNTOSCP" version:u32 value* checksum:u64        little-endian throughout
//! value  := u64 | f64 | count:u64 byte* | count:u64 f32*            which comes where is up to who writes it
//! ```
//! The checksum (XXH3, 64 bits) is of all bytes before it. It is verified before anything is read, so that counts can
//! be trusted; readers still say how many numbers they expect.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use xxhash_rust::xxh3::Xxh3;

const MAGIC: &[u8; 8] = b"JUNTOSCP";
/// Raised when what is kept, or what comes of it, is no longer the same.
pub(super) const VERSION: u32 = 1;
const HEAD: u64 = 12;
const CHECKSUM: u64 = 8;
/// Numbers that are turned into bytes at a time.
const AT_A_TIME: usize = 4096;

/// Writes values one after the other, without holding them.
pub(crate) struct StateWriter<W: Write> {
    out: BufWriter<W>,
    hash: Xxh3,
}

impl<W: Write> StateWriter<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut writer = Self { out: BufWriter::new(out), hash: Xxh3::new() };
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_le_bytes())?;
        Ok(writer)
    }

    pub(crate) fn u64(&mut self, value: u64) -> io::Result<()> {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn f64(&mut self, value: f64) -> io::Result<()> {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.u64(text.len() as u64)?;
        self.put(text.as_bytes())
    }

    pub(crate) fn f32s(&mut self, values: &[f32]) -> io::Result<()> {
        self.u64(values.len() as u64)?;
        let mut bytes = Vec::with_capacity(4 * AT_A_TIME);
        for some in values.chunks(AT_A_TIME) {
            bytes.clear();
            bytes.extend(some.iter().flat_map(|value| value.to_le_bytes()));
            self.put(&bytes)?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    /// Writes the checksum and gives back what was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let checksum = self.hash.digest();
        self.out.write_all(&checksum.to_le_bytes())?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Reads values in the order in which they were written.
pub(crate) struct StateReader {
    file: BufReader<File>,
    /// Bytes of values that are still to be read.
    left: u64,
}

impl StateReader {
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let values = length.checked_sub(HEAD + CHECKSUM).ok_or_else(|| damaged("it is cut short"))?;
        verify(&mut file, length - CHECKSUM)?;
        file.seek(SeekFrom::Start(0))?;
        let mut reader = Self { file: BufReader::new(file), left: HEAD + values };
        if &reader.take::<8>()? != MAGIC {
            return Err(damaged("it is no state of a training run"));
        }
        let version = u32::from_le_bytes(reader.take()?);
        if version != VERSION {
            return Err(damaged(format!("it has version {version}, not {VERSION}")));
        }
        Ok(reader)
    }

    pub(crate) fn u64(&mut self) -> io::Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> io::Result<f64> {
        self.take().map(f64::from_le_bytes)
    }

    /// A number that has to be at most `most`.
    pub(crate) fn count(&mut self, most: usize) -> io::Result<usize> {
        let count = self.u64()?;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= most)
            .ok_or_else(|| damaged(format!("it holds {count} where at most {most} makes sense")))
    }

    pub(crate) fn text(&mut self) -> io::Result<String> {
        let length = self.room_for(1)?;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| damaged("a text in it is not UTF-8"))
    }

    /// Exactly `expected` numbers.
    pub(crate) fn f32s(&mut self, expected: usize) -> io::Result<Vec<f32>> {
        let count = self.room_for(4)?;
        if count != expected {
            return Err(damaged(format!("it holds {count} numbers where {expected} are expected")));
        }
        let mut values = Vec::with_capacity(count);
        let mut bytes = vec![0; 4 * AT_A_TIME];
        while values.len() < count {
            let some = &mut bytes[..4 * AT_A_TIME.min(count - values.len())];
            self.fill(some)?;
            values.extend(some.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
        }
        Ok(values)
    }

    /// Everything has been read.
    pub(super) fn end(self) -> io::Result<()> {
        if self.left == 0 { Ok(()) } else { Err(damaged("it holds more than expected")) }
    }

    /// A count of items of `size` bytes that still fit.
    fn room_for(&mut self, size: u64) -> io::Result<usize> {
        let most = self.left.saturating_sub(8) / size;
        self.count(usize::try_from(most).unwrap_or(usize::MAX))
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| damaged("it ends too early"))?;
        self.file.read_exact(bytes)
    }
}

/// Holds the first `length` bytes of `file` against the checksum after them.
fn verify(file: &mut File, length: u64) -> io::Result<()> {
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    let mut left = length;
    while left > 0 {
        let some = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut buffer[..some])?;
        hash.update(&buffer[..some]);
        left -= some as u64;
    }
    let mut checksum = [0; CHECKSUM as usize];
    file.read_exact(&mut checksum)?;
    if u64::from_le_bytes(checksum) == hash.digest() { Ok(()) } else { Err(damaged("its checksum does not fit")) }
}

fn damaged(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
