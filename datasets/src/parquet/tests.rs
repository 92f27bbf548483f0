//! What is proved:
//!
//! 1. rows of every table come back as they were written;
//! 2. damaged, foreign and newer files are refused with their name, never with a panic;
//! 3. columns of other widths and layouts are taken, and a cell that does not fit is a fault of its row.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int32Array, LargeListArray, LargeStringArray, ListArray, RecordBatch, StringArray, StructArray,
    TimestampSecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::tables::{
    Event, EventKind, Events, Friendship, FriendshipKind, Friendships, Offer, Product, Products, Split, Surface, Team,
    TeamOutcome, Teams, User, Users,
};
use crate::units::Timestamp;

fn write<T: Table>(path: &Path, rows: &[T::Row<'_>]) {
    let mut writer = TableWriter::<T>::create(path).unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    assert_eq!(writer.finish().unwrap(), rows.len() as u64);
}

/// Writes the rows, reads them again and hands each pair to `same`.
fn round_trip<T: Table>(rows: &[T::Row<'_>], mut same: impl FnMut(&T::Row<'_>, &T::Row<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    write::<T>(&path, rows);
    let mut at = 0;
    let seen = read_rows::<T>(&path, |number, row| {
        assert_eq!(number, at as u64 + 1);
        same(&rows[at], &row.unwrap());
        at += 1;
        Ok(())
    });
    assert_eq!(seen.unwrap(), rows.len() as u64);
    assert_eq!(row_count::<T>(&path).unwrap(), rows.len() as u64);
}

fn id() -> impl Strategy<Value = String> {
    "[a-zA-Zа-яё0-9 _:-]{1,20}"
}

fn moment() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((-2_000_000_000_000i64..7_000_000_000_000).prop_map(Timestamp::from_millis))
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn events_come_back(rows in prop::collection::vec(
        (id(), id(), one_of(EventKind::ALL), moment(), prop::option::of(id()), prop::option::of(-1e9..1e9f64),
         prop::option::of(one_of(Surface::ALL)), one_of(Split::ALL)), 0..40)) {
        let rows: Vec<Event<'_>> = rows.iter().map(|(user, product, kind, ts, event, value, surface, split)| Event {
            ts: *ts,
            event_id: event.as_deref(),
            value: *value,
            surface: *surface,
            split: *split,
            delivery_days: surface.map(|surface| surface.word().len() as u32),
            ..Event::new(user, product, *kind)
        }).collect();
        round_trip::<Events>(&rows, |wrote, read| assert_eq!(wrote, read));
    }

    #[test]
    fn products_come_back(rows in prop::collection::vec(
        (id(), prop::option::of(".{0,12}"), prop::option::of(0..i64::MAX), prop::option::of(2..9u32),
         prop::collection::vec((0..9u32, 0..9u32, 0..99i64, prop::collection::vec("[a-z]{1,6}", 0..3)), 0..3),
         any::<bool>(), moment()), 0..20)) {
        let rows: Vec<Product<'_>> = rows.iter().map(|(product, title, price, size, offers, hidden, created)| Product {
            title: title.as_deref(),
            price_minor: *price,
            currency: price.map(|_| "EUR"),
            group_min_size: *size,
            offers: offers.iter().map(|(min, more, cost, methods)| Offer {
                seller_id: methods.first().map(String::as_str),
                price_minor: (*more > 3).then_some(*cost * 7),
                cost_minor: *cost,
                payment_methods: methods.iter().map(String::as_str).collect(),
                ..Offer::new("ES", *min, min + more)
            }).collect(),
            hidden: *hidden,
            created_at: *created,
            ..Product::new(product)
        }).collect();
        round_trip::<Products>(&rows, |wrote, read| assert_eq!(wrote, read));
    }

    #[test]
    fn teams_and_ties_come_back(rows in prop::collection::vec(
        (id(), id(), prop::collection::vec(id(), 0..4), one_of(TeamOutcome::ALL), 1..9u32, moment(), any::<Option<bool>>(), 0.0..=1.0f32), 0..20)) {
        let teams: Vec<Team<'_>> = rows.iter().map(|(team, initiator, members, outcome, size, deadline, public, _)| Team {
            team_id: team,
            product_id: "p",
            initiator_id: initiator,
            participant_ids: members.iter().map(String::as_str).collect(),
            min_size: *size,
            opened_at: None,
            deadline: *deadline,
            outcome: *outcome,
            split: Split::Train,
            negative_ids: members.iter().map(String::as_str).collect(),
            public: *public,
        }).collect();
        round_trip::<Teams>(&teams, |wrote, read| assert_eq!(wrote, read));
        let ties: Vec<Friendship<'_>> = rows.iter().map(|(one, other, _, _, _, since, _, strength)| Friendship {
            user_id: one,
            friend_id: other,
            kind: FriendshipKind::Family,
            strength: *strength,
            since: *since,
        }).collect();
        round_trip::<Friendships>(&ties, |wrote, read| assert_eq!(wrote, read));
    }
}

fn read_users(path: &Path) -> Result<u64, DatasetError> {
    read_rows::<Users>(path, |number, row| {
        row.map(drop).map_err(|fault| DatasetError::Row { file: path.to_owned(), row: number, fault })
    })
}

