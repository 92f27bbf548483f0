//! Products that a person's friends bought or are buying: what passes consent, and nothing else, is counted here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::live::teams::Team;
use crate::live::view::{Friend, Owned};
use crate::privacy::Privacy;
use crate::recommend::Snapshot;
use crate::serving_model::Blend;

/// What consenting friends say about one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Social {
    pub(crate) product: u32,
    /// The part of the friends looked at who bought it; see [`Blend::share_of_friends`].
    pub(crate) share: f32,
    /// How many of them may be counted today.
    pub(crate) count: usize,
}

/// Most friends looked at: the closest ones.
const MOST_FRIENDS: usize = 100;
/// Most products of one friend that are counted, and most that are not yet: those that others could learn of last.
const MOST_PURCHASES: usize = 64;

/// What one friend has of one product.
struct Purchase {
    product: u32,
    strength: f32,
    counts: bool,
}

/// Everything that consenting friends bought for themselves, by product.
pub(crate) fn purchases(world: &Snapshot, privacy: &Privacy<'_>) -> Vec<Social> {
    let mut seen: Vec<Purchase> = Vec::new();
    let friends = closest_open_friends(privacy);
    let all: f32 = friends.iter().map(|friend| friend.strength).sum();
    for friend in friends {
        let (counted, fresh) = of_one_friend(world, privacy, friend.row);
        let purchase = |product: u32, counts: bool| Purchase { product, strength: friend.strength, counts };
        seen.extend(counted.into_iter().map(|product| purchase(product, true)));
        seen.extend(fresh.into_iter().map(|product| purchase(product, false)));
    }
    // Stable, so that the sum of strengths does not depend on how the sort works.
    seen.sort_by_key(|purchase| purchase.product);
    seen.chunk_by(|a, b| a.product == b.product).map(|seen| of_one_product(seen, all)).collect()
}

/// What a friend bought for herself and may be known of her: products that count today, and those that will tomorrow.
///
/// Which products are looked at must not depend on what she does today, gives away or hides. So each has its place by the
/// day from which on others could learn of it, which nothing later moves; and those sent back today still have theirs.
fn of_one_friend(world: &Snapshot, privacy: &Privacy<'_>, friend: u32) -> (Vec<u32>, Vec<u32>) {
    let today = privacy.now().day();
    let ceased: Vec<(i64, u32)> = world.ceased_on(friend, today).collect();
    let still = |owned: &Owned| ceased.iter().all(|&(_, product)| product != owned.product);
    let bought = world.owned_by(friend).into_iter().filter(|owned| owned.purchases > 0).filter(still);
    let known = bought.map(|owned| (owned.shown_from_day, owned.product)).chain(ceased.iter().copied());
    let social = known.filter(|&(_, product)| privacy.is_social(product));
    let (counted, fresh) = social.partition(|&(from, _)| from <= today);
    (latest(counted), latest(fresh))
}

/// The products that others could learn of last, as many as are looked at.
fn latest(mut known: Vec<(i64, u32)>) -> Vec<u32> {
    if known.len() > MOST_PURCHASES {
        known.sort_by_key(|&(from, product)| (std::cmp::Reverse(from), product));
        known.truncate(MOST_PURCHASES);
    }
    known.into_iter().map(|(_, product)| product).collect()
}

fn of_one_product(seen: &[Purchase], all: f32) -> Social {
    Social {
        product: seen[0].product,
        share: Blend::share_of_friends(seen.iter().map(|purchase| purchase.strength).sum(), all),
        count: seen.iter().filter(|purchase| purchase.counts).count(),
    }
}

fn closest_open_friends(privacy: &Privacy<'_>) -> Vec<Friend> {
    let mut friends: Vec<Friend> = privacy.open_friends().collect();
    if friends.len() > MOST_FRIENDS {
        friends.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.row.cmp(&b.row)));
        friends.truncate(MOST_FRIENDS);
        friends.sort_by_key(|friend| friend.row);
    }
    friends
}

/// Open teams that friends of the viewer opened, or let her see them in, and that she may see, each once, one for each product: the
/// one that needs the fewest people, or the first by id for somebody who is not to be hurried.
pub(crate) fn open_teams(world: &Snapshot, privacy: &Privacy<'_>) -> BTreeMap<u32, Arc<Team>> {
    let mut best: BTreeMap<u32, Arc<Team>> = BTreeMap::new();
    for friend in privacy.friends() {
        let open = world.live.teams.open_of_member(friend.row).filter(|team| team.joinable(privacy.now()));
        for team in open.filter(|team| privacy.is_friends_team(team)) {
            let haste = |team: &Team| (team.seats_left(), team.deadline.map(|at| at.millis()));
            let rank = |team: &Team| (privacy.may_hurry().then(|| haste(team)), team.id.clone());
            let kept = best.entry(team.product).or_insert_with(|| team.clone());
            if rank(team) < rank(kept) {
                *kept = team.clone();
            }
        }
    }
    best
}
