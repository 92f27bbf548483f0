//! What a search may find: a set of rows, as it is given or put into the index's order for many searches.

use std::ops::Range;

use super::flat::View;
use super::kernels::kernels;
use crate::bitmap::Bitmap;

/// Allowed rows as a search asks for them.
#[derive(Clone, Copy)]
pub(super) struct Allowed<'a> {
    pub(super) rows: &'a Bitmap,
    pub(super) count: usize,
    pub(super) by_list: Option<&'a ByList>,
    /// Whether the other rows were deleted: then a search is to find as much as if they had never been there.
    pub(super) left: bool,
}

/// The allowed places, list by list.
pub(super) struct ByList {
    places: Vec<u32>,
    /// Where the places of each list begin, and their number.
    starts: Vec<u32>,
}

impl ByList {
    /// Puts allowed rows into the index's order: one pass over all rows.
    pub(super) fn new(view: &View<'_>, rows: &Bitmap) -> Self {
        let mut places = Vec::new();
        let mut starts = vec![0];
        for list in 0..view.centroids.count {
            let range = view.list(list as u32);
            (kernels().allowed)(&view.rows_of_places[range.clone()], range.start as u32, rows.words(), &mut places);
            starts.push(places.len() as u32);
        }
        Self { places, starts }
    }
}

impl<'a> Allowed<'a> {
    /// The rows that a caller asks for.
    pub(super) fn of(rows: &'a Bitmap) -> Self {
        Self { rows, count: rows.count(), by_list: None, left: false }
    }

    /// The `count` rows left where the others were deleted: they are looked for as they were before, by a walk.
    pub(super) fn left(rows: &'a Bitmap, count: usize) -> Self {
        Self { rows, count, by_list: None, left: true }
    }

    /// Appends the allowed places of a list, which holds the places `range`.
    pub(super) fn of_list(&self, view: &View<'_>, list: u32, range: Range<usize>, out: &mut Vec<u32>) {
        match self.by_list {
            Some(by_list) => {
                let (start, end) = (by_list.starts[list as usize], by_list.starts[list as usize + 1]);
                out.extend_from_slice(&by_list.places[start as usize..end as usize]);
            }
            None => {
                let rows = &view.rows_of_places[range.clone()];
                (kernels().allowed)(rows, range.start as u32, self.rows.words(), out);
            }
        }
    }

    /// All allowed places, in order where they are known by list; some may lie beyond the last in a damaged file.
    pub(super) fn for_each_place(&self, view: &View<'_>, mut visit: impl FnMut(u32)) {
        match self.by_list {
            Some(by_list) => by_list.places.iter().for_each(|&place| visit(place)),
            None => self.rows.rows().for_each(|row| visit(view.places_of_rows[row as usize])),
        }
    }
}
