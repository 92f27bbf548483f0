//! Reading: the columns of one batch in their agreed types, cell by cell.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;

use super::rows::Offer;
use super::schema::UTC;
use crate::error::RowFault;
use crate::ids::check_id;
use crate::units::Timestamp;

/// Milliseconds since 1970 that can be meant: 1900-01-01 to 2200-01-01.
const MOMENTS: std::ops::Range<i64> = -2_208_988_800_000..7_258_118_400_000;

/// The columns of one batch, in the order of a table's schema.
#[derive(Debug)]
pub struct Cells {
    names: Vec<String>,
    columns: Vec<Column>,
    unfit: Vec<Unfit>,
}

/// A column in which some cells hold what cannot become its type.
#[derive(Debug)]
struct Unfit {
    column: usize,
    wanted: DataType,
    before: ArrayRef,
    after: ArrayRef,
}

#[derive(Debug)]
enum Column {
    Text(StringArray),
    Integer(Int64Array),
    Truth(BooleanArray),
    Number(Float64Array),
    Moment(TimestampMillisecondArray),
    List(ListArray),
}

/// A column that does not fit the table: its name, and what is wrong.
pub(crate) type ColumnFault = (String, String);

impl Cells {
    /// Takes the columns of `schema` out of `batch` by name, converting types where the meaning stays; absent optional
    /// columns read as empty, further columns are left alone. A cell that cannot be converted is a fault of its row.
    pub(crate) fn new(schema: &Schema, batch: &RecordBatch) -> Result<Self, ColumnFault> {
        let mut names = Vec::new();
        let mut columns = Vec::new();
        let mut unfit = Vec::new();
        for (column, field) in schema.fields().iter().enumerate() {
            let array = match batch.column_by_name(field.name()) {
                Some(found) => {
                    let after = convert(found, field.data_type()).map_err(|fault| (field.name().clone(), fault))?;
                    if after.null_count() > found.logical_null_count() {
                        let (wanted, before) = (field.data_type().clone(), found.clone());
                        unfit.push(Unfit { column, wanted, before, after: after.clone() });
                    }
                    after
                }
                None if field.is_nullable() => new_null_array(field.data_type(), batch.num_rows()),
                None => {
                    let have: Vec<_> = batch.schema().fields().iter().map(|have| have.name().clone()).collect();
                    let reason = format!("is required and absent; the file has {}", have.join(", "));
                    return Err((field.name().clone(), reason));
                }
            };
            names.push(field.name().clone());
            columns.push(Column::new(&array));
        }
        Ok(Self { names, columns, unfit })
    }

    /// Checks that every cell of a row could become its column's type.
    pub(crate) fn fits(&self, row: usize) -> Result<(), RowFault> {
        match self.unfit.iter().find(|unfit| unfit.before.is_valid(row) && unfit.after.is_null(row)) {
            Some(unfit) => {
                let mend = match unfit.wanted {
                    DataType::Timestamp(_, _) => "give an RFC 3339 time such as `2026-03-01T12:00:00Z`".to_owned(),
                    ref wanted => format!("give a value that fits {wanted}"),
                };
                Err(self.fault(unfit.column, "holds something of another kind", mend))
            }
            None => Ok(()),
        }
    }

