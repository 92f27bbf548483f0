//! 1. Neighbours are those of the definition, pair by pair, for any weights and settings.
//! 2. Sums equal adding up densely, also where what is added vanishes, and start anew once they are drained.

use proptest::prelude::*;

use super::*;

const PRODUCTS: usize = 9;

/// Shrunk cosines of every other product with one in common, cut to the nearest, from dense columns.
fn slowly(interactions: &Csr, product: u32, settings: ItemKnnConfig) -> Vec<(u32, f32)> {
    let column =
        |product: u32| (0..interactions.rows()).map(|row| interactions.get(row, product)).collect::<Vec<f32>>();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let own = column(product);
    let similarity = |other: u32| {
        let others = column(other);
        let norms = dot(&own, &own).sqrt() * dot(&others, &others).sqrt();
        (other, dot(&own, &others) / (norms + settings.shrinkage))
    };
    let others = (0..PRODUCTS as u32).filter(|&other| other != product && dot(&own, &column(other)) > 0.0);
    let mut similar: Vec<(u32, f32)> = others.map(similarity).collect();
    similar.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    similar.truncate(settings.neighbours);
    similar
}

proptest! {
    #[test]
    fn neighbours_are_the_definition(
        cells in prop::collection::btree_map((0u32..12, 0u32..PRODUCTS as u32), 1u8..4, 0..60),
        neighbours in 1usize..12,
        shrinkage in 0u8..4,
    ) {
        // Small whole numbers: sums are exact in any order.
        let entries = cells.into_iter().map(|((user, product), value)| (user, product, f32::from(value))).collect();
        let interactions = Csr::from_entries(12, PRODUCTS, entries);
        let settings = ItemKnnConfig { neighbours, shrinkage: f32::from(shrinkage) };
        let found = Neighbours::learn(&interactions, settings);
        for (product, found) in found.of.iter().enumerate() {
            prop_assert_eq!(found.to_vec(), slowly(&interactions, product as u32, settings));
        }
    }

    #[test]
    fn sums_equal_dense_ones(rounds in prop::collection::vec(prop::collection::vec((0u32..6, 0u8..4), 0..20), 1..4)) {
        let mut sums = Sums::new(6);
        for round in rounds {
            let mut dense = [0.0; 6];
            for &(product, value) in &round {
                sums.add(product, value.into());
                dense[product as usize] += f32::from(value);
            }
            let mut found = [0.0; 6];
            sums.drain(|product, sum| {
                assert!(sum > 0.0 && found[product as usize] == 0.0, "told once, and only of what is not zero");
                found[product as usize] = sum;
            });
            prop_assert_eq!(found, dense);
        }
    }
}
