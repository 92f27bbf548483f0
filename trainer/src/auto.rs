//! Chooses model and settings on a part of the past that is held out.
//!
//! The models are fitted on the rest of the past as they are configured; from the best one a search sets out that
//! moves one setting at a time and keeps what ranks the held-out products better. Where data is small enough the others
//! are then united with it, and copies of them that differ by their seeds. Nothing depends on a clock, so the same data
//! and seed choose the same.

mod fitter;
mod journal;
mod knobs;
mod parts;
mod sample;
mod score;
mod validation;

use std::fmt;

use juntos_datasets::progress::Progress;
use serde::Serialize;

pub(crate) use self::fitter::Fitter;
use self::fitter::Tried;
pub(crate) use self::knobs::Has;
use self::knobs::{ALS, DIRECTIONS, ENSEMBLE, Knob, POPULAR, PROPAGATION, SOFTMAX, SPECTRAL};
pub(crate) use self::sample::sampled;
pub(crate) use self::score::{Score, error_of_difference};
pub(crate) use self::validation::next_purchases;
use crate::config::{AUTO, EnsembleConfig, TrainConfig};
use crate::error::TrainError;
use crate::models::Embeddings;
use crate::prepare::HeldOut;
use crate::tracking::Session;

/// One model fitted with one choice of settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Name of the model.
    pub model: String,
    /// Settings in which it differs from the trial that the search stood at; empty for the first of a model.
    pub settings: String,
    /// Mean NDCG@100 over the users validated on; where they often buy again, the weighted geometric mean of it and of that for
    /// what was new to them; with standing groups, the weighted geometric mean of it and theirs.
    #[serde(rename = "ndcg@100")]
    pub ndcg: f64,
    /// The same over standing groups alone, where they count.
    #[serde(rename = "groups_ndcg@100", skip_serializing_if = "Option::is_none")]
    pub groups: Option<f64>,
    /// Whether the search, or that for the best settings of `spectral`, went on from here.
    pub kept: bool,
    /// Why training failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.kept { "kept" } else { "" };
        let groups = self.groups.map_or_else(String::new, |groups| format!(" (groups {groups:.4})"));
        match &self.fault {
            Some(fault) => write!(f, "{:8} {:44} failed: {fault}", self.model, self.settings),
            None => write!(f, "{:8} {:44} ndcg@100 {:.4}{groups}  {mark}", self.model, self.settings, self.ndcg),
        }
    }
}

/// What was chosen, and why.
pub struct Choice {
    /// The configuration with the model and settings chosen.
    pub config: TrainConfig,
    /// All that was tried, in order.
    pub trials: Vec<Trial>,
    /// What the chosen model, with [`COPIES_TRIED`] if any, has learnt from the history, or from that of `sample`, without a way to
    /// fold in; absent where no trial was made.
    pub learnt: Option<Embeddings>,
    /// The part that was chosen on, where the whole has too much for many trials.
    pub sample: Option<HeldOut>,
}

impl Choice {
    /// The model that `config` names, or `als` where it names none: nothing was tried.
    pub fn given(config: &TrainConfig) -> Self {
        let mut config = config.clone();
        if config.model == AUTO {
            config.model = ALS.to_owned();
        }
        Self { config, trials: Vec::new(), learnt: None, sample: None }
    }
}

/// Weight of a model beside the best one, where the search for it begins, if it is nearly as good by itself.
const FIRST_WEIGHT: f32 = 1.0;
/// The same, if it is worse.
const FIRST_WEIGHT_OF_WORSE: f32 = 0.5;
/// How well a model ranks by itself, over the best one, that is nearly as good, and may be fitted once more to be added.
const NEARLY_AS_GOOD: f64 = 0.95;
/// The same, so that it may help; a worse one is not worth making lists with.
const MAY_HELP: f64 = 0.87;
/// The same before its most important setting is moved.
const MAY_RISE: f64 = 0.8;

/// How well what is popular ranks by itself, over the best model, that it may help it.
const POPULAR_MAY_HELP: f64 = 0.5;

