//! The four tasks behind one trait: what they rank, against what, and into which slices their rows fall.

use std::collections::BTreeMap;
use std::sync::Arc;

use juntos_datasets::training::TrainingData;
use juntos_datasets::units::Timestamp;
use juntos_datasets::{ProductRow, UserRow};
use juntos_engine::request::Context;
use juntos_engine::{Bundle, Engine};

use super::bootstrap::Bootstrap;
use super::calibration::Calibration;
use super::course::Course;
use super::forecasts;
use super::intervals::Baselines;
use super::metrics::Ranked;
use super::neighbours::{self, ItemKnnRule};
use super::people::{FRIENDS, GROUP_SIZE, HISTORY, PRODUCT_USERS, People, TEAMS};
use super::slices::{Slice, by_item, by_number, by_word};
use super::source::{Rows, UNKNOWN};
use super::{EvaluateConfig, Task, Via, friends, groups, products, teams};
use crate::error::TrainError;
use crate::prepare::is_past_success;

/// Everything open for one evaluation.
pub(super) struct World<'a> {
    pub(super) config: &'a EvaluateConfig,
    pub(super) data: &'a TrainingData,
    pub(super) rows: Rows,
    pub(super) people: People,
    pub(super) bundle: Arc<Bundle>,
    /// Where friends are ranked by the recommender.
    pub(super) course: Option<Course>,
}

/// The rows of a task, which can be ranked one way or another.
pub(super) trait Ranking {
    /// A list for every row.
    fn lists(&self, via: Via) -> Result<Vec<Ranked>, TrainError>;
    /// What simple rules make of the same rows.
    fn baselines(&self) -> Baselines;
    /// Simple rules that would cost too much on these rows, by name, and why.
    fn left_out(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
    /// Why there is nothing to rank, where there are chances to measure all the same: then there are no rows.
    fn unranked(&self) -> Option<&'static str> {
        None
    }
    /// Whose each row is: rows of one user, or of one group, are drawn together.
    fn owners(&self) -> Vec<u32>;
    /// Parts of the rows.
    fn slices(&self) -> Vec<Slice>;
    /// What there is to list, where that is the whole catalogue.
    fn catalogue(&self) -> Option<Catalogue<'_>> {
        None
    }
    /// How far the chances that were given for test teams came true, where the task gives any.
    fn calibration(&self, _via: Via, _bootstrap: Bootstrap) -> Result<Vec<Calibration>, TrainError> {
        Ok(Vec::new())
    }
}

/// What a whole-catalogue ranking chooses from.
pub(super) struct Catalogue<'a> {
    /// Training users of each product.
    pub(super) users_of: &'a [f32],
    /// Users with training products.
    pub(super) users: usize,
    /// Test products of each row, ascending.
    pub(super) relevant: Vec<&'a [u32]>,
}

impl<'a> World<'a> {
    /// The rows of the configured task.
    ///
    /// # Errors
    /// When the dataset has none.
    pub(super) fn ranking(&'a self) -> Result<Box<dyn Ranking + 'a>, TrainError> {
        Ok(match self.config.task {
            Task::Products => Box::new(ForUsers::new(self)?),
            Task::Friends => Box::new(ForInitiators::new(self)?),
            Task::Teams => Box::new(ForParticipants::new(self)?),
            Task::Groups => Box::new(ForGroups::new(self)?),
        })
    }

    /// The moment at which questions are asked: the cut, after which nothing is known.
    pub(super) fn now(&self) -> Timestamp {
        self.bundle.manifest().cut.unwrap_or_default()
    }

    fn some<T>(&self, cases: Vec<T>, missing: &'static str) -> Result<Vec<T>, TrainError> {
        if cases.is_empty() {
            return Err(TrainError::NoTestRows { task: self.config.task.word(), missing });
        }
        Ok(cases)
    }

    /// The cases of task `products` by the dataset's rows.
    fn users_with_tests(&self) -> Vec<products::Case> {
        products::cases(self.data, &self.data.test, self.config.include_seen)
    }

    /// The baseline of task `products` that compares products.
    fn item_knn(&self) -> ItemKnnRule<'_> {
        let TrainingData { interactions, friends, .. } = self.data;
        ItemKnnRule { interactions, friends, settings: neighbours::settings(&self.bundle) }
    }

    /// The dataset's row of a user of the bundle; the two share her id.
    fn in_data(&self, user: UserRow) -> Option<UserRow> {
        self.data.users.row(self.bundle.users().id(user))
    }

