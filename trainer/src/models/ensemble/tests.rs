//! 1. Vectors united score as the weighted sum of the parts' scores, each over its spread.
//! 2. Narrow vectors are the truncated singular value decomposition of all scores, products weighed.
//! 3. Each half of the distillation solves its normal equations, with what is told and without, and what comes out
//!    is nearer to the lists, and to what is told.
//! 4. Where there is room enough, what is told is met exactly.
//! 5. The model fits its parts and copies, and a fit that is interrupted goes on to the same bits.

use faer::Mat;
use faer::prelude::*;
use juntos_datasets::Csr;
use juntos_datasets::progress::Silent;
use juntos_datasets::shown::Shown;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::distil::{Fixed, distil, lists};
use super::narrow::narrow;
use super::neighbours::of_neighbours;
use super::purchases::of_friends;
use super::told::{Told, of_had};
use super::unite::Tables;
use super::widen::widened;
use super::*;
use crate::config::{EnsembleConfig, TrainConfig};
use crate::models::als::solve::weight;
use crate::tracking::Session;
use crate::tracking::tests::{Interrupt, Kept, interrupted};
use juntos_engine::serving_model::FoldIn;

const ROWS: usize = 14;
const PRODUCTS: usize = 11;

/// Everybody had three products, the first ones more often.
fn interactions() -> Csr {
    let cells = (0..ROWS as u32).flat_map(|row| [0, 1, 2].map(|at| (row, (row * at * at) % PRODUCTS as u32, 1.0)));
    Csr::from_entries(ROWS, PRODUCTS, cells.collect())
}

fn data<'a>(interactions: &'a Csr, friends: &'a Csr, dim: usize) -> FitData<'a> {
    FitData { interactions, friends, groups: &[], dim, seed: 3, folds: true, shown: None, teams: &[] }
}

fn table(rows: usize, dim: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-1.0f32..1.0, rows * dim)
}

/// `rows` by `products`.
fn scores(rows: &[f32], products: &[f32], dim: usize) -> Mat<f64> {
    let wide = |tall: &[f32]| Mat::from_fn(tall.len() / dim, dim, |row, at| f64::from(tall[row * dim + at]));
    wide(rows) * wide(products).transpose()
}

fn largest(matrix: &Mat<f64>) -> f64 {
    matrix.norm_max()
}

