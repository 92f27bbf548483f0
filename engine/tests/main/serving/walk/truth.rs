//! What is true, in plain lists: slow and obvious.

use std::collections::{BTreeMap, BTreeSet};

use juntos_datasets::tables::{Invites, PurchaseVisibility};
use juntos_datasets::units::Timestamp;

use super::super::world::{World, now};

/// The year of every walk.
pub(super) const YEAR: i32 = 2026;

#[derive(Debug, Clone)]
pub(super) struct Human {
    pub id: String,
    pub country: Option<&'static str>,
    pub birth_year: Option<i32>,
    pub visibility: PurchaseVisibility,
    pub invites: Invites,
    pub personalise: bool,
    pub gone: bool,
    /// The same person as in the bundle: not one who came back after a deletion.
    pub stored: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thing {
    pub id: String,
    pub only_to: Option<&'static str>,
    pub stock: Option<i64>,
    pub hidden: bool,
    pub min_age: Option<u32>,
    pub sensitive: bool,
    pub team_price: bool,
}

/// One purchase or gift.
#[derive(Debug, Clone)]
pub(super) struct Bought {
    pub user: usize,
    pub product: usize,
    /// Day on which it became known.
    pub day: i64,
    pub gift: bool,
    /// Day on which it was sent back or disliked.
    pub ended: Option<i64>,
    /// Known to the bundle.
    pub stored: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Crew {
    pub product: usize,
    pub initiator: Option<usize>,
    pub participants: Vec<usize>,
    pub nameless: usize,
    pub min_size: usize,
    pub deadline: Timestamp,
    pub cancelled: bool,
    /// What its initiator says of whether strangers may see it.
    pub public: Option<bool>,
}

impl Crew {
    pub(super) fn members(&self) -> impl Iterator<Item = usize> {
        self.initiator.into_iter().chain(self.participants.iter().copied())
    }

    pub(super) fn seats(&self) -> usize {
        self.min_size.saturating_sub(self.members().count() + self.nameless)
    }

    pub(super) fn open(&self, now: Timestamp) -> bool {
        !self.cancelled && self.seats() > 0 && self.deadline >= now
    }
}

#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub now: Timestamp,
    pub people: Vec<Human>,
    pub things: Vec<Thing>,
    pub bought: Vec<Bought>,
    pub refused: BTreeSet<(usize, usize)>,
    pub crews: BTreeMap<String, Crew>,
    /// Who did anything to a product since the cut.
    pub touched: BTreeSet<(usize, usize)>,
    ties: BTreeSet<(usize, usize)>,
    blocks: BTreeSet<(usize, usize)>,
}

impl Truth {
    pub(super) fn of(world: &World) -> Self {
        let people = world.people.iter().map(|person| Human {
            id: person.id.clone(),
            country: Some(person.country),
            birth_year: person.birth_year,
            visibility: person.visibility,
            invites: person.invites,
            personalise: person.personalise,
            gone: false,
            stored: true,
        });
        let things = world.goods.iter().map(|good| Thing {
            id: good.id.clone(),
            only_to: good.only_to,
            stock: good.stock,
            hidden: good.hidden,
            min_age: good.min_age,
            sensitive: good.sensitive,
            team_price: good.team_price,
        });
        let bought = world.bought.iter().map(|&(user, product, days, gift)| Bought {
            user,
            product,
            day: now().day() - i64::from(days),
            gift,
            ended: None,
            stored: true,
        });
        let crew = |team: &super::super::world::Deal| Crew {
            product: team.product,
            initiator: Some(team.initiator),
            participants: team.participants.clone(),
            nameless: 0,
            min_size: 5,
            deadline: now().plus_days(1.0),
            cancelled: false,
            public: team.public,
        };
        let n = world.people.len();
        let pairs = (0..n).flat_map(|one| (0..n).map(move |other| (one, other)));
        let (mut ties, mut blocks) = (BTreeSet::new(), BTreeSet::new());
        for (one, other) in pairs {
            if world.blocked(one, other) {
                // A bundle has lost the direction.
                blocks.insert((one, other));
            } else if world.has_tie(one, other) {
                ties.insert((one, other));
            }
        }
        let mut truth = Self {
            now: now(),
            people: people.collect(),
            things: things.collect(),
            bought: bought.collect(),
            refused: BTreeSet::new(),
            crews: world.teams.iter().map(|team| (team.id.clone(), crew(team))).collect(),
            touched: BTreeSet::new(),
            ties,
            blocks,
        };
        truth.turn_out_the_young();
        truth
    }

    /// Who has become too young for what an open team buys is in it no more; without its initiator there is none.
    pub(super) fn turn_out_the_young(&mut self) {
        let mut crews = std::mem::take(&mut self.crews);
        for crew in crews.values_mut().filter(|crew| crew.open(self.now)) {
            let min_age = self.things[crew.product].min_age.unwrap_or(0);
            let is_young = |user: usize| self.age(Some(user)) < min_age;
            crew.cancelled |= crew.initiator.is_some_and(is_young);
            crew.participants.retain(|&user| !is_young(user));
        }
        self.crews = crews;
    }

    pub(super) fn set_tie(&mut self, one: usize, other: usize, there: bool) {
        if there {
            self.ties.insert((one, other))
        } else {
            self.ties.remove(&(one, other))
        };
    }