/// Weight of neighbours, where the search for it begins.
const FIRST_NEIGHBOURS: f32 = 0.1;
/// The same of what friends bought.
const FIRST_FRIENDS: f32 = 0.03;
/// The same of what somebody had before, taken off or put on.
const FIRST_HAD: f32 = 0.1;

/// Copies of each model that show whether copies do harm; the choice has more.
const COPIES_TRIED: usize = 2;

/// Passes over the data after which softmax is stopped at the latest.
const MOST_EPOCHS: usize = 10;

/// Chooses model and settings by how well models of `held.history` rank `held.test`, in at most `config.auto.trials`
/// fits. Where nothing can be validated on, `als` is chosen as it is configured. Goes on after the last trial that the
/// checkpoint of `session` holds.
///
/// # Errors
/// When a model cannot be fitted. One that diverges is a trial that failed, unless it is the best.
pub fn choose(held: &HeldOut, config: &TrainConfig, session: &Session<'_>) -> Result<Choice, TrainError> {
    let Some(mut fitter) = Fitter::new(held, config, *session) else {
        return Ok(Choice::given(config));
    };
    let progress = session.progress;
    progress.stage("choose a model", config.auto.trials as u64);
    fitter.open_journal()?;
    let mut search = Search { fitter, progress, left: config.auto.trials, trials: Vec::new(), united: Vec::new() };
    let best = search.run(config)?;
    let mut config = best.config.clone();
    let learnt = search.fitter.embeddings_of(best)?;
    if config.model == ENSEMBLE && config.ensemble.copies > 1 {
        config.ensemble.copies = config.auto.copies;
    }
    Ok(Choice { config, trials: search.trials, learnt, sample: search.fitter.into_sample() })
}

struct Search<'a> {
    fitter: Fitter<'a>,
    progress: &'a dyn Progress,
    /// Fits that may still be made.
    left: usize,
    trials: Vec<Trial>,
    /// Ensembles tried: none is tried twice.
    united: Vec<TrainConfig>,
}

