//! The inner product, in the widest instructions that the machine has.
//!
//! | machine | kernel | floats a step |
//! |---|---|---|
//! | x86-64 with AVX-512F | `dot_avx512` | 64, the tail masked |
//! | x86-64 with AVX2 and FMA | `dot_avx2` | 32, then 8, the tail one by one |
//! | AArch64 (NEON is always there) | `dot_neon` | 16, then 4, the tail one by one |
//! | any other | [`dot_scalar`] | 8 lanes that the compiler may vectorise |
//!
//! Kernels add in different orders, so their results differ by rounding: at most about `n · ε · Σ|aᵢ bᵢ|` each
//! (Higham, Accuracy and Stability of Numerical Algorithms, §3.1). On one machine the result is always the same.

#![cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "SIMD intrinsics; every kernel is behind `dot`, which checks lengths and features")
)]

use std::sync::OnceLock;

type Kernel = fn(&[f32], &[f32]) -> f32;

/// Inner product of two vectors of the same length.
///
/// # Panics
/// If the two differ in length.
#[inline]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    static KERNEL: OnceLock<Kernel> = OnceLock::new();
    assert_eq!(left.len(), right.len(), "vectors of one length");
    KERNEL.get_or_init(choose)(left, right)
}

fn choose() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return x86::dot_avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return x86::dot_avx2;
        }
    }
    #[cfg(target_arch = "aarch64")]
    return neon::dot_neon;
    #[cfg(not(target_arch = "aarch64"))]
    dot_scalar
}

