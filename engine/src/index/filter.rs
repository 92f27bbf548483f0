//! What a search may find: a set of rows, as it is given, or with these rows copied for many searches.

use std::ops::Range;

use super::flat::View;
use super::kernels::kernels;
use super::rows::Rows;
use crate::bitmap::Bitmap;

/// Allowed rows as a search asks for them.
#[derive(Clone, Copy)]
pub(super) struct Allowed<'a> {
    pub(super) rows: &'a Bitmap,
    pub(super) count: usize,
    pub(super) packed: Option<&'a Packed>,
    /// Whether the other rows were deleted: then a search is to find as much as if they had never been there.
    pub(super) left: bool,
}

/// The allowed rows once more, list by list and one after the other in memory.
pub(super) struct Packed {
    /// The rows that were packed.
    pub(super) rows: Vec<u32>,
    bytes: Vec<u8>,
    scale_ids: Vec<u8>,
    /// Where the rows of each list begin, and their number.
    starts: Vec<u32>,
}

impl Packed {
    /// Copies the allowed of the index's rows.
    pub(super) fn new(view: &View<'_>, allowed: &Bitmap) -> Self {
        let mut places = Vec::with_capacity(allowed.count() + view.rows.len() / 16);
        let mut starts = vec![0];
        for list in 0..view.centroids.count {
            let range = view.list(list as u32);
            (kernels().allowed)(&view.rows_of_places[range.clone()], range.start as u32, allowed.words(), &mut places);
            starts.push(places.len() as u32);
        }
        let mut bytes = Vec::with_capacity(places.len() * view.rows.stride);
        places.iter().for_each(|&place| bytes.extend_from_slice(view.rows.row(place)));
        let scaled = !view.rows.scale_ids.is_empty();
        let scale_ids = places.iter().filter(|_| scaled).map(|&place| view.rows.scale_ids[place as usize]).collect();
        let rows = places.into_iter().map(|place| view.row(place)).collect();
        Self { rows, bytes, scale_ids, starts }
    }

    /// What is copied, as kernels read it.
    pub(super) fn coded<'a>(&'a self, of: &Rows<'a>) -> Rows<'a> {
        Rows { bytes: &self.bytes, scale_ids: &self.scale_ids, ..*of }
    }

    /// Where the allowed rows of a list are.
    pub(super) fn list(&self, list: u32) -> Range<usize> {
        self.starts[list as usize] as usize..self.starts[list as usize + 1] as usize
    }
}

impl<'a> Allowed<'a> {
    /// The rows that a caller asks for.
    pub(super) fn of(rows: &'a Bitmap) -> Self {
        Self { rows, count: rows.count(), packed: None, left: false }
    }

    /// The `count` rows left where the others were deleted: they are looked for as they were before, by a walk.
    pub(super) fn left(rows: &'a Bitmap, count: usize) -> Self {
        Self { rows, count, packed: None, left: true }
    }

    /// Appends the allowed ones of a range of places.
    pub(super) fn places(&self, view: &View<'_>, range: Range<usize>, out: &mut Vec<u32>) {
        let rows = &view.rows_of_places[range.clone()];
        (kernels().allowed)(rows, range.start as u32, self.rows.words(), out);
    }
}
