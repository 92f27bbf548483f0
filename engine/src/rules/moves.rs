//! What moves scores in the feed besides what speaks for a product: boosts, and the memory of what was shown.

use juntos_datasets::tables::Surface;
use juntos_datasets::units::Timestamp;

use crate::bitmap::Bitmap;
use crate::candidates::ProductDraft;
use crate::live::exposures::Remembered;
use crate::recommend::Snapshot;
use crate::request::Context;
use crate::trace::Trace;
use crate::viewer::Viewer;

/// Exposure from which on a product makes room for one candidate more.
const NOTABLE: f64 = 0.25;
/// Most candidates that are looked at besides, because others were shown lately.
const MOST_BESIDES: usize = 400;

/// Moves scores for one person and question. Only what was shown to herself counts, and only where what is known about her
/// may be used.
#[derive(Debug)]
pub(crate) struct Moves<'a> {
    world: &'a Snapshot,
    boosts: u64,
    shown: Option<&'a Remembered>,
    surface: Surface,
    now: Timestamp,
}

impl<'a> Moves<'a> {
    /// What moves the feed.
    pub(crate) fn in_feed(world: &'a Snapshot, viewer: &Viewer, context: &Context) -> Self {
        let memory = &world.rules.rules.memory;
        let remembers = memory.weight > 0.0 && memory.half_life_hours.on(context.surface) > 0.0;
        let person = viewer.personal.filter(|_| remembers);
        Self {
            world,
            boosts: world.rules.boosts_for(context.surface, viewer.country, context.now),
            shown: person.and_then(|user| world.live.exposures.of(user)),
            surface: context.surface,
            now: context.now,
        }
    }

    /// Nothing moves.
    pub(crate) fn none(world: &'a Snapshot, context: &Context) -> Self {
        Self { world, boosts: 0, shown: None, surface: context.surface, now: context.now }
    }

    /// Candidates to look at besides the usual number, because as many were shown lately and give way.
    pub(crate) fn besides(&self) -> usize {
        let half_life = self.half_life_ms();
        let of_surface = self.shown.into_iter().flat_map(|shown| shown.on(self.surface));
        let notable = of_surface.filter(|exposure| exposure.at(self.now, half_life) >= NOTABLE);
        notable.take(MOST_BESIDES).count()
    }

    /// The allowed products to which a boost adds; none where no boost adds anything.
    pub(crate) fn raised(&self, allowed: &Bitmap) -> Option<Bitmap> {
        let raised = self.world.rules.raised(self.boosts, self.world)?;
        let mut raised = Bitmap::clone(&raised);
        raised.intersect(allowed);
        Some(raised)
    }

    /// The score of a draft with everything that moves it.
    pub(crate) fn apply(&self, draft: &mut ProductDraft, trace: &mut Trace) {
        if self.boosts != 0 {
            let boost = self.world.rules.boost(self.boosts, self.world, draft.row);
            trace.adds(draft.row, "boost", boost);
            draft.score += boost;
        }
        if let Some(exposure) = self.shown.and_then(|shown| shown.exposure(self.surface, draft.row)) {
            let faded = self.faded(exposure.at(self.now, self.half_life_ms()));
            trace.adds(draft.row, "shown_lately", -faded);
            draft.score -= faded;
        }
    }

    /// What an exposure takes from a score.
    fn faded(&self, exposure: f64) -> f32 {
        (self.world.rules.rules.memory.weight * (1.0 - (-exposure).exp2())) as f32
    }

    fn half_life_ms(&self) -> f64 {
        self.world.rules.rules.memory.half_life_hours.on(self.surface) * MS_AN_HOUR
    }
}

/// Milliseconds in an hour.
pub(crate) const MS_AN_HOUR: f64 = 3_600_000.0;
