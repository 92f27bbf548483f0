//! The graph that vectors spread over, and spreading as an operation of candle.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use juntos_datasets::Csr;

use super::gathers::Gathers;
use super::strips::Tables;
use crate::models::FitData;
use crate::models::als::solve::weight;
use crate::models::als::start::scales;
use crate::models::compute::Compute;
use crate::models::losses::flat;

/// The mean of layers `(x + Ãx + Ã²x + … + Ã^layers x) / (layers + 1)` of LightGCN (He et al. 2020, equations 3 and 4), where
/// `Ã` is a graph with each cell over the roots of its row's and its column's weight.
///
/// As an operation of candle it takes vectors `(nodes, dim)` to others; its gradient is the same over the transposed graph.
/// Nodes are computed in parallel, each in the order of its edges, so that the number of threads changes nothing. A layer
/// costs `2 · edges · dim` operations.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    graph: Arc<Csr>,
    transposed: Arc<Csr>,
    layers: usize,
    /// What it spreads in.
    tables: Arc<Mutex<Tables>>,
}

impl Spread {
    /// Over a square matrix of weights; one that is its own transpose is kept once.
    pub(super) fn over(graph: &Csr, layers: usize) -> Self {
        let transposed = graph.transpose();
        let (row_scales, column_scales) = (scales(graph), scales(&transposed));
        let normalised = Arc::new(normalised(graph, &row_scales, &column_scales));
        let transposed = match *graph == transposed {
            true => normalised.clone(),
            false => Arc::new(self::normalised(&transposed, &column_scales, &row_scales)),
        };
        Self { graph: normalised, transposed, layers, tables: Arc::default() }
    }

    /// What sends gradients back.
    pub(super) fn transposed(&self) -> Self {
        Self { graph: self.transposed.clone(), transposed: self.graph.clone(), ..self.clone() }
    }

    fn of(&self, start: &[f32], dim: usize) -> Vec<f32> {
        // Whoever else spreads at the same time has tables of her own.
        let mut tables = std::mem::take(&mut *self.tables.lock().unwrap_or_else(PoisonError::into_inner));
        let spread = tables.spread(&self.graph, (self.layers, ((self.layers + 1) as f32).recip()), start, dim);
        *self.tables.lock().unwrap_or_else(PoisonError::into_inner) = tables;
        spread
    }
}

/// Which way vectors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From those learnt to those that score.
    Forth,
    /// From slopes along those that score to slopes along those learnt.
    Back,
}

/// A [`Spread`] where it is computed.
pub(super) enum Spreading {
    Processors(Spread),
    /// Over the graph and over its transpose, by plain operations: results differ in the order of additions alone.
    Tensors {
        forth: Gathers,
        back: Gathers,
        layers: usize,
    },
}

impl Spreading {
    /// As [`Spread::over`], on the device of `compute`.
    pub(super) fn over(graph: &Csr, layers: usize, compute: &Compute) -> Result<Self> {
        let spread = Spread::over(graph, layers);
        Ok(match compute {
            Compute::Processors => Self::Processors(spread),
            Compute::Tensors(device) => Self::Tensors {
                forth: Gathers::new(&spread.graph, device)?,
                back: Gathers::new(&spread.transposed, device)?,
                layers,
            },
        })
    }

    /// Vectors `(nodes, dim)`, spread.
    pub(super) fn of(&self, start: &Tensor, way: Way) -> Result<Tensor> {
        match (self, way) {
            (Self::Processors(spread), Way::Forth) => start.apply_op1_no_bwd(spread),
            (Self::Processors(spread), Way::Back) => start.apply_op1_no_bwd(&spread.transposed()),
            (Self::Tensors { forth, back, layers }, way) => {
                let gathers = if way == Way::Forth { forth } else { back };
                let mut sum = start.clone();
                for _ in 0..*layers {
                    sum = (start + gathers.sums(&sum)?)?;
                }
                sum / (layers + 1) as f64
            }
        }
    }
}

fn normalised(matrix: &Csr, row_scales: &[f32], column_scales: &[f32]) -> Csr {
    Csr::by_rows(matrix.rows(), matrix.columns(), |row, cells| {
        let scaled = |(column, value)| (column, value * row_scales[row] * column_scales[column as usize]);
        cells.extend(matrix.entries(row).map(scaled));
    })
}

impl CustomOp1 for Spread {
    fn name(&self) -> &'static str {
        "spread over a graph"
    }

    fn cpu_fwd(&self, start: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (vectors, dim) = layout.shape().dims2()?;
        let nodes = self.graph.rows();
        if vectors != nodes {
            candle_core::bail!("{vectors} vectors cannot be spread over a graph of {nodes} nodes")
        }
        Ok((CpuStorage::F32(self.of(flat(start, layout)?, dim)), Shape::from((nodes, dim))))
    }

    fn bwd(&self, _start: &Tensor, _spread: &Tensor, outer: &Tensor) -> Result<Option<Tensor>> {
        outer.contiguous()?.apply_op1(self.transposed()).map(Some)
    }
}

