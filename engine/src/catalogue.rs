//! The catalogue: one column for each property of a product, by row.

use bytemuck::{Pod, Zeroable};
use juntos_datasets::units::{Country, Currency, Language, Money, Timestamp};
use juntos_datasets::{ProductRow, Row, SellerRow};

use crate::bundle::shapes::{IdMapView, Lists, NONE, Texts};
use crate::bundle::{CategoryRow, Column};

/// Stands for an absent price or stock.
pub(crate) const NO_AMOUNT: i64 = -1;
/// Stands for an absent moment.
pub(crate) const NO_MOMENT: i64 = i64::MIN;
/// Bit of `flags`: never used in social proof.
pub(crate) const SENSITIVE: u8 = 1;
/// Bit of `flags`: withdrawn from every answer.
pub(crate) const HIDDEN: u8 = 2;

/// One way to deliver a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct StoredOffer {
    /// Delivery cost in minor units of the product's currency.
    pub cost_minor: i64,
    /// Payment methods accepted, bit `n` for method `n` of [`Catalogue::payment_methods`]; zero means any.
    pub payment_methods: u64,
    /// Fewest days until delivery.
    pub min_days: u32,
    /// Most days until delivery.
    pub max_days: u32,
    /// Two letters of the country delivered to.
    pub country: [u8; 2],
    pub(crate) padding: [u8; 6],
}

impl StoredOffer {
    /// Country delivered to.
    pub fn country(&self) -> Option<Country> {
        country(self.country)
    }
}

/// Prices, texts, offers and the like, by product row. Every accessor panics on a row of another bundle.
pub struct Catalogue {
    pub(crate) price: Column<i64>,
    pub(crate) currency: Column<[u8; 4]>,
    pub(crate) group_price: Column<i64>,
    pub(crate) group_min_size: Column<u32>,
    pub(crate) stock: Column<i64>,
    pub(crate) seller: Column<u32>,
    pub(crate) category: Column<u32>,
    pub(crate) brand: Column<u32>,
    pub(crate) ships_from: Column<[u8; 2]>,
    pub(crate) language: Column<[u8; 2]>,
    pub(crate) min_age: Column<u32>,
    pub(crate) flags: Column<u8>,
    pub(crate) created: Column<i64>,
    pub(crate) title: Texts,
    pub(crate) description: Texts,
    pub(crate) image_url: Texts,
    pub(crate) offers: Lists<StoredOffer>,
    pub(crate) sellable: Column<u64>,
    pub(crate) for_all_ages: Column<u64>,
    pub(crate) category_parent: Column<u32>,
    pub(crate) categories: IdMapView<CategoryRow>,
    pub(crate) brands: Texts,
    pub(crate) n_brands: usize,
    pub(crate) payment_methods: Vec<String>,
    pub(crate) seller_name: Texts,
    pub(crate) seller_country: Column<[u8; 2]>,
    pub(crate) seller_page: Texts,
}

impl Catalogue {
    /// Price for one buyer.
    pub fn price(&self, product: ProductRow) -> Option<Money> {
        self.money(&self.price, product)
    }

    /// Price for each member of a team.
    pub fn group_price(&self, product: ProductRow) -> Option<Money> {
        self.money(&self.group_price, product)
    }

    fn money(&self, amounts: &[i64], product: ProductRow) -> Option<Money> {
        let minor_units = amount(amounts[product.index()])?;
        Some(Money { minor_units, currency: self.currency(product)? })
    }

    /// Currency of every amount of the product.
    pub fn currency(&self, product: ProductRow) -> Option<Currency> {
        std::str::from_utf8(&self.currency[product.index()][..3]).ok()?.parse().ok()
    }

    /// Buyers a team needs, initiator included.
    pub fn group_min_size(&self, product: ProductRow) -> Option<u32> {
        Some(self.group_min_size[product.index()]).filter(|&size| size != 0)
    }

    /// Pieces in stock; absent means not counted.
    pub fn stock(&self, product: ProductRow) -> Option<i64> {
        amount(self.stock[product.index()])
    }

    /// Who sells it.
    pub fn seller(&self, product: ProductRow) -> Option<SellerRow> {
        row(self.seller[product.index()]).map(SellerRow)
    }

