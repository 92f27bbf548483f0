//! What to try next: a tree of Parzen estimators (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization",
//! section 4), each setting on its own.
//!
//! Trials are cut into the good and the rest; where the good lie densely and the rest do not is tried. Densities on
//! [0, 1] are mixtures of a uniform one and a Gaussian around each trial, reflected at the ends so that they stay
//! densities without an error function.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Trials of a model below which settings are drawn without looking at the others, see [`around_the_first`].
const STARTUP: usize = 6;
/// Share of the trials that is good.
const GOOD_SHARE: f64 = 0.25;
/// Places drawn of which the most promising is taken.
const CANDIDATES: usize = 24;
/// How far settings of the best trial are moved, as a standard deviation.
const NEAR: f64 = 0.15;

/// One trial: which model, where its settings lie, how good it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    pub(super) model: usize,
    pub(super) places: Vec<f64>,
    pub(super) ndcg: f64,
}

/// Draws of one trial: the same for the same seed and number.
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    pub(super) fn of(seed: u64, trial: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(trial as u64 + 1);
        Self(rng)
    }

    /// Evenly in [0, 1).
    fn even(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Box and Muller.
    fn gaussian(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.even(), self.even());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}

/// The trials from the best to the worst, and how many of them are good.
fn ranked(observed: &[Observed]) -> (Vec<&Observed>, usize) {
    let mut ranked: Vec<&Observed> = observed.iter().collect();
    ranked.sort_by(|a, b| b.ndcg.total_cmp(&a.ndcg));
    let good = ((ranked.len() as f64 * GOOD_SHARE).ceil() as usize).max(2).min(ranked.len());
    (ranked, good)
}

/// Which of `models` to try: those among the good trials more often, none never.
pub(super) fn model(observed: &[Observed], models: usize, draws: &mut Draws) -> usize {
    let (ranked, good) = ranked(observed);
    let weight = |model: usize| 1.0 + ranked[..good].iter().filter(|trial| trial.model == model).count() as f64;
    let mut left = draws.even() * (models + good) as f64;
    for model in 0..models {
        left -= weight(model);
        if left < 0.0 {
            return model;
        }
    }
    models.saturating_sub(1)
}

/// Where to put `settings` settings of `model`.
pub(super) fn places(observed: &[Observed], model: usize, settings: usize, draws: &mut Draws) -> Vec<f64> {
    let of_model: Vec<Observed> = observed.iter().filter(|trial| trial.model == model).cloned().collect();
    if of_model.len() < STARTUP {
        return (0..settings).map(|setting| around_the_first(&of_model, setting, draws)).collect();
    }
    let (ranked, n_good) = ranked(&of_model);
    let along = |trials: &[&Observed], setting: usize| {
        Density::around(trials.iter().map(|trial| trial.places[setting]).collect())
    };
    (0..settings)
        .map(|setting| {
            let (good, rest) = (along(&ranked[..n_good], setting), along(&ranked[n_good..], setting));
            let candidates = (0..CANDIDATES).map(|_| good.draw(draws));
            let promising = candidates.map(|at| (good.at(at) / rest.at(at), at));
            promising.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.5, |(_, at)| at)
        })
        .collect()
}

/// A few of the places a bit up or down: one in any case, and as many more on average. `None` stays where it is, as does what may
/// not move.
pub(super) fn near(places: &[f64], may_move: &[bool], draws: &mut Draws) -> Vec<Option<f64>> {
    let movable: Vec<usize> = (0..places.len()).filter(|&setting| may_move[setting]).collect();
    let sure = (draws.even() * movable.len() as f64) as usize;
    let mut moved = vec![None; places.len()];
    for (at, &setting) in movable.iter().enumerate() {
        let (too, by) = (draws.even() * (movable.len() as f64) < 1.0, draws.gaussian());
        if at == sure || too {
            moved[setting] = Some(reflected(places[setting] + NEAR * by));
        }
    }
    moved
}

/// A place on [0, 1] for one beyond it.
fn reflected(place: f64) -> f64 {
    let at = place.rem_euclid(2.0);
    if at > 1.0 { 2.0 - at } else { at }
}

/// One time in two where the first trial has it, which is what the search began with; else anywhere.
fn around_the_first(of_model: &[Observed], setting: usize, draws: &mut Draws) -> f64 {
    let (stay, anywhere) = (draws.even() < 0.5, draws.even());
    of_model.first().filter(|_| stay).map_or(anywhere, |first| first.places[setting])
}

/// A density on [0, 1].
struct Density {
    /// Middle and width of each Gaussian.
    bumps: Vec<(f64, f64)>,
}

impl Density {
    /// A bump around each of `places`, as wide as the way to the farther neighbour, the ends counting as such.
    fn around(mut places: Vec<f64>) -> Self {
        places.sort_by(f64::total_cmp);
        let least = 1.0 / (places.len() as f64 + 2.0).min(100.0);
        let bump = |at: usize| {
            let before = at.checked_sub(1).map_or(0.0, |before| places[before]);
            let after = places.get(at + 1).copied().unwrap_or(1.0);
            let widest = (places[at] - before).max(after - places[at]);
            (places[at], widest.clamp(least, 0.5))
        };
        Self { bumps: (0..places.len()).map(bump).collect() }
    }