    pub(super) fn set_block(&mut self, one: usize, other: usize, there: bool) {
        if there {
            self.blocks.insert((one, other))
        } else {
            self.blocks.remove(&(one, other))
        };
    }

    /// The person behind an id that may have been deleted: she comes back as somebody new.
    pub(super) fn wake(&mut self, user: usize) {
        if !self.people[user].gone {
            return;
        }
        let id = self.people[user].id.clone();
        self.people[user] = Human {
            id,
            country: None,
            birth_year: None,
            visibility: PurchaseVisibility::Nobody,
            invites: Invites::Friends,
            personalise: true,
            gone: false,
            stored: false,
        };
    }

    pub(super) fn delete(&mut self, user: usize) {
        self.people[user].gone = true;
        self.bought.retain(|bought| bought.user != user);
        self.refused.retain(|&(who, _)| who != user);
        self.touched.retain(|&(who, _)| who != user);
        self.ties.retain(|&(one, other)| one != user && other != user);
        self.blocks.retain(|&(one, other)| one != user && other != user);
        let now = self.now;
        for crew in self.crews.values_mut() {
            let was_open = crew.open(now);
            crew.nameless += crew.members().filter(|&member| member == user).count();
            crew.participants.retain(|&member| member != user);
            if crew.initiator == Some(user) {
                crew.initiator = None;
                crew.cancelled |= was_open;
            }
        }
    }

    /// Whether a block keeps `user` out of a team of `initiator` with `member` in it: hers does only where she may know that.
    pub(super) fn keeps_out(&self, user: usize, member: usize, initiator: Option<usize>) -> bool {
        let knows = match self.people[member].visibility {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => self.ties.contains(&(user, member)) && self.ties.contains(&(member, user)),
            PurchaseVisibility::Everyone => true,
        };
        let knows = knows || initiator == Some(member);
        self.blocks.contains(&(member, user)) || knows && self.blocks.contains(&(user, member))
    }

    pub(super) fn blocked(&self, one: usize, other: usize) -> bool {
        self.blocks.contains(&(one, other)) || self.blocks.contains(&(other, one))
    }

    pub(super) fn tied(&self, one: usize, other: usize) -> bool {
        !self.people[other].gone && !self.blocked(one, other) && self.ties.contains(&(one, other))
    }

    pub(super) fn mutual(&self, one: usize, other: usize) -> bool {
        self.tied(one, other) && self.tied(other, one)
    }

    /// Whether `viewer` may learn what `friend` buys.
    pub(super) fn sees_purchases(&self, viewer: usize, friend: usize) -> bool {
        let person = &self.people[friend];
        viewer != friend
            && person.personalise
            && match person.visibility {
                PurchaseVisibility::Nobody => false,
                PurchaseVisibility::Friends => self.mutual(viewer, friend),
                PurchaseVisibility::Everyone => self.tied(viewer, friend),
            }
    }

    /// Friends of `viewer` whose purchase of `product` she may be told of; `counted` leaves out today's.
    pub(super) fn proof(&self, viewer: usize, product: usize, counted: bool) -> usize {
        let today = self.now.day();
        let tells = |friend: usize| {
            self.bought.iter().any(|bought| {
                (bought.user, bought.product, bought.gift) == (friend, product, false)
                    && bought.ended.is_none_or(|ended| ended == today)
                    && (!counted || bought.day < today)
            })
        };
        (0..self.people.len()).filter(|&friend| self.sees_purchases(viewer, friend) && tells(friend)).count()
    }

    pub(super) fn owns(&self, user: usize, product: usize) -> bool {
        let hers = |bought: &&Bought| (bought.user, bought.product, bought.gift) == (user, product, false);
        self.bought.iter().filter(hers).any(|bought| bought.ended.is_none())
    }

    /// Buyers before the cut who still exist and let it be counted.
    pub(super) fn buyers_before(&self, product: usize) -> usize {
        let counts = |user: usize| {
            let person = &self.people[user];
            let mut all = self.bought.iter();
            person.stored
                && !person.gone
                && person.personalise
                && all
                    .any(|bought| bought.stored && (bought.user, bought.product, bought.gift) == (user, product, false))
        };
        (0..self.people.len()).filter(|&user| counts(user)).count()
    }

    /// The age that is certain; zero for nobody and for the unknown.
    pub(super) fn age(&self, user: Option<usize>) -> u32 {
        let born = user.and_then(|user| self.people[user].birth_year.filter(|_| !self.people[user].gone));
        born.map_or(0, |born| u32::try_from(YEAR - born - 1).unwrap_or(0))
    }

    /// Whether somebody of this age, in this country, may be shown the product at all.
    pub(super) fn may_see(&self, age: u32, country: Option<&str>, product: usize) -> bool {
        let thing = &self.things[product];
        !thing.hidden
            && thing.stock != Some(0)
            && thing.min_age.is_none_or(|min_age| age >= min_age)
            && (thing.only_to.is_none() || country.is_none() || thing.only_to == country)
    }

    pub(super) fn person(&self, id: &str) -> Option<usize> {
        self.people.iter().position(|person| person.id == id)
    }

    pub(super) fn thing(&self, id: &str) -> Option<usize> {
        self.things.iter().position(|thing| thing.id == id)
    }
}
