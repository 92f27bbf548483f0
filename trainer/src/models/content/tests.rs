//! 1. Conjugate gradients find what elimination finds, for any rows, weights and strength, wherever they start.
//! 2. One thread and three find the same bits.
//! 3. Agreement is the correlation of scores over users; none where users are all alike.
//! 4. Products withheld from a world whose titles tell their kind get vectors of their kind, of ordinary length; where
//!    titles tell nothing, nothing is kept.

use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{Event, EventKind, Events, Product, User, Users};
use juntos_datasets::training::EventWeights;
use juntos_datasets::{DatasetWriter, ProductRow, UserRow};
use juntos_engine::content::Row as FeatureRow;
use juntos_engine::serving_model::FoldIn;
use proptest::prelude::*;

use super::*;

/// Solves a symmetric positive definite system by elimination.
fn eliminate(mut left: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for at in 0..n {
        for below in at + 1..n {
            let factor = left[below][at] / left[at][at];
            let above = left[at].clone();
            left[below].iter_mut().zip(above).skip(at).for_each(|(cell, value)| *cell -= factor * value);
            right[below] -= factor * right[at];
        }
    }
    for at in (0..n).rev() {
        let known: f64 = (at + 1..n).map(|column| left[at][column] * right[column]).sum();
        right[at] = (right[at] - known) / left[at][at];
    }
    right
}

const FEATURES: usize = 6;

fn problem() -> impl Strategy<Value = (Vec<FeatureRow>, Vec<Vec<f32>>, Vec<f32>)> {
    let row = prop::collection::btree_map(0u32..FEATURES as u32, -2.0f32..2.0, 0..FEATURES);
    let product = (row, prop::collection::vec(-3.0f32..3.0, 2), 0.1f32..1.0);
    prop::collection::vec(product, 1..20).prop_map(|products| {
        let (mut rows, mut vectors, mut confidence) = (Vec::new(), Vec::new(), Vec::new());
        for (row, vector, known) in products {
            rows.push(row.into_iter().collect());
            vectors.push(vector);
            confidence.push(known);
        }
        (rows, vectors, confidence)
    })
}

/// The minimum of the objective, one dimension at a time.
fn by_elimination(rows: &[FeatureRow], vectors: &[Vec<f32>], confidence: &[f32], strength: f64, at: usize) -> Vec<f64> {
    let total: f64 = confidence.iter().map(|&c| f64::from(c)).sum();
    let weighted = vectors.iter().zip(confidence).map(|(vector, &c)| f64::from(c) * f64::from(vector[at]));
    let mean = weighted.sum::<f64>() / total;
    let mut left = vec![vec![0.0; FEATURES]; FEATURES];
    let mut right = vec![0.0; FEATURES];
    (0..FEATURES).for_each(|feature| left[feature][feature] = strength);
    for ((row, vector), &c) in rows.iter().zip(vectors).zip(confidence) {
        for &(one, value) in row {
            right[one as usize] += f64::from(c * value) * (f64::from(vector[at]) - mean);
            row.iter().for_each(|&(other, times)| left[one as usize][other as usize] += f64::from(c * value * times));
        }
    }
    eliminate(left, right)
}

proptest! {
    #[test]
    fn gradients_find_what_elimination_finds((rows, vectors, confidence) in problem(), strength in 0.3f32..20.0) {
        let borrowed: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let ridge = Ridge::of(&rows, FEATURES, &borrowed, &confidence, 2);
        let solved = ridge.solve(strength, vec![0.0; FEATURES * 2], 1e-4);
        let elsewhere = ridge.solve(strength, vec![1.0; FEATURES * 2], 1e-4);
        for at in 0..2 {
            let exact = by_elimination(&rows, &vectors, &confidence, f64::from(strength), at);
            let size = exact.iter().map(|value| value * value).sum::<f64>().sqrt();
            for (feature, &expected) in exact.iter().enumerate() {
                for found in [&solved, &elsewhere] {
                    let off = (f64::from(found[feature * 2 + at]) - expected).abs();
                    prop_assert!(off <= 0.02 * size + 2e-2, "feature {feature} is off by {off} of {size}");
                }
            }
        }
    }
}

