//! One page: pins at their places, places for new products, and for the rest the best draft that no cap speaks against.
//!
//! ```text
//! own drafts within caps ─▶ popular products within caps ─▶ own drafts beyond caps ─▶ popular ones beyond caps
//! ```
//!
//! A step begins where the one before has nothing left and the page is not full. So a cap gives way last: only when
//! neither the drafts nor [`MOST_ALTERNATIVES`] popular products have anything that fits. Pins count in the caps from the
//! start and are never taken out by one. Every choice has a total order: score (with diversity, where it is on), then row.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Caps;
use crate::candidates::{ProductDraft, best_first};
use crate::live::view::{Goods, dot};
use crate::recommend::Snapshot;

/// Popular products that are looked at for one that fits before a cap gives way.
pub(crate) const MOST_ALTERNATIVES: usize = 1_000;
/// Popular products that are asked for beyond what the page lacks, the first time.
const SPARE: usize = 40;

/// How a page is made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Most items.
    pub(crate) limit: usize,
    pub(crate) caps: Caps,
    /// As [`super::Diversity::lambda`].
    pub(crate) lambda: f32,
    /// Products at fixed places, by place from 0 on; no place twice.
    pub(crate) pins: Vec<(usize, ProductDraft)>,
    /// Places for drawn products, ascending.
    pub(crate) places: Vec<usize>,
    /// Products for these places, best first.
    pub(crate) drawn: Vec<ProductDraft>,
}

impl Plan {
    /// A page with the caps of a snapshot and nothing else.
    pub(crate) fn of_caps(world: &Snapshot, limit: usize) -> Self {
        let caps = world.rules.rules.caps;
        Self { limit, caps, lambda: 1.0, pins: Vec::new(), places: Vec::new(), drawn: Vec::new() }
    }
}

/// Where a page looks products up.
pub(crate) trait Shelf<'a> {
    /// What is known of a product.
    fn goods(&self, row: u32) -> Goods<'a>;
    /// A product's vector; empty where there is none.
    fn vector(&self, row: u32) -> &'a [f32];
}

impl<'a> Shelf<'a> for &'a Snapshot {
    fn goods(&self, row: u32) -> Goods<'a> {
        Snapshot::goods(self, row)
    }

    fn vector(&self, row: u32) -> &'a [f32] {
        self.product_vector(row)
    }
}

/// The page that a plan makes of drafts, each product once, and one product more where there is any. `popular` finds so
/// many popular products, best first, without those that it is told to leave out.
pub(crate) fn arrange<'a>(
    shelf: &impl Shelf<'a>,
    drafts: Vec<ProductDraft>,
    plan: Plan,
    mut popular: impl FnMut(usize, &HashSet<u32>) -> Vec<ProductDraft>,
) -> Vec<ProductDraft> {
    let mut page = Page::new(shelf, plan);
    page.ranking.add(drafts, shelf);
    loop {
        page.fill();
        if page.is_full() || !page.look_further(&mut popular) {
            break;
        }
    }
    page.finish(&mut popular)
}

/// How far a page has looked for products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Step {
    Own,
    Popular,
    MorePopular,
    BeyondCaps,
    Everything,
}

struct Page<'a, 's, S> {
    shelf: &'s S,
    limit: usize,
    pins: VecDeque<(usize, ProductDraft)>,
    places: VecDeque<usize>,
    drawn: Vec<ProductDraft>,
    ranking: Ranking<'a>,
    counts: Counts<'a>,
    /// Drafts that a cap spoke against, in the order in which they came up.
    waiting: Vec<ProductDraft>,
    items: Vec<ProductDraft>,
    /// Products of the page, pins included that are still to come.
    there: HashSet<u32>,
    step: Step,
    /// Whether nothing popular is left.
    exhausted: bool,
}

