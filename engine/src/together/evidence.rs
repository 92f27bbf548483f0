//! What the join model may know of a group of people: the bundle with today's changes over it, behind consent.

use std::borrow::Cow;

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
/// What a person bought is known only of the initiator herself and of friends who let her see it: a chance to join
/// must not tell what nobody may know.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    world: &'a Snapshot,
    /// By row.
    people: Vec<Person>,
}

impl<'a> Evidence<'a> {
    /// Gathers what may be used about `initiator` and `others`.
    pub(crate) fn gather(world: &'a Snapshot, privacy: &Privacy<'_>, initiator: u32, others: &[u32]) -> Self {
        let mut rows: Vec<u32> = others.iter().copied().chain([initiator]).collect();
        rows.sort_unstable();
        rows.dedup();
        let open = |row: u32| row == initiator || privacy.sees_purchases_of(row);
        Self { world, people: rows.into_iter().map(|row| person(world, row, open(row))).collect() }
    }

    fn person(&self, user: UserRow) -> Option<&Person> {
        self.people.binary_search_by_key(&user.0, |person| person.row).ok().map(|at| &self.people[at])
    }
}

fn person(world: &Snapshot, row: u32, open: bool) -> Person {
    let friends = world.friends_of(row);
    let (joiners, joined) = world.co_joined(row);
    let mut person = Person {
        row,
        friends: friends.iter().map(|friend| friend.row).collect(),
        strengths: friends.iter().map(|friend| friend.strength).collect(),
        joiners,
        joined,
        ..Person::default()
    };
    if world.personalised(row) {
        person.vector = world.own_vector(row).map_or_else(Vec::new, Cow::into_owned);
        if open {
            let bought = world.owned_by(row).into_iter().filter(|owned| owned.purchases > 0);
            person.products = bought.map(|owned| owned.product).collect();
        }
    }
    person
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
}
