//! How each table looks in Arrow: columns, types, which are required, and the version of the whole.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// Key of the schema version in a table's metadata.
pub const VERSION_KEY: &str = "juntos.schema_version";

/// A required text column.
pub(super) fn required(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

/// An optional text column.
pub(super) fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

/// An optional column of 64-bit integers.
pub(super) fn integer(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

/// An optional column of truth values.
pub(super) fn truth(name: &str) -> Field {
    Field::new(name, DataType::Boolean, true)
}

/// An optional column of 64-bit floats.
pub(super) fn number(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

/// Offset of all moments. The name `UTC` would need a table of time zones to be converted to.
pub(super) const UTC: &str = "+00:00";

/// An optional column of moments, UTC, milliseconds.
pub(super) fn moment(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())), true)
}

/// An optional column of lists of texts.
pub(super) fn texts(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))), true)
}

/// Fields of one offer.
pub(super) fn offer_fields() -> Fields {
    Fields::from(vec![
        text("country"),
        integer("min_days"),
        integer("max_days"),
        integer("cost_minor"),
        texts("payment_methods"),
        text("seller_id"),
        integer("price_minor"),
    ])
}

/// The optional column of offers.
pub(super) fn offers(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new("item", DataType::Struct(offer_fields()), true))), true)
}

/// A table's schema with its version in the metadata.
pub(super) fn versioned(fields: Vec<Field>, version: u32) -> SchemaRef {
    let metadata = HashMap::from([(VERSION_KEY.to_owned(), version.to_string())]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}
