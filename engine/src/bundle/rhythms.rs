//! How often and after how long products are bought again: learnt from purchases when a bundle is written, file
//! `rhythms.bin`.
//!
//! A *spell* is the time from one purchase of a product by one person to her next; spells that no purchase has ended by the
//! cut still run. The share that ends, and when, is the estimate of E. L. Kaplan & P. Meier (1958), whose level at the
//! end tells those who never come back (R. A. Maller & S. Zhou 1992, "Estimating the proportion of immunes in a censored
//! sample"): who bought a phone last month has not decided against another one. Spells are counted in bins of time, so that
//! a category takes the same memory whatever is sold in it. A product with few spells leans on its category, a category on
//! the more general one.

use std::path::Path;

use juntos_datasets::units::Timestamp;
use rayon::prelude::*;

use super::gather::ProductColumns;
use super::map::{Column, MappedFile};
use super::sections::SectionFile;
use super::shapes::NONE;
use crate::error::EngineError;
use crate::rhythm::Rhythm;

/// Name of the file.
pub(super) const RHYTHMS: &str = "rhythms.bin";

/// One purchase: product, user, milliseconds since 1970.
pub(super) type Purchase = (u32, u32, i64);

/// Rhythms by product and by category.
pub(super) struct Rhythms<Rows, Table> {
    /// Place in `table` by product row, [`NONE`] where nothing is known.
    product: Rows,
    /// The same by category row.
    category: Rows,
    table: Table,
}

/// Rhythms just learnt.
pub(super) type Learnt = Rhythms<Vec<u32>, Vec<Rhythm>>;
/// Rhythms of an open bundle.
pub(super) type Stored = Rhythms<Column<u32>, Column<Rhythm>>;

/// Ended spells that a product needs for a rhythm of its own, and a category for one of its own.
const FEWEST_ENDED: (u32, u32) = (5, 20);
/// Purchases closer than this, in days, are one purchase.
const SAME_PURCHASE_DAYS: f64 = 0.5;
/// Spells of the more general category that are believed beside a product's or category's own.
const BELIEVED: f32 = 10.0;
/// Nobody is surer than this to come back: habits end for reasons that no purchase tells.
const MOST_AGAIN: f32 = 0.95;
/// Least and greatest shape: rhythms are neither looser than chance nor sharper than a few days in a hundred.
const SHAPES: (f32, f32) = (1.2, 20.0);

impl Learnt {
    /// Rhythms from the purchases of those who allow it, in any order, until `cut`.
    pub(super) fn learn(mut purchases: Vec<Purchase>, cut: Option<Timestamp>, products: &ProductColumns) -> Self {
        purchases.par_sort_unstable();
        let cut_ms = cut.map_or(i64::MIN, Timestamp::millis);
        let by_product = || purchases.chunk_by(|one, next| one.0 == next.0);
        let mut in_category = vec![Spells::default(); products.category_parent.len()];
        for of_one in by_product() {
            let spells = Spells::of(of_one, cut_ms);
            path(products, of_one[0].0).for_each(|category| in_category[category].add(&spells));
        }
        let mut learnt = Self::of_categories(&in_category, products);
        for of_one in by_product() {
            let product = of_one[0].0 as usize;
            let spells = Spells::of(of_one, cut_ms);
            if spells.ended() >= FEWEST_ENDED.0 {
                let general = learnt.table.get(learnt.product[product] as usize).copied();
                learnt.product[product] = push(&mut learnt.table, spells.rhythm(general.as_ref()));
            }
        }
        learnt
    }

    /// Rhythms of categories, and for each product that of its most particular category that has one. Parents come before
    /// their children.
    fn of_categories(in_category: &[Spells], products: &ProductColumns) -> Self {
        let mut table = Vec::new();
        let mut category: Vec<u32> = Vec::with_capacity(in_category.len());
        for (spells, &parent) in in_category.iter().zip(&products.category_parent) {
            let general = category.get(parent as usize).copied().unwrap_or(NONE);
            let own = (spells.ended() >= FEWEST_ENDED.1).then(|| spells.rhythm(table.get(general as usize)));
            category.push(own.map_or(general, |rhythm| push(&mut table, rhythm)));
        }
        let of_product = |&row: &u32| category.get(row as usize).copied().unwrap_or(NONE);
        Self { product: products.category.iter().map(of_product).collect(), category, table }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), EngineError> {
        let mut file = SectionFile::default();
        file.add("product", &self.product);
        file.add("category", &self.category);
        file.add("rhythms", &self.table);
        file.write(path)
    }
}

impl Stored {
    pub(super) fn open(file: &MappedFile, products: usize, categories: usize) -> Result<Self, EngineError> {
        let table = file.column::<Rhythm>("rhythms")?;
        if let Some(at) = table.iter().position(|rhythm| !rhythm.is_sound()) {
            return file.refuse(format!("rhythm {at} is out of range"));
        }
        Ok(Self {
            product: file.rows_of("product", products, table.len(), Some(NONE))?,
            category: file.rows_of("category", categories, table.len(), Some(NONE))?,
            table,
        })
    }

    pub(super) fn of_product(&self, row: usize) -> Option<&Rhythm> {
        self.table.get(self.product[row] as usize)
    }

    pub(super) fn of_category(&self, row: usize) -> Option<&Rhythm> {
        self.table.get(self.category[row] as usize)
    }
}

fn push(table: &mut Vec<Rhythm>, rhythm: Rhythm) -> u32 {
    table.push(rhythm);
    (table.len() - 1) as u32
}

