//! From a question to an answer: read this first.
//!
//! Every list goes the same seven steps; [`Snapshot::feed`] shows them one after the other.
//!
//! 1. **who**: the id becomes a person, or "new here" ([`crate::viewer`]);
//! 2. **allowed**: filter, market, stock, age and hidden become a set of products ([`crate::allowed`]), without what she
//!    has bought, refused or been shown;
//! 3. **candidates**: taste, friends, teams, repurchase propose drafts ([`crate::candidates`]);
//! 4. **privacy**: drafts lose what may not be told, or fall out ([`crate::privacy`]); nothing goes round it;
//! 5. **rank**: one blend ([`crate::rank`]), then the operator's rules and a total order ([`crate::rules`]);
//! 6. **fill**: what is popular fills the page, so that it is never empty where something allowed exists;
//! 7. **reasons**: codes with parameters ([`crate::explain`]).

mod engine;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

pub use self::engine::{Engine, Snapshot};
use crate::bitmap::Bitmap;
use crate::candidates::{ProductDraft, repurchase, similar, social, taste, trending};
use crate::cursor::{List, Shown};
use crate::explanation::Rule;
use crate::privacy::Privacy;
use crate::rank::{self, Scale};
use crate::request::{Answer, Context, Degraded, ProductItem, RequestFault, Source};
use crate::rules::moves::Moves;
use crate::rules::page::{self, Plan};
use crate::trace::Trace;
use crate::verdict::Grounds;
use crate::viewer::Viewer;

/// Candidates that a list looks at beyond what it shows: room for what ranking and limits move.
const SPARE: usize = 40;
/// Candidates looked at for each item shown.
const FOR_EACH_ITEM: usize = 2;

