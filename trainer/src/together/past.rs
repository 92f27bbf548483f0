//! A part of the past as evidence for the join model, behind the consent that serving asks for.

use std::borrow::Cow;

use juntos_datasets::tables::PurchaseVisibility;
use juntos_datasets::training::{TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{Csr, ProductRow, UserRow};
use juntos_engine::together::model::JoinEvidence;

use super::consent::Consent;
use crate::prepare::is_past_success;

/// A part of the past; [`Past::seen_by`] tells what one initiator may know of it.
pub struct Past<'a> {
    data: &'a TrainingData,
    consent: &'a Consent,
    co_joined: Csr,
    dim: usize,
    users: &'a [f32],
    products: &'a [f32],
}

impl<'a> Past<'a> {
    /// What `data` tells, with vectors of length `dim` for its users and products, row-major.
    pub fn new(
        data: &'a TrainingData,
        consent: &'a Consent,
        dim: usize,
        users: &'a [f32],
        products: &'a [f32],
    ) -> Self {
        Self { data, consent, co_joined: co_joined(data, consent), dim, users, products }
    }

    /// What may be used for a question of `initiator`.
    pub fn seen_by(&self, initiator: UserRow) -> Seen<'_> {
        let mut ties = self.data.friends.row(initiator.0 as usize).1.to_vec();
        ties.sort_by(|a, b| b.total_cmp(a));
        Seen { past: self, initiator, ties }
    }

    /// Friends of the team's initiator who may join it, ascending, whether or not they may be named for inviting; nobody
    /// where what is known about her may not be used: she gets no such answer.
    pub fn reachable(&self, team: &TeamRecord) -> Vec<UserRow> {
        if !self.consent.person(team.initiator).personalise {
            return Vec::new();
        }
        let now = team.opened_at.or(self.data.cut).unwrap_or_default();
        let friends = self.data.friends.row(team.initiator.0 as usize).0.iter().map(|&friend| UserRow(friend));
        let known = |friend: UserRow| team.opened_at.is_none_or(|at| self.consent.knew(team.initiator, friend, at));
        let mutual = friends.filter(|&friend| self.has_tie(friend, team.initiator) && known(friend));
        mutual.filter(|&friend| self.consent.may_join(friend, team.initiator, team.product, now)).collect()
    }

    /// Whether what is known about `user` may be used.
    pub fn uses(&self, user: UserRow) -> bool {
        self.consent.person(user).personalise
    }

    /// The moment up to which the past is known.
    pub(super) fn cut(&self) -> Option<Timestamp> {
        self.data.cut
    }

    fn has_tie(&self, user: UserRow, other: UserRow) -> bool {
        self.data.friends.row(user.0 as usize).0.binary_search(&other.0).is_ok()
    }
}

/// `(users, users)`: how many times each friend joined a succeeded training team of each initiator, where that may be used.
fn co_joined(data: &TrainingData, consent: &Consent) -> Csr {
    let mut entries = Vec::new();
    for team in data.teams.iter().filter(|team| is_past_success(team)) {
        let usable = team.participants.iter().filter(|&&friend| consent.person(friend).personalise);
        entries.extend(usable.map(|friend| (team.initiator.0, friend.0, 1.0)));
    }
    Csr::from_entries(data.users.len(), data.users.len(), entries)
}

/// The past as one initiator may know it: the same rules as `engine/src/together/evidence.rs`.
pub struct Seen<'a> {
    past: &'a Past<'a>,
    initiator: UserRow,
    /// Strengths of her ties, strongest first.
    ties: Vec<f32>,
}

impl Seen<'_> {
    /// Whether anything known about `user` may be used.
    fn uses(&self, user: UserRow) -> bool {
        self.past.consent.person(user).personalise
    }

    fn shows_purchases(&self, user: UserRow) -> bool {
        match self.past.consent.person(user).visibility {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => self.past.has_tie(user, self.initiator),
            PurchaseVisibility::Everyone => true,
        }
    }

    fn shows_taste(&self, user: UserRow) -> bool {
        self.past.consent.person(user).visibility == PurchaseVisibility::Everyone
            || self.past.has_tie(user, self.initiator)
    }
}

impl JoinEvidence for Seen<'_> {
    fn co_joined(&self, initiator: UserRow) -> (&[u32], &[f32]) {
        match initiator == self.initiator || self.uses(initiator) {
            true => self.past.co_joined.row(initiator.0 as usize),
            false => (&[], &[]),
        }
    }

    fn friends(&self, user: UserRow) -> (&[u32], &[f32]) {
        match user == self.initiator || self.uses(user) {
            true => self.past.data.friends.row(user.0 as usize),
            false => (&[], &[]),
        }
    }

    fn products(&self, user: UserRow) -> impl Iterator<Item = u32> {
        let (consent, own) = (self.past.consent, user == self.initiator);
        let seen = self.uses(user) && (own || self.shows_purchases(user));
        let had: &[_] = if seen { &self.past.data.possessions[user.0 as usize] } else { &[] };
        let bought = had.iter().filter(|had| had.purchases > 0).map(|had| had.product);
        bought.filter(move |&product| own || !consent.good(product).sensitive).map(|product| product.0)
    }

    fn user_vector(&self, user: UserRow) -> Cow<'_, [f32]> {
        let seen = self.uses(user) && (user == self.initiator || self.shows_taste(user));
        Cow::Borrowed(if seen { row(self.past.users, self.past.dim, user.0) } else { &[] })
    }

    fn product_vector(&self, product: ProductRow) -> &[f32] {
        row(self.past.products, self.past.dim, product.0)
    }

    fn stronger_ties(&self, user: UserRow, strength: f32) -> usize {
        match user == self.initiator {
            true => self.ties.partition_point(|&other| other > strength),
            false => self.friends(user).1.iter().filter(|&&other| other > strength).count(),
        }
    }
}

fn row(vectors: &[f32], dim: usize, row: u32) -> &[f32] {
    vectors.get(row as usize * dim..(row as usize + 1) * dim).unwrap_or(&[])
}
