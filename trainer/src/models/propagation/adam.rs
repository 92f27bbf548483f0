//! Adam (Kingma & Ba 2015, algorithm 1) over a whole table: after propagation every row has a slope.

use std::fs::File;
use std::io;

use rayon::prelude::*;

use crate::checkpoint::{StateReader, StateWriter};

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Cells that one task moves.
const CELLS_A_TASK: usize = 1 << 15;

/// Values and what the optimiser remembers of their slopes.
pub(super) struct Table {
    values: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: u64,
}

impl Table {
    pub(super) fn new(values: Vec<f32>) -> Self {
        let size = values.len();
        Self { values, first: vec![0.0; size], second: vec![0.0; size], steps: 0 }
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Moves every value against its slope.
    pub(super) fn descend(&mut self, slopes: &[f32], rate: f32) {
        self.steps += 1;
        let power = self.steps.min(i32::MAX as u64) as i32;
        let (first_bias, second_bias) = (1.0 - FIRST_DECAY.powi(power), 1.0 - SECOND_DECAY.powi(power));
        let moments = self.first.par_chunks_mut(CELLS_A_TASK).zip(self.second.par_chunks_mut(CELLS_A_TASK));
        let values = self.values.par_chunks_mut(CELLS_A_TASK).zip(moments);
        values.zip(slopes.par_chunks(CELLS_A_TASK)).for_each(|((values, (first, second)), slopes)| {
            pulp::Arch::new().dispatch(Descent { values, first, second, slopes, rate, first_bias, second_bias });
        });
    }

    pub(super) fn write(&self, state: &mut StateWriter<File>) -> io::Result<()> {
        state.u64(self.steps)?;
        [&self.values, &self.first, &self.second].into_iter().try_for_each(|cells| state.f32s(cells))
    }

    /// A table of so many values.
    pub(super) fn read(state: &mut StateReader, size: usize) -> io::Result<Self> {
        let steps = state.u64()?;
        let mut cells = || state.f32s(size);
        Ok(Self { steps, values: cells()?, first: cells()?, second: cells()? })
    }
}

/// One step over some cells, compiled for wide vectors.
struct Descent<'a> {
    values: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    slopes: &'a [f32],
    rate: f32,
    first_bias: f32,
    second_bias: f32,
}

impl pulp::NullaryFnOnce for Descent<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { values, first, second, slopes, rate, first_bias, second_bias } = self;
        for (((value, first), second), &slope) in values.iter_mut().zip(first).zip(second).zip(slopes) {
            *first += (1.0 - FIRST_DECAY) * (slope - *first);
            *second += (1.0 - SECOND_DECAY) * (slope * slope - *second);
            *value -= rate * (*first / first_bias) / ((*second / second_bias).sqrt() + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::usable::are_finite;

    /// Two steps by hand: the first moves by the rate against the sign of the slope.
    #[test]
    fn steps_are_those_of_the_algorithm() {
        let mut table = Table::new(vec![1.0, 1.0, 1.0]);
        table.descend(&[0.5, -2.0, 0.0], 0.1);
        table.values.iter().zip([0.9, 1.1, 1.0]).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{:?}", table.values));
        table.descend(&[0.25, -2.0, 0.0], 0.1);
        let first: f32 = (0.9 * 0.1 * 0.5 + 0.1 * 0.25) / (1.0 - 0.9 * 0.9);
        let second: f32 = (0.999 * 0.001 * 0.25 + 0.001 * 0.0625) / (1.0 - 0.999 * 0.999);
        let expected = [0.9 - 0.1 * first / second.sqrt(), 1.2, 1.0];
        table.values.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{:?}", table.values));
        assert!(are_finite(table.values(), 1));
        table.descend(&[f32::NAN, 0.0, 0.0], 0.1);
        assert!(!are_finite(table.values(), 1));
    }
}