proptest! {
    #[test]
    fn united_scores_are_the_weighted_sum(
        (users, products) in (table(ROWS, 3), table(PRODUCTS, 3)),
        (more_users, more_products) in (table(ROWS, 2), table(PRODUCTS, 2)),
        weight in 0.1f32..4.0,
    ) {
        let part = |users: &[f32], products: &[f32], dim| Embeddings {
            dim, users: users.to_vec(), products: products.to_vec(), groups: Vec::new(), fold: FoldIn::default(),
        };
        let (one, other) = (part(&users, &products, 3), part(&more_users, &more_products, 2));
        let (interactions, friends) = (interactions(), Csr::empty(ROWS, ROWS));
        let united = unite(&data(&interactions, &friends, 3), &[(1.0, &one), (weight, &other)], &EnsembleConfig::NOTHING, 5, &Silent);
        let united = united.unwrap();
        prop_assert_eq!(united.dim, 5);
        let over_spread = |scores: Mat<f64>| {
            let cells = (ROWS * PRODUCTS) as f64;
            let mean = scores.sum() / cells;
            let squares: f64 = (0..ROWS * PRODUCTS).map(|at| (scores[(at % ROWS, at / ROWS)] - mean).powi(2)).sum();
            scores * Scale((squares / cells).sqrt().recip())
        };
        let expected = over_spread(scores(&users, &products, 3))
            + over_spread(scores(&more_users, &more_products, 2)) * Scale(f64::from(weight));
        let got = scores(&united.users, &united.products, 5);
        // All are scaled alike, so that what was had scores 1; where the mean is below 0 nothing is scaled.
        let had: f64 = (0..ROWS).flat_map(|row| interactions.entries(row).map(move |(product, value)| (row, product, value)))
            .map(|(row, product, value)| expected[(row, product as usize)] * f64::from(value)).sum();
        let weights: f64 = (0..ROWS).map(|row| crate::models::als::solve::weight(&interactions, row)).sum();
        prop_assume!((had / weights).abs() > 0.05);
        let scale = if had > 0.0 { weights / had } else { 1.0 };
        prop_assert!(largest(&(&got - &expected * Scale(scale))) < 1e-3 * largest(&got));
    }

    #[test]
    fn narrow_is_the_truncated_decomposition(users in table(ROWS, 5), products in table(PRODUCTS, 5), dim in 1usize..5) {
        let (interactions, friends) = (interactions(), Csr::empty(ROWS, ROWS));
        let wide = Tables { rows: users, products, dim: 5 };
        let got = narrow(&data(&interactions, &friends, 5), &wide, dim).unwrap();
        let by_column = interactions.transpose();
        let root = |product: usize| (weight(&by_column, product) + 1.0).sqrt();
        let all = scores(&wide.rows, &wide.products, 5);
        let weighed = Mat::from_fn(ROWS, PRODUCTS, |row, product| all[(row, product)] * root(product));
        let svd = weighed.thin_svd().unwrap();
        let values = svd.S().column_vector();
        prop_assume!(values[dim - 1] > 1.05 * values[dim]);
        let kept = Mat::from_fn(values.nrows(), values.nrows(), |row, at| {
            if row == at && at < dim { values[at] } else { 0.0 }
        });
        let expected = svd.U() * kept * svd.V().transpose();
        let narrowed = scores(&got.rows, &got.products, dim);
        let got = Mat::from_fn(ROWS, PRODUCTS, |row, product| narrowed[(row, product)] * root(product));
        prop_assert!(largest(&(&got - &expected)) < 1e-3 * largest(&expected), "{got:?} {expected:?}");
    }

    #[test]
    fn narrow_holds_nearly_all_of_copies_that_agree(seed in 0u64..1000, dim in 2usize..6) {
        const WIDE: usize = 64;
        let (n_rows, n_products) = (150, 120);
        let had = (0..n_products as u32).map(|product| (product % ROWS as u32, product, 1.0)).collect();
        let (interactions, friends) = (Csr::from_entries(n_rows, n_products, had), Csr::empty(n_rows, n_rows));
        let data = FitData { seed, ..data(&interactions, &friends, dim) };
        // What all copies have in common, and a third as much that each has by itself.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-1.0f32..1.0)).collect() };
        let mut copies = |n: usize| -> Vec<f32> {
            let common = draw(n * dim);
            let own = draw(n * WIDE);
            (0..n * WIDE).map(|at| common[at / WIDE * dim + at % WIDE % dim] + own[at] / 3.0).collect()
        };
        let wide = Tables { rows: copies(n_rows), products: copies(n_products), dim: WIDE };
        let got = narrow(&data, &wide, dim).unwrap();
        let by_column = interactions.transpose();
        let root = |product: usize| (weight(&by_column, product) + 1.0).sqrt();
        let weighed = |scores: Mat<f64>| Mat::from_fn(n_rows, n_products, |row, product| scores[(row, product)] * root(product));
        let all = weighed(scores(&wide.rows, &wide.products, WIDE));
        let left = (&all - weighed(scores(&got.rows, &got.products, dim))).squared_norm_l2();
        let values = all.singular_values().unwrap();
        let least: f64 = values[dim..].iter().map(|value| value * value).sum();
        prop_assert!(left < 1.001 * least, "{left} {least}");
    }

    #[test]
    fn a_half_solves_its_normal_equations(
        (users, products) in (table(ROWS, 4), table(PRODUCTS, 4)),
        narrow in table(PRODUCTS, 2),
        weight in 0.5f32..20.0,
        told in prop::bool::ANY,
    ) {
        let neighbours = Told::by(told.then(|| (of_neighbours(&interactions(), 3), 0.5)).into_iter().collect());
        let told = |row: usize| neighbours.as_ref().map_or_else(Vec::new, |all| all.of_row(row));
        let value = |row: usize, product: usize| {
            told(row).iter().find(|cell| cell.0 == product as u32).map_or(0.0, |cell| cell.1)
        };
        let wide = Tables { rows: users.clone(), products: products.clone(), dim: 4 };
        let aimed = |row: usize, product: usize| wide.score(row, product) + value(row, product);
        let lists = Csr::by_rows(ROWS, PRODUCTS, |row, cells| {
            cells.extend(interactions().entries(row).map(|(product, _)| (product, aimed(row, product as usize))));
        });
        let fixed = Fixed { narrow: &narrow, wide: &products, dims: (2, 4), weight };
        let solved = fixed.fit(&lists, &users, neighbours.as_ref());
        let mut aim = scores(&users, &products, 4);
        (0..ROWS * PRODUCTS).for_each(|at| {
            aim[(at / PRODUCTS, at % PRODUCTS)] += f64::from(value(at / PRODUCTS, at % PRODUCTS));
        });
        let got = scores(&solved, &narrow, 2);
        for row in 0..ROWS {
            let listed = lists.row(row).0;
            for at in 0..2 {
                // The slope of the loss.
                let slope: f64 = (0..PRODUCTS).map(|product| {
                    let counts = if listed.contains(&(product as u32)) { 1.0 + f64::from(weight) } else { 1.0 };
                    counts * (got[(row, product)] - aim[(row, product)]) * f64::from(narrow[product * 2 + at])
                }).sum();
                prop_assert!(slope.abs() < 1e-2 * f64::from(1.0 + weight), "row {row}: {slope}");
            }
        }
    }

    #[test]
    fn distilled_vectors_are_nearer_to_the_lists(users in table(ROWS, 6), products in table(PRODUCTS, 6)) {
        let (interactions, friends) = (interactions(), Csr::empty(ROWS, ROWS));
        let data = data(&interactions, &friends, 6);
        let wide = Tables { rows: users, products, dim: 6 };
        let lists = lists(&data, &wide, &wide, None);
        let aim = scores(&wide.rows, &wide.products, 6);
        let loss = |tables: &Tables| -> f64 {
            let got = scores(&tables.rows, &tables.products, tables.dim);
            (0..ROWS * PRODUCTS).map(|at| (at / PRODUCTS, at % PRODUCTS)).map(|cell| {
                let listed = lists.row(cell.0).0.contains(&(cell.1 as u32));
                (if listed { 3.0 } else { 1.0 }) * (got[cell] - aim[cell]).powi(2)
            }).sum()
        };
        let start = narrow(&data, &wide, 3).unwrap();
        let before = loss(&start);
        prop_assert!(loss(&distil(&lists, &wide, None, (start, 1))) <= before * 1.0001);
    }
}