    /// How far the bundle's chances for test teams came true; via `served`, they are the recommender's.
    fn calibration(&self, via: Via, bootstrap: Bootstrap) -> Result<Vec<Calibration>, TrainError> {
        let teams = forecasts::decided(self.data, &self.rows);
        let (joining, success) = match self.course.as_ref().filter(|_| via == Via::Served) {
            None => (forecasts::joining(&teams, &self.bundle), forecasts::success(&teams, &self.bundle)),
            Some(course) => {
                let joining = forecasts::joining_served(&teams, course, self.now())?;
                (joining, forecasts::success_served(&teams, course, self.now())?)
            }
        };
        let open = forecasts::count(teams.iter().filter(|team| forecasts::is_open_question(team)));
        let joining = Calibration::of("joining", forecasts::count(&teams), &joining, bootstrap);
        let success = Calibration::of("success", open, &success, bootstrap);
        Ok(joining.into_iter().chain(success).collect())
    }

    /// Slices by what is known of the user that each row is about, by the dataset's rows.
    fn by_user(&self, users: &[Option<UserRow>]) -> Vec<Slice> {
        let number = |of: &dyn Fn(UserRow) -> usize| users.iter().map(|user| user.map_or(0, of)).collect::<Vec<_>>();
        let history = number(&|user| products::training_products(self.data, user.0 as usize).len());
        let friends = number(&|user| self.data.friends.row(user.0 as usize).0.len());
        let countries: Vec<Option<&str>> =
            users.iter().map(|user| user.and_then(|user| self.people.country(user))).collect();
        let mut slices = by_number("history", HISTORY, &history);
        slices.extend(by_number("friends", FRIENDS, &friends));
        slices.extend(by_word("country", &countries));
        slices
    }
}

/// Name of the baseline of task `products` that compares products.
const ITEM_KNN: &str = "item_knn";

/// Task `products`.
struct ForUsers<'a> {
    world: &'a World<'a>,
    /// By the dataset's rows.
    users: Vec<UserRow>,
    /// By the bundle's rows.
    cases: Vec<products::Case>,
    popular: Vec<f32>,
    /// Why `item_knn` is not asked, if it is not.
    without_item_knn: Option<String>,
}

impl<'a> ForUsers<'a> {
    fn new(world: &'a World<'a>) -> Result<Self, TrainError> {
        let World { data, rows, bundle, .. } = world;
        let cases = world.users_with_tests();
        if cases.is_empty() && !data.test.is_empty() {
            return Err(TrainError::AllSeen);
        }
        let cases = world.some(cases, "test events (column `split` = `test`)")?;
        let users = cases.iter().map(|case| case.user).collect();
        let popular = products::popularity(&data.interactions);
        let popular = products::popularity_in_bundle(&popular, rows, bundle.n_products());
        let without_item_knn = world.item_knn().cost(&cases).too_high();
        Ok(Self { world, users, cases: products::in_bundle(cases, rows), popular, without_item_knn })
    }

    /// The lists of `item_knn`, which learns from all that the dataset has in training, known to the bundle or not.
    fn ranked_by_item_knn(&self) -> Vec<Ranked> {
        let World { rows, config, .. } = self.world;
        let in_bundle = |product: u32| rows.product(ProductRow(product));
        let is_known = |product: u32| in_bundle(product).is_some();
        let lists = self.world.item_knn().rank(&self.world.users_with_tests(), is_known, config.deepest());
        let moved = |list: Vec<u32>| list.into_iter().filter_map(in_bundle).map(|row| row.0).collect();
        products::ranked(&self.cases, lists.into_iter().map(moved).collect())
    }
}

