//! CSV and NDJSON files, one for each table, with columns under the table's names or mapped ones.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use csv::ByteRecord;
use serde_json::{Map, Value};

use super::OnError;
use super::intake::Intake;
use super::record::{FieldNames, Record};
use super::report::ImportReport;
use crate::dataset::{DatasetWriter, TABLES, Writes};
use crate::error::{DatasetError, RowFault};
use crate::progress::Progress;
use crate::tables::{
    Block, Blocks, Event, Events, Friendship, FriendshipKind, Friendships, Invites, Offer, Product, Products,
    PurchaseVisibility, Seller, Sellers, Split, Table, Team, TeamOutcome, Teams, User, Users, validate,
};

/// How records are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFormat {
    /// Comma-separated values with a header (RFC 4180); lists as `a|b`, offers as JSON text.
    Csv,
    /// One JSON object on each line.
    Ndjson,
}

/// Files of the tables of a dataset.
#[derive(Debug, Clone)]
pub struct TableFiles {
    /// How records are written down.
    pub format: RecordFormat,
    /// Table names and their files; a table may have several.
    pub tables: Vec<(String, PathBuf)>,
    /// `(column, field)`: the column takes the field of that name, in every table or, as `table.column`, in one.
    pub map: Vec<(String, String)>,
    /// What becomes of bad records.
    pub on_error: OnError,
}

/// Imports records to the new folder `out`. Users and products that are only mentioned get a row of their own, with the
/// defaults of the table; a user, product, seller, team or event id listed twice is refused the second time.
///
/// # Errors
/// An unknown table or column, a file that is missing or empty or lacks a required column, an occupied `out`, or bad
/// records unless they may be quarantined.
pub fn tables(files: &TableFiles, out: &Path, progress: &dyn Progress) -> Result<ImportReport, DatasetError> {
    refuse_unknown_columns(&files.map)?;
    refuse_unknown_tables(files)?;
    let mut intake = Intake::begin(out, files.on_error, progress)?;
    for table in TABLES {
        let names = field_names(&files.map, table);
        for (_, path) in files.tables.iter().filter(|(name, _)| name == table) {
            let take = taker(table);
            match files.format {
                RecordFormat::Csv => read_csv(&mut intake, table, path, &names, take)?,
                RecordFormat::Ndjson => read_ndjson(&mut intake, table, path, &names, take)?,
            }
        }
        match table {
            Users::NAME => intake.users.all_listed(),
            Products::NAME => intake.products.all_listed(),
            _ => {}
        }
    }
    intake.push_known(PurchaseVisibility::Nobody)?;
    intake.finish()
}

fn schema(table: &str) -> SchemaRef {
    match table {
        Users::NAME => Users::schema(),
        Products::NAME => Products::schema(),
        Sellers::NAME => Sellers::schema(),
        Friendships::NAME => Friendships::schema(),
        Blocks::NAME => Blocks::schema(),
        Events::NAME => Events::schema(),
        _ => Teams::schema(),
    }
}

/// Whether the left side of a mapping means `column` of `table`.
fn means(left: &str, table: &str, column: &str) -> bool {
    left == column || left.split_once('.') == Some((table, column))
}

fn refuse_unknown_columns(map: &[(String, String)]) -> Result<(), DatasetError> {
    let columns = |table: &'static str| {
        schema(table).fields().iter().map(|field| (table, field.name().clone())).collect::<Vec<_>>()
    };
    let known: Vec<_> = TABLES.into_iter().flat_map(columns).collect();
    match map.iter().find(|(left, _)| !known.iter().any(|(table, column)| means(left, table, column))) {
        Some((left, field)) => {
            let known: Vec<_> = known.iter().map(|(table, column)| format!("{table}.{column}")).collect();
            let known = known.join(", ");
            Err(DatasetError::Usage(format!("`{left}={field}`: there is no column `{left}`; the columns are {known}")))
        }
        None => Ok(()),
    }
}

/// The mappings of one table; those that name it go before those for every table.
fn field_names(map: &[(String, String)], table: &str) -> FieldNames {
    let (own, all): (Vec<_>, Vec<_>) = map.iter().partition(|(left, _)| left.contains('.'));
    let own = own.into_iter().filter_map(|(left, field)| {
        let (of, column) = left.split_once('.')?;
        (of == table).then(|| (column.to_owned(), field.clone()))
    });
    all.into_iter().cloned().chain(own).collect()
}

