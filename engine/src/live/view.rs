//! The world as a snapshot sees it: the bundle with live state laid over it. Everything that serving reads about
//! people and products, it reads here, so that no question can forget the overlay.

use std::borrow::Cow;

use juntos_datasets::tables::Invites;
use juntos_datasets::units::{Country, Money, Timestamp};
use juntos_datasets::{ProductRow, UserRow};

use super::outcomes::{Correction, Question};
use super::people::History;
use super::records::{ProductRecord, UserRecord};
use crate::bundle::{Consent, StoredPossession, UserProfile};
use crate::cohorts::FriendsMean;
use crate::fold::{self, FoldEvent, Prior};
use crate::recommend::Snapshot;
use crate::rhythm::Rhythm;
use crate::serving_model::FoldIn;
use crate::vectors;

/// One friend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Friend {
    pub(crate) row: u32,
    /// 0 to 1.
    pub(crate) strength: f32,
    /// Whether the tie was put since the cut, for both of them: then she has it, too, without a look.
    pub(crate) of_both: bool,
}

/// What one user has had of one product, in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) product: u32,
    pub(crate) purchases: u32,
    pub(crate) gifts: u32,
    /// Latest purchase or gift, ms since the epoch; `i64::MIN` when unknown.
    pub(crate) last_ms: i64,
    /// Day from which on others may learn of a purchase (days since the epoch).
    pub(crate) shown_from_day: i64,
}

/// What serving needs to know of one product.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Goods<'a> {
    pub(crate) price: Option<Money>,
    pub(crate) group_price: Option<Money>,
    pub(crate) group_min_size: Option<u32>,
    pub(crate) title: Option<&'a str>,
    pub(crate) seller: Option<&'a str>,
    pub(crate) category: Option<&'a str>,
    pub(crate) brand: Option<&'a str>,
    pub(crate) min_age: Option<u32>,
    pub(crate) sensitive: bool,
    pub(crate) created_at: Option<Timestamp>,
}

impl Goods<'_> {
    /// What each member of a team saves against the price for one.
    pub(crate) fn saving(&self) -> Option<Money> {
        let (alone, together) = (self.price?, self.group_price?);
        let minor_units = alone.minor_units.checked_sub(together.minor_units).filter(|saving| *saving > 0)?;
        Some(Money { minor_units, currency: alone.currency })
    }
}

/// Friends whose vectors stand in for a newcomer's: the closest ones.
const MOST_STAND_INS: usize = 50;

impl Snapshot {
    /// Row of a user who exists.
    pub(crate) fn user_row(&self, id: &str) -> Option<u32> {
        let new = self.live.people.row(id);
        new.or_else(|| self.bundle().users().row(id).map(|row| row.0).filter(|&row| !self.live.people.is_deleted(row)))
    }

    /// Id of a user.
    pub(crate) fn user_id(&self, row: u32) -> &str {
        match (row as usize).checked_sub(self.bundle().n_users()) {
            Some(at) => self.live.people.id(at),
            None => self.bundle().users().id(UserRow(row)),
        }
    }

    /// The bundle's row of a user, if the bundle has her.
    pub(crate) fn stored_user(&self, row: u32) -> Option<UserRow> {
        ((row as usize) < self.bundle().n_users()).then_some(UserRow(row))
    }

    /// The bundle's row of a product, if the bundle has it.
    pub(crate) fn stored_product(&self, row: u32) -> Option<ProductRow> {
        ((row as usize) < self.bundle().n_products()).then_some(ProductRow(row))
    }

    /// Number of rows of users: the bundle's, then those that are new since, deleted ones included.
    pub(crate) fn n_users(&self) -> usize {
        self.bundle().n_users() + self.live.people.n_new()
    }

    /// Number of rows of products: the bundle's, then those that are new since, deleted ones included.
    pub(crate) fn n_products(&self) -> usize {
        self.bundle().n_products() + self.live.goods.n_new()
    }

    /// Friends of a user who still exist and whom no block keeps apart from her, by row.
    pub(crate) fn friends_of(&self, user: u32) -> Vec<Friend> {
        let mut friends = Vec::new();
        self.each_friend(user, |friend| friends.push(friend));
        friends
    }