    /// The density at a place; the uniform part keeps it above 0.
    fn at(&self, place: f64) -> f64 {
        let bell = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let around = |&(middle, width): &(f64, f64)| {
            let mirrored = [place, -place, 2.0 - place, 2.0 + place, place - 2.0, -place - 2.0];
            mirrored.into_iter().map(|at| bell((at - middle) / width) / width).sum::<f64>()
        };
        (1.0 + self.bumps.iter().map(around).sum::<f64>()) / (1.0 + self.bumps.len() as f64)
    }

    fn draw(&self, draws: &mut Draws) -> f64 {
        let which = (draws.even() * (self.bumps.len() + 1) as f64) as usize;
        let Some(&(middle, width)) = self.bumps.get(which) else { return draws.even() };
        reflected(middle + width * draws.gaussian())
    }
}

#[cfg(test)]
mod tests {
    //! 1. Densities add up to 1, and what is drawn follows them.
    //! 2. The search comes nearer to a planted optimum than even draws, and to the better model.
    //! 3. The same seed and trials draw the same.
    //! 4. Near a trial one of the settings that may move does, two on average, and not far.

    use super::*;

    #[test]
    fn densities_add_up_and_draws_follow_them() {
        let density = Density::around(vec![0.02, 0.3, 0.35, 0.98]);
        let steps = 20_000;
        let middle = |step: usize| (step as f64 + 0.5) / f64::from(steps);
        let mass =
            |from: usize, to: usize| (from..to).map(|step| density.at(middle(step))).sum::<f64>() / f64::from(steps);
        assert!((mass(0, steps as usize) - 1.0).abs() < 2e-3, "{}", mass(0, steps as usize));
        let mut draws = Draws::of(3, 0);
        let below = (0..20_000).filter(|_| density.draw(&mut draws) < 0.4).count() as f64 / 20_000.0;
        // Four standard deviations of a share of 20,000 draws.
        assert!((below - mass(0, 8_000)).abs() < 0.015, "{below} {}", mass(0, 8_000));
    }

    /// Best at 0.8, 0.2 of model 1; model 0 is worse everywhere.
    fn planted(model: usize, places: &[f64]) -> f64 {
        let far = (places[0] - 0.8).powi(2) + (places[1] - 0.2).powi(2);
        if model == 1 { 1.0 - far } else { 0.4 - 0.1 * far }
    }

    fn search(seed: u64, trials: usize) -> Vec<Observed> {
        let mut observed = Vec::new();
        for trial in 0..trials {
            let mut draws = Draws::of(seed, trial);
            let model = if trial < 2 { trial } else { model(&observed, 2, &mut draws) };
            let places = places(&observed, model, 2, &mut draws);
            let ndcg = planted(model, &places);
            observed.push(Observed { model, places, ndcg });
        }
        observed
    }

    #[test]
    fn a_planted_optimum_is_found() {
        let best = |observed: &[Observed]| observed.iter().map(|trial| trial.ndcg).fold(0.0, f64::max);
        let (mut sought, mut even) = (0.0, 0.0);
        for seed in 0..20 {
            let found = search(seed, 40);
            sought += best(&found) / 20.0;
            let late = found[20..].iter().filter(|trial| trial.model == 1).count();
            assert!(late > 10, "seed {seed}: the better model has {late} of the last 20 trials");
            let mut draws = Draws::of(seed, 1_000);
            let mut random = || planted(1, &[draws.even(), draws.even()]);
            even += (0..40).map(|_| random()).fold(0.0, f64::max) / 20.0;
        }
        assert!(sought > even && sought > 0.99, "{sought} against {even}");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        assert_eq!(search(5, 25), search(5, 25));
        assert_ne!(search(5, 25), search(6, 25));
    }

    #[test]
    fn few_settings_move_and_not_far() {
        let (places, may_move) = ([0.0, 0.5, 1.0, 0.3], [true, true, false, true]);
        let (mut moves, mut far) = (0, 0.0);
        for trial in 0..1_000 {
            let moved = near(&places, &may_move, &mut Draws::of(1, trial));
            let places = |at: usize| moved[at].map(|place| (place - places[at]).abs());
            let steps: Vec<f64> = (0..4).filter_map(places).collect();
            assert!(
                !steps.is_empty() && moved[2].is_none() && moved.iter().flatten().all(|at| (0.0..=1.0).contains(at))
            );
            moves += steps.len();
            far += steps.iter().sum::<f64>();
        }
        // One, and each of the two others one time in three; the mean of a half normal is .8 of its deviation.
        assert!((1_600..1_730).contains(&moves) && (far / moves as f64 - 0.8 * NEAR).abs() < 0.01, "{moves} {far}");
        assert_eq!(near(&[0.5], &[false], &mut Draws::of(1, 0)), [None]);
    }
}
