//! A vector for a user from a prior and a few events, without training: the closed-form fold-in of implicit ALS
//! (Hu, Koren & Volinsky 2008, equation 4), pulled towards the prior instead of towards zero.
//!
//! ```text
//! (h·M + w1·Σ w y yᵀ) (u - prior) = w1·Σ w·max(0, 1 - y·prior)·y        M = w0·G + λ(n)·I,  G = Σ over all products of y yᵀ
//! ```
//! `M` is how sure the equation is of zero before there are events; `h` ([`Prior::hold`]) is how much surer the prior is. So
//! events move a prior only along what they tell, and none pushes it away from its product. Where `h` is 0, the prior
//! stands in the regularisation alone, and products without an event pull it to zero with all else: `(M + w1·Σ w y yᵀ) u =
//! w1·Σ w y + λ(n)·prior`. Which is better is learnt, because vectors of some models rank better after this pull. `λ(n) =
//! regularization · (w1·n + w0·products)` grows with the events' weight `n`, as frequency-scaled regularisation does
//! (Rendle et al. 2021, "Revisiting the Performance of iALS", §3.3). Without events nothing pulls away from the prior, so
//! the prior itself is the answer.

mod axes;

pub use axes::{Axes, AxesView};

use crate::serving_model::FoldIn;
use crate::vectors::{add_scaled, dot};

/// One thing that the user did.
#[derive(Debug, Clone, Copy)]
pub struct FoldEvent<'a> {
    /// Vector of the product.
    pub vector: &'a [f32],
    /// Weight of the event, above 0.
    pub weight: f32,
}

/// What is known of a user before her events.
#[derive(Debug, Clone, Copy)]
pub struct Prior<'a> {
    /// Her vector as far as it is known; all zero where it is not.
    pub vector: &'a [f32],
    /// How much surer it is than nothing at all is of zero, at least 0; 0 has products without an event pull it to zero.
    pub hold: f32,
}

impl<'a> Prior<'a> {
    /// Nothing known: `zeros` has as many numbers as there are dimensions.
    pub fn nothing(zeros: &'a [f32]) -> Self {
        Self { vector: zeros, hold: 0.0 }
    }
}

/// What a fold-in needs to know of the products.
#[derive(Debug, Clone, Copy)]
pub struct Products<'a> {
    /// `Σ y yᵀ` over all product vectors, `(dim, dim)` row-major.
    pub gram: &'a [f32],
    /// Number of products.
    pub count: usize,
    /// The axes of the Gram matrix, where they are at hand: they make a few events cheap.
    pub axes: Option<AxesView<'a>>,
}

impl<'a> Products<'a> {
    /// Products without axes at hand.
    pub fn new(gram: &'a [f32], count: usize) -> Self {
        Self { gram, count, axes: None }
    }
}

/// An event in the equation: its weight times `w1`, and what it says its product should score more than it does.
#[derive(Debug, Clone, Copy)]
struct Pull<'a> {
    vector: &'a [f32],
    weight: f64,
    missing: f64,
}

/// The left side without events, and what the right side has of the prior.
#[derive(Debug, Clone, Copy)]
struct Base<'a> {
    /// Weight of the Gram matrix.
    unobserved: f64,
    /// Weight of the identity.
    pull: f64,
    /// What is pulled towards; none where that is zero.
    towards: Option<&'a [f32]>,
}

/// The vector of a user: her prior moved by her events.
///
/// Events whose weight is not above zero and finite are left out; without any other, the prior is returned as it is.
/// Cost `O(events · dim² + dim³ / 6)`; with axes and few events `O(events · dim² + events² · dim)`, to the same vector but for
/// rounding.
///
/// # Panics
/// If a vector is not as long as the prior, or the Gram matrix not as wide.
pub fn fold(products: Products<'_>, settings: &FoldIn, events: &[FoldEvent<'_>], prior: Prior<'_>) -> Vec<f32> {
    let dim = prior.vector.len();
    assert_eq!(products.gram.len(), dim * dim, "Gram matrix of {dim} dimensions");
    let (base, pulls) = equation(products, settings, events, prior);
    if pulls.is_empty() {
        return prior.vector.to_vec();
    }
    let axes = products.axes.filter(|axes| axes.pay(pulls.len()));
    let solved = axes.and_then(|axes| axes.solve(base, &pulls));
    match solved.or_else(|| solve_whole(products.gram, base, &pulls, dim)) {
        Some(mut moved) if base.towards.is_none() => {
            add_scaled(&mut moved, 1.0, prior.vector);
            moved
        }
        Some(vector) => vector,
        None => prior.vector.to_vec(),
    }
}

