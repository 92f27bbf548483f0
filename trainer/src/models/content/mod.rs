//! Vectors for products that nobody has bought: learnt from the records of those that somebody has.
//!
//! Records become sparse rows ([`juntos_engine::content`]), and ridge regression maps rows to the vectors that the model
//! found for products with events, each product counting as much as its vector is known. To learn the map to a fixed
//! collaborative space after it is trained follows Gantner et al. 2010, "Learning Attribute-to-Feature Mappings for
//! Cold-Start Recommendations"; weights by number of events and the choices below are ours:
//! the strength of regularisation is the one whose vectors agree best with those of products withheld, and the length
//! of the vectors is the one by which new products are shown about as often as others of their sort ([`exposure`]).

mod agreement;
mod exposure;
mod known;
mod ridge;

use std::ops::Range;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::progress::Progress;
use juntos_datasets::tables::Products;
use juntos_datasets::training::TrainingData;
use juntos_datasets::{Csr, Row};
use juntos_engine::content::{ContentModel, Encoder, FIELDS, Map};
use juntos_engine::vectors::dot;
use rayon::prelude::*;

use self::agreement::Agreement;
use self::known::Known;
use self::ridge::Ridge;
use super::Embeddings;
use crate::error::TrainError;

/// Length of each field's part of a row, in the order of [`juntos_engine::content::Field`]: what a field of length 1
/// explains with a weight of 1, one of length ½ explains with a weight of 2, which costs four times as much.
const FIELD_LENGTHS: [f32; FIELDS] = [1.0, 0.7, 0.7, 1.0, 0.7, 0.5, 0.3, 0.5];

/// Fewest products with events to learn from.
const LEAST_KNOWN: usize = 50;
/// Products that must have a feature for it to be learnt.
const LEAST_PRODUCTS: u32 = 2;
/// Most features that are learnt: bounds memory to about four tables of this many vectors.
const MOST_BUCKETS: usize = 1 << 16;
/// Most products that the strength of regularisation is chosen on: withheld ones, and those learnt from.
const MOST_WITHHELD: usize = 1_000;
const MOST_CHOSEN_ON: usize = 10_000;
/// Strengths of regularisation tried, from strong to weak: each start is the end of the one before.
const STRENGTHS: [f32; 7] = [100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1];
/// How exact solutions are to choose a strength by, and to be kept.
const ROUGHLY: f64 = 1e-2;
const EXACTLY: f64 = 2e-3;
/// How far agreement may fall below the best before weaker strengths are left out.
const CLEARLY_LESS: f64 = 0.02;
/// Agreement with withheld products below which records say too little to be worth keeping.
const LEAST_AGREEMENT: f64 = 0.05;
/// Share of withheld products whose vectors may be as long as they come; longer ones are cut.
const LONGEST_SHARE: f64 = 0.95;

/// What was learnt from records.
pub struct Content {
    /// Makes vectors from records; it goes into the bundle.
    pub model: ContentModel,
    /// Mean correlation over users of the scores that withheld products get from their records with those that they get
    /// from their events, -1 to 1.
    pub agreement: f64,
    /// Strength of regularisation chosen.
    pub strength: f32,
    /// Products learnt from.
    pub products: usize,
}

