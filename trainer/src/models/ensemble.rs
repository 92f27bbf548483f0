//! Several models as one: their vectors side by side, brought down to few dimensions.
//!
//! Models that err differently rank better together than each alone, be they different methods (stacking: Wolpert 1992) or
//! one method begun at different seeds (Dietterich 2000, "Ensemble Methods in Machine Learning"). The sum of their
//! scores, each over its spread and times its weight, is again an inner product, of the vectors side by side; [`unite()`]
//! finds vectors that rank alike in the dimensions that serving affords.

mod distil;
mod fits;
mod narrow;
mod neighbours;
mod purchases;
mod told;
mod unite;
mod widen;

pub(crate) use self::fits::fit_each;
pub(crate) use self::neighbours::co_purchases;
pub(crate) use self::unite::unite;
use super::towards_friends::turn_newcomers;
use super::{Embeddings, FitData, Fitted, Model};
use crate::config::{AUTO_DIM, EnsembleConfig};
use crate::error::TrainError;
use crate::tracking::Tracking;

/// The model `ensemble`.
pub struct Ensemble {
    parts: Vec<Part>,
    settings: EnsembleConfig,
    dim: usize,
}

/// One model of an ensemble.
pub struct Part {
    /// The model.
    pub model: Box<dyn Model>,
    /// Weight of its scores, above 0.
    pub weight: f32,
}

impl Ensemble {
    /// Unites `parts`, of which there is at least one, each fitted as often as `settings` say. Vectors have `dim` dimensions,
    /// or, where that is 0, as many as the parts together, but [`AUTO_DIM`] at most, and where the ensemble tells them more.
    pub fn new(parts: Vec<Part>, settings: EnsembleConfig, dim: usize) -> Self {
        Self { parts, settings, dim }
    }
}

/// Seed of copy number `copy`, from 0.
pub(crate) fn seed_of(seed: u64, copy: usize) -> u64 {
    (seed.wrapping_add(copy as u64)) & i64::MAX as u64
}

/// Dimensions of what unites `parts` fits of `dim` dimensions each: `asked`, or, where that is 0, all of them side by side,
/// but no more than the greater of [`AUTO_DIM`] and `dim`. Where the ensemble `tells` them anything, they get all of these.
pub(crate) fn united_dim(asked: usize, dim: usize, parts: usize, tells: bool) -> usize {
    let most = dim.max(AUTO_DIM);
    match asked {
        0 if tells => most,
        0 => (dim * parts).min(most),
        asked => asked,
    }
}

impl Model for Ensemble {
    fn name(&self) -> &'static str {
        "ensemble"
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        let copies = 0..self.settings.copies;
        let fits: Vec<(&Part, usize)> =
            self.parts.iter().flat_map(|part| copies.clone().map(move |copy| (part, copy))).collect();
        let learnt = fit_each(&fits, data, tracking.progress, |&(Part { model, .. }, copy), progress| {
            let name = tracking.name_of_part(model.name(), copy);
            let data = FitData { seed: seed_of(data.seed, copy), folds: false, ..*data };
            match model.fit_tracked(&data, &tracking.part(&name).watched_by(progress))? {
                Fitted::Embeddings(embeddings) => Ok(embeddings),
                Fitted::Scores(_) => Err(TrainError::NoVectors { model: model.name() }),
            }
        })?;
        let parts: Vec<(f32, &Embeddings)> = fits.iter().map(|(part, _)| part.weight).zip(&learnt).collect();
        let dim = united_dim(self.dim, data.dim, parts.len(), self.settings.tells());
        let mut united = unite(data, &parts, &self.settings, dim, tracking.progress)?;
        if united.fold.friend_weight > 0.0 {
            // Parts are chosen by how they rank for people with a history. Of others friends say more than these parts do.
            turn_newcomers(&mut united.users, &FitData { dim: united.dim, ..*data });
        }
        Ok(Fitted::Embeddings(united))
    }
}

#[cfg(test)]
mod tests;