/// The equation of the module: of the way from the prior where it is held, else of the vector itself.
fn equation<'a>(
    products: Products<'_>,
    settings: &FoldIn,
    events: &[FoldEvent<'a>],
    prior: Prior<'a>,
) -> (Base<'a>, Vec<Pull<'a>>) {
    let held = prior.hold > 0.0;
    let known = events.iter().filter(|event| event.weight > 0.0 && event.weight.is_finite());
    let missing = |vector: &[f32]| if held { (1.0 - dot(vector, prior.vector)).max(0.0) } else { 1.0 };
    let pulls = known.map(|event| Pull {
        vector: event.vector,
        weight: f64::from(settings.observed_weight * event.weight),
        missing: f64::from(missing(event.vector)),
    });
    let pulls: Vec<Pull<'a>> = pulls.collect();
    let total: f64 = pulls.iter().map(|pull| pull.weight).sum();
    let hold = if held { f64::from(prior.hold) } else { 1.0 };
    let base = Base {
        unobserved: hold * f64::from(settings.unobserved_weight),
        pull: hold * pull(products.count, settings, total),
        towards: (!held).then_some(prior.vector),
    };
    (base, pulls)
}

/// The solution by Cholesky; none where there is no finite one.
fn solve_whole(gram: &[f32], base: Base<'_>, pulls: &[Pull<'_>], dim: usize) -> Option<Vec<f32>> {
    let mut left: Vec<f64> = gram.iter().map(|&value| base.unobserved * f64::from(value)).collect();
    let mut right = vec![0f64; dim];
    if let Some(towards) = base.towards {
        right.iter_mut().zip(towards).for_each(|(right, &value)| *right = base.pull * f64::from(value));
    }
    pulls.iter().for_each(|pull| add_event(&mut left, &mut right, pull));
    (0..dim).for_each(|at| left[at * dim + at] += base.pull);
    solve(&mut left, &mut right)?;
    Some(right.iter().map(|&value| value as f32).collect())
}

/// `λ(n)`, where `events` is `w1·n`.
fn pull(products: usize, settings: &FoldIn, events: f64) -> f64 {
    let unobserved = f64::from(settings.unobserved_weight) * products as f64;
    f64::from(settings.regularization) * (events + unobserved)
}

/// Adds `weight · y yᵀ` (lower triangle) to the left side and `weight · missing · y` to the right.
fn add_event(left: &mut [f64], right: &mut [f64], event: &Pull<'_>) {
    let dim = right.len();
    assert_eq!(event.vector.len(), dim, "dimensions of an event's product");
    for (row, &value) in event.vector.iter().enumerate() {
        let scaled = event.weight * f64::from(value);
        right[row] += event.missing * scaled;
        let cells = left[row * dim..=row * dim + row].iter_mut();
        cells.zip(event.vector).for_each(|(cell, &other)| *cell += scaled * f64::from(other));
    }
}

