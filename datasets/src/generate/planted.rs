//! The planted truth of a world: what tests compare with what a model finds.

use rayon::prelude::*;

use crate::tables::TeamOutcome;
use crate::units::Timestamp;

use super::World;
use super::categories::CATEGORIES;
use super::choice::{Chooser, Shelves};
use super::circles::{Circles, since};
use super::events::{PlantedEvent, events_of};
use super::people::{Person, Settlement};
use super::products::{Good, Shop, goods, shops};
use super::random::{Purpose, stream};
use super::tastes::{Taste, direction};
use super::teams::{PlantedTeam, chances, teams};

/// Products that a community talks about.
const TALKED_ABOUT: usize = 16;

/// A world laid out in memory, all but its events: `docs/results.md` has the memory of a large one. Users, products,
/// sellers and teams are known by their numbers from 0.
#[derive(Debug)]
pub struct Planted {
    world: World,
    people: Vec<Person>,
    user_tastes: Vec<Taste>,
    shops: Vec<Shop>,
    goods: Vec<Good>,
    product_tastes: Vec<Taste>,
    pub(super) category_tastes: [Taste; CATEGORIES],
    pub(super) shelves: Shelves,
    circles: Circles,
    talked_about: Vec<u32>,
    talked_about_ends: Vec<u32>,
    teams: Vec<PlantedTeam>,
    joined_offsets: Vec<u32>,
    joined: Vec<u32>,
}

impl Planted {
    pub(super) fn new(world: &World) -> Self {
        let seed = world.seed;
        let category_tastes =
            std::array::from_fn(|category| direction(&mut stream(seed, Purpose::Categories, category as u64)));
        let settlement = Settlement::new(seed, world.users, &category_tastes);
        let (people, user_tastes) = settlement.people(seed);
        let circles = Circles::new(seed, &people, &user_tastes, &settlement);
        let shops = shops(seed, world.products);
        let (goods, product_tastes) = goods(seed, world.products, &shops, &category_tastes);
        let shelves = Shelves::new(&goods);
        let mut planted = Self {
            world: world.clone(),
            people,
            user_tastes,
            shops,
            goods,
            product_tastes,
            category_tastes,
            shelves,
            circles,
            talked_about: Vec::new(),
            talked_about_ends: Vec::new(),
            teams: Vec::new(),
            joined_offsets: Vec::new(),
            joined: Vec::new(),
        };
        planted.let_communities_talk(&settlement);
        planted.teams = teams(&planted);
        (planted.joined_offsets, planted.joined) = joined(planted.users(), &planted.teams);
        planted
    }

    /// Number of users.
    pub fn users(&self) -> u32 {
        self.people.len() as u32
    }

    /// Number of products.
    pub fn products(&self) -> u32 {
        self.goods.len() as u32
    }

    /// The person with this number.
    pub fn person(&self, user: u32) -> &Person {
        &self.people[user as usize]
    }

    /// The product with this number.
    pub fn product(&self, product: u32) -> &Good {
        &self.goods[product as usize]
    }

    /// All sellers.
    pub fn shops(&self) -> &[Shop] {
        &self.shops
    }

    /// What a user likes.
    pub fn user_taste(&self, user: u32) -> &Taste {
        &self.user_tastes[user as usize]
    }

    /// What a product is like.
    pub fn product_taste(&self, product: u32) -> &Taste {
        &self.product_tastes[product as usize]
    }

    /// Who knows whom.
    pub fn circles(&self) -> &Circles {
        &self.circles
    }

    /// Since when two users know each other.
    pub fn friends_since(&self, user: u32, friend: u32) -> Timestamp {
        since(self.world.seed, &self.people, user, friend)
    }

    /// All teams, by initiator and then by time of opening.
    pub fn teams(&self) -> &[PlantedTeam] {
        &self.teams
    }

    /// For each team of `initiator`, in the order in which she opened them: its number in [`Self::teams`], and the chance that
    /// each friend had of being asked and of joining then. No model can tell better who joins.
    pub fn join_chances(&self, initiator: u32) -> Vec<(u32, Vec<(u32, f32)>)> {
        let from = self.teams.partition_point(|team| team.initiator < initiator);
        let until = self.teams.partition_point(|team| team.initiator <= initiator);
        (from as u32..).zip(chances(self, &self.teams[from..until])).collect()
    }

    /// Numbers of the succeeded teams that `user` opened or joined, ascending.
    pub fn teams_joined(&self, user: u32) -> &[u32] {
        &self.joined[self.joined_offsets[user as usize] as usize..self.joined_offsets[user as usize + 1] as usize]
    }

    /// Everything that `user` did, ascending in time; made anew at each call.
    pub fn events(&self, user: u32) -> Vec<PlantedEvent> {
        events_of(self, user)
    }

    /// Whether a product is delivered to a user and legal at her age.
    pub fn may_buy(&self, user: u32, good: &Good) -> bool {
        let person = self.person(user);
        self.may_buy_here(person.market, person.is_adult(), good)
    }

    pub(super) fn may_buy_here(&self, market: u8, adult: bool, good: &Good) -> bool {
        good.ships_to(market) && (adult || good.facts().min_age.is_none())
    }

    /// What the community of `user` talks about.
    pub(super) fn favourites(&self, user: u32) -> &[u32] {
        let community = self.person(user).community as usize;
        let start = community.checked_sub(1).map_or(0, |before| self.talked_about_ends[before]);
        &self.talked_about[start as usize..self.talked_about_ends[community] as usize]
    }

    /// The moment from which on rows are marked as the test, if there is one.
    pub(super) fn test_from(&self) -> Option<Timestamp> {
        self.world.test_from()
    }

    pub(super) fn seed(&self) -> u64 {
        self.world.seed
    }

    pub(super) fn events_per_user(&self) -> f32 {
        match self.world.events {
            Some(events) => (events as f64 / f64::from(self.world.users.max(1))) as f32,
            None => World::EVENTS_PER_USER as f32,
        }
    }

    fn let_communities_talk(&mut self, settlement: &Settlement) {
        let chosen: Vec<Vec<u32>> = settlement
            .communities
            .par_iter()
            .enumerate()
            .map(|(number, community)| {
                let mut rng = stream(self.world.seed, Purpose::Chance, number as u64);
                let chooser = Chooser::of(self, community.market, false, &community.taste, &[]);
                let moment = |number: usize| super::START.plus_days(547.0 * number as f64 / TALKED_ABOUT as f64);
                (0..TALKED_ABOUT).filter_map(|place| chooser.choose(&mut rng, moment(place), |_| 1.0)).collect()
            })
            .collect();
        for products in chosen {
            self.talked_about.extend(products);
            self.talked_about_ends.push(self.talked_about.len() as u32);
        }
    }
}

/// For each user the succeeded teams she was in, as offsets and team numbers.
fn joined(users: u32, teams: &[PlantedTeam]) -> (Vec<u32>, Vec<u32>) {
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for (number, team) in teams.iter().enumerate() {
        if team.outcome == TeamOutcome::Succeeded {
            pairs.push((team.initiator, number as u32));
            pairs.extend(team.participants.iter().map(|&user| (user, number as u32)));
        }
    }
    pairs.par_sort_unstable();
    let mut offsets = vec![0u32; users as usize + 1];
    for &(user, _) in &pairs {
        offsets[user as usize + 1] += 1;
    }
    for user in 0..users as usize {
        offsets[user + 1] += offsets[user];
    }
    (offsets, pairs.into_iter().map(|(_, team)| team).collect())
}
