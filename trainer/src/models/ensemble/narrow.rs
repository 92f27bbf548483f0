//! The best approximation of all scores in fewer dimensions.

use faer::Mat;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::unite::Tables;
use crate::error::TrainError;
use crate::models::FitData;
use crate::models::als::blocks;
use crate::models::als::solve::weight;
use crate::models::als::start::centred;

/// Directions whose part is smaller hold nothing but rounding.
const LEAST_PART: f64 = 1e-12;
/// Steps of subspace iteration: copies of one model agree, so what they have in common stands out soon.
const STEPS: usize = 4;
/// Directions beyond those wanted, so that an unlucky start cannot hide one that is wanted.
const SPARE: usize = 16;

/// Of all vectors of `dim` dimensions those whose inner products have the least squared error over all rows and products,
/// where a product counts by its weight in `data` and one more, because what is popular makes up the tops of lists.
///
/// That is a truncated singular value decomposition (Eckart and Young 1936) of scores that are never written out, by subspace
/// iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4): for the wide tables `U` and `V`, `A = UᵀU` and the weighted `B = VᵀV`,
/// a step takes right singular vectors `V C` to `V A B C`, and `Cᵀ B C` tells how they stand to each other.
///
/// # Errors
/// When vectors are not finite.
pub(super) fn narrow(data: &FitData<'_>, wide: &Tables, dim: usize) -> Result<Tables, TrainError> {
    let by_column = data.interactions.transpose();
    let mut weighed = wide.products.clone();
    for (product, vector) in weighed.chunks_exact_mut(wide.dim).enumerate() {
        let root = (weight(&by_column, product) + 1.0).sqrt() as f32;
        vector.iter_mut().for_each(|cell| *cell *= root);
    }
    let (of_rows, of_products) = (blocks::gram(&wide.rows, wide.dim), blocks::gram(&weighed, wide.dim));
    let bases = bases(&of_rows, &of_products, dim, data.seed);
    let (of_rows, of_products) = bases.ok_or_else(|| TrainError::Diverged {
        model: "ensemble",
        pass: 0,
        cause: "a vector of a part is not finite".to_owned(),
        mend: "leave the part out",
    })?;
    let rows = blocks::times_all(&wide.rows, &of_rows);
    Ok(Tables { rows, products: blocks::times_all(&wide.products, &of_products), dim })
}

/// The matrices `(wide, dim)` that take wide vectors of rows and of products to narrow ones, for the Gram matrices of both;
/// `None` where these are not finite.
fn bases(of_rows: &Mat<f64>, of_products: &Mat<f64>, dim: usize, seed: u64) -> Option<(Mat<f32>, Mat<f32>)> {
    let wide = of_rows.nrows();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut basis = Mat::from_fn(wide, wide.min(dim + SPARE), |_, _| f64::from(centred(&mut rng)));
    for _ in 0..STEPS {
        basis = of_rows * (of_products * orthonormal(basis, of_products)?);
    }
    let basis = orthonormal(basis, of_products)?;
    let scores = of_products * &basis;
    // The best of the subspace (Rayleigh and Ritz).
    let (squares, axes) = blocks::eigen_of(&(scores.transpose() * of_rows * &scores))?;
    let mut order: Vec<usize> = (0..squares.len()).collect();
    order.sort_by(|&a, &b| squares[b].total_cmp(&squares[a]));
    let leading = |power: f64| {
        let powers = powers(&squares, power);
        let cell = |row: usize, at: &usize| axes[(row, *at)] * powers[*at];
        Mat::from_fn(order.len(), dim, |row, place| order.get(place).map_or(0.0, |at| cell(row, at)))
    };
    // Each side gets the root of a singular value, which is the root of an eigenvalue.
    let (of_rows, of_products) = (scores * leading(-0.25), basis * leading(0.25));
    let single = |wide: Mat<f64>| Mat::from_fn(wide.nrows(), wide.ncols(), |row, column| wide[(row, column)] as f32);
    Some((single(of_rows), single(of_products)))
}

/// The same directions, which `products · basis` has orthonormal; those that hold nothing become zero.
fn orthonormal(basis: Mat<f64>, of_products: &Mat<f64>) -> Option<Mat<f64>> {
    let (lengths, directions) = blocks::eigen_of(&(basis.transpose() * of_products * &basis))?;
    let inverse = powers(&lengths, -0.5);
    let scaled = Mat::from_fn(directions.nrows(), directions.ncols(), |row, at| directions[(row, at)] * inverse[at]);
    Some(basis * scaled)
}

/// Each value to that power; 0 for what is only rounding.
fn powers(values: &[f64], power: f64) -> Vec<f64> {
    let least = values.iter().copied().fold(0.0, f64::max) * LEAST_PART;
    values.iter().map(|&value| if value > least { value.powf(power) } else { 0.0 }).collect()
}
