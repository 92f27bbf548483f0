//! Who knows whom: ties inside communities, to neighbours of the same country, and follows of the well known.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::tables::FriendshipKind;
use crate::units::Timestamp;

use super::END;
use super::people::{Person, Settlement};
use super::random::{Purpose, below, happens, log_normal, mix, share_of, stream};
use super::tastes::{Taste, affinity};

/// Most ties that one user seeks herself; others may add any number.
const MOST_SOUGHT: u32 = 60;

/// A planted tie.
#[derive(Debug, Clone, Copy)]
pub struct Tie {
    /// Who sought the tie; the follower of a `follow`.
    pub user: u32,
    /// The other one.
    pub friend: u32,
    /// What ties them.
    pub kind: FriendshipKind,
    /// Strength, 0 to 1.
    pub strength: f32,
}

impl Tie {
    fn pair(&self) -> (u32, u32) {
        (self.user.min(self.friend), self.user.max(self.friend))
    }
}

/// All ties, and the mutual ones by user.
#[derive(Debug)]
pub struct Circles {
    /// Each pair once, ascending by the smaller and then the larger user.
    pub ties: Vec<Tie>,
    offsets: Vec<u64>,
    friends: Vec<(u32, f32)>,
}

impl Circles {
    pub(super) fn new(seed: u64, people: &[Person], tastes: &[Taste], settlement: &Settlement) -> Self {
        let seeker = Seeker { people, tastes, settlement };
        let mut ties: Vec<Tie> =
            (0..people.len() as u32).into_par_iter().flat_map_iter(|user| seeker.ties_sought(seed, user)).collect();
        ties.par_sort_by_key(Tie::pair);
        ties.dedup_by_key(|tie| tie.pair());
        let (offsets, friends) = mutual(people.len(), &ties);
        Self { ties, offsets, friends }
    }

    /// Friends of `user` in both directions, ascending, with the strength of the tie; follows are left out.
    pub fn friends(&self, user: u32) -> &[(u32, f32)] {
        &self.friends[self.offsets[user as usize] as usize..self.offsets[user as usize + 1] as usize]
    }
}

/// Since when two users know each other here: after both came.
pub(super) fn since(seed: u64, people: &[Person], user: u32, friend: u32) -> Timestamp {
    let both = people[user as usize].created_at.max(people[friend as usize].created_at);
    let pair = (u64::from(user.min(friend)) << 32) | u64::from(user.max(friend));
    both.plus_days(share_of(mix(seed) ^ pair).powi(3) * END.days_since(both))
}

fn mutual(users: usize, ties: &[Tie]) -> (Vec<u64>, Vec<(u32, f32)>) {
    let kept = || ties.iter().filter(|tie| tie.kind != FriendshipKind::Follow);
    let mut offsets = vec![0u64; users + 1];
    for tie in kept() {
        offsets[tie.user as usize + 1] += 1;
        offsets[tie.friend as usize + 1] += 1;
    }
    for user in 0..users {
        offsets[user + 1] += offsets[user];
    }
    let mut next = offsets.clone();
    let mut friends = vec![(0, 0.0); offsets[users] as usize];
    for tie in kept() {
        for (user, friend) in [(tie.user, tie.friend), (tie.friend, tie.user)] {
            friends[next[user as usize] as usize] = (friend, tie.strength);
            next[user as usize] += 1;
        }
    }
    for user in 0..users {
        friends[offsets[user] as usize..offsets[user + 1] as usize].sort_unstable_by_key(|&(friend, _)| friend);
    }
    (offsets, friends)
}

/// Looks for one user's friends.
struct Seeker<'a> {
    people: &'a [Person],
    tastes: &'a [Taste],
    settlement: &'a Settlement,
}

impl Seeker<'_> {
    fn ties_sought(&self, seed: u64, user: u32) -> Vec<Tie> {
        if self.people[user as usize].loner {
            return Vec::new();
        }
        let mut rng = stream(seed, Purpose::Circle, u64::from(user));
        let sought = ((log_normal(&mut rng, 0.9) * 3.8) as u32 + 1).min(MOST_SOUGHT);
        let favourites = rng.random_range(1..=2);
        (0..sought).filter_map(|number| self.tie(&mut rng, user, number < favourites)).collect()
    }

    fn tie(&self, rng: &mut ChaCha8Rng, user: u32, favourite: bool) -> Option<Tie> {
        let way = rng.random::<f32>();
        let (friend, kind, base) = if favourite {
            let kind = if happens(rng, 0.4) { FriendshipKind::Family } else { FriendshipKind::Friend };
            (self.neighbour(rng, user), kind, 0.72)
        } else if way < 0.72 {
            (self.neighbour(rng, user), FriendshipKind::Friend, 0.25)
        } else if way < 0.91 {
            let kind = if happens(rng, 0.5) { FriendshipKind::Colleague } else { FriendshipKind::Friend };
            (self.compatriot(rng, user, 4), kind, 0.1)
        } else {
            (self.compatriot(rng, user, 1), FriendshipKind::Follow, 0.05)
        };
        if friend == user || self.people[friend as usize].loner {
            return None;
        }
        let alike = affinity(&self.tastes[user as usize], &self.tastes[friend as usize]).max(0.0);
        let strength = base + 0.2 * alike + 0.15 * rng.random::<f32>();
        Some(Tie { user, friend, kind, strength: (strength.clamp(0.05, 1.0) * 100.0).round() / 100.0 })
    }

    /// The most similar of three members of her community, the well known drawn more often.
    fn neighbour(&self, rng: &mut ChaCha8Rng, user: u32) -> u32 {
        let community = self.people[user as usize].community;
        self.most_similar(user, (0..3).map(|_| self.settlement.member(community, rng.random::<f64>().powf(1.5))))
    }

    /// The most similar of `tries` people from communities of her community's country, the well known drawn most.
    fn compatriot(&self, rng: &mut ChaCha8Rng, user: u32, tries: usize) -> u32 {
        let home = self.people[user as usize].community;
        let market = self.settlement.communities[home as usize].market;
        let communities = &self.settlement.by_market[market as usize];
        let draws = (0..tries).map(|_| {
            let community = communities[below(rng, communities.len())];
            self.settlement.member(community, rng.random::<f64>().powi(3))
        });
        self.most_similar(user, draws)
    }

    fn most_similar(&self, user: u32, drawn: impl Iterator<Item = u32>) -> u32 {
        let alike = |other: u32| affinity(&self.tastes[user as usize], &self.tastes[other as usize]);
        drawn.filter(|&other| other != user).max_by(|&a, &b| alike(a).total_cmp(&alike(b))).unwrap_or(user)
    }
}
