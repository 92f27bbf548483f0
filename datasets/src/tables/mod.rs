//! The tables of a dataset: what one row means ([`rows`](self)), how it looks in Arrow, how it is read and written.

mod builders;
mod cells;
mod define;
mod rows;
mod schema;

use arrow::datatypes::SchemaRef;

pub use builders::Builders;
pub use cells::Cells;
pub use define::{Blocks, Events, Friendships, Products, Sellers, Teams, Users};
pub use rows::*;
pub use schema::VERSION_KEY;

use crate::error::RowFault;

/// One table of a dataset: a file `NAME.parquet`, or a folder `NAME/` of part files.
pub trait Table: 'static {
    /// Name of the table and of its file.
    const NAME: &'static str;
    /// Version of the schema, in the file's metadata under [`VERSION_KEY`].
    const VERSION: u32;
    /// Borrowed view of one row.
    type Row<'a>;

    /// Columns, types, required or not.
    fn schema() -> SchemaRef;

    /// The row at position `row` of a batch, checked.
    ///
    /// # Errors
    /// [`RowFault`] names the column, what is wrong and how to mend it.
    fn read(cells: &Cells, row: usize) -> Result<Self::Row<'_>, RowFault>;

    /// Appends a row to the columns.
    fn append(row: &Self::Row<'_>, to: &mut Builders);
}

/// Checks a row that did not come out of a table, such as a record of an import, with the rules of reading it.
///
/// # Errors
/// [`RowFault`] names the column, what is wrong and how to mend it.
pub fn validate<T: Table>(row: &T::Row<'_>) -> Result<(), RowFault> {
    let mut builders = Builders::new(T::schema());
    T::append(row, &mut builders);
    let batch =
        builders.take().map_err(|fault| RowFault::new("row", fault.to_string(), "give every required column"))?;
    let cells = Cells::new(&T::schema(), &batch)
        .map_err(|(column, reason)| RowFault::new(column, reason, "give every required column"))?;
    T::read(&cells, 0).map(drop)
}
