//! Half precision against its definition.

use proptest::prelude::*;

use crate::index::kernels::half::{from_f32, to_f32};

/// Bits of the largest finite half.
const LARGEST: u16 = 0x7bff;

/// The definition of binary16.
fn defined(half: u16) -> f64 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 0x1f), f64::from(half & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2.0f64.powi(-14),
        _ => sign * (1.0 + fraction) * 2.0f64.powi(exponent - 15),
    }
}

/// The nearest finite half, of two the even one: halves rise with their bits.
fn nearest(value: f32) -> u16 {
    let size = f64::from(value.abs());
    let (mut below, mut above) = (0u16, LARGEST);
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if defined(middle) <= size { below = middle } else { above = middle }
    }
    let (down, up) = (size - defined(below), defined(above) - size);
    let chosen = if up < down || (up == down && above % 2 == 0) { above } else { below };
    chosen | if value.is_sign_negative() { 0x8000 } else { 0 }
}

#[test]
fn every_half_comes_back() {
    for half in (0..=LARGEST).flat_map(|half| [half, half | 0x8000]) {
        let value = to_f32(half);
        assert_eq!(f64::from(value), defined(half), "{half:#06x}");
        assert_eq!(value.is_sign_negative(), half >> 15 == 1, "{half:#06x}");
        assert_eq!(from_f32(value), half, "{half:#06x}");
    }
    for half in (LARGEST + 1..0x8000).flat_map(|half| [half, half | 0x8000]) {
        let value = to_f32(half);
        assert!(if half & 0x3ff == 0 { value.is_infinite() } else { value.is_nan() }, "{half:#06x} is {value}");
        assert_eq!(value.is_sign_negative(), half >> 15 == 1, "{half:#06x}");
    }
}

#[test]
fn values_between_two_halves_go_to_the_nearer_and_ties_to_the_even_one() {
    for half in 0..LARGEST {
        let middle = ((defined(half) + defined(half + 1)) / 2.0) as f32;
        for bits in middle.to_bits() - 1..=middle.to_bits() + 1 {
            let value = f32::from_bits(bits);
            assert_eq!(from_f32(value), nearest(value), "{value:e}");
            assert_eq!(from_f32(-value), nearest(-value), "{value:e}");
        }
    }
}

#[test]
fn too_large_values_become_the_largest_half() {
    for value in [65_504.0, 65_519.9, 65_520.0, 1e6, f32::MAX] {
        assert_eq!((from_f32(value), from_f32(-value)), (LARGEST, LARGEST | 0x8000));
    }
}

proptest! {
    #[test]
    fn any_value_goes_to_the_nearest_half(bits in any::<u32>(), small in -1.0f32..1.0, size in -30i32..18) {
        for value in [f32::from_bits(bits), small * 2.0f32.powi(size)] {
            if value.is_finite() {
                prop_assert_eq!(from_f32(value), nearest(value), "{:e}", value);
            }
        }
    }
}
