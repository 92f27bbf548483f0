//! A small world, kept twice: as plain lists that a test can reason about, and as a bundle that the engine serves.

use std::path::Path;
use std::sync::Arc;

use juntos_datasets::tables::{
    Block, Blocks, Event, EventKind, Events, Friendship, FriendshipKind, Friendships, Invites, Offer, Product,
    Products, PurchaseVisibility, Team, TeamOutcome, Teams, User, Users,
};
use juntos_datasets::training::{Possession, TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{Csr, DatasetWriter, IdMap, ProductRow, UserRow};
use juntos_engine::Engine;
use juntos_engine::bundle::{self, Bundle, BundleSource};
use juntos_engine::cohorts::{Believed, COHORTS_FILE, Cohort, Cohorts};
use juntos_engine::index::BuildOptions;
use juntos_engine::request::Context;
use juntos_engine::serving_model::ServingModel;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) const DIM: usize = 4;
pub(super) const COUNTRIES: [&str; 2] = ["ES", "IT"];

/// The moment at which tests ask: 2026-06-15.
pub(super) fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

/// A question at [`now`] for `limit` items.
pub(super) fn ask(limit: usize) -> Context {
    Context::new(now(), limit)
}

#[derive(Debug, Clone)]
pub(super) struct Person {
    pub id: String,
    pub country: &'static str,
    pub birth_year: Option<i32>,
    pub visibility: PurchaseVisibility,
    pub invites: Invites,
    pub personalise: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Good {
    pub id: String,
    pub only_to: Option<&'static str>,
    pub stock: Option<i64>,
    pub hidden: bool,
    pub min_age: Option<u32>,
    pub sensitive: bool,
    pub team_price: bool,
    pub seller: Option<&'static str>,
    pub brand: Option<&'static str>,
    pub category: Option<&'static str>,
    /// Days before [`now`] on which it was listed.
    pub listed: Option<u32>,
}

pub(super) const SELLERS: [&str; 3] = ["s0", "s1", "s2"];
pub(super) const BRANDS: [&str; 3] = ["b0", "b1", "b2"];
pub(super) const CATEGORIES: [&str; 4] = ["food", "food/tea", "toys", "toys/kites"];

#[derive(Debug, Clone)]
pub(super) struct Deal {
    pub id: String,
    pub product: usize,
    pub initiator: usize,
    pub participants: Vec<usize>,
    /// What its initiator says of whether strangers may see it.
    pub public: Option<bool>,
}

/// What a test knows of the world.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub people: Vec<Person>,
    pub goods: Vec<Good>,
    pub ties: Vec<(usize, usize, FriendshipKind)>,
    pub blocks: Vec<(usize, usize)>,
    /// User, product, days before [`now`], whether it was a gift.
    pub bought: Vec<(usize, usize, u32, bool)>,
    pub teams: Vec<Deal>,
    pub user_vectors: Vec<f32>,
    pub product_vectors: Vec<f32>,
    /// What people of a country or language like; none where training found that it tells nothing.
    pub cohorts: Vec<Cohort>,
    pub believed: Believed,
}

impl World {
    /// A world of plain people and products with random vectors: everybody adult, nothing restricted, nothing bought.
    pub(super) fn plain(seed: u64, people: usize, goods: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let person = |at: usize| Person {
            id: format!("u{at}"),
            country: "ES",
            birth_year: Some(1980),
            visibility: PurchaseVisibility::Friends,
            invites: Invites::Friends,
            personalise: true,
        };
        let good = |at: usize| Good {
            id: format!("p{at}"),
            only_to: None,
            stock: None,
            hidden: false,
            min_age: None,
            sensitive: false,
            team_price: false,
            seller: None,
            brand: None,
            category: None,
            listed: None,
        };
        Self {
            people: (0..people).map(person).collect(),
            goods: (0..goods).map(good).collect(),
            user_vectors: vector(&mut random, people * DIM),
            product_vectors: vector(&mut random, goods * DIM),
            ..Self::default()
        }
    }

