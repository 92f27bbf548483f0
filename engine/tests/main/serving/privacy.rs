//! Properties 1 to 4: what nobody may see.

use juntos_engine::live::Change;
use juntos_engine::reasons::{CountBucket, Reason};
use juntos_engine::request::{Answer, ProductItem};
use proptest::prelude::*;

use super::world::{World, ask};

pub(super) fn least(count: CountBucket) -> usize {
    match count {
        CountBucket::ThreePlus => 3,
        CountBucket::FivePlus => 5,
        CountBucket::TenPlus => 10,
        CountBucket::FiftyPlus => 50,
    }
}

/// Friends of `viewer` whose purchase of `product` may be counted: consenting, not today's, not gifts.
fn countable(world: &World, viewer: usize, product: usize) -> usize {
    (0..world.people.len())
        .filter(|&friend| friend != viewer && world.sees_purchases(viewer, friend))
        .filter(|&friend| {
            let mut own =
                world.bought.iter().filter(|&&(who, what, _, gift)| (who, what) == (friend, product) && !gift);
            own.any(|&(_, _, days, _)| days > 0)
        })
        .count()
}

fn check_products(world: &World, viewer: usize, answer: &Answer<ProductItem>) -> Result<(), TestCaseError> {
    for item in &answer.items {
        let product = world.good(&item.product_id);
        prop_assert!(world.may_see(viewer, product), "{} is shown to {}", item.product_id, world.people[viewer].id);
        for reason in &item.reasons {
            match reason {
                Reason::FriendsBought { count } => {
                    prop_assert!(countable(world, viewer, product) >= least(*count));
                    prop_assert!(!world.goods[product].sensitive);
                }
                Reason::OpenTeam { team_id, .. } => check_team(world, viewer, team_id)?,
                Reason::BecauseYouBought { product_id } => {
                    prop_assert!(world.has_bought(viewer, world.good(product_id)));
                    prop_assert!(!world.goods[world.good(product_id)].sensitive);
                }
                _ => {}
            }
        }
        if let Some(team) = &item.team {
            check_team(world, viewer, &team.team_id)?;
            check_inside(world, viewer, &team.friends_inside)?;
        }
    }
    Ok(())
}

fn check_team(world: &World, viewer: usize, team_id: &str) -> Result<(), TestCaseError> {
    let team = world.teams.iter().find(|team| team.id == team_id).unwrap();
    let shows_all = world.people[team.initiator].visibility == juntos_datasets::tables::PurchaseVisibility::Everyone;
    let open_to_all = team.public.unwrap_or(shows_all);
    let personal = world.people[viewer].personalise;
    prop_assert!(open_to_all || personal && world.mutual(viewer, team.initiator));
    prop_assert!(!world.goods[team.product].sensitive);
    prop_assert!(world.may_see(viewer, team.product));
    // Who is too young for the product is not in the team, whatever the bundle says.
    let is_in = |member: &&usize| world.goods[team.product].min_age.is_none() || !is_young(world, **member);
    for member in team.participants.iter().chain([&team.initiator]).filter(is_in) {
        prop_assert!(!world.blocked(viewer, *member) && (!personal || *member != viewer));
    }
    Ok(())
}

fn check_inside(world: &World, viewer: usize, named: &[String]) -> Result<(), TestCaseError> {
    for id in named {
        prop_assert!(world.people[viewer].personalise && world.sees_purchases(viewer, world.person(id)));
    }
    Ok(())
}

fn check_invited(world: &World, viewer: usize, product: usize, id: &str) -> Result<(), TestCaseError> {
    let friend = world.person(id);
    prop_assert!(world.mutual(viewer, friend));
    prop_assert_eq!(world.people[friend].invites, juntos_datasets::tables::Invites::Friends);
    prop_assert!(world.goods[product].min_age.is_none() || !is_young(world, friend));
    Ok(())
}

