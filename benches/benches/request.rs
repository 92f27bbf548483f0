//! What one question costs: the feed (as it is, and with business rules of every kind), whom to invite, what to buy together, and which team to join, each asked by the
//! users of a generated world in turn, on one thread and on a snapshot that has been asked before.
//!
//! `JUNTOS_WORLD=20000x5000` chooses another number of users and products.

use std::cell::Cell;
use std::error::Error;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use juntos_datasets::generate::{self, World, generate};
use juntos_datasets::progress::Silent;
use juntos_engine::Bundle;
use juntos_engine::recommend::{Engine, Snapshot};
use juntos_engine::request::{Context, Filter};
use juntos_engine::rules::{Boost, Diversity, Exclusion, Explore, Pin, Rules, Scope};
use juntos_trainer::config::TrainConfig;
use juntos_trainer::run::train;

const DEFAULT_WORLD: &str = "2000x1000";
const LIMIT: usize = 20;

/// A freshly trained world, with the default rules and with rules of every kind.
struct Ready {
    world: World,
    plain: Arc<Snapshot>,
    ruled: Arc<Snapshot>,
}

fn ready() -> Result<Ready, Box<dyn Error>> {
    let size = std::env::var("JUNTOS_WORLD").unwrap_or_else(|_| DEFAULT_WORLD.to_owned());
    let (users, products) = size.split_once('x').ok_or("JUNTOS_WORLD is USERSxPRODUCTS, such as 2000x1000")?;
    let world = World { users: users.parse()?, products: products.parse()?, seed: 1, ..World::default() };
    let folder = tempfile::tempdir()?;
    let (data, out) = (folder.path().join("data"), folder.path().join("bundle"));
    generate(&world, &data, &Silent)?;
    train(&data, &out, &TrainConfig { seed: 1, ..TrainConfig::default() }, &Silent)?;
    let bundle = Arc::new(Bundle::open(&out)?);
    let plain = Engine::new(bundle.clone()).snapshot();
    let ruled = Engine::new(bundle).with_rules(rules())?.snapshot();
    Ok(Ready { world, plain, ruled })
}

/// Diversity, places for new products, a pin, a boost and an exclusion.
fn rules() -> Rules {
    let scope = Scope::default;
    let cheap = Filter { price_max_minor: Some(500), currency: "EUR".parse().ok(), ..Filter::default() };
    let together = Filter { team_price: true, ..Filter::default() };
    Rules {
        diversity: Diversity { lambda: 0.8 },
        explore: Explore { share: 0.2, ..Explore::default() },
        pins: vec![Pin { product_id: generate::product_id(0), position: 3, scope: scope() }],
        boosts: vec![Boost { filter: together, score: 0.1, scope: scope() }],
        exclusions: vec![Exclusion { filter: cheap, scope: scope() }],
        ..Rules::default()
    }
}

fn requests(criterion: &mut Criterion) {
    let Ready { world, plain: snapshot, ruled } = ready().expect("a world can be generated, trained and opened");
    let context = Context::new(generate::END, LIMIT);
    let turn = Cell::new(0);
    let user = || {
        turn.set((turn.get() + 7) % world.users);
        generate::user_id(turn.get())
    };
    let product = || generate::product_id(turn.get() % world.products);
    criterion.bench_function("feed", |bencher| bencher.iter(|| snapshot.feed(&user(), &context)));
    criterion.bench_function("feed_with_rules", |bencher| bencher.iter(|| ruled.feed(&user(), &context)));
    criterion.bench_function("group_friends", |bencher| {
        bencher.iter(|| snapshot.group_friends(&user(), &product(), &context));
    });
    criterion.bench_function("group_products", |bencher| {
        bencher.iter(|| snapshot.group_products(&[user()], true, &context));
    });
    criterion.bench_function("group_teams", |bencher| bencher.iter(|| snapshot.group_teams(&user(), &context)));
}

criterion_group!(benches, requests);
criterion_main!(benches);