impl Search<'_> {
    fn run(&mut self, config: &TrainConfig) -> Result<Tried, TrainError> {
        let of = |model: &str| TrainConfig { model: model.to_owned(), ..config.clone() };
        let first = self.fit(of(ALS))?;
        self.note(&first, "", true)?;
        let (mut most, mut begun) = (first.score.ndcg(), vec![first]);
        let graphs = self.fitter.is_small().then_some(PROPAGATION);
        for model in [SPECTRAL, SOFTMAX].into_iter().chain(graphs) {
            if self.left == 0 {
                break;
            }
            let mut start = of(model);
            start.softmax.epochs = if model == SOFTMAX { MOST_EPOCHS } else { config.softmax.epochs };
            let other = self.fit(start)?;
            let epochs = format!("epochs {}", other.config.softmax.epochs);
            self.note(&other, if model == SOFTMAX { &epochs } else { "" }, other.score.ndcg() > most)?;
            self.fitter.offer_as_part(&other);
            most = most.max(other.score.ndcg());
            begun.push(other);
        }
        for other in begun.iter_mut().filter(|of| of.score.ndcg() >= most * MAY_RISE) {
            if let Some(knob) = knobs::first_of(&other.config.model) {
                self.turn(other, &knob)?;
            }
        }
        begun.sort_by(|a, b| b.score.ndcg().total_cmp(&a.score.ndcg()));
        let mut best = begun.remove(0);
        let others: Vec<(TrainConfig, f64)> = begun.into_iter().map(|of| (of.config, of.score.ndcg())).collect();
        for knob in knobs::of(&best.config.model, self.fitter.has()) {
            self.turn(&mut best, &knob)?;
        }
        let popular = self.popular(config)?;
        self.unite(&mut best, &others, &popular)?;
        if popular.score.is_better_than(&best.score, 0.0) {
            // Nobody is served worse than by what is popular.
            self.note(&popular, "in place of all others", true)?;
            best = popular;
        }
        Ok(best)
    }

    /// What is popular, by itself: it costs nothing, so whatever fits are left.
    fn popular(&mut self, config: &TrainConfig) -> Result<Tried, TrainError> {
        let popular = self.fitter.fit(TrainConfig { model: POPULAR.to_owned(), ..config.clone() })?;
        self.note(&popular, "", false)?;
        self.fitter.offer_as_part(&popular);
        Ok(popular)
    }

    /// Makes an ensemble of the best one, with what helps it: what is popular, what was had, other models, what friends bought,
    /// neighbours, copies. Where trials see but a sample, without models and copies, since each model and each copy would be fitted once
    /// more on everything; where lists take long, without anything.
    fn unite(&mut self, best: &mut Tried, others: &[(TrainConfig, f64)], popular: &Tried) -> Result<(), TrainError> {
        let mut config =
            TrainConfig { model: ENSEMBLE.to_owned(), ensemble: EnsembleConfig::NOTHING, ..best.config.clone() };
        knobs::weight_of(&best.config.model).set(&mut config, 1.0);
        let is_sampled = self.fitter.is_sampled();
        let is_clearly_better =
            |tried: &Tried, best: &Tried| tried.score.is_better_than(&best.score, knobs::LEAST_GAIN);
        if !self.fitter.may_list() {
            return Ok(());
        }
        if popular.score.ndcg() >= best.score.ndcg() * POPULAR_MAY_HELP {
            self.listen(best, &mut config, (&knobs::weight_of(POPULAR), FIRST_WEIGHT), is_clearly_better)?;
        }
        if self.fitter.has().again {
            for (had, first) in [(knobs::had_less(), -FIRST_HAD), (knobs::had_more(), FIRST_HAD)] {
                if config.ensemble.had == 0.0 {
                    self.listen(best, &mut config, (&had, first), is_clearly_better)?;
                }
            }
        }
        if !is_sampled {
            self.add_others(best, &mut config, others)?;
        }
        if self.fitter.may_hear_friends() {
            // Friends are alike as a rule, so they are heard unless that does harm; but on large data that costs minutes.
            let is_enough = |tried: &Tried, best: &Tried| match is_sampled {
                true => is_clearly_better(tried, best),
                false => tried.is_as_good_as(best),
            };
            self.listen(best, &mut config, (&knobs::friends(), FIRST_FRIENDS), is_enough)?;
        }
        if self.fitter.may_have_neighbours() {
            self.listen(best, &mut config, (&knobs::neighbours(), FIRST_NEIGHBOURS), is_clearly_better)?;
        }
        if !is_sampled && config.auto.copies > 1 {
            self.repeat(best, config)?;
        }
        Ok(())
    }

    /// Adds other models, those that rank best by themselves first, for as long as that helps.
    fn add_others(
        &mut self,
        best: &mut Tried,
        config: &mut TrainConfig,
        others: &[(TrainConfig, f64)],
    ) -> Result<(), TrainError> {
        let first = best.config.model.clone();
        let alone = best.score.ndcg();
        let may_help = |(_, ndcg): &&(TrainConfig, f64)| *ndcg >= alone * MAY_HELP;
        for (other, ndcg) in others.iter().filter(|(other, _)| other.model != first).filter(may_help) {
            config.take_section(other);
            let knob = knobs::weight_of(&other.model);
            let mut wider = config.clone();
            let is_nearly_as_good = *ndcg >= alone * NEARLY_AS_GOOD;
            let words = knob.set(&mut wider, if is_nearly_as_good { FIRST_WEIGHT } else { FIRST_WEIGHT_OF_WORSE });
            if !self.fitter.is_trained(&wider) && (self.left == 0 || !is_nearly_as_good) {
                continue;
            }
            let tried = self.fit(wider)?;
            // Models that err differently help each other as a rule, so a gain need not be beyond what chance may make of it.
            let better = tried.score.ndcg() > best.score.ndcg() * (1.0 + knobs::LEAST_GAIN);
            self.note(&tried, &format!("with {words}"), better)?;
            if better {
                *best = tried;
                *config = best.config.clone();
            }
        }
        self.balance(best, config)
    }

    /// Moves the weights of the models of an ensemble, one after the other, until none is better moved.
    fn balance(&mut self, best: &mut Tried, config: &mut TrainConfig) -> Result<(), TrainError> {
        if best.config.model != ENSEMBLE {
            return Ok(());
        }
        let mut before = None;
        while before.replace(best.number) != Some(best.number) {
            for model in [ALS, SPECTRAL, SOFTMAX, PROPAGATION, POPULAR] {
                let is_part = best.config.parts().any(|(part, _)| part.model == model);
                if is_part {
                    self.turn(best, &knobs::weight_of(model))?;
                }
            }
        }
        *config = best.config.clone();
        Ok(())
    }

    /// Adds what single products say of others, friends bought or somebody had, which no few dimensions hold, with the weight `first`
    /// where that is good enough beside the best, and then with the weight that is best.
    fn listen(
        &mut self,
        best: &mut Tried,
        config: &mut TrainConfig,
        (knob, first): (&Knob, f32),
        is_enough: impl Fn(&Tried, &Tried) -> bool,
    ) -> Result<(), TrainError> {
        let without = config.clone();
        let words = knob.set(config, first);
        let tried = self.fit(config.clone())?;
        let enough = is_enough(&tried, best);
        self.note(&tried, &format!("with {words}"), enough)?;
        if enough {
            *best = tried;
            self.turn(best, knob)?;
            *config = best.config.clone();
        } else {
            *config = without;
        }
        Ok(())
    }

    /// Fits each model of `config` several times, whatever fits are left, unless that ranks worse beyond chance. Copies err
    /// differently, so less is left to chance however little of that shows here. Two show whether
    /// they do harm.
    fn repeat(&mut self, best: &mut Tried, mut config: TrainConfig) -> Result<(), TrainError> {
        config.ensemble.copies = COPIES_TRIED;
        let copies = format!("copies {}", config.ensemble.copies);
        let tried = self.fitter.fit(config)?;
        let as_good = tried.is_as_good_as(best);
        self.note(&tried, &copies, as_good)?;
        if as_good {
            *best = tried;
        }
        Ok(())
    }

    /// Moves one setting up or down for as long as that helps.
    fn turn(&mut self, best: &mut Tried, knob: &Knob) -> Result<(), TrainError> {
        for direction in DIRECTIONS {
            let mut helped = false;
            while let Some((config, change)) = knob.moved(&best.config, direction) {
                if self.united.contains(&config) {
                    break;
                }
                if self.left == 0 && !self.fitter.is_trained(&config) {
                    return Ok(());
                }
                let tried = self.fit(config)?;
                let better = knob.is_gain(&tried.score, &best.score);
                self.note(&tried, &change, better)?;
                if !better {
                    break;
                }
                (*best, helped) = (tried, true);
            }
            if helped {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, tried: &Tried, settings: &str, kept: bool) -> Result<(), TrainError> {
        let (model, settings) = (tried.config.model.clone(), settings.to_owned());
        let (ndcg, groups, fault) = (tried.score.ndcg(), tried.score.groups_ndcg(), tried.fault.clone());
        let trial = Trial { model, settings, ndcg, groups, kept, fault };
        if kept {
            self.fitter.keep_embeddings(tried)?;
            self.fitter.offer_as_part(tried);
            self.fitter.race_against(tried);
        }
        self.progress.note(&trial.to_string());
        self.trials.push(trial);
        Ok(())
    }

    fn fit(&mut self, config: TrainConfig) -> Result<Tried, TrainError> {
        if config.model == ENSEMBLE {
            self.united.push(config.clone());
        }
        if !self.fitter.is_trained(&config) {
            self.left -= 1;
            self.progress.advance(1);
        }
        self.fitter.fit(config)
    }
}

#[cfg(test)]
mod tests;
