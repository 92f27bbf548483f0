//! Two answers held against each other: what nobody may know does not move what others see.

use std::collections::BTreeMap;

use juntos_datasets::tables::{EventKind, PurchaseVisibility};
use juntos_engine::Engine;
use juntos_engine::explanation::Explain;
use juntos_engine::reasons::{CountBucket, Reason};
use juntos_engine::request::Context;
use rand::RngExt;

use super::Walk;
use super::changes::KINDS;

/// Everything that `id` can ask, as text.
pub(super) fn all_answers(engine: &Engine, ids: &[&String], products: &[String], context: &Context) -> Vec<String> {
    let snapshot = engine.snapshot();
    let id = ids[0];
    let mut answers = vec![
        format!("feed {:?}", snapshot.feed(id, context)),
        format!("trending {:?}", snapshot.trending(Some(id), context)),
        format!("similar {:?}", snapshot.similar(&products[..1], Some(id), context)),
        format!("repurchase {:?}", snapshot.repurchase(id, context)),
        format!("teams {:?}", snapshot.group_teams(id, context)),
    ];
    let group: Vec<String> = ids.iter().map(|&id| id.clone()).collect();
    for with_friends in [false, true] {
        answers.push(format!("alone {:?}", snapshot.group_products(&group[..1], with_friends, context)));
        answers.push(format!("group {:?}", snapshot.group_products(&group, with_friends, context)));
    }
    answers
        .extend(products.iter().map(|product| format!("friends {:?}", snapshot.group_friends(id, product, context))));
    answers
}

impl Walk {
    /// Somebody does what nobody else may know; nothing that others see moves.
    pub(super) fn keep_a_secret(&mut self) -> Result<(), String> {
        let (actor, viewer, product) = (self.someone(), self.someone(), self.something());
        let kind = KINDS[self.random.random_range(0..KINDS.len())];
        let person = &self.truth.people[actor];
        let secret = person.visibility == PurchaseVisibility::Nobody
            || !person.personalise
            || self.truth.things[product].sensitive
            || matches!(kind, EventKind::Gift | EventKind::Shown);
        if actor == viewer || person.gone || !secret {
            return Ok(());
        }
        // With three people the popular list may move on the next day, by what is no purchase.
        let others = self.truth.touched.iter().filter(|&&(who, what)| what == product && who != actor).count();
        let told = others >= 2
            && person.personalise
            && !self.truth.things[product].sensitive
            && !matches!(kind, EventKind::Purchase | EventKind::Gift | EventKind::Shown);
        let days: &[f64] = if told { &[0.0] } else { &[0.0, 1.0] };
        let before = self.seen_by(viewer, actor, product, days);
        self.happen(actor, product, kind);
        let after = self.seen_by(viewer, actor, product, days);
        for (before, after) in before.iter().zip(&after) {
            if before != after {
                let ids = [viewer, actor].map(|user| self.truth.people[user].id.clone());
                return Err(format!("{ids:?}: {kind:?} of {product} moved\n{before}\nto\n{after}"));
            }
        }
        Ok(())
    }

    fn seen_by(&mut self, viewer: usize, member: usize, product: usize, days: &[f64]) -> Vec<String> {
        let ids = [viewer, member].map(|user| &self.truth.people[user].id);
        let products: Vec<String> = [product, 0].map(|product| self.truth.things[product].id.clone()).to_vec();
        let mut seen = Vec::new();
        for limit in [3, 100] {
            for &later in days {
                let explain = Some(Explain { product_id: Some(products[0].clone()) });
                let context = Context { explain, ..Context::new(self.truth.now.plus_days(later), limit) };
                seen.extend(all_answers(&self.engine, &ids, &products, &context));
            }
        }
        self.answers += seen.len();
        seen
    }

    /// Whatever people buy or send back, what is counted stays the same all day.
    pub(super) fn keep_counts_stable(&mut self) -> Result<(), String> {
        let (actor, viewer, product) = (self.someone(), self.someone(), self.something());
        let kind = KINDS[self.random.random_range(0..KINDS.len())];
        // By chance alone hardly any purchase would make two friends three, or three two.
        let edge = if self.random.random_bool(0.5) { self.on_the_edge(viewer, product) } else { None };
        let (actor, viewer, product, kind) = edge.unwrap_or((actor, viewer, product, kind));
        if actor == viewer || self.truth.people[actor].gone {
            return Ok(());
        }
        let before = self.counts(viewer);
        self.happen(actor, product, kind);
        let after = self.counts(viewer);
        if before == after { Ok(()) } else { Err(format!("{kind:?} moved counts {before:?} to {after:?}")) }
    }

    /// Somebody whose purchase would be the third that a viewer is told of, or whose return would leave two: she, the
    /// viewer, the product and what she does. The search begins at the given viewer and product.
    fn on_the_edge(&self, viewer: usize, product: usize) -> Option<(usize, usize, usize, EventKind)> {
        let truth = &self.truth;
        let (people, things) = (truth.people.len(), truth.things.len());
        let viewers =
            (0..people).map(|step| (viewer + step) % people).filter(|&viewer| truth.people[viewer].personalise);
        let pairs = viewers.flat_map(|viewer| (0..things).map(move |step| (viewer, (product + step) % things)));
        let of_pair = |(viewer, product): (usize, usize)| {
            let (kind, has) = match truth.proof(viewer, product, true) {
                2 => (EventKind::Purchase, false),
                3 => (EventKind::Return, true),
                _ => return None,
            };
            let fits = |&actor: &usize| truth.sees_purchases(viewer, actor) && truth.owns(actor, product) == has;
            (0..people).find(fits).map(|actor| (actor, viewer, product, kind))
        };
        pairs.filter(|&(viewer, _)| !truth.people[viewer].gone).find_map(of_pair)
    }

    fn counts(&mut self, viewer: usize) -> BTreeMap<String, CountBucket> {
        self.answers += 1;
        let context = Context { include_bought: true, ..Context::new(self.truth.now, 100) };
        let answer = self.engine.snapshot().feed(&self.truth.people[viewer].id, &context).unwrap();
        let mut counts = BTreeMap::new();
        for item in answer.items {
            for reason in item.reasons {
                if let Reason::FriendsBought { count } = reason {
                    counts.insert(item.product_id.clone(), count);
                }
            }
        }
        counts
    }
}