impl Snapshot {
    /// What this person should see now.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn feed(&self, user_id: &str, context: &Context) -> Result<Answer<ProductItem>, RequestFault> {
        context.check()?;
        let shown = Shown::read(List::Feed, context.cursor.as_deref())?;
        let viewer = Viewer::new(self, Some(user_id), context);
        let privacy = viewer.privacy(self, context.now);
        let due = viewer.personal.map_or_else(Vec::new, |user| repurchase::due(self, user, context.now));
        let mut allowed = self.allowed_for(&viewer, context, &shown);
        self.leave_out_bought(&viewer, context, &due, &mut allowed);
        let mut trace = Trace::of(context);
        let moves = Moves::in_feed(self, &viewer, context);
        let drafts = self.feed_candidates(&viewer, &privacy, context, &due, &allowed, &moves, &mut trace);
        let enough = drafts.len() >= context.limit;
        let passed = privacy.products(drafts, &allowed).into_inner();
        let plan = self.feed_plan(&passed, &viewer, &privacy, context, &shown, &allowed);
        let list = self.arranged(passed, plan, &moves, &viewer, &privacy, context, &allowed, &mut trace);
        let answer = self.answer(list, &viewer, &privacy, context, &shown, viewer.degraded(enough));
        let taste = viewer.personal.filter(|_| context.explain.is_some()).and_then(|user| self.taste_vector(user));
        let grounds = Grounds {
            taste: taste.as_deref(),
            looked_at: pool(context) + moves.besides(),
            removed_by: &|row: u32| self.left_out_as_bought(&viewer, context, &due, row),
            ..Grounds::of_list(&viewer, context, &shown, &allowed)
        };
        Ok(self.explained(answer, trace, &grounds))
    }

    /// Products like the given ones, those themselves left out.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn similar(
        &self,
        product_ids: &[String],
        user_id: Option<&str>,
        context: &Context,
    ) -> Result<Answer<ProductItem>, RequestFault> {
        context.check()?;
        context.check_ids("product_ids", product_ids)?;
        let shown = Shown::read(List::Similar, context.cursor.as_deref())?;
        let mut viewer = Viewer::new(self, user_id, context);
        let privacy = viewer.privacy(self, context.now);
        let mut given: Vec<u32> = Vec::with_capacity(product_ids.len());
        for id in product_ids {
            match self.product_row(id) {
                Some(row) => given.push(row),
                None => viewer.missing.push(id.clone()),
            }
        }
        let mut allowed = self.allowed_for(&viewer, context, &shown);
        given.iter().for_each(|&row| allowed.remove(row));
        let drafts = similar::like(self, &given, pool(context), &allowed);
        let enough = drafts.len() >= context.limit;
        let passed = privacy.products(drafts, &allowed).into_inner();
        let mut trace = Trace::of(context);
        let list = self.filled(passed, &viewer, &privacy, context, &allowed, &mut trace);
        let degraded = stranger(&viewer, user_id).or((!enough).then_some(Degraded::FewCandidates));
        let answer = self.answer(list, &viewer, &privacy, context, &shown, degraded);
        let removed_by = |row: u32| if given.contains(&row) { vec![Rule::AskedAbout] } else { Vec::new() };
        let grounds = Grounds::of_list(&viewer, context, &shown, &allowed);
        Ok(self.explained(answer, trace, &Grounds { removed_by: &removed_by, ..grounds }))
    }

    /// What is popular in the market now: the same for everybody there, but for age.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn trending(&self, user_id: Option<&str>, context: &Context) -> Result<Answer<ProductItem>, RequestFault> {
        context.check()?;
        let shown = Shown::read(List::Trending, context.cursor.as_deref())?;
        let viewer = Viewer::new(self, user_id, context);
        let privacy = viewer.privacy(self, context.now);
        let allowed = self.allowed_for(&viewer, context, &shown);
        let mut trace = Trace::of(context);
        let list = self.filled(Vec::new(), &viewer, &privacy, context, &allowed, &mut trace);
        let degraded = stranger(&viewer, user_id);
        let answer = self.answer(list, &viewer, &privacy, context, &shown, degraded);
        Ok(self.explained(answer, trace, &Grounds::of_list(&viewer, context, &shown, &allowed)))
    }

    /// What this person is due to buy again; what is popular where nothing is due.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn repurchase(&self, user_id: &str, context: &Context) -> Result<Answer<ProductItem>, RequestFault> {
        context.check()?;
        let shown = Shown::read(List::Repurchase, context.cursor.as_deref())?;
        let viewer = Viewer::new(self, Some(user_id), context);
        let privacy = viewer.privacy(self, context.now);
        let allowed = self.allowed_for(&viewer, context, &shown);
        let due = viewer.personal.map_or_else(Vec::new, |user| repurchase::due(self, user, context.now));
        let drafts: Vec<ProductDraft> = due
            .iter()
            .map(|due| {
                let draft = ProductDraft::new(due.product, Source::Repurchase, due.chance);
                ProductDraft { due: Some(due.due), ..draft }
            })
            .collect();
        let passed = privacy.products(drafts, &allowed).into_inner();
        let nothing_due = passed.is_empty();
        let mut trace = Trace::of(context);
        let list = match nothing_due {
            true => self.filled(passed, &viewer, &privacy, context, &allowed, &mut trace),
            false => {
                trace.ranks(&passed);
                let plan = Plan::of_caps(self, context.limit);
                let list = page::arrange(&self, passed, plan, |_, _| Vec::new());
                trace.lists(&list);
                list
            }
        };
        let answer = self.answer(list, &viewer, &privacy, context, &shown, viewer.degraded(!nothing_due));
        Ok(self.explained(answer, trace, &Grounds::of_list(&viewer, context, &shown, &allowed)))
    }

    /// The products that may appear in this answer, what earlier pages showed left out.
    pub(crate) fn allowed_for(&self, viewer: &Viewer, context: &Context, shown: &Shown) -> Bitmap {
        let mut allowed = self.allowed(&viewer.conditions(context));
        context.exclude.iter().filter_map(|id| self.product_row(id)).for_each(|row| allowed.remove(row));
        for &hash in shown.hashes() {
            self.bundle().products().rows_by_short_hash(hash).for_each(|row| allowed.remove(row.0));
            self.live.goods.rows_by_short_hash(hash).for_each(|row| allowed.remove(row));
        }
        if let Some(user) = viewer.personal {
            self.refused_by(user).iter().for_each(|&row| allowed.remove(row));
        }
        allowed
    }

    /// Takes out what the person has bought, unless it is due again or asked for.
    fn leave_out_bought(&self, viewer: &Viewer, context: &Context, due: &[repurchase::Due], allowed: &mut Bitmap) {
        let Some(user) = viewer.personal.filter(|_| !context.include_bought) else { return };
        for owned in self.owned_by(user) {
            if owned.purchases > 0 && due.iter().all(|due| due.product != owned.product) {
                allowed.remove(owned.product);
            }
        }
    }

    /// The rule by which [`Self::leave_out_bought`] leaves a product out, if it does.
    fn left_out_as_bought(&self, viewer: &Viewer, context: &Context, due: &[repurchase::Due], row: u32) -> Vec<Rule> {
        let Some(user) = viewer.personal.filter(|_| !context.include_bought) else { return Vec::new() };
        let bought = self.owned_by(user).iter().any(|owned| owned.product == row && owned.purchases > 0);
        let is_due = due.iter().any(|due| due.product == row);
        if bought && !is_due { vec![Rule::AlreadyBought] } else { Vec::new() }
    }

    /// Drafts of every source, each product once, scored by the blend of [`crate::rank`].
    #[expect(clippy::too_many_arguments, reason = "the parts of one question, none of which belongs to another")]
    fn feed_candidates(
        &self,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        context: &Context,
        due: &[repurchase::Due],
        allowed: &Bitmap,
        moves: &Moves<'_>,
        trace: &mut Trace,
    ) -> Vec<ProductDraft> {
        let Some(user) = viewer.personal else { return Vec::new() };
        let vector = self.taste_vector(user);
        let wanted = pool(context) + moves.besides();
        let mut close = vector.as_deref().map_or_else(Vec::new, |query| taste::closest(self, query, wanted, allowed));
        let scale = Scale::of(&close);
        if let Some((query, raised)) = vector.as_deref().zip(moves.raised(allowed)) {
            close.extend(taste::closest(self, query, context.limit, &raised));
        }
        let place = |row: u32| match (&scale, &vector) {
            (Some(scale), Some(query)) => scale.place(crate::live::view::dot(query, self.product_vector(row))),
            _ => 0.0,
        };
        let mut drafts: HashMap<u32, ProductDraft> = HashMap::with_capacity(close.len() * 2);
        for scored in &close {
            let Entry::Vacant(new) = drafts.entry(scored.row) else { continue };
            let place = scale.as_ref().map_or(0.0, |scale| scale.place(scored.score));
            trace.proposed(scored.row, Source::Taste);
            trace.adds(scored.row, "taste", place);
            new.insert(ProductDraft::new(scored.row, Source::Taste, place));
        }
        let mut add = |row: u32, source: Source, what, bonus: f32, note: &mut dyn FnMut(&mut ProductDraft)| {
            trace.proposed(row, source);
            if !allowed.contains(row) {
                return;
            }
            let draft = drafts.entry(row).or_insert_with(|| {
                let place = place(row);
                trace.adds(row, "taste", place);
                ProductDraft::new(row, source, place)
            });
            trace.adds(row, what, bonus);
            draft.score += bonus;
            note(draft);
        };
        let blend = self.bundle().serving().blend;
        for social in social::purchases(self, privacy) {
            let note = &mut |draft: &mut ProductDraft| draft.friends_bought = social.count;
            add(social.product, Source::Friends, "friends", blend.friends * social.share, note);
        }
        let popular_gain = if vector.is_some() { self.popular_gain(user) } else { 0.0 };
        if popular_gain > 0.0 {
            let market = trending::Market { country: viewer.country, day: context.now.day() };
            for popular in trending::bought(self, &market, wanted, allowed) {
                add(popular.row, popular.source, "popular", popular_gain * popular.score, &mut |_| ());
            }
        }
        if context.include_bought && blend.bought > 0.0 {
            for owned in self.owned_by(user).iter().filter(|owned| owned.purchases > 0) {
                add(owned.product, Source::Taste, "bought", blend.bought, &mut |_| ());
            }
        }
        for due in due {
            add(due.product, Source::Repurchase, "repurchase", rank::DUE_BONUS * due.chance, &mut |draft| {
                draft.source = Source::Repurchase;
                draft.due = Some(due.due);
            });
        }
        for (product, team) in social::open_teams(self, privacy) {
            let joinable = team.joinable(context.now) && team.members().all(|member| member != user);
            if joinable {
                let bonus = if privacy.may_hurry() { rank::TEAM_BONUS } else { 0.0 };
                add(product, Source::OpenTeam, "open_team", bonus, &mut |draft| {
                    draft.source = Source::OpenTeam;
                    draft.team = Some(team.clone());
                });
            }
        }
        self.add_convenience(&mut drafts, viewer, context, trace);
        drafts.into_values().collect()
    }

    /// Adds what speaks for the offer that each product would be bought by, where training learnt what weighs with people.
    fn add_convenience(
        &self,
        drafts: &mut HashMap<u32, ProductDraft>,
        viewer: &Viewer,
        context: &Context,
        trace: &mut Trace,
    ) {
        let Some(weights) = self.offer_weights(viewer) else { return };
        let conditions = viewer.conditions(context);
        for draft in drafts.values_mut() {
            if let Some(offered) = self.offered(draft.row, &conditions, weights) {
                let bonus = rank::DELIVERY_BONUS * weights.convenience(&offered.terms);
                trace.adds(draft.row, "delivery", bonus);
                draft.score += bonus;
            }
        }
    }

    /// The drafts in order within the caps, with popular products behind them where they do not fill a page and one item
    /// more.
    pub(crate) fn filled(
        &self,
        drafts: Vec<ProductDraft>,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        context: &Context,
        allowed: &Bitmap,
        trace: &mut Trace,
    ) -> Vec<ProductDraft> {
        let (plan, moves) = (Plan::of_caps(self, context.limit), Moves::none(self, context));
        self.arranged(drafts, plan, &moves, viewer, privacy, context, allowed, trace)
    }

    /// The page that a plan makes of drafts and, where they do not fill it, of popular products; and one item more where
    /// there is any.
    #[expect(clippy::too_many_arguments, reason = "the parts of one question, none of which belongs to another")]
    fn arranged(
        &self,
        mut drafts: Vec<ProductDraft>,
        plan: Plan,
        moves: &Moves<'_>,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        context: &Context,
        allowed: &Bitmap,
        trace: &mut Trace,
    ) -> Vec<ProductDraft> {
        drafts.iter_mut().for_each(|draft| moves.apply(draft, trace));
        trace.ranks(&drafts);
        trace.places(&plan);
        let market = trending::Market { country: viewer.country, day: context.now.day() };
        let list = page::arrange(&self, drafts, plan, |wanted, there| {
            let mut popular = trending::popular(self, &market, wanted, allowed, there);
            if let Some(mut raised) = moves.raised(allowed) {
                popular.iter().for_each(|draft| raised.remove(draft.row));
                let besides = trending::popular(self, &market, context.limit, &raised, there);
                popular.extend(besides.into_iter().map(|draft| ProductDraft { score: 0.0, ..draft }));
            }
            let mut passed = privacy.products(popular, allowed).into_inner();
            passed.iter_mut().for_each(|draft| moves.apply(draft, &mut Trace::default()));
            passed
        });
        trace.lists(&list);
        list
    }

    /// The answer that shows the head of a list.
    fn answer(
        &self,
        list: Vec<ProductDraft>,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        context: &Context,
        shown: &Shown,
        degraded: Option<Degraded>,
    ) -> Answer<ProductItem> {
        let page = context.limit.min(shown.left());
        let more = list.len() > page && shown.left() > page;
        let explain = crate::explain::Explainer::new(self, viewer, privacy, context);
        let items: Vec<ProductItem> = list.into_iter().take(page).map(|draft| explain.product(draft)).collect();
        let next_cursor = more.then(|| shown.after(items.iter().map(|item| item.product_id.as_str())));
        let degraded = if items.is_empty() { Some(Degraded::NothingAllowed) } else { degraded };
        Answer { items, missing: viewer.missing.clone(), degraded, next_cursor, explanation: None }
    }
}

/// Why nothing of the person who is named was used, where a list is for anybody.
fn stranger(viewer: &Viewer, user_id: Option<&str>) -> Option<Degraded> {
    user_id.filter(|_| viewer.personal.is_none()).and_then(|_| viewer.degraded(true))
}

/// Number of candidates for a page.
pub(crate) fn pool(context: &Context) -> usize {
    candidates_for(context.limit)
}

/// Number of candidates by taste that a list of `limit` products is chosen from.
pub fn candidates_for(limit: usize) -> usize {
    limit * FOR_EACH_ITEM + SPARE
}
