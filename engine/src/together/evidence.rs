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
/// What a person bought is known only of the initiator herself and of friends who let her see it, sensitive products left
/// out, and of others' vectors only the trained ones: a chance to join must not tell what nobody may know.
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
            gather_somebody(&mut self.others[self.there], self.world, privacy, row);
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
    person.know_ties(world);
    if world.personalised(row) {
        person.vector = world.own_vector(row).map_or_else(Vec::new, Cow::into_owned);
        world.each_bought(row, |product| person.products.push(product));
    }
    person
}

/// Makes `person` anybody else; of one who does not allow that what is known about her is used, nothing is known.
fn gather_somebody(person: &mut Person, world: &Snapshot, privacy: &Privacy<'_>, row: u32) {
    person.forget();
    person.row = row;
    if !world.personalised(row) {
        return;
    }
    person.know_ties(world);
    if privacy.uses_taste_of(row) {
        world.read_trained_vector(row, &mut person.vector);
    }
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

impl Person {
    /// Forgets all, but keeps the memory.
    fn forget(&mut self) {
        let Self { row: _, friends, strengths, joiners, joined, products, vector } = self;
        [friends, joiners, products].into_iter().for_each(Vec::clear);
        [strengths, joined, vector].into_iter().for_each(Vec::clear);
    }

    /// Adds whom she knows and who joined her.
    fn know_ties(&mut self, world: &Snapshot) {
        world.each_friend(self.row, |friend| {
            self.friends.push(friend.row);
            self.strengths.push(friend.strength);
        });
        world.each_co_joined(self.row, |(row, times)| {
            self.joiners.push(row);
            self.joined.push(times);
        });
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
