//! What a search writes to, kept from search to search so that none allocates once warm.

use std::cell::RefCell;

use super::beam::Beam;
use super::nearness::Nearness;
use super::rows::Query;

/// Working memory of one search.
pub(super) struct Scratch {
    pub(super) query: Query,
    /// One bit a place; all clear between searches.
    pub(super) visited: Vec<u32>,
    /// Places whose bit was set one by one.
    pub(super) touched: Vec<u32>,
    /// Where among these the ones of the current step begin.
    pub(super) met: usize,
    /// Stretches of places whose bits were set together.
    pub(super) ranges: Vec<std::ops::Range<usize>>,
    pub(super) places: Vec<u32>,
    pub(super) scores: Vec<f32>,
    pub(super) beam: Beam,
    /// The nearest lists.
    pub(super) nearest: Beam,
    /// The nearest groups of lists.
    pub(super) groups: Beam,
    /// All lists, by nearness.
    pub(super) lists: Nearness,
    /// Nodes whose links are looked at next.
    pub(super) opened: [u32; 8],
    pub(super) open: usize,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            query: Query::empty(),
            visited: Vec::new(),
            touched: Vec::new(),
            met: 0,
            ranges: Vec::new(),
            places: Vec::new(),
            scores: Vec::new(),
            beam: Beam::default(),
            nearest: Beam::default(),
            groups: Beam::default(),
            lists: Nearness::default(),
            opened: [0; 8],
            open: 0,
        }
    }

    /// Makes room for marks of `places` places.
    pub(super) fn make_room(&mut self, places: usize) {
        if self.visited.len() < places.div_ceil(32) {
            self.visited.resize(places.div_ceil(32), 0);
        }
    }

    /// Marks a stretch of places as visited.
    pub(super) fn visit_range(&mut self, range: std::ops::Range<usize>) {
        let (first, last) = (range.start / 32, range.end / 32);
        for word in first..range.end.div_ceil(32) {
            let from = if word == first { u32::MAX << (range.start % 32) } else { u32::MAX };
            let to = if word == last { (1 << (range.end % 32)) - 1 } else { u32::MAX };
            self.visited[word] |= from & to;
        }
        self.ranges.push(range);
    }

    /// Clears the marks that this search set.
    pub(super) fn forget_visits(&mut self) {
        for range in self.ranges.drain(..) {
            self.visited[range.start / 32..range.end.div_ceil(32)].fill(0);
        }
        for place in self.touched.drain(..) {
            self.visited[place as usize / 32] = 0;
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` with this thread's working memory for `count` searches side by side.
pub(super) fn with<R>(count: usize, work: impl FnOnce(&mut [Scratch]) -> R) -> R {
    SCRATCH.with_borrow_mut(|kept| {
        while kept.len() < count {
            kept.push(Scratch::new());
        }
        work(&mut kept[..count])
    })
}
