//! Sparse matrices in compressed-row form: three slices, rows sorted by column, no duplicates.

use rayon::prelude::*;

/// An immutable sparse matrix `(rows, columns)` of `f32` in compressed sparse row form.
///
/// Columns within a row are strictly ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    columns: usize,
    offsets: Vec<u64>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Csr {
    /// Builds the matrix from `(row, column, value)` entries in any order; entries of one cell are added up in the
    /// order given.
    ///
    /// # Panics
    /// If an entry lies outside `(rows, columns)`.
    pub fn from_entries(rows: usize, columns: usize, mut entries: Vec<(u32, u32, f32)>) -> Self {
        entries.par_sort_by_key(|&(row, column, _)| (row, column));
        let mut offsets = vec![0u64; rows + 1];
        let mut indices: Vec<u32> = Vec::with_capacity(entries.len());
        let mut values: Vec<f32> = Vec::with_capacity(entries.len());
        let mut last = None;
        for (row, column, value) in entries {
            assert!(
                (row as usize) < rows && (column as usize) < columns,
                "entry ({row}, {column}) outside ({rows}, {columns})"
            );
            if last == Some((row, column)) {
                *values.last_mut().expect("a repeated cell follows its first entry") += value;
                continue;
            }
            last = Some((row, column));
            indices.push(column);
            values.push(value);
            offsets[row as usize + 1] += 1;
        }
        for row in 0..rows {
            offsets[row + 1] += offsets[row];
        }
        Self { columns, offsets, indices, values }
    }

    /// A matrix without entries.
    pub fn empty(rows: usize, columns: usize) -> Self {
        Self { columns, offsets: vec![0; rows + 1], indices: Vec::new(), values: Vec::new() }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of stored entries.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether no entry is stored.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Columns (ascending) and values of one row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Value of one cell, zero where nothing is stored.
    pub fn get(&self, row: usize, column: u32) -> f32 {
        let (columns, values) = self.row(row);
        columns.binary_search(&column).map_or(0.0, |at| values[at])
    }

    /// Row offsets (`rows + 1`), column indices and values, as stored.
    pub fn parts(&self) -> (&[u64], &[u32], &[f32]) {
        (&self.offsets, &self.indices, &self.values)
    }

    /// The transposed matrix.
    pub fn transpose(&self) -> Self {
        let mut offsets = vec![0u64; self.columns + 1];
        for &column in &self.indices {
            offsets[column as usize + 1] += 1;
        }
        for column in 0..self.columns {
            offsets[column + 1] += offsets[column];
        }
        let mut next = offsets.clone();
        let mut indices = vec![0u32; self.len()];
        let mut values = vec![0f32; self.len()];
        for row in 0..self.rows() {
            let (columns, row_values) = self.row(row);
            for (&column, &value) in columns.iter().zip(row_values) {
                let at = next[column as usize] as usize;
                next[column as usize] += 1;
                indices[at] = row as u32;
                values[at] = value;
            }
        }
        Self { columns: self.rows(), offsets, indices, values }
    }
}
