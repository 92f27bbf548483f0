//! Tables become matrices: how [`TrainingData`] is filled from a dataset.
//!
//! The events table is streamed three times: once to name rows and find the latest moment, once to find what was
//! cancelled, once to weigh. In memory stand 12 bytes for each weighed event and 20 for each purchase, no map of cells.

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::csr::Csr;
use crate::dataset::Dataset;
use crate::error::DatasetError;
use crate::ids::{IdMap, IdSet, ProductRow, Row, UserRow};
use crate::shown::Showing;
use crate::tables::{
    Blocks, Event, EventKind, Events, Friendship, FriendshipKind, Friendships, Products, PurchaseVisibility, Sellers,
    Split, Table, TeamOutcome, Teams, Users,
};
use crate::training::{EventWeights, Possession, TeamRecord, TrainingData};
use crate::units::Timestamp;

impl TrainingData {
    /// Reads a dataset. Users without `personalise` have no interactions and no held-out products, but keep their
    /// possessions. A member of a succeeded training team counts as one purchase, unless an event of that team says so.
    /// Where rows are marked as test, ties made after the last of training are left out: nobody knew of them.
    ///
    /// # Errors
    /// When a table is damaged, a row does not hold what its table promises, or a user, product, seller or team is
    /// listed twice.
    pub fn load(dataset: &Dataset, weights: &EventWeights) -> Result<Self, DatasetError> {
        Loader::load(dataset, weights)
    }

    /// Who blocks whom in the dataset that this was loaded from: `(user, blocked)`, ascending, each once. Both
    /// directions are honoured.
    ///
    /// # Errors
    /// When the table is damaged, or a row does not hold what the table promises.
    pub fn blocks(&self, dataset: &Dataset) -> Result<Vec<(UserRow, UserRow)>, DatasetError> {
        let mut blocks = Vec::new();
        dataset.for_each::<Blocks>(|block| {
            blocks.extend(self.users.row(block.user_id).zip(self.users.row(block.blocked_id)));
            Ok(())
        })?;
        blocks.sort_unstable();
        blocks.dedup();
        Ok(blocks)
    }

    /// How many distinct (user, product) pairs the test has of users without `personalise`, whom it leaves out.
    ///
    /// # Errors
    /// When the table is damaged, or a row does not hold what the table promises.
    pub fn private_test_pairs(&self, dataset: &Dataset) -> Result<usize, DatasetError> {
        let mut pairs = HashSet::new();
        if self.showing.private.is_empty() {
            return Ok(0);
        }
        dataset.for_each::<Events>(|event| {
            if event.split == Split::Test && is_positive(event.kind) {
                let rows = self.users.row(event.user_id).zip(self.products.row(event.product_id));
                pairs.extend(rows.filter(|(user, _)| self.showing.private.binary_search(&user.0).is_ok()));
            }
            Ok(())
        })?;
        Ok(pairs.len())
    }
}

/// Whether an event shows that the user wanted the product.
fn is_positive(kind: EventKind) -> bool {
    match kind {
        EventKind::Purchase | EventKind::Like | EventKind::Share | EventKind::Gift | EventKind::Rate => true,
        EventKind::View
        | EventKind::Cart
        | EventKind::Dislike
        | EventKind::Return
        | EventKind::Shown
        | EventKind::Click => false,
    }
}

/// When a cancelling event happened: its time, and its place in the table.
type Moment = (Option<Timestamp>, u64);

/// Whether `event` came before `cancel`: by time where both have one, by place otherwise or when times are equal.
fn is_before(event: Moment, cancel: Moment) -> bool {
    match (event.0, cancel.0) {
        (Some(event_ts), Some(cancel_ts)) if event_ts != cancel_ts => event_ts < cancel_ts,
        _ => event.1 < cancel.1,
    }
}

struct Loader<'d> {
    dataset: &'d Dataset,
    weights: &'d EventWeights,
    users: IdMap<UserRow>,
    products: IdMap<ProductRow>,
    /// Rows of users without `personalise`.
    private: HashSet<u32>,
    visibility: Vec<PurchaseVisibility>,
    /// Rows of sensitive products.
    sensitive: Vec<u32>,
    /// Dislikes and returns of training, by cell.
    cancels: HashMap<(u32, u32), Vec<Moment>>,
    /// Hashes of (team, member) that a training event tells of.
    told: HashSet<u64>,
    latest: Option<Timestamp>,
    /// Whether rows are marked as test.
    tested: bool,
}

