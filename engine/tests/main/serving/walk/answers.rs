//! One random question, and everything that its answer may not do.

use std::collections::HashSet;

use juntos_engine::reasons::Reason;
use juntos_engine::request::{Context, Filter, Market, ProductItem, Source, TeamItem};
use rand::RngExt;

use super::Walk;
use super::truth::Truth;
use crate::serving::privacy::least;
use crate::serving::world::COUNTRIES;

/// Whole years from which on nobody is a minor.
const ADULT: u32 = 18;

/// Who asks, and how.
pub(super) struct Asker<'a> {
    truth: &'a Truth,
    /// None for an id that nobody knows.
    user: Option<usize>,
    /// She, where what is known about her may be used.
    personal: Option<usize>,
    country: Option<&'a str>,
    age: u32,
    context: &'a Context,
}

macro_rules! hold {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}

impl<'a> Asker<'a> {
    fn new(truth: &'a Truth, user: usize, context: &'a Context) -> Self {
        let user = Some(user).filter(|&user| !truth.people[user].gone);
        let own = user.and_then(|user| truth.people[user].country);
        let personal = user.filter(|&user| context.personalise && truth.people[user].personalise);
        let market = context.market.country.as_ref().map(|country| country.as_str());
        let to = context.filter.ship_to.as_ref().map(|country| country.as_str());
        Self { truth, user, personal, country: to.or(market).or(own), age: truth.age(user), context }
    }

