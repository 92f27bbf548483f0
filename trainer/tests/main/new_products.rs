//! From records in a dataset to vectors in serving.
//!
//! 1. A product without events, in the dataset or put later, is like the products that its title is like.
//! 2. What training and serving read in one record is one vector.
//! 3. Where records say nothing the bundle has no model of them, opens, and takes new products all the same.

use std::path::Path;
use std::sync::Arc;

use juntos_datasets::DatasetWriter;
use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{Event, EventKind, Events, Product, Products};
use juntos_datasets::units::Timestamp;
use juntos_engine::live::Change;
use juntos_engine::live::records::ProductRecord;
use juntos_engine::request::Context;
use juntos_engine::{Bundle, Engine};
use juntos_trainer::config::TrainConfig;
use juntos_trainer::run::train;

const KINDS: [&str; 3] = ["зелёный чай", "tostadora roja", "智能手机"];
const PRODUCTS: usize = 120;

/// Sixty users of three tastes; product `p` is of kind `p % 3`, the last three have no event.
fn bundle(folder: &Path, title: impl Fn(usize) -> Option<String>) -> Bundle {
    let mut tables = DatasetWriter::create(folder.join("data")).unwrap();
    for product in 0..PRODUCTS {
        let (id, title) = (format!("p{product}"), title(product));
        tables.push::<Products>(&Product { title: title.as_deref(), ..Product::new(&id) }).unwrap();
    }
    for user in 0..60 {
        for step in 0..12 {
            let product = (user % 3 + 3 * (user * 7 + step * 11)) % (PRODUCTS - 3);
            let (user, product) = (format!("u{user}"), format!("p{product}"));
            tables.push::<Events>(&Event::new(&user, &product, EventKind::Purchase)).unwrap();
        }
    }
    tables.finish().unwrap();
    let config = TrainConfig { model: "als".to_owned(), dim: 8, ..TrainConfig::default() };
    train(&folder.join("data"), &folder.join("bundle"), &config, &Silent).unwrap();
    Bundle::open(&folder.join("bundle")).unwrap()
}

/// Kinds of the ten products most like `product`.
fn kinds_like(engine: &Engine, product: &str) -> Vec<usize> {
    let context = Context::new(Timestamp::from_millis(1_782_777_600_000), 10);
    let answer = engine.snapshot().similar(&[product.to_owned()], None, &context).unwrap();
    answer.items.iter().map(|item| item.product_id[1..].parse::<usize>().unwrap() % 3).collect()
}

#[test]
fn a_new_product_is_like_those_that_its_title_is_like() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path(), |product| Some(format!("{} {}", KINDS[product % 3], product * 37 % 1000)));
    let content = bundle.content().expect("titles tell the kind");
    let last = bundle.products().row(&format!("p{}", PRODUCTS - 1)).unwrap();
    let title = format!("{} {}", KINDS[(PRODUCTS - 1) % 3], (PRODUCTS - 1) * 37 % 1000);
    let read = content.vector(&Product { title: Some(&title), ..Product::new("other id") }).unwrap();
    assert_eq!(read, bundle.product_vector(last), "training and serving read alike");
    let engine = Engine::new(Arc::new(bundle));
    for kind in 0..3 {
        assert_eq!(kinds_like(&engine, &format!("p{}", PRODUCTS - 3 + kind)), [kind; 10]);
    }
    for (kind, title) in ["чай зелёного цвета", "Tostadoras ROJAS", "新智能手机"].into_iter().enumerate()
    {
        let put = ProductRecord { title: Some(title.to_owned()), ..ProductRecord::new("new") };
        engine.apply(Change::PutProduct(put), Timestamp::from_millis(1_782_777_600_000)).unwrap();
        assert_eq!(kinds_like(&engine, "new"), [kind; 10], "{title}");
    }
}

#[test]
fn records_that_say_nothing_are_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle(folder.path(), |_| None);
    assert!(bundle.content().is_none());
    let engine = Engine::new(Arc::new(bundle));
    let put = ProductRecord { title: Some("чай".to_owned()), ..ProductRecord::new("new") };
    engine.apply(Change::PutProduct(put), Timestamp::from_millis(1_782_777_600_000)).unwrap();
    assert!(engine.snapshot().product("new").is_some());
}
