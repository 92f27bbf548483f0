//! The seven tables: their columns in order, and how a row is read from and written to them.

use arrow::datatypes::{DataType, Field, SchemaRef};

use super::rows::{
    Block, Event, EventKind, Friendship, FriendshipKind, Invites, Product, PurchaseVisibility, Seller, Split, Surface,
    Team, TeamOutcome, User,
};
use super::schema::{integer, moment, number, offers, required, text, texts, truth, versioned};
use super::{Builders, Cells, Table};
use crate::error::RowFault;
use crate::units::{Country, Currency, Language};

/// Most buyers of a team.
const MAX_TEAM: i64 = 10_000;
/// Most years of age a product may ask for.
const MAX_AGE: i64 = 120;

/// Table `users`.
pub enum Users {}
/// Table `products`.
pub enum Products {}
/// Table `sellers`.
pub enum Sellers {}
/// Table `friendships`.
pub enum Friendships {}
/// Table `blocks`.
pub enum Blocks {}
/// Table `events`.
pub enum Events {}
/// Table `teams`.
pub enum Teams {}

impl Table for Users {
    const NAME: &'static str = "users";
    const VERSION: u32 = 1;
    type Row<'a> = User<'a>;

    fn schema() -> SchemaRef {
        let columns = vec![
            required("user_id"),
            text("country"),
            text("language"),
            integer("birth_year"),
            text("purchase_visibility"),
            text("invites"),
            truth("personalise"),
            moment("created_at"),
        ];
        versioned(columns, Self::VERSION)
    }

    fn read(cells: &Cells, row: usize) -> Result<User<'_>, RowFault> {
        Ok(User {
            user_id: cells.id(0, row)?,
            country: cells.code::<Country>(1, row)?,
            language: cells.code::<Language>(2, row)?,
            birth_year: cells.within(3, row, 1880, 2200)?.map(|year| year as i32),
            purchase_visibility: cells.word(4, row)?.unwrap_or(PurchaseVisibility::Nobody),
            invites: cells.word(5, row)?.unwrap_or(Invites::Friends),
            personalise: cells.truth(6, row).unwrap_or(true),
            created_at: cells.moment(7, row)?,
        })
    }

    fn append(row: &User<'_>, to: &mut Builders) {
        to.text(Some(row.user_id));
        to.text(row.country);
        to.text(row.language);
        to.integer(row.birth_year.map(i64::from));
        to.text(Some(row.purchase_visibility.word()));
        to.text(Some(row.invites.word()));
        to.truth(Some(row.personalise));
        to.moment(row.created_at);
        to.end_row();
    }
}

impl Table for Products {
    const NAME: &'static str = "products";
    const VERSION: u32 = 1;
    type Row<'a> = Product<'a>;

    fn schema() -> SchemaRef {
        let columns = vec![
            required("product_id"),
            text("seller_id"),
            text("title"),
            text("description"),
            text("language"),
            text("category"),
            text("brand"),
            integer("price_minor"),
            text("currency"),
            integer("group_price_minor"),
            integer("group_min_size"),
            integer("stock"),
            text("ships_from"),
            offers("offers"),
            integer("min_age"),
            truth("sensitive"),
            moment("created_at"),
            text("image_url"),
            truth("hidden"),
        ];
        versioned(columns, Self::VERSION)
    }