impl<'a, 's, S: Shelf<'a>> Page<'a, 's, S> {
    fn new(shelf: &'s S, plan: Plan) -> Self {
        let mut counts = Counts::new(&plan.caps, plan.limit);
        plan.pins.iter().for_each(|(_, pin)| counts.add(&shelf.goods(pin.row)));
        Self {
            shelf,
            limit: plan.limit,
            there: plan.pins.iter().map(|(_, pin)| pin.row).collect(),
            pins: plan.pins.into(),
            places: plan.places.into(),
            drawn: plan.drawn,
            ranking: Ranking::new(plan.lambda),
            counts,
            waiting: Vec::new(),
            items: Vec::with_capacity(plan.limit + 1),
            step: Step::Own,
            exhausted: false,
        }
    }

    fn is_full(&self) -> bool {
        self.items.len() >= self.limit
    }

    /// Puts in whatever comes next, until the page is full or nothing fits.
    fn fill(&mut self) {
        while !self.is_full() {
            let next = self.pinned().or_else(|| self.explored()).or_else(|| self.next_ranked());
            let Some(draft) = next else { break };
            self.ranking.placed(self.shelf.vector(draft.row));
            self.items.push(draft);
        }
    }

    /// The pin of this place.
    fn pinned(&mut self) -> Option<ProductDraft> {
        let due = self.pins.front().is_some_and(|(place, _)| *place <= self.items.len());
        if due { self.pins.pop_front().map(|(_, draft)| draft) } else { None }
    }

    /// A drawn product that fits, where this is a place for one.
    fn explored(&mut self) -> Option<ProductDraft> {
        self.places.front().filter(|&&place| place <= self.items.len())?;
        self.places.pop_front();
        let fits = |draft: &ProductDraft| {
            !self.there.contains(&draft.row) && self.counts.has_room(&self.shelf.goods(draft.row))
        };
        let at = self.drawn.iter().position(fits)?;
        let draft = self.drawn.remove(at);
        self.take(&draft);
        Some(draft)
    }

    /// The best product that no cap speaks against; the others wait.
    fn next_ranked(&mut self) -> Option<ProductDraft> {
        while let Some(draft) = self.ranking.next() {
            if self.there.contains(&draft.row) {
                continue;
            }
            if self.step < Step::BeyondCaps && !self.counts.has_room(&self.shelf.goods(draft.row)) {
                self.waiting.push(draft);
                continue;
            }
            self.take(&draft);
            return Some(draft);
        }
        None
    }

    fn take(&mut self, draft: &ProductDraft) {
        self.there.insert(draft.row);
        self.counts.add(&self.shelf.goods(draft.row));
    }

    /// Goes one step further; false where there is none.
    fn look_further(&mut self, popular: &mut impl FnMut(usize, &HashSet<u32>) -> Vec<ProductDraft>) -> bool {
        match self.step {
            Step::Own => {
                self.step = Step::Popular;
                let wanted = self.limit + 1 - self.items.len() + SPARE;
                self.add_popular(wanted, popular);
            }
            Step::Popular => {
                self.step = Step::MorePopular;
                self.add_popular(MOST_ALTERNATIVES, popular);
            }
            Step::MorePopular => {
                self.step = Step::BeyondCaps;
                self.ranking = Ranking::in_given_order(std::mem::take(&mut self.waiting));
            }
            Step::BeyondCaps => {
                self.step = Step::Everything;
                self.ranking = Ranking::in_given_order(self.pins.drain(..).map(|(_, pin)| pin).collect());
                self.ranking.ordered.iter().for_each(|pin| _ = self.there.remove(&pin.row));
            }
            Step::Everything => return false,
        }
        true
    }

    fn add_popular(&mut self, wanted: usize, popular: &mut impl FnMut(usize, &HashSet<u32>) -> Vec<ProductDraft>) {
        if self.exhausted {
            return;
        }
        let mut known = self.there.clone();
        known.extend(self.waiting.iter().map(|draft| draft.row));
        let found = popular(wanted, &known);
        self.exhausted = found.len() < wanted;
        self.ranking.add(found, self.shelf);
    }

    /// The page, and behind it one product more where there is any.
    fn finish(mut self, popular: &mut impl FnMut(usize, &HashSet<u32>) -> Vec<ProductDraft>) -> Vec<ProductDraft> {
        if self.is_full() {
            let there = std::mem::take(&mut self.there);
            let mut own = std::iter::from_fn(|| self.ranking.next()).chain(self.waiting.drain(..));
            let more = own.find(|draft| !there.contains(&draft.row));
            self.items.extend(more.or_else(|| popular(1, &there).pop()));
        }
        self.items
    }
}

/// Drafts in the order in which they come up.
struct Ranking<'a> {
    lambda: f32,
    /// Where the score alone decides.
    ordered: VecDeque<ProductDraft>,
    /// Where likeness decides too.
    candidates: Vec<Candidate<'a>>,
    /// What the page has already.
    placed: Vec<Arrow<'a>>,
}

