//! The principal axes of the product vectors, with which folding in a few events takes no cubic solve.
//!
//! With `G = Σ y yᵀ = A · diag(l) · Aᵀ` the equation of [`fold`](super::fold()) is diagonal but for its events,
//! `(D + Y W Yᵀ) x = b` with `D = h·(w0·l + λ)`, and solved by (Woodbury 1950, "Inverting Modified Matrices")
//!
//! ```text
//! x = D⁻¹b - D⁻¹Y (W⁻¹ + Yᵀ D⁻¹ Y)⁻¹ Yᵀ D⁻¹ b
//! ```

use super::{Base, Pull, solve};
use crate::vectors::{add_scaled, dot as dot_f32};

/// Axes and the sums of squares along them.
#[derive(Debug, Clone, PartialEq)]
pub struct Axes {
    /// `(dim, dim)` row-major: a unit vector in each row, orthogonal to the others.
    pub directions: Vec<f32>,
    /// `dim` numbers, at least 0: `Σ (y · axis)²` over all products.
    pub squares: Vec<f32>,
}

/// Turns after which axes are as exact as numbers are.
const MOST_SWEEPS: usize = 30;
/// Cosine of two rows that counts as none.
const EXACT: f64 = 1e-11;

impl Axes {
    /// The axes of a Gram matrix, `(dim, dim)` row-major, by the one-sided method of Jacobi (Hestenes 1958, "Inversion of
    /// Matrices by Biorthogonalization and Related Results"), in `f64`: rows of `Aᵀ G` are turned in pairs until all are
    /// orthogonal. Cost: some ten times `5 · dim³`; made once for a bundle.
    ///
    /// # Panics
    /// If the matrix is not square.
    pub fn of(gram: &[f32], dim: usize) -> Self {
        assert_eq!(gram.len(), dim * dim, "Gram matrix of {dim} dimensions");
        let mut rows: Vec<f64> = gram.iter().map(|&value| f64::from(value)).collect();
        let mut axes = vec![0f64; dim * dim];
        (0..dim).for_each(|at| axes[at * dim + at] = 1.0);
        let size: f64 = dot(&rows, &rows);
        for _ in 0..MOST_SWEEPS {
            let mut turned = false;
            for late in 1..dim {
                for early in 0..late {
                    turned |= turn(&mut rows, &mut axes, dim, (early, late), size);
                }
            }
            if !turned {
                break;
            }
        }
        let along = |(row, axis): (&[f64], &[f64])| dot(row, axis).max(0.0) as f32;
        let squares = rows.chunks_exact(dim.max(1)).zip(axes.chunks_exact(dim.max(1))).map(along).collect();
        Self { directions: axes.into_iter().map(|value| value as f32).collect(), squares }
    }
}

/// Turns two rows and their axes so that the rows are orthogonal; `false` where they were.
fn turn(rows: &mut [f64], axes: &mut [f64], dim: usize, (early, late): (usize, usize), size: f64) -> bool {
    let (p, q) = (&rows[early * dim..(early + 1) * dim], &rows[late * dim..(late + 1) * dim]);
    let (pp, qq, pq) = (dot(p, p), dot(q, q), dot(p, q));
    if pq.abs() <= EXACT * (pp * qq).sqrt() || pq.abs() <= f64::EPSILON.powi(2) * size {
        return false;
    }
    let half = (qq - pp) / (2.0 * pq);
    let tangent = half.signum() / (half.abs() + half.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    for table in [rows, axes] {
        let (before, after) = table.split_at_mut(late * dim);
        let (p, q) = (&mut before[early * dim..(early + 1) * dim], &mut after[..dim]);
        for (p, q) in p.iter_mut().zip(q) {
            (*p, *q) = (cosine * (*p - tangent * *q), cosine * (tangent * *p + *q));
        }
    }
    true
}

/// Inner product, in lanes that compilers make vectors of.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    let mut sums = [0f64; 8];
    for (left, right) in left.iter().zip(right) {
        (0..8).for_each(|lane| sums[lane] += left[lane] * right[lane]);
    }
    sums.iter().sum::<f64>() + left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum::<f64>()
}

/// Axes wherever they lie, see [`Axes`].
#[derive(Debug, Clone, Copy)]
pub struct AxesView<'a> {
    /// `(dim, dim)` row-major.
    pub directions: &'a [f32],
    /// `dim` numbers.
    pub squares: &'a [f32],
}

impl Axes {
    /// What [`fold`](super::fold) needs of them.
    pub fn view(&self) -> AxesView<'_> {
        AxesView { directions: &self.directions, squares: &self.squares }
    }
}

