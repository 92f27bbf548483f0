//! From drafts to an order: one simple blend, then limits on how much of one kind a page shows.
//!
//! The backbone is the taste score, brought to 1 for the best candidate of the list and 0 for the last one that was
//! asked for; everything else adds a documented bonus on that scale, of which training learns what friends' and own
//! purchases add ([`crate::serving_model::Blend`]). Where nothing speaks for a product but taste (a
//! research set without teams, dates and shops) the order is the taste order.

use std::collections::HashMap;

use crate::candidates::{ProductDraft, best_first};
use crate::index::Scored;
use crate::live::view::Goods;

/// What a friend's open team adds: it will not wait.
pub(crate) const TEAM_BONUS: f32 = 0.4;
/// What being due on this very day adds.
pub(crate) const DUE_BONUS: f32 = 0.6;
/// Share of the money saved, times the chance that it is: what a group's list adds for a full saving.
pub(crate) const SAVING_BONUS: f32 = 0.3;
/// Lowest place on the scale: a product far from the person's taste is not lower than this, so that a bonus can show it.
const FAR: f32 = -0.1;

/// The scale that taste scores are brought to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    best: f32,
    last: f32,
}

impl Scale {
    /// The scale of candidates that come best first; none without candidates.
    pub fn of(candidates: &[Scored]) -> Option<Self> {
        Some(Self { best: candidates.first()?.score, last: candidates.last()?.score })
    }

    /// Where a taste score stands: 1 for the best candidate, 0 for the last, never below [`FAR`].
    pub fn place(&self, score: f32) -> f32 {
        let spread = self.best - self.last;
        if spread > 0.0 {
            ((score - self.last) / spread).clamp(FAR, 1.0)
        } else {
            f32::from(u8::from(score >= self.best))
        }
    }
}

/// The most of one shop, and of one category, that a page of `limit` products shows while there is anything else.
fn caps(limit: usize) -> (usize, usize) {
    ((limit / 4).max(2), (limit / 3).max(2))
}

/// Orders drafts best first and spreads shops and categories over the first `limit` of them: a draft beyond its shop's
/// or category's share waits until the page is full. The result holds every draft once.
pub(crate) fn order<'a>(
    mut drafts: Vec<ProductDraft>,
    limit: usize,
    goods: impl Fn(u32) -> Goods<'a>,
) -> Vec<ProductDraft> {
    drafts.sort_by(best_first);
    let (of_shop, of_category) = caps(limit);
    let (mut shops, mut categories) = (HashMap::new(), HashMap::new());
    let mut page = Vec::with_capacity(drafts.len());
    let mut waiting = Vec::new();
    for draft in drafts {
        if page.len() >= limit {
            waiting.push(draft);
            continue;
        }
        let goods = goods(draft.row);
        let shown = |counts: &HashMap<&'a str, usize>, key: Option<&'a str>| {
            key.map_or(0, |key| counts.get(key).copied().unwrap_or(0))
        };
        if shown(&shops, goods.seller) >= of_shop || shown(&categories, goods.category) >= of_category {
            waiting.push(draft);
            continue;
        }
        goods.seller.into_iter().for_each(|seller| *shops.entry(seller).or_default() += 1);
        goods.category.into_iter().for_each(|category| *categories.entry(category).or_default() += 1);
        page.push(draft);
    }
    waiting.sort_by(best_first);
    page.extend(waiting);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Source;
    use proptest::prelude::*;

    fn goods(seller: Option<&'static str>) -> Goods<'static> {
        Goods { seller, ..Goods::default() }
    }

    #[test]
    fn the_scale_runs_from_the_best_to_the_last() {
        let candidates = [9.0, 6.0, 5.0].map(|score| Scored { row: 0, score });
        let scale = Scale::of(&candidates).unwrap();
        assert_eq!([9.0, 7.0, 5.0, -100.0].map(|score| scale.place(score)), [1.0, 0.5, 0.0, FAR]);
        assert!(Scale::of(&[]).is_none());
    }

    #[test]
    fn one_shop_does_not_fill_the_page() {
        let shop = |row: u32| goods(Some(if row < 10 { "big" } else { "small" }));
        let drafts = (0..14).map(|row| ProductDraft::new(row, Source::Taste, -(row as f32))).collect();
        let rows: Vec<u32> = order(drafts, 4, shop).iter().map(|draft| draft.row).collect();
        assert_eq!(rows[..4], [0, 1, 10, 11]);
    }

    proptest! {
        /// Without shops and categories the order is the score's, and nothing is ever lost.
        #[test]
        fn plain_data_keeps_the_order(scores in proptest::collection::vec(-5i32..5, 0..40), limit in 1usize..20) {
            let drafts: Vec<ProductDraft> = scores.iter().enumerate()
                .map(|(row, &score)| ProductDraft::new(row as u32, Source::Taste, score as f32)).collect();
            let mut expected: Vec<(i32, u32)> = scores.iter().enumerate().map(|(row, &score)| (-score, row as u32)).collect();
            expected.sort_unstable();
            let rows: Vec<u32> = order(drafts, limit, |_| goods(None)).iter().map(|draft| draft.row).collect();
            prop_assert_eq!(rows, expected.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
        }
    }
}
