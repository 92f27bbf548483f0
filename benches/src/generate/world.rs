//! One world of topics and clusters, and how a row or a query is drawn from it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Plan, Shape};

/// Dimensions that matter, where there are as many.
const LATENT: usize = 22;
/// Axis `i` is weaker than the first by `(1 + i)` to this power.
const AXIS_DECAY: f32 = -0.3;
const TOPICS: usize = 64;
/// How far apart topics lie, clusters of a topic, and rows of a cluster at least and at most.
const TOPIC_SPREAD: f32 = 0.8;
const CLUSTER_SPREAD: f32 = 0.8;
const ROW_SPREAD: std::ops::Range<f32> = 0.35..0.8;
/// Rows of a cluster on average, and bounds of the number of clusters.
const ROWS_A_CLUSTER: usize = 100;
const CLUSTERS: (usize, usize) = (16, 20_000);
/// The cluster of rank `i` has a share proportional to `(1 + i)` to this power.
const SIZE_DECAY: f64 = -0.9;
/// Noise in every dimension.
const NOISE: f32 = 0.1;
/// Standard deviation of the logarithm of lengths, for [`Shape::Norms`]: 98 % of them within a factor of 10.
const LENGTH_SPREAD: f32 = 0.5;

pub(super) struct World {
    shape: Shape,
    latent: usize,
    /// `(latent, dim)`: orthogonal axes, the first the longest.
    axes: Vec<f32>,
    /// `(clusters, latent)`.
    centres: Vec<f32>,
    spreads: Vec<f32>,
    /// Share of the clusters up to and with each.
    cumulative: Vec<f64>,
}

impl World {
    pub(super) fn new(plan: &Plan, random: &mut ChaCha8Rng) -> Self {
        let latent = LATENT.min(plan.dim);
        let clusters = (plan.rows / ROWS_A_CLUSTER).clamp(CLUSTERS.0, CLUSTERS.1);
        let axes = axes(latent, plan.dim, random);
        let topics = normals(TOPICS * latent, TOPIC_SPREAD, random);
        let mut centres = normals(clusters * latent, CLUSTER_SPREAD, random);
        for centre in centres.chunks_exact_mut(latent) {
            let topic = random.random_range(0..TOPICS) * latent;
            centre.iter_mut().zip(&topics[topic..]).for_each(|(value, topic)| *value += topic);
        }
        let spreads = (0..clusters).map(|_| random.random_range(ROW_SPREAD)).collect();
        let mut sum = 0.0;
        let mut share = |rank: usize| {
            sum += (1.0 + rank as f64).powf(SIZE_DECAY);
            sum
        };
        let cumulative = (0..clusters).map(&mut share).collect();
        Self { shape: plan.shape, latent, axes, centres, spreads, cumulative }
    }

    pub(super) fn row(&self, random: &mut ChaCha8Rng, out: &mut [f32]) {
        let mut taste = [0.0; LATENT];
        match self.shape {
            Shape::Uniform => taste.fill_with(|| normal(random)),
            Shape::Clustered | Shape::Norms => self.add_taste(1.0, &mut taste, random),
        }
        let length = match self.shape {
            Shape::Norms => (LENGTH_SPREAD * normal(random)).exp(),
            Shape::Clustered | Shape::Uniform => 1.0,
        };
        self.place(&taste, length, random, out);
    }

    pub(super) fn query(&self, random: &mut ChaCha8Rng, out: &mut [f32]) {
        let mut taste = [0.0; LATENT];
        match self.shape {
            Shape::Uniform => taste.fill_with(|| normal(random)),
            Shape::Clustered | Shape::Norms => {
                let tastes = random.random_range(1..=3);
                // Exponential variables over their sum are uniform among all blends.
                let weights: Vec<f32> = (0..tastes).map(|_| -open_unit(random).ln()).collect();
                let sum: f32 = weights.iter().sum();
                weights.iter().for_each(|weight| self.add_taste(weight / sum, &mut taste, random));
            }
        }
        self.place(&taste, 1.0, random, out);
    }