#[test]
fn agreement_is_the_correlation_of_scores() {
    let users = vec![1.0, 0.5, -1.0, 2.0, 0.25, -0.5];
    let embeddings =
        Embeddings { dim: 2, users: users.clone(), products: Vec::new(), groups: Vec::new(), fold: FoldIn::default() };
    let (one, other) = ([1.0f32, -0.5], [0.5f32, 2.0]);
    let scores = |y: &[f32; 2]| users.chunks(2).map(|u| f64::from(dot(u, y))).collect::<Vec<_>>();
    let centred = |scores: Vec<f64>| {
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        scores.into_iter().map(|score| score - mean).collect::<Vec<_>>()
    };
    let (a, b) = (centred(scores(&one)), centred(scores(&other)));
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let expected = sum(&a, &b) / (sum(&a, &a) * sum(&b, &b)).sqrt();
    let got = Agreement::of(&embeddings).mean(&[one.to_vec()], &[&other], &[0.5]).unwrap();
    assert!((got - expected).abs() < 1e-5, "{got}, not {expected}");
    let alike = Embeddings { users: vec![1.0, 0.0, 1.0, 0.0], ..embeddings };
    assert_eq!(Agreement::of(&alike).mean(&[one.to_vec()], &[&other], &[1.0]), None);
}

const KINDS: [&str; 3] = ["зелёный чай", "тостер для дома", "智能手机"];
const PRODUCTS: usize = 150;
const USERS: usize = 60;

/// Users who like one kind of three each; product `p` is of kind `p % 3`, and the last 30 products have no event.
fn world(folder: &std::path::Path, title: impl Fn(usize) -> String) -> (Dataset, TrainingData, Embeddings) {
    let mut tables = DatasetWriter::create(folder.join("data")).unwrap();
    for user in 0..USERS {
        tables.push::<Users>(&User::new(&format!("u{user}"))).unwrap();
    }
    for product in 0..PRODUCTS {
        let (id, title) = (format!("p{product}"), title(product));
        tables.push::<Products>(&Product { title: Some(&title), ..Product::new(&id) }).unwrap();
    }
    for user in 0..USERS {
        for step in 0..10 {
            let product = (user % 3 + 3 * (user * 7 + step * 11)) % (PRODUCTS - 30);
            let (user, product) = (format!("u{user}"), format!("p{product}"));
            tables.push::<Events>(&Event::new(&user, &product, EventKind::Purchase)).unwrap();
        }
    }
    let dataset = tables.finish().unwrap();
    let data = TrainingData::load(&dataset, &EventWeights::default()).unwrap();
    let axis = |at: usize, length: f32| (0..3).map(move |axis| if axis == at % 3 { length } else { 0.0 });
    let embeddings = Embeddings {
        dim: 3,
        users: (0..USERS).flat_map(|user| axis(user, 1.0)).collect(),
        products: (0..PRODUCTS).flat_map(|p| axis(p, if p < PRODUCTS - 30 { 2.0 } else { 0.0 })).collect(),
        groups: Vec::new(),
        fold: FoldIn::default(),
    };
    (dataset, data, embeddings)
}

/// What is learnt in a pool of so many threads.
fn learn_with(threads: usize, world: &(Dataset, TrainingData, Embeddings)) -> Option<Content> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| learn(&world.0, &world.1, &world.2, 5, &Silent)).unwrap()
}

#[test]
fn products_without_events_get_the_vector_of_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(folder.path(), |product| format!("{} {}", KINDS[product % 3], product * 37 % 1000));
    let content = learn_with(1, &world).unwrap();
    assert!(content.agreement > 0.95, "{}", content.agreement);
    let other = learn_with(3, &world).unwrap();
    let unseen = Product { title: Some("чай чёрный"), ..Product::new("new") };
    let (one, three) = (content.model.vector(&unseen).unwrap(), other.model.vector(&unseen).unwrap());
    assert_eq!(
        one.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
        three.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    );
    assert!(one[0] > one[1].max(one[2]), "tea: {one:?}");

    let before = world.2.clone();
    assert_eq!(content.fill(&world.0, &world.1, &mut world.2).unwrap(), 30);
    assert_eq!((world.1.users.row("u3"), world.1.products.row("p3")), (Some(UserRow(3)), Some(ProductRow(3))));
    let start = (PRODUCTS - 30) * 3;
    assert_eq!(world.2.products[..start], before.products[..start], "what has events keeps its vector");
    for (at, vector) in world.2.products[start..].chunks(3).enumerate() {
        let own = vector[(PRODUCTS - 30 + at) % 3];
        assert!(own > 0.8 * length(vector), "product {at}: {vector:?}");
        assert!((1.0..=2.2).contains(&length(vector)), "product {at} is {} long", length(vector));
    }
}

#[test]
fn titles_that_tell_nothing_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    // Two words that alternate with no regard to the kind, which goes by threes.
    let world = world(folder.path(), |product| KINDS[product / 3 % 2].to_owned());
    let kept = learn_with(1, &world).map(|content| content.agreement);
    assert_eq!(kept, None);
}
