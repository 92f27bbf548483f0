//! Event files of TensorBoard: `Event` messages of `tensorflow/core/util/event.proto`, framed as TFRecords.
//!
//! ```text
//! file    := record*
//! record  := length:u64 masked(length):u32 event masked(event):u32                 little-endian
//! masked  := CRC-32C, rotated right by 15 bits, plus 0xA282EAD8
//! event   := 1: wall_time double, 2: step int64, then 3: file_version string or 5: summary
//! summary := (1: (1: tag string, 2: simple_value float))*
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::crc32c::crc32c;

/// One file of scalars.
#[derive(Debug)]
pub(super) struct EventFile {
    out: File,
}

/// Most event files of one second in one folder.
const MOST_NAMES: u32 = 10_000;

impl EventFile {
    /// A new file in `folder`, whose name says the time, seconds since 1970: TensorBoard reads files in that order.
    pub(super) fn create(folder: &Path, time: f64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let out = new_file(folder, time as u64)?;
        let mut file = Self { out };
        file.event(time, 0, |event| bytes(event, 3, b"brain.Event:2"))?;
        Ok(file)
    }

    /// Values at `step`.
    pub(super) fn scalars(&mut self, time: f64, step: u64, values: &[(&str, f64)]) -> io::Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in values {
            let mut scalar = Vec::new();
            bytes(&mut scalar, 1, tag.as_bytes());
            key(&mut scalar, 2, 5);
            scalar.extend((*value as f32).to_le_bytes());
            bytes(&mut summary, 1, &scalar);
        }
        self.event(time, step, |event| bytes(event, 5, &summary))
    }

    fn event(&mut self, time: f64, step: u64, what: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut event = Vec::new();
        key(&mut event, 1, 1);
        event.extend(time.to_le_bytes());
        key(&mut event, 2, 0);
        varint(&mut event, step);
        what(&mut event);
        self.out.write_all(&record(&event))
    }
}

fn new_file(folder: &Path, second: u64) -> io::Result<File> {
    for number in 0..MOST_NAMES {
        let name = format!("events.out.tfevents.{second:010}.juntos.{number:04}");
        match File::options().write(true).create_new(true).open(folder.join(name)) {
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
    }
    Err(io::Error::other("too many event files of this second"))
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), event, &masked(event)].concat()
}

pub(super) fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes()
}

/// The key of a field: its number and how it is written (0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes).
fn key(out: &mut Vec<u8>, field: u8, kind: u8) {
    out.push(field << 3 | kind);
}

fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    key(out, field, 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