#[test]
fn dimensions_that_no_score_depends_on_are_left_out() {
    let (interactions, friends) = (interactions(), Csr::empty(ROWS, ROWS));
    let idle = |rows: usize, idle: usize| -> Vec<f32> {
        (0..rows * 3).map(|at| if at % 3 == idle { 0.0 } else { 1.0 + at as f32 }).collect()
    };
    let (users, products) = (idle(ROWS, 1), idle(PRODUCTS, 2));
    let part = Embeddings { dim: 3, users, products, groups: Vec::new(), fold: FoldIn::default() };
    let united =
        unite(&data(&interactions, &friends, 3), &[(1.0, &part)], &EnsembleConfig::NOTHING, 3, &Silent).unwrap();
    assert_eq!(united.dim, 1);
    let (before, after) = (scores(&part.users, &part.products, 3), scores(&united.users, &united.products, 1));
    let scale = after[(3, 4)] / before[(3, 4)];
    assert!(largest(&(after - Scale(scale) * before)) < 1e-4);
}

#[test]
fn with_room_enough_what_is_told_is_met() {
    let (interactions, friends) = (interactions(), Csr::empty(ROWS, ROWS));
    let told = Told::by(vec![(of_had(&interactions), -0.7)]).unwrap();
    let wave = |at: usize| (at as f32 * 0.7).sin();
    let wide = Tables { rows: (0..ROWS).map(wave).collect(), products: (0..PRODUCTS).map(wave).collect(), dim: 1 };
    let lists = lists(&data(&interactions, &friends, 1), &wide, &wide, Some(&told));
    let mut expected = scores(&wide.rows, &wide.products, 1);
    for row in 0..ROWS {
        let of_row = told.of_row(row);
        of_row.into_iter().for_each(|(product, score)| expected[(row, product as usize)] += f64::from(score));
    }
    let off = |start: Tables| {
        let got = distil(&lists, &wide, Some(&told), (start, 3));
        largest(&(scores(&got.rows, &got.products, got.dim) - &expected)) / largest(&expected)
    };
    assert!(off(wide.clone()) > 0.2, "one dimension has no room");
    let narrow = off(widened(&wide, &told, 4, 9));
    let enough = off(widened(&wide, &told, PRODUCTS + 1, 9));
    assert!(enough < 1e-3 && enough < narrow, "{enough} {narrow}");
}

