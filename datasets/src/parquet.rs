//! Tables ↔ Parquet, as streams: a table larger than memory passes through batch by batch.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{DatasetError, RowFault};
use crate::tables::{Builders, Cells, Table, VERSION_KEY};

/// Rows of one batch in memory.
const BATCH_ROWS: usize = 8_192;
/// Rows of one row group in a file.
const GROUP_ROWS: usize = 131_072;

/// Writes one table to one file.
pub struct TableWriter<T: Table> {
    path: PathBuf,
    file: ArrowWriter<File>,
    builders: Builders,
    rows: u64,
    table: std::marker::PhantomData<T>,
}

impl<T: Table> TableWriter<T> {
    /// Begins the file `path`, which must not exist.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> Result<Self, DatasetError> {
        let file = File::create_new(path).map_err(DatasetError::io(path))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let file = ArrowWriter::try_new(file, T::schema(), Some(properties)).map_err(|fault| damaged(path, fault))?;
        let builders = Builders::new(T::schema());
        Ok(Self { path: path.to_owned(), file, builders, rows: 0, table: std::marker::PhantomData })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn push(&mut self, row: &T::Row<'_>) -> Result<(), DatasetError> {
        T::append(row, &mut self.builders);
        self.rows += 1;
        if self.builders.rows() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows appended so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn flush(&mut self) -> Result<(), DatasetError> {
        let batch = self.builders.take().map_err(|fault| damaged(&self.path, fault))?;
        self.file.write(&batch).map_err(|fault| damaged(&self.path, fault))
    }

    /// Writes what is left and the footer, and waits until the disk has it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<u64, DatasetError> {
        self.flush()?;
        let file = self.file.into_inner().map_err(|fault| damaged(&self.path, fault))?;
        file.sync_all().map_err(DatasetError::io(&self.path))?;
        Ok(self.rows)
    }
}

/// Reads one file batch by batch; `visit` gets the columns and the number of rows of each batch, and may stop.
///
/// # Errors
/// When the file is not Parquet, is damaged, lacks a required column or is newer than this program; or what `visit`
/// returned.
pub fn read_batches<T: Table>(
    path: &Path,
    mut visit: impl FnMut(&Cells, usize) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    let mut reader = guarded(path, || open::<T>(path))?;
    let schema = T::schema();
    while let Some(batch) = guarded(path, || reader.next().transpose().map_err(|fault| damaged(path, fault)))? {
        let cells = guarded(path, || {
            Cells::new(&schema, &batch).map_err(|(column, reason)| DatasetError::Column {
                path: path.to_owned(),
                column,
                reason,
            })
        })?;
        visit(&cells, batch.num_rows())?;
    }
    Ok(())
}

/// Reads the rows of one file in order; `visit` gets each row or its fault with its number from 1, and may stop.
///
/// # Errors
/// As [`read_batches`].
pub fn read_rows<T: Table>(
    path: &Path,
    mut visit: impl FnMut(u64, Result<T::Row<'_>, RowFault>) -> Result<(), DatasetError>,
) -> Result<u64, DatasetError> {
    let mut rows = 0;
    read_batches::<T>(path, |cells, count| {
        for row in 0..count {
            rows += 1;
            visit(rows, read_row::<T>(cells, row))?;
        }
        Ok(())
    })?;
    Ok(rows)
}

/// The row at position `row` of a batch, checked.
///
/// # Errors
/// [`RowFault`] names the column, what is wrong and how to mend it.
pub fn read_row<T: Table>(cells: &Cells, row: usize) -> Result<T::Row<'_>, RowFault> {
    cells.fits(row)?;
    T::read(cells, row)
}

/// Number of rows that the footer of `path` states.
///
/// # Errors
/// When the file is not Parquet or is damaged.
pub fn row_count<T: Table>(path: &Path) -> Result<u64, DatasetError> {
    guarded(path, || {
        let file = File::open(path).map_err(DatasetError::io(path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|fault| damaged(path, fault))?;
        Ok(builder.metadata().file_metadata().num_rows().max(0) as u64)
    })
}

fn open<T: Table>(path: &Path) -> Result<ParquetRecordBatchReader, DatasetError> {
    let file = File::open(path).map_err(DatasetError::io(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|fault| damaged(path, fault))?;
    check_version::<T>(path, builder.schema())?;
    builder.with_batch_size(BATCH_ROWS).build().map_err(|fault| damaged(path, fault))
}

/// A table without a version comes from elsewhere and is taken by its columns; a newer one may mean something else.
fn check_version<T: Table>(path: &Path, schema: &Schema) -> Result<(), DatasetError> {
    let Some(version) = schema.metadata().get(VERSION_KEY) else { return Ok(()) };
    if version.parse().is_ok_and(|version: u32| version <= T::VERSION) {
        return Ok(());
    }
    Err(DatasetError::Version { path: path.to_owned(), got: version.clone(), known: T::VERSION })
}

fn damaged(path: &Path, fault: impl std::fmt::Display) -> DatasetError {
    DatasetError::Parquet { path: path.to_owned(), reason: fault.to_string() }
}

/// Runs a step of the Parquet library, whose decoders may panic on damaged bytes, and turns a panic into an error. The
/// reader is given up then, so nothing half-done is seen afterwards.
fn guarded<R>(path: &Path, step: impl FnOnce() -> Result<R, DatasetError>) -> Result<R, DatasetError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Err(damaged(path, "its contents are damaged")))
}

#[cfg(test)]
mod tests;