    fn read(cells: &Cells, row: usize) -> Result<Product<'_>, RowFault> {
        Ok(Product {
            product_id: cells.id(0, row)?,
            seller_id: cells.optional_id(1, row)?,
            title: cells.text(2, row),
            description: cells.text(3, row),
            language: cells.code::<Language>(4, row)?,
            category: cells.text(5, row),
            brand: cells.text(6, row),
            price_minor: cells.within(7, row, 0, i64::MAX)?,
            currency: cells.code::<Currency>(8, row)?,
            group_price_minor: cells.within(9, row, 0, i64::MAX)?,
            group_min_size: cells.within(10, row, 2, MAX_TEAM)?.map(|size| size as u32),
            stock: cells.within(11, row, 0, i64::MAX)?,
            ships_from: cells.code::<Country>(12, row)?,
            offers: cells.offers(13, row)?,
            min_age: cells.within(14, row, 0, MAX_AGE)?.map(|age| age as u32),
            sensitive: cells.truth(15, row).unwrap_or(false),
            created_at: cells.moment(16, row)?,
            image_url: cells.text(17, row),
            hidden: cells.truth(18, row).unwrap_or(false),
        })
    }

    fn append(row: &Product<'_>, to: &mut Builders) {
        to.text(Some(row.product_id));
        to.text(row.seller_id);
        to.text(row.title);
        to.text(row.description);
        to.text(row.language);
        to.text(row.category);
        to.text(row.brand);
        to.integer(row.price_minor);
        to.text(row.currency);
        to.integer(row.group_price_minor);
        to.integer(row.group_min_size.map(i64::from));
        to.integer(row.stock);
        to.text(row.ships_from);
        to.offers(&row.offers);
        to.integer(row.min_age.map(i64::from));
        to.truth(Some(row.sensitive));
        to.moment(row.created_at);
        to.text(row.image_url);
        to.truth(Some(row.hidden));
        to.end_row();
    }
}

impl Table for Sellers {
    const NAME: &'static str = "sellers";
    const VERSION: u32 = 1;
    type Row<'a> = Seller<'a>;

    fn schema() -> SchemaRef {
        versioned(vec![required("seller_id"), text("name"), text("country"), text("page_url")], Self::VERSION)
    }

    fn read(cells: &Cells, row: usize) -> Result<Seller<'_>, RowFault> {
        Ok(Seller {
            seller_id: cells.id(0, row)?,
            name: cells.text(1, row),
            country: cells.code::<Country>(2, row)?,
            page_url: cells.text(3, row),
        })
    }

    fn append(row: &Seller<'_>, to: &mut Builders) {
        to.text(Some(row.seller_id));
        to.text(row.name);
        to.text(row.country);
        to.text(row.page_url);
        to.end_row();
    }
}

impl Table for Friendships {
    const NAME: &'static str = "friendships";
    const VERSION: u32 = 1;
    type Row<'a> = Friendship<'a>;

    fn schema() -> SchemaRef {
        let columns =
            vec![required("user_id"), required("friend_id"), text("kind"), number("strength"), moment("since")];
        versioned(columns, Self::VERSION)
    }

    fn read(cells: &Cells, row: usize) -> Result<Friendship<'_>, RowFault> {
        let strength = cells.number(3, row)?.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&strength) {
            return Err(RowFault::new("strength", format!("is {strength}"), "give 0 to 1"));
        }
        Ok(Friendship {
            user_id: cells.id(0, row)?,
            friend_id: cells.id(1, row)?,
            kind: cells.word(2, row)?.unwrap_or(FriendshipKind::Friend),
            strength: strength as f32,
            since: cells.moment(4, row)?,
        })
    }

    fn append(row: &Friendship<'_>, to: &mut Builders) {
        to.text(Some(row.user_id));
        to.text(Some(row.friend_id));
        to.text(Some(row.kind.word()));
        to.number(Some(f64::from(row.strength)));
        to.moment(row.since);
        to.end_row();
    }
}

impl Table for Blocks {
    const NAME: &'static str = "blocks";
    const VERSION: u32 = 1;
    type Row<'a> = Block<'a>;

    fn schema() -> SchemaRef {
        versioned(vec![required("user_id"), required("blocked_id")], Self::VERSION)
    }

    fn read(cells: &Cells, row: usize) -> Result<Block<'_>, RowFault> {
        Ok(Block { user_id: cells.id(0, row)?, blocked_id: cells.id(1, row)? })
    }

    fn append(row: &Block<'_>, to: &mut Builders) {
        to.text(Some(row.user_id));
        to.text(Some(row.blocked_id));
        to.end_row();
    }
}