/// Learns to read records from the products of `data` with events, whose vectors are in `embeddings`.
///
/// None where there are too few such products or their records say nothing about who likes them. The same input gives
/// the same model for any number of threads. Memory: about 2 KB for each product learnt from (at most 100,000), and four
/// tables of 65,536 vectors.
///
/// # Errors
/// When the table of products cannot be read.
pub fn learn(
    dataset: &Dataset,
    data: &TrainingData,
    embeddings: &Embeddings,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Option<Content>, TrainError> {
    let known = Known::read(dataset, data, seed)?;
    let agreement = Agreement::of(embeddings);
    if known.len() < LEAST_KNOWN {
        return Ok(None);
    }
    let encoder = Encoder::learn(known.features(), LEAST_PRODUCTS, MOST_BUCKETS, FIELD_LENGTHS);
    let withheld = (known.len() / 5).min(MOST_WITHHELD);
    let chosen_on = withheld..known.len().min(withheld + MOST_CHOSEN_ON);
    let Some(choice) = choose(&known, &encoder, (embeddings, &data.interactions), &agreement, chosen_on) else {
        return Ok(None);
    };
    progress.note(&format!(
        "records of products: agreement {:.3} with {withheld} products withheld, strength {} of {:?}, {} features",
        choice.agreement,
        choice.strength,
        STRENGTHS,
        encoder.len()
    ));
    if choice.agreement < LEAST_AGREEMENT {
        return Ok(None);
    }
    let ridge = Ridge::new(&known, &encoder, embeddings, 0..known.len());
    let weights = ridge.solve(choice.strength, choice.weights, EXACTLY);
    let map = Map { mean: ridge.mean().to_vec(), weights, scale: choice.scale, longest: choice.longest };
    let model = ContentModel::new(encoder, map);
    Ok(Some(Content { model, agreement: choice.agreement, strength: choice.strength, products: known.len() }))
}

impl Content {
    /// Gives every product without an event the vector of its record, and returns how many got one. Products whose
    /// record says nothing keep what they have.
    ///
    /// # Errors
    /// When the table of products cannot be read.
    pub fn fill(
        &self,
        dataset: &Dataset,
        data: &TrainingData,
        embeddings: &mut Embeddings,
    ) -> Result<usize, TrainError> {
        let users = known::users_of_products(&data.interactions);
        let (dim, mut filled) = (embeddings.dim, 0);
        dataset.for_each::<Products>(|product| {
            let row = data.products.row(product.product_id).map(Row::index).filter(|&row| users[row] == 0);
            if let Some((row, vector)) = row.and_then(|row| Some((row, self.model.vector(product)?))) {
                embeddings.products[row * dim..(row + 1) * dim].copy_from_slice(&vector);
                filled += 1;
            }
            Ok(())
        })?;
        Ok(filled)
    }
}

/// The strength that agrees best with withheld products, and what came of it.
struct Choice {
    strength: f32,
    agreement: f64,
    weights: Vec<f32>,
    scale: f32,
    longest: f32,
}

/// The strength that agrees best, and how long its vectors should be. The products before `learnt` are withheld. None
/// where no two users are told apart by the vectors.
fn choose(
    known: &Known,
    encoder: &Encoder,
    (embeddings, interactions): (&Embeddings, &Csr),
    agreement: &Agreement,
    learnt: Range<usize>,
) -> Option<Choice> {
    let best = best_trial(known, encoder, embeddings, agreement, learnt)?;
    let pair = |(at, predicted): (usize, _)| (known.row(at), known.vector(at, embeddings), predicted);
    let pairs: Vec<_> = best.predicted.iter().map(Vec::as_slice).enumerate().map(pair).collect();
    let mut lengths: Vec<f32> = best.predicted.iter().map(|vector| length(vector)).collect();
    let scale = match exposure::scale(embeddings, interactions, &pairs) {
        Some(scale) => scale,
        None => quantile(&mut known.lengths_of_few(embeddings), 0.5) / quantile(&mut lengths, 0.5),
    };
    let longest = scale * quantile(&mut lengths, LONGEST_SHARE);
    let Trial { strength, agreement, weights, .. } = best;
    (scale > 0.0 && scale.is_finite()).then_some(Choice { strength, agreement, weights, scale, longest })
}

/// One strength, and the vectors that withheld products get with it.
struct Trial {
    strength: f32,
    agreement: f64,
    weights: Vec<f32>,
    predicted: Vec<Vec<f32>>,
}

/// Learns from `learnt` with each strength until agreement falls.
fn best_trial(
    known: &Known,
    encoder: &Encoder,
    embeddings: &Embeddings,
    measure: &Agreement,
    learnt: Range<usize>,
) -> Option<Trial> {
    let withheld = 0..learnt.start;
    let ridge = Ridge::new(known, encoder, embeddings, learnt);
    let rows: Vec<_> = withheld.clone().map(|at| encoder.encode(known.features_of(at))).collect();
    let truth: Vec<&[f32]> = withheld.map(|at| known.vector(at, embeddings)).collect();
    let confidence = &known.confidence()[..truth.len()];
    let mut best: Option<Trial> = None;
    let mut weights = vec![0.0; encoder.len() * embeddings.dim];
    for strength in STRENGTHS {
        weights = ridge.solve(strength, weights, ROUGHLY);
        let predicted: Vec<Vec<f32>> = rows.par_iter().map(|row| ridge.predict(row, &weights)).collect();
        let agreement = measure.mean(&predicted, &truth, confidence)?;
        let most = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.agreement);
        if agreement < most - CLEARLY_LESS {
            break;
        }
        if agreement > most {
            best = Some(Trial { strength, agreement, weights: weights.clone(), predicted });
        }
    }
    best
}

fn length(vector: &[f32]) -> f32 {
    dot(vector, vector).sqrt()
}

/// The value below which a share of `values` lies; 0 of none.
fn quantile(values: &mut [f32], share: f64) -> f32 {
    let at = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(at, f32::total_cmp).1 }
}

#[cfg(test)]
mod tests;
