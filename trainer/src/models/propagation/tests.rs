//! 1. Vectors are the mean of the layers of their definition.
//! 2. The slopes that training follows are those of the loss at the vectors before propagation.
//! 3. Every epoch tells events apart better, on data that have a pattern.
//! 4. A step that is too long is caught, with the epoch and what to change.
//! 5. Friends speak for a newcomer through the graph, fade with history, and say nothing at weight 0.

use juntos_datasets::generate::checkerboard;
use juntos_datasets::progress::{Progress, Silent};

use super::*;
use crate::models::Embeddings;
use crate::tracking::tests::Notes;

const DIM: usize = 8;

fn fit(data: &FitData<'_>, settings: PropagationConfig, progress: &dyn Progress) -> Result<Embeddings, TrainError> {
    match Propagation::new(settings).fit(data, progress)? {
        Fitted::Embeddings(vectors) => Ok(vectors),
        Fitted::Scores(_) => panic!("propagation makes vectors"),
    }
}

fn data<'a>(interactions: &'a Csr, friends: &'a Csr) -> FitData<'a> {
    FitData { interactions, friends, groups: &[], dim: DIM, seed: 3, folds: true, shown: None, teams: &[] }
}

fn training<'a>(data: &'a FitData<'a>, settings: &'a PropagationConfig) -> Training<'a> {
    let nodes = data.interactions.rows() + data.interactions.columns();
    Training {
        settings,
        compute: &Compute::Processors,
        spread: Spreading::over(&graph(data, settings.friend_weight), settings.layers, &Compute::Processors).unwrap(),
        nodes,
        data,
        table: Table::new(start_vectors(data, &data.interactions.transpose())),
    }
}

#[test]
fn vectors_are_the_mean_of_the_layers() {
    let interactions = Csr::from_entries(2, 1, vec![(0, 0, 1.0), (1, 0, 3.0)]);
    let friends = Csr::from_entries(2, 2, vec![(0, 1, 0.5), (1, 0, 0.5)]);
    let data = FitData { dim: 1, ..data(&interactions, &friends) };
    let settings = PropagationConfig { layers: 2, friend_weight: 2.0, ..PropagationConfig::default() };
    let training = Training { table: Table::new(vec![1.0, 2.0, 5.0]), ..training(&data, &settings) };
    let got = training.propagated(<[f32]>::to_vec).unwrap();
    // Weights of the nodes: 1 + 2, 3 + 2 and 4; the only tie weighs the friend weight.
    let edge = |value: f32, ends: f32| value / ends.sqrt();
    let (tie, first, second) = (edge(2.0, 15.0), edge(1.0, 12.0), edge(3.0, 20.0));
    let hop = |[a, b, p]: [f32; 3]| [tie * b + first * p, tie * a + second * p, first * a + second * b];
    let (one, two) = (hop([1.0, 2.0, 5.0]), hop(hop([1.0, 2.0, 5.0])));
    for (at, start) in [1.0, 2.0, 5.0].into_iter().enumerate() {
        let expected = (start + one[at] + two[at]) / 3.0;
        assert!((got[at] - expected).abs() < 1e-5, "{got:?}: {expected} at {at}");
    }
}

#[test]
fn slopes_are_those_of_the_loss_before_propagation() {
    let (interactions, _) = checkerboard(12);
    let ties: Vec<_> = (0..11).flat_map(|user| [(user, user + 1, 0.5), (user + 1, user, 0.5)]).collect();
    let friends = Csr::from_entries(12, 12, ties);
    let data = data(&interactions, &friends);
    let settings = PropagationConfig { temperature: 0.5, ..PropagationConfig::default() };
    let training = training(&data, &settings);
    let events = Events::new(&interactions, &[6.0; 12], training.settings.popularity_correction);
    let batches: Vec<&[Turn]> = events.batches(40).collect();
    assert!(batches.len() > 1);
    let mean = |vectors: &[f32]| {
        let nodes = training.spread_over(vectors.to_vec(), Way::Forth).unwrap();
        let mean = |batch: &&[Turn]| {
            let (sum, _) = read(&nodes, |nodes| training.slopes(nodes, &events, &[batch])).unwrap().unwrap();
            sum / batch.iter().map(Turn::len).sum::<usize>() as f64
        };
        batches.iter().map(mean).sum::<f64>() / batches.len() as f64
    };
    let start = training.table.values();
    let (_, slopes) = training.propagated(|nodes| training.slopes(nodes, &events, &batches)).unwrap().unwrap();
    let got = read(&training.spread_over(slopes, Way::Back).unwrap(), <[f32]>::to_vec).unwrap();
    for at in (0..got.len()).step_by(7) {
        let moved = |by: f32| {
            let mut vectors = start.to_vec();
            vectors[at] += by;
            mean(&vectors)
        };
        let expected = (moved(0.02) - moved(-0.02)) / 0.04;
        assert!((expected - f64::from(got[at])).abs() < 2e-3 * (1.0 + expected.abs()), "{at}: {expected} {}", got[at]);
    }
}

