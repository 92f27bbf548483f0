//! The bundle: the immutable folder that training writes and serving opens.
//!
//! A `manifest.json` and a few binary files, each a table of aligned little-endian sections that are used where they
//! lie in a memory map; `docs/bundle.md` has the grammar. Rows are valid in one bundle only.

mod choices;
mod feedback;
pub(crate) mod folder;
mod gather;
mod manifest;
pub(crate) mod map;
mod open;
pub(crate) mod people;
mod rhythms;
pub(crate) mod sections;
pub(crate) mod shapes;
mod teams;
mod user_vectors;
mod write;

use std::sync::Arc;

use juntos_datasets::units::Country;
use juntos_datasets::{ProductRow, Row, SellerRow, UserRow};
use xxhash_rust::xxh3::xxh3_64;

pub use feedback::StoredFeedback;
pub use gather::POPULAR_HALF_LIFE;
pub use manifest::{FileEntry, IndexReport, Manifest, Shapes};
pub(crate) use map::Column;
pub(crate) use people::Consent;
pub use people::UserProfile;
pub use sections::FORMAT_VERSION;
pub use shapes::{IdMapView, short_hash};
pub use teams::{OpenTeam, TeamRow};
pub use write::{BundleSource, GroupVector, write, write_with};

pub use crate::catalogue::{Catalogue, StoredOffer};
pub use crate::history::StoredPossession;

use crate::cohorts::{Cohorts, Newcomer};
use crate::content::ContentModel;
use crate::filter::Deliverable;
use crate::fold::{self, AxesView};
use crate::friends::Ties;
use crate::history::History;
use crate::index::{Base, Exact, LiveIndex, LiveOptions, Searcher};
use crate::offers::Weights;
use crate::rhythm::Rhythm;
use crate::serving_model::ServingModel;

/// Row of a category: every prefix of every category path has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryRow(pub u32);

impl Row for CategoryRow {
    fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).expect("a bundle holds fewer than 2^32 rows of a kind"))
    }
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// An open bundle. It never changes; share it behind an `Arc`.
///
/// Accessors that take a row panic on a row of another bundle.
pub struct Bundle {
    manifest: Manifest,
    version: String,
    users: IdMapView<UserRow>,
    products: IdMapView<ProductRow>,
    sellers: IdMapView<SellerRow>,
    people: people::People,
    catalogue: Catalogue,
    vectors: Vectors,
    ties: Ties,
    history: History,
    feedback: Option<shapes::Lists<StoredFeedback>>,
    rhythms: Option<rhythms::Stored>,
    choices: Option<choices::Stored>,
    teams: teams::OpenTeams,
    /// The index with the products' vectors, row-major.
    index: Arc<Base>,
    deliverable: Deliverable,
    content: Option<ContentModel>,
    cohorts: Option<Cohorts>,
}

/// One offer of a product.
#[derive(Debug, Clone, Copy)]
pub struct SoldOffer<'a> {
    /// Where, when and for how much it is delivered.
    pub delivery: &'a StoredOffer,
    /// Who sells it, where it is not the product's seller.
    pub seller: Option<SellerRow>,
    /// Price for one buyer in minor units of the product's currency, where it is not the product's.
    pub price_minor: Option<i64>,
}

/// Vectors of users and standing groups, row-major.
struct Vectors {
    users: user_vectors::UserVectors,
    groups: Column<f32>,
    group_members: shapes::Lists<u32>,
    group_table: Column<u32>,
    gram: Column<f32>,
    /// Axes of the Gram matrix and the squares along them; bundles written before have none.
    axes: Option<Axes>,
}

/// See [`fold::Axes`].
struct Axes {
    directions: Column<f32>,
    squares: Column<f32>,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bundle({}, {:?})", self.version, self.manifest.shapes)
    }
}

impl Bundle {
    /// What is in the bundle and where it came from.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Short name of exactly this bundle: the checksum of its manifest, which has the checksums of all files.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Number of users.
    pub fn n_users(&self) -> usize {
        self.users.len()
    }

    /// Number of products.
    pub fn n_products(&self) -> usize {
        self.products.len()
    }

    /// Dimensions of every vector.
    pub fn dim(&self) -> usize {
        self.manifest.shapes.dim
    }

    /// Users' ids.
    pub fn users(&self) -> &IdMapView<UserRow> {
        &self.users
    }

    /// Products' ids.
    pub fn products(&self) -> &IdMapView<ProductRow> {
        &self.products
    }

    /// Sellers' ids.
    pub fn sellers(&self) -> &IdMapView<SellerRow> {
        &self.sellers
    }

    /// What a user says about herself, and what she allows.
    pub fn profile(&self, user: UserRow) -> UserProfile {
        self.people.profile(user)
    }