fn refuse_unknown_tables(files: &TableFiles) -> Result<(), DatasetError> {
    if files.tables.is_empty() {
        return Err(DatasetError::Usage(format!(
            "no table is given; name one as TABLE=FILE, of {}",
            TABLES.join(", ")
        )));
    }
    match files.tables.iter().find(|(name, _)| !TABLES.contains(&name.as_str())) {
        Some((name, _)) => {
            Err(DatasetError::Usage(format!("there is no table `{name}`; the tables are {}", TABLES.join(", "))))
        }
        None => Ok(()),
    }
}

type Taken = Result<Result<(), RowFault>, DatasetError>;
/// Takes one record of a table.
pub(super) type Take = fn(&mut Intake<'_>, &Record<'_>) -> Taken;

fn taker(table: &str) -> Take {
    match table {
        Users::NAME => take_user,
        Products::NAME => take_product,
        Sellers::NAME => take_seller,
        Friendships::NAME => take_friendship,
        Blocks::NAME => take_block,
        Events::NAME => take_event,
        _ => take_team,
    }
}

/// Reads a file of one JSON object on each line.
pub(super) fn read_ndjson(
    intake: &mut Intake<'_>,
    role: &str,
    path: &Path,
    names: &FieldNames,
    take: impl Fn(&mut Intake<'_>, &Record<'_>) -> Taken,
) -> Result<(), DatasetError> {
    intake.read_lines(role, path, |intake, _, line| match Record::parse(line, names) {
        Ok(record) => take(intake, &record),
        Err(fault) => Ok(Err(fault)),
    })
}

fn read_csv(
    intake: &mut Intake<'_>,
    role: &str,
    path: &Path,
    names: &FieldNames,
    take: Take,
) -> Result<(), DatasetError> {
    intake.begin_file(role, path);
    let file = File::open(path).map_err(DatasetError::io(path))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(file);
    let unreadable = |fault: csv::Error| DatasetError::Row {
        file: path.to_owned(),
        row: fault.position().map_or(1, csv::Position::line),
        fault: RowFault::new("line", fault.to_string(), "write the file as RFC 4180 CSV"),
    };
    let header = header(reader.byte_headers().map_err(unreadable)?, path)?;
    refuse_missing(role, path, &header, names)?;
    let mut cells = ByteRecord::new();
    while reader.read_byte_record(&mut cells).map_err(unreadable)? {
        intake.count_row();
        let line = cells.position().map_or(0, csv::Position::line);
        let verdict = match fields(&header, &cells) {
            Ok(fields) => take(intake, &Record::new(fields, names))?,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = verdict {
            intake.refuse(line, fault)?;
        }
    }
    intake.end_file()
}

fn header(cells: &ByteRecord, path: &Path) -> Result<Vec<String>, DatasetError> {
    let name = |cell: &[u8]| {
        let text = std::str::from_utf8(cell).map_err(|_| DatasetError::Row {
            file: path.to_owned(),
            row: 1,
            fault: RowFault::new("header", "is not UTF-8", "convert the file to UTF-8, for instance with iconv"),
        })?;
        Ok(text.trim_start_matches('\u{feff}').to_owned())
    };
    cells.iter().map(name).collect()
}

/// Refuses a file without a column that every row must have, or without a field that was mapped to one of its columns.
fn refuse_missing(table: &str, path: &Path, header: &[String], names: &FieldNames) -> Result<(), DatasetError> {
    if header.iter().all(String::is_empty) {
        let what = format!("{} ({table})", path.display());
        return Err(DatasetError::Empty { what, mend: "give a file with a header and rows" });
    }
    for column in schema(table).fields().iter().filter(|column| !column.is_nullable()) {
        let field = names.get(column.name()).unwrap_or(column.name());
        if !header.contains(field) {
            let reason = format!(
                "is required and there is no field `{field}`; the file has {}; map one with `--map {}=FIELD`",
                header.join(", "),
                column.name()
            );
            return Err(DatasetError::Column { path: path.to_owned(), column: column.name().clone(), reason });
        }
    }
    Ok(())
}

fn fields(header: &[String], cells: &ByteRecord) -> Result<Map<String, Value>, RowFault> {
    if cells.len() != header.len() {
        let reason = format!("has {} fields, the header has {}", cells.len(), header.len());
        return Err(RowFault::new("line", reason, "give as many fields as the header; quote those that hold commas"));
    }
    let mut fields = Map::new();
    for (name, cell) in header.iter().zip(cells) {
        let text = std::str::from_utf8(cell).map_err(|_| {
            RowFault::new(name.clone(), "is not UTF-8", "convert the file to UTF-8, for instance with iconv")
        })?;
        fields.insert(name.clone(), Value::String(text.to_owned()));
    }
    Ok(fields)
}

/// Unwraps what a record holds, or hands the fault to the caller.
macro_rules! held {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(fault) => return Ok(Err(fault)),
        }
    };
}
pub(super) use held;

