//! What a bundle has to do:
//!
//! 1. everything that is written is read back;
//! 2. one flipped byte in any file, a file cut short, missing or foreign is refused, and the message names it;
//! 3. a bundle whose checksums were made to fit damaged bytes is refused or answers, and never panics;
//! 4. the same source gives the same bytes;
//! 5. what does not fit together is not written, and nothing is left behind.

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
    };
    world.data.teams = vec![
        team("t1", TeamOutcome::Succeeded, Split::Train),
        team("t2", TeamOutcome::Succeeded, Split::Train),
        team("t3", TeamOutcome::Succeeded, Split::Test),
        team("t4", TeamOutcome::Expired, Split::Train),
        team("t5", TeamOutcome::Open, Split::Train),
    ];
    world.groups = vec![
        GroupVector { members: vec![UserRow(0), UserRow(1)], vector: vec![1.0, 2.0, 3.0] },
        GroupVector { members: vec![UserRow(0), UserRow(1), UserRow(2)], vector: vec![4.0, 5.0, 6.0] },
    ];
    world
}

#[test]
fn ids_users_and_ties_are_read_back() {
    let bundle = small().open();
    assert_eq!((bundle.n_users(), bundle.n_products(), bundle.dim()), (4, 5, DIM));
    for (row, id) in ["ana", "bob", "чжан", "d"].into_iter().enumerate() {
        let row = UserRow(row as u32);
        assert_eq!((bundle.users().row(id), bundle.users().id(row)), (Some(row), id));
        assert_eq!(bundle.users().rows_by_short_hash(short_hash(id)).collect::<Vec<_>>(), [row]);
    }
    assert_eq!(bundle.users().row("nobody"), None);
    let ana = bundle.profile(UserRow(0));
    assert_eq!((ana.country.map(|code| code.to_string()), ana.birth_year), (Some("ES".into()), Some(1990)));
    let visibility = [0, 1, 2].map(|user| bundle.profile(UserRow(user)).purchase_visibility);
    assert_eq!(visibility, [PurchaseVisibility::Nobody, PurchaseVisibility::Friends, PurchaseVisibility::Everyone]);
    assert_eq!(bundle.profile(UserRow(2)).invites, Invites::Nobody);
    assert_eq!([0, 3].map(|user| bundle.profile(UserRow(user)).personalise), [true, false]);
    assert_eq!(bundle.friends(UserRow(1)), (&[0, 2][..], &[0.5, 1.0][..]));
    assert_eq!(bundle.co_joined(UserRow(1)), (&[0, 2][..], &[2.0, 2.0][..]), "two succeeded training teams");
    assert_eq!([0, 1, 3].map(|user| bundle.blocked(UserRow(user)).to_vec()), [vec![3], vec![], vec![0]]);
}

#[test]
fn the_catalogue_is_read_back() {
    let bundle = small().open();
    let (goods, tea) = (bundle.catalogue(), ProductRow(0));
    assert_eq!(goods.price(tea).map(|price| price.minor_units), Some(990));
    assert_eq!(goods.group_price(tea).map(|price| price.currency.to_string()), Some("EUR".into()));
    assert_eq!((goods.group_min_size(tea), goods.stock(tea), goods.min_age(tea)), (Some(3), Some(4), Some(18)));
    assert_eq!(
        (goods.title(tea), goods.description(tea), goods.brand(tea)),
        (Some("Té verde"), Some("Hojas"), Some("Hoja"))
    );
    assert_eq!(goods.created_at(tea), Some(Timestamp::from_millis(5 * DAY)));
    assert!(goods.sensitive(tea) && !goods.hidden(tea));
    let seller = goods.seller(tea).unwrap();
    assert_eq!((bundle.sellers().id(seller), goods.seller_name(seller)), ("late", None));
    let shop = bundle.sellers().row("s").unwrap();
    assert_eq!((goods.seller_name(shop), goods.seller_page(shop)), (Some("Shop"), Some("https://s.example")));
    let green = goods.category(tea).unwrap();
    let path: Vec<&str> = std::iter::successors(Some(green), |&row| goods.category_parent(row))
        .map(|row| goods.category_path(row))
        .collect();
    assert_eq!(path, ["food/tea/green", "food/tea", "food"]);
    let [offer] = goods.offers(tea) else { panic!("one offer") };
    assert_eq!((offer.cost_minor, offer.min_days, offer.max_days), (150, 1, 3));
    assert_eq!(goods.offer_payment_methods(offer).collect::<Vec<_>>(), ["visa", "mir"]);
    let plain = ProductRow(4);
    assert_eq!(
        (goods.price(plain), goods.stock(plain), goods.seller(plain), goods.title(plain)),
        (None, None, None, None)
    );
    assert!(goods.offers(plain).is_empty() && goods.min_age(plain).is_none() && goods.category(plain).is_none());
}