impl Ranking for ForUsers<'_> {
    fn lists(&self, via: Via) -> Result<Vec<Ranked>, TrainError> {
        let World { bundle, config, .. } = self.world;
        let (cases, deepest) = (&self.cases, self.world.config.deepest());
        let lists = match via {
            Via::Exact => products::rank_exactly(cases, bundle.as_ref(), &self.popular, deepest),
            Via::Index => products::rank_by_index(cases, bundle, &self.popular, deepest),
            Via::Served => {
                let context = Context {
                    seed: config.seed,
                    include_bought: config.include_seen,
                    ..Context::new(self.world.now(), deepest)
                };
                products::rank_served(cases, &Engine::new(bundle.clone()).snapshot(), context)?
            }
        };
        Ok(products::ranked(cases, lists))
    }

    fn baselines(&self) -> Baselines {
        let lists = products::rank_by_popularity(&self.cases, &self.popular, self.world.config.deepest());
        let mut baselines = Baselines::from([("popularity".to_owned(), products::ranked(&self.cases, lists))]);
        if self.without_item_knn.is_none() {
            baselines.insert(ITEM_KNN.to_owned(), self.ranked_by_item_knn());
        }
        baselines
    }

    fn left_out(&self) -> BTreeMap<String, String> {
        self.without_item_knn.iter().map(|why| (ITEM_KNN.to_owned(), why.clone())).collect()
    }

    fn owners(&self) -> Vec<u32> {
        self.users.iter().map(|user| user.0).collect()
    }

    fn slices(&self) -> Vec<Slice> {
        let users: Vec<Option<UserRow>> = self.users.iter().copied().map(Some).collect();
        let mut slices = self.world.by_user(&users);
        let relevant: Vec<&[u32]> = self.cases.iter().map(|case| case.relevant.as_slice()).collect();
        let users_of = |item: u32| if item == UNKNOWN { 0 } else { self.popular[item as usize] as usize };
        slices.extend(by_item("product_users", PRODUCT_USERS, &relevant, users_of));
        slices
    }

    fn catalogue(&self) -> Option<Catalogue<'_>> {
        let interactions = &self.world.data.interactions;
        Some(Catalogue {
            users_of: &self.popular,
            users: (0..interactions.rows()).filter(|&user| !interactions.row(user).0.is_empty()).count(),
            relevant: self.cases.iter().map(|case| case.relevant.as_slice()).collect(),
        })
    }
}

/// Task `friends`.
struct ForInitiators<'a> {
    world: &'a World<'a>,
    cases: Vec<friends::Case>,
    /// Whom the recommender suggests, where it is asked.
    suggested: Option<Vec<Vec<u32>>>,
}

impl<'a> ForInitiators<'a> {
    fn new(world: &'a World<'a>) -> Result<Self, TrainError> {
        let cases = friends::cases(world.data, &world.rows);
        let cases = world.some(cases, "test teams with participants (column `split` = `test`)")?;
        let suggested =
            world.course.as_ref().map(|course| friends::suggested(&cases, course, world.now(), world.config.seed));
        let ranking = Self { world, cases, suggested: suggested.transpose()? };
        if !ranking.has_candidates() { ranking.without_candidates() } else { Ok(ranking) }
    }

    /// Whether there is a friend to rank for any team.
    fn has_candidates(&self) -> bool {
        let suggested = self.suggested.iter().flatten().any(|friends| !friends.is_empty());
        suggested || self.cases.iter().any(|case| !self.world.bundle.friends(case.initiator).0.is_empty())
    }

    /// The same without anything to rank, where the bundle tells at least whether teams fill.
    fn without_candidates(self) -> Result<Self, TrainError> {
        let teams = forecasts::decided(self.world.data, &self.world.rows);
        if !teams.iter().any(forecasts::is_open_question) {
            self.world.some(Vec::<friends::Case>::new(), NO_CANDIDATES)?;
        }
        Ok(Self { cases: Vec::new(), suggested: self.suggested.map(|_| Vec::new()), ..self })
    }
}

/// What the dataset lacks where no test team's initiator has a friend.
const NO_CANDIDATES: &str = "test team (column `split` = `test`) whose initiator has a friend";

impl Ranking for ForInitiators<'_> {
    fn lists(&self, via: Via) -> Result<Vec<Ranked>, TrainError> {
        let (World { bundle, config, .. }, cases) = (self.world, &self.cases);
        Ok(match self.suggested.as_ref().filter(|_| via == Via::Served) {
            None => friends::rank_exactly(cases, bundle, config.seed),
            Some(suggested) => friends::ranked(cases, suggested),
        })
    }

    fn baselines(&self) -> Baselines {
        let World { bundle, config, data, rows, course, .. } = self.world;
        let served = self.suggested.as_deref().zip(course.as_ref());
        friends::baselines(&self.cases, bundle, data, rows, config.seed, served)
    }

    fn unranked(&self) -> Option<&'static str> {
        self.cases.is_empty().then_some("no initiator of a test team has a friend")
    }

    fn owners(&self) -> Vec<u32> {
        self.cases.iter().map(|case| case.initiator.0).collect()
    }

    fn calibration(&self, via: Via, bootstrap: Bootstrap) -> Result<Vec<Calibration>, TrainError> {
        self.world.calibration(via, bootstrap)
    }

    fn slices(&self) -> Vec<Slice> {
        let users: Vec<Option<UserRow>> = self.cases.iter().map(|case| self.world.in_data(case.initiator)).collect();
        let teams = |user: &Option<UserRow>| user.map_or(0, |user| self.world.people.teams_opened(user));
        let mut slices = by_number("teams_before", TEAMS, &users.iter().map(teams).collect::<Vec<_>>());
        slices.extend(self.world.by_user(&users));
        slices
    }
}