/// `(nodes, nodes)`, nodes being users, groups and then products: interactions and, where `friend_weight` is above 0,
/// ties, each in both directions.
///
/// A tie weighs `friend_weight · s / √(S S')`, where `S` is the strength of all ties of a user and `S'` that of all to her friend:
/// a user's friends together weigh about as much as own events of weight `friend_weight`, and fade with history.
pub(super) fn graph(data: &FitData<'_>, friend_weight: f32) -> Csr {
    let by_column = data.interactions.transpose();
    let (rows, nodes) = (data.interactions.rows(), data.interactions.rows() + by_column.rows());
    let strengths = |ties: &Csr| -> Vec<f64> { (0..ties.rows()).map(|user| weight(ties, user)).collect() };
    // Whom she only follows need not have a tie of her own.
    let (of_ties, of_ties_to) = (strengths(data.friends), strengths(&data.friends.transpose()));
    Csr::by_rows(nodes, nodes, |node, edges| {
        if node >= rows {
            edges.extend(by_column.entries(node - rows));
            return;
        }
        edges.extend(data.interactions.entries(node).map(|(product, value)| (rows as u32 + product, value)));
        if friend_weight > 0.0 && node < of_ties.len() {
            let tie = |(friend, tie): (u32, f32)| {
                let both = (of_ties[node] * of_ties_to[friend as usize]).sqrt();
                (friend, (f64::from(friend_weight * tie) / both) as f32)
            };
            edges.extend(data.friends.entries(node).map(tie));
        }
    })
}

#[cfg(test)]
mod tests {
    //! 1. Values and gradients are those of the dense matrices.
    //! 2. The gradient is the slope of a loss, measured by small steps.
    //! 3. The number of threads changes no bit.
    //! 4. The graph has every edge in both directions, and friends weigh what they shall.

    use candle_core::{DType, Device, Var};
    use juntos_datasets::UserRow;
    use proptest::prelude::*;

    use super::*;

