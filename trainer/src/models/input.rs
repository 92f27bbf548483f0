//! What every model refuses to learn from.

use juntos_datasets::Csr;

use super::FitData;
use crate::error::TrainError;

/// Checks shapes and weights before any model learns.
///
/// # Errors
/// When there is no user, product or interaction, or a weight is not finite and above 0.
pub(super) fn check(data: &FitData<'_>) -> Result<(), TrainError> {
    if data.friends.rows() == 0 {
        return Err(TrainError::NoData { what: "there are no users" });
    }
    if data.interactions.is_empty() {
        return Err(TrainError::NoData { what: "no training event of positive weight by a user with `personalise`" });
    }
    weights("interactions", data.interactions)?;
    weights("friendships", data.friends)
}

fn weights(name: &'static str, matrix: &Csr) -> Result<(), TrainError> {
    for row in 0..matrix.rows() {
        let (columns, values) = matrix.row(row);
        for (&column, &value) in columns.iter().zip(values) {
            if !(value.is_finite() && value > 0.0) {
                return Err(TrainError::BadWeight { matrix: name, row, column: column as usize, value });
            }
        }
    }
    Ok(())
}
