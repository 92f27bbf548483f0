//! Which purchases people show to their friends.

use crate::csr::Csr;
use crate::tables::PurchaseVisibility;
use crate::training::TrainingData;

/// What decides who may see a purchase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Showing {
    /// Who may see what each user buys; nobody where she is missing.
    pub visibility: Vec<PurchaseVisibility>,
    /// Rows of users without `personalise`, whose purchases count for nobody, ascending.
    pub private: Vec<u32>,
    /// Rows of products that nobody is shown to have bought, ascending.
    pub sensitive: Vec<u32>,
}

/// What people may see of what their friends bought.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// `(users, users)`: strength of the ties to those whose purchases each may see.
    pub ties: Csr,
    /// `(users, products)`: 1 for what each bought for herself and shows to friends, or to everyone.
    pub purchases: Csr,
}

impl Shown {
    /// Nobody may see anything.
    pub fn nothing(users: usize, products: usize) -> Self {
        Self { ties: Csr::empty(users, users), purchases: Csr::empty(users, products) }
    }
}

impl TrainingData {
    /// What people may see of their friends' purchases, by the rules that serving answers by: who shows them to friends shows
    /// them to those whom she counts among hers; gifts and sensitive products are shown to nobody.
    pub fn shown(&self) -> Shown {
        let Showing { visibility, private, sensitive } = &self.showing;
        let allows = |user: u32| match private.binary_search(&user) {
            Ok(_) => PurchaseVisibility::Nobody,
            Err(_) => visibility.get(user as usize).copied().unwrap_or(PurchaseVisibility::Nobody),
        };
        let sees = |user: u32, friend: u32| match allows(friend) {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => self.friends.get(friend as usize, user) > 0.0,
            PurchaseVisibility::Everyone => true,
        };
        let (users, products) = (self.users.len(), self.products.len());
        let ties = Csr::by_rows(users, users, |user, cells| {
            cells.extend(self.friends.entries(user).filter(|&(friend, _)| sees(user as u32, friend)));
        });
        let purchases = Csr::by_rows(users, products, |user, cells| {
            if allows(user as u32) != PurchaseVisibility::Nobody {
                let had = self.possessions[user].iter().filter(|had| had.purchases > 0).map(|had| had.product.0);
                cells.extend(had.filter(|product| sensitive.binary_search(product).is_err()).map(|had| (had, 1.0)));
            }
        });
        Shown { ties, purchases }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{IdMap, ProductRow};
    use crate::training::Possession;

    /// User 0 counts 1, 2, 3 and 4 among her friends; 2 does not count her. 1 and 2 show purchases to friends, 3 to everyone,
    /// 4 would, too, but lets nothing be personal; 0 shows them to nobody.
    #[test]
    fn purchases_are_seen_as_their_buyers_allow() {
        let (mut users, mut products) = (IdMap::new(), IdMap::new());
        (0..5).for_each(|at| _ = users.insert(&format!("u{at}")));
        (0..3).for_each(|at| _ = products.insert(&format!("p{at}")));
        let had = |product, purchases, gifts| Possession { product: ProductRow(product), purchases, gifts, last: None };
        let ties = vec![(0, 1, 0.5), (0, 2, 1.0), (0, 3, 1.0), (0, 4, 1.0), (1, 0, 0.5)];
        let data = TrainingData {
            users,
            products,
            interactions: Csr::empty(5, 3),
            friends: Csr::from_entries(5, 5, ties),
            teams: Vec::new(),
            possessions: vec![vec![had(0, 1, 0), had(1, 0, 2), had(2, 3, 1)]; 5],
            showing: Showing {
                visibility: vec![
                    PurchaseVisibility::Nobody,
                    PurchaseVisibility::Friends,
                    PurchaseVisibility::Friends,
                    PurchaseVisibility::Everyone,
                    PurchaseVisibility::Everyone,
                ],
                private: vec![4],
                sensitive: vec![0],
            },
            valid: Csr::empty(5, 3),
            test: Csr::empty(5, 3),
            cut: None,
        };
        let shown = data.shown();
        assert_eq!(shown.ties, Csr::from_entries(5, 5, vec![(0, 1, 0.5), (0, 3, 1.0)]));
        let bought = [1, 2, 3].map(|user| (user, 2, 1.0));
        assert_eq!(shown.purchases, Csr::from_entries(5, 3, bought.to_vec()));
        let unknown = TrainingData { showing: Showing::default(), ..data };
        assert_eq!(unknown.shown(), Shown::nothing(5, 3));
    }
}