    /// The mean of the powers of the normalised matrix, cell by cell.
    fn dense(matrix: &Csr, layers: usize) -> Vec<Vec<f64>> {
        let (nodes, transposed) = (matrix.rows(), matrix.transpose());
        let total = |matrix: &Csr, row: usize| matrix.row(row).1.iter().map(|&value| f64::from(value)).sum::<f64>();
        let cell = |row: usize, column: usize| match f64::from(matrix.get(row, column as u32)) {
            0.0 => 0.0,
            value => value / (total(matrix, row) * total(&transposed, column)).sqrt(),
        };
        let table = |cell: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            (0..nodes).map(|row| (0..nodes).map(|column| cell(row, column)).collect()).collect()
        };
        let once = table(&cell);
        let mut power = table(&|row, column| if row == column { 1.0 } else { 0.0 });
        let mut sum = power.clone();
        for _ in 0..layers {
            power = table(&|row, column| (0..nodes).map(|by| once[row][by] * power[by][column]).sum());
            sum = table(&|row, column| sum[row][column] + power[row][column]);
        }
        table(&|row, column| sum[row][column] / (layers + 1) as f64)
    }

    /// `table · vectors`, or with its transpose.
    fn times(table: &[Vec<f64>], vectors: &[f32], dim: usize, transposed: bool) -> Vec<f64> {
        let nodes = table.len();
        let cell = |row: usize, by: usize| if transposed { table[by][row] } else { table[row][by] };
        let value = |at: usize| (0..nodes).map(|by| cell(at / dim, by) * f64::from(vectors[by * dim + at % dim])).sum();
        (0..nodes * dim).map(value).collect()
    }

    fn graphs() -> impl Strategy<Value = Csr> {
        let graph = |nodes: usize| {
            let entry = (0..nodes as u32, 0..nodes as u32, 0.1f32..4.0);
            (prop::collection::vec(entry, 0..60), any::<bool>()).prop_map(move |(mut entries, symmetric)| {
                if symmetric {
                    let back: Vec<_> = entries.iter().map(|&(row, column, value)| (column, row, value)).collect();
                    entries.extend(back);
                }
                Csr::from_entries(nodes, nodes, entries)
            })
        };
        (1usize..12).prop_flat_map(graph)
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    proptest! {
        #[test]
        fn values_and_gradients_are_those_of_dense_matrices(
            graph in graphs(),
            layers in 1usize..4,
            dim in 1usize..40,
            cells in prop::collection::vec(-2f32..2.0, 2 * 12 * 40),
        ) {
            let (nodes, on) = (graph.rows(), &Device::Cpu);
            let table = dense(&graph, layers);
            let (from, outer) = (&cells[..nodes * dim], &cells[480..480 + nodes * dim]);
            let start = Var::from_slice(from, (nodes, dim), on).unwrap();
            let spread = start.apply_op1(Spread::over(&graph, layers)).unwrap();
            let outer_tensor = Tensor::from_slice(outer, (nodes, dim), on).unwrap();
            let gradients = (&spread * outer_tensor).unwrap().sum_all().unwrap().backward().unwrap();
            let slopes = values(gradients.get(&start).unwrap());
            let near = |got: Vec<f32>, expected: Vec<f64>| {
                got.iter().zip(&expected).all(|(&got, expected)| (f64::from(got) - expected).abs() < 1e-5 * (1.0 + expected.abs()))
            };
            prop_assert!(near(values(&spread), times(&table, from, dim, false)));
            prop_assert!(near(slopes, times(&table, outer, dim, true)));
        }

        #[test]
        fn plain_tensors_spread_alike(
            graph in graphs(),
            layers in 1usize..4,
            dim in 1usize..40,
            cells in prop::collection::vec(-2f32..2.0, 12 * 40),
        ) {
            let (nodes, on) = (graph.rows(), &Device::Cpu);
            let vectors = Tensor::from_slice(&cells[..nodes * dim], (nodes, dim), on).unwrap();
            let [fused, plain] = [Compute::Processors, Compute::Tensors(Device::Cpu)]
                .map(|compute| Spreading::over(&graph, layers, &compute).unwrap());
            for way in [Way::Forth, Way::Back] {
                let [expected, got] = [&fused, &plain].map(|spread| values(&spread.of(&vectors, way).unwrap()));
                for (got, expected) in got.iter().zip(&expected) {
                    prop_assert!((got - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{got} {expected}");
                }
            }
        }

        #[test]
        fn the_gradient_is_the_slope(graph in graphs(), cells in prop::collection::vec(-1f32..1.0, 12 * 2)) {
            const DIM: usize = 2;
            let (nodes, on) = (graph.rows(), &Device::Cpu);
            let op = Spread::over(&graph, 2);
            let from = &cells[..nodes * DIM];
            let loss = |from: &Tensor| from.apply_op1(op.clone()).unwrap().sqr().unwrap().sum_all().unwrap();
            let start = Var::from_slice(from, (nodes, DIM), on).unwrap();
            let gradients = loss(&start).backward().unwrap();
            let slopes = values(gradients.get(&start).unwrap());
            for (at, slope) in slopes.into_iter().enumerate() {
                let moved = |by: f32| {
                    let mut cells = from.to_vec();
                    cells[at] += by;
                    loss(&Tensor::from_vec(cells, (nodes, DIM), on).unwrap()).to_scalar::<f32>().unwrap()
                };
                // The loss is quadratic: the difference is exact but for rounding.
                let expected = moved(0.5) - moved(-0.5);
                prop_assert!((expected - slope).abs() < 1e-3, "{} {}", expected, slope);
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let entries = (0..5_000u32).map(|at| (at * 7 % 1_000, at * at % 900, 1.0 + (at % 3) as f32)).collect();
        let op = Spread::over(&Csr::from_entries(1_000, 1_000, entries), 3);
        let cells: Vec<f32> = (0..1_000 * 24).map(|at| ((at * 37 % 101) as f32 - 50.0) / 31.0).collect();
        let from = Tensor::from_vec(cells, (1_000, 24), &Device::Cpu).unwrap();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let spread = pool.install(|| from.apply_op1(op.clone())).unwrap();
            values(&spread).into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let one = with(1);
        assert_eq!(one, with(2));
        assert_eq!(one, with(5));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let op = Spread::over(&Csr::from_entries(3, 3, vec![(0, 0, 1.0)]), 1);
        let from = |rows: usize| Tensor::zeros((rows, 4), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(from(3).apply_op1(op.clone()).unwrap().dims2().unwrap(), (3, 4));
        assert!(from(2).apply_op1(op).unwrap_err().to_string().contains("3 nodes"));
    }

    #[test]
    fn edges_go_both_ways_and_friends_weigh_what_they_shall() {
        let interactions = Csr::from_entries(4, 2, vec![(0, 0, 2.0), (1, 1, 1.0), (3, 0, 5.0)]);
        let ties = [(0, 1, 0.25), (0, 2, 0.75), (1, 2, 0.5)];
        let friends = Csr::from_entries(3, 3, ties.iter().flat_map(|&(a, b, s)| [(a, b, s), (b, a, s)]).collect());
        let groups = [vec![UserRow(0), UserRow(1)]];
        let data = FitData {
            interactions: &interactions,
            friends: &friends,
            groups: &groups,
            dim: 1,
            seed: 0,
            folds: true,
            shown: None,
            teams: &[],
        };
        let with = graph(&data, 0.6);
        assert_eq!(with, with.transpose());
        assert_eq!((with.rows(), with.len()), (6, 2 * 3 + 2 * 3));
        assert_eq!((with.get(0, 4), with.get(4, 0), with.get(3, 4)), (2.0, 2.0, 5.0));
        // The strengths of all ties of 0 and 1 are 1 and .75.
        assert!((with.get(0, 1) - 0.6 * 0.25 / 0.75f32.sqrt()).abs() < 1e-6);
        let followed = Csr::from_entries(3, 3, vec![(0, 1, 0.25)]);
        let tie = graph(&FitData { friends: &followed, ..data }, 0.6).get(0, 1);
        assert!((tie - 0.6).abs() < 1e-6, "of whom is only followed: {tie}");
        let without = graph(&data, 0.0);
        assert_eq!((without.len(), without.get(0, 1)), (6, 0.0));
    }
}
