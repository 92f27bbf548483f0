//! Vectors of several models side by side, and what comes nearest to them in fewer dimensions.

use juntos_datasets::progress::Progress;

use super::distil::{distil, lists};
use super::narrow::narrow;
use super::neighbours::of_neighbours;
use super::purchases::of_friends;
use super::told::{Told, of_had};
use super::widen::widened;
use crate::config::EnsembleConfig;
use crate::error::TrainError;
use crate::models::als::blocks;
use crate::models::complete::{Others, complete};
use crate::models::losses::dot;
use crate::models::{Embeddings, FitData};

/// Times that distillation solves for both sides, from vectors that are near.
const SWEEPS: usize = 1;
/// The same where something is told of which these know nothing.
const SWEEPS_WITH_TOLD: usize = 2;
/// The same from vectors that chance has a part in.
const SWEEPS_FROM_CHANCE: usize = 3;

/// Tables of vectors, row-major, of one number of dimensions: of rows (users, then groups) and of products.
#[derive(Clone)]
pub(super) struct Tables {
    pub(super) rows: Vec<f32>,
    pub(super) products: Vec<f32>,
    pub(super) dim: usize,
}

impl Tables {
    /// The inner product of a row's vector and a product's.
    pub(super) fn score(&self, row: usize, product: usize) -> f32 {
        let cells = |at: usize| at * self.dim..(at + 1) * self.dim;
        dot(&self.rows[cells(row)], &self.products[cells(product)])
    }
}

/// Vectors whose inner product is `Σ weight · score / spread` over `parts`, where `spread` is the standard deviation of a
/// part's scores, or, where that takes more than `dim` dimensions, vectors of `dim` dimensions that come near. They come
/// near, in `dim` dimensions, to the same and what neighbours say, friends bought and each row had, where `settings` give that a weight
/// beside the spread of what `dim` dimensions hold of the parts.
///
/// # Errors
/// When vectors are not finite.
pub(crate) fn unite(
    data: &FitData<'_>,
    parts: &[(f32, &Embeddings)],
    settings: &EnsembleConfig,
    dim: usize,
    progress: &dyn Progress,
) -> Result<Embeddings, TrainError> {
    let wide = in_use(side_by_side(parts));
    let narrowed = (wide.dim > dim).then(|| narrow(data, &wide, dim)).transpose()?;
    let held = narrowed.as_ref().unwrap_or(&wide);
    let spread = spread(&held.rows, &held.products, held.dim);
    let told = told(data, settings, spread);
    let start = match (narrowed, &told) {
        (None, None) => None,
        (Some(narrowed), None) => Some((narrowed, SWEEPS)),
        (None, Some(told)) if wide.dim < dim => Some((widened(&wide, told, dim, data.seed), SWEEPS_FROM_CHANCE)),
        (narrowed, Some(_)) => Some((narrowed.unwrap_or_else(|| wide.clone()), SWEEPS_WITH_TOLD)),
    };
    let united = match start {
        Some(start) => {
            let ranking = heaviest(parts);
            let ranking = Tables { rows: rows(spread, ranking), products: ranking.products.clone(), dim: ranking.dim };
            let lists = lists(data, &ranking, &wide, told.as_ref());
            distil(&lists, &wide, told.as_ref(), start)
        }
        None => wide,
    };
    let Tables { rows, products, dim } = united;
    let data = FitData { dim, ..*data };
    // Friends and members are in the parts already.
    let others = Others { friend_weight: 0.0, group_members_weight: 0.0 };
    let mut embeddings = complete(&data, (rows, products), others, ("ensemble", progress));
    embeddings.fold.friend_weight = parts.iter().map(|(_, part)| part.fold.friend_weight).fold(0.0, f32::max);
    Ok(embeddings)
}

/// What counts beside vectors, whose scores have this `spread`.
fn told(data: &FitData<'_>, settings: &EnsembleConfig, spread: f32) -> Option<Told> {
    let mut terms = Vec::new();
    if settings.neighbours > 0.0 {
        terms.push((of_neighbours(data.interactions, settings.nearest), settings.neighbours * spread));
    }
    if let Some(shown) = data.shown.filter(|shown| settings.friends > 0.0 && !shown.ties.is_empty()) {
        terms.push((of_friends(shown, data.interactions.rows()), settings.friends * spread));
    }
    if settings.had != 0.0 {
        terms.push((of_had(data.interactions), settings.had * spread));
    }
    Told::by(terms)
}

