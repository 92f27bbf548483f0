//! The file of [`Cohorts`] in a bundle: `docs/bundle.md` has its grammar.

use std::path::Path;

use super::{Believed, Cohorts, Home, LEAST_PEOPLE};
use crate::bundle::map::MappedFile;
use crate::bundle::sections::SectionFile;
use crate::error::EngineError;
use crate::index::Array;

/// Name of the file; a bundle may do without.
pub const COHORTS_FILE: &str = "cohorts.bin";

/// Version of the file.
const VERSION: u64 = 1;

impl Cohorts {
    /// Writes the new file `path`, and waits until it is on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, path: &Path) -> Result<(), EngineError> {
        let Believed { beside_friends, alone, in_fold } = self.believed;
        let mut file = SectionFile::default();
        file.add_owned("shape", vec![VERSION, self.len() as u64, self.dim as u64]);
        file.add("homes", &self.homes[..]);
        file.add("people", &self.people[..]);
        file.add("vectors", &self.vectors[..]);
        file.add_owned("believed", vec![beside_friends, f32::from(u8::from(alone)), in_fold]);
        file.write(path)
    }

    /// The cohorts in `file`, with vectors of `dim` numbers.
    pub(crate) fn open(file: &MappedFile, dim: usize) -> Result<Self, EngineError> {
        let homes = file.column::<Home>("homes")?;
        let (found, expected) = (file.column::<u64>("shape")?, [VERSION, homes.len() as u64, dim as u64]);
        if found[..] != expected {
            let found = &found[..];
            return file.refuse(format!(
                "its shape is {found:?}, but this program reads {expected:?}; train the bundle anew with this program"
            ));
        }
        if !homes.is_sorted_by(|left, right| left < right) || homes.first().is_some_and(|home| home.is_unknown()) {
            return file.refuse("section `homes` does not ascend, or has one that is unknown");
        }
        let people = file.column_of::<u32>("people", homes.len())?;
        if let Some(few) = people.iter().find(|&&people| people < LEAST_PEOPLE) {
            return file.refuse(format!("it has a cohort of {few} people, which are too few to be told about"));
        }
        let vectors = file.column_of::<f32>("vectors", homes.len().saturating_mul(dim))?;
        if !vectors.iter().all(|value| value.is_finite()) {
            return file.refuse("section `vectors` has a value that is not finite");
        }
        let believed = believed(file)?;
        Ok(Self {
            homes: Array::Mapped(homes),
            people: Array::Mapped(people),
            vectors: Array::Mapped(vectors),
            dim,
            believed,
        })
    }
}

fn believed(file: &MappedFile) -> Result<Believed, EngineError> {
    let numbers = file.column_of::<f32>("believed", 3)?;
    let (beside_friends, alone, in_fold) = (numbers[0], numbers[1], numbers[2]);
    let sound = beside_friends >= 0.0 && beside_friends.is_finite() && (0.0..=1.0).contains(&in_fold);
    if !sound || (alone != 0.0 && alone != 1.0) {
        return file.refuse("section `believed` is not a strength, 0 or 1, and a part");
    }
    Ok(Believed { beside_friends, alone: alone == 1.0, in_fold })
}
