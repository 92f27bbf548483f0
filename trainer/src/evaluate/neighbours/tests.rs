//! 1. Sparse ranking equals sorting the scores of the model `item_knn` over the whole catalogue, what scores zero by
//!    popularity; for any data, settings, products left out and unknown.
//! 2. The cost told is the additions made, and holds as many similarities as are made, or more.
//! 3. Above either bound the rule is left out, and says which.

use juntos_datasets::UserRow;
use juntos_datasets::progress::Silent;
use proptest::prelude::*;

use super::*;
use crate::models::knn::ItemKnn;
use crate::models::{FitData, Fitted, Model};

const USERS: usize = 10;
const PRODUCTS: usize = 12;

fn matrix(columns: usize, cells: &[(u32, u32, u8)]) -> Csr {
    let entries = cells.iter().map(|&(row, column, value)| (row, column, f32::from(value))).collect();
    Csr::from_entries(USERS, columns, entries)
}

/// Sorts the whole catalogue by the scores of the model.
fn slowly(rule: &ItemKnnRule<'_>, case: &Case, known: impl Fn(u32) -> bool, k: usize) -> Vec<u32> {
    let ItemKnnRule { interactions, friends, settings } = *rule;
    let data = FitData { interactions, friends, groups: &[], dim: 1, seed: 0, folds: true, shown: None, teams: &[] };
    let Fitted::Scores(scorer) = ItemKnn::new(settings).fit(&data, &Silent).unwrap() else { panic!("a rule") };
    let mut scores = vec![f32::NAN; PRODUCTS];
    scorer.scores(case.user.0 as usize, &mut scores);
    let popular = popularity(interactions);
    let key = |row: u32| (scores[row as usize], if scores[row as usize] == 0.0 { popular[row as usize] } else { 0.0 });
    let mut order: Vec<u32> = (0..PRODUCTS as u32).filter(|row| known(*row) && !case.seen.contains(row)).collect();
    order.sort_by(|&left, &right| key(right).partial_cmp(&key(left)).unwrap().then(left.cmp(&right)));
    order.truncate(k);
    order
}

proptest! {
    #[test]
    fn sparse_ranking_equals_sorting_every_score(
        // Few values, so that scores tie; the last two users have nothing but perhaps friends.
        cells in prop::collection::vec((0..USERS as u32 - 2, 0..PRODUCTS as u32, 1u8..3), 1..50),
        ties in prop::collection::vec((0..USERS as u32, 0..USERS as u32, 1u8..3), 0..12),
        neighbours in 1usize..PRODUCTS,
        shrinkage in 0u8..3,
        seen in prop::collection::vec(prop::collection::btree_set(0..PRODUCTS as u32, 0..6), USERS),
        unknown in prop::collection::btree_set(0..PRODUCTS as u32, 0..4),
        k in 1usize..PRODUCTS + 2,
    ) {
        let (interactions, friends) = (matrix(PRODUCTS, &cells), matrix(USERS, &ties));
        let settings = ItemKnnConfig { neighbours, shrinkage: f32::from(shrinkage) };
        let rule = ItemKnnRule { interactions: &interactions, friends: &friends, settings };
        let case = |(user, seen): (usize, std::collections::BTreeSet<u32>)| {
            Case { user: UserRow(user as u32), seen: seen.into_iter().collect(), relevant: vec![0] }
        };
        let cases: Vec<Case> = seen.into_iter().enumerate().map(case).collect();
        let known = |product: u32| !unknown.contains(&product);
        let lists = rule.rank(&cases, known, k);
        for (case, list) in cases.iter().zip(lists) {
            prop_assert_eq!(list, slowly(&rule, case, known, k));
        }
    }

    #[test]
    fn the_cost_is_counted(
        cells in prop::collection::btree_set((0..USERS as u32, 0..PRODUCTS as u32), 0..60),
        ties in prop::collection::btree_set((0..USERS as u32, 0..USERS as u32), 0..12),
        neighbours in 1usize..PRODUCTS + 5,
    ) {
        let ones = |cells: std::collections::BTreeSet<(u32, u32)>| -> Vec<_> {
            cells.into_iter().map(|(row, column)| (row, column, 1)).collect()
        };
        let (interactions, friends) = (matrix(PRODUCTS, &ones(cells)), matrix(USERS, &ones(ties)));
        let settings = ItemKnnConfig { neighbours, ..ItemKnnConfig::default() };
        let rule = ItemKnnRule { interactions: &interactions, friends: &friends, settings };
        let case = |user: u32| Case { user: UserRow(user), seen: Vec::new(), relevant: vec![0] };
        let cases: Vec<Case> = (0..USERS as u32).map(case).collect();
        let (nothing, all) = (rule.cost(&[]), rule.cost(&cases));
        let length = |user: usize| interactions.row(user).0.len() as u64;
        let compared: u64 = (0..USERS).map(|user| length(user) * length(user).saturating_sub(1)).sum();
        prop_assert_eq!(nothing.additions, compared);
        let fitted = Neighbours::learn(&interactions, settings);
        let mut scored = 0;
        (0..USERS).for_each(|user| fitted.score(&interactions, &friends, user, |_, _| scored += 1));
        prop_assert!(scored <= all.additions - compared, "{} of {:?}", scored, all);
        prop_assert!(fitted.len() as u64 <= all.similarities, "{} of {:?}", fitted.len(), all);
    }
}

#[test]
fn what_costs_too_much_is_left_out() {
    let within = Cost { additions: MOST_ADDITIONS, similarities: MOST_SIMILARITIES };
    assert_eq!(within.too_high(), None);
    let slow = Cost { additions: MOST_ADDITIONS + 1, ..within }.too_high().unwrap();
    assert_eq!(slow, "takes 20000000001 additions on this data, of at most 20000000000");
    let large = Cost { similarities: MOST_SIMILARITIES + 1, ..within }.too_high().unwrap();
    assert_eq!(large, "holds 134217729 similarities on this data, of at most 134217728");
}
