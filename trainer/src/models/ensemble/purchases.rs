//! What friends' purchases say of products, which vectors that are means of friends' know but roughly.

use juntos_datasets::Csr;
use juntos_datasets::shown::Shown;
use juntos_engine::serving_model::Blend;

use super::told::Term;

/// The part of each user's friends, by the strength of ties, who had a product, of those friends and purchases that she may
/// see, as feeds count it. Of `rows` rows those behind the users', of standing groups, hear nothing.
pub(super) fn of_friends(shown: &Shown, rows: usize) -> Term {
    let users = shown.ties.rows();
    let left = Csr::by_rows(rows, users, |row, cells| {
        if row < users {
            let all = shown.ties.row(row).1.iter().sum();
            cells.extend(shown.ties.entries(row).map(|(friend, tie)| (friend, Blend::share_of_friends(tie, all))));
        }
    });
    Term { left, right: shown.purchases.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::told::tests::written_out;
    use super::*;

    #[test]
    fn scores_are_shares_of_friends_and_groups_hear_nothing() {
        let ties = Csr::from_entries(3, 3, vec![(0, 1, 1.0), (0, 2, 0.5), (1, 0, 2.0)]);
        let purchases = Csr::from_entries(3, 2, vec![(0, 0, 1.0), (1, 0, 1.0), (2, 0, 1.0), (2, 1, 1.0)]);
        let got = written_out(&of_friends(&Shown { ties, purchases }, 4));
        let expected = [
            [Blend::share_of_friends(1.5, 1.5), Blend::share_of_friends(0.5, 1.5)],
            [Blend::share_of_friends(2.0, 2.0), 0.0],
            [0.0, 0.0],
            [0.0, 0.0],
        ];
        for (row, expected) in expected.iter().enumerate() {
            for (product, &expected) in expected.iter().enumerate() {
                assert!((got[(row, product)] - f64::from(expected)).abs() < 1e-6, "{got:?}");
            }
        }
    }
}