    /// Adds `weight` times a point of a cluster, drawn by the clusters' sizes.
    fn add_taste(&self, weight: f32, taste: &mut [f32; LATENT], random: &mut ChaCha8Rng) {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let at = random.random::<f64>() * total;
        let cluster = self.cumulative.partition_point(|&end| end <= at).min(self.spreads.len() - 1);
        let centre = &self.centres[cluster * self.latent..(cluster + 1) * self.latent];
        for (value, centre) in taste.iter_mut().zip(centre) {
            *value += weight * (centre + self.spreads[cluster] * normal(random));
        }
    }

    /// From the few dimensions to all of them, with noise, at the given length.
    fn place(&self, taste: &[f32; LATENT], length: f32, random: &mut ChaCha8Rng, out: &mut [f32]) {
        out.fill_with(|| NOISE * normal(random));
        for (weight, axis) in taste.iter().zip(self.axes.chunks_exact(out.len())) {
            out.iter_mut().zip(axis).for_each(|(value, axis)| *value += weight * axis);
        }
        let squared: f64 = out.iter().map(|&value| f64::from(value).powi(2)).sum();
        let scale = (f64::from(length) / squared.sqrt().max(f64::MIN_POSITIVE)) as f32;
        out.iter_mut().for_each(|value| *value *= scale);
    }
}

/// Random orthogonal axes by Gram and Schmidt, each weaker than the one before.
fn axes(latent: usize, dim: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let mut axes = normals(latent * dim, 1.0, random);
    for at in 0..latent {
        let (before, rest) = axes.split_at_mut(at * dim);
        let axis = &mut rest[..dim];
        for (rank, other) in before.chunks_exact(dim).enumerate() {
            let along: f32 = axis.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() / strength(rank).powi(2);
            axis.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
        }
        let length = axis.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        axis.iter_mut().for_each(|value| *value *= strength(at) / length);
    }
    axes
}

fn strength(rank: usize) -> f32 {
    (1.0 + rank as f32).powf(AXIS_DECAY)
}

fn normals(count: usize, spread: f32, random: &mut ChaCha8Rng) -> Vec<f32> {
    (0..count).map(|_| spread * normal(random)).collect()
}

/// A standard normal variable (Box & Muller 1958).
fn normal(random: &mut ChaCha8Rng) -> f32 {
    (-2.0 * open_unit(random).ln()).sqrt() * (std::f32::consts::TAU * random.random::<f32>()).cos()
}

/// Above 0 and at most 1, so that its logarithm is finite.
fn open_unit(random: &mut ChaCha8Rng) -> f32 {
    1.0 - random.random::<f32>()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn axes_are_orthogonal_and_weaken() {
        let (latent, dim) = (6, 9);
        let axes = axes(latent, dim, &mut ChaCha8Rng::seed_from_u64(5));
        let rows: Vec<&[f32]> = axes.chunks_exact(dim).collect();
        for (i, one) in rows.iter().enumerate() {
            for (j, other) in rows.iter().enumerate() {
                let dot: f32 = one.iter().zip(*other).map(|(a, b)| a * b).sum();
                let wanted = if i == j { strength(i).powi(2) } else { 0.0 };
                assert!((dot - wanted).abs() < 1e-4, "{i} and {j}: {dot}");
            }
        }
    }

    #[test]
    fn normals_have_mean_0_and_variance_1() {
        let drawn = normals(20_000, 1.0, &mut ChaCha8Rng::seed_from_u64(6));
        let mean = drawn.iter().sum::<f32>() / drawn.len() as f32;
        let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / drawn.len() as f32;
        // Four standard errors: 1/√n of the mean, √(2/n) of the variance.
        assert!(mean.abs() < 0.029 && (variance - 1.0).abs() < 0.04, "{mean} and {variance}");
    }
}