    /// A world with something of everything.
    pub(super) fn random(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (people, goods) = (random.random_range(4..12), random.random_range(6..40));
        let mut world = Self::plain(seed, people, goods);
        for person in &mut world.people {
            person.country = COUNTRIES[random.random_range(0..2)];
            person.birth_year = [Some(1980), Some(1990), Some(2015), None][random.random_range(0..4)];
            person.visibility = PurchaseVisibility::ALL[random.random_range(0..3)];
            person.invites = Invites::ALL[random.random_range(0..2)];
            person.personalise = random.random_bool(0.8);
        }
        for good in &mut world.goods {
            good.only_to = random.random_bool(0.2).then(|| COUNTRIES[random.random_range(0..2)]);
            good.stock = random.random_bool(0.3).then(|| random.random_range(0..2));
            good.hidden = random.random_bool(0.1);
            good.min_age = random.random_bool(0.2).then_some(18);
            good.sensitive = random.random_bool(0.1);
            good.team_price = random.random_bool(0.5);
        }
        for one in 0..people {
            for other in one + 1..people {
                match random.random_range(0..10) {
                    0..=4 => world.ties.push((one, other, FriendshipKind::Friend)),
                    5 => world.ties.push((one, other, FriendshipKind::Follow)),
                    6 => world.blocks.push((one, other)),
                    _ => {}
                }
                if random.random_bool(0.05) {
                    world.blocks.push((other, one));
                }
            }
            for product in 0..goods {
                if random.random_bool(0.2) {
                    let gift = random.random_bool(0.2);
                    world.bought.push((one, product, random.random_range(0..60), gift));
                }
            }
        }
        for at in 0..random.random_range(0..5) {
            let (initiator, product) = (random.random_range(0..people), random.random_range(0..goods));
            let participants =
                (0..people).filter(|&user| user != initiator && random.random_bool(0.2)).take(3).collect();
            let public = [None, Some(false), Some(true)][random.random_range(0..3)];
            world.teams.push(Deal { id: format!("t{at}"), product, initiator, participants, public });
        }
        for good in &mut world.goods {
            good.seller = SELLERS.get(random.random_range(0..4)).copied();
            good.brand = BRANDS.get(random.random_range(0..4)).copied();
            good.category = CATEGORIES.get(random.random_range(0..5)).copied();
            good.listed = random.random_bool(0.6).then(|| random.random_range(0..100));
        }
        world
    }

    /// Whether some tie lets `user` count `other` among her friends.
    pub(super) fn has_tie(&self, user: usize, other: usize) -> bool {
        self.ties.iter().any(|&(one, two, kind)| {
            (one, two) == (user, other) || (two, one) == (user, other) && kind != FriendshipKind::Follow
        })
    }

    pub(super) fn blocked(&self, user: usize, other: usize) -> bool {
        self.blocks.iter().any(|&(one, two)| (one, two) == (user, other) || (two, one) == (user, other))
    }

    pub(super) fn mutual(&self, user: usize, other: usize) -> bool {
        self.has_tie(user, other) && self.has_tie(other, user) && !self.blocked(user, other)
    }

    /// Whether `viewer` may learn what `friend` buys.
    pub(super) fn sees_purchases(&self, viewer: usize, friend: usize) -> bool {
        match self.people[friend].visibility {
            PurchaseVisibility::Nobody => false,
            PurchaseVisibility::Friends => self.mutual(viewer, friend),
            PurchaseVisibility::Everyone => self.has_tie(viewer, friend) && !self.blocked(viewer, friend),
        }
    }

    /// Whether `viewer` may be shown the product at all.
    pub(super) fn may_see(&self, viewer: usize, product: usize) -> bool {
        let (person, good) = (&self.people[viewer], &self.goods[product]);
        let old_enough =
            good.min_age.is_none_or(|min_age| person.birth_year.is_some_and(|born| 2026 - born > min_age as i32));
        let delivered = good.only_to.is_none_or(|country| country == person.country);
        !good.hidden && good.stock != Some(0) && old_enough && delivered
    }

    pub(super) fn has_bought(&self, user: usize, product: usize) -> bool {
        self.bought.iter().any(|&(who, what, _, gift)| (who, what) == (user, product) && !gift)
    }

    pub(super) fn person(&self, id: &str) -> usize {
        self.people.iter().position(|person| person.id == id).unwrap()
    }

    pub(super) fn good(&self, id: &str) -> usize {
        self.goods.iter().position(|good| good.id == id).unwrap()
    }

    /// The engine over a bundle of this world.
    pub(super) fn engine(&self) -> Engine {
        self.engine_with(&ServingModel::default())
    }

    /// The same with what training learnt besides vectors.
    pub(super) fn engine_with(&self, serving: &ServingModel) -> Engine {
        let folder = tempfile::tempdir().unwrap();
        let dataset = self.write(&folder.path().join("data"));
        let data = self.training_data();
        let out = folder.path().join("bundle");
        let source = BundleSource {
            dataset: &dataset,
            data: &data,
            serving,
            dim: DIM,
            user_vectors: &self.user_vectors,
            product_vectors: &self.product_vectors,
            index: BuildOptions::default(),
            groups: &[],
            config: serde_json::Value::Null,
            metrics: serde_json::Value::Null,
            seed: 1,
        };
        let cohorts = |folder: &Path| match self.cohorts.is_empty() {
            true => Ok(()),
            false => Cohorts::new(DIM, self.believed, self.cohorts.clone()).write(&folder.join(COHORTS_FILE)),
        };
        bundle::write_with(&out, &source, cohorts).unwrap();
        // The map stays valid after its folder is gone.
        Engine::new(Arc::new(Bundle::open(&out).unwrap()))
    }