    /// Calls `told` for each friend that [`Self::friends_of`] tells of, by row.
    pub(crate) fn each_friend(&self, user: u32, mut told: impl FnMut(Friend)) {
        let (rows, strengths) = self.stored_user(user).map_or((&[][..], &[][..]), |row| self.bundle().friends(row));
        let blocks = self.blocks_anybody(user);
        let mut tell = |row: u32, strength: f32, of_both: bool| {
            let apart = blocks && self.blocked(user, row);
            if !apart && !self.live.people.is_deleted(row) {
                told(Friend { row, strength, of_both });
            }
        };
        // Two ascending lists: where both have a row, the change counts.
        let mut at = 0;
        if let Some(changes) = self.live.ties.changed(user) {
            changes.each(|(row, tie)| {
                while at < rows.len() && rows[at] < row {
                    tell(rows[at], strengths[at], false);
                    at += 1;
                }
                at += usize::from(at < rows.len() && rows[at] == row);
                if let Some(tie) = tie {
                    tell(row, tie.strength, tie.is_of_both());
                }
            });
        }
        (at..rows.len()).for_each(|at| tell(rows[at], strengths[at], false));
    }

    /// Whether `user` counts `other` among her friends, and the other way round: to follow somebody is not enough.
    pub(crate) fn mutual_friends(&self, user: u32, other: u32) -> bool {
        self.has_tie(user, other) && self.has_tie(other, user)
    }

    /// Whether `user` may be told to invite `friend`, or `friend` be invited by her, as far as consent goes: friends both
    /// ways, without a block, who takes invitations.
    pub(crate) fn takes_invitations(&self, friend: u32, user: u32) -> bool {
        let apart = self.blocked(user, friend) || self.live.people.is_deleted(friend);
        !apart && self.consent(friend).invites == Invites::Friends && self.mutual_friends(user, friend)
    }

    /// Whether `user` counts `other` among her friends, blocks aside.
    pub(crate) fn has_tie(&self, user: u32, other: u32) -> bool {
        if let Some(change) = self.live.ties.changed(user).and_then(|changes| changes.get(other)) {
            return change.is_some();
        }
        self.stored_user(user).is_some_and(|row| self.bundle().friends(row).0.binary_search(&other).is_ok())
    }

    /// Whether one of the two blocks the other.
    pub(crate) fn blocked(&self, user: u32, other: u32) -> bool {
        match self.live.ties.block(user, other) {
            Some(state) => state.any(),
            None => self.stored_user(user).is_some_and(|row| self.bundle().blocked(row).binary_search(&other).is_ok()),
        }
    }

    /// Whether a block stands, or has stood, between the user and somebody.
    pub(crate) fn blocks_anybody(&self, user: u32) -> bool {
        let stored = self.stored_user(user).is_some_and(|row| !self.bundle().blocked(row).is_empty());
        stored || self.live.ties.changed_blocks(user).is_some()
    }

    /// What a user has had, by product: what she sent back or disliked left out.
    pub(crate) fn owned_by(&self, user: u32) -> Vec<Owned> {
        let stored = self.stored_user(user).map_or(&[][..], |row| self.bundle().possessions(row));
        let stored = stored.iter().map(|possession| Owned {
            product: possession.product,
            purchases: possession.purchases,
            gifts: possession.gifts,
            last_ms: possession.last_ms,
            shown_from_day: stored_day(possession),
        });
        let Some(history) = self.live.people.history(user) else { return stored.collect() };
        let since = |product: u32| history.accepted_on(product).map_or(i64::MIN, |day| day.saturating_add(1));
        let mut owned: Vec<Owned> = stored
            .filter(|owned| !history.refuses(owned.product))
            .map(|owned| Owned { shown_from_day: owned.shown_from_day.max(since(owned.product)), ..owned })
            .collect();
        for had in history.had.iter().filter(|had| had.is_possession()) {
            match owned.binary_search_by_key(&had.product, |owned| owned.product) {
                Ok(at) => owned[at].add(had.purchases, had.gifts, had.last_ms, had.known_day),
                Err(at) => owned.insert(
                    at,
                    Owned {
                        product: had.product,
                        purchases: had.purchases,
                        gifts: had.gifts,
                        last_ms: had.last_ms,
                        shown_from_day: had.known_day.saturating_add(1),
                    },
                ),
            }
        }
        owned
    }