#[test]
fn damaged_files_are_refused_by_name_or_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    let ids: Vec<String> = (0..300).map(|user| format!("user-{user}")).collect();
    let users: Vec<User<'_>> = ids.iter().map(|id| User::new(id)).collect();
    write::<Users>(&path, &users);
    let good = std::fs::read(&path).unwrap();
    let mut refused = 0;
    let mut try_bytes = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        if let Err(fault) = read_users(&path) {
            assert!(fault.to_string().contains("users.parquet"), "{fault}");
            refused += 1;
        }
    };
    for length in (0..good.len()).step_by(97) {
        try_bytes(&good[..length]);
    }
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        try_bytes(&bytes);
    }
    assert!(refused > good.len() / 97, "every truncation must be refused");
}

fn write_foreign(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, array)| array).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn foreign_files_are_taken_by_their_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    let created = TimestampSecondArray::from(vec![Some(7), None]);
    assert_eq!(created.data_type(), &DataType::Timestamp(TimeUnit::Second, None));
    write_foreign(
        &path,
        vec![
            ("more", Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef),
            ("user_id", Arc::new(LargeStringArray::from(vec!["a", "b"]))),
            ("birth_year", Arc::new(Int32Array::from(vec![Some(1990), None]))),
            ("created_at", Arc::new(created)),
        ],
    );
    let mut seen = Vec::new();
    read_rows::<Users>(&path, |_, row| {
        let row = row.unwrap();
        seen.push((row.user_id.to_owned(), row.birth_year, row.created_at.map(Timestamp::millis)));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [("a".to_owned(), Some(1990), Some(7000)), ("b".to_owned(), None, None)]);
}

#[test]
fn missing_and_unfit_columns_and_bad_values_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    let refusal = |columns: Vec<(&str, ArrayRef)>| {
        write_foreign(&path, columns);
        read_users(&path).unwrap_err().to_string()
    };
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    assert!(refusal(vec![("uid", text("a"))]).contains("column `user_id` is required and absent; the file has uid"));
    assert!(refusal(vec![("user_id", text("a")), ("birth_year", text("old"))]).contains("`birth_year` is Utf8"));
    assert!(refusal(vec![("user_id", text(""))]).contains("row 1: `user_id` is no id; the id is empty"));
    assert!(refusal(vec![("user_id", text(&"x".repeat(10_000)))]).contains("shorten it to at most 128"));
    assert!(refusal(vec![("user_id", text("a")), ("country", text("Spain"))]).contains("two-letter ISO 3166-1"));
    assert!(refusal(vec![("user_id", text("a")), ("invites", text("all"))]).contains("one of `friends` `nobody`"));
}

#[test]
fn a_cell_that_does_not_fit_is_a_fault_of_its_row_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    let ids = Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef;
    let created = Arc::new(StringArray::from(vec![Some("2026-03-01T12:00:00Z"), Some("yesterday"), None])) as ArrayRef;
    write_foreign(&path, vec![("user_id", ids), ("created_at", created)]);
    let mut rows = Vec::new();
    read_rows::<Users>(&path, |_, row| {
        rows.push(row.map(|user| user.created_at).map_err(|fault| fault.column));
        Ok(())
    })
    .unwrap();
    let moment = "2026-03-01T12:00:00Z".parse().unwrap();
    assert_eq!(rows, [Ok(Some(moment)), Err("created_at".to_owned()), Ok(None)]);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.parquet");
    let metadata = std::collections::HashMap::from([(VERSION_KEY.to_owned(), "99".to_owned())]);
    let schema = Arc::new(Schema::new_with_metadata(vec![Field::new("user_id", DataType::Utf8, false)], metadata));
    ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap().close().unwrap();
    let message = read_users(&path).unwrap_err().to_string();
    assert!(message.contains("schema version 99") && message.contains("update juntos"), "{message}");
}

/// Files of before an offer could have a seller and a price of its own, and of writers that know fewer fields still.
#[test]
fn offers_with_fewer_fields_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("products.parquet");
    let fields = vec![Field::new("max_days", DataType::Int32, true), Field::new("country", DataType::Utf8, true)];
    let days = Arc::new(Int32Array::from(vec![3, 9])) as ArrayRef;
    let countries = Arc::new(StringArray::from(vec!["ES", "IT"])) as ArrayRef;
    let records = Arc::new(StructArray::new(fields.into(), vec![days, countries], None));
    let item = Arc::new(Field::new("element", records.data_type().clone(), true));
    let small = ListArray::new(item.clone(), OffsetBuffer::from_lengths([2, 0]), records.clone(), None);
    let large = LargeListArray::new(item, OffsetBuffer::from_lengths([2, 0]), records, None);
    for offers in [Arc::new(small) as ArrayRef, Arc::new(large)] {
        let ids = Arc::new(StringArray::from(vec!["p", "q"])) as ArrayRef;
        write_foreign(&path, vec![("product_id", ids), ("offers", offers)]);
        let mut read = Vec::new();
        read_rows::<Products>(&path, |_, row| {
            read.push(format!("{:?}", row.unwrap().offers));
            Ok(())
        })
        .unwrap();
        assert_eq!(read, [format!("{:?}", [Offer::new("ES", 3, 3), Offer::new("IT", 9, 9)]), "[]".to_owned()]);
    }
}