/// The part of the greatest weight, the first of several.
fn heaviest<'a>(parts: &[(f32, &'a Embeddings)]) -> &'a Embeddings {
    let heavier =
        |one: (f32, &'a Embeddings), other: &(f32, &'a Embeddings)| if other.0 > one.0 { *other } else { one };
    parts.iter().fold(parts[0], heavier).1
}

fn side_by_side(parts: &[(f32, &Embeddings)]) -> Tables {
    let rows: Vec<Vec<f32>> = parts.iter().map(|(weight, part)| rows(*weight, part)).collect();
    let rows: Vec<(&[f32], usize)> = rows.iter().zip(parts).map(|(rows, (_, part))| (&rows[..], part.dim)).collect();
    let products: Vec<(&[f32], usize)> = parts.iter().map(|(_, part)| (&part.products[..], part.dim)).collect();
    let dim = parts.iter().map(|(_, part)| part.dim).sum();
    Tables { rows: joined(&rows), products: joined(&products), dim }
}

/// The same without dimensions that no score depends on, as `popularity` has all but one: in hundreds of them directions are not
/// found.
fn in_use(wide: Tables) -> Tables {
    let any = |table: &[f32]| {
        let mut any = vec![false; wide.dim];
        table
            .chunks_exact(wide.dim)
            .for_each(|row| any.iter_mut().zip(row).for_each(|(any, &cell)| *any |= cell != 0.0));
        any
    };
    let (of_rows, of_products) = (any(&wide.rows), any(&wide.products));
    let used: Vec<usize> = (0..wide.dim).filter(|&at| of_rows[at] && of_products[at]).collect();
    if used.is_empty() || used.len() == wide.dim {
        return wide;
    }
    let kept = |table: &[f32]| -> Vec<f32> {
        table.chunks_exact(wide.dim).flat_map(|row| used.iter().map(|&at| row[at])).collect()
    };
    Tables { rows: kept(&wide.rows), products: kept(&wide.products), dim: used.len() }
}

/// Vectors of users and then groups, such that scores have a standard deviation of `weight`.
fn rows(weight: f32, part: &Embeddings) -> Vec<f32> {
    let mut rows = [&part.users[..], &part.groups].concat();
    let scale = weight / spread(&rows, &part.products, part.dim);
    rows.iter_mut().for_each(|cell| *cell *= scale);
    rows
}

/// Tables with as many rows, and the dimensions of each, side by side.
pub(super) fn joined(tables: &[(&[f32], usize)]) -> Vec<f32> {
    let (first, dim) = tables[0];
    let mut all = Vec::with_capacity(tables.iter().map(|(table, _)| table.len()).sum());
    for at in 0..first.len() / dim {
        tables.iter().for_each(|&(table, dim)| all.extend_from_slice(&table[at * dim..(at + 1) * dim]));
    }
    all
}

/// Standard deviation of the scores of all rows for all products; 1 where all are the same.
fn spread(rows: &[f32], products: &[f32], dim: usize) -> f32 {
    let (of_rows, of_products) = (blocks::gram(rows, dim), blocks::gram(products, dim));
    let cells = (rows.len() / dim) as f64 * (products.len() / dim) as f64;
    let at = |at: usize| (at / dim, at % dim);
    let square: f64 = (0..dim * dim).map(|cell| of_rows[at(cell)] * of_products[at(cell)]).sum::<f64>() / cells;
    let mean: f64 = sums(rows, dim).iter().zip(sums(products, dim)).map(|(a, b)| a * b).sum::<f64>() / cells;
    let deviation = (square - mean * mean).max(0.0).sqrt();
    if deviation > 0.0 { deviation as f32 } else { 1.0 }
}

/// The sum of all rows of `tall`.
fn sums(tall: &[f32], dim: usize) -> Vec<f64> {
    let mut sums = vec![0.0; dim];
    tall.chunks_exact(dim).for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, &cell)| *sum += f64::from(cell)));
    sums
}
