//! The discrete Laplace distribution, sampled exactly: Canonne, Kamath & Steinke 2020, "The Discrete Gaussian for
//! Differential Privacy" (arXiv 2004.00010), algorithms 1 and 2.
//!
//! ```text
//! P(y) = (1 − p) / (1 + p) · p^|y|      p = exp(−1 / scale)      scale a fraction of whole numbers
//! ```
//! A sampler that computes with floating point reaches some values from one true count only, and so tells the count
//! (Mironov 2012, "On significance of the least significant bits for differential privacy"). Here only whole numbers are
//! drawn, compared and divided; floating point is left to the widths of error bars, which depend on no data.

use rand::Rng;

/// Whole numbers around zero, of a scale that is a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DiscreteLaplace {
    numerator: u32,
    denominator: u32,
}

impl DiscreteLaplace {
    /// The distribution of scale `numerator / denominator`.
    ///
    /// # Panics
    /// If one of the two is 0.
    pub(super) fn new(numerator: u32, denominator: u32) -> Self {
        assert!(numerator > 0 && denominator > 0, "scale {numerator}/{denominator}");
        Self { numerator, denominator }
    }

    /// One number, by algorithm 2 of the paper.
    pub(super) fn sample(&self, random: &mut impl Rng) -> i64 {
        let (numerator, denominator) = (u64::from(self.numerator), u64::from(self.denominator));
        loop {
            let rest = below(numerator, random);
            if !happens(rest, numerator, random) {
                continue;
            }
            let mut wholes = 0;
            while happens(1, 1, random) {
                wholes += 1;
            }
            let magnitude = (rest + numerator * wholes) / denominator;
            let negative = below(2, random) == 1;
            // Zero would come twice as often, once with each sign.
            if negative && magnitude == 0 {
                continue;
            }
            // No more than 2^32 · (wholes + 1), and 2^30 wholes in a row have the chance exp(−2^30).
            let magnitude = magnitude as i64;
            return if negative { -magnitude } else { magnitude };
        }
    }

    /// The smallest `m` with `P(y ≥ m) ≤ chance`.
    pub(super) fn tail(&self, chance: f64) -> i64 {
        // P(y ≥ m) = p^m / (1 + p)
        (-(chance * (1.0 + self.p())).ln() * self.scale()).ceil().max(0.0) as i64
    }

    /// The smallest `h` with `P(|y| > h) ≤ chance`.
    pub(super) fn half_width(&self, chance: f64) -> i64 {
        (self.tail(chance / 2.0) - 1).max(0)
    }

    /// The smallest `h` with `p^h ≤ chance`.
    pub(super) fn steps(&self, chance: f64) -> i64 {
        (-chance.ln() * self.scale()).ceil().max(0.0) as i64
    }

