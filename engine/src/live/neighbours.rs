//! A vector for a product that training has not seen: from its record where the bundle has learnt to read records, else
//! from those that share its category, brand and shop.

use crate::exchange::NO_RATES;
use crate::filter;
use crate::live::records::ProductRecord;
use crate::live::view::weighted_mean;
use crate::recommend::Snapshot;
use crate::request::{Filter, Market};
use juntos_datasets::ProductRow;

/// Most neighbours of one kind that are averaged: spread evenly over them.
const MOST_NEIGHBOURS: usize = 256;

/// What [`Bundle::content`](crate::Bundle::content) reads in the record; where there is nothing that it knows, the mean
/// of the mean vectors of the product's neighbours; zero where it has no neighbours.
pub(crate) fn vector_for(world: &Snapshot, record: &ProductRecord) -> Vec<f32> {
    let read = world.bundle().content().and_then(|content| content.vector(&record.row()));
    read.unwrap_or_else(|| neighbours_mean(world, record))
}

/// Mean of the mean vectors of the neighbours in the narrowest known category, of its brand and of its shop.
fn neighbours_mean(world: &Snapshot, record: &ProductRecord) -> Vec<f32> {
    let kinds = [category_mean(world, record.category.as_deref()), brand_mean(world, record), shop_mean(world, record)];
    let means = kinds.iter().flatten().map(|mean| (mean.as_slice(), 1.0));
    weighted_mean(world.bundle().dim(), means).unwrap_or_else(|| vec![0.0; world.bundle().dim()])
}

/// Mean over the category, or over the nearest more general one that has products.
fn category_mean(world: &Snapshot, category: Option<&str>) -> Option<Vec<f32>> {
    let mut path = category?;
    loop {
        let found = mean_of(world, Filter { categories: vec![path.to_owned()], ..Filter::default() });
        if found.is_some() {
            return found;
        }
        path = path.rsplit_once('/')?.0;
    }
}

fn brand_mean(world: &Snapshot, record: &ProductRecord) -> Option<Vec<f32>> {
    mean_of(world, Filter { brands: vec![record.brand.clone()?], ..Filter::default() })
}

fn shop_mean(world: &Snapshot, record: &ProductRecord) -> Option<Vec<f32>> {
    mean_of(world, Filter { seller_ids: vec![record.seller_id.clone()?], ..Filter::default() })
}

fn mean_of(world: &Snapshot, filter: Filter) -> Option<Vec<f32>> {
    let alike = filter::allowed(world.bundle(), &filter, &Market::default(), Some(u32::MAX), &NO_RATES);
    let rows: Vec<u32> = alike.rows().collect();
    let step = rows.len().div_ceil(MOST_NEIGHBOURS).max(1);
    let vectors = rows.iter().step_by(step).map(|&row| (world.bundle().product_vector(ProductRow(row)), 1.0));
    weighted_mean(world.bundle().dim(), vectors)
}
