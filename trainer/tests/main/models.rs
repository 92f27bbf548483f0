//! The contract of every model.
//!
//! 1. On the checkerboard everyone's one right answer comes first.
//! 2. The same seed gives the same scores, bit for bit, with 1, 2 and 4 threads.
//! 3. Rows and columns without entries are answered with finite scores.
//! 4. A user with nothing but friends is told what they like.
//! 5. Weights that are not finite and above 0 are refused, and so is nothing at all.
//! 6. Folding a user's own events into nothing gives nearly her trained vector.

use juntos_datasets::generate::checkerboard;
use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{Split, TeamOutcome};
use juntos_datasets::training::TeamRecord;
use juntos_datasets::{Csr, ProductRow, UserRow};
use juntos_engine::fold::{FoldEvent, Prior, Products, fold};
use juntos_trainer::config::TrainConfig;
use juntos_trainer::error::TrainError;
use juntos_trainer::models::{Embeddings, FitData, Fitted, MODEL_NAMES};

const DIM: usize = 8;

/// Somebody joins another's team for what she has, and nobody joins another one.
fn teams() -> [TeamRecord; 2] {
    let filled = TeamRecord {
        team_id: "filled".to_owned(),
        initiator: UserRow(2),
        product: ProductRow(0),
        participants: vec![UserRow(4)],
        min_size: 2,
        opened_at: None,
        deadline: None,
        outcome: TeamOutcome::Succeeded,
        split: Split::Train,
        negatives: Vec::new(),
        public: None,
    };
    let failed = TeamRecord {
        team_id: "failed".to_owned(),
        participants: Vec::new(),
        outcome: TeamOutcome::Expired,
        product: ProductRow(2),
        ..filled.clone()
    };
    [filled, failed]
}

fn fit(model: &str, interactions: &Csr, friends: &Csr, groups: &[Vec<UserRow>]) -> Result<Fitted, TrainError> {
    let config = TrainConfig { model: model.to_owned(), dim: DIM, ..TrainConfig::default() };
    config.model()?.fit(
        &FitData { interactions, friends, groups, dim: DIM, seed: 7, folds: true, shown: None, teams: &teams() },
        &Silent,
    )
}

/// Scores of all products for each row: users, then groups.
fn scores(fitted: &Fitted, rows: usize, products: usize) -> Vec<Vec<f32>> {
    match fitted {
        Fitted::Embeddings(vectors) => {
            let owners = vectors.users.chunks_exact(DIM).chain(vectors.groups.chunks_exact(DIM));
            let scored = owners.map(|owner| vectors.products.chunks_exact(DIM).map(|y| dot(owner, y)).collect());
            scored.collect()
        }
        Fitted::Scores(scorer) => (0..rows)
            .map(|row| {
                let mut out = vec![0.0; products];
                scorer.scores(row, &mut out);
                out
            })
            .collect(),
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// The best product that the row does not have.
fn best_new(scores: &[f32], had: &[u32]) -> u32 {
    let new = (0..scores.len() as u32).filter(|product| !had.contains(product));
    new.max_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize])).unwrap()
}

#[test]
fn everyone_gets_the_one_right_answer() {
    let (interactions, answers) = checkerboard(30);
    for model in MODEL_NAMES.iter().filter(|&&model| model != "popularity") {
        let fitted = fit(model, &interactions, &Csr::empty(30, 30), &[]).unwrap();
        for (user, scores) in scores(&fitted, 30, 30).iter().enumerate() {
            assert_eq!(best_new(scores, interactions.row(user).0), answers[user].0, "{model}, user {user}");
        }
    }
}

#[test]
fn popularity_ranks_by_weight() {
    let interactions = Csr::from_entries(2, 3, vec![(0, 2, 1.0), (1, 2, 1.0), (1, 0, 0.5)]);
    let fitted = fit("popularity", &interactions, &Csr::empty(2, 2), &[]).unwrap();
    assert_eq!(scores(&fitted, 2, 3), vec![vec![0.25, 0.0, 1.0]; 2]);
}

/// A checkerboard with some friends, an empty user whom another follows, an empty product, a user with friends only, and a group.
fn mixed_world() -> (Csr, Csr, Vec<Vec<UserRow>>) {
    let (board, _) = checkerboard(20);
    let mut entries = Vec::new();
    for user in 0..20 {
        entries.extend(board.row(user).0.iter().map(|&product| (user as u32, product, 1.0)));
    }
    entries.extend((0..20).step_by(2).map(|product| (22, product, 1.0)));
    let ties = [(0, 2), (1, 3), (20, 1), (20, 3), (20, 5)];
    let mut both: Vec<_> = ties.iter().flat_map(|&(a, b)| [(a, b, 1.0), (b, a, 1.0)]).collect();
    both.push((6, 21, 1.0));
    let groups = vec![vec![UserRow(0), UserRow(2)]];
    (Csr::from_entries(23, 21, entries), Csr::from_entries(22, 22, both), groups)
}

