//! What somebody took rather than what she was asked for and refused: a term beside the loss of events.

use std::collections::BTreeMap;

use super::batch::{Slopes, Vectors};
use super::table::units_of;
use crate::models::losses::dot;
use rayon::prelude::*;

/// `row` took one product and refused another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::models) struct Refusal {
    pub(in crate::models) row: u32,
    pub(in crate::models) taken: u32,
    pub(in crate::models) refused: u32,
}

/// What there is of it, and how far it counts.
pub(in crate::models) struct Refusals<'a> {
    /// Weight of one beside an event of mean weight, at least 0.
    pub(in crate::models) weight: f32,
    /// Those that an epoch looks at.
    pub(in crate::models) draw: &'a (dyn Fn(usize) -> Vec<Refusal> + Sync),
}

impl Refusals<'_> {
    /// None at all.
    pub(super) const NONE: Self = Self { weight: 0.0, draw: &|_| Vec::new() };
}

/// Adds `weight · −ln σ((c(row, taken) − c(row, refused)) / temperature)` of each of `refusals` (Rendle et al., "BPR", UAI 2009,
/// between a product taken and one refused) and its slopes along unit vectors.
pub(super) fn add(slopes: &mut Slopes, refusals: &[Refusal], vectors: &Vectors<'_>, weight: f32, temperature: f32) {
    if refusals.is_empty() {
        return;
    }
    let dim = vectors.dim;
    let units = |of: &[f32], rows: Vec<u32>| units_of(of, dim, rows.into_par_iter());
    let rows = units(vectors.rows, refusals.iter().map(|refusal| refusal.row).collect());
    let taken = units(vectors.products, refusals.iter().map(|refusal| refusal.taken).collect());
    let refused = units(vectors.products, refusals.iter().map(|refusal| refusal.refused).collect());
    let mut of_rows = Sums::new(&slopes.rows, std::mem::take(&mut slopes.along_rows), dim);
    let mut of_products = Sums::new(&slopes.products, std::mem::take(&mut slopes.along_products), dim);
    for (at, refusal) in refusals.iter().enumerate() {
        let [row, taken, refused] = [&rows, &taken, &refused].map(|units| &units[at * dim..][..dim]);
        let margin = (dot(row, taken) - dot(row, refused)) / temperature;
        slopes.loss += f64::from(weight) * f64::from((-margin).max(0.0) + (-margin.abs()).exp().ln_1p());
        let slope = -weight / temperature / (1.0 + margin.exp());
        of_rows.add(refusal.row, taken, slope);
        of_rows.add(refusal.row, refused, -slope);
        of_products.add(refusal.taken, row, slope);
        of_products.add(refusal.refused, row, -slope);
    }
    (slopes.rows, slopes.along_rows) = of_rows.finish();
    (slopes.products, slopes.along_products) = of_products.finish();
}

/// Slopes of single rows, to which more are added, of rows that had none, too.
struct Sums {
    of: BTreeMap<u32, usize>,
    along: Vec<f32>,
    dim: usize,
}

impl Sums {
    fn new(rows: &[u32], along: Vec<f32>, dim: usize) -> Self {
        Self { of: rows.iter().enumerate().map(|(at, &row)| (row, at)).collect(), along, dim }
    }

    fn add(&mut self, row: u32, direction: &[f32], factor: f32) {
        let next = self.of.len();
        let at = *self.of.entry(row).or_insert(next);
        if at == next {
            self.along.resize((next + 1) * self.dim, 0.0);
        }
        let along = &mut self.along[at * self.dim..][..self.dim];
        along.iter_mut().zip(direction).for_each(|(along, &cell)| *along += factor * cell);
    }

    /// The rows, ascending, with their slopes.
    fn finish(self) -> (Vec<u32>, Vec<f32>) {
        let along = self.of.values().flat_map(|&at| &self.along[at * self.dim..][..self.dim]).copied().collect();
        (self.of.into_keys().collect(), along)
    }
}

#[cfg(test)]
mod tests {
    //! Slopes are those of the loss, measured by small steps, beside what was there; rows are ascending, each once.

    use super::*;

    const DIM: usize = 3;

    fn added(rows: &[f32], products: &[f32], refusals: &[Refusal]) -> Slopes {
        let mut slopes = Slopes {
            loss: 2.0,
            rows: vec![1],
            along_rows: vec![1.0, 2.0, 3.0],
            products: vec![0, 2],
            along_products: vec![1.0; 2 * DIM],
        };
        add(&mut slopes, refusals, &Vectors { rows, products, dim: DIM }, 0.7, 0.5);
        slopes
    }

    /// The loss of one refusal, of vectors taken as they are.
    fn loss(row: &[f32], taken: &[f32], refused: &[f32]) -> f64 {
        let margin = (dot(row, taken) - dot(row, refused)) / 0.5;
        0.7 * f64::from(-margin).exp().ln_1p()
    }

    #[test]
    fn slopes_are_those_of_the_loss() {
        let rows = [1.0, 0.0, 0.0, 0.0, 0.6, 0.8];
        let products = [0.0, 1.0, 0.0, 0.6, 0.0, 0.8, 0.0, 0.0, 1.0];
        let at = |table: &[f32], row: usize| table[row * DIM..][..DIM].to_vec();
        let both = [Refusal { row: 0, taken: 1, refused: 2 }, Refusal { row: 1, taken: 1, refused: 0 }];
        let slopes = added(&rows, &products, &both);
        assert_eq!((slopes.rows.as_slice(), slopes.products.as_slice()), (&[0, 1][..], &[0, 1, 2][..]));
        let total = |rows: &[f32], products: &[f32]| -> f64 {
            let of = |refusal: &Refusal| {
                let Refusal { row, taken, refused } = *refusal;
                loss(&at(rows, row as usize), &at(products, taken as usize), &at(products, refused as usize))
            };
            both.iter().map(of).sum()
        };
        assert!((slopes.loss - 2.0 - total(&rows, &products)).abs() < 1e-5);
        let before = added(&rows, &products, &[]);
        let step = 1e-2;
        let moved = |table: &[f32], cell: usize, by: f32| -> Vec<f32> {
            table.iter().enumerate().map(|(at, &value)| if at == cell { value + by } else { value }).collect()
        };
        for cell in 0..2 * DIM {
            let measured = total(&moved(&rows, cell, step), &products) - total(&moved(&rows, cell, -step), &products);
            let was = if cell < DIM { 0.0 } else { before.along_rows[cell - DIM] };
            assert!((f64::from(slopes.along_rows[cell] - was) - measured / 0.02).abs() < 1e-3, "row cell {cell}");
        }
        for cell in 0..3 * DIM {
            let measured = total(&rows, &moved(&products, cell, step)) - total(&rows, &moved(&products, cell, -step));
            let was = if (DIM..2 * DIM).contains(&cell) { 0.0 } else { 1.0 };
            assert!(
                (f64::from(slopes.along_products[cell] - was) - measured / 0.02).abs() < 1e-3,
                "product cell {cell}"
            );
        }
    }
}
