//! What a bundle has to do:
//!
//! 1. everything that is written is read back;
//! 2. one flipped byte in any file, a file cut short, missing or foreign is refused, and the message names it;
//! 3. a bundle whose checksums were made to fit damaged bytes is refused or answers, and never panics;
//! 4. the same source gives the same bytes;
//! 5. what does not fit together is not written, and nothing is left behind.

mod damage;
mod reading;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use juntos_datasets::dataset::{Dataset, DatasetWriter};
use juntos_datasets::tables::*;
use juntos_datasets::training::{Possession, TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{Csr, IdMap};
use tempfile::TempDir;

use super::manifest::{MANIFEST, MANIFEST_CHECKSUM, hex};
use super::*;
use crate::EngineError;
use crate::index::{BuildOptions, VectorIndex};
use crate::live::records::{OfferRecord, ProductRecord, UserRecord};

const DAY: i64 = Timestamp::DAY_MS;
pub(crate) const DIM: usize = 3;

/// A folder with a dataset, and what training made of it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    dataset: Dataset,
    data: TrainingData,
    users: Vec<f32>,
    /// Vectors of products, of [`DIM`] dimensions.
    pub(crate) products: Vec<f32>,
    /// How the index is built.
    pub(crate) index: BuildOptions,
    groups: Vec<GroupVector>,
}

impl World {
    /// A world of these people and products without any history.
    pub(crate) fn new(users: &[UserRecord], products: &[ProductRecord]) -> Self {
        Self::with(users, products, |_| ())
    }

    pub(crate) fn with(
        users: &[UserRecord],
        products: &[ProductRecord],
        more: impl FnOnce(&mut DatasetWriter),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut tables = DatasetWriter::create(folder.path().join("data")).unwrap();
        for user in users {
            let row = User { country: user.country.as_ref().map(|code| code.as_str()), ..User::new(&user.user_id) };
            let birth_year = user.birth_year;
            let (purchase_visibility, invites) = (user.purchase_visibility, user.invites);
            let personalise = user.personalise;
            tables.push::<Users>(&User { birth_year, purchase_visibility, invites, personalise, ..row }).unwrap();
        }
        products.iter().for_each(|product| tables.push::<Products>(&product.row()).unwrap());
        more(&mut tables);
        let (n, m) = (users.len(), products.len());
        let data = TrainingData {
            users: ids(users.iter().map(|user| user.user_id.as_str())),
            products: ids(products.iter().map(|product| product.product_id.as_str())),
            interactions: Csr::empty(n, m),
            friends: Csr::empty(n, n),
            teams: Vec::new(),
            possessions: vec![Vec::new(); n],
            showing: juntos_datasets::shown::Showing::default(),
            valid: Csr::empty(n, m),
            test: Csr::empty(n, m),
            cut: Some(Timestamp::from_millis(100 * DAY)),
        };
        let vector = |at: usize| (0..DIM).map(move |dim| ((at * 7 + dim * 3) % 11) as f32 / 10.0 - 0.5);
        Self {
            folder,
            dataset: tables.finish().unwrap(),
            data,
            users: (0..n).flat_map(vector).collect(),
            products: (0..m).flat_map(vector).collect(),
            index: BuildOptions::default(),
            groups: Vec::new(),
        }
    }

    /// A world in which this happened, one thing a day: row of the user, row of the product, what, rating.
    pub(crate) fn lived(
        users: &[UserRecord],
        products: &[ProductRecord],
        events: &[(usize, usize, EventKind, Option<f64>)],
    ) -> Self {
        let mut world = Self::with(users, products, |tables| {
            for (day, &(user, product, kind, value)) in (0..).zip(events) {
                let ts = Some(Timestamp::from_millis(day * DAY));
                let event = Event::new(&users[user].user_id, &products[product].product_id, kind);
                tables.push::<Events>(&Event { ts, value, ..event }).unwrap();
            }
        });
        for (user, possessions) in world.data.possessions.iter_mut().enumerate() {
            for product in 0..products.len() {
                let times = |kind| events.iter().filter(|e| (e.0, e.1, e.2) == (user, product, kind)).count() as u32;
                let (purchases, gifts) = (times(EventKind::Purchase), times(EventKind::Gift));
                if purchases + gifts > 0 {
                    let product = ProductRow(product as u32);
                    possessions.push(Possession { product, purchases, gifts, last: None });
                }
            }
        }
        world
    }

