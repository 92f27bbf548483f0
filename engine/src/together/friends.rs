//! Friends for a product: whom to invite, and how likely each joins.

use juntos_datasets::ProductRow;

use super::likely::Chance;
use super::model::{JoinFacts, logistic};
use crate::cursor::{List, Shown};
use crate::explanation::{Explained, Part};
use crate::live::outcomes::Question;
use crate::reasons::Reason;
use crate::recommend::Snapshot;
use crate::request::{Answer, Context, Degraded, FriendItem, RequestFault};
use crate::trace::Trace;
use crate::viewer::Viewer;

/// Strength from which on a friend counts as close.
const CLOSE: f32 = 0.8;
/// Overlap of purchases from which on a friend likes the same kind of products.
const LIKES_THE_SAME: f32 = 0.2;
impl Snapshot {
    /// Whom this person could invite to a team on this product, likeliest first.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn group_friends(
        &self,
        user_id: &str,
        product_id: &str,
        context: &Context,
    ) -> Result<Answer<FriendItem>, RequestFault> {
        context.check()?;
        let shown = Shown::read(List::GroupFriends, context.cursor.as_deref())?;
        let mut viewer = Viewer::new(self, Some(user_id), context);
        let product = self.product_row(product_id);
        if product.is_none() {
            viewer.missing.push(product_id.to_owned());
        }
        let mut trace = Trace::of(context);
        let list = match (viewer.personal, product) {
            (Some(user), Some(product)) => self.friends_for(user, product, &viewer, context, &shown, &mut trace),
            _ => Vec::new(),
        };
        let page = context.limit.min(shown.left());
        let more = list.len() > page && shown.left() > page;
        let items: Vec<FriendItem> = list.into_iter().take(page).map(|friend| self.friend_item(friend)).collect();
        let next_cursor = more.then(|| shown.after(items.iter().map(|item| item.user_id.as_str())));
        let degraded = match viewer.personal {
            Some(_) => items.is_empty().then_some(Degraded::NothingAllowed),
            None => viewer.degraded(false),
        };
        let ids: Vec<&str> = items.iter().map(|item| item.user_id.as_str()).collect();
        let explanation = self.explanation_of(&ids, trace, Some(product_id), &viewer, context);
        Ok(Answer { items, missing: viewer.missing, degraded, next_cursor, explanation })
    }

    /// Friends who may be invited, with the chance that each joins and what it follows from, likeliest first: those of a
    /// page and one more.
    fn friends_for(
        &self,
        user: u32,
        product: u32,
        viewer: &Viewer,
        context: &Context,
        shown: &Shown,
        trace: &mut Trace,
    ) -> Vec<Chance> {
        if !self.allowed(&viewer.conditions(context)).contains(product) {
            // What she may not be shown herself she buys with nobody.
            return Vec::new();
        }
        let privacy = viewer.privacy(self, context.now);
        let friends = privacy.friends().iter().map(|friend| friend.row).collect();
        let mut invited = privacy.invitations(friends, self.goods(product).min_age).into_inner();
        let company = self.company(user, product, context.now);
        invited.retain(|&friend| self.open_to(friend, user, product, context.now) && !company.contains(&friend));
        if !shown.is_empty() || !context.exclude.is_empty() {
            invited.retain(|&friend| {
                let id = self.user_id(friend);
                !shown.contains(id) && !context.exclude.iter().any(|excluded| excluded == id)
            });
        }
        self.keep_served(&mut invited, product, viewer, context);
        let correction = self.correction(Question::Join, user, viewer.country, context.now).on(product);
        let fatigue = |friend: u32| self.fatigue(friend, user, product, context.now);
        let chance = |log_odds: f32, friend: u32| logistic(log_odds + correction - fatigue(friend));
        let wanted = context.limit + 1;
        // Whoever wants to know why wants to know it of everybody.
        let told = if trace.is_on() { invited.len() } else { wanted };
        let mut chances = self.likeliest(&privacy, (user, ProductRow(product)), &invited, told, chance);
        let model = &self.bundle().serving().join;
        for (_, friend, facts) in &chances {
            trace.tells(|| {
                let fatigue = fatigue(*friend);
                let since = [("lately", correction), ("fatigue", -fatigue)];
                let log_odds = model.log_odds(facts) + correction - fatigue;
                explained(self.user_id(*friend), model.parts(facts), since, log_odds)
            });
        }
        chances.truncate(wanted);
        chances
    }

    fn friend_item(&self, (join_probability, friend, facts): Chance) -> FriendItem {
        FriendItem { user_id: self.user_id(friend).to_owned(), join_probability, reasons: reasons(&facts) }
    }
}

/// Why a friend has her place: what the log-odds that she joins are the sum of, with what counts `since` training.
fn explained(id: &str, parts: Vec<(&'static str, f32)>, since: [(&'static str, f32); 2], log_odds: f32) -> Explained {
    let since = since.into_iter().filter(|(_, points)| *points != 0.0);
    let parts = parts.into_iter().chain(since).map(|(what, points)| Part { what, points });
    Explained { id: id.to_owned(), parts: parts.collect(), score: Some(log_odds), ..Explained::default() }
}

/// Why a friend might join; what she bought is in the facts only where the viewer may know it.
fn reasons(facts: &JoinFacts) -> Vec<Reason> {
    let holds = [
        (facts.joined > 0.0, Reason::JoinedYouBefore),
        (facts.strength >= CLOSE, Reason::CloseFriend),
        (facts.common_products >= LIKES_THE_SAME, Reason::LikesThisKind),
    ];
    holds.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
}