/// Solves `left · x = right` in place of `right`, by Cholesky of the lower triangle of `left`; `None` when `left` is
/// not positive definite to working precision.
fn solve(left: &mut [f64], right: &mut [f64]) -> Option<()> {
    let dim = right.len();
    for row in 0..dim {
        for column in 0..=row {
            let (above, below) = left.split_at_mut(row * dim);
            let known = if column == row { &below[..column] } else { &above[column * dim..column * dim + column] };
            let rest = below[column] - known.iter().zip(&below[..column]).map(|(a, b)| a * b).sum::<f64>();
            if column < row {
                below[column] = rest / above[column * dim + column];
            } else if rest > 0.0 && rest.is_finite() {
                below[column] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    for row in 0..dim {
        let known: f64 = (0..row).map(|column| left[row * dim + column] * right[column]).sum();
        right[row] = (right[row] - known) / left[row * dim + row];
    }
    for row in (0..dim).rev() {
        let known: f64 = (row + 1..dim).map(|below| left[below * dim + row] * right[below]).sum();
        right[row] = (right[row] - known) / left[row * dim + row];
    }
    right.iter().all(|value| value.is_finite()).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIM: usize = 5;

    fn settings() -> FoldIn {
        FoldIn { unobserved_weight: 0.1, observed_weight: 2.0, regularization: 0.05, ..FoldIn::default() }
    }

    fn loose(vector: &[f32]) -> Prior<'_> {
        Prior { vector, hold: 0.0 }
    }

    fn gram(products: &[Vec<f32>]) -> Vec<f32> {
        let cell = |at: usize| products.iter().map(|y| y[at / DIM] * y[at % DIM]).sum();
        (0..DIM * DIM).map(cell).collect()
    }

    fn vectors() -> impl Strategy<Value = Vec<Vec<f32>>> {
        prop::collection::vec(prop::collection::vec(-1.0f32..1.0, DIM), 1..20)
    }

    proptest! {
        /// The answer solves the equation of the module, written out cell by cell.
        #[test]
        fn solves_the_equation(products in vectors(), bought in prop::collection::vec((0usize..20, 0.1f32..3.0), 1..6), prior in prop::collection::vec(-1.0f32..1.0, DIM)) {
            let settings = settings();
            let events: Vec<(&[f32], f32)> = bought.iter().map(|&(at, weight)| (products[at % products.len()].as_slice(), weight)).collect();
            let folded: Vec<FoldEvent<'_>> = events.iter().map(|&(vector, weight)| FoldEvent { vector, weight }).collect();
            let gram = gram(&products);
            let user = fold(Products::new(&gram, products.len()), &settings, &folded, loose(&prior));
            let n: f32 = events.iter().map(|event| event.1).sum();
            let pull = settings.regularization * (settings.observed_weight * n + settings.unobserved_weight * products.len() as f32);
            let along = |y: &[f32]| y.iter().zip(&user).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            for at in 0..DIM {
                let unobserved: f64 = products.iter().map(|y| f64::from(settings.unobserved_weight * y[at]) * along(y)).sum();
                let observed: f64 = events.iter().map(|(y, w)| f64::from(settings.observed_weight * w * y[at]) * (along(y) - 1.0)).sum();
                let residual = unobserved + observed + f64::from(pull) * f64::from(user[at] - prior[at]);
                prop_assert!(residual.abs() < 1e-3, "dimension {at} misses by {residual}");
            }
        }
    }

    proptest! {
        /// The same where the prior is held.
        #[test]
        fn solves_the_held_equation(products in vectors(), bought in prop::collection::vec((0usize..20, 0.1f32..3.0), 1..6), prior in prop::collection::vec(-1.0f32..1.0, DIM), hold in 0.1f32..10.0) {
            let settings = settings();
            let events: Vec<FoldEvent<'_>> = bought.iter().map(|&(at, weight)| FoldEvent { vector: &products[at % products.len()], weight }).collect();
            let gram = gram(&products);
            let user = fold(Products::new(&gram, products.len()), &settings, &events, Prior { vector: &prior, hold });
            let n: f32 = events.iter().map(|event| event.weight).sum();
            let pull = settings.regularization * (settings.observed_weight * n + settings.unobserved_weight * products.len() as f32);
            let along = |y: &[f32], vector: &[f32]| y.iter().zip(vector).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let moved: Vec<f32> = user.iter().zip(&prior).map(|(user, prior)| user - prior).collect();
            for at in 0..DIM {
                let unobserved: f64 = products.iter().map(|y| f64::from(settings.unobserved_weight * y[at]) * along(y, &moved)).sum();
                let sure = f64::from(hold) * (unobserved + f64::from(pull * moved[at]));
                let missing = |event: &FoldEvent<'_>| (1.0 - along(event.vector, &prior)).max(0.0);
                let off = |event: &FoldEvent<'_>| along(event.vector, &moved) - missing(event);
                let observed: f64 = events.iter().map(|event| f64::from(settings.observed_weight * event.weight * event.vector[at]) * off(event)).sum();
                prop_assert!((sure + observed).abs() < 2e-3, "dimension {at} misses by {}", sure + observed);
            }
        }

        /// One event never pushes a held prior away from its product, and the firmer it is held the less it moves.
        #[test]
        fn an_event_never_pushes_a_held_prior_away(products in vectors(), prior in prop::collection::vec(-1.0f32..1.0, DIM), weight in 0.1f32..3.0, hold in 0.5f32..8.0) {
            let gram = gram(&products);
            let event = [FoldEvent { vector: &products[0], weight }];
            let score = |hold: f32| {
                let user = fold(Products::new(&gram, products.len()), &settings(), &event, Prior { vector: &prior, hold });
                dot(&user, &products[0])
            };
            let before = dot(&prior, &products[0]);
            prop_assert!(score(hold) >= before - 1e-3, "{} {before}", score(hold));
            prop_assert!(score(hold) >= score(2.0 * hold) - 1e-3, "{} {}", score(hold), score(2.0 * hold));
        }

        /// Along axes the answer is that of the cubic solve, whatever the settings.
        #[test]
        fn axes_give_the_same_answer(
            products in vectors(),
            bought in prop::collection::vec((0usize..20, 0.1f32..3.0), 1..6),
            prior in prop::collection::vec(-1.0f32..1.0, DIM),
            unobserved_weight in 0f32..1.0,
            regularization in 0.01f32..1.0,
            hold in 0u8..8,
        ) {
            let settings = FoldIn { unobserved_weight, regularization, ..settings() };
            let event = |&(at, weight): &(usize, f32)| FoldEvent { vector: &products[at % products.len()], weight };
            let events: Vec<FoldEvent<'_>> = bought.iter().map(event).collect();
            let gram = gram(&products);
            let axes = Axes::of(&gram, DIM);
            let slowly = Products::new(&gram, products.len());
            let prior = Prior { vector: &prior, hold: f32::from(hold) };
            let (base, pulls) = equation(slowly, &settings, &events, prior);
            let expected = solve_whole(&gram, base, &pulls, DIM).unwrap();
            let got = axes.view().solve(base, &pulls).unwrap();
            let size = expected.iter().fold(1f32, |most, value| most.max(value.abs()));
            for (got, expected) in got.iter().zip(&expected) {
                prop_assert!((got - expected).abs() < 1e-3 * size, "{got} {expected}");
            }
            let few = &events[..events.len().min(DIM / 2)];
            let quickly = fold(Products { axes: Some(axes.view()), ..slowly }, &settings, few, prior);
            let expected = fold(slowly, &settings, few, prior);
            for (got, expected) in quickly.iter().zip(&expected) {
                prop_assert!((got - expected).abs() < 1e-3 * size.max(1.0 + expected.abs()), "{got} {expected}");
            }
        }
    }

    #[test]
    fn without_events_the_prior_stands() {
        let products = Products::new(&[1.0; DIM * DIM], 3);
        let prior = [0.5, -1.0, 0.0, 2.0, 3.0];
        assert_eq!(fold(products, &settings(), &[], loose(&prior)), prior);
        let nothing =
            [FoldEvent { vector: &[1.0; DIM], weight: 0.0 }, FoldEvent { vector: &[1.0; DIM], weight: f32::NAN }];
        assert_eq!(fold(products, &settings(), &nothing, loose(&prior)), prior);
    }

    #[test]
    fn more_events_pull_further_from_the_prior() {
        let gram = vec![0.0; DIM * DIM];
        let taste = [1.0, 0.0, 0.0, 0.0, 0.0];
        let towards = |weight: f32| {
            let events = [FoldEvent { vector: &taste, weight }];
            fold(Products::new(&gram, 10), &settings(), &events, Prior::nothing(&[0.0; DIM]))[0]
        };
        assert!(0.0 < towards(0.1) && towards(0.1) < towards(1.0) && towards(1.0) < 1.0);
    }

    #[test]
    fn a_matrix_that_cannot_be_solved_leaves_the_prior() {
        let settings = FoldIn { unobserved_weight: 0.0, regularization: 0.0, ..settings() };
        let events = [FoldEvent { vector: &[1.0; DIM], weight: 1.0 }];
        let prior = [0.25; DIM];
        assert_eq!(fold(Products::new(&[0.0; DIM * DIM], 1), &settings, &events, loose(&prior)), prior);
    }
}
