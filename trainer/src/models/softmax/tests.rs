//! 1. Batches of several chunks give the same bits for any number of threads.
//! 2. Every epoch tells events apart better, on data that have a pattern.
//! 3. A step that is too long is caught, with the epoch and what to change.
//! 4. The step over the graph is the sparse product of its definition.
//! 5. The settings chosen for fold-in give back the direction of trained vectors.

use juntos_engine::serving_model::FoldIn;
use std::sync::Mutex;

use juntos_datasets::generate::checkerboard;
use juntos_datasets::progress::Silent;

use super::*;
use crate::models::complete::fold_in;

const DIM: usize = 8;

fn fit(interactions: &Csr, settings: SoftmaxConfig, progress: &dyn Progress) -> Result<Embeddings, TrainError> {
    let friends = Csr::empty(interactions.rows(), interactions.rows());
    let data = FitData {
        interactions,
        friends: &friends,
        groups: &[],
        dim: DIM,
        seed: 3,
        folds: true,
        shown: None,
        teams: &[],
    };
    match Softmax::new(settings).fit(&data, progress)? {
        Fitted::Embeddings(vectors) => Ok(vectors),
        Fitted::Scores(_) => panic!("softmax makes vectors"),
    }
}

/// Events enough for batches of more than one chunk.
fn large() -> Csr {
    checkerboard(200).0
}

#[test]
fn batches_of_several_chunks_give_the_same_bits_with_any_threads() {
    let settings = SoftmaxConfig { epochs: 1, ..SoftmaxConfig::default() };
    let interactions = large();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let vectors = pool.install(|| fit(&interactions, settings, &Silent)).unwrap();
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        (bits(vectors.users), bits(vectors.products))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn stage(&self, _name: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

#[test]
fn the_loss_falls_and_is_told_each_epoch() {
    let notes = Notes(Mutex::new(Vec::new()));
    let (interactions, _) = checkerboard(30);
    let settings = SoftmaxConfig { epochs: 4, temperature: 1.0, ..SoftmaxConfig::default() };
    fit(&interactions, settings, &notes).unwrap();
    let told = notes.0.into_inner().unwrap();
    let losses: Vec<f64> =
        told.iter().filter_map(|line| line.split("loss ").nth(1)).map(|loss| loss.parse().unwrap()).collect();
    assert_eq!(losses.len(), 4);
    assert!(losses.last() < losses.first(), "{losses:?}");
}

#[test]
fn divergence_is_caught_with_the_epoch() {
    let (interactions, _) = checkerboard(30);
    let settings = SoftmaxConfig { learning_rate: f32::MAX, ..SoftmaxConfig::default() };
    let message = fit(&interactions, settings, &Silent).unwrap_err().to_string();
    assert!(message.contains("`softmax` diverged in pass 1"), "{message}");
    assert!(message.contains("softmax.learning_rate"), "{message}");
}

#[test]
fn the_step_over_the_graph_follows_its_definition() {
    let by_row = Csr::from_entries(2, 2, vec![(0, 0, 1.0), (0, 1, 3.0), (1, 0, 1.0)]);
    let (mut rows, mut products) = (vec![1.0, 2.0], vec![5.0, 7.0]);
    neighbours::hop(&by_row, &mut rows, &mut products, 1, (0.5, 0.25));
    let cell = |value: f32, row: f32, column: f32| 0.5 * value / (row * column).sqrt();
    let expected_rows = [1.0 + cell(1.0, 4.0, 2.0) * 5.0 + cell(3.0, 4.0, 3.0) * 7.0, 2.0 + cell(1.0, 1.0, 2.0) * 5.0];
    let half = |value: f32, row: f32, column: f32| 0.5 * cell(value, row, column);
    let expected_products =
        [5.0 + half(1.0, 4.0, 2.0) * 1.0 + half(1.0, 1.0, 2.0) * 2.0, 7.0 + half(3.0, 4.0, 3.0) * 1.0];
    rows.iter().zip(expected_rows).for_each(|(a, b)| assert!((a - b).abs() < 1e-5));
    products.iter().zip(expected_products).for_each(|(a, b)| assert!((a - b).abs() < 1e-5));
}

#[test]
fn folding_gives_back_the_direction_of_trained_vectors() {
    let interactions = checkerboard(60).0;
    let vectors = fit(&interactions, SoftmaxConfig::default(), &Silent).unwrap();
    let (settings, cosine) = fold_in::choose(&interactions, &vectors.users, &vectors.products, DIM);
    assert_eq!(FoldIn { friend_weight: 1.0, ..settings }, FoldIn { friend_weight: 1.0, ..vectors.fold });
    assert!(cosine > 0.9, "cosine {cosine}");
}

/// What a card computes, on the processor: an epoch ends at the same directions but for rounding.
#[test]
fn plain_tensors_train_alike() {
    let interactions = large();
    let friends = Csr::empty(interactions.rows(), interactions.rows());
    let data = FitData {
        interactions: &interactions,
        friends: &friends,
        groups: &[],
        dim: DIM,
        seed: 3,
        folds: true,
        shown: None,
        teams: &[],
    };
    let settings = SoftmaxConfig { epochs: 1, ..SoftmaxConfig::default() };
    let [expected, got] = [Compute::Processors, Compute::Tensors(candle_core::Device::Cpu)].map(|compute| {
        let tracking = Tracking::watched(&Silent);
        Softmax::new(settings).on(compute).train(&data, &tracking, &mut |_, _| Ok(ControlFlow::Continue(()))).unwrap()
    });
    for (expected, got) in [(&expected.rows, &got.rows), (&expected.products, &got.products)] {
        let furthest = expected.iter().zip(got).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest < 1e-3, "{furthest}");
    }
}
