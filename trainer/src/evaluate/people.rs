//! What slices tell people apart by.

use std::collections::BTreeMap;

use juntos_datasets::UserRow;
use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::Users;
use juntos_datasets::training::TrainingData;

use crate::error::TrainError;
use crate::prepare::is_past_success;

/// Bounds of the parts by training products of a user: none, 1 to 4, 5 to 9, …
pub const HISTORY: &[usize] = &[1, 5, 10, 20, 50];
/// Bounds of the parts by number of friends.
pub const FRIENDS: &[usize] = &[1, 5, 20, 50];
/// Bounds of the parts of products by users who had them in training.
pub const PRODUCT_USERS: &[usize] = &[1, 5, 10, 50];
/// Bounds of the parts by training teams that succeeded.
pub const TEAMS: &[usize] = &[1, 2, 5, 10];
/// Bounds of the parts by people in a group.
pub const GROUP_SIZE: &[usize] = &[2, 3, 4, 6];

/// What a dataset tells of its users, by the dataset's rows.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// Every country named.
    countries: Vec<String>,
    /// Number of each user's country.
    country_of: Vec<Option<u32>>,
    /// Succeeded training teams that each user opened.
    opened: Vec<usize>,
}

impl People {
    /// Reads the users table once more, for what training does not need.
    ///
    /// # Errors
    /// When the table is damaged.
    pub fn read(dataset: &Dataset, data: &TrainingData) -> Result<Self, TrainError> {
        let mut numbers = BTreeMap::new();
        let mut people =
            Self { countries: Vec::new(), country_of: vec![None; data.users.len()], opened: vec![0; data.users.len()] };
        dataset.for_each::<Users>(|user| {
            let (Some(row), Some(country)) = (data.users.row(user.user_id), user.country) else { return Ok(()) };
            let number = *numbers.entry(country.to_owned()).or_insert_with(|| {
                people.countries.push(country.to_owned());
                people.countries.len() as u32 - 1
            });
            people.country_of[row.0 as usize] = Some(number);
            Ok(())
        })?;
        for team in data.teams.iter().filter(|team| is_past_success(team)) {
            people.opened[team.initiator.0 as usize] += 1;
        }
        Ok(people)
    }

    /// Country of a user, where the users table tells.
    pub fn country(&self, user: UserRow) -> Option<&str> {
        self.country_of[user.0 as usize].map(|number| self.countries[number as usize].as_str())
    }

    /// Succeeded training teams that a user opened.
    pub fn teams_opened(&self, user: UserRow) -> usize {
        self.opened[user.0 as usize]
    }
}
