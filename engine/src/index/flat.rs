//! The index as it is searched: flat arrays, in memory or in a map.
//!
//! Rows lie in the order of their lists ("places"); links and lists name places, `rows_of_places` leads back to rows.

use std::ops::{Deref, Range};

use bytemuck::Pod;
use memmap2::MmapMut;

use super::coverage::Coverage;
use super::groups::groups_of;
use super::kernels::Centroids;
use super::rows::{RowFormat, Rows};
use crate::bundle::map::Column;

/// Numbers wherever they lie.
pub(crate) enum Array<T> {
    /// In a file's map.
    Mapped(Column<T>),
    /// In memory.
    Owned(Vec<T>),
    /// In memory, in large pages where the system has them: fewer misses of the address cache on random reads.
    Paged(Paged<T>),
}

impl<T: Pod> Deref for Array<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Mapped(column) => column,
            Self::Owned(numbers) => numbers,
            Self::Paged(paged) => bytemuck::cast_slice(&paged.map[..paged.bytes]),
        }
    }
}

/// A copy in anonymous memory for which large pages were asked.
pub(crate) struct Paged<T> {
    map: MmapMut,
    bytes: usize,
    item: std::marker::PhantomData<T>,
}

impl<T: Pod> Array<T> {
    /// Copies the numbers into large pages. Where the system gives no memory they stay where they are.
    fn warm(&mut self) {
        let bytes: &[u8] = bytemuck::cast_slice(self);
        if bytes.is_empty() || matches!(self, Self::Paged(_)) {
            return;
        }
        let Ok(mut map) = MmapMut::map_anon(bytes.len()) else { return };
        // Large pages are a wish: without them everything works as well, only slower.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        map[..bytes.len()].copy_from_slice(bytes);
        let bytes = bytes.len();
        if let Self::Mapped(column) = self {
            column.forget_pages();
        }
        *self = Self::Paged(Paged { map, bytes, item: std::marker::PhantomData });
    }
}

impl<T> From<Vec<T>> for Array<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self::Owned(numbers)
    }
}

/// A graph over quantised rows in lists: see the module. It holds no full vectors; searches are given them.
pub struct FlatIndex {
    pub(super) len: usize,
    pub(super) dim: usize,
    pub(super) format: RowFormat,
    pub(super) stride: usize,
    /// Places a node's links take, a multiple of 16; places not used hold the node itself.
    pub(super) degree: usize,
    pub(super) bytes: Array<u8>,
    pub(super) scale_ids: Array<u8>,
    pub(super) scales: Box<[f32; 256]>,
    pub(super) links: Array<u32>,
    pub(super) rows_of_places: Array<u32>,
    pub(super) places_of_rows: Array<u32>,
    pub(super) list_offsets: Array<u32>,
    pub(super) centroid_bytes: Array<u8>,
    pub(super) centroid_scales: Array<f32>,
    /// Mean directions of groups of lists, as centroids are; none where the lists are few.
    pub(super) group_bytes: Array<u8>,
    pub(super) group_scales: Array<f32>,
    pub(super) coverage: Coverage,
    /// Rows spread over all, once more and together, and their scales.
    pub(super) sample_bytes: Array<u8>,
    pub(super) sample_scale_ids: Array<u8>,
}

/// Most rows of an index's sample.
pub(super) const SAMPLE: usize = 1_024;

/// The slices of an index, taken once a search.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) degree: usize,
    pub(super) links: &'a [u32],
    pub(super) rows_of_places: &'a [u32],
    pub(super) places_of_rows: &'a [u32],
    pub(super) list_offsets: &'a [u32],
    pub(super) centroids: Centroids<'a>,
    pub(super) groups: Centroids<'a>,
    pub(super) coverage: &'a Coverage,
    pub(super) sample: Rows<'a>,
}

impl FlatIndex {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Links that a node can have; 0 where the rows are so few that they are scanned.
    pub fn degree(&self) -> usize {
        self.degree
    }

    /// Number of lists.
    pub fn lists(&self) -> usize {
        self.list_offsets.len().saturating_sub(1)
    }

    /// How rows are stored.
    pub fn format(&self) -> RowFormat {
        self.format
    }

    /// Bytes that a search reads from: all but the full vectors.
    pub fn bytes(&self) -> usize {
        let words = self.links.len()
            + 2 * self.len
            + self.list_offsets.len()
            + self.centroid_scales.len()
            + self.group_scales.len();
        let sample = self.sample_bytes.len() + self.sample_scale_ids.len();
        4 * words
            + self.bytes.len()
            + self.scale_ids.len()
            + self.centroid_bytes.len()
            + self.group_bytes.len()
            + sample
    }

    /// Copies what searches read at random into memory with large pages: faster once done, and no page of the file has
    /// to be fetched any more. Searches give the same answers before and after.
    pub fn warm(&mut self) {
        self.bytes.warm();
        self.links.warm();
        self.scale_ids.warm();
        self.rows_of_places.warm();
        self.centroid_bytes.warm();
    }

    pub(super) fn view(&self) -> View<'_> {
        let rows = Rows {
            format: self.format,
            dim: self.dim,
            stride: self.stride,
            bytes: &self.bytes,
            scale_ids: &self.scale_ids,
            scales: &self.scales,
        };
        View {
            rows,
            sample: Rows { bytes: &self.sample_bytes, scale_ids: &self.sample_scale_ids, ..rows },
            degree: self.degree,
            links: &self.links,
            rows_of_places: &self.rows_of_places,
            places_of_rows: &self.places_of_rows,
            list_offsets: &self.list_offsets,
            centroids: Centroids {
                count: self.lists(),
                stride: super::lists::centroid_stride(self.dim),
                bytes: &self.centroid_bytes,
                scales: &self.centroid_scales,
            },
            groups: Centroids {
                count: groups_of(self.lists()),
                stride: super::lists::centroid_stride(self.dim),
                bytes: &self.group_bytes,
                scales: &self.group_scales,
            },
            coverage: &self.coverage,
        }
    }
}

impl<'a> View<'a> {
    /// The links of a node.
    #[inline]
    pub(super) fn links(&self, place: u32) -> &'a [u32] {
        let start = place as usize * self.degree;
        &self.links[start..start + self.degree]
    }

    /// The places of a list.
    #[inline]
    pub(super) fn list(&self, list: u32) -> Range<usize> {
        self.list_offsets[list as usize] as usize..self.list_offsets[list as usize + 1] as usize
    }

    /// The row at a place.
    #[inline]
    pub(super) fn row(&self, place: u32) -> u32 {
        self.rows_of_places[place as usize]
    }
}

impl<T> From<Column<T>> for Array<T> {
    fn from(column: Column<T>) -> Self {
        Self::Mapped(column)
    }
}