#[test]
fn threads_change_nothing() {
    let (interactions, friends, groups) = mixed_world();
    for model in MODEL_NAMES {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let bits = |scores: Vec<f32>| scores.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            let fitted = pool.install(|| fit(model, &interactions, &friends, &groups)).unwrap();
            scores(&fitted, 23, 21).into_iter().map(bits).collect::<Vec<_>>()
        };
        let one = with(1);
        assert_eq!(one, with(2), "{model}");
        assert_eq!(one, with(4), "{model}");
    }
}

#[test]
fn empty_rows_and_columns_have_finite_scores() {
    let (interactions, friends, groups) = mixed_world();
    for model in MODEL_NAMES {
        let scores = scores(&fit(model, &interactions, &friends, &groups).unwrap(), 23, 21);
        assert_eq!(scores.len(), 23);
        assert!(scores.iter().flatten().all(|score| score.is_finite()), "{model}");
    }
}

#[test]
fn friends_tell_what_a_newcomer_likes_and_groups_have_a_taste() {
    let (interactions, friends, groups) = mixed_world();
    for model in MODEL_NAMES.iter().filter(|&&model| model != "popularity") {
        let scores = scores(&fit(model, &interactions, &friends, &groups).unwrap(), 23, 21);
        let of = |row: usize, colour: usize| scores[row][..20].iter().skip(colour).step_by(2).sum::<f32>();
        assert!(of(20, 1) > 2.0 * of(20, 0), "{model}: all friends of the newcomer like odd products");
        assert!(of(22, 0) > 2.0 * of(22, 1), "{model}: the group bought even products");
    }
}

#[test]
fn weights_that_are_not_positive_and_finite_are_refused() {
    let good = Csr::from_entries(2, 2, vec![(0, 0, 1.0)]);
    for value in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
        let bad = Csr::from_entries(2, 2, vec![(1, 1, value)]);
        for model in MODEL_NAMES {
            let refused = fit(model, &bad, &Csr::empty(2, 2), &[]).err().unwrap();
            assert!(matches!(refused, TrainError::BadWeight { matrix: "interactions", row: 1, column: 1, .. }));
            let refused = fit(model, &good, &bad, &[]).err().unwrap();
            assert!(matches!(refused, TrainError::BadWeight { matrix: "friendships", row: 1, column: 1, .. }));
        }
    }
    for model in MODEL_NAMES {
        let nothing = fit(model, &Csr::empty(2, 2), &Csr::empty(2, 2), &[]).err().unwrap();
        assert!(matches!(nothing, TrainError::NoData { .. }), "{model}");
    }
}

#[test]
fn folding_a_users_events_into_nothing_gives_nearly_her_trained_vector() {
    let (interactions, _) = checkerboard(30);
    let Fitted::Embeddings(vectors) = fit("als", &interactions, &Csr::empty(30, 30), &[]).unwrap() else {
        panic!("als makes vectors");
    };
    let gram = gram(&vectors);
    let products = Products::new(&gram, 30);
    for (user, trained) in vectors.users.chunks_exact(DIM).enumerate() {
        let (columns, weights) = interactions.row(user);
        let vector = |column: u32| &vectors.products[column as usize * DIM..(column as usize + 1) * DIM];
        let events: Vec<FoldEvent<'_>> = columns
            .iter()
            .zip(weights)
            .map(|(&column, &weight)| FoldEvent { vector: vector(column), weight })
            .collect();
        let folded = fold(products, &vectors.fold, &events, Prior::nothing(&[0.0; DIM]));
        let off: f32 = folded.iter().zip(trained).map(|(a, b)| (a - b) * (a - b)).sum();
        assert!(off.sqrt() < 1e-3 * dot(trained, trained).sqrt(), "user {user} is off by {}", off.sqrt());
    }
}

fn gram(vectors: &Embeddings) -> Vec<f32> {
    let cell = |at: usize| vectors.products.chunks_exact(DIM).map(|y| y[at / DIM] * y[at % DIM]).sum();
    (0..DIM * DIM).map(cell).collect()
}
