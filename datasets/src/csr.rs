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
    /// Entries are put into their rows by counting, then each row is sorted: `O(n log(longest row))`, and 8 bytes an
    /// entry beside `entries`.
    ///
    /// # Panics
    /// If an entry lies outside `(rows, columns)`.
    pub fn from_entries(rows: usize, columns: usize, entries: Vec<(u32, u32, f32)>) -> Self {
        let mut ends = vec![0usize; rows + 1];
        for &(row, column, _) in &entries {
            assert!(
                (row as usize) < rows && (column as usize) < columns,
                "entry ({row}, {column}) outside ({rows}, {columns})"
            );
            ends[row as usize + 1] += 1;
        }
        (0..rows).for_each(|row| ends[row + 1] += ends[row]);
        // Where the next entry of each row goes: in the end, where the row after it begins.
        let mut next = ends.clone();
        let mut cells = vec![(0u32, 0f32); entries.len()];
        for (row, column, value) in entries {
            cells[next[row as usize]] = (column, value);
            next[row as usize] += 1;
        }
        drop(next);
        Self::from_rows(columns, split_at(&mut cells, &ends))
    }

    /// Sorts each row and adds up what stands twice.
    fn from_rows(columns: usize, mut rows: Vec<&mut [(u32, f32)]>) -> Self {
        rows.par_iter_mut().for_each(|row| row.sort_by_key(|&(column, _)| column));
        let size = rows.iter().map(|row| row.len()).sum();
        let mut made = Builder::with_capacity(columns, rows.len(), size);
        rows.iter().for_each(|row| made.push(row));
        made.finish()
    }

    /// Builds the matrix row by row: `fill` is told each row in turn and adds its `(column, value)` entries in any
    /// order; entries of one cell are added up in that order. Nothing but the matrix and one row is held.
    ///
    /// # Panics
    /// If a column lies outside `columns`.
    pub fn by_rows(rows: usize, columns: usize, mut fill: impl FnMut(usize, &mut Vec<(u32, f32)>)) -> Self {
        let mut made = Builder::with_capacity(columns, rows, 0);
        let mut cells = Vec::new();
        for row in 0..rows {
            cells.clear();
            fill(row, &mut cells);
            cells.sort_by_key(|&(column, _)| column);
            if let Some(&(last, _)) = cells.last() {
                assert!((last as usize) < columns, "entry ({row}, {last}) outside ({rows}, {columns})");
            }
            made.push(&cells);
        }
        made.finish()
    }

    /// Row, column and value of every cell, by row and column.
    pub fn cells(&self) -> impl Iterator<Item = (u32, u32, f32)> {
        (0..self.rows()).flat_map(move |row| self.entries(row).map(move |(column, value)| (row as u32, column, value)))
    }

    /// Column and value of every cell of one row, by column.
    pub fn entries(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let (columns, values) = self.row(row);
        columns.iter().copied().zip(values.iter().copied())
    }

    /// The same cells with other values.
    pub fn map_values(&self, change: impl Fn(f32) -> f32) -> Self {
        let values = self.values.iter().map(|&value| change(value)).collect();
        Self { columns: self.columns, offsets: self.offsets.clone(), indices: self.indices.clone(), values }
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
    #[inline]
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

/// A matrix that grows by whole rows.
struct Builder {
    made: Csr,
}

impl Builder {
    fn with_capacity(columns: usize, rows: usize, size: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { made: Csr { columns, offsets, indices: Vec::with_capacity(size), values: Vec::with_capacity(size) } }
    }

    /// Adds a row of entries by column, adding up what stands twice.
    fn push(&mut self, row: &[(u32, f32)]) {
        let made = &mut self.made;
        for same in row.chunk_by(|left, right| left.0 == right.0) {
            made.indices.push(same[0].0);
            made.values.push(same[1..].iter().fold(same[0].1, |sum, entry| sum + entry.1));
        }
        made.offsets.push(made.indices.len() as u64);
    }

    fn finish(mut self) -> Csr {
        self.made.indices.shrink_to_fit();
        self.made.values.shrink_to_fit();
        self.made
    }
}

/// The parts of `cells` between neighbouring `ends`, the first of which is 0 and the last the length.
fn split_at<'c>(mut cells: &'c mut [(u32, f32)], ends: &[usize]) -> Vec<&'c mut [(u32, f32)]> {
    let part = |pair: &[usize]| {
        let (part, rest) = std::mem::take(&mut cells).split_at_mut(pair[1] - pair[0]);
        cells = rest;
        part
    };
    ends.windows(2).map(part).collect()
}

#[cfg(test)]
mod tests {
    //! Built from entries in any order and row by row, a matrix has the sums of each cell's entries, and its transpose
    //! has the same cells the other way round.

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cells_are_sums_of_entries(entries in prop::collection::vec((0u32..7, 0u32..5, -2i8..3), 0..60)) {
            let entries: Vec<(u32, u32, f32)> = entries.iter().map(|&(row, column, value)| (row, column, value.into())).collect();
            let mut sums = BTreeMap::new();
            for &(row, column, value) in &entries {
                *sums.entry((row, column)).or_insert(0.0) += value;
            }
            let matrix = Csr::from_entries(7, 5, entries.clone());
            let cells: Vec<((u32, u32), f32)> = matrix.cells().map(|(row, column, value)| ((row, column), value)).collect();
            prop_assert_eq!(cells, sums.into_iter().collect::<Vec<_>>());
            prop_assert_eq!((matrix.rows(), matrix.columns()), (7, 5));
            let fill = |row: usize, cells: &mut Vec<(u32, f32)>| {
                let own = entries.iter().filter(|entry| entry.0 as usize == row);
                cells.extend(own.map(|&(_, column, value)| (column, value)));
            };
            prop_assert_eq!(&Csr::by_rows(7, 5, fill), &matrix);
            let mut turned: Vec<(u32, u32, f32)> = matrix.transpose().cells().map(|(column, row, value)| (row, column, value)).collect();
            turned.sort_by_key(|&(row, column, _)| (row, column));
            prop_assert_eq!(turned, matrix.cells().collect::<Vec<_>>());
            prop_assert_eq!(matrix.map_values(|value| value + 1.0).map_values(|value| value - 1.0), matrix);
        }
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn a_column_outside_is_refused() {
        Csr::by_rows(2, 3, |row, cells| cells.push((row as u32 + 2, 1.0)));
    }
}