    fn source<'a>(&'a self, serving: &'a ServingModel) -> BundleSource<'a> {
        BundleSource {
            dataset: &self.dataset,
            data: &self.data,
            serving,
            dim: DIM,
            user_vectors: &self.users,
            product_vectors: &self.products,
            index: self.index,
            groups: &self.groups,
            config: serde_json::json!({"model": "als"}),
            metrics: serde_json::json!({"recall@20": 0.5}),
            seed: 7,
        }
    }

    fn write(&self, name: &str) -> Result<PathBuf, EngineError> {
        let out = self.folder.path().join(name);
        write(&out, &self.source(&ServingModel::default())).map(|_| out)
    }

    /// Writes the bundle and opens it.
    pub(crate) fn open(&self) -> Bundle {
        Bundle::open(&self.write("bundle").unwrap()).unwrap()
    }
}

fn ids<'a, R: Row>(texts: impl Iterator<Item = &'a str>) -> IdMap<R> {
    let mut ids = IdMap::new();
    texts.for_each(|text| {
        ids.insert(text);
    });
    ids
}

/// Four people, five products, one open team, ties, blocks, groups and history: every section has something in it.
fn small() -> World {
    let mut users: Vec<UserRecord> = ["ana", "bob", "чжан", "d"].map(UserRecord::new).into();
    users[0].country = Some("ES".parse().unwrap());
    users[0].birth_year = Some(1990);
    users[1].purchase_visibility = PurchaseVisibility::Friends;
    users[2].purchase_visibility = PurchaseVisibility::Everyone;
    users[2].invites = Invites::Nobody;
    users[3].personalise = false;
    let mut products: Vec<ProductRecord> = ["p0", "p1", "p2", "p3", "p4"].map(ProductRecord::new).into();
    products[0] = ProductRecord {
        seller_id: Some("late".into()),
        title: Some("Té verde".into()),
        description: Some("Hojas".into()),
        category: Some("food/tea/green".into()),
        brand: Some("Hoja".into()),
        price_minor: Some(990),
        currency: Some("EUR".parse().unwrap()),
        group_price_minor: Some(790),
        group_min_size: Some(3),
        stock: Some(4),
        min_age: Some(18),
        sensitive: true,
        image_url: Some("https://example.org/t.png".into()),
        created_at: Some(Timestamp::from_millis(5 * DAY)),
        offers: vec![OfferRecord {
            cost_minor: 150,
            payment_methods: vec!["visa".into(), "mir".into()],
            ..OfferRecord::new("ES".parse().unwrap(), 1, 3)
        }],
        ..ProductRecord::new("p0")
    };
    products[1].category = Some("food/tea".into());
    let mut world = World::with(&users, &products, |tables| {
        let seller =
            Seller { seller_id: "s", name: Some("Shop"), country: Some("IT"), page_url: Some("https://s.example") };
        tables.push::<Sellers>(&seller).unwrap();
        tables.push::<Blocks>(&Block { user_id: "ana", blocked_id: "d" }).unwrap();
        for day in [10, 20, 30, 40, 50, 60] {
            let ts = Some(Timestamp::from_millis(day * DAY));
            tables.push::<Events>(&Event { ts, ..Event::new("ana", "p0", EventKind::Purchase) }).unwrap();
        }
        let ts = Some(Timestamp::from_millis(100 * DAY));
        tables.push::<Events>(&Event { ts, ..Event::new("bob", "p1", EventKind::Purchase) }).unwrap();
        tables.push::<Events>(&Event { ts, ..Event::new("d", "p2", EventKind::Purchase) }).unwrap();
        for (day, product, rating) in [(98, "p2", 4.0), (97, "p2", 2.0), (99, "p2", 9.0), (99, "p3", 5.0)] {
            let ts = Some(Timestamp::from_millis(day * DAY));
            let event = Event::new("d", product, EventKind::Rate);
            tables.push::<Events>(&Event { ts, value: Some(rating), ..event }).unwrap();
        }
        tables.push::<Events>(&Event { ts, ..Event::new("d", "p2", EventKind::Return) }).unwrap();
        let held_out = Event { ts, split: Split::Test, ..Event::new("ana", "p3", EventKind::Purchase) };
        tables.push::<Events>(&held_out).unwrap();
    });
    let bought = |product, purchases, gifts| Possession { product: ProductRow(product), purchases, gifts, last: None };
    world.data.possessions =
        vec![vec![bought(0, 6, 0), bought(4, 0, 1)], vec![bought(1, 1, 0)], vec![], vec![bought(2, 1, 1)]];
    world.data.friends = Csr::from_entries(4, 4, vec![(0, 1, 0.5), (1, 0, 0.5), (1, 2, 1.0), (2, 1, 1.0)]);
    let team = |id: &str, outcome, split| TeamRecord {
        team_id: id.into(),
        initiator: UserRow(1),
        product: ProductRow(1),
        participants: vec![UserRow(0), UserRow(2)],
        min_size: 4,
        opened_at: Some(Timestamp::from_millis(99 * DAY)),
        deadline: None,
        outcome,
        split,
        negatives: Vec::new(),
        public: None,
    };
    world.data.teams = vec![
        team("t1", TeamOutcome::Succeeded, Split::Train),
        team("t2", TeamOutcome::Succeeded, Split::Train),
        team("t3", TeamOutcome::Succeeded, Split::Test),
        team("t4", TeamOutcome::Expired, Split::Train),
        team("t5", TeamOutcome::Open, Split::Train),
        TeamRecord { public: Some(true), ..team("t6", TeamOutcome::Open, Split::Train) },
        TeamRecord { public: Some(false), ..team("t7", TeamOutcome::Open, Split::Train) },
    ];
    world.groups = vec![
        GroupVector { members: vec![UserRow(0), UserRow(1)], vector: vec![1.0, 2.0, 3.0] },
        GroupVector { members: vec![UserRow(0), UserRow(1), UserRow(2)], vector: vec![4.0, 5.0, 6.0] },
    ];
    world
}

