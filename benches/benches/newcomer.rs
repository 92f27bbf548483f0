//! What it costs to make a vector for somebody who has just come, on one thread: from fifty friends and her country and
//! language before her first event, and from that and her first events.
//!
//! `JUNTOS_WORLD=20000x5000` chooses another number of users and products.

use std::error::Error;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use juntos_datasets::generate::{self, World, generate};
use juntos_datasets::progress::Silent;
use juntos_datasets::{ProductRow, Row};
use juntos_engine::fold::{FoldEvent, Prior, fold};
use juntos_engine::live::Change;
use juntos_engine::live::records::{FriendshipRecord, UserRecord};
use juntos_engine::{Bundle, Engine};
use juntos_trainer::config::TrainConfig;
use juntos_trainer::run::train;

const DEFAULT_WORLD: &str = "2000x1000";
/// Friends of the newcomer.
const FRIENDS: u32 = 50;
/// Numbers of first events.
const EVENTS: [usize; 3] = [1, 3, 10];

fn ready() -> Result<(Arc<Bundle>, Engine), Box<dyn Error>> {
    let size = std::env::var("JUNTOS_WORLD").unwrap_or_else(|_| DEFAULT_WORLD.to_owned());
    let (users, products) = size.split_once('x').ok_or("JUNTOS_WORLD is USERSxPRODUCTS, such as 2000x1000")?;
    let world = World { users: users.parse()?, products: products.parse()?, seed: 1, ..World::default() };
    let folder = tempfile::tempdir()?;
    let (data, out) = (folder.path().join("data"), folder.path().join("bundle"));
    generate(&world, &data, &Silent)?;
    let config = TrainConfig { model: "als".to_owned(), dim: 128, seed: 1, ..TrainConfig::default() };
    train(&data, &out, &config, &Silent)?;
    let bundle = Arc::new(Bundle::open(&out)?);
    let engine = Engine::new(bundle.clone());
    let newcomer =
        UserRecord { country: "ES".parse().ok(), language: "es".parse().ok(), ..UserRecord::new("newcomer") };
    engine.apply(Change::PutUser(newcomer), generate::END)?;
    for friend in 0..FRIENDS {
        let tie = FriendshipRecord::new("newcomer", generate::user_id(friend * 7));
        engine.apply(Change::PutFriendship(tie), generate::END)?;
    }
    Ok((bundle, engine))
}

fn newcomers(criterion: &mut Criterion) {
    let (bundle, engine) = ready().expect("a world can be generated, trained and opened");
    let snapshot = engine.snapshot();
    let prior = snapshot.taste_of("newcomer").expect("a newcomer with friends has a vector");
    criterion.bench_function("newcomer_of_50_friends_and_home", |bencher| {
        bencher.iter(|| snapshot.taste_of("newcomer"));
    });
    let (products, settings) = (bundle.fold_products(), bundle.serving().fold);
    let prior = Prior { vector: &prior, hold: settings.hold.friends };
    for count in EVENTS {
        let event = |at| FoldEvent { vector: bundle.product_vector(ProductRow::from_index(at * 31)), weight: 1.0 };
        let events: Vec<FoldEvent<'_>> = (0..count).map(event).collect();
        criterion.bench_function(&format!("newcomer_of_50_friends_home_and_{count}_events"), |bencher| {
            bencher.iter(|| {
                let vector = snapshot.taste_of("newcomer").unwrap_or_default();
                fold(products, &settings, &events, Prior { vector: &vector, ..prior })
            });
        });
        criterion.bench_function(&format!("newcomer_{count}_events"), |bencher| {
            bencher.iter(|| fold(products, &settings, &events, prior));
        });
    }
}

criterion_group!(benches, newcomers);
criterion_main!(benches);
