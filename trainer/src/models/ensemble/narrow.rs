//! The best approximation of all scores in fewer dimensions.

use faer::Mat;

use super::unite::Tables;
use crate::error::TrainError;
use crate::models::FitData;
use crate::models::als::blocks;
use crate::models::als::solve::weight;

/// Directions whose part is smaller hold nothing but rounding.
const LEAST_PART: f64 = 1e-9;

/// Of all vectors of `dim` dimensions those whose inner products have the least squared error over all rows and products,
/// where a product counts by its weight in `data` and one more, because what is popular makes up the tops of lists.
///
/// That is a truncated singular value decomposition (Eckart and Young 1936) of scores that are never written out: for the
/// wide tables `U` and `V`, `A = UᵀU` and the weighted `B = VᵀV`, its right singular vectors are `V B^-½ Q` with the eigenvectors `Q`
/// of `B^½ A B^½`.
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
    let bases = bases(&blocks::gram(&wide.rows, wide.dim), &blocks::gram(&weighed, wide.dim), dim);
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
fn bases(of_rows: &Mat<f64>, of_products: &Mat<f64>, dim: usize) -> Option<(Mat<f32>, Mat<f32>)> {
    let wide = of_rows.nrows();
    let (lengths, directions) = blocks::eigen_of(of_products)?;
    let power = |power: f64| {
        let powers = powers(&lengths, power);
        let scaled = Mat::from_fn(wide, wide, |row, at| directions[(row, at)] * powers[at]);
        scaled * directions.transpose()
    };
    let (root, inverse) = (power(0.5), power(-0.5));
    let (squares, axes) = blocks::eigen_of(&(&root * of_rows * &root))?;
    let mut order: Vec<usize> = (0..wide).collect();
    order.sort_by(|&a, &b| squares[b].total_cmp(&squares[a]));
    let leading = |power: f64| {
        let powers = powers(&squares, power);
        Mat::from_fn(wide, dim, |row, place| axes[(row, order[place])] * powers[order[place]])
    };
    // Each side gets the root of a singular value, which is the root of an eigenvalue.
    let (of_rows, of_products) = (&root * leading(-0.25), &inverse * leading(0.25));
    let single = |wide: Mat<f64>| Mat::from_fn(wide.nrows(), wide.ncols(), |row, column| wide[(row, column)] as f32);
    Some((single(of_rows), single(of_products)))
}

/// Each value to that power; 0 for what is only rounding.
fn powers(values: &[f64], power: f64) -> Vec<f64> {
    let least = values.iter().copied().fold(0.0, f64::max) * LEAST_PART;
    values.iter().map(|&value| if value > least { value.powf(power) } else { 0.0 }).collect()
}