/// Inner product without intrinsics: the reference for the kernels.
///
/// # Panics
/// If the two differ in length.
pub fn dot_scalar(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 8;
    assert_eq!(left.len(), right.len(), "vectors of one length");
    let mut sums = [0.0f32; LANES];
    let (left_chunks, left_tail) = left.as_chunks::<LANES>();
    let (right_chunks, right_tail) = right.as_chunks::<LANES>();
    for (a, b) in left_chunks.iter().zip(right_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let tail: f32 = left_tail.iter().zip(right_tail).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + tail
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// Needs AVX-512F: [`super::choose`] hands it out only where that was detected.
    pub(super) fn dot_avx512(left: &[f32], right: &[f32]) -> f32 {
        debug_assert!(is_x86_feature_detected!("avx512f"));
        // SAFETY: chosen only where AVX-512F was detected.
        unsafe { avx512(left, right) }
    }

    #[target_feature(enable = "avx512f")]
    fn avx512(left: &[f32], right: &[f32]) -> f32 {
        let n = left.len().min(right.len());
        let (a, b) = (left.as_ptr(), right.as_ptr());
        let mut sums = [_mm512_setzero_ps(); 4];
        let mut at = 0;
        while at + 64 <= n {
            for (step, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + 16 * step + 16 <= at + 64 <= n`, within both slices; loads may be unaligned.
                let (x, y) =
                    unsafe { (_mm512_loadu_ps(a.add(at + 16 * step)), _mm512_loadu_ps(b.add(at + 16 * step))) };
                *sum = _mm512_fmadd_ps(x, y, *sum);
            }
            at += 64;
        }
        while at < n {
            let mask = if n - at >= 16 { u16::MAX } else { (1u16 << (n - at)) - 1 };
            // SAFETY: the mask keeps the lanes `at..n`, within both slices; masked-out lanes are not read.
            let (x, y) = unsafe { (_mm512_maskz_loadu_ps(mask, a.add(at)), _mm512_maskz_loadu_ps(mask, b.add(at))) };
            sums[0] = _mm512_fmadd_ps(x, y, sums[0]);
            at += 16;
        }
        _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])))
    }

    /// Needs AVX2 and FMA: [`super::choose`] hands it out only where both were detected.
    pub(super) fn dot_avx2(left: &[f32], right: &[f32]) -> f32 {
        debug_assert!(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"));
        // SAFETY: chosen only where AVX2 and FMA were detected.
        unsafe { avx2(left, right) }
    }

    #[target_feature(enable = "avx2,fma")]
    fn avx2(left: &[f32], right: &[f32]) -> f32 {
        let n = left.len().min(right.len());
        let (a, b) = (left.as_ptr(), right.as_ptr());
        let mut sums = [_mm256_setzero_ps(); 4];
        let mut at = 0;
        while at + 32 <= n {
            for (step, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + 8 * step + 8 <= at + 32 <= n`, within both slices; loads may be unaligned.
                let (x, y) = unsafe { (_mm256_loadu_ps(a.add(at + 8 * step)), _mm256_loadu_ps(b.add(at + 8 * step))) };
                *sum = _mm256_fmadd_ps(x, y, *sum);
            }
            at += 32;
        }
        while at + 8 <= n {
            // SAFETY: `at + 8 <= n`, within both slices; loads may be unaligned.
            let (x, y) = unsafe { (_mm256_loadu_ps(a.add(at)), _mm256_loadu_ps(b.add(at))) };
            sums[0] = _mm256_fmadd_ps(x, y, sums[0]);
            at += 8;
        }
        let sum = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
        let mut lanes = [0.0f32; 8];
        // SAFETY: `lanes` has room for eight floats; stores may be unaligned.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
        let tail: f32 = left[at..n].iter().zip(&right[at..n]).map(|(a, b)| a * b).sum();
        lanes.iter().sum::<f32>() + tail
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::*;

    /// NEON is part of every AArch64 that Rust runs on.
    pub(super) fn dot_neon(left: &[f32], right: &[f32]) -> f32 {
        let n = left.len().min(right.len());
        let (a, b) = (left.as_ptr(), right.as_ptr());
        // SAFETY: NEON is always there on AArch64.
        let mut sums = unsafe { [vdupq_n_f32(0.0); 4] };
        let mut at = 0;
        while at + 16 <= n {
            for (step, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + 4 * step + 4 <= at + 16 <= n`, within both slices.
                *sum = unsafe { vfmaq_f32(*sum, vld1q_f32(a.add(at + 4 * step)), vld1q_f32(b.add(at + 4 * step))) };
            }
            at += 16;
        }
        while at + 4 <= n {
            // SAFETY: `at + 4 <= n`, within both slices.
            sums[0] = unsafe { vfmaq_f32(sums[0], vld1q_f32(a.add(at)), vld1q_f32(b.add(at))) };
            at += 4;
        }
        // SAFETY: NEON is always there on AArch64.
        let sum = unsafe { vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3]))) };
        let tail: f32 = left[at..n].iter().zip(&right[at..n]).map(|(a, b)| a * b).sum();
        sum + tail
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kernels() -> Vec<(&'static str, Kernel)> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "only x86-64 has kernels to choose from"))]
        let mut kernels: Vec<(&'static str, Kernel)> = vec![("scalar", dot_scalar), ("chosen", dot)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                kernels.push(("avx512", x86::dot_avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                kernels.push(("avx2", x86::dot_avx2));
            }
        }
        kernels
    }

    /// `n · ε · Σ|aᵢ bᵢ|` bounds the rounding of any order of adding (Higham §3.1); the last term covers underflow.
    fn tolerance(left: &[f32], right: &[f32]) -> f64 {
        let size: f64 = left.iter().zip(right).map(|(&a, &b)| (f64::from(a) * f64::from(b)).abs()).sum();
        let n = left.len() as f64 + 1.0;
        n * f64::from(f32::EPSILON) * size + n * f64::from(f32::MIN_POSITIVE)
    }

    proptest! {
        /// Every kernel agrees with the sum in double precision on any length, tails and odd starts included, for
        /// values tiny and huge.
        #[test]
        fn kernels_agree(pairs in prop::collection::vec((number(), number()), 0..200), start in 0usize..7) {
            let start = start.min(pairs.len());
            let (left, right): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let (left, right) = (&left[start..], &right[start..]);
            let expected: f64 = left.iter().zip(right).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            for (name, kernel) in kernels() {
                let got = f64::from(kernel(left, right));
                prop_assert!((got - expected).abs() <= tolerance(left, right), "{name}: {got} is not {expected}");
            }
        }
    }

    /// Fractions of every magnitude whose products and sums stay finite.
    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![-1.0f32..1.0, -1e17f32..1e17, -1e-30f32..1e-30, Just(0.0f32), Just(-0.0f32)]
    }

    /// Nothing beyond the ends is read into the sum, and nothing before them is left out.
    #[test]
    fn every_element_counts_once() {
        for n in 0..140 {
            let ones = vec![1.0f32; n + 3];
            for (name, kernel) in kernels() {
                assert_eq!(kernel(&ones[1..=n], &ones[2..n + 2]), n as f32, "{name} on {n} ones");
            }
        }
    }

    #[test]
    fn overflow_and_nan_pass_through() {
        for (name, kernel) in kernels() {
            assert_eq!(kernel(&[f32::MAX; 17], &[f32::MAX; 17]), f32::INFINITY, "{name}");
            assert!(kernel(&[f32::NAN; 17], &[1.0; 17]).is_nan(), "{name}");
        }
    }
}