    /// Has the processor fetch what is read of many users one after the other: their vectors, and where their lists lie.
    pub(crate) fn prefetch_users(&self, users: &[u32]) {
        let vectors = self.vectors.users.rows();
        for &user in users {
            vectors.prefetch(u64::from(user));
            let user = user as usize;
            self.ties.friends.rows.prefetch_range(user);
            self.ties.co_joined.rows.prefetch_range(user);
            self.history.possessions.prefetch_range(user);
        }
        for user in users.iter().map(|&user| user as usize) {
            self.ties.friends.rows.prefetch_head(user);
            self.ties.co_joined.rows.prefetch_head(user);
            self.history.possessions.prefetch_head(user);
        }
    }

    /// Has the processor fetch what a glimpse of many users reads.
    pub(crate) fn prefetch_glimpses(&self, users: &[u32]) {
        let vectors = self.vectors.users.rows();
        for &user in users {
            vectors.prefetch_scale(u64::from(user));
            self.ties.co_joined.rows.prefetch_range(user as usize);
        }
    }

    /// At least the length of a user's vector, and zero only where that is.
    pub(crate) fn longest_vector(&self, user: UserRow) -> f32 {
        self.vectors.users.rows().longest(u64::from(user.0))
    }

    /// The country that a user lives in.
    pub(crate) fn country_of(&self, user: UserRow) -> Option<Country> {
        self.people.country_of(user)
    }

    /// What a user allows.
    pub(crate) fn consent(&self, user: UserRow) -> Consent {
        self.people.consent(user)
    }

    /// A user's trained vector, `dim` numbers, each read from 8 bits; all zero for users who had nothing to learn from.
    ///
    /// Cost: one page of the file, where the system does not have it in memory.
    pub fn user_vector(&self, user: UserRow) -> Vec<f32> {
        self.vectors.users.rows().vector(u64::from(user.0))
    }

    /// Reads [`Bundle::user_vector`] into `vector`, which must have `dim` numbers.
    pub fn read_user_vector(&self, user: UserRow, vector: &mut [f32]) {
        self.vectors.users.rows().get(u64::from(user.0), vector);
    }

    /// A product's vector, `dim` numbers.
    pub fn product_vector(&self, product: ProductRow) -> &[f32] {
        self.vector(self.product_vectors(), product.index())
    }

    /// Vectors of all products, `(n_products, dim)` row-major.
    pub fn product_vectors(&self) -> &[f32] {
        self.index.vectors()
    }

    /// Vector of the standing group of exactly these members, ascending, if it has one.
    pub fn group_vector(&self, members: &[UserRow]) -> Option<&[f32]> {
        let members: Vec<u32> = members.iter().map(|member| member.0).collect();
        let table: &[u32] = &self.vectors.group_table;
        let mask = table.len() - 1;
        let first = xxh3_64(bytemuck::cast_slice(&members)) as usize;
        let rows =
            (0..table.len()).map(|step| table[first.wrapping_add(step) & mask]).take_while(|&row| row != shapes::NONE);
        let mut found = rows.filter(|&row| self.vectors.group_members.row(row as usize) == members);
        found.next().map(|row| self.vector(&self.vectors.groups, row as usize))
    }

