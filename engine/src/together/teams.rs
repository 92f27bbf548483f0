//! Open teams to join: friends' first, then those that strangers opened for everybody to see.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allowed::Allowed;
use crate::candidates::{taste, trending};
use crate::cursor::{List, Shown};
use crate::explain::Explainer;
use crate::live::teams::Team;
use crate::live::view::dot;
use crate::privacy::Privacy;
use crate::rank::Scale;
use crate::recommend::{Snapshot, pool};
use crate::request::{Answer, Context, Degraded, RequestFault, TeamItem};
use crate::viewer::Viewer;

/// Teams looked at, by deadline, where those on likely products do not fill the list.
const MOST_SCANNED: usize = 2_000;
/// What a friend's team is ahead of a stranger's: more than taste can make up for.
const FRIENDS_TEAM: f32 = 2.0;

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
        let list = self.ranked_teams(passed, &viewer, &privacy);
        let page = context.limit.min(shown.left());
        let more = list.len() > page && shown.left() > page;
        let explain = Explainer::new(self, &viewer, &privacy, context);
        let items: Vec<TeamItem> = list.iter().take(page).map(|team| explain.team(team)).collect();
        let next_cursor = more.then(|| shown.after(items.iter().map(|item| item.team_id.as_str())));
        let degraded = match items.is_empty() {
            true => Some(Degraded::NothingAllowed),
            false => viewer.degraded(true),
        };
        Ok(Answer { items, missing: viewer.missing, degraded, next_cursor })
    }

    /// Teams of friends, teams on products she would like or that are popular, and, where those are few, the teams
    /// whose deadlines come first; each once, by id.
    fn team_candidates(
        &self,
        viewer: &Viewer,
        privacy: &Privacy<'_>,
        context: &Context,
        allowed: &Allowed,
        shown: &Shown,
    ) -> Vec<Arc<Team>> {
        let teams = &self.live.teams;
        let vector = viewer.personal.and_then(|user| self.taste_vector(user));
        let likely: Vec<u32> = match vector {
            Some(vector) => {
                taste::closest(self, &vector, pool(context), allowed).iter().map(|close| close.row).collect()
            }
            None => trending::top(self, viewer.country).collect(),
        };
        let wanted = |team: &&Arc<Team>| {
            !shown.contains(&team.id)
                && !context.exclude.iter().any(|id| **id == *team.id)
                && team.joinable(context.now)
                && privacy.sees_team(team)
        };
        let of_friends = privacy.friends().iter().flat_map(|friend| teams.open_of_member(friend.row));
        let on_likely = likely.iter().flat_map(|&product| teams.open_of_product(product));
        let entry = |team: &Arc<Team>| (team.id.clone(), team.clone());
        let mut found: BTreeMap<Arc<str>, Arc<Team>> = of_friends.chain(on_likely).filter(wanted).map(entry).collect();
        if found.len() <= context.limit {
            found.extend(teams.open().take(MOST_SCANNED).filter(wanted).map(entry));
        }
        found.into_values().collect()
    }

    /// Friends' teams first; within them and behind them by taste, then by the fewest seats left, then by id.
    fn ranked_teams(&self, teams: Vec<Arc<Team>>, viewer: &Viewer, privacy: &Privacy<'_>) -> Vec<Arc<Team>> {
        let vector = viewer.personal.and_then(|user| self.taste_vector(user));
        let taste = |team: &Team| vector.as_deref().map_or(0.0, |query| dot(query, self.product_vector(team.product)));
        let mut scores: Vec<crate::index::Scored> =
            teams.iter().map(|team| crate::index::Scored { row: team.product, score: taste(team) }).collect();
        scores.sort_by(crate::index::Scored::best_first);
        let scale = Scale::of(&scores);
        let mut ranked: Vec<(f32, Arc<Team>)> = teams
            .into_iter()
            .map(|team| {
                let place = scale.as_ref().map_or(0.0, |scale| scale.place(taste(&team)));
                let friends = team.members().any(|member| privacy.friend(member).is_some());
                (place + if friends { FRIENDS_TEAM } else { 0.0 }, team)
            })
            .collect();
        ranked.sort_by(|(a, left), (b, right)| {
            let seats = left.seats_left().cmp(&right.seats_left());
            b.total_cmp(a).then(seats).then_with(|| left.id.cmp(&right.id))
        });
        ranked.into_iter().map(|(_, team)| team).collect()
    }
}
