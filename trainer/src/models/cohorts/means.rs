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

    /// Mean and number of the people without one of them.
    fn without(&self, left_out: Option<&[f32]>) -> (Vec<f64>, u32) {
        let Some(left_out) = left_out else { return (self.mean(), self.people) };
        let people = self.people - 1;
        let rest = self.vectors.iter().zip(left_out).map(|(sum, &value)| (sum - f64::from(value)) / f64::from(people));
        (rest.collect(), people)
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
pub(super) struct Means {
    dim: usize,
    everybody: Sum,
    cohorts: BTreeMap<Home, Sum>,
    /// People that the cohort around counts like, by kind; infinite where chance explains all that sets cohorts apart.
    leaning: BTreeMap<Kind, f64>,
}

impl Means {
    /// Those of everybody in `data` with a history and a home; none where no cohort is large enough.
    pub(super) fn of(data: &TrainingData, people: &People, embeddings: &Embeddings) -> Option<Self> {
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
        let mut means = Self { dim, everybody, cohorts, leaning: BTreeMap::new() };
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
            let around = self.around(home).mean();
            let distance: f64 = sum.mean().iter().zip(&around).map(|(mean, around)| (mean - around).powi(2)).sum();
            between += f64::from(sum.people) * distance;
        }
        let spread = n - squared / n;
        let within = within / (n - count);
        let between = (between - (count - 1.0) * within) / spread;
        // A single cohort has nothing beside it to tell what sets cohorts apart.
        if between > 0.0 && spread > 0.0 { within / between } else { f64::INFINITY }
    }

    /// The people around a cohort: of country and language those of the country, else everybody.
    fn around(&self, home: Home) -> &Sum {
        let wider = home.cohorts().filter(|&wider| wider != home).find_map(|wider| self.cohorts.get(&wider));
        wider.unwrap_or(&self.everybody)
    }

    /// The vector of a cohort, without the part of one of its people, and how many are left; none where too few are.
    fn vector(&self, home: Home, left_out: Option<&[f32]>) -> Option<(Vec<f32>, u32)> {
        let (mean, people) = self.cohorts.get(&home)?.without(left_out);
        if people < LEAST_PEOPLE {
            return None;
        }
        let wider = home.cohorts().filter(|&wider| wider != home).find(|wider| self.cohorts.contains_key(wider));
        let around = match wider {
            Some(wider) => self.leant(self.cohorts[&wider].without(left_out), Kind::Single, self.everybody(left_out)),
            None => self.everybody(left_out),
        };
        let leant = self.leant((mean, people), Kind::of(home), around);
        Some((leant.into_iter().map(|value| value as f32).collect(), people))
    }

    fn everybody(&self, left_out: Option<&[f32]>) -> Vec<f64> {
        self.everybody.without(left_out).0
    }

    fn leant(&self, (mean, people): (Vec<f64>, u32), kind: Kind, around: Vec<f64>) -> Vec<f64> {
        let leaning = self.leaning[&kind];
        let own = if leaning.is_finite() { f64::from(people) / (f64::from(people) + leaning) } else { 0.0 };
        mean.iter().zip(around).map(|(mean, around)| own * mean + (1.0 - own) * around).collect()
    }

    /// The vector of the narrowest cohort of somebody with this home, who is left out of it; her own vector is `hers`.
    pub(super) fn of_others(&self, home: Home, hers: &[f32]) -> Option<Vec<f32>> {
        home.cohorts().find_map(|cohort| self.vector(cohort, Some(hers))).map(|(vector, _)| vector)
    }

    /// All cohorts.
    pub(super) fn cohorts(&self) -> Vec<Cohort> {
        let cohort = |&home: &Home| {
            let (vector, people) = self.vector(home, None)?;
            Some(Cohort { home, people, vector })
        };
        self.cohorts.keys().filter_map(cohort).collect()
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }
}