/// One purchase or gift of training.
struct Bought {
    user: u32,
    product: u32,
    ts: Option<Timestamp>,
    is_gift: bool,
}

impl<'d> Loader<'d> {
    fn load(dataset: &'d Dataset, weights: &'d EventWeights) -> Result<TrainingData, DatasetError> {
        let mut loader = Self {
            dataset,
            weights,
            users: IdMap::new(),
            products: IdMap::new(),
            private: HashSet::new(),
            visibility: Vec::new(),
            sensitive: Vec::new(),
            cancels: HashMap::new(),
            told: HashSet::new(),
            latest: None,
            tested: false,
        };
        loader.read_listed()?;
        let blocks = loader.read_blocks_and_ends()?;
        loader.read_cancels()?;
        let teams = loader.read_teams()?;
        let cut = loader.latest;
        let friends = loader.read_friends(&blocks)?;
        let mut pile = loader.weigh_events(cut)?;
        loader.weigh_teams(&teams, cut, &mut pile.weighed);
        Ok(loader.assemble(pile, friends, teams, cut))
    }

    fn read_listed(&mut self) -> Result<(), DatasetError> {
        let dataset = self.dataset;
        dataset.for_each::<Users>(|user| {
            let row = insert_new(&mut self.users, user.user_id)
                .ok_or_else(|| twice::<Users>(dataset, "user_id", user.user_id))?;
            self.visibility.push(user.purchase_visibility);
            if !user.personalise {
                self.private.insert(row.0);
            }
            Ok(())
        })?;
        dataset.for_each::<Products>(|product| {
            let row = insert_new(&mut self.products, product.product_id)
                .ok_or_else(|| twice::<Products>(dataset, "product_id", product.product_id))?;
            if product.sensitive {
                self.sensitive.push(row.0);
            }
            Ok(())
        })?;
        let mut sellers = IdSet::default();
        dataset.for_each::<Sellers>(|seller| match sellers.insert(seller.seller_id) {
            true => Ok(()),
            false => Err(twice::<Sellers>(dataset, "seller_id", seller.seller_id)),
        })?;
        Ok(())
    }

    /// Names the ends of ties, so that rows come in the order friendships, blocks, events, teams.
    fn read_blocks_and_ends(&mut self) -> Result<Vec<(UserRow, UserRow)>, DatasetError> {
        self.dataset.for_each::<Friendships>(|tie| {
            self.users.insert(tie.user_id);
            self.users.insert(tie.friend_id);
            Ok(())
        })?;
        let mut blocks = Vec::new();
        self.dataset.for_each::<Blocks>(|block| {
            blocks.push((self.users.insert(block.user_id), self.users.insert(block.blocked_id)));
            Ok(())
        })?;
        blocks.sort_unstable();
        blocks.dedup();
        Ok(blocks)
    }

    fn see(&mut self, ts: Option<Timestamp>) {
        self.latest = self.latest.max(ts);
    }

    /// Names rows of events; notes the latest moment, what was cancelled and which team members events tell of.
    fn read_cancels(&mut self) -> Result<(), DatasetError> {
        let mut place = 0;
        self.dataset.for_each::<Events>(|event| {
            place += 1;
            let cell = (self.users.insert(event.user_id).0, self.products.insert(event.product_id).0);
            self.tested |= event.split == Split::Test;
            if event.split != Split::Train {
                return Ok(());
            }
            self.see(event.ts);
            if matches!(event.kind, EventKind::Dislike | EventKind::Return) {
                self.cancels.entry(cell).or_default().push((event.ts, place));
            }
            if let Some(team) = event.team_id.filter(|_| is_buying(event.kind)) {
                self.told.insert(membership(team, cell.0));
            }
            Ok(())
        })?;
        Ok(())
    }

