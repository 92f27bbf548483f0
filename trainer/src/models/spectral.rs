//! Leading singular vectors of the normalised matrix, in closed form: the ideal low-pass filter of GF-CF (Shen et al.
//! 2021, "How Powerful is Graph Convolution for Recommendation?", arXiv 2108.07567, equation 13).
//!
//! With `Ã` the interactions, each cell over the root of its row's weight and the root of its column's to the power of `q`, and
//! `V` its leading right singular vectors, rows score products by `Ã V Vᵀ D^p`, where `D` holds the root of each product's
//! weight: rows are `Ã V`, products `D^p V`. In the paper `q` and `p` are 1.

use super::als::start::{self, Normalised};
use super::complete::{Others, complete};
use super::{FitData, Fitted, Model, input};
use crate::config::SpectralConfig;
use crate::error::TrainError;
use crate::tracking::Tracking;

/// The model `spectral`.
#[derive(Debug, Clone, Copy)]
pub struct Spectral {
    settings: SpectralConfig,
}

impl Spectral {
    /// The model with these settings.
    pub fn new(settings: SpectralConfig) -> Self {
        Self { settings }
    }
}

impl Model for Spectral {
    fn name(&self) -> &'static str {
        "spectral"
    }

    fn fit_tracked(&self, data: &FitData<'_>, tracking: &Tracking<'_>) -> Result<Fitted, TrainError> {
        input::check(data)?;
        let (by_row, by_column, dim) = (data.interactions, data.interactions.transpose(), data.dim);
        let progress = tracking.progress;
        progress.stage("spectral", 1);
        let normalised = Normalised {
            by_row,
            by_column: &by_column,
            row_scale: &start::scales(by_row),
            column_scale: &start::scales_to(&by_column, self.settings.normalization),
        };
        let mut products = normalised.leading(dim, data.seed);
        let rows = normalised.rows(&products, dim);
        start::lengthen(&mut products, dim, &by_column, self.settings.popularity_exponent);
        progress.advance(1);
        let SpectralConfig { friend_weight, group_members_weight, .. } = self.settings;
        let others = Others { friend_weight, group_members_weight };
        Ok(Fitted::Embeddings(complete(data, (rows, products), others, (self.name(), progress))))
    }
}

#[cfg(test)]
mod tests {
    //! Scores are those of the definition, with singular vectors found by another way.

    use faer::Mat;
    use juntos_datasets::Csr;
    use juntos_datasets::progress::Silent;
    use proptest::prelude::*;

    use super::*;
    use crate::models::Embeddings;

    const ROWS: usize = 24;
    const COLUMNS: usize = 18;
    const DIM: usize = 3;

    /// `Ã V Vᵀ D^p` by a full decomposition; none where the last singular value kept is hardly above the first left out.
    fn expected(matrix: &Csr, normalization: f32, exponent: f32) -> Option<Mat<f64>> {
        let transposed = matrix.transpose();
        let root = |matrix: &Csr, row: usize| f64::from(matrix.row(row).1.iter().sum::<f32>()).sqrt();
        let cell = |row: usize, column: usize| {
            let value = f64::from(matrix.get(row, column as u32));
            let popularity = root(&transposed, column).powf(f64::from(normalization));
            if value > 0.0 { value / (root(matrix, row) * popularity) } else { 0.0 }
        };
        let normalised = Mat::from_fn(ROWS, COLUMNS, cell);
        let svd = normalised.thin_svd().ok()?;
        let values = svd.S().column_vector();
        if values[DIM - 1] < 1.05 * values[DIM] {
            return None;
        }
        let basis = svd.V().subcols(0, DIM).to_owned();
        let mut scores = &normalised * &basis * basis.transpose();
        for column in 0..COLUMNS {
            let length = root(&transposed, column).powf(f64::from(exponent));
            (0..ROWS).for_each(|row| scores[(row, column)] *= length);
        }
        Some(scores)
    }

    fn score(vectors: &Embeddings, row: usize, column: usize) -> f64 {
        let (user, product) = (&vectors.users[row * DIM..][..DIM], &vectors.products[column * DIM..][..DIM]);
        user.iter().zip(product).map(|(a, b)| f64::from(a * b)).sum()
    }

    proptest! {
        #[test]
        fn scores_follow_the_definition(
            values in prop::collection::vec(prop_oneof![3 => Just(0.0f32), 1 => 0.5f32..3.0], ROWS * COLUMNS),
            normalization in 0.0f32..1.0,
            popularity_exponent in 0.0f32..1.0,
        ) {
            let entries = (0..).zip(&values).filter(|&(_, &value)| value > 0.0);
            let entries = entries.map(|(at, &value)| (at / COLUMNS as u32, at % COLUMNS as u32, value)).collect();
            let matrix = Csr::from_entries(ROWS, COLUMNS, entries);
            prop_assume!(!matrix.is_empty());
            let Some(expected) = expected(&matrix, normalization, popularity_exponent) else { return Ok(()) };
            let friends = Csr::empty(ROWS, ROWS);
            let data = FitData { interactions: &matrix, friends: &friends, groups: &[], dim: DIM, seed: 1, folds: true, shown: None, teams: &[] };
            let model = Spectral::new(SpectralConfig { normalization, popularity_exponent, ..SpectralConfig::default() });
            let Ok(Fitted::Embeddings(vectors)) = model.fit(&data, &Silent) else { panic!("spectral makes vectors") };
            let largest = |of: &dyn Fn(usize, usize) -> f64| {
                (0..ROWS * COLUMNS).map(|at| of(at / COLUMNS, at % COLUMNS).abs()).fold(0.0, f64::max)
            };
            // Vectors are scaled as a whole.
            let (ours, theirs) = (largest(&|row, column| score(&vectors, row, column)), largest(&|r, c| expected[(r, c)]));
            for at in 0..ROWS * COLUMNS {
                let (row, column) = (at / COLUMNS, at % COLUMNS);
                let difference = score(&vectors, row, column) / ours - expected[(row, column)] / theirs;
                prop_assert!(difference.abs() < 0.02, "row {row}, column {column}: {difference}");
            }
        }
    }
}
