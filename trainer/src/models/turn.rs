//! All vectors turned by one rotation, so that less is lost when their numbers become codes of a byte.
//!
//! A code's step is the largest number of its vector over 127. Where a model gives few dimensions most of the length, that is
//! wide for all the others; a random rotation spreads the length evenly over the dimensions and leaves every inner product
//! as it was (used so before scalar quantisation by Ashkboos et al., "QuaRot", NeurIPS 2024, arXiv 2404.00456, and Zandieh et al.,
//! "TurboQuant", arXiv 2504.19874).

use faer::Mat;
use juntos_datasets::progress::Progress;
use juntos_engine::vectors::rounded_off;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Embeddings;
use super::als::blocks::{eigen_of, times_all};
use super::als::start::centred;

/// Vectors whose losses are added up at once, so that the number of threads changes nothing.
const BLOCK_ROWS: usize = 2_048;

/// Turns all vectors, where less is lost that way, and tells how much.
pub(crate) fn turn(embeddings: &mut Embeddings, seed: u64, progress: &dyn Progress) {
    let Some(rotation) = rotation(embeddings.dim, seed) else { return };
    let turned = Embeddings {
        users: times_all(&embeddings.users, &rotation),
        products: times_all(&embeddings.products, &rotation),
        groups: times_all(&embeddings.groups, &rotation),
        ..*embeddings
    };
    let (after, before) = (lost(&turned), lost(embeddings));
    if after < before {
        *embeddings = turned;
        let [after, before] = [after, before].map(|lost| 100.0 * lost.sqrt());
        progress
            .note(&format!("vectors turned: codes of a byte are {after:.2} % of their length off, not {before:.2} %"));
    }
}

/// A random rotation: the eigenvectors of a random symmetric matrix.
fn rotation(dim: usize, seed: u64) -> Option<Mat<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let half = Mat::from_fn(dim, dim, |_, _| f64::from(centred(&mut rng)));
    let (_, directions) = eigen_of(&(&half + half.transpose()))?;
    Some(Mat::from_fn(dim, dim, |row, column| directions[(row, column)] as f32))
}

/// The share of all squared lengths that codes are off: mean of those of people's, groups' and products' vectors, where there are any.
fn lost(embeddings: &Embeddings) -> f64 {
    let Embeddings { dim, users, products, groups, .. } = embeddings;
    let of = |vectors: &[f32]| {
        let block = |block: &[f32]| {
            let sums = block.chunks_exact(*dim).map(|vector| (rounded_off(vector), square(vector)));
            sums.fold((0.0, 0.0), |sum: (f64, f64), one| (sum.0 + one.0, sum.1 + one.1))
        };
        let blocks: Vec<(f64, f64)> = vectors.par_chunks(BLOCK_ROWS * dim).map(block).collect();
        let (lost, whole) = blocks.into_iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (whole > 0.0).then(|| lost / whole)
    };
    let kinds: Vec<f64> = [users, products, groups].into_iter().filter_map(|vectors| of(vectors)).collect();
    kinds.iter().sum::<f64>() / kinds.len().max(1) as f64
}

fn square(vector: &[f32]) -> f64 {
    vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum()
}

#[cfg(test)]
mod tests {
    //! 1. No inner product changes beyond rounding, and codes lose less, where few dimensions have most of the length.
    //! 2. What codes lose nothing of, and what is zero, stays as it is.

    use juntos_datasets::progress::Silent;
    use juntos_engine::serving_model::FoldIn;
    use rand::RngExt;

    use super::*;

    const DIM: usize = 32;

    fn embeddings(mut value: impl FnMut(usize) -> f32) -> Embeddings {
        let mut table = |rows: usize| -> Vec<f32> { (0..rows * DIM).map(|at| value(at % DIM)).collect() };
        let (users, products, groups) = (table(50), table(70), table(10));
        Embeddings { dim: DIM, users, products, groups, fold: FoldIn::default() }
    }

    fn scores(embeddings: &Embeddings) -> Vec<f32> {
        let rows = embeddings.users.chunks(DIM).chain(embeddings.groups.chunks(DIM));
        let of_row =
            |row| embeddings.products.chunks(DIM).map(move |product| juntos_engine::vectors::dot(row, product));
        rows.flat_map(of_row).collect()
    }

    #[test]
    fn scores_stay_and_less_is_lost() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let before = embeddings(|at| rng.random_range(-1.0..1.0) / (1 + at * at) as f32);
        let mut after = before.clone();
        turn(&mut after, 1, &Silent);
        assert!(lost(&after) < 0.5 * lost(&before), "{} of {}", lost(&after), lost(&before));
        for (after, before) in scores(&after).into_iter().zip(scores(&before)) {
            assert!((after - before).abs() < 1e-5, "{after}, was {before}");
        }
    }

    #[test]
    fn what_loses_nothing_stays() {
        let popularity = embeddings(|at| if at == 0 { 3.0 } else { 0.0 });
        for before in [popularity, embeddings(|_| 0.0)] {
            let mut after = before.clone();
            turn(&mut after, 1, &Silent);
            assert_eq!(after, before);
        }
    }
}
