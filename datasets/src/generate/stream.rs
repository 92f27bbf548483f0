//! A world as rows of tables, streamed: people and products by number, events by user and, for each user, by time.

use std::fmt::Write;

use rayon::prelude::*;

use crate::progress::Progress;
use crate::tables::{Block, Event, Friendship, Product, Seller, Split, Team, User};
use crate::units::Timestamp;

use super::delivery::{PlantedOffer, offers, price_minor};
use super::events::PlantedEvent;
use super::markets::MARKETS;
use super::random::{Purpose, below, happens, stream};
use super::teams::PlantedTeam;
use super::texts;
use super::{END, Planted};

/// Users whose events are made at one time, and parts that they are made in side by side.
const USERS_AT_A_TIME: u32 = 16_384;

/// Share of users who block somebody.
const BLOCK_SHARE: f32 = 0.005;

/// Receives the rows of a world, table by table.
pub trait Rows {
    /// Why a row could not be taken.
    type Fault: Send;
    /// One user.
    fn user(&mut self, row: &User<'_>) -> Result<(), Self::Fault>;
    /// One seller.
    fn seller(&mut self, row: &Seller<'_>) -> Result<(), Self::Fault>;
    /// One product.
    fn product(&mut self, row: &Product<'_>) -> Result<(), Self::Fault>;
    /// One tie; each pair comes once.
    fn friendship(&mut self, row: &Friendship<'_>) -> Result<(), Self::Fault>;
    /// One block.
    fn block(&mut self, row: &Block<'_>) -> Result<(), Self::Fault>;
    /// One team.
    fn team(&mut self, row: &Team<'_>) -> Result<(), Self::Fault>;
    /// One event; users come in the order of the users table, each one's events ascending in time.
    fn event(&mut self, row: &Event<'_>) -> Result<(), Self::Fault>;
}

/// Id of the user with this number.
pub fn user_id(number: u32) -> String {
    format!("u{number:07}")
}

/// Id of the product with this number.
pub fn product_id(number: u32) -> String {
    format!("p{number:06}")
}

/// Id of the seller with this number.
pub fn seller_id(number: u32) -> String {
    format!("s{number:05}")
}

/// Id of the team with this number.
pub fn team_id(number: u32) -> String {
    format!("t{number:07}")
}

impl Planted {
    /// Hands every row of the world to `rows`; events are made while they are written.
    ///
    /// # Errors
    /// Whatever `rows` answers, at the first row it does not take.
    pub fn write<R: Rows + Send>(&self, rows: &mut R, progress: &dyn Progress) -> Result<(), R::Fault> {
        let entities = u64::from(self.users()) + u64::from(self.products());
        progress.stage("users and products", entities);
        self.write_users(rows)?;
        progress.advance(u64::from(self.users()));
        self.write_sellers(rows)?;
        self.write_products(rows)?;
        progress.advance(u64::from(self.products()));
        progress.stage("friendships", self.circles().ties.len() as u64);
        self.write_friendships(rows)?;
        progress.advance(self.circles().ties.len() as u64);
        self.write_blocks(rows)?;
        progress.stage("teams", self.teams().len() as u64);
        self.write_teams(rows)?;
        progress.advance(self.teams().len() as u64);
        self.write_events(rows, progress)
    }

    fn write_users<R: Rows>(&self, rows: &mut R) -> Result<(), R::Fault> {
        for number in 0..self.users() {
            let person = self.person(number);
            let market = &MARKETS[person.market as usize];
            rows.user(&User {
                user_id: &user_id(number),
                country: Some(market.country),
                language: Some(market.language),
                birth_year: person.birth_year,
                purchase_visibility: person.visibility,
                invites: person.invites,
                personalise: person.personalise,
                created_at: Some(person.created_at),
            })?;
        }
        Ok(())
    }

    fn write_sellers<R: Rows>(&self, rows: &mut R) -> Result<(), R::Fault> {
        for (number, shop) in self.shops().iter().enumerate() {
            let id = seller_id(number as u32);
            let brands = &texts::BRANDS[number % texts::DEPARTMENTS];
            let market = &MARKETS[shop.market as usize];
            rows.seller(&Seller {
                seller_id: &id,
                name: Some(&format!("{} {}", brands[number / texts::DEPARTMENTS % brands.len()], number + 1)),
                country: Some(market.country),
                page_url: Some(&format!("https://social.example/{id}")),
            })?;
        }
        Ok(())
    }

    fn write_products<R: Rows>(&self, rows: &mut R) -> Result<(), R::Fault> {
        for number in 0..self.products() {
            self.write_product(number, rows)?;
        }
        Ok(())
    }

    fn write_product<R: Rows>(&self, number: u32, rows: &mut R) -> Result<(), R::Fault> {
        let good = self.product(number);
        let home = good.market as usize;
        let (category, market, facts) = (good.category as usize, &MARKETS[home], good.facts());
        let brand = texts::BRANDS[facts.department][good.brand as usize];
        let title = texts::title(home, category, good.noun as usize, good.attribute as usize, brand, good.model);
        let sentences = (good.model as usize % 5, (good.model as usize / 5 + good.model as usize + 1) % 5);
        let id = product_id(number);
        let offers = offers(good, number, self.shops().len());
        let price_minor = price_minor(good);
        let group_price = good.group.map(|(saving, _)| (price_minor as f64 * (1.0 - f64::from(saving))).round() as i64);
        rows.product(&Product {
            product_id: &id,
            seller_id: Some(&seller_id(good.seller)),
            title: Some(&title),
            description: Some(&texts::description(home, &title, sentences.0, sentences.1)),
            language: Some(market.language),
            category: Some(texts::of_market(home).categories[category].path),
            brand: Some(brand),
            price_minor: Some(price_minor),
            currency: Some(market.currency),
            group_price_minor: group_price,
            group_min_size: good.group.map(|(_, size)| u32::from(size)),
            stock: good.stock,
            ships_from: Some(market.country),
            offers: offers.iter().map(PlantedOffer::row).collect(),
            min_age: facts.min_age,
            sensitive: facts.sensitive,
            created_at: Some(good.created_at),
            image_url: Some(&format!("https://images.example/{id}.jpg")),
            hidden: good.hidden,
        })
    }

    fn write_friendships<R: Rows>(&self, rows: &mut R) -> Result<(), R::Fault> {
        for tie in &self.circles().ties {
            rows.friendship(&Friendship {
                user_id: &user_id(tie.user),
                friend_id: &user_id(tie.friend),
                kind: tie.kind,
                strength: tie.strength,
                since: Some(self.friends_since(tie.user, tie.friend)),
            })?;
        }
        Ok(())
    }

    /// Some users block a stranger.
    fn write_blocks<R: Rows>(&self, rows: &mut R) -> Result<(), R::Fault> {
        for user in 0..self.users() {
            let mut rng = stream(self.seed(), Purpose::Block, u64::from(user));
            if !happens(&mut rng, BLOCK_SHARE) {
                continue;
            }
            let blocked = below(&mut rng, self.users() as usize) as u32;
            let stranger = self.circles().friends(user).binary_search_by_key(&blocked, |&(friend, _)| friend).is_err();
            if blocked != user && stranger {
                rows.block(&Block { user_id: &user_id(user), blocked_id: &user_id(blocked) })?;
            }
        }
        Ok(())
    }

    fn write_teams<R: Rows>(&self, rows: &mut R) -> Result<(), R::Fault> {
        for (number, team) in self.teams().iter().enumerate() {
            let participants: Vec<String> = team.participants.iter().map(|&user| user_id(user)).collect();
            rows.team(&Team {
                team_id: &team_id(number as u32),
                product_id: &product_id(team.product),
                initiator_id: &user_id(team.initiator),
                participant_ids: participants.iter().map(String::as_str).collect(),
                min_size: u32::from(team.min_size),
                opened_at: Some(team.opened_at),
                deadline: Some(team.deadline),
                outcome: team.outcome,
                split: self.test_from().map_or(Split::Train, |cut| part_of(team, cut)),
                negative_ids: Vec::new(),
                public: None,
            })?;
        }
        Ok(())
    }

    /// Makes the events of the next users while those of the last are written.
    fn write_events<R: Rows + Send>(&self, rows: &mut R, progress: &dyn Progress) -> Result<(), R::Fault> {
        progress.stage("events", u64::from(self.users()));
        let mut first = 0;
        let mut made = self.events_of_some(first);
        while first < self.users() {
            let next = first.saturating_add(USERS_AT_A_TIME);
            let (following, written) =
                rayon::join(|| self.events_of_some(next), || write_some_events(first, &made, self.test_from(), rows));
            written?;
            progress.advance(made.len() as u64);
            made = following;
            first = next;
        }
        Ok(())
    }

    fn events_of_some(&self, first: u32) -> Vec<Vec<PlantedEvent>> {
        let end = first.saturating_add(USERS_AT_A_TIME).min(self.users());
        (first.min(end)..end).into_par_iter().map(|user| self.events(user)).collect()
    }
}

/// The part that a team belongs to: opened from `cut` on, the test; decided before, training. Those open across the cut
/// belong to neither, because the table does not tell who had joined by then, and so do those whose deadline the world
/// does not live to see: of them only the successes are known.
fn part_of(team: &PlantedTeam, cut: Timestamp) -> Split {
    match (team.opened_at >= cut, team.deadline) {
        (true, deadline) if deadline < END => Split::Test,
        (false, deadline) if deadline < cut => Split::Train,
        _ => Split::Valid,
    }
}

fn write_some_events<R: Rows>(
    first: u32,
    made: &[Vec<PlantedEvent>],
    test_from: Option<Timestamp>,
    rows: &mut R,
) -> Result<(), R::Fault> {
    let (mut user, mut product, mut event_id) = (String::new(), String::new(), String::new());
    for (offset, events) in made.iter().enumerate() {
        let number = first + offset as u32;
        rewrite(&mut user, format_args!("u{number:07}"));
        for (place, event) in events.iter().enumerate() {
            rewrite(&mut product, format_args!("p{:06}", event.product));
            rewrite(&mut event_id, format_args!("e{number:07}-{place}"));
            let team = event.team.map(team_id);
            rows.event(&Event {
                ts: Some(event.ts),
                event_id: Some(&event_id),
                value: event.value.map(f64::from),
                surface: Some(event.surface),
                team_id: team.as_deref(),
                delivery_days: event.delivery_days,
                split: if test_from.is_some_and(|cut| event.ts >= cut) { Split::Test } else { Split::Train },
                ..Event::new(&user, &product, event.kind)
            })?;
        }
    }
    Ok(())
}

fn rewrite(text: &mut String, content: std::fmt::Arguments<'_>) {
    text.clear();
    text.write_fmt(content).expect("a String takes every text");
}
