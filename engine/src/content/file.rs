//! The file of a [`ContentModel`] in a bundle: `docs/bundle.md` has its grammar.

use std::path::Path;

use super::encoder::Encoder;
use super::features::{BUCKET_BITS, FIELDS};
use super::model::ContentModel;
use crate::bundle::map::{Column, MappedFile};
use crate::bundle::sections::SectionFile;
use crate::error::EngineError;
use crate::index::Array;

/// Name of the file; a bundle may do without.
pub const CONTENT_FILE: &str = "content.bin";

/// Version of what a record's features are: weights learnt on others mean nothing.
const FEATURES_VERSION: u64 = 1;

impl ContentModel {
    /// Writes the new file `path`, and waits until it is on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, path: &Path) -> Result<(), EngineError> {
        let mut file = SectionFile::default();
        file.add_owned("shape", shape(self.buckets(), self.dim()));
        file.add("buckets", &self.encoder.buckets[..]);
        file.add("rarity", &self.encoder.rarity[..]);
        file.add("fields", &self.encoder.fields);
        file.add("mean", &self.mean[..]);
        file.add("codes", &self.codes[..]);
        file.add("scales", &self.row_scales[..]);
        file.add_owned("length", vec![self.scale, self.longest]);
        file.write(path)
    }

    /// The model in `file`, for vectors of `dim` numbers.
    pub(crate) fn open(file: &MappedFile, dim: usize) -> Result<Self, EngineError> {
        let buckets = file.column::<u32>("buckets")?;
        let found = file.column::<u64>("shape")?;
        if found[..] != shape(buckets.len(), dim) {
            return file.refuse(format!(
                "its features are {:?}, but this program reads {:?}; train the bundle anew with this program",
                &found[..],
                shape(buckets.len(), dim)
            ));
        }
        if !buckets.is_sorted_by(|left, right| left < right) || buckets.last().is_some_and(|&b| b >> BUCKET_BITS != 0) {
            return file.refuse("section `buckets` does not ascend, or goes beyond the last bucket");
        }
        let (n, weights) = (buckets.len(), buckets.len().saturating_mul(dim));
        let fields = finite(file, "fields", FIELDS)?;
        let length = finite(file, "length", 2)?;
        Ok(Self {
            encoder: Encoder {
                rarity: Array::Mapped(finite(file, "rarity", n)?),
                buckets: Array::Mapped(buckets),
                fields: std::array::from_fn(|at| fields[at]),
            },
            mean: Array::Mapped(finite(file, "mean", dim)?),
            codes: Array::Mapped(file.column_of("codes", weights)?),
            row_scales: Array::Mapped(finite(file, "scales", n)?),
            scale: length[0],
            longest: length[1],
        })
    }
}

/// What the file must agree in with the program and the bundle.
fn shape(buckets: usize, dim: usize) -> Vec<u64> {
    vec![FEATURES_VERSION, u64::from(BUCKET_BITS), FIELDS as u64, buckets as u64, dim as u64]
}

fn finite(file: &MappedFile, name: &str, len: usize) -> Result<Column<f32>, EngineError> {
    let column = file.column_of::<f32>(name, len)?;
    match column.iter().all(|value| value.is_finite()) {
        true => Ok(column),
        false => file.refuse(format!("section `{name}` has a value that is not finite")),
    }
}