#[test]
fn the_loss_falls_and_is_told_each_epoch() {
    let notes = Notes::default();
    let (interactions, _) = checkerboard(30);
    let friends = Csr::empty(30, 30);
    let settings = PropagationConfig { epochs: 4, temperature: 1.0, ..PropagationConfig::default() };
    fit(&data(&interactions, &friends), settings, &notes).unwrap();
    let told = notes.lines();
    let losses: Vec<f64> =
        told.iter().filter_map(|line| line.split("loss ").nth(1)).map(|loss| loss.parse().unwrap()).collect();
    assert_eq!(losses.len(), 4);
    assert!(losses.last() < losses.first(), "{losses:?}");
}

#[test]
fn divergence_is_caught_with_the_epoch() {
    let (interactions, _) = checkerboard(30);
    let friends = Csr::empty(30, 30);
    let settings = PropagationConfig { learning_rate: f32::MAX, ..PropagationConfig::default() };
    let message = fit(&data(&interactions, &friends), settings, &Silent).unwrap_err().to_string();
    assert!(message.contains("`propagation` diverged in pass 1"), "{message}");
    assert!(message.contains("propagation.learning_rate"), "{message}");
}

/// How much more odd products than even ones score for a user.
fn leaning(vectors: &Embeddings, user: usize) -> f32 {
    let own = &vectors.users[user * DIM..(user + 1) * DIM];
    let score = |product: &[f32]| own.iter().zip(product).map(|(a, b)| a * b).sum::<f32>();
    let products = vectors.products.chunks_exact(DIM).enumerate();
    products.map(|(at, product)| if at % 2 == 1 { score(product) } else { -score(product) }).sum()
}

#[test]
fn friends_speak_for_newcomers_and_fade_with_history() {
    let (board, _) = checkerboard(20);
    let mut cells: Vec<(u32, u32, f32)> =
        (0..20).flat_map(|user| board.row(user).0.iter().map(move |&product| (user as u32, product, 1.0))).collect();
    // User 20 has nothing, 21 one even product, 22 all of them; all have the same friends, who like odd ones.
    cells.push((21, 4, 1.0));
    cells.extend((0..20).step_by(2).map(|product| (22, product, 1.0)));
    let interactions = Csr::from_entries(23, 20, cells);
    let ties =
        (20..23).flat_map(|user| [1, 3, 5].into_iter().flat_map(move |other| [(user, other, 1.0), (other, user, 1.0)]));
    let friends = Csr::from_entries(23, 23, ties.collect());
    let data = data(&interactions, &friends);
    let with = |friend_weight: f32| {
        fit(&data, PropagationConfig { friend_weight, ..PropagationConfig::default() }, &Silent).unwrap()
    };
    let (without, with) = (with(0.0), with(3.0));
    assert!(without.users[20 * DIM..21 * DIM].iter().all(|&cell| cell == 0.0), "nothing is known of her");
    assert!(leaning(&with, 20) > 0.0);
    for cell in 0..DIM {
        let mean = [1, 3, 5].iter().map(|friend| with.users[friend * DIM + cell]).sum::<f32>() / 3.0;
        assert!((with.users[20 * DIM + cell] - mean).abs() < 1e-5, "she is the mean of her friends");
    }
    let changes: Vec<f32> = (21..23).map(|user| leaning(&with, user) - leaning(&without, user)).collect();
    assert!(changes[0] > 0.0 && changes[0] > changes[1], "{changes:?}");
    assert_eq!((without.fold.friend_weight, with.fold.friend_weight), (0.0, 1.0));
    let alone = Csr::empty(23, 23);
    let nobody = FitData { friends: &alone, ..data };
    assert_eq!(fit(&nobody, PropagationConfig::default(), &Silent).unwrap().users, without.users);
}

/// What a card computes, on the processor: an epoch ends at the same vectors but for rounding.
#[test]
fn plain_tensors_train_alike() {
    let (interactions, _) = checkerboard(60);
    let ties: Vec<_> = (0..59).flat_map(|user| [(user, user + 1, 0.5), (user + 1, user, 0.5)]).collect();
    let friends = Csr::from_entries(60, 60, ties);
    let settings = PropagationConfig { epochs: 1, ..PropagationConfig::default() };
    let [expected, got] = [Compute::Processors, Compute::Tensors(candle_core::Device::Cpu)].map(|compute| {
        let tracking = Tracking::watched(&Silent);
        Propagation::new(settings).on(compute).train(&data(&interactions, &friends), &tracking).unwrap()
    });
    let furthest = expected.iter().zip(&got).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(furthest < 1e-3, "{furthest}");
}