    /// How many cells of each column hold something; an empty list holds nothing.
    pub fn filled(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.columns.iter().map(Column::filled))
    }

    fn fault(&self, column: usize, reason: impl Into<String>, mend: impl Into<String>) -> RowFault {
        RowFault::new(self.names[column].clone(), reason, mend)
    }

    /// The text of a cell.
    pub(super) fn text(&self, column: usize, row: usize) -> Option<&str> {
        match &self.columns[column] {
            Column::Text(array) => array.is_valid(row).then(|| array.value(row)),
            _ => None,
        }
    }

    /// The id in a required cell.
    pub(super) fn id(&self, column: usize, row: usize) -> Result<&str, RowFault> {
        let text = self.text(column, row).ok_or_else(|| self.fault(column, "is empty", "give every row an id"))?;
        check_id(text).map_err(|fault| self.fault(column, "is no id", fault.to_string()))
    }

    /// The id in an optional cell.
    pub(super) fn optional_id(&self, column: usize, row: usize) -> Result<Option<&str>, RowFault> {
        self.text(column, row).map(|_| self.id(column, row)).transpose()
    }

    /// The value that a cell's word stands for.
    pub(super) fn word<T: FromStr<Err: Display>>(&self, column: usize, row: usize) -> Result<Option<T>, RowFault> {
        let parse =
            |text: &str| text.parse().map_err(|fault: T::Err| self.fault(column, fault.to_string(), "correct it"));
        self.text(column, row).map(parse).transpose()
    }

    /// The code in a cell (country, currency, language), checked but kept as text.
    pub(super) fn code<T: FromStr<Err: Display>>(&self, column: usize, row: usize) -> Result<Option<&str>, RowFault> {
        self.word::<T>(column, row)?;
        Ok(self.text(column, row))
    }

    /// The integer in a cell.
    pub(super) fn integer(&self, column: usize, row: usize) -> Option<i64> {
        match &self.columns[column] {
            Column::Integer(array) => array.is_valid(row).then(|| array.value(row)),
            _ => None,
        }
    }

    /// The integer in a cell, which must lie in `range`.
    pub(super) fn within(&self, column: usize, row: usize, low: i64, high: i64) -> Result<Option<i64>, RowFault> {
        match self.integer(column, row) {
            Some(value) if !(low..=high).contains(&value) => {
                let mend = if low == 0 && high == i64::MAX {
                    "give zero or more".to_owned()
                } else {
                    format!("give {low} to {high}")
                };
                Err(self.fault(column, format!("is {value}"), mend))
            }
            value => Ok(value),
        }
    }

    /// The truth value in a cell.
    pub(super) fn truth(&self, column: usize, row: usize) -> Option<bool> {
        match &self.columns[column] {
            Column::Truth(array) => array.is_valid(row).then(|| array.value(row)),
            _ => None,
        }
    }

    /// The finite number in a cell.
    pub(super) fn number(&self, column: usize, row: usize) -> Result<Option<f64>, RowFault> {
        let Column::Number(array) = &self.columns[column] else { return Ok(None) };
        if array.is_null(row) {
            return Ok(None);
        }
        let value = array.value(row);
        if value.is_finite() {
            Ok(Some(value))
        } else {
            Err(self.fault(column, format!("is {value}"), "give a finite number"))
        }
    }

    /// The moment in a cell.
    pub(super) fn moment(&self, column: usize, row: usize) -> Result<Option<Timestamp>, RowFault> {
        let Column::Moment(array) = &self.columns[column] else { return Ok(None) };
        if array.is_null(row) {
            return Ok(None);
        }
        let millis = array.value(row);
        if MOMENTS.contains(&millis) {
            return Ok(Some(Timestamp::from_millis(millis)));
        }
        let mend = "give a time between the years 1900 and 2200, and check the unit";
        Err(self.fault(column, format!("is {millis} ms since 1970"), mend))
    }

    /// The ids listed in a cell.
    pub(super) fn ids(&self, column: usize, row: usize) -> Result<Vec<&str>, RowFault> {
        let Column::List(lists) = &self.columns[column] else { return Ok(Vec::new()) };
        let mut ids = Vec::new();
        for text in strings(lists, row) {
            let text = text.ok_or_else(|| self.fault(column, "holds an empty entry", "leave it out"))?;
            ids.push(
                check_id(text)
                    .map_err(|fault| self.fault(column, "holds something that is no id", fault.to_string()))?,
            );
        }
        Ok(ids)
    }

    /// The delivery offers in a cell.
    pub(super) fn offers(&self, column: usize, row: usize) -> Result<Vec<Offer<'_>>, RowFault> {
        let Column::List(lists) = &self.columns[column] else { return Ok(Vec::new()) };
        if lists.is_null(row) {
            return Ok(Vec::new());
        }
        let (start, end) = bounds(lists, row);
        let offers = lists.values().as_struct();
        (start..end).map(|at| offer(offers, at).map_err(|(reason, mend)| self.fault(column, reason, mend))).collect()
    }
}

