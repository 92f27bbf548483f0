//! Arithmetic on vectors.

mod kernels;
mod paged;

pub use kernels::{dot, dot_scalar};
pub use paged::{PAGE, PagedRows, PagedWriter, paged_bytes, rounded_off};

/// `target += factor · source`.
///
/// # Panics
/// If the two differ in length.
pub fn add_scaled(target: &mut [f32], factor: f32, source: &[f32]) {
    assert_eq!(target.len(), source.len(), "vectors of one length");
    target.iter_mut().zip(source).for_each(|(target, source)| *target += factor * source);
}