    fn vector<'a>(&self, vectors: &'a [f32], row: usize) -> &'a [f32] {
        &vectors[row * self.dim()..(row + 1) * self.dim()]
    }

    /// `Σ y yᵀ` over all product vectors `y`, `(dim, dim)` row-major.
    pub fn gram(&self) -> &[f32] {
        &self.vectors.gram
    }

    /// What folding events into vectors needs to know of the products.
    pub fn fold_products(&self) -> fold::Products<'_> {
        let axes = self.vectors.axes.as_ref();
        let axes = axes.map(|axes| AxesView { directions: &axes.directions, squares: &axes.squares });
        fold::Products { gram: self.gram(), count: self.n_products(), axes }
    }

    /// Rows of a user's friends, ascending, and the strengths of the ties; blocked ties are left out.
    pub fn friends(&self, user: UserRow) -> (&[u32], &[f32]) {
        self.ties.friends.row(user.index())
    }

    /// Rows of the users who joined succeeded teams of `initiator`, ascending, and how many times each.
    pub fn co_joined(&self, initiator: UserRow) -> (&[u32], &[f32]) {
        self.ties.co_joined.row(initiator.index())
    }

    /// Rows of the users who blocked `user` or whom she blocked, ascending.
    pub fn blocked(&self, user: UserRow) -> &[u32] {
        self.ties.blocked.row(user.index())
    }

    /// What a user had before the cut, by product row.
    pub fn possessions(&self, user: UserRow) -> &[StoredPossession] {
        self.history.possessions.row(user.index())
    }

    /// Rows of the users who bought a product before the cut, ascending; gifts to others do not count.
    pub fn buyers(&self, product: ProductRow) -> &[u32] {
        self.history.buyers.row(product.index())
    }

    /// What buyers said of a product before the cut, by row of the user; empty in bundles that do not tell.
    pub fn feedback(&self, product: ProductRow) -> &[StoredFeedback] {
        self.feedback.as_ref().map_or(&[], |feedback| feedback.row(product.index()))
    }

    /// Prices, texts, offers and the like.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// How much a product is bought everywhere: its weighted events, each halved every 30 days before the cut.
    pub fn popularity(&self, product: ProductRow) -> f32 {
        self.history.popularity[product.index()]
    }

    /// How much more a product was bought in the last week than in the last month: deviations from what the month
    /// would make one expect; above zero means rising.
    pub fn trend(&self, product: ProductRow) -> f32 {
        self.history.trend[product.index()]
    }

    /// Rows of all products, most popular first.
    pub fn popular(&self) -> &[u32] {
        &self.history.ranking
    }

    /// Rows of the products that people of `country` buy, most popular there first, and their popularity there;
    /// empty where nobody of the country has bought.
    pub fn popular_in(&self, country: Country) -> (&[u32], &[f32]) {
        self.history.country(country).map_or((&[], &[]), |at| self.history.by_country.row(at))
    }

    /// When and whether buyers of the product buy it again: its own rhythm where enough of them did, else that of its
    /// category; absent where there are too few of both, and in bundles that do not tell.
    pub fn rhythm(&self, product: ProductRow) -> Option<&Rhythm> {
        self.rhythms.as_ref()?.of_product(product.index())
    }

    /// The same for products of a category.
    pub fn category_rhythm(&self, category: CategoryRow) -> Option<&Rhythm> {
        self.rhythms.as_ref()?.of_category(category.index())
    }

    /// The offers of a product with their sellers and prices, in the order of the catalogue.
    pub fn sold_offers(&self, product: ProductRow) -> impl Iterator<Item = SoldOffer<'_>> {
        let places = self.catalogue.offers.range(product.index());
        let sold = |(delivery, place)| SoldOffer {
            delivery,
            seller: self.choices.as_ref().and_then(|choices| choices.seller(place)).map(SellerRow),
            price_minor: self.choices.as_ref().and_then(|choices| choices.price(place)),
        };
        self.catalogue.offers(product).iter().zip(places).map(sold)
    }

    /// What weighs with people of `country` who choose an offer, the world's where nobody there had a choice; none where
    /// training saw nobody choose.
    pub fn offer_weights(&self, country: Option<Country>) -> Option<Weights> {
        self.choices.as_ref()?.weights(country)
    }

    /// How much more a person's choice of an offer is in haste than that of others in her country, and the variance of this
    /// among people; 0 where nothing is known of her.
    pub fn haste_of(&self, user: UserRow) -> (f32, f32) {
        self.choices.as_ref().map_or((0.0, 1.0), |choices| (choices.shift(user), choices.spread()))
    }

    /// Teams that were open at the cut.
    pub fn open_teams(&self) -> impl ExactSizeIterator<Item = OpenTeam<'_>> {
        (0..self.teams.ids.len()).map(|at| self.teams.get(TeamRow::from_index(at)))
    }

    /// The team with this id, if it was open at the cut.
    pub fn open_team(&self, team_id: &str) -> Option<OpenTeam<'_>> {
        self.teams.ids.row(team_id).map(|row| self.teams.get(row))
    }

    /// The small models that training handed over.
    pub fn serving(&self) -> &ServingModel {
        &self.manifest.serving
    }

    /// What makes vectors for new products from their records; none where training found nothing to learn in records.
    pub fn content(&self) -> Option<&ContentModel> {
        self.content.as_ref()
    }

    /// Mean vectors by country and language; none where training found that they tell nothing about newcomers.
    pub fn cohorts(&self) -> Option<&Cohorts> {
        self.cohorts.as_ref()
    }

    /// What stands for somebody with this profile and without a vector of her own, if she allows it.
    pub fn newcomer(&self, profile: &UserProfile) -> Option<Newcomer<'_>> {
        let cohorts = self.cohorts.as_ref().filter(|_| profile.personalise)?;
        cohorts.newcomer(profile.home())
    }

    /// Exact search over the product vectors.
    pub fn exact(&self) -> Exact<'_> {
        Exact::new(self.product_vectors(), self.dim())
    }

    /// Approximate search over the product vectors, with the effort that the manifest gives.
    pub fn index(&self) -> Searcher<'_> {
        self.index.searcher(self.manifest.index.effort)
    }

    /// A live index over the product vectors, searched with the effort that the manifest gives: new products' vectors
    /// can be put into it, by rows beyond the bundle's. Merges take one thread.
    pub(crate) fn live_index(&self) -> LiveIndex {
        let report = &self.manifest.index;
        let (build, effort) = (report.build_options(), report.effort);
        LiveIndex::new(Arc::clone(&self.index), LiveOptions { build, effort, merge_threads: 1, ..Default::default() })
    }

    /// Copies what searches read at random into memory with large pages, see [`crate::index::FlatIndex::warm`]: to be
    /// called before an engine is made of the bundle, whose index stays as it is from then on.
    pub fn warm(&mut self) {
        if let Some(index) = Arc::get_mut(&mut self.index) {
            index.warm();
        }
    }

    /// Delivery sets made so far, see [`crate::filter::allowed`].
    pub(crate) fn deliverable(&self) -> &Deliverable {
        &self.deliverable
    }
}

#[cfg(test)]
pub(crate) mod tests;
