//! What can go wrong in training and evaluation.

/// A failure of training or evaluation, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// There is nothing to learn from.
    #[error("nothing to train on: {what}; check the dataset with `juntos check`")]
    NoData {
        /// What is missing.
        what: &'static str,
    },
}