impl Table for Events {
    const NAME: &'static str = "events";
    const VERSION: u32 = 1;
    type Row<'a> = Event<'a>;

    fn schema() -> SchemaRef {
        let columns = vec![
            required("user_id"),
            required("product_id"),
            Field::new("kind", DataType::Utf8, false),
            moment("ts"),
            text("event_id"),
            number("value"),
            text("surface"),
            text("team_id"),
            text("recommendation_id"),
            text("split"),
            integer("delivery_days"),
        ];
        versioned(columns, Self::VERSION)
    }

    fn read(cells: &Cells, row: usize) -> Result<Event<'_>, RowFault> {
        let kind = cells.word::<EventKind>(2, row)?;
        Ok(Event {
            user_id: cells.id(0, row)?,
            product_id: cells.id(1, row)?,
            kind: kind.ok_or_else(|| RowFault::new("kind", "is empty", "say what the user did, such as `purchase`"))?,
            ts: cells.moment(3, row)?,
            event_id: cells.optional_id(4, row)?,
            value: cells.number(5, row)?,
            surface: cells.word::<Surface>(6, row)?,
            team_id: cells.optional_id(7, row)?,
            recommendation_id: cells.optional_id(8, row)?,
            split: cells.word(9, row)?.unwrap_or(Split::Train),
            delivery_days: cells.within(10, row, 0, i64::from(u32::MAX))?.map(|days| days as u32),
        })
    }

    fn append(row: &Event<'_>, to: &mut Builders) {
        to.text(Some(row.user_id));
        to.text(Some(row.product_id));
        to.text(Some(row.kind.word()));
        to.moment(row.ts);
        to.text(row.event_id);
        to.number(row.value);
        to.text(row.surface.map(Surface::word));
        to.text(row.team_id);
        to.text(row.recommendation_id);
        to.text(Some(row.split.word()));
        to.integer(row.delivery_days.map(i64::from));
        to.end_row();
    }
}

impl Table for Teams {
    const NAME: &'static str = "teams";
    const VERSION: u32 = 1;
    type Row<'a> = Team<'a>;

    fn schema() -> SchemaRef {
        let columns = vec![
            required("team_id"),
            required("product_id"),
            required("initiator_id"),
            texts("participant_ids"),
            integer("min_size"),
            moment("opened_at"),
            moment("deadline"),
            text("outcome"),
            text("split"),
            texts("negative_ids"),
            truth("public"),
        ];
        versioned(columns, Self::VERSION)
    }

    fn read(cells: &Cells, row: usize) -> Result<Team<'_>, RowFault> {
        let participant_ids = cells.ids(3, row)?;
        Ok(Team {
            team_id: cells.id(0, row)?,
            product_id: cells.id(1, row)?,
            initiator_id: cells.id(2, row)?,
            min_size: cells.within(4, row, 1, MAX_TEAM)?.map_or(2, |size| size as u32),
            participant_ids,
            opened_at: cells.moment(5, row)?,
            deadline: cells.moment(6, row)?,
            outcome: cells.word(7, row)?.unwrap_or(TeamOutcome::Open),
            split: cells.word(8, row)?.unwrap_or(Split::Train),
            negative_ids: cells.ids(9, row)?,
            public: cells.truth(10, row),
        })
    }

    fn append(row: &Team<'_>, to: &mut Builders) {
        to.text(Some(row.team_id));
        to.text(Some(row.product_id));
        to.text(Some(row.initiator_id));
        to.texts(&row.participant_ids);
        to.integer(Some(i64::from(row.min_size)));
        to.moment(row.opened_at);
        to.moment(row.deadline);
        to.text(Some(row.outcome.word()));
        to.text(Some(row.split.word()));
        to.texts(&row.negative_ids);
        to.truth(row.public);
        to.end_row();
    }
}