#[test]
fn what_is_told_is_fitted_however_few_the_dimensions_of_the_parts() {
    let (interactions, friends) = (interactions(), Csr::empty(ROWS, ROWS));
    let ties = (0..ROWS as u32).map(|user| (user, (user + 1) % ROWS as u32, 1.0)).collect();
    let shown =
        Shown { ties: Csr::from_entries(ROWS, ROWS, ties), purchases: interactions.clone().map_values(|_| 1.0) };
    let data = FitData { shown: Some(&shown), ..data(&interactions, &friends, 4) };
    let fitted = |ensemble: EnsembleConfig| {
        let ensemble = EnsembleConfig { als: 1.0, ..ensemble };
        let config = TrainConfig { model: "ensemble".to_owned(), ensemble, dim: 4, ..TrainConfig::default() };
        match config.model().unwrap().fit(&data, &Silent).unwrap() {
            Fitted::Embeddings(embeddings) => scores(&embeddings.users, &embeddings.products, embeddings.dim),
            Fitted::Scores(_) => panic!("an ensemble has vectors"),
        }
    };
    let none = EnsembleConfig::NOTHING;
    let of_neighbours = (of_neighbours(&interactions, 100), EnsembleConfig { neighbours: 2.0, ..none });
    let of_friends = (of_friends(&shown, ROWS), EnsembleConfig { friends: 2.0, ..none });
    let of_had = (of_had(&interactions), EnsembleConfig { had: 8.0, ..none });
    for (term, settings) in [of_neighbours, of_friends, of_had] {
        let told = Told::by(vec![(term, 1.0)]).unwrap();
        let mut all = Mat::<f64>::zeros(ROWS, PRODUCTS);
        for row in 0..ROWS {
            let of_row = told.of_row(row);
            of_row.into_iter().for_each(|(product, score)| all[(row, product as usize)] = f64::from(score));
        }
        let agreement = |scores: &Mat<f64>| -> f64 {
            let cells = (0..ROWS * PRODUCTS).map(|at| (at / PRODUCTS, at % PRODUCTS));
            cells.map(|cell| scores[cell] * all[cell]).sum::<f64>() / (scores.norm_l2() * all.norm_l2())
        };
        let (without, with) = (agreement(&fitted(none)), agreement(&fitted(settings)));
        assert!(with > without + 0.04, "{settings:?}: {with} beside {without}");
    }
}

fn fitted(copies: usize, session: &Session<'_>) -> Embeddings {
    let (interactions, friends) = (interactions(), Csr::from_entries(ROWS, ROWS, vec![(0, 2, 1.0), (2, 0, 1.0)]));
    let ensemble = EnsembleConfig { copies, als: 1.0, softmax: 0.5, ..EnsembleConfig::NOTHING };
    let mut config = TrainConfig { model: "ensemble".to_owned(), ensemble, ..TrainConfig::default() };
    (config.als.sweeps, config.softmax.epochs) = (2, 2);
    let data = data(&interactions, &friends, 3);
    match config.model().unwrap().fit_tracked(&data, &session.tracking("fit")).unwrap() {
        Fitted::Embeddings(embeddings) => embeddings,
        Fitted::Scores(_) => panic!("an ensemble has vectors"),
    }
}

#[test]
fn all_parts_and_copies_are_in_it() {
    let of = |copies| fitted(copies, &Session::watched(&Silent));
    assert_eq!((of(1).dim, of(2).dim), (6, 12), "side by side, as long as that is not too much");
    assert_ne!(of(2), of(3));
    assert_eq!(of(2), of(2));
    assert_eq!(
        [(0, 32, 2), (0, 112, 6), (0, 200, 2), (7, 7, 3)]
            .map(|(asked, dim, parts)| united_dim(asked, dim, parts, false)),
        [64, 128, 200, 7]
    );
    assert_eq!([(0, 32), (0, 200), (7, 32)].map(|(asked, dim)| united_dim(asked, dim, 2, true)), [128, 200, 7]);
}

#[test]
fn an_interrupted_ensemble_goes_on_to_the_same_bits() {
    let whole = fitted(2, &Session::watched(&Silent));
    for pass in 1..=8 {
        let kept = Kept::new();
        let checkpoint = kept.checkpoint();
        let cut = Interrupt::after(pass);
        assert!(interrupted(|| fitted(2, &Session { checkpoint: Some(&checkpoint), ..Session::watched(&cut) })));
        let again = fitted(2, &Session { checkpoint: Some(&checkpoint), ..Session::watched(&Silent) });
        assert!(again == whole, "after {pass} passes");
    }
}