    /// Calls `told` for every product that a user has bought, ascending: what [`Self::owned_by`] says.
    pub(crate) fn each_bought(&self, user: u32, mut told: impl FnMut(u32)) {
        if self.live.people.history(user).is_some() {
            let bought = self.owned_by(user).into_iter().filter(|owned| owned.purchases > 0);
            return bought.for_each(|owned| told(owned.product));
        }
        let stored = self.stored_user(user).map_or(&[][..], |row| self.bundle().possessions(row));
        stored.iter().filter(|had| had.purchases > 0).for_each(|had| told(had.product));
    }

    /// Products that a user refused on `day`, and whose purchase others had learnt of by then: to them she has them until
    /// the day is over, so that two looks on one day cannot be subtracted from each other.
    pub(crate) fn ceased_on(&self, user: u32, day: i64) -> impl Iterator<Item = u32> {
        let ceased = self.live.people.history(user).map_or(&[][..], |history| &history.ceased);
        ceased.iter().filter(move |&&(_, ceased)| ceased == day).map(|&(product, _)| product)
    }

    /// Products that a user refused, ascending.
    pub(crate) fn refused_by(&self, user: u32) -> &[u32] {
        self.live.people.history(user).map_or(&[], |history| &history.refused)
    }

    /// A user's own vector: trained, with what she did since folded in; none for those of whom nothing is known.
    pub(crate) fn own_vector(&self, user: u32) -> Option<Cow<'_, [f32]>> {
        if let Some(vector) = self.live.people.history(user).and_then(|history| history.vector.as_deref()) {
            return Some(Cow::Borrowed(vector));
        }
        self.trained_vector(user).map(Cow::Owned)
    }

    /// A user's vector as trained; none for those who had nothing to learn from.
    fn trained_vector(&self, user: u32) -> Option<Vec<f32>> {
        Some(self.bundle().user_vector(self.stored_user(user)?)).filter(|vector| is_nonzero(vector))
    }

    /// Reads a user's vector as trained in place of what `vector` holds; empty for those who had nothing to learn from.
    pub(crate) fn read_trained_vector(&self, user: u32, vector: &mut Vec<f32>) {
        vector.clear();
        let Some(stored) = self.stored_user(user) else { return };
        vector.resize(self.bundle().dim(), 0.0);
        self.bundle().read_user_vector(stored, vector);
        if !is_nonzero(vector) {
            vector.clear();
        }
    }

    /// At least the length of a user's vector as trained, and zero where she has none.
    pub(crate) fn longest_vector(&self, user: u32) -> f32 {
        self.stored_user(user).map_or(0.0, |stored| self.bundle().longest_vector(stored))
    }

    /// A user's vector as others may be served by it, where her settings allow that: as trained. What she did since, a
    /// gift or a purchase that she shows to nobody, must not move what others see.
    pub(crate) fn vector_for_others(&self, user: u32) -> Option<Vec<f32>> {
        self.trained_vector(user).filter(|_| self.personalised(user))
    }

    /// Whether the bundle has a vector of the user.
    pub(super) fn is_trained(&self, user: u32) -> bool {
        self.trained_vector(user).is_some()
    }

    /// A user's vector, or what her friends' vectors and those of people who live where she lives say about her.
    pub(crate) fn taste_vector(&self, user: u32) -> Option<Cow<'_, [f32]>> {
        if let Some(own) = self.own_vector(user) {
            return Some(own);
        }
        let friends = self.friends_mean(user);
        let vector = match self.bundle().newcomer(&self.profile(user)) {
            Some(newcomer) => newcomer.taste(friends),
            None => friends.map(|mean| mean.vector),
        };
        vector.map(Cow::Owned)
    }

    /// The vector by which products are ranked for the user with this id: her own, or what stands for it while little is
    /// known of her; none where what is popular ranks them, and for who may not be known.
    pub fn taste_of(&self, user_id: &str) -> Option<Vec<f32>> {
        let user = self.user_row(user_id).filter(|&row| self.personalised(row))?;
        self.taste_vector(user).map(Cow::into_owned)
    }

    /// Mean of the vectors of a user's closest friends, weighted by the strength of the tie.
    fn friends_mean(&self, user: u32) -> Option<FriendsMean> {
        let mut friends = self.friends_of(user);
        friends.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.row.cmp(&b.row)));
        let known = friends
            .iter()
            .filter(|friend| friend.strength > 0.0)
            .filter_map(|friend| Some((self.vector_for_others(friend.row)?, friend.strength)));
        let (vector, strength) = mean_and_weight(self.bundle().dim(), known.take(MOST_STAND_INS))?;
        Some(FriendsMean { vector, strength })
    }

    /// What a user says about herself, and what she allows.
    pub(crate) fn profile(&self, user: u32) -> UserProfile {
        match (self.live.people.record(user), self.stored_user(user)) {
            (Some(record), _) => profile_of(record),
            (None, Some(stored)) => self.bundle().profile(stored),
            (None, None) => profile_of(&UserRecord::new("")),
        }
    }

    /// The country of a user's [`Self::profile`].
    pub(crate) fn country_of(&self, user: u32) -> Option<Country> {
        match (self.live.people.record(user), self.stored_user(user)) {
            (Some(record), _) => record.country,
            (None, Some(stored)) => self.bundle().country_of(stored),
            (None, None) => None,
        }
    }

    /// What a user allows: the same as [`Self::profile`] says, without reading more.
    pub(crate) fn consent(&self, user: u32) -> Consent {
        match (self.live.people.record(user), self.stored_user(user)) {
            (None, Some(stored)) => self.bundle().consent(stored),
            (Some(_), _) | (None, None) => self.profile(user).consent(),
        }
    }

    /// Whether what is known about a user may be used.
    pub(crate) fn personalised(&self, user: u32) -> bool {
        self.consent(user).personalise
    }

    /// The market whose teams correct what is told to a user: that of her home as the bundle has it, or as she says, else
    /// `asked`.
    pub(crate) fn home_market(&self, user: u32, asked: Option<Country>) -> Option<Country> {
        match self.stored_user(user) {
            Some(stored) => self.bundle().profile(stored).country,
            None => self.profile(user).country.or(asked),
        }
    }

    /// How chances that are told to `user` at `now` are corrected by what became of teams since the cut.
    pub(crate) fn correction(
        &self,
        question: Question,
        user: u32,
        asked: Option<Country>,
        now: Timestamp,
    ) -> Correction<'_> {
        self.live.outcomes.correction(question, self.home_market(user, asked), user, now.day())
    }

    /// How many succeeded teams of `initiator` somebody joined.
    pub(crate) fn times_joined(&self, initiator: u32, by: u32) -> f32 {
        let (rows, times) = self.stored_user(initiator).map_or((&[][..], &[][..]), |row| self.bundle().co_joined(row));
        let stored = rows.binary_search(&by).map_or(0.0, |at| times[at]);
        stored + self.live.co_joined.get(&initiator).and_then(|since| since.get(&by)).copied().unwrap_or(0.0)
    }

    /// Calls `told` for everybody who joined succeeded teams of `initiator`, by row, with the number of times: people who
    /// still exist.
    pub(crate) fn each_co_joined(&self, initiator: u32, told: impl FnMut((u32, f32))) {
        let (rows, times) = self.stored_user(initiator).map_or((&[][..], &[][..]), |row| self.bundle().co_joined(row));
        let stored = rows.iter().copied().zip(times.iter().copied());
        let exists = |&(row, _): &(u32, f32)| !self.live.people.is_deleted(row);
        let Some(since) = self.live.co_joined.get(&initiator) else { return stored.filter(exists).for_each(told) };
        let mut joined: std::collections::BTreeMap<u32, f32> = stored.collect();
        for (&row, &times) in since {
            *joined.entry(row).or_default() += times;
        }
        joined.into_iter().filter(exists).for_each(told);
    }

    /// A user's vector with what she did since the cut folded in, where she did anything that tells of taste.
    pub(super) fn folded(&self, user: u32, history: &History) -> Option<Box<[f32]>> {
        let events: Vec<FoldEvent<'_>> = history
            .signals
            .iter()
            .map(|signal| FoldEvent { vector: self.product_vector(signal.product), weight: signal.weight })
            .filter(|event| is_nonzero(event.vector))
            .collect();
        if events.is_empty() {
            return None;
        }
        let bundle = self.bundle();
        let (prior, hold) = self.prior(user);
        let prior = Prior { vector: &prior, hold };
        Some(fold::fold(bundle.fold_products(), &bundle.serving().fold, &events, prior).into_boxed_slice())
    }

    /// Whether the bundle knows nothing of what this user did, but friends of hers, so that any vector that she has is made of
    /// theirs.
    fn is_known_by_friends_alone(&self, user: u32) -> bool {
        self.stored_user(user)
            .is_some_and(|row| self.bundle().possessions(row).is_empty() && !self.bundle().friends(row).0.is_empty())
    }

    /// What a user's vector is pulled towards and how firmly it is held: the trained one, else that of friends and cohort,
    /// else nothing.
    fn prior(&self, user: u32) -> (Vec<f32>, f32) {
        let FoldIn { friend_weight, hold, .. } = self.bundle().serving().fold;
        if let Some(trained) = self.trained_vector(user) {
            return (trained, if self.is_known_by_friends_alone(user) { hold.friends } else { hold.own });
        }
        let friends = self.friends_mean(user);
        let firmly = if friends.is_some() { hold.friends } else { hold.cohort };
        if let Some(newcomer) = self.bundle().newcomer(&self.profile(user)) {
            return (newcomer.prior(friends, friend_weight), firmly);
        }
        let friends = friends.map(|mean| mean.vector.iter().map(|value| friend_weight * value).collect());
        (friends.unwrap_or_else(|| vec![0.0; self.bundle().dim()]), firmly)
    }

    /// What the most popular product of the market gains in this person's feed: something for those without a history in the
    /// bundle, the less the more they have done.
    pub(crate) fn popular_gain(&self, user: u32) -> f32 {
        let trained = self.is_trained(user);
        if trained && !self.is_known_by_friends_alone(user) {
            return 0.0;
        }
        let popular = self.bundle().serving().blend.popular;
        let events = self.live.people.history(user).map_or(0, |history| history.products_with_signals());
        popular.after(events, trained || self.friends_mean(user).is_some())
    }

    /// Row of a product that exists.
    pub(crate) fn product_row(&self, id: &str) -> Option<u32> {
        let row = self.live.goods.row(id).or_else(|| self.bundle().products().row(id).map(|row| row.0))?;
        self.product_exists(row).then_some(row)
    }

    /// Whether the product has not been deleted.
    pub(crate) fn product_exists(&self, row: u32) -> bool {
        self.live.goods.get(row).is_none_or(|good| good.record.is_some())
    }

    /// Id of a product.
    pub(crate) fn product_id(&self, row: u32) -> &str {
        match (row as usize).checked_sub(self.bundle().n_products()) {
            Some(at) => self.live.goods.id(at),
            None => self.bundle().products().id(ProductRow(row)),
        }
    }

    /// What serving needs to know of a product; a deleted one has nothing.
    pub(crate) fn goods(&self, row: u32) -> Goods<'_> {
        if let Some(good) = self.live.goods.get(row) {
            return good.record.as_ref().map(goods_of).unwrap_or_default();
        }
        let Some(stored) = self.stored_product(row) else { return Goods::default() };
        let catalogue = self.bundle().catalogue();
        Goods {
            price: catalogue.price(stored),
            group_price: catalogue.group_price(stored),
            group_min_size: catalogue.group_min_size(stored),
            title: catalogue.title(stored),
            seller: catalogue.seller(stored).map(|seller| self.bundle().sellers().id(seller)),
            category: catalogue.category(stored).map(|category| catalogue.category_path(category)),
            brand: catalogue.brand(stored),
            min_age: catalogue.min_age(stored),
            sensitive: catalogue.sensitive(stored),
            created_at: catalogue.created_at(stored),
        }
    }

    /// Whether a product must never be used in social proof.
    pub(crate) fn is_sensitive(&self, row: u32) -> bool {
        match (self.live.goods.get(row), self.stored_product(row)) {
            (Some(good), _) => good.record.as_ref().is_none_or(|record| record.sensitive),
            (None, Some(stored)) => self.bundle().catalogue().sensitive(stored),
            (None, None) => true,
        }
    }

    /// When and whether buyers buy the product again: of a product that is new since the cut, what its category tells.
    pub(crate) fn rhythm(&self, row: u32) -> Option<&Rhythm> {
        if let Some(stored) = self.stored_product(row) {
            return self.bundle().rhythm(stored);
        }
        let path = self.goods(row).category?.trim_matches('/');
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).collect::<Vec<_>>();
        let categories = self.bundle().catalogue().categories();
        let known = ends.into_iter().rev().find_map(|end| categories.row(&path[..end]))?;
        self.bundle().category_rhythm(known)
    }

    /// A product's vector: trained, or made from its record.
    pub(crate) fn product_vector(&self, row: u32) -> &[f32] {
        match self.stored_product(row) {
            Some(stored) => self.bundle().product_vector(stored),
            None => self.live.goods.get(row).and_then(|good| good.vector.as_deref()).unwrap_or(&[]),
        }
    }
}

