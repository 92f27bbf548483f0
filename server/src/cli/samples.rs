//! Questions with real ids whose answers are worth looking at.

use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, Row, SellerRow};
use juntos_engine::Bundle;
use juntos_engine::recommend::Snapshot;
use juntos_engine::request::Context;
use serde_json::{Value, json};

/// How many users are looked at before an unanswerable question is left out.
const PATIENCE: usize = 5_000;

/// One ready-made call.
pub(super) struct Call {
    /// What is asked, for people.
    pub(super) what: &'static str,
    /// Path of the endpoint.
    pub(super) path: &'static str,
    /// Body of the request.
    pub(super) body: Value,
}

/// The calls found, in the order they tell the story, and a seller with many products.
pub(super) struct Samples {
    calls: Vec<Call>,
    seller: Option<String>,
}

impl Samples {
    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn seller(&self) -> Option<&str> {
        self.seller.as_deref()
    }
}

/// Looks for users whom each question gives an answer.
pub(super) fn find(snapshot: &Snapshot, now: Timestamp) -> Samples {
    let bundle = snapshot.bundle();
    let users: Vec<&str> = bundle.users().ids().take(PATIENCE).collect();
    let context = Context::new(now, 5);
    let mut calls = Vec::new();
    if let Some(user) = users.iter().find(|user| feed_is_personal(snapshot, user, &context)) {
        calls.push(Call {
            what: "what should this person see now",
            path: "/v1/recommend/feed",
            body: json!({"user_id": user, "limit": 5}),
        });
    }
    let together = users.iter().find_map(|user| together(snapshot, user, &context));
    if let Some((initiator, product, friends)) = together {
        let body = json!({"user_id": initiator, "product_id": product, "limit": 5});
        calls.push(Call { what: "whom should she invite", path: "/v1/group-buy/friends", body });
        let mut members = vec![initiator];
        members.extend(friends.into_iter().take(2));
        let body = json!({"user_ids": members, "limit": 5});
        calls.push(Call { what: "what could these friends buy together", path: "/v1/group-buy/products", body });
    }
    if let Some(user) = users.iter().find(|user| has_open_team(snapshot, user, &context)) {
        calls.push(Call {
            what: "which open team should this person join",
            path: "/v1/group-buy/teams",
            body: json!({"user_id": user, "limit": 5}),
        });
    }
    Samples { calls, seller: largest_seller(bundle) }
}

/// The seller with the most products; of several the first.
fn largest_seller(bundle: &Bundle) -> Option<String> {
    let mut products = vec![0_u32; bundle.sellers().len()];
    let sellers = (0..bundle.n_products()).filter_map(|at| bundle.catalogue().seller(ProductRow::from_index(at)));
    sellers.for_each(|seller| products[seller.index()] += 1);
    let largest = (0..products.len()).max_by_key(|&at| (products[at], std::cmp::Reverse(at)))?;
    Some(bundle.sellers().id(SellerRow::from_index(largest)).to_owned())
}

fn feed_is_personal(snapshot: &Snapshot, user: &str, context: &Context) -> bool {
    snapshot.feed(user, context).is_ok_and(|answer| answer.degraded.is_none() && !answer.items.is_empty())
}

/// A product that `user` could buy with friends, and the friends who would join her.
fn together(snapshot: &Snapshot, user: &str, context: &Context) -> Option<(String, String, Vec<String>)> {
    let products = snapshot.group_products(&[user.to_owned()], true, context).ok()?;
    let product = products.items.into_iter().find(|item| item.product.group_price.is_some())?.product.product_id;
    let friends = snapshot.group_friends(user, &product, context).ok()?.items;
    let friends: Vec<String> = friends.into_iter().map(|friend| friend.user_id).collect();
    (friends.len() >= 2).then(|| (user.to_owned(), product, friends))
}

fn has_open_team(snapshot: &Snapshot, user: &str, context: &Context) -> bool {
    snapshot.group_teams(user, context).is_ok_and(|answer| !answer.items.is_empty())
}
