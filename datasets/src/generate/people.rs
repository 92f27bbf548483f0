//! Who lives in the world: communities of similar people, and each person's market, age, consent and activity.

use rand::RngExt;
use rayon::prelude::*;

use crate::tables::{Invites, PurchaseVisibility};
use crate::units::Timestamp;

use super::categories::CATEGORIES;
use super::markets::MARKETS;
use super::random::{Purpose, below, happens, log_normal, normal, stream, weighted};
use super::tastes::{Taste, blend, direction};
use super::{END, START};

/// Latest year of birth of somebody who is of age during the whole world.
const LAST_ADULT_BIRTH_YEAR: i32 = 2005;

/// Spread of the logarithm of activity, and the mean that this spread gives before scaling.
const ACTIVITY_SPREAD: f32 = 1.1;
const ACTIVITY_MEAN: f32 = 1.8;

/// One planted person.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// Place in [`MARKETS`].
    pub market: u8,
    /// Place of her community.
    pub community: u32,
    /// Year of birth, if she told it.
    pub birth_year: Option<i32>,
    /// When she came.
    pub created_at: Timestamp,
    /// Events compared to the mean; 0 for newcomers.
    pub activity: f32,
    /// Has no ties at all.
    pub loner: bool,
    pub(super) visibility: PurchaseVisibility,
    pub(super) invites: Invites,
    pub(super) personalise: bool,
}

impl Person {
    /// Whether she may buy goods for adults: only who told her age and was of age all the time.
    pub fn is_adult(&self) -> bool {
        self.birth_year.is_some_and(|year| year <= LAST_ADULT_BIRTH_YEAR)
    }

    /// First moment at which she can do something in the recorded time.
    pub(super) fn active_from(&self) -> Timestamp {
        self.created_at.max(START)
    }
}

/// A group of users with similar taste, mostly of one country: the ground that circles of friends grow on.
#[derive(Debug, Clone)]
pub(super) struct Community {
    pub(super) market: u8,
    pub(super) taste: Taste,
    /// First of its places; the next community's first place ends it.
    pub(super) first_place: u32,
    pub(super) size: u32,
}

/// All communities, and which user sits at which place.
#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) communities: Vec<Community>,
    /// Places of communities, by market.
    pub(super) by_market: [Vec<u32>; MARKETS.len()],
    user_at: Vec<u32>,
}

impl Settlement {
    /// Settles `users` people.
    pub(super) fn new(seed: u64, users: u32, categories: &[Taste; CATEGORIES]) -> Self {
        let mut communities = Vec::new();
        let mut by_market: [Vec<u32>; MARKETS.len()] = Default::default();
        let mut first_place = 0;
        while first_place < users {
            let number = communities.len();
            let mut rng = stream(seed, Purpose::Community, number as u64);
            let size = ((log_normal(&mut rng, 0.7) * 28.0) as u32).clamp(6, 150).min(users - first_place);
            let shares: Vec<f32> = MARKETS.iter().map(|market| market.share).collect();
            let drawn = weighted(&mut rng, &shares).unwrap_or(0);
            let market = if number < MARKETS.len() { number } else { drawn };
            let liked: [usize; 3] = std::array::from_fn(|_| below(&mut rng, CATEGORIES));
            let own = direction(&mut rng);
            let taste = blend(&[
                (0.9, &categories[liked[0]]),
                (0.6, &categories[liked[1]]),
                (0.4, &categories[liked[2]]),
                (0.7, &own),
            ]);
            by_market[market].push(number as u32);
            communities.push(Community { market: market as u8, taste, first_place, size });
            first_place += size;
        }
        Self { communities, by_market, user_at: shuffled(seed, users) }
    }

    /// The member of `community` at `share` (0 to 1) of its places.
    pub(super) fn member(&self, community: u32, share: f64) -> u32 {
        let community = &self.communities[community as usize];
        let offset = ((share * f64::from(community.size)) as u32).min(community.size - 1);
        self.user_at[(community.first_place + offset) as usize]
    }

    /// Everybody with her taste, in user order.
    pub(super) fn people(&self, seed: u64) -> (Vec<Person>, Vec<Taste>) {
        let mut community_of = vec![0u32; self.user_at.len()];
        for (number, community) in self.communities.iter().enumerate() {
            for place in community.first_place..community.first_place + community.size {
                community_of[self.user_at[place as usize] as usize] = number as u32;
            }
        }
        community_of
            .par_iter()
            .enumerate()
            .map(|(user, &community)| person(seed, user as u64, community, &self.communities[community as usize]))
            .unzip()
    }
}

/// The users `0..users` in random order.
fn shuffled(seed: u64, users: u32) -> Vec<u32> {
    let mut rng = stream(seed, Purpose::Places, 0);
    let mut order: Vec<u32> = (0..users).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

fn person(seed: u64, user: u64, number: u32, community: &Community) -> (Person, Taste) {
    let mut rng = stream(seed, Purpose::Person, user);
    let own = direction(&mut rng);
    let taste = blend(&[(0.8, &community.taste), (0.6, &own)]);
    let shares: Vec<f32> = MARKETS.iter().map(|market| market.share).collect();
    let elsewhere = weighted(&mut rng, &shares).unwrap_or(0) as u8;
    let newcomer = happens(&mut rng, 0.05);
    let activity = log_normal(&mut rng, ACTIVITY_SPREAD) / ACTIVITY_MEAN;
    let days_before_end = if newcomer {
        rng.random_range(0.0..30.0)
    } else if happens(&mut rng, 0.7) {
        rng.random_range(547.0..1_500.0)
    } else {
        rng.random_range(10.0..547.0)
    };
    let person = Person {
        market: if happens(&mut rng, 0.93) { community.market } else { elsewhere },
        community: number,
        birth_year: birth_year(&mut rng),
        created_at: END.plus_days(-days_before_end),
        activity: if newcomer { 0.0 } else { activity },
        loner: happens(&mut rng, 0.06),
        visibility: match rng.random::<f32>() {
            share if share < 0.45 => PurchaseVisibility::Nobody,
            share if share < 0.85 => PurchaseVisibility::Friends,
            _ => PurchaseVisibility::Everyone,
        },
        invites: if happens(&mut rng, 0.9) { Invites::Friends } else { Invites::Nobody },
        personalise: !happens(&mut rng, 0.03),
    };
    (person, taste)
}

fn birth_year(rng: &mut rand_chacha::ChaCha8Rng) -> Option<i32> {
    match rng.random::<f32>() {
        share if share < 0.08 => None,
        share if share < 0.12 => Some(rng.random_range(2008..=2013)),
        _ => Some((1989.0 + normal(rng) * 11.0) as i32).map(|year| year.clamp(1940, LAST_ADULT_BIRTH_YEAR)),
    }
}
