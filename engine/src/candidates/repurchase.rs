//! Products that a person is about to run out of.

use juntos_datasets::units::Timestamp;

use crate::recommend::Snapshot;

/// One product due to be bought again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Due {
    pub(crate) product: u32,
    /// When the last one is expected to be used up.
    pub(crate) due: Timestamp,
    /// 1 on the due day, less the further away it is, above 0.
    pub(crate) closeness: f32,
}

/// Shares of the usual interval between which a product counts as due.
const WINDOW: std::ops::RangeInclusive<f64> = 0.8..=3.0;

/// What `user` bought for herself and is due to buy again at `now`, closest to its due day first.
pub(crate) fn due(world: &Snapshot, user: u32, now: Timestamp) -> Vec<Due> {
    let mut due: Vec<Due> = world
        .owned_by(user)
        .iter()
        .filter(|owned| owned.purchases > 0 && owned.last_ms > i64::MIN)
        .filter_map(|owned| {
            let days = world.repurchase_days(owned.product)?;
            due_at(owned.product, Timestamp::from_millis(owned.last_ms), days, now)
        })
        .collect();
    due.sort_by(|a, b| b.closeness.total_cmp(&a.closeness).then(a.product.cmp(&b.product)));
    due
}

fn due_at(product: u32, last: Timestamp, interval_days: f64, now: Timestamp) -> Option<Due> {
    let share = now.days_since(last) / interval_days;
    WINDOW.contains(&share).then(|| Due {
        product,
        due: last.plus_days(interval_days),
        closeness: (-share.ln().abs()).exp() as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_due_around_the_interval_and_most_on_the_day() {
        let day = |day: f64| Timestamp::from_millis(0).plus_days(day);
        let at = |now: f64| due_at(1, day(0.0), 10.0, day(now));
        assert!(at(7.9).is_none() && at(30.1).is_none());
        assert_eq!(at(10.0).unwrap().due, day(10.0));
        assert!(at(10.0).unwrap().closeness > at(8.5).unwrap().closeness);
        assert!(at(10.0).unwrap().closeness > at(15.0).unwrap().closeness);
    }
}
