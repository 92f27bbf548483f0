//! Properties 15 to 17: what operators are told.

use std::collections::{BTreeMap, BTreeSet};

use juntos_engine::explanation::{Explain, Explained, Explanation, Outcome, Rule};
use juntos_engine::request::{Answer, Context, Filter, ProductItem, Source};
use juntos_engine::rules::{Boost, Exclusion, Pin, Rules, Scope};
use proptest::prelude::*;

use super::world::{World, ask};

fn with_explanation(limit: usize, product_id: Option<&str>) -> Context {
    Context { explain: Some(Explain { product_id: product_id.map(str::to_owned) }), ..ask(limit) }
}

/// The explanation, and the answer without it.
fn apart<T>(mut answer: Answer<T>) -> (Explanation, Answer<T>) {
    (*answer.explanation.take().unwrap(), answer)
}

fn sums_up(explained: &Explained) -> Result<(), TestCaseError> {
    if let Some(score) = explained.score {
        let sum: f32 = explained.parts.iter().map(|part| part.points).sum();
        prop_assert!((sum - score).abs() < 1e-3, "{:?}", explained);
        prop_assert!(explained.parts.is_empty() || explained.parts.iter().all(|part| !part.what.is_empty()));
    }
    Ok(())
}

/// Items and explanation are of the same products, places are in order, scores are sums, and nothing is told twice.
fn fits_together(explanation: &Explanation, items: &[ProductItem]) -> Result<(), TestCaseError> {
    let told: Vec<&str> = explanation.items.iter().map(|item| item.id.as_str()).collect();
    let ids: Vec<&str> = items.iter().map(|item| item.product_id.as_str()).collect();
    prop_assert_eq!(&told, &ids);
    let all: Vec<&Explained> = explanation.items.iter().chain(&explanation.left_out).collect();
    prop_assert_eq!(all.iter().map(|explained| &explained.id).collect::<BTreeSet<_>>().len(), all.len());
    for (at, (item, explained)) in items.iter().zip(&explanation.items).enumerate() {
        prop_assert_eq!(explained.place, Some(at + 1));
        prop_assert_eq!(explained.score, Some(item.score));
        prop_assert!(!explained.sources.is_empty() && explained.sources.contains(&item.source), "{:?}", explained);
    }
    for explained in &all {
        sums_up(explained)?;
        prop_assert!(!explained.rules.contains(&Rule::OtherRule), "{:?}", explained);
    }
    for left_out in &explanation.left_out {
        prop_assert!(!left_out.rules.is_empty() && !left_out.sources.is_empty(), "{:?}", left_out);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn to_explain_changes_nothing(seed: u64, limit in 1usize..8) {
        let world = World::random(seed);
        let snapshot = world.engine().snapshot();
        let explain = with_explanation(limit, None);
        for person in &world.people {
            let (explanation, feed) = apart(snapshot.feed(&person.id, &explain).unwrap());
            prop_assert_eq!(&feed, &snapshot.feed(&person.id, &ask(limit)).unwrap());
            fits_together(&explanation, &feed.items)?;
            let (explanation, similar) = apart(snapshot.similar(&["p0".into()], Some(&person.id), &explain).unwrap());
            prop_assert_eq!(&similar, &snapshot.similar(&["p0".into()], Some(&person.id), &ask(limit)).unwrap());
            fits_together(&explanation, &similar.items)?;
            let (explanation, due) = apart(snapshot.repurchase(&person.id, &explain).unwrap());
            prop_assert_eq!(&due, &snapshot.repurchase(&person.id, &ask(limit)).unwrap());
            fits_together(&explanation, &due.items)?;
            let (explanation, popular) = apart(snapshot.trending(Some(&person.id), &explain).unwrap());
            prop_assert_eq!(&popular, &snapshot.trending(Some(&person.id), &ask(limit)).unwrap());
            fits_together(&explanation, &popular.items)?;
            let group = [person.id.clone(), "u1".to_owned()];
            let group = if person.id == "u1" { &group[..1] } else { &group[..] };
            let (explanation, products) = apart(snapshot.group_products(group, true, &explain).unwrap());
            prop_assert_eq!(&products, &snapshot.group_products(group, true, &ask(limit)).unwrap());
            let items: Vec<ProductItem> = products.items.into_iter().map(|item| item.product).collect();
            fits_together(&explanation, &items)?;
            let (explanation, friends) = apart(snapshot.group_friends(&person.id, "p0", &explain).unwrap());
            prop_assert_eq!(&friends, &snapshot.group_friends(&person.id, "p0", &ask(limit)).unwrap());
            explanation.items.iter().try_for_each(sums_up)?;
            let (explanation, teams) = apart(snapshot.group_teams(&person.id, &explain).unwrap());
            prop_assert_eq!(&teams, &snapshot.group_teams(&person.id, &ask(limit)).unwrap());
            explanation.items.iter().try_for_each(sums_up)?;
        }
    }

    /// Each product of the catalogue is shown, or may be and is told so, or is ruled out by rules that hold.
    #[test]
    fn every_absence_is_told_as_it_is(seed: u64, limit in 1usize..8) {
        let world = World::random(seed);
        let snapshot = world.engine().snapshot();
        for (viewer, person) in world.people.iter().enumerate() {
            for (product, good) in world.goods.iter().enumerate() {
                let context = with_explanation(limit, Some(&good.id));
                let (explanation, feed) = apart(snapshot.feed(&person.id, &context).unwrap());
                let verdict = explanation.product.unwrap();
                let shown = feed.items.iter().any(|item| item.product_id == good.id);
                prop_assert_eq!(shown, verdict.outcome == Outcome::Shown, "{:?}", verdict);
                let rules: BTreeSet<Rule> = verdict.product.rules.iter().copied().collect();
                let not_delivered = good.only_to.is_some_and(|country| country != person.country);
                let too_young = !world.may_see(viewer, product)
                    && good.min_age.is_some_and(|_| person.birth_year.is_none_or(|born| born > 2007));
                let bought = person.personalise && world.has_bought(viewer, product);
                let holds = BTreeMap::from([
                    (Rule::Hidden, good.hidden),
                    (Rule::OutOfStock, good.stock == Some(0)),
                    (Rule::NotDelivered, not_delivered),
                    (Rule::Age, too_young),
                    (Rule::AlreadyBought, bought),
                ]);
                let expected: BTreeSet<Rule> = holds.into_iter().filter(|(_, holds)| *holds).map(|(rule, _)| rule).collect();
                match verdict.outcome {
                    Outcome::RuledOut => prop_assert_eq!(rules, expected, "{}", good.id),
                    _ => prop_assert!(expected.is_empty(), "{} is {:?}, and {:?}", good.id, verdict.outcome, expected),
                }
                if let Some(taste) = verdict.taste {
                    prop_assert!((1..=world.goods.len()).contains(&taste.place));
                }
            }
        }
    }

    /// No explanation of products holds the id of a person.
    #[test]
    fn explanations_of_products_name_nobody(seed: u64) {
        let world = World::random(seed);
        let snapshot = world.engine().snapshot();
        let context = with_explanation(5, Some("p0"));
        for person in &world.people {
            let group: Vec<String> = [&person.id, &world.people[0].id].into_iter().cloned().collect();
            let told = [
                apart(snapshot.feed(&person.id, &context).unwrap()).0,
                apart(snapshot.group_products(&group, true, &context).unwrap()).0,
                apart(snapshot.group_teams(&person.id, &context).unwrap()).0,
            ];
            for other in &world.people {
                prop_assert!(!format!("{told:?}").contains(&format!("{:?}", other.id)), "{} is named", other.id);
            }
        }
    }
}

#[test]
fn a_product_no_source_proposed_is_told_its_exact_place() {
    let world = World::plain(3, 2, 300);
    let snapshot = world.engine().snapshot();
    let everything = snapshot.feed("u0", &ask(100)).unwrap();
    let last = &everything.items[99].product_id;
    let (explanation, _) = apart(snapshot.feed("u0", &with_explanation(1, Some(last))).unwrap());
    let verdict = explanation.product.unwrap();
    let taste = verdict.taste.unwrap();
    assert_eq!((verdict.outcome, taste.place), (Outcome::NotProposed, 100));
    assert!(taste.looked_at < 100 && verdict.product.rules == [Rule::BelowLimit]);
    let (explanation, _) = apart(snapshot.feed("u0", &with_explanation(1, Some("nothing"))).unwrap());
    assert_eq!(explanation.product.unwrap().outcome, Outcome::Unknown);
}

#[test]
fn what_an_operator_decides_is_told_as_her_rules() {
    let mut world = World::plain(5, 2, 60);
    let plain = world.engine().snapshot().feed("u0", &ask(60)).unwrap();
    let (near, last) = (plain.items[1].product_id.clone(), plain.items[59].product_id.clone());
    let at = world.good(&near);
    world.goods[at].team_price = true;
    let kind = || Filter { team_price: true, ..Filter::default() };
    let pin = Pin { product_id: last.clone(), position: 1, scope: Scope::default() };
    let boosted = Rules {
        pins: vec![pin],
        boosts: vec![Boost { filter: kind(), score: 2.0, scope: Scope::default() }],
        ..Rules::default()
    };
    let told = |rules: Rules, product: &str| {
        let snapshot = world.engine().with_rules(rules).unwrap().snapshot();
        apart(snapshot.feed("u0", &with_explanation(3, Some(product))).unwrap()).0
    };
    let explanation = told(boosted, &near);
    assert_eq!((explanation.items[0].id.as_str(), &explanation.items[0].rules[..]), (&*last, &[Rule::Pin][..]));
    assert!(explanation.items[0].sources.contains(&Source::Pinned));
    let boost = explanation.product.unwrap().product.parts.into_iter().find(|part| part.what == "boost");
    assert_eq!(boost.map(|part| part.points), Some(2.0));
    let excluded =
        Rules { exclusions: vec![Exclusion { filter: kind(), scope: Scope::default() }], ..Rules::default() };
    let verdict = told(excluded, &near).product.unwrap();
    assert_eq!((verdict.outcome, verdict.product.rules), (Outcome::RuledOut, vec![Rule::Exclusion]));
}
