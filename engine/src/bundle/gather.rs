//! Columns gathered from the tables of a dataset.
