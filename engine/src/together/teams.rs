//! Open teams to join: friends' first, then those that strangers opened for everybody to see.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use juntos_datasets::{ProductRow, UserRow};

use super::evidence::Evidence;
use super::model::JoinFacts;
use crate::bitmap::Bitmap;
use crate::candidates::{taste, trending};
use crate::cursor::{List, Shown};
use crate::explain::Explainer;
use crate::explanation::{Explained, Part, Rule};
use crate::live::teams::Team;
use crate::live::view::dot;
use crate::privacy::Privacy;
use crate::recommend::{Snapshot, pool};
use crate::request::{Answer, Context, Degraded, RequestFault, Source, TeamItem};
use crate::trace::Trace;
use crate::viewer::Viewer;

/// Teams that strangers may see, looked at by deadline where those on likely products do not fill the list.
const MOST_SCANNED: usize = 2_000;

impl Snapshot {
    /// Open teams that this person could join, best first.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn group_teams(&self, user_id: &str, context: &Context) -> Result<Answer<TeamItem>, RequestFault> {
        context.check()?;
        let shown = Shown::read(List::GroupTeams, context.cursor.as_deref())?;
        let viewer = Viewer::new(self, Some(user_id), context);
        let privacy = viewer.privacy(self, context.now);
        let mut allowed = self.allowed(&viewer.conditions(context));
        if let Some(user) = viewer.personal {
            self.refused_by(user).iter().for_each(|&row| allowed.remove(row));
        }
        let candidates = self.team_candidates(&viewer, &privacy, context, &allowed, &shown);
        let passed = privacy.teams(candidates, &allowed).into_inner();
        let mut trace = Trace::of(context);
        let ranked = self.ranked_teams(passed, &viewer, &privacy, &mut trace);
        let (mut list, beyond) = varied(ranked, self.most_on_one_product(context));
        beyond.iter().for_each(|team| trace.moves(&team.id, Rule::ProductCap));
        list.extend(beyond);
        let page = context.limit.min(shown.left());
        let more = list.len() > page && shown.left() > page;
        let explain = Explainer::new(self, &viewer, &privacy, context);
        let items: Vec<TeamItem> = list.iter().take(page).map(|team| explain.team(team)).collect();
        let next_cursor = more.then(|| shown.after(items.iter().map(|item| item.team_id.as_str())));
        let degraded = match items.is_empty() {
            true => Some(Degraded::NothingAllowed),
            false => viewer.degraded(true),
        };
        let ids: Vec<&str> = items.iter().map(|item| item.team_id.as_str()).collect();
        let product = context.explain.as_ref().and_then(|explain| explain.product_id.as_deref());
        let explanation = self.explanation_of(&ids, trace, product, &viewer, context);
        Ok(Answer { items, missing: viewer.missing, degraded, next_cursor, explanation })
    }

    /// Teams of friends, teams on products she would like or that are popular, and, where those are few, the teams
    /// whose deadlines come first; each once, by id.
    fn team_candidates(
        &self,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        context: &Context,
        allowed: &Bitmap,
        shown: &Shown,
    ) -> Vec<Arc<Team>> {
        let teams = &self.live.teams;
        let wanted = |team: &&Arc<Team>| {
            !shown.contains(&team.id)
                && !context.exclude.iter().any(|id| **id == *team.id)
                && team.joinable(context.now)
                && viewer.personal.is_none_or(|user| team.members().all(|member| member != user))
                && privacy.sees_team(team)
        };
        let inside = privacy.friends().iter().flat_map(|friend| teams.open_of_member(friend.row));
        let of_friends = inside.filter(|team| privacy.is_friends_team(team));
        let entry = |team: &Arc<Team>| (team.id.clone(), team.clone());
        let mut found: BTreeMap<Arc<str>, Arc<Team>> = of_friends.filter(wanted).map(entry).collect();
        // Behind friends' teams come those on the best product, which the fewest seats left order: of one product, and,
        // within its share of the page, of better products together, no more than a page and one are needed.
        let (enough, most) = (context.limit + 1, self.most_on_one_product(context));
        let (mut strangers, mut least) = (0, f32::INFINITY);
        for (taste, product) in self.likely_products(viewer, context, allowed) {
            if strangers >= enough && taste < least {
                break;
            }
            least = taste;
            let best = teams.open_of_product(product).filter(wanted).filter(|team| !privacy.is_friends_team(team));
            for (at, team) in first_of(best, enough, privacy.may_hurry()).into_iter().enumerate() {
                strangers += usize::from(at < most);
                found.insert(team.id.clone(), team.clone());
            }
        }
        if varied(found.values().cloned().collect(), most).0.len() <= context.limit {
            // Those whose deadline has passed come first, until a report of anything takes them out: they must not count.
            let open = teams.open_to_all().skip_while(|team| team.overdue(context.now));
            found.extend(open.take(MOST_SCANNED).filter(wanted).map(entry));
        }
        found.into_values().collect()
    }

    /// How many teams on one product a page may have where it has others.
    fn most_on_one_product(&self, context: &Context) -> usize {
        let caps = &self.rules.rules.caps;
        caps.most(caps.team_product, context.limit)
    }

    /// Products whose teams are looked at, with how well each fits the viewer's taste, best first; those that are popular, all
    /// alike, where nothing is known of it.
    fn likely_products(&self, viewer: &Viewer, context: &Context, allowed: &Bitmap) -> Vec<(f32, u32)> {
        let Some(vector) = viewer.personal.and_then(|user| self.taste_vector(user)) else {
            let top = trending::top(self, viewer.country).into_iter();
            return top.filter(|&product| allowed.contains(product)).map(|product| (0.0, product)).collect();
        };
        let close = taste::closest(self, &vector, pool(context), allowed);
        let rated = close.iter().map(|close| (dot(&vector, self.product_vector(close.row)), close.row));
        let mut rated: Vec<(f32, u32)> = rated.collect();
        rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rated
    }

    /// Friends' teams first, by the chance that the viewer joins their initiator; behind them strangers'
    /// teams by taste; then by the fewest seats left, then by id.
    fn ranked_teams(
        &self,
        teams: Vec<Arc<Team>>,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        trace: &mut Trace,
    ) -> Vec<Arc<Team>> {
        let (of_friends, of_strangers): (Vec<_>, Vec<_>) =
            teams.into_iter().partition(|team| privacy.is_friends_team(team));
        let hurry = privacy.may_hurry();
        let mut ranked = best_first(self.by_join_chance(of_friends, viewer, privacy, trace), hurry);
        ranked.extend(best_first(self.by_taste(of_strangers, viewer, trace), hurry));
        ranked
    }

    /// Log-odds that the viewer joins each team. What its initiator bought counts only where the viewer may know it:
    /// the order must not tell what nobody may know.
    fn by_join_chance(
        &self,
        teams: Vec<Arc<Team>>,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        trace: &mut Trace,
    ) -> Vec<(f32, Arc<Team>)> {
        let Some(user) = viewer.personal else { return teams.into_iter().map(|team| (0.0, team)).collect() };
        let initiators: Vec<u32> = teams.iter().filter_map(|team| team.initiator).collect();
        let evidence = Evidence::gather(self, privacy, user, &initiators);
        let model = &self.bundle().serving().join;
        let mut odds = |team: &Team| match team.initiator {
            Some(initiator) => {
                let product = ProductRow(team.product);
                let facts = JoinFacts::gather(&evidence, UserRow(initiator), UserRow(user), product);
                let log_odds = model.log_odds(&facts);
                trace.tells(|| explained(&team.id, Source::OpenTeam, model.parts(&facts), log_odds));
                log_odds
            }
            None => f32::NEG_INFINITY,
        };
        teams.into_iter().map(|team| (odds(&team), team)).collect()
    }

    /// How well each team's product fits the viewer's taste.
    fn by_taste(&self, teams: Vec<Arc<Team>>, viewer: &Viewer, trace: &mut Trace) -> Vec<(f32, Arc<Team>)> {
        let vector = viewer.personal.and_then(|user| self.taste_vector(user));
        let mut taste = |team: &Team| {
            let taste = vector.as_deref().map_or(0.0, |query| dot(query, self.product_vector(team.product)));
            trace.tells(|| explained(&team.id, Source::Taste, vec![("taste", taste)], taste));
            taste
        };
        teams.into_iter().map(|team| (taste(&team), team)).collect()
    }
}