    fn products<'i>(&self, items: impl Iterator<Item = &'i ProductItem>) -> Result<(), String> {
        let mut seen = HashSet::new();
        for item in items {
            hold!(seen.insert(&item.product_id), "{} is there twice", item.product_id);
            self.product(item).map_err(|fault| format!("{}: {fault}", item.product_id))?;
        }
        Ok(())
    }

    fn product(&self, item: &ProductItem) -> Result<(), String> {
        let truth = self.truth;
        let product = truth.thing(&item.product_id).ok_or("is not a product")?;
        hold!(truth.may_see(self.age, self.country, product), "may not be shown");
        let named = &self.context.filter.product_ids;
        hold!(named.is_empty() || named.contains(&truth.things[product].id), "was not named");
        hold!(!self.context.filter.team_price || truth.things[product].team_price, "has no team price");
        if let Some(user) = self.personal {
            hold!(!truth.refused.contains(&(user, product)), "was refused");
        }
        match item.source {
            Source::Friends => {
                hold!(!truth.things[product].sensitive, "is sensitive, and friends are its source");
                let friends = self.personal.map_or(0, |user| truth.proof(user, product, false));
                hold!(friends > 0, "no friend shows that she bought it");
            }
            Source::OpenTeam => hold!(item.team.is_some(), "comes from a team that is not there"),
            _ => {}
        }
        if let Some(team) = &item.team {
            self.team(team)?;
            hold!(self.is_friends(&team.team_id), "a stranger's team is shown as a friend's");
        }
        item.reasons.iter().try_for_each(|reason| self.reason(reason, product))
    }

    fn reason(&self, reason: &Reason, product: usize) -> Result<(), String> {
        let truth = self.truth;
        match reason {
            Reason::FriendsBought { count } => {
                let counted = self.personal.map_or(0, |user| truth.proof(user, product, true));
                hold!(counted >= least(*count), "{counted} friends are told as {}", count.word());
                hold!(!truth.things[product].sensitive, "friends are counted for a sensitive product");
            }
            Reason::BecauseYouBought { product_id } => {
                let like = truth.thing(product_id).ok_or("is like no product")?;
                hold!(self.personal.is_some_and(|user| truth.owns(user, like)), "is like what she has not");
                hold!(!truth.things[like].sensitive, "is like something sensitive");
            }
            Reason::OpenTeam { seats_left, .. } => self.hurry(seats_left.is_some())?,
            Reason::TrendingInMarket => hold!(truth.buyers_before(product) >= 3, "trends among fewer than three"),
            Reason::TimeToRepurchase { .. } => hold!(self.personal.is_some(), "is due to nobody"),
            _ => {}
        }
        Ok(())
    }

    fn hurry(&self, hurried: bool) -> Result<(), String> {
        hold!(!hurried || self.age >= ADULT, "a minor is hurried");
        Ok(())
    }

    fn team(&self, item: &TeamItem) -> Result<(), String> {
        let truth = self.truth;
        let crew = truth.crews.get(&item.team_id).ok_or("is no team")?;
        let id = &item.team_id;
        hold!(crew.open(truth.now), "{id} is not open");
        hold!(truth.may_see(self.age, self.country, crew.product), "the product of {id} may not be shown");
        hold!(!truth.things[crew.product].sensitive, "the product of {id} is sensitive");
        let initiator = crew.initiator.ok_or("has no initiator")?;
        let shows_all = truth.people[initiator].visibility == juntos_datasets::tables::PurchaseVisibility::Everyone;
        let public = crew.public.unwrap_or(shows_all);
        let friend = self.personal.is_some_and(|user| truth.mutual(user, initiator));
        hold!(public || friend, "{id} is a stranger's, and not public");
        for member in crew.members() {
            let out = self.user.is_some_and(|user| truth.keeps_out(user, member, crew.initiator));
            hold!(!out, "a member of {id} is kept apart from her");
            hold!(self.personal != Some(member), "she is in {id} herself");
        }
        for id in &item.friends_inside {
            let friend = truth.person(id).ok_or("is nobody")?;
            hold!(crew.members().any(|member| member == friend), "{id} is not inside");
            let shown = self.personal.is_some_and(|user| truth.sees_purchases(user, friend));
            hold!(shown, "{id} does not consent to be named");
        }
        if let Some(seats) = item.seats_left {
            hold!(seats as usize == crew.seats(), "{id} has {} seats, not {seats}", crew.seats());
        }
        self.hurry(item.seats_left.is_some() || item.deadline.is_some())
    }

    fn is_friends(&self, team_id: &str) -> bool {
        let Some(user) = self.personal else { return false };
        let crew = &self.truth.crews[team_id];
        crew.initiator.is_some_and(|initiator| self.truth.mutual(user, initiator))
            || crew.members().any(|member| self.truth.sees_purchases(user, member))
    }

    /// Somebody is suggested for a team on a product.
    fn suggested(&self, id: &str, product: usize) -> Result<(), String> {
        let friend = self.truth.person(id).ok_or("is nobody")?;
        let person = &self.truth.people[friend];
        hold!(!person.gone, "{id} was deleted");
        hold!(person.invites == juntos_datasets::tables::Invites::Friends, "{id} takes no invitations");
        hold!(self.personal.is_some_and(|user| self.truth.mutual(user, friend)), "{id} is no friend");
        let young = self.truth.things[product].min_age.is_some_and(|age| self.truth.age(Some(friend)) < age);
        hold!(!young, "{id} may be too young");
        Ok(())
    }

    fn is_bought(&self, product_id: &str) -> bool {
        let product = self.truth.thing(product_id);
        self.personal.zip(product).is_some_and(|(user, product)| self.truth.owns(user, product))
    }
}

impl Walk {
    /// A question with random conditions.
    pub(super) fn random_context(&mut self) -> Context {
        let mut country = || {
            let country = COUNTRIES[self.random.random_range(0..2)].parse().unwrap();
            self.random.random_bool(0.2).then_some(country)
        };
        let (market, ship_to) = (Market { country: country(), ..Market::default() }, country());
        let names = if self.random.random_bool(0.15) { self.random.random_range(1..6) } else { 0 };
        let product_ids = (0..names).map(|_| self.something()).collect::<Vec<_>>();
        let product_ids = product_ids.into_iter().map(|product| self.truth.things[product].id.clone()).collect();
        let team_price = self.random.random_bool(0.1);
        let filter = Filter { product_ids, ship_to, team_price, ..Filter::default() };
        let limit = [1, 3, 10, 100][self.random.random_range(0..4)];
        Context {
            market,
            filter,
            personalise: self.random.random_bool(0.9),
            include_bought: self.random.random_bool(0.2),
            ..Context::new(self.truth.now, limit)
        }
    }

