//! The header: a Python dictionary of three keys, padded with blanks to a multiple of 64 bytes.

use std::io::Read;

use super::Fault;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header that is read; NumPy writes well under 200 bytes for plain arrays.
const MOST_BYTES: usize = 65_535;
/// The values begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Type of the values, such as `<f4`.
    pub(super) descr: String,
    /// Whether columns lie together.
    pub(super) fortran_order: bool,
    /// Length of each dimension.
    pub(super) shape: Vec<u64>,
}

/// Reads a header up to the first value; also says how many bytes it took.
pub(super) fn read(source: &mut impl Read) -> Result<(Header, u64), Fault> {
    let mut start = [0; 8];
    fill(source, &mut start)?;
    let (magic, version) = start.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(Fault::Header("it does not begin with NumPy's magic bytes"));
    }
    let (length, prefix) = match version[0] {
        1 => {
            let mut bytes = [0; 2];
            fill(source, &mut bytes)?;
            (usize::from(u16::from_le_bytes(bytes)), 10)
        }
        2 | 3 => {
            let mut bytes = [0; 4];
            fill(source, &mut bytes)?;
            (u32::from_le_bytes(bytes) as usize, 12)
        }
        _ => return Err(Fault::Header("its version is not 1, 2 or 3")),
    };
    if length > MOST_BYTES {
        return Err(Fault::Header("its header is longer than that of any plain array"));
    }
    let mut text = vec![0; length];
    fill(source, &mut text)?;
    let text = std::str::from_utf8(&text).map_err(|_| Fault::Header("its header is not text"))?;
    Ok((Dictionary { rest: text }.parse()?, (prefix + length) as u64))
}

/// The bytes before the first value, in version 1.
pub(super) fn write(descr: &str, shape: &[usize]) -> Vec<u8> {
    let lengths: String = shape.iter().map(|length| format!("{length}, ")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({lengths}), }}");
    let prefix = MAGIC.len() + 4;
    let padded = (prefix + text.len() + 1).next_multiple_of(ALIGNMENT);
    text.push_str(&" ".repeat(padded - prefix - text.len() - 1));
    text.push('\n');
    let mut bytes = [MAGIC, &[1, 0]].concat();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

fn fill(source: &mut impl Read, bytes: &mut [u8]) -> Result<(), Fault> {
    source.read_exact(bytes).map_err(|fault| match fault.kind() {
        std::io::ErrorKind::UnexpectedEof => Fault::Header("it ends within its header"),
        _ => Fault::Io(fault),
    })
}

/// What is left to read of `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Dictionary<'a> {
    rest: &'a str,
}

impl Dictionary<'_> {
    fn parse(mut self) -> Result<Header, Fault> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.take('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key.as_str() {
                "descr" => descr = Some(self.string()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return Err(Fault::Header("its header has a key that is not descr, fortran_order or shape")),
            }
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) if self.rest.trim().is_empty() => {
                Ok(Header { descr, fortran_order, shape })
            }
            _ => Err(Fault::Header("its header lacks descr, fortran_order or shape, or goes on after them")),
        }
    }

    /// Steps over `wanted` and the blanks before it, if it is next.
    fn take(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.strip_prefix(wanted).map(|rest| self.rest = rest).is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), Fault> {
        if self.take(wanted) { Ok(()) } else { Err(Fault::Header("its header is not a plain dictionary")) }
    }

    fn string(&mut self) -> Result<String, Fault> {
        const FAULT: Fault = Fault::Header("its header has no quoted name where one is due, as for records");
        let quote = if self.take('\'') { '\'' } else { '"' };
        if quote == '"' && !self.take('"') {
            return Err(FAULT);
        }
        let (text, rest) = self.rest.split_once(quote).ok_or(FAULT)?;
        self.rest = rest;
        Ok(text.to_owned())
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(Fault::Header("its header says neither True nor False for fortran_order"))
    }

    fn tuple(&mut self) -> Result<Vec<u64>, Fault> {
        let mut numbers = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            numbers.push(self.number()?);
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(numbers)
    }

    fn number(&mut self) -> Result<u64, Fault> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().map_err(|_| Fault::Header("its shape is not a tuple of whole numbers"))
    }
}
