//! Products that a person is about to run out of.

use juntos_datasets::units::Timestamp;

use crate::recommend::Snapshot;

/// One product due to be bought again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Due {
    pub(crate) product: u32,
    /// When the last one is expected to be used up.
    pub(crate) due: Timestamp,
    /// Chance that she buys it soon ([`crate::rhythm::Rhythm::chance`]), above 0.
    pub(crate) chance: f32,
}

/// What `user` bought for herself and is due to buy again at `now`, most likely first.
pub(crate) fn due(world: &Snapshot, user: u32, now: Timestamp) -> Vec<Due> {
    let mut due: Vec<Due> = world
        .owned_by(user)
        .iter()
        .filter(|owned| owned.purchases > 0 && owned.last_ms > i64::MIN)
        .filter_map(|owned| {
            let rhythm = world.rhythm(owned.product)?;
            let last = Timestamp::from_millis(owned.last_ms);
            let chance = rhythm.due(owned.purchases, now.days_since(last))? as f32;
            Some(Due { product: owned.product, due: last.plus_days(f64::from(rhythm.days)), chance })
        })
        .collect();
    due.sort_by(|a, b| b.chance.total_cmp(&a.chance).then(a.product.cmp(&b.product)));
    due
}