    /// Its category.
    pub fn category(&self, product: ProductRow) -> Option<CategoryRow> {
        row(self.category[product.index()]).map(CategoryRow)
    }

    /// Full path of a category, `a/b/c`.
    pub fn category_path(&self, category: CategoryRow) -> &str {
        self.categories.id(category)
    }

    /// Category one step more general.
    pub fn category_parent(&self, category: CategoryRow) -> Option<CategoryRow> {
        row(self.category_parent[category.index()]).map(CategoryRow)
    }

    /// All categories: every prefix of every path is one.
    pub fn categories(&self) -> &IdMapView<CategoryRow> {
        &self.categories
    }

    /// Its brand.
    pub fn brand(&self, product: ProductRow) -> Option<&str> {
        row(self.brand[product.index()]).map(|brand| self.brands.get(brand as usize))
    }

    /// Country it ships from.
    pub fn ships_from(&self, product: ProductRow) -> Option<Country> {
        country(self.ships_from[product.index()])
    }

    /// Language of the texts.
    pub fn language(&self, product: ProductRow) -> Option<Language> {
        language(self.language[product.index()])
    }

    /// Where and how it is delivered; empty means everywhere.
    pub fn offers(&self, product: ProductRow) -> &[StoredOffer] {
        self.offers.row(product.index())
    }

    /// Names of payment methods, in the order of the bits of [`StoredOffer::payment_methods`].
    pub fn payment_methods(&self) -> &[String] {
        &self.payment_methods
    }

    /// Names of the payment methods that an offer accepts; none means any.
    pub fn offer_payment_methods(&self, offer: &StoredOffer) -> impl Iterator<Item = &str> {
        let mask = offer.payment_methods;
        self.payment_methods
            .iter()
            .enumerate()
            .filter(move |(bit, _)| mask >> bit & 1 == 1)
            .map(|(_, name)| name.as_str())
    }

    /// Youngest age in years that may see it.
    pub fn min_age(&self, product: ProductRow) -> Option<u32> {
        row(self.min_age[product.index()])
    }

    /// Whether it must never be used in social proof.
    pub fn sensitive(&self, product: ProductRow) -> bool {
        self.flags[product.index()] & SENSITIVE != 0
    }

    /// Whether it is withdrawn from every answer.
    pub fn hidden(&self, product: ProductRow) -> bool {
        self.flags[product.index()] & HIDDEN != 0
    }

    /// When it was listed.
    pub fn created_at(&self, product: ProductRow) -> Option<Timestamp> {
        moment(self.created[product.index()])
    }

    /// Title, as the seller wrote it.
    pub fn title(&self, product: ProductRow) -> Option<&str> {
        self.title.some(product.index())
    }

    /// Description, as the seller wrote it.
    pub fn description(&self, product: ProductRow) -> Option<&str> {
        self.description.some(product.index())
    }

    /// Picture.
    pub fn image_url(&self, product: ProductRow) -> Option<&str> {
        self.image_url.some(product.index())
    }

    /// Shown name of a seller.
    pub fn seller_name(&self, seller: SellerRow) -> Option<&str> {
        self.seller_name.some(seller.index())
    }

    /// Country of a seller.
    pub fn seller_country(&self, seller: SellerRow) -> Option<Country> {
        country(self.seller_country[seller.index()])
    }

    /// Official page of a seller in a social network.
    pub fn seller_page(&self, seller: SellerRow) -> Option<&str> {
        self.seller_page.some(seller.index())
    }
}

fn amount(stored: i64) -> Option<i64> {
    (stored >= 0).then_some(stored)
}

fn row(stored: u32) -> Option<u32> {
    (stored != NONE).then_some(stored)
}

/// A stored moment.
pub(crate) fn moment(stored: i64) -> Option<Timestamp> {
    (stored != NO_MOMENT).then(|| Timestamp::from_millis(stored))
}

/// A stored country; two zero bytes stand for none.
pub(crate) fn country(stored: [u8; 2]) -> Option<Country> {
    std::str::from_utf8(&stored).ok()?.parse().ok()
}

/// A stored language; two zero bytes stand for none.
pub(crate) fn language(stored: [u8; 2]) -> Option<Language> {
    std::str::from_utf8(&stored).ok()?.parse().ok()
}
