//! What is known about how far the best rows lie.

use proptest::prelude::*;

use super::*;
use crate::index::coverage::{CELLS, Coverage, RANKS, SHARES};
use crate::index::kernels::kernels;
use crate::index::rows::Query;

/// Tables as they come from measuring: rising along ranks and shares, up to some rank.
fn table() -> impl Strategy<Value = Coverage> {
    (prop::collection::vec(0u32..50_000, CELLS), 1..=RANKS.len()).prop_map(|(steps, known)| {
        let mut table = [u32::MAX; CELLS];
        for at in 0..known * SHARES.len() {
            let (rank, share) = (at / SHARES.len(), at % SHARES.len());
            let before = if share > 0 { table[at - 1] } else { 0 };
            let above = if rank > 0 { table[at - SHARES.len()] } else { 0 };
            table[at] = before.max(above) + steps[at];
        }
        Coverage(table)
    })
}

proptest! {
    #[test]
    fn more_rows_are_passed_for_more(table in table(), ranks in any::<[f32; 2]>(), shares in any::<[f32; 2]>()) {
        let rank = |part: f32| 10f32.powf(1.0 + 3.7 * part.abs().fract());
        let share = |part: f32| 0.5 + 0.5 * part.abs().fract();
        prop_assume!(ranks.iter().chain(&shares).all(|part| part.is_finite()));
        let [low, high] = { let mut ranks = ranks.map(rank); ranks.sort_by(f32::total_cmp); ranks };
        let [less, more] = { let mut shares = shares.map(share); shares.sort_by(f32::total_cmp); shares };
        // Rounding up to whole rows may turn equal numbers that differ in the last bits into neighbours.
        let rises = |a: Option<usize>, b: Option<usize>| match (a, b) {
            (Some(a), Some(b)) => a as f64 <= b as f64 * (1.0 + 1e-5) + 1.0,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        let (a, b) = (table.rows_to_pass(low, less), table.rows_to_pass(high, less));
        prop_assert!(rises(a, b), "ranks {} and {}: {:?} and {:?}", low, high, a, b);
        let (a, b) = (table.rows_to_pass(low, less), table.rows_to_pass(low, more));
        prop_assert!(rises(a, b), "shares {} and {}: {:?} and {:?}", less, more, a, b);
    }

    #[test]
    fn cells_of_the_table_come_back(table in table(), cell in 0..CELLS) {
        let (rank, share) = (RANKS[cell / SHARES.len()], SHARES[cell % SHARES.len()]);
        let found = table.rows_to_pass(rank as f32, share);
        if table.0[cell] == u32::MAX {
            prop_assert_eq!(found, None);
        } else {
            let (found, wanted) = (found.unwrap() as f64, f64::from(table.0[cell].max(1)));
            prop_assert!((found - wanted).abs() <= 1.0 + 1e-4 * wanted, "{} for {}", found, wanted);
        }
    }

    #[test]
    fn any_table_is_answered(cells in prop::collection::vec(any::<u32>(), CELLS), rank in any::<f32>(), share in any::<f32>()) {
        let _ = Coverage(cells.try_into().unwrap()).rows_to_pass(rank, share);
    }
}

/// The share of the `rank` best rows, over all queries, that lies in the lists up to the one in which `rows` rows have
/// been passed.
fn share_met(world: &World, index: &FlatIndex, rank: usize, rows: usize) -> f64 {
    let view = index.view();
    let mut met = 0;
    for vector in world.queries() {
        let (mut query, mut scores) = (Query::empty(), Vec::new());
        query.set(vector, &view.rows);
        (kernels().centroids)(&view.centroids, &query, &mut scores);
        let mut lists: Vec<u32> = (0..view.centroids.count as u32).collect();
        lists.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
        let mut passed = Bitmap::none(world.rows());
        let mut sum = 0;
        for places in lists.into_iter().map(|list| view.list(list)) {
            if sum >= rows {
                break;
            }
            sum += places.len();
            places.for_each(|place| passed.insert(view.row(place as u32)));
        }
        met += sorted(&world.vectors, vector, rank, None).iter().filter(|best| passed.contains(best.row)).count();
    }
    met as f64 / (rank * QUERIES) as f64
}

#[test]
fn so_many_rows_hold_so_large_a_share_of_the_best() {
    for shape in [Shape::Spread, Shape::Normal, Shape::Loose] {
        let world = World::of(shape);
        // Measured with queries like those asked.
        let asked = vectors(shape, 200, 40);
        let queries: Vec<&[f32]> = asked.chunks_exact(DIM).collect();
        let index = FlatIndex::build(&world.vectors, DIM, &queries, &BuildOptions { rounds: 0, ..GRAPH });
        for rank in [10, 100, 600] {
            for share in [0.8, 0.95] {
                let rows = index.coverage.rows_to_pass(rank as f32, share).unwrap();
                let met = share_met(world, &index, rank, rows);
                let off = met - f64::from(share);
                assert!(
                    (-0.04..0.2).contains(&off),
                    "{met} of the best {rank}, not {share}, in {rows} rows, {shape:?}"
                );
            }
        }
        assert_eq!(index.coverage.rows_to_pass(RANKS[5] as f32, 0.9), None, "deeper than was measured");
        assert_eq!(index.coverage.rows_to_pass(10.0, 0.999), None, "surer than was measured");
    }
}
