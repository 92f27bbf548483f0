//! Kernels against the reference, and the reference against slow obvious code.

mod half;
mod push;
mod scores;
mod sets;

use proptest::prelude::*;

/// Values of many sizes, none so large that a sum of products overflows: plain ones, both ends of what a byte codes,
/// nothing, denormals, tiny and huge ones.
fn vector(dim: usize) -> impl Strategy<Value = Vec<f32>> {
    let values = |value: BoxedStrategy<f32>| prop::collection::vec(value, dim);
    let ends = prop_oneof![Just(-1.0f32), Just(1.0)].boxed();
    prop_oneof![
        4 => values((-1.0f32..1.0).boxed()),
        1 => values(ends),
        1 => values(Just(0.0).boxed()),
        1 => values((-1e-40f32..1e-40).boxed()),
        1 => values((-1e-6f32..1e-6).boxed()),
        1 => values((-1e17f32..1e17).boxed()),
    ]
}