    /// The scale, for widths.
    pub(super) fn scale(&self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    fn p(&self) -> f64 {
        (-1.0 / self.scale()).exp()
    }
}

/// A whole number from 0 to `end - 1`, each with the same chance.
fn below(end: u64, random: &mut impl Rng) -> u64 {
    let mask = end.next_power_of_two() - 1;
    loop {
        let draw = random.next_u64() & mask;
        if draw < end {
            return draw;
        }
    }
}

/// True with the chance `exp(−numerator / denominator)`, by algorithm 1 of the paper; the fraction is at most 1.
fn happens(numerator: u64, denominator: u64, random: &mut impl Rng) -> bool {
    debug_assert!(numerator <= denominator);
    let mut steps = 1;
    // The chance to get to step k is below 1 / (k − 1)!: the product cannot overflow in the life of the universe.
    while below(denominator * steps, random) < numerator {
        steps += 1;
    }
    steps % 2 == 1
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    const SCALES: [(u32, u32); 6] = [(1, 1), (1, 3), (4, 1), (7, 3), (72_000, 12_000), (12_007, 1_000)];
    const SAMPLES: usize = 200_000;

    fn exact(law: &DiscreteLaplace, y: i64) -> f64 {
        let p = law.p();
        (1.0 - p) / (1.0 + p) * p.powi(y.unsigned_abs() as i32)
    }

    /// Pearson's statistic over the values that come at least 25 times, the two tails each one more, and their number less one.
    fn chi_square(law: &DiscreteLaplace, samples: &[i64]) -> (f64, f64) {
        let n = samples.len() as f64;
        let reach = (0..).take_while(|&y| exact(law, y) * n >= 25.0).count() as i64 - 1;
        let term = |expected: f64, got: usize| (got as f64 - expected).powi(2) / expected;
        let inner = |y: i64| term(exact(law, y) * n, samples.iter().filter(|&&sample| sample == y).count());
        let beyond = exact(law, reach + 1) / (1.0 - law.p()) * n;
        let above = term(beyond, samples.iter().filter(|&&sample| sample > reach).count());
        let under = term(beyond, samples.iter().filter(|&&sample| sample < -reach).count());
        ((-reach..=reach).map(inner).sum::<f64>() + above + under, (2 * reach + 2) as f64)
    }

    /// The value that a chi-square of `freedom` degrees exceeds about once in a million times (Wilson & Hilferty 1931).
    fn hardly_ever(freedom: f64) -> f64 {
        let part = 2.0 / (9.0 * freedom);
        freedom * (1.0 - part + 4.75 * part.sqrt()).powi(3)
    }

    fn draw(law: DiscreteLaplace, seed: u64) -> Vec<i64> {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        (0..SAMPLES).map(|_| law.sample(&mut random)).collect()
    }

    #[test]
    fn samples_follow_the_distribution() {
        for (seed, (numerator, denominator)) in SCALES.into_iter().enumerate() {
            let law = DiscreteLaplace::new(numerator, denominator);
            let (statistic, freedom) = chi_square(&law, &draw(law, seed as u64));
            assert!(statistic < hardly_ever(freedom), "scale {numerator}/{denominator}: {statistic} of {freedom}");
        }
    }

    /// The test above would notice a scale that is a fiftieth off, zero drawn twice as often, and a sign that is preferred.
    #[test]
    fn samples_of_another_distribution_are_noticed() {
        let law = DiscreteLaplace::new(6, 1);
        let noticed = |samples: &[i64]| {
            let (statistic, freedom) = chi_square(&law, samples);
            statistic > hardly_ever(freedom)
        };
        assert!(!noticed(&draw(law, 1)));
        assert!(noticed(&draw(DiscreteLaplace::new(306, 50), 1)));
        let mut random = ChaCha20Rng::seed_from_u64(1);
        let twice_zero: Vec<i64> =
            draw(law, 1).iter().flat_map(|&y| std::iter::repeat_n(y, 1 + usize::from(y == 0))).collect();
        assert!(noticed(&twice_zero));
        let signed: Vec<i64> =
            draw(law, 1).iter().map(|&y| if below(50, &mut random) == 0 { y.abs() } else { y }).collect();
        assert!(noticed(&signed));
    }

    #[test]
    fn chances_are_exact_at_their_ends_and_between() {
        let mut random = ChaCha20Rng::seed_from_u64(5);
        assert!((0..1_000).all(|_| happens(0, 7, &mut random)), "exp(0) is certain");
        for (numerator, denominator) in [(1, 1), (1, 2), (3, 7), (999, 1_000)] {
            let expected = (-(numerator as f64) / denominator as f64).exp();
            let got = (0..SAMPLES).filter(|_| happens(numerator, denominator, &mut random)).count() as f64;
            let sigma = (expected * (1.0 - expected) / SAMPLES as f64).sqrt();
            assert!((got / SAMPLES as f64 - expected).abs() < 5.0 * sigma, "exp(-{numerator}/{denominator})");
        }
        assert!((0..1_000).all(|_| below(1, &mut random) == 0));
        assert!((0..10_000).all(|_| below(5, &mut random) < 5));
    }

    #[test]
    fn widths_are_the_smallest_that_keep_their_word() {
        for (numerator, denominator) in SCALES {
            let law = DiscreteLaplace::new(numerator, denominator);
            let tail = |m: i64| (m..m + 4_000).map(|y| exact(&law, y)).sum::<f64>();
            for chance in [0.3, 0.05, 1e-3, 1e-7] {
                let (m, h) = (law.tail(chance), law.half_width(chance));
                assert!(
                    tail(m) <= chance * 1.000_001 && (m == 0 || tail(m - 1) > chance * 0.999_999),
                    "{law:?} {chance}"
                );
                assert!(2.0 * tail(h + 1) <= chance * 1.000_001, "{law:?} {chance}");
                assert!(h == 0 || 2.0 * tail(h) > chance * 0.999_999, "{law:?} {chance}");
                let power = |h: i64| law.p().powi(h as i32);
                let steps = law.steps(chance);
                assert!(power(steps) <= chance * 1.000_001 && power(steps - 1) > chance * 0.999_999);
            }
        }
    }
}