/// Writes a row that holds what its table promises.
pub(super) fn push_valid<T: Table>(intake: &mut Intake<'_>, row: &T::Row<'_>) -> Taken
where
    DatasetWriter: Writes<T>,
{
    held!(validate::<T>(row));
    intake.push::<T>(row).map(Ok)
}

fn twice(column: &str, id: &str) -> RowFault {
    // The id comes last, so that the report counts all that are listed twice as one reason.
    RowFault::new(column, format!("is listed twice, got `{id}`"), "list each once, with its latest values")
}

/// Checks and writes a user who has not been listed before.
pub(super) fn push_user(intake: &mut Intake<'_>, user: &User<'_>) -> Taken {
    held!(validate::<Users>(user));
    if !intake.users.see_new(user.user_id) {
        return Ok(Err(twice("user_id", user.user_id)));
    }
    intake.push::<Users>(user).map(Ok)
}

/// Checks and writes a product that has not been listed before.
pub(super) fn push_product(intake: &mut Intake<'_>, product: &Product<'_>) -> Taken {
    held!(validate::<Products>(product));
    if !intake.products.see_new(product.product_id) {
        return Ok(Err(twice("product_id", product.product_id)));
    }
    intake.push::<Products>(product).map(Ok)
}

/// Checks and writes an event whose id, if it has one, has not been listed before, and remembers whom and what it names.
pub(super) fn push_event(intake: &mut Intake<'_>, event: &Event<'_>) -> Taken {
    held!(validate::<Events>(event));
    if let Some(id) = event.event_id.filter(|id| !intake.events.insert(id)) {
        return Ok(Err(RowFault {
            mend: "remove the copy, or give it an id of its own".to_owned(),
            ..twice("event_id", id)
        }));
    }
    intake.users.see(event.user_id);
    intake.products.see(event.product_id);
    intake.push_event(event).map(Ok)
}

fn take_user(intake: &mut Intake<'_>, record: &Record<'_>) -> Taken {
    let (user_id, country) = (held!(record.required("user_id")), held!(record.text("country")));
    let language = held!(record.text("language"));
    let user = User {
        user_id: &user_id,
        country: country.as_deref(),
        language: language.as_deref(),
        birth_year: held!(record.small("birth_year")),
        purchase_visibility: held!(record.parsed("purchase_visibility")).unwrap_or(PurchaseVisibility::Nobody),
        invites: held!(record.parsed("invites")).unwrap_or(Invites::Friends),
        personalise: held!(record.truth("personalise")).unwrap_or(true),
        created_at: held!(record.moment("created_at")),
    };
    push_user(intake, &user)
}

fn take_product(intake: &mut Intake<'_>, record: &Record<'_>) -> Taken {
    const TEXTS: [&str; 9] =
        ["seller_id", "title", "description", "language", "category", "brand", "currency", "ships_from", "image_url"];
    let product_id = held!(record.required("product_id"));
    let texts: Vec<Option<String>> = held!(TEXTS.iter().map(|column| record.text(column)).collect());
    let [seller_id, title, description, language, category, brand, currency, ships_from, image_url] =
        std::array::from_fn(|at| texts[at].as_deref());
    let offers = held!(record.offers("offers"));
    let product = Product {
        product_id: &product_id,
        seller_id,
        title,
        description,
        language,
        category,
        brand,
        price_minor: held!(record.integer("price_minor")),
        currency,
        group_price_minor: held!(record.integer("group_price_minor")),
        group_min_size: held!(record.small("group_min_size")),
        stock: held!(record.integer("stock")),
        ships_from,
        offers: offers
            .iter()
            .map(|offer| Offer {
                seller_id: offer.seller_id.as_deref(),
                price_minor: offer.price_minor,
                country: &offer.country,
                min_days: offer.min_days,
                max_days: offer.max_days,
                cost_minor: offer.cost_minor,
                payment_methods: offer.payment_methods.iter().map(String::as_str).collect(),
            })
            .collect(),
        min_age: held!(record.small("min_age")),
        sensitive: held!(record.truth("sensitive")).unwrap_or(false),
        created_at: held!(record.moment("created_at")),
        image_url,
        hidden: held!(record.truth("hidden")).unwrap_or(false),
    };
    push_product(intake, &product)
}