    /// One random question; its answer, and the page after it, do nothing that they may not.
    pub(super) fn ask_and_check(&mut self) -> Result<(), String> {
        let (user, product, kind) = (self.someone(), self.something(), self.random.random_range(0..8));
        let mut context = self.random_context();
        while let Some(cursor) = self.check(user, product, kind, &context)? {
            if context.cursor.is_some() {
                break;
            }
            context.cursor = Some(cursor);
        }
        Ok(())
    }

    fn check(&mut self, user: usize, product: usize, kind: u32, context: &Context) -> Result<Option<String>, String> {
        self.answers += 1;
        let asked = format!("question {kind} of {} about {product}", self.truth.people[user].id);
        self.checked(user, product, kind, context).map_err(|fault| format!("{asked}: {fault}"))
    }

    fn checked(&mut self, user: usize, product: usize, kind: u32, context: &Context) -> Result<Option<String>, String> {
        let group: Vec<usize> = (0..self.random.random_range(0..4)).map(|_| self.someone()).collect();
        let (with_friends, with_nobody) = (self.random.random_bool(0.5), self.random.random_bool(0.1));
        let (snapshot, truth) = (self.engine.snapshot(), &self.truth);
        let (id, product_id) = (&truth.people[user].id, &truth.things[product].id);
        let asker = Asker::new(truth, user, context);
        let fault = |fault: juntos_engine::request::RequestFault| fault.to_string();
        match kind {
            0 | 1 => {
                let answer = snapshot.feed(id, context).map_err(fault)?;
                asker.products(answer.items.iter())?;
                for item in &answer.items {
                    let again = context.include_bought || item.source == Source::Repurchase;
                    hold!(again || !asker.is_bought(&item.product_id), "{} is bought already", item.product_id);
                }
                Ok(answer.next_cursor)
            }
            2 => {
                let answer = snapshot.trending(Some(id), context).map_err(fault)?;
                asker.products(answer.items.iter())?;
                Ok(answer.next_cursor)
            }
            3 => {
                let answer = snapshot.similar(std::slice::from_ref(product_id), Some(id), context).map_err(fault)?;
                asker.products(answer.items.iter())?;
                Ok(answer.next_cursor)
            }
            4 => {
                let answer = snapshot.repurchase(id, context).map_err(fault)?;
                asker.products(answer.items.iter())?;
                Ok(answer.next_cursor)
            }
            5 => {
                let answer = snapshot.group_teams(id, context).map_err(fault)?;
                answer.items.iter().try_for_each(|item| asker.team(item))?;
                Ok(answer.next_cursor)
            }
            6 => {
                let answer = snapshot.group_friends(id, product_id, context).map_err(fault)?;
                answer.items.iter().try_for_each(|item| asker.suggested(&item.user_id, product))?;
                Ok(answer.next_cursor)
            }
            _ => {
                let mut members = vec![user];
                members.extend(group);
                let mut seen = HashSet::new();
                members.retain(|&member| seen.insert(member));
                let mut ids: Vec<String> = members.iter().map(|&member| truth.people[member].id.clone()).collect();
                if with_nobody {
                    ids.push("nobody".to_owned());
                }
                let answer = snapshot.group_products(&ids, with_friends, context).map_err(fault)?;
                asker.products(answer.items.iter().map(|item| &item.product))?;
                for item in &answer.items {
                    let product = truth.thing(&item.product.product_id).ok_or("is not a product")?;
                    for &member in &members[1..] {
                        let person = &truth.people[member];
                        let country = person.country.filter(|_| !person.gone).or(asker.country);
                        let country = context.filter.ship_to.as_ref().map_or(country, |to| Some(to.as_str()));
                        let sees = truth.may_see(truth.age(Some(member)), country, product);
                        hold!(sees, "{} is not for {}", item.product.product_id, person.id);
                    }
                    let restricted = truth.things[product].min_age.is_some_and(|age| age > 0);
                    hold!(!with_nobody || !restricted, "somebody unknown may be too young");
                    item.would_join.iter().try_for_each(|id| asker.suggested(id, product))?;
                }
                Ok(answer.next_cursor)
            }
        }
    }
}