fn profile_of(record: &UserRecord) -> UserProfile {
    UserProfile {
        country: record.country,
        language: record.language,
        birth_year: record.birth_year,
        purchase_visibility: record.purchase_visibility,
        invites: record.invites,
        personalise: record.personalise,
        created_at: record.created_at,
    }
}

fn goods_of(record: &ProductRecord) -> Goods<'_> {
    let money = |amount: Option<i64>| Some(Money { minor_units: amount?, currency: record.currency? });
    Goods {
        price: money(record.price_minor),
        group_price: money(record.group_price_minor),
        group_min_size: record.group_min_size,
        title: record.title.as_deref(),
        seller: record.seller_id.as_deref(),
        category: record.category.as_deref(),
        brand: record.brand.as_deref(),
        min_age: record.min_age,
        sensitive: record.sensitive,
        created_at: record.created_at,
    }
}

/// The day from which on others may learn of a possession of the bundle: the day after it happened. Where it happened
/// more than once, only the last time is known.
fn stored_day(possession: &StoredPossession) -> i64 {
    possession.last().map_or(i64::MIN, |last| last.day() + 1)
}

impl Owned {
    /// Whether others may learn on `day` that she bought it.
    pub(crate) fn counts(&self, day: i64) -> bool {
        self.purchases > 0 && self.shown_from_day <= day
    }