/// A vector and its length.
#[derive(Clone, Copy)]
struct Arrow<'a> {
    vector: &'a [f32],
    length: f32,
}

struct Candidate<'a> {
    draft: ProductDraft,
    arrow: Arrow<'a>,
    /// Highest cosine with anything on the page; none as long as the page is empty.
    alike: Option<f32>,
}

impl<'a> Arrow<'a> {
    fn of(vector: &'a [f32]) -> Self {
        Self { vector, length: dot(vector, vector).sqrt() }
    }

    fn cosine(&self, other: &Self) -> f32 {
        let lengths = self.length * other.length;
        if lengths > 0.0 { dot(self.vector, other.vector) / lengths } else { 0.0 }
    }
}

impl Candidate<'_> {
    /// Carbonell and Goldstein (1998), section 2.
    fn relevance(&self, lambda: f32) -> f32 {
        lambda * self.draft.score - (1.0 - lambda) * self.alike.unwrap_or(0.0)
    }
}

impl<'a> Ranking<'a> {
    fn new(lambda: f32) -> Self {
        Self { lambda, ordered: VecDeque::new(), candidates: Vec::new(), placed: Vec::new() }
    }

    fn in_given_order(drafts: Vec<ProductDraft>) -> Self {
        Self { ordered: drafts.into(), ..Self::new(1.0) }
    }

    fn add(&mut self, mut drafts: Vec<ProductDraft>, shelf: &impl Shelf<'a>) {
        if self.lambda >= 1.0 {
            drafts.sort_by(best_first);
            self.ordered.extend(drafts);
            return;
        }
        for draft in drafts {
            let arrow = Arrow::of(shelf.vector(draft.row));
            let alike = self.placed.iter().map(|placed| arrow.cosine(placed)).reduce(f32::max);
            self.candidates.push(Candidate { draft, arrow, alike });
        }
    }

    fn next(&mut self) -> Option<ProductDraft> {
        if let Some(draft) = self.ordered.pop_front() {
            return Some(draft);
        }
        let lambda = self.lambda;
        let each = self.candidates.iter().enumerate();
        let (best, _) = each.min_by(|(_, a), (_, b)| {
            b.relevance(lambda).total_cmp(&a.relevance(lambda)).then_with(|| best_first(&a.draft, &b.draft))
        })?;
        Some(self.candidates.swap_remove(best).draft)
    }

    /// Notes what came to the page.
    fn placed(&mut self, vector: &'a [f32]) {
        if self.lambda >= 1.0 {
            return;
        }
        let arrow = Arrow::of(vector);
        for candidate in &mut self.candidates {
            let cosine = candidate.arrow.cosine(&arrow);
            candidate.alike = Some(candidate.alike.map_or(cosine, |alike| alike.max(cosine)));
        }
        self.placed.push(arrow);
    }
}

/// How much of each seller, brand and category the page has.
pub(crate) struct Counts<'a> {
    most: [usize; 3],
    seen: [HashMap<&'a str, usize>; 3],
}

impl<'a> Counts<'a> {
    /// Nothing counted yet.
    pub(crate) fn new(caps: &Caps, limit: usize) -> Self {
        let most = |share: f64| caps.most(share, limit);
        Self { most: [most(caps.seller), most(caps.brand), most(caps.category)], seen: Default::default() }
    }

    fn has_room(&self, goods: &Goods<'a>) -> bool {
        self.full(goods) == [false; 3]
    }

    /// Whether the page has its share of a product's seller, brand and category.
    pub(crate) fn full(&self, goods: &Goods<'a>) -> [bool; 3] {
        let [seller, brand, category] = kinds(goods);
        let full = |at: usize, kind: Option<&str>| {
            kind.and_then(|kind| self.seen[at].get(kind)).is_some_and(|&count| count >= self.most[at])
        };
        [full(0, seller), full(1, brand), full(2, category)]
    }

    /// Counts a product of the page.
    pub(crate) fn add(&mut self, goods: &Goods<'a>) {
        for (kind, seen) in kinds(goods).into_iter().zip(&mut self.seen) {
            kind.into_iter().for_each(|kind| *seen.entry(kind).or_default() += 1);
        }
    }
}

/// What is capped.
fn kinds<'a>(goods: &Goods<'a>) -> [Option<&'a str>; 3] {
    [goods.seller, goods.brand, goods.category]
}

#[cfg(test)]
mod tests;