impl AxesView<'_> {
    /// Whether a solve along the axes is less work than the cubic one.
    pub(super) fn pay(&self, events: usize) -> bool {
        events <= self.squares.len() / 2
    }

    /// The solution of the equation; none where it has no finite one.
    pub(super) fn solve(&self, base: Base<'_>, events: &[Pull<'_>]) -> Option<Vec<f32>> {
        let (dim, count) = (self.squares.len(), events.len());
        let along: Vec<f32> = events.iter().flat_map(|event| self.along(event.vector)).collect();
        let along: Vec<&[f32]> = along.chunks_exact(dim).collect();
        let inverse: Vec<f64> =
            self.squares.iter().map(|&squares| (base.unobserved * f64::from(squares) + base.pull).recip()).collect();
        let mut right = vec![0f64; dim];
        if let Some(towards) = base.towards {
            let towards = self.along(towards);
            right.iter_mut().zip(towards).for_each(|(right, value)| *right = base.pull * f64::from(value));
        }
        for (event, along) in events.iter().zip(&along) {
            let weight = event.weight * event.missing;
            right.iter_mut().zip(*along).for_each(|(right, &value)| *right += weight * f64::from(value));
        }
        let mut answer: Vec<f64> = right.iter().zip(&inverse).map(|(right, inverse)| right * inverse).collect();
        let mut left = vec![0f64; count * count];
        let mut small = vec![0f64; count];
        for (row, one) in along.iter().enumerate() {
            let scaled: Vec<f64> =
                one.iter().zip(&inverse).map(|(&value, inverse)| f64::from(value) * inverse).collect();
            for (column, other) in along[..=row].iter().enumerate() {
                left[row * count + column] = scaled.iter().zip(*other).map(|(a, &b)| a * f64::from(b)).sum();
            }
            left[row * count + row] += events[row].weight.recip();
            small[row] = one.iter().zip(&answer).map(|(&a, b)| f64::from(a) * b).sum();
        }
        solve(&mut left, &mut small)?;
        for (along, factor) in along.iter().zip(small) {
            let moved = answer.iter_mut().zip(*along).zip(&inverse);
            moved.for_each(|((answer, &value), inverse)| *answer -= inverse * factor * f64::from(value));
        }
        let mut vector = vec![0f32; dim];
        for (axis, &value) in self.directions.chunks_exact(dim).zip(&answer) {
            add_scaled(&mut vector, value as f32, axis);
        }
        vector.iter().all(|value| value.is_finite()).then_some(vector)
    }

    fn along(&self, vector: &[f32]) -> Vec<f32> {
        self.directions.chunks_exact(vector.len()).map(|axis| dot_f32(axis, vector)).collect()
    }
}

#[cfg(test)]
mod tests {
    //! Axes are orthogonal unit vectors that give the matrix back, also where it is singular.

    use super::*;

    fn check(products: &[Vec<f32>], dim: usize) {
        let cell = |at: usize| products.iter().map(|y| y[at / dim] * y[at % dim]).sum::<f32>();
        let gram: Vec<f32> = (0..dim * dim).map(cell).collect();
        let Axes { directions, squares } = Axes::of(&gram, dim);
        let axis = |at: usize| &directions[at * dim..(at + 1) * dim];
        let size = gram.iter().fold(1e-3f32, |most, value| most.max(value.abs()));
        for row in 0..dim {
            for column in 0..dim {
                let product: f32 = axis(row).iter().zip(axis(column)).map(|(a, b)| a * b).sum();
                assert!((product - if row == column { 1.0 } else { 0.0 }).abs() < 1e-5, "{row} {column}: {product}");
                let back: f32 = (0..dim).map(|at| squares[at] * axis(at)[row] * axis(at)[column]).sum();
                assert!((back - gram[row * dim + column]).abs() < 1e-5 * size, "{row} {column}: {back}");
            }
        }
        assert!(squares.iter().all(|&square| square >= 0.0));
    }

    #[test]
    fn axes_give_the_matrix_back() {
        let value = |at: usize| ((at * 37 + at * at * 11) % 101) as f32 / 50.0 - 1.0;
        let products = |count: usize, dim: usize| -> Vec<Vec<f32>> {
            (0..count).map(|row| (0..dim).map(|at| value(row * dim + at)).collect()).collect()
        };
        check(&products(40, 24), 24);
        check(&products(3, 9), 9);
        check(&products(0, 4), 4);
        check(&[vec![1.0, 1.0], vec![1.0, 1.0]], 2);
        check(&[vec![2.0]], 1);
        assert!(Axes::of(&[], 0).squares.is_empty());
    }
}
