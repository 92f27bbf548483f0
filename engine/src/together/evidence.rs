//! What the join model may know of a group of people: the bundle with today's changes over it, behind consent.

use std::borrow::Cow;

use juntos_datasets::tables::PurchaseVisibility;
use juntos_datasets::{ProductRow, UserRow};

use super::model::JoinEvidence;
use crate::privacy::Privacy;
use crate::recommend::Snapshot;

/// Facts about one person, gathered once for a question.
#[derive(Debug, Default)]
struct Person {
    row: u32,
    friends: Vec<u32>,
    strengths: Vec<f32>,
    products: Vec<u32>,
    joiners: Vec<u32>,
    joined: Vec<f32>,
    vector: Vec<f32>,
}

/// Facts about the initiator and the people who might join her.
///
/// What a person bought is known only of the initiator herself and of friends who let her see it, sensitive products left
/// out, and of others' vectors only the trained ones: a chance to join must not tell what nobody may know.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    world: &'a Snapshot,
    initiator: u32,
    /// Strengths of the initiator's ties, strongest first.
    ties: Vec<f32>,
    /// By row.
    people: Vec<Person>,
}

impl<'a> Evidence<'a> {
    /// Gathers what may be used about `initiator` and `others`.
    pub(crate) fn gather(world: &'a Snapshot, privacy: &Privacy<'_>, initiator: u32, others: &[u32]) -> Self {
        let mut rows: Vec<u32> = others.iter().copied().chain([initiator]).collect();
        rows.sort_unstable();
        rows.dedup();
        let gather = |row: u32| if row == initiator { herself(world, row) } else { somebody(world, privacy, row) };
        Self::new(world, initiator, rows.into_iter().map(gather).collect())
    }

    /// What could have been used about `initiator` and `others`, ascending, at the cut: the bundle alone, without what is
    /// not to be known any more.
    pub(crate) fn at_the_cut(world: &'a Snapshot, initiator: UserRow, others: &[u32]) -> Self {
        let mut rows = others.to_vec();
        if let Err(at) = rows.binary_search(&initiator.0) {
            rows.insert(at, initiator.0);
        }
        let gather = |row: u32| stored(world, initiator, UserRow(row));
        Self::new(world, initiator.0, rows.into_iter().map(gather).collect())
    }

    fn new(world: &'a Snapshot, initiator: u32, people: Vec<Person>) -> Self {
        let herself = people.iter().find(|person| person.row == initiator);
        let mut ties = herself.map_or_else(Vec::new, |person| person.strengths.clone());
        ties.sort_by(|a, b| b.total_cmp(a));
        Self { world, initiator, ties, people }
    }

    fn person(&self, user: UserRow) -> Option<&Person> {
        self.people.binary_search_by_key(&user.0, |person| person.row).ok().map(|at| &self.people[at])
    }
}

/// The initiator.
fn herself(world: &Snapshot, row: u32) -> Person {
    let mut person = with_ties(world, row);
    if world.personalised(row) {
        person.vector = world.own_vector(row).map_or_else(Vec::new, Cow::into_owned);
        person.products = bought(world, row).collect();
    }
    person
}

/// Anybody else; of one who does not allow that what is known about her is used, nothing is known.
fn somebody(world: &Snapshot, privacy: &Privacy<'_>, row: u32) -> Person {
    if !world.personalised(row) {
        return Person { row, ..Person::default() };
    }
    let mut person = with_ties(world, row);
    if privacy.uses_taste_of(row) {
        person.vector = world.vector_for_others(row).unwrap_or_default();
    }
    if privacy.sees_purchases_of(row) {
        person.products = bought(world, row).filter(|&product| privacy.is_social(product)).collect();
    }
    person
}

/// Somebody as the bundle has her, without people who have been deleted.
fn stored(world: &Snapshot, initiator: UserRow, user: UserRow) -> Person {
    let mut person = Person { row: user.0, ..Person::default() };
    let own = user == initiator;
    if !world.personalised(user.0) && !own {
        return person;
    }
    let bundle = world.bundle();
    let exists = |row: &u32| !world.live.people.is_deleted(*row);
    let kept = |(rows, values): (&[u32], &[f32])| -> (Vec<u32>, Vec<f32>) {
        rows.iter().copied().zip(values.iter().copied()).filter(|(row, _)| exists(row)).unzip()
    };
    (person.friends, person.strengths) = kept(bundle.friends(user));
    (person.joiners, person.joined) = kept(bundle.co_joined(user));
    if own || world.showed_at_the_cut(user, initiator) {
        let bought = bundle.possessions(user).iter().filter(|had| had.purchases > 0).map(|had| had.product);
        let told = |&product: &u32| own || !bundle.catalogue().sensitive(ProductRow(product));
        person.products = bought.filter(told).collect();
    }
    let everyone = bundle.profile(user).purchase_visibility == PurchaseVisibility::Everyone;
    if own || everyone || world.knew_at_the_cut(user, initiator) {
        person.vector = bundle.user_vector(user);
    }
    person
}

fn bought(world: &Snapshot, row: u32) -> impl Iterator<Item = u32> {
    world.owned_by(row).into_iter().filter(|owned| owned.purchases > 0).map(|owned| owned.product)
}

fn with_ties(world: &Snapshot, row: u32) -> Person {
    let friends = world.friends_of(row);
    let (joiners, joined) = world.co_joined(row);
    Person {
        row,
        friends: friends.iter().map(|friend| friend.row).collect(),
        strengths: friends.iter().map(|friend| friend.strength).collect(),
        joiners,
        joined,
        ..Person::default()
    }
}

impl JoinEvidence for Evidence<'_> {
    fn co_joined(&self, initiator: UserRow) -> (&[u32], &[f32]) {
        self.person(initiator).map_or((&[], &[]), |person| (&person.joiners, &person.joined))
    }

    fn friends(&self, user: UserRow) -> (&[u32], &[f32]) {
        self.person(user).map_or((&[], &[]), |person| (&person.friends, &person.strengths))
    }

    fn products(&self, user: UserRow) -> impl Iterator<Item = u32> {
        self.person(user).into_iter().flat_map(|person| person.products.iter().copied())
    }

    fn user_vector(&self, user: UserRow) -> Cow<'_, [f32]> {
        Cow::Borrowed(self.person(user).map_or(&[], |person| &person.vector))
    }

    fn product_vector(&self, product: ProductRow) -> &[f32] {
        self.world.product_vector(product.0)
    }

    fn stronger_ties(&self, user: UserRow, strength: f32) -> usize {
        match user.0 == self.initiator {
            true => self.ties.partition_point(|&other| other > strength),
            false => self.friends(user).1.iter().filter(|&&other| other > strength).count(),
        }
    }
}
