//! Losses over a batch, as candle graphs.

use candle_core::{Result, Tensor};

/// Sampled softmax: for each event `-weight · ln(exp(s(u, p) / T) / Σ_j mass_j exp(s(u, j) / T))`, summed.
///
/// `users` `(events, dim)` holds one user for each event, `products` `(products, dim)` the candidates; with unit rows
/// `s` is the cosine. `positives` `(events,)`, `u32`, says which candidate the event is about, `weights` `(1, events)`
/// what it counts, `mass` `(1, products)` how often each candidate is drawn, corrected as the caller sees fit (Yi et
/// al. 2019, "Sampling-Bias-Corrected Neural Modeling", §3). Scores lie in -1 to 1, so for a temperature of at least
/// .02 no exponential leaves the range of `f32` and no maximum need be taken off.
///
/// # Errors
/// When shapes do not fit.
pub(super) fn sampled_softmax(
    users: &Tensor,
    products: &Tensor,
    positives: &Tensor,
    weights: &Tensor,
    mass: &Tensor,
    temperature: f64,
) -> Result<Tensor> {
    let users = (users / temperature)?;
    let likely = products.matmul(&users.t()?)?.exp()?;
    let all = mass.matmul(&likely)?.log()?;
    let own = (users * products.index_select(positives, 0)?)?.sum(1)?.unsqueeze(0)?;
    ((all - own)? * weights)?.sum_all()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    const DIM: usize = 3;

    fn slowly(users: &[f32], products: &[f32], positives: &[u32], weights: &[f32], mass: &[f32], t: f64) -> f64 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        let mut loss = 0.0;
        for ((user, &positive), &weight) in users.chunks(DIM).zip(positives).zip(weights) {
            let likely = |at: usize| (dot(user, &products[at * DIM..(at + 1) * DIM]) / t).exp();
            let all: f64 = (0..mass.len()).map(|at| f64::from(mass[at]) * likely(at)).sum();
            loss -= f64::from(weight) * (likely(positive as usize) / all).ln();
        }
        loss
    }

    #[test]
    fn the_loss_and_its_gradient_follow_the_definition() {
        let users = [0.6, 0.8, 0.0, 0.0, -0.6, 0.8];
        let products = [1.0, 0.0, 0.0, 0.0, 0.8, 0.6, -0.6, 0.0, 0.8, 0.0, 1.0, 0.0];
        let (positives, weights, mass) = ([2, 1], [1.0, 0.5], [1.0, 2.0, 0.3, 1.0]);
        let on = &Device::Cpu;
        let user_rows = Var::from_slice(&users, (2, DIM), on).unwrap();
        let product_rows = Var::from_slice(&products, (4, DIM), on).unwrap();
        let positive_rows = Tensor::new(&positives, on).unwrap();
        let weight_row = Tensor::from_slice(&weights, (1, 2), on).unwrap();
        let mass_row = Tensor::from_slice(&mass, (1, 4), on).unwrap();
        let loss = sampled_softmax(&user_rows, &product_rows, &positive_rows, &weight_row, &mass_row, 0.5).unwrap();
        let expected = slowly(&users, &products, &positives, &weights, &mass, 0.5);
        assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - expected).abs() < 1e-5);

        let gradients = loss.backward().unwrap();
        let flat = |var: &Var| gradients.get(var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let step = 1e-3;
        for at in 0..users.len() {
            let moved = |by: f32| {
                let mut users = users;
                users[at] += by;
                slowly(&users, &products, &positives, &weights, &mass, 0.5)
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            assert!((f64::from(flat(&user_rows)[at]) - slope).abs() < 1e-3, "user cell {at}");
        }
        for at in 0..products.len() {
            let moved = |by: f32| {
                let mut products = products;
                products[at] += by;
                slowly(&users, &products, &positives, &weights, &mass, 0.5)
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            assert!((f64::from(flat(&product_rows)[at]) - slope).abs() < 1e-3, "product cell {at}");
        }
    }
}