fn is_young(world: &World, user: usize) -> bool {
    world.people[user].birth_year.is_none_or(|born| 2026 - born <= 18)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn nothing_is_shown_that_may_not_be(seed: u64) {
        let world = World::random(seed);
        let snapshot = world.engine().snapshot();
        for (viewer, person) in world.people.iter().enumerate() {
            let feed = snapshot.feed(&person.id, &ask(10)).unwrap();
            check_products(&world, viewer, &feed)?;
            if person.personalise {
                for item in &feed.items {
                    prop_assert!(!world.has_bought(viewer, world.good(&item.product_id)));
                }
            }
            check_products(&world, viewer, &snapshot.trending(Some(&person.id), &ask(10)).unwrap())?;
            check_products(&world, viewer, &snapshot.repurchase(&person.id, &ask(10)).unwrap())?;
            let given = [world.goods[0].id.clone()];
            check_products(&world, viewer, &snapshot.similar(&given, Some(&person.id), &ask(10)).unwrap())?;
            for team in snapshot.group_teams(&person.id, &ask(10)).unwrap().items {
                check_team(&world, viewer, &team.team_id)?;
                check_inside(&world, viewer, &team.friends_inside)?;
            }
            for product in 0..3 {
                let friends = snapshot.group_friends(&person.id, &world.goods[product].id, &ask(10)).unwrap();
                prop_assert!(person.personalise || friends.items.is_empty());
                for friend in friends.items {
                    check_invited(&world, viewer, product, &friend.user_id)?;
                    prop_assert!((0.0..=1.0).contains(&friend.join_probability));
                }
            }
        }
    }

    #[test]
    fn a_group_gets_what_all_may_see_and_names_whom_it_may(seed: u64, with_friends: bool) {
        let world = World::random(seed);
        let snapshot = world.engine().snapshot();
        let members = [0, 1, 2];
        let ids: Vec<String> = members.iter().map(|&member| world.people[member].id.clone()).collect();
        let answer = snapshot.group_products(&ids, with_friends, &ask(10)).unwrap();
        for item in &answer.items {
            let product = world.good(&item.product.product_id);
            prop_assert!(members.iter().all(|&member| world.may_see(member, product)));
            prop_assert_eq!(item.success_probability.is_some(), world.people[0].personalise);
            prop_assert!(item.success_probability.is_none_or(|chance| (0.0..=1.0).contains(&chance)));
            for id in &item.would_join {
                check_invited(&world, 0, product, id)?;
                prop_assert!(world.may_see(world.person(id), product));
            }
        }
        prop_assert!(world.people[0].personalise || answer.items.iter().all(|item| item.would_join.is_empty()));
    }

    #[test]
    fn without_personalisation_all_in_a_market_get_the_same(seed: u64) {
        let mut world = World::random(seed);
        for person in &mut world.people {
            person.country = "ES";
            person.birth_year = Some(1980);
            person.personalise = false;
        }
        // Blocks protect, whatever the setting: they may make a difference.
        world.blocks.clear();
        let snapshot = world.engine().snapshot();
        let first = &world.people[0].id;
        let product = &world.goods[0].id;
        for other in &world.people[1..] {
            prop_assert_eq!(snapshot.feed(first, &ask(10)), snapshot.feed(&other.id, &ask(10)));
            prop_assert_eq!(snapshot.repurchase(first, &ask(10)), snapshot.repurchase(&other.id, &ask(10)));
            prop_assert_eq!(snapshot.trending(Some(first), &ask(10)), snapshot.trending(Some(&other.id), &ask(10)));
            let similar = |id: &str| snapshot.similar(std::slice::from_ref(product), Some(id), &ask(10));
            prop_assert_eq!(similar(first), similar(&other.id));
            prop_assert_eq!(snapshot.group_teams(first, &ask(10)), snapshot.group_teams(&other.id, &ask(10)));
            let friends = |id: &str| snapshot.group_friends(id, product, &ask(10));
            prop_assert_eq!(friends(first), friends(&other.id));
            let group = |id: &str| snapshot.group_products(&[id.to_owned()], true, &ask(10));
            prop_assert_eq!(group(first), group(&other.id));
        }
        prop_assert_eq!(snapshot.feed(first, &ask(10)).unwrap().degraded.is_some(), true);
    }

    #[test]
    fn a_deleted_user_is_nowhere(seed: u64) {
        let world = World::random(seed);
        let engine = world.engine();
        let gone = world.people[1].id.clone();
        engine.apply(Change::DeleteUser(gone.clone()), super::world::now()).unwrap();
        let snapshot = engine.snapshot();
        prop_assert!(snapshot.user(&gone).is_none());
        prop_assert!(snapshot.friendships(&gone).is_empty() && snapshot.blocks(&gone).is_empty());
        prop_assert_eq!(snapshot.feed(&gone, &ask(5)).unwrap().missing, vec![gone.clone()]);
        let mut without = world.clone();
        without.ties.retain(|&(one, other, _)| one != 1 && other != 1);
        without.bought.retain(|&(who, ..)| who != 1);
        without.blocks.retain(|&(one, other)| one != 1 && other != 1);
        without.teams.iter_mut().for_each(|team| team.participants.retain(|&member| member != 1));
        for (viewer, person) in world.people.iter().enumerate().filter(|&(at, _)| at != 1) {
            prop_assert!(snapshot.friendships(&person.id).iter().all(|tie| tie.friend_id != gone));
            for team in snapshot.group_teams(&person.id, &ask(10)).unwrap().items {
                prop_assert!(!team.friends_inside.contains(&gone));
                let record = snapshot.team(&team.team_id).unwrap();
                prop_assert!(record.initiator_id != gone && !record.participant_ids.contains(&gone));
            }
            let friends = snapshot.group_friends(&person.id, &world.goods[0].id, &ask(10)).unwrap();
            prop_assert!(friends.items.iter().all(|friend| friend.user_id != gone));
            check_products(&without, viewer, &snapshot.feed(&person.id, &ask(10)).unwrap())?;
        }
    }
}
