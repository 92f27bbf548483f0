//! What people of one country and language like on average: what stands for somebody of whom little else is known.
//!
//! Training finds the vectors, and how far they are to be believed beside friends and events, on newcomers whose history
//! it hides (`juntos-trainer`, `models::cohorts`). A vector is the mean of at least [`LEAST_PEOPLE`] people, so it tells
//! nothing about any one of them. The rules by which vectors of newcomers are made of it are here, so that training judges
//! what serving does.

mod file;
mod newcomer;
#[cfg(test)]
mod tests;

use bytemuck::{Pod, Zeroable};
use juntos_datasets::units::{Country, Language};

pub use file::COHORTS_FILE;
pub use newcomer::{Believed, FriendsMean, Newcomer};

use crate::index::Array;

/// Fewest people that a cohort's vector may be the mean of.
pub const LEAST_PEOPLE: u32 = 20;

/// Where somebody lives and what she reads, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct Home {
    country: [u8; 2],
    language: [u8; 2],
}

impl Home {
    /// The home of somebody who says this of herself.
    pub fn new(country: Option<Country>, language: Option<Language>) -> Self {
        Self { country: country.map_or([0; 2], Country::bytes), language: language.map_or([0; 2], Language::bytes) }
    }

    /// Whether neither is known.
    pub fn is_unknown(self) -> bool {
        self == Self::default()
    }

    /// The same home with nothing known of the language.
    pub fn country_only(self) -> Self {
        Self { language: [0; 2], ..self }
    }

    /// The cohorts that she belongs to, the narrowest first: country and language, country, language.
    pub fn cohorts(self) -> impl Iterator<Item = Self> {
        let country = self.country_only();
        let language = Self { country: [0; 2], ..self };
        let both = (self != country && self != language).then_some(self);
        let single = [country, language].into_iter().filter(|cohort| !cohort.is_unknown());
        both.into_iter().chain(single)
    }
}

/// People who have a country, a language or both in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// What they have in common.
    pub home: Home,
    /// How many of them the vector is the mean of; at least [`LEAST_PEOPLE`].
    pub people: u32,
    /// Their mean vector, leaning on that of the cohort around it.
    pub vector: Vec<f32>,
}

/// Cohorts with their vectors.
pub struct Cohorts {
    /// Ascending, none unknown.
    homes: Array<Home>,
    people: Array<u32>,
    /// `(cohorts, dim)` row-major.
    vectors: Array<f32>,
    dim: usize,
    believed: Believed,
}

impl Cohorts {
    /// These cohorts, in any order.
    ///
    /// # Panics
    /// If a vector has not `dim` numbers, a cohort has fewer than [`LEAST_PEOPLE`] people or no home, or two are the same.
    pub fn new(dim: usize, believed: Believed, mut cohorts: Vec<Cohort>) -> Self {
        cohorts.sort_by_key(|cohort| cohort.home);
        assert!(cohorts.is_sorted_by(|a, b| a.home < b.home), "a cohort twice");
        for cohort in &cohorts {
            assert!(!cohort.home.is_unknown() && cohort.people >= LEAST_PEOPLE, "{:?} is no cohort", cohort.home);
            assert_eq!(cohort.vector.len(), dim, "dimensions of the vector of {:?}", cohort.home);
        }
        Self {
            homes: cohorts.iter().map(|cohort| cohort.home).collect::<Vec<_>>().into(),
            people: cohorts.iter().map(|cohort| cohort.people).collect::<Vec<_>>().into(),
            vectors: cohorts.into_iter().flat_map(|cohort| cohort.vector).collect::<Vec<_>>().into(),
            dim,
            believed,
        }
    }

    /// Number of cohorts.
    pub fn len(&self) -> usize {
        self.homes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.homes.is_empty()
    }

    /// How far cohorts are believed.
    pub fn believed(&self) -> Believed {
        self.believed
    }

    /// The narrowest cohort of somebody with this home, if any is large enough.
    pub fn newcomer(&self, home: Home) -> Option<Newcomer<'_>> {
        let place = home.cohorts().find_map(|cohort| self.homes.binary_search(&cohort).ok())?;
        let vector = &self.vectors[place * self.dim..(place + 1) * self.dim];
        Some(Newcomer { vector, believed: self.believed })
    }
}
