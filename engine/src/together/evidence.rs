//! What the join model may know of a group of people: the bundle with today's changes over it, behind consent.

use std::borrow::Cow;
use std::cell::Cell;

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
    joiners: Vec<u32>,
    joined: Vec<f32>,
    products: Vec<u32>,
    vector: Vec<f32>,
}

/// Facts about the initiator and the people who might join her.
///
/// A chance to join must not tell what nobody may know. So what a person bought is known only of the initiator herself and of
/// friends who let her see it, sensitive products left out; of others' vectors only the trained ones are, and of their
/// teams those of before the cut and those that the initiator joined. Of a stranger nothing is known, and nothing of what
/// people without `personalise` do with others.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    world: &'a Snapshot,
    initiator: Person,
    /// Strengths of the initiator's ties, strongest first.
    ties: Vec<f32>,
    /// Everybody else, by row; behind them people of before, whose memory is used again.
    others: Vec<Person>,
    /// How many of `others` count.
    there: usize,
    /// Place of the one asked about last: mostly she is asked about again, or the one behind her.
    last: Cell<usize>,
}

impl<'a> Evidence<'a> {
    /// Gathers what may be used about `initiator` and `others`.
    pub(crate) fn gather(world: &'a Snapshot, privacy: &Privacy<'_>, initiator: u32, others: &[u32]) -> Self {
        let mut evidence = Self::new(world, herself(world, initiator));
        let mut rows = others.to_vec();
        rows.sort_unstable();
        rows.dedup();
        evidence.turn_to(privacy, &rows);
        evidence
    }

    /// Gathers what may be used about `others`, ascending and without repeats, in place of those before; of few at a time,
    /// so that what is gathered stays close to the processor.
    pub(crate) fn turn_to(&mut self, privacy: &Privacy<'_>, others: &[u32]) {
        self.world.bundle().prefetch_users(others);
        self.there = 0;
        for &row in others.iter().filter(|&&row| row != self.initiator.row) {
            if self.there == self.others.len() {
                self.others.push(Person::default());
            }
            gather_somebody(&mut self.others[self.there], self.world, privacy, self.initiator.row, row);
            self.there += 1;
        }
        self.last.set(0);
    }

    /// What could have been used about `initiator` and `others`, ascending, at the cut: the bundle alone, without what is
    /// not to be known any more.
    pub(crate) fn at_the_cut(world: &'a Snapshot, initiator: UserRow, others: &[u32]) -> Self {
        let mut evidence = Self::new(world, stored(world, initiator, initiator));
        let besides = others.iter().filter(|&&row| row != initiator.0);
        evidence.others = besides.map(|&row| stored(world, initiator, UserRow(row))).collect();
        evidence.there = evidence.others.len();
        evidence
    }

    fn new(world: &'a Snapshot, initiator: Person) -> Self {
        let mut ties = initiator.strengths.to_vec();
        ties.sort_unstable_by(|a, b| b.total_cmp(a));
        Self { world, initiator, ties, others: Vec::new(), there: 0, last: Cell::new(0) }
    }

    fn person(&self, user: UserRow) -> Option<&Person> {
        if user.0 == self.initiator.row {
            return Some(&self.initiator);
        }
        let (others, last) = (&self.others[..self.there], self.last.get());
        let near = (last..last + 2).find(|&at| others.get(at).is_some_and(|person| person.row == user.0));
        let at = match near {
            Some(at) => at,
            None => others.binary_search_by_key(&user.0, |person| person.row).ok()?,
        };
        self.last.set(at);
        Some(&others[at])
    }
}

/// The initiator.
fn herself(world: &Snapshot, row: u32) -> Person {
    let mut person = Person { row, ..Person::default() };
    person.know_friends(world);
    world.each_co_joined(row, |(other, times)| person.joined_by(world, other, times));
    if world.personalised(row) {
        person.vector = world.own_vector(row).map_or_else(Vec::new, Cow::into_owned);
        world.each_bought(row, |product| person.products.push(product));
    }
    person
}

/// Makes `person` anybody else; of one who does not allow that what is known about her is used, and of a stranger who does not
/// show everyone what she buys, nothing is known but how often she and the initiator were in one team.
fn gather_somebody(person: &mut Person, world: &Snapshot, privacy: &Privacy<'_>, initiator: u32, row: u32) {
    person.forget();
    person.row = row;
    if !world.personalised(row) {
        return;
    }
    if !privacy.uses_taste_of(row) {
        person.joined_by(world, initiator, world.times_joined(row, initiator));
        return;
    }
    person.know_friends(world);
    world.each_co_joined_before(row, initiator, |(other, times)| person.joined_by(world, other, times));
    world.read_trained_vector(row, &mut person.vector);
    if privacy.sees_purchases_of(row) {
        world.each_bought(row, |product| {
            if privacy.is_social(product) {
                person.products.push(product);
            }
        });
    }
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
    let (joiners, joined) = bundle.co_joined(user);
    joiners.iter().zip(joined).for_each(|(&other, &times)| person.joined_by(world, other, times));
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

impl Person {
    /// Forgets all, but keeps the memory.
    fn forget(&mut self) {
        let Self { row: _, friends, strengths, joiners, joined, products, vector } = self;
        [friends, joiners, products].into_iter().for_each(Vec::clear);
        [strengths, joined, vector].into_iter().for_each(Vec::clear);
    }

    /// Adds whom she knows.
    fn know_friends(&mut self, world: &Snapshot) {
        world.each_friend(self.row, |friend| {
            self.friends.push(friend.row);
            self.strengths.push(friend.strength);
        });
    }

    /// Adds, after those with lower rows, that somebody joined her, where that may be used.
    fn joined_by(&mut self, world: &Snapshot, other: u32, times: f32) {
        if times > 0.0 && !world.live.people.is_deleted(other) && world.personalised(other) {
            self.joiners.push(other);
            self.joined.push(times);
        }
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
        match user.0 == self.initiator.row {
            true => self.ties.partition_point(|&other| other > strength),
            false => self.friends(user).1.iter().filter(|&&other| other > strength).count(),
        }
    }
}
