//! From the tables of a dataset to the columns of a bundle.

use std::collections::BTreeMap;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::{
    Blocks, EventKind, Events, Invites, Offer, Product, Products, PurchaseVisibility, Sellers, Split, User, Users,
};
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_datasets::units::{Country, Currency, Language, Timestamp};
use juntos_datasets::{IdMap, ProductRow, Row, SellerRow};

use super::CategoryRow;
use super::people::{NO_INVITES, NO_YEAR, NOT_PERSONAL, SEEN_BY_ALL, SEEN_BY_FRIENDS};
use super::rhythms::Learnt;
use super::shapes::NONE;
use crate::bitmap::Bitmap;
use crate::catalogue::{HIDDEN, NO_AMOUNT, NO_MOMENT, SENSITIVE, StoredOffer};
use crate::error::EngineError;
use crate::filter::currency_code;

/// An id that a table has and the training data has not; rows and tables were then made from different datasets.
#[derive(Default)]
struct Unknown(Option<String>);

impl Unknown {
    fn check<R>(&mut self, row: Option<R>, id: &str) -> Option<R> {
        if row.is_none() {
            self.0.get_or_insert_with(|| id.to_owned());
        }
        row
    }

    fn finish(self, table: &str) -> Result<(), EngineError> {
        match self.0 {
            None => Ok(()),
            Some(id) => Err(EngineError::unwritable(format!(
                "table {table} names `{id}`, which the training data does not know; load the training data from the same dataset"
            ))),
        }
    }
}

fn country(text: Option<&str>) -> [u8; 2] {
    text.and_then(|text| text.parse::<Country>().ok()).map_or([0; 2], Country::bytes)
}

fn language(text: Option<&str>) -> [u8; 2] {
    text.and_then(|text| text.parse::<Language>().ok()).map_or([0; 2], Language::bytes)
}

fn moment(moment: Option<Timestamp>) -> i64 {
    moment.map_or(NO_MOMENT, Timestamp::millis)
}

/// Columns of the users.
pub(super) struct UserColumns {
    pub(super) country: Vec<[u8; 2]>,
    pub(super) language: Vec<[u8; 2]>,
    pub(super) birth_year: Vec<i32>,
    pub(super) flags: Vec<u8>,
    pub(super) created: Vec<i64>,
}

impl UserColumns {
    pub(super) fn gather(dataset: &Dataset, data: &TrainingData) -> Result<Self, EngineError> {
        let n = data.users.len();
        let mut columns = Self {
            country: vec![[0; 2]; n],
            language: vec![[0; 2]; n],
            birth_year: vec![NO_YEAR; n],
            flags: vec![0; n],
            created: vec![NO_MOMENT; n],
        };
        let mut unknown = Unknown::default();
        dataset.for_each::<Users>(|user| {
            if let Some(row) = unknown.check(data.users.row(user.user_id), user.user_id) {
                columns.set(row.index(), user);
            }
            Ok(())
        })?;
        unknown.finish("users")?;
        Ok(columns)
    }

    fn set(&mut self, at: usize, user: &User<'_>) {
        self.country[at] = country(user.country);
        self.language[at] = language(user.language);
        self.birth_year[at] = user.birth_year.unwrap_or(NO_YEAR);
        self.flags[at] = flags(user);
        self.created[at] = moment(user.created_at);
    }

    /// Whether training may use what is known about the user.
    pub(super) fn personalise(&self, user: usize) -> bool {
        self.flags[user] & NOT_PERSONAL == 0
    }
}

fn flags(user: &User<'_>) -> u8 {
    let seen = match user.purchase_visibility {
        PurchaseVisibility::Nobody => 0,
        PurchaseVisibility::Friends => SEEN_BY_FRIENDS,
        PurchaseVisibility::Everyone => SEEN_BY_ALL,
    };
    let invites = match user.invites {
        Invites::Friends => 0,
        Invites::Nobody => NO_INVITES,
    };
    seen | invites | if user.personalise { 0 } else { NOT_PERSONAL }
}