#[test]
fn history_and_teams_are_read_back() {
    let bundle = small().open();
    let had: Vec<_> =
        bundle.possessions(UserRow(0)).iter().map(|had| (had.product, had.purchases, had.gifts, had.last())).collect();
    assert_eq!(had, [(0, 6, 0, None), (4, 0, 1, None)]);
    assert_eq!([0, 2, 4].map(|product| bundle.buyers(ProductRow(product)).to_vec()), [vec![0], vec![3], vec![]]);
    assert_eq!(bundle.popularity(ProductRow(1)), 1.0, "bought at the cut");
    assert_eq!([2, 3].map(|row| bundle.popularity(ProductRow(row))), [0.0; 2], "not personal, and held out");
    assert_eq!(&bundle.popular()[..2], [0, 1], "six purchases, each halved every thirty days, are more than one");
    assert!(bundle.trend(ProductRow(1)) > 0.0 && bundle.trend(ProductRow(0)) < 0.0);
    assert_eq!(bundle.popular_in("ES".parse().unwrap()).0, [0]);
    assert!(bundle.popular_in("FR".parse().unwrap()).0.is_empty());
    let rhythm = bundle.rhythm(ProductRow(0)).unwrap();
    assert!((9.8..10.2).contains(&rhythm.days) && rhythm.habit > rhythm.again, "{rhythm:?}");
    assert_eq!(bundle.rhythm(ProductRow(1)), None, "five gaps are too few for a category");
    let open: Vec<&str> = bundle.open_teams().map(|team| team.team_id).collect();
    assert_eq!(open, ["t5"]);
    let team = bundle.open_team("t5").unwrap();
    assert_eq!(
        (team.initiator, team.product, team.participants, team.min_size),
        (UserRow(1), ProductRow(1), &[0, 2][..], 4)
    );
    assert_eq!((team.opened_at, team.deadline), (Some(Timestamp::from_millis(99 * DAY)), None));
    assert_eq!(bundle.open_team("t1"), None);
}

/// The latest rating on the scale counts, and only of what she bought.
#[test]
fn feedback_is_read_back_and_a_bundle_without_it_opens() {
    let bundle = small().write_and_keep();
    let said = |bundle: &Bundle| -> Vec<_> {
        let all =
            (0..5).flat_map(|product| bundle.feedback(ProductRow(product)).iter().map(move |said| (product, said)));
        all.map(|(product, said)| (product, said.user, said.stars(), said.is_returned())).collect()
    };
    assert_eq!(said(&Bundle::open(bundle.path()).unwrap()), [(2, 3, Some(4.0), true)]);
    let path = bundle.path().join(MANIFEST);
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["files"].as_object_mut().unwrap().remove("feedback.bin").unwrap();
    forge_manifest(bundle.path(), &manifest);
    assert_eq!(said(&Bundle::open(bundle.path()).unwrap()), []);
}

