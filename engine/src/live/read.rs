//! Records as they stand now: what clients read back.

use std::collections::BTreeSet;

use juntos_datasets::tables::{FriendshipKind, TeamOutcome};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};

use super::records::{FriendshipRecord, InviteKind, KeptTeam, OfferRecord, ProductRecord, TeamRecord, UserRecord};
use super::ties::BlockState;
use crate::recommend::Snapshot;

impl Snapshot {
    /// A user's record.
    pub fn user(&self, user_id: &str) -> Option<UserRecord> {
        let row = self.user_row(user_id)?;
        if let Some(record) = self.live.people.record(row) {
            return Some(UserRecord::clone(record));
        }
        let profile = self.profile(row);
        Some(UserRecord {
            user_id: user_id.to_owned(),
            country: profile.country,
            language: profile.language,
            birth_year: profile.birth_year,
            purchase_visibility: profile.purchase_visibility,
            invites: profile.invites,
            personalise: profile.personalise,
            created_at: profile.created_at,
        })
    }

    /// A product's record.
    pub fn product(&self, product_id: &str) -> Option<ProductRecord> {
        let row = self.product_row(product_id)?;
        match self.live.goods.get(row) {
            Some(good) => good.record.clone(),
            None => Some(self.stored_record(self.stored_product(row)?)),
        }
    }

    fn stored_record(&self, row: ProductRow) -> ProductRecord {
        let catalogue = self.bundle().catalogue();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let offers = self.bundle().sold_offers(row).filter_map(|sold| {
            let offer = sold.delivery;
            Some(OfferRecord {
                seller_id: sold.seller.map(|seller| self.bundle().sellers().id(seller).to_owned()),
                price_minor: sold.price_minor,
                country: offer.country()?,
                min_days: offer.min_days,
                max_days: offer.max_days,
                cost_minor: offer.cost_minor,
                payment_methods: catalogue.offer_payment_methods(offer).map(str::to_owned).collect(),
            })
        });
        ProductRecord {
            product_id: self.product_id(row.0).to_owned(),
            seller_id: catalogue.seller(row).map(|seller| self.bundle().sellers().id(seller).to_owned()),
            title: owned(catalogue.title(row)),
            description: owned(catalogue.description(row)),
            language: catalogue.language(row),
            category: catalogue.category(row).map(|category| catalogue.category_path(category).to_owned()),
            brand: owned(catalogue.brand(row)),
            price_minor: catalogue.price(row).map(|price| price.minor_units),
            currency: catalogue.currency(row),
            group_price_minor: catalogue.group_price(row).map(|price| price.minor_units),
            group_min_size: catalogue.group_min_size(row),
            stock: catalogue.stock(row),
            ships_from: catalogue.ships_from(row),
            offers: offers.collect(),
            min_age: catalogue.min_age(row),
            sensitive: catalogue.sensitive(row),
            created_at: catalogue.created_at(row),
            image_url: owned(catalogue.image_url(row)),
            hidden: catalogue.hidden(row),
        }
    }

    /// A team as it stands at `now`, seats of deleted people included: one whose deadline has passed since the last change
    /// has expired.
    pub fn team_at(&self, team_id: &str, now: Timestamp) -> Option<KeptTeam> {
        let overdue = self.live.teams.get(team_id)?.overdue(now);
        let team = self.kept_team(team_id)?;
        let expired = overdue && team.outcome == TeamOutcome::Open;
        Some(KeptTeam { outcome: if expired { TeamOutcome::Expired } else { team.outcome }, ..team })
    }

    /// A team's record as of the last change: teams that were open at the cut, and all since.
    pub fn team(&self, team_id: &str) -> Option<TeamRecord> {
        let team = self.live.teams.get(team_id)?;
        let id = |row: &u32| self.user_id(*row).to_owned();
        Some(TeamRecord {
            team_id: team_id.to_owned(),
            product_id: self.product_id(team.product).to_owned(),
            initiator_id: team.initiator.as_ref().map(id).unwrap_or_default(),
            participant_ids: team.participants.iter().map(id).collect(),
            min_size: team.min_size,
            opened_at: team.opened_at,
            deadline: team.deadline,
            outcome: team.outcome,
            public: team.made_public,
        })
    }

    /// What has become of the invitation of `user_id` by `initiator_id` to a product; none where nothing was reported,
    /// or no more than that the initiator is not muted any longer.
    pub fn invitation(&self, user_id: &str, initiator_id: &str, product_id: &str) -> Option<InviteKind> {
        let (user, initiator) = (self.user_row(user_id)?, self.user_row(initiator_id)?);
        self.live.invitation(user, initiator, self.product_row(product_id)?)
    }

    /// A user's ties, by the friend's row; a bundle keeps no kinds, so those of the bundle are plain friendships.
    pub fn friendships(&self, user_id: &str) -> Vec<FriendshipRecord> {
        let Some(user) = self.user_row(user_id) else { return Vec::new() };
        let changes = self.live.ties.changed(user);
        let record = |friend: crate::live::view::Friend| {
            let tie = changes.and_then(|changes| changes.get(friend.row)).copied().flatten();
            FriendshipRecord {
                user_id: user_id.to_owned(),
                friend_id: self.user_id(friend.row).to_owned(),
                kind: tie.map_or(FriendshipKind::Friend, |tie| tie.kind),
                strength: friend.strength,
                since: tie.and_then(|tie| tie.since),
            }
        };
        self.friends_of(user).into_iter().map(record).collect()
    }

    /// Whom a user has blocked, by row. A bundle keeps blocks without their direction, so those count for both sides,
    /// and it takes both to lift one.
    pub fn blocks(&self, user_id: &str) -> Vec<String> {
        let Some(user) = self.user_row(user_id) else { return Vec::new() };
        let stored = self.stored_user(user).map_or(&[][..], |row| self.bundle().blocked(row));
        let changed = self.live.ties.changed_blocks(user).into_iter().flat_map(|blocks| blocks.keys());
        let others: BTreeSet<u32> = stored.iter().chain(changed).copied().collect();
        others
            .into_iter()
            .filter(|&other| self.block_state(user, other).by_me && !self.live.people.is_deleted(other))
            .map(|other| self.user_id(other).to_owned())
            .collect()
    }

    /// Who of the two blocks the other, seen from `user`.
    pub(crate) fn block_state(&self, user: u32, other: u32) -> BlockState {
        self.live.ties.block(user, other).unwrap_or_else(|| {
            let blocked = |row: UserRow| self.bundle().blocked(row).binary_search(&other).is_ok();
            let stored = self.stored_user(user).is_some_and(blocked);
            BlockState { by_me: stored, by_other: stored }
        })
    }
}
