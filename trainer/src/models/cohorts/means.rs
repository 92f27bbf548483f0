//! Mean vectors of cohorts, each leaning on the cohort around it.

use std::collections::BTreeMap;

use juntos_datasets::training::TrainingData;
use juntos_engine::cohorts::{Cohort, Home, LEAST_PEOPLE};

use super::People;
use crate::models::Embeddings;

/// Sum of the vectors of some people.
#[derive(Debug, Clone)]
struct Sum {
    vectors: Vec<f64>,
    /// Sum of the squared lengths.
    squares: f64,
    people: u32,
}

impl Sum {
    fn nothing(dim: usize) -> Self {
        Self { vectors: vec![0.0; dim], squares: 0.0, people: 0 }
    }

    fn add(&mut self, vector: &[f32]) {
        self.vectors.iter_mut().zip(vector).for_each(|(sum, &value)| *sum += f64::from(value));
        self.squares += vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
        self.people += 1;
    }

    fn mean(&self) -> Vec<f64> {
        self.vectors.iter().map(|sum| sum / f64::from(self.people)).collect()
    }

    /// Squared distances of the people from their mean.
    fn within(&self) -> f64 {
        let of_mean: f64 = self.vectors.iter().map(|sum| sum * sum).sum::<f64>() / f64::from(self.people);
        (self.squares - of_mean).max(0.0)
    }
}

/// What a cohort has in common: country, language, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Single,
    Both,
}

impl Kind {
    fn of(home: Home) -> Self {
        if home.cohorts().count() == 3 { Self::Both } else { Self::Single }
    }
}

/// Sums by cohort of the vectors of people with a history.
pub(crate) struct Means {
    everybody: Sum,
    cohorts: BTreeMap<Home, Sum>,
    /// People that the cohort around counts like, by kind; infinite where chance explains all that sets cohorts apart.
    leaning: BTreeMap<Kind, f64>,
}

impl Means {
    /// Those of everybody in `data` with a history and a home; none where no cohort is large enough.
    pub(crate) fn of(data: &TrainingData, people: &People, embeddings: &Embeddings) -> Option<Self> {
        let dim = embeddings.dim;
        let mut everybody = Sum::nothing(dim);
        let mut cohorts: BTreeMap<Home, Sum> = BTreeMap::new();
        for (user, vector) in embeddings.users.chunks_exact(dim).enumerate() {
            let home = people.homes[user];
            if home.is_unknown() || !people.personalise[user] || data.interactions.row(user).0.is_empty() {
                continue;
            }
            everybody.add(vector);
            home.cohorts().for_each(|of| cohorts.entry(of).or_insert_with(|| Sum::nothing(dim)).add(vector));
        }
        cohorts.retain(|_, sum| sum.people >= LEAST_PEOPLE);
        if cohorts.is_empty() {
            return None;
        }
        let mut means = Self { everybody, cohorts, leaning: BTreeMap::new() };
        for kind in [Kind::Single, Kind::Both] {
            let leaning = means.moments(kind);
            means.leaning.insert(kind, leaning);
        }
        Some(means)
    }

    /// The variance within cohorts of a kind over that between them and what is around them, by the method of moments.
    fn moments(&self, kind: Kind) -> f64 {
        let (mut n, mut squared, mut count, mut within, mut between) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (_, sum) in self.cohorts.iter().filter(|(home, _)| Kind::of(**home) == kind) {
            let people = f64::from(sum.people);
            (n, squared, count) = (n + people, squared + people * people, count + 1.0);
            within += sum.within();
        }
        for (&home, sum) in self.cohorts.iter().filter(|(home, _)| Kind::of(**home) == kind) {
            let around = self.wider(home).unwrap_or(&self.everybody).mean();
            let distance: f64 = sum.mean().iter().zip(&around).map(|(mean, around)| (mean - around).powi(2)).sum();
            between += f64::from(sum.people) * distance;
        }
        let spread = n - squared / n;
        let within = within / (n - count);
        let between = (between - (count - 1.0) * within) / spread;
        // A single cohort has nothing beside it to tell what sets cohorts apart.
        if between > 0.0 && spread > 0.0 { within / between } else { f64::INFINITY }
    }

    /// The cohort around one: of country and language that of the country.
    fn wider(&self, home: Home) -> Option<&Sum> {
        home.cohorts().filter(|&wider| wider != home).find_map(|wider| self.cohorts.get(&wider))
    }

    /// The vector of a cohort, and how many people it is of.
    fn vector(&self, home: Home) -> Option<(Vec<f32>, u32)> {
        let sum = self.cohorts.get(&home)?;
        let everybody = self.everybody.mean();
        let around = match self.wider(home) {
            Some(wider) => self.leant(wider, Kind::Single, everybody),
            None => everybody,
        };
        let leant = self.leant(sum, Kind::of(home), around);
        Some((leant.into_iter().map(|value| value as f32).collect(), sum.people))
    }

    fn leant(&self, sum: &Sum, kind: Kind, around: Vec<f64>) -> Vec<f64> {
        let (leaning, people) = (self.leaning[&kind], f64::from(sum.people));
        let own = if leaning.is_finite() { people / (people + leaning) } else { 0.0 };
        sum.mean().iter().zip(around).map(|(mean, around)| own * mean + (1.0 - own) * around).collect()
    }

    /// The vector of the narrowest cohort of somebody with this home.
    pub(crate) fn narrowest(&self, home: Home) -> Option<Vec<f32>> {
        home.cohorts().find_map(|cohort| self.vector(cohort)).map(|(vector, _)| vector)
    }

    /// All cohorts.
    pub(crate) fn cohorts(&self) -> Vec<Cohort> {
        let cohort = |&home: &Home| {
            let (vector, people) = self.vector(home)?;
            Some(Cohort { home, people, vector })
        };
        self.cohorts.keys().filter_map(cohort).collect()
    }
}