    /// What loading the tables gives.
    fn training_data(&self) -> TrainingData {
        let (mut users, mut products) = (IdMap::new(), IdMap::new());
        self.people.iter().for_each(|person| _ = users.insert(&person.id));
        self.goods.iter().for_each(|good| _ = products.insert(&good.id));
        let n = (self.people.len(), self.goods.len());
        let mut friends = Vec::new();
        for user in 0..n.0 {
            let other = (0..n.0).filter(|&other| self.has_tie(user, other) && !self.blocked(user, other));
            friends.extend(other.map(|other| (user as u32, other as u32, 1.0)));
        }
        let personal = self.bought.iter().filter(|&&(user, _, _, gift)| self.people[user].personalise && !gift);
        let bought = personal.map(|&(user, product, _, _)| (user as u32, product as u32, 1.0)).collect();
        TrainingData {
            users,
            products,
            interactions: Csr::from_entries(n.0, n.1, bought),
            friends: Csr::from_entries(n.0, n.0, friends),
            teams: self.teams.iter().map(Deal::record).collect(),
            possessions: (0..n.0).map(|user| self.possessions(user)).collect(),
            showing: juntos_datasets::shown::Showing::default(),
            valid: Csr::empty(n.0, n.1),
            test: Csr::empty(n.0, n.1),
            cut: Some(now()),
        }
    }

    fn possessions(&self, user: usize) -> Vec<Possession> {
        let own = |product: usize| self.bought.iter().filter(move |buy| (buy.0, buy.1) == (user, product));
        let possession = |product: usize| {
            let gifts = own(product).filter(|buy| buy.3).count() as u32;
            let last = own(product).map(|buy| now().plus_days(-f64::from(buy.2))).max()?;
            let purchases = own(product).count() as u32 - gifts;
            Some(Possession { product: ProductRow(product as u32), purchases, gifts, last: Some(last) })
        };
        (0..self.goods.len()).filter_map(possession).collect()
    }

    fn write(&self, out: &Path) -> juntos_datasets::Dataset {
        let mut writer = DatasetWriter::create(out).unwrap();
        for person in &self.people {
            let row = User {
                country: Some(person.country),
                birth_year: person.birth_year,
                purchase_visibility: person.visibility,
                invites: person.invites,
                personalise: person.personalise,
                ..User::new(&person.id)
            };
            writer.push::<Users>(&row).unwrap();
        }
        for good in &self.goods {
            writer.push::<Products>(&good.row()).unwrap();
        }
        for &(user, friend, kind) in &self.ties {
            let row = Friendship {
                user_id: &self.people[user].id,
                friend_id: &self.people[friend].id,
                kind,
                strength: 1.0,
                since: None,
            };
            writer.push::<Friendships>(&row).unwrap();
        }
        for &(user, blocked) in &self.blocks {
            let row = Block { user_id: &self.people[user].id, blocked_id: &self.people[blocked].id };
            writer.push::<Blocks>(&row).unwrap();
        }
        for &(user, product, days, gift) in &self.bought {
            let kind = if gift { EventKind::Gift } else { EventKind::Purchase };
            let event = Event {
                ts: Some(now().plus_days(-f64::from(days))),
                ..Event::new(&self.people[user].id, &self.goods[product].id, kind)
            };
            writer.push::<Events>(&event).unwrap();
        }
        for team in &self.teams {
            let row = Team {
                team_id: &team.id,
                product_id: &self.goods[team.product].id,
                initiator_id: &self.people[team.initiator].id,
                participant_ids: team.participants.iter().map(|&user| self.people[user].id.as_str()).collect(),
                min_size: 5,
                opened_at: Some(now().plus_days(-1.0)),
                deadline: Some(now().plus_days(1.0)),
                outcome: TeamOutcome::Open,
                split: juntos_datasets::tables::Split::Train,
                negative_ids: Vec::new(),
                public: team.public,
            };
            writer.push::<Teams>(&row).unwrap();
        }
        writer.finish().unwrap()
    }
}

impl Deal {
    fn record(&self) -> TeamRecord {
        TeamRecord {
            team_id: self.id.clone(),
            initiator: UserRow(self.initiator as u32),
            product: ProductRow(self.product as u32),
            participants: self.participants.iter().map(|&user| UserRow(user as u32)).collect(),
            min_size: 5,
            opened_at: Some(now().plus_days(-1.0)),
            deadline: Some(now().plus_days(1.0)),
            outcome: TeamOutcome::Open,
            split: juntos_datasets::tables::Split::Train,
            negatives: Vec::new(),
            public: self.public,
        }
    }
}

impl Good {
    fn row(&self) -> Product<'_> {
        Product {
            price_minor: Some(1_000),
            currency: Some("EUR"),
            group_price_minor: self.team_price.then_some(700),
            group_min_size: self.team_price.then_some(3),
            stock: self.stock,
            offers: self.only_to.map(|country| Offer::new(country, 1, 3)).into_iter().collect(),
            min_age: self.min_age,
            sensitive: self.sensitive,
            hidden: self.hidden,
            seller_id: self.seller,
            brand: self.brand,
            category: self.category,
            created_at: self.listed.map(|days| now().plus_days(-f64::from(days))),
            ..Product::new(&self.id)
        }
    }
}

fn vector(random: &mut impl Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| random.random_range(-1.0..1.0)).collect()
}
