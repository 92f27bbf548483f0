//! Products for a group: what these people could buy together, and the chance that the team fills.

use std::borrow::Cow;
use std::sync::Arc;

use juntos_datasets::units::Country;
use juntos_datasets::{ProductRow, UserRow};

use super::evidence::Evidence;
use super::model::{JoinFacts, logistic};
use super::opening::Opening;
use super::strategy::{Strategy, ratings};
use crate::allowed::Conditions;
use crate::bitmap::Bitmap;
use crate::candidates::{ProductDraft, taste};
use crate::cursor::{List, Shown};
use crate::explain::Explainer;
use crate::explanation::Rule;
use crate::index::Scored;
use crate::live::outcomes::{Correction, Question};
use crate::live::view::{dot, weighted_mean};
use crate::privacy::{Privacy, certain_age};
use crate::rank::Scale;
use crate::recommend::{Snapshot, pool};
use crate::request::{Answer, Context, Degraded, GroupProductItem, MAX_IDS, Market, RequestFault, Source};
use crate::trace::Trace;
use crate::verdict::Grounds;
use crate::viewer::Viewer;

/// Friends who come in when the question leaves the company open: the likeliest to join.
const MOST_FRIENDS: usize = 9;
/// Friends who count when it is asked whether a team fills: the likeliest to join.
pub const MOST_COUNTED: usize = 30;
/// Buyers that a team needs where the product does not say: two.
const SMALLEST_TEAM: u32 = 2;
/// What a product that a group likes is worth to it when the team does not fill, or there is none: everybody may still buy it
/// for herself.
const WORTH_ALONE: f32 = 0.5;
/// Log-odds from which on somebody is said to join, beyond those the team needs: an even chance.
const LIKELY_LOG_ODDS: f32 = 0.0;
/// Most people named for one product.
const MOST_NAMED: usize = 10;
/// Fewest products that each member's own taste proposes, where a strategy looks at everybody's ratings.
const LEAST_EACH: usize = 10;
/// Most members whose own tastes propose products.
const MOST_ASKED: usize = 10;
/// How much the initiator's taste weighs against each other member's where her friends were chosen for her.
const INITIATOR_WEIGHT: f32 = 2.0;

/// One group as a question sees it.
struct Group<'a> {
    initiator: Option<u32>,
    /// Everybody else whom no block keeps apart from the initiator, by row.
    others: Vec<u32>,
    /// What each of `others` may get: everything on the list where she was named, because then the list is made for her.
    reaches: Vec<Option<Reach>>,
    /// Products, ascending, to which each of `others` declined an invitation by the initiator.
    declined: Vec<Vec<u32>>,
    evidence: Evidence<'a>,
    /// Facts of each of `others`, as for a product that nobody has.
    facts: Vec<JoinFacts>,
    /// Friends of the initiator outside the group who could still join.
    reserve: Vec<Reserve>,
    /// Whether her friends were asked for: then they count even where the group alone could fill a team.
    open: bool,
    /// How the chances that a team fills, and that friends join, are corrected by what happened since the cut.
    filling: Correction<'a>,
    joining: Correction<'a>,
}

/// What somebody who was not named may get; for other products she counts as one who will not join.
struct Reach {
    /// What she may be shown where she lives.
    allowed: Arc<Bitmap>,
    /// What she refused, as far as the initiator may know, and declined to buy with her, ascending.
    refused: Vec<u32>,
}

impl Reach {
    fn takes_in(&self, product: u32) -> bool {
        self.allowed.contains(product) && self.refused.binary_search(&product).is_err()
    }
}

impl Group<'_> {
    /// Whether the one at this place of `others` may get a product, and has not declined to buy it with the initiator.
    fn counts(&self, at: usize, product: u32) -> bool {
        let declined = self.declined[at].binary_search(&product).is_ok();
        !declined && self.reaches[at].as_ref().is_none_or(|reach| reach.takes_in(product))
    }
}

/// Somebody who could still join.
struct Reserve {
    reach: Reach,
    /// As for a product that nobody has.
    facts: JoinFacts,
    vector: Vec<f32>,
}

