//! Randomness by counter: every user, product and purpose has its own stream, so order and threads do not matter.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of randomness is for; streams of different purposes are independent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Categories = 1,
    Brands,
    Community,
    Person,
    Circle,
    Seller,
    Product,
    Popularity,
    Places,
    Teams,
    Events,
    Block,
    Chance,
    Delivery,
}

/// The stream of `purpose` for the thing with number `index`.
pub(super) fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(mix(mix(seed ^ mix(purpose as u64)) ^ index))
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that scatters neighbours.
pub(super) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A number in `0..1` that belongs to a key.
pub(super) fn share_of(key: u64) -> f64 {
    (mix(key) >> 11) as f64 / (1u64 << 53) as f64
}

/// Standard normal: the sum of four uniform numbers, scaled. Light tails are wanted here, and it is quick.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random::<f32>()).sum();
    (sum - 2.0) * 1.732_050_8
}

/// Log-normal of median 1.
pub(super) fn log_normal(rng: &mut ChaCha8Rng, sigma: f32) -> f32 {
    (normal(rng) * sigma).exp()
}

/// `true` with probability `p`.
pub(super) fn happens(rng: &mut ChaCha8Rng, p: f32) -> bool {
    rng.random::<f32>() < p
}

/// A whole number with mean `mean`: the nearest two below and above.
pub(super) fn rounded(rng: &mut ChaCha8Rng, mean: f32) -> u32 {
    let whole = mean.max(0.0).floor();
    whole as u32 + u32::from(happens(rng, mean - whole))
}

/// A number in `0..n`; `0` where `n` is 0.
pub(super) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((f64::from(rng.random::<u32>()) / 4_294_967_296.0) * n as f64) as usize
}

/// The place of one weight, drawn in proportion; `None` where no weight is positive.
pub(super) fn weighted(rng: &mut ChaCha8Rng, weights: &[f32]) -> Option<usize> {
    let total: f32 = weights.iter().sum();
    let mut left = rng.random::<f32>() * total;
    let mut last = None;
    for (place, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            last = Some(place);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}
