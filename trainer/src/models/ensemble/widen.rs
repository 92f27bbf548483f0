//! Room for what is told, beside vectors that know nothing of it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::told::Told;
use super::unite::{Tables, joined};
use crate::models::als::start::centred;

/// `narrow` with more dimensions, `dim` in all, to be fitted from there to what is `told`. In each of these products are a random
/// sum of the told scores of all rows, so that together they come near to where these scores lie (Halko, Martinsson and Tropp
/// 2011, algorithm 4.1), and are as long as in those that there are; rows are 0 until they are solved for. `dim` is more than there are.
pub(super) fn widened(narrow: &Tables, told: &Told, dim: usize, seed: u64) -> Tables {
    let (more, rows) = (dim - narrow.dim, narrow.rows.len() / narrow.dim);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let draws: Vec<f32> = (0..rows * more).map(|_| centred(&mut rng)).collect();
    let mut drawn = told.transpose().times(&draws, more);
    let length = size(&narrow.products) / size(&drawn).max(f32::MIN_POSITIVE);
    drawn.iter_mut().for_each(|cell| *cell *= length);
    let products = joined(&[(&narrow.products, narrow.dim), (&drawn, more)]);
    Tables { rows: joined(&[(&narrow.rows, narrow.dim), (&vec![0.0; rows * more], more)]), products, dim }
}

/// Root of the mean square.
fn size(cells: &[f32]) -> f32 {
    let squares: f64 = cells.iter().map(|&cell| f64::from(cell).powi(2)).sum();
    (squares / cells.len().max(1) as f64).sqrt() as f32
}