/// Sellers by row, in the order of their table, then of the products that name them.
#[derive(Default)]
pub(super) struct SellerColumns {
    pub(super) ids: IdMap<SellerRow>,
    pub(super) name: Vec<String>,
    pub(super) country: Vec<[u8; 2]>,
    pub(super) page: Vec<String>,
}

impl SellerColumns {
    fn insert(&mut self, id: &str) -> SellerRow {
        let row = self.ids.insert(id);
        self.name.resize(self.ids.len(), String::new());
        self.country.resize(self.ids.len(), [0; 2]);
        self.page.resize(self.ids.len(), String::new());
        row
    }

    pub(super) fn gather(dataset: &Dataset) -> Result<Self, EngineError> {
        let mut columns = Self::default();
        dataset.for_each::<Sellers>(|seller| {
            let at = columns.insert(seller.seller_id).index();
            columns.name[at] = seller.name.unwrap_or_default().to_owned();
            columns.country[at] = country(seller.country);
            columns.page[at] = seller.page_url.unwrap_or_default().to_owned();
            Ok(())
        })?;
        Ok(columns)
    }
}

/// Columns of the products.
pub(super) struct ProductColumns {
    pub(super) price: Vec<i64>,
    pub(super) currency: Vec<[u8; 4]>,
    pub(super) group_price: Vec<i64>,
    pub(super) group_min_size: Vec<u32>,
    pub(super) stock: Vec<i64>,
    pub(super) seller: Vec<u32>,
    pub(super) category: Vec<u32>,
    pub(super) brand: Vec<u32>,
    pub(super) ships_from: Vec<[u8; 2]>,
    pub(super) language: Vec<[u8; 2]>,
    pub(super) min_age: Vec<u32>,
    pub(super) flags: Vec<u8>,
    pub(super) created: Vec<i64>,
    pub(super) title: Vec<String>,
    pub(super) description: Vec<String>,
    pub(super) image_url: Vec<String>,
    pub(super) offers: Vec<Vec<GatheredOffer>>,
    pub(super) categories: IdMap<CategoryRow>,
    pub(super) category_parent: Vec<u32>,
    pub(super) brands: IdMap<Interned>,
    pub(super) payment_methods: IdMap<Interned>,
}

/// One offer of a product.
#[derive(Debug, Clone, Copy)]
pub(super) struct GatheredOffer {
    pub(super) terms: StoredOffer,
    /// Its seller; [`NONE`] for the product's.
    pub(super) seller: u32,
    /// Its price; [`NO_AMOUNT`] for the product's.
    pub(super) price_minor: i64,
}

/// Row of a brand or payment method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interned(u32);

impl Row for Interned {
    fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).expect("a bundle holds fewer than 2^32 rows of a kind"))
    }
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Most payment methods in one bundle: an offer keeps them as bits of one word.
const MOST_METHODS: usize = 64;

impl ProductColumns {
    pub(super) fn gather(
        dataset: &Dataset,
        data: &TrainingData,
        sellers: &mut SellerColumns,
    ) -> Result<Self, EngineError> {
        let mut columns = Self::empty(data.products.len());
        let mut unknown = Unknown::default();
        dataset.for_each::<Products>(|product| {
            if let Some(row) = unknown.check(data.products.row(product.product_id), product.product_id) {
                columns.set(row.index(), product, sellers);
            }
            Ok(())
        })?;
        unknown.finish("products")?;
        if columns.payment_methods.len() > MOST_METHODS {
            return Err(EngineError::unwritable(format!(
                "the offers name {} payment methods; use at most {MOST_METHODS}",
                columns.payment_methods.len()
            )));
        }
        Ok(columns)
    }

    pub(super) fn empty(n: usize) -> Self {
        Self {
            price: vec![NO_AMOUNT; n],
            currency: vec![[0; 4]; n],
            group_price: vec![NO_AMOUNT; n],
            group_min_size: vec![0; n],
            stock: vec![NO_AMOUNT; n],
            seller: vec![NONE; n],
            category: vec![NONE; n],
            brand: vec![NONE; n],
            ships_from: vec![[0; 2]; n],
            language: vec![[0; 2]; n],
            min_age: vec![NONE; n],
            flags: vec![0; n],
            created: vec![NO_MOMENT; n],
            title: vec![String::new(); n],
            description: vec![String::new(); n],
            image_url: vec![String::new(); n],
            offers: vec![Vec::new(); n],
            categories: IdMap::new(),
            category_parent: Vec::new(),
            brands: IdMap::new(),
            payment_methods: IdMap::new(),
        }
    }