/// Task `teams`.
struct ForParticipants<'a> {
    world: &'a World<'a>,
    openings: Vec<teams::Opening<'a>>,
    cases: Vec<teams::Case>,
    /// Which teams the recommender shows, where it is asked.
    shown: Option<Vec<Vec<u32>>>,
}

impl<'a> ForParticipants<'a> {
    fn new(world: &'a World<'a>) -> Result<Self, TrainError> {
        let openings = teams::openings(world.data, &world.rows);
        let cases = teams::cases(&openings, &world.rows, &world.bundle);
        let cases = world.some(cases, "test teams (column `split` = `test`) joined by a friend of the initiator")?;
        let served = world.config.via.contains(&Via::Served);
        let shown = served
            .then(|| teams::shown(&cases, &openings, world.bundle.clone(), world.now(), world.config.seed))
            .transpose()?;
        Ok(Self { world, openings, cases, shown })
    }
}

impl Ranking for ForParticipants<'_> {
    fn lists(&self, via: Via) -> Result<Vec<Ranked>, TrainError> {
        let World { bundle, config, .. } = self.world;
        Ok(match self.shown.as_ref().filter(|_| via == Via::Served) {
            None => teams::rank_exactly(&self.cases, &self.openings, bundle, config.seed),
            Some(shown) => teams::ranked(&self.cases, shown),
        })
    }

    fn baselines(&self) -> Baselines {
        let World { bundle, config, .. } = self.world;
        teams::baselines(&self.cases, &self.openings, bundle, config.seed, self.shown.as_deref())
    }

    fn owners(&self) -> Vec<u32> {
        self.cases.iter().map(|case| case.user.0).collect()
    }

    fn calibration(&self, via: Via, bootstrap: Bootstrap) -> Result<Vec<Calibration>, TrainError> {
        self.world.calibration(via, bootstrap)
    }

    fn slices(&self) -> Vec<Slice> {
        let users: Vec<Option<UserRow>> = self.cases.iter().map(|case| self.world.in_data(case.user)).collect();
        self.world.by_user(&users)
    }
}

/// Task `groups`.
struct ForGroups<'a> {
    world: &'a World<'a>,
    cases: Vec<groups::Case>,
}

impl<'a> ForGroups<'a> {
    fn new(world: &'a World<'a>) -> Result<Self, TrainError> {
        let cases = groups::cases(world.data, &world.rows);
        Ok(Self { world, cases: world.some(cases, "test teams (column `split` = `test`) with `negative_ids`")? })
    }

    /// Succeeded training teams of exactly these members.
    fn teams_before(&self) -> Vec<usize> {
        let mut teams: BTreeMap<Vec<UserRow>, usize> = BTreeMap::new();
        for team in self.world.data.teams.iter().filter(|team| is_past_success(team)) {
            let members = team.members().into_iter().map(|user| self.world.rows.user(user));
            let Some(mut members) = members.collect::<Option<Vec<_>>>() else { continue };
            members.sort_unstable();
            *teams.entry(members).or_default() += 1;
        }
        self.cases.iter().map(|case| teams.get(&case.members).copied().unwrap_or(0)).collect()
    }
}

impl Ranking for ForGroups<'_> {
    fn lists(&self, via: Via) -> Result<Vec<Ranked>, TrainError> {
        let (World { bundle, config, .. }, cases) = (self.world, &self.cases);
        match via {
            Via::Exact | Via::Index => Ok(groups::rank_exactly(cases, bundle, config.seed)),
            Via::Served => {
                groups::rank_served(cases, &Engine::new(bundle.clone()).snapshot(), self.world.now(), config.seed)
            }
        }
    }

    fn baselines(&self) -> Baselines {
        let World { bundle, config, data, rows, .. } = self.world;
        groups::baselines(&self.cases, data, rows, bundle.n_products(), config.seed)
    }

    fn owners(&self) -> Vec<u32> {
        let mut groups: Vec<&[UserRow]> = self.cases.iter().map(|case| case.members.as_slice()).collect();
        groups.sort_unstable();
        groups.dedup();
        self.cases.iter().map(|case| groups.partition_point(|group| *group < case.members.as_slice()) as u32).collect()
    }

    fn slices(&self) -> Vec<Slice> {
        let sizes: Vec<usize> = self.cases.iter().map(|case| case.members.len()).collect();
        let mut slices = by_number("teams_before", TEAMS, &self.teams_before());
        slices.extend(by_number("group_size", GROUP_SIZE, &sizes));
        slices
    }
}