impl World {
    /// Writes the bundle to a folder that outlives the world.
    fn write_and_keep(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &self.source(&ServingModel::default())).unwrap();
        folder
    }
}

/// Files of a bundle, the manifest and its checksum included.
fn files(bundle: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(bundle).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn refusal(bundle: &Path) -> String {
    match Bundle::open(bundle) {
        Ok(_) => panic!("a damaged bundle was opened"),
        Err(fault) => fault.to_string(),
    }
}

fn forge_manifest(bundle: &Path, manifest: &serde_json::Value) {
    let text = serde_json::to_vec_pretty(manifest).unwrap();
    fs::write(bundle.join(MANIFEST_CHECKSUM), hex(xxh3_64(&text)) + "\n").unwrap();
    fs::write(bundle.join(MANIFEST), text).unwrap();
}

/// Calls every accessor with every row.
fn use_everything(bundle: &Bundle) {
    for user in (0..bundle.n_users() as u32).map(UserRow) {
        let _ = bundle.users().row(bundle.users().id(user));
        let _ = (bundle.profile(user), bundle.friends(user), bundle.co_joined(user), bundle.blocked(user));
        bundle
            .possessions(user)
            .iter()
            .for_each(|had| assert!(bundle.products().id(ProductRow(had.product)).len() < 1 << 20));
        let _ = bundle.index().search(&bundle.user_vector(user), 3, None);
        let _ =
            (bundle.group_vector(&[user]), bundle.haste_of(user), bundle.offer_weights(bundle.profile(user).country));
    }
    let goods = bundle.catalogue();
    for product in (0..bundle.n_products() as u32).map(ProductRow) {
        let _ = (goods.price(product), goods.brand(product), goods.title(product), goods.description(product));
        let _ = (goods.category(product).map(|row| goods.category_path(row)), goods.min_age(product));
        let _ = goods.offers(product).iter().map(|offer| goods.offer_payment_methods(offer).count()).sum::<usize>();
        let offers_sellers = bundle.sold_offers(product).filter_map(|offer| offer.seller);
        let _ = offers_sellers.map(|seller| bundle.sellers().id(seller).len()).sum::<usize>();
        let _ = goods.seller(product).map(|seller| (goods.seller_name(seller), bundle.sellers().id(seller)));
        let _ = (bundle.buyers(product), bundle.popularity(product), bundle.rhythm(product));
        let _ = bundle.feedback(product).iter().map(|said| bundle.users().id(UserRow(said.user)).len()).sum::<usize>();
    }
    for team in bundle.open_teams() {
        let _ = (team.team_id.len(), bundle.products().id(team.product).len());
    }
    let _ = bundle.popular_in("ES".parse().unwrap());
    let filter =
        crate::request::Filter { categories: vec!["food".into()], brands: vec!["Hoja".into()], ..Default::default() };
    let market = crate::request::Market { country: Some("ES".parse().unwrap()), ..Default::default() };
    let _ = crate::filter::allowed(bundle, &filter, &market, Some(20), &crate::exchange::NO_RATES);
}
