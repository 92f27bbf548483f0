//! What one person did, from her first day to the last day of the world.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::tables::{EventKind, Surface, TeamOutcome};
use crate::units::Timestamp;

use super::categories::CATEGORIES;
use super::choice::Chooser;
use super::delivery::Chosen;
use super::random::{Purpose, happens, log_normal, normal, rounded, stream};
use super::tastes::affinity;
use super::{END, Planted};

/// Mean number of events that follow from one decision to look around; measured, and held by a test.
const EVENTS_PER_OCCASION: f32 = 2.1;
/// Share of bought consumables that become a habit, and of habits that go on after each purchase.
const HABIT: f32 = 0.5;
const HABIT_GOES_ON: f32 = 0.85;

/// One planted event.
#[derive(Debug, Clone, Copy)]
pub struct PlantedEvent {
    /// When.
    pub ts: Timestamp,
    /// To which product.
    pub product: u32,
    /// What.
    pub kind: EventKind,
    /// Where.
    pub surface: Surface,
    /// Rating of a `rate`.
    pub value: Option<f32>,
    /// Number of the team that it was bought in.
    pub team: Option<u32>,
    /// Most days of the offer that was taken, of what was bought or given.
    pub delivery_days: Option<u32>,
}

/// Everything that `user` did, ascending in time.
pub(super) fn events_of(planted: &Planted, user: u32) -> Vec<PlantedEvent> {
    let mut life = Life::new(planted, user);
    life.team_purchases();
    for ts in life.occasions() {
        life.occasion(ts);
    }
    life.events.sort_by_key(|event| (event.ts, event.product, event.kind));
    let mut chosen = Chosen::by(planted, user);
    life.events.iter_mut().for_each(|event| event.delivery_days = chosen.days(event));
    life.events
}

struct Life<'a> {
    planted: &'a Planted,
    user: u32,
    chooser: Chooser<'a>,
    rng: ChaCha8Rng,
    /// How much faster or slower than others she uses things up.
    pace: f32,
    last_bought: [Option<Timestamp>; CATEGORIES],
    events: Vec<PlantedEvent>,
}

impl<'a> Life<'a> {
    fn new(planted: &'a Planted, user: u32) -> Self {
        let mut rng = stream(planted.seed(), Purpose::Events, u64::from(user));
        let pace = log_normal(&mut rng, 0.2);
        let chooser = Chooser::new(planted, user);
        Self { planted, user, chooser, rng, pace, last_bought: [None; CATEGORIES], events: Vec::new() }
    }

    fn team_purchases(&mut self) {
        for &number in self.planted.teams_joined(self.user) {
            let team = &self.planted.teams()[number as usize];
            debug_assert_eq!(team.outcome, TeamOutcome::Succeeded);
            let surface = self.surface();
            self.events.push(PlantedEvent {
                ts: team.closed_at,
                product: team.product,
                kind: EventKind::Purchase,
                surface,
                value: None,
                team: Some(number),
                delivery_days: None,
            });
        }
    }

    /// Ascending moments at which she looks around.
    fn occasions(&mut self) -> Vec<Timestamp> {
        let person = self.planted.person(self.user);
        let mean = person.activity * self.planted.events_per_user() / EVENTS_PER_OCCASION;
        let from = person.active_from();
        let days = END.days_since(from);
        let count = rounded(&mut self.rng, mean);
        let mut moments: Vec<Timestamp> =
            (0..count).map(|_| from.plus_days(days * self.rng.random_range(0.0..0.999))).collect();
        moments.sort_unstable();
        moments
    }

    fn occasion(&mut self, ts: Timestamp) {
        if happens(&mut self.rng, 0.03) {
            if let Some(product) = self.chooser.reject(&mut self.rng, ts) {
                let surface = self.surface();
                self.did(EventKind::View, product, ts, 0.0, surface);
                self.did(EventKind::Dislike, product, ts, 1.0, surface);
            }
            return;
        }
        if let Some(product) = self.chooser.choose(&mut self.rng, ts, |_| 1.0) {
            self.look_at(product, ts);
        }
    }

