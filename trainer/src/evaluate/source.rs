//! The dataset's held-out rows in the rows of the bundle that is evaluated.

use std::borrow::Cow;

use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::bundle::Bundle;
use juntos_engine::together::model::JoinEvidence;

use crate::error::TrainError;

/// Row of something that the bundle does not know: nothing the bundle ranks is equal to it.
pub const UNKNOWN: u32 = u32::MAX;

/// Where the dataset's rows are in the bundle, by outside id: the two may come from different cuts of the data.
#[derive(Debug, Clone)]
pub struct Rows {
    users: Vec<u32>,
    products: Vec<u32>,
}

impl Rows {
    /// The rows of a bundle that has the same as `data`, but for one user.
    #[cfg(test)]
    pub(super) fn all_but(data: &TrainingData, stranger: &str) -> Self {
        let user = |(row, id): (usize, &str)| if id == stranger { UNKNOWN } else { row as u32 };
        let users = data.users.ids().enumerate().map(user).collect();
        Self { users, products: (0..data.products.len() as u32).collect() }
    }

    /// Looks up every id of `data` in `bundle`.
    pub fn of(data: &TrainingData, bundle: &Bundle) -> Self {
        let user = |id: &str| bundle.users().row(id).map_or(UNKNOWN, |row| row.0);
        let product = |id: &str| bundle.products().row(id).map_or(UNKNOWN, |row| row.0);
        Self { users: data.users.ids().map(user).collect(), products: data.products.ids().map(product).collect() }
    }

    /// Refuses to measure a bundle on test rows of which it knows no user, or no product: every figure would be zero.
    ///
    /// # Errors
    /// [`TrainError::ForeignBundle`]; nothing where there are no test rows.
    pub fn check_known(&self, data: &TrainingData) -> Result<(), TrainError> {
        let (mut users, mut products) = (Sight::default(), Sight::default());
        for (user, product, _) in data.test.cells() {
            users.see(self.users[user as usize]);
            products.see(self.products[product as usize]);
        }
        for team in test_teams(data) {
            team.members().into_iter().for_each(|user| users.see(self.users[user.0 as usize]));
            products.see(self.products[team.product.0 as usize]);
        }
        match [("users", users), ("products", products)].into_iter().find(|(_, seen)| seen.any && !seen.known) {
            Some((what, _)) => Err(TrainError::ForeignBundle { what }),
            None => Ok(()),
        }
    }

    /// The bundle's row of a user, if the bundle knows her.
    pub fn user(&self, user: UserRow) -> Option<UserRow> {
        Some(self.users[user.0 as usize]).filter(|&row| row != UNKNOWN).map(UserRow)
    }

    /// The bundle's row of a product, if the bundle knows it.
    pub fn product(&self, product: ProductRow) -> Option<ProductRow> {
        Some(self.products[product.0 as usize]).filter(|&row| row != UNKNOWN).map(ProductRow)
    }

    /// The bundle's rows of `products`, ascending; [`UNKNOWN`] ones stay, at the end, because they count as missed.
    pub fn products(&self, products: &[u32]) -> Vec<u32> {
        let mut rows: Vec<u32> = products.iter().map(|&product| self.products[product as usize]).collect();
        rows.sort_unstable();
        rows
    }

    /// The bundle's rows of `users`, ascending; unknown ones stay, at the end, because they count as missed.
    pub fn users(&self, users: &[UserRow]) -> Vec<u32> {
        let mut rows: Vec<u32> = users.iter().map(|user| self.users[user.0 as usize]).collect();
        rows.sort_unstable();
        rows
    }

    /// Initiator and product of a team in the bundle's rows, if it knows both.
    pub fn team(&self, team: &TeamRecord) -> Option<(UserRow, ProductRow)> {
        Some((self.user(team.initiator)?, self.product(team.product)?))
    }
}

/// Whether there was anything, and whether any of it is known.
#[derive(Debug, Clone, Copy, Default)]
struct Sight {
    any: bool,
    known: bool,
}

impl Sight {
    fn see(&mut self, row: u32) {
        self.any = true;
        self.known |= row != UNKNOWN;
    }
}

/// A bundle as [`JoinEvidence`]: what serving knows before anything has happened since the cut.
pub struct Known<'a>(pub &'a Bundle);

impl JoinEvidence for Known<'_> {
    fn co_joined(&self, initiator: UserRow) -> (&[u32], &[f32]) {
        self.0.co_joined(initiator)
    }
    fn friends(&self, user: UserRow) -> (&[u32], &[f32]) {
        self.0.friends(user)
    }
    fn products(&self, user: UserRow) -> impl Iterator<Item = u32> {
        self.0.possessions(user).iter().map(|had| had.product)
    }
    fn user_vector(&self, user: UserRow) -> Cow<'_, [f32]> {
        Cow::Owned(self.0.user_vector(user))
    }
    fn product_vector(&self, product: ProductRow) -> &[f32] {
        self.0.product_vector(product)
    }
}

/// Teams of the test part.
pub fn test_teams(data: &TrainingData) -> impl Iterator<Item = &TeamRecord> {
    data.teams.iter().filter(|team| team.split == juntos_datasets::tables::Split::Test)
}