    fn set(&mut self, at: usize, product: &Product<'_>, sellers: &mut SellerColumns) {
        let amount = |amount: Option<i64>| amount.map_or(NO_AMOUNT, |amount| amount.max(0));
        let currency = product.currency.and_then(|code| code.parse::<Currency>().ok());
        self.price[at] = amount(product.price_minor);
        self.currency[at] = currency.map_or([0; 4], currency_code);
        self.group_price[at] = amount(product.group_price_minor);
        self.group_min_size[at] = product.group_min_size.unwrap_or(0);
        self.stock[at] = amount(product.stock);
        self.seller[at] = product.seller_id.map_or(NONE, |id| sellers.insert(id).0);
        self.category[at] = product.category.map_or(NONE, |path| self.insert_category(path));
        self.brand[at] =
            product.brand.filter(|brand| !brand.is_empty()).map_or(NONE, |brand| self.brands.insert(brand).0);
        self.ships_from[at] = country(product.ships_from);
        self.language[at] = language(product.language);
        self.min_age[at] = product.min_age.unwrap_or(NONE);
        self.flags[at] = (u8::from(product.sensitive) * SENSITIVE) | (u8::from(product.hidden) * HIDDEN);
        self.created[at] = moment(product.created_at);
        self.title[at] = product.title.unwrap_or_default().to_owned();
        self.description[at] = product.description.unwrap_or_default().to_owned();
        self.image_url[at] = product.image_url.unwrap_or_default().to_owned();
        self.offers[at] = product.offers.iter().map(|offer| self.offer(offer, sellers)).collect();
    }

    /// The row of a category path; every prefix gets a row before it, so parents come before their children.
    fn insert_category(&mut self, path: &str) -> u32 {
        let path = path.trim_matches('/');
        let mut parent = NONE;
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]).filter(|&end| end > 0) {
            let row = self.categories.insert(&path[..end]).0;
            if row as usize == self.category_parent.len() {
                self.category_parent.push(parent);
            }
            parent = row;
        }
        parent
    }

    /// Bits of methods beyond the last are dropped here; [`ProductColumns::gather`] refuses such a dataset afterwards.
    fn offer(&mut self, offer: &Offer<'_>, sellers: &mut SellerColumns) -> GatheredOffer {
        let mut bit = |name: &&str| 1u64.checked_shl(self.payment_methods.insert(name).0).unwrap_or(0);
        let terms = StoredOffer {
            cost_minor: offer.cost_minor,
            payment_methods: offer.payment_methods.iter().map(&mut bit).fold(0, |mask, bit| mask | bit),
            min_days: offer.min_days,
            max_days: offer.max_days,
            country: country(Some(offer.country)),
            padding: [0; 6],
        };
        let seller = offer.seller_id.map_or(NONE, |id| sellers.insert(id).0);
        GatheredOffer { terms, seller, price_minor: offer.price_minor.map_or(NO_AMOUNT, |price| price.max(0)) }
    }

    /// Products that are neither hidden nor sold out.
    pub(super) fn sellable(&self) -> Bitmap {
        Bitmap::from_fn(self.stock.len(), |at| self.flags[at] & HIDDEN == 0 && self.stock[at] != 0)
    }

    /// Products without a youngest age.
    pub(super) fn for_all_ages(&self) -> Bitmap {
        Bitmap::from_fn(self.min_age.len(), |at| matches!(self.min_age[at], NONE | 0))
    }
}