    fn look_at(&mut self, product: u32, ts: Timestamp) {
        let surface = self.surface();
        self.did(EventKind::View, product, ts, 0.0, surface);
        if happens(&mut self.rng, 0.12) {
            self.did(EventKind::Like, product, ts, 1.0, surface);
        }
        if happens(&mut self.rng, 0.04) {
            self.did(EventKind::Share, product, ts, 2.0, surface);
        }
        if happens(&mut self.rng, 0.25) {
            self.did(EventKind::Cart, product, ts, 3.0, surface);
        }
        if happens(&mut self.rng, 0.42) && !self.has_one(product, ts) {
            self.buy(product, ts, surface);
        }
    }

    /// Whether a lasting thing of this kind was bought too short a time ago for another.
    fn has_one(&self, product: u32, ts: Timestamp) -> bool {
        let good = self.planted.product(product);
        let last = self.last_bought[good.category as usize];
        last.is_some_and(|last| ts.days_since(last) < f64::from(good.facts().rest_days))
    }

    fn buy(&mut self, product: u32, ts: Timestamp, surface: Surface) {
        if happens(&mut self.rng, 0.07) {
            self.did(EventKind::Gift, product, ts, 5.0, surface);
            return;
        }
        self.did(EventKind::Purchase, product, ts, 5.0, surface);
        self.last_bought[self.planted.product(product).category as usize] = Some(ts);
        self.after_purchase(product, ts, surface);
        if let Some(interval) = self.planted.product(product).facts().interval_days
            && happens(&mut self.rng, HABIT)
        {
            self.habit(product, ts, interval * self.pace);
        }
    }

    fn after_purchase(&mut self, product: u32, ts: Timestamp, surface: Surface) {
        let days_later = f64::from(self.rng.random_range(3..25));
        if happens(&mut self.rng, 0.15) {
            let liking = affinity(self.planted.user_taste(self.user), self.planted.product_taste(product));
            let stars = (3.2 + 2.2 * liking + 0.7 * normal(&mut self.rng)).round().clamp(1.0, 5.0);
            let before = self.events.len();
            self.did(EventKind::Rate, product, ts.plus_days(days_later), 0.0, surface);
            self.events[before..].iter_mut().for_each(|event| event.value = Some(stars));
        }
        if happens(&mut self.rng, 0.03) {
            self.did(EventKind::Return, product, ts.plus_days(days_later), 10.0, surface);
        }
    }

    /// Buys the same again whenever it is used up, until she changes her mind or the world ends.
    fn habit(&mut self, product: u32, first: Timestamp, interval_days: f32) {
        let mut ts = first;
        while happens(&mut self.rng, HABIT_GOES_ON) {
            ts = ts.plus_days(f64::from(interval_days * log_normal(&mut self.rng, 0.12)));
            if ts >= END {
                return;
            }
            let surface = self.surface();
            self.did(EventKind::Purchase, product, ts, 0.0, surface);
        }
    }

    /// Notes one event `minutes` after `ts`, unless the world has ended by then.
    fn did(&mut self, kind: EventKind, product: u32, ts: Timestamp, minutes: f64, surface: Surface) {
        let ts = ts.plus_days(minutes / 1_440.0);
        if ts < END {
            self.events.push(PlantedEvent { ts, product, kind, surface, value: None, team: None, delivery_days: None });
        }
    }

    fn surface(&mut self) -> Surface {
        match self.rng.random::<f32>() {
            share if share < 0.50 => Surface::Feed,
            share if share < 0.68 => Surface::Messaging,
            share if share < 0.84 => Surface::MiniProgram,
            share if share < 0.92 => Surface::Email,
            share if share < 0.97 => Surface::Game,
            _ => Surface::Wearable,
        }
    }
}