    fn add(&mut self, purchases: u32, gifts: u32, last_ms: i64, known_day: i64) {
        if self.purchases == 0 {
            self.shown_from_day = known_day.saturating_add(1);
        }
        self.purchases += purchases;
        self.gifts += gifts;
        self.last_ms = self.last_ms.max(last_ms);
    }
}

/// Whether a vector says anything.
pub(crate) fn is_nonzero(vector: &[f32]) -> bool {
    vector.iter().any(|value| *value != 0.0)
}

/// Inner product over the shorter length.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    vectors::dot(&left[..length], &right[..length])
}

/// Weighted mean of vectors of length `dim`; none when there is none, or when they cancel out.
pub(crate) fn weighted_mean(dim: usize, vectors: impl Iterator<Item = (impl AsRef<[f32]>, f32)>) -> Option<Vec<f32>> {
    mean_and_weight(dim, vectors).map(|(mean, _)| mean)
}

/// The same, with the sum of the weights.
fn mean_and_weight(dim: usize, vectors: impl Iterator<Item = (impl AsRef<[f32]>, f32)>) -> Option<(Vec<f32>, f32)> {
    let mut sum = vec![0.0; dim];
    let mut total = 0.0;
    for (vector, weight) in vectors {
        total += weight;
        sum.iter_mut().zip(vector.as_ref()).for_each(|(sum, value)| *sum += weight * value);
    }
    sum.iter_mut().for_each(|sum| *sum /= total);
    (total > 0.0 && is_nonzero(&sum)).then_some((sum, total))
}