/// Why a team has its place: among friends' teams, which come first, by the log-odds that the viewer joins; among
/// strangers' by her taste.
fn explained(id: &str, source: Source, parts: Vec<(&'static str, f32)>, score: f32) -> Explained {
    let parts = parts.into_iter().map(|(what, points)| Part { what, points }).collect();
    Explained { id: id.to_owned(), sources: vec![source], parts, score: Some(score), ..Explained::default() }
}

/// The first `most` teams on each product, and the others, both in their order.
fn varied(teams: Vec<Arc<Team>>, most: usize) -> (Vec<Arc<Team>>, Vec<Arc<Team>>) {
    let mut seen: HashMap<u32, usize> = HashMap::new();
    teams.into_iter().partition(|team| {
        let count = seen.entry(team.product).or_default();
        *count += 1;
        *count <= most
    })
}

/// The first `most` of teams on one product: of all in their order, which begins with the fewest seats left, or by id for
/// somebody who is not to be hurried.
fn first_of<'a>(teams: impl Iterator<Item = &'a Arc<Team>>, most: usize, hurry: bool) -> Vec<&'a Arc<Team>> {
    if hurry {
        return teams.take(most).collect();
    }
    let mut teams: Vec<&Arc<Team>> = teams.collect();
    teams.sort_by(|one, other| one.id.cmp(&other.id));
    teams.truncate(most);
    teams
}

/// The teams by score, then by the fewest seats left unless somebody is not to be hurried, then by id.
fn best_first(mut scored: Vec<(f32, Arc<Team>)>, hurry: bool) -> Vec<Arc<Team>> {
    let seats = |team: &Team| if hurry { team.seats_left() } else { 0 };
    scored.sort_by(|(a, left), (b, right)| {
        b.total_cmp(a).then(seats(left).cmp(&seats(right))).then_with(|| left.id.cmp(&right.id))
    });
    scored.into_iter().map(|(_, team)| team).collect()
}