#[test]
fn vectors_and_models_are_read_back() {
    let world = small();
    let bundle = world.open();
    for (user, trained) in world.users.chunks_exact(DIM).enumerate() {
        let user = UserRow(user as u32);
        let (read, mut filled) = (bundle.user_vector(user), [0.0; DIM]);
        bundle.read_user_vector(user, &mut filled);
        assert_eq!(read, filled);
        let half_a_scale = trained.iter().fold(0.0f32, |most, value| most.max(value.abs())) / 127.0 * 0.5001;
        assert!(read.iter().zip(trained).all(|(read, trained)| (read - trained).abs() <= half_a_scale));
    }
    assert_eq!(bundle.product_vector(ProductRow(4)), &world.products[12..15]);
    assert_eq!(bundle.group_vector(&[UserRow(0), UserRow(1), UserRow(2)]), Some(&[4.0, 5.0, 6.0][..]));
    assert_eq!(bundle.group_vector(&[UserRow(1), UserRow(2)]), None);
    for at in 0..DIM * DIM {
        let cell: f32 = world.products.chunks(DIM).map(|y| y[at / DIM] * y[at % DIM]).sum();
        assert!((bundle.gram()[at] - cell).abs() < 1e-5);
    }
    assert_eq!(bundle.serving(), &ServingModel::default());
    assert_eq!(bundle.manifest().config, serde_json::json!({"model": "als"}));
    let query = bundle.user_vector(UserRow(0));
    assert_eq!(bundle.index().search(&query, 3, None), bundle.exact().search(&query, 3, None));
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

#[test]
fn one_flipped_byte_anywhere_is_refused() {
    let world = small();
    let bundle = world.write("bundle").unwrap();
    for path in files(&bundle) {
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 40 + 1).chain([whole.len() - 1]) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, bytes).unwrap();
            let message = refusal(&bundle);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(message.contains(name) || name == MANIFEST_CHECKSUM, "byte {at} of {name}: {message}");
        }
        fs::write(&path, whole).unwrap();
    }
    Bundle::open(&bundle).unwrap();
}

#[test]
fn files_cut_short_missing_or_foreign_are_refused() {
    let bundle = small().write_and_keep();
    for path in files(bundle.path()) {
        let whole = fs::read(&path).unwrap();
        for bytes in [&whole[..0], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b"GIF89a and so on"] {
            fs::write(&path, bytes).unwrap();
            assert!(refusal(bundle.path()).contains("manifest") || refusal(bundle.path()).contains(".bin"));
        }
        fs::remove_file(&path).unwrap();
        let message = refusal(bundle.path());
        assert!(message.contains("missing") || message.contains("it has no manifest.json"), "{message}");
        fs::write(&path, whole).unwrap();
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Bundle::open(empty.path()), Err(EngineError::NotABundle { .. })));
    assert!(matches!(Bundle::open(&empty.path().join("nowhere")), Err(EngineError::NotABundle { .. })));
}

impl World {
    /// Writes the bundle to a folder that outlives the world.
    fn write_and_keep(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &self.source(&ServingModel::default())).unwrap();
        folder
    }
}