fn take_seller(intake: &mut Intake<'_>, record: &Record<'_>) -> Taken {
    let seller_id = held!(record.required("seller_id"));
    let (name, country) = (held!(record.text("name")), held!(record.text("country")));
    let page_url = held!(record.text("page_url"));
    let seller = Seller {
        seller_id: &seller_id,
        name: name.as_deref(),
        country: country.as_deref(),
        page_url: page_url.as_deref(),
    };
    held!(validate::<Sellers>(&seller));
    if !intake.sellers.see_new(&seller_id) {
        return Ok(Err(twice("seller_id", &seller_id)));
    }
    intake.push::<Sellers>(&seller).map(Ok)
}

fn take_friendship(intake: &mut Intake<'_>, record: &Record<'_>) -> Taken {
    let (user_id, friend_id) = (held!(record.required("user_id")), held!(record.required("friend_id")));
    if user_id == friend_id {
        return Ok(Err(RowFault::new("friend_id", "is the user herself", "remove the record")));
    }
    let tie = Friendship {
        user_id: &user_id,
        friend_id: &friend_id,
        kind: held!(record.parsed("kind")).unwrap_or(FriendshipKind::Friend),
        strength: held!(record.number("strength")).unwrap_or(1.0) as f32,
        since: held!(record.moment("since")),
    };
    held!(validate::<Friendships>(&tie));
    intake.users.see(&user_id);
    intake.users.see(&friend_id);
    push_valid::<Friendships>(intake, &tie)
}

fn take_block(intake: &mut Intake<'_>, record: &Record<'_>) -> Taken {
    let (user_id, blocked_id) = (held!(record.required("user_id")), held!(record.required("blocked_id")));
    let block = Block { user_id: &user_id, blocked_id: &blocked_id };
    held!(validate::<Blocks>(&block));
    intake.users.see(&user_id);
    intake.users.see(&blocked_id);
    intake.push::<Blocks>(&block).map(Ok)
}

fn take_event(intake: &mut Intake<'_>, record: &Record<'_>) -> Taken {
    let (user_id, product_id) = (held!(record.required("user_id")), held!(record.required("product_id")));
    held!(record.required("kind"));
    let event_id = held!(record.text("event_id"));
    let team_id = held!(record.text("team_id"));
    let recommendation_id = held!(record.text("recommendation_id"));
    let Some(kind) = held!(record.parsed("kind")) else {
        return Ok(Err(RowFault::new("kind", "is empty", "say what the user did, such as `purchase`")));
    };
    let event = Event {
        ts: held!(record.moment("ts")),
        event_id: event_id.as_deref(),
        value: held!(record.number("value")),
        surface: held!(record.parsed("surface")),
        team_id: team_id.as_deref(),
        recommendation_id: recommendation_id.as_deref(),
        delivery_days: held!(record.small("delivery_days")),
        split: held!(record.parsed("split")).unwrap_or(Split::Train),
        ..Event::new(&user_id, &product_id, kind)
    };
    push_event(intake, &event)
}

fn take_team(intake: &mut Intake<'_>, record: &Record<'_>) -> Taken {
    let team_id = held!(record.required("team_id"));
    let product_id = held!(record.required("product_id"));
    let initiator_id = held!(record.required("initiator_id"));
    let participants = held!(record.list("participant_ids"));
    let negatives = held!(record.list("negative_ids"));
    let team = Team {
        team_id: &team_id,
        product_id: &product_id,
        initiator_id: &initiator_id,
        participant_ids: participants.iter().map(String::as_str).collect(),
        min_size: held!(record.small("min_size")).unwrap_or(2),
        opened_at: held!(record.moment("opened_at")),
        deadline: held!(record.moment("deadline")),
        outcome: held!(record.parsed("outcome")).unwrap_or(TeamOutcome::Open),
        split: held!(record.parsed("split")).unwrap_or(Split::Train),
        negative_ids: negatives.iter().map(String::as_str).collect(),
        public: held!(record.truth("public")),
    };
    held!(validate::<Teams>(&team));
    if !intake.teams.see_new(&team_id) {
        return Ok(Err(twice("team_id", &team_id)));
    }
    for user in participants.iter().chain([&initiator_id]) {
        intake.users.see(user);
    }
    for product in negatives.iter().chain([&product_id]) {
        intake.products.see(product);
    }
    intake.push_team(&team).map(Ok)
}
