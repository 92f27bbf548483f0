//! Things that happen: done to the engine and noted in the truth.

use juntos_datasets::tables::{EventKind, FriendshipKind, Invites, PurchaseVisibility, TeamOutcome};
use juntos_engine::live::records::{EventRecord, FriendshipRecord, OfferRecord, ProductRecord, TeamRecord, UserRecord};
use juntos_engine::live::{Change, ChangeFault};
use rand::RngExt;

use super::Walk;
use super::truth::{Bought, Crew, Thing};
use crate::serving::world::COUNTRIES;

pub(super) const KINDS: [EventKind; 8] = [
    EventKind::Purchase,
    EventKind::Purchase,
    EventKind::Gift,
    EventKind::Like,
    EventKind::View,
    EventKind::Return,
    EventKind::Dislike,
    EventKind::Shown,
];

impl Walk {
    pub(super) fn someone(&mut self) -> usize {
        self.random.random_range(0..self.truth.people.len())
    }

    pub(super) fn something(&mut self) -> usize {
        self.random.random_range(0..self.truth.things.len())
    }

    fn do_it(&self, change: Change) {
        self.engine.apply(change, self.truth.now).unwrap();
    }

    /// One random change of any kind.
    pub(super) fn change(&mut self) {
        match self.random.random_range(0..12) {
            0..=3 => {
                let (user, product) = (self.someone(), self.something());
                let kind = KINDS[self.random.random_range(0..KINDS.len())];
                self.happen(user, product, kind);
            }
            4 => self.change_settings(),
            5 => self.change_tie(),
            6 => self.change_block(),
            7 => self.change_product(),
            8 => self.open_team(),
            9 => self.join_or_leave(),
            10 => {
                let days = [0.101, 0.403, 1.007][self.random.random_range(0..3)];
                self.truth.now = self.truth.now.plus_days(days);
            }
            _ => self.delete(),
        }
    }

    /// `user` does something to a product.
    pub(super) fn happen(&mut self, user: usize, product: usize, kind: EventKind) {
        let truth = &mut self.truth;
        truth.wake(user);
        let record = EventRecord::new(&truth.people[user].id, &truth.things[product].id, kind);
        let today = truth.now.day();
        match kind {
            EventKind::Purchase | EventKind::Gift => {
                let gift = kind == EventKind::Gift;
                truth.bought.push(Bought { user, product, day: today, gift, ended: None, stored: false });
            }
            EventKind::Return | EventKind::Dislike => {
                let hers = |bought: &&mut Bought| (bought.user, bought.product) == (user, product);
                for bought in truth.bought.iter_mut().filter(hers) {
                    bought.ended = bought.ended.or(Some(today));
                }
                truth.refused.insert((user, product));
            }
            _ => {}
        }
        if matches!(kind, EventKind::Purchase | EventKind::Like) {
            truth.refused.remove(&(user, product));
            // What the bundle knows of her comes back with the refusal gone, and becomes known anew.
            for bought in truth.bought.iter_mut().filter(|bought| (bought.user, bought.product) == (user, product)) {
                if let Some(ended) = bought.ended.filter(|_| bought.stored) {
                    bought.ended = None;
                    bought.day = if ended == today { bought.day } else { today };
                }
            }
        }
        if kind != EventKind::Shown {
            truth.touched.insert((user, product));
        }
        self.do_it(Change::Event(record));
    }

    fn change_settings(&mut self) {
        let user = self.someone();
        self.truth.wake(user);
        let person = &mut self.truth.people[user];
        person.country = [None, Some(COUNTRIES[0]), Some(COUNTRIES[1])][self.random.random_range(0..3)];
        person.birth_year = [Some(1980), Some(2007), Some(2008), Some(2015), None][self.random.random_range(0..5)];
        person.visibility = PurchaseVisibility::ALL[self.random.random_range(0..3)];
        person.invites = Invites::ALL[self.random.random_range(0..2)];
        person.personalise = self.random.random_bool(0.8);
        let record = UserRecord {
            country: person.country.map(|country| country.parse().unwrap()),
            birth_year: person.birth_year,
            purchase_visibility: person.visibility,
            invites: person.invites,
            personalise: person.personalise,
            ..UserRecord::new(&person.id)
        };
        self.do_it(Change::PutUser(record));
        self.turn_out_the_young();
    }

    /// Who has become too young for what her teams buy left them.
    fn turn_out_the_young(&mut self) {
        self.truth.turn_out_the_young();
        let world = self.engine.snapshot();
        for (id, crew) in self.truth.crews.iter().filter(|(_, crew)| crew.open(self.truth.now)) {
            let names: Vec<&str> = crew.participants.iter().map(|&user| &*self.truth.people[user].id).collect();
            assert_eq!(world.team(id).unwrap().participant_ids, names, "of {id}");
        }
    }

    fn two(&mut self) -> (usize, usize) {
        let one = self.someone();
        let other = (one + 1 + self.random.random_range(0..self.truth.people.len() - 1)) % self.truth.people.len();
        (one, other)
    }

    fn change_tie(&mut self) {
        let (one, other) = self.two();
        let ids = [one, other].map(|user| self.truth.people[user].id.clone());
        let [user_id, friend_id] = ids;
        if self.random.random_bool(0.6) {
            self.truth.wake(one);
            self.truth.wake(other);
            let follow = self.random.random_bool(0.3);
            self.truth.set_tie(one, other, true);
            if !follow {
                self.truth.set_tie(other, one, true);
            }
            let kind = if follow { FriendshipKind::Follow } else { FriendshipKind::Friend };
            self.do_it(Change::PutFriendship(FriendshipRecord { kind, ..FriendshipRecord::new(user_id, friend_id) }));
        } else if !self.truth.people[one].gone && !self.truth.people[other].gone {
            self.truth.set_tie(one, other, false);
            self.truth.set_tie(other, one, false);
            self.do_it(Change::DeleteFriendship { user_id, friend_id });
        }
    }

