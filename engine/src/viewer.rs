//! Who asks: an id becomes a person, and what may be used about her is settled once.

use std::sync::Arc;

use juntos_datasets::units::{Country, Timestamp};

use crate::allowed::Conditions;
use crate::privacy::{Privacy, certain_age};
use crate::recommend::Snapshot;
use crate::request::{Context, Degraded, Market};
use crate::rules::Prepared;

/// The person who asks, as far as one question may know her.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// Her row, if what is known about her may be used; nothing personal is reached any other way.
    pub(crate) personal: Option<u32>,
    /// Her row in any case: for what protects her, which no setting switches off.
    pub(crate) row: Option<u32>,
    /// Country she shops in.
    pub(crate) country: Option<Country>,
    /// Age in whole years that she has reached for certain; 0 when unknown.
    pub(crate) age: u32,
    /// Ids of the question that nobody knows.
    pub(crate) missing: Vec<String>,
    /// Exclusions that hold where she is, one bit each.
    excluded: u64,
    rules: Arc<Prepared>,
    why: Why,
}

/// How well she is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Known,
    New,
    NotPersonal,
    Unknown,
}

impl Viewer {
    /// The person with this id; nobody in particular without one.
    pub(crate) fn new(world: &Snapshot, user_id: Option<&str>, context: &Context) -> Self {
        let row = user_id.and_then(|id| world.user_row(id));
        let profile = row.map(|row| world.profile(row));
        let personal = row.filter(|_| context.personalise && profile.is_some_and(|profile| profile.personalise));
        let why = match (user_id, row, personal) {
            (_, _, Some(row)) if world.own_vector(row).is_some() => Why::Known,
            (_, _, Some(_)) => Why::New,
            (_, Some(_), None) | (None, None, None) => Why::NotPersonal,
            (Some(_), None, None) => Why::Unknown,
        };
        let country = context.market.country.or(profile.and_then(|profile| profile.country));
        Self {
            personal,
            row,
            country,
            age: certain_age(profile.and_then(|profile| profile.birth_year), context.now),
            missing: user_id.filter(|_| row.is_none()).map(str::to_owned).into_iter().collect(),
            excluded: world.rules.exclusions_for(context.surface, country, context.now),
            rules: world.rules.clone(),
            why,
        }
    }

    /// The gate for what she may see.
    pub(crate) fn privacy<'a>(&self, world: &'a Snapshot, now: Timestamp) -> Privacy<'a> {
        Privacy::new(world, self, now)
    }

    /// What decides which products she may be shown.
    pub(crate) fn conditions<'a>(&'a self, context: &'a Context) -> Conditions<'a> {
        let market = Market { country: self.country, ..context.market.clone() };
        Conditions { filter: &context.filter, market, age: self.age, excluded: self.excluded, rates: &self.rules.rates }
    }

    /// How her list was found; `enough` tells that the usual way filled it.
    pub(crate) fn degraded(&self, enough: bool) -> Option<Degraded> {
        match self.why {
            Why::Unknown => Some(Degraded::UnknownUser),
            Why::NotPersonal => Some(Degraded::NotPersonalised),
            Why::New => Some(Degraded::NewUser),
            Why::Known => (!enough).then_some(Degraded::FewCandidates),
        }
    }
}