/// Makes the checksums of a bundle fit whatever its files hold now.
fn forge_checksums(bundle: &Path) {
    let path = bundle.join(MANIFEST);
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (name, entry) in manifest["files"].as_object_mut().unwrap() {
        let bytes = fs::read(bundle.join(name)).unwrap();
        *entry = serde_json::json!({"bytes": bytes.len(), "xxh3": hex(xxh3_64(&bytes))});
    }
    forge_manifest(bundle, &manifest);
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

#[test]
fn forged_checksums_cannot_make_it_panic() {
    let bundle = small().write_and_keep();
    let (mut refused, mut opened) = (0, 0);
    for path in files(bundle.path()).iter().filter(|path| path.extension().is_some_and(|end| end == "bin")) {
        let whole = fs::read(path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            let mut bytes = whole.clone();
            bytes[at] ^= if at % 2 == 0 { 0xff } else { 1 };
            fs::write(path, bytes).unwrap();
            forge_checksums(bundle.path());
            match Bundle::open(bundle.path()) {
                Ok(bundle) => {
                    use_everything(&bundle);
                    opened += 1;
                }
                Err(EngineError::Damaged { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        fs::write(path, whole).unwrap();
    }
    assert!(refused > 20 && opened > 20, "{refused} refused, {opened} opened");
}

#[test]
fn a_forged_manifest_cannot_make_it_panic() {
    let bundle = small().write_and_keep();
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(bundle.path().join(MANIFEST)).unwrap()).unwrap();
    for number in [0u64, 1, 2, 7, 65, u64::from(u32::MAX), u64::MAX] {
        for (part, field) in [
            ("shapes", "users"),
            ("shapes", "products"),
            ("shapes", "dim"),
            ("shapes", "groups"),
            ("index", "ef"),
            ("index", "links"),
        ] {
            let mut forged = manifest.clone();
            forged[part][field] = number.into();
            forge_manifest(bundle.path(), &forged);
            if let Ok(bundle) = Bundle::open(bundle.path()) {
                use_everything(&bundle);
            }
        }
    }
    let mut forged = manifest.clone();
    forged["files"]["../elsewhere"] = forged["files"]["users.bin"].clone();
    forge_manifest(bundle.path(), &forged);
    assert!(refusal(bundle.path()).contains("no name of a file"));
}

#[test]
fn another_version_says_what_to_do() {
    let bundle = small().write_and_keep();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(bundle.path().join(MANIFEST)).unwrap()).unwrap();
    for (version, advice) in [(FORMAT_VERSION - 1, "train the bundle anew"), (FORMAT_VERSION + 1, "update the program")]
    {
        manifest["format_version"] = version.into();
        forge_manifest(bundle.path(), &manifest);
        assert!(refusal(bundle.path()).contains(advice));
    }
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let world = small();
    let (one, other) = (world.write("one").unwrap(), world.write("other").unwrap());
    assert_eq!(files(&one).len(), 14);
    for (left, right) in files(&one).iter().zip(files(&other)) {
        assert_eq!(fs::read(left).unwrap(), fs::read(&right).unwrap(), "{}", left.display());
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    let mut world = small();
    world.products[4] = f32::NAN;
    let fault = world.write("bundle").unwrap_err().to_string();
    assert!(fault.contains("dimension 1 of vector 1 of products is not finite"), "{fault}");
    world.products.truncate(4);
    assert!(matches!(world.write("bundle"), Err(EngineError::Unwritable { .. })));
    let mut world = small();
    world.groups[0].members.reverse();
    assert!(matches!(world.write("bundle"), Err(EngineError::Unwritable { .. })));
    let mut world = small();
    world.data.users = ids(["ana", "bob", "x", "d"].into_iter());
    let fault = world.write("bundle").unwrap_err().to_string();
    assert!(fault.contains("`чжан`"), "{fault}");
    let left: Vec<_> = files(world.folder.path()).into_iter().filter(|path| !path.ends_with("data")).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let fine = small();
    let out = fine.write("bundle").unwrap();
    assert!(matches!(fine.write("bundle"), Err(EngineError::Exists { .. })));
    Bundle::open(&out).unwrap();
}

#[test]
fn files_of_the_caller_are_checked_too() {
    let world = small();
    let out = world.folder.path().join("bundle");
    let serving = ServingModel::default();
    let add = |folder: &Path| fs::write(folder.join("note.txt"), "hello").map_err(EngineError::io(folder));
    let manifest = write_with(&out, &world.source(&serving), add).unwrap();
    assert_eq!(manifest.files["note.txt"].bytes, 5);
    fs::write(out.join("note.txt"), "jello").unwrap();
    assert!(refusal(&out).contains("note.txt"));
    Bundle::open_unverified(&out).unwrap();
}

#[test]
fn a_world_of_nothing_is_a_bundle() {
    let bundle = World::new(&[], &[]).open();
    assert_eq!((bundle.n_users(), bundle.n_products()), (0, 0));
    assert!(bundle.index().search(&[1.0; DIM], 5, None).is_empty());
    assert_eq!(bundle.products().row("p"), None);
    use_everything(&bundle);
}