    fn change_block(&mut self) {
        let (one, other) = self.two();
        self.truth.wake(one);
        self.truth.wake(other);
        let [user_id, blocked_id] = [one, other].map(|user| self.truth.people[user].id.clone());
        let block = self.random.random_bool(0.5);
        self.truth.set_block(one, other, block);
        self.do_it(match block {
            true => Change::PutBlock { user_id, blocked_id },
            false => Change::DeleteBlock { user_id, blocked_id },
        });
    }

    fn change_product(&mut self) {
        let product = self.something();
        let thing = Thing {
            id: self.truth.things[product].id.clone(),
            only_to: self.random.random_bool(0.2).then(|| COUNTRIES[self.random.random_range(0..2)]),
            stock: self.random.random_bool(0.2).then_some(0),
            hidden: self.random.random_bool(0.1),
            min_age: self.random.random_bool(0.3).then_some(18),
            sensitive: self.random.random_bool(0.2),
            team_price: self.random.random_bool(0.5),
        };
        self.do_it(Change::PutProduct(record(&thing)));
        self.truth.things[product] = thing;
        self.turn_out_the_young();
    }

    fn open_team(&mut self) {
        let (initiator, product) = (self.someone(), self.something());
        let id = format!("t{}", self.random.random_range(0..8));
        let min_size = self.random.random_range(2..4);
        let deadline = self.truth.now.plus_days([0.05, 1.0][self.random.random_range(0..2)]);
        if self.truth.crews.contains_key(&id) {
            return;
        }
        let old_enough = self.truth.things[product].min_age.is_none_or(|age| self.truth.age(Some(initiator)) >= age);
        let public = [None, Some(false), Some(true)][self.random.random_range(0..3)];
        let record = TeamRecord {
            team_id: id.clone(),
            product_id: self.truth.things[product].id.clone(),
            initiator_id: self.truth.people[initiator].id.clone(),
            participant_ids: Vec::new(),
            min_size,
            opened_at: None,
            deadline: Some(deadline),
            outcome: TeamOutcome::Open,
            public,
        };
        let opened = self.engine.apply(Change::PutTeam(record), self.truth.now);
        assert_eq!(opened.is_ok(), old_enough, "who is too young opens no team");
        if old_enough {
            self.truth.wake(initiator);
            let crew = Crew {
                product,
                initiator: Some(initiator),
                participants: Vec::new(),
                nameless: 0,
                min_size: min_size as usize,
                deadline,
                cancelled: false,
                public,
            };
            self.truth.crews.insert(id, crew);
        }
    }

    fn join_or_leave(&mut self) {
        let user = self.someone();
        let ids: Vec<String> = self.truth.crews.keys().cloned().collect();
        if ids.is_empty() || self.truth.people[user].gone {
            return;
        }
        let team_id = ids[self.random.random_range(0..ids.len())].clone();
        let crew = self.truth.crews[&team_id].clone();
        let (inside, open) = (crew.members().any(|member| member == user), crew.open(self.truth.now));
        let user_id = self.truth.people[user].id.clone();
        if inside && self.random.random_bool(0.5) {
            let left = self.engine.apply(Change::LeaveTeam { team_id: team_id.clone(), user_id }, self.truth.now);
            assert_eq!(left.is_ok(), open);
            let crew = self.truth.crews.get_mut(&team_id).unwrap();
            if open {
                crew.cancelled |= crew.initiator == Some(user);
                crew.participants.retain(|&member| member != user);
            }
            return;
        }
        let old_enough = self.truth.things[crew.product].min_age.is_none_or(|age| self.truth.age(Some(user)) >= age);
        let apart = crew.members().any(|member| member != user && self.truth.keeps_out(user, member, crew.initiator));
        let joined = self.engine.apply(Change::JoinTeam { team_id: team_id.clone(), user_id }, self.truth.now);
        match joined {
            Ok(_) => {
                assert!(open && !inside && old_enough && !apart, "nobody joins where she may not");
                self.truth.crews.get_mut(&team_id).unwrap().participants.push(user);
            }
            Err(ChangeFault::NotAllowedInTeam { .. }) => assert!(!old_enough || apart),
            Err(_) => assert!(inside || !open),
        }
    }

    fn delete(&mut self) {
        let user = self.someone();
        if self.random.random_bool(0.3) && !self.truth.people[user].gone {
            self.do_it(Change::DeleteUser(self.truth.people[user].id.clone()));
            self.truth.delete(user);
        }
    }
}

fn record(thing: &Thing) -> ProductRecord {
    let offer = |country: &str| OfferRecord::new(country.parse().unwrap(), 1, 3);
    ProductRecord {
        price_minor: Some(1_000),
        currency: Some("EUR".parse().unwrap()),
        group_price_minor: thing.team_price.then_some(700),
        group_min_size: thing.team_price.then_some(3),
        stock: thing.stock,
        hidden: thing.hidden,
        offers: thing.only_to.map(offer).into_iter().collect(),
        min_age: thing.min_age,
        sensitive: thing.sensitive,
        ..ProductRecord::new(&thing.id)
    }
}
