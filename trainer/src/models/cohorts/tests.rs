//! 1. A cohort's vector is the mean of its people, leaning on what is around it as far as chance sets them apart.
//! 2. Nobody counts without a history, a home or consent, and no cohort of fewer than twenty is made.
//! 3. Who has no cohort of country and language has that of the country, or none.

use juntos_datasets::training::Possession;
use juntos_datasets::{Csr, IdMap, ProductRow};
use juntos_engine::cohorts::Home;
use juntos_engine::serving_model::FoldIn;

use super::*;
use crate::prepare::HeldOut;

pub(crate) const DIM: usize = 4;
/// Users of each of two countries, and products that each of them buys.
pub(crate) const USERS: usize = 300;
const PRODUCTS: usize = 30;

pub(crate) fn home(country: &str) -> Home {
    Home::new(Some(country.parse().unwrap()), None)
}

/// Two sorts of people who buy of two halves of the catalogue, each of a country of its own if `at_home`. Three of eight
/// purchases are held out; one of the rest is a present from the other half.
pub(crate) fn past(at_home: bool) -> (HeldOut, People, Embeddings) {
    let user_half = |user: usize| usize::from(user >= USERS);
    let product = |user: usize, at: usize| {
        let half = if at == 0 { 1 - user_half(user) } else { user_half(user) };
        (half * PRODUCTS + (user * 7 + at * 11) % PRODUCTS) as u32
    };
    let cells = |places: std::ops::Range<usize>| {
        let cell = |user: usize| places.clone().map(move |at| (user as u32, product(user, at), 1.0));
        Csr::from_entries(2 * USERS, 2 * PRODUCTS, (0..2 * USERS).flat_map(cell).collect())
    };
    let (interactions, test) = (cells(0..5), cells(5..8));
    let possession = |&product: &u32| Possession { product: ProductRow(product), purchases: 1, gifts: 0, last: None };
    let history = TrainingData {
        users: ids(2 * USERS),
        products: ids(2 * PRODUCTS),
        friends: Csr::from_entries(
            2 * USERS,
            2 * USERS,
            (0..2 * USERS as u32).map(|user| (user, (user + 1) % (2 * USERS as u32), 0.5)).collect(),
        ),
        teams: Vec::new(),
        possessions: (0..2 * USERS).map(|user| interactions.row(user).0.iter().map(possession).collect()).collect(),
        showing: juntos_datasets::shown::Showing::default(),
        valid: Csr::empty(2 * USERS, 2 * PRODUCTS),
        test: Csr::empty(2 * USERS, 2 * PRODUCTS),
        cut: None,
        interactions,
    };
    let noise = |row: usize, dim: usize| ((row * 31 + dim * 17) % 13) as f32 / 40.0 - 0.15;
    let vector = |row: usize, half: usize| {
        (0..DIM).map(move |dim| noise(row, dim) + if dim == half { 1.0 } else { 0.0 }).collect::<Vec<f32>>()
    };
    let embeddings = Embeddings {
        dim: DIM,
        users: (0..2 * USERS).flat_map(|user| vector(user, user_half(user))).collect(),
        products: (0..2 * PRODUCTS).flat_map(|product| vector(product, product / PRODUCTS)).collect(),
        groups: Vec::new(),
        fold: FoldIn::default(),
    };
    let lives = |user: usize| if at_home { user_half(user) } else { user % 2 };
    let people = People {
        homes: (0..2 * USERS).map(|user| home(["ES", "IT"][lives(user)])).collect(),
        personalise: vec![true; 2 * USERS],
    };
    let repeats = Csr::empty(2 * USERS, 2 * PRODUCTS);
    (HeldOut { history, test, repeats, teams: Vec::new(), by_chance: true, since: None }, people, embeddings)
}

fn ids<R: juntos_datasets::Row>(count: usize) -> IdMap<R> {
    let mut ids = IdMap::new();
    (0..count).for_each(|at| {
        ids.insert(&format!("{at}"));
    });
    ids
}

#[test]
fn means_lean_on_everybody_as_far_as_chance_sets_them_apart() {
    let (held, people, embeddings) = past(true);
    let means = Means::of(&held.history, &people, &embeddings).unwrap();
    let cohorts = means.cohorts();
    assert_eq!(cohorts.iter().map(|cohort| cohort.people).collect::<Vec<_>>(), [USERS as u32; 2]);
    let plain = |of: std::ops::Range<usize>, dim: usize| {
        of.clone().map(|user| embeddings.users[user * DIM + dim]).sum::<f32>() / of.len() as f32
    };
    for dim in 0..DIM {
        let (own, all) = (plain(0..USERS, dim), plain(0..2 * USERS, dim));
        let leant = cohorts[0].vector[dim];
        assert!((leant - own).abs() < 0.05 * (own - all).abs() + 1e-6, "far apart, so nearly the plain mean");
    }
    let (held, people, embeddings) = past(false);
    let by_chance = Means::of(&held.history, &people, &embeddings).unwrap().cohorts();
    for dim in 0..DIM {
        let all = embeddings.users.iter().skip(dim).step_by(DIM).sum::<f32>() / (2 * USERS) as f32;
        assert!((by_chance[0].vector[dim] - all).abs() < 1e-6, "chance alone: the mean of everybody");
    }
}

#[test]
fn too_few_with_a_home_a_history_and_consent_are_no_cohort() {
    let (held, mut people, embeddings) = past(true);
    people.homes[..USERS - 19].fill(Home::default());
    let cohorts = Means::of(&held.history, &people, &embeddings).unwrap().cohorts();
    assert_eq!(cohorts.iter().map(|cohort| cohort.home).collect::<Vec<_>>(), [home("IT")]);
    people.personalise[USERS..2 * USERS - 19].fill(false);
    assert!(Means::of(&held.history, &people, &embeddings).is_none());
    people.personalise.fill(true);
    let interactions = &held.history.interactions;
    let cells = interactions.cells().filter(|&(user, ..)| (user as usize) < USERS).collect();
    let history =
        TrainingData { interactions: Csr::from_entries(2 * USERS, 2 * PRODUCTS, cells), ..held.history.clone() };
    assert!(Means::of(&history, &people, &embeddings).is_none(), "nobody of the larger country has a history");
}

#[test]
fn the_narrowest_cohort_speaks() {
    let (held, people, embeddings) = past(true);
    let means = Means::of(&held.history, &people, &embeddings).unwrap();
    let cohorts = means.cohorts();
    let speaks = Home::new(Some("ES".parse().unwrap()), Some("es".parse().unwrap()));
    assert_eq!(means.narrowest(speaks).as_ref(), Some(&cohorts[0].vector));
    assert_eq!(means.narrowest(home("IT")).as_ref(), Some(&cohorts[1].vector));
    assert_eq!(means.narrowest(home("FR")), None);
}