/// What a team on a product would bring.
#[derive(Default)]
struct Team {
    /// The chance that it fills.
    success: f32,
    /// The part of the price that its members save.
    saved: f32,
}

/// The chance that a team fills, and who of the group might join.
struct Prospect {
    success: f32,
    /// Chance and row of each that counts, the likeliest first.
    chances: Vec<(f32, u32)>,
    /// People whom the team needs besides its initiator.
    needed: usize,
    /// Chance from which on somebody is said to join beyond those.
    likely_from: f32,
}

impl Prospect {
    /// Who would join of those who may be suggested, the likeliest first.
    fn joiners(self, may_be_suggested: impl Fn(u32) -> bool) -> Vec<u32> {
        let suggested = self.chances.into_iter().filter(|&(_, other)| may_be_suggested(other));
        let likely = suggested.enumerate().filter(|(at, (chance, _))| *at < self.needed || *chance >= self.likely_from);
        likely.take(MOST_NAMED).map(|(_, (_, other))| other).collect()
    }
}

impl Snapshot {
    /// What these people could buy together, best first: the first one initiates; `with_friends` adds the friends of
    /// hers who would likeliest join.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn group_products(
        &self,
        user_ids: &[String],
        with_friends: bool,
        context: &Context,
    ) -> Result<Answer<GroupProductItem>, RequestFault> {
        context.check()?;
        context.check_ids("user_ids", user_ids)?;
        let shown = Shown::read(List::GroupProducts, context.cursor.as_deref())?;
        let mut viewer = Viewer::new(self, Some(&user_ids[0]), context);
        let privacy = viewer.privacy(self, context.now);
        let named = self.named_members(&user_ids[1..], &mut viewer);
        let group = self.group(&viewer, &privacy, &named, with_friends, context);
        let mut allowed = self.allowed_for(&viewer, context, &shown);
        self.narrow_to_members(&viewer, &privacy, &named, &group, context, &mut allowed);
        let mut trace = Trace::of(context);
        let drafts = self.group_candidates(&privacy, &group, with_friends, context, &allowed, &mut trace);
        let enough = drafts.len() >= context.limit;
        let passed = privacy.products(drafts, &allowed).into_inner();
        let mut list = self.filled(passed, &viewer, &privacy, context, &allowed, &mut trace);
        let page = context.limit.min(shown.left());
        let more = list.len() > page && shown.left() > page;
        list.truncate(page);
        let explain = Explainer::new(self, &viewer, &privacy, context);
        let items: Vec<GroupProductItem> =
            list.into_iter().map(|draft| self.group_item(draft, &group, &privacy, &explain)).collect();
        let next_cursor = more.then(|| shown.after(items.iter().map(|item| item.product.product_id.as_str())));
        let degraded = if items.is_empty() { Some(Degraded::NothingAllowed) } else { viewer.degraded(enough) };
        let missing = viewer.missing.clone();
        let answer = Answer { items, missing, degraded, next_cursor, explanation: None };
        let asked = viewer.personal.filter(|_| context.explain.is_some());
        let taste = asked.and_then(|user| self.group_taste(user, &privacy, &group.others, with_friends));
        let removed_by = |row: u32| self.removed_for_group(row, &viewer, &privacy, &named, &group, context);
        let grounds = Grounds::of_list(&viewer, context, &shown, &allowed);
        Ok(self.explained(answer, trace, &Grounds { taste: taste.as_deref(), removed_by: &removed_by, ..grounds }))
    }

    /// The chance that a team of this person on this product fills, her friends asked, as [`Self::group_products`] tells
    /// it; none where she may not be shown the product, or nobody knows one of the two.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn success_chance(
        &self,
        user_id: &str,
        product_id: &str,
        context: &Context,
    ) -> Result<Option<f32>, RequestFault> {
        context.check()?;
        let viewer = Viewer::new(self, Some(user_id), context);
        let Some(product) = self.product_row(product_id).filter(|_| viewer.personal.is_some()) else { return Ok(None) };
        if !self.allowed_to_read(&viewer.conditions(context)).contains(product) {
            return Ok(None);
        }
        let privacy = viewer.privacy(self, context.now);
        let group = self.group(&viewer, &privacy, &[], true, context);
        Ok(Some(self.prospect(product, self.goods(product).group_min_size, &group).success))
    }

    /// Rows of the members named beside the initiator, by row; unknown ids are noted as missing.
    fn named_members(&self, user_ids: &[String], viewer: &mut Viewer) -> Vec<u32> {
        let mut rows = Vec::with_capacity(user_ids.len());
        for id in user_ids {
            match self.user_row(id) {
                Some(row) => rows.push(row),
                None => viewer.missing.push(id.clone()),
            }
        }
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    fn group<'a>(
        &'a self,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        named: &[u32],
        with_friends: bool,
        context: &Context,
    ) -> Group<'a> {
        let mut others: Vec<u32> = named.to_vec();
        let initiator = viewer.personal;
        let corrections = |user: u32| {
            [Question::Success, Question::Join].map(|what| self.correction(what, user, viewer.country, context.now))
        };
        let Some(user) = initiator else {
            let evidence = Evidence::gather(self, privacy, u32::MAX, &[]);
            let nobody = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let (others, reaches, declined, facts, reserve) = nobody;
            let [filling, joining] = corrections(u32::MAX);
            return Group {
                initiator,
                others,
                reaches,
                declined,
                evidence,
                facts,
                reserve,
                open: false,
                filling,
                joining,
            };
        };
        others.retain(|&member| member != user && privacy.may_group(member));
        let friends = self.likeliest_friends(user, privacy);
        if with_friends {
            let invited = friends.iter().map(|&(friend, _)| friend).filter(|&friend| privacy.may_invite(friend));
            let unnamed = invited.filter(|friend| named.binary_search(friend).is_err());
            // Who was named always counts.
            others.extend(unnamed.take(MOST_FRIENDS.min(MAX_IDS.saturating_sub(others.len() + 1))));
            others.sort_unstable();
        }
        let outside = friends.into_iter().filter(|(friend, _)| !others.contains(friend));
        let reserve = outside
            .map(|(friend, facts)| Reserve {
                reach: self.reach(friend, viewer, privacy, context),
                facts,
                vector: self.vector_for_others(friend).unwrap_or_default(),
            })
            .collect();
        let evidence = Evidence::gather(self, privacy, user, &others);
        let opening = Opening::new(&evidence, UserRow(user), ProductRow(u32::MAX));
        let facts = others.iter().map(|&other| opening.facts(&evidence, UserRow(other))).collect();
        let chosen = |member: &u32| named.binary_search(member).is_err();
        let reach = |member: &u32| chosen(member).then(|| self.reach(*member, viewer, privacy, context));
        let reaches = others.iter().map(reach).collect();
        let declined = others.iter().map(|&other| self.live.declined(other, user)).collect();
        let [filling, joining] = corrections(user);
        Group { initiator, others, reaches, declined, evidence, facts, reserve, open: with_friends, filling, joining }
    }

    /// What somebody may get where she lives, as the question has it paid and delivered.
    fn reach(&self, member: u32, viewer: &Viewer, privacy: &Privacy<'_>, context: &Context) -> Reach {
        let profile = self.profile(member);
        let mut conditions = viewer.conditions(context);
        conditions.market = Market { country: profile.country.or(viewer.country), ..conditions.market };
        conditions.age = certain_age(profile.birth_year, context.now);
        let refused = self.refused_by(member).iter().copied().filter(|&row| privacy.uses_refusal_of(member, row));
        let declined = viewer.personal.map(|user| self.live.declined(member, user)).unwrap_or_default();
        let mut refused: Vec<u32> = refused.chain(declined).collect();
        refused.sort_unstable();
        Reach { allowed: self.allowed_to_read(&conditions), refused }
    }

    /// Friends both ways, the likeliest to join first, whatever the product, as many as ever count. Not all of them may be
    /// named: who takes no invitations may still join. Who muted those of the initiator does not.
    fn likeliest_friends(&self, user: u32, privacy: &Privacy<'_>) -> Vec<(u32, JoinFacts)> {
        let is_open = |friend: &u32| self.live.invites.muted_at(*friend, user).is_none();
        let mutual: Vec<u32> = privacy.mutual_friends().filter(is_open).collect();
        let of_none = (user, ProductRow(u32::MAX));
        let likeliest = self.likeliest(privacy, of_none, &mutual, MOST_COUNTED, |log_odds, _| log_odds);
        likeliest.into_iter().map(|(_, friend, facts)| (friend, facts)).collect()
    }

    /// Leaves what everybody named may be shown where she is, without what the initiator has and what she or somebody named
    /// who lets her know refused. Somebody whom nobody knows may be a minor. Friends who were not named narrow nothing.
    fn narrow_to_members(
        &self,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        named: &[u32],
        group: &Group<'_>,
        context: &Context,
        allowed: &mut Bitmap,
    ) {
        for conditions in self.member_conditions(viewer, named, context) {
            allowed.intersect(&self.allowed_to_read(&conditions));
        }
        let Some(user) = viewer.personal else { return };
        let named = group.others.iter().zip(&group.reaches).filter(|(_, reach)| reach.is_none());
        for (&member, _) in named {
            let refused = self.refused_by(member).iter().filter(|&&row| privacy.uses_refusal_of(member, row));
            refused.for_each(|&row| allowed.remove(row));
        }
        if !context.include_bought {
            let bought = self.owned_by(user).into_iter().filter(|owned| owned.purchases > 0);
            bought.for_each(|owned| allowed.remove(owned.product));
        }
    }

    /// What decides which products those named may be shown, each where she is and as old as she is.
    fn member_conditions<'a>(&self, viewer: &'a Viewer, named: &[u32], context: &'a Context) -> Vec<Conditions<'a>> {
        let market_and_age = |&member: &u32| {
            let profile = self.profile(member);
            (profile.country.or(viewer.country), certain_age(profile.birth_year, context.now))
        };
        let mut markets: Vec<_> = named.iter().map(market_and_age).collect();
        markets.extend((!viewer.missing.is_empty()).then_some((viewer.country, 0)));
        markets.sort_unstable();
        markets.dedup();
        let conditions = |(country, age): (Option<Country>, u32)| {
            let conditions = viewer.conditions(context);
            Conditions { market: Market { country, ..conditions.market.clone() }, age, ..conditions }
        };
        markets.into_iter().map(conditions).collect()
    }

    /// The rules by which [`Self::narrow_to_members`] leaves a product out; never who of the members is the cause.
    fn removed_for_group(
        &self,
        row: u32,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        named: &[u32],
        group: &Group<'_>,
        context: &Context,
    ) -> Vec<Rule> {
        let members = self.member_conditions(viewer, named, context);
        let mut rules: Vec<Rule> =
            members.iter().flat_map(|conditions| self.obstacles_under(row, conditions)).collect();
        let Some(user) = viewer.personal else { return rules };
        let refuses = |&member: &u32| privacy.uses_refusal_of(member, row) && self.refused_by(member).contains(&row);
        let bought = || self.owned_by(user).iter().any(|owned| owned.product == row && owned.purchases > 0);
        let mut named = group.others.iter().zip(&group.reaches).filter(|(_, reach)| reach.is_none());
        rules.extend(named.any(|(member, _)| refuses(member)).then_some(Rule::Refused));
        rules.extend((!context.include_bought && bought()).then_some(Rule::AlreadyBought));
        rules
    }

    /// Products close to the taste of the group: to the vector of the standing group where these people are one.
    fn group_candidates(
        &self,
        privacy: &Privacy<'_>,
        group: &Group<'_>,
        with_friends: bool,
        context: &Context,
        allowed: &Bitmap,
        trace: &mut Trace,
    ) -> Vec<ProductDraft> {
        let Some(user) = group.initiator else { return Vec::new() };
        let Some(query) = self.group_taste(user, privacy, &group.others, with_friends) else { return Vec::new() };
        let close = taste::closest(self, &query, pool(context), allowed);
        if context.strategy != Strategy::ExpectedSuccess {
            return self.by_ratings(user, privacy, group, &close, context, allowed);
        }
        let Some(scale) = Scale::of(&close) else { return Vec::new() };
        let mut draft = |scored: &Scored| {
            let place = scale.place(scored.score);
            let Team { success, saved } = self.team_on(scored.row, group);
            let parts = [
                ("taste", WORTH_ALONE * place),
                ("team", success * (1.0 - WORTH_ALONE) * place),
                ("saving", success * saved),
            ];
            trace.proposed(scored.row, Source::Group);
            parts.iter().for_each(|&(part, points)| trace.adds(scored.row, part, points));
            ProductDraft::new(scored.row, Source::Group, parts.iter().map(|(_, points)| points).sum())
        };
        close.iter().map(&mut draft).collect()
    }

    /// Products close to the group or to one of its members, in the order of a strategy over everybody's ratings.
    fn by_ratings(
        &self,
        user: u32,
        privacy: &Privacy<'_>,
        group: &Group<'_>,
        close: &[Scored],
        context: &Context,
        allowed: &Bitmap,
    ) -> Vec<ProductDraft> {
        let hers = self.taste_vector(user).map(|vector| (None, vector));
        let usable = (0..group.others.len()).filter(|&at| privacy.uses_taste_of(group.others[at]));
        let theirs = usable.filter_map(|at| Some((Some(at), Cow::Owned(self.vector_for_others(group.others[at])?))));
        let tastes: Vec<(Option<usize>, Cow<'_, [f32]>)> = hers.into_iter().chain(theirs).collect();
        let each = pool(context).div_ceil(tastes.len().max(1)).max(LEAST_EACH);
        let asked = tastes.iter().take(MOST_ASKED);
        let of_each = asked.flat_map(|(_, vector)| taste::closest(self, vector, each, allowed));
        let mut rows: Vec<u32> = close.iter().copied().chain(of_each).map(|scored| scored.row).collect();
        rows.sort_unstable();
        rows.dedup();
        let rate = |vector: &[f32]| ratings(rows.iter().map(|&row| dot(vector, self.product_vector(row))).collect());
        let rated: Vec<(Option<usize>, Vec<f32>)> = tastes.iter().map(|(at, vector)| (*at, rate(vector))).collect();
        let draft = |(place, &row): (usize, &u32)| {
            let counting = rated.iter().filter(|(at, _)| at.is_none_or(|at| group.counts(at, row)));
            let score = context.strategy.of_ratings(counting.map(|(_, ratings)| ratings[place]));
            ProductDraft::new(row, Source::Group, score)
        };
        rows.iter().enumerate().map(draft).collect()
    }

    /// The vector of a group: its own, or the mean of its members' as far as they may be used.
    fn group_taste(&self, user: u32, privacy: &Privacy<'_>, others: &[u32], with_friends: bool) -> Option<Vec<f32>> {
        if let Some(vector) = self.standing_group(user, privacy, others) {
            return Some(vector.to_vec());
        }
        let hers = self.taste_vector(user).map(|vector| (vector, if with_friends { INITIATOR_WEIGHT } else { 1.0 }));
        let usable = others.iter().filter(|&&member| privacy.uses_taste_of(member));
        let theirs = usable.filter_map(|&member| Some((Cow::Owned(self.vector_for_others(member)?), 1.0)));
        let vectors: Vec<(Cow<'_, [f32]>, f32)> = hers.into_iter().chain(theirs).collect();
        weighted_mean(self.bundle().dim(), vectors.iter().map(|(vector, weight)| (&**vector, *weight)))
    }

    /// The vector of exactly these people, where they bought together before the cut and it may be used of all.
    fn standing_group(&self, user: u32, privacy: &Privacy<'_>, others: &[u32]) -> Option<&[f32]> {
        if !others.iter().all(|&member| self.personalised(member) && privacy.uses_taste_of(member)) {
            return None;
        }
        let mut members: Vec<u32> = others.iter().copied().chain([user]).collect();
        members.sort_unstable();
        let stored: Option<Vec<UserRow>> = members.iter().map(|&member| self.stored_user(member)).collect();
        self.bundle().group_vector(&stored?)
    }

    /// The team that the group could open on a product; where buying together saves nothing there is none to fill.
    fn team_on(&self, product: u32, group: &Group<'_>) -> Team {
        let goods = self.goods(product);
        let (Some(saving), Some(price)) = (goods.saving(), goods.price) else { return Team::default() };
        let saved = saving.minor_units as f32 / price.minor_units as f32;
        Team { success: self.prospect(product, goods.group_min_size, group).success, saved }
    }

    /// The chance that the team fills, and the chances of everybody in the group to join.
    ///
    /// The chance counts the group and the friends whom the initiator would likeliest win besides, as training does:
    /// all of these where her friends were asked for, else for the seats that the group leaves free. Only people of the
    /// group are told to join.
    fn prospect(&self, product: u32, min_size: Option<u32>, group: &Group<'_>) -> Prospect {
        let needed = min_size.unwrap_or(SMALLEST_TEAM).saturating_sub(1) as usize;
        let likely_from = logistic(LIKELY_LOG_ODDS - group.joining.on(product));
        let Some(user) = group.initiator else {
            return Prospect { success: 0.0, chances: Vec::new(), needed, likely_from };
        };
        let serving = self.bundle().serving();
        let chance = |at: usize| {
            let (other, facts) = (group.others[at], &group.facts[at]);
            (serving.join.probability(&self.facts_on(product, user, other, facts, &group.evidence)), other)
        };
        let counting = (0..group.others.len()).filter(|&at| group.counts(at, product));
        let mut chances: Vec<(f32, u32)> = counting.map(chance).collect();
        chances.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut probabilities: Vec<f32> = chances.iter().map(|&(chance, _)| chance).collect();
        if group.open || chances.len() < needed {
            let may_get = group.reserve.iter().filter(|friend| friend.reach.takes_in(product));
            let chance = |friend: &Reserve| friend.facts.on_product(&friend.vector, self.product_vector(product));
            probabilities.extend(may_get.map(|friend| serving.join.probability(&chance(friend))));
        }
        // The correction of the whole is learnt for chances to join without theirs.
        let success = serving.success.corrected(&probabilities, needed, group.filling.on(product));
        Prospect { success, chances, needed, likely_from }
    }

    /// Facts on one product from facts on none: only what depends on the product is gathered again.
    fn facts_on(&self, product: u32, user: u32, other: u32, facts: &JoinFacts, evidence: &Evidence<'_>) -> JoinFacts {
        use super::model::JoinEvidence;
        let has = |row: u32| evidence.products(UserRow(row)).any(|owned| owned == product);
        if has(user) || has(other) {
            return facts_of(evidence, user, other, ProductRow(product));
        }
        facts.on_product(&evidence.user_vector(UserRow(other)), self.product_vector(product))
    }

    fn group_item(
        &self,
        draft: ProductDraft,
        group: &Group<'_>,
        privacy: &Privacy<'_>,
        explain: &Explainer<'_>,
    ) -> GroupProductItem {
        let goods = self.goods(draft.row);
        let prospect = self.prospect(draft.row, goods.group_min_size, group);
        let success_probability = group.initiator.map(|_| prospect.success);
        let named = privacy.invitations(group.others.clone(), goods.min_age).into_inner();
        let (product, now) = (draft.row, privacy.now());
        let company = group.initiator.map(|user| self.company(user, product, now)).unwrap_or_default();
        let may_be_suggested = |friend: u32| {
            let is_open = group.initiator.is_some_and(|user| self.open_to(friend, user, product, now));
            is_open && named.contains(&friend) && !company.contains(&friend)
        };
        let would_join = prospect.joiners(may_be_suggested);
        GroupProductItem {
            product: explain.product(draft),
            success_probability,
            would_join: would_join.into_iter().map(|row| self.user_id(row).to_owned()).collect(),
            saving: goods.saving(),
        }
    }
}

fn facts_of(evidence: &Evidence<'_>, user: u32, other: u32, product: ProductRow) -> JoinFacts {
    JoinFacts::gather(evidence, UserRow(user), UserRow(other), product)
}
