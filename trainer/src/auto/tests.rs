//! 1. The search goes on from what ranks better only, stays within its budget, and ends with the best it saw.
//! 2. What is learnt from the history ranks as its trial says.
//! 3. The same data and seed choose the same, for any number of threads.
//! 4. Where nothing can be judged, `als` is taken as it is configured.
//! 5. A setting moves by its step, and not beyond its range.
//! 6. A trial that diverges has failed, with its cause, and the search goes on.
//! 7. A setting that counts popularity has to gain more where chance drew what is held out.
//! 8. Where copies rank better together, the choice is an ensemble, and fits to what it learnt.
//! 9. What friends bought is heard where they show it, and the more the more it tells.
//! 10. Groups that often buy again are judged by that, too, and it is tried what they had counts.
//!     So are people; what was new to them counts by itself, too, where times tell what that was. What they had is put on or off.
//! 11. Where all buy the same, what is popular leads, and nothing that is chosen ranks worse.
//! 12. A choice that is interrupted after any trial goes on to the same, also where what it kept is damaged.

use std::collections::BTreeSet;

use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{PurchaseVisibility, Split, TeamOutcome};
use juntos_datasets::training::{Possession, TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use juntos_datasets::{Csr, IdMap, ProductRow, UserRow};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::knobs::Direction;
use super::validation::Validation;
use super::*;
use crate::config::AUTO;
use crate::models::Fitted;
use crate::prepare::hold_out;
use crate::tracking::tests::{Interrupt, Kept, Notes, interrupted};

const SIDE: u32 = 40;

/// Users and products in four tastes; everybody has half of the products of her taste, and one of another.
fn tastes() -> TrainingData {
    let (mut users, mut products) = (IdMap::new(), IdMap::new());
    for at in 0..SIDE {
        users.insert(&format!("u{at}"));
        products.insert(&format!("p{at}"));
    }
    let had = |user: u32, product: u32| {
        let same = user % 4 == product % 4 && (user / 4 + product / 4).is_multiple_of(2);
        same || (user * 7 + 3) % SIDE == product
    };
    let cells: Vec<(u32, u32, f32)> = (0..SIDE * SIDE)
        .map(|cell| (cell / SIDE, cell % SIDE, 1.0))
        .filter(|&(user, product, _)| had(user, product))
        .collect();
    let mut possessions = vec![Vec::new(); SIDE as usize];
    for &(user, product, _) in &cells {
        let possession = Possession { product: ProductRow(product), purchases: 1, gifts: 0, last: None };
        possessions[user as usize].push(possession);
    }
    let side = SIDE as usize;
    let ties = (0..SIDE).map(|user| (user, (user + 4) % SIDE, 1.0)).collect();
    TrainingData {
        users,
        products,
        interactions: Csr::from_entries(side, side, cells),
        friends: Csr::from_entries(side, side, ties),
        teams: Vec::new(),
        possessions,
        showing: juntos_datasets::shown::Showing::default(),
        valid: Csr::empty(side, side),
        test: Csr::empty(side, side),
        cut: None,
    }
}

fn config(trials: usize) -> TrainConfig {
    let mut config = TrainConfig::default();
    config.auto.trials = trials;
    config
}

fn chosen(trials: usize) -> Choice {
    choose(&hold_out(&tastes(), 5), &config(trials), &Session::watched(&Silent)).unwrap()
}

#[test]
fn the_search_goes_on_from_what_is_better() {
    for trials in [1, 2, 6] {
        let choice = chosen(trials);
        assert!(choice.trials.iter().filter(|trial| trial.model == "als").count() <= trials);
        let is_kept = |trial: &&Trial| trial.kept;
        // Some settings of these two are moved also where another model is better; copies may rank a little worse.
        for apart in [Some("spectral"), Some("propagation"), None] {
            let kept = choice.trials.iter().filter(is_kept).filter(|trial| !trial.settings.starts_with("copies"));
            let kept = kept.filter(|trial| match apart {
                Some(model) => trial.model == model,
                None => !["spectral", "propagation"].contains(&&*trial.model),
            });
            let kept: Vec<f64> = kept.map(|trial| trial.ndcg).collect();
            assert!(kept.is_sorted_by(|a, b| a < b), "{:?}", choice.trials);
        }
        let best = choice.trials.iter().filter(is_kept).max_by(|a, b| a.ndcg.total_cmp(&b.ndcg)).unwrap();
        assert_eq!(choice.config.model, best.model);
        assert_ne!(choice.config.model, AUTO);
    }
    let models: Vec<String> = chosen(1).trials.into_iter().map(|trial| trial.model).collect();
    assert_eq!(models[0], "als");
    let uncounted = ["ensemble", "popularity"];
    assert!(models[1..].iter().all(|model| uncounted.contains(&&**model)), "{models:?}");
    let models: Vec<String> = chosen(3).trials.into_iter().map(|trial| trial.model).collect();
    assert_eq!(models[..3], ["als", "spectral", "softmax"]);
}

/// People without any taste: everybody has two products, drawn by how popular they are.
fn crowd() -> TrainingData {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (people, goods) = (600u32, 200u32);
    let (mut users, mut products) = (IdMap::new(), IdMap::new());
    (0..people).for_each(|at| _ = users.insert(&format!("u{at}")));
    (0..goods).for_each(|at| _ = products.insert(&format!("p{at}")));
    // The tenth product is bought a tenth as often as the first.
    let mut draw = || ((goods as f64 + 1.0).powf(rng.random::<f64>()) as u32 - 1).min(goods - 1);
    let cells = (0..people).flat_map(|user| [(user, draw(), 1.0), (user, draw(), 1.0)]).collect();
    let interactions = Csr::from_entries(people as usize, goods as usize, cells);
    let possession = |product| Possession { product: ProductRow(product), purchases: 1, gifts: 0, last: None };
    let possessions =
        (0..people as usize).map(|user| interactions.row(user).0.iter().map(|&at| possession(at)).collect());
    TrainingData {
        users,
        products,
        friends: Csr::empty(people as usize, people as usize),
        possessions: possessions.collect(),
        valid: Csr::empty(people as usize, goods as usize),
        test: Csr::empty(people as usize, goods as usize),
        interactions,
        ..tastes()
    }
}

#[test]
fn among_people_without_taste_what_is_popular_leads() {
    let choice = choose(&hold_out(&crowd(), 5), &config(12), &Session::watched(&Silent)).unwrap();
    let of = |model: &str| choice.trials.iter().find(|trial| trial.model == model).unwrap().ndcg;
    let best = choice.trials.iter().rfind(|trial| trial.kept).unwrap();
    assert!(of("popularity") > 1.1 * of("als"), "{:?}", choice.trials);
    assert!(best.ndcg > 0.97 * of("popularity"), "{:?}", choice.trials);
    assert_eq!(choice.config.model, best.model);
    let listened = choice.config.ensemble.popularity > 0.0 || choice.config.model == "popularity";
    assert!(listened, "{:?}", choice.trials);
}

#[test]
fn what_counts_popularity_must_gain_more_where_chance_held_out() {
    let gains = |next| -> Vec<f64> {
        let has = Has { friends: true, groups: true, repeats: true, again: true, next };
        ["als", "spectral", "softmax"]
            .iter()
            .flat_map(|model| knobs::of(model, has))
            .map(|knob| knob.least_gain)
            .collect()
    };
    let (after, by_chance) = (gains(true), gains(false));
    assert!(after.iter().all(|&gain| gain == after[0]));
    let higher = after.iter().zip(&by_chance).filter(|(after, by_chance)| by_chance > after).count();
    assert_eq!(higher, 2);
    assert!(hold_out(&tastes(), 5).by_chance);
}

#[test]
fn what_is_learnt_ranks_as_its_trial_says() {
    let held = hold_out(&tastes(), 5);
    let choice = choose(&held, &config(4), &Session::watched(&Silent)).unwrap();
    let validation = Validation::new(&held, &choice.config).unwrap();
    let best = choice.trials.iter().rfind(|trial| trial.kept).unwrap();
    assert_eq!(validation.score(&choice.learnt.unwrap()).ndcg(), best.ndcg);
    let interactions = validation.interactions(&choice.config);
    let data = validation.fit_data(&choice.config, &interactions);
    let again = choice.config.model().unwrap().fit(&data, &Silent).unwrap();
    let Fitted::Embeddings(again) = again else { panic!("only models with vectors are chosen") };
    assert_eq!(validation.score(&again).ndcg(), best.ndcg, "the settings chosen give what the trial gave");
}

#[test]
fn copies_are_united_in_the_dimensions_that_serving_affords() {
    let held = hold_out(&tastes(), 3);
    let choice = choose(&held, &config(40), &Session::watched(&Silent)).unwrap();
    let last = choice.trials.last().unwrap();
    assert_eq!((last.model.as_str(), last.settings.as_str(), last.kept), ("ensemble", "copies 2", true));
    assert!(choice.trials.iter().any(|trial| trial.settings == "with neighbours 0.1"));
    let mut alone = config(40);
    alone.auto.copies = 1;
    let alone = choose(&held, &alone, &Session::watched(&Silent)).unwrap();
    assert_eq!(alone.trials[..], choice.trials[..choice.trials.len() - 1]);
    let validation = Validation::new(&held, &choice.config).unwrap();
    let learnt = choice.learnt.unwrap();
    assert!(learnt.dim <= 128 && validation.score(&learnt).ndcg() > 0.0);
    assert_eq!(choice.config.ensemble.copies, 6);
    let mut tried = choice.config.clone();
    tried.ensemble.copies = 2;
    let interactions = validation.interactions(&tried);
    let data = validation.fit_data(&tried, &interactions);
    let Fitted::Embeddings(again) = tried.model().unwrap().fit(&data, &Silent).unwrap() else { panic!() };
    assert_eq!((&again.users, &again.products), (&learnt.users, &learnt.products));
}

#[test]
fn a_sample_is_not_taken_for_small_data() {
    let tried = |cells: usize| -> Vec<Trial> {
        let mut config = config(40);
        config.auto.cells = cells;
        choose(&hold_out(&tastes(), 3), &config, &Session::watched(&Silent)).unwrap().trials
    };
    let (whole, sample) = (tried(1_000), tried(20));
    let is_of_small_data = [|trial: &Trial| trial.model == "propagation", |trial: &Trial| trial.settings == "copies 2"];
    for is_of_small_data in is_of_small_data {
        assert!(whole.iter().any(is_of_small_data) && !sample.iter().any(is_of_small_data));
    }
}

#[test]
fn nothing_is_united_where_lists_take_long() {
    let few = TrainConfig { dim: 16, ..config(3) };
    let tried = |data: &TrainingData| choose(&hold_out(data, 3), &few, &Session::watched(&Silent)).unwrap().trials;
    let is_united = |trial: &Trial| trial.model == "ensemble";
    assert!(tried(&tastes()).iter().any(is_united));
    assert!(!tried(&among_strangers(tastes(), 101_000, 100_000)).iter().any(is_united));
}

/// The same with so many users and products in all, of which the others have nothing to do with each other.
fn among_strangers(mut data: TrainingData, users: usize, products: usize) -> TrainingData {
    let cells = |of: &Csr| -> Vec<(u32, u32, f32)> {
        (0..of.rows()).flat_map(|row| of.entries(row).map(move |(column, value)| (row as u32, column, value))).collect()
    };
    (data.users.len()..users).for_each(|at| _ = data.users.insert(&format!("u{at}")));
    (data.products.len()..products).for_each(|at| _ = data.products.insert(&format!("p{at}")));
    data.possessions.resize(users, Vec::new());
    TrainingData {
        interactions: Csr::from_entries(users, products, cells(&data.interactions)),
        friends: Csr::from_entries(users, users, cells(&data.friends)),
        valid: Csr::empty(users, products),
        test: Csr::empty(users, products),
        ..data
    }
}

/// Everybody bought every other product of hers twice.
fn habits(timed: bool) -> TrainingData {
    let mut data = tastes();
    let times = |user: usize, product: u32| 1 + u32::from((user + product as usize / 4).is_multiple_of(2));
    for (user, had) in data.possessions.iter_mut().enumerate() {
        for had in had {
            had.purchases = times(user, had.product.0);
            had.last = timed.then(|| Timestamp::from_millis(i64::from(had.product.0 * 7 + user as u32 * 3) % 41));
        }
    }
    let weighed = |(user, product, _)| (user, product, times(user as usize, product) as f32);
    let cells = data.interactions.cells().map(weighed).collect();
    TrainingData { interactions: Csr::from_entries(SIDE as usize, SIDE as usize, cells), ..data }
}

#[test]
fn what_is_new_counts_by_itself_where_times_tell_what_that_is() {
    for timed in [true, false] {
        let (held, config) = (hold_out(&habits(timed), 5), config(12));
        assert_eq!(held.by_chance, !timed);
        let mut fitter = Fitter::new(&held, &config, Session::watched(&Silent)).unwrap();
        assert!(fitter.has().repeats);
        let tried = fitter.fit(TrainConfig { model: ALS.to_owned(), ..config.clone() }).unwrap();
        let count = |cells: &Csr| (0..cells.rows()).filter(|&user| !cells.row(user).0.is_empty()).count();
        assert_eq!(tried.score.new.len(), if timed { count(&held.test) } else { 0 });
        assert!(tried.score.users.len() > count(&held.test), "who bought again alone counts too");
        let trials = choose(&held, &config, &Session::watched(&Silent)).unwrap().trials;
        let tried = |settings: &str| trials.iter().find(|trial| trial.settings == settings);
        assert_eq!(tried("with had 0.1").is_none(), tried("with had -0.1").unwrap().kept);
    }
}

/// Pairs of friends, each with the same products, which have nothing else in common.
fn pairs(visibility: PurchaseVisibility) -> TrainingData {
    let mut data = tastes();
    let had = |user: u32| (0..8).map(move |at| (user / 2 * 7 + at * (user / 2 + 1)) % SIDE).collect::<BTreeSet<u32>>();
    let cells = (0..SIDE).flat_map(|user| had(user).into_iter().map(move |product| (user, product, 1.0)));
    data.interactions = Csr::from_entries(SIDE as usize, SIDE as usize, cells.collect());
    data.friends =
        Csr::from_entries(SIDE as usize, SIDE as usize, (0..SIDE).map(|user| (user, user ^ 1, 1.0)).collect());
    let possession = |product| Possession { product: ProductRow(product), purchases: 1, gifts: 0, last: None };
    data.possessions = (0..SIDE).map(|user| had(user).into_iter().map(possession).collect()).collect();
    data.showing.visibility = vec![visibility; SIDE as usize];
    data
}

#[test]
fn friends_are_heard_where_they_show_what_they_bought() {
    let config = TrainConfig { dim: 16, ..config(12) };
    let chosen = |visibility| choose(&hold_out(&pairs(visibility), 5), &config, &Session::watched(&Silent)).unwrap();
    let (shown, hidden) = (chosen(PurchaseVisibility::Friends), chosen(PurchaseVisibility::Nobody));
    let first = |trial: &&Trial| trial.settings == "with friends 0.03";
    assert!(shown.trials.iter().find(first).unwrap().kept);
    assert!(shown.config.hears_friends() && shown.config.ensemble.friends > 0.03, "{:?}", shown.trials);
    assert!(!hidden.trials.iter().any(|trial| first(&trial)) && !hidden.config.hears_friends());
}

/// Pairs that bought fifteen products together, each so many times.
fn teams(times: u32) -> TrainingData {
    let team = |user: u32, product: u32| TeamRecord {
        team_id: format!("{user}-{product}"),
        initiator: UserRow(user),
        product: ProductRow(product),
        participants: vec![UserRow((user + 1) % SIDE)],
        min_size: 2,
        opened_at: None,
        deadline: None,
        outcome: TeamOutcome::Succeeded,
        split: Split::Train,
        negatives: Vec::new(),
        public: None,
    };
    let bought = |user: u32| (0..15).map(move |at| team(user, (user * 3 + at * 2) % SIDE));
    let teams = (0..SIDE).flat_map(|user| (0..times).flat_map(move |_| bought(user)));
    TrainingData { teams: teams.collect(), ..tastes() }
}

#[test]
fn groups_that_buy_again_are_judged_by_that() {
    for (times, again) in [(1, false), (2, true)] {
        let held = hold_out(&teams(times), 5);
        let validation = Validation::new(&held, &config(12)).unwrap();
        assert_eq!((validation.has().groups, validation.has().repeats, validation.has().again), (true, false, again));
        let judged = validation.group_cases();
        let of_groups: usize = judged.iter().map(|case| case.relevant.len()).sum();
        let distinct: BTreeSet<(u32, u32)> = held.teams.iter().map(|team| (team.initiator.0, team.product.0)).collect();
        assert_eq!(of_groups, distinct.len(), "all that is held out is judged by");
        assert!(
            judged.iter().all(|case| case.seen.is_empty() == again),
            "what they had stands in lists if it may come next"
        );
        let choice = choose(&held, &config(12), &Session::watched(&Silent)).unwrap();
        assert_eq!(choice.trials.iter().any(|trial| trial.settings == "with had -0.1"), again);
    }
}

#[test]
fn threads_change_nothing() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let held = hold_out(&tastes(), 3);
        let choice = pool.install(|| choose(&held, &config(40), &Session::watched(&Silent)).unwrap());
        (choice.config, choice.trials, choice.learnt)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn without_anybody_to_judge_by_als_is_taken() {
    let mut held = hold_out(&tastes(), 5);
    held.test = Csr::empty(SIDE as usize, SIDE as usize);
    let choice = choose(&held, &config(12), &Session::watched(&Silent)).unwrap();
    assert_eq!(choice.config, TrainConfig { model: "als".to_owned(), ..config(12) });
    assert!(choice.trials.is_empty() && choice.learnt.is_none());
}

#[test]
fn a_setting_moves_by_its_step_within_its_range() {
    let mut config = TrainConfig::default();
    config.als.regularization = 0.06;
    let knobs = knobs::of("als", Has::default());
    let knob = &knobs[0];
    assert!(knob.moved(&config, Direction::Up).is_none());
    let (moved, words) = knob.moved(&config, Direction::Down).unwrap();
    assert_eq!((moved.als.regularization, words.as_str()), (0.03, "regularization 0.03 unobserved_ratio 300"));
    assert_eq!(moved.als.unobserved_ratio, config.als.unobserved_ratio * 3.0, "which goes along");
    let (moved, words) = knobs[1].moved(&config, Direction::Down).unwrap();
    assert_eq!((moved.als.regularization, words.as_str()), (0.03, "regularization 0.03"));
    assert_eq!(moved.als.unobserved_ratio, config.als.unobserved_ratio);
    let has = Has { friends: true, groups: true, repeats: true, again: true, next: true };
    let knobs = knobs::of("als", has);
    assert_eq!(knobs.len(), knobs::of("als", Has::default()).len() + 3);
    let (moved, words) = knobs.last().unwrap().moved(&config, Direction::Up).unwrap();
    assert_eq!((moved.als.group_members_weight, words.as_str()), (0.5, "group_members_weight 0.5"));
}

#[test]
fn a_trial_that_diverges_has_failed() {
    let mut config = config(4);
    config.softmax.user_hop_weight = f32::MAX;
    let choice = choose(&hold_out(&tastes(), 5), &config, &Session::watched(&Silent)).unwrap();
    let failed = choice.trials.iter().find(|trial| trial.model == "softmax").unwrap();
    assert!(!failed.kept && failed.ndcg == 0.0 && choice.config.model != "softmax");
    assert!(failed.fault.as_ref().unwrap().contains("left the finite range"), "{failed}");
    assert!(failed.to_string().contains("hop weights"), "{failed}");
}

#[test]
fn an_interrupted_choice_goes_on_to_the_same() {
    let held = hold_out(&tastes(), 3);
    let config = config(40);
    let whole = choose(&held, &config, &Session::watched(&Silent)).unwrap();
    assert_eq!(whole.config.model, "ensemble");
    for damaged in [false, true] {
        for notes in (1..=whole.trials.len()).step_by(2) {
            let kept = Kept::new();
            let checkpoint = kept.checkpoint();
            let cut = Interrupt::after(notes);
            let session = Session { progress: &cut, log: None, checkpoint: Some(&checkpoint) };
            assert!(interrupted(|| choose(&held, &config, &session)));
            if damaged {
                kept.damage_states();
            }
            let told = Notes::default();
            let session = Session { progress: &told, log: None, checkpoint: Some(&checkpoint) };
            let again = choose(&held, &config, &session).unwrap();
            assert_eq!((&again.config, &again.trials), (&whole.config, &whole.trials), "after {notes}");
            assert!(again.learnt == whole.learnt, "after {notes}");
            let (first, word) = (told.lines()[0].clone(), if damaged { "is damaged" } else { "going on after trial" });
            assert!(first.contains(word), "{first}");
        }
    }
}