/// Rows of the users who blocked each user or whom she blocked, ascending.
pub(super) fn blocked(dataset: &Dataset, data: &TrainingData) -> Result<Vec<Vec<u32>>, EngineError> {
    let mut blocked = vec![Vec::new(); data.users.len()];
    let mut unknown = Unknown::default();
    dataset.for_each::<Blocks>(|block| {
        let one = unknown.check(data.users.row(block.user_id), block.user_id);
        let other = unknown.check(data.users.row(block.blocked_id), block.blocked_id);
        if let (Some(one), Some(other)) = (one, other) {
            blocked[one.index()].push(other.0);
            blocked[other.index()].push(one.0);
        }
        Ok(())
    })?;
    unknown.finish("blocks")?;
    for row in &mut blocked {
        row.sort_unstable();
        row.dedup();
    }
    Ok(blocked)
}

/// Days after which an event counts half for popularity.
pub const POPULAR_HALF_LIFE: f64 = 30.0;
/// Days after which an event counts half for the recent rate that a trend compares with the longer one.
const RECENT_HALF_LIFE: f64 = 7.0;

/// What the events say of the products.
pub(super) struct Demand {
    pub(super) popularity: Vec<f32>,
    pub(super) trend: Vec<f32>,
    /// Country to product to popularity there.
    pub(super) by_country: BTreeMap<[u8; 2], BTreeMap<u32, f64>>,
    pub(super) rhythms: Learnt,
}

impl Demand {
    /// Streams the training events once. Popularity counts people who allow personalisation only.
    pub(super) fn gather(
        dataset: &Dataset,
        data: &TrainingData,
        users: &UserColumns,
        products: &ProductColumns,
    ) -> Result<Self, EngineError> {
        let n = data.products.len();
        let weights = EventWeights::default();
        let (mut long, mut recent) = (vec![0.0f64; n], vec![0.0f64; n]);
        let mut by_country: BTreeMap<[u8; 2], BTreeMap<u32, f64>> = BTreeMap::new();
        let mut purchases = Vec::new();
        let mut unknown = Unknown::default();
        dataset.for_each::<Events>(|event| {
            let user = unknown.check(data.users.row(event.user_id), event.user_id);
            let product = unknown.check(data.products.row(event.product_id), event.product_id);
            let (Some(user), Some(product)) = (user, product) else { return Ok(()) };
            if event.split != Split::Train || !users.personalise(user.index()) {
                return Ok(());
            }
            if let (EventKind::Purchase, Some(at)) = (event.kind, event.ts) {
                purchases.push((product.0, user.0, at.millis()));
            }
            let weight = f64::from(weights.of(event.kind));
            if weight > 0.0 {
                let age = age_days(data.cut, event.ts);
                long[product.index()] += weight * decay(age, POPULAR_HALF_LIFE);
                recent[product.index()] += weight * decay(age, RECENT_HALF_LIFE);
                let there = users.country[user.index()];
                if there != [0; 2] {
                    *by_country.entry(there).or_default().entry(product.0).or_default() +=
                        weight * decay(age, POPULAR_HALF_LIFE);
                }
            }
            Ok(())
        })?;
        unknown.finish("events")?;
        let trend = long.iter().zip(&recent).map(|(&long, &recent)| trend(long, recent)).collect();
        let popularity = long.iter().map(|&weight| weight as f32).collect();
        Ok(Self { popularity, trend, by_country, rhythms: Learnt::learn(purchases, data.cut, products) })
    }
}

/// Days from the event to the cut; zero where one of the two is unknown.
fn age_days(cut: Option<Timestamp>, at: Option<Timestamp>) -> f64 {
    cut.zip(at).map_or(0.0, |(cut, at)| cut.days_since(at).max(0.0))
}

fn decay(age_days: f64, half_life: f64) -> f64 {
    (-age_days / half_life).exp2()
}

/// Deviations by which the recent weight exceeds what the longer one makes one expect, counts taken as Poisson.
fn trend(long: f64, recent: f64) -> f32 {
    let expected = long * RECENT_HALF_LIFE / POPULAR_HALF_LIFE;
    ((recent - expected) / (expected + 1.0).sqrt()) as f32
}

/// Rows of all products by `popularity`, best first.
pub(super) fn ranking(popularity: &[f32]) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..popularity.len()).map(|row| ProductRow::from_index(row).0).collect();
    rows.sort_by(|&a, &b| popularity[b as usize].total_cmp(&popularity[a as usize]).then(a.cmp(&b)));
    rows
}