    fn read_teams(&mut self) -> Result<Vec<TeamRecord>, DatasetError> {
        let (mut teams, mut ids) = (Vec::new(), IdSet::default());
        let dataset = self.dataset;
        dataset.for_each::<Teams>(|team| {
            if !ids.insert(team.team_id) {
                return Err(twice::<Teams>(dataset, "team_id", team.team_id));
            }
            let (initiator, product) = (self.users.insert(team.initiator_id), self.products.insert(team.product_id));
            let mut participants: Vec<_> = team.participant_ids.iter().map(|id| self.users.insert(id)).collect();
            participants.sort_unstable();
            participants.dedup();
            participants.retain(|&participant| participant != initiator);
            let negatives = team.negative_ids.iter().map(|id| self.products.insert(id)).collect();
            self.tested |= team.split == Split::Test;
            if team.split == Split::Train {
                self.see(team.opened_at);
            }
            teams.push(TeamRecord {
                team_id: team.team_id.to_owned(),
                initiator,
                product,
                participants,
                min_size: team.min_size,
                opened_at: team.opened_at,
                deadline: team.deadline,
                outcome: team.outcome,
                split: team.split,
                negatives,
                public: team.public,
            });
            Ok(())
        })?;
        Ok(teams)
    }

    fn read_friends(&self, blocks: &[(UserRow, UserRow)]) -> Result<Csr, DatasetError> {
        let is_blocked =
            |a: UserRow, b: UserRow| blocks.binary_search(&(a, b)).is_ok() || blocks.binary_search(&(b, a)).is_ok();
        let mut ties: Vec<(u32, u32, f32)> = Vec::new();
        self.dataset.for_each::<Friendships>(|tie| {
            let Some((user, friend)) = self.ends(tie) else { return Ok(()) };
            if user == friend || self.is_later(tie.since) || is_blocked(user, friend) {
                return Ok(());
            }
            ties.push((user.0, friend.0, tie.strength));
            if tie.kind != FriendshipKind::Follow {
                ties.push((friend.0, user.0, tie.strength));
            }
            Ok(())
        })?;
        // The strongest of repeated ties comes first and is kept.
        ties.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)));
        ties.dedup_by_key(|tie| (tie.0, tie.1));
        Ok(Csr::from_entries(self.users.len(), self.users.len(), ties))
    }

    /// Whether a tie made at `since` belongs to the time of the test.
    fn is_later(&self, since: Option<Timestamp>) -> bool {
        self.tested && since.zip(self.latest).is_some_and(|(since, latest)| since > latest)
    }

    fn ends(&self, tie: &Friendship<'_>) -> Option<(UserRow, UserRow)> {
        Some((self.users.row(tie.user_id)?, self.users.row(tie.friend_id)?))
    }

    fn weigh_events(&self, cut: Option<Timestamp>) -> Result<Pile, DatasetError> {
        let mut pile = Pile::default();
        let mut place = 0;
        self.dataset.for_each::<Events>(|event| {
            place += 1;
            let rows = self.users.row(event.user_id).zip(self.products.row(event.product_id));
            if let Some((user, product)) = rows {
                self.take_event(event, (user.0, product.0), place, cut, &mut pile);
            }
            Ok(())
        })?;
        Ok(pile)
    }

    fn take_event(
        &self,
        event: &Event<'_>,
        (user, product): (u32, u32),
        place: u64,
        cut: Option<Timestamp>,
        pile: &mut Pile,
    ) {
        if event.split == Split::Train && is_buying(event.kind) {
            pile.bought.push(Bought { user, product, ts: event.ts, is_gift: event.kind == EventKind::Gift });
        }
        if self.private.contains(&user) {
            return;
        }
        match event.split {
            Split::Train => {
                let weight = self.aged(self.weights.of(event.kind), event.ts, cut);
                let cancels = self.cancels.get(&(user, product)).map_or(&[][..], Vec::as_slice);
                if weight > 0.0 && !cancels.iter().any(|&cancel| is_before((event.ts, place), cancel)) {
                    pile.weighed.push((user, product, weight));
                }
            }
            Split::Valid if is_positive(event.kind) => pile.valid.push((user, product)),
            Split::Test if is_positive(event.kind) => pile.test.push((user, product)),
            Split::Valid | Split::Test => {}
        }
    }

    /// A weight after its age at `cut`; without a time or half-life it does not age.
    fn aged(&self, weight: f32, ts: Option<Timestamp>, cut: Option<Timestamp>) -> f32 {
        match (self.weights.half_life_days, ts, cut) {
            (Some(half_life), Some(ts), Some(cut)) if half_life > 0.0 => {
                let age_days = cut.days_since(ts).max(0.0);
                (f64::from(weight) * (-age_days / half_life).exp2()) as f32
            }
            _ => weight,
        }
    }

    fn weigh_teams(&self, teams: &[TeamRecord], cut: Option<Timestamp>, weighed: &mut Vec<(u32, u32, f32)>) {
        for team in teams.iter().filter(|team| team.is_past_success()) {
            let weight = self.aged(self.weights.purchase, team.opened_at, cut);
            for member in team.members() {
                let is_told = self.told.contains(&membership(&team.team_id, member.0));
                if !is_told && weight > 0.0 && !self.private.contains(&member.0) {
                    weighed.push((member.0, team.product.0, weight));
                }
            }
        }
    }

    fn assemble(self, pile: Pile, friends: Csr, teams: Vec<TeamRecord>, cut: Option<Timestamp>) -> TrainingData {
        let (rows, columns) = (self.users.len(), self.products.len());
        let possessions = possessions(rows, pile.bought);
        let interactions = Csr::from_entries(rows, columns, pile.weighed);
        let (valid, test) = (ones(rows, columns, pile.valid), ones(rows, columns, pile.test));
        let mut private: Vec<u32> = self.private.into_iter().collect();
        private.sort_unstable();
        let showing = Showing { visibility: self.visibility, private, sensitive: self.sensitive };
        let (users, products) = (self.users, self.products);
        TrainingData { users, products, interactions, friends, teams, possessions, showing, valid, test, cut }
    }
}

