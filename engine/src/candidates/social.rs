//! Products that a person's friends bought or are buying: what passes consent, and nothing else, is counted here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::live::teams::Team;
use crate::live::view::Friend;
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
/// Most purchases of one friend looked at: the latest ones.
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
        let ceased = world.ceased_on(friend.row, privacy.now().day()).filter(|&row| privacy.is_social(row));
        let ceased: Vec<u32> = ceased.collect();
        let mut owned = world.owned_by(friend.row);
        if owned.len() > MOST_PURCHASES {
            owned.sort_by_key(|owned| (std::cmp::Reverse(owned.last_ms), owned.product));
            owned.truncate(MOST_PURCHASES);
        }
        let bought = owned.iter().filter(|owned| owned.purchases > 0 && privacy.is_social(owned.product));
        let still = bought.filter(|owned| !ceased.contains(&owned.product));
        let purchase = |product: u32, counts: bool| Purchase { product, strength: friend.strength, counts };
        seen.extend(still.map(|owned| purchase(owned.product, privacy.counts(owned))));
        seen.extend(ceased.iter().map(|&product| purchase(product, true)));
    }
    // Stable, so that the sum of strengths does not depend on how the sort works.
    seen.sort_by_key(|purchase| purchase.product);
    seen.chunk_by(|a, b| a.product == b.product).map(|seen| of_one_product(seen, all)).collect()
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
/// one that needs the fewest people.
pub(crate) fn open_teams(world: &Snapshot, privacy: &Privacy<'_>) -> BTreeMap<u32, Arc<Team>> {
    let mut best: BTreeMap<u32, Arc<Team>> = BTreeMap::new();
    for friend in privacy.friends() {
        let open = world.live.teams.open_of_member(friend.row).filter(|team| team.joinable(privacy.now()));
        for team in open.filter(|team| privacy.is_friends_team(team)) {
            let rank = |team: &Team| (team.seats_left(), team.deadline.map(|at| at.millis()), team.id.clone());
            let kept = best.entry(team.product).or_insert_with(|| team.clone());
            if rank(team) < rank(kept) {
                *kept = team.clone();
            }
        }
    }
    best
}
