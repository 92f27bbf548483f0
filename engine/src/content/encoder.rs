//! From features to a sparse row: the buckets that training knew, rare ones heavier, each field as a whole of its weight.

use super::features::{BUCKET_BITS, FIELDS, Feature};
use crate::index::Array;

/// Buckets in use and how much each counts.
pub struct Encoder {
    /// Ascending.
    pub(super) buckets: Array<u32>,
    /// Weight of each bucket's features, above 0: `1 + ln((n + 1) / (df + 1))` for `df` of `n` products.
    pub(super) rarity: Array<f32>,
    /// Length of each field's part of a row.
    pub(super) fields: [f32; FIELDS],
}

/// A sparse row: places of buckets in the encoder, ascending, and their values.
pub type Row = Vec<(u32, f32)>;

impl Encoder {
    /// An encoder of the buckets that at least `least` of the products have; of more than `most` such buckets the most
    /// frequent are kept. `fields` has the length of each field's part of a row, at least 0.
    pub fn learn<'a>(
        products: impl IntoIterator<Item = &'a [Feature]>,
        least: u32,
        most: usize,
        fields: [f32; FIELDS],
    ) -> Self {
        let mut counts = vec![0u32; 1 << BUCKET_BITS];
        let mut n = 0u32;
        let mut of_one: Vec<u32> = Vec::new();
        for product in products {
            of_one.clear();
            of_one.extend(product.iter().map(|feature| feature.bucket));
            of_one.sort_unstable();
            of_one.dedup();
            of_one.iter().for_each(|&bucket| counts[bucket as usize] += 1);
            n += 1;
        }
        let mut buckets: Vec<u32> = (0..1 << BUCKET_BITS).filter(|&b| counts[b as usize] >= least.max(1)).collect();
        if buckets.len() > most {
            buckets.sort_by_key(|&bucket| (std::cmp::Reverse(counts[bucket as usize]), bucket));
            buckets.truncate(most);
            buckets.sort_unstable();
        }
        let rarity = |&bucket: &u32| 1.0 + ((n as f32 + 1.0) / (counts[bucket as usize] as f32 + 1.0)).ln();
        let rarity: Vec<f32> = buckets.iter().map(rarity).collect();
        Self { buckets: buckets.into(), rarity: rarity.into(), fields }
    }

    /// Number of buckets in use: the length of a row, zeros counted.
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether no bucket is in use.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The row of a product with these features, which must be in the order of [`super::features()`]; empty where none
    /// of them is in use.
    pub fn encode(&self, features: &[Feature]) -> Row {
        let mut row: Row = Vec::with_capacity(features.len());
        for field in features.chunk_by(|left, right| left.field == right.field) {
            self.add_field(field, &mut row);
        }
        row.sort_by_key(|&(place, _)| place);
        row.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        row.retain(|&(_, value)| value != 0.0);
        row
    }

    fn add_field(&self, field: &[Feature], row: &mut Row) {
        let start = row.len();
        let known = field.iter().filter_map(|feature| {
            let place = self.buckets.binary_search(&feature.bucket).ok()?;
            Some((place as u32, feature.value * self.rarity[place]))
        });
        row.extend(known);
        let length = row[start..].iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            let scale = self.fields[field[0].field as usize] / length;
            row[start..].iter_mut().for_each(|(_, value)| *value *= scale);
        }
    }
}
