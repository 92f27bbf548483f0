//! What happened, in columns: ids, units, tables, Parquet, importers, the generator, sparse matrices and splits.

#![forbid(unsafe_code)]

pub mod check;
pub mod csr;
pub mod dataset;
pub mod error;
pub mod generate;
pub mod ids;
pub mod import;
mod load;
pub mod parquet;
pub mod progress;
pub mod quarantine;
pub mod shown;
pub mod split;
pub mod tables;
pub mod training;
pub mod units;

pub use csr::Csr;
pub use dataset::{Dataset, DatasetWriter};
pub use error::{DatasetError, RowFault};
pub use ids::{IdMap, ProductRow, Row, SellerRow, UserRow};