/// The row of an id that the map did not hold before.
fn insert_new<R: Row>(ids: &mut IdMap<R>, id: &str) -> Option<R> {
    let next = ids.len();
    Some(ids.insert(id)).filter(|row| row.index() == next)
}

fn twice<T: Table>(dataset: &Dataset, column: &'static str, id: &str) -> DatasetError {
    DatasetError::Twice { path: dataset.root().to_owned(), table: T::NAME, column, id: id.to_owned() }
}

/// What one pass over the events gathers.
#[derive(Default)]
struct Pile {
    weighed: Vec<(u32, u32, f32)>,
    bought: Vec<Bought>,
    valid: Vec<(u32, u32)>,
    test: Vec<(u32, u32)>,
}

fn is_buying(kind: EventKind) -> bool {
    matches!(kind, EventKind::Purchase | EventKind::Gift)
}

/// Stands for a team and one member of it.
fn membership(team_id: &str, member: u32) -> u64 {
    xxh3_64_with_seed(team_id.as_bytes(), u64::from(member))
}

fn ones(rows: usize, columns: usize, mut cells: Vec<(u32, u32)>) -> Csr {
    cells.sort_unstable();
    cells.dedup();
    Csr::from_entries(rows, columns, cells.into_iter().map(|(row, column)| (row, column, 1.0)).collect())
}

fn possessions(users: usize, mut bought: Vec<Bought>) -> Vec<Vec<Possession>> {
    bought.sort_unstable_by_key(|bought| (bought.user, bought.product));
    let mut possessions = vec![Vec::new(); users];
    for same in bought.chunk_by(|a, b| (a.user, a.product) == (b.user, b.product)) {
        let gifts = same.iter().filter(|bought| bought.is_gift).count();
        let last = same.iter().filter_map(|bought| bought.ts).max();
        let product = ProductRow(same[0].product);
        let purchases = (same.len() - gifts) as u32;
        let user = UserRow(same[0].user).index();
        possessions[user].push(Possession { product, purchases, gifts: gifts as u32, last });
    }
    possessions
}

impl TeamRecord {
    /// Whether it is a team of training that succeeded.
    pub fn is_past_success(&self) -> bool {
        self.split == Split::Train && self.outcome == TeamOutcome::Succeeded
    }
}
