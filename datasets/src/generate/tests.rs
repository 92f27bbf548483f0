//! What is planted can be found again in the rows:
//!
//! 1. same world, same rows, for any number of threads; another seed gives other rows;
//! 2. every country, currency, language and payment method appears; sizes are as asked;
//! 3. friends are more alike than strangers, and degrees have a heavy tail;
//! 4. what a user buys suits her better than what else she could have bought;
//! 5. consumables come again at their interval; seasons peak in their month;
//! 6. popularity has a long tail, activity too, and some users did nothing;
//! 7. teams that succeeded had better chances than those that did not, and pairs join again; friends join as often as the
//!    chances say that are told of them;
//! 8. nothing happens before user, product or friendship began, nor after the end; nobody under age or out of reach
//!    of delivery buys;
//! 9. a world of hardly anything is still a world;
//! 10. who is in haste takes the offer that comes sooner;
//! 11. the test is what came after the rest, and no team whose end is not known on both sides.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt::Debug;

use xxhash_rust::xxh3::Xxh3;

use super::categories::CATEGORY_FACTS;
use super::choice::month;
use super::markets::MARKETS;
use super::*;
use crate::progress::Silent;
use crate::tables::{Block, Event, EventKind, Friendship, Product, Seller, Team, TeamOutcome, User};

/// Counts rows by table and hashes them in order.
#[derive(Default)]
struct Tally {
    hash: Xxh3,
    counts: BTreeMap<&'static str, u64>,
    words: BTreeSet<String>,
}

impl Tally {
    fn take(&mut self, table: &'static str, row: &impl Debug) -> Result<(), Infallible> {
        self.hash.update(format!("{row:?}").as_bytes());
        *self.counts.entry(table).or_default() += 1;
        Ok(())
    }
}

impl Rows for Tally {
    type Fault = Infallible;
    fn user(&mut self, row: &User<'_>) -> Result<(), Infallible> {
        self.words.extend([row.country, row.language].into_iter().flatten().map(str::to_owned));
        self.take("users", row)
    }
    fn seller(&mut self, row: &Seller<'_>) -> Result<(), Infallible> {
        self.take("sellers", row)
    }
    fn product(&mut self, row: &Product<'_>) -> Result<(), Infallible> {
        self.words.extend([row.currency, row.ships_from].into_iter().flatten().map(str::to_owned));
        for offer in &row.offers {
            assert!(offer.min_days <= offer.max_days && offer.max_days <= 40 && offer.cost_minor >= 0);
            self.words.extend(offer.payment_methods.iter().map(|&method| method.to_owned()));
        }
        assert!(row.group_price_minor.is_none_or(|group| group <= row.price_minor.unwrap()));
        self.take("products", row)
    }
    fn friendship(&mut self, row: &Friendship<'_>) -> Result<(), Infallible> {
        assert!(row.user_id != row.friend_id && (0.0..=1.0).contains(&row.strength));
        self.take("friendships", row)
    }
    fn block(&mut self, row: &Block<'_>) -> Result<(), Infallible> {
        self.take("blocks", row)
    }
    fn team(&mut self, row: &Team<'_>) -> Result<(), Infallible> {
        self.take("teams", row)
    }
    fn event(&mut self, row: &Event<'_>) -> Result<(), Infallible> {
        self.take("events", row)
    }
}

fn world(seed: u64) -> World {
    World { users: 3_000, products: 1_000, events: None, test_days: 0, seed }
}

fn tally(world: &World) -> Tally {
    let mut tally = Tally::default();
    world.planted().write(&mut tally, &Silent).unwrap();
    tally
}

fn mean(values: impl IntoIterator<Item = f32>) -> f32 {
    let (sum, count) = values.into_iter().fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    assert!(count > 0, "nothing to take the mean of");
    sum / count as f32
}

fn purchases(planted: &Planted, user: u32) -> Vec<PlantedEvent> {
    planted.events(user).into_iter().filter(|event| event.kind == EventKind::Purchase).collect()
}

#[test]
fn same_world_same_rows_whatever_the_threads() {
    let small = |seed| World { users: 600, products: 200, events: None, test_days: 0, seed };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| tally(&small(7)).hash.digest())
    };
    assert_eq!(on(1), on(3));
    assert_ne!(on(1), tally(&small(8)).hash.digest());
}

