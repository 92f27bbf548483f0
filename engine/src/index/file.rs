//! The index in a file: sections that are used where they lie in a map.
//!
//! What is small is checked when a file is opened: sizes, shapes, where lists begin. Links and row numbers are not
//! read then, so that an index far larger than memory opens at once; a search tests each one it uses, and passes over
//! what points nowhere.

use std::path::Path;

use super::coverage::{CELLS, Coverage};
use super::flat::{FlatIndex, SAMPLE};
use super::groups::groups_of;
use super::lists::centroid_stride;
use super::rows::RowFormat;
use crate::bundle::map::MappedFile;
use crate::bundle::sections::SectionFile;
use crate::error::EngineError;

/// Version of the layout below.
const VERSION: u64 = 2;
/// Most dimensions of a row.
const MOST_DIM: u64 = 65_536;
/// Centroids that kernels score together.
const BLOCK: usize = 16;

impl FlatIndex {
    /// Writes the index to the new file `path`, and waits until it is on disk.
    pub(crate) fn write(&self, path: &Path) -> Result<(), EngineError> {
        let format = match self.format {
            RowFormat::Int8 => 0,
            RowFormat::F16 => 1,
            RowFormat::F32 => 2,
        };
        let mut file = SectionFile::default();
        file.add_owned(
            "shape",
            vec![VERSION, self.len as u64, self.dim as u64, format, self.degree as u64, self.lists() as u64],
        );
        file.add("rows", &self.bytes);
        file.add("scale_ids", &self.scale_ids);
        file.add("scales", self.scales.as_slice());
        file.add("links", &self.links);
        file.add("rows_of_places", &self.rows_of_places);
        file.add("places_of_rows", &self.places_of_rows);
        file.add("list_offsets", &self.list_offsets);
        file.add("centroids", &self.centroid_bytes);
        file.add("centroid_scales", &self.centroid_scales);
        file.add("groups", &self.group_bytes);
        file.add("group_scales", &self.group_scales);
        file.add("coverage", &self.coverage.0);
        file.add("sample", &self.sample_bytes);
        file.add("sample_scale_ids", &self.sample_scale_ids);
        file.write(path)
    }

    /// The index in a mapped file.
    pub(crate) fn from_file(file: &MappedFile) -> Result<Self, EngineError> {
        let shape = file.column_of::<u64>("shape", 6)?;
        let [version, len, dim, format, degree, lists] = shape[..] else { return file.refuse("its shape is cut off") };
        if version != VERSION {
            return file.refuse(format!("the index has layout {version}, this program reads {VERSION}"));
        }
        let format = match format {
            0 => RowFormat::Int8,
            1 => RowFormat::F16,
            2 => RowFormat::F32,
            other => return file.refuse(format!("rows are stored in the unknown form {other}")),
        };
        let fits = len < 1 << 31 && (1..=MOST_DIM).contains(&dim) && lists <= len && degree <= 128 && degree % 16 == 0;
        if !fits || (degree > 0 && lists == 0) {
            return file.refuse(format!(
                "its shape makes no sense: {len} rows, {dim} dimensions, {lists} lists, {degree} links"
            ));
        }
        let (len, dim, degree, lists) = (len as usize, dim as usize, degree as usize, lists as usize);
        let stride = format.stride(dim);
        let (blocks, groups) = (lists.next_multiple_of(BLOCK), groups_of(lists).next_multiple_of(BLOCK));
        let coded = if format == RowFormat::Int8 { len } else { 0 };
        let scales = file.column_of::<f32>("scales", 256)?;
        let index = Self {
            len,
            dim,
            format,
            stride,
            degree,
            bytes: file.column_of("rows", len * stride)?.into(),
            scale_ids: file.column_of("scale_ids", coded)?.into(),
            scales: Box::new(std::array::from_fn(|at| scales[at])),
            links: file.column_of("links", len * degree)?.into(),
            rows_of_places: file.column_of("rows_of_places", len)?.into(),
            places_of_rows: file.column_of("places_of_rows", len)?.into(),
            list_offsets: file.column_of("list_offsets", lists + 1)?.into(),
            centroid_bytes: file.column_of("centroids", blocks * centroid_stride(dim))?.into(),
            centroid_scales: file.column_of("centroid_scales", blocks)?.into(),
            group_bytes: file.column_of("groups", groups * centroid_stride(dim))?.into(),
            group_scales: file.column_of("group_scales", groups)?.into(),
            coverage: coverage(file)?,
            sample_bytes: file.column_of("sample", len.min(SAMPLE) * stride)?.into(),
            sample_scale_ids: file.column_of("sample_scale_ids", coded.min(SAMPLE))?.into(),
        };
        let rises = index.list_offsets.first() == Some(&0) && index.list_offsets.is_sorted();
        let last = if lists == 0 { 0 } else { len as u32 };
        if !rises || index.list_offsets.last() != Some(&last) {
            return file.refuse(format!("its lists do not rise from 0 to {last}"));
        }
        Ok(index)
    }
}

fn coverage(file: &MappedFile) -> Result<Coverage, EngineError> {
    let cells = file.column_of::<u32>("coverage", CELLS)?;
    Ok(Coverage(std::array::from_fn(|at| cells[at])))
}
