//! What buyers said of what they bought before the cut: stars, and what they sent back.

use std::path::Path;

use bytemuck::{Pod, Zeroable};
use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::{EventKind, Events, Split};
use juntos_datasets::training::TrainingData;
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, Row, UserRow};

use super::map::MappedFile;
use super::sections::SectionFile;
use super::shapes::{Lists, ListsBuilder};
use crate::catalogue::NO_MOMENT;
use crate::error::EngineError;
use crate::history::stars;

/// Name of the file. Bundles written before there was one have none.
pub(super) const FEEDBACK: &str = "feedback.bin";

/// What one buyer said of one product before the cut.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct StoredFeedback {
    /// Row of the user.
    pub user: u32,
    /// Not a number where she gave no stars.
    stars: f32,
    /// Not zero where she sent it back.
    returned: u32,
}

impl StoredFeedback {
    /// The last stars that she gave, 1 to 5.
    pub fn stars(&self) -> Option<f32> {
        stars(Some(f64::from(self.stars)))
    }

    /// Whether she ever sent it back.
    pub fn is_returned(&self) -> bool {
        self.returned != 0
    }
}

/// Opens the lists of a file, one for each product, each by user.
pub(super) fn open(file: &MappedFile, products: usize, users: usize) -> Result<Lists<StoredFeedback>, EngineError> {
    let lists = Lists::<StoredFeedback>::open(file, "feedback", products)?;
    let rows: Vec<u32> = lists.items().iter().map(|said| said.user).collect();
    file.check_rows("feedback", &rows, users, None)?;
    Ok(lists)
}

/// One event that tells what a buyer thinks.
struct Said {
    product: u32,
    user: u32,
    ms: i64,
    /// None: she sent it back.
    stars: Option<f32>,
}

/// Writes what buyers said in training events: of what they bought themselves, not of gifts to others.
pub(super) fn write(path: &Path, dataset: &Dataset, data: &TrainingData) -> Result<(), EngineError> {
    let mut said = gather(dataset, data)?;
    // Stable: of events of one moment the later in the table counts.
    said.sort_by_key(|said| (said.product, said.user, said.ms));
    let mut chunks = said.chunk_by(|a, b| (a.product, a.user) == (b.product, b.user)).peekable();
    let mut lists = ListsBuilder::new();
    for product in 0..data.products.len() as u32 {
        let mut list = Vec::new();
        while let Some(chunk) = chunks.next_if(|chunk| chunk[0].product == product) {
            list.push(stored(chunk));
        }
        lists.push(list);
    }
    let mut file = SectionFile::default();
    lists.add_to(&mut file, "feedback.offsets", "feedback");
    file.write(path)
}

fn gather(dataset: &Dataset, data: &TrainingData) -> Result<Vec<Said>, EngineError> {
    let mut said = Vec::new();
    dataset.for_each::<Events>(|event| {
        let stars = match event.kind {
            EventKind::Rate => stars(event.value),
            EventKind::Return => None,
            _ => return Ok(()),
        };
        let rows = data.users.row(event.user_id).zip(data.products.row(event.product_id));
        let counts = event.split == Split::Train && (event.kind == EventKind::Return || stars.is_some());
        if let Some((user, product)) = rows.filter(|&(user, product)| counts && bought(data, user, product)) {
            let ms = event.ts.map_or(NO_MOMENT, Timestamp::millis);
            said.push(Said { product: product.0, user: user.0, ms, stars });
        }
        Ok(())
    })?;
    Ok(said)
}

fn bought(data: &TrainingData, user: UserRow, product: ProductRow) -> bool {
    let had = &data.possessions[user.index()];
    had.binary_search_by_key(&product, |had| had.product).is_ok_and(|at| had[at].purchases > 0)
}

fn stored(said: &[Said]) -> StoredFeedback {
    let stars = said.iter().rev().find_map(|said| said.stars).unwrap_or(f32::NAN);
    StoredFeedback { user: said[0].user, stars, returned: said.iter().any(|said| said.stars.is_none()).into() }
}
