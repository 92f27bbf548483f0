//! Which places of a page of the feed are settled before anything is ranked: pins, and places for new products.

use super::explore::draw;
use super::moves::Moves;
use super::page::Plan;
use crate::bitmap::Bitmap;
use crate::candidates::ProductDraft;
use crate::cursor::Shown;
use crate::privacy::Privacy;
use crate::recommend::Snapshot;
use crate::request::{Context, Source};
use crate::together::model::cosine;
use crate::trace::Trace;
use crate::viewer::Viewer;

/// Draws for how many places explore, for where they are, and for what is shown there.
const HOW_MANY: u64 = 1 << 32;
const WHERE: u64 = 2 << 32;
const WHAT: u64 = 3 << 32;

impl Snapshot {
    /// How a page of the feed is made: `drafts` are what the person might be shown anyway.
    pub(crate) fn feed_plan(
        &self,
        drafts: &[ProductDraft],
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        context: &Context,
        shown: &Shown,
        allowed: &Bitmap,
    ) -> Plan {
        let known = |row: u32| drafts.iter().find(|draft| draft.row == row).cloned();
        let draft = |row: u32, source: Source| known(row).unwrap_or_else(|| ProductDraft::new(row, source, 0.0));
        let mut plan = Plan::of_caps(self, context.limit);
        plan.lambda = context.mmr_lambda.unwrap_or(self.rules.rules.diversity.lambda as f32);
        let (places, rows): (Vec<usize>, Vec<u32>) = self.pins(viewer, context, shown, allowed).into_iter().unzip();
        let pinned = |row: u32| ProductDraft { source: Source::Pinned, ..draft(row, Source::Pinned) };
        let pins = privacy.products(rows.into_iter().map(pinned).collect(), allowed).into_inner();
        // Nothing has fallen out: pins are allowed.
        plan.pins = places.into_iter().zip(pins).collect();
        if context.explore {
            plan.places = self.places_to_explore(viewer, context, shown);
            let rows = self.draws(viewer, context, shown, allowed, plan.places.len());
            let drawn = rows.into_iter().map(|row| draft(row, Source::Newest)).collect();
            plan.drawn = privacy.products(drawn, allowed).into_inner();
        }
        plan
    }

    /// Pinned products that may be shown and the places of this page that they are pinned to, by place.
    fn pins(&self, viewer: &Viewer, context: &Context, shown: &Shown, allowed: &Bitmap) -> Vec<(usize, u32)> {
        let mut pins: Vec<(usize, u32)> = Vec::new();
        for pin in &self.rules.rules.pins {
            if !pin.scope.holds(context.surface, viewer.country, context.now) {
                continue;
            }
            let place = (pin.position - 1).checked_sub(shown.len()).filter(|&place| place < context.limit);
            let row = self.product_row(&pin.product_id).filter(|&row| allowed.contains(row));
            let Some((mut place, row)) = place.zip(row) else { continue };
            if pins.iter().any(|&(_, other)| other == row) {
                continue;
            }
            while pins.iter().any(|&(other, _)| other == place) {
                place += 1;
            }
            if place < context.limit {
                pins.push((place, row));
            }
        }
        pins.sort_unstable();
        pins
    }

    /// Places of this page for new products, ascending: the share of the page, one place more or less so that it is met
    /// on average, each in the second half of its part of the page.
    fn places_to_explore(&self, viewer: &Viewer, context: &Context, shown: &Shown) -> Vec<usize> {
        let chance = |purpose: u64| self.draw_for(viewer, context, shown, purpose) as f64 / (u64::MAX as f64 + 1.0);
        let wanted = self.rules.rules.explore.share * context.limit as f64;
        let places = ((wanted + chance(HOW_MANY)) as usize).min(context.limit);
        let part = context.limit as f64 / places.max(1) as f64;
        let place = |at: usize| ((at as f64 + 0.5 + chance(WHERE + at as u64) / 2.0) * part) as usize;
        (0..places).map(place).collect()
    }

    /// New products for so many places, those that are to her taste and were not shown lately first.
    fn draws(&self, viewer: &Viewer, context: &Context, shown: &Shown, allowed: &Bitmap, places: usize) -> Vec<u32> {
        if places == 0 {
            return Vec::new();
        }
        let moves = Moves::in_feed(self, viewer, context);
        let taste = viewer.personal.and_then(|user| self.taste_vector(user));
        let drawn = self.draw_for(viewer, context, shown, WHAT);
        let mut drafts: Vec<ProductDraft> = Vec::new();
        for row in self.draw_new(drawn, places, allowed, context.now) {
            let score = taste.as_deref().map_or(0.0, |taste| cosine(taste, self.product_vector(row)));
            let mut draft = ProductDraft::new(row, Source::Newest, score);
            moves.apply(&mut draft, &mut Trace::default());
            drafts.push(draft);
        }
        // Without taste and memory all are alike, and they stay as they were drawn.
        drafts.sort_by(|a, b| b.score.total_cmp(&a.score));
        drafts.into_iter().map(|draft| draft.row).collect()
    }

    fn draw_for(&self, viewer: &Viewer, context: &Context, shown: &Shown, purpose: u64) -> u64 {
        let person = viewer.personal.map_or("", |user| self.user_id(user));
        let seed = self.rules.rules.explore.seed;
        draw(person, context.now.day(), seed, purpose + ((shown.len() as u64) << 40))
    }
}
