//! Writing: rows collected column by column until they make a batch.

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    StructBuilder, TimestampMillisecondBuilder,
};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use std::sync::Arc;

use super::rows::Offer;
use super::schema::offer_fields;
use crate::units::Timestamp;

/// Collects rows of one table. A row's cells are appended in the order of the schema.
pub struct Builders {
    schema: SchemaRef,
    columns: Vec<Builder>,
    next: usize,
    rows: usize,
}

enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Truth(BooleanBuilder),
    Number(Float64Builder),
    Moment(TimestampMillisecondBuilder),
    Texts(ListBuilder<StringBuilder>),
    Offers(ListBuilder<StructBuilder>),
}

impl Builders {
    /// Empty columns of `schema`.
    pub(crate) fn new(schema: SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|field| Builder::new(field)).collect();
        Self { schema, columns, next: 0, rows: 0 }
    }

    /// Rows collected since the last batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    fn column(&mut self) -> &mut Builder {
        let at = self.next;
        self.next += 1;
        &mut self.columns[at]
    }

    /// Appends a text cell.
    pub(super) fn text(&mut self, value: Option<&str>) {
        match self.column() {
            Builder::Text(column) => column.append_option(value),
            _ => wrong_order("text"),
        }
    }

    /// Appends an integer cell.
    pub(super) fn integer(&mut self, value: Option<i64>) {
        match self.column() {
            Builder::Integer(column) => column.append_option(value),
            _ => wrong_order("integer"),
        }
    }

    /// Appends a truth value.
    pub(super) fn truth(&mut self, value: Option<bool>) {
        match self.column() {
            Builder::Truth(column) => column.append_option(value),
            _ => wrong_order("truth value"),
        }
    }

    /// Appends a number.
    pub(super) fn number(&mut self, value: Option<f64>) {
        match self.column() {
            Builder::Number(column) => column.append_option(value),
            _ => wrong_order("number"),
        }
    }

    /// Appends a moment.
    pub(super) fn moment(&mut self, value: Option<Timestamp>) {
        match self.column() {
            Builder::Moment(column) => column.append_option(value.map(Timestamp::millis)),
            _ => wrong_order("moment"),
        }
    }

    /// Appends a list of texts.
    pub(super) fn texts(&mut self, values: &[&str]) {
        match self.column() {
            Builder::Texts(column) => {
                for value in values {
                    column.values().append_value(value);
                }
                column.append(true);
            }
            _ => wrong_order("list of texts"),
        }
    }

    /// Appends a list of offers.
    pub(super) fn offers(&mut self, offers: &[Offer<'_>]) {
        match self.column() {
            Builder::Offers(column) => {
                for offer in offers {
                    append_offer(column.values(), offer);
                }
                column.append(true);
            }
            _ => wrong_order("list of offers"),
        }
    }

    /// Ends the row.
    pub(super) fn end_row(&mut self) {
        debug_assert_eq!(self.next, self.columns.len(), "a row has one cell for each column");
        self.next = 0;
        self.rows += 1;
    }

    /// The rows collected, as one batch; the builders start anew.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.columns.iter_mut().map(Builder::finish).collect();
        self.rows = 0;
        RecordBatch::try_new(self.schema.clone(), arrays)
    }
}

fn wrong_order(kind: &str) -> ! {
    unreachable!("cells are appended in the order of the schema, which has no {kind} here")
}

impl Builder {
    fn new(field: &Field) -> Self {
        match field.data_type() {
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Boolean => Self::Truth(BooleanBuilder::new()),
            DataType::Float64 => Self::Number(Float64Builder::new()),
            DataType::Timestamp(_, _) => {
                Self::Moment(TimestampMillisecondBuilder::new().with_data_type(field.data_type().clone()))
            }
            DataType::List(item) if item.data_type() == &DataType::Utf8 => {
                Self::Texts(ListBuilder::new(StringBuilder::new()).with_field(item.clone()))
            }
            DataType::List(item) => {
                let offers = StructBuilder::new(offer_fields(), offer_builders());
                Self::Offers(ListBuilder::new(offers).with_field(item.clone()))
            }
            other => unreachable!("no table has a column of type {other}"),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Integer(column) => Arc::new(column.finish()),
            Self::Truth(column) => Arc::new(column.finish()),
            Self::Number(column) => Arc::new(column.finish()),
            Self::Moment(column) => Arc::new(column.finish()),
            Self::Texts(column) => Arc::new(column.finish()),
            Self::Offers(column) => Arc::new(column.finish()),
        }
    }
}

fn offer_builders() -> Vec<Box<dyn ArrayBuilder>> {
    vec![
        Box::new(StringBuilder::new()),
        Box::new(Int64Builder::new()),
        Box::new(Int64Builder::new()),
        Box::new(Int64Builder::new()),
        Box::new(ListBuilder::new(StringBuilder::new())),
        Box::new(StringBuilder::new()),
        Box::new(Int64Builder::new()),
    ]
}

fn append_offer(offers: &mut StructBuilder, offer: &Offer<'_>) {
    const BUILT: &str = "offer_builders made this column";
    offers.field_builder::<StringBuilder>(0).expect(BUILT).append_value(offer.country);
    for (column, value) in [(1, i64::from(offer.min_days)), (2, i64::from(offer.max_days)), (3, offer.cost_minor)] {
        offers.field_builder::<Int64Builder>(column).expect(BUILT).append_value(value);
    }
    let methods = offers.field_builder::<ListBuilder<StringBuilder>>(4).expect(BUILT);
    for method in &offer.payment_methods {
        methods.values().append_value(method);
    }
    methods.append(true);
    offers.field_builder::<StringBuilder>(5).expect(BUILT).append_option(offer.seller_id);
    offers.field_builder::<Int64Builder>(6).expect(BUILT).append_option(offer.price_minor);
    offers.append(true);
}
