//! Logistic regression by Newton's method, pulled towards given weights; a dozen features, exact and deterministic.

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Example<const N: usize> {
    /// What is known; a constant 1 among them makes an intercept.
    pub features: [f32; N],
    /// What happened.
    pub positive: bool,
}

/// Newton steps after which the fit is taken as it is; it converges in about eight.
const MOST_STEPS: usize = 30;

/// Weights `w` that minimise `Σ log(1 + e^-±w·x) + pull/2 · |w − towards|²`.
///
/// Each Newton step (iteratively reweighted least squares: Hastie, Tibshirani, Friedman, *The Elements of Statistical
/// Learning*, §4.4.1) is halved until the objective falls, so the fit cannot diverge, whatever the data.
pub fn fit_logistic<const N: usize>(examples: &[Example<N>], towards: [f64; N], pull: f64) -> [f64; N] {
    let mut weights = towards;
    let mut loss = objective(examples, &weights, &towards, pull);
    for _ in 0..MOST_STEPS {
        let step = newton_step(examples, &weights, &towards, pull);
        let Some((better, lower)) = search(examples, &weights, &step, loss, &towards, pull) else { break };
        let gain = loss - lower;
        (weights, loss) = (better, lower);
        if gain <= 1e-9 * loss.abs() {
            break;
        }
    }
    weights
}

/// The longest of the step's halves that lowers the objective, and the objective there.
fn search<const N: usize>(
    examples: &[Example<N>],
    weights: &[f64; N],
    step: &[f64; N],
    loss: f64,
    towards: &[f64; N],
    pull: f64,
) -> Option<([f64; N], f64)> {
    let mut length = 1.0;
    for _ in 0..20 {
        let tried = std::array::from_fn(|at| weights[at] + length * step[at]);
        let lower = objective(examples, &tried, towards, pull);
        if lower < loss {
            return Some((tried, lower));
        }
        length /= 2.0;
    }
    None
}

fn log_odds<const N: usize>(weights: &[f64; N], features: &[f32; N]) -> f64 {
    weights.iter().zip(features).map(|(weight, &feature)| weight * f64::from(feature)).sum()
}

fn objective<const N: usize>(examples: &[Example<N>], weights: &[f64; N], towards: &[f64; N], pull: f64) -> f64 {
    let misfit = |example: &Example<N>| {
        let odds = log_odds(weights, &example.features);
        let margin = if example.positive { odds } else { -odds };
        // log(1 + e^-margin), without overflow on either side.
        (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
    };
    let away: f64 = weights.iter().zip(towards).map(|(weight, towards)| (weight - towards).powi(2)).sum();
    examples.iter().map(misfit).sum::<f64>() + pull / 2.0 * away
}

fn newton_step<const N: usize>(examples: &[Example<N>], weights: &[f64; N], towards: &[f64; N], pull: f64) -> [f64; N] {
    let mut gradient: [f64; N] = std::array::from_fn(|at| pull * (towards[at] - weights[at]));
    let mut curvature = [[0.0; N]; N];
    for (at, row) in curvature.iter_mut().enumerate() {
        row[at] = pull;
    }
    for example in examples {
        let chance = 1.0 / (1.0 + (-log_odds(weights, &example.features)).exp());
        let surprise = f64::from(u8::from(example.positive)) - chance;
        let certainty = chance * (1.0 - chance);
        for (left, row) in curvature.iter_mut().enumerate() {
            let feature = f64::from(example.features[left]);
            gradient[left] += surprise * feature;
            for (right, cell) in row.iter_mut().enumerate().take(left + 1) {
                *cell += certainty * feature * f64::from(example.features[right]);
            }
        }
    }
    solve(curvature, gradient)
}

/// Solves `matrix · x = right` for a positive definite matrix given by its lower triangle, by Cholesky decomposition.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for row in 0..N {
        for column in 0..=row {
            let dot: f64 = (0..column).map(|at| matrix[row][at] * matrix[column][at]).sum();
            let rest = matrix[row][column] - dot;
            matrix[row][column] = if row == column { rest.max(1e-12).sqrt() } else { rest / matrix[column][column] };
        }
    }
    for row in 0..N {
        let dot: f64 = (0..row).map(|at| matrix[row][at] * right[at]).sum();
        right[row] = (right[row] - dot) / matrix[row][row];
    }
    for row in (0..N).rev() {
        let dot: f64 = (row + 1..N).map(|at| matrix[at][row] * right[at]).sum();
        right[row] = (right[row] - dot) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    //! 1. Without examples the given weights come back.
    //! 2. Planted weights are found again.
    //! 3. Data that a line separates, and huge features, give finite weights.

    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn uniform(rng: &mut ChaCha8Rng) -> f64 {
        f64::from(rng.next_u32()) / f64::from(u32::MAX)
    }

    #[test]
    fn nothing_learnt_from_nothing() {
        assert_eq!(fit_logistic::<2>(&[], [1.5, -3.0], 1.0), [1.5, -3.0]);
    }

    #[test]
    fn planted_weights_are_found_again() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let planted = [2.0, -1.0, 0.5];
        let examples: Vec<Example<3>> = (0..40_000)
            .map(|_| {
                let features = [(uniform(&mut rng) * 2.0 - 1.0) as f32, uniform(&mut rng) as f32, 1.0];
                let chance = 1.0 / (1.0 + (-log_odds(&planted, &features)).exp());
                Example { features, positive: uniform(&mut rng) < chance }
            })
            .collect();
        for (found, planted) in fit_logistic(&examples, [0.0; 3], 0.01).iter().zip(planted) {
            assert!((found - planted).abs() < 0.1, "{found} against {planted}");
        }
    }

    #[test]
    fn separable_and_huge_data_stay_finite() {
        let examples: Vec<Example<2>> =
            (0..100).map(|at| Example { features: [(at as f32 - 49.5) * 1e6, 1.0], positive: at >= 50 }).collect();
        let fitted = fit_logistic(&examples, [0.0; 2], 1.0);
        assert!(fitted.iter().all(|weight| weight.is_finite()) && fitted[0] > 0.0);
    }
}