impl Column {
    fn new(array: &ArrayRef) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string().clone()),
            DataType::Int64 => Self::Integer(array.as_primitive::<Int64Type>().clone()),
            DataType::Boolean => Self::Truth(array.as_boolean().clone()),
            DataType::Float64 => Self::Number(array.as_primitive::<Float64Type>().clone()),
            DataType::Timestamp(_, _) => Self::Moment(array.as_primitive::<TimestampMillisecondType>().clone()),
            _ => Self::List(array.as_list().clone()),
        }
    }
}

impl Column {
    fn filled(&self) -> u64 {
        let valid = |array: &dyn Array| (array.len() - array.null_count()) as u64;
        match self {
            Self::Text(array) => valid(array),
            Self::Integer(array) => valid(array),
            Self::Truth(array) => valid(array),
            Self::Number(array) => valid(array),
            Self::Moment(array) => valid(array),
            Self::List(lists) => (0..lists.len())
                .filter(|&row| lists.is_valid(row) && bounds(lists, row).0 < bounds(lists, row).1)
                .count() as u64,
        }
    }
}

/// Converts an array to the agreed type; cells that cannot be converted become empty.
fn convert(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == wanted {
        return Ok(array.clone());
    }
    if !convertible(array.data_type(), wanted) {
        return Err(format!("is {}; it must be {wanted}", array.data_type()));
    }
    let whole = with_all_fields(array, wanted).map_err(|fault| format!("cannot become {wanted}: {fault}"))?;
    cast(&in_utc(&whole), wanted).map_err(|fault| format!("cannot become {wanted}: {fault}"))
}

/// A list of records with exactly the wanted fields in their order: those that a file of an older version, or of another
/// writer, does not have are empty. Everything else as it is.
fn with_all_fields(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    let (DataType::List(have) | DataType::LargeList(have), DataType::List(item)) = (array.data_type(), wanted) else {
        return Ok(array.clone());
    };
    let (DataType::Struct(_), DataType::Struct(fields)) = (have.data_type(), item.data_type()) else {
        return Ok(array.clone());
    };
    let array = cast(array, &DataType::List(have.clone()))?;
    let lists = array.as_list::<i32>();
    let records = lists.values().as_struct();
    let column = |field: &FieldRef| match records.column_by_name(field.name()) {
        Some(column) => (Arc::new(Field::new(field.name(), column.data_type().clone(), true)), column.clone()),
        None => (field.clone(), new_null_array(field.data_type(), records.len())),
    };
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = fields.iter().map(column).unzip();
    let records = StructArray::try_new_with_length(fields.into(), columns, records.nulls().cloned(), records.len())?;
    let item = Arc::new(Field::new(have.name(), records.data_type().clone(), true));
    let whole = ListArray::try_new(item, lists.offsets().clone(), Arc::new(records), lists.nulls().cloned())?;
    Ok(Arc::new(whole))
}

/// Moments count from 1970 in UTC whatever zone they are labelled with, and naive ones are taken as UTC.
fn in_utc(array: &ArrayRef) -> ArrayRef {
    let DataType::Timestamp(unit, _) = array.data_type() else { return array.clone() };
    match unit {
        TimeUnit::Second => Arc::new(array.as_primitive::<TimestampSecondType>().clone().with_timezone(UTC)),
        TimeUnit::Millisecond => Arc::new(array.as_primitive::<TimestampMillisecondType>().clone().with_timezone(UTC)),
        TimeUnit::Microsecond => Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone(UTC)),
        TimeUnit::Nanosecond => Arc::new(array.as_primitive::<TimestampNanosecondType>().clone().with_timezone(UTC)),
    }
}

