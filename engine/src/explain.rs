//! From drafts to items: prices, texts and reasons. A draft comes here after privacy, so every note it still carries may
//! be told.

use std::collections::HashSet;

use juntos_datasets::units::Timestamp;

use crate::allowed::Conditions;
use crate::candidates::similar::nearest;
use crate::candidates::{ProductDraft, trending};
use crate::live::teams::Team;
use crate::live::view::{Goods, is_nonzero};
use crate::offers::Weights;
use crate::privacy::Privacy;
use crate::reasons::Reason;
use crate::recommend::Snapshot;
use crate::request::{Context, ProductItem, Source, TeamItem};
use crate::viewer::Viewer;

/// Her latest purchases that a product is compared with.
const COMPARED: usize = 20;
/// Cosine from which on a product counts as like another.
const ALIKE: f32 = 0.5;
/// Days for which a product counts as new.
const NEW_DAYS: f64 = 14.0;

/// Makes items for one viewer.
pub(crate) struct Explainer<'a> {
    world: &'a Snapshot,
    privacy: &'a Privacy<'a>,
    now: Timestamp,
    /// Her latest purchases that may be named, with their vectors.
    bought: Vec<(u32, &'a [f32])>,
    /// Shops she bought from.
    shops: HashSet<&'a str>,
    trending: HashSet<u32>,
    /// What an offer must meet, and what weighs among those that do.
    conditions: Conditions<'a>,
    weights: Weights,
}

impl<'a> Explainer<'a> {
    /// What the items of one answer are explained from.
    pub(crate) fn new(world: &'a Snapshot, viewer: &'a Viewer, privacy: &'a Privacy<'a>, context: &'a Context) -> Self {
        let mut owned = viewer.personal.map_or_else(Vec::new, |user| world.owned_by(user));
        owned.retain(|owned| owned.purchases > 0 && owned.gifts == 0 && !world.is_sensitive(owned.product));
        owned.sort_by_key(|owned| (std::cmp::Reverse(owned.last_ms), owned.product));
        let shops = owned.iter().filter_map(|owned| world.goods(owned.product).seller).collect();
        owned.retain(|owned| world.product_exists(owned.product));
        let bought = owned
            .iter()
            .map(|owned| (owned.product, world.product_vector(owned.product)))
            .filter(|(_, vector)| is_nonzero(vector))
            .take(COMPARED)
            .collect();
        let trending = trending::top(world, viewer.country).into_iter().collect();
        let (conditions, weights) = (viewer.conditions(context), world.offer_weights(viewer).unwrap_or_default());
        Self { world, privacy, now: context.now, bought, shops, trending, conditions, weights }
    }

    /// The item of one draft.
    pub(crate) fn product(&self, draft: ProductDraft) -> ProductItem {
        let goods = self.world.goods(draft.row);
        let reasons = self.reasons(&draft, &goods);
        ProductItem {
            product_id: self.world.product_id(draft.row).to_owned(),
            source: draft.source,
            reasons,
            price: goods.price,
            group_price: goods.group_price,
            group_min_size: goods.group_min_size,
            title: goods.title.map(str::to_owned),
            offer: self.world.offered(draft.row, &self.conditions, self.weights).map(|offered| offered.told()),
            team: draft.team.as_deref().map(|team| self.team(team)),
            score: draft.score,
        }
    }

    /// The item of one open team.
    pub(crate) fn team(&self, team: &Team) -> TeamItem {
        let inside = self.privacy.named_inside(team);
        let product_id = self.world.product_id(team.product).to_owned();
        let goods = self.world.goods(team.product);
        let mut reasons = vec![self.open_team(team)];
        reasons.extend(team_price(&goods));
        TeamItem {
            team_id: team.id.to_string(),
            product_id,
            price: goods.price,
            group_price: goods.group_price,
            seats_left: self.seats_left(team),
            deadline: team.deadline.filter(|_| self.privacy.may_hurry()),
            friends_inside: inside.into_iter().map(|row| self.world.user_id(row).to_owned()).collect(),
            reasons,
        }
    }

    fn open_team(&self, team: &Team) -> Reason {
        Reason::OpenTeam { team_id: team.id.to_string(), seats_left: self.seats_left(team) }
    }

    /// Free seats, for those who may be told that they will not wait.
    fn seats_left(&self, team: &Team) -> Option<u32> {
        self.privacy.may_hurry().then(|| team.seats_left())
    }

    /// Reasons, the most telling first.
    fn reasons(&self, draft: &ProductDraft, goods: &Goods<'_>) -> Vec<Reason> {
        let mut reasons = Vec::with_capacity(4);
        if let Some(team) = &draft.team {
            reasons.push(self.open_team(team));
        }
        let due = |due| Reason::TimeToRepurchase { due: Some(due).filter(|_| self.privacy.may_hurry()) };
        reasons.extend(draft.due.map(due));
        reasons.extend(self.privacy.count_shown(draft.friends_bought).map(|count| Reason::FriendsBought { count }));
        reasons.extend(self.likeness(draft));
        if let Some(seller) = goods
            .seller
            .filter(|seller| draft.source == Source::Newest || self.is_news(goods) && self.shops.contains(seller))
        {
            reasons.push(Reason::NewFromSeller { seller_id: seller.to_owned() });
        }
        if self.trending.contains(&draft.row) {
            reasons.push(Reason::TrendingInMarket);
        }
        reasons.extend(team_price(goods));
        reasons
    }

    /// What the product is like: what was asked about, something she bought, a group's or her own taste.
    fn likeness(&self, draft: &ProductDraft) -> Option<Reason> {
        if let Some(like) = draft.because_of {
            return Some(Reason::SimilarTo { product_id: self.world.product_id(like).to_owned() });
        }
        match draft.source {
            Source::Group => Some(Reason::GroupTaste),
            Source::Taste => Some(match nearest(self.world.product_vector(draft.row), &self.bought) {
                Some((cosine, like)) if cosine >= ALIKE => {
                    Reason::BecauseYouBought { product_id: self.world.product_id(like).to_owned() }
                }
                _ => Reason::YourTaste,
            }),
            Source::Friends
            | Source::OpenTeam
            | Source::Repurchase
            | Source::Similar
            | Source::Trending
            | Source::Newest
            | Source::Pinned => None,
        }
    }

    fn is_news(&self, goods: &Goods<'_>) -> bool {
        goods.created_at.is_some_and(|created| (0.0..=NEW_DAYS).contains(&self.now.days_since(created)))
    }
}

/// What a team saves on this product.
pub(crate) fn team_price(goods: &Goods<'_>) -> Option<Reason> {
    goods.saving().map(|saving| Reason::TeamPrice { saving })
}
