//! Whether anything can be done with what a fit has learnt: it may end with numbers that no score can be made of, and tell of it
//! in no pass.

use rayon::prelude::*;

use super::Embeddings;
use crate::error::TrainError;

/// Whether every vector and the square of its length are finite.
pub(crate) fn are_finite(vectors: &[f32], dim: usize) -> bool {
    let square = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>();
    vectors.par_chunks(dim.max(1)).all(|vector| square(vector).is_finite())
}

/// Refuses vectors of `model` that scores cannot be made of.
///
/// # Errors
/// [`TrainError::Unusable`] where one, or the square of its length, is not finite.
pub(crate) fn check_finite(model: &'static str, embeddings: &Embeddings) -> Result<(), TrainError> {
    let Embeddings { dim, users, products, groups, .. } = embeddings;
    let tables = [("users", users), ("products", products), ("groups", groups)];
    match tables.into_iter().find(|(_, vectors)| !are_finite(vectors, *dim)) {
        Some((what, _)) => Err(TrainError::Unusable {
            model,
            cause: format!("vectors of {what} left the finite range"),
            mend: to_smaller(model),
        }),
        None => Ok(()),
    }
}

/// Refuses vectors of `model` that tell no product from any other.
///
/// # Errors
/// [`TrainError::Unusable`] where all vectors of products, or all of people and groups, are zero.
pub(crate) fn check_some(model: &'static str, embeddings: &Embeddings) -> Result<(), TrainError> {
    let is_zero = |vectors: &[f32]| vectors.par_iter().all(|&value| value == 0.0);
    let nobody = is_zero(&embeddings.users) && is_zero(&embeddings.groups);
    if !nobody && !is_zero(&embeddings.products) {
        return Ok(());
    }
    let what = if nobody { "people" } else { "products" };
    Err(TrainError::Unusable { model, cause: format!("every vector of {what} is zero"), mend: to_larger(model) })
}

/// What to change where numbers became too large.
pub(super) fn to_smaller(model: &str) -> &'static str {
    match model {
        "als" => "raise `als.regularization`, or lower the weights in `[events]`",
        "softmax" | "two_roles" => "lower `softmax.learning_rate` or the hop weights, or raise `softmax.temperature`",
        "propagation" => "lower `propagation.learning_rate`, or raise `propagation.temperature`",
        "ensemble" => "lower the weights in `[ensemble]`, or leave out the part that diverged",
        _ => "lower the weights in `[events]`",
    }
}

/// What to change where they became too small.
fn to_larger(model: &str) -> &'static str {
    match model {
        "als" => "lower `als.regularization`, or raise the weights in `[events]`",
        "ensemble" => "raise the weights in `[ensemble]`",
        _ => "raise the weights in `[events]`",
    }
}

#[cfg(test)]
mod tests {
    //! 1. What is not finite, or too long to be squared, is refused, with the model and what to change.
    //! 2. What is zero throughout is refused; one vector that is not is enough.

    use juntos_engine::serving_model::FoldIn;

    use super::*;

    fn embeddings(user: f32, product: f32) -> Embeddings {
        let (users, products) = (vec![0.0, user], vec![product, 0.0]);
        Embeddings { dim: 2, users, products, groups: Vec::new(), fold: FoldIn::default() }
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert!(check_finite("als", &embeddings(1.0, -2.0)).is_ok());
        for (user, product, what) in [(f32::NAN, 1.0, "users"), (1.0, f32::INFINITY, "products"), (1e30, 1.0, "users")]
        {
            let told = check_finite("propagation", &embeddings(user, product)).unwrap_err().to_string();
            assert!(told.contains(what) && told.contains("lower `propagation.learning_rate`"), "{told}");
        }
    }

    #[test]
    fn what_is_zero_is_refused() {
        assert!(check_some("als", &embeddings(1.0, -2.0)).is_ok());
        for (user, product, what) in [(0.0, 1.0, "people"), (1.0, 0.0, "products"), (0.0, 0.0, "people")] {
            let told = check_some("als", &embeddings(user, product)).unwrap_err().to_string();
            assert!(told.contains(what) && told.contains("lower `als.regularization`"), "{told}");
        }
    }
}