#[test]
fn every_market_appears_and_sizes_are_as_asked() {
    let tally = tally(&world(1));
    for market in MARKETS {
        for word in [market.country, market.language, market.currency].iter().chain(market.payments) {
            assert!(tally.words.contains(*word), "{word} is missing");
        }
    }
    assert_eq!((tally.counts["users"], tally.counts["products"]), (3_000, 1_000));
    let events = tally.counts["events"] as f64 / 60_000.0;
    assert!((0.85..1.15).contains(&events), "{events} of the events asked for");
    assert!(tally.counts["blocks"] > 0 && tally.counts["sellers"] >= 12);
    let asked = World { events: Some(15_000), ..world(1) };
    let fewer = self::tally(&asked).counts["events"] as f64 / 15_000.0;
    assert!((0.8..1.2).contains(&fewer), "{fewer} of the events asked for");
}

#[test]
fn friends_are_alike_and_degrees_have_a_heavy_tail() {
    let planted = world(2).planted();
    let alike = |a: u32, b: u32| affinity(planted.user_taste(a), planted.user_taste(b));
    let friends = mean(planted.circles().ties.iter().map(|tie| alike(tie.user, tie.friend)));
    let strangers = mean((0..3_000).map(|user| alike(user, (user * 7 + 1_501) % 3_000)));
    assert!(friends > strangers + 0.3, "friends {friends}, strangers {strangers}");
    let mut degrees: Vec<usize> = (0..3_000).map(|user| planted.circles().friends(user).len()).collect();
    degrees.sort_unstable();
    let mean_degree = mean(degrees.iter().map(|&degree| degree as f32));
    assert!((6.0..13.0).contains(&mean_degree), "mean degree {mean_degree}");
    assert!(degrees[2_970] as f32 > 2.5 * mean_degree, "the best known have {} friends", degrees[2_970]);
    assert!(degrees.iter().filter(|&&degree| degree == 0).count() > 60);
    let same_country = |tie: &&Tie| planted.person(tie.user).market == planted.person(tie.friend).market;
    let ties = &planted.circles().ties;
    assert!(ties.iter().filter(same_country).count() * 10 > ties.len() * 8);
}

#[test]
fn purchases_suit_the_buyer() {
    let planted = world(3).planted();
    let mut bought = Vec::new();
    let mut possible = Vec::new();
    for user in 0..1_000 {
        let taste = planted.user_taste(user);
        bought.extend(
            purchases(&planted, user).iter().map(|event| affinity(taste, planted.product_taste(event.product))),
        );
        let others = (0..20).map(|draw| (user * 31 + draw * 47) % planted.products());
        possible.extend(
            others
                .filter(|&product| planted.may_buy(user, planted.product(product)))
                .map(|product| affinity(taste, planted.product_taste(product))),
        );
    }
    let (bought, possible) = (mean(bought), mean(possible));
    assert!(bought > possible + 0.3, "bought {bought}, possible {possible}");
}

