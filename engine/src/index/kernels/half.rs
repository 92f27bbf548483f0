//! Half precision (IEEE 754-2008 binary16) in plain code.

/// The value of a half.
pub(crate) fn to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(half >> 10 & 0x1f), u32::from(half & 0x3ff));
    let magnitude = match exponent {
        0 => return f32::from_bits(sign) + f32::from_bits(sign | 0x3f80_0000) * (fraction as f32 / 16_777_216.0),
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The half nearest to a value, ties to even; too large ones become the largest half, so that scores stay finite.
pub(crate) fn from_f32(value: f32) -> u16 {
    /// Largest finite half.
    const LARGEST: u16 = 0x7bff;
    let sign = (value.to_bits() >> 16 & 0x8000) as u16;
    let size = value.abs();
    if size >= 65_504.0 {
        return sign | LARGEST;
    }
    if size < 6.103_515_6e-5 {
        // Below the smallest normal half, halves are multiples of 2^-24.
        return sign | (size * 16_777_216.0).round_ties_even() as u16;
    }
    let bits = size.to_bits();
    let rounded = bits + 0xfff + (bits >> 13 & 1);
    sign | ((rounded >> 13) - (112 << 10)) as u16
}
