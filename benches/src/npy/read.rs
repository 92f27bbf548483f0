//! Reading: the header is checked against the file's length before room for the values is made.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::header::{self, Header};
use super::{Element, Fault, NpyError};

/// Values read at once.
const CHUNK: usize = 1 << 16;

/// `(rows, dim)` values, row-major; neither is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix<T> {
    /// Number of rows.
    pub rows: usize,
    /// Values of a row.
    pub dim: usize,
    /// Rows one after the other.
    pub values: Vec<T>,
}

impl<T> Matrix<T> {
    /// The rows in turn.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, T> {
        self.values.chunks_exact(self.dim)
    }
}

/// Reads a matrix of finite values. Takes the memory of the values and a little more.
///
/// # Errors
/// If the file cannot be read, is not a NumPy array, or has another type, order, number of dimensions or length.
pub fn read_matrix<T: Element>(path: &Path) -> Result<Matrix<T>, NpyError> {
    let (shape, values) = read::<T>(path)?;
    let (rows, dim) = match shape[..] {
        [rows, dim] if rows > 0 && dim > 0 => (rows as usize, dim as usize),
        _ => return Err(Fault::Shape { got: shape, expected: "(rows, values of a row), neither 0" }.at(path)),
    };
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(Fault::NotFinite { row: at / dim }.at(path));
    }
    Ok(Matrix { rows, dim, values })
}

/// Reads an array of one dimension.
///
/// # Errors
/// As [`read_matrix`].
pub fn read_vector<T: Element>(path: &Path) -> Result<Vec<T>, NpyError> {
    let (shape, values) = read::<T>(path)?;
    if shape.len() != 1 {
        return Err(Fault::Shape { got: shape, expected: "one dimension" }.at(path));
    }
    Ok(values)
}

fn read<T: Element>(path: &Path) -> Result<(Vec<u64>, Vec<T>), NpyError> {
    let fault = |fault: Fault| fault.at(path);
    let file = File::open(path).map_err(|source| fault(source.into()))?;
    let bytes = file.metadata().map_err(|source| fault(source.into()))?.len();
    decode(&mut BufReader::with_capacity(1 << 20, file), bytes).map_err(fault)
}

/// Reads an array of any shape from `source`, which holds `bytes` bytes: its shape and its values in C order.
///
/// # Errors
/// As [`read_matrix`].
pub fn decode<T: Element>(source: &mut impl Read, bytes: u64) -> Result<(Vec<u64>, Vec<T>), Fault> {
    let (Header { descr, fortran_order, shape }, header_bytes) = header::read(source)?;
    if !T::NAMES.contains(&descr.as_str()) {
        return Err(Fault::Type { got: descr, expected: T::TYPE });
    }
    if fortran_order && shape.len() > 1 {
        return Err(Fault::Order);
    }
    let expected = shape
        .iter()
        .try_fold(T::BYTES as u64, |product, &length| product.checked_mul(length))
        .ok_or(Fault::Header("its shape has more values than a file can hold"))?;
    let got = bytes.saturating_sub(header_bytes);
    if got != expected {
        return Err(Fault::Length { got, expected });
    }
    let count = usize::try_from(expected).map_err(|_| Fault::Header("it does not fit into memory"))? / T::BYTES;
    Ok((shape, values(source, count)?))
}

fn values<T: Element>(source: &mut impl Read, count: usize) -> Result<Vec<T>, Fault> {
    let mut values = Vec::with_capacity(count);
    let mut bytes = vec![0; CHUNK.min(count) * T::BYTES];
    while values.len() < count {
        let chunk = &mut bytes[..CHUNK.min(count - values.len()) * T::BYTES];
        source.read_exact(chunk)?;
        values.extend(chunk.chunks_exact(T::BYTES).map(T::from_bytes));
    }
    Ok(values)
}
