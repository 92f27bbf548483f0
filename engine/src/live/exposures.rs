//! What each person was shown, by surface: it fades from her lists and comes back. Of nobody else's.

use imbl::OrdMap;
use juntos_datasets::tables::Surface;
use juntos_datasets::units::Timestamp;

use super::row_map::RowMap;

/// Products remembered for one person, all surfaces together.
const MOST_REMEMBERED: usize = 1_000;
/// Products that are left when there are more: those shown last.
const KEPT: usize = 750;

/// How much somebody has seen of one product: 1 for each showing, halving in a half-life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exposure {
    /// At `last_ms`.
    sum: f64,
    /// The last showing, ms since the epoch.
    last_ms: i64,
}

impl Exposure {
    /// The exposure at `now`, where it halves in `half_life_ms` (above 0).
    pub(crate) fn at(&self, now: Timestamp, half_life_ms: f64) -> f64 {
        self.sum * kept(now.millis().saturating_sub(self.last_ms), half_life_ms)
    }

    /// With one showing more, before or after the last one.
    fn and(self, at_ms: i64, half_life_ms: f64) -> Self {
        let since = at_ms.saturating_sub(self.last_ms);
        if since >= 0 {
            return Self { sum: self.sum * kept(since, half_life_ms) + 1.0, last_ms: at_ms };
        }
        Self { sum: self.sum + kept(-since, half_life_ms), ..self }
    }
}

/// What is left after a time; a showing that is still to come counts whole.
fn kept(elapsed_ms: i64, half_life_ms: f64) -> f64 {
    (-(elapsed_ms.max(0) as f64) / half_life_ms).exp2()
}

/// Everything that one person was shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remembered(OrdMap<(Surface, u32), Exposure>);

impl Remembered {
    /// How much she has seen of a product on a surface.
    pub(crate) fn exposure(&self, surface: Surface, product: u32) -> Option<&Exposure> {
        self.0.get(&(surface, product))
    }

    /// Everything that she has seen on a surface.
    pub(crate) fn on(&self, surface: Surface) -> impl Iterator<Item = &Exposure> {
        self.0.range((surface, 0)..=(surface, u32::MAX)).map(|(_, exposure)| exposure)
    }

    fn forget_oldest(&mut self) {
        let mut times: Vec<(i64, (Surface, u32))> =
            self.0.iter().map(|(key, exposure)| (exposure.last_ms, *key)).collect();
        times.sort_unstable();
        for (_, key) in &times[..times.len() - KEPT] {
            self.0.remove(key);
        }
    }
}

/// What everybody was shown since the cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exposures(RowMap<Remembered>);

impl Exposures {
    /// What a person was shown.
    pub(crate) fn of(&self, user: u32) -> Option<&Remembered> {
        self.0.get(&user)
    }

    /// Notes that a person was shown a product; the exposure halves in `half_life_ms` (above 0).
    pub(crate) fn note(&mut self, user: u32, surface: Surface, product: u32, at_ms: i64, half_life_ms: f64) {
        let hers = self.0.entry(user).or_default();
        let once = Exposure { sum: 1.0, last_ms: at_ms };
        let known = hers.0.get(&(surface, product)).copied();
        hers.0.insert((surface, product), known.map_or(once, |known| known.and(at_ms, half_life_ms)));
        if hers.0.len() > MOST_REMEMBERED {
            hers.forget_oldest();
        }
    }

    /// Forgets what a deleted person was shown.
    pub(crate) fn forget(&mut self, user: u32) {
        self.0.remove(&user);
    }
}

#[cfg(test)]
mod tests {
    //! 1. The exposure is the sum of `2^(−age / half-life)` over all showings, in whatever order they are reported.
    //! 2. What was shown last is kept, within bounds; surfaces and people are apart.

    use proptest::prelude::*;

    use super::*;

    const HOUR: f64 = 3_600_000.0;

    proptest! {
        #[test]
        fn an_exposure_is_its_definition(times in proptest::collection::vec(0i64..200, 1..12), later in 0i64..100, half_life in 1u32..50) {
            let half_life = f64::from(half_life) * HOUR;
            let mut exposures = Exposures::default();
            times.iter().for_each(|hour| exposures.note(7, Surface::Feed, 3, hour * HOUR as i64, half_life));
            let now = (200 + later) * HOUR as i64;
            let expected: f64 = times.iter().map(|hour| (-((now - hour * HOUR as i64) as f64) / half_life).exp2()).sum();
            let got = exposures.of(7).unwrap().exposure(Surface::Feed, 3).unwrap().at(Timestamp::from_millis(now), half_life);
            prop_assert!((got - expected).abs() <= 1e-9 * expected.max(1.0), "{got} is not {expected}");
        }
    }

    #[test]
    fn the_last_are_kept_and_surfaces_and_people_are_apart() {
        let mut exposures = Exposures::default();
        for product in 0..=MOST_REMEMBERED as u32 {
            exposures.note(1, Surface::Feed, product, i64::from(product), HOUR);
        }
        exposures.note(2, Surface::Game, 5, 0, HOUR);
        let hers = exposures.of(1).unwrap();
        assert_eq!(hers.on(Surface::Feed).count(), KEPT);
        assert!(hers.exposure(Surface::Feed, 0).is_none());
        assert!(hers.exposure(Surface::Feed, MOST_REMEMBERED as u32).is_some());
        assert!(hers.exposure(Surface::Game, MOST_REMEMBERED as u32).is_none());
        exposures.forget(1);
        assert!(exposures.of(1).is_none() && exposures.of(2).is_some());
    }
}
