//! The linear map from rows of features to vectors.

use juntos_datasets::tables::Product;

use super::encoder::{Encoder, Row};
use super::features::features;
use crate::index::Array;

/// What the trainer learnt, before it is stored in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Vector of a product that says nothing, `dim` numbers.
    pub mean: Vec<f32>,
    /// What each feature adds, `(buckets in use, dim)` row-major.
    pub weights: Vec<f32>,
    /// What the sum is multiplied by, so that new products are as long as products with few events.
    pub scale: f32,
    /// Greatest length of a vector; longer ones are cut to it.
    pub longest: f32,
}

/// Makes vectors for products that training has not seen.
pub struct ContentModel {
    pub(super) encoder: Encoder,
    pub(super) mean: Array<f32>,
    /// `(buckets in use, dim)`: weight = code · scale of its row.
    pub(super) codes: Array<i8>,
    pub(super) row_scales: Array<f32>,
    pub(super) scale: f32,
    pub(super) longest: f32,
}

impl ContentModel {
    /// The model of `map`, each of whose rows is kept in bytes with a scale of its own: no weight is off by more than
    /// half a 127th of the largest in its row.
    ///
    /// # Panics
    /// If the map has not a row of the mean's length for every bucket in use.
    pub fn new(encoder: Encoder, map: Map) -> Self {
        let dim = map.mean.len();
        assert_eq!(map.weights.len(), encoder.len() * dim, "weights of {} buckets, {dim} each", encoder.len());
        let mut codes = Vec::with_capacity(map.weights.len());
        let mut row_scales = Vec::with_capacity(encoder.len());
        for row in map.weights.chunks_exact(dim.max(1)) {
            let largest = row.iter().fold(0f32, |largest, weight| largest.max(weight.abs()));
            let scale = largest / 127.0;
            row_scales.push(scale);
            codes.extend(row.iter().map(|&weight| if scale > 0.0 { (weight / scale).round() as i8 } else { 0 }));
        }
        Self {
            encoder,
            mean: map.mean.into(),
            codes: codes.into(),
            row_scales: row_scales.into(),
            scale: map.scale,
            longest: map.longest,
        }
    }

    /// Dimensions of a vector.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Number of buckets in use.
    pub fn buckets(&self) -> usize {
        self.encoder.len()
    }

    /// A vector for the product, or none where its record says nothing that training knew.
    ///
    /// Cost: that of [`features()`], and a few microseconds for a hundred features of 128 dimensions.
    pub fn vector(&self, product: &Product<'_>) -> Option<Vec<f32>> {
        let row = self.encoder.encode(&features(product));
        (!row.is_empty()).then(|| self.vector_of_row(&row))
    }

    fn vector_of_row(&self, row: &Row) -> Vec<f32> {
        let dim = self.dim();
        let mut vector = self.mean.to_vec();
        for &(place, value) in row {
            let place = place as usize;
            let factor = value * self.row_scales[place];
            let codes = &self.codes[place * dim..(place + 1) * dim];
            vector.iter_mut().zip(codes).for_each(|(sum, &code)| *sum += factor * f32::from(code));
        }
        let length = self.scale * vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let scale = if length > self.longest { self.scale * self.longest / length } else { self.scale };
        vector.iter_mut().for_each(|value| *value *= scale);
        vector
    }
}
