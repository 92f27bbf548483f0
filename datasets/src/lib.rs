//! What happened, in columns: ids, units, tables, Parquet, importers, the generator, sparse matrices and splits.

#![forbid(unsafe_code)]

pub mod csr;
pub mod generate;
pub mod ids;
pub mod progress;
pub mod tables;
pub mod training;
pub mod units;

pub use csr::Csr;
pub use ids::{IdMap, ProductRow, Row, SellerRow, UserRow};
