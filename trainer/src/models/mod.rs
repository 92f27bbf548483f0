//! The models behind one trait.

pub mod als;
pub mod cohorts;
pub(crate) mod complete;
pub mod compute;
pub mod content;
pub mod ensemble;
mod input;
pub mod knn;
mod losses;
pub mod popularity;
pub mod propagation;
pub mod softmax;
mod sparse;
pub mod spectral;
mod towards_friends;
pub(crate) mod turn;
pub mod two_roles;
pub(crate) mod usable;

use juntos_datasets::progress::Progress;
use juntos_datasets::shown::Shown;
use juntos_datasets::training::TeamRecord;
use juntos_datasets::{Csr, UserRow};
use juntos_engine::serving_model::FoldIn;

use crate::error::TrainError;
use crate::tracking::Tracking;

/// Every name that `model` may have in the configuration.
pub const MODEL_NAMES: &[&str] =
    &["popularity", "item_knn", "als", "spectral", "softmax", "propagation", "two_roles", "ensemble"];

/// What a model learns from. Rows of `interactions` are users first, then standing groups.
#[derive(Debug, Clone, Copy)]
pub struct FitData<'a> {
    /// `(n_users + n_groups, n_products)` weights.
    pub interactions: &'a Csr,
    /// `(n_users, n_users)` strengths of ties.
    pub friends: &'a Csr,
    /// What users may see of friends' purchases; nothing where absent.
    pub shown: Option<&'a Shown>,
    /// Members of each standing group, ascending; group `g` is row `n_users + g` of `interactions`.
    pub groups: &'a [Vec<UserRow>],
    /// What became of teams, those of the past among them; see [`crate::prepare::is_past_success`].
    pub teams: &'a [TeamRecord],
    /// Number of dimensions of vectors.
    pub dim: usize,
    /// Decides every random choice.
    pub seed: u64,
    /// Whether people will be folded in from events. Else settings that do that well are not looked for.
    pub folds: bool,
}

/// Vectors whose inner product is the score, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// Number of dimensions.
    pub dim: usize,
    /// `(n_users, dim)`.
    pub users: Vec<f32>,
    /// `(n_products, dim)`.
    pub products: Vec<f32>,
    /// `(n_groups, dim)`.
    pub groups: Vec<f32>,
    /// How serving makes a vector that fits among these for a user from her friends and events.
    pub fold: FoldIn,
}

/// Scores every product for a user; bigger is better.
pub trait Scorer: Send + Sync {
    /// Writes one score a product to `out`, whose length is the number of products. `row` counts users, then groups.
    fn scores(&self, row: usize, out: &mut [f32]);
}

/// What a model has learnt.
pub enum Fitted {
    /// Vectors, which the index can serve.
    Embeddings(Embeddings),
    /// A rule that is not an inner product; a baseline to compare with.
    Scores(Box<dyn Scorer>),
}

/// A way to learn from interactions and friendships.
pub trait Model: Send + Sync {
    /// Name in configuration and reports.
    fn name(&self) -> &'static str;
    /// Learns, followed by a log and going on from the state kept last, where the model makes several passes; the same data,
    /// configuration and seed give the same result for any number of threads, whatever follows.
    ///
    /// # Errors
    /// When the data cannot be learnt from, training diverged, or the disk refuses; see [`TrainError`].
    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError>;
    /// As [`Model::fit_tracked`], followed by a person alone.
    ///
    /// # Errors
    /// As [`Model::fit_tracked`].
    fn fit(&self, data: &FitData<'_>, progress: &dyn Progress) -> Result<Fitted, TrainError> {
        self.fit_tracked(data, &Tracking::watched(progress))
    }
}