/// A product's categories, most particular first.
fn path(products: &ProductColumns, product: u32) -> impl Iterator<Item = usize> + '_ {
    let some = |row: u32| (row != NONE).then_some(row as usize);
    let first = some(products.category[product as usize]);
    std::iter::successors(first, move |&category| some(products.category_parent[category]))
}

/// Spells of one product or category: those after a person's first purchase, and those after later ones.
#[derive(Debug, Clone, Default)]
struct Spells {
    first: Durations,
    later: Durations,
}

impl Spells {
    /// Spells of one product, whose `purchases` are sorted by user and time.
    fn of(purchases: &[Purchase], cut_ms: i64) -> Self {
        let mut spells = Self::default();
        let days = |from: i64, to: i64| (to as f64 - from as f64) / Timestamp::DAY_MS as f64;
        for of_one in purchases.chunk_by(|one, next| one.1 == next.1) {
            let mut kind = &mut spells.first;
            for pair in of_one.windows(2) {
                let gap = days(pair[0].2, pair[1].2);
                if gap >= SAME_PURCHASE_DAYS {
                    kind.ended.count(gap);
                    kind = &mut spells.later;
                }
            }
            if let Some(last) = of_one.last() {
                kind.running.count(days(last.2, cut_ms));
            }
        }
        spells
    }

    fn add(&mut self, other: &Self) {
        self.first.add(&other.first);
        self.later.add(&other.later);
    }

    fn ended(&self) -> u32 {
        self.first.ended.total() + self.later.ended.total()
    }

    /// The rhythm of these spells, of which some ended, leaning on the more general one where there is one; without it the
    /// shares lean towards nobody's coming back.
    fn rhythm(&self, general: Option<&Rhythm>) -> Rhythm {
        let mut all = self.first.clone();
        all.add(&self.later);
        let ended = all.returned();
        let [fast, days, slow] = [0.25, 0.5, 0.75].map(|share| quantile(&ended, share));
        let shape = (9f64.ln() / (slow / fast).ln()) as f32;
        let (days, spread) = (days.ln() as f32, 1.0 / shape.clamp(SHAPES.0, SHAPES.1));
        let own = self.ended() as f32 / (self.ended() as f32 + BELIEVED);
        let lean = |own_value: f32, general: Option<f32>| general.map_or(own_value, |it| it + own * (own_value - it));
        Rhythm {
            days: lean(days, general.map(|it| it.days.ln())).exp(),
            shape: 1.0 / lean(spread, general.map(|it| 1.0 / it.shape)),
            again: self.first.share(general.map_or(0.0, |it| it.again)),
            habit: self.later.share(general.map_or(0.0, |it| it.habit)),
        }
    }
}

/// Ended and running spells by length.
#[derive(Debug, Clone, Default)]
struct Durations {
    ended: Histogram,
    running: Histogram,
}

impl Durations {
    fn add(&mut self, other: &Self) {
        self.ended.add(&other.ended);
        self.running.add(&other.running);
    }

    /// Share of spells that end, leaning on `general` as if it were [`BELIEVED`] spells more.
    fn share(&self, general: f32) -> f32 {
        let spells = (self.ended.total() + self.running.total()) as f32;
        let own = self.returned().last().copied().unwrap_or(0.0) as f32;
        ((spells * own + BELIEVED * general) / (spells + BELIEVED)).min(MOST_AGAIN)
    }

    /// Kaplan and Meier's estimate of the share of spells that have ended at the end of each bin. It stops where a
    /// twentieth is left to be watched, and hardly anybody of few: there one purchase would decide over all.
    fn returned(&self) -> Vec<f64> {
        let spells = self.ended.total() + self.running.total();
        let fewest = (spells / 20).max(spells.div_ceil(2).min(5));
        let (mut watched, mut running) = (spells, 1.0);
        let step = |bin: usize| {
            if watched >= fewest && watched > 0 {
                running *= 1.0 - f64::from(self.ended.0[bin]) / f64::from(watched);
            }
            watched -= self.ended.0[bin] + self.running.0[bin];
            1.0 - running
        };
        (0..BINS).map(step).collect()
    }
}

/// Days in the middle of the bin by which `share` of those spells have ended that end at all.
fn quantile(returned: &[f64], share: f64) -> f64 {
    let all = returned.last().copied().unwrap_or(0.0);
    middle(returned.partition_point(|&ended| ended < share * all).min(BINS - 1))
}

/// Number of bins of time.
const BINS: usize = 256;
/// Each bin ends this much later than it begins; the first begins at [`SAME_PURCHASE_DAYS`], the last with 30 years.
const STEP: f64 = 1.04;

/// Number of spells by length.
#[derive(Debug, Clone, PartialEq)]
struct Histogram(Box<[u32]>);

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0; BINS].into_boxed_slice())
    }
}

impl Histogram {
    fn count(&mut self, days: f64) {
        self.0[bin(days)] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, count)| *sum += count);
    }

    fn total(&self) -> u32 {
        self.0.iter().sum()
    }
}

fn bin(days: f64) -> usize {
    // Casting to an integer takes what is below the first bin to 0.
    (((days / SAME_PURCHASE_DAYS).ln() / STEP.ln()) as usize).min(BINS - 1)
}

fn middle(bin: usize) -> f64 {
    SAME_PURCHASE_DAYS * STEP.powf(bin as f64 + 0.5)
}

#[cfg(test)]
mod tests;