#[test]
fn consumables_return_at_their_interval_and_seasons_peak() {
    let planted = World { events: Some(120_000), ..world(4) }.planted();
    let mut ratios: Vec<f64> = Vec::new();
    // Events begin in January and end in June of the next year: count one calendar year.
    let year_end = START.plus_days(365.0);
    let mut coats = [0u32; 12];
    for user in 0..planted.users() {
        let mut last: BTreeMap<u32, Timestamp> = BTreeMap::new();
        for event in purchases(&planted, user) {
            let good = planted.product(event.product);
            if good.category == 8 && event.ts < year_end {
                coats[month(event.ts) as usize] += 1;
            }
            let before = last.insert(event.product, event.ts);
            if let (Some(before), Some(interval)) = (before, good.facts().interval_days) {
                ratios.push(event.ts.days_since(before) / f64::from(interval));
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    assert!(ratios.len() > 2_000, "{} repeat purchases", ratios.len());
    assert!((0.9..1.1).contains(&median), "median of the interval {median}");
    let peak = CATEGORY_FACTS[8].peak_month.unwrap() as usize;
    let off = (peak + 6) % 12;
    assert!(coats[peak] + coats[peak - 1] > 4 * (coats[off] + coats[off + 1]), "coats by month: {coats:?}");
}

#[test]
fn popularity_and_activity_have_long_tails() {
    let planted = world(5).planted();
    let mut sales = vec![0u32; planted.products() as usize];
    let mut activity: Vec<usize> = Vec::new();
    for user in 0..planted.users() {
        let events = planted.events(user);
        activity.push(events.len());
        events.iter().for_each(|event| sales[event.product as usize] += 1);
    }
    sales.sort_unstable_by(|a, b| b.cmp(a));
    activity.sort_unstable_by(|a, b| b.cmp(a));
    let total: u32 = sales.iter().sum();
    let head: u32 = sales[..100].iter().sum();
    assert!(head * 10 > total * 3, "the best tenth has {head} of {total}");
    assert!(head * 10 < total * 8, "the best tenth has {head} of {total}");
    assert!(activity[30] > 80, "the most active did {}", activity[30]);
    assert!(activity.iter().filter(|&&events| events == 0).count() > 100);
}

#[test]
fn teams_fill_where_friends_like_the_product_and_pairs_join_again() {
    let planted = world(6).planted();
    let chance = |outcome| mean(planted.teams().iter().filter(|t| t.outcome == outcome).map(|t| t.chance));
    assert!(chance(TeamOutcome::Succeeded) > chance(TeamOutcome::Expired) + 0.1);
    let share = |outcome| {
        let teams = planted.teams().iter().filter(|team| team.outcome == outcome).count();
        teams as f32 / planted.teams().len() as f32
    };
    assert!((0.4..0.8).contains(&share(TeamOutcome::Succeeded)), "{}", share(TeamOutcome::Succeeded));
    assert!((0.15..0.5).contains(&share(TeamOutcome::Expired)), "{}", share(TeamOutcome::Expired));
    assert!((0.01..0.1).contains(&share(TeamOutcome::Open)), "{}", share(TeamOutcome::Open));
    assert!(share(TeamOutcome::Cancelled) > 0.005);
    let mut pairs: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let succeeded = || planted.teams().iter().filter(|team| team.outcome == TeamOutcome::Succeeded);
    for team in succeeded() {
        team.participants.iter().for_each(|&user| *pairs.entry((team.initiator, user)).or_default() += 1);
    }
    let again = pairs.values().filter(|&&times| times >= 2).count();
    assert!(again * 8 > pairs.len(), "{again} of {} pairs bought together again", pairs.len());
    assert!(succeeded().all(|team| team.participants.len() < 10 && team.closed_at <= team.deadline));
}

#[test]
fn friends_join_as_often_as_their_chances_say() {
    let planted = world(6).planted();
    let known = END.plus_days(-3.0);
    // By tenths of the chance: how many joined, how many should have, and how many there are.
    let (mut teams, mut tenths) = (0, [[0.0f32; 3]; 10]);
    for (number, chances) in (0..planted.users()).flat_map(|user| planted.join_chances(user)) {
        let team = &planted.teams()[number as usize];
        teams += 1;
        let friends: BTreeSet<u32> = chances.iter().map(|&(friend, _)| friend).collect();
        assert!(team.participants.iter().all(|user| friends.contains(user)), "team {number} has somebody not asked");
        for (friend, chance) in chances.into_iter().filter(|_| team.opened_at < known) {
            let tenth = &mut tenths[((chance * 10.0) as usize).min(9)];
            tenth[0] += f32::from(u8::from(team.participants.contains(&friend)));
            tenth[1] += chance;
            tenth[2] += 1.0;
        }
    }
    assert_eq!(teams, planted.teams().len());
    for [joined, told, of] in tenths.into_iter().filter(|[.., of]| *of > 200.0) {
        assert!((joined - told).abs() < 4.0 * (of / 4.0).sqrt(), "{joined} joined of {of}, not {told}");
    }
}

#[test]
fn nothing_happens_out_of_time_age_or_reach() {
    let planted = world(9).planted();
    let mut restricted = 0;
    for user in 0..planted.users() {
        let person = planted.person(user);
        let events = planted.events(user);
        assert!(events.is_sorted_by_key(|event| event.ts));
        for event in events {
            let good = planted.product(event.product);
            assert!(event.ts >= person.created_at.max(good.created_at).max(START) && event.ts < END);
            assert!(good.ships_to(person.market));
            restricted += u32::from(good.facts().min_age.is_some());
            assert!(good.facts().min_age.is_none() || person.birth_year.is_some_and(|year| year + 18 < 2025));
        }
    }
    assert!(restricted > 100, "only {restricted} events on goods for adults");
    for team in planted.teams() {
        assert!(team.opened_at >= planted.product(team.product).created_at && team.opened_at < END);
        assert_eq!(team.outcome == TeamOutcome::Succeeded, team.participants.len() + 1 >= usize::from(team.min_size));
        assert!(team.outcome != TeamOutcome::Open || team.deadline > END);
        for &user in &team.participants {
            let friends = planted.circles().friends(team.initiator);
            assert!(friends.binary_search_by_key(&user, |&(friend, _)| friend).is_ok());
            assert!(planted.friends_since(team.initiator, user) <= team.opened_at);
            assert!(planted.may_buy(user, planted.product(team.product)));
        }
    }
}

/// Latest and earliest moments of the parts, and how teams of the parts ended.
#[derive(Default)]
struct Parts {
    events: BTreeMap<&'static str, (Option<Timestamp>, Option<Timestamp>)>,
    teams: BTreeMap<(&'static str, TeamOutcome), u32>,
}

impl Rows for Parts {
    type Fault = Infallible;
    fn user(&mut self, _row: &User<'_>) -> Result<(), Infallible> {
        Ok(())
    }
    fn seller(&mut self, _row: &Seller<'_>) -> Result<(), Infallible> {
        Ok(())
    }
    fn product(&mut self, _row: &Product<'_>) -> Result<(), Infallible> {
        Ok(())
    }
    fn friendship(&mut self, _row: &Friendship<'_>) -> Result<(), Infallible> {
        Ok(())
    }
    fn block(&mut self, _row: &Block<'_>) -> Result<(), Infallible> {
        Ok(())
    }
    fn team(&mut self, row: &Team<'_>) -> Result<(), Infallible> {
        *self.teams.entry((row.split.word(), row.outcome)).or_default() += 1;
        let (opened, deadline) = (row.opened_at.unwrap(), row.deadline.unwrap());
        let cut = END.plus_days(-60.0);
        match row.split.word() {
            "train" => assert!(deadline < cut),
            "test" => assert!(opened >= cut && deadline < END),
            _ => assert!(opened < cut && deadline >= cut || deadline >= END),
        }
        Ok(())
    }
    fn event(&mut self, row: &Event<'_>) -> Result<(), Infallible> {
        let (first, last) = self.events.entry(row.split.word()).or_default();
        *first = first.or(row.ts).min(row.ts);
        *last = (*last).max(row.ts);
        Ok(())
    }
}

#[test]
fn the_test_is_what_came_last() {
    let mut parts = Parts::default();
    World { test_days: 60, ..world(10) }.planted().write(&mut parts, &Silent).unwrap();
    assert_eq!(parts.events.keys().copied().collect::<Vec<_>>(), ["test", "train"]);
    assert!(parts.events["train"].1 < parts.events["test"].0);
    let of = |part: &'static str, outcome| parts.teams.get(&(part, outcome)).copied().unwrap_or(0);
    for part in ["train", "test"] {
        assert!(of(part, TeamOutcome::Succeeded) > 20 && of(part, TeamOutcome::Expired) > 5, "{:?}", parts.teams);
        assert_eq!(of(part, TeamOutcome::Open), 0);
    }
}

#[test]
fn a_world_of_hardly_anything_is_a_world() {
    for (users, products) in [(0, 0), (1, 0), (0, 1), (1, 1), (3, 2), (40, 13)] {
        let tally = tally(&World { users, products, events: None, test_days: 0, seed: 1 });
        assert_eq!(tally.counts.get("users").copied().unwrap_or(0), u64::from(users));
        assert_eq!(tally.counts.get("products").copied().unwrap_or(0), u64::from(products));
    }
}

#[test]
fn the_end_is_the_day_it_says() {
    assert_eq!(END.to_string(), "2026-06-30T00:00:00.000Z");
    assert_eq!((month(END.plus_days(-0.5)), month(START.plus_days(5.0))), (5, 0));
}

#[test]
fn who_is_in_haste_takes_the_offer_that_comes_sooner() {
    let planted = world(10).planted();
    let mut days: [Vec<f32>; 2] = [Vec::new(), Vec::new()];
    for user in 0..planted.users() {
        let person = planted.person(user);
        let hasty = planted.haste(user) > haste_of_market(person.market);
        let at_home = |event: &&PlantedEvent| planted.product(event.product).market == person.market;
        let taken = purchases(&planted, user)
            .iter()
            .filter(at_home)
            .filter_map(|event| event.delivery_days)
            .collect::<Vec<_>>();
        days[usize::from(hasty)].extend(taken.iter().map(|&days| days as f32));
    }
    let [calm, hasty] = days.map(mean);
    assert!(hasty < calm - 0.1, "{hasty} days, others {calm}");
    let promised =
        purchases(&planted, 0).iter().chain(&purchases(&planted, 1)).all(|event| event.delivery_days.is_some());
    assert!(promised, "whatever is bought is delivered");
}
