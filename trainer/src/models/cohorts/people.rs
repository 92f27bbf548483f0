//! Where people live, what they read and what they allow.

use juntos_datasets::Row;
use juntos_datasets::dataset::Dataset;
use juntos_datasets::error::DatasetError;
use juntos_datasets::tables::Users;
use juntos_datasets::training::TrainingData;
use juntos_engine::cohorts::Home;

/// What everybody says of herself, by the rows of the training data.
#[derive(Debug, Clone, PartialEq)]
pub struct People {
    pub(crate) homes: Vec<Home>,
    pub(crate) personalise: Vec<bool>,
}

impl People {
    /// Reads the table of users; a country or language that is none counts as unknown, as in a bundle.
    ///
    /// # Errors
    /// When the table is damaged.
    pub fn read(dataset: &Dataset, data: &TrainingData) -> Result<Self, DatasetError> {
        let n = data.users.len();
        let mut people = Self { homes: vec![Home::default(); n], personalise: vec![true; n] };
        dataset.for_each::<Users>(|user| {
            if let Some(row) = data.users.row(user.user_id).map(Row::index) {
                let country = user.country.and_then(|code| code.parse().ok());
                let language = user.language.and_then(|code| code.parse().ok());
                people.homes[row] = Home::new(country, language);
                people.personalise[row] = user.personalise;
            }
            Ok(())
        })?;
        Ok(people)
    }
}