/// Whether a conversion keeps the meaning: texts of any layout, integers and floats of any width, moments of any unit.
fn convertible(from: &DataType, wanted: &DataType) -> bool {
    let from = match from {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let is_text = matches!(from, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match wanted {
        DataType::Utf8 => is_text || from.is_integer() || from.is_null(),
        DataType::Int64 => from.is_integer() || from.is_null(),
        DataType::Float64 => from.is_numeric() || from.is_null(),
        DataType::Boolean => from.is_null(),
        DataType::Timestamp(_, _) => {
            is_text || matches!(from, DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64) || from.is_null()
        }
        DataType::List(item) => match from {
            DataType::List(have) | DataType::LargeList(have) => convertible(have.data_type(), item.data_type()),
            other => other.is_null(),
        },
        DataType::Struct(wanted) => match from {
            DataType::Struct(have) => wanted.iter().all(|field| {
                let have = have.find(field.name());
                have.is_none_or(|(_, have)| convertible(have.data_type(), field.data_type()))
            }),
            _ => false,
        },
        _ => false,
    }
}

fn bounds(lists: &ListArray, row: usize) -> (usize, usize) {
    (lists.value_offsets()[row] as usize, lists.value_offsets()[row + 1] as usize)
}

/// The texts of a list cell, none when the cell is empty.
fn strings(lists: &ListArray, row: usize) -> impl Iterator<Item = Option<&str>> {
    let (start, end) = if lists.is_valid(row) { bounds(lists, row) } else { (0, 0) };
    let values = lists.values().as_string::<i32>();
    (start..end).map(move |at| values.is_valid(at).then(|| values.value(at)))
}

type OfferFault = (String, &'static str);

fn offer(offers: &StructArray, at: usize) -> Result<Offer<'_>, OfferFault> {
    let country = offers.column(0).as_string::<i32>();
    if offers.is_null(at) || country.is_null(at) {
        return Err(("holds an offer without country".to_owned(), "name the country it delivers to"));
    }
    let country = country.value(at);
    country
        .parse::<crate::units::Country>()
        .map_err(|fault| (format!("holds an offer: {fault}"), "correct the country"))?;
    let whole = |column: usize| -> Option<i64> {
        let numbers = offers.column(column).as_primitive::<Int64Type>();
        numbers.is_valid(at).then(|| numbers.value(at))
    };
    let days = |column: usize, other: usize| -> Result<u32, OfferFault> {
        let days = whole(column).or_else(|| whole(other)).unwrap_or(0);
        u32::try_from(days).map_err(|_| (format!("holds an offer of {days} days"), "give zero or more days"))
    };
    let (min_days, max_days) = (days(1, 2)?, days(2, 1)?);
    if min_days > max_days {
        return Err((format!("holds an offer of {min_days} to {max_days} days"), "give the fewer days as min_days"));
    }
    let cost_minor = whole(3).unwrap_or(0);
    if cost_minor < 0 {
        return Err((format!("holds an offer that costs {cost_minor}"), "give zero or more"));
    }
    let payment_methods = strings(offers.column(4).as_list(), at).flatten().collect();
    let sellers = offers.column(5).as_string::<i32>();
    let seller_id = sellers.is_valid(at).then(|| sellers.value(at));
    if let Some(Err(fault)) = seller_id.map(check_id) {
        return Err((
            format!("holds an offer whose seller_id is no id: {fault}"),
            "correct the seller_id, or leave it out",
        ));
    }
    let price_minor = whole(6);
    if price_minor.is_some_and(|price| price < 0) {
        return Err(("holds an offer with a negative price".to_owned(), "give zero or more"));
    }
    Ok(Offer { seller_id, price_minor, country, min_days, max_days, cost_minor, payment_methods })
}
